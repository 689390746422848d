//! `info` at the broker of members that are gone: what the broker kept of an earlier life of the gateway.

use core::time::Duration;
use std::collections::BTreeMap;

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
        };
        self.found.insert(id, found);
        true
    }

    /// What was found, once all of it came and those who are there said so.
    pub(super) fn take(&mut self, now: Instant) -> BTreeMap<MemberId, Found> {
        let is_due = self.reads_until.is_some_and(|until| until <= now)
            && now.since(self.started) >= ACQUAINTED;
        if is_due {
            core::mem::take(&mut self.found)
        } else {
            BTreeMap::new()
        }
    }
}
