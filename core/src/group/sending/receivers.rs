//! Following the receivers: whether what is new waits for them, and asking how far they are (PROTOCOL §6.4).

use super::flow::{self, Flow};
use super::{History, Kind, Sending};
use crate::group::membership::{Roster, Trip};
use crate::group::serial::is_before;
use crate::rooms::Rooms;
use crate::time::Tick;
use crate::wire::{AckRequest, BufferTooSmall, Frame, Writer};

impl Sending {
    /// How many fragments this member may be ahead of its receivers; `None`: it has a pace of its own, or
    /// there is nobody to wait for.
    fn flow_window(&self, rooms: Rooms, roster: &Roster, history: &History) -> Option<u32> {
        let takers = roster.takers();
        if !rooms.follow_receivers()
            || !self.bucket.is_unlimited()
            || takers == 0
            || takers > flow::MEMBERS
        {
            return None;
        }
        let limits = roster.stream_limits();
        Some(Flow::window(
            limits.burst,
            self.datagram_limit(limits),
            history.capacity(),
            history.record_octets(),
        ))
    }

    /// How many fragments of the reliable stream may be sent now.
    pub(super) fn flow_room(&self, rooms: Rooms, roster: &Roster, history: &History) -> u32 {
        let window = self.flow_window(rooms, roster, history);
        window.map_or(u32::MAX, |window| {
            self.flow.room(self.sent_next(history), window)
        })
    }

    /// Whether what is to be sent next waits for the receivers.
    pub(super) fn is_blocked(&self, rooms: Rooms, roster: &Roster, history: &History) -> bool {
        if !rooms.follow_receivers() {
            return false;
        }
        let next = history.next_unsent();
        next.is_some_and(|(kind, _)| kind == Kind::Kept)
            && self.flow_room(rooms, roster, history) == 0
    }

    /// Waits for the receivers, but not for ever.
    #[inline]
    pub(crate) fn mind_flow(
        &mut self,
        rooms: Rooms,
        now: Tick,
        roster: &mut Roster,
        history: &History,
        trip: &Trip,
    ) {
        if !rooms.follow_receivers() {
            return;
        }
        if history.is_sent() {
            self.flow.rest();
            return;
        }
        let Some(window) = self.flow_window(rooms, roster, history) else {
            return;
        };
        let record = history.record_octets();
        let trip = trip.of_all();
        if self.is_blocked(rooms, roster, history) && self.flow.wait(now, window, trip, record) {
            roster.give_up_before(self.flow.expected(window));
            let sent = self.sent_next(history);
            self.flow.give_up(now, roster.slowest(), sent);
        }
    }

    /// A receiver is at `next` in this member's stream.
    pub(super) fn follow(
        &mut self,
        rooms: Rooms,
        now: Tick,
        roster: &mut Roster,
        history: &History,
        index: usize,
        next: u32,
    ) {
        let sent = self.sent_next(history);
        if self.flow_window(rooms, roster, history).is_none() {
            return;
        }
        let further = match roster.reach(index) {
            Some(before) => is_before(before, next),
            None => self.flow.welcomes(now),
        };
        if further && !is_before(sent, next) {
            roster.set_reach(index, next);
            self.flow.advance(roster.slowest());
        }
    }

    /// The question how far the receivers are.
    pub(super) fn write_question(
        &mut self,
        rooms: Rooms,
        now: Tick,
        roster: &Roster,
        history: &History,
        trip: &Trip,
        w: &mut Writer<'_>,
    ) -> Result<(), BufferTooSmall> {
        let Some(window) = self.flow_window(rooms, roster, history) else {
            return Ok(());
        };
        let (sent, trip) = (self.sent_next(history), trip.of_all());
        if w.room() >= AckRequest::FRAME_LEN && self.flow.asks(now, sent, window, trip) {
            Frame::AckRequest(AckRequest {
                sequence: self.flow.question(self.low(history)),
                spread: 0,
            })
            .emit(w)?;
        }
        Ok(())
    }
}
