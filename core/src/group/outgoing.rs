//! A datagram's way out: what is due, packed together.
//!
//! In this order: HELLO, then what others wait for (NACK, SKIP, SYNC), then repairs, then what is new.
//! Data and repairs wait for the token bucket; the rest is small and has limits of its own.

use super::engine::Engine;
use super::membership::Owed;
use super::sending::{Kind, Sending};
use super::{Destination, Transmit};
use crate::counters::count;
use crate::rooms::Rooms;
use crate::storage::Views;
use crate::time::{Instant, Tick};
use crate::wire::{
    Ack, BufferTooSmall, Frame, Header, Hello, MIN_MAX_DATAGRAM, Start, Sync, Writer, emit_with,
    ending,
};

impl Engine {
    /// Writes the next datagram to send, if there is one.
    #[inline(never)]
    pub(crate) fn transmit(
        &mut self,
        rooms: Rooms,
        views: &mut Views<'_>,
        now: Instant,
        buffer: &mut [u8],
    ) -> Result<Option<Transmit>, BufferTooSmall> {
        let now = self.tick(rooms, views, now);
        if self
            .next_deadline(rooms, views.view(), now)
            .is_none_or(|due| now < due)
        {
            return Ok(None);
        }
        self.renew_session(rooms, views, now);
        let transmit = if self.membership.silenced {
            views.history.cancel_unsent();
            self.give_way(rooms, views, buffer)?
        } else {
            match self.transmit_to_member(rooms, views, now, buffer)? {
                Some(transmit) => Some(transmit),
                None => self.transmit_to_group(rooms, views, now, buffer)?,
            }
        };
        if let Some(Transmit { len, .. }) = transmit {
            count(&mut self.tools.counters.datagrams_sent);
            // A datagram's length fits 64 bits.
            self.tools.counters.bytes_sent =
                self.tools.counters.bytes_sent.wrapping_add(len as u64);
        }
        Ok(transmit)
    }

    /// A HELLO or an ACK owed to one member.
    fn transmit_to_member(
        &mut self,
        rooms: Rooms,
        views: &mut Views<'_>,
        now: Tick,
        buffer: &mut [u8],
    ) -> Result<Option<Transmit>, BufferTooSmall> {
        while let Some((index, address, owed)) = views.roster.take_owed() {
            let frame = match owed {
                Owed::Hello | Owed::Probe => {
                    let probe = owed == Owed::Probe;
                    let announces = self.membership.presence.announces();
                    let sent = self.sending.sent_next(views.history);
                    let start = self.start_of(rooms, views, index);
                    let relies = start.is_some_and(|it| it.next != sent);
                    // Whoever hides says nothing but from where on its stream is for one that it counts on.
                    let hides = !announces && (probe || !relies);
                    if hides || self.membership.presence.is_leaving() {
                        continue;
                    }
                    announces.then(|| {
                        Frame::Hello(Hello {
                            probe,
                            join: false,
                            ..self.hello(rooms, views)
                        })
                    })
                }
                Owed::Ack if !rooms.receive_streams() => continue,
                Owed::Ack if self.membership.presence.introduces(now) => {
                    // First the group hears a HELLO.
                    views.roster.owe_ack(index);
                    return Ok(None);
                }
                Owed::Ack => {
                    let stream = views
                        .streams
                        .find(index)
                        .and_then(|at| views.streams.get(at));
                    let peer = views.roster.peer(index);
                    let (Some(stream), Some(peer)) = (stream, peer) else {
                        continue;
                    };
                    Some(Frame::Ack(Ack {
                        target: peer.id().get(),
                        session: stream.session,
                        since: stream.since,
                        next: stream.next,
                    }))
                }
            };
            if !views.roster.has_earned(index, owed) && !self.membership.ration.take(now) {
                if owed == Owed::Hello {
                    // It hears what the group hears, and soon.
                    let group_size = views.roster.group_size();
                    self.membership
                        .presence
                        .answer(now, group_size, &mut self.tools.random);
                }
                continue;
            }
            if let Some(Frame::Ack(ack)) = frame {
                views.roster.ack_sent(index, now, ack.next);
            }
            // With HELLO goes from where on the stream is for its receiver.
            let sync = (owed != Owed::Ack).then(|| Frame::Sync(self.sync(views)));
            let start = self.start_of(rooms, views, index).map(Frame::Start);
            let start = start.filter(|_| owed != Owed::Ack);
            let len = self.emit(buffer, true, |_, w| {
                let mut frames = [frame, sync, start].into_iter().flatten();
                frames.try_for_each(|frame| frame.emit(w))
            })?;
            return Ok(len.map(|len| Transmit {
                to: Destination::Peer(address),
                len,
            }));
        }
        Ok(None)
    }

    /// From where on a member is counted in. Who sends only values says where it stands: of those before everybody
    /// asks for the newest (PROTOCOL S17).
    fn start_of(&self, rooms: Rooms, views: &Views<'_>, index: usize) -> Option<Start> {
        let start = views.roster.start_of(index)?;
        Some(if rooms.repair() {
            start
        } else {
            Start {
                next: self.sending.sent_next(views.history),
                ..start
            }
        })
    }

    /// What is due to the group.
    fn transmit_to_group(
        &mut self,
        rooms: Rooms,
        views: &mut Views<'_>,
        now: Tick,
        buffer: &mut [u8],
    ) -> Result<Option<Transmit>, BufferTooSmall> {
        let for_all = views.roster.limits();
        let for_takers = views.roster.stream_limits();
        let narrow = self.sending.datagram_limit(for_all);
        let wide = self.sending.datagram_limit(for_takers);
        let mut first = Sending::first_frame(rooms, views.history, views.states, views.pool, true);
        // The burst is for those who get what comes first.
        let (burst, limit) = match first {
            Some((_, true)) => (for_all.burst, narrow),
            _ => (for_takers.burst, wide),
        };
        self.sending
            .bucket
            .fill(now, burst, limit, views.history.capacity());
        self.sending.bucket.judge(now);
        let open = self.sending.bucket.is_open(now);
        let early = self.membership.presence.introduces(now)
            && ((open && !views.history.is_sent()) || self.owes_group(rooms, views, now));
        let hello_due = self.membership.presence.hello_due(now, early);
        // Whoever is there hears of this member, however small its buffer.
        let narrow = if hello_due && views.roster.members() == 0 {
            narrow.min(usize::from(MIN_MAX_DATAGRAM))
        } else {
            narrow
        };
        let open = open && self.holds_until(views.view(), now).is_none();
        self.sending.mind_flow(
            rooms,
            now,
            views.roster,
            views.history,
            &self.membership.trip,
        );
        let waiting = views.history.next_unsent().filter(|_| open);
        if let Some((Kind::Raw, datagram)) = waiting.filter(|_| !hello_due) {
            let len = datagram.len();
            buffer
                .get_mut(..len)
                .ok_or(BufferTooSmall)?
                .copy_from_slice(datagram);
            views.history.mark_sent();
            self.sending.bucket.take(len);
            return Ok(Some(Transmit {
                to: Destination::Group,
                len,
            }));
        }
        // A frame that was queued or kept before the limit sank still goes out, alone.
        let repairs = self.sending.bucket.repairs();
        if !repairs {
            first = Sending::first_frame(rooms, views.history, views.states, views.pool, false);
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
                engine.write_hello(rooms, views, now, w)?;
            }
            if views.history.is_sent() && engine.membership.presence.bye_due(now) {
                // Its SYNC comes with the BYE.
                engine.sending.end();
            }
            engine.write_control(rooms, views, now, w)?;
            let is_larger = limit > narrow && w.len() == begin;
            let for_takers = is_larger && !is_for_all;
            if is_larger {
                w.set_end(usize::MAX);
            }
            engine.sending.write_questions(
                rooms,
                now,
                views.roster,
                views.history,
                &engine.membership.trip,
                w,
            )?;
            if open {
                let before = w.len();
                if repairs {
                    let stamp = engine.clock.stamp(now);
                    let counters = &mut engine.tools.counters;
                    engine.sending.write_repairs(
                        rooms,
                        stamp,
                        views.stock(rooms),
                        counters,
                        for_takers,
                        w,
                    );
                }
                let between = w.len();
                let Views {
                    roster, history, ..
                } = views;
                engine.sending.write_new(
                    rooms,
                    (now, &engine.membership.trip),
                    roster,
                    history,
                    for_takers,
                    w,
                );
                has_data = w.len() > before;
                let (repaired, sent) = (
                    between.saturating_sub(before),
                    w.len().saturating_sub(between),
                );
                engine.sending.bucket.count_repairs(repaired, sent);
            }
            if is_larger {
                return Ok(());
            }
            engine.write_bye(rooms, views, now, has_data, w)
        })?;
        if has_data {
            self.sending.bucket.take(len.unwrap_or_default());
        }
        Ok(len.map(|len| Transmit {
            to: Destination::Group,
            len,
        }))
    }

    /// Whether something is due that is no new message: a session says HELLO before it.
    fn owes_group(&self, rooms: Rooms, views: &Views<'_>, now: Tick) -> bool {
        let is_due = |due: Option<Tick>| due.is_some_and(|due| due <= now);
        (rooms.receive_streams() && is_due(views.streams.next_check))
            || self.sending.is_due(rooms, now)
            || views.roster.has_owed()
            || (rooms.repair() && views.history.has_wanted())
            || views.states.has_wanted()
    }

    /// Where this member's stream stands.
    pub(crate) fn sync(&mut self, views: &Views<'_>) -> Sync {
        self.sending.sync(
            views.roster,
            views.history,
            views.states,
            &self.membership.trip,
        )
    }

    pub(crate) fn write_sync(
        &mut self,
        views: &Views<'_>,
        now: Tick,
        w: &mut Writer<'_>,
    ) -> Result<(), BufferTooSmall> {
        let sync = self.sync(views);
        self.sending
            .write_sync(now, sync, &mut self.tools.counters, w)
    }

    pub(crate) fn write_starts(
        &mut self,
        rooms: Rooms,
        views: &Views<'_>,
        only_new: bool,
        w: &mut Writer<'_>,
    ) -> Result<(), BufferTooSmall> {
        if !rooms.repair() {
            return Ok(());
        }
        let random = &mut self.tools.random;
        self.sending
            .write_starts(views.roster, views.history, random, only_new, w)
    }

    /// What others wait for, of whom any may take no reliable streams: who is asked for something may only send one.
    fn write_control(
        &mut self,
        rooms: Rooms,
        views: &mut Views<'_>,
        now: Tick,
        w: &mut Writer<'_>,
    ) -> Result<(), BufferTooSmall> {
        let mut parts = views.parts(&mut self.tools, &self.membership.trip);
        self.receiving.write(rooms, &mut parts, now, w)?;
        if self.sending.beat_due(now) && w.room() >= Sync::FRAME_LEN {
            let copy = self.sending.carries_copy(now);
            self.write_sync(views, now, w)?;
            if copy {
                Sending::write_copy(rooms, views.history, w);
            }
        }
        Ok(())
    }

    /// How long a datagram with `frames` bytes of frames is.
    fn datagram_len(&self, frames: usize) -> usize {
        frames
            .saturating_add(Header::LEN)
            .saturating_add(self.guard.suite().trailer_len())
    }

    /// Writes a datagram with the next datagram counter. `None` if there is nothing to write. It is inlined, as
    /// [`emit_with`].
    #[inline(always)]
    pub(crate) fn emit(
        &mut self,
        buffer: &mut [u8],
        to_one: bool,
        frames: impl FnOnce(&mut Self, &mut Writer<'_>) -> Result<(), BufferTooSmall>,
    ) -> Result<Option<usize>, BufferTooSmall> {
        let counter = self.membership.counter.saturating_add(1);
        let header = Header {
            suite: self.guard.suite(),
            tag: self.guard.tag(),
            sender: self.membership.id,
            session: self.membership.session,
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
        self.membership.counter = counter;
        let datagram = buffer.get_mut(..len).ok_or(BufferTooSmall)?;
        if !self.guard.protect(&header, datagram) {
            // Its number is used up, and it is lost, as if the network had lost it.
            count(&mut self.tools.counters.send_failures);
            return Ok(None);
        }
        self.membership.ending = ending(datagram);
        Ok(Some(len))
    }
}
