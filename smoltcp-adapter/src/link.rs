//! smoltcp: the interface, its device, its sockets, and the time.

use core::net::IpAddr;

use groupcast::Instant;
use smoltcp::iface::{Interface, PollIngressSingleResult, SocketSet};
use smoltcp::phy::Device;
use smoltcp::wire::IpCidr;

use crate::family;

/// Bytes of a UDP header.
const UDP_HEADER: usize = 8;

/// The Ethernet address that datagrams to a group are sent to, `None` if it is not a group.
///
/// Many Ethernet controllers and Wi-Fi chips drop multicast frames until their filter is told this
/// address. smoltcp does not tell it; see [`Stack::with_device`](crate::Stack::with_device).
/// (RFC 1112 §6.4, RFC 2464 §7.)
#[must_use]
pub const fn hardware_address(group: IpAddr) -> Option<[u8; 6]> {
    match group {
        IpAddr::V4(group) if group.is_multicast() => {
            let [_, b, c, d] = group.octets();
            Some([0x01, 0x00, 0x5e, b & 0x7f, c, d])
        }
        IpAddr::V6(group) if group.is_multicast() => {
            let [.., a, b, c, d] = group.octets();
            Some([0x33, 0x33, a, b, c, d])
        }
        _ => None,
    }
}

/// What of smoltcp is driven together.
pub(crate) struct Link<'a, D> {
    pub(crate) interface: Interface,
    pub(crate) device: D,
    pub(crate) sockets: SocketSet<'a>,
    pub(crate) now: Instant,
    /// The largest IP packet that there is memory for, in bytes.
    pub(crate) mtu: usize,
}

impl<D: Device> Link<'_, D> {
    /// Whether the interface has this address.
    pub(crate) fn is_own(&self, address: IpAddr) -> bool {
        is_own(&self.interface, address)
    }

    /// Whether everybody on the link is addressed.
    pub(crate) fn is_broadcast(&self, address: IpAddr) -> bool {
        is_broadcast(&self.interface, address)
    }

    /// The address that a datagram to `to` is sent from.
    pub(crate) fn source_for(&self, to: IpAddr) -> Option<IpAddr> {
        let to = family::address(to)?;
        // Without an IPv6 address smoltcp would send from the loopback address.
        let same_family = |own: &IpCidr| own.address().version() == to.version();
        if to.is_unspecified() || !self.interface.ip_addrs().iter().any(same_family) {
            return None;
        }
        self.interface.get_source_address(&to).map(IpAddr::from)
    }

    /// Whether there is a way to this host: on the link, or by a router. smoltcp would keep a datagram
    /// without one for ever.
    pub(crate) fn reaches(&mut self, host: IpAddr) -> bool {
        let Some(host) = family::address(host) else {
            return false;
        };
        let on_link = self
            .interface
            .ip_addrs()
            .iter()
            .any(|own| own.contains_addr(&host));
        let mut routed = false;
        self.interface.routes_mut().update(|routes| {
            routed = routes.iter().any(|route| route.cidr.contains_addr(&host));
        });
        on_link || routed
    }

    /// Makes the interface a member of a group. Whether it is.
    pub(crate) fn join_group(&mut self, group: IpAddr) -> bool {
        family::address(group)
            .is_some_and(|group| self.interface.join_multicast_group(group).is_ok())
    }

    /// Ends the interface's membership of a group.
    pub(crate) fn leave_group(&mut self, group: IpAddr) {
        if let Some(group) = family::address(group) {
            let _ = self.interface.leave_multicast_group(group);
        }
    }

    /// The largest payload of a datagram to `to`, in bytes, that fits a frame.
    pub(crate) fn largest(&self, to: IpAddr) -> usize {
        let ip_header = if to.is_ipv4() { 20_usize } else { 40 };
        let headers = ip_header.saturating_add(UDP_HEADER);
        let mtu = self.device.capabilities().ip_mtu().min(self.mtu);
        // IP counts the octets of a packet in 16 bits.
        mtu.min(usize::from(u16::MAX)).saturating_sub(headers)
    }

    /// The time as smoltcp counts it.
    pub(crate) fn clock(&self) -> smoltcp::time::Instant {
        let micros = i64::try_from(self.now.as_micros()).unwrap_or(i64::MAX);
        smoltcp::time::Instant::from_micros_const(micros)
    }

    /// When smoltcp wants to be polled again. It does not count what is due to routers that ask for
    /// memberships.
    pub(crate) fn due(&mut self) -> Option<Instant> {
        let due = self.interface.poll_at(self.clock(), &self.sockets)?;
        let micros = u64::try_from(due.total_micros()).unwrap_or(0);
        Some(Instant::from_micros(micros))
    }

    /// Whether the device would take a frame now.
    pub(crate) fn has_room(&mut self) -> bool {
        self.device.transmit(self.clock()).is_some()
    }

    /// Looks after smoltcp's own timers.
    pub(crate) fn maintain(&mut self) {
        self.interface.poll_maintenance(self.clock());
    }

    /// Sends what waits: a frame of each socket, and reports of memberships.
    pub(crate) fn send(&mut self) {
        let now = self.clock();
        self.interface
            .poll_egress(now, &mut self.device, &mut self.sockets);
    }

    /// Takes one frame from the device; `false` if there is none.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn receive(&mut self) -> bool {
        let now = self.clock();
        let taken = self
            .interface
            .poll_ingress_single(now, &mut self.device, &mut self.sockets);
        taken != PollIngressSingleResult::None
    }
}

/// Whether the interface has this address.
pub(crate) fn is_own(interface: &Interface, address: IpAddr) -> bool {
    let address = family::address(address);
    let own = |own: &IpCidr| Some(own.address()) == address;
    interface.ip_addrs().iter().any(own)
}

/// Whether everybody on the interface's link is addressed.
pub(crate) fn is_broadcast(interface: &Interface, address: IpAddr) -> bool {
    let IpAddr::V4(address) = address else {
        return false;
    };
    let directed = |own: &IpCidr| match own {
        IpCidr::Ipv4(own) => own.broadcast() == Some(address),
        #[cfg(feature = "ipv6")]
        IpCidr::Ipv6(_) => false,
    };
    address.is_broadcast() || interface.ip_addrs().iter().any(directed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hardware_address_of_a_group_holds_the_end_of_its_address() {
        let of = |group: &str| hardware_address(group.parse().unwrap());
        assert_eq!(of("239.1.2.3"), Some([0x01, 0x00, 0x5e, 1, 2, 3]));
        assert_eq!(of("239.129.2.3"), Some([0x01, 0x00, 0x5e, 1, 2, 3]));
        assert_eq!(of("ff12::1:2:3"), Some([0x33, 0x33, 0, 2, 0, 3]));
        assert_eq!(of("192.0.2.1"), None);
        assert_eq!(of("fd00::1"), None);
    }
}
