//! Where this receiver is in the peers' streams while none is kept for them (PROTOCOL §5).

use super::{Change, Peer, Position, Roster};

impl Roster {
    /// Where this receiver is in a peer's stream, while no stream is kept for it.
    pub(crate) fn position(&self, index: usize) -> Option<Position> {
        self.places.get(index)?.position
    }

    /// Notes where following a peer's stream begins.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn begin(&mut self, index: usize, start: Position) {
        if let Some(peer) = self.places.get_mut(index) {
            peer.begin(start);
        }
    }

    /// Asks a peer since when it counts this member in, if that is not known. Whether it does.
    pub(crate) fn ask_start(&mut self, index: usize) -> bool {
        let lacks = self.places.get(index).is_some_and(Peer::lacks_start);
        lacks && self.change(index, Peer::ask_start) == Some(true)
    }

    /// Notes where this receiver is in a peer's stream that is not kept any more.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn stow(&mut self, index: usize, position: Position, rest: u8) {
        if let Some(peer) = self.places.get_mut(index) {
            peer.stow(position, rest);
        }
    }

    /// Before which number a peer has sent everything, as far as was told.
    pub(crate) fn told(&self, index: usize) -> u32 {
        self.places.get(index).map_or(0, |peer| peer.told().0)
    }

    /// A peer that is gone has a last gap, without a stream: it is told before the end. Whether there is one.
    pub(crate) fn end_without_stream(&mut self, index: usize) -> bool {
        let ends = |peer: &mut Peer| {
            if peer.is_owed() {
                peer.pending = peer.pending.or(Some(Change::Ended));
            }
            peer.is_owed()
        };
        self.change(index, ends).unwrap_or_default()
    }
}
