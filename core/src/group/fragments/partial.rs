//! Messages of several fragments that need not arrive: best effort, any order, at most once.
//!
//! Fragments wait in the pool, linked to each other. When a message begins for which there is no
//! place, the oldest one gives way.

use super::body::Body;
use super::pool::{Handle, Meta, Pool};
use crate::counters::{Counters, count};
use crate::time::{Ageing, Tick};
use crate::wire::Data;

/// A message of which some fragments have come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Partial {
    peer: usize,
    session: u32,
    first: u32,
    last: u8,
    have: u16,
    newest: Handle,
    begun: Tick,
}

/// Such messages over any storage; code is written for the unsized [`Partials`].
#[derive(Debug)]
pub(crate) struct Partials<B: ?Sized = [Option<Partial>]> {
    places: B,
}

/// A message that was put together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Assembled {
    /// Its sequence number.
    pub(crate) first: u32,
    pub(crate) channel: u8,
    /// It ends with a signature.
    pub(crate) signed: bool,
    /// How many bytes it has, with the signature.
    pub(crate) len: usize,
}

/// What became of a fragment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Piece {
    /// It waits for the others. So many messages had to give way.
    Stored {
        /// Messages given up for it.
        evicted: u32,
    },
    /// It was the last one that was missing: the message is at this place.
    Complete(usize),
    /// There is no room for it.
    NoRoom,
}

impl<const N: usize> Partials<[Option<Partial>; N]> {
    pub(crate) const fn new() -> Self {
        Self { places: [None; N] }
    }
}

impl Partials {
    pub(crate) fn clear(&mut self) {
        self.places.fill(None);
    }

    /// Time makes them older.
    pub(crate) fn age(&mut self, ageing: Ageing) {
        for partial in self.places.iter_mut().flatten() {
            let Partial {
                peer: _,
                session: _,
                first: _,
                last: _,
                have: _,
                newest: _,
                begun,
            } = partial;
            ageing.tick(begun);
        }
    }

    /// A fragment of a best-effort message arrived, of this sender and this life. If the message is complete: its
    /// place.
    pub(crate) fn on_data(
        &mut self,
        now: Tick,
        (peer, session): (usize, u32),
        data: &Data<'_>,
        pool: &mut Pool,
        counters: &mut Counters,
    ) -> Option<usize> {
        let meta = Meta::of(data);
        match self.take(now, peer, session, meta, data.payload, pool) {
            Piece::Complete(at) => return Some(at),
            Piece::Stored { evicted } => {
                let sum = counters.partials_evicted;
                counters.partials_evicted = sum.wrapping_add(u64::from(evicted));
            }
            Piece::NoRoom => count(&mut counters.fragments_no_room),
        }
        None
    }

    /// A fragment is put to the others of its message.
    fn take(
        &mut self,
        now: Tick,
        peer: usize,
        session: u32,
        meta: Meta,
        payload: &[u8],
        pool: &mut Pool,
    ) -> Piece {
        let first = meta.sequence.wrapping_sub(u32::from(meta.fragment));
        let is_it = |partial: &Partial| {
            (partial.peer, partial.session, partial.first, partial.last)
                == (peer, session, first, meta.last)
        };
        let mut evicted = 0u32;
        let at = self
            .places
            .iter()
            .position(|place| place.as_ref().is_some_and(is_it));
        let handle = loop {
            if let Some(handle) = pool.store(meta, Body::new(payload)) {
                break handle;
            }
            // The oldest message gives way, but not to itself.
            if !self.evict_oldest(at, pool) {
                return Piece::NoRoom;
            }
            evicted = evicted.saturating_add(1);
        };
        if let Some(at) = at {
            let Some(Some(partial)) = self.places.get_mut(at) else {
                return Piece::NoRoom;
            };
            pool.link(handle, Some(partial.newest));
            partial.newest = handle;
            partial.have = partial.have.saturating_add(1);
            return if partial.have > u16::from(partial.last) {
                Piece::Complete(at)
            } else {
                Piece::Stored { evicted }
            };
        }
        if !self.places.iter().any(Option::is_none) {
            self.evict_oldest(None, pool);
            evicted = evicted.saturating_add(1);
        }
        let new = Partial {
            peer,
            session,
            first,
            last: meta.last,
            have: 1,
            newest: handle,
            begun: now,
        };
        match self.places.iter_mut().find(|place| place.is_none()) {
            Some(place) => *place = Some(new),
            None => {
                pool.release(handle);
                return Piece::NoRoom;
            }
        }
        Piece::Stored { evicted }
    }

    /// Gives up the oldest message, other than the one at `spare`.
    pub(crate) fn evict_oldest(&mut self, spare: Option<usize>, pool: &mut Pool) -> bool {
        let oldest = self
            .places
            .iter()
            .enumerate()
            .filter(|(at, _)| Some(*at) != spare)
            .filter_map(|(at, place)| place.map(|partial| (partial.begun, at)))
            .min();
        match oldest {
            Some((_, at)) => {
                self.release(at, pool);
                true
            }
            None => false,
        }
    }

    /// How many bytes the fragments at a place have, as far as they have come.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn message_len(&self, at: usize, pool: &Pool) -> usize {
        let mut next = self.places.get(at).copied().flatten().map(|p| p.newest);
        let mut len = 0usize;
        while let Some(meta) = next.and_then(|handle| pool.meta(handle)) {
            len = len.saturating_add(usize::from(meta.len));
            next = Pool::linked(meta);
        }
        len
    }

    /// Puts the message at a place together, of which as many fragments have come as there are, and gives
    /// them back. `None` if they are not those of one message.
    pub(crate) fn assemble(
        &mut self,
        at: usize,
        into: &mut [u8],
        pool: &mut Pool,
    ) -> Option<Assembled> {
        let partial = self.places.get(at).copied().flatten()?;
        let message = read(partial, into, pool);
        self.release(at, pool);
        message
    }

    /// Gives up the messages of a member.
    pub(crate) fn forget(&mut self, peer: usize, pool: &mut Pool) {
        for at in 0..self.places.len() {
            if self
                .places
                .get(at)
                .copied()
                .flatten()
                .is_some_and(|partial| partial.peer == peer)
            {
                self.release(at, pool);
            }
        }
    }

    fn release(&mut self, at: usize, pool: &mut Pool) {
        let Some(partial) = self.places.get_mut(at).and_then(Option::take) else {
            return;
        };
        let mut next = Some(partial.newest);
        while let Some(handle) = next {
            next = pool.meta(handle).and_then(Pool::linked);
            pool.release(handle);
        }
    }
}

/// Reads the fragments in the order in which they are linked: all but the last have the same length, so each one's
/// place is known. To look for each would take as long as the square of their number.
fn read(partial: Partial, into: &mut [u8], pool: &Pool) -> Option<Assembled> {
    let fragments = || {
        let next = move |handle: &Handle| pool.meta(*handle).and_then(Pool::linked);
        core::iter::successors(Some(partial.newest), next)
            .filter_map(|handle| Some((handle, pool.meta(handle)?)))
    };
    let is_last = |meta: &Meta| meta.fragment == partial.last;
    let size = fragments().find(|(_, meta)| !is_last(meta))?.1.len;
    let mut assembled = None;
    let mut seen = [0u32; 8];
    for (handle, meta) in fragments() {
        let bits = seen.get_mut(usize::from(meta.fragment >> 5))?;
        let bit = 1 << (meta.fragment & 31);
        if *bits & bit != 0 || (!is_last(&meta) && meta.len != size) {
            return None;
        }
        *bits |= bit;
        let start = usize::from(meta.fragment).saturating_mul(usize::from(size));
        let len = pool.read(handle, into.get_mut(start..)?)?;
        if is_last(&meta) {
            assembled = Some(Assembled {
                first: partial.first,
                channel: meta.channel,
                signed: meta.signed,
                len: start.saturating_add(len),
            });
        }
    }
    assembled
}
