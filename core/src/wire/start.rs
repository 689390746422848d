//! START: from where on a member is counted in (PROTOCOL §2.6).

use super::frame::{FRAME_HEADER_LEN, emit_frame_header};
use super::reader::Reader;
use super::writer::Writer;

/// The sender has listed a member since a certain number of its stream.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Start {
    /// The member.
    pub target: u32,
    /// The low half of that member's session.
    pub session: u32,
    /// The first sequence number that was sent since.
    pub next: u32,
}

impl Start {
    pub(crate) const KIND: u8 = 0x11;

    /// Bytes of the frame.
    pub(crate) const FRAME_LEN: usize = FRAME_HEADER_LEN + 12;

    pub(crate) fn parse(r: &mut Reader<'_>) -> Self {
        Self {
            target: r.u32(),
            session: r.u32(),
            next: r.u32(),
        }
    }

    pub(crate) fn emit(self, w: &mut Writer<'_>) {
        emit_frame_header(w, Self::KIND, 0, 12);
        w.u32(self.target);
        w.u32(self.session);
        w.u32(self.next);
    }
}
