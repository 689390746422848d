//! What drives a node and what runs an application on it need of it, whichever it is.

use crate::application::Endpoint;
use crate::event::Event;
use crate::leaf::LeafNode;
use crate::multicast::{UdpError, UdpMulticast};
use crate::node::Node;
use crate::storage::Memory;
use crate::time::Instant;

mod sealed {
    use super::{LeafNode, Memory, Node, UdpMulticast};

    #[expect(
        unnameable_types,
        reason = "it keeps others from implementing `AnyNode`"
    )]
    pub trait Sealed {}

    impl<S: UdpMulticast, M: Memory> Sealed for Node<S, M> {}
    impl<S: UdpMulticast, const DATAGRAM: usize, const SENDERS: usize, const ROOM: usize> Sealed
        for LeafNode<S, DATAGRAM, SENDERS, ROOM>
    {
    }
}

/// A [`Node`] or a [`LeafNode`]: what an [`AsyncNode`](crate::AsyncNode) drives. Nobody else can implement it.
pub trait AnyNode: sealed::Sealed {
    /// What the stack reports.
    type Error: UdpError;

    /// A socket of the stack.
    type Socket;

    /// The network stack.
    type Stack: UdpMulticast<Error = Self::Error, UdpSocket = Self::Socket>;

    /// Sends and receives until an event waits or nothing is left to do.
    #[doc(hidden)]
    fn attend(&mut self, now: Instant) -> Result<(), Self::Error>;

    /// Finds an event in what has been received, without the time. Whether one waits.
    #[doc(hidden)]
    fn find(&mut self) -> bool;

    /// Whether an event waits.
    #[doc(hidden)]
    fn has_event(&self) -> bool;

    /// The event that waits.
    #[doc(hidden)]
    fn take_event(&mut self) -> Option<Event<'_>>;

    /// When to attend again.
    #[doc(hidden)]
    fn next_deadline(&self) -> Option<Instant>;

    /// Whether the stack had no room.
    #[doc(hidden)]
    fn is_blocked(&self) -> bool;

    /// Whether it would receive what arrives now.
    #[doc(hidden)]
    fn is_listening(&self) -> bool;

    /// The stack, the group's socket, and its own.
    #[doc(hidden)]
    fn parts(&mut self) -> (&mut Self::Stack, Option<&Self::Socket>, &Self::Socket);

    /// Sends what is due now. `false` if the stack had no room for all of it.
    #[doc(hidden)]
    fn flush(&mut self, now: Instant) -> bool;

    /// This node at this moment.
    #[doc(hidden)]
    fn at(&mut self, now: Instant) -> impl Endpoint;

    /// Whether all is sent after it began to leave.
    #[doc(hidden)]
    fn has_left(&self) -> bool;
}

impl<S: UdpMulticast, M: Memory> AnyNode for Node<S, M> {
    type Error = S::Error;
    type Socket = S::UdpSocket;
    type Stack = S;

    fn attend(&mut self, now: Instant) -> Result<(), S::Error> {
        self.attend(now)
    }

    fn find(&mut self) -> bool {
        self.find()
    }

    fn has_event(&self) -> bool {
        self.has_event()
    }

    fn take_event(&mut self) -> Option<Event<'_>> {
        self.take_event()
    }

    fn next_deadline(&self) -> Option<Instant> {
        self.next_deadline()
    }

    fn is_blocked(&self) -> bool {
        self.is_blocked()
    }

    fn is_listening(&self) -> bool {
        true
    }

    fn parts(&mut self) -> (&mut S, Option<&S::UdpSocket>, &S::UdpSocket) {
        let (stack, group, own) = self.parts();
        (stack, Some(group), own)
    }

    fn flush(&mut self, now: Instant) -> bool {
        self.flush(now)
    }

    fn at(&mut self, now: Instant) -> impl Endpoint {
        self.at(now)
    }

    fn has_left(&self) -> bool {
        self.has_left()
    }
}

impl<S: UdpMulticast, const DATAGRAM: usize, const SENDERS: usize, const ROOM: usize> AnyNode
    for LeafNode<S, DATAGRAM, SENDERS, ROOM>
{
    type Error = S::Error;
    type Socket = S::UdpSocket;
    type Stack = S;

    fn attend(&mut self, now: Instant) -> Result<(), S::Error> {
        self.attend(now)
    }

    fn find(&mut self) -> bool {
        self.find()
    }

    fn has_event(&self) -> bool {
        self.has_event()
    }

    fn take_event(&mut self) -> Option<Event<'_>> {
        self.take_event()
    }

    fn next_deadline(&self) -> Option<Instant> {
        self.next_deadline()
    }

    fn is_blocked(&self) -> bool {
        self.is_blocked()
    }

    /// There is one buffer to send and to receive. With room for no sender nothing is received at all.
    fn is_listening(&self) -> bool {
        SENDERS > 0 && !self.is_blocked()
    }

    fn parts(&mut self) -> (&mut S, Option<&S::UdpSocket>, &S::UdpSocket) {
        self.parts()
    }

    fn flush(&mut self, now: Instant) -> bool {
        self.flush(now)
    }

    fn at(&mut self, now: Instant) -> impl Endpoint {
        self.at(now)
    }

    fn has_left(&self) -> bool {
        self.has_left()
    }
}
