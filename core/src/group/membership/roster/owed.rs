//! What is owed to one peer alone (PROTOCOL §3.7).

use core::net::SocketAddr;

use super::{Owed, Roster};
use crate::time::Tick;

impl Roster {
    /// A member is owed an ACK.
    pub(crate) fn owe_ack(&mut self, index: usize) {
        self.change(index, |peer| peer.owed = peer.owed.or(Some(Owed::Ack)));
    }

    /// A datagram of a peer was taken.
    pub(crate) fn pay(&mut self, index: usize, octets: usize) {
        if let Some(peer) = self.places.get_mut(index) {
            peer.credit.pay(octets);
        }
    }

    /// When a peer that asks for an ACK at `due` has it, while this receiver is at `next` in its stream.
    pub(crate) fn ack_due(&self, index: usize, now: Tick, next: u32, due: Tick) -> Tick {
        let peer = self.places.get(index);
        peer.map_or(due, |peer| due.max(now + peer.credit.pause(now, next)))
    }

    /// A peer was told that this receiver is at `next` in its stream.
    pub(crate) fn ack_sent(&mut self, index: usize, now: Tick, next: u32) {
        if let Some(peer) = self.places.get_mut(index) {
            peer.credit.ack_sent(now, next);
        }
    }

    /// Whether a peer is owed this without drawing on what all have together who are not proven.
    pub(crate) fn has_earned(&mut self, index: usize, owed: Owed) -> bool {
        let peer = self.places.get_mut(index);
        peer.is_some_and(|peer| peer.is_proven() || (owed == Owed::Ack && peer.credit.spend()))
    }

    /// The next datagram owed by unicast, and to whom.
    pub(crate) fn take_owed(&mut self) -> Option<(usize, SocketAddr, Owed)> {
        if self.owed == 0 {
            return None;
        }
        let index = self
            .places
            .position(self.owed_from, |peer| peer.owed.is_some())?;
        self.owed_from = index;
        self.change(index, |peer| {
            peer.owed
                .take()
                .map(|owed| (index, peer.member.address, owed))
        })?
    }

    /// Whether a HELLO is owed by unicast.
    pub(crate) const fn has_owed(&self) -> bool {
        self.owed > 0
    }
}
