//! What protects the group's datagrams: a checksum, or a key.

use crate::ident::{GroupTag, Session};
use crate::wire::{Header, Suite};

#[cfg(feature = "seal")]
use super::keys::Sealed;
use crate::group::random::Random;
use crate::time::Ageing;

/// What protects the group's datagrams.
#[derive(Debug)]
pub(crate) struct Guard {
    /// The tag of an open group.
    tag: GroupTag,
    #[cfg(feature = "seal")]
    pub(crate) sealed: Option<Sealed>,
}

impl Guard {
    /// Of an open group: a checksum.
    pub(crate) const fn open(tag: GroupTag) -> Self {
        Self {
            tag,
            #[cfg(feature = "seal")]
            sealed: None,
        }
    }

    /// Of a sealed group.
    #[cfg(feature = "seal")]
    pub(crate) const fn sealed(sealed: Sealed) -> Self {
        Self {
            tag: sealed.tag(),
            sealed: Some(sealed),
        }
    }

    pub(crate) const fn is_sealed(&self) -> bool {
        #[cfg(feature = "seal")]
        return self.sealed.is_some();
        #[cfg(not(feature = "seal"))]
        false
    }

    pub(crate) const fn suite(&self) -> Suite {
        if self.is_sealed() {
            Suite::Sealed
        } else {
            Suite::Open
        }
    }

    /// The tag of what is sent.
    pub(crate) const fn tag(&self) -> GroupTag {
        #[cfg(feature = "seal")]
        if let Some(sealed) = &self.sealed {
            return sealed.tag();
        }
        self.tag
    }

    /// Whether a datagram with this tag may be of this group.
    pub(crate) fn knows(&self, tag: GroupTag) -> bool {
        #[cfg(feature = "seal")]
        if let Some(sealed) = &self.sealed {
            return sealed.knows(tag);
        }
        tag == self.tag
    }

    /// Whether raw datagrams are taken and sent.
    pub(crate) const fn takes_raw(&self) -> bool {
        #[cfg(feature = "seal")]
        if let Some(sealed) = &self.sealed {
            return sealed.takes_raw();
        }
        true
    }

    /// Draws otherwise from here on than a copy of this device.
    pub(crate) fn part(&mut self, random: &mut Random, difference: u64) {
        #[cfg(feature = "seal")]
        if let Some(sealed) = &mut self.sealed {
            sealed.part(difference);
        }
        random.part(difference);
    }

    /// A session that has not been there before.
    pub(crate) fn draw_session(&mut self, random: &mut Random) -> Session {
        #[cfg(feature = "seal")]
        if let Some(sealed) = &mut self.sealed {
            return sealed.draw_session();
        }
        random.session()
    }

    /// Seals the datagram of this header, if the group is sealed. `false`: that failed, and it
    /// must not be sent.
    #[cfg_attr(
        not(feature = "seal"),
        expect(clippy::unused_self, reason = "there is nothing to seal with")
    )]
    pub(crate) fn protect(&mut self, header: &Header, datagram: &mut [u8]) -> bool {
        #[cfg(feature = "seal")]
        if let Some(sealed) = &mut self.sealed {
            return sealed.seal(header, datagram);
        }
        let _ = (header, datagram);
        true
    }

    /// Time makes it older.
    #[cfg_attr(
        not(feature = "seal"),
        expect(
            clippy::unused_self,
            clippy::needless_pass_by_ref_mut,
            reason = "only challenges age"
        )
    )]
    pub(crate) const fn age(&mut self, ageing: Ageing) {
        #[cfg(feature = "seal")]
        if let Some(sealed) = &mut self.sealed {
            sealed.age(ageing);
        }
        let _ = ageing;
    }

    /// The place of a key that is to be changed, to be told once.
    #[cfg(feature = "seal")]
    pub(crate) const fn take_worn_out(&mut self) -> Option<usize> {
        match &mut self.sealed {
            Some(sealed) => sealed.worn_out.take(),
            None => None,
        }
    }

    /// Whether a key is to be changed.
    pub(crate) const fn is_worn_out(&self) -> bool {
        #[cfg(feature = "seal")]
        if let Some(sealed) = &self.sealed {
            return sealed.worn_out.is_some();
        }
        false
    }
}
