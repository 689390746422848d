//! A message on its way into the history: how long it may be, and its fragments.

use super::{Full, History, Kind, Sending, Stock};
use crate::channel::{Channel, Class};
use crate::counters::{Counters, count};
use crate::error::SendError;
use crate::group::fragments::{Body, Meta};
use crate::group::membership::{Limits, Roster};
use crate::group::values::NoRoom;
use crate::rooms::Rooms;
use crate::wire::{Data, Writer, is_framed};

/// The most fragments a message can have.
pub(crate) const MAX_FRAGMENTS: usize = 256;

/// Bytes of the unit in which members say what they can receive.
pub(crate) const UNIT: usize = 64;

/// What this member's own memory allows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Own {
    /// The largest message that it can receive, in units of 64 bytes.
    pub(crate) receivable: u16,
    /// The largest value of the class State that it can keep, in bytes.
    pub(crate) value: u16,
}

/// The most bytes of a message that is sent in fragments of so many bytes at most, out of a history of so many, to
/// receivers that take so many. What fits a single fragment always goes.
pub(crate) const fn longest(fragment: usize, history: usize, receivable: usize) -> usize {
    let record = History::space_for(fragment.saturating_add(Data::OVERHEAD));
    let kept = match history.checked_div(record) {
        Some(kept) if kept < MAX_FRAGMENTS => kept,
        _ => MAX_FRAGMENTS,
    };
    let sendable = fragment.saturating_mul(kept);
    let most = if sendable < receivable {
        sendable
    } else {
        receivable
    };
    if most > fragment { most } else { fragment }
}

impl Sending {
    /// The most bytes of a datagram for receivers with these limits.
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

    /// The most bytes of a message that is in one datagram, for receivers with these limits.
    #[cfg_attr(target_os = "none", inline(never))]
    fn fragment_limit(&self, limits: Limits) -> usize {
        self.datagram_limit(limits)
            .saturating_sub(self.overhead)
            .saturating_sub(Data::OVERHEAD)
    }

    /// The most bytes of a message of a class. As long as nobody is known, others are taken for members that
    /// receive as much as this one: so many units of 64 bytes.
    pub(crate) fn message_limit(
        &self,
        rooms: Rooms,
        roster: &Roster,
        history: &History,
        own: Own,
        class: Class,
    ) -> usize {
        let (limits, receivers) = Self::limits_of(roster, class);
        let fragment = self.fragment_limit(limits);
        match class {
            Class::Latest => return fragment,
            Class::State => return fragment.min(usize::from(own.value)),
            _ if !rooms.repair() => {
                return if class.is_reliable() { 0 } else { fragment };
            }
            _ => {}
        }
        let receivable = match receivers {
            0 => own.receivable,
            _ => limits.message,
        };
        let receivable = usize::from(receivable).saturating_mul(UNIT);
        longest(fragment, history.capacity(), receivable)
    }

    /// Whether a message of `len` bytes, of which a signature takes `signature`, can be sent now: the
    /// size of its fragments, and how many there are.
    pub(crate) fn make_room(
        &self,
        rooms: Rooms,
        roster: &Roster,
        history: &mut History,
        own: Own,
        channel: Channel,
        (len, signature): (usize, usize),
    ) -> Result<(usize, usize), SendError> {
        let is_reliable = channel.class().is_reliable() && channel.class() != Class::State;
        if is_reliable && !rooms.repair() {
            return Err(SendError::NotReliable);
        }
        let (limits, _) = Self::limits_of(roster, channel.class());
        let mut size = self.fragment_limit(limits);
        if channel.class() == Class::State {
            size = size.min(usize::from(own.value));
        }
        let mut fragments = 1;
        if len > size {
            let limit = self.message_limit(rooms, roster, history, own, channel.class());
            if len > limit || !rooms.repair() {
                return Err(SendError::TooLong {
                    len: len.saturating_sub(signature),
                    limit: limit.saturating_sub(signature),
                });
            }
            fragments = len.div_ceil(size.max(1));
        }
        let last_len = len.saturating_sub(size.saturating_mul(fragments.saturating_sub(1)));
        // What waits must not push out what receivers may still ask for.
        let waits = history.unsent_octets();
        let most = match history.kept() {
            0 => history.capacity(),
            _ => history.capacity() / 2,
        };
        let is_limited = waits > 0 && waits.saturating_add(len) > most;
        if is_limited || !history.has_room(fragments, size, last_len, Data::OVERHEAD) {
            return Err(SendError::QueueFull);
        }
        Ok((size, fragments))
    }

    /// The sequence number of the next message of a class.
    pub(crate) const fn next_sequence(&self, class: Class) -> u32 {
        if class.is_reliable() {
            self.sender.next
        } else {
            self.sequence
        }
    }

    /// Queues a message for which there is [room](Self::make_room): so many fragments of this size. Returns the
    /// sequence number of the first.
    #[inline]
    pub(crate) fn queue(
        &mut self,
        stock: Stock<'_>,
        counters: &mut Counters,
        channel: Channel,
        body: Body<'_>,
        (size, fragments): (usize, usize),
    ) -> Result<u32, SendError> {
        let Stock {
            history,
            states,
            pool,
            values,
        } = stock;
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
            let set = states.set(meta, body, pool, values);
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
            history
                .push(kind, len, write)
                .map_err(|Full| SendError::QueueFull)?;
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
        count(&mut counters.messages_sent);
        Ok(first)
    }

    /// Queues a raw datagram.
    pub(crate) fn queue_raw(
        &self,
        history: &mut History,
        counters: &mut Counters,
        datagram: &[u8],
    ) -> Result<(), SendError> {
        if datagram.is_empty() {
            return Err(SendError::Empty);
        }
        if is_framed(datagram) {
            return Err(SendError::LooksFramed);
        }
        let limit = usize::from(self.max_datagram);
        if datagram.len() > limit {
            return Err(SendError::TooLong {
                len: datagram.len(),
                limit,
            });
        }
        let write = |octets: &mut [u8]| {
            // Octet by octet: lengths that might differ would be a reason to panic.
            octets
                .iter_mut()
                .zip(datagram)
                .for_each(|(to, from)| *to = *from);
        };
        let pushed = history.push(Kind::Raw, datagram.len(), write);
        pushed.map_err(|Full| SendError::QueueFull)?;
        count(&mut counters.messages_sent);
        Ok(())
    }
}
