//! One line of the roster: what is known of another member.

mod hearing;
mod silence;

use core::net::SocketAddr;

use super::ration::Credit;
use super::trip::Way;
use super::window::{Verdict, Window};
#[cfg(feature = "seal")]
use crate::ident::GroupTag;
use crate::ident::Session;
use crate::peer::{Peer, PeerStatus};
use crate::time::{Ageing, Span, Tick};
use crate::wire::{Header, Hello, MAX_MAX_DATAGRAM, MIN_MAX_DATAGRAM};

/// How long after a restart datagrams of the session before are taken for late ones.
pub(crate) const LATE: Span = Span::from_secs(1);

/// A HELLO interval for members that have not stated theirs, in units of 10 ms.
const UNSTATED_INTERVAL: u16 = 100;

/// How long a datagram may be on its way in a sealed group, if its sender is heard meanwhile.
#[cfg(feature = "seal")]
pub(crate) const AGED: Span = Span::from_secs(10);

/// How often a duplicate id is reported per member at most.
const REPORT_DUPLICATE: Span = Span::from_secs(60);

/// How often a member's PROBE is answered at most.
const ANSWER_PROBE: Span = Span::from_millis(100);

pub(crate) use super::terms::{Answer, Change, Limits, Owed, Position};

/// The session before the present one.
#[derive(Clone, Copy, Debug)]
struct Previous {
    session: Session,
    /// The highest datagram counter heard of it.
    highest: u64,
    ended: Tick,
    /// Where this receiver was in its stream.
    position: Option<Position>,
}

/// What is known of another member.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) peer: Peer,
    /// Which datagrams to the group were heard.
    window: Window,
    /// The highest number of a datagram to this member alone that was heard: a lower one comes too late. These
    /// come by another queue, which may be read before or after the group's.
    to_one: u64,
    /// When it was heard, and for one that left: when it said so.
    heard: Tick,
    /// The HELLO interval it states, and what is believed of it, in units of 10 ms.
    stated_interval: u16,
    interval: u16,
    /// The size of the group that it states, as in HELLO.
    group_size: u8,
    /// How many datagrams it takes at once.
    burst: u8,
    /// Its clock, and when that was heard, if it was not sent back yet.
    stamp: u32,
    stamped: Option<Tick>,
    /// The usual round trip to it.
    pub(crate) way: Way,
    /// Whether it has what is to be confirmed of this member's own stream.
    pub(crate) answer: Answer,
    /// How far it is in this member's own stream, and whether that waits for it.
    reach: u32,
    is_waited_for: bool,
    /// Where this receiver is in its stream, while no stream is kept for it.
    pub(crate) position: Option<Position>,
    /// Before which number everything has been sent, as far as SYNC told, and without a stream DATA, too; and how
    /// many more belong to the message in the middle of which that is.
    pub(crate) told: u32,
    pub(crate) rest: u8,
    /// The number of this member's own stream since which it is counted in.
    pub(crate) counted_from: u32,
    /// Where following its stream began, and how often it was asked since when it counts this member in: 0 if
    /// that is known.
    pub(crate) begun: u32,
    pub(crate) start_asked: u8,
    /// In a member without streams: when to ask for its values.
    pub(crate) values_at: Option<Tick>,
    previous: Option<Previous>,
    /// The tag of the key that its session is sealed with: no other key may speak for it.
    #[cfg(feature = "seal")]
    tag: GroupTag,
    /// What it sent back when its session was believed.
    #[cfg(feature = "seal")]
    believed_with: u64,
    /// The highest datagram counter heard some seconds ago, and when that was.
    #[cfg(feature = "seal")]
    aged: u64,
    #[cfg(feature = "seal")]
    aged_at: Tick,
    duplicate_reported: Option<Tick>,
    answered: Option<Tick>,
    /// For how many [steps](Ageing) it has been gone.
    gone: u8,
    pub(crate) credit: Credit,
    pub(crate) probes: u8,
    pub(crate) owed: Option<Owed>,
    pub(crate) pending: Option<Change>,
}

/// What a datagram's header means for the sender it names.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Heard {
    /// It is to be taken.
    Fresh,
    /// It is to be taken, and its sender was not on the roster.
    New,
    /// It is to be taken, and begins another life than the one before.
    Restarted,
    /// It is to be taken, and begins another session of the same life.
    Continued,
    /// It has been seen.
    Duplicate,
    /// It is of a session that has ended, or too old to tell.
    Stale,
}

impl Entry {
    /// A sender heard for the first time.
    pub(crate) fn new(now: Tick, from: SocketAddr, header: &Header) -> Self {
        Self {
            peer: Peer {
                id: header.sender,
                session: header.session,
                name: crate::ident::Name::EMPTY,
                address: from,
                status: PeerStatus::Unknown,
                takes_reliable: true,
                is_bridge: false,
                max_datagram: Limits::NONE.datagram,
                max_message: Limits::NONE.message,
            },
            window: Self::window_of(header),
            to_one: Self::to_one_of(header),
            heard: now,
            stated_interval: UNSTATED_INTERVAL,
            interval: UNSTATED_INTERVAL,
            group_size: 0,
            burst: Limits::NONE.burst,
            stamp: 0,
            stamped: None,
            way: Way::UNKNOWN,
            answer: Answer::Open,
            reach: 0,
            is_waited_for: false,
            position: None,
            told: 0,
            rest: 0,
            counted_from: 0,
            begun: 0,
            start_asked: 0,
            values_at: None,
            previous: None,
            #[cfg(feature = "seal")]
            tag: header.tag,
            #[cfg(feature = "seal")]
            believed_with: 0,
            #[cfg(feature = "seal")]
            aged: 0,
            #[cfg(feature = "seal")]
            aged_at: Tick::LONG_AGO,
            duplicate_reported: None,
            answered: None,
            gone: 0,
            credit: Credit::new(now),
            probes: 0,
            owed: None,
            pending: None,
        }
    }

    /// Whether it counts as a member now.
    pub(crate) const fn is_member(&self) -> bool {
        matches!(self.peer.status, PeerStatus::Present | PeerStatus::Suspect)
    }

    /// Whether it is a member that takes this member's reliable stream.
    pub(crate) const fn is_taker(&self) -> bool {
        self.is_member() && self.peer.takes_reliable
    }

    /// Whether it is answered as a member, and not as one of those who may be made up.
    pub(crate) fn is_proven(&self) -> bool {
        self.is_member() && self.credit.is_proven(self.heard)
    }

    /// Whether its place may be given to another.
    pub(crate) const fn is_dispensable(&self) -> bool {
        !self.is_member() && self.pending.is_none()
    }

    /// What it can receive.
    pub(crate) const fn limits(&self) -> Limits {
        Limits {
            datagram: self.peer.max_datagram,
            message: self.peer.max_message,
            burst: self.burst,
        }
    }

    /// Its clock was heard.
    pub(crate) const fn set_stamp(&mut self, now: Tick, stamp: u32) {
        self.stamp = stamp;
        self.stamped = Some(now);
    }

    /// Its clock, if it was not sent back yet, and how long ago it was heard.
    pub(crate) fn take_stamp(&mut self, now: Tick) -> Option<(u32, Span)> {
        let heard = self.stamped.take()?;
        Some((self.stamp, now.span_since(heard)))
    }

    /// How far it is in this member's own stream, if that waits for it.
    pub(crate) fn reach(&self) -> Option<u32> {
        self.is_waited_for.then_some(self.reach)
    }

    /// It is so far in this member's own stream, which waits for it, or not any more.
    pub(crate) const fn set_reach(&mut self, next: Option<u32>) {
        self.is_waited_for = next.is_some();
        if let Some(next) = next {
            self.reach = next;
        }
    }

    /// It says whether it has what is to be confirmed.
    pub(crate) fn answer(&mut self, has_all: bool) {
        // A change that is still to be told must not be lost: it will be asked again.
        if self.answer != Answer::Open || self.pending.is_some() {
            return;
        }
        if has_all {
            self.answer = Answer::Has;
            self.pending = Some(Change::Confirmed);
        } else {
            self.answer = Answer::Lacks;
        }
    }

    /// The size of the group that it states, as in HELLO; 0: it has not said.
    pub(crate) const fn group_size(&self) -> u8 {
        self.group_size
    }

    /// No HELLO interval longer than this is believed, in units of 10 ms.
    pub(crate) fn believe_interval(&mut self, longest: u16) {
        self.interval = self.stated_interval.min(longest).max(UNSTATED_INTERVAL);
    }

    /// Its HELLO came in.
    pub(crate) fn hello(&mut self, now: Tick, from: SocketAddr, hello: &Hello<'_>) {
        self.group_size = hello.group_size;
        self.peer.takes_reliable = hello.takes_streams();
        self.peer.is_bridge = hello.is_bridge();
        self.peer.name = hello.name;
        self.credit.hello(now, self.peer.address != from);
        self.peer.address = from;
        self.peer.max_datagram = hello.max_datagram.clamp(MIN_MAX_DATAGRAM, MAX_MAX_DATAGRAM);
        self.peer.max_message = hello.max_message;
        self.burst = match hello.receive_burst {
            0 => u8::MAX,
            burst => burst,
        };
        if hello.interval > 0 {
            self.stated_interval = hello.interval;
        }
        if self.peer.status == PeerStatus::Unknown {
            self.peer.status = PeerStatus::Present;
            self.pending = Some(Change::Joined);
            self.heard = now;
            self.probes = 0;
        }
        let just_answered = |at| now.span_since(at) < ANSWER_PROBE;
        if hello.probe && !self.answered.is_some_and(just_answered) {
            self.answered = Some(now);
            self.owed = Some(Owed::Hello);
        }
    }

    /// Its BYE came in.
    pub(crate) fn bye(&mut self, now: Tick) {
        if self.peer.status == PeerStatus::Left {
            return;
        }
        self.pending = Some(match self.peer.status {
            PeerStatus::Present | PeerStatus::Suspect => Change::Left,
            PeerStatus::Unknown | PeerStatus::Left | PeerStatus::Lost => Change::Ended,
        });
        self.peer.status = PeerStatus::Left;
        self.heard = now;
        self.gone = 0;
        self.owed = None;
    }

    /// Time makes it older.
    pub(crate) fn age(&mut self, ageing: Ageing) {
        let Self {
            peer,
            window: _,
            to_one: _,
            heard,
            stated_interval: _,
            interval: _,
            group_size: _,
            burst: _,
            stamp: _,
            stamped,
            way: _,
            answer: _,
            reach: _,
            is_waited_for: _,
            position: _,
            told: _,
            rest: _,
            counted_from: _,
            begun: _,
            start_asked: _,
            values_at,
            previous,
            #[cfg(feature = "seal")]
                tag: _,
            #[cfg(feature = "seal")]
                believed_with: _,
            #[cfg(feature = "seal")]
                aged: _,
            #[cfg(feature = "seal")]
            aged_at,
            duplicate_reported,
            answered,
            gone,
            credit,
            probes: _,
            owed: _,
            pending: _,
        } = self;
        ageing.tick(heard);
        // What was heard longer ago says nothing of the way here.
        ageing.or_forget(stamped);
        ageing.maybe(values_at);
        if let Some(previous) = previous {
            ageing.tick(&mut previous.ended);
        }
        #[cfg(feature = "seal")]
        ageing.tick(aged_at);
        ageing.maybe(duplicate_reported);
        ageing.maybe(answered);
        credit.age(ageing);
        if matches!(peer.status, PeerStatus::Left | PeerStatus::Lost) {
            *gone = gone.saturating_add(ageing.steps);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ident::{GroupTag, MemberId, Name};
    use crate::wire::Suite;
    use core::net::{Ipv4Addr, SocketAddrV4};
    use std::{format, string::String, vec::Vec};

    const FROM: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 40_000));

    /// What the application has been told of a member.
    #[derive(Clone, Copy, Debug, Eq, PartialEq)]
    enum Told {
        Absent,
        There,
        Suspected,
    }

    impl Told {
        /// What it knows after this; `None`: this makes no sense to it.
        const fn after(self, change: Change) -> Option<Self> {
            use Told::{Absent, Suspected, There};
            match (self, change) {
                (Absent, Change::Joined)
                | (Suspected, Change::Recovered)
                | (There | Suspected, Change::Restarted) => Some(There),
                (There, Change::Suspect) => Some(Suspected),
                (There | Suspected, Change::Left | Change::Lost) | (Absent, Change::Ended) => {
                    Some(Absent)
                }
                // An end that is not told changes nothing for it, nor do the others.
                (_, Change::Ended | Change::DuplicateId)
                | (There | Suspected, Change::Confirmed) => Some(self),
                _ => None,
            }
        }
    }

    /// What can happen to a member.
    #[derive(Clone, Copy, Debug, Eq, PartialEq)]
    enum Step {
        Data,
        Hello,
        HelloThenBye,
        Bye,
        ByeTwice,
        Has,
        NextSession,
        NextLife,
        SessionBefore,
        Second,
        FiveSeconds,
        Tell,
    }

    const STEPS: [Step; 12] = [
        Step::Data,
        Step::Hello,
        Step::HelloThenBye,
        Step::Bye,
        Step::ByeTwice,
        Step::Has,
        Step::NextSession,
        Step::NextLife,
        Step::SessionBefore,
        Step::Second,
        Step::FiveSeconds,
        Step::Tell,
    ];

    #[derive(Clone, Copy)]
    struct Case {
        entry: Entry,
        told: Told,
        now: Tick,
        session: u64,
        before: u64,
        counter: u64,
    }

    impl Case {
        fn header(&mut self, session: u64) -> Header {
            self.counter += 1;
            Header {
                suite: Suite::Open,
                tag: GroupTag::new(1),
                sender: MemberId::new(1).unwrap(),
                session: Session::new(session),
                counter: self.counter,
            }
        }

        fn tell(&mut self) -> Result<(), String> {
            if let Some(change) = self.entry.pending.take() {
                let told = self.told;
                self.told = told
                    .after(change)
                    .ok_or_else(|| format!("{change:?} after {told:?}"))?;
            }
            let knows = match self.entry.peer.status {
                PeerStatus::Present => Told::There,
                PeerStatus::Suspect => Told::Suspected,
                _ => Told::Absent,
            };
            let is_right = self.told == knows;
            is_right.then_some(()).ok_or_else(|| {
                format!(
                    "told {:?}, and it is {:?}",
                    self.told, self.entry.peer.status
                )
            })
        }

        /// A datagram is handled when all is told that came with the one before. What came with the time may
        /// wait. Changes are told before the frame that follows them.
        fn datagram(&mut self, session: u64, frames: &[Step]) -> Result<(), String> {
            let of_time = matches!(
                self.entry.pending,
                Some(Change::Suspect | Change::Lost | Change::Ended)
            );
            if !of_time {
                self.tell()?;
            }
            let header = self.header(session);
            if matches!(
                self.entry.hear(self.now, &header),
                Heard::Duplicate | Heard::Stale
            ) {
                return Ok(());
            }
            if session != self.session {
                (self.session, self.before) = (session, self.session);
            }
            for frame in frames {
                let is_end = matches!(
                    self.entry.pending,
                    Some(Change::Left | Change::Lost | Change::Ended)
                );
                if !is_end {
                    self.tell()?;
                }
                match frame {
                    Step::Hello => {
                        let hello = Hello::new(Name::EMPTY);
                        self.entry.hello(self.now, FROM, &hello);
                    }
                    Step::Bye => self.entry.bye(self.now),
                    Step::Has if self.entry.is_member() => self.entry.answer(true),
                    _ => {}
                }
            }
            Ok(())
        }

        fn wait(&mut self, time: u32) {
            self.now = self.now + Span::from_secs(time);
            // As the roster does: no step before what the last one brought is told.
            let has_come = |entry: &Entry| entry.deadline().is_some_and(|due| due <= self.now);
            while self.entry.pending.is_none() && has_come(&self.entry) {
                self.entry.expire();
            }
        }

        fn take(&mut self, step: Step) -> Result<(), String> {
            let next_life = self.session.wrapping_add(1);
            let next_session = self.session.wrapping_add(1 << 32);
            match step {
                Step::Data => self.datagram(self.session, &[]),
                Step::Hello | Step::Bye | Step::Has => self.datagram(self.session, &[step]),
                Step::ByeTwice => self.datagram(self.session, &[Step::Bye, Step::Bye]),
                Step::HelloThenBye => self.datagram(self.session, &[Step::Hello, Step::Bye]),
                Step::NextSession => self.datagram(next_session, &[Step::Hello]),
                Step::NextLife => self.datagram(next_life, &[Step::Hello]),
                Step::SessionBefore => self.datagram(self.before, &[]),
                Step::Second => {
                    self.wait(1);
                    Ok(())
                }
                Step::FiveSeconds => {
                    self.wait(5);
                    Ok(())
                }
                Step::Tell => self.tell(),
            }
        }

        /// Everything that can follow, so many steps deep.
        fn follow(self, depth: u32, path: &mut Vec<Step>) {
            for step in STEPS {
                let mut next = self;
                path.push(step);
                if let Err(wrong) = next.take(step).and_then(|()| {
                    // Told at the end of every path, all of it makes sense.
                    let mut last = next;
                    last.tell()
                }) {
                    panic!("{wrong}: {path:?}");
                }
                if depth > 1 {
                    next.follow(depth - 1, path);
                }
                path.pop();
            }
        }
    }

    /// Of every course of six steps: nobody joins twice, leaves or is lost without having joined, recovers
    /// without suspicion, and in the end the application knows what is.
    /// PROTOCOL M8, M11.
    #[test]
    fn what_is_told_makes_sense_whatever_happens_and_whenever_it_is_told() {
        let mut case = Case {
            entry: Entry::new(
                Tick::from_millis(1_000),
                FROM,
                &Header {
                    suite: Suite::Open,
                    tag: GroupTag::new(1),
                    sender: MemberId::new(1).unwrap(),
                    session: Session::new(7 << 32 | 7),
                    counter: 1,
                },
            ),
            told: Told::Absent,
            now: Tick::from_millis(1_000),
            session: 7 << 32 | 7,
            before: 7 << 32 | 6,
            counter: 1,
        };
        case.follow(6, &mut Vec::new());
        // From a member on, and from one that is lost, which nobody was told yet.
        case.take(Step::Hello).unwrap();
        case.follow(6, &mut Vec::new());
        for step in [Step::Tell, Step::FiveSeconds, Step::Tell, Step::FiveSeconds] {
            case.take(step).unwrap();
        }
        assert_eq!(case.entry.pending, Some(Change::Lost));
        case.follow(6, &mut Vec::new());
    }

    #[test]
    fn all_moments_that_are_kept_of_a_member_become_older() {
        let (kept, ageing) = (Tick::from_millis(0), Ageing::by(1));
        let mut older = kept;
        ageing.tick(&mut older);
        let header = Header {
            suite: Suite::Open,
            tag: GroupTag::new(1),
            sender: MemberId::new(1).unwrap(),
            session: Session::new(7),
            counter: 1,
        };
        let mut entry = Entry::new(kept, FROM, &header);
        entry.set_stamp(kept, 9);
        (entry.values_at, entry.answered, entry.duplicate_reported) =
            (Some(kept), Some(kept), Some(kept));
        entry.previous = Some(Previous {
            session: Session::new(6),
            highest: 1,
            ended: kept,
            position: None,
        });
        #[cfg(feature = "seal")]
        {
            entry.aged_at = kept;
        }
        entry.age(ageing);
        assert_eq!(entry.heard, older);
        assert_eq!(entry.stamped, Some(older));
        assert_eq!(
            [entry.values_at, entry.answered, entry.duplicate_reported],
            [Some(older); 3]
        );
        assert_eq!(entry.previous.map(|it| it.ended), Some(older));
        #[cfg(feature = "seal")]
        assert_eq!(entry.aged_at, older);
        // A clock that was heard so long ago is not sent back.
        entry.age(Ageing::by(2));
        assert_eq!(entry.take_stamp(Tick::from_millis(0)), None);
    }
}
