//! The accounts of a run: what became of every message at every receiver.
//!
//! Nothing here knows the network. It is told what was sent and what each receiver was told, and
//! adds up; so the tests can tell it lies and see them found.

use core::ops::Range;

use groupcast::{Class, Instant};

use super::latency::Latency;

/// What became of a message at a receiver.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Fate {
    #[default]
    Open,
    Delivered,
    Gap,
}

/// A message that was sent.
#[derive(Clone, Copy, Debug)]
struct Sent {
    /// The sequence number of its first fragment.
    sequence: u32,
    /// When the application had it.
    at: Instant,
}

/// One sender's messages at one receiver.
#[derive(Clone, Debug, Default)]
struct Inbox {
    fates: Vec<Fate>,
    /// The number after the highest one that was delivered or reported.
    next: usize,
}

/// The sums of a [`Ledger`].
#[derive(Clone, Debug, Default)]
pub(super) struct Totals {
    pub(super) sent: u64,
    pub(super) delivered: u64,
    pub(super) gap_messages: u64,
    pub(super) duplicates: u64,
    pub(super) lost: u64,
    pub(super) unaccounted: u64,
    pub(super) out_of_order: u64,
    pub(super) damaged: u64,
    pub(super) contradicted: u64,
    pub(super) unknown: u64,
    pub(super) latency: Latency,
}

/// What was sent, and what became of it.
///
/// Members are numbered from 0, and the first of them send. Of each sender the messages are numbered
/// from 0, too; their sequence numbers rise by the fragments that they have.
#[derive(Debug)]
pub(super) struct Ledger {
    class: Class,
    size: usize,
    /// By sender.
    sent: Vec<Vec<Sent>>,
    /// By receiver, then by sender.
    inboxes: Vec<Vec<Inbox>>,
    /// Pairs of message and receiver whose fate is open.
    open: u64,
    totals: Totals,
}

impl Ledger {
    pub(super) fn new(members: usize, senders: usize, class: Class, size: usize) -> Self {
        Self {
            class,
            size,
            sent: vec![Vec::new(); senders],
            inboxes: vec![vec![Inbox::default(); senders]; members],
            open: 0,
            totals: Totals::default(),
        }
    }

    /// How many messages a sender has sent: the number of its next one.
    pub(super) fn next_number(&self, sender: usize) -> usize {
        self.sent[sender].len()
    }

    /// A message was sent.
    pub(super) fn sent(&mut self, sender: usize, sequence: u32, at: Instant) {
        self.sent[sender].push(Sent { sequence, at });
        self.totals.sent += 1;
        self.open += self.inboxes.len() as u64 - 1;
    }

    /// A receiver was given a message.
    pub(super) fn message(
        &mut self,
        receiver: usize,
        sender: usize,
        sequence: u32,
        payload: &[u8],
        now: Instant,
    ) {
        let first = |sent: &[Sent]| sent.first().map(|sent| sent.sequence);
        let number = self.sent.get(sender).and_then(|sent| {
            let offset = sequence.wrapping_sub(first(sent)?);
            sent.binary_search_by_key(&offset, |sent_| {
                sent_.sequence.wrapping_sub(sent[0].sequence)
            })
            .ok()
        });
        let Some(number) = number.filter(|_| receiver != sender) else {
            self.totals.unknown += 1;
            return;
        };
        if !content(sender, number, self.size).eq(payload.iter().copied()) {
            self.totals.damaged += 1;
        }
        let inbox = &mut self.inboxes[receiver][sender];
        if inbox.fates.len() <= number {
            inbox.fates.resize(number + 1, Fate::Open);
        }
        match inbox.fates[number] {
            Fate::Delivered => self.totals.duplicates += 1,
            Fate::Gap => self.totals.contradicted += 1,
            Fate::Open => {
                inbox.fates[number] = Fate::Delivered;
                self.open -= 1;
                self.totals.delivered += 1;
                let took = self.sent[sender][number].at.until(now);
                self.totals.latency.add(took);
                if number < inbox.next && is_in_order(self.class) {
                    self.totals.out_of_order += 1;
                }
            }
        }
        inbox.next = inbox.next.max(number + 1);
    }

    /// A receiver was told that these sequence numbers, both included, will never come.
    pub(super) fn gap(&mut self, receiver: usize, sender: usize, first: u32, last: u32) {
        let numbers = self
            .sent
            .get(sender)
            .map(|sent| covered(sent, first, last))
            .filter(|numbers| !numbers.is_empty() && receiver != sender);
        let Some(numbers) = numbers else {
            self.totals.unknown += 1;
            return;
        };
        let inbox = &mut self.inboxes[receiver][sender];
        if inbox.fates.len() < numbers.end {
            inbox.fates.resize(numbers.end, Fate::Open);
        }
        for number in numbers {
            match inbox.fates[number] {
                // Of a message in fragments, several parts can be reported.
                Fate::Gap => {}
                Fate::Delivered => self.totals.contradicted += 1,
                Fate::Open => {
                    inbox.fates[number] = Fate::Gap;
                    self.open -= 1;
                    self.totals.gap_messages += 1;
                    if number < inbox.next && is_in_order(self.class) {
                        self.totals.out_of_order += 1;
                    }
                }
            }
            inbox.next = inbox.next.max(number + 1);
        }
    }

    /// Whether there is nothing left that must still come.
    pub(super) fn is_settled(&self) -> bool {
        self.open == 0 || (self.class == Class::State && self.missing_finals() == 0)
    }

    /// Pairs of sender and receiver of which the receiver does not have the final message.
    fn missing_finals(&self) -> u64 {
        let mut missing = 0;
        for (receiver, inboxes) in self.inboxes.iter().enumerate() {
            for (sender, (inbox, sent)) in inboxes.iter().zip(&self.sent).enumerate() {
                let last = sent.len().wrapping_sub(1);
                let open = inbox.fates.get(last).is_none_or(|fate| *fate == Fate::Open);
                missing += u64::from(receiver != sender && !sent.is_empty() && open);
            }
        }
        missing
    }

    /// The sums: what is still open was lost, or should not have been.
    pub(super) fn totals(&self) -> Totals {
        let unaccounted = match self.class {
            Class::ReliableUnordered | Class::ReliableOrdered => self.open,
            Class::State => self.missing_finals(),
            _ => 0,
        };
        Totals {
            unaccounted,
            lost: self.open - unaccounted,
            ..self.totals.clone()
        }
    }
}

/// Whether a receiver may never be given an older message after a newer one.
fn is_in_order(class: Class) -> bool {
    matches!(class, Class::Latest | Class::State | Class::ReliableOrdered)
}

/// The numbers of the messages that have a fragment among these sequence numbers.
fn covered(sent: &[Sent], first: u32, last: u32) -> Range<usize> {
    let Some(start) = sent.first().map(|sent| sent.sequence) else {
        return 0..0;
    };
    // Distances from the first message, which go below zero for what was before it.
    let offset = |sequence: u32| i64::from(sequence.wrapping_sub(start).cast_signed());
    let before = |end: i64| sent.partition_point(|sent| offset(sent.sequence) < end);
    // No message has more than 256 fragments, so this is beyond the last one.
    if sent
        .last()
        .is_some_and(|sent| offset(first) - offset(sent.sequence) > 255)
    {
        return 0..0;
    }
    // The message that the first number is a fragment of began there or before.
    before(offset(first) + 1).saturating_sub(1)..before(offset(last) + 1)
}

/// What a message says: it follows from its sender, its number and its size.
pub(super) fn content(sender: usize, number: usize, size: usize) -> impl Iterator<Item = u8> {
    let seed = (sender as u64) << 40 ^ number as u64;
    (0..size as u64).map(move |at| {
        let word = (seed ^ at << 20).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (word ^ word >> 32).to_le_bytes()[3]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    use core::time::Duration;

    const SIZE: usize = 20;

    /// Three members, of which the first one sent `count` messages of `fragments` fragments.
    fn ledger(class: Class, count: usize, fragments: u32) -> Ledger {
        let mut ledger = Ledger::new(3, 1, class, SIZE);
        for number in 0..count {
            // The sequence numbers wrap on the way.
            let sequence = 0xffff_fffe_u32.wrapping_add(number as u32 * fragments);
            ledger.sent(0, sequence, Instant::from_millis(10 * number as u64));
        }
        ledger
    }

    fn deliver(ledger: &mut Ledger, receiver: usize, number: usize) {
        let sent = ledger.sent[0][number];
        let payload: Vec<u8> = content(0, number, SIZE).collect();
        let now = sent.at + Duration::from_millis(2);
        ledger.message(receiver, 0, sent.sequence, &payload, now);
    }

    /// Everybody gets everything.
    fn perfect(class: Class) -> Ledger {
        let mut ledger = ledger(class, 5, 1);
        for receiver in [1, 2] {
            (0..5).for_each(|number| deliver(&mut ledger, receiver, number));
        }
        ledger
    }

    fn problems(totals: &Totals) -> [u64; 7] {
        [
            totals.duplicates,
            totals.lost,
            totals.unaccounted,
            totals.out_of_order,
            totals.damaged,
            totals.contradicted,
            totals.unknown,
        ]
    }

    #[test]
    fn a_perfect_run_adds_up() {
        for class in [Class::BestEffort, Class::State, Class::ReliableOrdered] {
            let ledger = perfect(class);
            let totals = ledger.totals();
            assert!(ledger.is_settled());
            assert_eq!(
                (totals.sent, totals.delivered, totals.gap_messages),
                (5, 10, 0)
            );
            assert_eq!(problems(&totals), [0; 7]);
            assert_eq!(totals.latency.quantile(1.0), Some(Duration::from_millis(2)));
        }
    }

    #[test]
    fn a_missing_message_is_noticed() {
        let mut ledger = ledger(Class::ReliableOrdered, 2, 1);
        deliver(&mut ledger, 1, 0);
        deliver(&mut ledger, 1, 1);
        deliver(&mut ledger, 2, 0);
        assert!(!ledger.is_settled());
        assert_eq!(ledger.totals().unaccounted, 1);
        ledger.gap(2, 0, 0xffff_ffff, 0xffff_ffff);
        assert!(ledger.is_settled());
        let totals = ledger.totals();
        assert_eq!((totals.delivered, totals.gap_messages), (3, 1));
        assert_eq!(problems(&totals), [0; 7]);
    }

    #[test]
    fn a_second_delivery_is_noticed() {
        let mut ledger = perfect(Class::ReliableUnordered);
        deliver(&mut ledger, 2, 3);
        assert_eq!(problems(&ledger.totals()), [1, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn a_wrong_order_is_noticed_where_there_is_one() {
        let orders = [
            (Class::ReliableOrdered, 1),
            (Class::Latest, 1),
            (Class::ReliableUnordered, 0),
            (Class::BestEffort, 0),
        ];
        for (class, violations) in orders {
            let mut ledger = ledger(class, 2, 1);
            deliver(&mut ledger, 1, 1);
            deliver(&mut ledger, 1, 0);
            assert_eq!(ledger.totals().out_of_order, violations, "{class:?}");
        }
    }

    #[test]
    fn a_gap_that_comes_too_late_is_noticed() {
        let mut ledger = ledger(Class::ReliableOrdered, 2, 1);
        deliver(&mut ledger, 1, 1);
        ledger.gap(1, 0, 0xffff_fffe, 0xffff_fffe);
        assert_eq!(ledger.totals().out_of_order, 1);
    }

    #[test]
    fn a_gap_over_what_was_delivered_is_noticed_and_so_is_the_reverse() {
        let mut ledger = perfect(Class::ReliableUnordered);
        ledger.gap(1, 0, 0, 0);
        assert_eq!(ledger.totals().contradicted, 1);
        let mut ledger = self::ledger(Class::ReliableUnordered, 1, 1);
        ledger.gap(1, 0, 0xffff_fffe, 0xffff_fffe);
        deliver(&mut ledger, 1, 0);
        let totals = ledger.totals();
        assert_eq!((totals.contradicted, totals.delivered), (1, 0));
    }

    #[test]
    fn changed_content_is_noticed() {
        let mut ledger = ledger(Class::BestEffort, 1, 1);
        let mut payload: Vec<u8> = content(0, 0, SIZE).collect();
        payload[7] ^= 1;
        ledger.message(1, 0, 0xffff_fffe, &payload, Instant::ZERO);
        ledger.message(2, 0, 0xffff_fffe, &payload[..6], Instant::ZERO);
        assert_eq!(ledger.totals().damaged, 2);
        let of = |sender, number| content(sender, number, 8).collect::<Vec<_>>();
        assert_ne!(of(0, 1), of(1, 0));
    }

    #[test]
    fn what_nobody_sent_is_noticed() {
        let mut ledger = perfect(Class::ReliableOrdered);
        ledger.message(1, 0, 77, &[], Instant::ZERO);
        ledger.message(1, 1, 0, &[], Instant::ZERO);
        ledger.message(0, 0, 0xffff_fffe, &[], Instant::ZERO);
        ledger.gap(1, 1, 0, 0);
        ledger.gap(0, 0, 0, 0);
        ledger.gap(1, 0, 0xffff_fff0, 0xffff_fffd);
        ledger.gap(1, 0, 0x1000, 0x1000);
        assert_eq!(ledger.totals().unknown, 7);
    }

    #[test]
    fn a_gap_over_a_fragment_takes_the_whole_message_once() {
        let mut ledger = ledger(Class::ReliableOrdered, 4, 3);
        // The messages begin at -2, 1, 4 and 7.
        ledger.gap(1, 0, 2, 2);
        ledger.gap(1, 0, 3, 3);
        assert_eq!(ledger.totals().gap_messages, 1);
        ledger.gap(1, 0, 6, 9);
        let totals = ledger.totals();
        assert_eq!((totals.gap_messages, totals.unaccounted), (3, 5));
        assert_eq!(totals.out_of_order, 0);
    }

    #[test]
    fn of_a_state_only_the_final_value_must_come() {
        let mut ledger = ledger(Class::State, 3, 1);
        deliver(&mut ledger, 1, 2);
        deliver(&mut ledger, 2, 0);
        assert!(!ledger.is_settled());
        let totals = ledger.totals();
        assert_eq!((totals.unaccounted, totals.lost), (1, 3));
        deliver(&mut ledger, 2, 2);
        assert!(ledger.is_settled());
        let totals = ledger.totals();
        assert_eq!(
            (totals.unaccounted, totals.lost, totals.delivered),
            (0, 3, 3)
        );
    }

    #[test]
    fn every_pair_is_counted_once() {
        for class in [Class::BestEffort, Class::State, Class::ReliableUnordered] {
            let mut ledger = ledger(class, 4, 2);
            deliver(&mut ledger, 1, 3);
            deliver(&mut ledger, 1, 3);
            deliver(&mut ledger, 2, 1);
            ledger.gap(2, 0, 2, 2);
            let totals = ledger.totals();
            let sum = totals.delivered + totals.gap_messages + totals.lost + totals.unaccounted;
            assert_eq!(sum, totals.sent * 2, "{class:?}");
        }
    }
}
