//! A leaf on a stack as an application sees it, and what runs the application.

use super::LeafNode;
use crate::application::{Application, Endpoint, turn};
use crate::channel::{Channel, Class};
use crate::counters::Counters;
use crate::error::SendError;
use crate::ident::{MemberId, Session};
use crate::multicast::UdpMulticast;
use crate::peer::Peer;
use crate::sequence::{Sequence, SequenceRange};
use crate::time::{Instant, earliest};

/// A [`LeafNode`] at a moment: what [`LeafNode::at`] returns.
///
/// It knows no [`peers`](Endpoint::peers), and nobody is asked who has what ([`confirm`](Endpoint::confirm)).
pub struct LeafAt<
    'a,
    S: UdpMulticast,
    const DATAGRAM: usize,
    const SENDERS: usize,
    const ROOM: usize,
> {
    node: &'a mut LeafNode<S, DATAGRAM, SENDERS, ROOM>,
    now: Instant,
}

impl<S: UdpMulticast, const DATAGRAM: usize, const SENDERS: usize, const ROOM: usize>
    LeafNode<S, DATAGRAM, SENDERS, ROOM>
{
    /// This node at this moment, as an [`Application`] sees it.
    #[must_use]
    pub const fn at(&mut self, now: Instant) -> LeafAt<'_, S, DATAGRAM, SENDERS, ROOM> {
        LeafAt { node: self, now }
    }

    /// A turn of an application: see [`Node::run`](crate::Node::run).
    ///
    /// # Errors
    ///
    /// What the stack reports. Node and application go on: call it again.
    pub fn run(
        &mut self,
        now: Instant,
        application: &mut impl Application,
    ) -> Result<Option<Instant>, S::Error> {
        if self.has_left() {
            return Ok(None);
        }
        let wake = turn(self, now, application)?;
        Ok(earliest(wake, self.next_deadline()))
    }
}

impl<S: UdpMulticast, const DATAGRAM: usize, const SENDERS: usize, const ROOM: usize> Endpoint
    for LeafAt<'_, S, DATAGRAM, SENDERS, ROOM>
{
    fn queue(&mut self, channel: Channel, payload: &[u8]) -> Result<Sequence, SendError> {
        self.node.queue(self.now, channel, payload)
    }

    fn queue_raw(&mut self, datagram: &[u8]) -> Result<(), SendError> {
        self.node.queue_raw(self.now, datagram)
    }

    fn confirm(&mut self, _: impl Into<SequenceRange>) -> Result<(), SendError> {
        Err(SendError::NotReliable)
    }

    fn lacks(&self, _: MemberId) -> bool {
        false
    }

    fn leave(&mut self) {
        self.node.leave(self.now);
    }

    fn unsent(&self) -> usize {
        self.node.unsent()
    }

    fn max_message(&self, class: Class) -> usize {
        self.node.leaf().max_message(class)
    }

    fn id(&self) -> MemberId {
        self.node.leaf().id()
    }

    fn session(&self) -> Session {
        self.node.leaf().session()
    }

    fn peers(&self) -> impl Iterator<Item = &Peer> {
        core::iter::empty()
    }

    fn counters(&self) -> &Counters {
        self.node.leaf().counters()
    }
}

impl<S: UdpMulticast, const DATAGRAM: usize, const SENDERS: usize, const ROOM: usize>
    core::fmt::Debug for LeafAt<'_, S, DATAGRAM, SENDERS, ROOM>
{
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("LeafAt")
            .field("now", &self.now)
            .field("id", &self.node.leaf().id())
            .finish_non_exhaustive()
    }
}
