//! What a socket can fail with.

use core::fmt::{self, Debug};
use core::net::IpAddr;

use groupcast::multicast::{Interface, UdpError, UdpErrorKind};
use w5500::udp::UdpSocketError;

/// An error of a socket. It concerns one call; the socket stays usable.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Error<E: Debug> {
    /// What the crate `w5500` reports.
    Chip(UdpSocketError<E>),
    /// The chip did not take a command, or did not open a socket.
    NoAnswer,
    /// The socket has no port yet.
    NotBound,
    /// The socket has nowhere to send to.
    NotConnected,
    /// The chip knows IPv4 only.
    NotIpv4,
    /// Only multicast addresses can be joined.
    NotMulticast(IpAddr),
    /// A socket of the chip has one group.
    SecondGroup,
    /// The chip has one interface: the default one.
    NoInterface(Interface),
    /// The datagram does not fit a frame, and is never fragmented.
    MessageTooLong,
    /// The received datagram did not fit the buffer. It is gone.
    Truncated,
}

impl<E: Debug> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chip(error) => write!(f, "the chip: {error:?}"),
            Self::NoAnswer => f.write_str("the chip did not take a command"),
            Self::NotBound => f.write_str("the socket has no port yet"),
            Self::NotConnected => f.write_str("the socket has nowhere to send to"),
            Self::NotIpv4 => f.write_str("the chip knows IPv4 only"),
            Self::NotMulticast(address) => write!(f, "{address} is no group"),
            Self::SecondGroup => f.write_str("a socket of the chip has one group"),
            Self::NoInterface(_) => f.write_str("the chip has one interface, the default one"),
            Self::MessageTooLong => f.write_str("the datagram does not fit a frame"),
            Self::Truncated => f.write_str("the datagram did not fit the buffer"),
        }
    }
}

impl<E: Debug> core::error::Error for Error<E> {}

impl<E: Debug> UdpError for Error<E> {
    fn kind(&self) -> UdpErrorKind {
        match self {
            Self::NotIpv4 | Self::NotMulticast(_) => UdpErrorKind::Unsupported,
            Self::SecondGroup => UdpErrorKind::TooManyGroups,
            Self::NoInterface(_) => UdpErrorKind::NoInterface,
            Self::MessageTooLong => UdpErrorKind::MessageTooLong,
            Self::Truncated => UdpErrorKind::Truncated,
            _ => UdpErrorKind::Other,
        }
    }
}
