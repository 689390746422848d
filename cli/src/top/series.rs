//! What is counted, second by second.

use std::collections::VecDeque;

/// Seconds that are remembered.
pub(crate) const SECONDS: usize = 60;

/// Seconds that a rate is the average of.
const AVERAGE: usize = 3;

/// A count, and how it went in the last seconds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Series {
    total: u64,
    /// In the second that is not over yet.
    current: u64,
    /// In those before, the last one last.
    past: VecDeque<u64>,
}

impl Series {
    pub(crate) fn add(&mut self, count: u64) {
        self.total += count;
        self.current += count;
    }

    /// A second is over.
    pub(crate) fn tick(&mut self) {
        if self.past.len() == SECONDS {
            self.past.pop_front();
        }
        self.past.push_back(self.current);
        self.current = 0;
    }

    pub(crate) const fn total(&self) -> u64 {
        self.total
    }

    /// How many in a second, in the last seconds.
    pub(crate) fn rate(&self) -> f64 {
        let seconds = self.past.len().min(AVERAGE);
        if seconds == 0 {
            return 0.0;
        }
        let sum: u64 = self.past.iter().rev().take(seconds).sum();
        sum as f64 / seconds as f64
    }

    /// The last `seconds` as a line of bars, of which the highest nearly fills its line: so those of two rows do not
    /// grow together.
    pub(crate) fn sparkline(&self, seconds: usize) -> String {
        const BARS: [char; 8] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇'];
        let shown = self.past.len().min(seconds);
        let recent = self.past.iter().skip(self.past.len() - shown);
        let highest = recent.clone().max().copied().unwrap_or(0).max(1);
        let bars = recent.map(|count| {
            // Whatever is not nothing is seen.
            let sevenths = (count * 7).div_ceil(highest);
            BARS[usize::try_from(sevenths).unwrap_or(0).min(7)]
        });
        core::iter::repeat_n(' ', seconds - shown)
            .chain(bars)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_that_of_the_last_seconds() {
        let mut series = Series::default();
        assert_eq!(series.rate(), 0.0);
        for count in [100, 1, 2, 3] {
            series.add(count);
            series.tick();
        }
        series.add(1_000);
        assert_eq!(series.rate(), 2.0);
        assert_eq!(series.total(), 1_106);
        assert_eq!(series.sparkline(6), "  ▇▁▁▁");
        (0..100).for_each(|_| series.tick());
        assert_eq!(series.sparkline(3), "   ");
    }
}
