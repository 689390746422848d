//! How many answers those may have together who have not proved that they are there (PROTOCOL §5.7).
//!
//! Whoever can send to an open group can make up ids and addresses. Each would be a member of its own, with
//! answers of its own; so all of them share these.

use core::time::Duration;

use super::peer::seconds;
use crate::time::Instant;

/// Answers in a second, and as many at once.
const ANSWERS: u32 = 20;
const EVERY: Duration = Duration::from_millis(1_000 / ANSWERS as u64);
const AT_ONCE: Duration = Duration::from_millis(1_000 - 1_000 / ANSWERS as u64);

/// A few answers in a second.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ration {
    /// When the answers so far would be spread evenly.
    free: Instant,
}

impl Ration {
    pub(crate) const fn new() -> Self {
        Self {
            free: Instant::ZERO,
        }
    }

    /// Takes one, if there is one.
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        let is_left = now.until(self.free) <= AT_ONCE;
        if is_left {
            self.free = self.free.max(now) + EVERY;
        }
        is_left
    }
}

/// Who is heard from one address for so many seconds is answered as a member. That costs whoever makes it up
/// a place on the roster.
const PROVEN_AFTER: u32 = 3;

/// What a sender that is not proven has sent pays for ACKs: each costs so many octets, about ten times its own
/// length. So much may be saved.
const ACK_COSTS: u16 = 512;
const MOST_PAID: u16 = 20 * ACK_COSTS;

/// What speaks for one sender.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Credit {
    /// Since when it is there from its address, in seconds. In octets it finds room between other fields.
    since: [u8; 4],
    /// Octets of its datagrams that are to pay for ACKs.
    paid: u16,
}

impl Credit {
    pub(crate) const fn new(now: Instant) -> Self {
        Self {
            since: seconds(now).to_ne_bytes(),
            paid: 0,
        }
    }

    /// It says that it is at another address.
    pub(crate) const fn move_on(&mut self, now: Instant) {
        self.since = seconds(now).to_ne_bytes();
    }

    /// Whether it has been there for long enough, if it was `heard` last then.
    pub(crate) const fn is_proven(&self, heard: Instant) -> bool {
        seconds(heard).wrapping_sub(u32::from_ne_bytes(self.since)) >= PROVEN_AFTER
    }

    /// A datagram of so many octets of it was taken.
    pub(crate) fn pay(&mut self, octets: usize) {
        let octets = u16::try_from(octets).unwrap_or(u16::MAX);
        self.paid = self.paid.saturating_add(octets).min(MOST_PAID);
    }

    /// Whether it may have an ACK for what it has sent.
    pub(crate) const fn spend(&mut self) -> bool {
        let Some(rest) = self.paid.checked_sub(ACK_COSTS) else {
            return false;
        };
        self.paid = rest;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_any_second_there_are_forty_at_most() {
        let mut ration = Ration::new();
        let taken = |ms| (ms, ration.take(Instant::from_millis(ms)));
        let times = (0..5_000).map(taken).filter(|(_, taken)| *taken);
        let times: std::vec::Vec<u64> = times.map(|(ms, _)| ms).collect();
        assert!((115..=120).contains(&times.len()), "{}", times.len());
        for window in times.windows(41) {
            assert!(window[40] - window[0] >= 1_000, "{window:?}");
        }
    }
}
