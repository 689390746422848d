//! How often the board wakes up: what its battery would notice.

use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::sync::atomic::{AtomicU32, Ordering};

static POLLS: AtomicU32 = AtomicU32::new(0);
static SLEEPS: AtomicU32 = AtomicU32::new(0);

/// How often it woke up since power-on. The counts wrap.
pub struct Wakes {
    /// How often the member's task was polled.
    pub member: u32,
    /// How often the processor was asleep.
    pub processor: u32,
}

impl Wakes {
    /// Until now.
    pub fn now() -> Self {
        Self {
            member: POLLS.load(Ordering::Relaxed),
            processor: SLEEPS.load(Ordering::Relaxed),
        }
    }
}

/// The future of the member's task, each poll of which is counted. It is pinned already: to be moved into this one, it would
/// need its memory twice.
pub fn counted<F: Future>(mut future: Pin<&mut F>) -> impl Future<Output = F::Output> {
    poll_fn(move |cx| {
        POLLS.fetch_add(1, Ordering::Relaxed);
        future.as_mut().poll(cx)
    })
}

pub(crate) fn count_sleep() {
    SLEEPS.fetch_add(1, Ordering::Relaxed);
}
