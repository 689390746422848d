//! Datagrams of the group, written and read without an engine: for who asks what an engine does not, and
//! for who only watches.

use core::net::SocketAddr;

use groupcast::seal::{Keyring, Portable, TAG_LEN};
use groupcast::wire::{self, Frame, Frames, Header, ParseError, Suite, open_group_tag};
use groupcast::{GroupTag, MemberId, Name, Session};
use groupcast_std::Stranger;

use super::sealing;
use crate::options::Common;
use crate::process::failure::Failure;

/// The name of the doctors' group on every address and port.
const DOCTORS: &str = "groupcast doctor";

/// What a datagram turned out to be.
#[derive(Debug)]
pub(crate) enum Read<'a> {
    /// Of the group, and sound.
    Framed(Header, Frames<'a>),
    /// Of a program that does not speak the protocol.
    Raw,
    /// Of another group on this port, or of another version or suite.
    Foreign(Stranger),
    /// Damaged; in a sealed group, or forged.
    Damaged,
}

/// How the group's datagrams are made.
#[derive(Debug)]
pub(crate) struct Framing {
    /// That of what is sent.
    tag: GroupTag,
    /// In a sealed group.
    keys: Option<Keyring>,
    /// What the group's tags would be if it had no name.
    nameless: Vec<GroupTag>,
}

impl Framing {
    pub(crate) fn new(common: &Common, group: SocketAddr) -> Result<Self, Failure> {
        let file = sealing::load(common)?;
        let name = match (&common.group_name, &file) {
            (Some(name), _) => Name::new(name).ok_or_else(|| {
                Failure::Settings("the group's name is longer than 32 bytes".to_owned())
            })?,
            (None, Some(file)) => *file.group_name(),
            (None, None) => Name::EMPTY,
        };
        let derive = |name: &Name| {
            let keys = file.as_ref();
            keys.map(|file| Keyring::derive(file.keys(), group, name))
                .transpose()
                .map_err(|error| Failure::Settings(error.to_string()))
        };
        let keys = derive(&name)?;
        let nameless = match derive(&Name::EMPTY)? {
            Some(keys) => keys.tags().collect(),
            None => vec![open_group_tag(group, &Name::EMPTY)],
        };
        let tag = match &keys {
            Some(keys) => keys.sending().tag(),
            None => open_group_tag(group, &name),
        };
        Ok(Self {
            tag,
            keys,
            nameless,
        })
    }

    pub(crate) const fn is_sealed(&self) -> bool {
        self.keys.is_some()
    }

    /// The tag of what is sent.
    pub(crate) const fn tag(&self) -> GroupTag {
        self.tag
    }

    /// Whether this is a tag of the group.
    pub(crate) fn knows(&self, tag: GroupTag) -> bool {
        match &self.keys {
            Some(keys) => keys.with_tag(tag).next().is_some(),
            None => tag == self.tag,
        }
    }

    /// Whether it would be one if the group had no name.
    pub(crate) fn is_nameless(&self, tag: GroupTag) -> bool {
        self.nameless.contains(&tag)
    }

    /// Reads a datagram. One that is sealed is opened in place.
    pub(crate) fn read<'a>(&self, datagram: &'a mut [u8]) -> Read<'a> {
        if !wire::is_framed(datagram) {
            return Read::Raw;
        }
        let stranger = Stranger::of(datagram);
        let foreign = || stranger.map_or(Read::Damaged, Read::Foreign);
        let header = match wire::parse_header(datagram) {
            Ok(header) => header,
            Err(ParseError::UnknownVersion(_) | ParseError::UnknownSuite(_)) => {
                return foreign();
            }
            Err(_) => return Read::Damaged,
        };
        match &self.keys {
            None if header.suite != Suite::Open || header.tag != self.tag => foreign(),
            None => match wire::parse(datagram) {
                Ok((header, frames)) => Read::Framed(header, frames),
                Err(_) => Read::Damaged,
            },
            Some(keys) => {
                let mut fitting = keys.with_tag(header.tag).peekable();
                if header.suite != Suite::Sealed || fitting.peek().is_none() {
                    return foreign();
                }
                let is_opened = fitting.any(|(_, key)| {
                    let key = key.subkey(header.sender, header.session);
                    key.open(&Portable, datagram).is_ok()
                });
                if !is_opened {
                    return Read::Damaged;
                }
                let end = datagram.len() - TAG_LEN;
                Read::Framed(header, Frames::new(&datagram[Header::LEN..end]))
            }
        }
    }

    /// Writes a datagram. A counter SHALL NOT be used twice in a session.
    pub(crate) fn write(
        &self,
        sender: MemberId,
        session: Session,
        counter: u64,
        frames: &[Frame<'_>],
    ) -> Result<Vec<u8>, Failure> {
        let impossible = |error: &dyn core::fmt::Display| Failure::Trouble(error.to_string());
        let header = Header {
            suite: if self.is_sealed() {
                Suite::Sealed
            } else {
                Suite::Open
            },
            tag: self.tag,
            sender,
            session,
            counter,
        };
        let mut datagram = vec![0; usize::from(wire::MIN_MAX_DATAGRAM)];
        let len = wire::emit(&header, frames, &mut datagram).map_err(|error| impossible(&error))?;
        datagram.truncate(len);
        if let Some(keys) = &self.keys {
            let key = keys.sending().subkey(sender, session);
            key.seal(&Portable, &mut datagram)
                .map_err(|error| impossible(&error))?;
        }
        Ok(datagram)
    }
}

/// The tag of the doctors' group on the group's address and port.
pub(crate) fn tag_of_doctors(group: SocketAddr) -> u16 {
    let name = Name::new(DOCTORS).unwrap_or(Name::EMPTY);
    let (tag, nameless) = (
        open_group_tag(group, &name),
        open_group_tag(group, &Name::EMPTY),
    );
    // Never that of the group itself, not even by chance.
    tag.get() ^ u16::from(tag == nameless)
}

/// Which datagrams of a session were seen.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// The highest number that was sent to this member alone.
    to_one: u64,
    highest: u64,
    /// Bit *n*: the one *n* before the highest.
    bits: u128,
}

impl Seen {
    /// Whether this one is new, and not too old to tell. From now on it is not.
    pub(crate) fn is_new(&mut self, counter: u64) -> bool {
        if counter & Header::TO_ONE != 0 {
            let is_new = counter > self.to_one;
            self.to_one = self.to_one.max(counter);
            return is_new;
        }
        if counter > self.highest {
            let by = u32::try_from(counter - self.highest).unwrap_or(u32::MAX);
            self.bits = self.bits.checked_shl(by).unwrap_or(0) | 1;
            self.highest = counter;
            return true;
        }
        let bit = u32::try_from(self.highest - counter)
            .ok()
            .and_then(|back| 1u128.checked_shl(back));
        match bit {
            Some(bit) if self.bits & bit == 0 => {
                self.bits |= bit;
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_datagram_is_new_once_and_not_when_it_is_old() {
        let mut seen = Seen::default();
        for counter in [5, 3, 4, 300, 299, 200] {
            assert!(seen.is_new(counter), "{counter}");
            assert!(!seen.is_new(counter), "{counter}");
        }
        assert!(!seen.is_new(6), "too old to tell");
        assert!(seen.is_new(Header::MAX_COUNTER));
        for counter in [7, 8, 300] {
            assert!(seen.is_new(Header::TO_ONE | counter), "{counter}");
            assert!(!seen.is_new(Header::TO_ONE | counter), "{counter}");
        }
    }
}
