//! A datagram's way out: what is due, packed together.
//!
//! In this order: HELLO, then what others wait for (NACK, SKIP, SYNC), then repairs, then what is new.
//! Data and repairs wait for the token bucket; the rest is small and has limits of its own.

use crate::time::Span;

use super::backoff;
use super::engine::Engine;
use super::frames::millis;
use super::membership::{Owed, Presence};
use super::sending::{History, Kind, stamped};
use super::{Destination, Transmit};
use crate::counters::count;
use crate::storage::Views;
use crate::time::Instant;
use crate::wire::{
    Ack, BufferTooSmall, Bye, Data, Echo, Frame, Header, Hello, MIN_MAX_DATAGRAM, Mark, Skip, Sync,
    Time, Writer, emit_with, ending,
};

/// A copy of the last message goes with a heartbeat only if its frame is no longer than this.
const LONGEST_COPY: usize = 256 + Data::OVERHEAD;

/// Echoes of others' clocks in one HELLO.
pub(crate) const ECHOES: usize = 8;

impl Engine {
    /// Writes the next datagram to send, if there is one.
    #[inline(never)]
    pub(crate) fn transmit(
        &mut self,
        views: &mut Views<'_>,
        now: Instant,
        buffer: &mut [u8],
    ) -> Result<Option<Transmit>, BufferTooSmall> {
        let now = self.tick(views, now);
        if self.next_deadline(views).is_none_or(|due| now < due) {
            return Ok(None);
        }
        self.renew_session(views, now);
        let transmit = if self.silenced {
            views.history.cancel_unsent();
            self.give_way(views, buffer)?
        } else {
            match self.transmit_to_member(views, now, buffer)? {
                Some(transmit) => Some(transmit),
                None => self.transmit_to_group(views, now, buffer)?,
            }
        };
        if let Some(Transmit { len, .. }) = transmit {
            count(&mut self.tools.counters.datagrams_sent);
            // A datagram's length fits 64 bits.
            self.tools.counters.octets_sent =
                self.tools.counters.octets_sent.wrapping_add(len as u64);
        }
        Ok(transmit)
    }

    /// The last word of a member whose id is another's: so the other one hears of it.
    fn give_way(
        &mut self,
        views: &mut Views<'_>,
        buffer: &mut [u8],
    ) -> Result<Option<Transmit>, BufferTooSmall> {
        if !core::mem::take(&mut self.gives_way) {
            return Ok(None);
        }
        let len = self.emit(buffer, false, |engine, w| {
            if engine.guard.is_sealed() {
                // It is believed only with the other one's challenge.
                engine.write_hello_frame(views, w)?;
            }
            Frame::Bye(Bye::GIVE_WAY).emit(w)
        })?;
        Ok(len.map(|len| Transmit {
            to: Destination::Group,
            len,
        }))
    }

    /// A HELLO or an ACK owed to one member.
    fn transmit_to_member(
        &mut self,
        views: &mut Views<'_>,
        now: Instant,
        buffer: &mut [u8],
    ) -> Result<Option<Transmit>, BufferTooSmall> {
        while let Some((index, address, owed)) = views.roster.take_owed() {
            let frame = match owed {
                Owed::Hello | Owed::Probe => {
                    let probe = owed == Owed::Probe;
                    let announces = self.presence.announces();
                    let sent = self.sent_next(views);
                    let relies = Self::start_of(views, index).is_some_and(|it| it.next != sent);
                    // Whoever hides says nothing but from where on its stream is for one that it counts on.
                    let hides = !announces && (probe || !relies);
                    if hides || self.presence.is_leaving() {
                        continue;
                    }
                    announces.then(|| {
                        Frame::Hello(Hello {
                            probe,
                            join: false,
                            ..self.hello(views)
                        })
                    })
                }
                Owed::Ack if self.presence.introduces(now) => {
                    // First the group hears a HELLO.
                    views.roster.owe_ack(index);
                    return Ok(None);
                }
                Owed::Ack => {
                    let stream = views
                        .streams
                        .find(index)
                        .and_then(|at| views.streams.get(at));
                    let member = views.roster.member(index);
                    let (Some(stream), Some(member)) = (stream, member) else {
                        continue;
                    };
                    Some(Frame::Ack(Ack {
                        target: member.id().get(),
                        session: stream.session,
                        since: stream.since,
                        next: stream.next,
                    }))
                }
            };
            if !views.roster.has_earned(index, owed) && !self.ration.take(now) {
                if owed == Owed::Hello {
                    // It hears what the group hears, and soon.
                    let group_size = self.group_size(views.roster);
                    self.presence
                        .answer(now, group_size, &mut self.tools.random);
                }
                continue;
            }
            if let Some(Frame::Ack(ack)) = frame {
                views.roster.ack_sent(index, now, ack.next);
            }
            // With HELLO goes from where on the stream is for its receiver.
            let sync = (owed != Owed::Ack).then(|| Frame::Sync(self.sync(views)));
            let start = Self::start_of(views, index).map(Frame::Start);
            let start = start.filter(|_| owed != Owed::Ack);
            let len = self.emit(buffer, true, |_, w| {
                let mut frames = [frame, sync, start].into_iter().flatten();
                frames.try_for_each(|frame| frame.emit(w))
            })?;
            return Ok(len.map(|len| Transmit {
                to: Destination::Member(address),
                len,
            }));
        }
        Ok(None)
    }

    /// What is due to the group.
    fn transmit_to_group(
        &mut self,
        views: &mut Views<'_>,
        now: Instant,
        buffer: &mut [u8],
    ) -> Result<Option<Transmit>, BufferTooSmall> {
        let for_all = views.roster.limits();
        let for_takers = views.roster.stream_limits();
        let narrow = self.datagram_limit(for_all);
        let wide = self.datagram_limit(for_takers);
        let mut first = Self::first_frame(views, true);
        // The burst is for those who get what comes first.
        let (burst, limit) = match first {
            Some((_, true)) => (for_all.burst, narrow),
            _ => (for_takers.burst, wide),
        };
        self.bucket
            .fill(now, burst, limit, views.history.capacity());
        self.bucket.judge(now);
        let open = self.bucket.is_open(now);
        let early = self.presence.introduces(now)
            && ((open && !views.history.is_sent()) || self.owes_group(views, now));
        let hello_due = self.presence.hello_due(now, early);
        // Whoever is there hears of this member, however small its buffer.
        let narrow = if hello_due && views.roster.members() == 0 {
            narrow.min(usize::from(MIN_MAX_DATAGRAM))
        } else {
            narrow
        };
        let open = open && self.holds_until(views, now).is_none();
        self.mind_flow(views, now);
        let waiting = views.history.next_unsent().filter(|_| open);
        if let Some((Kind::Bare, datagram)) = waiting.filter(|_| !hello_due) {
            let len = datagram.len();
            buffer
                .get_mut(..len)
                .ok_or(BufferTooSmall)?
                .copy_from_slice(datagram);
            views.history.mark_sent();
            self.bucket.take(len);
            return Ok(Some(Transmit {
                to: Destination::Group,
                len,
            }));
        }
        // A frame that was queued or kept before the limit sank still goes out, alone.
        let repairs = self.bucket.repairs();
        if !repairs {
            first = Self::first_frame(views, false);
        }
        let (first_len, is_for_all) = first.unwrap_or((0, true));
        let first_len = self.datagram_len(first_len);
        let limit = if is_for_all { narrow } else { wide };
        let limit = if hello_due || !open {
            narrow
        } else {
            limit.min(buffer.len()).max(first_len)
        };
        let buffer = buffer
            .get_mut(..limit.max(narrow.min(buffer.len())))
            .ok_or(BufferTooSmall)?;
        let trailer = self.guard.suite().trailer_len();
        let mut has_data = false;
        let len = self.emit(buffer, false, |engine, w| {
            // First what is for everybody. If there is nothing, what comes may be as large as those receive that it
            // is for.
            w.set_end(narrow.saturating_sub(trailer));
            let begin = w.len();
            if hello_due {
                engine.write_hello(views, now, w)?;
            }
            if views.history.is_sent() && engine.presence.bye_due(now) {
                // Its SYNC comes with the BYE.
                engine.sender.end();
            }
            engine.write_control(views, now, w)?;
            let is_larger = limit > narrow && w.len() == begin;
            let for_takers = is_larger && !is_for_all;
            if is_larger {
                w.set_end(usize::MAX);
            }
            engine.write_questions(views, now, w)?;
            if open {
                let before = w.len();
                if repairs {
                    engine.write_repairs(views, now, for_takers, w)?;
                }
                let between = w.len();
                engine.write_new(views, now, for_takers, w)?;
                has_data = w.len() > before;
                let (repaired, sent) = (
                    between.saturating_sub(before),
                    w.len().saturating_sub(between),
                );
                engine.bucket.count_repairs(repaired, sent);
            }
            if is_larger {
                return Ok(());
            }
            engine.write_bye(views, now, has_data, w)
        })?;
        if has_data {
            self.bucket.take(len.unwrap_or_default());
        }
        Ok(len.map(|len| Transmit {
            to: Destination::Group,
            len,
        }))
    }

    /// Whether something is due that is no new message: a session says HELLO before it.
    fn owes_group(&self, views: &Views<'_>, now: Instant) -> bool {
        let is_due = |due: Option<Instant>| due.is_some_and(|due| due <= now);
        is_due(views.streams.next_check)
            || is_due(self.confirm.map(|confirm| confirm.ask_at))
            || self.sender.beat_due(now)
            || !self.skips.is_empty()
            || views.roster.has_owed()
            || views.history.has_wanted()
            || views.states.has_wanted()
    }

    /// BYE, and with it where the stream ends: afterwards nobody can ask.
    fn write_bye(
        &mut self,
        views: &Views<'_>,
        now: Instant,
        has_data: bool,
        w: &mut Writer<'_>,
    ) -> Result<(), BufferTooSmall> {
        let all_sent = views.history.is_sent();
        let room = w.room() >= Sync::FRAME_LEN.saturating_add(Bye::FRAME_LEN);
        if all_sent && room && self.presence.bye_due(now) {
            self.write_sync(views, now, w)?;
            self.write_starts(views, false, w)?;
            if !has_data {
                Self::write_copy(views, w)?;
            }
            Frame::Bye(Bye::LEFT).emit(w)?;
            self.presence.bye_sent(now);
            self.sender.end();
        }
        Ok(())
    }

    /// Waits for the receivers, but not for ever.
    fn mind_flow(&mut self, views: &mut Views<'_>, now: Instant) {
        if views.history.is_sent() {
            self.flow.rest();
            return;
        }
        let Some(window) = self.flow_window(views.view()) else {
            return;
        };
        let record = views.history.record_octets();
        let trip = self.trip.estimate();
        if self.is_blocked(views) && self.flow.wait(now, window, trip, record) {
            views.roster.give_up_before(self.flow.expected(window));
            let sent = self.sent_next(views);
            self.flow.give_up(now, views.roster.slowest(), sent);
        }
    }

    /// How long the frame is that goes out first of those that wait for the token bucket, and whether it is for
    /// everybody. A bare datagram has none.
    fn first_frame(views: &Views<'_>, repairs: bool) -> Option<(usize, bool)> {
        let value = views.states.first_len(views.pool).filter(|_| repairs);
        if let Some(len) = value {
            return Some((len, true));
        }
        let repair = views.history.next_wanted().filter(|_| repairs);
        let repair = repair.map(|(_, frame)| frame);
        let new = || match views.history.next_unsent()? {
            (Kind::Bare, _) => Some(&[][..]),
            (Kind::Once | Kind::Kept, frame) => Some(frame),
        };
        let frame = repair.or_else(new)?;
        Some((frame.len(), Data::is_for_all(frame)))
    }

    /// HELLO, and with it the clock and where the stream stands.
    fn write_hello(
        &mut self,
        views: &mut Views<'_>,
        now: Instant,
        w: &mut Writer<'_>,
    ) -> Result<(), BufferTooSmall> {
        self.write_hello_frame(views, w)?;
        let mut echoes = [0; ECHOES * Echo::LEN];
        let len = views
            .roster
            .take_echoes(now, &mut self.tools.random, &mut echoes);
        let echoes = echoes.get(..len).unwrap_or_default();
        // The clock's low 32 bits.
        Frame::Time(Time {
            stamp: now.as_micros() as u32,
            echoes,
        })
        .emit(w)?;
        self.write_sync(views, now, w)?;
        self.write_starts(views, true, w)?;
        let group_size = self.group_size(views.roster);
        self.presence
            .hello_sent(now, group_size, &mut self.tools.random);
        Ok(())
    }

    fn write_hello_frame(
        &mut self,
        views: &mut Views<'_>,
        w: &mut Writer<'_>,
    ) -> Result<(), BufferTooSmall> {
        #[cfg(feature = "seal")]
        {
            let mut options = [0; super::contact::OPTIONS_LEN];
            let len = self.write_options(views, w.room(), &mut options);
            Frame::Hello(Hello {
                options: options.get(..len).unwrap_or_default(),
                ..self.hello(views)
            })
            .emit(w)
        }
        #[cfg(not(feature = "seal"))]
        Frame::Hello(self.hello(views)).emit(w)
    }

    /// Where this member's stream stands.
    fn sync(&self, views: &Views<'_>) -> Sync {
        Sync {
            next: self.sent_next(views),
            low: self.low(views),
            round_trip: backoff::encode_round_trip(self.trip.estimate()),
            group_size: backoff::encode_group_size(self.group_size(views.roster)),
            states: u8::try_from(views.states.count()).unwrap_or(u8::MAX),
        }
    }

    fn write_sync(
        &mut self,
        views: &Views<'_>,
        now: Instant,
        w: &mut Writer<'_>,
    ) -> Result<(), BufferTooSmall> {
        let sync = self.sync(views);
        Frame::Sync(sync).emit(w)?;
        count(&mut self.tools.counters.syncs_sent);
        self.sender.beat_sent(now);
        Ok(())
    }

    /// The sequence number after the last one that has been sent: what is queued is not missing.
    pub(crate) fn sent_next(&self, views: &Views<'_>) -> u32 {
        self.sent_of(views.history)
    }

    pub(crate) fn sent_of(&self, history: &History) -> u32 {
        self.sender.next.wrapping_sub(history.unsent_kept())
    }

    /// What others wait for, of whom any may take no reliable streams: who is asked for something may only send one.
    fn write_control(
        &mut self,
        views: &mut Views<'_>,
        now: Instant,
        w: &mut Writer<'_>,
    ) -> Result<(), BufferTooSmall> {
        self.write_nacks(views, now, w)?;
        if self.ask_again_at.is_some_and(|due| due <= now) {
            self.write_asks(views, now, w)?;
        }
        if self.sender.beat_due(now) && w.room() >= Sync::FRAME_LEN {
            let copy = self.sender.carries_copy(now);
            self.write_sync(views, now, w)?;
            if copy {
                Self::write_copy(views, w)?;
            }
        }
        Ok(())
    }

    /// What is for those who take this member's stream, but for what is in it.
    fn write_questions(
        &mut self,
        views: &Views<'_>,
        now: Instant,
        w: &mut Writer<'_>,
    ) -> Result<(), BufferTooSmall> {
        while let Some(first) = self
            .skips
            .first()
            .copied()
            .filter(|_| w.room() >= Skip::FRAME_LEN)
        {
            Frame::Skip(Skip { first, count: 1 }).emit(w)?;
            self.skips.swap_remove(0);
        }
        self.write_confirm(views, now, w)?;
        self.write_question(views, now, w)
    }

    /// The last message once more, if it is short.
    fn write_copy(views: &Views<'_>, w: &mut Writer<'_>) -> Result<(), BufferTooSmall> {
        let kept = views.history.kept();
        // Only what has been sent, and is whole, tells a receiver that it has everything.
        let Some(last) = kept.checked_sub(1).filter(|_| views.history.is_sent()) else {
            return Ok(());
        };
        let Some(frame) = views.history.kept_frame(last) else {
            return Ok(());
        };
        let whole = Data::is_whole(frame);
        // BYE may come behind it.
        let room = w.room().saturating_sub(Bye::FRAME_LEN);
        if whole && frame.len() <= LONGEST_COPY.min(room) {
            w.with(frame.len(), |octets| {
                stamped(frame, octets, last, Mark::Copy);
            });
        }
        Ok(())
    }

    /// What was asked for again. While new data waits, repairs take half of the datagram at most.
    fn write_repairs(
        &mut self,
        views: &mut Views<'_>,
        now: Instant,
        for_takers: bool,
        w: &mut Writer<'_>,
    ) -> Result<(), BufferTooSmall> {
        let reserve = if views.history.is_sent() {
            0
        } else {
            w.room() / 2
        };
        let counters = &mut self.tools.counters;
        if !views.states.write(views.pool, reserve, counters, w) {
            return Ok(());
        }
        let (low, clock) = (self.low(views), millis(now));
        while let Some((nth, frame)) = views.history.next_wanted() {
            let sequence = low.wrapping_add(nth);
            if Data::is_state(frame) && !views.states.is_current(Data::channel_of(frame), sequence)
            {
                // A newer value has taken its place.
                if self.skips.push(sequence).is_err() {
                    break;
                }
                views.history.mark_repaired(clock);
                continue;
            }
            let is_apart = for_takers && Data::is_for_all(frame);
            if is_apart || frame.len() > w.room() || (w.room() <= reserve) {
                break;
            }
            w.with(frame.len(), |octets| {
                stamped(frame, octets, nth, Mark::Repair);
            });
            views.history.mark_repaired(clock);
            count(&mut self.tools.counters.repairs_sent);
        }
        Ok(())
    }

    /// What has not been sent yet.
    fn write_new(
        &mut self,
        views: &mut Views<'_>,
        now: Instant,
        for_takers: bool,
        w: &mut Writer<'_>,
    ) -> Result<(), BufferTooSmall> {
        let mut sent = 0u32;
        let room = self.flow_room(views);
        while let Some((kind, frame)) = views.history.next_unsent() {
            let is_apart = for_takers && Data::is_for_all(frame);
            let is_kept = kind == Kind::Kept;
            let waits = kind == Kind::Bare || is_apart || (is_kept && sent >= room);
            if waits || frame.len() > w.room() {
                break;
            }
            if is_kept {
                // How many frames of the stream come before this one: those kept, and not unsent.
                let before = views
                    .history
                    .kept()
                    .wrapping_sub(views.history.unsent_kept());
                w.with(frame.len(), |octets| {
                    stamped(frame, octets, before, Mark::First);
                });
                sent = sent.saturating_add(1);
            } else {
                w.octets(frame);
            }
            views.history.mark_sent();
        }
        if sent > 0 {
            self.bucket.count_sent(sent);
            self.sender.sent(now, self.trip.estimate());
        }
        Ok(())
    }

    /// How long a datagram with `frames` octets of frames is.
    fn datagram_len(&self, frames: usize) -> usize {
        frames
            .saturating_add(Header::LEN)
            .saturating_add(self.guard.suite().trailer_len())
    }

    /// Writes a datagram with the next datagram counter. `None` if there is nothing to write.
    fn emit(
        &mut self,
        buffer: &mut [u8],
        to_one: bool,
        frames: impl FnOnce(&mut Self, &mut Writer<'_>) -> Result<(), BufferTooSmall>,
    ) -> Result<Option<usize>, BufferTooSmall> {
        let counter = self.counter.saturating_add(1);
        let header = Header {
            suite: self.guard.suite(),
            tag: self.guard.tag(),
            sender: self.id,
            session: self.session,
            counter: if to_one {
                counter | Header::TO_ONE
            } else {
                counter
            },
        };
        let mut is_empty = false;
        let len = emit_with(&header, buffer, |w| {
            let before = w.len();
            frames(self, w)?;
            is_empty = w.len() == before;
            Ok(())
        })?;
        if is_empty {
            return Ok(None);
        }
        self.counter = counter;
        let datagram = buffer.get_mut(..len).ok_or(BufferTooSmall)?;
        if !self.guard.protect(self.id, self.session, datagram) {
            // Its number is used up, and it is lost, as if the network had lost it.
            count(&mut self.tools.counters.send_failures);
            return Ok(None);
        }
        self.ending = ending(datagram);
        Ok(Some(len))
    }

    /// This member's HELLO.
    fn hello(&self, views: &Views<'_>) -> Hello<'static> {
        let interval = Presence::interval(self.group_size(views.roster));
        let ten_millis = Span::from_millis(10).as_micros();
        let units = interval
            .as_micros()
            .checked_div(ten_millis)
            .unwrap_or_default();
        let trip = backoff::encode_round_trip(self.trip.estimate());
        Hello {
            join: self.presence.is_joining(),
            capabilities: if views.takes_streams() {
                0
            } else {
                Hello::NO_STREAMS
            },
            max_datagram: u16::try_from(views.inbox.octets.len()).unwrap_or(u16::MAX),
            max_message: self.receivable,
            interval: u16::try_from(units).unwrap_or(u16::MAX),
            receive_burst: self.tools.config.receive_burst,
            round_trip: trip,
            group_size: backoff::encode_group_size(self.group_size(views.roster)),
            ..Hello::new(self.name)
        }
    }
}
