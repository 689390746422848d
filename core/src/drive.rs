//! The async face of a node: on `core::task` alone, for any executor.

mod driver;
mod node;

use core::task::{Context, Poll};
use core::time::Duration;

use crate::multicast::UdpMulticast;
use crate::time::Instant;

pub use driver::{Driver, NotQueued};
pub use node::AsyncNode;

/// What tells a task that the time has come, or that something arrived: the part of a runtime that an
/// [`AsyncNode`] needs.
///
/// Each `poll_…` returns `Ready` if what it waits for is there, and otherwise sees to it that the task of `cx` is
/// woken when it is. It must look after it has registered the task, or in one step with it: what comes in between is
/// otherwise missed. One task waits at a time, so it needs to keep only the last waker. It may wake the task, or
/// return `Ready`, for nothing, but not for ever.
///
/// ```
/// use core::task::{Context, Poll};
/// use groupcast::multicast::UdpMulticast;
/// use groupcast::{Instant, Reactor};
///
/// /// For boards that sleep until an interrupt, whatever it is: each of them, the timer's too, wakes the task.
/// struct Interrupts {
///     read_timer: fn() -> u64,
///     wake_with_the_next: fn(&core::task::Waker),
/// }
///
/// impl<S: UdpMulticast> Reactor<S> for Interrupts {
///     fn now(&self) -> Instant {
///         Instant::from_micros((self.read_timer)())
///     }
///
///     fn poll_at(&mut self, cx: &mut Context<'_>, at: Option<Instant>) -> Poll<()> {
///         (self.wake_with_the_next)(cx.waker());
///         match at {
///             Some(at) if at <= Reactor::<S>::now(self) => Poll::Ready(()),
///             _ => Poll::Pending,
///         }
///     }
///
///     fn poll_readable(
///         &mut self,
///         cx: &mut Context<'_>,
///         stack: &mut S,
///         group: Option<&S::UdpSocket>,
///         own: &S::UdpSocket,
///     ) -> Poll<Result<(), S::Error>> {
///         (self.wake_with_the_next)(cx.waker());
///         // A real one asks the stack here whether a datagram waits.
/// #       let _ = (stack, group, own);
///         Poll::Pending
///     }
/// }
/// ```
pub trait Reactor<S: UdpMulticast> {
    /// When to try again to send what the stack had no room for, if
    /// [`poll_writable`](Self::poll_writable) has not woken the task before. One that can wait for room may have it longer.
    const RETRY: Duration = Duration::from_millis(1);

    /// The time. It never runs backwards.
    fn now(&self) -> Instant;

    /// Waits until this time; `None`: for ever. It may be ready sooner, for what a stack has to do by itself now and then.
    fn poll_at(&mut self, cx: &mut Context<'_>, at: Option<Instant>) -> Poll<()>;

    /// Waits until a datagram can be received from one of these sockets: the group's, if there is one, and the node's
    /// own. All that was there before has been read.
    ///
    /// # Errors
    ///
    /// It cannot wait for sockets any more, since the runtime ends, say.
    fn poll_readable(
        &mut self,
        cx: &mut Context<'_>,
        stack: &mut S,
        group: Option<&S::UdpSocket>,
        own: &S::UdpSocket,
    ) -> Poll<Result<(), S::Error>>;

    /// Waits until this socket has room for a datagram. Without an implementation it is not waited for, but tried again
    /// after [`RETRY`](Self::RETRY).
    fn poll_writable(
        &mut self,
        cx: &mut Context<'_>,
        stack: &mut S,
        own: &S::UdpSocket,
    ) -> Poll<()> {
        let _ = (cx, stack, own);
        Poll::Pending
    }
}
