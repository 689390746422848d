//! A member that takes nobody's reliable stream: what it makes of others' (PROTOCOL E4, E5).
//!
//! It takes values by their number alone, and cannot see that one is missing among messages that it drops. But
//! as long as it has heard every number of a stream, it has heard every value; else it asks for all of them.

use super::frames::{SELDOM, STATES_ASKED};
use super::stream::retry;
use super::{Parts, Receiving};
use crate::channel::Class;
use crate::counters::count;
use crate::group::backoff;
use crate::group::found::Taken;
use crate::group::membership::{Entry, Source};
use crate::group::random::Random;
use crate::group::serial::is_before;
use crate::time::{Span, Tick};
use crate::wire::{Ask, BufferTooSmall, Data, Frame, Sync, Writer};

impl Receiving {
    /// A message of a sender's stream, or a fragment of one.
    #[inline(never)]
    pub(super) fn on_data_without_streams(
        &mut self,
        parts: &mut Parts<'_>,
        source: &Source,
        class: Class,
        data: &Data<'_>,
    ) -> Taken {
        let is_state = class == Class::State;
        let answers = is_state && data.answers_ask();
        let Some((index, peer)) = source
            .index
            .and_then(|index| Some((index, parts.roster.entry_mut(index)?)))
        else {
            return self.dropped_unless(parts, is_state);
        };
        if !answers {
            peer.pass(data.sequence);
        } else if !parts.latest.forgets() {
            // Its sender hears this member.
            peer.start_asked = 0;
        }
        if !is_state {
            return self.dropped_unless(parts, false);
        }
        // What was sent before something else was lost may not be the newest.
        let is_doubtful = !answers && is_before(data.sequence, peer.told);
        let taken = Self::newest(parts, index, data);
        if matches!(taken, Taken::Deliver) {
            parts.latest.mark(index, data.channel, is_doubtful);
        }
        taken
    }

    fn dropped_unless(&mut self, parts: &mut Parts<'_>, is_state: bool) -> Taken {
        if is_state {
            return Taken::Deliver;
        }
        count(&mut parts.tools.counters.reliable_dropped);
        if core::mem::replace(&mut self.told_dropped, true) {
            Taken::Nothing
        } else {
            Taken::Dropped
        }
    }

    /// A sender tells where its stream stands, and how many values it has.
    #[inline(never)]
    pub(super) fn on_sync_without_streams(
        &mut self,
        parts: &mut Parts<'_>,
        now: Tick,
        source: &Source,
        sync: Sync,
    ) {
        let members = parts.roster.group_size();
        let Some(index) = source.index.filter(|_| !source.to_one) else {
            // What is not here yet may still wait in the group's queue.
            return;
        };
        let Some(peer) = parts.roster.entry_mut(index) else {
            return;
        };
        let lacks_numbers = peer.catch_up(sync.next);
        if lacks_numbers {
            parts.latest.doubt(index);
        }
        let stated = usize::from(sync.states);
        if stated == 0 || parts.latest.states_of(index) >= stated || peer.values_at.is_some() {
            return;
        }
        let often = peer.start_asked < STATES_ASKED;
        // Who has no room for all values will always lack some.
        if often || lacks_numbers || !parts.latest.forgets() {
            let spread = backoff::spread(parts.trip.estimate(), members);
            let pause = if often { Span::ZERO } else { SELDOM };
            let due = now + pause + backoff::draw(spread, members, &mut parts.tools.random);
            peer.values_at = Some(due);
            let first = self.ask_again_at.map_or(due, |at| at.min(due));
            self.ask_again_at = Some(first);
        }
    }

    /// Somebody else asks a sender for its values: this member waits for the answer to that.
    pub(super) fn put_off_values(
        peer: &mut Entry,
        now: Tick,
        trip: Span,
        members: usize,
        random: &mut Random,
    ) {
        let again = now + retry(trip, trip, members, random);
        // It is only put off.
        peer.values_at = peer.values_at.map(|due| due.max(again));
    }

    /// Asks for values, whose turn it is: it is time for one.
    #[inline(never)]
    pub(super) fn write_asks(
        &mut self,
        parts: &mut Parts<'_>,
        now: Tick,
        w: &mut Writer<'_>,
    ) -> Result<(), BufferTooSmall> {
        self.ask_again_at = None;
        for index in 0..parts.roster.places() {
            let Some(peer) = parts.roster.entry_mut(index) else {
                continue;
            };
            let Some(due) = peer.values_at else {
                continue;
            };
            if due > now || w.room() < Ask::FRAME_LEN {
                let at = due.max(now);
                self.ask_again_at = Some(self.ask_again_at.map_or(at, |first| first.min(at)));
                continue;
            }
            peer.values_at = None;
            if peer.is_member() {
                peer.start_asked = peer.start_asked.saturating_add(1);
                Frame::Ask(Ask {
                    target: peer.peer.id.get(),
                    session: peer.peer.session.life(),
                })
                .emit(w)?;
            }
        }
        Ok(())
    }
}
