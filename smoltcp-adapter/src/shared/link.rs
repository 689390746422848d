//! smoltcp: the interface, its device, its sockets, and the time.

use core::net::IpAddr;

use super::smoltcp::config::IFACE_MAX_MULTICAST_GROUP_COUNT;
use super::smoltcp::iface::{Interface, PollIngressSingleResult, SocketSet};
use super::smoltcp::phy::Device;
use super::smoltcp::wire::IpCidr;
use groupcast::Instant;

use super::tap::Tap;
use super::{differences, family};
use crate::answers::Answers;

/// Bytes of a UDP header.
const UDP_HEADER: usize = 8;

/// What of smoltcp is driven together.
pub(crate) struct Link<'a, D> {
    pub(crate) interface: Interface,
    pub(crate) device: D,
    pub(crate) sockets: SocketSet<'a>,
    pub(crate) now: Instant,
    /// The largest IP packet that there is memory for, in bytes.
    pub(crate) mtu: usize,
    /// When answers to routers are due.
    pub(crate) answers: Answers,
    /// Whether the device had no room for something when it was last to send.
    pub(crate) refused: bool,
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
    pub(crate) fn clock(&self) -> super::smoltcp::time::Instant {
        let micros = i64::try_from(self.now.as_micros()).unwrap_or(i64::MAX);
        super::smoltcp::time::Instant::from_micros_const(micros)
    }

    /// When smoltcp wants to be polled again. It does not count what is due to routers that ask for
    /// memberships, nor reports that the device had no room for.
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
        let now = self.clock();
        differences::maintain(&mut self.interface, now);
    }

    /// Sends what waits: a frame of each socket, and reports of memberships.
    pub(crate) fn send(&mut self) {
        let now = self.clock();
        let mut tap = Tap::new(&mut self.device);
        self.interface.poll_egress(now, &mut tap, &mut self.sockets);
        self.refused = tap.refused;
    }

    /// Takes one frame from the device; `false` if there is none.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn receive(&mut self) -> bool {
        let now = self.clock();
        let mut tap = Tap::new(&mut self.device);
        let taken = self
            .interface
            .poll_ingress_single(now, &mut tap, &mut self.sockets);
        if let Some(query) = tap.query {
            self.answers
                .asked(query, self.now, IFACE_MAX_MULTICAST_GROUP_COUNT);
        }
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
