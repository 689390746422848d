//! DATA: a message, or a fragment of one (PROTOCOL §3.3).

use super::ParseError;
use super::frame::{FRAME_HEADER_LEN, emit_frame_header};
use super::reader::Reader;
use super::writer::{BufferTooSmall, Writer};

/// A message, or a fragment of one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Data<'a> {
    /// The delivery class's code: 0 best effort, 1 reliable unordered, 2 reliable ordered.
    pub class: u8,
    /// REPAIR flag: sent again because somebody asked.
    pub repair: bool,
    /// COPY flag: sent again unasked, with a heartbeat.
    pub copy: bool,
    /// The application's channel.
    pub channel: u8,
    /// How many sequence numbers before this one the sender can still repair; 0 in best effort.
    pub horizon: u8,
    /// Which fragment of its message this is, from 0.
    pub fragment: u8,
    /// The message's last fragment's number: 0 for a message in one datagram.
    pub last: u8,
    /// The fragment's sequence number.
    pub sequence: u32,
    /// The fragment's octets.
    pub payload: &'a [u8],
}

const CLASS: u8 = 0x03;
const REPAIR: u8 = 0x04;
const COPY: u8 = 0x08;

impl<'a> Data<'a> {
    pub(crate) const KIND: u8 = 0x10;

    /// The body before the payload.
    const FIXED_LEN: usize = 1 + 1 + 1 + 1 + 4;

    /// What a message costs in a datagram beside its payload.
    pub(crate) const OVERHEAD: usize = FRAME_HEADER_LEN + Self::FIXED_LEN;

    pub(crate) fn parse(flags: u8, r: &mut Reader<'a>) -> Result<Self, ParseError> {
        let channel = r.u8()?;
        let horizon = r.u8()?;
        let fragment = r.u8()?;
        let last = r.u8()?;
        if fragment > last {
            return Err(ParseError::BadFragment { fragment, last });
        }
        let sequence = r.u32()?;
        Ok(Self {
            class: flags & CLASS,
            repair: flags & REPAIR != 0,
            copy: flags & COPY != 0,
            channel,
            horizon,
            fragment,
            last,
            sequence,
            payload: r.rest(),
        })
    }

    pub(crate) fn emit(&self, w: &mut Writer<'_>) -> Result<(), BufferTooSmall> {
        let flags = (self.class & CLASS)
            | if self.repair { REPAIR } else { 0 }
            | if self.copy { COPY } else { 0 };
        let len = Self::FIXED_LEN
            .checked_add(self.payload.len())
            .ok_or(BufferTooSmall)?;
        emit_frame_header(w, Self::KIND, flags, len)?;
        w.u8(self.channel)?;
        w.u8(self.horizon)?;
        w.u8(self.fragment)?;
        w.u8(self.last)?;
        w.u32(self.sequence)?;
        w.octets(self.payload)
    }
}
