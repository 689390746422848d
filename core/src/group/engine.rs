//! The group's state, and what the application and the clock do to it.

use core::net::SocketAddr;
use core::time::Duration;

use embedded_nal::nb;

use super::outbox::Full;
use super::presence::Presence;
use super::random::Random;
use super::roster::Roster;
use crate::channel::Channel;
use crate::config::Config;
use crate::counters::{Counters, count};
use crate::error::{ConfigError, SendError};
use crate::event::DuplicateId;
use crate::ident::{GroupTag, MemberId, Name, Session};
use crate::storage::Views;
use crate::time::Instant;
use crate::wire::{Data, Frame, Header, Suite, Writer, is_framed, open_group_tag};

/// How often [`Event::RosterFull`](crate::Event::RosterFull) is said at most.
const REPORT_ROSTER_FULL: Duration = Duration::from_secs(60);

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
    /// The sequence number of the next best-effort message.
    sequence: u32,
    pub(crate) receive_limit: usize,
    pub(crate) own_address: Option<SocketAddr>,
    pub(crate) random: Random,
    pub(crate) presence: Presence,
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
    pub(crate) sender: Option<super::inbox::Sender>,
}

impl Engine {
    pub(crate) fn new(
        views: &Views<'_>,
        config: Config,
        seed: [u8; 32],
    ) -> Result<Self, ConfigError> {
        let receive_limit = views.inbox.octets.len();
        config.check(receive_limit, views.outbox.capacity())?;
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
            receive_limit,
            own_address: None,
            random,
            presence: Presence::new(config.announce),
            counters: Counters::new(),
            now: None,
            began: Instant::ZERO,
            silenced: false,
            gives_way: false,
            duplicate_id: None,
            duplicate_reported: None,
            refused: 0,
            refused_reported: None,
            sender: None,
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
        now
    }

    /// A new life, with a new session: what was sent before does not count for it.
    pub(crate) fn begin_session(&mut self, now: Instant) {
        self.session = self.random.session();
        self.counter = 0;
        self.began = now;
        self.presence.start(now, &mut self.random);
    }

    /// How many members there are, oneself included, as far as is known.
    pub(crate) fn group_size(&self, roster: &Roster) -> usize {
        roster.members().saturating_add(1)
    }

    /// The most octets of a datagram now: the smallest receiver counts.
    pub(crate) fn max_datagram(&self, roster: &Roster) -> usize {
        usize::from(self.config.max_datagram.min(roster.max_datagram()))
    }

    pub(crate) fn max_message(&self, roster: &Roster) -> usize {
        self.max_datagram(roster)
            .saturating_sub(Header::LEN)
            .saturating_sub(Data::OVERHEAD)
            .saturating_sub(self.suite.trailer_len())
    }

    /// When there is something to do.
    pub(crate) fn next_deadline(&self, views: &Views<'_>) -> Option<Instant> {
        let Some(now) = self.now else {
            return Some(Instant::ZERO);
        };
        if !views.outbox.is_empty()
            || self.gives_way
            || self.has_events(views)
            || views.roster.has_owed()
        {
            return Some(now);
        }
        match (self.presence.next(), views.roster.next_check()) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    pub(crate) fn send(
        &mut self,
        views: &mut Views<'_>,
        now: Instant,
        channel: Channel,
        payload: &[u8],
    ) -> nb::Result<(), SendError> {
        self.check_sendable(views, now)?;
        let limit = self.max_message(views.roster);
        if payload.len() > limit {
            return Err(SendError::TooLong {
                len: payload.len(),
                limit,
            }
            .into());
        }
        let data = Data {
            class: channel.class().code(),
            repair: false,
            copy: false,
            channel: channel.number(),
            horizon: 0,
            fragment: 0,
            last: 0,
            sequence: self.sequence,
            payload,
        };
        let len = payload.len().saturating_add(Data::OVERHEAD);
        let write = |octets: &mut [u8]| {
            // The record has exactly the frame's length.
            let _ = Frame::Data(data).emit(&mut Writer::new(octets));
        };
        views
            .outbox
            .push(false, len, write)
            .map_err(|Full| nb::Error::WouldBlock)?;
        self.sequence = self.sequence.wrapping_add(1);
        count(&mut self.counters.messages_sent);
        Ok(())
    }

    pub(crate) fn send_raw(
        &mut self,
        views: &mut Views<'_>,
        now: Instant,
        datagram: &[u8],
    ) -> nb::Result<(), SendError> {
        self.check_sendable(views, now)?;
        if datagram.is_empty() {
            return Err(SendError::Empty.into());
        }
        if is_framed(datagram) {
            return Err(SendError::LooksFramed.into());
        }
        let limit = usize::from(self.config.max_datagram);
        if datagram.len() > limit {
            return Err(SendError::TooLong {
                len: datagram.len(),
                limit,
            }
            .into());
        }
        let write = |octets: &mut [u8]| {
            // Octet by octet: lengths that might differ would be a reason to panic.
            octets
                .iter_mut()
                .zip(datagram)
                .for_each(|(to, from)| *to = *from);
        };
        views
            .outbox
            .push(true, datagram.len(), write)
            .map_err(|Full| nb::Error::WouldBlock)?;
        count(&mut self.counters.messages_sent);
        Ok(())
    }

    fn check_sendable(&mut self, views: &mut Views<'_>, now: Instant) -> Result<(), SendError> {
        self.tick(views, now);
        if self.silenced {
            return Err(SendError::Silenced);
        }
        if self.presence.is_leaving() {
            return Err(SendError::HasLeft);
        }
        Ok(())
    }

    pub(crate) fn leave(&mut self, views: &mut Views<'_>, now: Instant) {
        let now = self.tick(views, now);
        self.presence.leave(now);
    }

    pub(crate) fn has_left(&self, views: &Views<'_>) -> bool {
        self.presence.has_left() && views.outbox.is_empty()
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
