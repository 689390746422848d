//! The clock of a board: a counter of 32 bits.

use super::Instant;

/// Microseconds of a second.
const SECOND: u64 = 1_000_000;

/// The most ticks that [`TickClock::ticks_until`] says: half of what the counter counts before it wraps.
const HALF: u32 = 1 << 31;

/// Extends a counter of 32 bits, which wraps, to an [`Instant`], which does not.
///
/// Most boards have such a counter: of milliseconds, of a watch crystal, of the processor's cycles. Handed to a member
/// as it is, it works until it wraps, and then the member falls silent without an error: time does not run backwards,
/// so for the member it stands still. A millisecond counter wraps after 49 days.
///
/// ```
/// use groupcast::{Instant, TickClock};
///
/// let mut clock = TickClock::new(1_000); // milliseconds
/// assert_eq!(clock.now(4_294_967_295).as_micros(), 4_294_967_295_000);
/// assert_eq!(clock.now(4).as_micros(), 4_294_967_300_000); // five milliseconds later
/// ```
///
/// It is exact: what is no whole microsecond is kept, so that nothing adds up to a drift against the counter. The
/// counter must count upwards through all 32 bits; invert one that counts downwards (`!count`), and shift one of 24
/// bits up by 8 (`count << 8`, with 256 times the rate).
///
/// # How often to ask
///
/// Call [`now`](Self::now) at least once while the counter goes round, also when nothing is to do: a whole
/// round between two calls is not seen, and time is behind by it from then on.
///
/// | ticks a second | a round |
/// |---|---|
/// | 1,000 | 49.7 days |
/// | 32,768 | 36.4 hours |
/// | 1,000,000 | 71.6 minutes |
/// | 16,000,000 | 268 seconds |
/// | 125,000,000 | 34.4 seconds |
///
/// A main loop does so by itself if it sleeps no longer than [`ticks_until`](Self::ticks_until) says, which is half a
/// round at most.
///
/// ```
/// # use groupcast::{Instant, TickClock};
/// # let (mut clock, deadline, count) = (TickClock::new(32_768), Some(Instant::from_secs(2)), 32_768);
/// let now = clock.now(count);
/// // … poll the node, which says its next deadline …
/// let compare = count.wrapping_add(clock.ticks_until(deadline));
/// assert_eq!(compare, 65_536);
/// ```
///
/// Hand in the counts in the order in which they were read: one that is smaller than the last is one of the next round.
/// So interrupts and tasks that share a clock read the counter and call `now` in one critical section.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TickClock {
    rate: u32,
    /// The last count, and what time that was.
    count: u32,
    micros: u64,
    /// What it was more than that, in parts of a microsecond: the `rate`th of one. Less than `rate`.
    rest: u32,
}

impl TickClock {
    /// A clock for a counter that counts so often in a second, at any rate. The start of time is when it is 0.
    ///
    /// With a rate of 0 time stands still: what comes of a clock that is never set up.
    #[must_use]
    pub const fn new(ticks_per_second: u32) -> Self {
        Self {
            rate: ticks_per_second,
            count: 0,
            micros: 0,
            rest: 0,
        }
    }

    /// What time it is when the counter shows this. It is never earlier than it was before; it saturates after
    /// 584,000 years.
    pub const fn now(&mut self, count: u32) -> Instant {
        let ticks = count.wrapping_sub(self.count);
        self.count = count;
        // Below 2^52.
        let parts = (ticks as u64)
            .saturating_mul(SECOND)
            .saturating_add(self.rest as u64);
        let rate = self.rate as u64;
        if let (Some(micros), Some(rest)) = (parts.checked_div(rate), parts.checked_rem(rate)) {
            self.micros = self.micros.saturating_add(micros);
            // It is less than the rate.
            self.rest = rest as u32;
        }
        Instant::from_micros(self.micros)
    }

    /// How many ticks after the last count that [`now`](Self::now) was told the deadline is there: not earlier, and
    /// less than a tick later. 0 if it has come.
    ///
    /// At most 2^31, half a round, also if there is no deadline: whoever wakes then and calls `now` misses no round.
    #[must_use]
    pub const fn ticks_until(&self, deadline: Option<Instant>) -> u32 {
        let Some(deadline) = deadline else {
            return HALF;
        };
        let rate = self.rate as u64;
        let Some(longest) = (HALF as u64).saturating_mul(SECOND).checked_div(rate) else {
            return HALF;
        };
        let micros = deadline.as_micros().saturating_sub(self.micros);
        if micros > longest {
            return HALF;
        }
        // Below 2^52.
        let parts = micros.saturating_mul(rate).saturating_sub(self.rest as u64);
        let ticks = parts.div_ceil(SECOND);
        if ticks < HALF as u64 {
            ticks as u32
        } else {
            HALF
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::Tiny;
    use crate::wire::{self, Frame};
    use crate::{Config, Group};

    const RATES: [u32; 9] = [
        1,
        1_000,
        32_768,
        1_000_000,
        1_000_003,
        16_000_000,
        125_000_000,
        u32::MAX - 1,
        u32::MAX,
    ];

    /// What time it is after so many ticks, computed at once.
    fn exactly(ticks: u64, rate: u32) -> u64 {
        u64::try_from(u128::from(ticks) * u128::from(SECOND) / u128::from(rate)).unwrap()
    }

    #[test]
    fn it_is_exact_after_hundreds_of_rounds() {
        // One step a round, some steps a round, and as many as one round allows.
        for rate in RATES {
            for step in [u32::MAX, u32::MAX - 1, 0xb504_f333, 1 << 31, 12_345_679, 1] {
                let (mut clock, mut ticks) = (TickClock::new(rate), 0_u64);
                for _ in 0..2_000 {
                    ticks += u64::from(step);
                    let now = clock.now(ticks as u32);
                    assert_eq!(now.as_micros(), exactly(ticks, rate), "{rate} {step}");
                }
                assert!(step < u32::MAX / 4 || ticks >> 32 > 400, "{step}: {ticks}");
            }
        }
    }

    #[test]
    fn steps_of_every_length_add_up_and_it_never_runs_backwards() {
        for rate in RATES {
            let (mut clock, mut ticks, mut before) = (TickClock::new(rate), 0_u64, Instant::ZERO);
            let mut step = 1_u32;
            for _ in 0..20_000 {
                step = step.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                ticks += u64::from(step >> (step % 32));
                let now = clock.now(ticks as u32);
                assert!(now >= before, "{rate}");
                assert_eq!(now.as_micros(), exactly(ticks, rate), "{rate}");
                assert_eq!(clock.now(ticks as u32), now, "{rate}");
                before = now;
            }
            assert!(ticks >> 32 > 100, "{ticks}");
        }
    }

    #[test]
    fn who_misses_a_round_is_behind_by_one() {
        let mut clock = TickClock::new(1_000);
        assert_eq!(clock.now(5), Instant::from_millis(5));
        // 2^32 milliseconds later.
        assert_eq!(clock.now(5), Instant::from_millis(5));
    }

    #[test]
    fn a_counter_that_does_not_count_is_no_reason_to_panic() {
        let mut clock = TickClock::new(0);
        assert_eq!(clock.now(77), Instant::ZERO);
        assert_eq!(clock.now(u32::MAX), Instant::ZERO);
        assert_eq!(clock.ticks_until(Some(Instant::from_secs(1))), HALF);
    }

    #[test]
    fn time_saturates_at_its_end() {
        let mut clock = TickClock::new(1);
        clock.micros = u64::MAX - 1;
        assert_eq!(clock.now(1), Instant::from_micros(u64::MAX));
        assert_eq!(clock.now(2), Instant::from_micros(u64::MAX));
    }

    #[test]
    fn a_deadline_is_met_with_its_tick_and_not_before() {
        for rate in RATES {
            for begin in [0, 1, 7, 0x7fff_ffff, u32::MAX - 3] {
                let mut clock = TickClock::new(rate);
                let now = clock.now(begin);
                for micros in [0, 1, 2, 31, 999, 1_000_000, 250_000_000, 86_400_000_000] {
                    let deadline = Instant::from_micros(now.as_micros() + micros);
                    let ticks = clock.ticks_until(Some(deadline));
                    let at = |ticks: u32| {
                        let mut later = clock;
                        later.now(begin.wrapping_add(ticks))
                    };
                    if ticks < HALF {
                        assert!(at(ticks) >= deadline, "{rate} {begin} {micros}: {ticks}");
                    } else {
                        assert!(exactly(HALF.into(), rate) <= micros + 1, "{rate} {micros}");
                    }
                    if ticks > 0 {
                        assert!(at(ticks - 1) < deadline, "{rate} {begin} {micros}: {ticks}");
                    }
                }
            }
        }
        let clock = TickClock::new(1_000);
        assert_eq!(clock.ticks_until(None), HALF);
        assert_eq!(
            clock.ticks_until(Some(Instant::from_micros(u64::MAX))),
            HALF
        );
    }

    /// How many HELLOs a member sends in the ten seconds around the wrap of a millisecond counter, before and after it,
    /// and in how many seconds it wants to be called then. Time is what `clock` makes of the counter.
    fn hellos_around_the_wrap(mut clock: impl FnMut(u32) -> Instant) -> ([usize; 2], u64) {
        let config = Config::new("239.1.2.3:12345".parse().unwrap());
        let mut member = Group::new(Tiny::new(), config, [1; 32]).unwrap();
        let (mut hellos, mut buffer) = ([0; 2], [0; 1472]);
        let mut now = Instant::ZERO;
        for count in (u32::MAX - 4_999..=u32::MAX).chain(0..5_000) {
            now = clock(count);
            while let Some(transmit) = member.poll_transmit(now, &mut buffer).unwrap() {
                let (_, mut frames) = wire::parse(&buffer[..transmit.len]).unwrap();
                let is_hello = matches!(frames.next(), Some(Ok(Frame::Hello(_))));
                hellos[usize::from(count < 5_000)] += usize::from(is_hello);
            }
        }
        let deadline = member.next_deadline().unwrap();
        (hellos, now.until(deadline).as_secs())
    }

    #[test]
    fn a_member_goes_on_after_49_days_and_falls_silent_with_the_bare_counter() {
        let mut clock = TickClock::new(1_000);
        let (hellos, wait) = hellos_around_the_wrap(|count| clock.now(count));
        assert!(hellos[0] >= 4 && hellos[1] >= 4, "{hellos:?}");
        assert!(wait <= 2, "{wait}");
        let bare = |count: u32| Instant::from_millis(count.into());
        let (hellos, wait) = hellos_around_the_wrap(bare);
        assert!(hellos[0] >= 4 && hellos[1] == 0, "{hellos:?}");
        // Nobody is told, and it asks for nothing for 49 days.
        assert_eq!(wait / 86_400, 49);
    }
}
