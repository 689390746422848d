//! How many answers those may have together who have not proved that they are there (PROTOCOL M33).
//!
//! Whoever can send to an open group can make up ids and addresses. Each would be a member of its own, with
//! answers of its own; so all of them share these.

use crate::time::{Ageing, Span, Tick};

/// Answers in a second, and as many at once.
const ANSWERS: u32 = 20;
const EVERY: Span = Span::from_millis(1_000 / ANSWERS);
const AT_ONCE: Span = Span::from_secs(1).saturating_sub(EVERY);

/// A few answers in a second.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ration {
    /// When the answers so far would be spread evenly.
    free: Tick,
}

impl Ration {
    pub(crate) const fn new() -> Self {
        Self {
            free: Tick::LONG_AGO,
        }
    }

    /// Takes one, if there is one.
    pub(crate) fn take(&mut self, now: Tick) -> bool {
        let is_left = now.span_until(self.free) <= AT_ONCE;
        if is_left {
            self.free = self.free.max(now) + EVERY;
        }
        is_left
    }

    /// Time makes it older.
    pub(crate) const fn age(&mut self, ageing: Ageing) {
        ageing.tick(&mut self.free);
    }
}

/// Who is heard from one address for so long is answered as a member. That costs whoever makes it up a place on
/// the roster.
const PROVEN_AFTER: Span = Span::from_secs(3);

/// What a sender that is not proven has sent pays for ACKs: each costs so much, in whole units of 32 bytes of
/// each datagram, about ten times its own length. So much may be saved.
const UNIT: usize = 32;
const ACK_COSTS: u8 = 16;
const MOST_PAID: u8 = 15 * ACK_COSTS;

/// How many times 1,024 µs a receiver that is no further waits before it says so again.
const ACK_AGAIN: u16 = 10;

/// The low bits of a moment in units of 1,024 µs, which do not change when time ages.
const fn units(now: Tick) -> u16 {
    (now.micros() >> 10) as u16
}

/// What speaks for one sender.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Credit {
    /// Since when it is there from its address.
    since: Tick,
    /// When it was told how far this receiver is, in units of 1,024 µs, and how far that was: the low bits of
    /// both, which may put off an ACK, and no more.
    acked: u16,
    acked_next: u16,
    /// What its datagrams have paid for ACKs.
    paid: u8,
}

impl Credit {
    pub(crate) const fn new(now: Tick) -> Self {
        Self {
            since: now,
            acked: 0,
            acked_next: 0,
            paid: 0,
        }
    }

    /// It says HELLO, from another address than before or not.
    pub(crate) const fn hello(&mut self, now: Tick, has_moved: bool) {
        if has_moved {
            self.since = now;
        }
    }

    /// Whether it has been there for long enough, if it was `heard` last then.
    pub(crate) fn is_proven(&self, heard: Tick) -> bool {
        heard.span_since(self.since) >= PROVEN_AFTER
    }

    /// Time makes it older.
    pub(crate) const fn age(&mut self, ageing: Ageing) {
        ageing.tick(&mut self.since);
    }

    /// How long a receiver that is at `next` waits before it says so.
    pub(crate) fn pause(&self, now: Tick, next: u32) -> Span {
        let ago = units(now).wrapping_sub(self.acked);
        let is_said = self.acked_next == next as u16 && ago < ACK_AGAIN;
        let pause = if is_said { ACK_AGAIN } else { 0 };
        Span::from_micros(u32::from(pause) << 10)
    }

    /// It was told that this receiver is at `next`.
    pub(crate) const fn ack_sent(&mut self, now: Tick, next: u32) {
        self.acked = units(now);
        self.acked_next = next as u16;
    }

    /// A datagram of so many bytes of it was taken.
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
        let taken = |ms| (ms, ration.take(Tick::from_millis(ms)));
        let times = (0..5_000).map(taken).filter(|(_, taken)| *taken);
        let times: std::vec::Vec<u32> = times.map(|(ms, _)| ms).collect();
        assert!((115..=120).contains(&times.len()), "{}", times.len());
        for window in times.windows(41) {
            assert!(window[40] - window[0] >= 1_000, "{window:?}");
        }
    }

    /// PROTOCOL M32.
    #[test]
    fn who_stays_is_proven_for_ever() {
        let at = |second: u32| Tick::from_millis(second * 1_000);
        let mut credit = Credit::new(at(1));
        assert!(!credit.is_proven(at(3)));
        for second in [4, 70, 1_000] {
            credit.hello(at(second), false);
            assert!(credit.is_proven(at(second)), "{second}");
        }
        for steps in [1, 2, 100] {
            credit.age(Ageing::by(steps));
            assert!(credit.is_proven(at(0)), "{steps}");
        }
        credit.hello(at(1), true);
        assert!(!credit.is_proven(at(3)));
    }
}
