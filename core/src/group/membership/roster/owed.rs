//! What is owed to one entry alone (PROTOCOL §3.7).

use core::net::SocketAddr;

use super::{Owed, Roster};
use crate::group::random::Random;
use crate::time::Tick;
use crate::wire::Echo;

impl Roster {
    /// The members' clocks that were not sent back yet, as many as fit `into`, from somewhere on: if
    /// everybody began with the same members, the others would never be answered. Returns their bytes.
    pub(crate) fn take_echoes(&mut self, now: Tick, random: &mut Random, into: &mut [u8]) -> usize {
        let mut len = 0usize;
        let places = self.places.len();
        let start = random.below(u32::try_from(places).unwrap_or(u32::MAX));
        let mut at = usize::try_from(start).unwrap_or_default();
        for _ in 0..places {
            let Some(place) = into
                .get_mut(len..)
                .and_then(|rest| rest.get_mut(..Echo::LEN))
            else {
                break;
            };
            at = at.saturating_add(1);
            if at >= places {
                at = 0;
            }
            let Some(entry) = self.places.get_mut(at) else {
                continue;
            };
            let Some((stamp, held)) = entry.take_stamp(now).filter(|_| entry.is_member()) else {
                continue;
            };
            let echo = Echo {
                member: entry.peer.id.get(),
                stamp,
                held: held.as_micros(),
            };
            place
                .iter_mut()
                .zip(echo.to_bytes())
                .for_each(|(to, from)| *to = from);
            len = len.saturating_add(Echo::LEN);
        }
        len
    }

    /// A member is owed an ACK.
    pub(crate) fn owe_ack(&mut self, index: usize) {
        self.change(index, |entry| entry.owed = entry.owed.or(Some(Owed::Ack)));
    }

    /// A datagram of a peer was taken.
    pub(crate) fn pay(&mut self, index: usize, octets: usize) {
        if let Some(entry) = self.places.get_mut(index) {
            entry.credit.pay(octets);
        }
    }

    /// When a peer that asks for an ACK at `due` has it, while this receiver is at `next` in its stream.
    pub(crate) fn ack_due(&self, index: usize, now: Tick, next: u32, due: Tick) -> Tick {
        let entry = self.places.get(index);
        entry.map_or(due, |entry| due.max(now + entry.credit.pause(now, next)))
    }

    /// A entry was told that this receiver is at `next` in its stream.
    pub(crate) fn ack_sent(&mut self, index: usize, now: Tick, next: u32) {
        if let Some(entry) = self.places.get_mut(index) {
            entry.credit.ack_sent(now, next);
        }
    }

    /// Whether a peer is owed this without drawing on what all have together who are not proven.
    pub(crate) fn has_earned(&mut self, index: usize, owed: Owed) -> bool {
        let entry = self.places.get_mut(index);
        entry.is_some_and(|entry| entry.is_proven() || (owed == Owed::Ack && entry.credit.spend()))
    }

    /// The next datagram owed by unicast, and to whom.
    pub(crate) fn take_owed(&mut self) -> Option<(usize, SocketAddr, Owed)> {
        if self.owed == 0 {
            return None;
        }
        let index = self
            .places
            .position(self.owed_from, |entry| entry.owed.is_some())?;
        self.owed_from = index;
        self.change(index, |entry| {
            entry
                .owed
                .take()
                .map(|owed| (index, entry.peer.address, owed))
        })?
    }

    /// Whether a HELLO is owed by unicast.
    pub(crate) const fn has_owed(&self) -> bool {
        self.owed > 0
    }
}
