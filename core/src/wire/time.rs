//! TIME and BUSY: round trips, and receivers that cannot keep up (PROTOCOL §2.6).

use super::frame::emit_frame_header;
use super::reader::Reader;
use super::writer::Writer;

/// The sender's clock, and echoes of others' clocks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Time<'a> {
    /// The sender's clock, in microseconds, modulo 2^32.
    pub stamp: u32,
    /// Echoes: see [`iter_echoes`](Self::iter_echoes).
    pub echoes: &'a [u8],
}

/// The clock of another member, sent back to it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Echo {
    /// Whose clock it is.
    pub member: u32,
    /// What it was.
    pub stamp: u32,
    /// How long the echo was kept, in microseconds.
    pub held: u32,
}

impl Echo {
    /// Bytes of an echo.
    pub const LEN: usize = 12;

    const fn from_octets(octets: [u8; Self::LEN]) -> Self {
        let [a, b, c, d, e, f, g, h, i, j, k, l] = octets;
        Self {
            member: u32::from_be_bytes([a, b, c, d]),
            stamp: u32::from_be_bytes([e, f, g, h]),
            held: u32::from_be_bytes([i, j, k, l]),
        }
    }

    /// Writes the echo.
    #[must_use]
    pub fn to_bytes(self) -> [u8; Self::LEN] {
        let [a, b, c, d] = self.member.to_be_bytes();
        let [e, f, g, h] = self.stamp.to_be_bytes();
        let [i, j, k, l] = self.held.to_be_bytes();
        [a, b, c, d, e, f, g, h, i, j, k, l]
    }
}

impl<'a> Time<'a> {
    pub(crate) const KIND: u8 = 0x04;

    /// Bytes of a frame with this many bytes of echoes.
    #[cfg(feature = "seal")]
    pub(crate) const fn frame_len(echoes: usize) -> usize {
        super::frame::FRAME_HEADER_LEN
            .saturating_add(4)
            .saturating_add(echoes)
    }

    /// The echoes.
    pub fn iter_echoes(&self) -> impl Iterator<Item = Echo> + use<'a> {
        let (echoes, _) = self.echoes.as_chunks();
        echoes.iter().map(|echo| Echo::from_octets(*echo))
    }

    pub(crate) fn parse(r: &mut Reader<'a>) -> Self {
        let stamp = r.u32();
        let echoes = r.peek();
        while !r.is_empty() {
            r.octets(Echo::LEN);
        }
        Self { stamp, echoes }
    }

    pub(crate) fn emit(&self, w: &mut Writer<'_>) {
        emit_frame_header(w, Self::KIND, 0, self.echoes.len().saturating_add(4));
        w.u32(self.stamp);
        w.octets(self.echoes);
    }
}

/// A receiver cannot keep up: everybody pauses.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Busy {
    /// For how long, in milliseconds; more than 500 counts as 500.
    pub wait: u16,
}

impl Busy {
    pub(crate) const KIND: u8 = 0x03;

    pub(crate) fn parse(r: &mut Reader<'_>) -> Self {
        Self { wait: r.u16() }
    }

    pub(crate) fn emit(self, w: &mut Writer<'_>) {
        emit_frame_header(w, Self::KIND, 0, 2);
        w.u16(self.wait);
    }
}
