//! SKIP: what a sender will not repair (PROTOCOL §2.6).

use super::frame::{FRAME_HEADER_LEN, emit_frame_header};
use super::reader::Reader;
use super::writer::Writer;

/// Sequence numbers that nobody needs any more: newer values have taken their place.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Skip {
    /// The first of them.
    pub first: u32,
    /// How many; more than 256 count as 256.
    pub count: u16,
}

impl Skip {
    pub(crate) const KIND: u8 = 0x14;

    /// Bytes of the frame.
    pub(crate) const FRAME_LEN: usize = FRAME_HEADER_LEN + 6;

    pub(crate) fn parse(r: &mut Reader<'_>) -> Self {
        Self {
            first: r.u32(),
            count: r.u16(),
        }
    }

    pub(crate) fn emit(self, w: &mut Writer<'_>) {
        emit_frame_header(w, Self::KIND, 0, 6);
        w.u32(self.first);
        w.u16(self.count);
    }
}
