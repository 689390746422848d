//! Where this receiver is in the peers' streams while none is kept for them (PROTOCOL §5).

use super::{Change, Entry, Position, Roster};

impl Roster {
    /// Where this receiver is in a peer's stream, while no stream is kept for it.
    pub(crate) fn position(&self, index: usize) -> Option<Position> {
        self.places.get(index)?.position
    }

    /// Notes where following a peer's stream begins.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn begin(&mut self, index: usize, start: Position) {
        if let Some(entry) = self.places.get_mut(index) {
            entry.begin(start);
        }
    }

    /// Asks a peer since when it counts this member in, if that is not known. Whether it does.
    pub(crate) fn ask_start(&mut self, index: usize) -> bool {
        let lacks = self.places.get(index).is_some_and(Entry::lacks_start);
        lacks && self.change(index, Entry::ask_start) == Some(true)
    }

    /// Notes where this receiver is in a peer's stream that is not kept any more.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn stow(&mut self, index: usize, position: Position, rest: u8) {
        if let Some(entry) = self.places.get_mut(index) {
            entry.stow(position, rest);
        }
    }

    /// Before which number a peer has sent everything, as far as was told.
    pub(crate) fn told(&self, index: usize) -> u32 {
        self.places.get(index).map_or(0, |entry| entry.told().0)
    }

    /// A entry that is gone has a last gap, without a stream: it is told before the end. Whether there is one.
    pub(crate) fn end_without_stream(&mut self, index: usize) -> bool {
        let ends = |entry: &mut Entry| {
            if entry.is_owed() {
                entry.pending = entry.pending.or(Some(Change::Ended));
            }
            entry.is_owed()
        };
        self.change(index, ends).unwrap_or_default()
    }
}
