//! The group's state, and what the clock does to it.

use core::net::SocketAddr;
use core::time::Duration;

use heapless::Vec;

use super::inbox::Source;
use super::pace::Bucket;
use super::presence::Presence;
use super::random::Random;
use super::roster::Roster;
use super::sender::Sender;
use super::streams::window;
use super::trip::Trip;
use crate::config::Config;
use crate::counters::Counters;
use crate::error::ConfigError;
use crate::event::DuplicateId;
use crate::ident::{GroupTag, MemberId, Name, Session};
use crate::storage::Views;
use crate::time::Instant;
use crate::wire::{Suite, open_group_tag};

/// How often [`Event::RosterFull`](crate::Event::RosterFull) is said at most.
const REPORT_ROSTER_FULL: Duration = Duration::from_secs(60);

/// How often a missing fragment is asked for at most.
pub(crate) const ATTEMPTS: u8 = 24;

/// Messages of which it is to be known who has them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Confirm {
    /// The sequence numbers of the first and the last fragment.
    pub(crate) first: u32,
    pub(crate) last: u32,
    pub(crate) ask_at: Instant,
    pub(crate) asked: u8,
}

/// Everything of a group but its memory. Its code is not generic.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) config: Config,
    pub(crate) name: Name,
    pub(crate) id: MemberId,
    pub(crate) session: Session,
    pub(crate) tag: GroupTag,
    pub(crate) suite: Suite,
    /// The datagram counter: that of the last datagram sent.
    pub(crate) counter: u64,
    /// The sequence number of the next fragment that is not of the reliable stream.
    pub(crate) sequence: u32,
    /// The largest datagram this member sends.
    pub(crate) max_datagram: u16,
    pub(crate) own_address: Option<SocketAddr>,
    pub(crate) random: Random,
    pub(crate) presence: Presence,
    pub(crate) trip: Trip,
    pub(crate) bucket: Bucket,
    pub(crate) sender: Sender,
    /// Sequence numbers of own values that newer ones have replaced, to be told.
    pub(crate) skips: Vec<u32, 8>,
    pub(crate) confirm: Option<Confirm>,
    pub(crate) counters: Counters,
    /// The latest time heard of; `None` before the first.
    pub(crate) now: Option<Instant>,
    /// When this session began.
    pub(crate) began: Instant,
    pub(crate) silenced: bool,
    /// Whether it is still to be said that this member gives way.
    pub(crate) gives_way: bool,
    pub(crate) duplicate_id: Option<DuplicateId>,
    pub(crate) duplicate_reported: Option<Instant>,
    pub(crate) refused: u32,
    refused_reported: Option<Instant>,
    pub(crate) source: Option<Source>,
}

impl Engine {
    pub(crate) fn new(
        views: &Views<'_>,
        config: Config,
        seed: [u8; 32],
    ) -> Result<Self, ConfigError> {
        let room = views.inbox.octets.len();
        config.check(room, views.history.capacity())?;
        if seed == [0; 32] {
            return Err(ConfigError::SeedIsZero);
        }
        let mut random = Random::new(seed);
        let session = random.session();
        Ok(Self {
            name: config.name.unwrap_or_default(),
            id: config.id.unwrap_or_else(|| random.member_id()),
            session,
            tag: open_group_tag(config.group, &config.group_name.unwrap_or_default()),
            suite: Suite::Open,
            counter: 0,
            sequence: 0,
            max_datagram: config.max_datagram(room),
            own_address: None,
            random,
            presence: Presence::new(config.announce),
            trip: Trip::new(),
            bucket: Bucket::new(config.pace),
            sender: Sender::new(),
            skips: Vec::new(),
            confirm: None,
            counters: Counters::new(),
            now: None,
            began: Instant::ZERO,
            silenced: false,
            gives_way: false,
            duplicate_id: None,
            duplicate_reported: None,
            refused: 0,
            refused_reported: None,
            source: None,
            config,
        })
    }

    /// Takes note of the time. It never runs backwards.
    pub(crate) fn tick(&mut self, views: &mut Views<'_>, now: Instant) -> Instant {
        let now = match self.now {
            Some(before) => before.max(now),
            None => {
                self.began = now;
                self.presence.start(now, &mut self.random);
                now
            }
        };
        self.now = Some(now);
        views.roster.expire(now);
        if views.streams.next_check.is_some_and(|check| check <= now) {
            self.check_streams(views, now);
        }
        now
    }

    /// Stops waiting where that has taken too long, and notes answers that are due.
    fn check_streams(&mut self, views: &mut Views<'_>, now: Instant) {
        let longest = self.config.max_wait;
        for at in 0..views.streams.len() {
            let count = views.streams.len();
            let Some(stream) = views.streams.get_mut(at) else {
                continue;
            };
            let window = window(views.slots, count, at);
            if stream.stuck_for(now) >= longest {
                stream.give_up_first(&window);
            }
            if stream.ack_at.is_some_and(|due| due <= now) {
                stream.ack_at = None;
                views.roster.owe_ack(stream.peer);
            }
            views.streams.note(at, longest);
        }
        views.streams.recount(longest);
    }

    /// A new life, with a new session: what was sent before does not count for it.
    pub(crate) fn begin_session(&mut self, views: &mut Views<'_>, now: Instant) {
        self.session = self.random.session();
        self.counter = 0;
        self.began = now;
        self.presence.start(now, &mut self.random);
        self.confirm = None;
        // The numbers go on: what was queued keeps those it has.
        views.roster.forget_answers();
    }

    /// How many members there are, oneself included, as far as is known.
    pub(crate) fn group_size(&self, roster: &Roster) -> usize {
        roster.members().saturating_add(1)
    }

    /// The lowest sequence number of this member's stream that can be repaired.
    pub(crate) fn low(&self, views: &Views<'_>) -> u32 {
        self.sender.next.wrapping_sub(views.history.kept())
    }

    /// When there is something to do.
    pub(crate) fn next_deadline(&self, views: &Views<'_>) -> Option<Instant> {
        let Some(now) = self.now else {
            return Some(Instant::ZERO);
        };
        if self.gives_way || self.has_events(views) || views.roster.has_owed() {
            return Some(now);
        }
        if !self.skips.is_empty() {
            return Some(now);
        }
        let wants_to_send =
            !views.history.is_sent() || views.history.has_wanted() || views.states.has_wanted();
        let speaks = !self.silenced;
        // The BYE waits for what is to be sent before it.
        let waits = self.presence.is_leaving() && !views.history.is_sent();
        [
            self.presence.next().filter(|_| !waits),
            views.roster.next_check(),
            views.streams.next_check,
            self.sender.next_beat().filter(|_| speaks),
            self.confirm
                .map(|confirm| confirm.ask_at)
                .filter(|_| speaks),
            wants_to_send.then(|| self.bucket.opens_at(now)),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Somebody found no place on the roster.
    pub(crate) fn refuse(&mut self) {
        self.refused = self.refused.saturating_add(1);
    }

    /// How many were refused, if it is time to say so.
    pub(crate) fn take_refused(&mut self) -> Option<u32> {
        let now = self.now?;
        let said = |at: Instant| now.since(at) < REPORT_ROSTER_FULL;
        if self.refused == 0 || self.refused_reported.is_some_and(said) {
            return None;
        }
        self.refused_reported = Some(now);
        Some(core::mem::take(&mut self.refused))
    }
}
