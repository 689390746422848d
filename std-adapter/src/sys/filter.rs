//! Linux: packet filters that tie IPv6 memberships to their interface, and keep out what a member has sent
//! itself.
//!
//! For IPv4, Linux delivers a group to a socket only from the interface that the socket joined it on.
//! For IPv6 it compares the group alone: once any program has joined the group on a second interface,
//! every member hears both. So each IPv6 socket brings a filter that compares the interface too.

use core::net::{Ipv6Addr, SocketAddrV4};
use core::num::NonZeroU32;
use std::io;
use std::net::UdpSocket;

use rustix::io::Errno;
use socket2::{SockFilter, SockRef};

/// Reads a word of the packet, or of what the kernel knows about it.
const LOAD_WORD: u16 = 0x20;
const LOAD_HALF: u16 = 0x28;
const LOAD_BYTE: u16 = 0x30;
const JUMP_IF_EQUAL: u16 = 0x15;
const RETURN: u16 = 0x06;
/// Negative offsets: the IP header, and the index of the interface.
const IP_HEADER: u32 = 0xfff0_0000;
const INTERFACE_INDEX: u32 = 0xffff_f008;
/// Where the source stands in an IPv4 header, and the source port in the packet: that of a UDP socket begins
/// with its UDP header.
const SOURCE: u32 = IP_HEADER + 12;
const SOURCE_PORT: u32 = 0;
/// Where the destination stands in an IPv6 header.
const DESTINATION: u32 = IP_HEADER + 24;

const ACCEPT: SockFilter = SockFilter::new(RETURN, 0, 0, u32::MAX);
const REJECT: SockFilter = SockFilter::new(RETURN, 0, 0, 0);

/// The instructions that recognise one membership: five comparisons and the acceptance.
const LENGTH: u8 = 5 * 2 + 1;
/// The kernel takes 4096 instructions.
const LIMIT: usize = 4096 / LENGTH as usize - 1;

/// Makes an IPv4 `socket` pass over what comes from `source`: what a member hears of itself costs as much as
/// what it hears of another.
pub(crate) fn pass_over(socket: &UdpSocket, source: SocketAddrV4) -> io::Result<()> {
    let program = [
        SockFilter::new(LOAD_HALF, 0, 0, SOURCE_PORT),
        // Different: jump to the acceptance.
        SockFilter::new(JUMP_IF_EQUAL, 0, 3, source.port().into()),
        SockFilter::new(LOAD_WORD, 0, 0, SOURCE),
        SockFilter::new(JUMP_IF_EQUAL, 0, 1, source.ip().to_bits()),
        REJECT,
        ACCEPT,
    ];
    SockRef::from(socket).attach_filter(&program)
}

/// Makes `socket` receive unicast, and groups on their interfaces only.
pub(crate) fn hear_only(
    socket: &UdpSocket,
    memberships: impl Iterator<Item = (Ipv6Addr, NonZeroU32)>,
) -> io::Result<()> {
    let mut program = vec![
        SockFilter::new(LOAD_BYTE, 0, 0, DESTINATION),
        // Not multicast: go on to accept. Multicast: jump over that.
        SockFilter::new(JUMP_IF_EQUAL, 1, 0, 0xff),
        ACCEPT,
    ];
    for (count, (group, index)) in memberships.enumerate() {
        if count == LIMIT {
            return Err(Errno::NOBUFS.into());
        }
        let word = |n: u32| (u128::from(group) >> (96 - 32 * n)) as u32;
        let facts = [
            (INTERFACE_INDEX, index.get()),
            (DESTINATION, word(0)),
            (DESTINATION + 4, word(1)),
            (DESTINATION + 8, word(2)),
            (DESTINATION + 12, word(3)),
        ];
        let mut left = LENGTH;
        for (place, value) in facts {
            left -= 2;
            program.push(SockFilter::new(LOAD_WORD, 0, 0, place));
            // Different: jump over the rest of this membership.
            program.push(SockFilter::new(JUMP_IF_EQUAL, 0, left, value));
        }
        program.push(ACCEPT);
    }
    program.push(REJECT);
    SockRef::from(socket).attach_filter(&program)
}
