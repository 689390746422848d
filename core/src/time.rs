//! Time as the caller sees it.
//!
//! The core has no clock: whoever drives it passes the current [`Instant`] to every call that needs
//! one. Intervals are [`core::time::Duration`].

use core::ops::Add;
use core::time::Duration;

/// A point in time: microseconds since any fixed start, such as power-on.
///
/// The start does not matter and differs between members; only differences are used, and a member that
/// begins at [`ZERO`](Self::ZERO) is like any other. Time must not run backwards: a value smaller than one
/// passed before is treated as that earlier value. 64 bits of microseconds last 584,000 years; a
/// board with a 32-bit counter extends it.
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

    /// The time from `earlier` to `self`, zero if `earlier` is later.
    // Out of line on boards, as all that has this attribute: it is called so often that a call each is less flash.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) const fn span_since(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }

    /// The time from `self` to `later`, zero if `later` is past.
    pub(crate) const fn span_until(self, later: Self) -> Span {
        later.span_since(self)
    }

    /// The same moment on a clock that began at `start`.
    pub(crate) const fn counted_from(self, start: Self) -> Self {
        Self(self.0.saturating_sub(start.0))
    }

    /// The moment that was [counted from](Self::counted_from) `start`; saturates.
    pub(crate) const fn told_from(self, start: Self) -> Self {
        Self(self.0.saturating_add(start.0))
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
        self + Span::of(interval)
    }
}

/// A length of time inside the engine: 64 bits of microseconds, where [`Duration`] has seconds and
/// nanoseconds, for which a Cortex-M3 needs some 3 KB more of code. All that computes with it saturates.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Span(u64);

impl Span {
    pub(crate) const ZERO: Self = Self(0);
    pub(crate) const MAX: Self = Self(u64::MAX);

    /// Saturates.
    pub(crate) const fn of(duration: Duration) -> Self {
        let seconds = Self::from_secs(duration.as_secs());
        Self(seconds.0.saturating_add(duration.subsec_micros() as u64))
    }

    pub(crate) const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    pub(crate) const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000))
    }

    pub(crate) const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1_000_000))
    }

    pub(crate) const fn as_micros(self) -> u64 {
        self.0
    }

    pub(crate) const fn as_millis(self) -> u64 {
        self.0 / 1_000
    }

    pub(crate) const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    pub(crate) const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) const fn saturating_mul(self, factor: u32) -> Self {
        Self(self.0.saturating_mul(factor as u64))
    }

    /// `None` if `divisor` is 0.
    pub(crate) const fn checked_div(self, divisor: u32) -> Option<Self> {
        match self.0.checked_div(divisor as u64) {
            Some(micros) => Some(Self(micros)),
            None => None,
        }
    }
}

impl Add<Span> for Instant {
    type Output = Self;

    /// Saturates at the end of time.
    #[cfg_attr(target_os = "none", inline(never))]
    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
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
    }
}
