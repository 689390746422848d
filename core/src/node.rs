//! The driver: a group on a network stack.

use core::net::SocketAddr;
use core::ops::Range;
use core::time::Duration;

use embedded_nal::nb;

use crate::channel::{Channel, Class};
use crate::config::Config;
use crate::counters::Counters;
use crate::error::{Error, SendError};
use crate::event::Event;
use crate::group::{Destination, Found, Group, Transmit};
use crate::ident::{MemberId, Session};
use crate::member::Member;
use crate::multicast::{UdpError, UdpErrorKind, UdpMulticast};
use crate::seed::Seed;
use crate::storage::Memory;
use crate::time::Instant;

/// Datagrams without an event that one call of [`Node::poll`] takes before it lets the caller go.
const DATAGRAMS_PER_POLL: u32 = 64;

/// So many datagrams are read at most before the group looks at the clock: more than wait in a socket after a
/// pause.
const MOST_UNREAD: u32 = 1 << 14;

/// So many datagrams of one socket are taken before the other is asked first. To ask an empty one for each
/// datagram is a system call each time.
const IN_A_ROW: u8 = 16;

/// When to try again to send what the stack had no room for.
const RETRY: Duration = Duration::from_millis(1);

/// Datagrams to one destination, one behind the other in the storage's buffer: as long as the first, but
/// for the last, which may be shorter.
#[derive(Debug)]
struct Batch {
    to: Destination,
    /// Where those stand that are not sent yet.
    octets: Range<usize>,
    /// The length of the first.
    segment: usize,
}

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

    /// Sends what is due, receives what has arrived, and returns the next event.
    ///
    /// Call it until it returns `None`, then wait until [`next_deadline`](Self::next_deadline) or
    /// until the stack has something to receive. It never waits itself.
    ///
    /// # Errors
    ///
    /// What the stack reports. The node goes on: the next call works as if nothing had happened. A
    /// datagram that could not be sent is lost, as if the network had lost it, and counted.
    pub fn poll(&mut self, now: Instant) -> Result<Option<Event<'_>>, S::Error> {
        self.attend(now)?;
        let found = self.found.take();
        Ok(found.and_then(|found| self.group.show_event(found)))
    }

    /// As [`poll`](Self::poll), but leaves the event to the next call of it. While one waits, nothing is
    /// received: this is for waiting until there is room to send, not for doing without events.
    ///
    /// # Errors
    ///
    /// As [`poll`](Self::poll).
    pub fn attend(&mut self, now: Instant) -> Result<(), S::Error> {
        self.now = self.now.max(now);
        let mut budget = DATAGRAMS_PER_POLL;
        while !self.find_or_flush(now)? {
            self.unfinished = budget == 0;
            if self.unfinished {
                break;
            }
            budget = budget.saturating_sub(1);
            let received = self.receive(now);
            // After a pause, first what arrived, and then who is silent. Who is sent more than it can read
            // looks at the clock all the same.
            self.unread = self.unread.saturating_add(1);
            if matches!(received, Ok(true)) && self.unread < MOST_UNREAD {
                continue;
            }
            self.unread = 0;
            self.group.handle_timeout(now);
            if !received? {
                self.find_or_flush(now)?;
                break;
            }
        }
        Ok(())
    }

    /// Finds the next event, or sends what is due if there is none. Whether there is one.
    fn find_or_flush(&mut self, now: Instant) -> Result<bool, S::Error> {
        self.found = self.found.take().or_else(|| self.group.find_event());
        if self.found.is_some() {
            return Ok(true);
        }
        self.flush(now);
        self.failure.take().map_or(Ok(false), Err)
    }

    /// Whether an event waits that [`attend`](Self::attend) found.
    #[must_use]
    pub const fn has_event(&self) -> bool {
        self.found.is_some()
    }

    /// Receives one datagram; `false` if there is none. The sockets take turns to be asked first: until
    /// one has nothing, or has had its share.
    fn receive(&mut self, now: Instant) -> Result<bool, S::Error> {
        let Self {
            stack,
            group,
            group_socket,
            own_socket,
            own_first,
            in_a_row,
            ..
        } = self;
        let mut sockets = [group_socket, own_socket];
        if *own_first {
            sockets.reverse();
        }
        for socket in sockets {
            let received = group.receive_with(now, |buffer| match stack.receive(socket, buffer) {
                Ok(received) => Ok(Some(received)),
                Err(nb::Error::WouldBlock) => Ok(None),
                Err(nb::Error::Other(error)) => Err(error),
            });
            *in_a_row = in_a_row.saturating_add(1);
            if *in_a_row >= IN_A_ROW || !matches!(received, Ok(true)) {
                *own_first = !*own_first;
                *in_a_row = 0;
            }
            match received {
                Ok(true) => return Ok(true),
                Ok(false) => {}
                Err(error) => match error.kind() {
                    UdpErrorKind::Truncated => {
                        group.count_oversized();
                        return Ok(true);
                    }
                    UdpErrorKind::Transient => return Ok(true),
                    _ => return Err(error),
                },
            }
        }
        Ok(false)
    }

    /// Sends what is due now, without receiving. `false` if the stack had no room for all of it.
    ///
    /// [`poll`](Self::poll) does this too, and returns what the stack reported.
    pub fn flush(&mut self, now: Instant) -> bool {
        loop {
            let batch = self.unsent.take().or_else(|| self.gather(now));
            let Some(mut batch) = batch else {
                return true;
            };
            let to = match batch.to {
                Destination::Group => self.group.config().group,
                Destination::Member(address) => address,
            };
            let octets = self.group.built(batch.octets.clone());
            let (stack, socket) = (&mut self.stack, &mut self.own_socket);
            let result = if S::MOST_SEGMENTS > 1 {
                stack.send_segments(socket, to, octets, batch.segment)
            } else {
                stack.send_to(socket, to, octets).map(|()| batch.segment)
            };
            // With an error the first datagram is lost, and no other.
            let mut sent = batch.segment;
            match result {
                Ok(octets) => sent = sent.max(octets),
                Err(nb::Error::WouldBlock) => {
                    self.unsent = Some(batch);
                    return false;
                }
                Err(nb::Error::Other(error)) => {
                    self.group.count_send_failure();
                    if error.kind() != UdpErrorKind::Transient {
                        self.failure = Some(error);
                    }
                }
            }
            if S::MOST_SEGMENTS > 1 {
                batch.octets.start = batch.octets.start.saturating_add(sent);
                self.unsent = Some(batch).filter(|batch| !batch.octets.is_empty());
            }
        }
    }

    /// Builds what is due to one destination: as many datagrams as the stack sends in one go.
    fn gather(&mut self, now: Instant) -> Option<Batch> {
        let odd = if S::MOST_SEGMENTS > 1 {
            self.odd.take()
        } else {
            None
        };
        let first = match odd {
            Some((at, odd)) => {
                self.group.move_built(at..at.saturating_add(odd.len));
                odd
            }
            None => self.group.build_transmit(now, 0)?,
        };
        let (to, segment) = (first.to, first.len);
        let mut end = segment;
        for _ in 1..S::MOST_SEGMENTS {
            let Some(next) = self.group.build_transmit(now, end) else {
                break;
            };
            if next.to != to || next.len > segment {
                self.odd = Some((end, next));
                break;
            }
            end = end.saturating_add(next.len);
            if next.len < segment {
                break;
            }
        }
        let octets = 0..end;
        Some(Batch {
            to,
            octets,
            segment,
        })
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
