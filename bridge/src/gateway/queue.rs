//! Reliable messages that the broker does not have yet.
//!
//! ```text
//!      oldest                                                newest
//!       head, in memory          middle, in the log    tail, in memory
//!      ┌──────────┬───────────┐ ┌──────────────────┐ ┌───────────────┐
//!      │ sent     │ not yet   │ │                  │ │ not in the log│
//!      └──────────┴───────────┘ └──────────────────┘ └───────────────┘
//! ```
//!
//! As long as the log can be written, each message is in it, and memory holds the oldest. A message that was sent once
//! is never dropped: it stays until the broker has it or refuses it.

use core::ops::Range;
use std::collections::{BTreeMap, VecDeque};
use std::io;

use groupcast::{MemberId, Sequence, Session};

use super::action::Token;
use super::damage;
use super::record::{Message, Record};
use super::store::{AppendError, Store};

/// Bytes that are read from the log at once, but not more than a quarter of what memory may hold.
const BATCH: usize = 256 << 10;

#[derive(Debug)]
struct Entry {
    message: Message,
    /// Where it is in the log, if it is.
    position: Option<u64>,
    was_sent: bool,
    token: Option<Token>,
}

impl Entry {
    /// What was not sent yet.
    const fn new(message: Message, position: Option<u64>) -> Self {
        Self {
            message,
            position,
            was_sent: false,
            token: None,
        }
    }
}

/// What became of a message that was pushed.
#[derive(Debug)]
pub(super) enum Pushed {
    /// It is in the log.
    Logged,
    /// It is in memory alone, since there is no store or it cannot be written now.
    Unlogged(Option<io::Error>),
    /// It is not in the queue: the store is full. Drop the oldest, release it, and push again.
    Full(Message),
}

/// Reliable messages that the broker does not have yet.
#[derive(Debug)]
pub(super) struct Queue {
    head: VecDeque<Entry>,
    /// Positions in the log from the first to before the second, of which some are messages.
    middle: (u64, u64),
    middle_messages: u64,
    /// No number of a life in the middle is lower.
    lowest: BTreeMap<(MemberId, Session), u32>,
    /// Positions among those of the middle that are the head's: it was written again.
    again: Vec<Range<u64>>,
    tail: VecDeque<Entry>,
    /// Of head and tail.
    memory: usize,
    limit: usize,
    /// The log cannot be written now.
    pub(super) is_down: bool,
    /// Messages that were in the log alone and could not be read.
    pub(super) lost: u64,
}

impl Queue {
    pub(super) const fn new(limit: usize) -> Self {
        Self {
            head: VecDeque::new(),
            middle: (0, 0),
            middle_messages: 0,
            lowest: BTreeMap::new(),
            again: Vec::new(),
            tail: VecDeque::new(),
            memory: 0,
            limit,
            is_down: false,
            lost: 0,
        }
    }

    /// A message of the log that is not acknowledged, at a start. They come in order.
    pub(super) fn restore(&mut self, position: u64, message: Message, was_sent: bool) {
        let fits = self.middle_messages == 0 && self.memory + message.cost() <= self.limit / 2;
        if was_sent || fits {
            self.memory += message.cost();
            self.head.push_back(Entry {
                was_sent,
                ..Entry::new(message, Some(position))
            });
        } else {
            self.add_to_middle(position, &message);
        }
    }

    fn add_to_middle(&mut self, position: u64, message: &Message) {
        if self.middle_messages == 0 {
            self.middle = (position, position);
            self.lowest.clear();
        }
        lower(&mut self.lowest, message);
        self.middle.1 = position + 1;
        self.middle_messages += 1;
    }

    /// How many messages there are.
    pub(super) fn messages(&self) -> u64 {
        (self.head.len() + self.tail.len()) as u64 + self.middle_messages
    }

    /// How many of them are in the log alone.
    pub(super) const fn spooled(&self) -> u64 {
        self.middle_messages
    }

    /// Bytes in memory.
    pub(super) const fn memory(&self) -> usize {
        self.memory
    }

    /// When the oldest of them in memory came, in Unix milliseconds.
    pub(super) fn oldest(&self) -> Option<u64> {
        self.head
            .iter()
            .chain(&self.tail)
            .next()
            .map(|entry| entry.message.time)
    }

    /// Whether something is not in the log though it could be.
    pub(super) fn has_unlogged(&self) -> bool {
        let mut both = self.head.iter().rev().chain(&self.tail);
        both.any(|entry| entry.position.is_none())
    }

    /// A new message.
    pub(super) fn push(&mut self, store: &mut impl Store, message: Message) -> Pushed {
        // The log has them in order.
        let is_behind = |entry: &Entry| entry.position.is_none() && store.is_store();
        let is_behind = !self.tail.is_empty() || self.head.back().is_some_and(is_behind);
        if self.is_down || is_behind {
            self.keep(message);
            return Pushed::Unlogged(None);
        }
        let record = Record::Message(message);
        let appended = store.append(&record.write());
        let Record::Message(message) = record else {
            return Pushed::Logged;
        };
        match appended {
            Ok(position) => {
                if self.middle_messages == 0 && self.memory + message.cost() <= self.limit {
                    self.memory += message.cost();
                    self.head.push_back(Entry::new(message, Some(position)));
                } else {
                    self.add_to_middle(position, &message);
                }
                Pushed::Logged
            }
            Err(AppendError::Full) => Pushed::Full(message),
            Err(AppendError::NoStore) => {
                self.keep(message);
                Pushed::Unlogged(None)
            }
            Err(AppendError::Io(error)) => {
                self.is_down = true;
                self.keep(message);
                Pushed::Unlogged(Some(error))
            }
        }
    }

    /// Keeps a message in memory alone.
    pub(super) fn keep(&mut self, message: Message) {
        self.memory += message.cost();
        let entry = Entry::new(message, None);
        if self.middle_messages == 0 && self.tail.is_empty() {
            self.head.push_back(entry);
        } else {
            self.tail.push_back(entry);
        }
    }

    /// Writes what is in memory alone to the log. Each message that is in it from now on is handed over.
    ///
    /// # Errors
    ///
    /// The log cannot be written.
    pub(super) fn log(
        &mut self,
        store: &mut impl Store,
        mut logged: impl FnMut(&Message),
    ) -> Result<(), AppendError> {
        if self.middle_messages == 0 {
            self.again.clear();
        }
        let both = self.head.iter_mut().map(|entry| (entry, true));
        for (entry, is_head) in both.chain(self.tail.iter_mut().map(|entry| (entry, false))) {
            if entry.position.is_none() {
                let record = Record::Message(entry.message.clone()).write();
                let position = store.append(&record)?;
                entry.position = Some(position);
                if is_head && self.middle_messages > 0 {
                    damage::add(&mut self.again, position..position + 1);
                }
                logged(&entry.message);
            }
        }
        for entry in core::mem::take(&mut self.tail) {
            if let Some(position) = entry.position {
                if self.middle_messages == 0 {
                    self.head.push_back(entry);
                } else {
                    self.memory -= entry.message.cost();
                    self.add_to_middle(position, &entry.message);
                }
            }
        }
        Ok(())
    }

    /// Positions of the log of which some are messages that memory does not hold.
    pub(super) const fn middle(&self) -> Range<u64> {
        let (first, end) = self.middle;
        first..if self.middle_messages > 0 { end } else { first }
    }

    /// The lowest number of each life that is needed of the log.
    pub(super) fn lowest(&self) -> Vec<(MemberId, Session, u32)> {
        let mut lowest = BTreeMap::new();
        if self.middle_messages > 0 {
            lowest.clone_from(&self.lowest);
        }
        for (_, message) in self.logged() {
            lower(&mut lowest, message);
        }
        let lowest = lowest.into_iter();
        lowest
            .map(|((sender, session), number)| (sender, session, number))
            .collect()
    }

    /// What memory holds of the log: positions, and the messages there.
    pub(super) fn logged(&self) -> impl Iterator<Item = (u64, &Message)> {
        let both = self.head.iter().chain(&self.tail);
        both.filter_map(|entry| Some((entry.position?, &entry.message)))
    }

    /// The log lost some of its records. What memory holds is to be written again, behind what is left.
    ///
    /// # Errors
    ///
    /// The log cannot be read.
    pub(super) fn forget_log(&mut self, store: &mut impl Store) -> io::Result<()> {
        for entry in self.head.iter_mut().chain(&mut self.tail) {
            entry.position = None;
        }
        let (mut from, end) = self.middle;
        let mut left = 0;
        while self.middle_messages > 0 && from < end {
            let read = store.read(from, BATCH)?;
            let Some((last, _)) = read.last() else { break };
            from = last + 1;
            let is_message = |(position, record): &&(u64, Vec<u8>)| {
                *position < end
                    && !is_in(&self.again, *position)
                    && matches!(Record::read(record), Some(Record::Message(_)))
            };
            left += read.iter().filter(is_message).count() as u64;
        }
        self.lost += self.middle_messages.saturating_sub(left);
        self.middle_messages = left;
        if left == 0 {
            self.head.append(&mut self.tail);
        }
        Ok(())
    }

    /// Makes room in memory without losing anything: what is in the log need not be in memory.
    fn spill(&mut self) {
        while self.memory > self.limit
            && let Some(last) = self.head.back()
            && !last.was_sent
            && let Some(position) = last.position
            && (self.middle_messages == 0 || position < self.middle.0)
            && let Some(entry) = self.head.pop_back()
        {
            self.memory -= entry.message.cost();
            if self.middle_messages == 0 {
                self.middle.1 = position + 1;
                self.lowest.clear();
            }
            lower(&mut self.lowest, &entry.message);
            self.middle.0 = position;
            self.middle_messages += 1;
        }
    }

    /// Whether memory holds more than it may, with nothing that could leave it without being lost.
    pub(super) fn is_over(&mut self) -> bool {
        self.spill();
        self.memory > self.limit
    }

    /// Drops the oldest message that was not sent, if there is one: it is lost, and whether it was in the log.
    ///
    /// # Errors
    ///
    /// The log cannot be read.
    pub(super) fn drop_oldest(
        &mut self,
        store: &mut impl Store,
    ) -> io::Result<Option<(Message, bool)>> {
        let unsent = |head: &VecDeque<Entry>| head.iter().position(|entry| !entry.was_sent);
        let mut at = unsent(&self.head);
        if at.is_none() && self.middle_messages > 0 {
            self.fill(store)?;
            at = unsent(&self.head);
        }
        let entry = match at {
            Some(at) => self.head.remove(at),
            None => self.tail.pop_front(),
        };
        Ok(entry.map(|entry| {
            self.memory -= entry.message.cost();
            (entry.message, entry.position.is_some())
        }))
    }

    /// Reads on from the log. What is damaged is gone.
    fn fill(&mut self, store: &mut impl Store) -> io::Result<()> {
        let bytes = BATCH.min(self.limit / 4);
        while self.middle_messages > 0 && self.head.iter().all(|entry| entry.was_sent) {
            let read = store.read(self.middle.0, bytes)?;
            if read.is_empty() {
                self.lost += core::mem::take(&mut self.middle_messages);
            }
            for (position, record) in read {
                if position >= self.middle.1 {
                    // What is left of the count was damaged.
                    self.lost += core::mem::take(&mut self.middle_messages);
                    break;
                }
                self.middle.0 = position + 1;
                if is_in(&self.again, position) {
                    continue;
                }
                if let Some(Record::Message(message)) = Record::read(&record) {
                    self.middle_messages = self.middle_messages.saturating_sub(1);
                    let life = (message.sender, message.session);
                    let following = message.sequence.wrapping_add(message.numbers);
                    self.lowest.insert(life, following);
                    self.memory += message.cost();
                    self.head.push_back(Entry::new(message, Some(position)));
                }
            }
        }
        if self.middle_messages == 0 {
            self.head.append(&mut self.tail);
        }
        Ok(())
    }

    /// The next message that is to be sent, under this token from now on, and whether it was sent before.
    ///
    /// # Errors
    ///
    /// The log cannot be read.
    pub(super) fn send(
        &mut self,
        store: &mut impl Store,
        token: Token,
    ) -> io::Result<Option<(&Message, bool)>> {
        let waits = |head: &VecDeque<Entry>| head.iter().position(|entry| entry.token.is_none());
        let mut at = waits(&self.head);
        if at.is_none() {
            self.fill(store)?;
            at = waits(&self.head);
        }
        let Some(entry) = at.and_then(|at| self.head.get_mut(at)) else {
            return Ok(None);
        };
        entry.token = Some(token);
        let was_sent = core::mem::replace(&mut entry.was_sent, true);
        Ok(Some((&entry.message, was_sent)))
    }

    /// The message of this token is dealt with, and whether it is in the log.
    pub(super) fn settle(&mut self, token: Token) -> Option<(Message, bool)> {
        let at = self
            .head
            .iter()
            .position(|entry| entry.token == Some(token))?;
        let entry = self.head.remove(at)?;
        self.memory -= entry.message.cost();
        Some((entry.message, entry.position.is_some()))
    }

    /// The message of this token is to be sent again.
    pub(super) fn again(&mut self, token: Token) {
        let mut head = self.head.iter_mut();
        if let Some(entry) = head.find(|entry| entry.token == Some(token)) {
            entry.token = None;
        }
    }

    /// Nothing that was sent is known to have arrived: it is sent again, in order.
    pub(super) fn disconnected(&mut self) {
        self.head.iter_mut().for_each(|entry| entry.token = None);
    }

    /// The first position in the log that is needed. What was written again is behind the middle.
    pub(super) fn first_position(&self) -> Option<u64> {
        let head = self.head.iter().find_map(|entry| entry.position);
        let middle = (self.middle_messages > 0).then_some(self.middle.0);
        let tail = self.tail.iter().find_map(|entry| entry.position);
        [head, middle, tail].into_iter().flatten().min()
    }

    /// Positions of what was sent and is not acknowledged; and the first of the rest, if the log ends at `end`.
    pub(super) fn positions(&self, end: u64) -> (Vec<u64>, u64) {
        let (mut sent, mut rest) = (Vec::new(), None);
        for entry in &self.head {
            match entry.position {
                Some(position) if entry.was_sent => sent.push(position),
                position => rest = rest.or(position),
            }
        }
        let middle = (self.middle_messages > 0).then_some(self.middle.0);
        // The tail may be in the log in part.
        let tail = self.tail.iter().find_map(|entry| entry.position);
        let rest = [rest, middle, tail].into_iter().flatten().min();
        (sent, rest.unwrap_or(end))
    }
}

/// A message is there, too.
fn lower(lowest: &mut BTreeMap<(MemberId, Session), u32>, message: &Message) {
    let life = (message.sender, message.session);
    let number = lowest.entry(life).or_insert(message.sequence);
    if Sequence::new(message.sequence).is_before(Sequence::new(*number)) {
        *number = message.sequence;
    }
}

fn is_in(ranges: &[Range<u64>], position: u64) -> bool {
    ranges.iter().any(|range| range.contains(&position))
}

#[cfg(test)]
mod tests {
    use groupcast::Channel;

    use super::*;
    use crate::gateway::store::{MemoryStore, NoStore};

    fn message(sequence: u32) -> Message {
        Message {
            sender: MemberId::new(7).unwrap(),
            session: Session::new(1),
            sequence,
            numbers: 1,
            channel: Channel::reliable_ordered(1),
            time: u64::from(sequence),
            is_signed: false,
            name: String::new(),
            payload: vec![0; 840],
        }
    }

    fn sent(queue: &mut Queue, store: &mut impl Store, token: u64) -> Option<u32> {
        let sent = queue.send(store, Token(token)).unwrap();
        sent.map(|(message, _)| message.sequence)
    }

    #[test]
    fn what_memory_does_not_hold_comes_back_from_the_log_in_order() {
        let mut store = MemoryStore::new(1 << 20);
        let mut queue = Queue::new(10_000);
        for number in 0..100 {
            assert!(matches!(
                queue.push(&mut store, message(number)),
                Pushed::Logged
            ));
        }
        assert!(
            queue.memory() <= 10_000 && queue.spooled() == 90,
            "{queue:?}"
        );
        for number in 0..100 {
            assert_eq!(
                sent(&mut queue, &mut store, u64::from(number)),
                Some(number)
            );
            assert_eq!(
                queue.settle(Token(u64::from(number))).unwrap().0,
                message(number)
            );
            assert!(queue.memory() <= 10_000);
        }
        assert_eq!(sent(&mut queue, &mut store, 100), None);
        assert_eq!((queue.messages(), queue.memory()), (0, 0));
        assert_eq!(queue.positions(100), (vec![], 100));
    }

    #[test]
    fn what_was_sent_is_sent_again_first_and_in_order() {
        let mut queue = Queue::new(10_000);
        for number in 0..4 {
            queue.push(&mut NoStore, message(number));
        }
        for token in 0..3 {
            sent(&mut queue, &mut NoStore, token);
        }
        queue.settle(Token(1));
        queue.disconnected();
        let again: Vec<_> = (5..9).map(|t| sent(&mut queue, &mut NoStore, t)).collect();
        assert_eq!(again, [Some(0), Some(2), Some(3), None]);
        assert!(
            queue.settle(Token(0)).is_none(),
            "an old token says nothing"
        );
    }

    #[test]
    fn the_oldest_that_were_not_sent_are_dropped() {
        let mut queue = Queue::new(10_000);
        for number in 0..12 {
            queue.push(&mut NoStore, message(number));
            if number < 2 {
                sent(&mut queue, &mut NoStore, u64::from(number));
            }
        }
        let mut dropped = Vec::new();
        while queue.is_over() {
            dropped.push(queue.drop_oldest(&mut NoStore).unwrap().unwrap().0.sequence);
        }
        assert_eq!(dropped, [2, 3]);
    }

    #[test]
    fn while_the_log_cannot_be_written_memory_is_all_and_then_the_log_has_it() {
        let mut store = MemoryStore::new(1 << 20);
        let mut queue = Queue::new(20_000);
        for number in 0..30 {
            store.set_failing(number >= 25);
            queue.push(&mut store, message(number));
        }
        assert!(queue.is_down && queue.has_unlogged() && !queue.is_over());
        store.set_failing(false);
        queue.is_down = false;
        let mut logged = 0;
        queue.log(&mut store, |_| logged += 1).unwrap();
        assert_eq!(logged, 5);
        assert!(!queue.has_unlogged());
        let all: Vec<_> = (0..30)
            .map_while(|t| sent(&mut queue, &mut store, t))
            .collect();
        assert!(all.iter().copied().eq(0..30), "{all:?}");
    }

    #[test]
    fn the_log_has_messages_in_the_order_in_which_they_came() {
        // There is room for the first and the third, but not for the second.
        let mut store = MemoryStore::new(2000);
        let mut queue = Queue::new(20_000);
        queue.push(&mut store, message(0));
        let mut large = message(1);
        large.payload = vec![0; 1500];
        let Pushed::Full(large) = queue.push(&mut store, large) else {
            panic!("it is not full");
        };
        queue.keep(large);
        let pushed = queue.push(&mut store, message(2));
        assert!(matches!(pushed, Pushed::Unlogged(None)), "{pushed:?}");
        assert_eq!(queue.positions(store.end()), (vec![], 0));
        let all: Vec<_> = (0..4)
            .map_while(|t| sent(&mut queue, &mut store, t))
            .collect();
        assert_eq!(all, [0, 1, 2]);
    }
}
