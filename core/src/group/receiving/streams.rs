//! The reliable streams of all senders: a table of them, and their windows.

use super::stream::{Slot, Stream, Window};
use crate::group::fragments::Pool;
use crate::group::membership::Position;
use crate::time::{Ageing, Span, Tick};

/// Streams over any storage; code is written for the unsized [`Streams`].
#[derive(Debug)]
pub(crate) struct Streams<B: ?Sized = [Stream]> {
    /// Whether a stream may have something to deliver or to report.
    pub(crate) any_ready: bool,
    /// Never later than the first moment at which a stream has something to do.
    pub(crate) next_check: Option<Tick>,
    table: B,
}

/// Whose stream gave way, where it was, and how many numbers are still to come of the message before.
type Evicted = (usize, Position, u8);

/// There is no place for another stream.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct StreamsFull;

impl<const N: usize> Streams<[Stream; N]> {
    pub(crate) const fn new() -> Self {
        Self {
            any_ready: false,
            next_check: None,
            table: [Stream::FREE; N],
        }
    }
}

impl Streams {
    pub(crate) fn clear(&mut self) {
        self.any_ready = false;
        self.next_check = None;
        self.table.iter_mut().for_each(Stream::free);
    }

    /// Time makes them older.
    pub(crate) fn age(&mut self, ageing: Ageing) {
        let Self {
            any_ready: _,
            next_check,
            table,
        } = self;
        ageing.maybe(next_check);
        table.iter_mut().for_each(|stream| stream.age(ageing));
    }

    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn get(&self, at: usize) -> Option<&Stream> {
        self.table.get(at)?.there()
    }

    pub(crate) fn get_mut(&mut self, at: usize) -> Option<&mut Stream> {
        self.table.get_mut(at)?.there_mut()
    }

    /// Whether there is a stream at `at` of which this is so. Most places are free, and this is in line.
    pub(crate) fn is(&self, at: usize, so: impl FnOnce(&Stream) -> bool) -> bool {
        self.get(at).is_some_and(so)
    }

    /// The stream at `at`, and its window.
    #[inline(never)]
    pub(crate) fn with_window<'a>(
        &'a mut self,
        at: usize,
        slots: &'a mut [Slot],
    ) -> Option<(&'a mut Stream, Window<'a>)> {
        let count = self.table.len();
        let stream = self.get_mut(at)?;
        Some((stream, window(slots, count, at)))
    }

    /// The stream of the peer at this place of the roster.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn find(&self, peer: usize) -> Option<usize> {
        self.table
            .iter()
            .position(|place| place.there().is_some_and(|s| s.peer == peer))
    }

    /// Begins a stream. If there is no place, the one gives way that has been silent longest and has
    /// nothing missing: with the new stream's place comes whose it was, and where that was.
    pub(crate) fn begin(
        &mut self,
        now: Tick,
        peer: usize,
        session: u32,
        start: Position,
        slots: &mut [Slot],
        pool: &mut Pool,
    ) -> Result<(usize, Option<Evicted>), StreamsFull> {
        let free = self.table.iter().position(|place| place.there().is_none());
        let idle = || {
            let idle = self.table.iter().enumerate().filter_map(|(at, place)| {
                place.there().filter(|s| s.is_idle()).map(|s| (s.heard, at))
            });
            idle.min().map(|(_, at)| at)
        };
        let at = free.or_else(idle).ok_or(StreamsFull)?;
        let evicted = self.get(at);
        let evicted = evicted.map(|stream| (stream.peer, stream.position(), stream.rest));
        self.remove(at, slots, pool);
        let stream = Stream::new(now, peer, session, start);
        *self.table.get_mut(at).ok_or(StreamsFull)? = stream;
        Ok((at, evicted))
    }

    /// Forgets a stream and gives back what it stored.
    pub(crate) fn remove(&mut self, at: usize, slots: &mut [Slot], pool: &mut Pool) {
        let mut window = window(slots, self.table.len(), at);
        if let Some(stream) = self.table.get_mut(at).and_then(Stream::there_mut) {
            stream.release(&mut window, pool);
            stream.free();
        }
    }

    /// Drops a fragment of another stream for the next message of the one at `at`. What comes after the others' next
    /// messages gives way to it. Those themselves may each lack what the other one holds: so of two always the same
    /// has [precedence](Stream::rank). Whether one was dropped.
    pub(crate) fn make_room(
        &mut self,
        now: Tick,
        at: usize,
        longest: Span,
        slots: &mut [Slot],
        pool: &mut Pool,
    ) -> bool {
        let Some(rank) = self.get(at).map(|stream| (stream.rank(now), at)) else {
            return false;
        };
        for other in 0..self.table.len() {
            let Some((stream, mut window)) = self.with_window(other, slots) else {
                continue;
            };
            let even_that = rank < (stream.rank(now), other);
            if other != at && stream.give_way(now, even_that, &mut window, pool) {
                self.note(other, longest);
                return true;
            }
        }
        false
    }

    /// Notes what a stream wants after it was changed.
    pub(crate) fn note(&mut self, at: usize, longest: Span) {
        let Some(stream) = self.get(at) else { return };
        let ready = stream.is_ready;
        let due = stream.next_action(longest);
        self.any_ready |= ready;
        if let Some(due) = due.filter(|due| self.next_check.is_none_or(|check| *due < check)) {
            self.next_check = Some(due);
        }
    }

    /// Computes the first moment at which a stream has something to do.
    pub(crate) fn recount(&mut self, longest: Span) {
        let streams = self.table.iter().filter_map(Stream::there);
        self.next_check = streams
            .filter_map(|stream| stream.next_action(longest))
            .min();
    }
}

/// The window of the stream at `at`, of `count` streams that share the slots.
fn window(slots: &mut [Slot], count: usize, at: usize) -> Window<'_> {
    let size = slots.len().checked_div(count).unwrap_or_default();
    let start = at.saturating_mul(size);
    Window(
        slots
            .get_mut(start..start.saturating_add(size))
            .unwrap_or_default(),
    )
}
