//! Staying until the others have what was sent.

use core::time::Duration;
use std::collections::{BTreeMap, HashSet};
use std::time::Instant;

use groupcast::{Event, MemberId, PeerStatus, SequenceRange};

use super::Session;
use super::leaving::Queue;
use crate::output::receipt::Receipt;
use crate::process::failure::Failure;
use crate::process::signal;

/// How long those who are there may take to say so, when nobody is expected: most do.
const GREETING: Duration = Duration::from_millis(300);

/// How long after joining everybody has said so, in groups that are not large.
const ACQUAINTED: Duration = Duration::from_millis(700);

/// In large groups they take turns: while somebody said so within this time, others may follow.
const FOLLOWED: Duration = Duration::from_millis(250);

/// How long to stay for those who are there, when nobody is expected: whoever has fallen silent may be gone, and is
/// given less.
pub(crate) const LINGER: Duration = Duration::from_secs(4);
const LINGER_FOR_SILENT: Duration = Duration::from_secs(2);

/// How often to ask anew who has it.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// What is known of what was sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Known {
    /// Those who are expected have all of it; or, if nobody is, all who are there.
    Arrived,
    /// Nobody promised anything.
    Nothing,
}

/// Who has everything that was sent.
#[derive(Debug)]
pub(crate) struct Delivery {
    joined: Instant,
    expected: Option<Expected>,
    /// When a member joined last, as far as this one knows.
    newest: Instant,
    /// Who has it, and by what name.
    has: BTreeMap<MemberId, String>,
    /// Who said good-bye.
    left: HashSet<MemberId>,
    /// Who fell silent, and may come back.
    lost: HashSet<MemberId>,
    /// Who fell silent since all was said; `None`: there is more to say.
    silent: Option<BTreeMap<MemberId, String>>,
}

/// Who must have it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expected {
    pub(crate) members: usize,
    /// How long they may take.
    pub(crate) timeout: Duration,
    /// Whether who comes later gets it, too.
    pub(crate) is_for_newcomers: bool,
}

impl Delivery {
    /// Of a member that has just joined.
    pub(crate) fn new(expected: Option<Expected>) -> Self {
        let now = Instant::now();
        Self {
            joined: now,
            expected,
            newest: now,
            has: BTreeMap::new(),
            left: HashSet::new(),
            lost: HashSet::new(),
            silent: None,
        }
    }

    /// Waits until those who are expected are there, or else for a moment, since nobody is known yet.
    pub(crate) fn meet(&mut self, session: &mut Session) -> Result<(), Failure> {
        let limit = self.expected.map_or(GREETING, |it| it.timeout);
        let end = self.joined.checked_add(limit);
        loop {
            let left = left(end);
            let members = session.member.peers();
            let there = members.filter(|m| m.takes_reliable()).count();
            match self.expected {
                Some(it) if there >= it.members => return Ok(()),
                Some(it) if left.is_zero() || signal::end_requested() => {
                    let when = if left.is_zero() {
                        format!("within {} s", it.timeout.as_secs_f64())
                    } else {
                        "when it was ended".to_owned()
                    };
                    return Err(Failure::Unmet(format!(
                        "{there} of {} members were there {when}, so nothing was sent; `groupcast members` \
                         shows who is",
                        it.members
                    )));
                }
                _ if left.is_zero() || signal::end_requested() => return Ok(()),
                _ => session.attend(left.min(signal::LOOK), |event| self.note(event))?,
            }
        }
    }

    /// Remembers who has it, and who has gone.
    pub(crate) fn note(&mut self, event: &Event<'_>) {
        match event {
            Event::Confirmed(member) => {
                self.has.insert(member.id(), member.name().to_owned());
            }
            Event::Joined(member) | Event::Recovered(member) => {
                self.newest = Instant::now();
                self.left.remove(&member.id());
                self.lost.remove(&member.id());
                if let Some(silent) = &mut self.silent {
                    silent.remove(&member.id());
                }
            }
            Event::Left(member) => {
                self.left.insert(member.id());
            }
            Event::Lost(member) => {
                self.lost.insert(member.id());
                if let Some(silent) = &mut self.silent {
                    silent.insert(member.id(), member.name().to_owned());
                }
            }
            _ => {}
        }
    }

    /// Stays until the messages with the sequence numbers from `first` to `last` have been sent, and have
    /// arrived at those who are expected, or else at everybody who is there, within limits.
    /// `leave_by`: until when they may be sent.
    pub(crate) fn settle(
        &mut self,
        session: &mut Session,
        messages: SequenceRange,
        leave_by: Option<Instant>,
        mut happened: impl FnMut(&Event<'_>),
    ) -> Result<Known, Failure> {
        let mut limit = self.expected.map_or(LINGER, |it| it.timeout);
        // Whoever has ended the saying with Ctrl-C still wants to know who has it.
        let is_ended = signal::end_requested();
        if is_ended {
            limit = limit.min(LINGER);
        }
        self.silent.get_or_insert_default();
        let mut queue = Queue::new();
        // Since when all is sent.
        let mut sent: Option<Instant> = None;
        let mut ask_at = Instant::now();
        loop {
            if sent.is_some() && Instant::now() >= ask_at {
                session.member.confirm(messages);
                ask_at = Instant::now() + ASK_AGAIN;
            }
            session.keep_up(|event| {
                self.note(event);
                happened(event);
            });
            if signal::end_requested() && !is_ended {
                return self.ended("when it was ended", false);
            }
            let now = Instant::now();
            let Some(since) = sent else {
                let unsent = session.member.unsent();
                queue.look(unsent, session.member.counters().datagrams_sent);
                if is_ended && queue.is_long(unsent) {
                    return self.ended("when it was ended", false);
                }
                if unsent == 0 {
                    sent = Some(now);
                    continue;
                }
                if queue.is_stuck() || left(leave_by).is_zero() {
                    return self.ended("when time was up for sending", false);
                }
                session.member.wait(signal::LOOK)?;
                continue;
            };
            if self.is_done(session, now, now.duration_since(since)) {
                return Ok(self.known(session));
            }
            self.check_possible(session)?;
            if now.duration_since(since) >= limit {
                return self.ended(&format!("after {} s", limit.as_secs_f64()), true);
            }
            let left = limit.saturating_sub(now.duration_since(since));
            let pause = left.min(ask_at.saturating_duration_since(now));
            session.member.wait(pause.min(signal::LOOK))?;
        }
    }

    /// `waited`: since all is sent.
    fn is_done(&self, session: &Session, now: Instant, waited: Duration) -> bool {
        match self.expected {
            Some(it) => self.has.len() >= it.members,
            None => {
                now >= (self.joined + ACQUAINTED).max(self.newest + FOLLOWED)
                    && session.member.peers().all(|m| {
                        self.has.contains_key(&m.id())
                            || !m.takes_reliable()
                            || session.member.lacks(m.id())
                            || (m.status() == PeerStatus::Suspect && waited >= LINGER_FOR_SILENT)
                    })
            }
        }
    }

    /// What became of it, as far as it is known now.
    pub(crate) fn receipt(&self, session: &Session) -> Receipt {
        // A name may have come after the word that all is there.
        let members = session.member.peers();
        let names: BTreeMap<_, _> = members.map(|m| (m.id(), m.name())).collect();
        let called = |(id, name): (&MemberId, &String)| {
            let latest = names.get(id).filter(|name| !name.is_empty());
            (*id, latest.map_or(&**name, |name| *name).to_owned())
        };
        let mut receipt = Receipt {
            has: self.has.iter().map(called).collect(),
            ..Receipt::default()
        };
        let others = session
            .member
            .peers()
            .filter(|m| !self.has.contains_key(&m.id()));
        for member in others {
            let who = (member.id(), member.name().to_owned());
            if !member.takes_reliable() {
                receipt.takes_none.push(who);
            } else if session.member.lacks(member.id()) {
                receipt.lacks.push(who);
            } else {
                receipt.open.push(who);
            }
        }
        let silent = self.silent.iter().flatten();
        let silent = silent.filter(|(id, _)| !self.has.contains_key(id));
        receipt
            .open
            .extend(silent.map(|(id, name)| (*id, name.clone())));
        receipt
    }

    fn known(&self, session: &Session) -> Known {
        let lacks = |session: &Session| {
            let mut members = session.member.peers();
            members.any(|m| session.member.lacks(m.id()))
        };
        if self.has.is_empty() || (self.expected.is_none() && lacks(session)) {
            Known::Nothing
        } else {
            Known::Arrived
        }
    }

    /// Whether those who are expected can still have it: who said good-bye, and who says that it lost some
    /// for ever, never will.
    fn check_possible(&self, session: &Session) -> Result<(), Failure> {
        let Some(it) = self.expected.filter(|it| !it.is_for_newcomers) else {
            return Ok(());
        };
        let waiting = |id: MemberId| !self.has.contains_key(&id);
        let takers = session.member.peers().filter(|m| m.takes_reliable());
        let there: HashSet<_> = takers.map(|m| m.id()).collect();
        let lacks = there.iter().filter(|id| session.member.lacks(**id));
        let lacking = lacks.filter(|id| waiting(**id)).count();
        let silent = self.lost.difference(&there).filter(|id| waiting(**id));
        let may = there.iter().filter(|id| waiting(**id)).count() - lacking + silent.count();
        if self.has.len() + may >= it.members {
            return Ok(());
        }
        let gone = self
            .left
            .difference(&there)
            .filter(|id| waiting(**id))
            .count();
        let mut why = format!(
            "{} of {} members have all of it, and no other can",
            self.has.len(),
            it.members
        );
        if lacking > 0 {
            why += &format!(
                ": {lacking} came too late or lost some of it for ever; a slower --pace or --rate, or a larger \
                 --storage keeps what is lost until it is repaired"
            );
        }
        if gone > 0 {
            let joint = if lacking > 0 { "; and" } else { ":" };
            why +=
                &format!("{joint} {gone} left before; those who receive have to stay until then");
        }
        Err(Failure::Unmet(why))
    }

    /// It was not waited for any longer. `timed_out`: since they took so long.
    fn ended(&self, when: &str, timed_out: bool) -> Result<Known, Failure> {
        let Some(it) = self.expected else {
            return Ok(Known::Nothing);
        };
        if self.has.len() >= it.members {
            return Ok(Known::Arrived);
        }
        let silent = self
            .lost
            .iter()
            .filter(|id| !self.has.contains_key(id))
            .count();
        let advice = if silent > 0 {
            format!(
                "; {silent} are not heard any more: `groupcast doctor` finds out what is wrong here"
            )
        } else if !timed_out {
            String::new()
        } else {
            "; a longer --timeout gives them more time to ask for what they miss".to_owned()
        };
        Err(Failure::Unmet(format!(
            "{} of {} members have all of it {when}{advice}",
            self.has.len(),
            it.members,
        )))
    }
}

/// How much time is left until `end`; `None` is never.
fn left(end: Option<Instant>) -> Duration {
    end.map_or(Duration::MAX, |end| {
        end.saturating_duration_since(Instant::now())
    })
}
