//! The clear header that begins every framed datagram (PROTOCOL §2.1).

use super::ParseError;
use super::writer::Writer;
use crate::ident::{GroupTag, MemberId, Session};

/// The first byte of every framed datagram. It begins no UTF-8 text.
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

    /// Bytes of trailer after the frames.
    #[must_use]
    pub const fn trailer_len(self) -> usize {
        match self {
            Self::Open => super::checksum::LEN,
            Self::Sealed => 16,
        }
    }
}

/// The clear header, [`Header::LEN`] bytes.
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

    pub(crate) fn parse(octets: [u8; Self::LEN]) -> Result<Self, ParseError> {
        let [
            magic,
            form,
            t,
            u,
            a,
            b,
            c,
            d,
            session @ ..,
            f,
            g,
            h,
            i,
            j,
            k,
        ] = octets;
        if magic != MAGIC {
            return Err(ParseError::NotFramed(magic));
        }
        let version = form >> 4;
        if version != VERSION {
            return Err(ParseError::UnknownVersion(version));
        }
        let code = form & 0x0f;
        let sender = u32::from_be_bytes([a, b, c, d]);
        let header = Self {
            suite: Suite::from_code(code).ok_or(ParseError::UnknownSuite(code))?,
            tag: GroupTag::new(u16::from_be_bytes([t, u])),
            sender: MemberId::new(sender).ok_or(ParseError::SenderZero)?,
            session: Session::new(u64::from_be_bytes(session)),
            counter: u64::from_be_bytes([0, 0, f, g, h, i, j, k]),
        };
        match header.number() {
            0 => Err(ParseError::NumberZero),
            _ => Ok(header),
        }
    }

    pub(crate) fn emit(&self, w: &mut Writer<'_>) {
        let [t, a] = self.tag.get().to_be_bytes();
        let [b, c, d, e] = self.sender.get().to_be_bytes();
        // In halves: a board stores 32 bits at a time.
        let [session, counter] = [self.session.get(), self.counter];
        let [f, g, h, i] = ((session >> 32) as u32).to_be_bytes();
        let [j, k, l, m] = (session as u32).to_be_bytes();
        let [n, o] = ((counter >> 32) as u16).to_be_bytes();
        let [p, q, r, s] = (counter as u32).to_be_bytes();
        let form = (VERSION << 4) | self.suite.code();
        // In one piece: this is written for every datagram.
        let octets: [u8; Self::LEN] = [
            MAGIC, form, t, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s,
        ];
        w.octets(&octets);
    }
}
