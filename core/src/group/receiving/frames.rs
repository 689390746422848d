//! What frames mean to others' streams (PROTOCOL §5.2, V5).

use super::slots::Arrival;
use super::{Parts, Receiving, Slot};
use crate::channel::Class;
use crate::counters::count;
use crate::group::backoff;
use crate::group::found::Taken;
use crate::group::fragments::Meta;
use crate::group::membership::Source;
use crate::group::serial::is_before;
use crate::rooms::Rooms;
use crate::time::{Span, Tick};
use crate::wire::{AckRequest, Ask, Data, Nack, Skip, Sync};

/// A fragment that comes late is not missing yet: how long reordering may take at least.
const REORDERING: Span = Span::from_millis(1);

/// How often a receiver asks for a sender's State values as soon as it hears that it lacks one. Then it
/// asks seldom: the sender may not hear it.
pub(super) const STATES_ASKED: u8 = 16;

/// How long that is.
pub(super) const SELDOM: Span = Span::from_secs(4);

impl Receiving {
    /// A value of which only the newest counts.
    pub(super) fn newest(parts: &mut Parts<'_>, index: usize, data: &Data<'_>) -> Taken {
        let counters = &mut parts.tools.counters;
        if parts.latest.on_data(index, true, data, counters) {
            Taken::Deliver
        } else {
            Taken::Nothing
        }
    }

    /// A message of a sender's stream, or a fragment of one.
    pub(crate) fn on_data(
        &mut self,
        rooms: Rooms,
        parts: &mut Parts<'_>,
        now: Tick,
        source: &Source,
        class: Class,
        data: &Data<'_>,
    ) -> Taken {
        if !rooms.receive_streams() {
            return self.on_data_without_streams(parts, source, class, data);
        }
        match source.index {
            Some(index) => self.on_reliable(parts, now, source, index, class, data),
            // Whoever has no place on the roster is heard without guarantee.
            None if data.last == 0 => Taken::Deliver,
            None => {
                count(&mut parts.tools.counters.fragments_no_stream);
                Taken::Nothing
            }
        }
    }

    /// A fragment of the sender's reliable stream.
    fn on_reliable(
        &mut self,
        parts: &mut Parts<'_>,
        now: Tick,
        source: &Source,
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
            None if was_asked_for => return Self::newest(parts, index, data),
            None => match self.begin_stream(parts, now, source, index, data) {
                Some(at) => at,
                None => return Self::take_without_stream(parts, index, is_state, data),
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
        let due = Self::ask_when(now, parts, at);
        let longest = parts.tools.config.max_wait;
        let Some((stream, mut window)) = parts.streams.with_window(at, parts.slots) else {
            return Taken::Nothing;
        };
        let known = !is_before(data.sequence, stream.next) && is_before(data.sequence, stream.high);
        if was_asked_for && !known {
            return Self::newest(parts, index, data);
        }
        let meta = Meta::of(data);
        stream.heard = Some(now);
        stream.extend(now, data.sequence, due, &mut window);
        stream.arrive(meta, &mut window);
        stream.hurry(now, &mut window);
        stream.note_horizon(data);
        let ordered = class == Class::ReliableOrdered;
        let is_first = stream.fragment_of_first(meta);
        let arrival = loop {
            let Some((stream, mut window)) = parts.streams.with_window(at, parts.slots) else {
                return Taken::Nothing;
            };
            let arrival = stream.take(now, meta, data.payload, ordered, &mut window, parts.pool);
            // What need not arrive gives way to what must, and what is later to what is next.
            let (slots, pool) = (&mut *parts.slots, &mut *parts.pool);
            if arrival != Arrival::NoRoom {
                break arrival;
            } else if parts.partials.evict_oldest(None, pool) {
                count(&mut parts.tools.counters.partials_evicted);
            } else if !is_first || !parts.streams.make_room(now, at, longest, slots, pool) {
                break arrival;
            }
        };
        if matches!(arrival, Arrival::NoRoom | Arrival::Ahead)
            && let Some(stream) = parts.streams.get_mut(at)
        {
            stream.ask_by(due);
        }
        parts.streams.note(at, longest);
        match arrival {
            Arrival::Deliver if is_state => {
                let taken = Self::newest(parts, index, data);
                // It comes after everything that was lost.
                parts.latest.trust(index, data.channel);
                taken
            }
            Arrival::Deliver => Taken::Deliver,
            Arrival::Stored => Taken::Nothing,
            Arrival::Duplicate if is_state => Self::newest(parts, index, data),
            Arrival::Duplicate => {
                count(&mut parts.tools.counters.fragments_duplicate);
                Taken::Nothing
            }
            Arrival::NoRoom | Arrival::Ahead => {
                count(&mut parts.tools.counters.fragments_no_room);
                Taken::Nothing
            }
        }
    }

    /// When to ask for what is found missing now.
    pub(super) fn ask_when(now: Tick, parts: &mut Parts<'_>, at: usize) -> Tick {
        let own = parts.trip.estimate();
        let stream = parts.streams.get(at);
        let (trip, answer) = stream.map_or((own, own), |it| (it.round_trip(), it.answer()));
        let members = parts.roster.group_size();
        let spread = backoff::spread(trip, members);
        let reordering = answer.checked_div(8).unwrap_or_default().max(REORDERING);
        now + reordering + backoff::draw(spread, members, &mut parts.tools.random)
    }

    /// The sender tells where its stream stands.
    pub(crate) fn on_sync(
        &mut self,
        rooms: Rooms,
        parts: &mut Parts<'_>,
        now: Tick,
        source: &Source,
        sync: Sync,
    ) {
        if !rooms.receive_streams() {
            return self.on_sync_without_streams(parts, now, source, sync);
        }
        let Some(index) = source.index else { return };
        let known = parts.roster.position(index);
        let start = known.unwrap_or_else(|| self.beginning(parts, now, sync.low, sync.next));
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
                let Some(at) = self.new_stream(parts, now, source, index, start) else {
                    if let Some(peer) = parts.roster.entry_mut(index) {
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
        if says && let Some(peer) = parts.roster.entry_mut(index) {
            peer.hear_at_least(sync.next, 0);
        }
        let due = Self::ask_when(now, parts, at);
        let members = parts.roster.group_size();
        let known_states = match sync.states {
            0 => 0,
            _ => parts.latest.states_of(index),
        };
        let forgets = parts.latest.forgets();
        let own = parts.roster.way(source.index).span();
        let Some((stream, mut window)) = parts.streams.with_window(at, parts.slots) else {
            return;
        };
        stream.heard = Some(now);
        if sync.round_trip > 0 {
            stream.set_round_trip(backoff::decode_round_trip(sync.round_trip), own);
        }
        if source.to_one {
            // What is not here yet may still wait in the group's queue: only where to begin is told.
            parts.streams.note(at, parts.tools.config.max_wait);
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
            let due = now + pause + backoff::draw(spread, members, &mut parts.tools.random);
            stream.states_at = stream.states_at.or(Some(due));
        }
        parts.streams.note(at, parts.tools.config.max_wait);
    }

    /// Somebody else misses something of a third one.
    pub(crate) fn on_nack(parts: &mut Parts<'_>, now: Tick, nack: &Nack) {
        // Somebody else asked for what this member misses too: it need not ask for a while.
        let members = parts.roster.group_size();
        let Some(index) = parts.roster.find_number(nack.target) else {
            return;
        };
        let Some(at) = parts.streams.find(index) else {
            return;
        };
        let stream = parts.streams.with_window(at, parts.slots);
        let Some((stream, mut window)) = stream.filter(|(s, _)| s.session == nack.session) else {
            return;
        };
        let due = now + stream.retry(members, &mut parts.tools.random);
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
                && own <= due
            {
                let missing = Slot::Missing {
                    due,
                    attempts,
                    part,
                };
                window.set(sequence, missing);
            }
        }
    }

    pub(crate) fn on_skip(parts: &mut Parts<'_>, now: Tick, source: &Source, skip: Skip) {
        let Some(at) = source.index.and_then(|index| parts.streams.find(index)) else {
            return;
        };
        let Some((stream, mut window)) = parts.streams.with_window(at, parts.slots) else {
            return;
        };
        stream.skip(now, skip.first, u32::from(skip.count), &mut window);
        parts.streams.note(at, parts.tools.config.max_wait);
    }
    pub(crate) fn on_ack_request(
        &mut self,
        parts: &mut Parts<'_>,
        now: Tick,
        source: &Source,
        request: AckRequest,
    ) {
        let Some(index) = source.index else { return };
        let at = parts.streams.find(index).or_else(|| {
            let position = parts.roster.position(index)?;
            self.new_stream(parts, now, source, index, position)
        });
        let Some(at) = at else { return };
        let spread = Span::from_millis(u32::from(request.spread));
        let due = now + parts.tools.random.up_to(spread);
        if let Some(stream) = parts.streams.get_mut(at)
            && is_before(request.sequence, stream.next)
        {
            stream.ack_by(parts.roster.ack_due(index, now, stream.next, due));
        }
        parts.streams.note(at, parts.tools.config.max_wait);
    }

    /// Somebody else asks a third one for its values.
    pub(crate) fn on_ask(rooms: Rooms, parts: &mut Parts<'_>, now: Tick, ask: Ask) {
        let members = parts.roster.group_size();
        let Some(index) = parts.roster.find_number(ask.target) else {
            return;
        };
        if !rooms.receive_streams() {
            let entry = parts.roster.entry_mut(index);
            if let Some(entry) = entry.filter(|entry| entry.peer.session.life() == ask.session) {
                let trip = parts.trip.estimate();
                let random = &mut parts.tools.random;
                Self::put_off_values(entry, now, trip, members, random);
            }
            return;
        }
        let Some(at) = parts.streams.find(index) else {
            return;
        };
        let stream = parts.streams.get_mut(at);
        if let Some(stream) = stream.filter(|stream| stream.session == ask.session)
            && let Some(due) = stream.states_at
        {
            // It is only put off.
            let again = now + stream.retry(members, &mut parts.tools.random);
            stream.states_at = Some(due.max(again));
        }
    }
}
