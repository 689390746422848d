//! The driver: a group on a network stack.

mod endpoint;
mod poll;
mod sending;

use core::net::SocketAddr;
use core::time::Duration;

use crate::channel::Class;
use crate::config::Config;
use crate::counters::Counters;
use crate::error::{ConfigError, Error, Failed};
use crate::group::{Found, Group, Transmit};
use crate::ident::{MemberId, Session};
use crate::multicast::UdpMulticast;
use crate::peer::Peer;
use crate::seed::Seed;
use crate::storage::Memory;
use crate::time::Instant;
use poll::Batch;

pub use endpoint::At;

/// When to try again to send what the stack had no room for.
const RETRY: Duration = Duration::from_millis(1);

/// A member of a group on a network stack.
///
/// It owns two sockets: one bound to the group's port, which receives what is sent to the group, and
/// one on a port of its own, which sends everything and receives what is sent to this member alone.
/// Two, because several members on one host can share the group's port for multicast, but not for
/// unicast.
///
/// ```no_run
/// # use groupcast::{Board, Channel, Config, Event, Instant, Node, multicast::UdpMulticast};
/// # fn main_loop<S: UdpMulticast>(stack: S, clock: impl Fn() -> Instant) {
/// # const CONFIG: Config = Config::new(core::net::SocketAddr::new(
/// #     core::net::IpAddr::V4(core::net::Ipv4Addr::new(239, 1, 2, 3)), 12345));
/// const POSITIONS: Channel = Channel::best_effort(1);
/// let mut storage = Board::new();
/// let mut node = Node::new(stack, &mut storage, CONFIG, [7; 32]).ok().unwrap();
/// loop {
///     let now = clock();
///     while let Ok(Some(event)) = node.poll(now) {
///         if let Event::Message(message) = event {
///             // …
///         }
///     }
///     node.queue(now, POSITIONS, b"3,4").ok();
///     // Sleep until node.next_deadline(), or until something arrives.
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct Node<S: UdpMulticast, M> {
    stack: S,
    group: Group<M>,
    /// Receives what is sent to the group.
    group_socket: S::UdpSocket,
    /// Sends, and receives what is sent to this member alone.
    own_socket: S::UdpSocket,
    /// What the stack had no room for.
    unsent: Option<Batch>,
    /// A datagram that stands in the storage's buffer behind `unsent`, from here, since it could not be
    /// part of it.
    odd: Option<(usize, Transmit)>,
    /// An event that [`Node::poll`] is to return.
    found: Option<Found>,
    /// An error that [`Node::poll`] is to return.
    failure: Option<S::Error>,
    /// Which socket is asked first, and how many datagrams it has had in a row.
    own_first: bool,
    in_a_row: u8,
    /// How many datagrams were received since the group looked at the clock.
    unread: u32,
    /// Whether the last poll stopped before everything was received.
    unfinished: bool,
    now: Instant,
}

impl<S: UdpMulticast, M: Memory> Node<S, M> {
    /// Opens the sockets and joins the group.
    ///
    /// `memory` is a [`Storage`](crate::Storage), or a reference to one. `seed` must differ between
    /// members and between starts; see [`Group::new`]. Nothing is sent before the first
    /// [`poll`](Self::poll).
    ///
    /// # Errors
    ///
    /// A setting that cannot work, or what the stack reports. With it come stack and memory, to try again.
    #[expect(
        clippy::type_complexity,
        reason = "what is given back is what was given"
    )]
    #[cfg_attr(target_os = "none", inline(never))]
    pub fn new(
        stack: S,
        memory: M,
        config: Config,
        seed: impl Into<Seed>,
    ) -> Result<Self, Failed<Error<S::Error>, (S, M)>> {
        Self::open(stack, Group::new(memory, config, seed))
    }

    /// Opens the sockets and joins a sealed group. See [`new`](Self::new) and [`Group::sealed`].
    ///
    /// # Errors
    ///
    /// A setting that cannot work, a key that cannot be used, nothing in the entropy that is new at every
    /// start, or what the stack reports. With it come stack and memory, to try again.
    #[expect(
        clippy::type_complexity,
        reason = "what is given back is what was given"
    )]
    #[cfg(feature = "seal")]
    pub fn sealed(
        stack: S,
        memory: M,
        config: Config,
        seal: crate::seal::Seal<'_>,
    ) -> Result<Self, Failed<Error<S::Error>, (S, M)>> {
        Self::open(stack, Group::sealed(memory, config, seal))
    }

    #[expect(
        clippy::type_complexity,
        reason = "what is given back is what was given"
    )]
    fn open(
        mut stack: S,
        group: Result<Group<M>, Failed<ConfigError, M>>,
    ) -> Result<Self, Failed<Error<S::Error>, (S, M)>> {
        let group = match group {
            Ok(group) => group,
            Err(Failed { error, parts }) => {
                return Err(Failed {
                    error: Error::Config(error),
                    parts: (stack, parts),
                });
            }
        };
        match sockets(&mut stack, group.config()) {
            Ok((group_socket, own_socket)) => Ok(Self {
                stack,
                group,
                group_socket,
                own_socket,
                unsent: None,
                odd: None,
                found: None,
                failure: None,
                own_first: false,
                in_a_row: 0,
                unread: 0,
                unfinished: false,
                now: Instant::ZERO,
            }),
            Err(error) => Err(Failed {
                error: Error::Stack(error),
                parts: (stack, group.into_memory()),
            }),
        }
    }

    /// Sends at another pace from now on. See [`Group::set_pace`].
    ///
    /// # Errors
    ///
    /// As [`Group::set_pace`].
    pub fn set_pace(&mut self, pace: crate::Pace) -> Result<(), ConfigError> {
        self.group.set_pace(pace)
    }

    /// Takes another name. See [`Group::set_name`].
    ///
    /// # Errors
    ///
    /// The name is too long. Nothing was done.
    pub fn set_name(&mut self, name: &str) -> Result<(), ConfigError> {
        self.group.set_name(name)
    }

    /// Takes other keys. See [`Group::set_keys`].
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
        self.group.set_keys(now, keys)
    }

    /// Tells that time has passed which the clock does not know of, before the next poll. See
    /// [`Group::woke`].
    pub fn woke(&mut self, now: Instant) {
        self.group.woke(now);
    }

    /// When to poll again if nothing arrives before; a time that is past means at once.
    ///
    /// `None`: only when something arrives.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        if self.unfinished || self.failure.is_some() || self.found.is_some() {
            return Some(self.now);
        }
        if self.unsent.is_some() {
            return Some(self.now + RETRY);
        }
        self.group.next_deadline()
    }

    /// Whether something waits until the stack has room.
    pub(crate) const fn is_blocked(&self) -> bool {
        self.unsent.is_some()
    }

    /// Closes the sockets and returns the stack and the memory.
    ///
    /// Without [`leave`](Self::leave) before, the others will notice by the silence.
    ///
    /// # Errors
    ///
    /// What the stack reports. With it come stack and memory all the same.
    #[expect(
        clippy::type_complexity,
        reason = "what is given back is what was given"
    )]
    pub fn close(self) -> Result<(S, M), Failed<S::Error, (S, M)>> {
        let Self {
            mut stack,
            group,
            group_socket,
            own_socket,
            ..
        } = self;
        let first = stack.close(group_socket);
        let second = stack.close(own_socket);
        let parts = (stack, group.into_memory());
        match first.and(second) {
            Ok(()) => Ok(parts),
            Err(error) => Err(Failed { error, parts }),
        }
    }

    /// Tells the address this member sends from, where it is known. See
    /// [`Group::set_local_address`].
    pub const fn set_local_address(&mut self, address: SocketAddr) {
        self.group.set_local_address(address);
    }

    /// The group: ids, members, counters.
    #[must_use]
    pub const fn group(&self) -> &Group<M> {
        &self.group
    }

    /// This member's id.
    #[must_use]
    pub const fn id(&self) -> MemberId {
        self.group.id()
    }

    /// This member's session.
    #[must_use]
    pub const fn session(&self) -> Session {
        self.group.session()
    }

    /// The other members that are there.
    pub fn peers(&self) -> impl Iterator<Item = &Peer> {
        self.group.peers()
    }

    /// What happened to every datagram so far.
    #[must_use]
    pub const fn counters(&self) -> &Counters {
        self.group.counters()
    }

    /// The most bytes a message of this class can have now; a signed one 64 less.
    #[must_use]
    pub fn max_message(&self, class: Class) -> usize {
        self.group.max_message(class)
    }

    /// The stack.
    #[must_use]
    pub const fn stack(&self) -> &S {
        &self.stack
    }

    /// The stack and its two sockets, the group's first: to wait until one of them is readable.
    pub const fn parts(&mut self) -> (&mut S, &S::UdpSocket, &S::UdpSocket) {
        (&mut self.stack, &self.group_socket, &self.own_socket)
    }
}

/// The socket that receives what is sent to the group, and the one that sends.
pub(crate) fn sockets<S: UdpMulticast>(
    stack: &mut S,
    config: &Config,
) -> Result<(S::UdpSocket, S::UdpSocket), S::Error> {
    let mut group_socket = stack.socket()?;
    let joined = stack
        .bind(&mut group_socket, config.group.port())
        .and_then(|()| {
            stack.join_multicast(&mut group_socket, config.group.ip(), config.interface)
        });
    match joined.and_then(|()| own_socket(stack)) {
        Ok(own_socket) => Ok((group_socket, own_socket)),
        Err(error) => {
            let _ = stack.close(group_socket);
            Err(error)
        }
    }
}

/// The socket that sends.
pub(crate) fn own_socket<S: UdpMulticast>(stack: &mut S) -> Result<S::UdpSocket, S::Error> {
    let mut socket = stack.socket()?;
    match stack.bind(&mut socket, 0) {
        Ok(()) => Ok(socket),
        Err(error) => {
            let _ = stack.close(socket);
            Err(error)
        }
    }
}
