//! What the application wants: to send, to know who has it, to leave.

use core::time::Duration;

use embedded_nal::nb;

use super::engine::{Confirm, Engine};
use super::history::{Full, History, Kind};
use super::pool::Meta;
use super::roster::Roster;
use super::states::NoRoom;
use crate::channel::{Channel, Class};
use crate::counters::count;
use crate::error::SendError;
use crate::storage::{View, Views};
use crate::time::Instant;
use crate::wire::{Data, Frame, Header, Writer, is_framed};

/// The most fragments a message can have.
const MAX_FRAGMENTS: usize = 256;

/// How long after a message it is asked who has it.
const CONFIRM_AFTER: Duration = Duration::from_millis(2);

impl Engine {
    /// The most octets of a datagram now: the smallest receiver counts.
    pub(crate) fn datagram_limit(&self, roster: &Roster) -> usize {
        usize::from(self.max_datagram.min(roster.limits().datagram))
    }

    /// The most octets of a message that is in one datagram.
    pub(crate) fn fragment_limit(&self, roster: &Roster) -> usize {
        self.datagram_limit(roster)
            .saturating_sub(Header::LEN)
            .saturating_sub(Data::OVERHEAD)
            .saturating_sub(self.suite.trailer_len())
    }

    /// The most octets of a message of a class.
    pub(crate) fn message_limit(&self, view: View<'_>, class: Class) -> usize {
        let fragment = self.fragment_limit(view.roster);
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
        let receivable = match view.roster.members() {
            0 => self.receivable,
            _ => view.roster.limits().message,
        };
        let receivable = usize::from(receivable).saturating_mul(64);
        sendable.min(receivable).max(fragment)
    }

    /// Queues a message. Returns the sequence number of its first fragment.
    pub(crate) fn send(
        &mut self,
        views: &mut Views<'_>,
        now: Instant,
        channel: Channel,
        payload: &[u8],
    ) -> nb::Result<u32, SendError> {
        self.check_sendable(views, now)?;
        let limit = self.message_limit(views.view(), channel.class());
        if payload.len() > limit {
            return Err(SendError::TooLong {
                len: payload.len(),
                limit,
            }
            .into());
        }
        let size = self.fragment_limit(views.roster).max(1);
        let fragments = payload.len().div_ceil(size).max(1);
        let last_len = payload
            .len()
            .saturating_sub(size.saturating_mul(fragments.saturating_sub(1)));
        if !views
            .history
            .has_room(fragments, size, last_len, Data::OVERHEAD)
        {
            return Err(nb::Error::WouldBlock);
        }
        let reliable = channel.class().is_reliable();
        let first = if reliable {
            self.sender.next
        } else {
            self.sequence
        };
        let (class, latest) = channel.class().code();
        let mut data = Data {
            class,
            latest,
            repair: false,
            copy: false,
            channel: channel.number(),
            horizon: 0,
            fragment: 0,
            // There are 256 fragments at most.
            last: fragments.saturating_sub(1) as u8,
            sequence: first,
            payload,
        };
        if channel.class() == Class::State {
            let set = views.states.set(Meta::of(&data), payload, views.pool);
            set.map_err(|NoRoom| SendError::TooManyStates)?;
        }
        let kind = if reliable { Kind::Kept } else { Kind::Once };
        let mut rest = payload;
        loop {
            let (head, tail) = rest.split_at_checked(size).unwrap_or((rest, &[]));
            data.payload = head;
            let len = head.len().saturating_add(Data::OVERHEAD);
            let write = |octets: &mut [u8]| {
                // The record has exactly the frame's length.
                let _ = Frame::Data(data).emit(&mut Writer::new(octets));
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
        count(&mut self.counters.messages_sent);
        Ok(first)
    }

    /// Queues a bare datagram.
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

    /// Asks who has every message from the one of number `first` to that of number `last`.
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

    pub(crate) fn leave(&mut self, views: &mut Views<'_>, now: Instant) {
        let now = self.tick(views, now);
        self.presence.leave(now);
    }

    pub(crate) fn has_left(&self, views: &Views<'_>) -> bool {
        self.presence.has_left() && (views.history.is_sent() || self.silenced)
    }
}
