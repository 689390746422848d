//! The driver: a group on a network stack.

mod poll;

use core::net::SocketAddr;
use core::time::Duration;

use embedded_nal::nb;

use crate::channel::{Channel, Class};
use crate::config::Config;
use crate::counters::Counters;
use crate::error::{Error, SendError};

use crate::group::{Found, Group, Transmit};
use crate::ident::{MemberId, Session};
use crate::member::Member;
use crate::multicast::UdpMulticast;
use crate::seed::Seed;
use crate::storage::Memory;
use crate::time::Instant;
use poll::Batch;

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
///     node.send(now, POSITIONS, b"3,4").ok();
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
    /// A setting that cannot work, or what the stack reports.
    #[cfg_attr(target_os = "none", inline(never))]
    pub fn new(
        stack: S,
        memory: M,
        config: Config,
        seed: impl Into<Seed>,
    ) -> Result<Self, Error<S::Error>> {
        Self::open(stack, Group::new(memory, config, seed)?)
    }

    /// Opens the sockets and joins a sealed group. See [`new`](Self::new) and [`Group::sealed`].
    ///
    /// # Errors
    ///
    /// A setting that cannot work, a key that cannot be used, nothing in the entropy that is new at every
    /// start, or what the stack reports.
    #[cfg(feature = "seal")]
    pub fn sealed(
        stack: S,
        memory: M,
        config: Config,
        seal: crate::seal::Seal<'_>,
    ) -> Result<Self, Error<S::Error>> {
        Self::open(stack, Group::sealed(memory, config, seal)?)
    }

    fn open(stack: S, group: Group<M>) -> Result<Self, Error<S::Error>> {
        let config = group.config();
        let mut stack = stack;
        let mut group_socket = stack.socket().map_err(Error::Stack)?;
        let joined = stack
            .bind(&mut group_socket, config.group.port())
            .and_then(|()| {
                stack.join_multicast(&mut group_socket, config.group.ip(), config.interface)
            });
        if let Err(error) = joined {
            let _ = stack.close(group_socket);
            return Err(Error::Stack(error));
        }
        let own_socket = stack
            .socket()
            .and_then(|mut socket| match stack.bind(&mut socket, 0) {
                Ok(()) => Ok(socket),
                Err(error) => {
                    let _ = stack.close(socket);
                    Err(error)
                }
            });
        match own_socket {
            Ok(own_socket) => Ok(Self {
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
            Err(error) => {
                let _ = stack.close(group_socket);
                Err(Error::Stack(error))
            }
        }
    }

    /// Queues a message to the group; the next [`poll`](Self::poll) sends it. Returns its sequence
    /// number: see [`Group::send`].
    ///
    /// Messages sent one after the other share datagrams. When there is no room, what is queued is sent
    /// at once.
    ///
    /// # Errors
    ///
    /// `WouldBlock` while there is no room for it; other errors tell why the message can never be sent.
    pub fn send(
        &mut self,
        now: Instant,
        channel: Channel,
        payload: &[u8],
    ) -> nb::Result<u32, SendError> {
        match self.group.send(now, channel, payload) {
            Err(nb::Error::WouldBlock) => {
                self.flush(now);
                self.group.send(now, channel, payload)
            }
            result => result,
        }
    }

    /// Sends at another pace from now on. See [`Group::set_pace`].
    pub fn set_pace(&mut self, pace: crate::Pace) {
        self.group.set_pace(pace);
    }

    /// Takes another name. See [`Group::set_name`].
    ///
    /// # Errors
    ///
    /// The name is too long. Nothing was done.
    pub fn set_name(&mut self, name: &str) -> Result<(), crate::ConfigError> {
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
    ) -> Result<(), crate::ConfigError> {
        self.group.set_keys(now, keys)
    }

    /// Queues a message with a signature. See [`Group::send_signed`].
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    #[cfg(feature = "sign")]
    pub fn send_signed(
        &mut self,
        now: Instant,
        channel: Channel,
        payload: &[u8],
        key: &crate::sign::SigningKey,
    ) -> nb::Result<u32, SendError> {
        match self.group.send_signed(now, channel, payload, key) {
            Err(nb::Error::WouldBlock) => {
                self.flush(now);
                self.group.send_signed(now, channel, payload, key)
            }
            result => result,
        }
    }

    /// Asks who has the messages from `first` to `last`. See [`Group::confirm`].
    #[cfg_attr(target_os = "none", inline(never))]
    pub fn confirm(&mut self, now: Instant, first: u32, last: u32) {
        self.group.confirm(now, first, last);
    }

    /// Queues a bare datagram to the group, for programs that do not speak this protocol.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send); also if `datagram` is empty or begins with `0xc1`.
    pub fn send_raw(&mut self, now: Instant, datagram: &[u8]) -> nb::Result<(), SendError> {
        match self.group.send_raw(now, datagram) {
            Err(nb::Error::WouldBlock) => {
                self.flush(now);
                self.group.send_raw(now, datagram)
            }
            result => result,
        }
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
    pub fn next_deadline(&mut self) -> Option<Instant> {
        if self.unfinished || self.failure.is_some() || self.found.is_some() {
            return Some(self.now);
        }
        if self.unsent.is_some() {
            return Some(self.now + RETRY);
        }
        self.group.next_deadline()
    }

    /// Begins to leave the group: what is queued is sent, then the others are told, seven times
    /// within 200 ms. Poll until [`has_left`](Self::has_left), then [`close`](Self::close).
    pub fn leave(&mut self, now: Instant) {
        self.group.leave(now);
    }

    /// How many messages are queued and not sent yet, or not wholly: what [`leave`](Self::leave) waits for.
    /// Of what the stack has no room for, each datagram counts as a message. It takes time for each.
    #[must_use]
    pub fn unsent(&mut self) -> usize {
        let batch = self.unsent.as_ref().map_or(0, |batch| {
            let segment = batch.segment.max(1);
            batch.octets.len().div_ceil(segment)
        });
        let waiting = batch.saturating_add(usize::from(self.odd.is_some()));
        waiting.saturating_add(self.group.unsent())
    }

    /// Gives up what is queued and not sent yet. See [`Group::forget_unsent`].
    pub fn forget_unsent(&mut self) {
        self.unsent = None;
        self.odd = None;
        self.group.forget_unsent();
    }

    /// Whether everything is sent after [`leave`](Self::leave).
    #[must_use]
    pub fn has_left(&mut self) -> bool {
        self.unsent.is_none() && self.odd.is_none() && self.group.has_left()
    }

    /// Closes the sockets and returns the stack and the memory.
    ///
    /// Without [`leave`](Self::leave) before, the others will notice by the silence.
    ///
    /// # Errors
    ///
    /// What the stack reports.
    pub fn close(self) -> Result<(S, M), S::Error> {
        let Self {
            mut stack,
            group,
            group_socket,
            own_socket,
            ..
        } = self;
        let first = stack.close(group_socket);
        let second = stack.close(own_socket);
        first.and(second)?;
        Ok((stack, group.into_memory()))
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
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        self.group.members()
    }

    /// What happened to every datagram so far.
    #[must_use]
    pub const fn counters(&self) -> &Counters {
        self.group.counters()
    }

    /// The most octets a message of this class can have now; a signed one 64 less.
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
