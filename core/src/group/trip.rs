//! The round trip in the group: how long it usually takes to be answered.

use core::time::Duration;

/// Before anything is measured.
const INITIAL: Duration = Duration::from_millis(10);

/// Estimates are kept between these.
const SHORTEST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_secs(1);

/// The estimate: a moving average of the round trips to the other members, and half their usual
/// deviation from it.
///
/// The average and not the greatest: a NACK that comes before a late repair costs one datagram, while
/// waiting for the slowest member costs everybody time at every loss.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trip {
    average: Duration,
    deviation: Duration,
    measured: bool,
}

impl Trip {
    pub(crate) const fn new() -> Self {
        Self {
            average: INITIAL,
            deviation: Duration::ZERO,
            measured: false,
        }
    }

    pub(crate) fn estimate(&self) -> Duration {
        let half = self.deviation.checked_div(2).unwrap_or_default();
        self.average.saturating_add(half).clamp(SHORTEST, LONGEST)
    }

    /// A round trip was measured.
    pub(crate) fn sample(&mut self, trip: Duration) {
        let trip = trip.min(LONGEST);
        if !self.measured {
            self.measured = true;
            self.average = trip;
            self.deviation = trip.checked_div(4).unwrap_or_default();
            return;
        }
        let average = |old: Duration, new: Duration, weight: u32| {
            let sum = old
                .saturating_mul(weight.saturating_sub(1))
                .saturating_add(new);
            sum.checked_div(weight).unwrap_or(old)
        };
        self.deviation = average(self.deviation, self.average.abs_diff(trip), 8);
        self.average = average(self.average, trip, 16);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_estimate_follows_what_is_usual() {
        let mut trip = Trip::new();
        assert_eq!(trip.estimate(), INITIAL);
        trip.sample(Duration::from_millis(4));
        assert!(
            trip.estimate() < Duration::from_millis(5),
            "the first sample replaces the guess"
        );
        for _ in 0..200 {
            trip.sample(Duration::from_millis(20));
        }
        let millis = trip.estimate().as_millis();
        assert!((19..=21).contains(&millis), "{millis}");
        trip.sample(Duration::from_secs(9));
        assert!(
            trip.estimate() < Duration::from_millis(200),
            "one outlier is not the rule"
        );
        for _ in 0..300 {
            trip.sample(Duration::from_micros(3));
        }
        assert_eq!(trip.estimate(), SHORTEST);
    }
}
