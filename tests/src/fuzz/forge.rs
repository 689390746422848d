//! Datagrams with a sound trailer around anything.

use groupcast::wire::{self, Frame, Header};

const CASTAGNOLI: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_32_ISCSI);

/// A datagram with these octets where its frames would be.
pub fn around(header: &Header, body: &[u8]) -> Vec<u8> {
    let mut datagram = of_frames(header, &[]);
    datagram.truncate(Header::LEN);
    datagram.extend(body);
    seal(&mut datagram);
    datagram
}

/// Appends the trailer.
pub(super) fn seal(datagram: &mut Vec<u8>) {
    let checksum = CASTAGNOLI.checksum(datagram);
    datagram.extend(checksum.to_be_bytes());
}

/// A datagram of these frames.
pub(super) fn of_frames(header: &Header, frames: &[Frame<'_>]) -> Vec<u8> {
    // Larger than any input: libFuzzer is told so.
    let mut buffer = vec![0; 1 << 14];
    let len = wire::emit(header, frames, &mut buffer).expect("there is room");
    buffer.truncate(len);
    buffer
}
