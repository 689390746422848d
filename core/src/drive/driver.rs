//! Driving a node from a task.

use core::fmt;
use core::task::{Context, Poll, ready};

use super::Reactor;
use crate::any_node::AnyNode;
use crate::application::{Application, Endpoint, turn};
use crate::error::SendError;
use crate::event::Event;
use crate::time::{Instant, earliest};

/// So many rounds of a node are done before the other tasks of the executor have their turn.
const ROUNDS: u8 = 8;

/// After so many calls others have their turn, too: a task that never has to wait would keep them from it.
const CALLS: u8 = 64;

/// Drives a node with a [`Reactor`]: what is in an [`AsyncNode`](super::AsyncNode) beside the node, for those who keep the
/// node somewhere else and write their futures by hand.
///
/// Each `poll_…` is asked again and again until it is ready, as a future is; it keeps nothing of one call for the
/// next, so one that is not ready can be given up for another at any time. When it is pending, the task will be woken. It
/// is pending now and then although it need not wait, and has then woken the task itself: so that other tasks have
/// their turn.
#[derive(Debug)]
pub struct Driver<R> {
    reactor: R,
    /// Calls since others had their turn.
    calls: u8,
}

/// Why a message was not queued.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum NotQueued<E> {
    /// It can never be sent.
    Send(SendError),
    /// There is no room for it, and the network stack reported something while the task waited. Trying again may work.
    Stack(E),
}

impl<E: fmt::Display> fmt::Display for NotQueued<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send(error) => error.fmt(f),
            Self::Stack(error) => error.fmt(f),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> core::error::Error for NotQueued<E> {}

impl<R> Driver<R> {
    /// A driver.
    pub const fn new(reactor: R) -> Self {
        Self { reactor, calls: 0 }
    }

    /// The reactor.
    pub const fn reactor(&self) -> &R {
        &self.reactor
    }

    /// Gives the reactor back.
    pub fn into_reactor(self) -> R {
        self.reactor
    }

    /// Is ready when an event waits in the node: take it with its `take_event`.
    ///
    /// # Errors
    ///
    /// What the stack reports. The node goes on: ask again.
    pub fn poll_recv<N: AnyNode>(
        &mut self,
        cx: &mut Context<'_>,
        node: &mut N,
    ) -> Poll<Result<(), N::Error>>
    where
        R: Reactor<N::Stack>,
    {
        ready!(self.poll_turn(cx));
        // A datagram has many messages, and to ask the time for each takes longer than the rest.
        if node.find() {
            return Poll::Ready(Ok(()));
        }
        self.poll_rounds(cx, node, |node, _| node.has_event().then_some(()))
    }

    /// Queues a message, as soon as there is room for it, by this `queue`. Events that come until then go to `meanwhile`:
    /// among what arrives is what makes room.
    ///
    /// # Errors
    ///
    /// Why it is not queued.
    pub fn poll_queue<N: AnyNode, T>(
        &mut self,
        cx: &mut Context<'_>,
        node: &mut N,
        mut queue: impl FnMut(&mut N, Instant) -> Result<T, SendError>,
        mut meanwhile: impl FnMut(Event<'_>),
    ) -> Poll<Result<T, NotQueued<N::Error>>>
    where
        R: Reactor<N::Stack>,
    {
        let mut queue = |node: &mut N, now| match queue(node, now) {
            Err(SendError::QueueFull) => None,
            result => Some(result.map_err(NotQueued::Send)),
        };
        ready!(self.poll_turn(cx));
        if let Some(result) = queue(node, self.reactor.now()) {
            return Poll::Ready(result);
        }
        let result = ready!(self.poll_rounds(cx, node, |node, now| {
            if let Some(event) = node.take_event() {
                meanwhile(event);
            }
            queue(node, now)
        }));
        Poll::Ready(result.unwrap_or_else(|error| Err(NotQueued::Stack(error))))
    }

    /// Is ready when all that is due now is handed over to the stack. It does not receive.
    pub fn poll_flush<N: AnyNode>(&mut self, cx: &mut Context<'_>, node: &mut N) -> Poll<()>
    where
        R: Reactor<N::Stack>,
    {
        ready!(self.poll_turn(cx));
        for _ in 0..ROUNDS {
            let now = self.reactor.now();
            if node.flush(now) {
                return Poll::Ready(());
            }
            ready!(self.poll_room(cx, node, now, None));
        }
        self.yield_now(cx);
        Poll::Pending
    }

    /// Leaves the group: is ready when what was queued is sent and the others are told. What arrives meanwhile is not
    /// told any more.
    ///
    /// # Errors
    ///
    /// What the stack reports. The node goes on: ask again.
    pub fn poll_leave<N: AnyNode>(
        &mut self,
        cx: &mut Context<'_>,
        node: &mut N,
    ) -> Poll<Result<(), N::Error>>
    where
        R: Reactor<N::Stack>,
    {
        node.at(self.reactor.now()).leave();
        self.poll_until(cx, node, |node, _| {
            node.take_event();
            node.has_left().then_some(())
        })
    }

    /// Sends and receives until `is_done` returns something. It is asked after each round, at this time, and has to
    /// take the event that waits in the node, if it wants to go on: nothing is received before.
    ///
    /// # Errors
    ///
    /// What the stack reports. The node goes on: ask again.
    pub fn poll_until<N: AnyNode, T>(
        &mut self,
        cx: &mut Context<'_>,
        node: &mut N,
        is_done: impl FnMut(&mut N, Instant) -> Option<T>,
    ) -> Poll<Result<T, N::Error>>
    where
        R: Reactor<N::Stack>,
    {
        ready!(self.poll_turn(cx));
        self.poll_rounds(cx, node, is_done)
    }

    /// Runs an application until it has left the group: takes turns as [`Node::run`](crate::Node::run) does, and waits
    /// between them.
    ///
    /// # Errors
    ///
    /// What the stack reports. Node and application go on: ask again.
    pub fn poll_run<N: AnyNode>(
        &mut self,
        cx: &mut Context<'_>,
        node: &mut N,
        application: &mut impl Application,
    ) -> Poll<Result<(), N::Error>>
    where
        R: Reactor<N::Stack>,
    {
        ready!(self.poll_turn(cx));
        for _ in 0..ROUNDS {
            if node.has_left() {
                return Poll::Ready(Ok(()));
            }
            let now = self.reactor.now();
            let wake = turn(node, now, application)?;
            ready!(self.poll_wake(cx, node, now, wake))?;
        }
        self.yield_now(cx);
        Poll::Pending
    }

    fn poll_rounds<N: AnyNode, T>(
        &mut self,
        cx: &mut Context<'_>,
        node: &mut N,
        mut is_done: impl FnMut(&mut N, Instant) -> Option<T>,
    ) -> Poll<Result<T, N::Error>>
    where
        R: Reactor<N::Stack>,
    {
        for _ in 0..ROUNDS {
            let now = self.reactor.now();
            node.attend(now)?;
            let had_event = node.has_event();
            if let Some(done) = is_done(node, now) {
                return Poll::Ready(Ok(done));
            }
            // Behind an event there may be more to receive.
            if !had_event {
                ready!(self.poll_wake(cx, node, now, None))?;
            }
        }
        self.yield_now(cx);
        Poll::Pending
    }

    /// Waits until the node has something to do, until this time at most. All that had arrived has been read.
    fn poll_wake<N: AnyNode>(
        &mut self,
        cx: &mut Context<'_>,
        node: &mut N,
        now: Instant,
        latest: Option<Instant>,
    ) -> Poll<Result<(), N::Error>>
    where
        R: Reactor<N::Stack>,
    {
        let due = earliest(latest, node.next_deadline());
        if due.is_some_and(|due| due <= now) {
            return Poll::Ready(Ok(()));
        }
        let timer = if node.is_blocked() {
            self.poll_room(cx, node, now, latest)
        } else {
            self.reactor.poll_at(cx, due)
        };
        if timer.is_pending() && node.is_listening() {
            let (stack, group, own) = node.parts();
            ready!(self.reactor.poll_readable(cx, stack, group, own))?;
        } else {
            ready!(timer);
        }
        Poll::Ready(Ok(()))
    }

    /// Waits until the stack has room again, or may have, until this time at most.
    fn poll_room<N: AnyNode>(
        &mut self,
        cx: &mut Context<'_>,
        node: &mut N,
        now: Instant,
        latest: Option<Instant>,
    ) -> Poll<()>
    where
        R: Reactor<N::Stack>,
    {
        let (stack, _, own) = node.parts();
        if self.reactor.poll_writable(cx, stack, own).is_ready() {
            return Poll::Ready(());
        }
        let again = Some(now + R::RETRY);
        self.reactor.poll_at(cx, earliest(latest, again))
    }

    /// Is ready if it is not the turn of others.
    fn poll_turn(&mut self, cx: &Context<'_>) -> Poll<()> {
        if self.calls >= CALLS {
            self.yield_now(cx);
            return Poll::Pending;
        }
        self.calls = self.calls.saturating_add(1);
        Poll::Ready(())
    }

    /// Has the task called again after the others.
    fn yield_now(&mut self, cx: &Context<'_>) {
        self.calls = 0;
        cx.waker().wake_by_ref();
    }
}
