//! What both ends of a measurement agree on: the group, its key, and how they speak of a run.

use core::net::{IpAddr, Ipv4Addr};

use groupcast::seal::{GroupKey, KeySet};
use groupcast::{Channel, SendError};
use groupcast_std::{InterfaceSelector, MemberBuilder};

use super::options::How;
use crate::options::Common;
use crate::process::failure::Failure;
use crate::session::{Session, builder_on};

/// Members of a measurement hear nobody else of the group, unless a group name is given.
pub(super) const GROUP_NAME: &str = "groupcast bench";

/// For --sealed. Everybody can know it.
const KEY: GroupKey = GroupKey::new(*b"no secret, for measurements only");

/// What is measured goes here, and what is said about it there.
const DATA: u8 = 0;
const CONTROL: Channel = Channel::reliable_ordered(1);

/// The channel of what is measured.
pub(super) const fn data(how: &How) -> Channel {
    Channel::new(DATA, how.class.class())
}

/// Said by the sender, on a channel of its own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Word {
    /// Messages follow.
    Start,
    /// There were so many.
    End { total: u64 },
}

impl Word {
    pub(super) const CHANNEL: Channel = CONTROL;

    /// As it is sent.
    pub(super) fn octets(self) -> [u8; 9] {
        let (kind, total) = match self {
            Self::Start => (b's', 0),
            Self::End { total } => (b'e', total),
        };
        let mut octets = [kind; 9];
        octets[1..].copy_from_slice(&u64::to_le_bytes(total));
        octets
    }

    /// As it is received.
    pub(super) fn read(octets: &[u8]) -> Option<Self> {
        let (kind, total) = octets.split_first()?;
        let total = u64::from_le_bytes(total.try_into().ok()?);
        match kind {
            b's' => Some(Self::Start),
            b'e' => Some(Self::End { total }),
            _ => None,
        }
    }
}

/// Joins the group of the measurement.
pub(super) fn join(common: &Common, how: &How) -> Result<Session, Failure> {
    let mut builder: MemberBuilder = builder_on(common, how.limits, interface(common))?;
    if common.key_file.is_none() {
        if common.group_name.is_none() {
            builder = builder.group_name(GROUP_NAME);
        }
        if how.sealed {
            builder = builder.keys(public_keys());
        }
    }
    Session::join(common, builder)
}

/// The keys of --sealed.
pub(super) const fn public_keys() -> KeySet {
    KeySet::new(KEY)
}

/// Room for a message of this size, if the group can carry it.
pub(super) fn message(size: u32, limit: usize) -> Result<Vec<u8>, Failure> {
    let len = usize::try_from(size).unwrap_or(usize::MAX);
    if len > limit {
        return Err(SendError::TooLong { len, limit }.into());
    }
    Ok(vec![0; len])
}

/// The interface that is asked for, or else the one that nothing leaves by.
pub(super) fn interface(common: &Common) -> InterfaceSelector {
    let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let selector = common.interface.clone();
    selector.unwrap_or(InterfaceSelector::Address(loopback))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_they_are_said() {
        for word in [Word::Start, Word::End { total: 1 << 40 }] {
            assert_eq!(Word::read(&word.octets()), Some(word));
        }
        for other in [&b""[..], b"e", b"x12345678", b"e123456789"] {
            assert_eq!(Word::read(other), None);
        }
    }
}
