//! How far the members are (PROTOCOL §3.5).

use super::Roster;
use crate::group::membership::Way;

impl Roster {
    /// The usual round trip to the peer at this place.
    pub(crate) fn way(&self, index: Option<usize>) -> Way {
        let entry = index.and_then(|index| self.places.get(index));
        entry.map_or(Way::UNKNOWN, |entry| entry.way)
    }

    /// That of the nearest quarter of the members.
    pub(crate) fn near(&self) -> Way {
        Way::quarter(|| {
            let members = self.places.iter().filter(|entry| entry.is_member());
            members.map(|entry| entry.way)
        })
    }
}
