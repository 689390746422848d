//! The groups that programs on this machine have joined, on Linux: they are heard without joining anything.

use core::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::collections::BTreeSet;
use std::fs;
use std::net::UdpSocket;

use socket2::{Domain, Protocol, Socket, Type};

/// Addresses and ports that are listened to at most: each takes a socket, and there are 1,024 as a rule.
const MOST: usize = 500;

/// Ports that Linux gives to whoever asks for none, as it comes. Few groups are there.
const DRAWN: core::ops::RangeInclusive<u16> = 32_768..=60_999;

/// Simple Service Discovery, of the system.
const SSDP: Ipv4Addr = Ipv4Addr::new(239, 255, 255, 250);

/// A socket that hears a group and has not joined it. It is bound to the group's address, so that nothing that is sent
/// to one program comes here.
#[derive(Debug)]
pub(super) struct Eavesdropper {
    pub(super) group: SocketAddr,
    socket: UdpSocket,
}

impl Eavesdropper {
    fn open(group: SocketAddrV4, interface: &str) -> Option<Self> {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP)).ok()?;
        socket.set_reuse_address(true).ok()?;
        #[cfg(any(target_os = "linux", target_os = "android"))]
        {
            socket.set_reuse_port(true).ok()?;
            socket.bind_device(Some(interface.as_bytes())).ok()?;
        }
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        let _ = interface;
        // A program that shares its port with nobody stays alone.
        socket.bind(&group.into()).ok()?;
        socket.set_nonblocking(true).ok()?;
        Some(Self {
            group: group.into(),
            socket: socket.into(),
        })
    }

    /// What has come, and from where.
    pub(super) fn hear(&self, buffer: &mut [u8]) -> Option<(usize, SocketAddr)> {
        self.socket.recv_from(buffer).ok()
    }
}

/// Ears for all groups that programs have joined by this interface, but for those that are heard already.
pub(super) fn all(index: u32, interface: &str, heard: &[SocketAddr]) -> Vec<Eavesdropper> {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let addresses = addresses(&read("/proc/net/igmp"), index);
    let mut groups = Vec::from_iter(groups(&addresses, &read("/proc/net/udp")));
    groups.sort_by_key(|group| rank(*group));
    let news = groups
        .into_iter()
        .filter(|group| !heard.contains(&(*group).into()));
    news.take(MOST)
        .filter_map(|group| Eavesdropper::open(group, interface))
        .collect()
}

/// The groups that an interface has joined, as `/proc/net/igmp` tells; not those of the system itself.
fn addresses(igmp: &str, index: u32) -> Vec<Ipv4Addr> {
    let mut current = None;
    let mut found = Vec::new();
    for line in igmp.lines().skip(1) {
        let first = line.split_whitespace().next().unwrap_or_default();
        if !line.starts_with(char::is_whitespace) {
            current = first.parse().ok();
        } else if current == Some(index)
            && let Some(address) = address(first)
            && address.octets()[..3] != [224, 0, 0]
            && address != SSDP
        {
            found.push(address);
        }
    }
    found
}

/// Addresses and the ports on which they may be heard: `/proc/net/udp` tells who is bound where.
fn groups(addresses: &[Ipv4Addr], udp: &str) -> BTreeSet<SocketAddrV4> {
    let bound = udp.lines().skip(1).filter_map(|line| {
        let (local, port) = line.split_whitespace().nth(1)?.split_once(':')?;
        Some((address(local)?, u16::from_str_radix(port, 16).ok()?))
    });
    let mut groups = BTreeSet::new();
    for (local, port) in bound.filter(|(_, port)| *port != 0) {
        let fitting = addresses
            .iter()
            .filter(|a| local.is_unspecified() || local == **a);
        groups.extend(fitting.map(|address| SocketAddrV4::new(*address, port)));
    }
    groups
}

/// Where there are too many, the ports come first that somebody chose.
fn rank(group: SocketAddrV4) -> (bool, u16) {
    (DRAWN.contains(&group.port()), group.port())
}

/// An address as the kernel writes it: in the order of this machine's bytes.
fn address(hex: &str) -> Option<Ipv4Addr> {
    let number = u32::from_str_radix(hex, 16).ok()?;
    Some(Ipv4Addr::from(number.to_ne_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(address: [u8; 4]) -> String {
        format!("{:08X}", u32::from_ne_bytes(address))
    }

    #[test]
    fn groups_are_what_was_joined_and_where_somebody_is_bound() {
        let igmp = format!(
            "Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n\
             1\tlo        :     1      V3\n\t\t\t\t{}     1 0:00000000\t\t0\n\
             2\teth0      :     4      V3\n\t\t\t\t{}     1 0:00000000\t\t0\n\t\t\t\t{}     1 0:00000000\t\t0\n\
             \t\t\t\t{}     1 0:00000000\t\t0\n\t\t\t\t{}     1 0:00000000\t\t0\n",
            hex([239, 9, 9, 9]),
            hex([239, 1, 2, 3]),
            hex([239, 1, 2, 4]),
            hex([224, 0, 0, 251]),
            hex([239, 255, 255, 250]),
        );
        let joined = addresses(&igmp, 2);
        let expected = [Ipv4Addr::new(239, 1, 2, 3), Ipv4Addr::new(239, 1, 2, 4)];
        assert_eq!(joined, expected);
        assert_eq!(addresses(&igmp, 1), [Ipv4Addr::new(239, 9, 9, 9)]);
        assert!(addresses(&igmp, 3).is_empty() && addresses("", 1).is_empty());

        let line = |local: [u8; 4], port: u16| {
            format!("  10: {}:{port:04X} 00000000:0000 07\n", hex(local))
        };
        let udp = [
            "  sl  local_address rem_address   st\n".to_owned(),
            line([0, 0, 0, 0], 12345),
            line([239, 1, 2, 4], 5000),
            line([127, 0, 0, 1], 53),
            line([0, 0, 0, 0], 0),
            "nonsense\n".to_owned(),
        ];
        let found = groups(&joined, &udp.concat());
        let drawn = SocketAddrV4::new(joined[0], 40_000);
        assert!(found.iter().all(|group| rank(*group) < rank(drawn)));
        let found: Vec<_> = found.iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            ["239.1.2.3:12345", "239.1.2.4:5000", "239.1.2.4:12345"]
        );
    }
}
