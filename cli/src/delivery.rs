//! Staying until the others have what was sent.

use core::time::Duration;
use std::collections::HashSet;
use std::time::Instant;

use groupcast::{Event, MemberId};

use crate::failure::Failure;
use crate::session::Session;
use crate::signal;

/// How long those who are there may take to say so, when nobody is expected: most do.
const GREETING: Duration = Duration::from_millis(300);

/// How long after joining everybody has said so.
const ACQUAINTED: Duration = Duration::from_millis(700);

/// How long to stay for those who are there, when nobody is expected.
const LINGER: Duration = Duration::from_secs(2);

/// How often to ask anew who has it.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// Who has everything that was sent.
#[derive(Debug)]
pub(crate) struct Delivery {
    joined: Instant,
    /// How many members must have it, and how long they may take.
    expected: Option<(usize, Duration)>,
    has: HashSet<MemberId>,
}

impl Delivery {
    /// Of a member that has just joined.
    pub(crate) fn new(expected: Option<(usize, Duration)>) -> Self {
        Self {
            joined: Instant::now(),
            expected,
            has: HashSet::new(),
        }
    }

    /// Waits until those who are expected are there, or else for a moment, since nobody is known yet.
    pub(crate) fn meet(&self, session: &mut Session) -> Result<(), Failure> {
        let limit = self.expected.map_or(GREETING, |(_, timeout)| timeout);
        let end = self.joined.checked_add(limit);
        loop {
            let left = left(end);
            let there = session.member.members().count();
            match self.expected {
                Some((wanted, _)) if there >= wanted => return Ok(()),
                Some((wanted, timeout)) if left.is_zero() => {
                    return Err(Failure::Unmet(format!(
                        "{there} of {wanted} members were there within {} s, so nothing was sent; \
                         `groupcast members` shows who is",
                        timeout.as_secs_f64()
                    )));
                }
                _ if left.is_zero() || signal::end_requested() => return Ok(()),
                _ => session.attend(left.min(signal::LOOK), |_| {})?,
            }
        }
    }

    /// Stays until the messages with the sequence numbers from `first` to `last` have arrived at those
    /// who are expected, or else the last one at everybody who is there, within limits. `end`: until
    /// when, if members are expected.
    pub(crate) fn settle(
        &mut self,
        session: &mut Session,
        (first, last): (u32, u32),
        end: Option<Instant>,
        mut happened: impl FnMut(&Event<'_>),
    ) -> Result<(), Failure> {
        let (first, end) = match self.expected {
            Some(_) => (first, end),
            None => (last, Instant::now().checked_add(LINGER)),
        };
        let mut ask_at = Instant::now();
        loop {
            let now = Instant::now();
            if now >= ask_at {
                session.member.confirm(first, last);
                ask_at = now + ASK_AGAIN;
            }
            let has = &mut self.has;
            session.keep_up(|event| {
                if let Event::Confirmed(member) = event {
                    has.insert(member.id());
                }
                happened(event);
            });
            let left = left(end);
            if self.is_done(session, now) || signal::end_requested() {
                return Ok(());
            }
            if left.is_zero() {
                return self.unmet();
            }
            let limit = left
                .min(ask_at.saturating_duration_since(now))
                .min(signal::LOOK);
            session.member.wait(limit)?;
        }
    }

    fn is_done(&self, session: &Session, now: Instant) -> bool {
        match self.expected {
            Some((wanted, _)) => self.has.len() >= wanted,
            None => {
                now >= self.joined + ACQUAINTED
                    && session.member.members().all(|m| self.has.contains(&m.id()))
            }
        }
    }

    fn unmet(&self) -> Result<(), Failure> {
        let Some((wanted, timeout)) = self.expected else {
            return Ok(());
        };
        Err(Failure::Unmet(format!(
            "{} of {wanted} members have all of it after {} s; a longer --timeout gives them more time \
             to ask for what they miss",
            self.has.len(),
            timeout.as_secs_f64()
        )))
    }
}

/// How much time is left until `end`; `None` is never.
fn left(end: Option<Instant>) -> Duration {
    end.map_or(Duration::MAX, |end| {
        end.saturating_duration_since(Instant::now())
    })
}
