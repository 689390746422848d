//! What goes out of the history: what is new, what somebody lacks, and where the stream stands (PROTOCOL §6.1,
//! §6.2).

use super::{History, Kind, Sending, Stock};
use crate::counters::{Counters, count};
use crate::group::backoff;
use crate::group::fragments::Pool;
use crate::group::membership::{Roster, Trip};
use crate::group::random::Random;
use crate::group::serial::is_before;
use crate::group::values::States;
use crate::rooms::Rooms;
use crate::time::{Span, Tick};
use crate::wire::{BufferTooSmall, Bye, Data, Frame, Mark, Nack, Skip, Start, Sync, Writer};

/// A copy of the last message goes with a heartbeat only if its frame is no longer than this.
const LONGEST_COPY: usize = 256 + Data::OVERHEAD;

/// So many members a datagram tells from where on they are counted in, at most.
const STARTS: usize = 16;

/// Copies a frame and marks it with what is known only when it is sent.
fn stamped(frame: &[u8], into: &mut [u8], horizon: u32, mark: Mark) {
    if into.len() == frame.len() {
        into.copy_from_slice(frame);
        Data::stamp(into, u8::try_from(horizon).unwrap_or(u8::MAX), mark);
    }
}

/// What was sent and can be sent again, and what is counted of it.
#[derive(Debug)]
pub(crate) struct Kept<'a> {
    pub(crate) history: &'a mut History,
    pub(crate) states: &'a mut States,
    pub(crate) counters: &'a mut Counters,
}

impl Sending {
    /// Somebody misses something of this member's stream, to whom it is so far `away`, or zero if that is not known.
    /// `stamp`: the present on a clock that never jumps.
    pub(crate) fn on_nack(
        &mut self,
        rooms: Rooms,
        now: Tick,
        stamp: u32,
        kept: Kept<'_>,
        (trip, away): (&Trip, Span),
        nack: &Nack,
    ) {
        let Kept {
            history,
            states,
            counters,
        } = kept;
        count(&mut counters.nacks_received);
        // Half the way to it and back: whoever asked before a repair can have come there need not have another.
        let stated = match self.stated {
            0 => trip.estimate(),
            // A step of what is stated is 9 %, and nobody's is shorter than this.
            stated => backoff::decode_round_trip(stated).max(Span::from_millis(1)),
        };
        let trip = stated.max(away.checked_div(2).unwrap_or_default());
        let low = self.low(history);
        if nack.iter().any(|sequence| is_before(sequence, low)) {
            self.sender.tell(now, trip);
        }
        if !rooms.repair() {
            return self.repair_values(history, states, nack);
        }
        // What was repaired just now is on its way.
        let since = stamp.wrapping_sub(trip.as_micros());
        let mut places = nack
            .iter()
            .filter(|sequence| !is_before(*sequence, low))
            .map(|sequence| sequence.wrapping_sub(low));
        if let Some(first) = places.next() {
            let last = places.last().unwrap_or(first);
            history.want(since, first, last, |nth| {
                nack.contains(low.wrapping_add(nth))
            });
        }
        self.bucket
            .count_asked(u32::try_from(nack.iter().count()).unwrap_or(u32::MAX));
    }

    /// The stream is of State values alone: each number is that of a value, or of one that a newer one has replaced.
    fn repair_values(&mut self, history: &History, states: &mut States, nack: &Nack) {
        let (low, sent) = (self.low(history), self.sent_next(history));
        for sequence in nack.iter() {
            let was_sent = !is_before(sequence, low) && is_before(sequence, sent);
            if was_sent && !states.want(sequence) && self.skips.push(sequence).is_err() {
                // It will be asked for again.
                break;
            }
        }
    }

    /// How long the frame is that goes out first of those that wait for the token bucket, and whether it is for
    /// everybody. A raw datagram has none.
    pub(crate) fn first_frame(
        rooms: Rooms,
        history: &History,
        states: &States,
        pool: &Pool,
        repairs: bool,
    ) -> Option<(usize, bool)> {
        if let Some(len) = states.first_len(pool).filter(|_| repairs) {
            return Some((len, true));
        }
        let mut repair = None;
        if rooms.repair() && repairs {
            repair = history.next_wanted().map(|(_, frame)| frame);
        }
        let new = || match history.next_unsent()? {
            (Kind::Raw, _) => Some(&[][..]),
            (Kind::Once | Kind::Kept, frame) => Some(frame),
        };
        let frame = repair.or_else(new)?;
        Some((frame.len(), Data::is_for_all(frame)))
    }

    /// Where this member's stream stands, to be told.
    pub(crate) fn sync(
        &mut self,
        roster: &Roster,
        history: &History,
        states: &States,
        trip: &Trip,
    ) -> Sync {
        self.stated = backoff::encode_round_trip(trip.estimate());
        Sync {
            next: self.sent_next(history),
            low: self.low(history),
            round_trip: self.stated,
            group_size: backoff::encode_group_size(roster.group_size()),
            states: u8::try_from(states.count()).unwrap_or(u8::MAX),
        }
    }

    /// Tells where the stream stands.
    pub(crate) fn write_sync(
        &mut self,
        now: Tick,
        sync: Sync,
        counters: &mut Counters,
        w: &mut Writer<'_>,
    ) -> Result<(), BufferTooSmall> {
        Frame::Sync(sync).emit(w)?;
        count(&mut counters.syncs_sent);
        self.sender.beat_sent(now);
        Ok(())
    }

    /// Members are told from where on they are counted in, if that is not the present number: with HELLO those
    /// who have not been here for long, with BYE all, for whoever hears of this member only then cannot ask any
    /// more.
    pub(crate) fn write_starts(
        &self,
        roster: &Roster,
        history: &History,
        random: &mut Random,
        only_new: bool,
        w: &mut Writer<'_>,
    ) -> Result<(), BufferTooSmall> {
        let takers = u32::try_from(roster.takers()).unwrap_or(u32::MAX);
        let from = random.below(takers);
        let from = usize::try_from(from).unwrap_or_default();
        let sent = self.sent_next(history);
        let takers = roster.counted_in(from, sent);
        let takers = takers.filter(|peer| !only_new || !peer.is_proven());
        for peer in takers.take(STARTS) {
            if w.room() < Start::FRAME_LEN.saturating_add(Bye::FRAME_LEN) {
                break;
            }
            Frame::Start(peer.start()).emit(w)?;
        }
        Ok(())
    }

    /// What was skipped is not to be waited for.
    fn write_skips(&mut self, w: &mut Writer<'_>) -> Result<(), BufferTooSmall> {
        while let Some(first) = self
            .skips
            .first()
            .copied()
            .filter(|_| w.room() >= Skip::FRAME_LEN)
        {
            Frame::Skip(Skip { first, count: 1 }).emit(w)?;
            self.skips.swap_remove(0);
        }
        Ok(())
    }

    /// What is for those who take this member's stream, but for what is in it.
    pub(crate) fn write_questions(
        &mut self,
        rooms: Rooms,
        now: Tick,
        roster: &Roster,
        history: &History,
        trip: &Trip,
        w: &mut Writer<'_>,
    ) -> Result<(), BufferTooSmall> {
        self.write_skips(w)?;
        if rooms.repair() {
            self.write_confirm(now, roster, trip, w)?;
        }
        self.write_question(rooms, now, roster, history, trip, w)
    }

    /// The last message once more, if it is short.
    pub(crate) fn write_copy(rooms: Rooms, history: &History, w: &mut Writer<'_>) {
        if !rooms.repair() {
            return;
        }
        let kept = history.kept();
        // Only what has been sent, and is whole, tells a receiver that it has everything.
        let Some(last) = kept.checked_sub(1).filter(|_| history.is_sent()) else {
            return;
        };
        let Some(frame) = history.kept_frame(last) else {
            return;
        };
        let whole = Data::is_whole(frame);
        // BYE may come behind it.
        let room = w.room().saturating_sub(Bye::FRAME_LEN);
        if whole && frame.len() <= LONGEST_COPY.min(room) {
            w.with(frame.len(), |octets| {
                stamped(frame, octets, last, Mark::Copy);
            });
        }
    }

    /// What was asked for again. While new data waits, repairs take half of the datagram at most.
    pub(crate) fn write_repairs(
        &mut self,
        rooms: Rooms,
        stamp: u32,
        stock: Stock<'_>,
        counters: &mut Counters,
        for_takers: bool,
        w: &mut Writer<'_>,
    ) {
        let Stock {
            history,
            states,
            pool,
            values: _,
        } = stock;
        let reserve = if history.is_sent() { 0 } else { w.room() / 2 };
        if !states.write(pool, reserve, counters, w) || !rooms.repair() {
            return;
        }
        let low = self.low(history);
        while let Some((nth, frame)) = history.next_wanted() {
            let sequence = low.wrapping_add(nth);
            if Data::is_state(frame) && !states.is_current(Data::channel_of(frame), sequence) {
                // A newer value has taken its place.
                if self.skips.push(sequence).is_err() {
                    break;
                }
                history.mark_repaired(stamp);
                continue;
            }
            let is_apart = for_takers && Data::is_for_all(frame);
            if is_apart || frame.len() > w.room() || (w.room() <= reserve) {
                break;
            }
            w.with(frame.len(), |octets| {
                stamped(frame, octets, nth, Mark::Repair);
            });
            history.mark_repaired(stamp);
            count(&mut counters.repairs_sent);
        }
    }

    /// What has not been sent yet.
    pub(crate) fn write_new(
        &mut self,
        rooms: Rooms,
        (now, trip): (Tick, &Trip),
        roster: &Roster,
        history: &mut History,
        for_takers: bool,
        w: &mut Writer<'_>,
    ) {
        let mut sent = 0u32;
        let room = self.flow_room(rooms, roster, history);
        while let Some((kind, frame)) = history.next_unsent() {
            let is_apart = for_takers && Data::is_for_all(frame);
            let is_kept = kind == Kind::Kept;
            let waits = kind == Kind::Raw || is_apart || (is_kept && sent >= room);
            if waits || frame.len() > w.room() {
                break;
            }
            if is_kept {
                // How many frames of the stream come before this one: those kept, and not unsent.
                let before = history.kept().wrapping_sub(history.unsent_kept());
                w.with(frame.len(), |octets| {
                    stamped(frame, octets, before, Mark::First);
                });
                sent = sent.saturating_add(1);
            } else {
                w.octets(frame);
            }
            history.mark_sent();
        }
        if sent > 0 {
            self.bucket.count_sent(sent);
            self.sender.sent(now, trip.estimate());
        }
    }
}
