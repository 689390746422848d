//! Where following a sender's stream begins, and what is remembered of it while there is no place for it
//! (PROTOCOL §5.1).

use crate::time::Span;

use super::engine::Engine;
use super::frames::{Parts, Taken};
use super::inbox::Source;
use super::membership::{Owed, Peer, Position, Roster};
use super::receiving::window;
use super::serial::{distance, is_before, later};
use crate::channel::Class;
use crate::config::Join;
use crate::counters::count;
use crate::storage::Views;
use crate::time::Instant;
use crate::wire::{Data, Frame, Frames, Start};

/// Until a member is this old, others may have been there before it.
const GROWN_UP: Span = Span::from_secs(1);

/// How often a sender is asked since when it counts this member in: it may not be able to say.
const START_ASKED: u8 = 32;

/// How soon it is asked again.
const ASK_START_AGAIN: Span = Span::from_millis(250);

impl Engine {
    /// Begins to follow a sender's stream with a fragment. `None` if it is not to be followed yet, or
    /// there is no room.
    pub(crate) fn begin_stream(
        &mut self,
        parts: &mut Parts<'_>,
        now: Instant,
        source: Source,
        index: usize,
        data: &Data<'_>,
    ) -> Option<usize> {
        let low = data.sequence.wrapping_sub(u32::from(data.horizon));
        let start = match parts.roster.position(index) {
            Some(position) => position,
            None => {
                let is_past = data.repair || data.copy || data.fragment != 0;
                if is_past && self.tools.config.join == Join::Current && !Self::is_grown_up(now) {
                    return None;
                }
                let start = self.beginning(now, low, data.sequence);
                // Even if there is no room for it now: what is missed from here on is to be reported.
                parts.roster.begin(index, start);
                self.ask_start(parts.roster, now, index);
                start
            }
        };
        self.new_stream(parts, now, source, index, start)
    }

    /// Where to begin with a stream that is heard of for the first time. `low`: where that is possible;
    /// `current`: where the sender is now.
    pub(crate) fn beginning(&self, now: Instant, low: u32, current: u32) -> Position {
        Position::starting_at(match self.tools.config.join {
            _ if Self::is_grown_up(now) => low,
            Join::Current => current,
            Join::Recent(n) => later(low, current.wrapping_sub(u32::from(n))),
        })
    }

    /// Whether this member was there before most sessions that it hears of for the first time.
    fn is_grown_up(now: Instant) -> bool {
        now >= Instant::ZERO + GROWN_UP
    }

    pub(crate) fn new_stream(
        &mut self,
        parts: &mut Parts<'_>,
        now: Instant,
        source: Source,
        index: usize,
        start: Position,
    ) -> Option<usize> {
        let begun = parts
            .streams
            .begin(now, index, source.life, start, parts.slots, parts.pool);
        let (at, evicted) = begun.ok()?;
        if let Some((peer, position, rest)) = evicted {
            parts.roster.stow(peer, position, rest);
        }
        parts
            .streams
            .get_mut(at)?
            .set_round_trip(self.trip.estimate());
        // What was missed while there was no place is missing now.
        let (told, rest) = parts.roster.peer_mut(index)?.told();
        if told != start.next {
            let due = self.ask_when(now, parts, at);
            let mut window = window(parts.slots, parts.streams.len(), at);
            let stream = parts.streams.get_mut(at)?;
            stream.extend(now, told, due, &mut window);
        }
        parts.streams.get_mut(at)?.rest = rest;
        Some(at)
    }

    /// There is no place for a stream. Whatever comes just when nothing is missing needs none; of the rest is
    /// remembered that it was sent.
    pub(crate) fn take_without_stream(
        &mut self,
        parts: &mut Parts<'_>,
        index: usize,
        is_state: bool,
        data: &Data<'_>,
    ) -> Taken {
        let is_next = parts.roster.peer_mut(index).is_some_and(|peer| {
            let is_next = data.last == 0 && peer.advance(data.sequence);
            if !is_next {
                let rest = data.last.saturating_sub(data.fragment);
                peer.hear_of(data.sequence.wrapping_add(1), rest);
            }
            is_next
        });
        if is_state {
            return self.newest(parts, index, data, true);
        }
        if is_next {
            return Taken::Deliver;
        }
        count(&mut self.tools.counters.fragments_no_stream);
        Taken::Nothing
    }

    /// Asks a peer since when it counts this member in, if it has not said so: now, and again soon.
    pub(crate) fn ask_start(&mut self, roster: &mut Roster, now: Instant, index: usize) {
        if roster.ask_start(index) {
            self.ask_again_at = self.ask_again_at.or(Some(now + ASK_START_AGAIN));
        }
    }

    /// What is left of the datagram gives way to a message for which there is no room behind it. What it tells
    /// of is missing from now on.
    pub(crate) fn hear_of_rest(&mut self, views: &mut Views<'_>, index: Option<usize>) {
        let (Some(index), Some(now)) = (index, self.now) else {
            return;
        };
        let numbers = Frames::new(views.inbox.rest()).filter_map(|frame| match frame {
            Ok(Frame::Data(data)) if Class::from_code(data.class, data.latest).is_reliable() => {
                Some(data.sequence.wrapping_add(1))
            }
            _ => None,
        });
        let Some(told) = numbers.reduce(later) else {
            return;
        };
        let mut parts = views.parts();
        let Some(at) = parts.streams.find(index) else {
            let peer = parts.roster.peer_mut(index);
            peer.into_iter().for_each(|peer| peer.hear_of(told, 0));
            let position = parts.roster.position(index);
            if let (Some(position), Some(source)) = (position, self.source)
                && let Some(at) = self.new_stream(&mut parts, now, source, index, position)
            {
                parts.streams.note(at, self.tools.config.max_wait);
            }
            return;
        };
        let due = self.ask_when(now, &parts, at);
        let mut window = window(parts.slots, parts.streams.len(), at);
        if let Some(stream) = parts.streams.get_mut(at) {
            stream.extend(now, told, due, &mut window);
        }
        parts.streams.note(at, self.tools.config.max_wait);
    }
}

impl Peer {
    /// This is where its stream begins, or ended, and so much is known to have been sent.
    pub(crate) const fn set_position(&mut self, position: Position, told: u32, rest: u8) {
        self.position = Some(position);
        self.told = told;
        self.rest = rest;
    }

    /// Its stream is followed from here on. Unless that is where its numbers begin, it may count on this member
    /// since before.
    pub(crate) const fn begin(&mut self, start: Position) {
        self.set_position(start, start.next, 0);
        self.begun = start.next;
        self.start_asked = (start.next != 0) as u8;
    }

    /// What it is told of this member's own stream.
    pub(crate) const fn start(&self) -> Start {
        Start {
            target: self.member.id.get(),
            session: self.member.session.life(),
            next: self.counted_from,
        }
    }

    /// Whether it is still to say since when it counts this member in.
    pub(crate) const fn lacks_start(&self) -> bool {
        self.start_asked > 0
    }

    /// Asks for that, if it may still be answered. A sender that has not said who it is, is asked for its HELLO
    /// anyway.
    pub(crate) fn ask_start(&mut self) -> bool {
        let asks = self.lacks_start() && self.start_asked <= START_ASKED && self.is_member();
        if asks {
            self.start_asked = self.start_asked.saturating_add(1);
            self.owed = self.owed.or(Some(Owed::Probe));
        }
        asks
    }

    /// It says it. Where following its stream began, if that was later.
    pub(crate) fn take_start(&mut self, start: u32) -> Option<u32> {
        let lacked = core::mem::take(&mut self.start_asked) > 0;
        if lacked && self.owed == Some(Owed::Probe) && self.probes == 0 {
            self.owed = None;
        }
        (lacked && self.position.is_some() && is_before(start, self.begun)).then_some(self.begun)
    }

    /// What has been sent, as far as was told.
    pub(crate) const fn told(&self) -> (u32, u8) {
        (self.told, self.rest)
    }

    /// Its stream gives way, or ends. What was told beyond it stays to be missed.
    pub(crate) fn stow(&mut self, position: Position, rest: u8) {
        self.position = Some(position);
        self.hear_at_least(position.next, rest);
    }

    /// Everything before `told` has been sent, a stream or not.
    pub(crate) const fn hear_at_least(&mut self, told: u32, rest: u8) {
        if !is_before(told, self.told) {
            self.told = told;
            self.rest = rest;
        }
    }

    /// A message of its own that is next needs no stream. Else `false`.
    pub(crate) fn advance(&mut self, sequence: u32) -> bool {
        let Some(position) = self.position.as_mut().filter(|it| it.next == sequence) else {
            return false;
        };
        position.next = sequence.wrapping_add(1);
        let next = position.next;
        self.hear_at_least(next, 0);
        true
    }

    /// Everything before `told` has been sent, and `rest` more belong to the message before it.
    pub(crate) fn hear_of(&mut self, told: u32, rest: u8) {
        let Some(next) = self.position.map(|position| position.next) else {
            return;
        };
        if distance(next, told) == 0 {
            return;
        }
        let end = later(self.end(), told.wrapping_add(u32::from(rest)));
        self.told = later(self.told, told);
        self.rest = u8::try_from(distance(self.told, end)).unwrap_or(u8::MAX);
    }

    /// What it has sent, the message that it has begun included, ends here.
    const fn end(&self) -> u32 {
        self.told.wrapping_add(self.rest as u32)
    }

    /// Whether it has sent something that is neither delivered nor reported, without a stream.
    pub(crate) fn is_owed(&self) -> bool {
        self.position
            .is_some_and(|position| is_before(position.next, self.end()))
    }

    /// It is gone. The first and the last number that is neither delivered nor reported, without a stream.
    pub(crate) fn take_gap(&mut self) -> Option<(u32, u32)> {
        if !self.is_owed() {
            return None;
        }
        let (first, end) = (self.position?.next, self.end());
        self.set_position(Position::starting_at(end), end, 0);
        Some((first, end.wrapping_sub(1)))
    }
}
