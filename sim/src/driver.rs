//! What runs a member on its stack, a node or a leaf, and what both can do.

use core::any::Any;

use groupcast::seal::{KeySet, Seal};
use groupcast::{
    Channel, Class, Config, ConfigError, Counters, Endpoint, Error, Event, Instant, LeafNode,
    MemberId, Memory, Node, Peer, SendError, Sequence, SequenceRange, Session, boxed,
};

use crate::error::SimError;
use crate::stack::SimStack;

/// The node of a simulated member.
pub type SimNode = Node<SimStack, Box<dyn Memory>>;

/// The node of a simulated [leaf](groupcast::Leaf).
pub type SimLeaf<const DATAGRAM: usize = 512, const SENDERS: usize = 4, const ROOM: usize = 128> =
    LeafNode<SimStack, DATAGRAM, SENDERS, ROOM>;

/// A node, or a leaf of any size.
pub(crate) trait Driver: Any + core::fmt::Debug {
    fn poll(&mut self, now: Instant) -> Result<Option<Event<'_>>, SimError>;

    fn flush(&mut self, now: Instant);

    fn next_deadline(&self) -> Option<Instant>;

    fn queue(
        &mut self,
        now: Instant,
        channel: Channel,
        payload: &[u8],
    ) -> Result<Sequence, SendError>;

    fn queue_raw(&mut self, now: Instant, datagram: &[u8]) -> Result<(), SendError>;

    fn set_keys(&mut self, now: Instant, keys: &KeySet) -> Result<(), ConfigError>;

    fn leave(&mut self, now: Instant);

    fn has_left(&self) -> bool;

    fn unsent(&self) -> usize;

    fn max_message(&self, class: Class) -> usize;

    fn id(&self) -> MemberId;

    fn session(&self) -> Session;

    fn counters(&self) -> &Counters;
}

impl dyn Driver {
    /// It as it is, if it is one of these.
    pub(crate) fn is<D: Driver>(&self) -> Option<&D> {
        (self as &dyn Any).downcast_ref()
    }

    /// The same, to change it.
    pub(crate) fn is_mut<D: Driver>(&mut self) -> Option<&mut D> {
        (self as &mut dyn Any).downcast_mut()
    }

    /// The node, for what a leaf does not do because it keeps nothing for repair.
    pub(crate) fn reliable(&mut self) -> Result<&mut SimNode, SendError> {
        self.is_mut().ok_or(SendError::NotReliable)
    }

    /// Its roster: that of a leaf is empty.
    pub(crate) fn peers(&self) -> impl Iterator<Item = &Peer> {
        self.is::<SimNode>().into_iter().flat_map(Node::peers)
    }
}

impl Driver for SimNode {
    fn poll(&mut self, now: Instant) -> Result<Option<Event<'_>>, SimError> {
        self.poll(now)
    }

    fn flush(&mut self, now: Instant) {
        self.flush(now);
    }

    fn next_deadline(&self) -> Option<Instant> {
        self.next_deadline()
    }

    fn queue(
        &mut self,
        now: Instant,
        channel: Channel,
        payload: &[u8],
    ) -> Result<Sequence, SendError> {
        self.queue(now, channel, payload)
    }

    fn queue_raw(&mut self, now: Instant, datagram: &[u8]) -> Result<(), SendError> {
        self.queue_raw(now, datagram)
    }

    fn set_keys(&mut self, now: Instant, keys: &KeySet) -> Result<(), ConfigError> {
        self.set_keys(now, keys)
    }

    fn leave(&mut self, now: Instant) {
        self.leave(now);
    }

    fn has_left(&self) -> bool {
        self.has_left()
    }

    fn unsent(&self) -> usize {
        self.unsent()
    }

    fn max_message(&self, class: Class) -> usize {
        self.max_message(class)
    }

    fn id(&self) -> MemberId {
        self.id()
    }

    fn session(&self) -> Session {
        self.session()
    }

    fn counters(&self) -> &Counters {
        self.counters()
    }
}

impl<const DATAGRAM: usize, const SENDERS: usize, const ROOM: usize> Driver
    for SimLeaf<DATAGRAM, SENDERS, ROOM>
{
    fn poll(&mut self, now: Instant) -> Result<Option<Event<'_>>, SimError> {
        self.poll(now)
    }

    fn flush(&mut self, now: Instant) {
        self.flush(now);
    }

    fn next_deadline(&self) -> Option<Instant> {
        self.next_deadline()
    }

    fn queue(
        &mut self,
        now: Instant,
        channel: Channel,
        payload: &[u8],
    ) -> Result<Sequence, SendError> {
        self.queue(now, channel, payload)
    }

    fn queue_raw(&mut self, now: Instant, datagram: &[u8]) -> Result<(), SendError> {
        self.queue_raw(now, datagram)
    }

    fn set_keys(&mut self, now: Instant, keys: &KeySet) -> Result<(), ConfigError> {
        self.set_keys(now, keys)
    }

    fn leave(&mut self, now: Instant) {
        self.leave(now);
    }

    fn has_left(&self) -> bool {
        self.has_left()
    }

    fn unsent(&self) -> usize {
        self.unsent()
    }

    fn max_message(&self, class: Class) -> usize {
        self.leaf().max_message(class)
    }

    fn id(&self) -> MemberId {
        self.leaf().id()
    }

    fn session(&self) -> Session {
        self.leaf().session()
    }

    fn counters(&self) -> &Counters {
        self.leaf().counters()
    }
}

/// A driver at a moment, as an application sees it.
pub(crate) struct At<'a> {
    pub(crate) driver: &'a mut dyn Driver,
    pub(crate) now: Instant,
}

impl Endpoint for At<'_> {
    fn queue(&mut self, channel: Channel, payload: &[u8]) -> Result<Sequence, SendError> {
        self.driver.queue(self.now, channel, payload)
    }

    fn queue_raw(&mut self, datagram: &[u8]) -> Result<(), SendError> {
        self.driver.queue_raw(self.now, datagram)
    }

    fn confirm(&mut self, messages: impl Into<SequenceRange>) -> Result<(), SendError> {
        self.driver.reliable()?.confirm(self.now, messages)
    }

    fn lacks(&self, peer: MemberId) -> bool {
        let node = self.driver.is::<SimNode>();
        node.is_some_and(|node| node.group().lacks(peer))
    }

    fn leave(&mut self) {
        self.driver.leave(self.now);
    }

    fn unsent(&self) -> usize {
        self.driver.unsent()
    }

    fn max_message(&self, class: Class) -> usize {
        self.driver.max_message(class)
    }

    fn id(&self) -> MemberId {
        self.driver.id()
    }

    fn session(&self) -> Session {
        self.driver.session()
    }

    fn peers(&self) -> impl Iterator<Item = &Peer> {
        self.driver.peers()
    }

    fn counters(&self) -> &Counters {
        self.driver.counters()
    }
}

/// What a member starts with: a seed in an open group, keys in a sealed one.
pub(crate) enum Secret<'a> {
    Seed([u8; 32]),
    Seal(Seal<'a>),
}

/// How a member starts.
pub(crate) type Start = fn(SimStack, Config, Secret<'_>) -> Started;

pub(crate) type Started = Result<Box<dyn Driver>, Error<SimError>>;

/// A node with memory of this kind.
pub(crate) fn node<M: Memory + Default + 'static>(
    stack: SimStack,
    config: Config,
    secret: Secret<'_>,
) -> Started {
    let memory = boxed::<M>();
    let node: Result<SimNode, _> = match secret {
        Secret::Seed(seed) => Node::new(stack, memory, config, seed),
        Secret::Seal(seal) => Node::sealed(stack, memory, config, seal),
    };
    match node {
        Ok(node) => Ok(Box::new(node)),
        Err(failed) => Err(failed.error),
    }
}

/// A leaf of this size in an open group.
pub(crate) fn leaf<const DATAGRAM: usize, const SENDERS: usize, const ROOM: usize>(
    stack: SimStack,
    config: Config,
    secret: Secret<'_>,
) -> Started {
    let Secret::Seed(seed) = secret else {
        unreachable!("it has no keys");
    };
    match SimLeaf::<DATAGRAM, SENDERS, ROOM>::new(stack, config, seed) {
        Ok(leaf) => Ok(Box::new(leaf)),
        Err(failed) => Err(failed.error),
    }
}

/// A leaf of the usual size in a sealed group. One that hears nothing could not be in it: it would not compile.
pub(crate) fn sealed_leaf(stack: SimStack, config: Config, secret: Secret<'_>) -> Started {
    let leaf: Result<SimLeaf, _> = match secret {
        Secret::Seed(seed) => LeafNode::new(stack, config, seed),
        Secret::Seal(seal) => LeafNode::sealed(stack, config, seal),
    };
    match leaf {
        Ok(leaf) => Ok(Box::new(leaf)),
        Err(failed) => Err(failed.error),
    }
}
