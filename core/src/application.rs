//! What an application is written against, so that the same code runs on a board, on a desktop and in the simulator.

use crate::any_node::AnyNode;
use crate::channel::{Channel, Class};
use crate::counters::Counters;
use crate::error::SendError;
use crate::event::Event;
use crate::ident::{MemberId, Session};
use crate::peer::Peer;
use crate::sequence::{Sequence, SequenceRange};
use crate::time::Instant;

/// So many events are handed over before the application acts: whoever answers each of them is not kept waiting by
/// those who never stop.
const EVENTS_IN_A_ROW: u32 = 16;

/// An application: what it makes of events, and what it does when.
///
/// [`Node::run`](crate::Node::run) drives it on a board, `Member::run` of `groupcast-std` on a desktop,
/// [`AsyncNode::run`](crate::AsyncNode::run) in a task, and `SimNet::host_app` of `groupcast-sim` in a test on virtual time. It
/// is not told which of them.
///
/// ```
/// use core::time::Duration;
/// use groupcast::{Application, Channel, Endpoint, Event, Instant};
///
/// const TEMPERATURE: Channel = Channel::state(1);
///
/// /// Says how warm it is, every ten seconds, and when it is asked.
/// struct Sensor {
///     next: Instant,
///     asked: bool,
/// }
///
/// impl Application for Sensor {
///     fn on_event(&mut self, _now: Instant, event: &Event<'_>) {
///         self.asked |= matches!(event, Event::Message(message) if message.payload() == b"how warm?");
///     }
///
///     fn act(&mut self, now: Instant, endpoint: &mut impl Endpoint) -> Option<Instant> {
///         if core::mem::take(&mut self.asked) || self.next <= now {
///             self.next = now + Duration::from_secs(10);
///             // If the queue is full now, there is a newer value in ten seconds.
///             let _ = endpoint.queue(TEMPERATURE, b"21.5");
///         }
///         Some(self.next)
///     }
/// }
/// ```
pub trait Application {
    /// Something happened. The event is borrowed from the member, so nothing can be sent here, and not even this member's own
    /// id can be asked for: note what is to be answered, and send it in [`act`](Self::act), which follows. What is needed
    /// of the [`Endpoint`] here, such as its [id](Endpoint::id), keep in `act`.
    fn on_event(&mut self, now: Instant, event: &Event<'_>);

    /// Sends what there is to send. It is called after events, and when the time has come that it returned the last
    /// time; it may also be called sooner. Returns when to be called again if nothing happens before; `None`: only
    /// after an event.
    fn act(&mut self, now: Instant, endpoint: &mut impl Endpoint) -> Option<Instant>;
}

/// An application that is borrowed.
impl<A: Application + ?Sized> Application for &mut A {
    fn on_event(&mut self, now: Instant, event: &Event<'_>) {
        A::on_event(self, now, event);
    }

    fn act(&mut self, now: Instant, endpoint: &mut impl Endpoint) -> Option<Instant> {
        A::act(self, now, endpoint)
    }
}

/// This member, as an [`Application`] sees it: what it sends through, and who is there.
///
/// [`Node::at`](crate::Node::at) makes one. A test may implement it, to expect calls one by one: methods that come in later
/// versions will have a default.
pub trait Endpoint {
    /// Queues a message to the group. It goes out as soon as the application has acted, as far as the pace allows.
    /// Returns its sequence number.
    ///
    /// # Errors
    ///
    /// [`SendError::QueueFull`] while there is no room for it; other errors tell why it can never be sent.
    fn queue(&mut self, channel: Channel, payload: &[u8]) -> Result<Sequence, SendError>;

    /// Queues a raw datagram to the group, for programs that do not speak this protocol.
    ///
    /// # Errors
    ///
    /// As [`queue`](Self::queue); also if `datagram` is empty or begins with `0xc1`.
    fn queue_raw(&mut self, datagram: &[u8]) -> Result<(), SendError>;

    /// Asks who has these messages: [`Event::Confirmed`] tells of each that has. See
    /// [`Group::confirm`](crate::Group::confirm).
    ///
    /// # Errors
    ///
    /// [`SendError::NotReliable`]: this member keeps nothing for repair.
    fn confirm(&mut self, messages: impl Into<SequenceRange>) -> Result<(), SendError>;

    /// Whether this member will never have all of what is to be [confirmed](Self::confirm).
    fn lacks(&self, peer: MemberId) -> bool;

    /// Begins to leave: what is queued is sent, then the others are told. After that the application is not called any more.
    fn leave(&mut self);

    /// How many messages are queued and not sent yet, or not wholly.
    fn unsent(&self) -> usize;

    /// The most bytes a message of this class can have now.
    fn max_message(&self, class: Class) -> usize;

    /// This member's id.
    fn id(&self) -> MemberId;

    /// This member's session.
    fn session(&self) -> Session;

    /// The other members that are there.
    fn peers(&self) -> impl Iterator<Item = &Peer>;

    /// What happened to every datagram so far.
    fn counters(&self) -> &Counters;
}

/// A turn of an application on a node: hands it what happened, lets it act, and sends. When it wants to be called again; now,
/// if more has happened.
pub(crate) fn turn<N: AnyNode>(
    node: &mut N,
    now: Instant,
    application: &mut impl Application,
) -> Result<Option<Instant>, N::Error> {
    let mut there_is_more = true;
    for _ in 0..EVENTS_IN_A_ROW {
        node.attend(now)?;
        let Some(event) = node.take_event() else {
            there_is_more = false;
            break;
        };
        application.on_event(now, &event);
    }
    let wake = application.act(now, &mut node.at(now));
    node.flush(now);
    Ok(if there_is_more { Some(now) } else { wake })
}
