//! Where following a sender's stream begins, and what is remembered of it while there is no place for it
//! (PROTOCOL §5.1).

use super::{Parts, Receiving};
use crate::channel::Class;
use crate::config::Join;
use crate::counters::count;
use crate::group::found::Taken;
use crate::group::membership::{Position, Roster, Source};
use crate::group::serial::later;
use crate::time::{Span, Tick};
use crate::wire::{Data, Frame, Frames};

/// Until a member is this old, others may have been there before it.
const GROWN_UP: Span = Span::from_secs(1);

/// How soon it is asked again.
const ASK_START_AGAIN: Span = Span::from_millis(250);

impl Receiving {
    /// Begins to follow a sender's stream with a fragment. `None` if it is not to be followed yet, or
    /// there is no room.
    pub(crate) fn begin_stream(
        &mut self,
        parts: &mut Parts<'_>,
        now: Tick,
        source: &Source,
        index: usize,
        data: &Data<'_>,
    ) -> Option<usize> {
        let low = data.sequence.wrapping_sub(u32::from(data.horizon));
        let start = match parts.roster.position(index) {
            Some(position) => position,
            None => {
                let is_past = data.repair || data.copy || data.fragment != 0;
                if is_past && parts.tools.config.join == Join::Current && !self.is_grown_up(now) {
                    return None;
                }
                let start = self.beginning(parts, now, low, data.sequence);
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
    pub(super) fn beginning(
        &self,
        parts: &Parts<'_>,
        now: Tick,
        low: u32,
        current: u32,
    ) -> Position {
        Position::starting_at(match parts.tools.config.join {
            _ if self.is_grown_up(now) => low,
            Join::Current => current,
            Join::Recent(n) => later(low, current.wrapping_sub(u32::from(n))),
        })
    }

    /// Whether this member was there before most sessions that it hears of for the first time.
    fn is_grown_up(&self, now: Tick) -> bool {
        now.span_since(self.born) >= GROWN_UP
    }

    pub(crate) fn new_stream(
        &mut self,
        parts: &mut Parts<'_>,
        now: Tick,
        source: &Source,
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
        let own = parts.roster.way(Some(index)).span();
        let stream = parts.streams.get_mut(at)?;
        stream.set_round_trip(parts.trip.estimate(), own);
        // What was missed while there was no place is missing now.
        let (told, rest) = parts.roster.entry_mut(index)?.told();
        if told != start.next {
            let due = Self::ask_when(now, parts, at);
            let (stream, mut window) = parts.streams.with_window(at, parts.slots)?;
            stream.extend(now, told, due, &mut window);
        }
        parts.streams.get_mut(at)?.rest = rest;
        Some(at)
    }

    /// There is no place for a stream. Whatever comes just when nothing is missing needs none; of the rest is
    /// remembered that it was sent.
    pub(super) fn take_without_stream(
        parts: &mut Parts<'_>,
        index: usize,
        is_state: bool,
        data: &Data<'_>,
    ) -> Taken {
        let is_next = parts.roster.entry_mut(index).is_some_and(|peer| {
            let is_next = data.last == 0 && peer.advance(data.sequence);
            if !is_next {
                let rest = data.last.saturating_sub(data.fragment);
                peer.hear_of(data.sequence.wrapping_add(1), rest);
            }
            is_next
        });
        if is_state {
            return Self::newest(parts, index, data);
        }
        if is_next {
            return Taken::Deliver;
        }
        count(&mut parts.tools.counters.fragments_no_stream);
        Taken::Nothing
    }

    /// Asks a peer since when it counts this member in, if it has not said so: now, and again soon.
    pub(crate) fn ask_start(&mut self, roster: &mut Roster, now: Tick, index: usize) {
        if roster.ask_start(index) {
            self.ask_again_at = self.ask_again_at.or(Some(now + ASK_START_AGAIN));
        }
    }

    /// What is left of the datagram gives way to a message for which there is no room behind it. What it tells
    /// of is missing from now on.
    pub(crate) fn hear_of_rest(
        &mut self,
        parts: &mut Parts<'_>,
        now: Tick,
        source: &Source,
        rest: &[u8],
    ) {
        let Some(index) = source.index else {
            return;
        };
        let numbers = Frames::new(rest).filter_map(|frame| match frame {
            Ok(Frame::Data(data)) if Class::from_code(data.class, data.latest).is_reliable() => {
                Some(data.sequence.wrapping_add(1))
            }
            _ => None,
        });
        let Some(told) = numbers.reduce(later) else {
            return;
        };
        let Some(at) = parts.streams.find(index) else {
            let peer = parts.roster.entry_mut(index);
            peer.into_iter().for_each(|peer| peer.hear_of(told, 0));
            let position = parts.roster.position(index);
            if let Some(position) = position
                && let Some(at) = self.new_stream(parts, now, source, index, position)
            {
                parts.streams.note(at, parts.tools.config.max_wait);
            }
            return;
        };
        let due = Self::ask_when(now, parts, at);
        if let Some((stream, mut window)) = parts.streams.with_window(at, parts.slots) {
            stream.extend(now, told, due, &mut window);
        }
        parts.streams.note(at, parts.tools.config.max_wait);
    }
}
