//! `info` at the broker of members that are gone: what the broker kept of an earlier life of the gateway.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use groupcast::{Instant, MemberId};
use serde_json::Value;

/// For how long what is retained is read after connecting.
const READS: Duration = Duration::from_secs(2);

/// Members that are there have said so this long after the gateway's start.
const ACQUAINTED: Duration = Duration::from_secs(15);

/// `info` is not longer than this.
const LONGEST: usize = 4096;

/// Of so many members.
const MOST: usize = 4096;

#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Found {
    pub(super) name: String,
    pub(super) session: String,
    pub(super) is_online: bool,
    pub(super) seen: u64,
    /// The channels of its State values that the broker retains.
    pub(super) values: BTreeSet<u8>,
}

#[derive(Debug)]
pub(super) struct Ghosts {
    started: Instant,
    reads_until: Option<Instant>,
    found: BTreeMap<MemberId, Found>,
}

impl Ghosts {
    pub(super) const fn new(now: Instant) -> Self {
        Self {
            started: now,
            reads_until: None,
            found: BTreeMap::new(),
        }
    }

    pub(super) fn connected(&mut self, now: Instant) {
        self.reads_until = Some(now + READS);
        self.found.clear();
    }

    /// A retained `info` came. `false` if it makes no sense.
    pub(super) fn read(&mut self, now: Instant, id: MemberId, payload: &[u8]) -> bool {
        if self.reads_until.is_none_or(|until| until < now) || payload.is_empty() {
            return true;
        }
        let value = (payload.len() <= LONGEST && self.found.len() < MOST)
            .then(|| serde_json::from_slice::<Value>(payload).ok());
        let Some(value) = value.flatten() else {
            return false;
        };
        let text = |key: &str| {
            value
                .get(key)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let number = |key: &str| value.get(key).and_then(Value::as_u64);
        let (Some(is_online), Some(since)) = (
            value.get("online").and_then(Value::as_bool),
            number("since"),
        ) else {
            return false;
        };
        let found = Found {
            name: text("name"),
            session: text("session"),
            is_online,
            seen: number("seen").unwrap_or(since),
            values: channels(value.get("state")),
        };
        self.found.insert(id, found);
        true
    }

    /// Of whom to say something, once all of it came and those who are there said so: who was not seen since that Unix time,
    /// and is forgotten here, too; and, once, who was there last.
    pub(super) fn look(&mut self, now: Instant, since: u64) -> Vec<(MemberId, Found)> {
        let is_due = self.reads_until.is_some_and(|until| until <= now)
            && now.since(self.started) >= ACQUAINTED;
        if !is_due {
            return Vec::new();
        }
        let found = self.found.iter_mut();
        let told = found.filter(|(_, found)| found.seen < since || found.is_online);
        let told: Vec<_> = told
            .map(|(id, found)| {
                let was = found.clone();
                found.is_online = false;
                (*id, was)
            })
            .collect();
        self.found.retain(|_, found| found.seen >= since);
        told
    }
}

/// Numbers of channels; what is none is passed over.
fn channels(value: Option<&Value>) -> BTreeSet<u8> {
    let numbers = value.and_then(Value::as_array).into_iter().flatten();
    let numbers = numbers.filter_map(Value::as_u64);
    numbers
        .filter_map(|number| number.try_into().ok())
        .collect()
}
