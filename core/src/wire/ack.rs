//! ACKREQ, ACK and ASK: confirmations, and requests for current values (PROTOCOL §2.6).

use super::frame::{FRAME_HEADER_LEN, emit_frame_header};
use super::reader::Reader;
use super::writer::Writer;

/// The sender asks who has its stream up to here.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct AckRequest {
    /// The sequence number that the sender is interested in.
    pub sequence: u32,
    /// The answers are to be spread over this time, in milliseconds.
    pub spread: u16,
}

impl AckRequest {
    pub(crate) const KIND: u8 = 0x15;

    /// Bytes of the frame.
    pub(crate) const FRAME_LEN: usize = FRAME_HEADER_LEN + 6;

    pub(crate) fn parse(r: &mut Reader<'_>) -> Self {
        Self {
            sequence: r.u32(),
            spread: r.u16(),
        }
    }

    pub(crate) fn emit(self, w: &mut Writer<'_>) {
        emit_frame_header(w, Self::KIND, 0, 6);
        w.u32(self.sequence);
        w.u16(self.spread);
    }
}

/// A receiver has had every message from `since` to before `next`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Ack {
    /// The sender whose stream it is.
    pub target: u32,
    /// The low half of that sender's session.
    pub session: u32,
    /// Before this, something was lost, or came before the receiver followed the stream.
    pub since: u32,
    /// The first sequence number that the receiver does not have.
    pub next: u32,
}

impl Ack {
    pub(crate) const KIND: u8 = 0x16;

    pub(crate) fn parse(r: &mut Reader<'_>) -> Self {
        Self {
            target: r.u32(),
            session: r.u32(),
            since: r.u32(),
            next: r.u32(),
        }
    }

    pub(crate) fn emit(self, w: &mut Writer<'_>) {
        emit_frame_header(w, Self::KIND, 0, 16);
        w.u32(self.target);
        w.u32(self.session);
        w.u32(self.since);
        w.u32(self.next);
    }
}

/// A receiver that came late, or lost sight of a stream, asks for the sender's current State values.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Ask {
    /// The sender that is asked.
    pub target: u32,
    /// The low half of that sender's session.
    pub session: u32,
}

impl Ask {
    pub(crate) const KIND: u8 = 0x17;

    /// Bytes of the frame.
    pub(crate) const FRAME_LEN: usize = FRAME_HEADER_LEN + 8;

    pub(crate) fn parse(r: &mut Reader<'_>) -> Self {
        Self {
            target: r.u32(),
            session: r.u32(),
        }
    }

    pub(crate) fn emit(self, w: &mut Writer<'_>) {
        emit_frame_header(w, Self::KIND, 0, 8);
        w.u32(self.target);
        w.u32(self.session);
    }
}
