//! A node with its reactor, and futures for what takes time.

use core::future::poll_fn;
use core::task::{Context, Poll, ready};

use super::{Driver, NotQueued, Reactor};
use crate::any_node::AnyNode;
use crate::application::{Application, Endpoint};
use crate::channel::Channel;
use crate::error::SendError;
use crate::event::Event;
use crate::sequence::{Sequence, SequenceRange};
use crate::time::Instant;

/// A [`Node`](crate::Node) or a [`LeafNode`](crate::LeafNode) in an async program, on any executor that has a [`Reactor`].
///
/// One task owns it and loops around [`recv`](Self::recv); nothing happens in the background. Other tasks share it by
/// channels of their executor, and not by a mutex: whoever waits in `recv` would keep it. Every future can be dropped
/// before it is done, as `select` does with what was slower: nothing is lost by that. None of them panics, not even when it is
/// polled again after it was done, as futures of an `async fn` do.
///
/// ```
/// # use core::future::Future;
/// # use groupcast::{AnyNode, AsyncNode, Channel, Event, Reactor};
/// # enum Either<A, B> { First(A), Second(B) }
/// # async fn select<A: Future, B: Future>(a: A, _: B) -> Either<A::Output, B::Output> { Either::First(a.await) }
/// # async fn member<N: AnyNode, R: Reactor<N::Stack>>(
/// #     node: N, reactor: R, mut measure: impl AsyncFnMut() -> [u8; 2], mut set_valve: impl FnMut(&[u8]),
/// # ) -> Result<(), Box<dyn core::error::Error>> where N::Error: 'static {
/// const TEMPERATURE: Channel = Channel::state(1);
/// let mut node = AsyncNode::new(node, reactor);
/// loop {
///     match select(node.recv(), measure()).await {
///         Either::First(event) => match event? {
///             Event::Message(command) if command.payload() == b"end" => break,
///             Event::Message(command) => set_valve(command.payload()),
///             _ => {}
///         },
///         Either::Second(measured) => {
///             node.send(TEMPERATURE, &measured, |event| println!("{event}")).await?;
///         }
///     }
/// }
/// node.leave().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct AsyncNode<N, R> {
    node: N,
    driver: Driver<R>,
}

impl<N: AnyNode, R: Reactor<N::Stack>> AsyncNode<N, R> {
    /// A node that waits by this reactor.
    pub const fn new(node: N, reactor: R) -> Self {
        Self {
            node,
            driver: Driver::new(reactor),
        }
    }

    /// Waits for the next event, and does what is due meanwhile. The event is borrowed from the node: until it is let
    /// go nothing can be sent, nor received.
    ///
    /// If nobody calls this, nothing is received: what the stack has no room for is lost, and the others take this
    /// member for gone. When the node has [left](Self::leave), nothing comes any more.
    ///
    /// Cancel safe: an event that was found when the future is dropped comes with the next call.
    ///
    /// # Errors
    ///
    /// What the stack reports. The node goes on: call it again.
    pub fn recv(&mut self) -> impl Future<Output = Result<Event<'_>, N::Error>> {
        let mut waiting = Some(self);
        poll_fn(move |cx| {
            if let Some(this) = &mut waiting {
                ready!(this.poll_recv(cx))?;
            }
            // It is there, as was just found.
            let event = waiting.take().and_then(|this| this.node.take_event());
            event.map_or(Poll::Pending, |event| Poll::Ready(Ok(event)))
        })
    }

    /// As [`recv`](Self::recv), for futures that are written by hand: is ready when an event waits, for the node's
    /// `take_event`. Until that is called it is ready again and again.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), N::Error>> {
        self.driver.poll_recv(cx, &mut self.node)
    }

    /// Runs an [`Application`] until it has left the group, as [`Node::run`](crate::Node::run) does turn by turn. What else
    /// the task does in turn, it does beside this in a `select`; what it tells the application goes into
    /// its fields between two calls.
    ///
    /// Cancel safe.
    ///
    /// # Errors
    ///
    /// What the stack reports. Node and application go on: call it again.
    pub fn run(
        &mut self,
        application: &mut impl Application,
    ) -> impl Future<Output = Result<(), N::Error>> {
        poll_fn(|cx| self.driver.poll_run(cx, &mut self.node, application))
    }

    /// Queues a message to the group without waiting; the next [`recv`](Self::recv) or [`flush`](Self::flush) sends it.
    /// Messages that are queued one after the other share datagrams. Returns its sequence number.
    ///
    /// # Errors
    ///
    /// [`SendError::QueueFull`] while there is no room for it; other errors tell why the message can never be sent.
    pub fn try_queue(&mut self, channel: Channel, payload: &[u8]) -> Result<Sequence, SendError> {
        self.node.at(self.now()).queue(channel, payload)
    }

    /// As [`try_queue`](Self::try_queue), but waits while there is no room. Events that come until then go to
    /// `meanwhile`: the others make room by what they send.
    ///
    /// Cancel safe: a message is queued only when this is done.
    ///
    /// # Errors
    ///
    /// Why it is not queued.
    pub fn queue(
        &mut self,
        channel: Channel,
        payload: &[u8],
        meanwhile: impl FnMut(Event<'_>),
    ) -> impl Future<Output = Result<Sequence, NotQueued<N::Error>>> {
        let queue = move |node: &mut N, now| node.at(now).queue(channel, payload);
        self.queue_with(queue, meanwhile)
    }

    /// As [`queue`](Self::queue), and sends what is due, without waiting for the pace: see [`flush`](Self::flush).
    ///
    /// Cancel safe: a message is queued only when this is done.
    ///
    /// # Errors
    ///
    /// Why it is not queued.
    pub fn send(
        &mut self,
        channel: Channel,
        payload: &[u8],
        meanwhile: impl FnMut(Event<'_>),
    ) -> impl Future<Output = Result<Sequence, NotQueued<N::Error>>> {
        let queue = move |node: &mut N, now| {
            let sequence = node.at(now).queue(channel, payload)?;
            node.flush(now);
            Ok(sequence)
        };
        self.queue_with(queue, meanwhile)
    }

    /// As [`queue`](Self::queue), by a function of the node: for signed messages and raw datagrams.
    ///
    /// ```
    /// # use groupcast::{AsyncNode, Memory, Node, NotQueued, Reactor, multicast::UdpMulticast};
    /// # async fn show<S: UdpMulticast, M: Memory, R: Reactor<S>>(
    /// #     node: &mut AsyncNode<Node<S, M>, R>,
    /// # ) -> Result<(), NotQueued<S::Error>> {
    /// node.queue_with(|node, now| node.queue_raw(now, b"hello"), |_| {}).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Cancel safe: `queue` has returned `Ok` only when this is done.
    ///
    /// # Errors
    ///
    /// Why it is not queued.
    pub fn queue_with<T>(
        &mut self,
        mut queue: impl FnMut(&mut N, Instant) -> Result<T, SendError>,
        mut meanwhile: impl FnMut(Event<'_>),
    ) -> impl Future<Output = Result<T, NotQueued<N::Error>>> {
        poll_fn(move |cx| {
            self.driver
                .poll_queue(cx, &mut self.node, &mut queue, &mut meanwhile)
        })
    }

    /// Asks who has these messages: [`Event::Confirmed`] tells of each that has. See
    /// [`Group::confirm`](crate::Group::confirm).
    ///
    /// # Errors
    ///
    /// [`SendError::NotReliable`]: this member keeps nothing for repair.
    pub fn confirm(&mut self, messages: impl Into<SequenceRange>) -> Result<(), SendError> {
        self.node.at(self.now()).confirm(messages)
    }

    /// Hands what is due now over to the stack, as soon as that has room. It does not receive, and does not wait for what
    /// the pace allows only later. What the stack reports comes with the next [`recv`](Self::recv).
    ///
    /// Cancel safe.
    pub fn flush(&mut self) -> impl Future<Output = ()> {
        poll_fn(|cx| self.driver.poll_flush(cx, &mut self.node))
    }

    /// Leaves the group: sends what is queued, at its pace, and tells the others. What arrives meanwhile is not told any
    /// more. If the network takes nothing, it waits for ever: give it a time limit. Then close the node:
    /// [`into_parts`](Self::into_parts).
    ///
    /// Cancel safe: it goes on leaving with the next call of this or of [`recv`](Self::recv).
    ///
    /// # Errors
    ///
    /// What the stack reports. The node goes on: call it again.
    pub fn leave(&mut self) -> impl Future<Output = Result<(), N::Error>> {
        poll_fn(|cx| self.driver.poll_leave(cx, &mut self.node))
    }

    /// The time, as the reactor has it.
    pub fn now(&self) -> Instant {
        self.driver.reactor().now()
    }

    /// The node: who is there, counters, and what its stack knows.
    pub const fn node(&self) -> &N {
        &self.node
    }

    /// The node, to change its settings and for what does not wait.
    pub const fn node_mut(&mut self) -> &mut N {
        &mut self.node
    }

    /// The reactor.
    pub const fn reactor(&self) -> &R {
        self.driver.reactor()
    }

    /// Gives back what it was made of.
    pub fn into_parts(self) -> (N, R) {
        (self.node, self.driver.into_reactor())
    }
}
