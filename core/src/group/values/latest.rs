//! Which value of each channel is the newest: for the classes that drop older ones.

use crate::counters::{Counters, count};
use crate::group::serial::distance;
use crate::group::work;
use crate::wire::Data;

/// The newest value seen of one channel of one member.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    /// The member's place on the roster; `None`: the entry is free.
    peer: Option<u16>,
    channel: u8,
    /// Whether it is a State value: those have sequence numbers of their own.
    state: bool,
    /// A newer State value may have been lost since.
    doubtful: bool,
    sequence: u32,
}

/// The newest values over any storage; code is written for the unsized [`Latest`].
#[derive(Debug)]
pub(crate) struct Latest<B: ?Sized = [Seen]> {
    /// Which entry gives way next when all are taken.
    victim: usize,
    /// One had to give way.
    forgets: bool,
    entries: B,
}

impl<const N: usize> Latest<[Seen; N]> {
    pub(crate) const fn new() -> Self {
        let free = Seen {
            peer: None,
            channel: 0,
            state: false,
            doubtful: false,
            sequence: 0,
        };
        Self {
            victim: 0,
            forgets: false,
            entries: [free; N],
        }
    }
}

impl Latest {
    pub(crate) fn clear(&mut self) {
        self.forgets = false;
        for entry in &mut self.entries {
            entry.peer = None;
        }
    }

    /// Forgets what a member said: it started again, or its place is another's now.
    pub(crate) fn forget(&mut self, peer: usize) {
        let peer = u16::try_from(peer).ok();
        for entry in self.entries.iter_mut().filter(|entry| entry.peer == peer) {
            entry.peer = None;
        }
    }

    /// A value of a class of which only the newest counts. Whether it is to be delivered.
    pub(crate) fn on_data(
        &mut self,
        index: usize,
        state: bool,
        data: &Data<'_>,
        counters: &mut Counters,
    ) -> bool {
        let (newer, _) = self.accept(index, data.channel, state, data.sequence);
        if state && data.answers_ask() {
            // It was asked for, and so it is the newest.
            self.trust(index, data.channel);
        }
        if !newer {
            count(&mut counters.values_old);
        }
        newer
    }

    /// Whether this value is newer than what was seen of the channel, and notes it. The second is
    /// whether an entry of another channel had to give way for that.
    fn accept(&mut self, peer: usize, channel: u8, state: bool, sequence: u32) -> (bool, bool) {
        let Ok(peer) = u16::try_from(peer) else {
            return (true, false);
        };
        work::count(self.entries.len());
        let mut free = None;
        for (at, entry) in self.entries.iter_mut().enumerate() {
            if entry.peer.is_none() {
                free = free.or(Some(at));
            } else if (entry.peer, entry.channel, entry.state) == (Some(peer), channel, state) {
                // Half way round it says nothing.
                let newer = distance(entry.sequence, sequence) > 0;
                if newer {
                    entry.sequence = sequence;
                }
                return (newer, false);
            }
        }
        let at = free.unwrap_or(self.victim);
        if free.is_none() {
            let next = self.victim.saturating_add(1);
            self.victim = if next < self.entries.len() { next } else { 0 };
        }
        let forgot = free.is_none();
        self.forgets |= forgot;
        if let Some(entry) = self.entries.get_mut(at) {
            *entry = Seen {
                peer: Some(peer),
                channel,
                state,
                doubtful: false,
                sequence,
            };
        }
        (true, forgot)
    }

    /// Something of a member was lost: it may have been the newest value of any State channel.
    pub(crate) fn doubt(&mut self, peer: usize) {
        let peer = u16::try_from(peer).ok();
        for entry in self.entries.iter_mut().filter(|entry| entry.peer == peer) {
            entry.doubtful = true;
        }
    }

    /// The value of a State channel that has just come is the newest there is.
    pub(crate) fn trust(&mut self, peer: usize, channel: u8) {
        self.mark(peer, channel, false);
    }

    /// The value of a State channel that has just come is the newest there is, or may not be.
    pub(crate) fn mark(&mut self, peer: usize, channel: u8, is_doubtful: bool) {
        let peer = u16::try_from(peer).ok();
        let is_it =
            |entry: &&mut Seen| (entry.peer, entry.channel, entry.state) == (peer, channel, true);
        if let Some(entry) = self.entries.iter_mut().find(is_it) {
            entry.doubtful = is_doubtful;
        }
    }

    /// Whether there has been no room for all values since the beginning.
    pub(crate) const fn forgets(&self) -> bool {
        self.forgets
    }

    /// How many State values of a member have been seen, as new as they are.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn states_of(&self, peer: usize) -> usize {
        work::count(self.entries.len());
        let peer = u16::try_from(peer).ok();
        self.entries
            .iter()
            .filter(|entry| entry.peer == peer && entry.state && !entry.doubtful)
            .count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_newer_values_pass_and_wrap_is_newer() {
        let latest: &mut Latest = &mut Latest::<[Seen; 2]>::new();
        assert_eq!(latest.accept(0, 1, false, u32::MAX), (true, false));
        assert_eq!(latest.accept(0, 1, false, u32::MAX), (false, false));
        assert_eq!(latest.accept(0, 1, false, 0), (true, false));
        assert_eq!(latest.accept(0, 1, false, u32::MAX), (false, false));
        assert_eq!(
            latest.accept(0, 1, true, 5),
            (true, false),
            "state values count apart"
        );
        assert_eq!(
            latest.accept(1, 1, false, 7),
            (true, true),
            "the table is full"
        );
        latest.forget(1);
        assert_eq!(latest.accept(1, 1, false, 3), (true, false));
        assert_eq!(latest.states_of(0), 1);
    }
}
