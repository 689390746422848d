//! The accounts of a run: what became of every message at every receiver.
//!
//! Nothing here knows the network. It is told what was sent and what each receiver was told, and
//! adds up; so the tests can tell it lies and see them found.

use core::ops::Range;

use groupcast::{Class, Instant};

use super::latency::Latency;
use super::profile::Part;
use super::report::Outcome;

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
    /// The number after the highest one that was delivered or reported. 0: it has heard nothing of the sender.
    next: usize,
    /// The sender is not on the receiver's roster, which is full: so nothing is promised.
    is_unlisted: bool,
}

/// A member, as somebody whom messages are for.
#[derive(Clone, Debug)]
struct Receiver {
    /// Whether it takes messages of the class.
    takes: bool,
    /// How many senders it listens to.
    places: usize,
    /// By sender.
    inboxes: Vec<Inbox>,
}

impl Receiver {
    /// Whether there is no place for this sender: not on the roster, or since it listens to as many others as it can.
    fn has_no_place_for(&self, sender: usize) -> bool {
        let is_heard = |inbox: &&Inbox| inbox.next > 0;
        if self.inboxes[sender].is_unlisted {
            return true;
        }
        self.places < self.inboxes.len()
            && self.inboxes[sender].next == 0
            && self.inboxes.iter().filter(is_heard).count() >= self.places
    }
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
    pub(super) no_place: u64,
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
    receivers: Vec<Receiver>,
    /// Pairs of message and receiver whose fate is open.
    open: u64,
    totals: Totals,
}

impl Ledger {
    pub(super) fn new(parts: &[Part], senders: usize, class: Class, size: usize) -> Self {
        let receivers = parts.iter().map(|part| Receiver {
            takes: part.takes,
            places: part.places,
            inboxes: vec![Inbox::default(); senders],
        });
        Self {
            class,
            size,
            sent: vec![Vec::new(); senders],
            receivers: receivers.collect(),
            open: 0,
            totals: Totals::default(),
        }
    }

    /// A receiver has no room for a sender on its roster.
    pub(super) fn unlist(&mut self, receiver: usize, sender: usize) {
        self.receivers[receiver].inboxes[sender].is_unlisted = true;
    }

    /// How many messages a sender has sent: the number of its next one.
    pub(super) fn next_number(&self, sender: usize) -> usize {
        self.sent[sender].len()
    }

    /// A message was sent.
    pub(super) fn sent(&mut self, sender: usize, sequence: u32, at: Instant) {
        self.sent[sender].push(Sent { sequence, at });
        self.totals.sent += 1;
        let is_owed = |receiver: &usize| self.is_owed(*receiver, sender);
        self.open += (0..self.receivers.len()).filter(is_owed).count() as u64;
    }

    /// Whether messages of this sender are for this receiver.
    fn is_owed(&self, receiver: usize, sender: usize) -> bool {
        receiver != sender && self.receivers[receiver].takes
    }

    /// The pairs of sender and receiver for which there are messages.
    fn pairs(&self) -> impl Iterator<Item = (usize, usize)> {
        let pairs = (0..self.receivers.len())
            .flat_map(|receiver| (0..self.sent.len()).map(move |sender| (receiver, sender)));
        pairs.filter(|(receiver, sender)| self.is_owed(*receiver, *sender))
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
        let Some(number) = number.filter(|_| self.is_owed(receiver, sender)) else {
            self.totals.unknown += 1;
            return;
        };
        if !content(sender, number, self.size).eq(payload.iter().copied()) {
            self.totals.damaged += 1;
        }
        let inbox = &mut self.receivers[receiver].inboxes[sender];
        if inbox.fates.len() <= number {
            inbox.fates.resize(number + 1, Fate::Open);
        }
        let is_listed = !inbox.is_unlisted;
        match inbox.fates[number] {
            Fate::Delivered => self.totals.duplicates += u64::from(is_listed),
            Fate::Gap => self.totals.contradicted += u64::from(is_listed),
            Fate::Open => {
                inbox.fates[number] = Fate::Delivered;
                self.open -= 1;
                self.totals.delivered += 1;
                let took = self.sent[sender][number].at.until(now);
                self.totals.latency.add(took);
                if number < inbox.next && is_in_order(self.class) {
                    self.totals.out_of_order += u64::from(is_listed);
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
            .filter(|numbers| !numbers.is_empty() && self.is_owed(receiver, sender));
        let Some(numbers) = numbers else {
            self.totals.unknown += 1;
            return;
        };
        let inbox = &mut self.receivers[receiver].inboxes[sender];
        if inbox.fates.len() < numbers.end {
            inbox.fates.resize(numbers.end, Fate::Open);
        }
        let is_listed = !inbox.is_unlisted;
        for number in numbers {
            match inbox.fates[number] {
                // Of a message in fragments, several parts can be reported.
                Fate::Gap => {}
                Fate::Delivered => self.totals.contradicted += u64::from(is_listed),
                Fate::Open => {
                    inbox.fates[number] = Fate::Gap;
                    self.open -= 1;
                    self.totals.gap_messages += 1;
                    if number < inbox.next && is_in_order(self.class) {
                        self.totals.out_of_order += u64::from(is_listed);
                    }
                }
            }
            inbox.next = inbox.next.max(number + 1);
        }
    }

    /// Whether there is nothing left that must still come.
    pub(super) fn is_settled(&self) -> bool {
        match self.class {
            Class::State => self.open == 0 || self.missing_finals() == 0,
            // Those without a place may never have it.
            _ => self.open == 0 || self.open == self.no_place(),
        }
    }

    /// Pairs of sender and receiver of which the receiver does not have the final message, although it listens.
    fn missing_finals(&self) -> u64 {
        let is_missing = |(receiver, sender): &(usize, usize)| {
            let receiver = &self.receivers[*receiver];
            let last = self.sent[*sender].len().wrapping_sub(1);
            let fate = receiver.inboxes[*sender].fates.get(last);
            let is_open = fate.is_none_or(|fate| *fate == Fate::Open);
            !self.sent[*sender].is_empty() && is_open && !receiver.has_no_place_for(*sender)
        };
        self.pairs().filter(is_missing).count() as u64
    }

    /// What became of the messages at one receiver.
    pub(super) fn outcome(&self, receiver: usize) -> Outcome {
        let mut outcome = Outcome::default();
        let at = &self.receivers[receiver];
        let senders = 0..self.sent.len();
        for sender in senders.filter(|sender| self.is_owed(receiver, *sender)) {
            let fates = at.inboxes[sender].fates.iter();
            outcome.owed += self.sent[sender].len() as u64;
            outcome.delivered += fates.filter(|fate| **fate == Fate::Delivered).count() as u64;
            outcome.no_place += self.without_place(receiver, sender);
        }
        outcome
    }

    /// How many messages of a sender a receiver was not told of that has no place for it.
    fn without_place(&self, receiver: usize, sender: usize) -> u64 {
        let at = &self.receivers[receiver];
        if !at.has_no_place_for(sender) {
            return 0;
        }
        let told = |fate: &&Fate| **fate != Fate::Open;
        let told = at.inboxes[sender].fates.iter().filter(told).count();
        (self.sent[sender].len() - told) as u64
    }

    /// The same of all.
    fn no_place(&self) -> u64 {
        let pairs = self.pairs();
        pairs
            .map(|(at, sender)| self.without_place(at, sender))
            .sum()
    }

    /// The sums: what is still open was lost, or should not have been, or there was nobody to listen.
    pub(super) fn totals(&self) -> Totals {
        let no_place = self.no_place();
        let unaccounted = match self.class {
            Class::ReliableUnordered | Class::ReliableOrdered => self.open - no_place,
            Class::State => self.missing_finals(),
            _ => 0,
        };
        Totals {
            no_place,
            unaccounted,
            lost: self.open - no_place - unaccounted,
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

    use groupcast::Tiny;

    use crate::driver;

    const SIZE: usize = 20;

    const MEMBER: Part = Part::node(driver::node::<Tiny>);

    /// Three members, of which the first one sent `count` messages of `fragments` fragments.
    fn ledger(class: Class, count: usize, fragments: u32) -> Ledger {
        let mut ledger = Ledger::new(&[MEMBER; 3], 1, class, SIZE);
        for number in 0..count {
            // The sequence numbers wrap on the way.
            let sequence = 0xffff_fffe_u32.wrapping_add(number as u32 * fragments);
            ledger.sent(0, sequence, Instant::from_millis(10 * number as u64));
        }
        ledger
    }

    fn deliver(ledger: &mut Ledger, receiver: usize, number: usize) {
        deliver_of(ledger, receiver, (0, number));
    }

    fn deliver_of(ledger: &mut Ledger, receiver: usize, (sender, number): (usize, usize)) {
        let sent = ledger.sent[sender][number];
        let payload: Vec<u8> = content(sender, number, SIZE).collect();
        let now = sent.at + Duration::from_millis(2);
        ledger.message(receiver, sender, sent.sequence, &payload, now);
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
    fn between_members_without_room_for_each_other_nothing_is_promised() {
        let mut ledger = ledger(Class::ReliableOrdered, 3, 1);
        ledger.unlist(2, 0);
        (0..3).for_each(|number| deliver(&mut ledger, 1, number));
        for number in [1, 1, 0] {
            deliver(&mut ledger, 2, number);
        }
        assert!(ledger.is_settled());
        let totals = ledger.totals();
        assert_eq!((totals.delivered, totals.no_place), (5, 1));
        assert_eq!(problems(&totals), [0; 7]);
        deliver(&mut ledger, 1, 2);
        assert_eq!(ledger.totals().duplicates, 1);
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

    #[test]
    fn nothing_is_owed_to_who_does_not_take_it() {
        let deaf = Part {
            takes: false,
            ..MEMBER
        };
        let mut ledger = Ledger::new(&[MEMBER, deaf, MEMBER], 1, Class::ReliableOrdered, SIZE);
        ledger.sent(0, 7, Instant::ZERO);
        assert_eq!(ledger.totals().unaccounted, 1);
        deliver(&mut ledger, 2, 0);
        assert!(ledger.is_settled());
        let owed = [0, 1, 2].map(|receiver| ledger.outcome(receiver).owed);
        assert_eq!(owed, [0, 0, 1]);
        // It may not be given it either.
        deliver(&mut ledger, 1, 0);
        assert_eq!(ledger.totals().unknown, 1);
    }

    #[test]
    fn who_finds_no_place_is_told_from_who_is_lost() {
        let leaf = Part {
            places: 2,
            ..MEMBER
        };
        let mut ledger = Ledger::new(&[MEMBER, MEMBER, MEMBER, leaf], 3, Class::State, SIZE);
        for sender in 0..3 {
            ledger.sent(sender, 5, Instant::ZERO);
            for receiver in (0..3).filter(|receiver| *receiver != sender) {
                deliver_of(&mut ledger, receiver, (sender, 0));
            }
        }
        deliver_of(&mut ledger, 3, (1, 0));
        // There is a place left: somebody is to be heard.
        let totals = ledger.totals();
        assert_eq!((totals.no_place, totals.unaccounted), (0, 2));
        deliver_of(&mut ledger, 3, (2, 0));
        let totals = ledger.totals();
        assert_eq!(
            (totals.no_place, totals.unaccounted, totals.lost),
            (1, 0, 0)
        );
        assert!(ledger.is_settled());
        let outcome = ledger.outcome(3);
        assert_eq!(
            (outcome.owed, outcome.delivered, outcome.no_place),
            (3, 2, 1)
        );
        assert_eq!(totals.delivered + totals.no_place, totals.sent * 3);
    }
}
