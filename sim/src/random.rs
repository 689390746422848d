//! The luck of the network: draws that are the same on every platform.
//!
//! Nothing here calls the platform's mathematical library, whose last digits differ between systems:
//! only the four basic operations, which IEEE 754 defines to the bit.

use core::time::Duration;

use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

/// A short-lived generator: one is made for every datagram on every link.
///
/// It is derived from the network's seed, what it is for, and how often that has happened. So the
/// tenth datagram from one host to another has the same luck no matter what other hosts do.
pub(crate) struct Random(Xoshiro256PlusPlus);

impl Random {
    /// A generator of its own for these keys.
    pub(crate) fn new(seed: u64, keys: [u64; 3]) -> Self {
        let seed = keys.iter().fold(mix(seed), |state, key| mix(state ^ key));
        Self(Xoshiro256PlusPlus::seed_from_u64(seed))
    }

    /// Uniform in `[0, 1)`, 53 bits fine.
    pub(crate) fn fraction(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// True with this probability.
    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.fraction() < probability
    }

    /// Uniform in `0..bound`; 0 if `bound` is 0.
    ///
    /// The bias is below `bound / 2^64`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.0.next_u64()) * u128::from(bound)) >> 64) as u64
    }

    /// Exponentially distributed, to the nearest microsecond.
    pub(crate) fn exponential(&mut self, mean: Duration) -> Duration {
        let micros = mean.as_micros() as f64 * -ln(1.0 - self.fraction());
        Duration::from_micros((micros + 0.5) as u64)
    }
}

/// The seed of a member's own luck at its n-th start.
pub(crate) fn seed_for(seed: u64, member: usize, start: u64) -> [u8; 32] {
    // Not the key of any link: hosts are fewer.
    const MEMBERS: u64 = u64::MAX;
    let mut octets = [0; 32];
    Random::new(seed, [MEMBERS, member as u64, start])
        .0
        .fill_bytes(&mut octets);
    octets
}

/// One step of SplitMix64: unlike inputs give outputs without visible relation.
fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The natural logarithm of a normal number in `(0, 1]`.
///
/// With `x = m * 2^e` it is `e ln 2 + 2 artanh((m - 1) / (m + 1))`, the latter as a power series.
fn ln(x: f64) -> f64 {
    const FRACTION: u64 = (1 << 52) - 1;
    let bits = x.to_bits();
    let exponent = (bits >> 52) as i32 - 1023;
    let mantissa = f64::from_bits((bits & FRACTION) | 1.0_f64.to_bits());
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    // s <= 1/3, so every term is at most a ninth of the one before it.
    let series = (0..18)
        .rev()
        .fold(0.0, |sum, k| sum * s * s + 1.0 / f64::from(2 * k + 1));
    f64::from(exponent) * core::f64::consts::LN_2 + 2.0 * s * series
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logarithm_is_that_of_the_platform_but_for_the_last_digits() {
        let mut random = Random::new(1, [0; 3]);
        for _ in 0..10_000 {
            let x = 1.0 - random.fraction();
            assert!(
                (ln(x) - x.ln()).abs() <= 1e-15 + x.ln().abs() * 1e-15,
                "ln({x})"
            );
        }
        assert_eq!(ln(1.0), 0.0);
    }

    #[test]
    fn exponential_draws_have_their_mean_and_their_tail() {
        let mean = Duration::from_millis(3);
        let mut random = Random::new(2, [0; 3]);
        let draws: Vec<Duration> = (0..20_000).map(|_| random.exponential(mean)).collect();
        let average = draws.iter().sum::<Duration>() / 20_000;
        assert!(average.abs_diff(mean) < mean / 50, "{average:?}");
        // exp(-3) of them are longer than three times the mean: 996 of 20,000.
        let long = draws.iter().filter(|draw| **draw > 3 * mean).count();
        assert!((900..1100).contains(&long), "{long}");
    }

    #[test]
    fn the_first_draws_of_neighbouring_generators_are_unrelated() {
        let draws: Vec<f64> = (0..20_000)
            .map(|n| Random::new(3, [0, 1, n]).fraction())
            .collect();
        let mean = draws.iter().sum::<f64>() / 20_000.0;
        assert!((mean - 0.5).abs() < 0.01, "{mean}");
        let products: f64 = draws.windows(2).map(|w| (w[0] - 0.5) * (w[1] - 0.5)).sum();
        // The correlation of unrelated neighbours is 0 within 3 / sqrt(20,000).
        assert!((products * 12.0 / 20_000.0).abs() < 0.021);
    }

    #[test]
    fn below_reaches_every_value_and_none_beyond() {
        let mut random = Random::new(4, [0; 3]);
        let mut seen = [0; 7];
        for _ in 0..7_000 {
            seen[random.below(7) as usize] += 1;
        }
        assert!(
            seen.iter().all(|count| (850..1150).contains(count)),
            "{seen:?}"
        );
        assert_eq!(random.below(0), 0);
    }

    #[test]
    fn draws_never_change_from_one_release_to_the_next() {
        // A changed stream would make every recorded seed mean something else. The values were
        // computed apart from this code, from the definitions of SplitMix64 and xoshiro256++.
        let mut random = Random::new(42, [1, 2, 3]);
        let draws = [random.below(1 << 32), random.below(1 << 32)];
        let delay = random.exponential(Duration::from_secs(1));
        assert_eq!(
            (draws, delay.as_micros()),
            ([3_727_314_913, 2_411_515_172], 1_258_468)
        );
    }
}
