//! SYNC: where a sender's stream stands (PROTOCOL §2.6).

use super::frame::{FRAME_HEADER_LEN, emit_frame_header};
use super::reader::Reader;
use super::writer::Writer;

/// Where the sender's reliable stream stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Sync {
    /// The sequence number after the last fragment that has been sent: what is queued does not count.
    pub next: u32,
    /// The lowest sequence number that can still be repaired.
    pub low: u32,
    /// The sender's estimate of the round trip in the group, 8·log2(µs).
    pub round_trip: u8,
    /// The sender's estimate of the group's size, 4·log2(members).
    pub group_size: u8,
    /// How many State channels of the sender have a value; 255: 255 or more.
    pub states: u8,
}

impl Sync {
    pub(crate) const KIND: u8 = 0x12;

    /// Bytes of the frame.
    pub(crate) const FRAME_LEN: usize = FRAME_HEADER_LEN + Self::LEN;

    const LEN: usize = 4 + 4 + 1 + 1 + 1;

    pub(crate) fn parse(r: &mut Reader<'_>) -> Self {
        Self {
            next: r.u32(),
            low: r.u32(),
            round_trip: r.u8(),
            group_size: r.u8(),
            states: r.u8(),
        }
    }

    pub(crate) fn emit(self, w: &mut Writer<'_>) {
        emit_frame_header(w, Self::KIND, 0, Self::LEN);
        w.u32(self.next);
        w.u32(self.low);
        w.u8(self.round_trip);
        w.u8(self.group_size);
        w.u8(self.states);
    }
}
