//! The driver: a leaf on a network stack.

mod poll;

use core::net::SocketAddr;
use core::time::Duration;

use super::Leaf;
use super::events::Found;
use crate::channel::Channel;
use crate::config::Config;
#[cfg(doc)]
use crate::counters::Counters;
use crate::error::{ConfigError, Error, Failed, SendError};
use crate::multicast::UdpMulticast;
use crate::node::{own_socket, sockets};
use crate::seed::Seed;
use crate::sequence::Sequence;
use crate::time::Instant;

/// When to try again to send what the stack had no room for.
const RETRY: Duration = Duration::from_millis(1);

/// A [`Leaf`] on a network stack.
///
/// It owns two sockets, as a [`Node`](crate::Node) does, and one if it only sends. There is one buffer to receive and
/// to send: as long as the stack has no room to send, nothing is received, but for 100 ms at most. Then what was to be
/// sent is lost, as if the network had lost it, and counted
/// ([`send_failures`](Counters::send_failures)).
///
/// ```no_run
/// # use groupcast::{Channel, Config, Event, Instant, LeafNode, multicast::UdpMulticast};
/// # fn main_loop<S: UdpMulticast>(stack: S, clock: impl Fn() -> Instant, measure: impl Fn() -> [u8; 2]) {
/// # const CONFIG: Config = Config::new(core::net::SocketAddr::new(
/// #     core::net::IpAddr::V4(core::net::Ipv4Addr::new(239, 1, 2, 3)), 12345));
/// const TEMPERATURE: Channel = Channel::state(1);
/// let mut node: LeafNode<S> = LeafNode::new(stack, CONFIG, [7; 32]).ok().unwrap();
/// loop {
///     let now = clock();
///     while let Ok(Some(event)) = node.poll(now) {
///         if let Event::Message(command) = event {
///             // …
///         }
///     }
///     node.queue(now, TEMPERATURE, &measure()).ok();
///     // Sleep until node.next_deadline(), or until something arrives.
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct LeafNode<
    S: UdpMulticast,
    const DATAGRAM: usize = 512,
    const SENDERS: usize = 4,
    const ROOM: usize = 128,
> {
    stack: S,
    leaf: Leaf<DATAGRAM, SENDERS, ROOM>,
    /// Receives what is sent to the group; `None` if it hears nothing.
    group_socket: Option<S::UdpSocket>,
    /// Sends, and receives what is sent to this member alone.
    own_socket: S::UdpSocket,
    /// How long the datagram is that stands in the leaf's buffer since the stack had no room for it, 0 if there is none;
    /// where it is to go, and since when.
    unsent: usize,
    to: SocketAddr,
    since: Instant,
    /// An event that the next poll is to return.
    found: Option<Found>,
    /// An error that the next poll is to return.
    failure: Option<S::Error>,
    /// Which socket is asked first.
    own_first: bool,
    /// Whether the last poll stopped before everything was received.
    unfinished: bool,
    now: Instant,
}

impl<S: UdpMulticast, const DATAGRAM: usize, const SENDERS: usize, const ROOM: usize>
    LeafNode<S, DATAGRAM, SENDERS, ROOM>
{
    /// Opens the sockets and joins the group. See [`Leaf::new`]. Nothing is sent before the first
    /// [`poll`](Self::poll).
    ///
    /// # Errors
    ///
    /// A setting that cannot work, or what the stack reports. With it comes the stack, to try again.
    pub fn new(
        stack: S,
        config: Config,
        seed: impl Into<Seed>,
    ) -> Result<Self, Failed<Error<S::Error>, S>> {
        Self::open(stack, Leaf::new(config, seed))
    }

    /// Opens the sockets and joins a sealed group. See [`Leaf::sealed`].
    ///
    /// # Errors
    ///
    /// A setting that cannot work, a key that cannot be used, nothing in the entropy that is new at every
    /// start, or what the stack reports. With it comes the stack, to try again.
    #[cfg(feature = "seal")]
    pub fn sealed(
        stack: S,
        config: Config,
        seal: crate::seal::Seal<'_>,
    ) -> Result<Self, Failed<Error<S::Error>, S>> {
        Self::open(stack, Leaf::sealed(config, seal))
    }

    #[cfg_attr(target_os = "none", inline(never))]
    fn open(
        mut stack: S,
        leaf: Result<Leaf<DATAGRAM, SENDERS, ROOM>, ConfigError>,
    ) -> Result<Self, Failed<Error<S::Error>, S>> {
        let leaf = match leaf {
            Ok(leaf) => leaf,
            Err(error) => {
                return Err(Failed {
                    error: Error::Config(error),
                    parts: stack,
                });
            }
        };
        let opened = if SENDERS > 0 {
            sockets(&mut stack, leaf.config()).map(|(group, own)| (Some(group), own))
        } else {
            own_socket(&mut stack).map(|own| (None, own))
        };
        match opened {
            Ok((group_socket, own_socket)) => Ok(Self {
                stack,
                group_socket,
                own_socket,
                found: None,
                unsent: 0,
                to: leaf.config().group(),
                since: Instant::ZERO,
                leaf,
                failure: None,
                own_first: false,
                unfinished: false,
                now: Instant::ZERO,
            }),
            Err(error) => Err(Failed {
                error: Error::Stack(error),
                parts: stack,
            }),
        }
    }

    /// When to poll again if nothing arrives before; a time that is past means at once.
    ///
    /// `None`: only when something arrives.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        if self.unfinished || self.failure.is_some() || self.found.is_some() {
            return Some(self.now);
        }
        if self.unsent > 0 {
            return Some(self.now + RETRY);
        }
        self.leaf.next_deadline()
    }

    /// Whether something waits until the stack has room.
    pub(crate) const fn is_blocked(&self) -> bool {
        self.unsent > 0
    }

    /// Queues a message to the group; the next [`poll`](Self::poll) or [`flush`](Self::flush) sends it. See
    /// [`Leaf::queue`]. When there is no room, what is queued is sent at once.
    ///
    /// # Errors
    ///
    /// [`SendError::QueueFull`] while there is no room for it; other errors tell why the message can never be sent.
    pub fn queue(
        &mut self,
        now: Instant,
        channel: Channel,
        payload: &[u8],
    ) -> Result<Sequence, SendError> {
        match self.leaf.queue(now, channel, payload) {
            Err(SendError::QueueFull) => {
                self.flush(now);
                self.leaf.queue(now, channel, payload)
            }
            result => result,
        }
    }

    /// Queues a raw datagram to the group, for programs that do not speak this protocol.
    ///
    /// # Errors
    ///
    /// As [`queue`](Self::queue); also if `datagram` is empty or begins with `0xc1`.
    pub fn queue_raw(&mut self, now: Instant, datagram: &[u8]) -> Result<(), SendError> {
        match self.leaf.queue_raw(now, datagram) {
            Err(SendError::QueueFull) => {
                self.flush(now);
                self.leaf.queue_raw(now, datagram)
            }
            result => result,
        }
    }

    /// Begins to leave the group: what is queued is sent, then the others are told. Poll until
    /// [`has_left`](Self::has_left), then [`close`](Self::close).
    pub fn leave(&mut self, now: Instant) {
        self.leaf.leave(now);
    }

    /// Whether everything is sent after [`leave`](Self::leave).
    #[must_use]
    pub const fn has_left(&self) -> bool {
        self.unsent == 0 && self.leaf.has_left()
    }

    /// How many messages are queued and not sent yet: what [`leave`](Self::leave) waits for. A datagram that the
    /// stack has no room for counts as one.
    #[must_use]
    pub fn unsent(&self) -> usize {
        let waiting = usize::from(self.unsent > 0);
        waiting.saturating_add(self.leaf.unsent())
    }

    /// Closes the sockets and returns the stack.
    ///
    /// Without [`leave`](Self::leave) before, the others will notice by the silence.
    ///
    /// # Errors
    ///
    /// What the stack reports. With it comes the stack all the same.
    pub fn close(self) -> Result<S, Failed<S::Error, S>> {
        let mut stack = self.stack;
        let first = match self.group_socket {
            Some(socket) => stack.close(socket),
            None => Ok(()),
        };
        let second = stack.close(self.own_socket);
        match first.and(second) {
            Ok(()) => Ok(stack),
            Err(error) => Err(Failed {
                error,
                parts: stack,
            }),
        }
    }

    /// Tells that time has passed which the clock does not know of, before the next poll. See
    /// [`Group::woke`](crate::Group::woke).
    pub fn woke(&mut self, now: Instant) {
        self.leaf.woke(now);
    }

    /// Tells the address this member sends from, where it is known. See
    /// [`Group::set_local_address`](crate::Group::set_local_address).
    pub const fn set_local_address(&mut self, address: SocketAddr) {
        self.leaf.set_local_address(address);
    }

    /// Says which channels matter. See [`Leaf::set_channels`].
    pub const fn set_channels(&mut self, channels: core::ops::RangeInclusive<u8>) {
        self.leaf.channels = (*channels.start(), *channels.end());
    }

    /// Takes other keys. See [`Group::set_keys`](crate::Group::set_keys).
    ///
    /// # Errors
    ///
    /// A key that cannot be used, or the group is not sealed. Nothing was done.
    #[cfg(feature = "seal")]
    pub fn set_keys(
        &mut self,
        now: Instant,
        keys: &crate::seal::KeySet,
    ) -> Result<(), ConfigError> {
        self.leaf.set_keys(now, keys)
    }

    /// The leaf: ids and counters.
    #[must_use]
    pub const fn leaf(&self) -> &Leaf<DATAGRAM, SENDERS, ROOM> {
        &self.leaf
    }

    /// The stack.
    #[must_use]
    pub const fn stack(&self) -> &S {
        &self.stack
    }

    /// The stack and the sockets, the group's first, if there is one: to wait until one of them is readable.
    pub const fn parts(&mut self) -> (&mut S, Option<&S::UdpSocket>, &S::UdpSocket) {
        (
            &mut self.stack,
            self.group_socket.as_ref(),
            &self.own_socket,
        )
    }
}
