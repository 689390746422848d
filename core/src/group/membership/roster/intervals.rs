//! Which HELLO intervals are believed (PROTOCOL §3.2).

use super::{Entry, Presence, Roster, backoff};

impl Roster {
    /// The longest HELLO interval that is believed: twice what the protocol gives for the group's size. That is
    /// the size of this roster, or what members usually state if that is larger: the roster may be a small one
    /// in a large group. One that states a size nobody else does changes nothing.
    pub(super) fn longest_interval(&self) -> u16 {
        let own = self.members.saturating_add(1);
        let own_stated = backoff::encode_group_size(own);
        let stated = || {
            let members = self.places.iter().filter(|entry| entry.is_member());
            let stated = members.map(Entry::group_size).filter(|size| *size > 0);
            stated.chain(core::iter::once(own_stated))
        };
        // The lower median: no more than half state less.
        let half = stated().count().div_ceil(2);
        let mut usual = 0u8;
        for bit in (0..u8::BITS).rev() {
            let larger = usual | 1 << bit;
            if stated().filter(|size| *size < larger).count() < half {
                usual = larger;
            }
        }
        let size = own.max(backoff::decode_group_size(usual));
        let longest = Presence::interval(size).saturating_mul(2);
        u16::try_from(longest.as_millis() / 10).unwrap_or(u16::MAX)
    }

    /// Finds which HELLO intervals are believed now. Whether that is another than before.
    pub(super) fn believe_intervals(&mut self) -> bool {
        let longest = self.longest_interval();
        if longest == self.longest {
            return false;
        }
        self.longest = longest;
        let places = self.places.iter_mut();
        places.for_each(|entry| entry.believe_interval(longest));
        true
    }
}
