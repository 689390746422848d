//! Time inside the engine: 32 bits of microseconds.
//!
//! ```text
//!   0            STEP           2 STEP                       2^32
//!   ├──────────────┼───── now ─────┼───────────────────────────┤
//!    what was                       what is to be
//! ```
//!
//! A board computes with 32 bits at a time, and 32 bits of microseconds last 71 minutes. So the present is kept in
//! the second quarter: whenever it would leave that, everything that is kept becomes older by as many
//! [steps](STEP) as have passed, which are counted in 64 bits. What is older than a step stays so old: whoever is
//! to be remembered longer counts steps. Nothing may be planned for later than two steps from now.
//!
//! Every life begins three seconds before the first such step, so that whoever forgets to age something is found
//! by whatever runs for longer than that.

use core::num::NonZeroU32;
use core::ops::Add;
use core::time::Duration;

use super::Instant;

/// What is kept becomes older by this much at a time: 2^30 microseconds, 17.9 minutes.
const STEP_BITS: u32 = 30;
const STEP: u32 = 1 << STEP_BITS;

/// A moment in the engine, in microseconds. It is never 0, so that `None` of one is, and takes no room.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Tick(NonZeroU32);

impl Tick {
    /// At least [`STEP`] ago, whenever that is.
    pub(crate) const LONG_AGO: Self = Self(NonZeroU32::MIN);

    /// When every life begins.
    const START: Self = Self::of(2 * STEP - 3_000_000);

    const fn of(micros: u32) -> Self {
        match NonZeroU32::new(micros) {
            Some(micros) => Self(micros),
            None => Self::LONG_AGO,
        }
    }

    /// Microseconds, for what differences are taken of; they jump back when time [ages](Ageing).
    pub(crate) const fn micros(self) -> u32 {
        self.0.get()
    }

    /// The time from `earlier` to `self`, zero if `earlier` is later.
    pub(crate) const fn span_since(self, earlier: Self) -> Span {
        Span(self.micros().saturating_sub(earlier.micros()))
    }

    /// The time from `self` to `later`, zero if `later` is past.
    pub(crate) const fn span_until(self, later: Self) -> Span {
        later.span_since(self)
    }

    /// So many milliseconds after the start.
    #[cfg(test)]
    pub(crate) const fn from_millis(millis: u32) -> Self {
        Self(Self::START.0.saturating_add(millis.saturating_mul(1_000)))
    }
}

impl Add<Span> for Tick {
    type Output = Self;

    /// Saturates at the end of what can be planned.
    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

/// A length of time inside the engine, in microseconds. All that computes with it saturates, at 71 minutes.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) struct Span(u32);

impl Span {
    pub(crate) const ZERO: Self = Self(0);
    pub(crate) const MAX: Self = Self(u32::MAX);

    /// Saturates.
    pub(crate) const fn of(duration: Duration) -> Self {
        let seconds = duration.as_secs();
        if seconds > Self::MAX.0 as u64 / 1_000_000 {
            return Self::MAX;
        }
        // No more than 4,294.
        Self::from_secs(seconds as u32).saturating_add(Self(duration.subsec_micros()))
    }

    pub(crate) const fn from_micros(micros: u32) -> Self {
        Self(micros)
    }

    pub(crate) const fn from_millis(millis: u32) -> Self {
        Self(millis.saturating_mul(1_000))
    }

    pub(crate) const fn from_secs(secs: u32) -> Self {
        Self(secs.saturating_mul(1_000_000))
    }

    pub(crate) const fn as_micros(self) -> u32 {
        self.0
    }

    pub(crate) const fn as_millis(self) -> u32 {
        self.0 / 1_000
    }

    pub(crate) const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    pub(crate) const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    pub(crate) const fn saturating_mul(self, factor: u32) -> Self {
        Self(self.0.saturating_mul(factor))
    }

    /// `None` if `divisor` is 0.
    pub(crate) const fn checked_div(self, divisor: u32) -> Option<Self> {
        match self.0.checked_div(divisor) {
            Some(micros) => Some(Self(micros)),
            None => None,
        }
    }
}

/// By how much everything that is kept becomes older. Each room has an `age` that names all of its fields: who adds
/// one is asked by the compiler whether it ages.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Ageing {
    micros: u32,
    /// How many steps that are.
    pub(crate) steps: u8,
}

impl Ageing {
    /// By so many steps.
    pub(crate) const fn by(steps: u64) -> Self {
        let most = if steps < u8::MAX as u64 {
            steps
        } else {
            u8::MAX as u64
        };
        Self {
            micros: if steps < 1 << (u32::BITS - STEP_BITS) {
                // No more than three of them.
                STEP.wrapping_mul(most as u32)
            } else {
                u32::MAX
            },
            steps: most as u8,
        }
    }

    /// Makes a moment older.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) const fn tick(self, at: &mut Tick) {
        *at = Tick::of(at.micros().saturating_sub(self.micros));
    }

    /// Makes a moment older, if there is one.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) const fn maybe(self, at: &mut Option<Tick>) {
        if let Some(at) = at {
            self.tick(at);
        }
    }

    /// Forgets a moment that is older than a step.
    pub(crate) const fn or_forget(self, at: &mut Option<Tick>) {
        self.maybe(at);
        if let Some(Tick::LONG_AGO) = at {
            *at = None;
        }
    }
}

/// The border between the caller's time, of 64 bits, and the engine's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    /// The latest time that the caller passed, and what that is in here; `None` before the first.
    caller: Instant,
    now: Option<Tick>,
    /// The steps so far, in microseconds, modulo 2^32.
    past: u32,
    #[cfg(test)]
    start: Tick,
}

impl Clock {
    pub(crate) const fn new() -> Self {
        Self {
            caller: Instant::ZERO,
            now: None,
            past: 0,
            #[cfg(test)]
            start: Tick::START,
        }
    }

    /// When the life begins.
    const fn start(&self) -> Tick {
        #[cfg(test)]
        return self.start;
        #[cfg(not(test))]
        Tick::START
    }

    /// Begins so long before everything ages for the first time.
    #[cfg(test)]
    pub(crate) fn begin_before_ageing(&mut self, span: Span) {
        assert!(self.now.is_none() && span > Span::ZERO);
        self.start = Tick::of(2 * STEP - span.0);
    }

    /// The latest time heard of; `None` before the first.
    pub(crate) const fn now(&self) -> Option<Tick> {
        self.now
    }

    /// The caller's time is this. It never runs backwards. With the present comes by how much everything else is
    /// older now, if that is a step or more.
    pub(crate) const fn advance(&mut self, caller: Instant) -> (Tick, Option<Ageing>) {
        let Some(before) = self.now else {
            let start = self.start();
            self.caller = caller;
            self.now = Some(start);
            return (start, None);
        };
        let passed = caller.as_micros().saturating_sub(self.caller.as_micros());
        if passed == 0 {
            return (before, None);
        }
        self.caller = caller;
        // What is no whole step, of both: below two steps. The present is between one step and two.
        let within = (passed as u32 % STEP).wrapping_add(before.micros() % STEP);
        let steps = (passed >> STEP_BITS).wrapping_add((within / STEP) as u64);
        let now = Tick::of(STEP | (within % STEP));
        self.now = Some(now);
        if steps == 0 {
            return (now, None);
        }
        self.past = self.past.wrapping_add((steps as u32) << STEP_BITS);
        (now, Some(Ageing::by(steps)))
    }

    /// A moment as the low 32 bits of a clock that never jumps. It began with 0.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) const fn stamp(&self, at: Tick) -> u32 {
        let since = at.micros().wrapping_sub(self.start().micros());
        since.wrapping_add(self.past)
    }

    /// A moment in the caller's time; saturates.
    pub(crate) const fn told(&self, at: Tick) -> Instant {
        let caller = self.caller.as_micros();
        let Some(now) = self.now else {
            return self.caller;
        };
        let ahead = now.span_until(at).0 as u64;
        let behind = now.span_since(at).0 as u64;
        Instant::from_micros(caller.saturating_add(ahead).saturating_sub(behind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: u64 = 60_000_000;

    /// Lengths of time for which nobody calls.
    const PAUSES: [u64; 12] = [
        0,
        1,
        STEP as u64 - 1,
        STEP as u64,
        36 * MINUTE,
        (1 << 32) - 1,
        1 << 32,
        (1 << 32) + 1,
        25 * 60 * MINUTE,
        1 << 47,
        u64::MAX - 20_000_000,
        u64::MAX,
    ];

    /// A clock, and what it showed first.
    fn begun(caller: u64) -> (Clock, Tick) {
        let mut clock = Clock::new();
        let (first, ageing) = clock.advance(Instant::from_micros(caller));
        assert_eq!((first, ageing), (Tick::START, None));
        (clock, first)
    }

    #[test]
    fn the_present_has_a_past_and_a_future_however_long_nobody_called() {
        for caller in [0, 17, 1 << 40] {
            for pause in PAUSES {
                let (mut clock, mut first) = begun(caller);
                let later = Instant::from_micros(caller.saturating_add(pause));
                let pause = later.as_micros() - caller;
                let (now, ageing) = clock.advance(later);
                assert!((STEP..2 * STEP).contains(&now.micros()), "{pause}");
                // To the microsecond, what is kept is so old, or as old as a step.
                if let Some(ageing) = ageing {
                    ageing.tick(&mut first);
                }
                let age = u64::from(now.span_since(first).as_micros());
                let is_right = age == pause || (age < pause && first == Tick::LONG_AGO);
                assert!(is_right, "{pause}: {age}");
                assert!(age >= pause.min(STEP.into()) - u64::from(pause >= STEP.into()));
                assert_eq!(clock.stamp(now), pause as u32, "{pause}");
                assert_eq!(clock.told(now), later, "{pause}");
                let (again, ageing) = clock.advance(later);
                assert_eq!((again, ageing), (now, None), "{pause}");
            }
        }
    }

    #[test]
    fn in_small_steps_and_at_once_the_same_time_passes() {
        for pause in [40 * MINUTE, 1 << 32, 150 * MINUTE + 7] {
            let ((mut slow, _), (mut quick, _)) = (begun(5), begun(5));
            let (mut steps, mut at) = (0, 5);
            while at < 5 + pause {
                at = (at + 7_000_003).min(5 + pause);
                steps += slow
                    .advance(Instant::from_micros(at))
                    .1
                    .map_or(0, |it| it.steps);
            }
            let (now, ageing) = quick.advance(Instant::from_micros(at));
            assert_eq!(slow.now(), Some(now), "{pause}");
            assert_eq!(steps, ageing.unwrap().steps, "{pause}");
            assert_eq!(slow.stamp(now), quick.stamp(now), "{pause}");
        }
    }

    #[test]
    fn a_clock_that_runs_backwards_stands() {
        let (mut clock, first) = begun(9_000_000);
        for caller in [8_999_999, 0] {
            assert_eq!(clock.advance(Instant::from_micros(caller)), (first, None));
        }
        let (now, _) = clock.advance(Instant::from_micros(9_000_001));
        assert_eq!(now.span_since(first), Span::from_micros(1));
    }

    #[test]
    fn what_is_planned_is_told_in_the_callers_time() {
        let (mut clock, _) = begun(100);
        let (now, _) = clock.advance(Instant::from_micros(1_000));
        let at = |at| clock.told(at).as_micros();
        assert_eq!(at(now + Span::from_micros(7)), 1_007);
        assert_eq!(at(Tick::of(now.micros() - 8)), 992);
        assert_eq!(at(Tick::LONG_AGO), 0, "the caller's time has no more past");
        let (mut last, _) = begun(u64::MAX - 3);
        let (now, _) = last.advance(Instant::from_micros(u64::MAX));
        assert_eq!(last.told(now + Span::from_secs(1)).as_micros(), u64::MAX);
    }

    #[test]
    fn by_four_steps_and_more_everything_is_old() {
        for steps in [1, 2, 3, 4, 5, 255, 256, u64::MAX] {
            let ageing = Ageing::by(steps);
            assert_eq!(u64::from(ageing.steps), steps.min(255));
            let mut due = Tick::of(u32::MAX);
            ageing.tick(&mut due);
            let left = u64::from(u32::MAX).saturating_sub(steps.saturating_mul(STEP.into()));
            assert_eq!(u64::from(due.micros()), left.max(1), "{steps}");
            let (mut some, mut none) = (Some(Tick::START), None);
            ageing.or_forget(&mut some);
            ageing.maybe(&mut none);
            assert_eq!((some.is_some(), none), (steps < 2, None), "{steps}");
        }
    }

    #[test]
    fn no_length_of_time_is_too_long_to_be_computed_with() {
        let most = u64::from(u32::MAX);
        for micros in [0, 1, 999_999, 1_000_000, most - 1, most, most + 1, u64::MAX] {
            let span = Span::of(Duration::from_micros(micros));
            assert_eq!(u64::from(span.as_micros()), micros.min(most), "{micros}");
        }
        assert_eq!(Span::of(Duration::MAX), Span::MAX);
        assert_eq!(Span::MAX.saturating_add(Span::MAX), Span::MAX);
        assert_eq!(Span::MAX.saturating_mul(3), Span::MAX);
        assert_eq!(Tick::START + Span::MAX, Tick::of(u32::MAX));
        assert_eq!(Tick::LONG_AGO.span_since(Tick::START), Span::ZERO);
    }
}
