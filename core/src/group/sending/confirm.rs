//! Who has what: asking, and the answers (PROTOCOL §6.5).

use super::{History, Sending};
use crate::group::membership::{Roster, Trip};
use crate::group::serial::is_before;
use crate::rooms::Rooms;
use crate::time::{Ageing, Span, Tick};
use crate::wire::{Ack, AckRequest, BufferTooSmall, Data, Frame, Writer};

/// How long after a message it is asked who has it.
const CONFIRM_AFTER: Span = Span::from_millis(2);

/// How often it is asked who has a message.
const CONFIRM_ASKED: u8 = 40;

/// Messages of which it is to be known who has them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Confirm {
    /// The sequence numbers of the first and the last fragment.
    first: u32,
    last: u32,
    pub(super) ask_at: Tick,
    asked: u8,
}

impl Confirm {
    /// Time makes it older.
    pub(super) const fn age(&mut self, ageing: Ageing) {
        let Self {
            first: _,
            last: _,
            ask_at,
            asked: _,
        } = self;
        ageing.tick(ask_at);
    }
}

impl Sending {
    /// Asks who has every message from the one of number `first` to that of number `last`.
    pub(crate) fn confirm(
        &mut self,
        rooms: Rooms,
        now: Tick,
        roster: &mut Roster,
        history: &History,
        first: u32,
        last: u32,
    ) {
        // All fragments of the last message.
        let mut last = last;
        if rooms.repair() {
            let nth = last.wrapping_sub(self.low(history));
            let frame = history.kept_frame(nth);
            last = last.wrapping_add(frame.map_or(0, Data::fragments_after));
        }
        let is_same = |confirm: Confirm| (confirm.first, confirm.last) == (first, last);
        if !self.confirm.is_some_and(is_same) {
            roster.forget_answers();
        }
        self.confirm = Some(Confirm {
            first,
            last,
            ask_at: now + CONFIRM_AFTER,
            asked: 0,
        });
    }

    /// Whether it is time to ask.
    pub(super) fn confirm_due(&self, now: Tick) -> bool {
        self.confirm.is_some_and(|confirm| confirm.ask_at <= now)
    }

    /// The receiver at `index` says how far it is.
    pub(crate) fn on_ack(
        &mut self,
        rooms: Rooms,
        now: Tick,
        roster: &mut Roster,
        history: &History,
        index: usize,
        ack: Ack,
    ) {
        if let Some(confirm) = self.confirm
            && is_before(confirm.last, ack.next)
        {
            let has_all = !is_before(confirm.first, ack.since);
            roster.change(index, |peer| peer.answer(has_all));
        }
        self.follow(rooms, now, roster, history, index, ack.next);
    }

    /// The question who has a message.
    pub(super) fn write_confirm(
        &mut self,
        now: Tick,
        roster: &Roster,
        trip: &Trip,
        w: &mut Writer<'_>,
    ) -> Result<(), BufferTooSmall> {
        let Some(confirm) = self.confirm.filter(|confirm| confirm.ask_at <= now) else {
            return Ok(());
        };
        if roster.all_answered() && roster.takers() > 0 || confirm.asked >= CONFIRM_ASKED {
            self.confirm = None;
            return Ok(());
        }
        if w.room() < AckRequest::FRAME_LEN {
            return Ok(());
        }
        // A hundred answers a second.
        let takers = u32::try_from(roster.takers()).unwrap_or(u32::MAX);
        let spread = takers.saturating_mul(10).min(60_000);
        let request = AckRequest {
            sequence: confirm.last,
            spread: u16::try_from(spread).unwrap_or(u16::MAX),
        };
        Frame::AckRequest(request).emit(w)?;
        let pause = trip.of_all().saturating_mul(4).max(Span::from_millis(20));
        let ask_at = now + pause + Span::from_millis(spread);
        let asked = confirm.asked.saturating_add(1);
        self.confirm = Some(Confirm {
            ask_at,
            asked,
            ..confirm
        });
        Ok(())
    }
}
