//! The gateway: a member of the group whose messages become topics at a broker, and the other way round.
//!
//! ```text
//!  group ── events ─▶ who is it? ─▶ queue ─ log ─▶ in flight ── PUBLISH ─▶ broker
//!                                    ▲               │  ▲
//!                                  gap records ◀─ refused └─ PUBACK
//!  group ◀─ Send ──── commands ◀────────────────────────────── PUBLISH ── broker
//! ```
//!
//! **Nothing is lost in silence.** A reliable message stays in the queue until the broker acknowledges it. What finds no
//! room, what the broker refuses, and what was sent in the group while the gateway was away becomes a gap record. With a
//! [store](store::Store), what was queued outlives the program: a message may then come twice at the broker, with the same
//! `gc-mid`. Of State, the newest value of each sender and channel is kept, and published again after each reconnection,
//! since a broker may have lost what it retained or gone back to something older.
//!
//! The gateway knows neither sockets nor MQTT nor the time of day: what happens is handed in, what is to be done comes out
//! of [`Gateway::poll_action`].

mod action;
mod announce;
mod counters;
mod damage;
mod down;
mod gaps;
mod ghosts;
mod group;
mod map;
mod marks;
mod news;
mod publish;
mod queue;
mod record;
mod senders;
mod settings;
mod spool;
pub mod store;
mod suspicion;
#[cfg(test)]
mod tests;
mod told;
mod topics;
mod values;

use core::fmt;
use core::ops::Range;
use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};
use std::io;

use groupcast::{Instant, MemberId, SendError, Sequence};

use crate::publication::{Publication, Qos, Subscription};
pub use crate::tunnel::Site;
pub use action::{Action, CommandId, Incoming, Token};
pub use counters::Counters;
use down::{Commands, Outcome};
use gaps::Gaps;
use ghosts::Ghosts;
pub use map::{Map, MapError};
use marks::Marks;
pub use news::News;
use news::Told;
use publish::Flight;
use queue::Queue;
use senders::Senders;
pub use settings::{Body, Down, Settings, SettingsError, label};
use store::Store;
use suspicion::Suspicion;
use topics::{Read, Topics};
use values::Values;

/// How many commands the broker may have sent without acknowledgement: the Receive Maximum to state when connecting.
pub const RECEIVE_MAXIMUM: u16 = down::MOST as u16;

/// How often the store is made safe, and everything else is looked after that takes its time.
const TICK: Duration = Duration::from_secs(1);

/// How many publishes may be on the way before the broker says so: what MQTT has for one that does not, within reason.
const MOST_IN_FLIGHT: usize = 1024;

/// The core of a gateway. After each call, do what [`poll_action`](Self::poll_action) says until it says nothing.
#[derive(Debug)]
pub struct Gateway<S> {
    settings: Settings,
    topics: Topics,
    store: S,
    now: Instant,
    /// Unix time at `now`.
    unix: Duration,
    is_connected: bool,
    receive_maximum: usize,
    maximum_packet: usize,
    /// The broker had no room: nothing is published until the next tick.
    is_paused: bool,
    queue: Queue,
    marks: Marks,
    gaps: Gaps,
    senders: Senders,
    values: Values,
    is_value_next: bool,
    /// What is published beside, such as `online`.
    others: VecDeque<Publication>,
    flights: BTreeMap<Token, Flight>,
    suspicion: Suspicion,
    next_token: u64,
    commands: Commands,
    ghosts: Ghosts,
    next_tick: Instant,
    /// Positions of the store that cannot be read. What was there is told.
    holes: Vec<Range<u64>>,
    /// The checkpoint in the store is out of date.
    is_stale: bool,
    actions: VecDeque<Action>,
    /// Those of them that are best effort.
    waiting_best_effort: usize,
    counters: Counters,
    told: Told,
}

/// Why there is no gateway.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The settings cannot work.
    Settings(SettingsError),
    /// The store cannot be read.
    Store(io::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Settings(error) => error.fmt(f),
            Self::Store(error) => write!(f, "the store cannot be read: {error}"),
        }
    }
}

impl core::error::Error for Error {}

/// What waits for the broker.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Queued {
    /// Reliable messages.
    pub messages: u64,
    /// Those of them that are in the store alone.
    pub spooled: u64,
    /// Bytes of the others.
    pub memory: usize,
    /// Bytes of the store.
    pub store: u64,
    /// For how long the oldest of them waits.
    pub oldest: Duration,
    /// Gap records.
    pub gaps: usize,
    /// State values.
    pub values: usize,
    /// Publishes of all kinds that were sent and are not acknowledged.
    pub in_flight: usize,
    /// Whether messages and gap records are in the store, so that they outlive the program.
    pub is_kept: bool,
}

impl<S: Store> Gateway<S> {
    /// A gateway that has not met its broker yet, with what the store holds. `unix` is the Unix time.
    ///
    /// # Errors
    ///
    /// The settings cannot work, or the store cannot be read.
    pub fn new(settings: Settings, store: S, now: Instant, unix: Duration) -> Result<Self, Error> {
        settings.check().map_err(Error::Settings)?;
        let lives = settings.senders.saturating_mul(2).max(16);
        let mut gateway = Self {
            topics: Topics::new(&settings.prefix, &settings.label, settings.site.as_str()),
            store,
            now,
            unix,
            is_connected: false,
            receive_maximum: 20,
            maximum_packet: usize::MAX,
            is_paused: false,
            queue: Queue::new(settings.queue_bytes),
            marks: Marks::new(lives),
            // A number that no gateway had before, even without a store.
            gaps: Gaps::new(unix.as_millis() as u64),
            senders: Senders::new(settings.senders.max(1)),
            values: Values::new(settings.values),
            is_value_next: false,
            others: VecDeque::new(),
            flights: BTreeMap::new(),
            suspicion: Suspicion::default(),
            next_token: 0,
            commands: Commands::default(),
            ghosts: Ghosts::new(now),
            next_tick: now + TICK,
            holes: Vec::new(),
            is_stale: false,
            actions: VecDeque::new(),
            waiting_best_effort: 0,
            counters: Counters::default(),
            told: Told::default(),
            settings,
        };
        gateway.recover().map_err(Error::Store)?;
        gateway.count();
        Ok(gateway)
    }

    /// What to subscribe to after connecting, with No Local.
    #[must_use]
    pub fn subscriptions(&self) -> Vec<Subscription> {
        let subscription = |filter, retained| Subscription {
            filter,
            qos: Qos::AtLeastOnce,
            retained,
        };
        let mut all = vec![subscription(self.topics.info_filter(), true)];
        if self.settings.down != Down::None {
            all.push(subscription(self.topics.set_filter(), false));
        }
        let sets = self.settings.map.sets.iter();
        all.extend(sets.map(|set| subscription(set.topic.clone(), set.retained)));
        all
    }

    /// The Will to connect with; a Will Delay of 5 s keeps short outages quiet. Publish it, too, before a connection is
    /// ended in good order: then the broker does not.
    #[must_use]
    pub fn will(&self) -> Publication {
        self.availability("offline")
    }

    /// What all its topics begin with, but for those of the map.
    #[must_use]
    pub fn root(&self) -> &str {
        self.topics.root()
    }

    /// What came in, what went through, and what did not.
    #[must_use]
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// What waits for the broker.
    #[must_use]
    pub fn queued(&self) -> Queued {
        let unix = self.unix.as_millis() as u64;
        let oldest = self.queue.oldest().map(|time| unix.saturating_sub(time));
        Queued {
            messages: self.queue.messages(),
            spooled: self.queue.spooled(),
            memory: self.queue.memory(),
            store: self.store.bytes(),
            oldest: Duration::from_millis(oldest.unwrap_or_default()),
            gaps: self.gaps.len(),
            values: self.values.unsettled(),
            in_flight: self.flights.len(),
            is_kept: self.store.is_store() && !self.queue.is_down && !self.queue.has_unlogged(),
        }
    }

    /// Whether there is room for what the broker sends. Until there is, let it wait there: a command more is refused.
    #[must_use]
    pub fn takes_commands(&self) -> bool {
        !self.commands.is_full()
    }

    /// How many publishes the broker takes before it has acknowledged the first: what CONNACK says. Default: 20.
    pub fn set_receive_maximum(&mut self, publishes: u16) {
        self.receive_maximum = usize::from(publishes.max(1)).min(MOST_IN_FLIGHT);
    }

    /// The largest packet that the broker takes, in bytes, if CONNACK names one: what is larger is not sent, but becomes a
    /// gap record.
    pub fn set_maximum_packet(&mut self, bytes: Option<u32>) {
        self.maximum_packet = bytes.map_or(usize::MAX, |bytes| bytes as usize);
    }

    /// What is to be done next, if anything is.
    pub fn poll_action(&mut self) -> Option<Action> {
        if let Some(action) = self.actions.pop_front() {
            if matches!(action, Action::Publish { .. }) {
                self.waiting_best_effort -= 1;
                self.counters.published += 1;
            }
            return Some(action);
        }
        let action = self.next_publish();
        self.count();
        // A message that cannot be published is told of.
        action.or_else(|| self.actions.pop_front())
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called.
    #[must_use]
    pub fn poll_timeout(&self) -> Instant {
        let commands = self.commands.deadline();
        commands.map_or(self.next_tick, |at| at.min(self.next_tick))
    }

    /// It is time.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.advance(now);
        let unconfirmed = self.commands.tick(now, &mut self.actions);
        if unconfirmed > 0 {
            self.counters.unconfirmed += unconfirmed;
            let commands = self.counters.unconfirmed;
            self.tell(News::Unconfirmed { commands });
            self.confirm();
        }
        if now >= self.next_tick {
            self.next_tick = now + TICK;
            self.is_paused = false;
            self.suspicion.tick(now);
            self.look_after_senders();
            self.look_after_store();
        }
        self.count();
    }

    /// The broker is there, and has accepted the subscriptions. `session_present` is what CONNACK says.
    pub fn handle_connected(&mut self, now: Instant, session_present: bool) {
        self.advance(now);
        self.forget_flights();
        self.is_connected = true;
        self.suspicion.connected(now);
        self.commands.connected(session_present);
        self.ghosts.connected(now);
        self.others = [self.availability("online")].into();
        self.announce_all();
        // The broker may have lost what it retained, or gone back to what it had written to its disk, with a session.
        self.senders.connected();
        self.values.connected();
        self.publish_latest();
        self.count();
    }

    /// The broker is away. What was on the way is sent again when it is back.
    pub fn handle_disconnected(&mut self, now: Instant) {
        self.advance(now);
        self.forget_flights();
        self.is_connected = false;
        self.others.clear();
        // Commands that are dealt with are acknowledged when they come again.
        self.counters.offline += self.waiting_best_effort as u64;
        self.waiting_best_effort = 0;
        self.actions.retain(|action| {
            !matches!(action, Action::Publish { .. } | Action::Acknowledge { .. })
        });
    }

    /// A message came from the broker.
    pub fn handle_publish(&mut self, now: Instant, incoming: Incoming<'_>) {
        self.advance(now);
        self.counters.incoming += 1;
        let mapped = self.settings.map.set(incoming.topic);
        let mapped = mapped.map(|set| (set.channel, set.retained));
        let (channel, takes_retained) = match (mapped, self.topics.read(incoming.topic)) {
            (Some(mapped), _) => mapped,
            (None, Read::Info(id)) => {
                if !self.ghosts.read(now, id, incoming.payload) {
                    self.counters.bad_info += 1;
                }
                let reason = down::SUCCESS;
                let answer = |packet| Action::Acknowledge { packet, reason };
                return self.actions.extend(incoming.packet.map(answer));
            }
            (None, Read::Set(channel)) if self.settings.down.allows(channel) => (channel, false),
            (None, Read::Set(_)) => {
                self.counters.not_allowed += 1;
                return self.refuse(
                    &incoming,
                    down::NOT_AUTHORIZED,
                    "this channel is not allowed",
                );
            }
            (None, Read::Bad | Read::Other) => {
                self.counters.bad_topic += 1;
                return self.refuse(
                    &incoming,
                    down::BAD_TOPIC,
                    "the topic names no class and channel",
                );
            }
        };
        self.counters.commands += 1;
        if incoming.retained && !takes_retained {
            self.counters.retained_commands += 1;
            return self
                .commands
                .answer(&incoming, down::SUCCESS, &mut self.actions);
        }
        if self.commands.is_again(&incoming, &mut self.actions) {
            self.counters.duplicate_commands += 1;
            return;
        }
        if self.commands.is_full() {
            self.counters.too_many_commands += 1;
            return self.refuse(&incoming, down::QUOTA, "too many are waiting");
        }
        if incoming.mid.is_some_and(|mid| self.commands.was_seen(mid)) {
            self.counters.duplicate_commands += 1;
            return self
                .commands
                .answer(&incoming, down::SUCCESS, &mut self.actions);
        }
        self.commands.push(&incoming, channel, &mut self.actions);
    }

    /// A command was queued to the group, as [`Action::Send`] wanted, or not.
    pub fn handle_sent(
        &mut self,
        now: Instant,
        command: CommandId,
        result: Result<Sequence, SendError>,
    ) {
        self.advance(now);
        match self.commands.sent(now, command, result, &mut self.actions) {
            Outcome::Queued => {
                self.counters.commands_sent += 1;
                self.confirm();
            }
            Outcome::Refused(topic, error) => {
                let why = if matches!(error, SendError::TooLong { .. }) {
                    self.counters.too_long += 1;
                    "it is too long for the group"
                } else {
                    self.counters.not_sent += 1;
                    "the group does not take it"
                };
                self.tell(News::Command { topic, why });
            }
            Outcome::Later | Outcome::Unknown => {}
        }
    }

    /// Says no to a command.
    fn refuse(&mut self, incoming: &Incoming<'_>, reason: u8, why: &'static str) {
        self.commands.answer(incoming, reason, &mut self.actions);
        let topic = incoming.topic.chars().take(200).collect();
        self.tell(News::Command { topic, why });
    }

    /// Asks who has the commands that were sent.
    fn confirm(&mut self) {
        let senders = &self.senders;
        self.commands
            .confirm(self.now, || senders.receivers(), &mut self.actions);
    }

    fn tell(&mut self, news: News) {
        if self.told.may_tell(self.now, &news) {
            self.actions.push_back(Action::Tell(news));
        }
    }

    /// Time goes on.
    fn advance(&mut self, now: Instant) {
        self.unix += now.since(self.now);
        self.now = now.max(self.now);
    }

    const fn unix_seconds(&self) -> u64 {
        self.unix.as_secs()
    }

    /// Brings the counters up to date that are counted elsewhere.
    fn count(&mut self) {
        let [lan, bridge, broker] = self.gaps.begun;
        self.counters.gaps_lan = lan;
        self.counters.gaps_bridge = bridge;
        self.counters.gaps_broker = broker;
        if self.counters.store_lost < self.queue.lost {
            self.counters.store_lost = self.queue.lost;
            let messages = self.queue.lost;
            self.tell(News::StoreLost { messages });
        }
        self.counters.holes_closed = self.marks.closed;
        if self.counters.gaps_dropped < self.gaps.dropped {
            self.counters.gaps_dropped = self.gaps.dropped;
            let gaps = self.gaps.dropped;
            self.tell(News::GapsDropped { gaps });
        }
    }

    /// The name of a member, if it is known.
    fn name_of(&self, id: MemberId) -> String {
        self.senders
            .get(id)
            .map_or_else(String::new, |sender| sender.name.clone())
    }
}
