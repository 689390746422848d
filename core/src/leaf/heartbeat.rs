//! When a leaf tells where its stream stands (PROTOCOL S1, S2, S5).

use crate::time::{Ageing, Span, Tick};

/// The first heartbeat comes so long after a value: two round trips, as a leaf that measures none takes them to be.
const FIRST: Span = Span::from_millis(20);

/// Heartbeats end when the wait between two reaches this.
const LONGEST: Span = Span::from_secs(2);

/// How much longer after the value each heartbeat comes than the one before.
const GROWTH: u32 = 3;

/// How often somebody who asks for too much is told where the stream stands.
const TELL_EVERY: Span = FIRST;

/// When the next SYNC is due, and with it a copy of the last value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heartbeat {
    pub(super) due: Option<Tick>,
    /// How long after the last value that is.
    after: Span,
    /// When it was told last where the stream stands.
    told: Tick,
}

impl Heartbeat {
    pub(super) const fn new() -> Self {
        Self {
            due: None,
            after: FIRST,
            told: Tick::LONG_AGO,
        }
    }

    /// Time makes it older.
    pub(super) const fn age(&mut self, ageing: Ageing) {
        let Self {
            due,
            after: _,
            told,
        } = self;
        ageing.maybe(due);
        ageing.tick(told);
    }

    /// A value was sent for the first time: the heartbeats begin anew.
    pub(super) fn begin(&mut self, now: Tick) {
        self.after = FIRST;
        self.due = Some(now + FIRST);
    }

    /// Whether one is due.
    pub(super) fn is_due(&self, now: Tick) -> bool {
        self.due.is_some_and(|due| due <= now)
    }

    /// A SYNC was sent. It serves as the heartbeat that is due.
    pub(super) fn sent(&mut self, now: Tick) {
        self.told = now;
        if self.is_due(now) {
            let pause = self.after.saturating_mul(GROWTH - 1);
            self.after = self.after.saturating_mul(GROWTH);
            self.due = (pause < LONGEST).then_some(now + pause);
        }
    }

    /// Each BYE says where the stream stands: no heartbeats between them.
    pub(super) const fn end(&mut self) {
        self.due = None;
    }

    /// Somebody asked for what cannot be repaired: the next one comes at once, if none came just now.
    pub(super) fn tell(&mut self) {
        let soon = self.told + TELL_EVERY;
        self.due = Some(self.due.map_or(soon, |due| due.min(soon)));
    }
}
