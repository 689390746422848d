//! A UDP socket of a stack.

use core::net::{IpAddr, SocketAddr};
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
use crate::membership::Memberships;
use crate::sys;
use crate::watch::{Link, Watch};

/// The size of the receive buffer that is asked for by default, in bytes. The system may give less.
pub const RECEIVE_BUFFER: usize = 4 * 1024 * 1024;
/// And of the send buffer.
const SEND_BUFFER: usize = 1024 * 1024;

/// The octets that one system call sends at most: what a UDP datagram over IPv6 can hold, since the system
/// cuts them from one.
const MOST_OCTETS: usize = 65_535 - 40 - 8;

/// A UDP socket of a [`StdStack`](crate::StdStack).
///
/// A new one is nothing but a place: the operating system's socket is made by `bind` or `connect`,
/// which know the family and the port. Dropping it closes it and leaves its groups.
///
/// For programs with an event loop of their own, an open socket gives its handle through
/// `as_fd` or `as_raw_fd` on Unix and `as_socket` or `as_raw_socket` on Windows. It is in non-blocking
/// mode. After the loop says it is readable, call `receive` until it returns `WouldBlock`: the socket takes
/// several datagrams from the system at a time, and the loop is not told of those again.
#[derive(Debug, Default)]
pub struct Socket(Option<Open>);

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

impl Socket {
    pub(crate) fn open(&mut self, open: Open) -> &mut Open {
        self.0.insert(open)
    }

    pub(crate) const fn is_open(&self) -> bool {
        self.0.is_some()
    }

    pub(crate) fn get_mut(&mut self) -> Result<&mut Open, Error> {
        self.0.as_mut().ok_or(Error::NotOpen)
    }

    /// Whether a datagram can be received without asking the system.
    pub(crate) fn has_arrivals(&self) -> bool {
        self.0
            .as_ref()
            .is_some_and(|open| !open.arrivals.is_empty())
    }

    fn get(&self) -> Result<&Open, Error> {
        self.0.as_ref().ok_or(Error::NotOpen)
    }

    /// The address that the socket is bound to.
    ///
    /// The IP address is usually unspecified (`0.0.0.0` or `::`), as the system has it; datagrams to
    /// groups leave with [`Choice::address`](crate::Choice::address).
    ///
    /// # Errors
    ///
    /// [`Error::NotOpen`] before `bind` or `connect`.
    pub fn local_address(&self) -> Result<SocketAddr, Error> {
        let address = self.get()?.io.local_addr();
        address.map_err(|error| {
            Error::os(Operation::Configure("nothing, only ask its address"), error)
        })
    }

    /// The size of the receive buffer in bytes that the system really gave.
    ///
    /// Linux doubles what was asked for, for its own use, and limits it to twice
    /// `sysctl net.core.rmem_max`.
    ///
    /// # Errors
    ///
    /// [`Error::NotOpen`] before `bind` or `connect`.
    pub fn receive_buffer(&self) -> Result<usize, Error> {
        let size = SockRef::from(&self.get()?.io).recv_buffer_size();
        size.map_err(|error| Error::os(Operation::Configure("SO_RCVBUF"), error))
    }

    /// The size of the send buffer in bytes that the system really gave.
    ///
    /// # Errors
    ///
    /// [`Error::NotOpen`] before `bind` or `connect`.
    pub fn send_buffer(&self) -> Result<usize, Error> {
        let size = SockRef::from(&self.get()?.io).send_buffer_size();
        size.map_err(|error| Error::os(Operation::Configure("SO_SNDBUF"), error))
    }

    /// Passes over what comes from this address, where the system can: a member's own datagrams, which it
    /// would only count. IPv4 alone; IPv6 sockets have another filter.
    pub(crate) fn pass_over(&self, source: SocketAddr) {
        if let (Some(open), SocketAddr::V4(source)) = (&self.0, source) {
            // Without it they are heard, and counted.
            let _ = sys::pass_over(&open.io, source);
        }
    }

    /// The handle, or `None` before `bind` or `connect`.
    #[cfg(unix)]
    #[must_use]
    pub fn as_fd(&self) -> Option<std::os::fd::BorrowedFd<'_>> {
        use std::os::fd::AsFd;
        self.0.as_ref().map(|open| open.io.as_fd())
    }

    /// The number of the handle, or `None` before `bind` or `connect`.
    #[cfg(unix)]
    #[must_use]
    pub fn as_raw_fd(&self) -> Option<std::os::fd::RawFd> {
        use std::os::fd::AsRawFd;
        self.0.as_ref().map(|open| open.io.as_raw_fd())
    }

    /// The handle, or `None` before `bind` or `connect`.
    #[cfg(windows)]
    #[must_use]
    pub fn as_socket(&self) -> Option<std::os::windows::io::BorrowedSocket<'_>> {
        use std::os::windows::io::AsSocket;
        self.0.as_ref().map(|open| open.io.as_socket())
    }

    /// The number of the handle, or `None` before `bind` or `connect`.
    #[cfg(windows)]
    #[must_use]
    pub fn as_raw_socket(&self) -> Option<std::os::windows::io::RawSocket> {
        use std::os::windows::io::AsRawSocket;
        self.0.as_ref().map(|open| open.io.as_raw_socket())
    }
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

impl Open {
    /// A socket bound to `port`: shared with others, or a free port of its own for 0.
    pub(crate) fn bind(settings: &Settings, watch: &Watch, port: u16) -> Result<Self, Error> {
        let family = watch.family();
        let address = if port == 0 {
            // The wildcard address, so that the socket outlives a change of the interface's address.
            // The source of what it sends to groups is the interface's address all the same.
            SocketAddr::new(family.unspecified(), 0)
        } else {
            sys::shared_address(family, settings.group, port)
        };
        Self::new(settings, watch, address, port != 0)
    }

    /// A socket that exchanges datagrams with `remote` only.
    pub(crate) fn connect(
        settings: &Settings,
        watch: &Watch,
        remote: SocketAddr,
    ) -> Result<Self, Error> {
        let family = Family::of(remote.ip());
        let mut open = Self::new(
            settings,
            watch,
            SocketAddr::new(family.unspecified(), 0),
            false,
        )?;
        open.io
            .connect(remote)
            .map_err(|error| Error::os(Operation::Connect(remote), error))?;
        open.peer = Some(Peer::Connected);
        Ok(open)
    }

    fn new(
        settings: &Settings,
        watch: &Watch,
        address: SocketAddr,
        shared: bool,
    ) -> Result<Self, Error> {
        let family = Family::of(address.ip());
        let socket = socket2::Socket::new(
            Domain::for_address(address),
            Type::DGRAM,
            Some(Protocol::UDP),
        )
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
        if shared {
            sys::share_port(&socket).map_err(option("SO_REUSEADDR"))?;
        }
        sys::keep_groups_apart(&socket, family).map_err(option("IP_MULTICAST_ALL"))?;
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
            open.set_hops(settings.hops)?;
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

    pub(crate) fn set_hops(&self, hops: u8) -> Result<(), Error> {
        let socket = SockRef::from(&self.io);
        match self.family {
            Family::V4 => socket
                .set_multicast_ttl_v4(hops.into())
                .map_err(option("IP_MULTICAST_TTL")),
            Family::V6 => socket
                .set_multicast_hops_v6(hops.into())
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
