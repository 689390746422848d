//! A message with which a broker ends the connection, instead of saying no.

use core::hash::{Hash, Hasher};
use core::time::Duration;
use std::hash::DefaultHasher;

use groupcast::Instant;

use crate::publication::Publication;

/// A connection that lasts so long has nothing to do with what was sent at its beginning.
const LASTS: Duration = Duration::from_secs(60);

/// After so many connections in a row that ended sooner, with messages on their way, these go one at a time.
const ONE_AT_A_TIME: u32 = 2;

/// A message that was so often alone on its way when the connection ended is why.
const PROVED: u32 = 3;

/// Which message it may be.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Suspicion {
    since: Option<Instant>,
    ends: u32,
    /// What was sent last.
    sent: u64,
    suspect: u64,
    times: u32,
}

impl Suspicion {
    /// How many messages may be on their way, of those that the broker takes.
    pub(super) const fn at_once(self, most: usize) -> usize {
        if self.ends >= ONE_AT_A_TIME { 1 } else { most }
    }

    pub(super) const fn connected(&mut self, now: Instant) {
        self.since = Some(now);
    }

    /// This is on its way.
    pub(super) fn sent(&mut self, publication: &Publication) {
        let mut hasher = DefaultHasher::new();
        (&publication.topic, &publication.payload).hash(&mut hasher);
        self.sent = hasher.finish();
    }

    /// Time goes on.
    pub(super) fn tick(&mut self, now: Instant) {
        if self.since.is_some_and(|since| now.since(since) >= LASTS) {
            self.ends = 0;
            self.times = 0;
        }
    }

    /// The connection ends while so many messages are on their way. Whether the one that is alone is why.
    pub(super) fn ended(&mut self, now: Instant, on_the_way: usize) -> bool {
        self.tick(now);
        let Some(since) = self.since.take() else {
            return false;
        };
        if on_the_way == 0 || now.since(since) >= LASTS {
            return false;
        }
        self.ends += 1;
        if on_the_way > 1 {
            return false;
        }
        if self.suspect != self.sent {
            self.suspect = self.sent;
            self.times = 0;
        }
        self.times += 1;
        let is_proved = self.times >= PROVED;
        if is_proved {
            self.times = 0;
        }
        is_proved
    }
}
