//! The wire: datagrams and frames, as PROTOCOL.md lays them down.
//!
//! ```text
//! | header 22 | frame | frame | … | trailer |
//! ```
//!
//! | frame | module | meaning |
//! |---|---|---|
//! | `01` HELLO | `hello` | presence |
//! | `02` BYE | `bye` | the sender leaves |
//! | `03` BUSY, `04` TIME | `time` | flow, round trips |
//! | `10` DATA | `data` | a message, or a fragment of one |
//! | `12` SYNC | `sync` | where a sender's stream stands |
//! | `13` NACK | `nack` | what a receiver misses |
//! | `14` SKIP | `skip` | what will not be repaired |
//! | `15` ACKREQ, `16` ACK, `17` ASK | `ack` | confirmations, current values |
//!
//! Parsing is total: any bytes give a value or a [`ParseError`] that says what is wrong, and
//! nothing panics. Each part has one file, with its `parse` and its `emit`.

mod ack;
mod bye;
mod checksum;
mod data;
mod frame;
mod header;
mod hello;
mod nack;
mod reader;
mod skip;
mod start;
mod sync;
mod tag;
mod time;
mod writer;

use core::fmt;

pub use ack::{Ack, AckRequest, Ask};
pub use bye::Bye;
pub use data::Data;
pub(crate) use data::{Mark, SIGNATURE_LEN};
pub(crate) use frame::{FIRST_OPTIONAL, FRAME_HEADER_LEN};
pub use frame::{Frame, Frames};
pub use header::{Header, MAGIC, Suite, VERSION};
pub use hello::{Challenge, Hello};
pub use nack::Nack;
pub use skip::Skip;
pub use start::Start;
pub use sync::Sync;
pub use tag::open_group_tag;
pub use time::{Busy, Echo, Time};
pub use writer::BufferTooSmall;

pub(crate) use writer::Writer;

/// The smallest value `max_datagram` may have: every member takes datagrams of this size.
pub const MIN_MAX_DATAGRAM: u16 = 512;

/// The largest value `max_datagram` may have: an Ethernet frame without IP and UDP headers.
pub const MAX_MAX_DATAGRAM: u16 = 1472;

/// The default of `max_datagram`: fits every path of today (RFC 8899 §5.1.2).
pub const DEFAULT_MAX_DATAGRAM: u16 = 1200;

/// Why bytes are not a datagram, or not a frame.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ParseError {
    /// It ends too early.
    Truncated {
        /// Bytes that the next field needs.
        need: usize,
        /// Bytes that are left.
        have: usize,
    },
    /// The first byte is not [`MAGIC`]: a raw datagram of another program.
    NotFramed(u8),
    /// A version this crate does not speak.
    UnknownVersion(u8),
    /// A suite this member does not use.
    UnknownSuite(u8),
    /// The sender id is zero.
    SenderZero,
    /// The datagram's number is zero.
    NumberZero,
    /// The checksum does not fit the bytes: the datagram was damaged.
    Checksum {
        /// What the trailer says.
        stated: u32,
        /// What the bytes give.
        computed: u32,
    },
    /// A name longer than 32 bytes or not UTF-8.
    BadName,
    /// A fragment's number is above the last fragment's.
    BadFragment {
        /// The fragment's number.
        fragment: u8,
        /// The last fragment's number.
        last: u8,
    },
    /// A NACK with no words, or more than 8.
    BadNack {
        /// How many words it states.
        words: u8,
    },
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { need, have } => {
                write!(
                    f,
                    "ends too early: the next field needs {need} bytes, {have} are left"
                )
            }
            Self::NotFramed(octet) => {
                write!(
                    f,
                    "begins with {octet:#04x}, not {MAGIC:#04x}: a raw datagram"
                )
            }
            Self::UnknownVersion(version) => {
                write!(
                    f,
                    "protocol version {version}; this member speaks {VERSION}"
                )
            }
            Self::UnknownSuite(suite) => write!(f, "suite {suite} is not in use here"),
            Self::SenderZero => f.write_str("the sender id is zero"),
            Self::NumberZero => f.write_str("the datagram's number is zero"),
            Self::Checksum { stated, computed } => {
                write!(
                    f,
                    "damaged: checksum {stated:08x} stated, {computed:08x} computed"
                )
            }
            Self::BadName => f.write_str("the name is longer than 32 bytes or not UTF-8"),
            Self::BadFragment { fragment, last } => {
                write!(
                    f,
                    "fragment {fragment} of a message whose last fragment is {last}"
                )
            }
            Self::BadNack { words } => {
                write!(f, "a NACK with {words} words; 1 to 8 are possible")
            }
        }
    }
}

impl core::error::Error for ParseError {}

/// Why a frame, and what follows it in its datagram, cannot be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum FrameError {
    /// A type below `0x80` that this version does not know.
    Unknown {
        /// The type.
        kind: u8,
    },
    /// The frame is not built as its type demands.
    Malformed {
        /// The type, if there was one to read.
        kind: Option<u8>,
        /// What is wrong.
        error: ParseError,
    },
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { kind } => write!(f, "frame type {kind:#04x} is not known"),
            Self::Malformed {
                kind: Some(kind),
                error,
            } => {
                write!(f, "frame of type {kind:#04x}: {error}")
            }
            Self::Malformed { kind: None, error } => error.fmt(f),
        }
    }
}

impl core::error::Error for FrameError {}

/// Whether a datagram claims to be framed: everything else is raw (PROTOCOL §2.4).
#[must_use]
pub const fn is_framed(datagram: &[u8]) -> bool {
    matches!(datagram.first(), Some(&MAGIC))
}

/// Reads a datagram's header, and nothing else: neither frames nor trailer are looked at.
///
/// # Errors
///
/// What is wrong with the header.
pub fn parse_header(datagram: &[u8]) -> Result<Header, ParseError> {
    let truncated = |suite: Suite| ParseError::Truncated {
        need: Header::LEN.saturating_add(suite.trailer_len()),
        have: datagram.len(),
    };
    let (header, rest) = datagram
        .split_first_chunk()
        .filter(|(_, rest)| rest.len() >= Suite::Open.trailer_len())
        .ok_or_else(|| truncated(Suite::Open))?;
    let header = Header::parse(*header)?;
    if rest.len() < header.suite.trailer_len() {
        return Err(truncated(header.suite));
    }
    Ok(header)
}

/// Reads a whole datagram of an open group: its header, and its frames.
///
/// # Errors
///
/// What is wrong with header or trailer. What is wrong with a frame is told by [`Frames`]. A datagram
/// of another suite is [`ParseError::UnknownSuite`].
pub fn parse(datagram: &[u8]) -> Result<(Header, Frames<'_>), ParseError> {
    let header = parse_header(datagram)?;
    if header.suite != Suite::Open {
        return Err(ParseError::UnknownSuite(header.suite.code()));
    }
    let body = checksum::check(datagram)?;
    Ok((
        header,
        Frames::new(body.get(Header::LEN..).unwrap_or_default()),
    ))
}

/// Whether the trailer of an open group's datagram is right.
pub(crate) fn is_intact(datagram: &[u8]) -> bool {
    checksum::check(datagram).is_ok()
}

/// The last 4 bytes of a datagram: all of an open group's trailer, and a part of a sealed one's. Two that
/// differ are two datagrams.
pub(crate) fn ending(datagram: &[u8]) -> u32 {
    let last = datagram.last_chunk().copied();
    u32::from_be_bytes(last.unwrap_or_default())
}

/// Writes a datagram: header, then what `frames` writes, then the trailer. Returns its length.
///
/// It is inlined, so that what `frames` knows as a constant stays one ([`Rooms`](crate::rooms::Rooms)).
#[inline(always)]
pub(crate) fn emit_with(
    header: &Header,
    buffer: &mut [u8],
    frames: impl FnOnce(&mut Writer<'_>) -> Result<(), BufferTooSmall>,
) -> Result<usize, BufferTooSmall> {
    let room = buffer
        .len()
        .checked_sub(header.suite.trailer_len())
        .ok_or(BufferTooSmall)?;
    let mut w = Writer::new(buffer.get_mut(..room).ok_or(BufferTooSmall)?);
    header.emit(&mut w);
    frames(&mut w)?;
    let len = w.finish()?;
    append_trailer(header.suite, len, buffer)
}

/// Appends the trailer to the `len` bytes of a datagram in `buffer`. Returns how long it is now.
pub(crate) fn append_trailer(
    suite: Suite,
    len: usize,
    buffer: &mut [u8],
) -> Result<usize, BufferTooSmall> {
    let mut w = Writer::resume(buffer, len);
    match suite {
        Suite::Open => checksum::append(&mut w),
        // Room for the tag, which is the sealer's to fill.
        Suite::Sealed => w.with(suite.trailer_len(), |tag| tag.fill(0)),
    }
    w.finish()
}

/// Writes a datagram of these frames. Returns its length.
///
/// For [`Suite::Sealed`] the frames are in the clear and the trailer is zeros: it is to be sealed before it
/// is sent.
///
/// # Errors
///
/// `buffer` is too small.
pub fn emit(
    header: &Header,
    frames: &[Frame<'_>],
    buffer: &mut [u8],
) -> Result<usize, BufferTooSmall> {
    emit_with(header, buffer, |w| {
        frames.iter().try_for_each(|frame| frame.emit(w))
    })
}

const _: () = {
    // A HELLO and a small message share the smallest datagram.
    assert!(Header::LEN == 22 && Data::OVERHEAD == 12);
    assert!(
        MIN_MAX_DATAGRAM as usize >= Header::LEN + Hello::MAX_FRAME_LEN + Data::OVERHEAD + 64 + 16
    );
};
