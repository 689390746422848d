//! What a socket can fail with.

use core::fmt;
use core::net::{IpAddr, SocketAddr};

use groupcast::multicast::{Interface, UdpError, UdpErrorKind};

/// An error of a socket. It concerns one call; the socket stays usable.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Error {
    /// Every socket that the memory has room for is open.
    NoFreeSocket,
    /// The socket was closed, or belongs to another stack.
    Closed,
    /// The socket has a port already.
    AlreadyBound(u16),
    /// The socket has no port yet.
    NotBound,
    /// The socket has nowhere to send to.
    NotConnected,
    /// Only multicast addresses can be joined.
    NotMulticast(#[cfg_attr(feature = "defmt", defmt(Debug2Format))] IpAddr),
    /// The stack has one interface: the default one, also known by its addresses.
    NoInterface(Interface),
    /// The socket's or smoltcp's table of groups is full.
    TooManyGroups,
    /// There is no address to send from, or no way to the destination.
    NoRoute(#[cfg_attr(feature = "defmt", defmt(Debug2Format))] SocketAddr),
    /// The datagram does not fit a frame, and is never fragmented.
    MessageTooLong {
        /// Bytes to be sent.
        length: usize,
        /// The most that can be sent.
        limit: usize,
    },
    /// The received datagram did not fit the buffer. It is gone.
    Truncated {
        /// Bytes that arrived.
        length: usize,
        /// Bytes that the buffer could hold.
        room: usize,
    },
    /// This needs the feature `ipv6` of this crate.
    NoIpv6,
    /// A device that returns what it sends does so whatever the socket wishes.
    DeviceLoops,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoFreeSocket => {
                f.write_str("every socket is open; close one, or raise SOCKETS of the memory")
            }
            Self::Closed => f.write_str("the socket is closed, or belongs to another stack"),
            Self::AlreadyBound(port) => write!(f, "the socket is already bound to port {port}"),
            Self::NotBound => f.write_str("the socket is not bound; call bind or connect first"),
            Self::NotConnected => {
                f.write_str("the socket is not connected; call connect or send_to first")
            }
            Self::NotMulticast(address) => write!(f, "{address} is not a multicast address"),
            Self::NoInterface(interface) => write!(
                f,
                "there is no interface {interface:?}; use the default one, or an address of it"
            ),
            Self::TooManyGroups => f.write_str(
                "the table of groups is full; raise smoltcp's iface-max-multicast-group-count, \
                 of which every IPv6 address takes one, or join fewer than 5 groups on a socket",
            ),
            Self::NoIpv6 => {
                f.write_str("there is no IPv6; switch on the feature ipv6 of groupcast-smoltcp")
            }
            Self::NoRoute(remote) => write!(
                f,
                "no route to {remote}; does the interface have an address, and a route there?"
            ),
            Self::MessageTooLong { length, limit } => {
                write!(
                    f,
                    "a datagram of {length} bytes is too long; the limit is {limit}"
                )
            }
            Self::Truncated { length, room } => {
                write!(
                    f,
                    "a datagram of {length} bytes did not fit a buffer of {room}"
                )
            }
            Self::DeviceLoops => {
                f.write_str("the device returns what it sends, so members on this host hear it")
            }
        }
    }
}

impl core::error::Error for Error {}

impl UdpError for Error {
    fn kind(&self) -> UdpErrorKind {
        match self {
            Self::AlreadyBound(_) | Self::NotBound | Self::NotConnected | Self::NoFreeSocket => {
                UdpErrorKind::Other
            }
            Self::Closed => UdpErrorKind::Closed,
            Self::NotMulticast(_) | Self::NoIpv6 | Self::DeviceLoops => UdpErrorKind::Unsupported,
            Self::NoInterface(_) => UdpErrorKind::NoInterface,
            Self::TooManyGroups => UdpErrorKind::TooManyGroups,
            Self::NoRoute(_) => UdpErrorKind::NoRoute,
            Self::MessageTooLong { .. } => UdpErrorKind::MessageTooLong,
            Self::Truncated { .. } => UdpErrorKind::Truncated,
        }
    }
}
