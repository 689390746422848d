//! How often the member's task is polled.

use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::sync::atomic::{AtomicU32, Ordering};

static POLLS: AtomicU32 = AtomicU32::new(0);

/// How often the member's task was polled since power-on. The count wraps.
pub fn polls() -> u32 {
    POLLS.load(Ordering::Relaxed)
}

/// The future of the member's task, each poll of which is counted. It is pinned already: to be moved into this one, it would
/// need its memory twice.
pub fn counted<F: Future>(mut future: Pin<&mut F>) -> impl Future<Output = F::Output> {
    poll_fn(move |cx| {
        POLLS.fetch_add(1, Ordering::Relaxed);
        future.as_mut().poll(cx)
    })
}
