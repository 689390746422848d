//! What becomes of a fragment that arrives (PROTOCOL §5.1).

use super::{Arrival, Body, Handle, Meta, Part, Pool, Slot, Stream, Window, distance, is_before};
use crate::time::Tick;

impl Stream {
    /// A fragment has arrived. If it follows everything known, it is not missing.
    pub(crate) fn arrive(&mut self, meta: Meta, slots: &mut Window<'_>) {
        let sequence = meta.sequence;
        if sequence == self.high && self.reaches(sequence.wrapping_add(1)) {
            self.high = self.high.wrapping_add(1);
            self.rest = self.rest.saturating_sub(1);
            // A sender may have said that it will not repair what it had not sent yet.
            self.is_ready |= is_before(self.next, self.low);
            if distance(self.next, sequence) < slots.len() {
                slots.set(sequence, Slot::missing(self.heard()));
            }
        }
        let end = sequence.wrapping_add(u32::from(Part::of(meta).after));
        let beyond = distance(self.high, end.wrapping_add(1));
        // Whoever is further ahead has said nothing.
        if let Ok(beyond) = u8::try_from(beyond) {
            self.rest = self.rest.max(beyond);
        }
    }

    /// Moves on over a message of its own that comes just when nothing is missing and nothing waits: most
    /// do. Else nothing changes, and `false` is returned.
    pub(crate) fn advance(&mut self, now: Tick, sequence: u32) -> bool {
        let is_next = sequence == self.next && self.is_idle();
        if !is_next || self.is_ready || self.is_closing || is_before(self.next, self.low) {
            return false;
        }
        self.heard = Some(now);
        self.next = sequence.wrapping_add(1);
        self.high = self.next;
        self.low = self.next;
        self.stuck_since = None;
        true
    }

    /// A fragment arrived, for which [`extend`](Self::extend) has been called. `deliverable`: it is a
    /// message of its own that need not wait for others.
    pub(crate) fn take(
        &mut self,
        now: Tick,
        meta: Meta,
        payload: &[u8],
        ordered: bool,
        slots: &mut Window<'_>,
        pool: &mut Pool,
    ) -> Arrival {
        let sequence = meta.sequence;
        if is_before(sequence, self.next) {
            return Arrival::Duplicate;
        }
        if distance(self.next, sequence) >= slots.len() {
            return Arrival::Ahead;
        }
        let Slot::Missing { due, attempts, .. } = slots.get(sequence) else {
            return Arrival::Duplicate;
        };
        self.is_unanswered &= attempts == 0;
        let part = Part::of(meta);
        let is_whole = meta.last == 0;
        if is_whole && (!ordered || sequence == self.next) {
            slots.set(sequence, Slot::Done);
            self.pass_done(now, slots);
            return Arrival::Deliver;
        }
        if !is_whole && (u32::from(meta.last) >= slots.len() || !pool.can_hold(meta)) {
            self.refuse(sequence, part, slots, pool);
            return Arrival::Ahead;
        }
        let Some(handle) = self.store(now, meta, payload, slots, pool) else {
            let missing = Slot::Missing {
                due,
                attempts,
                part,
            };
            slots.set(sequence, missing);
            self.note_stuck(now, slots);
            return Arrival::NoRoom;
        };
        slots.set(sequence, Slot::Stored(handle));
        if ordered {
            self.is_ready |= sequence == self.next || self.fragment_of_first(meta);
        } else {
            let first = sequence.wrapping_sub(u32::from(meta.fragment));
            if self.is_complete(first, meta.last, slots) {
                let from = self.unordered_from.filter(|from| is_before(*from, first));
                self.unordered_from = Some(from.unwrap_or(first));
                self.is_ready = true;
            }
            // Of a message that began before this stream: it will never be complete.
            self.is_ready |= is_before(first, self.next);
        }
        self.note_stuck(now, slots);
        Arrival::Stored
    }

    /// A fragment came of a message that can never be put together: it is not asked for, and is a gap as
    /// soon as it is next.
    fn refuse(&mut self, sequence: u32, part: Part, slots: &mut Window<'_>, pool: &mut Pool) {
        let reach = distance(self.next, self.high).min(slots.len());
        let first = sequence.wrapping_sub(u32::from(part.before));
        let last = part.before.saturating_add(part.after);
        for before in 0..=last {
            let at = first.wrapping_add(u32::from(before));
            if is_before(at, self.next) || distance(self.next, at) >= reach {
                continue;
            }
            if let Slot::Stored(handle) = slots.get(at) {
                pool.release(handle);
            }
            let after = last.saturating_sub(before);
            slots.set(at, Slot::Useless(Part { before, after }));
        }
        self.is_ready |= !is_before(self.next, first);
    }

    /// Whether the fragment is of the message that is next.
    pub(crate) fn fragment_of_first(&self, meta: Meta) -> bool {
        !is_before(
            self.next,
            meta.sequence.wrapping_sub(u32::from(meta.fragment)),
        )
    }

    /// Stores a fragment, at the cost of those of this stream that are further from being delivered.
    fn store(
        &mut self,
        now: Tick,
        meta: Meta,
        payload: &[u8],
        slots: &mut Window<'_>,
        pool: &mut Pool,
    ) -> Option<Handle> {
        loop {
            if let Some(handle) = pool.store(meta, Body::new(payload)) {
                if !is_before(meta.sequence, self.last_stored) {
                    self.last_stored = meta.sequence;
                }
                return Some(handle);
            }
            // The last stored one gives way, if it comes after this one.
            let (at, handle) = self.last(slots)?;
            if !is_before(meta.sequence, at) {
                return None;
            }
            self.drop_stored(now, at, handle, slots, pool);
        }
    }

    /// The last stored fragment.
    fn last(&mut self, slots: &Window<'_>) -> Option<(u32, Handle)> {
        let mut at = self.last_stored;
        if distance(self.next, at) >= slots.len() {
            at = self.next;
        }
        while !is_before(at, self.next) {
            self.last_stored = at;
            if let Slot::Stored(handle) = slots.get(at) {
                return Some((at, handle));
            }
            at = at.wrapping_sub(1);
        }
        None
    }

    /// Drops a stored fragment: it is to be asked for again.
    fn drop_stored(
        &mut self,
        now: Tick,
        at: u32,
        handle: Handle,
        slots: &mut Window<'_>,
        pool: &mut Pool,
    ) {
        let part = pool.meta(handle).map_or(Part::UNKNOWN, Part::of);
        pool.release(handle);
        let due = now + self.answer().saturating_mul(4);
        self.ask_again(due, at, part, slots);
    }

    /// Of two streams whose next messages have no room together, the lower one keeps its own: that of which
    /// something cannot be repaired any more, or else that which has waited longer.
    pub(crate) fn rank(&self, now: Tick) -> (bool, Tick) {
        let is_repairable = !is_before(self.next, self.low);
        (is_repairable, self.stuck_since.unwrap_or(now))
    }

    /// Drops the last stored fragment for another stream's next message. If it is of the next message here, or cannot
    /// be repaired any more, only if `even_that`. Whether one was dropped.
    pub(crate) fn give_way(
        &mut self,
        now: Tick,
        even_that: bool,
        slots: &mut Window<'_>,
        pool: &mut Pool,
    ) -> bool {
        let Some((at, handle)) = self.last(slots) else {
            return false;
        };
        let is_of_first = pool
            .meta(handle)
            .is_none_or(|meta| self.fragment_of_first(meta));
        if !even_that && (is_of_first || is_before(at, self.low)) {
            return false;
        }
        self.drop_stored(now, at, handle, slots, pool);
        self.note_stuck(now, slots);
        true
    }
}
