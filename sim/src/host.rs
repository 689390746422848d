//! Hosts: who they are and how they are addressed.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::num::NonZeroU32;
use std::collections::{BTreeMap, BTreeSet};

use groupcast::multicast::Interface;

use crate::socket::Socket;

/// The index of the only interface that every host has.
const INTERFACE: NonZeroU32 = NonZeroU32::MIN;

/// A host of a simulated network. The first one has number 1.
///
/// Its addresses follow from its number *n*: `10.0.0.n` (above 255 it carries over, as in
/// `10.0.1.0`) and `fd00::n`. Its only interface has index 1.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct HostId(NonZeroU32);

impl HostId {
    /// The host at this place of the network's list.
    pub(crate) fn from_index(index: usize) -> Self {
        let number = u32::try_from(index + 1)
            .ok()
            .filter(|number| *number < 1 << 24);
        let number = number.and_then(NonZeroU32::new);
        Self(number.expect("a simulated network has fewer than 2^24 hosts"))
    }

    /// The place in the network's list.
    pub(crate) const fn index(self) -> usize {
        self.0.get() as usize - 1
    }

    /// Its number, from 1 in the order of creation.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0.get()
    }

    /// Its IPv4 address.
    #[must_use]
    pub const fn ipv4(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(0x0a00_0000 | self.number())
    }

    /// Its IPv6 address.
    #[must_use]
    pub const fn ipv6(self) -> Ipv6Addr {
        Ipv6Addr::from_bits(0xfd << 120 | self.number() as u128)
    }

    /// The host that would have this address: IPv4 or IPv6.
    #[must_use]
    pub fn at(address: IpAddr) -> Option<Self> {
        Self::from_address(address)
    }

    /// The host that would have this address, if it is one of the simulated network's addresses.
    pub(crate) fn from_address(address: IpAddr) -> Option<Self> {
        let number = match address {
            IpAddr::V4(ip) if ip.octets()[0] == 10 => ip.to_bits() & 0x00ff_ffff,
            IpAddr::V6(ip) if ip.to_bits() >> 24 == 0xfd << 96 => (ip.to_bits() as u32) & 0xff_ffff,
            _ => return None,
        };
        NonZeroU32::new(number).map(Self)
    }

    /// Its address of the same family as `other`.
    pub(crate) fn address_like(self, other: IpAddr) -> IpAddr {
        match other {
            IpAddr::V4(_) => self.ipv4().into(),
            IpAddr::V6(_) => self.ipv6().into(),
        }
    }

    /// Whether `interface` means the one that this host has.
    pub(crate) fn has(self, interface: Interface) -> bool {
        match interface {
            Interface::Default => true,
            Interface::Index(index) => index == INTERFACE,
            Interface::Address(address) => address == self.address_like(address),
            _ => false,
        }
    }
}

impl fmt::Display for HostId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "host {}", self.number())
    }
}

/// What a host holds.
#[derive(Default)]
pub(crate) struct Host {
    /// Cut off from everything, itself included.
    pub(crate) down: bool,
    /// Open sockets in the order of their creation.
    pub(crate) sockets: BTreeMap<u32, Socket>,
    /// How many sockets it ever opened.
    pub(crate) opened: u32,
    /// How many times one of its sockets tried to send.
    pub(crate) attempts: u64,
    /// Already in the list of hosts that something arrived at.
    pub(crate) listed: bool,
    /// Where the search for an ephemeral port goes on.
    ephemeral: u16,
}

impl Host {
    /// An ephemeral port that no socket has (RFC 6335 §6: 49152 to 65535).
    pub(crate) fn free_port(&mut self) -> Option<u16> {
        const FIRST: u16 = 49_152;
        const COUNT: u16 = 1 << 14;
        let taken: BTreeSet<u16> = self
            .sockets
            .values()
            .filter_map(|socket| socket.port)
            .collect();
        let candidates = (0..COUNT).map(|n| self.ephemeral.wrapping_add(n) % COUNT);
        let offset = candidates
            .into_iter()
            .find(|offset| !taken.contains(&(FIRST + offset)))?;
        self.ephemeral = offset + 1;
        Some(FIRST + offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lead_back_to_their_host() {
        for index in [0, 8, 254, 255, 70_000] {
            let host = HostId::from_index(index);
            assert_eq!(HostId::from_address(host.ipv4().into()), Some(host));
            assert_eq!(HostId::from_address(host.ipv6().into()), Some(host));
        }
        let host = HostId::from_index(1);
        assert_eq!(host.ipv4().to_string(), "10.0.0.2");
        assert_eq!(host.ipv6().to_string(), "fd00::2");
    }

    #[test]
    fn other_addresses_are_nobodys() {
        for address in [
            "11.0.0.1",
            "10.0.0.0",
            "fd00::",
            "fd00::1:0:0:1",
            "fe80::1",
            "::1",
        ] {
            assert_eq!(
                HostId::from_address(address.parse().unwrap()),
                None,
                "{address}"
            );
        }
    }
}
