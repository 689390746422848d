//! What a member asks: for what is missing.

use super::stream::{Stream, Window};
use super::{Parts, Receiving, Slot};
use crate::counters::count;
use crate::time::{Span, Tick};
use crate::wire::{Ask, BufferTooSmall, Frame, Nack, Writer};

/// So often a missing fragment is asked for at the same interval; then the interval doubles. Growing
/// it sooner turns ordinary loss into long waits.
const STEADY_ATTEMPTS: u8 = 12;

/// The time between two tries for a missing fragment does not double beyond this.
const LONGEST_RETRY: Span = Span::from_secs(1);

impl Receiving {
    /// What is missing of others' streams.
    pub(crate) fn write_nacks(
        parts: &mut Parts<'_>,
        now: Tick,
        w: &mut Writer<'_>,
    ) -> Result<(), BufferTooSmall> {
        if parts.streams.next_check.is_none_or(|check| now < check) {
            return Ok(());
        }
        let members = parts.roster.group_size();
        for at in 0..parts.streams.len() {
            if !parts.streams.is(at, |_| true) {
                continue;
            }
            let Some((stream, mut slots)) = parts.streams.with_window(at, parts.slots) else {
                continue;
            };
            let Some(peer) = parts.roster.peer(stream.peer) else {
                // Nobody is there any more to be asked.
                parts.streams.remove(at, parts.slots, parts.pool);
                continue;
            };
            if stream.states_at.is_some_and(|due| due <= now) && w.room() >= Ask::FRAME_LEN {
                stream.states_at = None;
                stream.states_asked = stream.states_asked.saturating_add(1);
                Frame::Ask(Ask {
                    target: peer.id().get(),
                    session: stream.session,
                })
                .emit(w)?;
            }
            if stream.ask_at.is_none_or(|due| now < due) || w.room() < Nack::MAX_FRAME_LEN {
                continue;
            }
            // Others may have asked meanwhile.
            reschedule(stream, now, &slots);
            if stream.ask_at.is_none_or(|due| now < due) {
                continue;
            }
            if stream.is_exhausted(now, parts.tools.config.max_wait, &slots) {
                stream.give_up_first(&slots, parts.pool);
                reschedule(stream, now, &slots);
                parts.streams.note(at, parts.tools.config.max_wait);
                continue;
            }
            // What will be due very soon is asked for with it.
            let (first, again) = stream.horizons();
            let (first, again) = (now + first, now + again);
            let mut nack: Option<Nack> = None;
            for (sequence, due, attempts) in stream.missing(&slots) {
                let horizon = if attempts == 0 { first } else { again };
                if due > horizon {
                    continue;
                }
                let nack = nack.get_or_insert_with(|| Nack {
                    attempt: attempts,
                    ..Nack::new(peer.id().get(), stream.session, sequence)
                });
                if !nack.add(sequence) {
                    break;
                }
            }
            if let Some(nack) = nack {
                if let Err(later) = stream.asking.may_ask(now, members) {
                    stream.ask_at = Some(later);
                    parts.streams.note(at, parts.tools.config.max_wait);
                    continue;
                }
                Frame::Nack(nack).emit(w)?;
                count(&mut parts.tools.counters.nacks_sent);
            }
            // What is asked for together stays together.
            let once = stream.retry(members, &mut parts.tools.random);
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
                        due: now + wait,
                        attempts,
                        part,
                    },
                );
            }
            reschedule(stream, now, &slots);
            parts.streams.note(at, parts.tools.config.max_wait);
        }
        parts.streams.recount(parts.tools.config.max_wait);
        Ok(())
    }
}

/// Computes when the stream has to ask next.
fn reschedule(stream: &mut Stream, now: Tick, window: &Window<'_>) {
    stream.ask_at = stream.missing(window).map(|(_, due, _)| due.max(now)).min();
}
