//! A node as an application sees it, and what runs the application.

use super::Node;
use crate::application::{Application, Endpoint, turn};
use crate::channel::{Channel, Class};
use crate::counters::Counters;
use crate::error::SendError;
use crate::ident::{MemberId, Session};
use crate::multicast::UdpMulticast;
use crate::peer::Peer;
use crate::sequence::{Sequence, SequenceRange};
use crate::storage::Memory;
use crate::time::{Instant, earliest};

/// A [`Node`] at a moment: what [`Node::at`] returns.
pub struct At<'a, S: UdpMulticast, M> {
    node: &'a mut Node<S, M>,
    now: Instant,
}

impl<S: UdpMulticast, M: Memory> Node<S, M> {
    /// This node at this moment, as an [`Application`] sees it.
    #[must_use]
    pub const fn at(&mut self, now: Instant) -> At<'_, S, M> {
        At { node: self, now }
    }

    /// A turn of an application: hands it what happened, lets it act, and sends. Returns when to call again if
    /// nothing arrives before; `None`: only when something arrives. It never waits.
    ///
    /// An application that leaves is not called any more when that is done: see [`has_left`](Self::has_left).
    ///
    /// ```
    /// # use groupcast::{Application, Instant, Memory, Node, multicast::UdpMulticast};
    /// # fn main_loop<S: UdpMulticast, M: Memory>(
    /// #     mut node: Node<S, M>,
    /// #     mut app: impl Application,
    /// #     clock: impl Fn() -> Instant,
    /// #     sleep_until: impl Fn(Option<Instant>),
    /// # ) -> Result<(), S::Error> {
    /// loop {
    ///     let wake = node.run(clock(), &mut app)?;
    ///     sleep_until(wake); // or until something arrives
    /// }
    /// # }
    /// ```
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

impl<S: UdpMulticast, M: Memory> Endpoint for At<'_, S, M> {
    fn queue(&mut self, channel: Channel, payload: &[u8]) -> Result<Sequence, SendError> {
        self.node.queue(self.now, channel, payload)
    }

    fn queue_raw(&mut self, datagram: &[u8]) -> Result<(), SendError> {
        self.node.queue_raw(self.now, datagram)
    }

    fn confirm(&mut self, messages: impl Into<SequenceRange>) -> Result<(), SendError> {
        self.node.confirm(self.now, messages)
    }

    fn lacks(&self, peer: MemberId) -> bool {
        self.node.group().lacks(peer)
    }

    fn leave(&mut self) {
        self.node.leave(self.now);
    }

    fn unsent(&self) -> usize {
        self.node.unsent()
    }

    fn max_message(&self, class: Class) -> usize {
        self.node.max_message(class)
    }

    fn id(&self) -> MemberId {
        self.node.id()
    }

    fn session(&self) -> Session {
        self.node.session()
    }

    fn peers(&self) -> impl Iterator<Item = &Peer> {
        self.node.peers()
    }

    fn counters(&self) -> &Counters {
        self.node.counters()
    }
}

impl<S: UdpMulticast, M: Memory> core::fmt::Debug for At<'_, S, M> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("At")
            .field("now", &self.now)
            .field("id", &self.node.id())
            .finish_non_exhaustive()
    }
}
