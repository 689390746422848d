//! What a leaf has to say: the newest value of each State channel, kept for those who missed it, and what waits to
//! be sent.
//!
//! ```text
//!  sent, the newest of its channel     not sent yet
//! ├────────┬────────┬────────┬───────┼───────┬─────┬───────┤
//!  value 4  value 7  value 8  value 9  text    raw   value 10
//! ```
//!
//! They are in the order of queueing: so the numbers of values rise. What is no value is gone when it has been sent.

use super::bodies::Missed;
use super::record::{HEAD, NUMBER, Record, class_of};
use crate::channel::{Channel, Class};
use crate::error::SendError;
use crate::group::serial::{earlier, is_before, later};
use crate::wire::{Data, Mark, Skip, Writer};

/// So many numbers before the last one are repaired. Each was a value's: it still is, or a newer one has taken its
/// place, and then nobody waits for it (PROTOCOL V3).
pub(super) const REPAIRABLE: u32 = 32;

/// A copy of the last value goes with a heartbeat only if its frame is no longer than this.
const LONGEST_COPY: usize = 256 + HEAD;

/// What is kept, and what waits.
#[derive(Debug)]
pub(super) struct Outbox<const ROOM: usize> {
    used: usize,
    /// Where what has not been sent begins.
    sent: usize,
    /// Bytes of all values.
    kept: usize,
    /// The number of the next value that is sent.
    next: u32,
    /// From which number on somebody asks for all values.
    asked: Option<u32>,
    /// Numbers that somebody lacks, from the first to before the last.
    missed: Option<(u32, u32)>,
    octets: [u8; ROOM],
}

impl<const ROOM: usize> Outbox<ROOM> {
    pub(super) const fn new() -> Self {
        Self {
            used: 0,
            sent: 0,
            kept: 0,
            next: 0,
            asked: None,
            missed: None,
            octets: [0; ROOM],
        }
    }

    /// The record that stands at `at`, before `before`.
    #[cfg_attr(target_os = "none", inline(never))]
    fn record(&self, at: usize, before: usize) -> Option<Record> {
        let [l, m, class, channel, a, b, c, d] = *self.octets.get(at..before)?.first_chunk()?;
        let len = usize::from(u16::from_be_bytes([l, m]));
        Some(Record {
            at,
            end: at.wrapping_add(len),
            class,
            channel,
            sequence: u32::from_be_bytes([a, b, c, d]),
        })
    }

    /// How many messages there are from `at` to before `before`, and how many of them are values.
    #[cfg_attr(target_os = "none", inline(never))]
    fn count(&self, mut at: usize, before: usize) -> (u32, u32) {
        let (mut messages, mut values) = (0u32, 0u32);
        while let Some(record) = self.record(at, before) {
            messages = messages.wrapping_add(1);
            values = values.wrapping_add(record.is_value().into());
            at = record.end;
        }
        (messages, values)
    }

    /// The value of a channel.
    fn find(&self, channel: u8) -> Option<Record> {
        let mut at = 0;
        while let Some(record) = self.record(at, self.used) {
            if record.is_value() && record.channel == channel {
                return Some(record);
            }
            at = record.end;
        }
        None
    }

    /// How many values have been sent.
    pub(super) fn states(&self) -> u8 {
        u8::try_from(self.count(0, self.sent).0).unwrap_or(u8::MAX)
    }

    /// The number after that of the last value that has been sent.
    pub(super) const fn sent_next(&self) -> u32 {
        self.next
    }

    /// The lowest number that is repaired, if so many are.
    pub(super) const fn low(&self, repairable: u32) -> u32 {
        self.next.saturating_sub(repairable)
    }

    /// Whether everything has been sent.
    pub(super) const fn is_sent(&self) -> bool {
        self.sent >= self.used
    }

    /// How many messages wait.
    pub(super) fn unsent(&self) -> usize {
        // There is less room than that.
        self.count(self.sent, self.used).0 as usize
    }

    /// The most bytes of a message beside the values that are kept, in datagrams with room for `most`.
    pub(super) fn longest(&self, most: usize) -> usize {
        let room = ROOM.saturating_sub(self.kept);
        room.saturating_sub(HEAD).min(most)
    }

    /// Cuts a record out.
    #[cfg_attr(target_os = "none", inline(never))]
    fn remove(&mut self, record: &Record) {
        let (mut to, mut from) = (record.at, record.end);
        while from < self.used {
            let octet = self.octets.get(from).copied().unwrap_or_default();
            if let Some(place) = self.octets.get_mut(to) {
                *place = octet;
            }
            from = from.wrapping_add(1);
            to = to.wrapping_add(1);
        }
        self.used = self.used.saturating_sub(record.len());
        if record.is_value() {
            self.kept = self.kept.saturating_sub(record.len());
        }
        if record.at < self.sent {
            self.sent = self.sent.saturating_sub(record.len());
        }
    }

    /// Queues a message, with this number if it is no value, or a raw datagram, in datagrams with room for `most`
    /// bytes of it. Returns its number. A value that has not been sent gives way to the one after it.
    pub(super) fn push(
        &mut self,
        channel: Option<Channel>,
        payload: &[u8],
        number: u32,
        most: usize,
    ) -> Result<u32, SendError> {
        let state = channel.filter(|channel| channel.class() == Class::State);
        let before = state.and_then(|channel| self.find(channel.number()));
        let freed = before.map_or(0, |record| record.len());
        let (is_value, len) = (state.is_some(), payload.len().wrapping_add(HEAD));
        let limit = match is_value {
            true => ROOM.saturating_sub(HEAD).min(most),
            false => self.longest(most),
        };
        if payload.len() > limit {
            let len = payload.len();
            return Err(SendError::TooLong { len, limit });
        }
        let room = ROOM.wrapping_add(freed);
        if self.kept.wrapping_add(len) > room {
            return Err(SendError::TooManyStates);
        }
        if self.used.wrapping_add(len) > room {
            return Err(SendError::QueueFull);
        }
        if let Some(record) = before {
            self.remove(&record);
        }
        // It is numbered when it is sent, after those that wait before it.
        let number = match is_value {
            true => {
                let waiting = self.count(self.sent, self.used).1;
                self.next.wrapping_add(waiting)
            }
            false => number,
        };
        // A leaf has less room than 16 bits count.
        let [l, m] = (len as u16).to_be_bytes();
        let [a, b, c, d] = number.to_be_bytes();
        let channel_number = channel.map_or(0, Channel::number);
        let mut w = Writer::resume(&mut self.octets, self.used);
        w.octets(&[l, m, class_of(channel), channel_number, a, b, c, d]);
        w.octets(payload);
        self.used = w.len();
        if is_value {
            self.kept = self.kept.wrapping_add(len);
        }
        Ok(number)
    }

    /// What is to be sent next.
    pub(super) fn next_unsent(&self) -> Option<Record> {
        self.record(self.sent, self.used)
    }

    /// What was next has been sent.
    pub(super) fn mark_sent(&mut self, record: &Record) {
        if record.is_value() {
            self.sent = record.end;
            self.next = self.next.wrapping_add(1);
        } else {
            self.remove(record);
        }
    }

    /// Writes a message, or what a raw datagram holds. `false`: there is no room.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(super) fn write(
        &self,
        record: &Record,
        horizon: u8,
        mark: Mark,
        w: &mut Writer<'_>,
    ) -> bool {
        let payload = self.octets.get(record.at.wrapping_add(HEAD)..record.end);
        let payload = payload.unwrap_or_default();
        if record.is_raw() {
            w.octets(payload);
            return true;
        }
        if payload.len().wrapping_add(Data::OVERHEAD) > w.room() {
            return false;
        }
        Data {
            class: record.class,
            latest: record.is_latest(),
            repair: mark == Mark::Repair,
            copy: mark == Mark::Copy,
            signed: false,
            channel: record.channel,
            horizon,
            fragment: 0,
            last: 0,
            sequence: record.sequence,
            payload,
        }
        .emit(w);
        true
    }

    /// How many numbers before this one are repaired, if so many before the next are.
    const fn horizon(&self, sequence: u32, repairable: u32) -> u8 {
        // No more than 32.
        sequence.saturating_sub(self.low(repairable)) as u8
    }

    /// A value is sent now: this is its number.
    fn set_number(&mut self, record: &mut Record) {
        record.sequence = self.next;
        let at = record.at.wrapping_add(NUMBER);
        let rest = self.octets.get_mut(at..record.end);
        if let Some(place) = rest.and_then(<[u8]>::first_chunk_mut) {
            *place = self.next.to_be_bytes();
        }
    }

    /// Writes what has not been sent, as far as there is room. Whether values were among it.
    pub(super) fn write_new(&mut self, repairable: u32, w: &mut Writer<'_>) -> bool {
        let before = self.next;
        while let Some(mut record) = self.next_unsent().filter(|record| !record.is_raw()) {
            let mut horizon = 0;
            if record.is_value() {
                self.set_number(&mut record);
                horizon = self.horizon(self.next, repairable);
            }
            if !self.write(&record, horizon, Mark::First, w) {
                break;
            }
            self.mark_sent(&record);
        }
        self.next != before
    }

    /// Writes the last value once more, if it is short and nothing came after it.
    pub(super) fn write_copy(&self, repairable: u32, w: &mut Writer<'_>) {
        let (mut at, mut last) = (0, None);
        while let Some(record) = self.record(at, self.used) {
            at = record.end;
            last = Some(record);
        }
        if let Some(last) = last
            && self.is_sent()
            && last.sequence.wrapping_add(1) == self.next
            && last.len() <= LONGEST_COPY
        {
            let horizon = self.horizon(last.sequence, repairable);
            self.write(&last, horizon, Mark::Copy, w);
        }
    }

    /// Somebody asks for all values.
    pub(super) fn on_ask(&mut self) {
        self.asked = self.record(0, self.sent).map(|first| first.sequence);
    }

    /// Somebody lacks something from the first to the last of these. Whether some of it cannot be repaired.
    pub(super) fn on_nack(&mut self, missed: Missed, repairable: u32) -> bool {
        let low = self.low(repairable);
        let Some((first, last)) = missed else {
            return false;
        };
        let (from, to) = (later(first, low), earlier(last.wrapping_add(1), self.next));
        if is_before(from, to) {
            let (first, end) = self.missed.unwrap_or((from, to));
            self.missed = Some((earlier(first, from), later(end, to)));
        }
        is_before(first, low)
    }

    /// Whether somebody waits for what was sent.
    pub(super) const fn has_wanted(&self) -> bool {
        self.asked.is_some() || self.missed.is_some()
    }

    /// Writes what is wanted, as far as there is more than `reserve` room: values again, and of what newer ones have
    /// replaced that nobody is to wait for it. Returns how many values that are.
    pub(super) fn write_wanted(
        &mut self,
        repairable: u32,
        reserve: usize,
        w: &mut Writer<'_>,
    ) -> u32 {
        let asked = self.asked.take();
        let missed = self.missed.take().filter(|_| repairable > 0);
        let (mut first, end) = missed.unwrap_or((self.next, self.next));
        let (mut repaired, mut at) = (0u32, 0);
        while let Some(record) = self.record(at, self.sent) {
            let sequence = record.sequence;
            if missed.is_some() {
                skip(first, earlier(sequence, end), w);
            }
            first = later(first, sequence);
            let is_asked = asked.is_some_and(|from| !is_before(sequence, from));
            if is_asked || (first == sequence && is_before(sequence, end)) {
                let horizon = match is_asked {
                    // It says nothing of what can be repaired before it.
                    true => u8::MAX,
                    false => self.horizon(sequence, repairable),
                };
                if w.room() <= reserve || !self.write(&record, horizon, Mark::Repair, w) {
                    self.asked = asked.map(|from| later(from, sequence));
                    self.missed = is_before(first, end).then_some((first, end));
                    return repaired;
                }
                repaired = repaired.wrapping_add(1);
            }
            first = later(first, sequence.wrapping_add(1));
            at = record.end;
        }
        if missed.is_some() {
            skip(first, end, w);
        }
        repaired
    }

    /// Gives up what has not been sent.
    pub(super) const fn forget_unsent(&mut self) {
        // What was sent and is still there are values.
        (self.used, self.kept) = (self.sent, self.sent);
    }

    /// Another life begins: its numbers do, too, and each value is sent in it.
    pub(super) const fn begin_life(&mut self) {
        self.sent = 0;
        self.next = 0;
        self.asked = None;
        self.missed = None;
    }
}

/// Says that nobody is to wait for these.
fn skip(first: u32, end: u32, w: &mut Writer<'_>) {
    if is_before(first, end) && w.room() >= Skip::FRAME_LEN {
        // No more than are repaired.
        let count = end.wrapping_sub(first) as u16;
        Skip { first, count }.emit(w);
    }
}
