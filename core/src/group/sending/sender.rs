//! This member's own reliable stream: its numbers, and the heartbeats that tell where it stands.
//!
//! ```text
//!  message   heartbeats, with a copy of the last message
//!     │    │           │                                │
//!  ───┴────┴───────────┴────────────────────────────────┴───── … then only with HELLO
//!       h0     2·h0                  6·h0                  up to 2 s
//! ```

use crate::time::{Ageing, Span, Tick};

/// The first heartbeat comes no sooner than this after a message.
const FIRST: Span = Span::from_millis(6);

/// Heartbeats end when their interval reaches this.
const LONGEST: Span = Span::from_secs(2);

/// How much longer after the message each heartbeat comes than the one before: so few that many
/// senders of a message now and then do not drown in heartbeats.
const GROWTH: u32 = 3;

/// A sender that sends so often needs no heartbeats between its messages.
const STEADY: Span = Span::from_millis(50);

/// This member's own reliable stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sender {
    /// The sequence number that the next fragment will have.
    pub(crate) next: u32,
    /// When the next heartbeat is due.
    due: Option<Tick>,
    /// How long after the last message that is.
    after: Span,
    /// When the last message was sent, and the usual time between messages.
    last: Option<Tick>,
    rhythm: Option<Span>,
    /// Somebody asked for what cannot be repaired: say where the stream stands.
    wanted: bool,
    answered: Option<Tick>,
}

impl Sender {
    pub(crate) const fn new() -> Self {
        Self {
            next: 0,
            due: None,
            after: FIRST,
            last: None,
            rhythm: None,
            wanted: false,
            answered: None,
        }
    }

    /// Time makes it older.
    pub(crate) const fn age(&mut self, ageing: Ageing) {
        let Self {
            next: _,
            due,
            after: _,
            last,
            rhythm: _,
            wanted: _,
            answered,
        } = self;
        ageing.maybe(due);
        ageing.maybe(last);
        ageing.maybe(answered);
    }

    /// A message of the stream was sent for the first time: the heartbeats begin anew.
    pub(crate) fn sent(&mut self, now: Tick, round_trip: Span) {
        if let Some(last) = self.last {
            let gap = now.span_since(last);
            if gap > Span::ZERO {
                let before = self.rhythm.unwrap_or(gap);
                // Three parts of the past, one of the present.
                self.rhythm = Some(
                    before
                        .saturating_mul(3)
                        .saturating_add(gap)
                        .checked_div(4)
                        .unwrap_or(gap),
                );
            }
        }
        self.last = Some(now);
        let usual = FIRST.max(round_trip.saturating_mul(2));
        // In a steady flow the next message tells of a loss sooner than a heartbeat would.
        let steady = self.rhythm.filter(|rhythm| *rhythm < STEADY);
        self.after = steady.map_or(usual, |rhythm| {
            usual.max(rhythm.saturating_add(rhythm.checked_div(4).unwrap_or_default()))
        });
        self.due = Some(now + self.after);
    }

    /// When the next heartbeat is due, or the answer to somebody who asks for too much.
    pub(crate) fn next_beat(&self, now: Tick) -> Option<Tick> {
        if self.wanted { Some(now) } else { self.due }
    }

    /// Whether a heartbeat is due, or an answer to somebody who asks for too much.
    pub(crate) fn beat_due(&self, now: Tick) -> bool {
        self.wanted || self.carries_copy(now)
    }

    /// Whether a heartbeat is due, which carries a copy of the last message.
    pub(crate) fn carries_copy(&self, now: Tick) -> bool {
        self.due.is_some_and(|due| due <= now)
    }

    /// A SYNC was sent. It serves as the heartbeat that is due.
    pub(crate) fn beat_sent(&mut self, now: Tick) {
        if core::mem::take(&mut self.wanted) {
            self.answered = Some(now);
        }
        if !self.carries_copy(now) {
            return;
        }
        let pause = self.after.saturating_mul(GROWTH - 1);
        self.after = self.after.saturating_mul(GROWTH);
        self.due = (pause < LONGEST).then_some(now + pause);
    }

    /// Each BYE says where the stream stands: no heartbeats between them.
    pub(crate) fn end(&mut self) {
        self.due = None;
    }

    /// Somebody asked for what cannot be repaired.
    pub(crate) fn tell(&mut self, now: Tick, round_trip: Span) {
        let just_told = |at: Tick| now.span_since(at) < round_trip.saturating_mul(2);
        if !self.answered.is_some_and(just_told) {
            self.wanted = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn ms(millis: u32) -> Tick {
        Tick::from_millis(millis)
    }

    const TRIP: Span = Span::from_millis(1);

    /// PROTOCOL S1.
    #[test]
    fn heartbeats_become_rarer_and_end() {
        let mut sender = Sender::new();
        sender.sent(ms(1_000), TRIP);
        let mut times = Vec::new();
        let mut copies = 0;
        while let Some(due) = sender.next_beat(ms(0)) {
            assert!(sender.beat_due(due));
            copies += usize::from(sender.carries_copy(due));
            sender.beat_sent(due);
            times.push(due.span_since(ms(1_000)).as_millis());
        }
        assert_eq!(times, [6, 18, 54, 162, 486, 1_458]);
        assert_eq!(copies, times.len());
    }

    /// PROTOCOL S1, S2.
    #[test]
    fn a_new_message_begins_the_heartbeats_anew() {
        let mut sender = Sender::new();
        sender.sent(ms(0), TRIP);
        for _ in 0..3 {
            sender.beat_sent(sender.next_beat(ms(0)).unwrap());
        }
        sender.sent(ms(5_000), TRIP);
        assert_eq!(sender.next_beat(ms(0)), Some(ms(5_006)));
        assert!(sender.carries_copy(ms(5_006)));
    }

    /// PROTOCOL S2.
    #[test]
    fn a_steady_flow_has_no_heartbeats() {
        let mut sender = Sender::new();
        for n in 0..100 {
            sender.sent(ms(10 * n), TRIP);
            assert!(n == 0 || !sender.beat_due(ms(10 * n + 10)), "message {n}");
        }
        assert!(sender.beat_due(ms(1_003)), "but when it ends there is one");
    }
}
