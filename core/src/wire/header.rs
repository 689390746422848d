//! The clear header that begins every framed datagram (PROTOCOL §2.1).

use super::writer::{BufferTooSmall, Writer};
use super::{ParseError, reader::Reader};
use crate::ident::{GroupTag, MemberId, Session};

/// The first octet of every framed datagram. It begins no UTF-8 text.
pub const MAGIC: u8 = 0xc1;

/// The protocol version this crate speaks.
pub const VERSION: u8 = 1;

/// How a datagram is protected.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Suite {
    /// Suite 0: frames in the clear, CRC-32C trailer.
    Open,
    /// Suite 1: frames encrypted, authentication tag as trailer. See the module `seal`.
    Sealed,
}

impl Suite {
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Open => 0,
            Self::Sealed => 1,
        }
    }

    const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Open),
            1 => Some(Self::Sealed),
            _ => None,
        }
    }

    /// Octets of trailer after the frames.
    #[must_use]
    pub const fn trailer_len(self) -> usize {
        match self {
            Self::Open => super::checksum::LEN,
            Self::Sealed => 16,
        }
    }
}

/// The clear header, [`Header::LEN`] octets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Header {
    /// How the datagram is protected.
    pub suite: Suite,
    /// The group it belongs to.
    pub tag: GroupTag,
    /// Who sent it.
    pub sender: MemberId,
    /// The sender's session.
    pub session: Session,
    /// The datagram's [number](Self::number) within the session, and with [`TO_ONE`](Self::TO_ONE) that
    /// it was sent to one member.
    pub counter: u64,
}

impl Header {
    /// Magic, version and suite, group tag, sender id, session, datagram counter.
    pub const LEN: usize = 1 + 1 + 2 + 4 + 8 + 6;

    /// The largest number of a datagram.
    pub const MAX_COUNTER: u64 = (1 << 47) - 1;

    /// The bit of the datagram counter that says that it was sent to one member, by unicast.
    pub const TO_ONE: u64 = 1 << 47;

    /// The datagram's number within the session: from 1, never reused, whomever it was sent to.
    #[must_use]
    pub const fn number(&self) -> u64 {
        self.counter & Self::MAX_COUNTER
    }

    /// Whether it was sent to one member, not to the group.
    #[must_use]
    pub const fn is_to_one(&self) -> bool {
        self.counter & Self::TO_ONE != 0
    }

    pub(crate) fn parse(r: &mut Reader<'_>) -> Result<Self, ParseError> {
        if r.len() < Self::LEN {
            return Err(ParseError::Truncated {
                need: Self::LEN,
                have: r.len(),
            });
        }
        let magic = r.u8()?;
        if magic != MAGIC {
            return Err(ParseError::NotFramed(magic));
        }
        let version_and_suite = r.u8()?;
        let version = version_and_suite >> 4;
        if version != VERSION {
            return Err(ParseError::UnknownVersion(version));
        }
        let code = version_and_suite & 0x0f;
        let suite = Suite::from_code(code).ok_or(ParseError::UnknownSuite(code))?;
        let tag = GroupTag::new(r.u16()?);
        let sender = MemberId::new(r.u32()?).ok_or(ParseError::SenderZero)?;
        let session = Session::new(r.u64()?);
        let header = Self {
            suite,
            tag,
            sender,
            session,
            counter: r.u48()?,
        };
        match header.number() {
            0 => Err(ParseError::NumberZero),
            _ => Ok(header),
        }
    }

    pub(crate) fn emit(&self, w: &mut Writer<'_>) -> Result<(), BufferTooSmall> {
        w.u8(MAGIC)?;
        w.u8((VERSION << 4) | self.suite.code())?;
        w.u16(self.tag.get())?;
        w.u32(self.sender.get())?;
        w.u64(self.session.get())?;
        w.u48(self.counter)
    }
}
