//! How many messages may be sent by now.

use core::time::Duration;
use std::time::Instant;

/// The longest time to wait at once.
const PAUSE: Duration = Duration::from_millis(5);

/// A steady rate, or none.
#[derive(Debug)]
pub(super) struct Rate {
    per_second: Option<u32>,
    start: Instant,
}

impl Rate {
    pub(super) fn new(per_second: Option<u32>) -> Self {
        Self {
            per_second,
            start: Instant::now(),
        }
    }

    /// How many may be sent now, after this many.
    pub(super) fn room(&self, sent: u64) -> u32 {
        let Some(per_second) = self.per_second else {
            return u32::MAX;
        };
        let due = self.start.elapsed().as_secs_f64() * f64::from(per_second);
        // The first is due at once.
        let due = due as u64 + 1;
        u32::try_from(due.saturating_sub(sent)).unwrap_or(u32::MAX)
    }

    /// How long to wait until there is room for another one.
    pub(super) fn pause(&self) -> Duration {
        self.per_second.map_or(PAUSE, |per_second| {
            PAUSE.min(Duration::from_secs(1) / per_second)
        })
    }
}
