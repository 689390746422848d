//! The group: protocol logic without sockets and without a clock.
//!
//! ```text
//!              handle                                          poll_event
//!  datagram ──────────▶ incoming ──▶ frames ──▶ rooms ──▶ events ─────────▶ application
//!                                                                               │ send
//!  datagram ◀────────── outgoing ◀───────────── rooms ◀── command ◀─────────────┘
//!           poll_transmit
//! ```
//!
//! Each chapter of PROTOCOL.md is a room: [`membership`], [`values`], [`receiving`], [`sending`], [`fragments`] and
//! [`sealed`].

#[cfg(test)]
mod ageing;
pub(crate) mod backoff;
mod command;
mod engine;
mod events;
mod found;
mod fragments;
mod frames;
mod hello;
pub(crate) mod inbox;
mod incoming;
pub(crate) mod membership;
mod outgoing;
mod random;
mod receiving;
pub(crate) mod sealed;
mod sending;
pub(crate) mod serial;
mod tools;
mod values;
mod work;

use core::net::SocketAddr;
use core::ops::Range;

use crate::channel::Class;
use crate::config::Config;
use crate::counters::{Counters, count};
use crate::error::{ConfigError, Failed};
use crate::event::Event;
use crate::ident::{MemberId, Session};
use crate::peer::Peer;
use crate::seed::Seed;
use crate::storage::Memory;
use crate::time::Instant;
use crate::wire::{BufferTooSmall, Data, MAX_MAX_DATAGRAM};

use engine::Engine;
pub(crate) use engine::receivable;
pub(crate) use found::Found;
pub(crate) use fragments::{Block, Partial, Partials, Pool};
pub(crate) use inbox::Inbox;
#[cfg(feature = "seal")]
pub(crate) use membership::Membership;
pub(crate) use membership::{Place, Roster, Trip};
pub(crate) use random::Random;
pub(crate) use receiving::{Parts, Slot, Stream, Streams};
#[cfg(feature = "seal")]
pub(crate) use sealed::{Contact, Echo, Echoes};
pub use sending::Pace;
pub(crate) use sending::{History, MAX_FRAGMENTS, Stock, UNIT, longest};
pub(crate) use tools::{Earliest, Tools};
pub(crate) use values::{Latest, Seen, States, Value};

/// The payload of a fragment in the smallest datagrams there are, sealed.
const SMALLEST_FRAGMENT: usize =
    crate::wire::MIN_MAX_DATAGRAM as usize - crate::wire::Header::LEN - Data::OVERHEAD - 16;

/// A member of a group, without sockets and without a clock.
///
/// It takes what arrives and says what to send; [`Node`](crate::Node) connects it with a stack.
/// Four kinds of method:
///
/// - input from the network: [`handle`](Self::handle);
/// - commands of the application: [`queue`](Self::queue), [`queue_raw`](Self::queue_raw),
///   [`leave`](Self::leave);
/// - output, to be polled: [`poll_event`](Self::poll_event) until `None`, then
///   [`poll_transmit`](Self::poll_transmit) until `None`, then [`next_deadline`](Self::next_deadline);
/// - getters.
///
/// ```
/// use core::net::SocketAddr;
/// use groupcast::{Board, Channel, Config, Event, Group, Instant};
///
/// let group: SocketAddr = "239.1.2.3:12345".parse().unwrap();
/// let mut ana = Group::new(Board::new(), Config::new(group).with_name("ana"), [1; 32])?;
/// let mut ben = Group::new(Board::new(), Config::new(group).with_name("ben"), [2; 32])?;
///
/// let now = Instant::from_millis(5);
/// ana.queue(now, Channel::best_effort(0), b"Hello, multicast!")?;
/// let mut buffer = [0; 1472];
/// let transmit = ana.poll_transmit(now, &mut buffer)?.unwrap();
///
/// ben.handle(now, "10.0.0.1:40000".parse().unwrap(), &buffer[..transmit.len])?;
/// assert!(matches!(ben.poll_event(), Some(Event::Joined(peer)) if peer.name() == "ana"));
/// let Some(Event::Message(message)) = ben.poll_event() else { panic!() };
/// assert_eq!(message.text(), Some("Hello, multicast!"));
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Group<M> {
    memory: M,
    engine: Engine,
}

/// A datagram to send.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Transmit {
    /// Where to.
    pub to: Destination,
    /// How many bytes of the buffer.
    pub len: usize,
}

/// Where a datagram goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Destination {
    /// To the group.
    Group,
    /// To one member alone, at this address.
    Peer(SocketAddr),
}

/// A datagram was handed in before the events of the last one were polled. Nothing was done.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct EventsWaiting;

impl core::fmt::Display for EventsWaiting {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("events are waiting; call `poll_event` until it returns `None`")
    }
}

impl core::error::Error for EventsWaiting {}

impl<M: Memory> Group<M> {
    /// A member that is about to join.
    ///
    /// `seed` feeds ids, sessions and jitter. It must differ between members and between starts:
    /// take 32 bytes of a random number generator, or else [`Seed::from_device`].
    ///
    /// # Errors
    ///
    /// A setting that cannot work. With it comes the memory.
    pub fn new(
        mut memory: M,
        config: Config,
        seed: impl Into<Seed>,
    ) -> Result<Self, Failed<ConfigError, M>> {
        let (rooms, mut views) = (memory.rooms(), memory.views());
        views.clear(rooms);
        match Engine::new(rooms, &views, config, &seed.into()) {
            Ok(engine) => Ok(Self { memory, engine }),
            Err(error) => Err(Failed {
                error,
                parts: memory,
            }),
        }
    }

    /// A member that is about to join a sealed group: whoever does not hold its key can neither read nor
    /// send (PROTOCOL §8).
    ///
    /// # Errors
    ///
    /// A setting that cannot work; a key that cannot be used; or nothing in the entropy that is new at
    /// every start. With it comes the memory.
    #[cfg(feature = "seal")]
    pub fn sealed(
        mut memory: M,
        config: Config,
        seal: crate::seal::Seal<'_>,
    ) -> Result<Self, Failed<ConfigError, M>> {
        let (rooms, mut views) = (memory.rooms(), memory.views());
        views.clear(rooms);
        match Engine::sealed(rooms, &views, config, &seal) {
            Ok(engine) => Ok(Self { memory, engine }),
            Err(error) => Err(Failed {
                error,
                parts: memory,
            }),
        }
    }

    /// Sends at another pace from now on: that of another network, for members that move.
    ///
    /// # Errors
    ///
    /// [`Pace::UNLIMITED`] is not for this memory. Nothing was done.
    pub fn set_pace(&mut self, pace: Pace) -> Result<(), ConfigError> {
        self.engine
            .set_pace(self.memory.rooms(), &self.memory.views(), pace)
    }

    /// Takes another name: up to 32 bytes. The others see it with the next HELLO, which comes as soon as the rate
    /// allows; no event tells them.
    ///
    /// # Errors
    ///
    /// The name is too long. Nothing was done.
    pub fn set_name(&mut self, name: &str) -> Result<(), ConfigError> {
        self.engine.set_name(name)
    }

    /// Takes other keys. If the one to send with is another, this member goes on in another
    /// [session](Self::session) of the same life: what is under way is repaired in it, and the others are
    /// told nothing. Counts of bad tags begin anew.
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
        self.engine
            .set_keys(self.memory.rooms(), &mut self.memory.views(), now, keys)
    }

    /// Whether the group is sealed.
    #[must_use]
    pub const fn is_sealed(&self) -> bool {
        self.engine.guard.is_sealed()
    }

    /// Takes a datagram that arrived from `from`.
    ///
    /// Whatever it holds is counted ([`counters`](Self::counters)) and is never an error.
    ///
    /// # Errors
    ///
    /// The events of the last datagram have not been polled. Nothing was done.
    pub fn handle(
        &mut self,
        now: Instant,
        from: SocketAddr,
        datagram: &[u8],
    ) -> Result<(), EventsWaiting> {
        let (rooms, mut views) = (self.memory.rooms(), self.memory.views());
        if self.engine.has_events_of_datagram(rooms, &mut views) {
            return Err(EventsWaiting);
        }
        match views.inbox.octets.get_mut(..datagram.len()) {
            Some(buffer) => {
                buffer.copy_from_slice(datagram);
                self.engine.handle(rooms, views, now, from, datagram.len());
            }
            None => self.count_oversized(),
        }
        Ok(())
    }

    /// A datagram arrived that did not fit the receive buffer and is lost.
    pub(crate) fn count_oversized(&mut self) {
        count(&mut self.engine.tools.counters.received);
        count(&mut self.engine.tools.counters.oversized);
    }

    /// The network refused to send a datagram.
    pub(crate) fn count_send_failure(&mut self) {
        count(&mut self.engine.tools.counters.send_failures);
    }

    /// Receives into the group's own buffer, which saves a copy. `receive` returns the length of
    /// what it put there and its source, or `None` if nothing came.
    pub(crate) fn receive_with<E>(
        &mut self,
        now: Instant,
        receive: impl FnOnce(&mut [u8]) -> Result<Option<(usize, SocketAddr)>, E>,
    ) -> Result<bool, E> {
        let views = self.memory.views();
        let Some((len, from)) = receive(&mut views.inbox.octets)? else {
            return Ok(false);
        };
        let (rooms, views) = (self.memory.rooms(), self.memory.views());
        self.engine.handle(rooms, views, now, from, len);
        Ok(true)
    }

    /// Finds the next event without borrowing the group for it.
    pub(crate) fn find_event(&mut self) -> Option<Found> {
        self.engine
            .find_event(self.memory.rooms(), &mut self.memory.views())
    }

    /// The event that was found.
    pub(crate) fn show_event(&mut self, found: Found) -> Option<Event<'_>> {
        events::show(self.memory.views(), &self.engine.tools.config, found)
    }

    /// The next event, if there is one.
    pub fn poll_event(&mut self) -> Option<Event<'_>> {
        let found = self.find_event()?;
        self.show_event(found)
    }

    /// Does what time alone brings: suspects, gives up and forgets silent members.
    ///
    /// [`poll_transmit`](Self::poll_transmit) does it too. Call both after everything that has arrived was
    /// [handled](Self::handle): else whoever was heard while nobody looked is taken for silent.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.engine
            .expire(self.memory.rooms(), &mut self.memory.views(), now);
    }

    /// Tells that time has passed which the clock does not know of: the device slept and its timer stood
    /// still, or its virtual machine was stopped. (In one that was put back to a snapshot make another member: what is
    /// drawn from here on was drawn before.) Call it before anything that arrived meanwhile is
    /// [handled](Self::handle). Nobody is taken for silent for that time. In a sealed group everybody has to
    /// prove anew that they are there (PROTOCOL K13): what arrives first may have been held back for as long
    /// as this member slept.
    ///
    /// With a clock that counts sleep it is not needed.
    pub fn woke(&mut self, now: Instant) {
        self.engine
            .woke(self.memory.rooms(), &mut self.memory.views(), now);
    }

    /// The next datagram to send, if there is one, written to the beginning of `buffer`.
    ///
    /// # Errors
    ///
    /// `buffer` is too small: [`MAX_MAX_DATAGRAM`] bytes always do.
    pub fn poll_transmit(
        &mut self,
        now: Instant,
        buffer: &mut [u8],
    ) -> Result<Option<Transmit>, BufferTooSmall> {
        let (rooms, mut views) = (self.memory.rooms(), self.memory.views());
        self.engine.expire(rooms, &mut views, now);
        self.engine.transmit(rooms, &mut views, now, buffer)
    }

    /// [`poll_transmit`](Self::poll_transmit) into the storage's own buffer, behind the `used` bytes
    /// that still stand there. `None` also if there is no room for a datagram of every length.
    pub(crate) fn build_transmit(&mut self, now: Instant, used: usize) -> Option<Transmit> {
        let (rooms, mut views) = (self.memory.rooms(), self.memory.views());
        let buffer = core::mem::take(&mut views.transmit);
        let buffer = buffer.get_mut(used..)?;
        if used > 0 && buffer.len() < usize::from(MAX_MAX_DATAGRAM) {
            return None;
        }
        // The buffer holds the largest datagram there is.
        self.engine
            .transmit(rooms, &mut views, now, buffer)
            .unwrap_or_default()
    }

    /// What [`build_transmit`](Self::build_transmit) built.
    pub(crate) fn built(&mut self, octets: Range<usize>) -> &[u8] {
        self.memory.views().transmit.get(octets).unwrap_or_default()
    }

    /// Moves what was built to the front of the buffer.
    pub(crate) fn move_built(&mut self, octets: Range<usize>) {
        let buffer = self.memory.views().transmit;
        if octets.end <= buffer.len() && octets.start <= octets.end {
            buffer.copy_within(octets, 0);
        }
    }

    /// When to call again if nothing arrives before: `now` or earlier means at once.
    ///
    /// `None` only for a member that neither announces itself nor knows of others.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        self.engine
            .next_call(self.memory.rooms(), self.memory.view())
    }

    /// Tells the address this member sends from, where it is known.
    ///
    /// Raw datagrams from this address are one's own, heard by loopback, and filtered out. A member
    /// that announces itself learns the address from its first HELLO.
    pub const fn set_local_address(&mut self, address: SocketAddr) {
        self.engine.own_address = Some(address);
    }

    /// Gives the memory back.
    pub(crate) fn into_memory(self) -> M {
        self.memory
    }

    /// This member's id.
    #[must_use]
    pub const fn id(&self) -> MemberId {
        self.engine.membership.id
    }

    /// This member's session.
    #[must_use]
    pub const fn session(&self) -> Session {
        self.engine.membership.session
    }

    /// The settings.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.engine.tools.config
    }

    /// The other members that are there.
    pub fn peers(&self) -> impl Iterator<Item = &Peer> {
        self.memory.view().roster.iter()
    }

    /// What happened to every datagram so far.
    #[must_use]
    pub const fn counters(&self) -> &Counters {
        &self.engine.tools.counters
    }

    /// The most bytes a message of this class can have now. It changes with the members: the smallest
    /// receiver counts. A signed message can have 64 less.
    #[must_use]
    pub fn max_message(&self, class: Class) -> usize {
        self.engine
            .message_limit(self.memory.rooms(), self.memory.view(), class)
    }
}
