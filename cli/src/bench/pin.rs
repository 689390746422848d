//! Which processor a process runs on: round trips take two very different times otherwise.

/// One for each end.
#[derive(Clone, Copy, Debug)]
pub(super) enum Processor {
    First,
    Second,
}

/// Keeps this thread, and those it starts, on the first of two processors that it may use, or on the
/// second. Whether there are two and it was possible.
#[cfg(target_os = "linux")]
pub(super) fn pin(processor: Processor) -> bool {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
    let Ok(allowed) = sched_getaffinity(None) else {
        return false;
    };
    let mut usable = (0..CpuSet::MAX_CPU).filter(|cpu| allowed.is_set(*cpu));
    let (Some(first), Some(second)) = (usable.next(), usable.next()) else {
        return false;
    };
    let mut only = CpuSet::new();
    only.set(match processor {
        Processor::First => first,
        Processor::Second => second,
    });
    sched_setaffinity(None, &only).is_ok()
}

/// Not known how on this system.
#[cfg(not(target_os = "linux"))]
pub(super) const fn pin(_processor: Processor) -> bool {
    false
}
