//! How many answers those may have together who have not proved that they are there (PROTOCOL M33).
//!
//! Whoever can send to an open group can make up ids and addresses. Each would be a member of its own, with
//! answers of its own; so all of them share these.

use crate::time::Span;

use crate::group::clock::{millis, seconds};
use crate::time::Instant;

/// Answers in a second, and as many at once; in milliseconds.
const ANSWERS: u32 = 20;
const EVERY: u32 = 1_000 / ANSWERS;
const AT_ONCE: u32 = 1_000 - EVERY;

/// A few answers in a second.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ration {
    /// When the answers so far would be spread evenly, in milliseconds.
    free: u32,
}

impl Ration {
    pub(crate) const fn new() -> Self {
        Self { free: 0 }
    }

    /// Takes one, if there is one.
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        let now = millis(now);
        // It is never further ahead: else it is past.
        let ahead = self.free.wrapping_sub(now);
        let ahead = if ahead > AT_ONCE + EVERY { 0 } else { ahead };
        let is_left = ahead <= AT_ONCE;
        if is_left {
            self.free = now.wrapping_add(ahead).wrapping_add(EVERY);
        }
        is_left
    }
}

/// Who is heard from one address for so many seconds is answered as a member. That costs whoever makes it up
/// a place on the roster.
const PROVEN_AFTER: u16 = 3;

/// A member that has been there for so many seconds counts as one that has been for half as many.
const LONG: u16 = 1 << 15;

/// What a sender that is not proven has sent pays for ACKs: each costs so much, in whole units of 32 octets of
/// each datagram, about ten times its own length. So much may be saved.
const UNIT: usize = 32;
const ACK_COSTS: u8 = 16;
const MOST_PAID: u8 = 15 * ACK_COSTS;

/// How many milliseconds a receiver that is no further waits before it says so again.
const ACK_AGAIN: u16 = 10;

/// What speaks for one sender.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Credit {
    /// Since when it is there from its address: the low bits of seconds.
    since: u16,
    /// When it was told how far this receiver is, in milliseconds, and how far that was: the low bits of both,
    /// which may put off an ACK, and no more.
    acked: u16,
    acked_next: u16,
    /// What its datagrams have paid for ACKs.
    paid: u8,
}

impl Credit {
    pub(crate) const fn new(now: Instant) -> Self {
        Self {
            since: seconds(now) as u16,
            acked: 0,
            acked_next: 0,
            paid: 0,
        }
    }

    /// How long it has been there, if it was `heard` last then.
    const fn age(&self, heard: Instant) -> u16 {
        (seconds(heard) as u16).wrapping_sub(self.since)
    }

    /// It says HELLO, from another address than before or not.
    pub(crate) const fn hello(&mut self, now: Instant, has_moved: bool) {
        if has_moved {
            self.since = seconds(now) as u16;
        } else if self.age(now) >= LONG {
            self.since = (seconds(now) as u16).wrapping_sub(LONG / 2);
        }
    }

    /// Whether it has been there for long enough, if it was `heard` last then.
    pub(crate) const fn is_proven(&self, heard: Instant) -> bool {
        self.age(heard) >= PROVEN_AFTER
    }

    /// How long a receiver that is at `next` waits before it says so.
    pub(crate) fn pause(&self, now: Instant, next: u32) -> Span {
        let ago = (millis(now) as u16).wrapping_sub(self.acked);
        let is_said = self.acked_next == next as u16 && ago < ACK_AGAIN;
        let pause = if is_said { ACK_AGAIN } else { 0 };
        Span::from_millis(u64::from(pause))
    }

    /// It was told that this receiver is at `next`.
    pub(crate) const fn ack_sent(&mut self, now: Instant, next: u32) {
        self.acked = millis(now) as u16;
        self.acked_next = next as u16;
    }

    /// A datagram of so many octets of it was taken.
    pub(crate) fn pay(&mut self, octets: usize) {
        let units = u8::try_from(octets / UNIT).unwrap_or(u8::MAX);
        self.paid = self.paid.saturating_add(units).min(MOST_PAID);
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

    /// PROTOCOL M33.
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

    /// PROTOCOL M32.
    #[test]
    fn who_stays_is_proven_for_ever() {
        let at = |second: u64| Instant::from_millis(second * 1_000);
        let mut credit = Credit::new(at(1));
        assert!(!credit.is_proven(at(3)));
        for second in (4..1_000_000).step_by(70) {
            credit.hello(at(second), false);
            assert!(credit.is_proven(at(second)), "{second}");
        }
        credit.hello(at(1_000_000), true);
        assert!(!credit.is_proven(at(1_000_002)));
    }
}
