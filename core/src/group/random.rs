//! Random numbers from the caller's seed.

use crate::time::Span;

use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::ident::{MemberId, Session};
use crate::seed::Seed;

/// A generator for jitter, ids and sessions. It is not for keys.
#[derive(Clone, Debug)]
pub(crate) struct Random(Xoshiro256PlusPlus);

impl Random {
    /// The generator's first numbers show only a part of its state, and seeds are seldom random
    /// all over: so the seed is stirred first.
    pub(crate) fn new(seed: &Seed) -> Self {
        Self(Xoshiro256PlusPlus::from_seed(seed.stirred()))
    }

    /// Goes another way from here on than a generator that was told another `difference`, or nothing.
    pub(crate) fn part(&mut self, difference: u64) {
        let [a, b, c, d] = core::array::from_fn(|_| self.draw());
        *self = Self::new(&Seed::from_words([a ^ difference, b, c, d]));
    }

    /// The one place where a number is drawn, out of line: the generator is inlined.
    #[inline(never)]
    fn draw(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A time between zero and `limit`, both included as far as microseconds go.
    #[inline(never)]
    pub(crate) fn up_to(&mut self, limit: Span) -> Span {
        let micros = u64::from(limit.as_micros());
        let draw = self.draw();
        // The upper half of the draw, and what the lower one carries over to it: below 2^64, and in the end below
        // `micros`.
        let carried = (draw & u64::from(u32::MAX)).wrapping_mul(micros) >> 32;
        let product = (draw >> 32).wrapping_mul(micros).wrapping_add(carried);
        Span::from_micros((product >> 32) as u32)
    }

    /// A number from 0 to below `limit`; 0 if that is 0.
    pub(crate) fn below(&mut self, limit: u32) -> u32 {
        let product = u64::from((self.draw() >> 32) as u32).saturating_mul(u64::from(limit));
        // The high half of a 64-bit product is below `limit`.
        (product >> 32) as u32
    }

    pub(crate) fn session(&mut self) -> Session {
        Session::new(self.draw())
    }

    pub(crate) fn member_id(&mut self) -> MemberId {
        loop {
            // All but one of 2^32 numbers are ids.
            if let Some(id) = MemberId::new((self.draw() >> 32) as u32) {
                return id;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_within_a_limit_is_the_high_half_of_a_long_product() {
        let hour = Span::from_secs(3_600).as_micros();
        for micros in [0, 1, 999, 1_000_000, hour, u32::MAX] {
            let mut random = Random::new(&Seed::from_words([1, 2, 3, micros.into()]));
            for _ in 0..1_000 {
                let draw = u128::from(random.clone().draw());
                let limit = u128::from(micros);
                let drawn = random.up_to(Span::from_micros(micros));
                assert_eq!(u128::from(drawn.as_micros()), (draw * limit) >> 64);
            }
        }
    }
}
