//! The places of the roster: a peer keeps its place, and is found by its id in constant time.
//!
//! Ids are spread over as many chains as there are places. Each place holds, besides its entry, the
//! beginning of one chain and the link to the next entry in its entry's chain.

use super::entry::Entry;
use crate::group::work;
use crate::ident::MemberId;

/// No place: the end of a chain.
const NONE: u16 = u16::MAX;

/// One place, and the beginning of one chain.
///
/// An empty one can be all zeros, because the tag is told where it has to be. An `Option` puts its own wherever
/// the entry has values to spare, where it is not 0; or, if it has none, before it, at the price of an alignment.
#[derive(Clone, Copy, Debug)]
#[repr(u16)]
#[expect(
    clippy::large_enum_variant,
    reason = "a place has room for a peer, whether it is taken or not"
)]
pub(crate) enum Place {
    Empty(Links),
    Taken(Links, Entry),
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Links {
    /// The first entry of the chain with this place's number.
    first: u16,
    /// The next entry in the chain of this place's entry.
    next: u16,
}

impl Place {
    const fn entry(&self) -> Option<&Entry> {
        match self {
            Self::Empty(_) => None,
            Self::Taken(_, entry) => Some(entry),
        }
    }

    const fn entry_mut(&mut self) -> Option<&mut Entry> {
        match self {
            Self::Empty(_) => None,
            Self::Taken(_, entry) => Some(entry),
        }
    }

    const fn links(&self) -> Links {
        let (Self::Empty(links) | Self::Taken(links, _)) = self;
        *links
    }

    const fn links_mut(&mut self) -> &mut Links {
        let (Self::Empty(links) | Self::Taken(links, _)) = self;
        links
    }
}

/// Places over any storage; code is written for the unsized [`Places`].
#[derive(Debug)]
pub(crate) struct Places<B: ?Sized = [Place]> {
    /// No place before this one is free.
    free: usize,
    /// No place from this one on has ever been taken.
    end: usize,
    places: B,
}

impl<const N: usize> Places<[Place; N]> {
    /// Zeros. [`clear`](Places::clear) makes places of them.
    pub(crate) const fn new() -> Self {
        const {
            assert!(N < NONE as usize, "a roster has 65,534 places at most");
        }
        Self {
            free: 0,
            end: 0,
            places: [Place::Empty(Links { first: 0, next: 0 }); N],
        }
    }
}

impl Places {
    pub(crate) fn clear(&mut self) {
        self.free = 0;
        self.end = 0;
        for place in &mut self.places {
            *place = Place::Empty(Links {
                first: NONE,
                next: NONE,
            });
        }
    }

    /// How many places have been in use: those from here on are empty.
    pub(crate) const fn len(&self) -> usize {
        self.end
    }

    #[inline(never)]
    pub(crate) fn get(&self, index: usize) -> Option<&Entry> {
        self.places.get(index)?.entry()
    }

    #[inline(never)]
    pub(crate) fn get_mut(&mut self, index: usize) -> Option<&mut Entry> {
        self.places.get_mut(index)?.entry_mut()
    }

    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Entry> {
        work::count(self.end);
        let used = self.places.get(..self.end).unwrap_or_default();
        used.iter().filter_map(Place::entry)
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Entry> {
        work::count(self.end);
        let used = self.places.get_mut(..self.end).unwrap_or_default();
        used.iter_mut().filter_map(Place::entry_mut)
    }

    /// The first entry from place `start` on of which `is_it` is true.
    pub(crate) fn position(&self, start: usize, is_it: impl Fn(&Entry) -> bool) -> Option<usize> {
        let used = self.places.get(start..self.end).unwrap_or_default();
        let at = used
            .iter()
            .position(|place| place.entry().is_some_and(&is_it))?;
        Some(start.saturating_add(at))
    }

    /// The place of the entry with this id.
    pub(crate) fn find(&self, id: MemberId) -> Option<usize> {
        let mut at = self.places.get(self.chain(id))?.links().first;
        // A chain is never longer than the table.
        for _ in 0..self.end {
            work::count(1);
            let place = self.places.get(usize::from(at))?;
            if place.entry()?.peer.id == id {
                return Some(usize::from(at));
            }
            at = place.links().next;
        }
        None
    }

    /// A free place.
    pub(crate) fn vacancy(&self) -> Option<usize> {
        let mut rest = self.places.iter().enumerate().skip(self.free);
        rest.find(|(_, place)| place.entry().is_none())
            .map(|(index, _)| index)
    }

    /// Gives a place to a peer. Whoever had it is forgotten.
    pub(crate) fn put(&mut self, index: usize, entry: Entry) {
        self.remove(index);
        let chain = self.chain(entry.peer.id);
        let Some(next) = self.places.get(chain).map(|place| place.links().first) else {
            return;
        };
        let (Some(place), Ok(number)) = (self.places.get_mut(index), u16::try_from(index)) else {
            return;
        };
        let first = place.links().first;
        *place = Place::Taken(Links { first, next }, entry);
        if let Some(place) = self.places.get_mut(chain) {
            place.links_mut().first = number;
        }
        self.end = self.end.max(index.saturating_add(1));
        if self.free == index {
            self.free = index.saturating_add(1);
        }
    }

    /// Forgets the entry at a place.
    pub(crate) fn remove(&mut self, index: usize) -> Option<Entry> {
        let place = self.places.get_mut(index)?;
        let Place::Taken(links, entry) = *place else {
            return None;
        };
        *place = Place::Empty(links);
        self.free = self.free.min(index);
        let chain = self.chain(entry.peer.id);
        let number = u16::try_from(index).ok()?;
        let head = self.places.get_mut(chain)?.links_mut();
        if head.first == number {
            head.first = links.next;
            return Some(entry);
        }
        let mut at = head.first;
        for _ in 0..self.end {
            let link = self.places.get_mut(usize::from(at))?.links_mut();
            if link.next == number {
                link.next = links.next;
                break;
            }
            at = link.next;
        }
        Some(entry)
    }

    /// The chain of an id: ids that follow one another are spread, too (Fibonacci hashing).
    fn chain(&self, id: MemberId) -> usize {
        let hash = id.get().wrapping_mul(0x9e37_79b9);
        let chains = u64::try_from(self.places.len()).unwrap_or_default();
        usize::try_from(u64::from(hash).wrapping_mul(chains) >> 32).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ident::{GroupTag, Session};
    use crate::time::Tick;
    use crate::wire::{Header, Suite};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn entry(id: u32) -> Entry {
        let header = Header {
            suite: Suite::Open,
            tag: GroupTag::new(0),
            sender: MemberId::new(id).unwrap(),
            session: Session::new(1),
            counter: 1,
        };
        let from = ([10, 0, 0, 1], 1).into();
        Entry::new(Tick::from_millis(0), from, &header)
    }

    proptest! {
        #[test]
        fn who_has_a_place_is_found_and_nobody_else(
            steps in proptest::collection::vec((any::<bool>(), 1u32..40), 1..400),
        ) {
            let places: &mut Places = &mut Places::<[Place; 16]>::new();
            places.clear();
            let mut model = BTreeMap::new();
            for (put, id) in steps {
                let found = places.find(MemberId::new(id).unwrap());
                prop_assert_eq!(found, model.get(&id).copied());
                match found {
                    Some(index) if !put => {
                        places.remove(index);
                        model.remove(&id);
                    }
                    None if put => {
                        // When all are taken, the first one gives way.
                        let index = places.vacancy().unwrap_or(0);
                        model.retain(|_, at| *at != index);
                        places.put(index, entry(id));
                        model.insert(id, index);
                    }
                    _ => {}
                }
                prop_assert_eq!(places.iter().count(), model.len());
                prop_assert_eq!(places.vacancy().is_none(), model.len() == 16);
            }
        }
    }

    #[test]
    fn ids_in_a_row_are_spread_over_the_chains() {
        let places: &Places = &Places::<[Place; 1000]>::new();
        let mut chains = std::vec![0; 1000];
        for id in 1..=1000 {
            chains[places.chain(MemberId::new(id).unwrap())] += 1;
        }
        assert!(*chains.iter().max().unwrap() <= 3);
    }
}
