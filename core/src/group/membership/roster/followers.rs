//! Since when the peers are in this member's own stream, how far they are, and what they have of it (PROTOCOL §6).

use super::{Answer, Entry, Roster, is_before};
use crate::ident::MemberId;
use crate::wire::Start;

impl Roster {
    /// What the member at `index` is told: from where on it is counted in.
    pub(crate) fn start_of(&self, index: usize) -> Option<Start> {
        let entry = self.places.get(index).filter(|entry| entry.is_taker())?;
        Some(entry.start())
    }

    /// The entry at `index` is counted in from this number of the own stream on.
    pub(crate) fn count_in(&mut self, index: usize, next: u32) {
        if let Some(entry) = self.places.get_mut(index) {
            entry.counted_from = next;
        }
    }

    /// Everybody is counted in from this number of the own stream on.
    pub(crate) fn count_in_from(&mut self, next: u32) {
        for entry in self.places.iter_mut() {
            entry.counted_from = next;
        }
    }

    /// The members for whom the own stream begins before `next`, from the `from`th on and round.
    pub(crate) fn counted_in(&self, from: usize, next: u32) -> impl Iterator<Item = &Entry> {
        let takers = || self.places.iter().filter(|entry| entry.is_taker());
        let all = takers().skip(from).chain(takers().take(from));
        all.filter(move |entry| entry.counted_from != next)
    }

    /// How far a peer is in this member's own stream, if that waits for it.
    pub(crate) fn reach(&self, index: usize) -> Option<u32> {
        self.places.get(index)?.reach()
    }

    /// A entry is so far in this member's own stream, which waits for it from now on.
    pub(crate) fn set_reach(&mut self, index: usize, next: u32) {
        if let Some(entry) = self.places.get_mut(index) {
            entry.set_reach(Some(next));
        }
    }

    /// Waits for nobody any more that is before `expected`.
    pub(crate) fn give_up_before(&mut self, expected: u32) {
        for entry in self.places.iter_mut() {
            entry.set_reach(entry.reach().filter(|reach| !is_before(*reach, expected)));
        }
    }

    /// Waits for nobody any more.
    pub(crate) fn wait_for_nobody(&mut self) {
        for entry in self.places.iter_mut() {
            entry.set_reach(None);
        }
    }

    /// How far the slowest member is that is waited for.
    pub(crate) fn slowest(&self) -> Option<u32> {
        let takers = self.places.iter().filter(|entry| entry.is_taker());
        let reaches = takers.filter_map(Entry::reach);
        reaches.reduce(|a, b| if is_before(a, b) { a } else { b })
    }

    /// Something else is to be confirmed.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn forget_answers(&mut self) {
        for entry in self.places.iter_mut() {
            entry.answer = Answer::Open;
        }
    }

    /// Whether a member said that it will never have all of what is to be confirmed.
    pub(crate) fn lacks(&self, id: MemberId) -> bool {
        let mut members = self.places.iter().filter(|entry| entry.is_member());
        members.any(|entry| entry.peer.id() == id && entry.answer == Answer::Lacks)
    }

    /// Whether every member that takes the stream said whether it has what is to be confirmed.
    pub(crate) fn all_answered(&self) -> bool {
        let mut takers = self.places.iter().filter(|entry| entry.is_taker());
        takers.all(|entry| entry.answer != Answer::Open)
    }
}
