//! The leaf: a sensor or an actuator that says a value and takes a command, in little memory and flash.
//!
//! ```text
//!              handle                                                poll_event
//!  datagram ──────────▶ incoming ──▶ frames ──▶ places, outbox ──▶ ─────────▶ application
//!                                                                                  │ queue
//!  datagram ◀────────── outgoing ◀───────────── outbox ◀───────────────────────────┘
//!           poll_transmit
//! ```
//!
//! It is a member like any other on the wire, and shares chapter 3 of PROTOCOL.md with the group: HELLO, sessions,
//! duplicate ids, first contact. What it does not have is the roster, streams, fragments and a history: it knows the
//! few senders that it listens to, and keeps the newest value of each of its own State channels.

#[cfg(test)]
mod ageing;
mod bodies;
mod command;
mod endpoint;
mod events;
mod frames;
mod heartbeat;
mod incoming;
mod life;
mod node;
mod outbox;
mod outgoing;
mod pace;
mod place;
mod places;
mod record;

use core::net::SocketAddr;
use core::ops::RangeInclusive;

use crate::config::Config;
use crate::counters::{Counters, count};
use crate::error::ConfigError;
use crate::event::Event;
use crate::group::inbox::{Content, Inbox};
use crate::group::membership::Membership;
use crate::group::sealed::Guard;
use crate::group::{EventsWaiting, Random, Tools, Transmit};
use crate::ident::{MemberId, Session};
use crate::seed::Seed;
use crate::time::{Clock, Instant, Tick};
use crate::wire::{BufferTooSmall, Header, MIN_MAX_DATAGRAM};
#[cfg(feature = "seal")]
use crate::{
    group::sealed::{Echo, Echoes},
    seal::Seal,
};

pub use endpoint::LeafAt;
use heartbeat::Heartbeat;
pub use node::LeafNode;
use outbox::Outbox;
use pace::Bucket;
use places::Places;
use record::HEAD;

/// Challenges of others that wait to be sent back.
#[cfg(feature = "seal")]
const ECHOES: usize = 4;

/// A member that says values and takes commands, without sockets and without a clock.
///
/// It is for sensors and actuators that have no room for a [`Group`](crate::Group), and does what they do: it joins,
/// is on every roster, and leaves. It **sends** best effort, Latest and State, and raw datagrams. It **receives** the
/// same, of a number of senders. What it does not do:
///
/// - It neither sends nor takes reliable messages. Others know: nobody waits for it, and they are dropped and
///   counted, as in a [group without streams](crate::Storage#without-streams).
/// - Messages are in one datagram. The ones that it sends have no more than 512 bytes, which everybody takes.
/// - It keeps no roster: there are no events of who comes and goes, and [`Message::peer`](crate::Message::peer) is
///   `None`.
///
/// It has the methods of a [`Group`](crate::Group), to be called in the same way; [`LeafNode`] connects it with a
/// stack. Its memory is in it:
///
/// - `DATAGRAM`: bytes of the receive buffer, 512 at least. The others keep to it in what is for everybody.
/// - `SENDERS`: how many senders it listens to. What others say is not delivered, and counted
///   ([`fragments_no_stream`](Counters::fragments_no_stream), in a sealed group [`no_place`](Counters::no_place)).
///   Whoever sends something to be delivered gets a place, and keeps it until it leaves or falls silent. So in a
///   group of many who send, say which [channels](Self::set_channels) matter. Of each sender it remembers how new
///   the values of three channels are; of a fourth, a value may be delivered again. With 0 it **only sends**: it hears
///   nothing at all, says its values again with each HELLO, and its code is smaller still. It is for open groups of
///   up to some 20 members (PROTOCOL E6, E7).
/// - `ROOM`: bytes for what it has to say: the newest value of each of its State channels, and messages that wait to
///   be sent. Each takes 8 bytes besides.
///
/// ```
/// use core::net::SocketAddr;
/// use groupcast::{Board, Channel, Config, Event, Group, Instant, Leaf};
///
/// const TEMPERATURE: Channel = Channel::state(1);
/// const VALVE: Channel = Channel::state(2);
///
/// let config = Config::new("239.1.2.3:12345".parse().unwrap());
/// let mut boiler: Leaf = Leaf::new(config.with_name("boiler"), [1; 32])?;
/// let mut ana = Group::new(Board::new(), config.with_name("ana"), [2; 32])?;
///
/// let now = Instant::from_millis(5);
/// boiler.queue(now, TEMPERATURE, b"21.5")?;
/// let mut buffer = [0; 1472];
/// let transmit = boiler.poll_transmit(now, &mut buffer)?.unwrap();
/// ana.handle(now, "10.0.0.1:40000".parse().unwrap(), &buffer[..transmit.len])?;
/// assert!(matches!(ana.poll_event(), Some(Event::Joined(peer)) if peer.name() == "boiler"));
/// assert!(matches!(ana.poll_event(), Some(Event::Message(value)) if value.payload() == b"21.5"));
///
/// ana.queue(now, VALVE, b"open")?;
/// let transmit = ana.poll_transmit(now, &mut buffer)?.unwrap();
/// boiler.handle(now, "10.0.0.2:40000".parse().unwrap(), &buffer[..transmit.len])?;
/// assert!(matches!(boiler.poll_event(), Some(Event::Message(value)) if value.payload() == b"open"));
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Leaf<const DATAGRAM: usize = 512, const SENDERS: usize = 4, const ROOM: usize = 128> {
    tools: Tools,
    membership: Membership,
    guard: Guard,
    clock: Clock,
    own_address: Option<SocketAddr>,
    /// Where the datagram at hand came from, and its header.
    from: Option<SocketAddr>,
    source: Option<Header>,
    /// The number of its sender's place; that of none, if it has no place.
    place: usize,
    /// Whether it had a HELLO, of which one counts (PROTOCOL W10), and whether it was told that reliable messages are
    /// dropped.
    heard_hello: bool,
    told_dropped: bool,
    /// The group's size, 4·log2(members), as others say.
    group_size: u8,
    /// How many HELLOs were heard since the own one.
    hellos: u16,
    /// The channels whose messages are delivered, the first and the last.
    channels: (u8, u8),
    /// Somebody found no place since this member said HELLO.
    refused: bool,
    /// Whether the sender of the datagram at hand is owed a HELLO, since it asked for one.
    owes: bool,
    /// Whose PROBE was answered last, and when.
    answered_id: Option<MemberId>,
    answered: Tick,
    /// When values were sent again.
    repaired: Tick,
    heartbeat: Heartbeat,
    /// The number of the next message that is no value.
    sequence: u32,
    bucket: Bucket,
    places: Places<SENDERS>,
    #[cfg(feature = "seal")]
    echoes: Echoes<[Echo; ECHOES]>,
    outbox: Outbox<ROOM>,
    inbox: Inbox<[u8; DATAGRAM]>,
}

impl<const DATAGRAM: usize, const SENDERS: usize, const ROOM: usize> Leaf<DATAGRAM, SENDERS, ROOM> {
    /// Whether it hears anything.
    const HEARS: bool = SENDERS > 0;

    /// What does not compile.
    const CHECKED: () = {
        assert!(
            DATAGRAM >= MIN_MAX_DATAGRAM as usize,
            "everybody takes datagrams of 512 bytes: give the leaf DATAGRAM >= 512"
        );
        assert!(DATAGRAM < 1 << 15 && ROOM < 1 << 15 && SENDERS < 1 << 8);
        assert!(
            ROOM > HEAD,
            "there is no room for any message: give the leaf ROOM > 8"
        );
    };

    /// A member that is about to join.
    ///
    /// `seed` feeds ids, sessions and jitter. It must differ between members and between starts: see
    /// [`Group::new`](crate::Group::new). Of the settings, those say nothing to a leaf that are for streams, and the
    /// largest datagram to send, which is 512. [`Pace::UNLIMITED`](crate::Pace::UNLIMITED) is refused: a leaf does not look
    /// at what receivers can take.
    ///
    /// # Errors
    ///
    /// A setting that cannot work.
    pub fn new(config: Config, seed: impl Into<Seed>) -> Result<Self, ConfigError> {
        let seed = seed.into();
        let guard = Guard::for_open(&config, &seed)?;
        Self::with_guard(config, guard, &seed)
    }

    /// A member that is about to join a sealed group: see [`Group::sealed`](crate::Group::sealed). It has to
    /// listen: whoever hears nothing cannot prove that it is there. With `SENDERS` 0 it does not compile.
    ///
    /// # Errors
    ///
    /// A setting that cannot work; a key that cannot be used; or nothing in the entropy that is new at
    /// every start.
    #[cfg(feature = "seal")]
    pub fn sealed(config: Config, seal: Seal<'_>) -> Result<Self, ConfigError> {
        const {
            assert!(
                SENDERS > 0,
                "in a sealed group nobody believes a member that hears nothing"
            );
        }
        let (guard, seed) = Guard::for_sealed(&config, &seal)?;
        Self::with_guard(config, guard, &seed)
    }

    #[cfg_attr(target_os = "none", inline(never))]
    fn with_guard(config: Config, guard: Guard, seed: &Seed) -> Result<Self, ConfigError> {
        const { Self::CHECKED };
        config.check_group()?;
        if config.pace.is_unlimited() {
            return Err(ConfigError::NeedsPace);
        }
        let (mut guard, mut random) = (guard, Random::new(seed));
        let session = guard.draw_session(&mut random);
        Ok(Self {
            membership: Membership::new(
                config.name.unwrap_or_default(),
                config.id.unwrap_or_else(|| random.member_id()),
                session,
                config.announce,
            ),
            guard,
            clock: Clock::new(),
            own_address: None,
            from: None,
            source: None,
            place: SENDERS,
            heard_hello: false,
            told_dropped: false,
            group_size: 0,
            hellos: 0,
            channels: (0, u8::MAX),
            refused: false,
            owes: false,
            answered_id: None,
            answered: Tick::LONG_AGO,
            repaired: Tick::LONG_AGO,
            heartbeat: Heartbeat::new(),
            sequence: 0,
            bucket: Bucket::new(),
            places: Places::new(),
            #[cfg(feature = "seal")]
            echoes: Echoes::<[_; ECHOES]>::new(),
            outbox: Outbox::new(),
            inbox: Inbox::<[_; DATAGRAM]>::new(),
            tools: Tools {
                config,
                counters: Counters::new(),
                random,
            },
        })
    }

    /// Says which channels matter: messages of others are not delivered, and whoever sends only such takes no place
    /// from those who command. At first all matter.
    pub const fn set_channels(&mut self, channels: RangeInclusive<u8>) {
        self.channels = (*channels.start(), *channels.end());
    }

    /// Takes other keys: see [`Group::set_keys`](crate::Group::set_keys).
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
        let changed = self.guard.set_keys(&self.tools.config, keys)?;
        if changed && self.clock.now().is_some() {
            let now = self.tick(now);
            self.go_on(now);
        }
        Ok(())
    }

    /// Tells that time has passed which the clock does not know of: see [`Group::woke`](crate::Group::woke).
    pub fn woke(&mut self, now: Instant) {
        let now = self.tick(now);
        #[cfg(feature = "seal")]
        {
            self.places.iter_mut().for_each(place::Place::woke);
            // What was sent back before is no proof any more.
            if let Some(sealed) = &mut self.guard.sealed {
                sealed.draw_challenge();
            }
        }
        self.membership.presence.assert(now);
    }

    /// Whether the group is sealed.
    #[must_use]
    pub const fn is_sealed(&self) -> bool {
        self.guard.is_sealed()
    }

    /// Takes a datagram that arrived from `from`. Whatever it holds is counted and is never an error. A leaf
    /// without `SENDERS` hears nothing.
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
        if !Self::HEARS {
            return Ok(());
        }
        if self.has_events() {
            return Err(EventsWaiting);
        }
        match self.inbox.octets.get_mut(..datagram.len()) {
            Some(buffer) => {
                buffer.copy_from_slice(datagram);
                self.take(now, from, datagram.len());
            }
            None => self.count_oversized(),
        }
        Ok(())
    }

    /// A datagram arrived that did not fit the receive buffer and is lost.
    fn count_oversized(&mut self) {
        count(&mut self.tools.counters.received);
        count(&mut self.tools.counters.oversized);
    }

    /// Whether there is something to look at for events.
    fn has_events(&self) -> bool {
        !matches!(self.inbox.content, Content::Nothing)
            || self.membership.duplicate_id.is_some()
            || self.guard.is_worn_out()
    }

    /// The next event, if there is one.
    pub fn poll_event(&mut self) -> Option<Event<'_>> {
        let found = self.find()?;
        self.show(found)
    }

    /// The next datagram to send, if there is one, written to the beginning of `buffer`.
    ///
    /// # Errors
    ///
    /// `buffer` is too small: 512 bytes always do.
    pub fn poll_transmit(
        &mut self,
        now: Instant,
        buffer: &mut [u8],
    ) -> Result<Option<Transmit>, BufferTooSmall> {
        let buffer = buffer.first_chunk_mut().ok_or(BufferTooSmall)?;
        Ok(self.transmit(now, buffer))
    }

    /// When to call again if nothing arrives before: `now` or earlier means at once.
    ///
    /// `None` only for a member that does not announce itself.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        let Some(now) = self.clock.now() else {
            return Some(Instant::ZERO);
        };
        let due = self.due(now)?;
        Some(self.clock.told(due))
    }

    /// Tells the address this member sends from, where it is known: see
    /// [`Group::set_local_address`](crate::Group::set_local_address).
    pub const fn set_local_address(&mut self, address: SocketAddr) {
        self.own_address = Some(address);
    }

    /// This member's id.
    #[must_use]
    pub const fn id(&self) -> MemberId {
        self.membership.id
    }

    /// This member's session.
    #[must_use]
    pub const fn session(&self) -> Session {
        self.membership.session
    }

    /// The settings.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.tools.config
    }

    /// What happened to every datagram so far.
    #[must_use]
    pub const fn counters(&self) -> &Counters {
        &self.tools.counters
    }
}
