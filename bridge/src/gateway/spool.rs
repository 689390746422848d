//! How the queue, the marks and the gap records are kept in the store.

use core::ops::Range;
use std::collections::BTreeSet;
use std::io;

use groupcast::{Instant, MemberId, Session};

use super::Gateway;
use super::damage::{self, Damage};
use super::gaps::{Gap, Place};
use super::marks::Lost;
use super::news::News;
use super::queue::Pushed;
use super::record::{Checkpoint, Message, Record};
use super::store::{AppendError, Store};

/// Bytes that are read from the log at once.
const BATCH: usize = 1 << 20;

type Life = (MemberId, Session);

impl<S: Store> Gateway<S> {
    /// Takes up what the store holds.
    pub(super) fn recover(&mut self) -> io::Result<()> {
        if !self.store.is_store() {
            return Ok(());
        }
        let recovered = self.store.recover()?;
        let checkpoint = recovered.checkpoint.as_deref();
        let read = checkpoint.and_then(Checkpoint::read);
        let lacks = checkpoint.is_some() && read.is_none();
        // Without one, everything that is still there was not acknowledged.
        let mut checkpoint = read.unwrap_or_else(|| Checkpoint {
            end: recovered.first,
            rest: recovered.first,
            ..Checkpoint::default()
        });
        self.gaps.next = self.gaps.next.max(checkpoint.next_gap);
        core::mem::take(&mut checkpoint.gaps)
            .into_iter()
            .for_each(|gap| self.gaps.restore(gap));
        let marks = core::mem::take(&mut checkpoint.marks);
        self.marks.restore(self.now, marks);
        let sent: BTreeSet<u64> = checkpoint.sent.iter().copied().collect();
        let needed = sent.first().copied().unwrap_or(u64::MAX);
        let (mut expected, mut missing) = (needed.min(checkpoint.rest), Vec::new());
        let mut from = recovered.first;
        loop {
            let read = self.store.read(from, BATCH)?;
            let Some((last, _)) = read.last() else { break };
            from = last + 1;
            for (position, record) in read {
                let is_new = position >= checkpoint.end;
                let len = record.len() as u64;
                let record = Record::read(&record);
                if record.is_some() {
                    if position > expected {
                        missing.push(expected..position);
                    }
                    expected = expected.max(position + 1);
                }
                match record {
                    Some(Record::Message(message)) => {
                        let was_sent = sent.contains(&position);
                        if is_new {
                            self.mark(&message);
                        }
                        if was_sent || position >= checkpoint.rest {
                            self.counters.recovered += 1;
                            self.queue.restore(position, message, was_sent);
                        }
                    }
                    Some(Record::Gap(gap)) if is_new => {
                        let life = (gap.sender, gap.session);
                        self.marks.add(self.now, life, gap.first, gap.numbers());
                        self.gaps.restore(gap);
                    }
                    Some(Record::Seen {
                        sender,
                        session,
                        first,
                        numbers,
                    }) if is_new => {
                        let life = (sender, session);
                        self.marks.add(self.now, life, first, u64::from(numbers));
                    }
                    Some(_) => {}
                    None => self.counters.store_damaged += len,
                }
            }
        }
        // Positions that are given from now on are beyond those of the checkpoint.
        let end = recovered.end.max(checkpoint.end);
        self.store.advance(end);
        if expected < end {
            missing.push(expected..end);
        }
        let holes = damage::unsettled(&missing, &checkpoint);
        self.holes = checkpoint.holes;
        self.counters.store_missing = holes.iter().map(|hole| hole.end - hole.start).sum();
        let lost = self.damage(&holes, &checkpoint.lowest, &[])?;
        self.marks.recover(self.unix_seconds());
        for lost in lost {
            self.lose_numbers(lost, Place::Bridge);
        }
        self.counters.store_damaged += recovered.damaged + u64::from(lacks);
        if recovered.torn > 0 {
            let bytes = recovered.torn;
            self.tell(News::StoreTorn { bytes });
        }
        if self.counters.store_damaged > 0 {
            let bytes = self.counters.store_damaged;
            self.tell(News::StoreDamaged { bytes });
        }
        if self.counters.store_missing > 0 {
            let records = self.counters.store_missing;
            self.tell(News::StoreLacks { records });
        }
        if self.counters.recovered > 0 {
            let messages = self.counters.recovered;
            self.tell(News::Recovered { messages });
        }
        self.save();
        Ok(())
    }

    /// What the log lost, which lacks these positions. Of each life the lowest number that is needed; and what memory has
    /// of the log.
    fn damage(
        &mut self,
        holes: &[Range<u64>],
        lowest: &[(MemberId, Session, u32)],
        in_memory: &[(u64, Life, u32, u64)],
    ) -> io::Result<Vec<Lost>> {
        let Some(first) = holes.first() else {
            return Ok(Vec::new());
        };
        let mut damage = Damage::new(&self.marks, holes, lowest);
        let (before, others): (Vec<_>, Vec<_>) =
            in_memory.iter().partition(|it| it.0 < first.start);
        for (position, life, first, numbers) in before {
            damage.numbers(position, life, first, numbers);
        }
        let written_again: BTreeSet<u64> = others.iter().map(|it| it.0).collect();
        let mut from = if in_memory.is_empty() { 0 } else { first.start };
        loop {
            let read = self.store.read(from, BATCH)?;
            let Some((last, _)) = read.last() else { break };
            from = last + 1;
            for (position, record) in read {
                // What was written again is out of order.
                let is_again = written_again.contains(&position);
                if let Some(record) = Record::read(&record).filter(|_| !is_again) {
                    damage.record(position, &record);
                }
            }
        }
        for (_, life, first, numbers) in others {
            damage.told(life, first, numbers);
        }
        for gap in self.gaps.keep() {
            damage.told((gap.sender, gap.session), gap.first, gap.numbers());
        }
        for hole in holes {
            damage::add(&mut self.holes, hole.clone());
        }
        Ok(damage.lost())
    }

    /// A message is in the log, or dealt with.
    pub(super) fn mark(&mut self, message: &Message) {
        if self.store.is_store() {
            let life = (message.sender, message.session);
            let numbers = u64::from(message.numbers);
            self.marks.add(self.now, life, message.sequence, numbers);
        }
    }

    /// A new message to be published.
    pub(super) fn enqueue(&mut self, message: Message) {
        self.is_stale = true;
        self.counters.reliable += 1;
        let life = (message.sender, message.session);
        let (first, numbers) = (message.sequence, u64::from(message.numbers));
        let mut pushed = self.queue.push(&mut self.store, message);
        if let Pushed::Full(message) = pushed {
            pushed = if self.make_room() {
                self.queue.push(&mut self.store, message)
            } else {
                Pushed::Full(message)
            };
        }
        match pushed {
            Pushed::Logged => self.marks.add(self.now, life, first, numbers),
            Pushed::Unlogged(error) => {
                if let Some(error) = error {
                    self.store_failed(&error);
                }
                self.overflow();
            }
            Pushed::Full(message) => {
                self.queue.keep(message);
                self.overflow();
            }
        }
    }

    /// Memory holds no more than it may.
    fn overflow(&mut self) {
        while self.queue.is_over() && self.lose_oldest() {}
    }

    /// The oldest message that was not sent is lost.
    fn lose_oldest(&mut self) -> bool {
        match self.queue.drop_oldest(&mut self.store) {
            Ok(Some((message, is_logged))) => {
                self.counters.overflowed += 1;
                self.lose(&message, is_logged, Place::Bridge);
                let messages = self.counters.overflowed;
                self.tell(News::Overflow { messages });
                true
            }
            Ok(None) => false,
            Err(error) => {
                self.store_failed(&error);
                false
            }
        }
    }

    /// A message is lost: it becomes part of a gap record.
    pub(super) fn lose(&mut self, message: &Message, is_logged: bool, place: Place) {
        self.is_stale = true;
        if !is_logged {
            self.mark(message);
        }
        let last = message
            .sequence
            .wrapping_add(message.numbers.saturating_sub(1));
        self.gaps.add_message(
            (message.sender, message.session),
            (message.sequence, last),
            place,
            self.unix.as_millis() as u64,
            &message.name,
        );
    }

    /// Numbers are lost: they become a gap record.
    pub(super) fn lose_numbers(&mut self, lost: Lost, place: Place) {
        self.is_stale = true;
        let name = self.name_of(lost.sender);
        let time = self.unix.as_millis() as u64;
        let gap = self.gaps.add(lost, place, time, &name).cloned();
        if let Some(gap) = gap {
            self.keep_gap(gap);
        }
    }

    /// A gap record that does not grow is in the log at once, and may be published.
    fn keep_gap(&mut self, gap: Gap) {
        let id = gap.id;
        if !self.store.is_store() || self.log(&Record::Gap(gap)) {
            self.gaps.make_firm_one(id);
        }
    }

    /// Writes a record that is none of a message. Otherwise the next checkpoint has it.
    pub(super) fn log(&mut self, record: &Record) -> bool {
        if !self.store.is_store() || self.queue.is_down {
            return false;
        }
        match self.store.append(&record.write()) {
            Ok(_) => true,
            Err(AppendError::Io(error)) => {
                self.queue.is_down = true;
                self.store_failed(&error);
                false
            }
            Err(_) => false,
        }
    }

    /// Makes room in a store that is full: the oldest messages are lost, and the beginning of the log goes. Whether
    /// there is room now.
    fn make_room(&mut self) -> bool {
        let before = self.store.bytes();
        let Some(target) = self.store.releasable() else {
            return false;
        };
        while self.settled_to() < target && self.lose_oldest() {}
        if self.settled_to() < target {
            return false;
        }
        self.save();
        self.store.bytes() < before
    }

    /// All before this position is dealt with.
    fn settled_to(&self) -> u64 {
        self.queue.first_position().unwrap_or(u64::MAX)
    }

    /// Keeps a checkpoint. From then on the gap records that are in it may be published.
    pub(super) fn save(&mut self) {
        if self.store.is_store() {
            // Where the log ends is only known to the store.
            let end = self.store.end();
            let (sent, rest) = self.queue.positions(end);
            let release = self.queue.first_position().unwrap_or(end);
            damage::keep(&mut self.holes, release);
            let checkpoint = Checkpoint {
                end,
                sent,
                rest,
                next_gap: self.gaps.next,
                gaps: self.gaps.keep(),
                marks: self.marks.keep(),
                holes: self.holes.clone(),
                lowest: self.queue.lowest(),
            };
            // What a checkpoint takes for granted is on the disk before it.
            let synced = self.store.sync();
            let saved = synced.and_then(|()| self.store.save(&checkpoint.write(), release));
            if let Err(error) = saved {
                self.queue.is_down = true;
                self.store_failed(&error);
            }
        }
        self.is_stale = false;
        // Without a store there is nothing to wait for; and if it cannot be written, it is better to say something twice.
        self.gaps.make_firm();
    }

    pub(super) fn store_failed(&mut self, error: &io::Error) {
        self.counters.store_failures += 1;
        let error = error.to_string();
        self.tell(News::StoreFailed { error });
    }

    /// Once a second.
    pub(super) fn look_after_store(&mut self) {
        if self.queue.is_down || self.queue.has_unlogged() && self.store.is_store() {
            self.try_store_again();
        }
        if self.is_stale || self.gaps.has_soft() {
            self.save();
        } else if let Err(error) = self.store.sync() {
            // Though nothing is to be written, it may have been removed.
            self.queue.is_down = true;
            self.store_failed(&error);
        }
    }

    /// Begins the store anew if it was removed.
    fn renew_store(&mut self) -> io::Result<()> {
        let is_needed = !self.queue.middle().is_empty();
        let lost = self.store.renew(is_needed)?;
        if lost.is_empty() {
            return Ok(());
        }
        // Of the rest, memory has what is needed.
        let middle = self.queue.middle();
        let mut holes = Vec::new();
        for range in lost {
            let range = range.start.max(middle.start)..range.end.min(middle.end);
            if !range.is_empty() {
                damage::add(&mut holes, range);
            }
        }
        let in_memory: Vec<_> = self
            .queue
            .logged()
            .map(|(position, message)| {
                let life = (message.sender, message.session);
                let numbers = u64::from(message.numbers);
                (position, life, message.sequence, numbers)
            })
            .collect();
        let lowest = self.queue.lowest();
        self.queue.forget_log(&mut self.store)?;
        for lost in self.damage(&holes, &lowest, &in_memory)? {
            self.lose_numbers(lost, Place::Bridge);
        }
        Ok(())
    }

    fn try_store_again(&mut self) {
        if let Err(error) = self.renew_store() {
            self.queue.is_down = true;
            self.is_stale = true;
            self.store_failed(&error);
            return;
        }
        let was_down = core::mem::replace(&mut self.queue.is_down, false);
        let (marks, now) = (&mut self.marks, self.now);
        let logged = self.queue.log(&mut self.store, |message| {
            let life = (message.sender, message.session);
            marks.add(now, life, message.sequence, u64::from(message.numbers));
        });
        match logged {
            Ok(()) if was_down => self.tell(News::StoreBack),
            Ok(()) | Err(AppendError::NoStore) => {}
            Err(AppendError::Full) => {
                self.make_room();
            }
            Err(AppendError::Io(error)) => {
                self.queue.is_down = true;
                self.store_failed(&error);
            }
        }
        self.is_stale = true;
    }

    /// The program ends: writes down what the next one is to know.
    pub fn finish(&mut self, now: Instant) {
        self.advance(now);
        self.is_stale = true;
        self.look_after_store();
        self.count();
    }
}
