//! An open socket: how it is made and set up, and how it follows the interface.

use core::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::io;
use std::net::UdpSocket;

use groupcast::multicast::Interface;
use quinn_udp::{Transmit, UdpSocketState};
use socket2::{Domain, Protocol, SockRef, Type};

use crate::arrivals::Arrivals;
use crate::builder::Settings;
use crate::cause::Cause;
use crate::error::{Error, Operation};
use crate::interface::Family;
use crate::interfaces::is_link_scope;
use crate::membership::Memberships;
use crate::sys;
use crate::watch::{Link, Watch};

/// The size of the receive buffer that is asked for by default, in bytes. The system may give less.
pub const RECEIVE_BUFFER: usize = 4 * 1024 * 1024;
/// And of the send buffer.
const SEND_BUFFER: usize = 1024 * 1024;

/// The bytes that one system call sends at most: what a UDP datagram over IPv6 can hold, since the system
/// cuts them from one.
const MOST_OCTETS: usize = 65_535 - 40 - 8;

/// An open socket.
#[derive(Debug)]
pub(crate) struct Open {
    pub(crate) io: UdpSocket,
    /// What the system can do with several datagrams, and whether that has worked.
    batched: UdpSocketState,
    pub(crate) sends_batches: bool,
    pub(crate) arrivals: Arrivals,
    pub(crate) port: u16,
    pub(crate) family: Family,
    pub(crate) memberships: Memberships,
    /// Where `send` goes: the connected peer, or the destination of the last `send_to`.
    pub(crate) peer: Option<Peer>,
    /// The interface that datagrams to groups leave by: as asked for, and as last set.
    outgoing: Interface,
    outgoing_link: Option<Link>,
    /// The stamp of the last look at the interfaces that this socket acted on.
    stamp: u64,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Peer {
    Connected,
    Last(SocketAddr),
}

/// Names the option that could not be set.
fn option(name: &'static str) -> impl FnOnce(io::Error) -> Error {
    move |error| Error::os(Operation::Configure(name), error)
}

/// Asks for a receive buffer of [`RECEIVE_BUFFER`], and takes what it gets.
fn enlarge_receive_buffer(socket: &socket2::Socket) {
    let before = socket.recv_buffer_size().unwrap_or(0);
    if before < RECEIVE_BUFFER && sys::force_receive_buffer(socket, RECEIVE_BUFFER).is_err() {
        enlarge(before, RECEIVE_BUFFER, |bytes| {
            socket.set_recv_buffer_size(bytes)
        });
    }
}

/// Asks for a send buffer of [`SEND_BUFFER`], and takes what it gets.
fn enlarge_send_buffer(socket: &socket2::Socket) {
    let before = socket.send_buffer_size().unwrap_or(0);
    enlarge(before, SEND_BUFFER, |bytes| {
        socket.set_send_buffer_size(bytes)
    });
}

/// Asks for less and less: some systems refuse what is above their limit, others give what they can.
fn enlarge(before: usize, wanted: usize, set: impl Fn(usize) -> io::Result<()>) {
    let mut bytes = wanted;
    while bytes > before && set(bytes).is_err() {
        bytes /= 2;
    }
}

/// Whether groups that only other sockets joined are kept out of a socket on the wildcard address. A system
/// without the option, such as an old or imitated Linux, does not.
fn are_apart(kept: io::Result<bool>) -> Result<bool, Error> {
    match kept {
        Err(error) if Cause::of(&error) == Some(Cause::Unsupported) => Ok(false),
        kept => kept.map_err(option("IP_MULTICAST_ALL")),
    }
}

/// The address that a socket which receives groups on `port` is bound to.
///
/// Where the system keeps groups apart, the wildcard address serves, and the socket can hold several groups
/// and hear unicast. Elsewhere the group's own address, where it is known, keeps foreign groups out. One that
/// does not leave the link is one group on each: Android refuses it without the interface, FreeBSD is deaf.
fn shared_address(group: SocketAddr, port: u16, apart: bool, index: u32) -> SocketAddr {
    match group {
        _ if apart || group.port() != port => {
            SocketAddr::new(Family::of(group.ip()).unspecified(), port)
        }
        SocketAddr::V6(v6) if is_link_scope(*v6.ip()) && !cfg!(target_vendor = "apple") => {
            SocketAddrV6::new(*v6.ip(), port, 0, index).into()
        }
        _ => SocketAddr::new(group.ip(), port),
    }
}

impl Open {
    /// A socket bound to `port`: shared with others, or a free port of its own for 0.
    pub(crate) fn bind(settings: &Settings, watch: &Watch, port: u16) -> Result<Self, Error> {
        Self::bind_with(settings, watch, port, sys::keep_groups_apart)
    }

    /// As [`bind`](Self::bind), with how the system keeps groups apart.
    fn bind_with(
        settings: &Settings,
        watch: &Watch,
        port: u16,
        keep_apart: impl FnOnce(&socket2::Socket, Family) -> io::Result<bool>,
    ) -> Result<Self, Error> {
        let socket = Self::make(settings, watch.family())?;
        let apart = are_apart(keep_apart(&socket, watch.family()))?;
        let address = if port == 0 {
            // The wildcard address, so that the socket outlives a change of the interface's address.
            // The source of what it sends to groups is the interface's address all the same.
            SocketAddr::new(watch.family().unspecified(), 0)
        } else {
            sys::share_port(&socket).map_err(option("SO_REUSEADDR"))?;
            shared_address(settings.group, port, apart, watch.choice().index.get())
        };
        Self::set_up(settings, watch, socket, address)
    }

    /// A socket that exchanges datagrams with `remote` only.
    pub(crate) fn connect(
        settings: &Settings,
        watch: &Watch,
        remote: SocketAddr,
    ) -> Result<Self, Error> {
        let family = Family::of(remote.ip());
        let socket = Self::make(settings, family)?;
        let address = SocketAddr::new(family.unspecified(), 0);
        let mut open = Self::set_up(settings, watch, socket, address)?;
        open.io
            .connect(remote)
            .map_err(|error| Error::os(Operation::Connect(remote), error))?;
        open.peer = Some(Peer::Connected);
        Ok(open)
    }

    /// A socket with its buffers, not bound yet.
    fn make(settings: &Settings, family: Family) -> Result<socket2::Socket, Error> {
        let domain = match family {
            Family::V4 => Domain::IPV4,
            Family::V6 => Domain::IPV6,
        };
        let socket = socket2::Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))
            .map_err(|error| Error::os(Operation::Open, error))?;
        socket
            .set_nonblocking(true)
            .map_err(option("non-blocking mode"))?;
        if family == Family::V6 {
            socket.set_only_v6(true).map_err(option("IPV6_V6ONLY"))?;
        }
        match settings.receive_buffer {
            Some(bytes) => socket
                .set_recv_buffer_size(bytes)
                .map_err(option("SO_RCVBUF"))?,
            None => enlarge_receive_buffer(&socket),
        }
        match settings.send_buffer {
            Some(bytes) => socket
                .set_send_buffer_size(bytes)
                .map_err(option("SO_SNDBUF"))?,
            None => enlarge_send_buffer(&socket),
        }
        Ok(socket)
    }

    fn set_up(
        settings: &Settings,
        watch: &Watch,
        socket: socket2::Socket,
        address: SocketAddr,
    ) -> Result<Self, Error> {
        let family = Family::of(address.ip());
        socket
            .bind(&address.into())
            .map_err(|error| Error::os(Operation::Bind(address), error))?;
        let io = UdpSocket::from(socket);
        let batched = sys::batched(&io).map_err(option("UDP_GRO and IP_PKTINFO"))?;
        let port = io.local_addr().map_err(option("a port"))?.port();
        let mut open = Self {
            io,
            batched,
            sends_batches: true,
            arrivals: Arrivals::new(),
            port,
            family,
            memberships: Memberships::default(),
            peer: None,
            outgoing: Interface::Default,
            outgoing_link: None,
            stamp: watch.stamp(),
        };
        if family == watch.family() {
            // Without it the system would choose the interface, so it must be there.
            let link = watch
                .locate(Interface::Default)
                .ok_or(Error::InterfaceGone(family))?;
            open.set_outgoing_link(link)?;
            open.set_hop_limit(settings.hop_limit)?;
            open.set_loop(settings.loopback)?;
        }
        match open.refill() {
            // A sandbox that takes receiving away is told now, and not by silence.
            Err(error) if Cause::of(&error).is_some_and(Cause::may_be_sandbox) => {
                Err(Error::os(Operation::Receive, error))
            }
            _ => Ok(open),
        }
    }

    /// Takes what the system has received, when all of that before has been taken.
    pub(crate) fn refill(&mut self) -> io::Result<()> {
        self.arrivals.fill(&self.io, &self.batched)
    }

    /// As much of `octets` as one system call can send in datagrams of this size, if it is more than one.
    pub(crate) fn batch<'a>(&self, octets: &'a [u8], segment: usize) -> Option<&'a [u8]> {
        let fitting = MOST_OCTETS.checked_div(segment)?;
        let count = self.batched.max_gso_segments().min(fitting);
        let octets = octets.get(..count * segment).unwrap_or(octets);
        (self.sends_batches && count > 1 && octets.len() > segment).then_some(octets)
    }

    /// Sends a [`batch`](Self::batch): all of it or, with an error, nothing.
    pub(crate) fn send_batch(
        &self,
        destination: SocketAddr,
        batch: &[u8],
        segment: usize,
    ) -> io::Result<()> {
        let transmit = Transmit {
            destination,
            ecn: None,
            contents: batch,
            segment_size: Some(segment),
            src_ip: None,
        };
        self.batched.try_send((&self.io).into(), &transmit)
    }

    /// Chooses the interface that datagrams to groups leave by.
    pub(crate) fn set_outgoing(&mut self, wanted: Interface, link: Link) -> Result<(), Error> {
        self.set_outgoing_link(link)?;
        self.outgoing = wanted;
        Ok(())
    }

    fn set_outgoing_link(&mut self, link: Link) -> Result<(), Error> {
        let socket = SockRef::from(&self.io);
        match (self.family, link.address) {
            (Family::V4, Some(IpAddr::V4(address))) => {
                socket
                    .set_multicast_if_v4(&address)
                    .map_err(option("IP_MULTICAST_IF"))?;
            }
            (Family::V6, _) => {
                let index = link.index.get();
                socket
                    .set_multicast_if_v6(index)
                    .map_err(option("IPV6_MULTICAST_IF"))?;
            }
            _ => return Err(Error::InterfaceGone(self.family)),
        }
        self.outgoing_link = Some(link);
        Ok(())
    }

    pub(crate) fn set_hop_limit(&self, hop_limit: u8) -> Result<(), Error> {
        let socket = SockRef::from(&self.io);
        match self.family {
            Family::V4 => {
                socket
                    .set_multicast_ttl_v4(hop_limit.into())
                    .map_err(option("IP_MULTICAST_TTL"))?;
                // Whoever sends to a group is not told by a router that a datagram is too long for a link
                // behind it: what must not be split would be lost there, always.
                if hop_limit > 1 {
                    sys::let_routers_split(&self.io).map_err(option("IP_MTU_DISCOVER"))?;
                }
                Ok(())
            }
            Family::V6 => socket
                .set_multicast_hops_v6(hop_limit.into())
                .map_err(option("IPV6_MULTICAST_HOPS")),
        }
    }

    pub(crate) fn set_loop(&self, on: bool) -> Result<(), Error> {
        let socket = SockRef::from(&self.io);
        match self.family {
            Family::V4 => socket
                .set_multicast_loop_v4(on)
                .map_err(option("IP_MULTICAST_LOOP")),
            Family::V6 => socket
                .set_multicast_loop_v6(on)
                .map_err(option("IPV6_MULTICAST_LOOP")),
        }
    }

    /// Acts on the last look at the interfaces, once. Returns how many memberships were made anew, or
    /// `None` if there was nothing new to look at.
    pub(crate) fn adapt(&mut self, watch: &Watch) -> Option<u64> {
        if self.stamp == watch.stamp() {
            return None;
        }
        self.stamp = watch.stamp();
        if self.family != watch.family() {
            return Some(0);
        }
        match watch.link(self.outgoing) {
            None => self.outgoing_link = None,
            link if link == self.outgoing_link => {}
            Some(link) => {
                // What one interface or its MTU did not take, another may.
                self.sends_batches = true;
                // If it fails the interface has changed again, and the next look sees that.
                let _ = self.set_outgoing_link(link);
            }
        }
        Some(self.memberships.renew(&self.io, watch))
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_group_that_stays_on_the_link_is_bound_with_its_interface() {
        let bound = |group: &str, port, apart| {
            shared_address(group.parse().unwrap(), port, apart, 5).to_string()
        };
        for local in ["ff02::1234", "ff01::1234", "ff12::1234"] {
            let group = format!("[{local}]:7");
            let expected = if cfg!(target_vendor = "apple") {
                group.clone()
            } else {
                format!("[{local}%5]:7")
            };
            assert_eq!(bound(&group, 7, false), expected);
            assert_eq!(bound(&group, 7, true), "[::]:7");
            assert_eq!(bound(&group, 8, false), "[::]:8");
        }
        assert_eq!(bound("[ff05::1234]:7", 7, false), "[ff05::1234]:7");
        assert_eq!(bound("239.1.2.3:7", 7, false), "239.1.2.3:7");
        assert_eq!(bound("239.1.2.3:7", 7, true), "0.0.0.0:7");
    }

    /// With one hop no router is on the way, and the system's own way is kept.
    #[test]
    #[cfg(target_os = "linux")]
    fn routers_may_split_what_is_sent_across_them() {
        use rustix::net::sockopt::{Ipv4PathMtuDiscovery, ip_mtu_discover};

        let fresh = UdpSocket::bind("127.0.0.1:0").unwrap();
        let usual = ip_mtu_discover(&fresh).unwrap();
        for hop_limit in [0, 1, 2, 255] {
            let settings = Settings {
                group: "239.72.9.3:45193".parse().unwrap(),
                hop_limit,
                loopback: true,
                receive_buffer: None,
                send_buffer: None,
            };
            let watch = Watch::new("127.0.0.1".parse().unwrap(), settings.group.ip()).unwrap();
            let open = Open::bind(&settings, &watch, 0).unwrap();
            let expected = if hop_limit > 1 {
                Ipv4PathMtuDiscovery::DONT
            } else {
                usual
            };
            assert_eq!(ip_mtu_discover(&open.io).unwrap(), expected, "{hop_limit}");
        }
    }

    /// An IPv4 Linux without `IP_MULTICAST_ALL`.
    #[test]
    #[cfg(unix)]
    fn where_the_system_does_not_keep_groups_apart_their_addresses_do() {
        use rustix::io::Errno;

        let settings = |group: &str| Settings {
            group: group.parse().unwrap(),
            hop_limit: 0,
            loopback: true,
            receive_buffer: None,
            send_buffer: None,
        };
        let (mine, other) = (settings("239.72.9.1:45190"), settings("239.72.9.2:45190"));
        let watch = Watch::new("127.0.0.1".parse().unwrap(), mine.group.ip()).unwrap();
        let open = |settings: &Settings, errno: Errno| {
            let mut open = Open::bind_with(settings, &watch, 45190, |_, _| Err(errno.into()))?;
            let group = settings.group.ip();
            let joined = open
                .memberships
                .join(&open.io, group, Interface::Default, &watch);
            joined.map(|()| open)
        };
        let mut heard = open(&mine, Errno::NOPROTOOPT).unwrap();
        assert_eq!(heard.io.local_addr().unwrap(), mine.group);
        // Without it joined by anybody, nothing would come in any case.
        let _joined = open(&other, Errno::OPNOTSUPP).unwrap();
        let mouth = Open::bind(&mine, &watch, 0).unwrap();
        mouth.io.send_to(b"other", other.group).unwrap();
        mouth.io.send_to(b"mine", mine.group).unwrap();
        let end = Instant::now() + Duration::from_secs(60);
        let mut buffer = [0; 64];
        let arrival = loop {
            if let Some(arrival) = heard.arrivals.take(&mut buffer) {
                break arrival;
            }
            assert!(Instant::now() < end, "it is deaf");
            if heard.refill().is_err() {
                std::thread::sleep(Duration::from_millis(5));
            }
        };
        assert_eq!(&buffer[..arrival.length.unwrap()], b"mine");
        // What the system forbids is another matter.
        assert!(open(&mine, Errno::PERM).is_err());
    }
}
