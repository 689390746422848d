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

use super::engine::Engine;
use super::inbox::Source;
use super::membership::{Peer, Position};
use super::receive::Found;
use super::receiving::window;
use super::serial::later;
use crate::storage::Views;
use crate::time::Instant;
use crate::wire::Start;

impl Engine {
    /// What the member at `index` is told: from where on it is counted in.
    pub(crate) fn start_of(views: &Views<'_>, index: usize) -> Option<Start> {
        let peer = views.roster.peer(index).filter(|peer| peer.is_taker())?;
        Some(peer.start())
    }

    /// A sender says from where on it counts this member in. If that is before what is followed of it, that
    /// begins anew if nothing has come of it yet. Else the rest is a gap.
    pub(crate) fn on_start(
        &mut self,
        views: &mut Views<'_>,
        now: Instant,
        source: Source,
        start: Start,
    ) -> Option<Found> {
        if (start.target, start.session) != (self.id.get(), self.session.life()) {
            return None;
        }
        let index = source.index.filter(|_| views.takes_streams())?;
        let take = |peer: &mut Peer| peer.take_start(start.next);
        let begun = views.roster.change(index, take)??;
        let peer = views.roster.peer(index)?;
        let position = peer.position?;
        let (mut told, mut rest) = peer.told();
        let count_of = views.streams.len();
        let at = views.streams.find(index);
        let is_untouched = match at.and_then(|at| Some((at, views.streams.get(at)?))) {
            Some((at, stream)) => {
                if later(told, stream.high) == stream.high {
                    (told, rest) = (stream.high, stream.rest);
                }
                stream.is_untouched(begun, &window(views.slots, count_of, at))
            }
            None => position == Position::starting_at(begun),
        };
        if !is_untouched {
            let last = begun.wrapping_sub(1);
            return Some(self.found_gap(views, at, index, start.next, last));
        }
        // What cannot be repaired stays so.
        let mut low = start.next;
        if let Some(at) = at {
            low = views.streams.get(at)?.low();
            views.streams.remove(at, views.slots, views.pool);
        }
        let start = Position::starting_at(start.next);
        views
            .roster
            .peer_mut(index)?
            .set_position(start, told, rest);
        // What is missing now is asked for as soon as there is a place.
        if let Some(at) = self.new_stream(&mut views.parts(), now, source, index, start) {
            views.streams.get_mut(at)?.raise_low(low);
            views.streams.note(at, self.tools.config.max_wait);
        }
        None
    }
}
