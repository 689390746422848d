//! The newest values of State and Latest, of each sender and channel.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use groupcast::{Instant, MemberId};

use crate::publication::Publication;

/// Whose value it is, on which channel, and whether that is of the class State.
pub(super) type Key = (MemberId, u8, bool);

#[derive(Debug)]
struct Value {
    publication: Publication,
    at: Instant,
    version: u64,
    is_waiting: bool,
    sent: Option<u64>,
}

/// The newest values.
#[derive(Debug)]
pub(super) struct Values {
    values: BTreeMap<Key, Value>,
    waiting: VecDeque<Key>,
    most: usize,
    version: u64,
}

/// What became of a value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kept {
    /// It waits.
    New,
    /// It waits in the place of an older one that was not published.
    Replaced,
    /// There is no room for it.
    NoRoom,
}

impl Values {
    pub(super) const fn new(most: usize) -> Self {
        Self {
            values: BTreeMap::new(),
            waiting: VecDeque::new(),
            most,
            version: 0,
        }
    }

    /// A newer value.
    pub(super) fn set(&mut self, now: Instant, key: Key, publication: Publication) -> Kept {
        if !self.values.contains_key(&key) && self.values.len() >= self.most {
            return Kept::NoRoom;
        }
        self.version += 1;
        let value = self.values.entry(key).or_insert_with(|| Value {
            publication: Publication::new(String::new(), Vec::new()),
            at: now,
            version: 0,
            is_waiting: false,
            sent: None,
        });
        value.publication = publication;
        value.at = now;
        value.version = self.version;
        if core::mem::replace(&mut value.is_waiting, true) {
            return Kept::Replaced;
        }
        self.waiting.push_back(key);
        Kept::New
    }

    /// The next State value to be published, which counts as sent then, and as which version. One value of a channel at a
    /// time, so that none overtakes another.
    pub(super) fn send(&mut self) -> Option<(Key, u64, &Publication)> {
        for _ in 0..self.waiting.len() {
            let key = self.waiting.pop_front()?;
            let value = self.values.get_mut(&key)?;
            if !key.2 || value.sent.is_some() {
                self.waiting.push_back(key);
                continue;
            }
            value.is_waiting = false;
            value.sent = Some(value.version);
            let value = self.values.get(&key)?;
            return Some((key, value.version, &value.publication));
        }
        None
    }

    /// The values of the class Latest that wait, and since when. They are forgotten.
    pub(super) fn take_latest(&mut self) -> Vec<(Instant, Publication)> {
        let latest: Vec<Key> = self.waiting.iter().filter(|key| !key.2).copied().collect();
        self.waiting.retain(|key| key.2);
        let values = latest.iter().filter_map(|key| self.values.remove(key));
        values.map(|value| (value.at, value.publication)).collect()
    }

    /// The broker has it, or refused it. Whether that was asked for.
    pub(super) fn settled(&mut self, key: Key, version: u64) {
        if let Some(value) = self.values.get_mut(&key)
            && value.sent == Some(version)
        {
            value.sent = None;
        }
    }

    /// It is to be published again.
    pub(super) fn again(&mut self, key: Key) {
        if let Some(value) = self.values.get_mut(&key) {
            value.sent = None;
            if !core::mem::replace(&mut value.is_waiting, true) {
                self.waiting.push_back(key);
            }
        }
    }

    /// Nothing that was sent is known to have arrived, and the broker may have lost the rest. The oldest goes first: with a map,
    /// values of a member that was started again with another id have the same topic.
    pub(super) fn connected(&mut self) {
        let mut waiting = Vec::with_capacity(self.values.len());
        for (key, value) in &mut self.values {
            value.sent = None;
            value.is_waiting = true;
            waiting.push((value.at, *key));
        }
        waiting.sort_unstable();
        self.waiting = waiting.into_iter().map(|(_, key)| key).collect();
    }

    /// Forgets all values of these members.
    pub(super) fn forget(&mut self, gone: &[MemberId]) {
        let gone: BTreeSet<_> = gone.iter().collect();
        self.values.retain(|key, _| !gone.contains(&key.0));
        self.waiting.retain(|key| !gone.contains(&key.0));
    }

    /// How many State values wait or are not acknowledged.
    pub(super) fn unsettled(&self) -> usize {
        let values = self.values.values();
        values
            .filter(|value| value.is_waiting || value.sent.is_some())
            .count()
    }
}
