//! One call that joins.

#[cfg(feature = "seal")]
use groupcast::seal::Seal;
use groupcast::{AsyncNode, Config, Error, LeafNode, Memory, Node, Seed};

use crate::error::Error as SocketError;
use crate::reactor::EmbassyReactor;
use crate::stack::EmbassyStack;

/// A member of a group in a task of embassy; `M` is its memory, say `&'static mut Tiny`.
pub type Member<'d, M, const SOCKETS: usize = 2> =
    AsyncNode<Node<EmbassyStack<'d, SOCKETS>, M>, EmbassyReactor>;

/// A leaf of a group in a task of embassy, with the sizes of its [`Leaf`](groupcast::Leaf).
pub type LeafMember<
    'd,
    const DATAGRAM: usize,
    const SENDERS: usize,
    const ROOM: usize,
    const SOCKETS: usize = 2,
> = AsyncNode<LeafNode<EmbassyStack<'d, SOCKETS>, DATAGRAM, SENDERS, ROOM>, EmbassyReactor>;

impl<'d, const SOCKETS: usize> EmbassyStack<'d, SOCKETS> {
    /// Joins an open group. Nothing is sent before the first `recv`.
    ///
    /// Without a [receive burst](Config::with_receive_burst) in `config`, the others are told how many datagrams the
    /// buffers hold: see [`Buffers::burst`](crate::Buffers::burst).
    ///
    /// # Errors
    ///
    /// A setting that cannot work. [`Node::new`] gives back the stack with it.
    pub fn join<M: Memory>(
        self,
        memory: M,
        config: Config,
        seed: impl Into<Seed>,
    ) -> Result<Member<'d, M, SOCKETS>, Error<SocketError>> {
        let config = self.with_burst(config);
        let node = Node::new(self, memory, config, seed)?;
        Ok(AsyncNode::new(node, EmbassyReactor))
    }

    /// Joins a sealed group. See [`join`](Self::join).
    ///
    /// # Errors
    ///
    /// A setting that cannot work, a key that cannot be used, or nothing in the entropy that is new at every start.
    /// [`Node::sealed`] gives back the stack with it.
    #[cfg(feature = "seal")]
    pub fn join_sealed<M: Memory>(
        self,
        memory: M,
        config: Config,
        seal: Seal<'_>,
    ) -> Result<Member<'d, M, SOCKETS>, Error<SocketError>> {
        let config = self.with_burst(config);
        let node = Node::sealed(self, memory, config, seal)?;
        Ok(AsyncNode::new(node, EmbassyReactor))
    }

    /// Joins an open group as a leaf. See [`join`](Self::join) and [`Leaf`](groupcast::Leaf), which has the same sizes.
    ///
    /// # Errors
    ///
    /// A setting that cannot work. [`LeafNode::new`] gives back the stack with it.
    pub fn join_leaf<const DATAGRAM: usize, const SENDERS: usize, const ROOM: usize>(
        self,
        config: Config,
        seed: impl Into<Seed>,
    ) -> Result<LeafMember<'d, DATAGRAM, SENDERS, ROOM, SOCKETS>, Error<SocketError>> {
        let config = self.with_burst(config);
        let node = LeafNode::new(self, config, seed)?;
        Ok(AsyncNode::new(node, EmbassyReactor))
    }

    /// Joins a sealed group as a leaf. See [`join_leaf`](Self::join_leaf).
    ///
    /// # Errors
    ///
    /// As [`join_sealed`](Self::join_sealed). [`LeafNode::sealed`] gives back the stack with it.
    #[cfg(feature = "seal")]
    pub fn join_leaf_sealed<const DATAGRAM: usize, const SENDERS: usize, const ROOM: usize>(
        self,
        config: Config,
        seal: Seal<'_>,
    ) -> Result<LeafMember<'d, DATAGRAM, SENDERS, ROOM, SOCKETS>, Error<SocketError>> {
        let config = self.with_burst(config);
        let node = LeafNode::sealed(self, config, seal)?;
        Ok(AsyncNode::new(node, EmbassyReactor))
    }

    /// The settings, with what the buffers hold at once.
    fn with_burst(&self, config: Config) -> Config {
        if config.receive_burst() > 0 {
            return config;
        }
        config.with_receive_burst(self.burst)
    }
}
