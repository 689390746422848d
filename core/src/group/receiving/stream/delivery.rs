//! What of a stream is delivered, and what is a gap (PROTOCOL §5.2).

use super::{Next, Part, Pool, Slot, Stream, Window, distance, is_before};
use crate::time::Tick;

impl Stream {
    /// Moves on over what is done.
    pub(super) fn pass_done(&mut self, now: Tick, slots: &mut Window<'_>) {
        while self.next != self.high && matches!(slots.get(self.next), Slot::Done) {
            self.pass(slots);
        }
        let is_there = matches!(slots.get(self.next), Slot::Stored(_) | Slot::Useless(_));
        self.is_ready |= self.next != self.high && is_there;
        self.is_ready |= is_before(self.next, self.low);
        self.stuck_since = None;
        self.note_stuck(now, slots);
    }

    /// Moves on by one. The slot is that of a sequence number one window later, which may be known of.
    pub(super) fn pass(&mut self, slots: &mut Window<'_>) {
        let entering = self.next.wrapping_add(slots.len());
        let slot = if is_before(entering, self.high) {
            self.ask_by(self.heard());
            Slot::missing(self.heard())
        } else {
            Slot::Unknown
        };
        slots.set(self.next, slot);
        let after = self.next.wrapping_add(1);
        if self.low == self.next {
            self.low = after;
        }
        self.next = after;
    }

    /// Moves on over all that cannot be repaired, when the window holds nothing: however far that is.
    pub(super) fn leap(&mut self, slots: &mut Window<'_>) {
        self.next = if is_before(self.high, self.low) {
            self.high
        } else {
            self.low
        };
        slots.0.fill(Slot::Unknown);
        let due = self.heard();
        self.ask_by(due);
        for at in 0..distance(self.next, self.high).min(slots.len()) {
            slots.set(self.next.wrapping_add(at), Slot::missing(due));
        }
    }

    /// Whether all fragments of the message that begins with `first` are stored.
    pub(super) fn is_complete(&self, first: u32, last: u8, slots: &Window<'_>) -> bool {
        !is_before(first, self.next)
            && distance(self.next, first.wrapping_add(u32::from(last))) < slots.len()
            && (0..=u32::from(last))
                .all(|at| matches!(slots.get(first.wrapping_add(at)), Slot::Stored(_)))
    }

    /// What comes next, if anything can be delivered or must be reported now.
    ///
    /// `is_ordered` tells by a fragment's class whether it waits for those before it.
    pub(crate) fn poll(
        &mut self,
        now: Tick,
        slots: &mut Window<'_>,
        pool: &mut Pool,
        is_ordered: impl Fn(u8) -> bool,
    ) -> Option<Next> {
        if !self.is_ready {
            return None;
        }
        if let Some(from) = self.unordered_from.take()
            && let Some((first, last)) = self.poll_unordered(from, slots, pool, is_ordered)
        {
            self.unordered_from = Some(last.wrapping_add(1));
            return Some(Next::Message { first, last });
        }
        let mut first = self.next;
        let mut passed = 0;
        while self.next != self.high {
            let reachable = distance(self.next, self.high) > 0;
            match slots.get(self.next) {
                Slot::Done => {
                    if self.next != first {
                        return Some(self.gap(first));
                    }
                    self.pass_done(now, slots);
                    first = self.next;
                }
                Slot::Stored(handle) => {
                    let Some(meta) = pool.meta(handle) else { break };
                    let message = self.next.wrapping_sub(u32::from(meta.fragment));
                    let last = message.wrapping_add(u32::from(meta.last));
                    let has_beginning = message == self.next;
                    if has_beginning && self.is_complete(message, meta.last, slots) {
                        if self.next != first {
                            return Some(self.gap(first));
                        }
                        return Some(Next::Message {
                            first: message,
                            last,
                        });
                    }
                    let is_lost = !has_beginning || self.lacks_for_good(message, meta.last, slots);
                    if !is_lost {
                        break;
                    }
                    // The rest of a message of which a part is lost is of no use.
                    self.abandon(last, slots, pool);
                }
                Slot::Useless(part) => self.abandon(self.rest_of(part), slots, pool),
                Slot::Missing { part, .. } if part.is_known() && is_before(self.next, self.low) => {
                    self.abandon(self.rest_of(part), slots, pool);
                }
                Slot::Missing { .. } | Slot::Unknown
                    if reachable && is_before(self.next, self.low) =>
                {
                    if passed < slots.len() {
                        self.pass(slots);
                        passed = passed.saturating_add(1);
                    } else {
                        self.leap(slots);
                    }
                }
                Slot::Missing { .. } | Slot::Unknown => break,
            }
        }
        if self.next != first {
            return Some(self.gap(first));
        }
        self.is_ready = false;
        self.note_stuck(now, slots);
        None
    }

    /// The last number of the message of which the next number is this part.
    pub(super) fn rest_of(&self, part: Part) -> u32 {
        self.next.wrapping_add(u32::from(part.after))
    }

    pub(super) const fn gap(&mut self, first: u32) -> Next {
        self.stuck_since = None;
        Next::Gap {
            first,
            last: self.next.wrapping_sub(1),
        }
    }

    /// Whether a fragment of the message is missing and cannot be repaired.
    pub(super) fn lacks_for_good(&self, first: u32, last: u8, slots: &Window<'_>) -> bool {
        (0..=u32::from(last))
            .map(|at| first.wrapping_add(at))
            .any(|at| is_before(at, self.low) && !matches!(slots.get(at), Slot::Stored(_)))
    }

    /// Drops everything up to `last`, also what has not come yet.
    pub(super) fn abandon(&mut self, last: u32, slots: &mut Window<'_>, pool: &mut Pool) {
        let end = last.wrapping_add(1);
        if is_before(self.high, end) {
            self.high = end;
            self.rest = 0;
        }
        while is_before(self.next, end) {
            if let Slot::Stored(handle) = slots.get(self.next) {
                pool.release(handle);
            }
            self.pass(slots);
        }
    }

    /// A complete message whose class does not wait for those before it: the first one from `from` on.
    pub(super) fn poll_unordered(
        &self,
        from: u32,
        slots: &Window<'_>,
        pool: &Pool,
        is_ordered: impl Fn(u8) -> bool,
    ) -> Option<(u32, u32)> {
        let reach = distance(self.next, self.high).min(slots.len());
        let mut at = distance(self.next, from);
        while at < reach {
            let first = self.next.wrapping_add(at);
            at = at.saturating_add(1);
            let Slot::Stored(handle) = slots.get(first) else {
                continue;
            };
            let Some(meta) = pool.meta(handle).filter(|meta| !is_ordered(meta.class)) else {
                continue;
            };
            if meta.fragment == 0 {
                if self.is_complete(first, meta.last, slots) {
                    return Some((first, first.wrapping_add(u32::from(meta.last))));
                }
                // Nothing else begins before its end.
                at = at.saturating_add(u32::from(meta.last));
            }
        }
        None
    }

    /// The message of these fragments was delivered.
    pub(crate) fn delivered(
        &mut self,
        now: Tick,
        first: u32,
        last: u32,
        slots: &mut Window<'_>,
        pool: &mut Pool,
    ) {
        let mut at = first;
        loop {
            if let Slot::Stored(handle) = slots.get(at) {
                pool.release(handle);
            }
            slots.set(at, Slot::Done);
            if at == last {
                break;
            }
            at = at.wrapping_add(1);
        }
        self.pass_done(now, slots);
    }
}
