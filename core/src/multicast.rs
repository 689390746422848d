//! Multicast for `embedded-nal`: the traits that `embedded_nal::UdpFullStack` lacks.
//!
//! embedded-nal 0.9 can open, bind and use UDP sockets, but cannot join a group, choose the outgoing
//! interface, say where a datagram was addressed to, or tell one error from another. These four
//! traits add exactly that, in the style of the traits they extend: methods on the stack that take
//! the socket, `nb` where something may have to wait, `core::net` addresses.
//! They depend on nothing else of this crate.
//!
//! | trait | adds | who implements it |
//! |---|---|---|
//! | [`UdpError`] | a [`UdpErrorKind`] for a stack's error type | every stack |
//! | [`UdpMulticast`] | join and leave groups; several datagrams in one call | every stack that can do multicast |
//! | [`UdpMulticastSend`] | outgoing interface, hop limit, loopback | stacks with such options |
//! | [`UdpReceiveLocal`] | the address a datagram was sent to | stacks that keep it |
//!
//! # Contract
//!
//! A stack that implements [`UdpMulticast`] promises, for every socket:
//!
//! 1. `receive` with nothing waiting, and `send_to` with no room, return `nb::Error::WouldBlock`.
//! 2. A multicast datagram is returned only by sockets that joined its group.
//! 3. A datagram longer than the buffer is an error of kind [`UdpErrorKind::Truncated`], never a
//!    short read that looks whole. The datagram is consumed.
//! 4. The source of an IPv4 datagram is an IPv4 address, never an IPv4-mapped IPv6 one.
//! 5. An empty datagram is a datagram: `Ok((0, source))`.
//! 6. An error concerns one call. The socket stays usable, and what the operating system reports
//!    about an earlier datagram (an ICMP answer, an interrupted call) is not an error at all.
//! 7. `bind` to port 0 picks a free port. `bind` to any other port shares it with other sockets that
//!    do the same, so that several members can live on one host.
//! 8. `close` leaves every group the socket joined.
//! 9. [`send_segments`](UdpMulticast::send_segments) sends what as many calls of `send_to` would, in the
//!    same order, and returns how much of it was sent: whole datagrams, from the front. `WouldBlock` and
//!    errors concern the first datagram, and then nothing was sent.

use core::fmt::Debug;
use core::net::{IpAddr, SocketAddr};
use core::num::NonZeroU32;

use embedded_nal::{UdpFullStack, nb};

/// Which network interface an operation concerns.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Interface {
    /// The stack's own choice: its only interface, or the one it was configured with.
    #[default]
    Default,
    /// The interface with this index (RFC 3493 §4).
    Index(NonZeroU32),
    /// The interface that has this address.
    Address(IpAddr),
}

/// What went wrong, in the terms a portable caller can act on.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum UdpErrorKind {
    /// The stack cannot do this at all.
    Unsupported,
    /// The port is taken by a socket that does not share it.
    AddressInUse,
    /// There is no way to the destination now: no route, or the network is down.
    NoRoute,
    /// There is no such interface, or it has no usable address.
    NoInterface,
    /// The stack's limit of memberships is reached.
    TooManyGroups,
    /// The datagram is larger than the stack or the link can send.
    MessageTooLong,
    /// A received datagram did not fit the buffer. It is lost.
    Truncated,
    /// The operating system does not allow it, for example a firewall or a privacy setting.
    NotPermitted,
    /// The socket is closed.
    Closed,
    /// Passing trouble: trying again may work.
    Transient,
    /// Anything else.
    Other,
}

/// An error with a [kind](UdpErrorKind): the UDP twin of `embedded_nal::TcpError`. It says in words what is wrong, so
/// that `?` takes it into any application's error.
pub trait UdpError: core::error::Error {
    /// What kind of error this is.
    fn kind(&self) -> UdpErrorKind;
}

impl UdpError for core::convert::Infallible {
    fn kind(&self) -> UdpErrorKind {
        match *self {}
    }
}

/// Membership of multicast groups.
pub trait UdpMulticast: UdpFullStack<Error: UdpError> {
    /// How many datagrams [`send_segments`](Self::send_segments) sends in one go at most.
    ///
    /// 1, as it is without an implementation, says that it gains nothing over `send_to`.
    const MOST_SEGMENTS: usize = 1;

    /// Makes `socket` receive datagrams sent to `group` on `interface`.
    ///
    /// The socket must be bound. Joining what is joined already succeeds and changes nothing.
    ///
    /// # Errors
    ///
    /// Kinds of particular interest: [`UdpErrorKind::NoInterface`] when the interface does not exist
    /// or has no address, [`UdpErrorKind::TooManyGroups`], and [`UdpErrorKind::Unsupported`] when
    /// `group` is not a multicast address or not of the socket's family.
    fn join_multicast(
        &mut self,
        socket: &mut Self::UdpSocket,
        group: IpAddr,
        interface: Interface,
    ) -> Result<(), Self::Error>;

    /// Ends a membership made by [`join_multicast`](Self::join_multicast) with the same arguments.
    ///
    /// Memberships of other sockets are not affected. Leaving what is not joined succeeds.
    ///
    /// # Errors
    ///
    /// Whatever the stack reports; the membership is gone all the same.
    fn leave_multicast(
        &mut self,
        socket: &mut Self::UdpSocket,
        group: IpAddr,
        interface: Interface,
    ) -> Result<(), Self::Error>;

    /// Sends `octets` in datagrams of `segment` bytes each; the last may be shorter. Returns how many
    /// bytes were sent: whole datagrams, at least one, and maybe not all.
    ///
    /// For stacks that hand over several datagrams faster than one by one, such as an operating system
    /// with one system call for them. Without an implementation it is `send_to`, again and again.
    ///
    /// # Errors
    ///
    /// As `send_to` for the first datagram. Nothing was sent; the first datagram is lost, unless the
    /// error is `WouldBlock`.
    fn send_segments(
        &mut self,
        socket: &mut Self::UdpSocket,
        remote: SocketAddr,
        octets: &[u8],
        segment: usize,
    ) -> nb::Result<usize, Self::Error> {
        let mut sent = 0usize;
        for datagram in octets.chunks(segment.max(1)) {
            match self.send_to(socket, remote, datagram) {
                Ok(()) => sent = sent.saturating_add(datagram.len()),
                Err(error) if sent == 0 => return Err(error),
                // The next call meets it again.
                Err(_) => break,
            }
        }
        Ok(sent)
    }
}

/// How a socket sends to groups.
///
/// Apart from [`UdpMulticast`], because modules with an IP stack of their own often offer none of it.
/// A stack that implements this trait starts every socket with a hop limit of 1.
pub trait UdpMulticastSend: UdpFullStack<Error: UdpError> {
    /// Chooses the interface that datagrams to groups leave by.
    ///
    /// # Errors
    ///
    /// [`UdpErrorKind::NoInterface`] when there is no such interface.
    fn set_multicast_interface(
        &mut self,
        socket: &mut Self::UdpSocket,
        interface: Interface,
    ) -> Result<(), Self::Error>;

    /// Sets the hop limit (IPv4: TTL) of datagrams to groups: 0 stays on this host, 1 on the link.
    ///
    /// # Errors
    ///
    /// [`UdpErrorKind::Unsupported`] when the stack cannot send with this limit.
    fn set_multicast_hop_limit(
        &mut self,
        socket: &mut Self::UdpSocket,
        hop_limit: u8,
    ) -> Result<(), Self::Error>;

    /// Says whether members on this host, the sender included, receive what this socket sends.
    ///
    /// This is the sender's wish. A receiver must still be ready to hear itself, since some systems
    /// ignore the option on some interfaces.
    ///
    /// # Errors
    ///
    /// [`UdpErrorKind::Unsupported`] when the stack cannot do as asked.
    fn set_multicast_loop(
        &mut self,
        socket: &mut Self::UdpSocket,
        on: bool,
    ) -> Result<(), Self::Error>;
}

/// Reception with the address that the datagram was sent to.
pub trait UdpReceiveLocal: UdpFullStack<Error: UdpError> {
    /// Receives a datagram: its length, the local address it was sent to, its source.
    ///
    /// For a datagram to a group the local address is the group's. The order of the addresses is
    /// that of `embedded_nal_async::UnconnectedUdp::receive_into`.
    ///
    /// # Errors
    ///
    /// As `receive`.
    fn receive_local(
        &mut self,
        socket: &mut Self::UdpSocket,
        buffer: &mut [u8],
    ) -> nb::Result<(usize, SocketAddr, SocketAddr), Self::Error>;
}

impl<T: UdpMulticast> UdpMulticast for &mut T {
    const MOST_SEGMENTS: usize = T::MOST_SEGMENTS;

    fn join_multicast(
        &mut self,
        socket: &mut Self::UdpSocket,
        group: IpAddr,
        interface: Interface,
    ) -> Result<(), Self::Error> {
        T::join_multicast(self, socket, group, interface)
    }

    fn leave_multicast(
        &mut self,
        socket: &mut Self::UdpSocket,
        group: IpAddr,
        interface: Interface,
    ) -> Result<(), Self::Error> {
        T::leave_multicast(self, socket, group, interface)
    }

    fn send_segments(
        &mut self,
        socket: &mut Self::UdpSocket,
        remote: SocketAddr,
        octets: &[u8],
        segment: usize,
    ) -> nb::Result<usize, Self::Error> {
        T::send_segments(self, socket, remote, octets, segment)
    }
}

impl<T: UdpMulticastSend> UdpMulticastSend for &mut T {
    fn set_multicast_interface(
        &mut self,
        socket: &mut Self::UdpSocket,
        interface: Interface,
    ) -> Result<(), Self::Error> {
        T::set_multicast_interface(self, socket, interface)
    }

    fn set_multicast_hop_limit(
        &mut self,
        socket: &mut Self::UdpSocket,
        hop_limit: u8,
    ) -> Result<(), Self::Error> {
        T::set_multicast_hop_limit(self, socket, hop_limit)
    }

    fn set_multicast_loop(
        &mut self,
        socket: &mut Self::UdpSocket,
        on: bool,
    ) -> Result<(), Self::Error> {
        T::set_multicast_loop(self, socket, on)
    }
}

impl<T: UdpReceiveLocal> UdpReceiveLocal for &mut T {
    fn receive_local(
        &mut self,
        socket: &mut Self::UdpSocket,
        buffer: &mut [u8],
    ) -> nb::Result<(usize, SocketAddr, SocketAddr), Self::Error> {
        T::receive_local(self, socket, buffer)
    }
}

#[cfg(feature = "std")]
impl UdpError for std::io::Error {
    fn kind(&self) -> UdpErrorKind {
        use std::io::ErrorKind;
        match Self::kind(self) {
            ErrorKind::Unsupported | ErrorKind::InvalidInput => UdpErrorKind::Unsupported,
            ErrorKind::AddrInUse => UdpErrorKind::AddressInUse,
            ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable | ErrorKind::NetworkDown => {
                UdpErrorKind::NoRoute
            }
            ErrorKind::AddrNotAvailable => UdpErrorKind::NoInterface,
            ErrorKind::PermissionDenied => UdpErrorKind::NotPermitted,
            ErrorKind::NotConnected => UdpErrorKind::Closed,
            ErrorKind::Interrupted | ErrorKind::ConnectionReset | ErrorKind::ConnectionRefused => {
                UdpErrorKind::Transient
            }
            _ => UdpErrorKind::Other,
        }
    }
}
