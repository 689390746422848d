//! Others' reliable streams: their order, and what is missing of them (PROTOCOL §5).

mod asking;
mod delivery;
mod follow;
mod frames;
mod nacks;
mod newcomers;
mod slots;
mod stream;
mod streamless;
mod streams;

use crate::group::fragments::{Partials, Pool};
use crate::group::membership::{Roster, Trip};
use crate::group::tools::{Earliest, Tools};
use crate::group::values::Latest;
use crate::rooms::Rooms;
use crate::time::{Ageing, Tick};
use crate::wire::{BufferTooSmall, Writer};
pub(crate) use stream::{Slot, Stream};
pub(crate) use streams::Streams;

/// What is to be asked of the senders, beside what their streams say.
#[derive(Debug)]
pub(crate) struct Receiving {
    /// When this member began to listen.
    born: Tick,
    /// When to ask again those who have not said since when they count this member in; without streams, when to
    /// ask somebody for values.
    ask_again_at: Option<Tick>,
    /// Whether it was told that a reliable message was dropped.
    told_dropped: bool,
}

/// What this room works with: its memory, and its neighbours'.
#[derive(Debug)]
pub(crate) struct Parts<'a> {
    pub(crate) roster: &'a mut Roster,
    pub(crate) streams: &'a mut Streams,
    pub(crate) slots: &'a mut [Slot],
    pub(crate) partials: &'a mut Partials,
    pub(crate) latest: &'a mut Latest,
    pub(crate) pool: &'a mut Pool,
    pub(crate) tools: &'a mut Tools,
    pub(crate) trip: &'a Trip,
}

impl Receiving {
    pub(crate) const fn new() -> Self {
        Self {
            born: Tick::LONG_AGO,
            ask_again_at: None,
            told_dropped: false,
        }
    }

    /// This member begins to listen.
    pub(crate) const fn begin(&mut self, now: Tick) {
        self.born = now;
    }

    /// Time makes it older.
    pub(crate) const fn age(&mut self, ageing: Ageing) {
        let Self {
            born,
            ask_again_at,
            told_dropped: _,
        } = self;
        ageing.tick(born);
        ageing.maybe(ask_again_at);
    }

    /// When there is something to ask for, beside what the streams' table says.
    pub(crate) fn deadline(&self, first: &mut Earliest) {
        first.at(self.ask_again_at);
    }

    /// Whether there is something to do that time alone brings. `all_read`: everything that arrived has been read,
    /// and who is not waited for any longer has not been heard.
    pub(crate) fn is_due(&self, streams: &Streams, now: Tick, all_read: bool) -> bool {
        streams.next_check.is_some_and(|check| check <= now) || (all_read && self.asks(now))
    }

    /// Whether it is time to ask again.
    fn asks(&self, now: Tick) -> bool {
        self.ask_again_at.is_some_and(|due| due <= now)
    }

    /// Does it. `speaks`: this member may ask.
    pub(crate) fn tick(&mut self, parts: &mut Parts<'_>, now: Tick, all_read: bool, speaks: bool) {
        if all_read && self.asks(now) {
            self.ask_again_at = None;
            for index in 0..parts.roster.places() {
                self.ask_start(parts.roster, now, index);
            }
        }
        if parts.streams.next_check.is_some_and(|check| check <= now) {
            Self::check_streams(parts, now, all_read, speaks);
        }
    }

    /// What is missing, and what is to be asked of others.
    pub(crate) fn write(
        &mut self,
        rooms: Rooms,
        parts: &mut Parts<'_>,
        now: Tick,
        w: &mut Writer<'_>,
    ) -> Result<(), BufferTooSmall> {
        if rooms.receive_streams() {
            return Self::write_nacks(parts, now, w);
        }
        if self.asks(now) {
            self.write_asks(parts, now, w)?;
        }
        Ok(())
    }

    /// Notes answers that are due and, if everything that arrived has been read, stops waiting where that
    /// has taken too long.
    fn check_streams(parts: &mut Parts<'_>, now: Tick, all_read: bool, speaks: bool) {
        let longest = parts.tools.config.max_wait;
        for at in 0..parts.streams.len() {
            if !parts.streams.is(at, |_| true) {
                continue;
            }
            let Some((stream, window)) = parts.streams.with_window(at, parts.slots) else {
                continue;
            };
            if all_read && stream.stuck_for(now) >= longest {
                stream.give_up_first(&window, parts.pool);
            }
            if stream.ack_at.is_some_and(|due| due <= now) {
                stream.ack_at = None;
                parts.roster.owe_ack(stream.peer);
            }
            if !speaks {
                // It cannot ask. What is missing comes because others ask, or is given up.
                stream.ask_at = None;
                stream.states_at = None;
            }
            parts.streams.note(at, longest);
        }
        parts.streams.recount(longest);
    }
}
