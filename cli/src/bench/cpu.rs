//! What a process has used of the processor.

use core::time::Duration;

/// The processor time of this process, where the system tells it.
#[derive(Clone, Copy, Debug)]
pub(super) struct CpuTime(Option<Duration>);

impl CpuTime {
    /// Until now.
    #[cfg(unix)]
    pub(super) fn now() -> Self {
        use rustix::time::{ClockId, clock_gettime};
        let time = clock_gettime(ClockId::ProcessCPUTime);
        Self(Duration::try_from(time).ok())
    }

    /// Until now.
    #[cfg(not(unix))]
    pub(super) const fn now() -> Self {
        Self(None)
    }

    /// From then until this.
    pub(super) fn since(self, before: Self) -> Option<Duration> {
        Some(self.0?.saturating_sub(before.0?))
    }
}
