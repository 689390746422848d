//! Which room a frame is for.

use super::engine::Engine;
use super::found::{Found, FoundMessage, Taken};
use super::membership::{Membership, Source};
use super::receiving::{Parts, Receiving};
use super::sending::Kept;
use crate::channel::{Channel, Class};
use crate::counters::count;
use crate::rooms::Rooms;
use crate::storage::Views;
use crate::time::{Span, Tick};
use crate::wire::{Data, Frame, FrameError};

/// What a datagram holds once at most (PROTOCOL W10, M19).
const ONE_HELLO: u8 = 0x01;
const ONE_NACK: u8 = 0x02;
const ONE_ECHO: u8 = 0x04;

impl Engine {
    /// Takes the next frame of the datagram; a message is an event.
    pub(crate) fn next_frame(
        &mut self,
        rooms: Rooms,
        views: &mut Views<'_>,
        source: &Source,
    ) -> Option<Found> {
        let now = self.clock.now()?;
        // What follows works on everything but the octets of the receive buffer.
        let (frame, end) = views.inbox.next_frame()?;
        match frame {
            Ok(Frame::Hello(hello)) if self.is_first(ONE_HELLO) => {
                let sent = rooms
                    .repair()
                    .then(|| self.sending.sent_next(views.history));
                let random = &mut self.tools.random;
                self.membership
                    .on_hello(now, views.roster, random, source, &hello, sent);
                #[cfg(feature = "seal")]
                let challenge = hello.challenge();
                #[cfg(feature = "seal")]
                let mut contact = views.contact(&mut self.membership, &mut self.tools);
                #[cfg(feature = "seal")]
                self.guard.on_hello(&mut contact, now, source, challenge);
            }
            Ok(Frame::Bye(_)) => Membership::on_bye(now, views.roster, source),
            Ok(Frame::Busy(busy)) => {
                let jitter = self.tools.random.up_to(Span::from_millis(50));
                self.sending
                    .bucket
                    .pause(now, Span::from_millis(u32::from(busy.wait)), jitter);
            }
            Ok(Frame::Time(time)) => {
                let (stamp, may) = (self.clock.stamp(now), self.heard_once & ONE_ECHO == 0);
                let is_measured =
                    self.membership
                        .on_time(now, stamp, views.roster, source, &time, may);
                if is_measured {
                    self.heard_once |= ONE_ECHO;
                }
            }
            Ok(Frame::Data(data)) => {
                let start = end.saturating_sub(data.payload.len());
                let mut parts = Parts {
                    roster: views.roster,
                    streams: views.streams,
                    slots: views.slots,
                    partials: views.partials,
                    latest: views.latest,
                    pool: views.pool,
                    tools: &mut self.tools,
                    trip: &self.membership.trip,
                };
                let taken =
                    Self::on_data(rooms, &mut self.receiving, &mut parts, now, source, &data);
                let channel = Channel::new(data.channel, Class::from_code(data.class, data.latest));
                let found = FoundMessage {
                    channel,
                    index: source.index,
                    id: source.id,
                    address: source.address,
                    sequence: data.sequence,
                    signed: data.signed,
                    start,
                    end,
                };
                let found = match taken {
                    Taken::Deliver => found,
                    Taken::Nothing => return None,
                    Taken::Dropped => {
                        return Some(Found::ReliableDropped {
                            sender: source.id,
                            channel,
                        });
                    }
                    Taken::Partial(at) if rooms.receive_streams() => {
                        self.found_partial(views, at, end, found)?
                    }
                    Taken::Partial(_) => return None,
                };
                count(&mut self.tools.counters.messages_received);
                return Some(Found::Message(found));
            }
            Ok(Frame::Start(start)) => {
                if rooms.receive_streams()
                    && (start.target, start.session)
                        == (self.membership.id.get(), self.membership.session.life())
                {
                    let mut parts = views.parts(&mut self.tools, &self.membership.trip);
                    return self.receiving.on_start(&mut parts, now, source, start);
                }
            }
            Ok(Frame::Sync(sync)) => {
                let mut parts = views.parts(&mut self.tools, &self.membership.trip);
                self.receiving.on_sync(rooms, &mut parts, now, source, sync);
            }
            Ok(Frame::Nack(nack)) if nack.target == self.membership.id.get() => {
                if nack.session == self.membership.session.life() && self.is_first(ONE_NACK) {
                    let away = views.roster.way(source.index).span();
                    self.sending.on_nack(
                        rooms,
                        now,
                        self.clock.stamp(now),
                        Kept {
                            history: views.history,
                            states: views.states,
                            counters: &mut self.tools.counters,
                        },
                        (&self.membership.trip, away),
                        &nack,
                    );
                }
            }
            Ok(Frame::Nack(nack)) if rooms.receive_streams() => {
                Receiving::on_nack(
                    &mut views.parts(&mut self.tools, &self.membership.trip),
                    now,
                    &nack,
                );
            }
            Ok(Frame::Skip(skip)) if rooms.receive_streams() => {
                let mut parts = views.parts(&mut self.tools, &self.membership.trip);
                Receiving::on_skip(&mut parts, now, source, skip);
            }
            Ok(Frame::AckRequest(request)) if rooms.receive_streams() => {
                let mut parts = views.parts(&mut self.tools, &self.membership.trip);
                self.receiving
                    .on_ack_request(&mut parts, now, source, request);
            }
            Ok(Frame::Ack(ack)) if rooms.repair() => {
                let is_mine = ack.target == self.membership.id.get()
                    && ack.session == self.membership.session.life();
                if let Some(index) = source.index.filter(|_| is_mine) {
                    self.sending
                        .on_ack(rooms, now, views.roster, views.history, index, ack);
                }
            }
            Ok(Frame::Ask(ask)) if ask.target == self.membership.id.get() => {
                if ask.session == self.membership.session.life() {
                    views.states.on_ask();
                }
            }
            Ok(Frame::Ask(ask)) => {
                Receiving::on_ask(
                    rooms,
                    &mut views.parts(&mut self.tools, &self.membership.trip),
                    now,
                    ask,
                );
            }
            // What a datagram holds once at most, and what is of streams that are not received.
            Ok(
                Frame::Hello(_)
                | Frame::Nack(_)
                | Frame::Skip(_)
                | Frame::AckRequest(_)
                | Frame::Ack(_),
            ) => {}
            Ok(Frame::Unknown { .. }) | Err(FrameError::Unknown { .. }) => {
                count(&mut self.tools.counters.frames_unknown);
            }
            Err(FrameError::Malformed { .. }) => count(&mut self.tools.counters.frames_malformed),
        }
        None
    }

    /// Whether a datagram has held nothing of this kind yet: a second one would cost as much as the first, and
    /// say nothing.
    const fn is_first(&mut self, kind: u8) -> bool {
        let is_first = self.heard_once & kind == 0;
        self.heard_once |= kind;
        is_first
    }

    /// A message or a fragment of one arrived.
    fn on_data(
        rooms: Rooms,
        receiving: &mut Receiving,
        parts: &mut Parts<'_>,
        now: Tick,
        source: &Source,
        data: &Data<'_>,
    ) -> Taken {
        let class = Class::from_code(data.class, data.latest);
        let is_whole = data.last == 0;
        let counters = &mut parts.tools.counters;
        if matches!(class, Class::Latest | Class::State) && !is_whole {
            count(&mut counters.frames_malformed);
            return Taken::Nothing;
        }
        if class.is_reliable() {
            return receiving.on_data(rooms, parts, now, source, class, data);
        }
        let Some(index) = source.index.filter(|_| class == Class::Latest || !is_whole) else {
            // Whoever has no place on the roster is heard without guarantee.
            if is_whole {
                return Taken::Deliver;
            }
            count(&mut counters.fragments_no_stream);
            return Taken::Nothing;
        };
        if class == Class::Latest {
            return match parts.latest.on_data(index, false, data, counters) {
                true => Taken::Deliver,
                false => Taken::Nothing,
            };
        }
        if !rooms.receive_streams() {
            count(&mut counters.fragments_no_room);
            return Taken::Nothing;
        }
        let life = (index, source.life);
        let complete = parts
            .partials
            .on_data(now, life, data, parts.pool, counters);
        complete.map_or(Taken::Nothing, Taken::Partial)
    }

    /// A best-effort message is complete: it is put together behind the datagram, or the rest of the
    /// datagram is given up for it.
    fn found_partial(
        &mut self,
        views: &mut Views<'_>,
        at: usize,
        end: usize,
        found: FoundMessage,
    ) -> Option<FoundMessage> {
        let mut start = views.inbox.end().max(end);
        let room = views.inbox.octets.len().saturating_sub(start);
        if views.partials.message_len(at, views.pool) > room {
            let (mut parts, inbox) = views.parts_and_inbox(&mut self.tools, &self.membership.trip);
            if let (Some(source), Some(now)) = (self.source, self.clock.now()) {
                self.receiving
                    .hear_of_rest(&mut parts, now, &source, inbox.rest());
            }
            views.inbox.clear();
            start = 0;
        }
        let rest = views.inbox.octets.get_mut(start..).unwrap_or_default();
        match views.partials.assemble(at, rest, views.pool) {
            Some(message) => Some(FoundMessage {
                channel: Channel::best_effort(message.channel),
                sequence: message.first,
                signed: message.signed,
                start,
                end: start.saturating_add(message.len),
                ..found
            }),
            None => {
                count(&mut self.tools.counters.partials_evicted);
                None
            }
        }
    }
}
