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

/// Frame type, flags and length: the octets before each frame's body.
pub(crate) const FRAME_HEADER_LEN: usize = 1 + 1 + 2;

/// From this type on, a receiver skips frames it does not know.
const FIRST_OPTIONAL: u8 = 0x80;

/// One frame.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
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
            Self::Unknown { .. } => Ok(()),
        }
    }
}

/// Writes the octets before a body of `len` octets. The caller has compared `len` with a datagram.
pub(crate) fn emit_frame_header(
    w: &mut Writer<'_>,
    kind: u8,
    flags: u8,
    len: usize,
) -> Result<(), BufferTooSmall> {
    w.u8(kind)?;
    w.u8(flags)?;
    w.u16(u16::try_from(len).map_err(|_| BufferTooSmall)?)
}

/// Iterates over the frames of a datagram.
///
/// After an error there are no more frames: where the next one begins is not known.
#[derive(Clone, Debug)]
pub struct Frames<'a> {
    r: Reader<'a>,
}

impl<'a> Frames<'a> {
    /// Frames in `octets`: what stands between header and trailer.
    #[must_use]
    pub const fn new(octets: &'a [u8]) -> Self {
        Self {
            r: Reader::new(octets),
        }
    }

    /// How many octets are still to be read.
    pub(crate) const fn remaining(&self) -> usize {
        self.r.len()
    }

    fn parse_next(&mut self) -> Result<Frame<'a>, FrameError> {
        if let Some(data) = Data::parse_frame(&mut self.r) {
            return Ok(Frame::Data(data));
        }
        let malformed = |error| FrameError::Malformed { kind: None, error };
        let kind = self.r.u8().map_err(malformed)?;
        let malformed = |error: ParseError| FrameError::Malformed {
            kind: Some(kind),
            error,
        };
        let flags = self.r.u8().map_err(malformed)?;
        let len = self.r.u16().map_err(malformed)?;
        let mut body = Reader::new(self.r.octets(usize::from(len)).map_err(malformed)?);
        let body = &mut body;
        let frame = match kind {
            Hello::KIND => Hello::parse(flags, body).map(Frame::Hello),
            Bye::KIND => Bye::parse(body).map(Frame::Bye),
            Busy::KIND => Busy::parse(body).map(Frame::Busy),
            Time::KIND => Time::parse(body).map(Frame::Time),
            Data::KIND => Data::parse(flags, body).map(Frame::Data),
            Start::KIND => Start::parse(body).map(Frame::Start),
            Sync::KIND => Sync::parse(body).map(Frame::Sync),
            Nack::KIND => Nack::parse(body).map(Frame::Nack),
            Skip::KIND => Skip::parse(body).map(Frame::Skip),
            AckRequest::KIND => AckRequest::parse(body).map(Frame::AckRequest),
            Ack::KIND => Ack::parse(body).map(Frame::Ack),
            Ask::KIND => Ask::parse(body).map(Frame::Ask),
            FIRST_OPTIONAL.. => Ok(Frame::Unknown { kind }),
            _ => return Err(FrameError::Unknown { kind }),
        };
        frame.map_err(malformed)
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Result<Frame<'a>, FrameError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.r.is_empty() {
            return None;
        }
        let frame = self.parse_next();
        if frame.is_err() {
            self.r.rest();
        }
        Some(frame)
    }
}
