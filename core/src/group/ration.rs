//! How many answers those may have together who have not proved that they are there (PROTOCOL §5.7).
//!
//! Whoever can send to an open group can make up ids and addresses. Each would be a member of its own, with
//! answers of its own; so all of them share these.

use core::time::Duration;

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
