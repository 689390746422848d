//! What protects the group's datagrams: a checksum, or a key.

#[cfg(feature = "seal")]
use super::keys::Sealed;
use crate::config::Config;
use crate::counters::Counters;
use crate::error::ConfigError;
use crate::group::random::Random;
use crate::ident::{GroupTag, Name, Session};
#[cfg(feature = "seal")]
use crate::seal::{FirstContact, KeySet, Seal};
use crate::seed::Seed;
use crate::time::Ageing;
use crate::wire::{self, Header, ParseError, Suite, open_group_tag};

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
    const fn open(tag: GroupTag) -> Self {
        Self {
            tag,
            #[cfg(feature = "seal")]
            sealed: None,
        }
    }

    /// Of a sealed group.
    #[cfg(feature = "seal")]
    const fn sealed(sealed: Sealed) -> Self {
        Self {
            tag: sealed.tag(),
            sealed: Some(sealed),
        }
    }

    /// For the open group of these settings.
    ///
    /// # Errors
    ///
    /// The seed says nothing.
    pub(crate) fn for_open(config: &Config, seed: &Seed) -> Result<Self, ConfigError> {
        if seed.is_zero() {
            return Err(ConfigError::SeedIsZero);
        }
        let name = config.group_name.as_ref().unwrap_or(&Name::EMPTY);
        Ok(Self::open(open_group_tag(config.group, name)))
    }

    /// For the sealed group of these settings; and a seed of what anybody may know.
    ///
    /// # Errors
    ///
    /// A key that cannot be used, nothing in the entropy that is new at every start, or a member that verifies others and
    /// hides.
    #[cfg(feature = "seal")]
    // It is large for a board's stack, so it is made where it is to be.
    #[inline(always)]
    pub(crate) fn for_sealed(
        config: &Config,
        seal: &Seal<'_>,
    ) -> Result<(Self, Seed), ConfigError> {
        if !config.announce && seal.first_contact == FirstContact::Verify {
            return Err(ConfigError::CannotVerify);
        }
        let seed = seal.entropy.derive();
        let seed = seed.map_err(|_| ConfigError::NotEnoughEntropy)?;
        let name = config.group_name.unwrap_or_default();
        let sealed = Sealed::new(seal, &seed, config.group, &name).map_err(ConfigError::Keys)?;
        let seed = sealed.jitter_seed().into();
        Ok((Self::sealed(sealed), seed))
    }

    /// Takes other keys. Whether the one to send with is another.
    ///
    /// # Errors
    ///
    /// A key that cannot be used, or the group is not sealed. Nothing was done.
    #[cfg(feature = "seal")]
    pub(crate) fn set_keys(&mut self, config: &Config, keys: &KeySet) -> Result<bool, ConfigError> {
        let name = config.group_name.unwrap_or_default();
        let sealed = self.sealed.as_mut().ok_or(ConfigError::NotSealed)?;
        let changed = sealed.set_keys(keys, config.group, &name);
        changed.map_err(ConfigError::Keys)
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

    /// The header of a sound datagram of this group, or the counter for what is wrong. In a sealed group, soundness is
    /// the tag's to tell.
    pub(crate) fn parse<'c>(
        &self,
        counters: &'c mut Counters,
        datagram: &[u8],
    ) -> Result<Header, &'c mut u64> {
        let header = match wire::parse_header(datagram) {
            Ok(header) => header,
            Err(ParseError::Truncated { .. }) => return Err(&mut counters.truncated),
            Err(ParseError::UnknownVersion(_)) => return Err(&mut counters.wrong_version),
            Err(ParseError::UnknownSuite(_)) => return Err(&mut counters.wrong_suite),
            Err(_) => return Err(&mut counters.malformed),
        };
        if header.suite != self.suite() {
            return Err(&mut counters.wrong_suite);
        }
        if !self.knows(header.tag) {
            return Err(&mut counters.other_group);
        }
        if self.is_sealed() || wire::is_intact(datagram) {
            Ok(header)
        } else {
            Err(&mut counters.corrupt)
        }
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
