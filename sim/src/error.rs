//! What a simulated socket can fail with.

use core::net::{IpAddr, SocketAddr};

use groupcast::multicast::{Interface, UdpError, UdpErrorKind};

/// An error of a simulated socket.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SimError {
    /// The socket was opened by another stack.
    #[error("the socket belongs to another stack")]
    ForeignSocket,
    /// The socket has no port yet.
    #[error("the socket is not bound; call bind or connect first")]
    NotBound,
    /// The socket has a port already.
    #[error("the socket is already bound to port {0}")]
    AlreadyBound(u16),
    /// The socket has nowhere to send to.
    #[error("the socket is not connected; call connect or send_to first")]
    NotConnected,
    /// Every ephemeral port of the host is taken.
    #[error("no ephemeral port is free")]
    NoFreePort,
    /// Only multicast addresses can be joined.
    #[error("{0} is not a multicast address")]
    NotMulticast(IpAddr),
    /// The host's only interface has index 1 and the host's addresses.
    #[error("the host has no interface {0:?}")]
    NoInterface(Interface),
    /// The destination is not in the simulated network.
    #[error("no route to {0}; simulated hosts are in 10.0.0.0/8 and fd00::/104")]
    NoRoute(SocketAddr),
    /// The host was taken down by [`Network::set_host_up`](crate::Network::set_host_up).
    #[error("the host is down")]
    HostDown,
    /// The datagram is larger than the interface can send.
    #[error("a datagram of {length} bytes is too long; the limit is {limit}")]
    MessageTooLong {
        /// Bytes to be sent.
        length: usize,
        /// The most that can be sent.
        limit: usize,
    },
    /// The received datagram did not fit the buffer. It is gone.
    #[error("a datagram of {length} bytes did not fit a buffer of {room}")]
    Truncated {
        /// Bytes that arrived.
        length: usize,
        /// Bytes that the buffer could hold.
        room: usize,
    },
}

impl UdpError for SimError {
    fn kind(&self) -> UdpErrorKind {
        match self {
            Self::NotBound | Self::AlreadyBound(_) | Self::NotConnected => UdpErrorKind::Other,
            Self::ForeignSocket => UdpErrorKind::Closed,
            Self::NoFreePort => UdpErrorKind::AddressInUse,
            Self::NotMulticast(_) => UdpErrorKind::Unsupported,
            Self::NoInterface(_) => UdpErrorKind::NoInterface,
            Self::NoRoute(_) | Self::HostDown => UdpErrorKind::NoRoute,
            Self::MessageTooLong { .. } => UdpErrorKind::MessageTooLong,
            Self::Truncated { .. } => UdpErrorKind::Truncated,
        }
    }
}
