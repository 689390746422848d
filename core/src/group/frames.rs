//! What each frame means.

use crate::time::Span;

use super::backoff;
use super::engine::Engine;
use super::fragments::Meta;
use super::inbox::Source;
use super::receive::{Found, FoundMessage};
use super::receiving::{Arrival, Slot, Stream, Tick, window};
use super::serial::is_before;
use crate::channel::{Channel, Class};
use crate::counters::count;
use crate::storage::Views;
use crate::time::Instant;
use crate::wire::{Data, Frame, FrameError, Nack, Skip, Sync, Time};

/// A fragment that comes late is not missing yet: how long reordering may take at least.
const REORDERING: Span = Span::from_millis(1);

/// How often a receiver asks for a sender's State values as soon as it hears that it lacks one. Then it
/// asks seldom: the sender may not hear it.
pub(super) const STATES_ASKED: u8 = 16;

/// How long that is.
pub(super) const SELDOM: Span = Span::from_secs(4);

/// What a datagram holds once at most (PROTOCOL W10, M19).
const ONE_HELLO: u8 = 0x01;
const ONE_NACK: u8 = 0x02;
const ONE_ECHO: u8 = 0x04;

impl Engine {
    /// Takes the next frame of the datagram; a message is an event.
    pub(crate) fn next_frame(&mut self, views: &mut Views<'_>, source: Source) -> Option<Found> {
        let now = self.now?;
        let group_size = views.roster.group_size();
        // What follows works on everything but the octets of the receive buffer.
        let (frame, end) = views.inbox.next_frame()?;
        match frame {
            Ok(Frame::Hello(hello)) if self.is_first(ONE_HELLO) => {
                if hello.join {
                    self.presence
                        .answer(now, group_size, &mut self.tools.random);
                }
                if let Some(index) = source.index {
                    let before = views.roster.members();
                    views.roster.hello(now, index, source.address, &hello);
                    if views.roster.members() > before {
                        let sent = self.sending.sent_next(views.history);
                        views.roster.count_in(index, sent);
                    }
                }
                #[cfg(feature = "seal")]
                let challenge = hello.challenge();
                #[cfg(feature = "seal")]
                self.on_sealed_hello(views, now, source, challenge);
            }
            // Whoever leaves tells the group.
            Ok(Frame::Bye(_)) => {
                if let Some(index) = source.index.filter(|_| !source.to_one) {
                    views.roster.bye(now, index);
                }
            }
            Ok(Frame::Busy(busy)) => {
                let jitter = self.tools.random.up_to(Span::from_millis(50));
                self.sending
                    .bucket
                    .pause(now, Span::from_millis(u64::from(busy.wait)), jitter);
            }
            Ok(Frame::Time(time)) => self.on_time_frame(now, views.roster, source, &time),
            Ok(Frame::Data(data)) => {
                let start = end.saturating_sub(data.payload.len());
                let mut parts = Parts {
                    roster: views.roster,
                    streams: views.streams,
                    slots: views.slots,
                    partials: views.partials,
                    latest: views.latest,
                    pool: views.pool,
                };
                let taken = self.on_data(&mut parts, now, source, &data);
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
                    Taken::Partial(at) => self.found_partial(views, at, end, found)?,
                };
                count(&mut self.tools.counters.messages_received);
                return Some(Found::Message(found));
            }
            Ok(Frame::Start(start)) => return self.on_start(views, now, source, start),
            Ok(Frame::Sync(sync)) => self.on_sync(views, now, source, sync),
            Ok(Frame::Nack(nack)) => self.on_nack(views, now, &nack),
            Ok(Frame::Skip(skip)) => self.on_skip(views, now, source, skip),
            Ok(Frame::AckRequest(request)) => {
                self.on_ack_request(views, now, source, request);
            }
            Ok(Frame::Ack(ack)) => self.on_ack(views, now, source, ack),
            Ok(Frame::Ask(ask)) => self.on_ask(views, now, ask),
            // What a datagram holds once at most.
            Ok(Frame::Hello(_)) => {}
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

    fn on_time_frame(
        &mut self,
        now: Instant,
        roster: &mut super::Roster,
        source: Source,
        time: &Time<'_>,
    ) {
        // The clock's low 32 bits.
        let clock = now.as_micros() as u32;
        let own = self.id.get();
        for echo in time.iter_echoes().filter(|echo| echo.member == own) {
            let trip = clock.wrapping_sub(echo.stamp).wrapping_sub(echo.held);
            // What cannot be is not measured: a stamp of another life, say. And one of each datagram, so that none
            // moves the estimate by more than a part.
            if trip < 10_000_000 && self.is_first(ONE_ECHO) {
                self.trip.sample(trip);
            }
        }
        if let Some(index) = source.index {
            roster.change(index, |peer| peer.set_stamp(now, time.stamp));
        }
    }

    /// A message or a fragment of one arrived.
    fn on_data(
        &mut self,
        parts: &mut Parts<'_>,
        now: Instant,
        source: Source,
        data: &Data<'_>,
    ) -> Taken {
        let class = Class::from_code(data.class, data.latest);
        let is_whole = data.last == 0;
        if matches!(class, Class::Latest | Class::State) && !is_whole {
            count(&mut self.tools.counters.frames_malformed);
            return Taken::Nothing;
        }
        if parts.streams.len() == 0 && class.is_reliable() {
            return self.on_data_without_streams(parts, source, class, data);
        }
        let Some(index) = source.index else {
            // Whoever has no place on the roster is heard without guarantee.
            if !is_whole {
                count(&mut self.tools.counters.fragments_no_stream);
            }
            return if is_whole {
                Taken::Deliver
            } else {
                Taken::Nothing
            };
        };
        match class {
            Class::BestEffort if is_whole => Taken::Deliver,
            Class::BestEffort => {
                let counters = &mut self.tools.counters;
                let life = (index, source.life);
                let complete = parts
                    .partials
                    .on_data(now, life, data, parts.pool, counters);
                complete.map_or(Taken::Nothing, Taken::Partial)
            }
            Class::Latest => self.newest(parts, index, data, false),
            _ => self.on_reliable(parts, now, source, index, class, data),
        }
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
            self.hear_of_rest(views, found.index);
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

    /// A value of which only the newest counts.
    pub(crate) fn newest(
        &mut self,
        parts: &mut Parts<'_>,
        index: usize,
        data: &Data<'_>,
        state: bool,
    ) -> Taken {
        let counters = &mut self.tools.counters;
        if parts.latest.on_data(index, state, data, counters) {
            Taken::Deliver
        } else {
            Taken::Nothing
        }
    }

    /// A fragment of the sender's reliable stream.
    fn on_reliable(
        &mut self,
        parts: &mut Parts<'_>,
        now: Instant,
        source: Source,
        index: usize,
        class: Class,
        data: &Data<'_>,
    ) -> Taken {
        let is_state = class == Class::State;
        // By ASK, not by NACK: then it says what can be repaired before it.
        let was_asked_for = is_state && data.answers_ask();
        let existing = parts.streams.find(index);
        let at = match existing {
            Some(at) => at,
            // A value that was asked for says nothing about where its stream stands.
            None if was_asked_for => return self.newest(parts, index, data, true),
            None => match self.begin_stream(parts, now, source, index, data) {
                Some(at) => at,
                None => return self.take_without_stream(parts, index, is_state, data),
            },
        };
        let Some(stream) = parts.streams.get_mut(at) else {
            return Taken::Nothing;
        };
        let is_next = !is_state && data.last == 0 && stream.advance(now, data.sequence);
        if is_next {
            return Taken::Deliver;
        }
        // When to ask for what is found missing now.
        let due = self.ask_when(now, parts, at);
        let longest = self.tools.config.max_wait;
        let count_of = parts.streams.len();
        let Some(stream) = parts.streams.get_mut(at) else {
            return Taken::Nothing;
        };
        let mut window = window(parts.slots, count_of, at);
        let known = !is_before(data.sequence, stream.next) && is_before(data.sequence, stream.high);
        if was_asked_for && !known {
            return self.newest(parts, index, data, true);
        }
        let meta = Meta::of(data);
        stream.heard = now;
        stream.extend(now, data.sequence, due, &mut window);
        stream.arrive(meta, &mut window);
        stream.note_horizon(data);
        let ordered = class == Class::ReliableOrdered;
        let mut arrival = stream.take(now, meta, data.payload, ordered, &mut window, parts.pool);
        // What need not arrive gives way to what must.
        while arrival == Arrival::NoRoom && parts.partials.evict_oldest(None, parts.pool) {
            count(&mut self.tools.counters.partials_evicted);
            arrival = stream.take(now, meta, data.payload, ordered, &mut window, parts.pool);
        }
        if matches!(arrival, Arrival::NoRoom | Arrival::Ahead) {
            stream.ask_by(due);
        }
        parts.streams.note(at, longest);
        match arrival {
            Arrival::Deliver if is_state => {
                let taken = self.newest(parts, index, data, true);
                // It comes after everything that was lost.
                parts.latest.trust(index, data.channel);
                taken
            }
            Arrival::Deliver => Taken::Deliver,
            Arrival::Stored => Taken::Nothing,
            Arrival::Duplicate if is_state => self.newest(parts, index, data, true),
            Arrival::Duplicate => {
                count(&mut self.tools.counters.fragments_duplicate);
                Taken::Nothing
            }
            Arrival::NoRoom | Arrival::Ahead => {
                count(&mut self.tools.counters.fragments_no_room);
                Taken::Nothing
            }
        }
    }

    /// When to ask for what is found missing now.
    pub(crate) fn ask_when(&mut self, now: Instant, parts: &Parts<'_>, at: usize) -> Instant {
        let trip = parts
            .streams
            .get(at)
            .map_or_else(|| self.trip.estimate(), Stream::round_trip);
        let members = parts.roster.group_size();
        let spread = backoff::spread(trip, members);
        let reordering = trip.checked_div(8).unwrap_or_default().max(REORDERING);
        now + reordering + backoff::draw(spread, members, &mut self.tools.random)
    }

    /// The sender tells where its stream stands.
    fn on_sync(&mut self, views: &mut Views<'_>, now: Instant, source: Source, sync: Sync) {
        if !views.takes_streams() {
            return self.on_sync_without_streams(views, now, source, sync);
        }
        let Some(index) = source.index else { return };
        let mut parts = views.parts();
        let known = parts.roster.position(index);
        let start = known.unwrap_or_else(|| self.beginning(now, sync.low, sync.next));
        if known.is_none() {
            parts.roster.begin(index, start);
        }
        if !source.to_one {
            // What is to one alone says it by itself.
            self.ask_start(parts.roster, now, index);
        }
        let at = match parts.streams.find(index) {
            Some(at) => at,
            None => {
                if start.next == sync.next && sync.states == 0 {
                    // Nothing is missing: the place of a stream is for those that need it.
                    return;
                }
                let Some(at) = self.new_stream(&mut parts, now, source, index, start) else {
                    if let Some(peer) = parts.roster.peer_mut(index) {
                        peer.hear_of(sync.next, 0);
                    }
                    return;
                };
                at
            }
        };
        // What is half way round and further says nothing, and what goes back nothing new (PROTOCOL R6).
        let stream = parts.streams.get(at);
        let says = stream.is_some_and(|stream| !is_before(sync.next, stream.next));
        if says && let Some(peer) = parts.roster.peer_mut(index) {
            peer.hear_at_least(sync.next, 0);
        }
        let due = self.ask_when(now, &parts, at);
        let members = parts.roster.group_size();
        let count_of = parts.streams.len();
        let known_states = match sync.states {
            0 => 0,
            _ => parts.latest.states_of(index),
        };
        let forgets = parts.latest.forgets();
        let Some(stream) = parts.streams.get_mut(at) else {
            return;
        };
        let mut window = window(parts.slots, count_of, at);
        stream.heard = now;
        if sync.round_trip > 0 {
            stream.set_round_trip(backoff::decode_round_trip(sync.round_trip));
        }
        if source.to_one {
            // What is not here yet may still wait in the group's queue: only where to begin is told.
            parts.streams.note(at, self.tools.config.max_wait);
            return;
        }
        stream.extend(now, sync.next, due, &mut window);
        if says {
            stream.raise_low(sync.low);
        }
        let lacks_states = known_states < usize::from(sync.states);
        let often = stream.states_asked < STATES_ASKED;
        // Who has no room for all values will always lack some.
        if lacks_states && stream.is_idle() && (often || !forgets) {
            let spread = backoff::spread(stream.round_trip(), members);
            let pause = if often { Span::ZERO } else { SELDOM };
            let due = now + pause + backoff::draw(spread, members, &mut self.tools.random);
            stream.states_at = stream.states_at.or(Some(due));
        }
        parts.streams.note(at, self.tools.config.max_wait);
    }

    /// Somebody misses something.
    fn on_nack(&mut self, views: &mut Views<'_>, now: Instant, nack: &Nack) {
        if nack.target == self.id.get() {
            if nack.session == self.session.life() && self.is_first(ONE_NACK) {
                let counters = &mut self.tools.counters;
                self.sending
                    .on_nack(now, views.history, &self.trip, counters, nack);
            }
            return;
        }
        // Somebody else asked for what this member misses too: it need not ask for a while.
        let members = views.roster.group_size();
        let Some(index) = views.roster.find_number(nack.target) else {
            return;
        };
        let Some(at) = views.streams.find(index) else {
            return;
        };
        let count_of = views.streams.len();
        let Some(stream) = views
            .streams
            .get_mut(at)
            .filter(|s| s.session == nack.session)
        else {
            return;
        };
        let due = now + retry(stream.round_trip(), members, &mut self.tools.random);
        let mut window = window(views.slots, count_of, at);
        for sequence in nack.iter() {
            let inside = !is_before(sequence, stream.next) && is_before(sequence, stream.high);
            let inside = inside && sequence.wrapping_sub(stream.next) < window.len();
            // It is only put off: whoever has asked often waits longer than others, and goes on doing so.
            if inside
                && let Slot::Missing {
                    due: own,
                    attempts,
                    part,
                } = window.get(sequence)
                && own.is_by(due)
            {
                let due = Tick::of(due);
                let missing = Slot::Missing {
                    due,
                    attempts,
                    part,
                };
                window.set(sequence, missing);
            }
        }
    }

    fn on_skip(&mut self, views: &mut Views<'_>, now: Instant, source: Source, skip: Skip) {
        let Some(at) = source.index.and_then(|index| views.streams.find(index)) else {
            return;
        };
        let count_of = views.streams.len();
        let Some(stream) = views.streams.get_mut(at) else {
            return;
        };
        let mut window = window(views.slots, count_of, at);
        stream.skip(now, skip.first, u32::from(skip.count), &mut window);
        views.streams.note(at, self.tools.config.max_wait);
    }
}

/// What a DATA frame comes to.
pub(crate) enum Taken {
    /// It is a message to be delivered.
    Deliver,
    /// It was stored, or dropped.
    Nothing,
    /// It was dropped, and that is to be told.
    Dropped,
    /// It completed the best-effort message at this place.
    Partial(usize),
}

/// The parts of the memory that a frame can change, apart from the buffer that holds it.
pub(crate) struct Parts<'a> {
    pub(crate) roster: &'a mut super::Roster,
    pub(crate) streams: &'a mut super::Streams,
    pub(crate) slots: &'a mut [Slot],
    pub(crate) partials: &'a mut super::Partials,
    pub(crate) latest: &'a mut super::Latest,
    pub(crate) pool: &'a mut super::Pool,
}

/// How long to wait before asking again: a round trip, and in a large group a time that is drawn anew,
/// since those who miss a repair would ask together otherwise.
pub(crate) fn retry(round_trip: Span, members: usize, random: &mut super::random::Random) -> Span {
    let spread = backoff::spread(round_trip, members);
    let drawn = if members > backoff::SMALL_GROUP as usize {
        backoff::draw(spread, members, random)
    } else {
        random.up_to(round_trip.checked_div(2).unwrap_or_default())
    };
    round_trip.saturating_add(drawn)
}

/// Computes when the stream has to ask next.
pub(crate) fn reschedule(stream: &mut Stream, now: Instant, window: &super::receiving::Window<'_>) {
    stream.ask_at = stream
        .missing(window)
        .map(|(_, due, _)| due.near(now))
        .min();
}
