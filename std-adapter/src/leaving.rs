//! Leaving: as long as what is queued needs at its pace, within a limit.

use core::time::Duration;

use groupcast::Instant;

use crate::error::Error;
use crate::member::Member;

/// So long may pass without a datagram that leaves, before what is queued is given up.
const STUCK: Duration = Duration::from_secs(3);

/// How long the good-bye may take when all is sent: in a sealed group it can be a second until others believe
/// this member.
const GOOD_BYE: Duration = Duration::from_secs(2);

/// How far a member is that [leaves](Member::try_leave).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Leaving {
    /// So many messages are still to be sent; with 0, the good-bye.
    Waiting(usize),
    /// It has left. So many messages were given up: time was up, or the network took nothing any more.
    Left {
        /// Messages that were queued and not sent.
        unsent: usize,
    },
}

/// What is known since the member began to leave.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Departure {
    began: Instant,
    /// How many datagrams were sent, and when that was last another number.
    datagrams: u64,
    moved: Instant,
    /// Since when nothing is queued.
    parting: Option<Instant>,
    given_up: usize,
}

impl Departure {
    pub(crate) const fn new(now: Instant, datagrams: u64) -> Self {
        Self {
            began: now,
            datagrams,
            moved: now,
            parting: None,
            given_up: 0,
        }
    }

    /// Looks at what there is: `unsent` messages, `datagrams` that were sent.
    fn look(&mut self, now: Instant, limit: Duration, unsent: usize, datagrams: u64) -> Next {
        if datagrams != self.datagrams {
            self.datagrams = datagrams;
            self.moved = now;
        }
        if unsent == 0 {
            let since = *self.parting.get_or_insert(now);
            return if since.until(now) >= GOOD_BYE {
                Next::End
            } else {
                Next::Wait
            };
        }
        if self.began.until(now) >= limit || self.moved.until(now) >= STUCK {
            self.given_up = unsent;
            self.parting = Some(now);
            return Next::GiveUp;
        }
        Next::Wait
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Next {
    Wait,
    GiveUp,
    End,
}

impl Member {
    /// Leaves, a step at a time, for those who show how far that is, or have something else to do:
    /// [`poll`](Self::poll) and [`wait`](Self::wait) between the calls, until it says
    /// [`Left`](Leaving::Left). `limit` counts from the first call. See [`leave`](Self::leave).
    pub fn try_leave(&mut self, limit: Duration) -> Leaving {
        let now = self.clock.now();
        let datagrams = self.counters().datagrams_sent;
        let mut departure = self.departure.unwrap_or_else(|| {
            self.node.leave(now);
            Departure::new(now, datagrams)
        });
        let unsent = self.node.unsent();
        let has_left = self.node.has_left();
        let next = departure.look(now, limit, unsent, datagrams);
        self.departure = Some(departure);
        if next == Next::GiveUp {
            self.node.forget_unsent();
            return Leaving::Waiting(0);
        }
        if has_left || next == Next::End {
            let unsent = departure.given_up;
            return Leaving::Left { unsent };
        }
        Leaving::Waiting(unsent)
    }

    pub(crate) fn leave_within_limit(&mut self, limit: Duration) -> Result<(), Error> {
        loop {
            match self.try_leave(limit) {
                Leaving::Left { unsent: 0 } => return Ok(()),
                Leaving::Left { unsent } => return Err(Error::Unsent(unsent)),
                Leaving::Waiting(_) => {}
            }
            // What arrives while leaving is of no interest to the application, but repairs are asked for,
            // and in a sealed group others must first believe this member.
            while let Ok(Some(_)) = self.poll() {}
            let left = self.left_of(limit);
            self.wait(left)?;
        }
    }

    /// How long to wait at most before looking again.
    pub(crate) fn left_of(&self, limit: Duration) -> Duration {
        const LOOK: Duration = Duration::from_millis(100);
        let passed = self
            .departure
            .map_or(Duration::ZERO, |it| it.began.until(self.clock.now()));
        match limit.saturating_sub(passed) {
            Duration::ZERO => LOOK,
            left => left.min(LOOK),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    #[test]
    fn it_waits_as_long_as_something_moves_and_gives_up_when_nothing_does() {
        let mut departure = Departure::new(ms(0), 0);
        for second in 1..100 {
            let next = departure.look(ms(second * 1000), Duration::MAX, 5, second);
            assert_eq!(next, Next::Wait, "{second} s");
        }
        assert_eq!(
            departure.look(ms(101_900), Duration::MAX, 5, 99),
            Next::Wait
        );
        assert_eq!(
            departure.look(ms(102_000), Duration::MAX, 5, 99),
            Next::GiveUp
        );
        assert_eq!(departure.given_up, 5);
        assert_eq!(
            departure.look(ms(102_001), Duration::MAX, 0, 99),
            Next::Wait
        );
        assert_eq!(departure.look(ms(104_000), Duration::MAX, 0, 99), Next::End);
    }

    #[test]
    fn a_limit_ends_it_sooner() {
        let mut departure = Departure::new(ms(0), 0);
        let limit = Duration::from_secs(1);
        assert_eq!(departure.look(ms(999), limit, 2, 9), Next::Wait);
        assert_eq!(departure.look(ms(1_000), limit, 2, 99), Next::GiveUp);
        assert_eq!(departure.given_up, 2);
    }
}
