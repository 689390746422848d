//! The time of a desktop, as the core wants it.

use core::time::Duration;

use groupcast::Instant;

/// A monotonic clock that starts at zero when it is made.
///
/// Members of one program that compare times should share one clock: a `Clock` is `Copy`.
/// The time that the machine sleeps counts: whoever is sent something that was held back meanwhile is to know
/// how old it is.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Duration,
}

/// The time since some moment, sleep included.
#[cfg(unix)]
fn elapsed() -> Duration {
    use rustix::time::{ClockId, clock_gettime};

    // Elsewhere than on Linux the monotonic clock counts sleep, too.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    const CLOCK: ClockId = ClockId::Boottime;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    const CLOCK: ClockId = ClockId::Monotonic;

    Duration::try_from(clock_gettime(CLOCK)).unwrap_or_default()
}

/// The time since some moment, sleep included.
#[cfg(not(unix))]
fn elapsed() -> Duration {
    use std::sync::OnceLock;
    use std::time::Instant as StdInstant;

    static START: OnceLock<StdInstant> = OnceLock::new();
    START.get_or_init(StdInstant::now).elapsed()
}

impl Clock {
    /// Starts a clock.
    #[must_use]
    pub fn new() -> Self {
        Self { start: elapsed() }
    }

    /// The time since this clock was made, in microseconds.
    #[must_use]
    pub fn now(&self) -> Instant {
        let time = elapsed().saturating_sub(self.start);
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        Instant::from_micros(micros)
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_starts_near_zero_and_never_goes_back() {
        let clock = Clock::new();
        let first = clock.now();
        assert!(first < Instant::from_millis(60_000));
        assert!(clock.now() >= first);
    }
}
