//! The way in: a raw socket of smoltcp that sees every UDP packet, or one for each version of IP.
//!
//! Not smoltcp's UDP sockets, because only the first of those that share a port would hear a datagram.

use core::net::SocketAddr;

use super::smoltcp::iface::{Interface, SocketHandle, SocketSet};
use super::smoltcp::phy::{ChecksumCapabilities, Device};
use super::smoltcp::socket::raw;
#[cfg(feature = "ipv6")]
use super::smoltcp::wire::Ipv6Packet;
use super::smoltcp::wire::{IpAddress, IpVersion, Ipv4Packet, UdpPacket, UdpRepr};

use super::differences::{HEARD, UDP};
use super::link::{self, Link};

/// How many raw sockets there are.
pub(crate) const EARS: usize = HEARD.len();

/// The raw sockets. Each holds one packet, and only one of them does at a time.
pub(crate) struct Ear([SocketHandle; EARS]);

/// A datagram that is for this host.
pub(crate) struct Datagram<'p> {
    pub(crate) source: SocketAddr,
    pub(crate) destination: SocketAddr,
    /// Whether it is to a group or to everybody on the link, not to one address.
    pub(crate) to_many: bool,
    pub(crate) payload: &'p [u8],
}

impl Ear {
    pub(crate) fn new<'a>(
        sockets: &mut SocketSet<'a>,
        packets: [raw::PacketBuffer<'a>; EARS],
    ) -> Self {
        let mut versions = HEARD.into_iter();
        Self(packets.map(|received| {
            let sent = raw::PacketBuffer::new(&mut [][..], &mut [][..]);
            let version = versions.next().unwrap_or(HEARD[0]);
            sockets.add(raw::Socket::new(version, UDP, received, sent))
        }))
    }

    /// The raw socket that has a packet.
    fn full(&self, sockets: &SocketSet<'_>) -> Option<SocketHandle> {
        let full = |ear: &SocketHandle| sockets.get::<raw::Socket<'_>>(*ear).can_recv();
        self.0.iter().copied().find(full)
    }

    /// The datagram that waits. What is no datagram, or not for this host, is dropped.
    ///
    /// `device_loops`: whether what this host sent itself may come from the device.
    pub(crate) fn peek<'l, D: Device>(
        &self,
        link: &'l mut Link<'_, D>,
        device_loops: bool,
    ) -> Option<Datagram<'l>> {
        let checksums = link.device.capabilities().checksum;
        let Link {
            interface, sockets, ..
        } = link;
        let full = self.full(sockets)?;
        let socket = sockets.get_mut::<raw::Socket<'_>>(full);
        let wanted = |packet| read(packet, &checksums, interface, device_loops).is_some();
        if !socket.peek().is_ok_and(wanted) {
            let _ = socket.recv();
            return None;
        }
        let packet = socket.peek().ok()?;
        read(packet, &checksums, interface, device_loops)
    }

    /// Drops the packet that waits.
    pub(crate) fn drop_packet<D>(&self, link: &mut Link<'_, D>) {
        if let Some(full) = self.full(&link.sockets) {
            let _ = link.sockets.get_mut::<raw::Socket<'_>>(full).recv();
        }
    }
}

/// The datagram in an IP packet, if it is for this host and comes from another one, or from the device.
fn read<'p>(
    packet: &'p [u8],
    checksums: &ChecksumCapabilities,
    interface: &Interface,
    device_loops: bool,
) -> Option<Datagram<'p>> {
    let (source, destination, payload) = parse(packet, checksums)?;
    let (from, to) = (source.ip(), destination.ip());
    let to_many = to.is_multicast() || link::is_broadcast(interface, to);
    let for_us = to_many || link::is_own(interface, to);
    let echo = !device_loops && link::is_own(interface, from);
    (for_us && !echo).then_some(Datagram {
        source,
        destination,
        to_many,
        payload,
    })
}

/// Source, destination and payload of a datagram whose UDP checksum is right, or rightly missing.
fn parse<'p>(
    packet: &'p [u8],
    checksums: &ChecksumCapabilities,
) -> Option<(SocketAddr, SocketAddr, &'p [u8])> {
    let (from, to, payload): (IpAddress, IpAddress, _) = match IpVersion::of_packet(packet).ok()? {
        IpVersion::Ipv4 => {
            let packet = Ipv4Packet::new_checked(packet).ok()?;
            (
                packet.src_addr().into(),
                packet.dst_addr().into(),
                packet.payload(),
            )
        }
        #[cfg(feature = "ipv6")]
        IpVersion::Ipv6 => {
            let packet = Ipv6Packet::new_checked(packet).ok()?;
            (
                packet.src_addr().into(),
                packet.dst_addr().into(),
                packet.payload(),
            )
        }
    };
    let udp = UdpPacket::new_checked(payload).ok()?;
    let ports = UdpRepr::parse(&udp, &from, &to, checksums).ok()?;
    let source = SocketAddr::new(from.into(), ports.src_port);
    let destination = SocketAddr::new(to.into(), ports.dst_port);
    Some((source, destination, udp.payload()))
}
