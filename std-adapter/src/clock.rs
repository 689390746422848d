//! The time of a desktop, as the core wants it.

use std::time::Instant as StdInstant;

use groupcast::Instant;

/// A monotonic clock that starts at zero when it is made.
///
/// Members of one program that compare times should share one clock: a `Clock` is `Copy`.
/// Where the system stops its monotonic clock while the machine sleeps (Linux, macOS), so does this.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: StdInstant,
}

impl Clock {
    /// Starts a clock.
    #[must_use]
    pub fn new() -> Self {
        Self {
            start: StdInstant::now(),
        }
    }

    /// The time since this clock was made, in microseconds.
    #[must_use]
    pub fn now(&self) -> Instant {
        let micros = u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX);
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
