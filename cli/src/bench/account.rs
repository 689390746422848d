//! What became of every message at one receiver.

use core::time::Duration;
use std::time::Instant;

use groupcast::{Sequence, SequenceRange};
use serde::{Deserialize, Serialize};

use super::cpu::CpuTime;
use super::payload;

/// Messages between two looks at the clock.
const STRIDE: u64 = 64;

/// What a receiver reports.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct Received {
    /// Messages that came, each counted once.
    pub(super) delivered: u64,
    pub(super) delivered_per_second: f64,
    /// Neither delivered nor reported.
    pub(super) lost: u64,
    /// Reported as never to come.
    pub(super) gaps: u64,
    /// Delivered again.
    pub(super) duplicates: u64,
    /// Older after newer.
    pub(super) out_of_order: u64,
    /// Not what was sent.
    pub(super) damaged: u64,
    /// Both delivered and reported as never to come.
    pub(super) contradicted: u64,
    /// From the first message to the last.
    pub(super) seconds: f64,
    /// Of this process, from the first message to the last.
    pub(super) cpu_us_per_message: Option<f64>,
}

/// Follows the messages of one run at one receiver.
#[derive(Debug)]
pub(super) struct Account {
    size: usize,
    seen: Window,
    received: Received,
    /// When the first message came and what the process had used; the same of the last.
    first: Option<(Instant, CpuTime)>,
    last: Option<(Instant, CpuTime)>,
    /// Messages since `last`.
    unstamped: u64,
    /// Sequence numbers reported as gaps.
    gaps: Vec<SequenceRange>,
}

impl Account {
    /// Of messages with so many bytes.
    pub(super) fn new(size: usize) -> Self {
        Self {
            size,
            seen: Window::new(),
            received: Received::default(),
            first: None,
            last: None,
            unstamped: 0,
            gaps: Vec::new(),
        }
    }

    /// A message came.
    pub(super) fn message(&mut self, message: &[u8]) {
        if self.first.is_none() {
            let now = (Instant::now(), CpuTime::now());
            self.first = Some(now);
            self.last = Some(now);
        }
        let number = payload::number(message).filter(|_| message.len() == self.size);
        let Some(number) = number else {
            self.received.damaged += 1;
            return;
        };
        let newest = self.seen.is_newest(number);
        if self.seen.insert(number) {
            self.received.delivered += 1;
            self.received.out_of_order += u64::from(!newest);
        } else {
            self.received.duplicates += 1;
        }
        self.unstamped += 1;
        if self.unstamped == STRIDE {
            self.pause();
        }
    }

    /// For now, there is nothing more.
    pub(super) fn pause(&mut self) {
        if self.unstamped > 0 {
            self.unstamped = 0;
            self.last = Some((Instant::now(), CpuTime::now()));
        }
    }

    /// The messages with these sequence numbers will never come.
    pub(super) fn gap(&mut self, lost: SequenceRange) {
        match self.gaps.last_mut() {
            Some(before) if before.last().next() == lost.first() => {
                *before = before.first().to(lost.last());
            }
            _ => self.gaps.push(lost),
        }
    }

    /// When the last message came.
    pub(super) fn last(&self) -> Option<Instant> {
        self.last.map(|(at, _)| at)
    }

    /// Whether each of `total` messages has come, whatever it was, or was reported.
    pub(super) fn is_complete(&self, total: u64, stream: Option<Stream>) -> bool {
        let come = self.received.delivered + self.received.damaged;
        come + stream.map_or(0, |stream| stream.messages(&self.gaps)) >= total
    }

    /// What became of `total` messages.
    pub(super) fn close(mut self, total: u64, stream: Option<Stream>) -> Received {
        self.pause();
        let mut received = self.received;
        received.gaps = stream.map_or(0, |stream| stream.messages(&self.gaps));
        let known = received.delivered + received.gaps;
        received.lost = total.saturating_sub(known);
        received.contradicted = known.saturating_sub(total);
        if let (Some((first, cpu_first)), Some((last, cpu_last))) = (self.first, self.last) {
            let seconds = last.saturating_duration_since(first).as_secs_f64();
            received.seconds = seconds;
            received.delivered_per_second = per_second(received.delivered, seconds);
            received.cpu_us_per_message =
                per_message(cpu_last.since(cpu_first), received.delivered);
        }
        received
    }
}

/// How many a second.
pub(super) fn per_second(count: u64, seconds: f64) -> f64 {
    // The first marks the beginning, so that of two in a second there is one a second.
    if seconds > 0.0 {
        count.saturating_sub(1) as f64 / seconds
    } else {
        0.0
    }
}

/// Microseconds for each.
pub(super) fn per_message(time: Option<Duration>, count: u64) -> Option<f64> {
    (count > 0)
        .then_some(time)
        .flatten()
        .map(|time| time.as_secs_f64() * 1e6 / count as f64)
}

/// Which sequence numbers the messages of a run have, if they have any.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stream {
    /// That of the first message.
    first: Sequence,
    /// How many a message takes.
    each: u32,
    total: u64,
}

impl Stream {
    /// Of `total` messages, the first with `first`, the last just before `end`.
    pub(super) fn new(first: Sequence, end: Sequence, total: u64) -> Option<Self> {
        let all = u64::from(end.get().wrapping_sub(first.get()));
        let each = u32::try_from(all.checked_div(total)?).ok()?;
        (each > 0).then_some(Self { first, each, total })
    }

    /// How many messages have numbers in these ranges, which come in order.
    fn messages(&self, gaps: &[SequenceRange]) -> u64 {
        let mut counted = 0;
        let mut next = 0;
        for gap in gaps {
            let (Some(first), Some(last)) = (self.index(gap.first()), self.index(gap.last()))
            else {
                continue;
            };
            let (from, to) = (first.max(next), (last + 1).min(self.total));
            counted += to.saturating_sub(from);
            next = next.max(to);
        }
        counted
    }

    /// Which message has this sequence number; `None` for those before the first.
    fn index(&self, sequence: Sequence) -> Option<u64> {
        let offset = sequence.get().wrapping_sub(self.first.get());
        (offset < 1 << 31).then(|| u64::from(offset / self.each))
    }
}

/// The numbers seen last, as bits.
#[derive(Debug)]
struct Window {
    bits: Vec<u64>,
    /// One more than the largest.
    top: u64,
}

impl Window {
    /// How far back it remembers: much further than any window of the protocol.
    const LEN: u64 = 1 << 18;

    fn new() -> Self {
        Self {
            bits: vec![0; (Self::LEN / 64) as usize],
            top: 0,
        }
    }

    const fn is_newest(&self, number: u64) -> bool {
        number >= self.top
    }

    /// Whether the number is new. What is too long ago is not.
    fn insert(&mut self, number: u64) -> bool {
        if number >= self.top {
            if number - self.top >= Self::LEN {
                self.bits.fill(0);
            } else {
                for passed in self.top..number {
                    let (word, bit) = Self::place(passed);
                    self.bits[word] &= !bit;
                }
            }
            let (word, bit) = Self::place(number);
            self.bits[word] |= bit;
            self.top = number + 1;
            return true;
        }
        if self.top - number > Self::LEN {
            return false;
        }
        let (word, bit) = Self::place(number);
        let is_new = self.bits[word] & bit == 0;
        self.bits[word] |= bit;
        is_new
    }

    const fn place(number: u64) -> (usize, u64) {
        let at = number % Self::LEN;
        ((at / 64) as usize, 1 << (at % 64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn number(sequence: u32) -> Sequence {
        Sequence::new(sequence)
    }

    const fn range(first: u32, last: u32) -> SequenceRange {
        number(first).to(number(last))
    }

    fn account(numbers: &[u64]) -> Account {
        let mut account = Account::new(16);
        let mut message = [0; 16];
        for number in numbers {
            payload::fill(&mut message, *number);
            account.message(&message);
        }
        account
    }

    #[test]
    fn every_message_is_counted_once() {
        let mut account = account(&[0, 1, 4, 3, 3, 1]);
        account.message(&[9; 16]);
        account.message(&[0; 15]);
        // Messages 2 and 5 have the numbers 104, 105 and 110, 111.
        account.gap(range(105, 105));
        account.gap(range(110, 111));
        let stream = Stream::new(number(100), number(116), 8);
        let received = account.close(8, stream);
        let counts = [
            received.delivered,
            received.gaps,
            received.lost,
            received.duplicates,
            received.out_of_order,
            received.damaged,
            received.contradicted,
        ];
        assert_eq!(counts, [4, 2, 2, 2, 1, 2, 0]);
    }

    #[test]
    fn what_was_delivered_cannot_be_in_a_gap() {
        let mut account = account(&[0, 1]);
        account.gap(range(u32::MAX, 0));
        let received = account.close(2, Stream::new(number(u32::MAX), number(1), 2));
        assert_eq!(
            (received.gaps, received.lost, received.contradicted),
            (2, 0, 2)
        );
    }

    #[test]
    fn a_message_of_which_two_parts_are_missing_is_missing_once() {
        let stream = Stream::new(number(10), number(40), 10).unwrap();
        assert_eq!(
            stream.messages(&[range(13, 13), range(15, 15), range(39, 60)]),
            2
        );
        assert_eq!(stream.messages(&[range(5, 9)]), 0);
    }

    #[test]
    fn a_window_forgets_what_is_too_far_back() {
        let mut window = Window::new();
        assert!(window.insert(3) && !window.insert(3) && window.insert(1));
        assert!(window.insert(3 + Window::LEN));
        assert!(!window.insert(2), "too long ago to know");
        assert!(window.insert(4) && !window.insert(4));
        assert!(window.insert(10 * Window::LEN) && !window.insert(10 * Window::LEN));
        assert!(window.insert(10 * Window::LEN - 1));
    }
}
