//! How long messages took: a histogram by the microsecond.

use core::time::Duration;
use std::collections::BTreeMap;

/// How long deliveries took, to the microsecond.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Latency {
    /// How many deliveries took so many microseconds.
    counts: BTreeMap<u64, u64>,
    total: u64,
}

impl Latency {
    /// Adds one delivery.
    pub fn add(&mut self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        *self.counts.entry(micros).or_default() += 1;
        self.total += 1;
    }

    /// Adds those of another run.
    pub(super) fn merge(&mut self, other: &Self) {
        for (micros, count) in &other.counts {
            *self.counts.entry(*micros).or_default() += count;
        }
        self.total += other.total;
    }

    /// The time within which this share of the deliveries was done: the smallest one observed that at
    /// least this share did not exceed. `None` if there were no deliveries.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let rank = ((self.total as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        self.counts.iter().find_map(|(micros, count)| {
            seen += count;
            (seen >= rank).then(|| Duration::from_micros(*micros))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_sorted_list() {
        let mut latency = Latency::default();
        assert_eq!(latency.quantile(0.5), None);
        (1..=100)
            .rev()
            .for_each(|ms| latency.add(Duration::from_millis(ms)));
        let of = |share| latency.quantile(share).unwrap().as_millis();
        assert_eq!(
            [of(0.0), of(0.5), of(0.99), of(0.991), of(1.0)],
            [1, 50, 99, 100, 100]
        );
    }

    #[test]
    fn merging_is_adding_all() {
        let (mut one, mut other, mut both) =
            (Latency::default(), Latency::default(), Latency::default());
        for micros in [5, 7, 7, 9] {
            one.add(Duration::from_micros(micros));
            both.add(Duration::from_micros(micros));
        }
        for micros in [7, 1000] {
            other.add(Duration::from_micros(micros));
            both.add(Duration::from_micros(micros));
        }
        one.merge(&other);
        assert_eq!(one, both);
    }
}
