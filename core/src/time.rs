//! Time as the caller sees it.
//!
//! The core has no clock: whoever drives it passes the current [`Instant`] to every call that needs
//! one. Intervals are [`core::time::Duration`].

mod clock;
mod ticks;

use core::ops::{Add, AddAssign, Sub};
use core::time::Duration;

pub(crate) use clock::{Ageing, Clock, Span, Tick};
pub use ticks::TickClock;

/// The earlier of two times, either of which may be never.
pub(crate) fn earliest(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    [one, other].into_iter().flatten().min()
}

/// A point in time: microseconds since any fixed start, such as power-on.
///
/// The start does not matter and differs between members; only differences are used, and a member that
/// begins at [`ZERO`](Self::ZERO) is like any other. Time must not run backwards: a value smaller than one
/// passed before is treated as that earlier value. 64 bits of microseconds last 584,000 years; a
/// board with a 32-bit counter extends it with a [`TickClock`].
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Instant(u64);

impl Instant {
    /// The start of time.
    pub const ZERO: Self = Self(0);

    /// The point `micros` microseconds after the start.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// The point `millis` milliseconds after the start; saturates.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1000))
    }

    /// The point `seconds` seconds after the start; saturates.
    #[must_use]
    pub const fn from_secs(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    /// Microseconds since the start.
    #[must_use]
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// The time from `earlier` to `self`, zero if `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// The time from `self` to `later`, zero if `later` is past.
    #[must_use]
    pub const fn until(self, later: Self) -> Duration {
        later.since(self)
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    /// Saturates at the end of time.
    fn add(self, interval: Duration) -> Self {
        let seconds = interval.as_secs().saturating_mul(1_000_000);
        let micros = seconds.saturating_add(u64::from(interval.subsec_micros()));
        Self(self.0.saturating_add(micros))
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, interval: Duration) {
        *self = *self + interval;
    }
}

impl Sub<Duration> for Instant {
    type Output = Self;

    /// Saturates at the start of time.
    fn sub(self, interval: Duration) -> Self {
        let seconds = interval.as_secs().saturating_mul(1_000_000);
        let micros = seconds.saturating_add(u64::from(interval.subsec_micros()));
        Self(self.0.saturating_sub(micros))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_never_go_below_zero() {
        let (early, late) = (Instant::from_millis(1), Instant::from_millis(3));
        assert_eq!(late.since(early), Duration::from_millis(2));
        assert_eq!(early.since(late), Duration::ZERO);
        assert_eq!(early.until(late), Duration::from_millis(2));
    }

    #[test]
    fn the_end_of_time_is_reached_and_not_passed() {
        let end = Instant::from_micros(u64::MAX);
        assert_eq!(end + Duration::from_secs(1), end);
        assert_eq!(Instant::ZERO + Duration::MAX, end);
        assert_eq!(
            Instant::from_secs(2) - Duration::from_millis(1_500),
            Instant::from_millis(500)
        );
        assert_eq!(Instant::from_secs(2) - Duration::MAX, Instant::ZERO);
    }
}
