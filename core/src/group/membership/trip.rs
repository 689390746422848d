//! The round trip in the group: how long it usually takes to be answered.

use crate::time::Span;

/// Before anything is measured.
const INITIAL: Span = Span::from_millis(10);

/// Estimates are no shorter, in microseconds.
const SHORTEST: u32 = 1_000;

/// The estimate: a moving average of the round trips to the other members, and half their usual
/// deviation from it.
///
/// The average and not the greatest: a NACK that comes before a late repair costs one datagram, while
/// waiting for the slowest member costs everybody time at every loss.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trip {
    /// In microseconds; `None` before anything is measured.
    average: Option<u32>,
    deviation: u32,
}

impl Trip {
    /// Estimates are no longer, in microseconds.
    pub(crate) const LONGEST: u32 = 1_000_000;

    pub(crate) const fn new() -> Self {
        Self {
            average: None,
            deviation: 0,
        }
    }

    #[inline(never)]
    pub(crate) fn estimate(&self) -> Span {
        let Some(average) = self.average else {
            return INITIAL;
        };
        let micros = average.saturating_add(self.deviation >> 1);
        Span::from_micros(micros.clamp(SHORTEST, Self::LONGEST))
    }

    /// A round trip was measured, in microseconds.
    pub(crate) fn sample(&mut self, trip: u32) {
        let trip = trip.min(Self::LONGEST);
        let Some(average) = self.average else {
            self.average = Some(trip);
            self.deviation = trip >> 2;
            return;
        };
        let off = average.abs_diff(trip);
        // One part in eight of the deviation, one in sixteen of the average, is new.
        self.deviation = (self.deviation.saturating_mul(7).saturating_add(off)) >> 3;
        self.average = Some((average.saturating_mul(15).saturating_add(trip)) >> 4);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// PROTOCOL M20.
    #[test]
    fn the_estimate_follows_what_is_usual() {
        let mut trip = Trip::new();
        assert_eq!(trip.estimate(), INITIAL);
        trip.sample(4_000);
        assert!(
            trip.estimate() < Span::from_millis(5),
            "the first sample replaces the guess"
        );
        for _ in 0..200 {
            trip.sample(20_000);
        }
        let millis = trip.estimate().as_millis();
        assert!((19..=21).contains(&millis), "{millis}");
        trip.sample(9_000_000);
        assert!(
            trip.estimate() < Span::from_millis(200),
            "one outlier is not the rule"
        );
        for _ in 0..300 {
            trip.sample(3);
        }
        assert_eq!(trip.estimate(), Span::from_millis(1));
    }
}
