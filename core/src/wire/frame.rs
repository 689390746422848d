//! Frames: what a datagram carries between header and trailer (PROTOCOL §2.6).

use super::ack::{Ack, AckRequest, Ask};
use super::bye::Bye;
use super::data::Data;
use super::hello::Hello;
use super::nack::Nack;
use super::reader::Reader;
use super::skip::Skip;
use super::start::Start;
use super::sync::Sync;
use super::time::{Busy, Time};
use super::writer::{BufferTooSmall, Writer};
use super::{FrameError, ParseError};

/// Frame type, flags and length: the bytes before each frame's body.
pub(crate) const FRAME_HEADER_LEN: usize = 1 + 1 + 2;

/// From this type on, a receiver skips frames it does not know.
pub(crate) const FIRST_OPTIONAL: u8 = 0x80;

/// One frame.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Frame<'a> {
    /// Presence: who the sender is and what it can take.
    Hello(Hello<'a>),
    /// The sender leaves.
    Bye(Bye),
    /// A receiver cannot keep up.
    Busy(Busy),
    /// Clocks, for measuring round trips.
    Time(Time<'a>),
    /// A message, or a fragment of one.
    Data(Data<'a>),
    /// From where on a member is counted in.
    Start(Start),
    /// Where the sender's stream stands.
    Sync(Sync),
    /// What the sender misses of another member's stream.
    Nack(Nack),
    /// What the sender will not repair.
    Skip(Skip),
    /// The sender asks who has its stream.
    AckRequest(AckRequest),
    /// What the sender has of another member's stream.
    Ack(Ack),
    /// The sender asks for another member's current values.
    Ask(Ask),
    /// A frame of a type this version does not know and may skip.
    Unknown {
        /// The type, `0x80` or above.
        kind: u8,
    },
}

impl Frame<'_> {
    /// The frame's name, as PROTOCOL.md has it: `DATA`, `NACK`. `unknown` for one that this version does not know.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Hello(_) => "HELLO",
            Self::Bye(_) => "BYE",
            Self::Busy(_) => "BUSY",
            Self::Time(_) => "TIME",
            Self::Data(_) => "DATA",
            Self::Start(_) => "START",
            Self::Sync(_) => "SYNC",
            Self::Nack(_) => "NACK",
            Self::Skip(_) => "SKIP",
            Self::AckRequest(_) => "ACKREQ",
            Self::Ack(_) => "ACK",
            Self::Ask(_) => "ASK",
            Self::Unknown { .. } => "unknown",
        }
    }

    /// Writes the frame.
    pub(crate) fn emit(&self, w: &mut Writer<'_>) -> Result<(), BufferTooSmall> {
        match self {
            Self::Hello(hello) => hello.emit(w),
            Self::Bye(bye) => bye.emit(w),
            Self::Busy(busy) => busy.emit(w),
            Self::Time(time) => time.emit(w),
            Self::Data(data) => data.emit(w),
            Self::Start(start) => start.emit(w),
            Self::Sync(sync) => sync.emit(w),
            Self::Nack(nack) => nack.emit(w),
            Self::Skip(skip) => skip.emit(w),
            Self::AckRequest(request) => request.emit(w),
            Self::Ack(ack) => ack.emit(w),
            Self::Ask(ask) => ask.emit(w),
            Self::Unknown { .. } => {}
        }
        w.finish().map(|_| ())
    }
}

/// Writes the bytes before a body of `len` bytes.
#[cfg_attr(target_os = "none", inline(never))]
pub(crate) fn emit_frame_header(w: &mut Writer<'_>, kind: u8, flags: u8, len: usize) {
    let [l, m] = w.len_of(len);
    w.octets(&[kind, flags, l, m]);
}

/// Iterates over the frames of a datagram.
///
/// After an error there are no more frames: where the next one begins is not known.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Frames<'a> {
    rest: &'a [u8],
}

impl<'a> Frames<'a> {
    /// Frames in `octets`: what stands between header and trailer.
    #[must_use]
    pub const fn new(octets: &'a [u8]) -> Self {
        Self { rest: octets }
    }

    /// How many bytes are still to be read.
    pub(crate) const fn remaining(&self) -> usize {
        self.rest.len()
    }

    fn parse_next(&mut self) -> Result<Frame<'a>, FrameError> {
        // Where something is wrong, nothing is left.
        let octets = core::mem::take(&mut self.rest);
        let kind = octets.first().copied();
        let malformed = |error| FrameError::Malformed { kind, error };
        let truncated = |need, octets: &[u8]| {
            let have = octets.len();
            malformed(ParseError::Truncated { need, have })
        };
        let head = octets.split_first_chunk::<FRAME_HEADER_LEN>();
        let (head, rest) = head.ok_or_else(|| truncated(FRAME_HEADER_LEN, octets))?;
        let [code, flags, l, m] = *head;
        let len = usize::from(u16::from_be_bytes([l, m]));
        let body = rest.split_at_checked(len);
        let (body, rest) = body.ok_or_else(|| truncated(len, rest))?;
        // Most frames are DATA, and take a short way.
        if code == Data::KIND {
            let data = Data::parse(flags, body).map_err(malformed)?;
            self.rest = rest;
            return Ok(Frame::Data(data));
        }
        let r = &mut Reader::new(body);
        let frame = match code {
            Hello::KIND => Frame::Hello(Hello::parse(flags, r)),
            Bye::KIND => Frame::Bye(Bye::parse(r)),
            Busy::KIND => Frame::Busy(Busy::parse(r)),
            Time::KIND => Frame::Time(Time::parse(r)),
            Start::KIND => Frame::Start(Start::parse(r)),
            Sync::KIND => Frame::Sync(Sync::parse(r)),
            Nack::KIND => Frame::Nack(Nack::parse(r)),
            Skip::KIND => Frame::Skip(Skip::parse(r)),
            AckRequest::KIND => Frame::AckRequest(AckRequest::parse(r)),
            Ack::KIND => Frame::Ack(Ack::parse(r)),
            Ask::KIND => Frame::Ask(Ask::parse(r)),
            FIRST_OPTIONAL.. => Frame::Unknown { kind: code },
            _ => return Err(FrameError::Unknown { kind: code }),
        };
        let frame = r.finish(frame).map_err(malformed)?;
        self.rest = rest;
        Ok(frame)
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Result<Frame<'a>, FrameError>;

    fn next(&mut self) -> Option<Self::Item> {
        (!self.rest.is_empty()).then(|| self.parse_next())
    }
}
