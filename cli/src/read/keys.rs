//! The keys of sealed groups in a capture: they depend on the group's address, of which a capture may have several.

use core::net::SocketAddr;
use std::collections::BTreeMap;

use groupcast::Name;
use groupcast::seal::{DerivedKey, Keyring};
use groupcast::wire::Header;
use groupcast_std::key_file::KeyFile;

use crate::network::sealing;
use crate::options::Common;
use crate::process::failure::Failure;

/// Groups that keys are made for at most: whoever makes up more does not use up this machine's memory.
const GROUPS: usize = 64;

/// The keys that are there, made for each group that is met.
pub(super) struct Keys {
    file: Option<KeyFile>,
    name: Name,
    rings: BTreeMap<SocketAddr, Keyring>,
}

impl Keys {
    pub(super) fn load(common: &Common) -> Result<Self, Failure> {
        let file = sealing::load(common)?;
        let name = match (&common.group_name, &file) {
            (Some(name), _) => Name::new(name).ok_or_else(|| {
                Failure::Settings("the group's name is longer than 32 bytes".to_owned())
            })?,
            (None, Some(file)) => *file.group_name(),
            (None, None) => Name::EMPTY,
        };
        Ok(Self {
            file,
            name,
            rings: BTreeMap::new(),
        })
    }

    /// Tries the keys that a datagram may be sealed with. Whether there is one of its tag, and whether one opened it.
    pub(super) fn open(
        &mut self,
        to: SocketAddr,
        header: &Header,
        mut try_key: impl FnMut(&DerivedKey) -> bool,
    ) -> (bool, bool) {
        let Some(file) = &self.file else {
            return (false, false);
        };
        let has_room = self.rings.len() < GROUPS && !self.rings.contains_key(&to);
        if to.ip().is_multicast()
            && has_room
            && let Ok(ring) = Keyring::derive(file.keys(), to, &self.name)
        {
            self.rings.insert(to, ring);
        }
        let mut is_known = false;
        // What was sent to one member is of one of the groups that were met.
        let rings = self.rings.iter();
        let fitting = rings.filter(|(group, _)| **group == to || !to.ip().is_multicast());
        for (_, key) in fitting.flat_map(|(_, ring)| ring.with_tag(header.tag)) {
            is_known = true;
            if try_key(key) {
                return (true, true);
            }
        }
        (is_known, false)
    }
}
