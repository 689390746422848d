//! What a sealed group remembers of who is believed (PROTOCOL §8.4).

use super::{Entry, Roster, Verdict};
use crate::ident::MemberId;
use crate::time::Tick;
use crate::wire::Header;

impl Roster {
    /// Whether something was forgotten since this was asked last.
    pub(crate) const fn take_forgotten(&mut self) -> bool {
        core::mem::replace(&mut self.forgotten, false)
    }

    /// The challenge for which a sender's session was believed, if it has a place.
    pub(crate) fn believed_with(&self, sender: MemberId) -> Option<u64> {
        let index = self.places.find(sender)?;
        self.places.get(index).map(Entry::believed_with)
    }

    /// Looks at a datagram whose sender may have a place, and remembers nothing. `None`: it has none,
    /// begins another session, or has to prove that it is there.
    pub(crate) fn judge(&self, now: Tick, header: &Header) -> Option<Verdict> {
        let index = self.places.find(header.sender)?;
        self.places.get(index)?.judge(now, header)
    }

    /// A sender has proved to be there now: it sent this challenge back, in a datagram of this header.
    pub(crate) fn prove(&mut self, now: Tick, header: &Header, challenge: u64) {
        if let Some(index) = self.places.find(header.sender) {
            self.change(index, |entry| entry.prove(now, header, challenge));
        }
    }
}
