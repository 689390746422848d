//! Whether reliable streams are whole: what lies between the first and the last that a receiver was given or told
//! of is delivered, or in a gap, whatever session its sender was in when it was sent.

use std::collections::{BTreeMap, BTreeSet};

/// A reliable message: its first number, its fragments, and its place among all that its life sent.
#[derive(Clone, Copy, Debug)]
struct Sent {
    first: u32,
    fragments: u32,
    number: usize,
}

/// All reliable streams, and what came of them at whom. Lives are meant by their numbers.
#[derive(Debug, Default)]
pub struct Whole {
    streams: BTreeMap<usize, Vec<Sent>>,
    /// By receiver and sender: the places in the stream that are accounted for.
    accounted: BTreeMap<(usize, usize), BTreeSet<usize>>,
}

impl Whole {
    /// A life sent a reliable message.
    pub fn sent(&mut self, life: usize, number: usize, first: u32, fragments: usize) {
        let fragments = fragments as u32;
        self.streams.entry(life).or_default().push(Sent {
            first,
            fragments,
            number,
        });
    }

    /// A life was given a message of another.
    pub(super) fn given(&mut self, here: usize, there: usize, number: usize) {
        let stream = self.streams.get(&there).map_or(&[][..], Vec::as_slice);
        if let Ok(place) = stream.binary_search_by_key(&number, |sent| sent.number) {
            self.accounted
                .entry((here, there))
                .or_default()
                .insert(place);
        }
    }

    /// A life was told of a gap in the stream of another. An error if it covers what was not sent.
    pub(super) fn gap(
        &mut self,
        here: usize,
        there: usize,
        first: u32,
        last: u32,
    ) -> Result<(), String> {
        let stream = self.streams.get(&there).map_or(&[][..], Vec::as_slice);
        let covered = |sent: &Sent| {
            let inside = |number: u32| number.wrapping_sub(first) <= last.wrapping_sub(first);
            inside(sent.first) || first.wrapping_sub(sent.first) < sent.fragments
        };
        let places: Vec<_> = (0..stream.len())
            .filter(|place| covered(&stream[*place]))
            .collect();
        let sum: u32 = places.iter().map(|place| stream[*place].fragments).sum();
        let len = last.wrapping_sub(first).wrapping_add(1);
        if sum < len {
            return Err(format!("gap {first}..={last}, {sum} of that were sent"));
        }
        self.accounted
            .entry((here, there))
            .or_default()
            .extend(places);
        Ok(())
    }

    /// The first number of a sender's message that is missing in silence at a receiver.
    #[must_use]
    pub fn missing(&self, here: usize, there: usize) -> Option<u32> {
        let accounted = self.accounted.get(&(here, there))?;
        let (first, last) = (*accounted.first()?, *accounted.last()?);
        let missing = (first..last).find(|place| !accounted.contains(place))?;
        Some(self.streams[&there][missing].first)
    }
}
