//! What of the history is asked for again (PROTOCOL §6.2).

use super::{History, Kind, REPAIRED, WANTED};
use crate::group::membership::Trip;

/// How many microseconds a repair comes after the beginning of the round trip in which it is not repeated. What seems to
/// be further was before, for stamps go round in 72 minutes.
const JUST_NOW: core::ops::RangeInclusive<u32> = 1..=Trip::LONGEST;

impl History {
    /// Marks frames of the reliable stream as wanted: those that `asked` says yes to, given their
    /// place among the kept ones, which is from `first` to `last`; that have been sent, and that were not
    /// repaired since `since`.
    pub(crate) fn want(&mut self, since: u32, first: u32, last: u32, asked: impl Fn(u32) -> bool) {
        let Some(mut at) = self.locate(first) else {
            return;
        };
        let sent = self.kept.saturating_sub(self.unsent_kept);
        let mut nth = first;
        while nth <= last && nth < sent {
            let Some(mut header) = self.header(at) else {
                return;
            };
            if header.kind() == Kind::Kept {
                let lingers = header.marks & REPAIRED != 0
                    && JUST_NOW.contains(&header.repaired.wrapping_sub(since));
                if asked(nth) && header.marks & WANTED == 0 && !lingers {
                    header.marks |= WANTED;
                    self.set_header(at, header);
                    if self.wanted == 0 || nth < self.first_wanted_nth {
                        self.first_wanted = at;
                        self.first_wanted_nth = nth;
                    }
                    self.wanted = self.wanted.saturating_add(1);
                }
                nth = nth.saturating_add(1);
            }
            at = self.after(at, header);
        }
    }

    /// The first wanted frame: its place among the kept ones, and its bytes.
    pub(crate) fn next_wanted(&self) -> Option<(u32, &[u8])> {
        if self.wanted == 0 {
            return None;
        }
        let header = self.header(self.first_wanted)?;
        Some((self.first_wanted_nth, self.body(self.first_wanted, header)))
    }

    /// The first wanted frame has been sent, or is not to be.
    pub(crate) fn mark_repaired(&mut self, now: u32) {
        if self.wanted == 0 {
            return;
        }
        let at = self.first_wanted;
        if let Some(mut header) = self.header(at) {
            header.marks = (header.marks & !WANTED) | REPAIRED;
            header.repaired = now;
            self.set_header(at, header);
            self.wanted = self.wanted.saturating_sub(1);
            self.find_wanted(
                self.after(at, header),
                self.first_wanted_nth.saturating_add(1),
            );
        }
    }

    /// Finds the first wanted frame from `at` on, where `nth` kept ones come before.
    pub(super) fn find_wanted(&mut self, at: usize, nth: u32) {
        let (mut at, mut nth) = (at, nth);
        while self.wanted > 0 && nth < self.kept {
            let Some(header) = self.header(at) else {
                return;
            };
            if header.marks & WANTED != 0 {
                self.first_wanted = at;
                self.first_wanted_nth = nth;
                return;
            }
            nth = nth.saturating_add(u32::from(header.kind() == Kind::Kept));
            at = self.after(at, header);
        }
    }

    /// The `nth` frame that is kept.
    pub(crate) fn kept_frame(&self, nth: u32) -> Option<&[u8]> {
        let at = self.locate(nth)?;
        Some(self.body(at, self.header(at)?))
    }

    /// Where the `nth` kept record begins. It walks there from the oldest record, or back or forth from the
    /// first that has not been sent: what is asked for has mostly just been sent.
    pub(super) fn locate(&self, nth: u32) -> Option<usize> {
        if nth >= self.kept {
            return None;
        }
        let sent = self.kept.saturating_sub(self.unsent_kept);
        if nth < sent && nth >= sent / 2 {
            return self.locate_back(nth, sent);
        }
        let (mut at, mut next) = if nth < sent {
            (self.head, 0)
        } else {
            (self.cursor, sent)
        };
        for _ in 0..self.records {
            let header = self.header(at)?;
            if header.kind() == Kind::Kept {
                if next == nth {
                    return Some(at);
                }
                next = next.saturating_add(1);
            }
            at = self.after(at, header);
        }
        None
    }

    /// As [`locate`](Self::locate), back from the first record that has not been sent, before which `sent`
    /// kept ones come.
    pub(super) fn locate_back(&self, nth: u32, sent: u32) -> Option<usize> {
        let (mut at, mut previous) = match self.unsent {
            0 => (self.tail, usize::from(self.newest_len)),
            _ => (self.cursor, self.header(self.cursor)?.previous),
        };
        let mut next = sent;
        for _ in self.unsent..self.records {
            at = self.before(at, previous);
            let header = self.header(at)?;
            if header.kind() == Kind::Kept {
                next = next.saturating_sub(1);
                if next == nth {
                    return Some(at);
                }
            }
            previous = header.previous;
        }
        None
    }
}
