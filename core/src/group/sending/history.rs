//! What this member sends: records that wait to be sent, and records kept for repair.
//!
//! One ring of bytes holds both. Records of different length lie one behind the other, the oldest
//! first; a record is never split: one that does not fit before the end goes to the beginning. New
//! records push out the oldest ones, but only those that have been sent.
//!
//! ```text
//!  0        tail            head                cursor        wrap     len
//!  | unsent |    free       | sent, for repair  | unsent | …  | unused |
//! ```
//!
//! The sequence numbers of the records kept for repair follow each other without holes, so the lowest
//! one is known from their number.

mod wanted;

use core::num::NonZeroUsize;

use crate::group::work;
use crate::wire::Data;

/// Bytes before each record: kind and marks, the length of the record before it and its own, and when it
/// was last repaired.
const RECORD_HEADER_LEN: usize = 8;

/// Bits of a length.
const LEN_BITS: u32 = 11;

/// The longest record.
const MAX_LEN: usize = (1 << LEN_BITS) - 1;

const _: () = assert!(MAX_LEN >= crate::wire::MAX_MAX_DATAGRAM as usize);

/// The record is a raw datagram.
const RAW: u8 = 0x01;
/// The record is a frame of the reliable stream, kept after it was sent.
const KEPT: u8 = 0x02;
/// Somebody asked for it.
const WANTED: u8 = 0x04;
/// It has been sent again at least once.
const REPAIRED: u8 = 0x08;

/// A ring of records over any storage; code is written for the unsized [`History`].
#[derive(Debug)]
pub(crate) struct History<B: ?Sized = [u8]> {
    /// Where the oldest record begins.
    head: usize,
    /// Where the newest record ends.
    tail: usize,
    /// Where the first record that has not been sent begins.
    cursor: usize,
    /// Where the records before the end of the ring end, if newer ones are at its beginning.
    wrap: Option<NonZeroUsize>,
    /// How many records there are, how many have not been sent, how many are kept, how many wanted.
    records: u32,
    unsent: u32,
    kept: u32,
    unsent_kept: u32,
    wanted: u32,
    /// Where the first wanted record begins, and its place among the kept ones.
    first_wanted: usize,
    first_wanted_nth: u32,
    /// The length of the newest record.
    newest_len: u16,
    octets: B,
}

/// What a record holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// A raw datagram.
    Raw,
    /// A frame that is forgotten once it was sent.
    Once,
    /// A frame of the reliable stream.
    Kept,
}

/// There is no room now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Full;

#[derive(Clone, Copy, Debug)]
struct Header {
    len: usize,
    /// The length of the record before it.
    previous: usize,
    marks: u8,
    repaired: u32,
}

impl Header {
    const fn kind(self) -> Kind {
        match (self.marks & RAW != 0, self.marks & KEPT != 0) {
            (true, _) => Kind::Raw,
            (_, true) => Kind::Kept,
            _ => Kind::Once,
        }
    }
}

impl<const N: usize> History<[u8; N]> {
    pub(crate) const fn new() -> Self {
        Self {
            head: 0,
            tail: 0,
            cursor: 0,
            wrap: None,
            records: 0,
            unsent: 0,
            kept: 0,
            unsent_kept: 0,
            wanted: 0,
            first_wanted: 0,
            first_wanted_nth: 0,
            newest_len: 0,
            octets: [0; N],
        }
    }
}

impl History {
    /// How much room a record of `len` bytes takes.
    pub(crate) const fn space_for(len: usize) -> usize {
        len.saturating_add(RECORD_HEADER_LEN)
    }

    pub(crate) const fn capacity(&self) -> usize {
        self.octets.len()
    }

    /// Bytes of the records, from the one that begins at `from` on.
    #[cfg_attr(target_os = "none", inline(never))]
    const fn octets_from(&self, from: usize) -> usize {
        match self.wrap {
            Some(end) if from >= self.tail => {
                end.get().saturating_sub(from).saturating_add(self.tail)
            }
            _ => self.tail.saturating_sub(from),
        }
    }

    /// Bytes of what has not been sent.
    pub(crate) const fn unsent_octets(&self) -> usize {
        if self.unsent == 0 {
            return 0;
        }
        self.octets_from(self.cursor)
    }

    /// Bytes of a record, on average.
    pub(crate) fn record_octets(&self) -> usize {
        let records = usize::try_from(self.records).unwrap_or(usize::MAX);
        let octets = self.octets_from(self.head);
        octets.checked_div(records).unwrap_or_default()
    }

    /// How many frames of the reliable stream have not been sent yet.
    pub(crate) const fn unsent_kept(&self) -> u32 {
        self.unsent_kept
    }

    /// Whether everything has been sent.
    pub(crate) const fn is_sent(&self) -> bool {
        self.unsent == 0
    }

    /// How many frames of the reliable stream are kept.
    pub(crate) const fn kept(&self) -> u32 {
        self.kept
    }

    /// Whether somebody asked for something.
    pub(crate) const fn has_wanted(&self) -> bool {
        self.wanted > 0
    }

    pub(crate) fn clear(&mut self) {
        self.head = 0;
        self.tail = 0;
        self.cursor = 0;
        self.wrap = None;
        self.records = 0;
        self.unsent = 0;
        self.kept = 0;
        self.unsent_kept = 0;
        self.wanted = 0;
    }

    fn header(&self, at: usize) -> Option<Header> {
        work::count(1);
        let octets = self.octets.get(at..)?;
        let ([a, b, c, d, r @ ..], _) = octets.split_first_chunk::<RECORD_HEADER_LEN>()?;
        let word = u32::from_be_bytes([*a, *b, *c, *d]);
        Some(Header {
            // Eleven bits each.
            len: word as usize & MAX_LEN,
            previous: (word >> LEN_BITS) as usize & MAX_LEN,
            marks: (word >> (2 * LEN_BITS)) as u8,
            repaired: u32::from_be_bytes(*r),
        })
    }

    fn set_header(&mut self, at: usize, header: Header) {
        // Lengths have eleven bits.
        let lengths = header.len as u32 | (header.previous as u32) << LEN_BITS;
        let word = lengths | u32::from(header.marks) << (2 * LEN_BITS);
        let [a, b, c, d] = word.to_be_bytes();
        let [e, f, g, h] = header.repaired.to_be_bytes();
        let octets = self
            .octets
            .get_mut(at..)
            .and_then(|o| o.split_first_chunk_mut());
        if let Some((octets, _)) = octets {
            *octets = [a, b, c, d, e, f, g, h];
        }
    }

    #[cfg_attr(target_os = "none", inline(never))]
    fn body(&self, at: usize, header: Header) -> &[u8] {
        let start = at.saturating_add(RECORD_HEADER_LEN);
        self.octets
            .get(start..start.saturating_add(header.len))
            .unwrap_or_default()
    }

    /// Where the record after this one begins.
    #[cfg_attr(target_os = "none", inline(never))]
    fn after(&self, at: usize, header: Header) -> usize {
        let next = at.saturating_add(Self::space_for(header.len));
        if self.wrap.map(NonZeroUsize::get) == Some(next) {
            0
        } else {
            next
        }
    }

    /// Where the record of `len` bytes begins that ends where the one at `at` begins.
    fn before(&self, at: usize, len: usize) -> usize {
        let end = match self.wrap {
            Some(end) if at == 0 => end.get(),
            _ => at,
        };
        end.saturating_sub(Self::space_for(len))
    }

    /// Where a record of `need` bytes would begin now.
    fn place(&self, need: usize) -> Option<usize> {
        if self.records == 0 {
            return (need <= self.octets.len()).then_some(0);
        }
        if self.wrap.is_some() {
            return (need <= self.head.saturating_sub(self.tail)).then_some(self.tail);
        }
        if need <= self.octets.len().saturating_sub(self.tail) {
            return Some(self.tail);
        }
        (need <= self.head).then_some(0)
    }

    /// Appends a record of `len` bytes, which `fill` writes. Old records make room.
    pub(crate) fn push(
        &mut self,
        kind: Kind,
        len: usize,
        fill: impl FnOnce(&mut [u8]),
    ) -> Result<(), Full> {
        let need = Self::space_for(len);
        if need > self.octets.len() || len > MAX_LEN {
            return Err(Full);
        }
        let start = loop {
            match self.place(need) {
                Some(start) => break start,
                None if self.records > self.unsent => self.drop_oldest(),
                None => return Err(Full),
            }
        };
        if self.records == 0 {
            self.clear();
        } else if start == 0 && self.tail > 0 && self.wrap.is_none() {
            self.wrap = NonZeroUsize::new(self.tail);
        }
        if self.unsent == 0 {
            self.cursor = start;
        }
        let marks = match kind {
            Kind::Raw => RAW,
            Kind::Once => 0,
            Kind::Kept => KEPT,
        };
        self.set_header(
            start,
            Header {
                len,
                previous: usize::from(self.newest_len),
                marks,
                repaired: 0,
            },
        );
        // Eleven bits.
        self.newest_len = len as u16;
        let body = start.saturating_add(RECORD_HEADER_LEN);
        self.tail = start.saturating_add(need);
        fill(self.octets.get_mut(body..self.tail).ok_or(Full)?);
        self.records = self.records.saturating_add(1);
        self.unsent = self.unsent.saturating_add(1);
        self.kept = self.kept.saturating_add(u32::from(kind == Kind::Kept));
        self.unsent_kept = self
            .unsent_kept
            .saturating_add(u32::from(kind == Kind::Kept));
        Ok(())
    }

    /// Whether a message fits now: `count` records of `size` bytes of payload each, the last one of
    /// `last`, and `overhead` bytes more. It may say no although it would just fit.
    ///
    /// If it fits only from the beginning on, everything that was sent is forgotten for it.
    pub(crate) fn has_room(
        &mut self,
        count: usize,
        size: usize,
        last: usize,
        overhead: usize,
    ) -> bool {
        let full = Self::space_for(size.saturating_add(overhead));
        let rest = Self::space_for(last.saturating_add(overhead));
        let need = full
            .saturating_mul(count.saturating_sub(1))
            .saturating_add(rest);
        // What is not sent stays; where records must not be split, up to one of them is wasted.
        let waste = if count > 1 { full } else { 0 };
        if self.unsent == 0 {
            let fits = need <= self.octets.len();
            if fits && need.saturating_add(waste) > self.octets.len() {
                self.clear();
            }
            return fits;
        }
        let (len, cursor, tail) = (self.octets.len(), self.cursor, self.tail);
        if count <= 1 {
            let at_end = len.saturating_sub(tail);
            return if cursor < tail {
                need <= at_end.max(cursor)
            } else {
                need <= cursor.saturating_sub(tail)
            };
        }
        let used = if cursor < tail {
            tail.saturating_sub(cursor)
        } else {
            len.saturating_sub(cursor).saturating_add(tail)
        };
        need.saturating_add(used).saturating_add(waste) <= len
    }

    fn drop_oldest(&mut self) {
        let Some(header) = self.header(self.head) else {
            return;
        };
        self.records = self.records.saturating_sub(1);
        if header.kind() == Kind::Kept {
            self.kept = self.kept.saturating_sub(1);
            self.first_wanted_nth = self.first_wanted_nth.saturating_sub(1);
        }
        let oldest = self.head;
        let next = self.after(oldest, header);
        if header.marks & WANTED != 0 {
            self.wanted = self.wanted.saturating_sub(1);
            self.find_wanted(next, 0);
        }
        if next == 0 {
            self.wrap = None;
        }
        self.head = next;
    }

    /// Forgets what has been sent.
    pub(crate) fn forget_sent(&mut self) {
        while self.records > self.unsent {
            self.drop_oldest();
        }
    }

    /// The next record to send.
    pub(crate) fn next_unsent(&self) -> Option<(Kind, &[u8])> {
        if self.unsent == 0 {
            return None;
        }
        let header = self.header(self.cursor)?;
        Some((header.kind(), self.body(self.cursor, header)))
    }

    /// The record that [`next_unsent`](Self::next_unsent) returned has been sent.
    pub(crate) fn mark_sent(&mut self) {
        let Some(header) = self.header(self.cursor).filter(|_| self.unsent > 0) else {
            return;
        };
        self.cursor = self.after(self.cursor, header);
        self.unsent = self.unsent.saturating_sub(1);
        let kept = header.kind() == Kind::Kept;
        self.unsent_kept = self.unsent_kept.saturating_sub(u32::from(kept));
    }

    /// How many messages have not been sent, or not all of their fragments. It looks at each record.
    pub(crate) fn unsent_messages(&self) -> usize {
        let (mut at, mut messages) = (self.cursor, 0_usize);
        for _ in 0..self.unsent {
            let Some(header) = self.header(at) else { break };
            let is_last =
                header.kind() == Kind::Raw || Data::fragments_after(self.body(at, header)) == 0;
            messages = messages.saturating_add(usize::from(is_last));
            at = self.after(at, header);
        }
        messages
    }

    /// Forgets what has not been sent.
    pub(crate) fn cancel_unsent(&mut self) {
        while self.unsent > 0 {
            self.mark_sent();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;
    use std::vec;
    use std::vec::Vec;

    fn push(history: &mut History, kind: Kind, record: &[u8]) -> Result<(), Full> {
        history.push(kind, record.len(), |octets| octets.copy_from_slice(record))
    }

    #[test]
    fn what_was_sent_once_makes_room_and_what_was_not_does_not() {
        let history: &mut History = &mut History::<[u8; 64]>::new();
        push(history, Kind::Once, &[1; 20]).unwrap();
        push(history, Kind::Kept, &[2; 20]).unwrap();
        assert_eq!(push(history, Kind::Kept, &[3; 20]), Err(Full));
        assert_eq!(history.next_unsent(), Some((Kind::Once, &[1; 20][..])));
        history.mark_sent();
        push(history, Kind::Kept, &[3; 20]).unwrap();
        assert_eq!(history.next_unsent(), Some((Kind::Kept, &[2; 20][..])));
        assert_eq!(history.kept(), 2);
        history.mark_sent();
        history.mark_sent();
        assert!(history.is_sent());
        push(history, Kind::Kept, &[4; 56]).unwrap();
        assert_eq!(history.kept(), 1);
        assert_eq!(history.kept_frame(0), Some(&[4; 56][..]));
    }

    /// PROTOCOL S5.
    #[test]
    fn a_frame_is_repaired_once_per_linger() {
        let history: &mut History = &mut History::<[u8; 256]>::new();
        for n in 0..5 {
            push(history, Kind::Kept, &[n]).unwrap();
            history.mark_sent();
        }
        history.want(0, 1, 3, |nth| nth == 1 || nth == 3);
        assert_eq!(history.next_wanted(), Some((1, &[1][..])));
        history.mark_repaired(100);
        assert_eq!(history.next_wanted(), Some((3, &[3][..])));
        history.mark_repaired(100);
        assert!(!history.has_wanted());
        history.want(90, 1, 1, |nth| nth == 1);
        assert!(!history.has_wanted(), "it has just been repaired");
        history.want(101, 0, 9, |nth| nth == 1);
        assert!(history.has_wanted());
    }

    /// PROTOCOL S5.
    #[test]
    fn a_frame_is_repaired_again_after_an_hour() {
        let history: &mut History = &mut History::<[u8; 256]>::new();
        push(history, Kind::Kept, b"x").unwrap();
        history.mark_sent();
        let mut stamp = 100u32;
        // More than half of the way round, and nearly all of it.
        for pause in [3_600_000_000, u32::MAX - 1_000_000, 0] {
            history.want(stamp.wrapping_sub(10_000), 0, 0, |_| true);
            assert!(history.has_wanted());
            history.mark_repaired(stamp);
            history.want(stamp.wrapping_sub(10_000), 0, 0, |_| true);
            assert!(!history.has_wanted(), "it has just been repaired");
            stamp = stamp.wrapping_add(pause);
        }
    }

    proptest! {
        #[test]
        fn what_has_room_is_taken_whole(
            steps in proptest::collection::vec((1usize..6, 0usize..60, any::<bool>()), 1..100),
        ) {
            let history: &mut History = &mut History::<[u8; 256]>::new();
            for (count, last, send) in steps {
                if history.has_room(count, 60, last, 4) {
                    for n in 1..=count {
                        let len = if n == count { last } else { 60 };
                        prop_assert_eq!(push(history, Kind::Kept, &vec![0; len + 4]), Ok(()));
                    }
                }
                while send && !history.is_sent() {
                    history.mark_sent();
                }
            }
        }
    }

    proptest! {
        #[test]
        fn the_ring_behaves_like_a_queue_that_forgets_its_oldest(
            steps in proptest::collection::vec((0u8..8, 0usize..40), 1..300),
        ) {
            let history: &mut History = &mut History::<[u8; 128]>::new();
            let mut unsent: VecDeque<Vec<u8>> = VecDeque::new();
            let mut kept: VecDeque<(Vec<u8>, bool)> = VecDeque::new();
            for (n, (action, len)) in steps.into_iter().enumerate() {
                let record = vec![n as u8; len];
                match action {
                    0..=2 => match push(history, Kind::Kept, &record) {
                        Ok(()) => {
                            unsent.push_back(record.clone());
                            kept.push_back((record, false));
                        }
                        Err(Full) => prop_assert!(!unsent.is_empty()),
                    },
                    3 | 4 => {
                        history.mark_sent();
                        unsent.pop_front();
                    }
                    5 | 6 => {
                        let (first, last) = (len as u32 / 8, len as u32 / 8 + len as u32 % 8);
                        history.want(0, first, last, |nth| nth % 2 == 0 && nth >= first && nth <= last);
                        let sent = kept.len() - unsent.len();
                        for nth in (first..=last).filter(|nth| nth % 2 == 0) {
                            if (nth as usize) < sent {
                                kept[nth as usize].1 = true;
                            }
                        }
                    }
                    _ => {
                        // At 0, so that it may be asked for again at once.
                        history.mark_repaired(0);
                        if let Some(first) = kept.iter_mut().find(|(_, wanted)| *wanted) {
                            first.1 = false;
                        }
                    }
                }
                let front = unsent.front().map(|record| (Kind::Kept, record.as_slice()));
                prop_assert_eq!(history.next_unsent(), front);
                // The newest ones are kept, without holes.
                let have = history.kept() as usize;
                prop_assert!(have >= unsent.len());
                kept.drain(..kept.len() - have);
                for (nth, (record, _)) in (0u32..).zip(&kept) {
                    prop_assert_eq!(history.kept_frame(nth), Some(record.as_slice()));
                }
                let wanted = (0u32..).zip(&kept).find(|(_, (_, wanted))| *wanted);
                let wanted = wanted.map(|(nth, (record, _))| (nth, record.as_slice()));
                prop_assert_eq!(history.next_wanted(), wanted);
                prop_assert_eq!(history.has_wanted(), wanted.is_some());
            }
        }
    }
}
