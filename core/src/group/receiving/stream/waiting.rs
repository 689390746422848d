//! What is in the way of a stream, how long it is waited for, and when it is given up (PROTOCOL R12).

use super::{Pool, Slot, Stream, Window, distance};
use crate::time::{Span, Tick};

/// Asking so often takes a second, even where a round trip takes a millisecond; each time more takes another.
const ATTEMPTS_IN_A_SECOND: u32 = 22;

impl Stream {
    /// Notes since when something is in the way, or that nothing is.
    pub(super) fn note_stuck(&mut self, now: Tick, slots: &mut Window<'_>) {
        if self.is_ready {
            // `poll` does it when it has delivered what is there.
            return;
        }
        let Some(front) = self.front_missing(slots) else {
            self.stuck_since = None;
            return;
        };
        if self.stuck_since.is_some() {
            return;
        }
        self.stuck_since = Some(now);
        // What came when there was no room for it is the first now that room is made for. It may just have been
        // asked for.
        let soon = now + self.answer();
        for at in (0..slots.len()).map(|at| front.wrapping_add(at)) {
            let Slot::Missing { due, part, .. } = slots.get(at) else {
                break;
            };
            if !part.is_known() {
                break;
            }
            if due > soon {
                self.ask_again(soon, at, part, slots);
            }
            if part.after == 0 {
                break;
            }
        }
    }

    /// What is in the way: the first number, or the first that lacks of the message that is next.
    fn front_missing(&self, slots: &Window<'_>) -> Option<u32> {
        let reach = distance(self.next, self.high).min(slots.len());
        let mut front = (0..reach).map(|at| self.next.wrapping_add(at));
        let at = front.find(|at| !matches!(slots.get(*at), Slot::Stored(_)))?;
        matches!(slots.get(at), Slot::Missing { .. } | Slot::Useless(_)).then_some(at)
    }

    /// Whether what is in the way was asked for during all of `longest`, though it is in the way only since what
    /// was before it was given up, and nobody answers.
    pub(crate) fn is_exhausted(&self, now: Tick, longest: Span, slots: &Window<'_>) -> bool {
        // Most streams are answered: nothing is looked for.
        if !self.is_unanswered || self.is_ready {
            return false;
        }
        let front = self.front_missing(slots).map(|at| slots.get(at));
        let Some(Slot::Missing { due, attempts, .. }) = front else {
            return false;
        };
        let most = ATTEMPTS_IN_A_SECOND.saturating_add(longest.as_millis() / 1_000);
        u32::from(attempts) >= most && due <= now
    }

    /// How long the first missing number has been in the way.
    pub(crate) fn stuck_for(&self, now: Tick) -> Span {
        self.stuck_since
            .map_or(Span::ZERO, |since| now.span_since(since))
    }

    /// Stops waiting for what is in the way: for the message that lacks something, as far as that is known,
    /// and for nothing that comes after it.
    pub(crate) fn give_up_first(&mut self, slots: &Window<'_>, pool: &Pool) {
        if self.front_missing(slots).is_none() {
            return;
        }
        let reach = distance(self.next, self.high).min(slots.len());
        let mut end = reach;
        for at in 0..reach {
            let slot = slots.get(self.next.wrapping_add(at));
            if let Some(part) = slot.part(pool) {
                let (before, after) = (u32::from(part.before), u32::from(part.after));
                end = match at.checked_sub(before) {
                    // It waits for what comes before it.
                    Some(first @ 1..) => first,
                    _ => at.saturating_add(after).saturating_add(1),
                };
                break;
            }
            if !matches!(slot, Slot::Missing { .. }) {
                end = at;
                break;
            }
        }
        self.is_unanswered = true;
        self.raise_low(self.next.wrapping_add(end));
    }
}
