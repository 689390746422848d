//! What the crate `w5500` does not name of the chip.

use core::net::Ipv4Addr;

/// `Sn_DHAR`: the hardware address that SEND_MAC sends to.
pub(crate) const DESTINATION_HARDWARE: u16 = 0x06;

/// `Sn_TTL`.
pub(crate) const TIME_TO_LIVE: u16 = 0x16;

/// In `Sn_MR`: the socket hears a group.
pub(crate) const MULTICAST: u8 = 0x80;

/// In `Sn_CR`: sends without asking for the hardware address.
pub(crate) const SEND_MAC: u8 = 0x21;

/// The registers of a socket, and its two buffers.
pub(crate) const fn blocks(socket: u8) -> (u8, u8, u8) {
    let first = socket * 4;
    (first + 1, first + 2, first + 3)
}

/// The hardware address of a group (RFC 1112 §6.4).
pub(crate) const fn hardware_address(group: Ipv4Addr) -> [u8; 6] {
    let [_, b, c, d] = group.octets();
    [0x01, 0x00, 0x5e, b & 0x7f, c, d]
}
