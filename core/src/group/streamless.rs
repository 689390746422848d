//! A member that takes nobody's reliable stream: what it makes of others' (PROTOCOL E4, E5).
//!
//! It takes values by their number alone, and cannot see that one is missing among messages that it drops. But
//! as long as it has heard every number of a stream, it has heard every value; else it asks for all of them.

use crate::time::Span;

use super::backoff;
use super::clock::millis;
use super::engine::Engine;
use super::frames::{Parts, SELDOM, STATES_ASKED, Taken, retry};
use super::inbox::Source;
use super::membership::{Peer, Position};
use super::serial::{distance, is_before};
use crate::channel::Class;
use crate::counters::count;
use crate::storage::Views;
use crate::time::Instant;
use crate::wire::{Ask, BufferTooSmall, Data, Frame, Sync, Writer};

impl Engine {
    /// A message of a sender's stream, or a fragment of one.
    #[inline(never)]
    pub(super) fn on_data_without_streams(
        &mut self,
        parts: &mut Parts<'_>,
        source: Source,
        class: Class,
        data: &Data<'_>,
    ) -> Taken {
        let is_state = class == Class::State;
        let answers = is_state && data.answers_ask();
        let Some((index, peer)) = source
            .index
            .and_then(|index| Some((index, parts.roster.peer_mut(index)?)))
        else {
            return self.dropped_unless(is_state);
        };
        if !answers {
            peer.pass(data.sequence);
        } else if !parts.latest.forgets() {
            // Its sender hears this member.
            peer.start_asked = 0;
        }
        if !is_state {
            return self.dropped_unless(false);
        }
        // What was sent before something else was lost may not be the newest.
        let is_doubtful = !answers && is_before(data.sequence, peer.told);
        let taken = self.newest(parts, index, data, true);
        if matches!(taken, Taken::Deliver) {
            parts.latest.mark(index, data.channel, is_doubtful);
        }
        taken
    }

    fn dropped_unless(&mut self, is_state: bool) -> Taken {
        if is_state {
            return Taken::Deliver;
        }
        count(&mut self.tools.counters.reliable_dropped);
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
        views: &mut Views<'_>,
        now: Instant,
        source: Source,
        sync: Sync,
    ) {
        let members = views.roster.group_size();
        let Some(index) = source.index.filter(|_| !source.to_one) else {
            // What is not here yet may still wait in the group's queue.
            return;
        };
        let Some(peer) = views.roster.peer_mut(index) else {
            return;
        };
        let lacks_numbers = peer.catch_up(sync.next);
        if lacks_numbers {
            views.latest.doubt(index);
        }
        let stated = usize::from(sync.states);
        if stated == 0 || views.latest.states_of(index) >= stated || peer.values_due().is_some() {
            return;
        }
        let often = peer.start_asked < STATES_ASKED;
        // Who has no room for all values will always lack some.
        if often || lacks_numbers || !views.latest.forgets() {
            let spread = backoff::spread(self.trip.estimate(), members);
            let pause = if often { Span::ZERO } else { SELDOM };
            let due = now + pause + backoff::draw(spread, members, &mut self.tools.random);
            peer.ask_for_values_at(due);
            let first = self.ask_again_at.map_or(due, |at| at.min(due));
            self.ask_again_at = Some(first);
        }
    }

    /// Somebody else asks a sender for its values: this member waits for the answer to that.
    pub(super) fn put_off_values(&mut self, peer: &mut Peer, now: Instant, members: usize) {
        let again = now + retry(self.trip.estimate(), members, &mut self.tools.random);
        // It is only put off.
        let is_sooner = |due| is_before(due, millis(again));
        if peer.values_due().is_some_and(is_sooner) {
            peer.ask_for_values_at(again);
        }
    }

    /// Asks for values, whose turn it is: it is time for one.
    #[inline(never)]
    pub(super) fn write_asks(
        &mut self,
        views: &mut Views<'_>,
        now: Instant,
        w: &mut Writer<'_>,
    ) -> Result<(), BufferTooSmall> {
        if views.takes_streams() {
            return Ok(());
        }
        self.ask_again_at = None;
        for index in 0..views.roster.places() {
            let Some(peer) = views.roster.peer_mut(index) else {
                continue;
            };
            let Some(due) = peer.values_due() else {
                continue;
            };
            let wait = Span::from_millis(u64::from(distance(millis(now), due)));
            if wait > Span::ZERO || w.room() < Ask::FRAME_LEN {
                let at = now + wait;
                self.ask_again_at = Some(self.ask_again_at.map_or(at, |first| first.min(at)));
                continue;
            }
            peer.begun = 0;
            if peer.is_member() {
                peer.start_asked = peer.start_asked.saturating_add(1);
                Frame::Ask(Ask {
                    target: peer.member.id.get(),
                    session: peer.member.session.life(),
                })
                .emit(w)?;
            }
        }
        Ok(())
    }
}

/// In a member without streams nobody is asked since when this one counts: `begun` says when to ask for values,
/// and `start_asked` how often that was done. All before `position` was heard or is asked for, and what was sent
/// before `told` may not be the newest.
impl Peer {
    /// A number of its stream was heard.
    const fn pass(&mut self, sequence: u32) {
        let next = Position::starting_at(sequence.wrapping_add(1));
        match &mut self.position {
            Some(position) if position.next != sequence => {}
            Some(position) => *position = next,
            // What was told of an earlier life says nothing of this one.
            None => self.set_position(next, sequence, 0),
        }
    }

    /// All before `next` was sent. Whether some of it was not heard.
    fn catch_up(&mut self, next: u32) -> bool {
        let lacks = self.position.is_none_or(|at| is_before(at.next, next));
        if lacks {
            self.set_position(Position::starting_at(next), next, 0);
        }
        lacks
    }

    /// When it is to be asked for its values, in milliseconds, modulo 2^32.
    fn values_due(&self) -> Option<u32> {
        Some(self.begun).filter(|due| *due != 0)
    }

    const fn ask_for_values_at(&mut self, due: Instant) {
        // Odd, so that it is never 0.
        self.begun = millis(due) | 1;
    }
}
