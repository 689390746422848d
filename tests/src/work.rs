//! How long members are busy: a backstop, which only far too much work runs into.
//!
//! The unit is time of the processor that this thread had, so a busy machine does not matter. Work is counted
//! where it is known: by the engine's own tests, and by `tests/labs/instructions`.

use core::time::Duration;

/// Looks at the processor's time from moment to moment.
#[derive(Debug)]
pub(crate) struct Work {
    most: Duration,
    before: Option<Duration>,
}

impl Work {
    /// From now on, `most` may be taken from look to look.
    pub(crate) fn new(most: Duration) -> Self {
        let before = spent();
        Self { most, before }
    }

    /// What is wrong with the time since the last look.
    pub(crate) fn too_much(&mut self) -> Option<String> {
        let now = spent();
        let took = now
            .zip(self.before)
            .map(|(now, before)| now.saturating_sub(before));
        self.before = now;
        took.filter(|took| *took > self.most)
            .map(|took| format!("it took {took:?} of the processor's time"))
    }
}

/// The time that this thread has had of a processor; `None` where the system does not say.
fn spent() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanos = text.split(' ').next()?.parse().ok()?;
    Some(Duration::from_nanos(nanos))
}
