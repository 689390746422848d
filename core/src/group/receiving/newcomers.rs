//! From where on a stream is whose: whoever is told that somebody has joined can rely on it from then on
//! (PROTOCOL R3).
//!
//! ```text
//!   ana                                        ben
//!    │ ben joined: counted in from number 7     │
//!    │ DATA 7 ────────────────────── lost       │
//!    │ SYNC, 8 is next ────────────────────────▶│ follows ana from 8, as far as ben knows
//!    │◀──────────────────────────────── PROBE ──│
//!    │ HELLO, SYNC, START 7 ───────────────────▶│ from 7: it is missing
//! ```

use super::{Parts, Receiving};
use crate::group::found::Found;
use crate::group::membership::{Entry, Position, Source};
use crate::group::serial::later;
use crate::time::Tick;
use crate::wire::Start;

impl Receiving {
    /// A sender says from where on it counts this member in. If that is before what is followed of it, that
    /// begins anew if nothing has come of it yet. Else the rest is a gap.
    pub(crate) fn on_start(
        &mut self,
        parts: &mut Parts<'_>,
        now: Tick,
        source: &Source,
        start: Start,
    ) -> Option<Found> {
        let index = source.index?;
        let take = |peer: &mut Entry| peer.take_start(start.next);
        let begun = parts.roster.change(index, take)??;
        let peer = parts.roster.entry(index)?;
        let position = peer.position?;
        let (mut told, mut rest) = peer.told();
        let at = parts.streams.find(index);
        let is_untouched = match at.and_then(|at| parts.streams.with_window(at, parts.slots)) {
            Some((stream, window)) => {
                if later(told, stream.high) == stream.high {
                    (told, rest) = (stream.high, stream.rest);
                }
                stream.is_untouched(begun, &window)
            }
            None => position == Position::starting_at(begun),
        };
        if !is_untouched {
            let last = begun.wrapping_sub(1);
            return Some(Self::found_gap(parts, at, index, start.next, last));
        }
        // What cannot be repaired stays so.
        let mut low = start.next;
        if let Some(at) = at {
            low = parts.streams.get(at)?.low();
            parts.streams.remove(at, parts.slots, parts.pool);
        }
        let start = Position::starting_at(start.next);
        parts
            .roster
            .entry_mut(index)?
            .set_position(start, told, rest);
        // What is missing now is asked for as soon as there is a place.
        if let Some(at) = self.new_stream(parts, now, source, index, start) {
            parts.streams.get_mut(at)?.raise_low(low);
            parts.streams.note(at, parts.tools.config.max_wait);
        }
        None
    }
}
