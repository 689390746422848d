//! Round trips: how long it usually takes to be answered, by one member and in the group.

use crate::time::Span;

/// Before anything is measured.
const INITIAL: Span = Span::from_millis(10);

/// Estimates are no shorter, in microseconds.
const SHORTEST: u32 = 1_000;

/// The usual round trip to one member: a moving average that follows longer samples faster than shorter ones, by
/// which it is half the usual deviation above the mean.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Way(
    /// In units of 16 µs; 0: not measured.
    u16,
);

impl Way {
    pub(crate) const UNKNOWN: Self = Self(0);

    /// A round trip was measured, in microseconds.
    pub(crate) fn sample(&mut self, trip: u32) {
        let new = u16::try_from(trip.min(Trip::LONGEST) >> 4).unwrap_or(u16::MAX);
        let new = new.max(1);
        let off = self.0.abs_diff(new);
        // Three parts in sixteen of what is longer, one of what is shorter.
        self.0 = if *self == Self::UNKNOWN {
            new
        } else if new > self.0 {
            let part = off.div_ceil(8).saturating_add(off.div_ceil(16));
            self.0.saturating_add(part)
        } else {
            self.0.saturating_sub(off.div_ceil(16))
        };
    }

    /// How long it takes; zero if that is not known.
    pub(crate) fn span(self) -> Span {
        Span::from_micros(u32::from(self.0) << 4)
    }

    /// The least of these that more than a quarter of them do not exceed, as far as they are known.
    pub(crate) fn quarter<I: Iterator<Item = Self>>(of: impl Fn() -> I) -> Self {
        let known = || of().filter(|way| *way != Self::UNKNOWN);
        let rank = match known().count() {
            0 => 0,
            known => (known >> 2).saturating_add(1),
        };
        let mut least = Self::UNKNOWN;
        // The largest number to which fewer than that are less, from its highest bit on.
        for bit in (0..u16::BITS).rev() {
            let more = Self(least.0 | 1 << bit);
            if known().filter(|way| *way < more).count() < rank {
                least = more;
            }
        }
        least
    }
}

/// The round trip in the group, as this member sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trip {
    /// That of the nearest quarter of the members.
    near: Way,
    /// That of all.
    all: Way,
}

impl Trip {
    /// Estimates are no longer, in microseconds.
    pub(crate) const LONGEST: u32 = 1_000_000;

    pub(crate) const fn new() -> Self {
        Self {
            near: Way::UNKNOWN,
            all: Way::UNKNOWN,
        }
    }

    /// How long the nearest quarter of the members take to answer: what is stated.
    #[inline(never)]
    pub(crate) fn estimate(&self) -> Span {
        estimate(self.near)
    }

    /// How long members usually take.
    pub(crate) fn of_all(&self) -> Span {
        estimate(self.all)
    }

    /// A round trip was measured, in microseconds: now the nearest quarter takes so long.
    pub(crate) fn sample(&mut self, trip: u32, near: Way) {
        self.all.sample(trip);
        self.near = near;
    }
}

/// What is taken for the round trip.
fn estimate(way: Way) -> Span {
    if way == Way::UNKNOWN {
        return INITIAL;
    }
    way.span().clamp(
        Span::from_micros(SHORTEST),
        Span::from_micros(Trip::LONGEST),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// PROTOCOL M20.
    #[test]
    fn the_way_to_a_member_follows_what_is_usual() {
        let mut way = Way::UNKNOWN;
        assert_eq!(way.span(), Span::ZERO);
        way.sample(4_000);
        assert_eq!(way.span(), Span::from_millis(4));
        for _ in 0..200 {
            way.sample(20_000);
        }
        let millis = way.span().as_millis();
        assert!((19..=20).contains(&millis), "{millis}");
        way.sample(9_000_000);
        let millis = way.span().as_millis();
        assert!((200..210).contains(&millis), "{millis}");
        for _ in 0..300 {
            way.sample(3);
        }
        assert!(way.span() < Span::from_millis(1));
        // Now 5 ms, now 15: half the deviation above the mean.
        for n in 0..1_000 {
            way.sample(if n % 2 == 0 { 5_000 } else { 15_000 });
        }
        let millis = way.span().as_millis();
        assert!((11..=14).contains(&millis), "{millis}");
    }

    /// PROTOCOL M20.
    #[test]
    fn the_estimate_is_that_of_the_nearest_quarter() {
        let mut trip = Trip::new();
        assert_eq!(trip.estimate(), INITIAL);
        let quarter = |millis: &[u32]| {
            let ways: std::vec::Vec<_> = millis
                .iter()
                .map(|millis| {
                    let mut way = Way::UNKNOWN;
                    if *millis > 0 {
                        way.sample(millis * 1_024);
                    }
                    way
                })
                .collect();
            Way::quarter(|| ways.iter().copied())
        };
        for (millis, near) in [
            (&[5][..], 5),
            (&[400, 3], 3),
            (&[400, 3, 2], 2),
            (&[400, 3, 2, 400], 3),
            (&[400, 3, 2, 400, 4], 3),
            (&[400, 3, 2, 400, 4, 5, 6, 7, 8], 4),
            (&[0, 0, 400, 0], 400),
        ] {
            trip.sample(409_600, quarter(millis));
            assert_eq!(
                trip.estimate(),
                Span::from_micros(near * 1_024),
                "{millis:?}"
            );
        }
        assert_eq!(trip.of_all().as_millis(), 409);
        assert_eq!(quarter(&[0, 0]), Way::UNKNOWN);
        trip.sample(3, {
            let mut way = Way::UNKNOWN;
            way.sample(3);
            way
        });
        assert_eq!(trip.estimate(), Span::from_millis(1), "no shorter");
    }
}
