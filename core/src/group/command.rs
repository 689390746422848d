//! What the application wants: to send, to know who has it, to leave.

use crate::time::Span;

use embedded_nal::nb;

use super::engine::{Confirm, Engine};
use super::fragments::{Body, Meta};
use super::membership::{Limits, Roster};
use super::sending::{Full, History, Kind};
use super::values::NoRoom;
use crate::channel::{Channel, Class};
use crate::counters::count;
use crate::error::SendError;
#[cfg(feature = "sign")]
use crate::sign::{SigningKey, Statement};
use crate::storage::{View, Views};
use crate::time::Instant;
use crate::wire::{Data, Header, SIGNATURE_LEN, Writer, is_framed};

/// The most fragments a message can have.
const MAX_FRAGMENTS: usize = 256;

/// How long after a message it is asked who has it.
const CONFIRM_AFTER: Span = Span::from_millis(2);

impl Engine {
    /// The most octets of a datagram for receivers with these limits.
    pub(crate) fn datagram_limit(&self, limits: Limits) -> usize {
        usize::from(self.max_datagram.min(limits.datagram))
    }

    /// What those can receive that a message of a class is for (PROTOCOL S14), and how many they are.
    const fn limits_of(roster: &Roster, class: Class) -> (Limits, usize) {
        if class.is_for_all() {
            (roster.limits(), roster.members())
        } else {
            (roster.stream_limits(), roster.takers())
        }
    }

    /// The most octets of a message that is in one datagram, for receivers with these limits.
    fn fragment_limit(&self, limits: Limits) -> usize {
        self.datagram_limit(limits)
            .saturating_sub(Header::LEN)
            .saturating_sub(Data::OVERHEAD)
            .saturating_sub(self.guard.suite().trailer_len())
    }

    /// The most octets of a message of a class.
    pub(crate) fn message_limit(&self, view: View<'_>, class: Class) -> usize {
        let (limits, receivers) = Self::limits_of(view.roster, class);
        let fragment = self.fragment_limit(limits);
        if matches!(class, Class::Latest | Class::State) {
            return fragment;
        }
        let record = History::space_for(fragment.saturating_add(Data::OVERHEAD));
        let kept = view
            .history
            .capacity()
            .checked_div(record)
            .unwrap_or_default();
        let sendable = fragment.saturating_mul(kept.min(MAX_FRAGMENTS));
        // As long as nobody is known, others are taken for members like this one.
        let receivable = match receivers {
            0 => self.receivable,
            _ => limits.message,
        };
        let receivable = usize::from(receivable).saturating_mul(64);
        sendable.min(receivable).max(fragment)
    }

    /// Whether a message of `len` octets, of which a signature takes `signature`, can be sent now: the
    /// size of its fragments, and how many there are.
    fn make_room(
        &mut self,
        views: &mut Views<'_>,
        now: Instant,
        channel: Channel,
        len: usize,
        signature: usize,
    ) -> nb::Result<(usize, usize), SendError> {
        self.check_sendable(views, now)?;
        let (limits, _) = Self::limits_of(views.roster, channel.class());
        let size = self.fragment_limit(limits).max(1);
        let mut fragments = 1;
        if len > size {
            let limit = self.message_limit(views.view(), channel.class());
            if len > limit {
                return Err(SendError::TooLong {
                    len: len.saturating_sub(signature),
                    limit: limit.saturating_sub(signature),
                }
                .into());
            }
            fragments = len.div_ceil(size);
        }
        let last_len = len.saturating_sub(size.saturating_mul(fragments.saturating_sub(1)));
        let history = &views.history;
        // What waits must not push out what receivers may still ask for.
        let waits = history.unsent_octets();
        let most = match history.kept() {
            0 => history.capacity(),
            _ => history.capacity() / 2,
        };
        let is_limited = waits > 0 && waits.saturating_add(len) > most;
        if is_limited
            || !views
                .history
                .has_room(fragments, size, last_len, Data::OVERHEAD)
        {
            return Err(nb::Error::WouldBlock);
        }
        Ok((size, fragments))
    }

    /// The sequence number of the next message of a class.
    const fn next_sequence(&self, class: Class) -> u32 {
        if class.is_reliable() {
            self.sender.next
        } else {
            self.sequence
        }
    }

    /// Queues a message with a signature. Returns the sequence number of its first fragment.
    #[cfg(feature = "sign")]
    pub(crate) fn send_signed(
        &mut self,
        views: &mut Views<'_>,
        now: Instant,
        channel: Channel,
        payload: &[u8],
        key: &SigningKey,
    ) -> nb::Result<u32, SendError> {
        // Signing takes long: it is known before that there is room.
        let len = payload.len().saturating_add(SIGNATURE_LEN);
        self.make_room(views, now, channel, len, SIGNATURE_LEN)?;
        let signature = key.sign(&Statement {
            group: self.tools.config.group,
            group_name: self.tools.config.group_name.unwrap_or_default(),
            sender: self.id,
            session: self.session,
            channel,
            sequence: self.next_sequence(channel.class()),
            payload,
        });
        self.send(views, now, channel, Body::new(payload).signed(&signature))
    }

    /// Queues a message. Returns the sequence number of its first fragment.
    #[inline(never)]
    pub(crate) fn send(
        &mut self,
        views: &mut Views<'_>,
        now: Instant,
        channel: Channel,
        body: Body<'_>,
    ) -> nb::Result<u32, SendError> {
        let signature = if body.is_signed() { SIGNATURE_LEN } else { 0 };
        let (size, fragments) = self.make_room(views, now, channel, body.len(), signature)?;
        let reliable = channel.class().is_reliable();
        let first = self.next_sequence(channel.class());
        let (class, latest) = channel.class().code();
        let mut data = Data {
            class,
            latest,
            repair: false,
            copy: false,
            signed: body.is_signed(),
            channel: channel.number(),
            horizon: 0,
            fragment: 0,
            // There are 256 fragments at most.
            last: fragments.saturating_sub(1) as u8,
            sequence: first,
            payload: &[],
        };
        if channel.class() == Class::State {
            let meta = Meta {
                // It fits a datagram.
                len: u16::try_from(body.len()).unwrap_or(u16::MAX),
                ..Meta::of(&data)
            };
            let set = views.states.set(meta, body, views.pool);
            set.map_err(|NoRoom| SendError::TooManyStates)?;
        }
        let kind = if reliable { Kind::Kept } else { Kind::Once };
        let mut rest = body;
        loop {
            let (head, tail) = rest.split_at(size);
            let len = head.len().saturating_add(Data::OVERHEAD);
            let write = |octets: &mut [u8]| {
                let mut w = Writer::new(octets);
                // The record has exactly the frame's length.
                data.emit_head(head.len(), &mut w);
                head.emit(&mut w);
            };
            views
                .history
                .push(kind, len, write)
                .map_err(|Full| nb::Error::WouldBlock)?;
            data.sequence = data.sequence.wrapping_add(1);
            if data.fragment == data.last {
                break;
            }
            data.fragment = data.fragment.saturating_add(1);
            rest = tail;
        }
        if reliable {
            self.sender.next = data.sequence;
        } else {
            self.sequence = data.sequence;
        }
        count(&mut self.tools.counters.messages_sent);
        Ok(first)
    }

    /// Queues a bare datagram.
    #[inline(never)]
    pub(crate) fn send_raw(
        &mut self,
        views: &mut Views<'_>,
        now: Instant,
        datagram: &[u8],
    ) -> nb::Result<(), SendError> {
        self.check_sendable(views, now)?;
        if !self.guard.takes_bare() {
            return Err(SendError::BareInSealed.into());
        }
        if datagram.is_empty() {
            return Err(SendError::Empty.into());
        }
        if is_framed(datagram) {
            return Err(SendError::LooksFramed.into());
        }
        let limit = usize::from(self.max_datagram);
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
        let pushed = views.history.push(Kind::Bare, datagram.len(), write);
        pushed.map_err(|Full| nb::Error::WouldBlock)?;
        count(&mut self.tools.counters.messages_sent);
        Ok(())
    }

    fn check_sendable(&mut self, views: &mut Views<'_>, now: Instant) -> Result<(), SendError> {
        self.tick(views, now);
        if self.silenced {
            return Err(SendError::Silenced);
        }
        if self.presence.is_leaving() || self.leaves_later {
            return Err(SendError::HasLeft);
        }
        Ok(())
    }

    /// Asks who has every message from the one of number `first` to that of number `last`.
    #[inline(never)]
    pub(crate) fn confirm(&mut self, views: &mut Views<'_>, now: Instant, first: u32, last: u32) {
        let now = self.tick(views, now);
        // All fragments of the last message.
        let nth = last.wrapping_sub(self.low(views));
        let frame = views.history.kept_frame(nth);
        let last = last.wrapping_add(frame.map_or(0, Data::fragments_after));
        let is_same = |confirm: Confirm| (confirm.first, confirm.last) == (first, last);
        if !self.confirm.is_some_and(is_same) {
            views.roster.forget_answers();
        }
        self.confirm = Some(Confirm {
            first,
            last,
            ask_at: now + CONFIRM_AFTER,
            asked: 0,
        });
    }

    #[inline(never)]
    pub(crate) fn leave(&mut self, views: &mut Views<'_>, now: Instant) {
        let now = self.tick(views, now);
        // Who has not met anybody yet goes on saying HELLO until messages may be sent.
        if self.is_held(views, now) {
            self.leaves_later = true;
        } else {
            let unsent = views.history.unsent_kept() > 0;
            self.presence.leave(now, unsent);
        }
    }

    /// Gives up what is queued. Where the stream ends is told with BYE, so receivers know what they lack.
    pub(crate) fn forget_unsent(views: &mut Views<'_>) {
        views.history.cancel_unsent();
        // Nobody gets later what is said to be lost.
        views.history.forget_sent();
    }

    pub(crate) fn has_left(&self, views: &Views<'_>) -> bool {
        self.presence.has_left() && (views.history.is_sent() || self.silenced)
    }
}
