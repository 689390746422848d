//! What a member asks: for what is missing.

use crate::time::Span;

use super::engine::Engine;
use super::frames::{reschedule, retry};
use super::receiving::{Slot, Tick, window};
use crate::counters::count;
use crate::storage::Views;
use crate::time::Instant;
use crate::wire::{Ask, BufferTooSmall, Frame, Nack, Writer};

/// So often a missing fragment is asked for at the same interval; then the interval doubles. Growing
/// it sooner turns ordinary loss into long waits.
const STEADY_ATTEMPTS: u8 = 12;

/// The time between two tries for a missing fragment does not double beyond this.
const LONGEST_RETRY: Span = Span::from_secs(1);

impl Engine {
    /// What is missing of others' streams.
    pub(crate) fn write_nacks(
        &mut self,
        views: &mut Views<'_>,
        now: Instant,
        w: &mut Writer<'_>,
    ) -> Result<(), BufferTooSmall> {
        if views.streams.next_check.is_none_or(|check| now < check) {
            return Ok(());
        }
        let count_of = views.streams.len();
        let members = views.roster.group_size();
        for at in 0..count_of {
            let Some(stream) = views.streams.get_mut(at) else {
                continue;
            };
            let Some(member) = views.roster.member(stream.peer) else {
                // Nobody is there any more to be asked.
                views.streams.remove(at, views.slots, views.pool);
                continue;
            };
            if stream.states_at.is_some_and(|due| due <= now) && w.room() >= Ask::FRAME_LEN {
                stream.states_at = None;
                stream.states_asked = stream.states_asked.saturating_add(1);
                Frame::Ask(Ask {
                    target: member.id().get(),
                    session: stream.session,
                })
                .emit(w)?;
            }
            if stream.ask_at.is_none_or(|due| now < due) || w.room() < Nack::MAX_FRAME_LEN {
                continue;
            }
            let mut slots = window(views.slots, count_of, at);
            // Others may have asked meanwhile.
            reschedule(stream, now, &slots);
            if stream.ask_at.is_none_or(|due| now < due) {
                continue;
            }
            if stream.is_exhausted(now, self.tools.config.max_wait, &slots) {
                stream.give_up_first(&slots, views.pool);
                reschedule(stream, now, &slots);
                views.streams.note(at, self.tools.config.max_wait);
                continue;
            }
            // What will be due very soon is asked for with it.
            let horizon = now + stream.round_trip().checked_div(4).unwrap_or_default();
            let mut nack: Option<Nack> = None;
            for (sequence, due, attempts) in stream.missing(&slots) {
                if !due.is_by(horizon) {
                    continue;
                }
                let nack = nack.get_or_insert_with(|| Nack {
                    attempt: attempts,
                    ..Nack::new(member.id().get(), stream.session, sequence)
                });
                if !nack.add(sequence) {
                    break;
                }
            }
            if let Some(nack) = nack {
                if let Err(later) = stream.asking.may_ask(now, members) {
                    stream.ask_at = Some(later);
                    views.streams.note(at, self.tools.config.max_wait);
                    continue;
                }
                Frame::Nack(nack).emit(w)?;
                count(&mut self.tools.counters.nacks_sent);
            }
            // What is asked for together stays together.
            let once = retry(stream.round_trip(), members, &mut self.tools.random);
            let longest = LONGEST_RETRY.max(once);
            for sequence in nack.iter().flat_map(Nack::iter) {
                let Slot::Missing { attempts, part, .. } = slots.get(sequence) else {
                    continue;
                };
                let doublings = u32::from(attempts.saturating_sub(STEADY_ATTEMPTS)).min(10);
                let wait = once.saturating_mul(1 << doublings).min(longest);
                let attempts = attempts.saturating_add(1);
                slots.set(
                    sequence,
                    Slot::Missing {
                        due: Tick::of(now + wait),
                        attempts,
                        part,
                    },
                );
            }
            reschedule(stream, now, &slots);
            views.streams.note(at, self.tools.config.max_wait);
        }
        views.streams.recount(self.tools.config.max_wait);
        Ok(())
    }
}
