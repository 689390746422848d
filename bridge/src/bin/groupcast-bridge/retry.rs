//! When to try again. After a broker's restart, not all that lost it come back in the same moment.

use core::time::Duration;

use groupcast_std::entropy;

const LEAST: Duration = Duration::from_secs(1);
const MOST: Duration = Duration::from_secs(60);

/// How long to wait before the next try: at random, up to twice as long each time.
#[derive(Debug)]
pub(crate) struct Retry {
    limit: Duration,
}

impl Retry {
    pub(crate) const fn new() -> Self {
        Self { limit: LEAST }
    }

    /// All is well again.
    pub(crate) const fn reset(&mut self) {
        self.limit = LEAST;
    }

    pub(crate) fn next(&mut self) -> Duration {
        let random = entropy::seed().map_or(u16::MAX, |[a, b, ..]| u16::from_be_bytes([a, b]));
        self.next_at(random)
    }

    /// Between the least and the limit, by a number that is drawn.
    fn next_at(&mut self, random: u16) -> Duration {
        self.limit = (self.limit * 2).min(MOST);
        LEAST + (self.limit - LEAST) * u32::from(random) / u32::from(u16::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_waits_between_one_second_and_a_limit_that_doubles_to_a_minute() {
        let seconds = |retry: &mut Retry, random| retry.next_at(random).as_secs();
        let mut retry = Retry::new();
        let longest = [(); 8].map(|()| seconds(&mut retry, u16::MAX));
        assert_eq!(longest, [2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(seconds(&mut retry, 0), 1);
        retry.reset();
        assert_eq!(retry.next_at(u16::MAX / 2).as_millis(), 1499);
        assert!((LEAST..=MOST).contains(&retry.next()));
    }

    #[test]
    fn fifty_that_lose_their_broker_at_once_do_not_come_back_at_once() {
        let mut all: Vec<Retry> = (0..50).map(|_| Retry::new()).collect();
        for tries in 1..=6 {
            let mut pauses: Vec<_> = all.iter_mut().map(Retry::next).collect();
            pauses.sort_unstable();
            let longest = (LEAST * (1 << tries)).min(MOST) - LEAST;
            // By chance once in 10^14 runs at most: that of fifty none is in the first, or in the last half.
            assert!(pauses[0] < LEAST + longest / 2, "{pauses:?}");
            assert!(pauses[49] > LEAST + longest / 2, "{pauses:?}");
            // Nor do many of them within a tenth of it.
            let most = (0..10).map(|tenth| {
                let from = LEAST + longest * tenth / 10;
                let within = from..from + longest / 10;
                pauses.iter().filter(|pause| within.contains(pause)).count()
            });
            assert!(most.max() < Some(30), "{pauses:?}");
        }
    }
}
