//! BYE: the sender leaves (PROTOCOL §2.6).

use super::frame::{FRAME_HEADER_LEN, emit_frame_header};
use super::reader::Reader;
use super::writer::Writer;

/// The sender leaves the group.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Bye {
    /// Why: 0 the application left, 1 the id is another member's. Others are not defined.
    pub reason: u8,
}

impl Bye {
    pub(crate) const KIND: u8 = 0x02;

    /// Bytes of the frame.
    pub(crate) const FRAME_LEN: usize = FRAME_HEADER_LEN + 1;

    /// The application left.
    pub const LEFT: Self = Self { reason: 0 };

    /// The id is another member's, and this one falls silent.
    pub const GIVE_WAY: Self = Self { reason: 1 };

    pub(crate) fn parse(r: &mut Reader<'_>) -> Self {
        Self { reason: r.u8() }
    }

    pub(crate) fn emit(self, w: &mut Writer<'_>) {
        emit_frame_header(w, Self::KIND, 0, 1);
        w.u8(self.reason);
    }
}
