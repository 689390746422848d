//! What wakes a task of embassy.

use core::task::{Context, Poll};

use embassy_time::Duration;
use groupcast::{Instant, Reactor};

use crate::error::Error;
use crate::socket::Socket;
use crate::stack::EmbassyStack;

/// The longest that a task sleeps for a deadline, so that no time is too large for the clock.
const LONGEST: core::time::Duration = core::time::Duration::from_secs(3600);

/// The [`Reactor`] of embassy-net and embassy-time, for a node on an [`EmbassyStack`]. [`EmbassyStack::join`] makes one.
///
/// The time is that since the chip's start. While a group is joined the task is woken after 1.5 s, if nothing else wakes
/// it before: embassy-net answers routers only when its own task is woken, and does not wake it for that.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct EmbassyReactor;

fn now() -> Instant {
    Instant::from_micros(embassy_time::Instant::now().as_micros())
}

impl<const SOCKETS: usize> Reactor<EmbassyStack<'_, SOCKETS>> for EmbassyReactor {
    /// The sockets wake the task when there is room.
    const RETRY: core::time::Duration = core::time::Duration::from_secs(1);

    fn now(&self) -> Instant {
        now()
    }

    fn poll_at(&mut self, cx: &mut Context<'_>, at: Option<Instant>) -> Poll<()> {
        let Some(at) = at else {
            return Poll::Pending;
        };
        let now = now();
        if at <= now {
            return Poll::Ready(());
        }
        // Rounded up: a tick earlier, it would not be time yet.
        let at = Duration::from_micros(at.min(now + LONGEST).as_micros());
        embassy_time_driver::schedule_wake(at.as_ticks(), cx.waker());
        Poll::Pending
    }

    fn poll_readable(
        &mut self,
        cx: &mut Context<'_>,
        stack: &mut EmbassyStack<'_, SOCKETS>,
        group: Option<&Socket>,
        own: &Socket,
    ) -> Poll<Result<(), Error>> {
        stack.tend(cx);
        // Both, each time: a socket wakes its task once.
        let mut arrived = stack.poll_arrived(cx, own);
        if let Some(group) = group
            && let Poll::Ready(result) = stack.poll_arrived(cx, group)
        {
            arrived = Poll::Ready(result);
        }
        arrived
    }

    fn poll_writable(
        &mut self,
        cx: &mut Context<'_>,
        stack: &mut EmbassyStack<'_, SOCKETS>,
        _: &Socket,
    ) -> Poll<()> {
        stack.poll_room(cx)
    }
}
