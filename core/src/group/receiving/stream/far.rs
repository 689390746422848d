//! How long a receiver waits for what it asked for, near the sender and far from it (PROTOCOL R14, R15, R17).

use super::{Slot, Stream, Window, distance};
use crate::group::backoff;
use crate::group::random::Random;
use crate::time::{Span, Tick};

/// A round trip in units of 16 µs.
fn units(trip: Span) -> u16 {
    u16::try_from(trip.as_micros().div_ceil(16)).unwrap_or(u16::MAX)
}

/// Before what was asked for is asked for again there is the wait for an answer, and a time that depends on the round
/// trip: in a large group it is drawn anew, since those who miss a repair would ask together otherwise.
pub(crate) fn retry(answer: Span, round_trip: Span, members: usize, random: &mut Random) -> Span {
    let drawn = if members > backoff::SMALL_GROUP as usize {
        backoff::draw(backoff::spread(round_trip, members), members, random)
    } else {
        random.up_to(round_trip.checked_div(2).unwrap_or_default())
    };
    answer.saturating_add(drawn)
}

impl Stream {
    /// The round trip that the sender states.
    pub(crate) fn round_trip(&self) -> Span {
        Span::from_micros(u32::from(self.trip) << 4)
    }

    /// How long it takes until an answer is here.
    pub(crate) fn answer(&self) -> Span {
        Span::from_micros(u32::from(self.trip.max(self.far)) << 4)
    }

    /// The sender states a round trip, and that to it is `own`, or zero if it is not known. Who is more than twice as
    /// far as stated waits by its own, and an eighth more, so that few ask again before the answer is here.
    pub(crate) fn set_round_trip(&mut self, stated: Span, own: Span) {
        self.trip = units(stated);
        self.far = 0;
        if own > stated.saturating_mul(2) {
            let own = units(own);
            self.far = own.saturating_add(own >> 3);
        }
    }

    /// What is due within so long is asked for with what is due now: for the first time, and again. What was asked for
    /// less than three quarters of a round trip ago, [in a hurry](Self::hurry), is not.
    pub(crate) fn horizons(&self) -> (Span, Span) {
        let quarter = Span::from_micros(self.answer().as_micros() >> 2);
        let most = self.round_trip().as_micros().saturating_mul(3) >> 2;
        let again = quarter.max(self.round_trip());
        (quarter, again.saturating_sub(Span::from_micros(most)))
    }

    /// How long to wait before asking again.
    pub(crate) fn retry(&self, members: usize, random: &mut Random) -> Span {
        retry(self.answer(), self.round_trip(), members, random)
    }

    /// Far from the sender, what follows a loss fills the window before the answer is here, or soon after. If most of it
    /// is filled, what is missing is asked for again sooner: beyond the window everything would have to be sent again.
    pub(crate) fn hurry(&mut self, now: Tick, slots: &mut Window<'_>) {
        let most = slots.len().wrapping_sub(slots.len() >> 2);
        if self.far == 0 || distance(self.next, self.high) <= most {
            return;
        }
        let quarter = Span::from_micros(u32::from(self.far) << 2);
        let soon = now + quarter.max(self.round_trip());
        let first = self.missing(slots).next();
        if first.is_none_or(|(_, due, _)| due <= soon) {
            return;
        }
        for at in (0..slots.len()).map(|at| self.next.wrapping_add(at)) {
            if let Slot::Missing {
                due,
                attempts,
                part,
            } = slots.get(at)
            {
                let due = due.min(soon);
                // Perhaps it was asked for, by somebody else, say: not again with what is new.
                let attempts = attempts.max(1);
                slots.set(
                    at,
                    Slot::Missing {
                        due,
                        attempts,
                        part,
                    },
                );
            }
        }
        self.ask_by(soon);
    }
}
