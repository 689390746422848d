//! Errors that say what failed and what to do about it.

use core::fmt;
use core::net::{IpAddr, SocketAddr};
use std::io;

use groupcast::multicast::{UdpError, UdpErrorKind};
use groupcast::{ConfigError, Failed, SendError};

use crate::cause::Cause;
use crate::hint::hint;
use crate::interface::Family;
use crate::key_file::KeyFileError;

/// What was being done when the operating system refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Operation {
    /// Opening a socket.
    Open,
    /// Setting the socket option with this name.
    Configure(&'static str),
    /// Binding to this address.
    Bind(SocketAddr),
    /// Connecting to this address.
    Connect(SocketAddr),
    /// Joining this group.
    Join(IpAddr),
    /// Leaving this group.
    Leave(IpAddr),
    /// Sending to this address, or to the connected peer.
    Send(Option<SocketAddr>),
    /// Receiving.
    Receive,
    /// Waiting for sockets.
    Wait,
    /// Listing the network interfaces.
    List,
    /// Asking for random numbers.
    Seed,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open => f.write_str("open a UDP socket"),
            Self::Configure(option) => write!(f, "set {option}"),
            Self::Bind(address) => write!(f, "bind UDP {address}"),
            Self::Connect(remote) => write!(f, "connect to {remote}"),
            Self::Join(group) => write!(f, "join {group}"),
            Self::Leave(group) => write!(f, "leave {group}"),
            Self::Send(Some(remote)) => write!(f, "send to {remote}"),
            Self::Send(None) => f.write_str("send"),
            Self::Receive => f.write_str("receive"),
            Self::Wait => f.write_str("wait for sockets"),
            Self::List => f.write_str("list the network interfaces"),
            Self::Seed => f.write_str("get random numbers"),
        }
    }
}

/// What can go wrong with a [`StdStack`](crate::StdStack).
///
/// The message is complete: it says what failed, with the system's own words where it had any, and
/// what to do. [`UdpError::kind`] gives the same in terms that a program can act on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The builder was given no group.
    #[error(
        "no group is set; give the builder one, such as `.group(\"239.1.2.3:12345\".parse()?)`"
    )]
    NoGroup,
    /// This is not the address of a group.
    #[error(
        "{0} is not a multicast address; use one of 239.0.0.0 to 239.255.255.255, or of ff00::/8"
    )]
    NotMulticast(IpAddr),
    /// A group needs a port that its members know.
    #[error("port 0 cannot be a group's port; choose one of 1024 to 65535")]
    PortZero,
    /// This is not how a group is written.
    #[error(
        "{0:?} is not a group; write an address and a port such as 239.1.2.3:12345, \
         [ff02::1234%eth0]:12345, or a name and a port"
    )]
    NotAGroup(String),
    /// The group's name has no address.
    #[error("cannot find the address of {host}: {error}; check the name, or give an address")]
    Unresolved {
        /// The name.
        host: String,
        /// What the system said.
        error: io::Error,
    },
    /// The group's name has addresses, and none is that of a group.
    #[error(
        "{host} is not the name of a group: its address is {}, and a group's is one of 224.0.0.0 to \
         239.255.255.255, or of ff00::/8",
        List(found)
    )]
    NoGroupAddress {
        /// The name.
        host: String,
        /// Its addresses.
        found: Vec<IpAddr>,
    },
    /// A member's setting cannot work.
    #[error(transparent)]
    Setting(#[from] ConfigError),
    /// A message cannot be sent.
    #[error(transparent)]
    Send(#[from] SendError),
    /// A key file cannot be used.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// No interface has this name, index or address.
    #[error("there is no interface {selector}; there are: {available}")]
    NoSuchInterface {
        /// What was asked for.
        selector: String,
        /// The names of those that exist.
        available: String,
    },
    /// The interface is down.
    #[error(
        "interface {0} is down; bring it up (on Linux: `ip link set {0} up`) or choose another"
    )]
    InterfaceDown(String),
    /// The interface cannot do multicast.
    #[error(
        "interface {0} does not do multicast (tunnels often do not); choose another, or on Linux \
         switch it on with `ip link set {0} multicast on`"
    )]
    InterfaceWithoutMulticast(String),
    /// The interface has no address of the group's family.
    #[error(
        "interface {name} has no {family} address; give it one, or use a group of the other family"
    )]
    NoAddress {
        /// The interface.
        name: String,
        /// The family that it lacks.
        family: Family,
    },
    /// IPv6 multicast does not work on the loopback interface.
    #[error(
        "IPv6 multicast does not work on the loopback interface {0}; use an IPv4 group there, or \
         another interface"
    )]
    LoopbackV6(String),
    /// Nothing here can carry the group, not even the loopback interface.
    #[error(
        "no interface is up, does multicast and has an {0} address; connect a network or bring the \
         loopback interface up"
    )]
    NoUsableInterface(Family),
    /// The address is not of the family that the socket was opened for.
    #[error("{address} is of the wrong family: this socket is {family}")]
    WrongFamily {
        /// The address.
        address: IpAddr,
        /// The socket's family.
        family: Family,
    },
    /// The interface that a membership or a socket asked for is not there, or is down.
    #[error("the interface asked for is not there, is down, or has no {0} address")]
    InterfaceGone(Family),
    /// The socket is not bound or connected.
    #[error("the socket is not open; bind or connect it first")]
    NotOpen,
    /// The socket is bound or connected already.
    #[error("the socket is bound or connected already; take another one")]
    AlreadyOpen,
    /// The process was forked from the one that opened the socket, and whose member it is.
    #[error(
        "this member is of the process that this one was forked from; make another one here, and forget \
         this one with core::mem::forget"
    )]
    Forked,
    /// `send` has no destination.
    #[error("the socket has no peer; connect it, or use send_to")]
    NoDestination,
    /// A datagram did not fit the buffer. It is lost.
    #[error("a datagram larger than the buffer of {capacity} bytes was received, and is lost")]
    Truncated {
        /// The size of the buffer, in bytes.
        capacity: usize,
    },
    /// The member left, and so many messages that were queued were not sent: time was up, or the network
    /// took nothing any more.
    #[error("{0} messages were queued and not sent; a faster pace or more time to leave helps")]
    Unsent(usize),
    /// The operating system refused.
    #[error("cannot {operation}: {error}{}", Advice(hint(*operation, error)))]
    Os {
        /// What was being done.
        operation: Operation,
        /// What the system said. The message holds it, so it is not repeated as a source.
        error: io::Error,
    },
}

impl From<groupcast::Error<Self>> for Error {
    fn from(error: groupcast::Error<Self>) -> Self {
        match error {
            groupcast::Error::Config(error) => error.into(),
            groupcast::Error::Stack(error) => error,
        }
    }
}

impl<P> From<Failed<groupcast::Error<Self>, P>> for Error {
    fn from(failed: Failed<groupcast::Error<Self>, P>) -> Self {
        failed.error.into()
    }
}

/// A hint behind a message, if there is one.
struct Advice(Option<&'static str>);

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |hint| write!(f, "; {hint}"))
    }
}

/// Addresses behind each other.
struct List<'a>(&'a [IpAddr]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (count, address) in self.0.iter().enumerate() {
            let comma = if count == 0 { "" } else { ", " };
            write!(f, "{comma}{address}")?;
        }
        Ok(())
    }
}

impl Error {
    pub(crate) const fn os(operation: Operation, error: io::Error) -> Self {
        Self::Os { operation, error }
    }

    /// Whether the user has to change something before it can work: a setting, an argument, or a
    /// program that holds the port. Otherwise the network is in trouble, which may pass; a firewall that refuses
    /// what goes out is such trouble.
    #[must_use]
    pub fn is_setting(&self) -> bool {
        match self {
            Self::Os { operation, .. } => match operation {
                Operation::Bind(_) => true,
                Operation::Send(_) => false,
                _ => self.kind() == UdpErrorKind::NotPermitted,
            },
            Self::Truncated { .. } | Self::InterfaceGone(_) | Self::Unsent(_) => false,
            _ => true,
        }
    }

    /// What the operating system said, if it said anything.
    #[must_use]
    pub const fn os_error(&self) -> Option<&io::Error> {
        match self {
            Self::Os { error, .. } => Some(error),
            _ => None,
        }
    }
}

impl UdpError for Error {
    fn kind(&self) -> UdpErrorKind {
        match self {
            Self::NoGroup
            | Self::NotAGroup(_)
            | Self::NoGroupAddress { .. }
            | Self::Setting(_)
            | Self::KeyFile(_)
            | Self::NotMulticast(_)
            | Self::PortZero
            | Self::WrongFamily { .. }
            | Self::AlreadyOpen => UdpErrorKind::Unsupported,
            Self::NoSuchInterface { .. }
            | Self::InterfaceDown(_)
            | Self::InterfaceWithoutMulticast(_)
            | Self::NoAddress { .. }
            | Self::LoopbackV6(_)
            | Self::NoUsableInterface(_)
            | Self::InterfaceGone(_) => UdpErrorKind::NoInterface,
            Self::NotOpen | Self::NoDestination | Self::Forked => UdpErrorKind::Closed,
            Self::Truncated { .. } => UdpErrorKind::Truncated,
            Self::Unresolved { .. } | Self::Send(_) | Self::Unsent(_) => UdpErrorKind::Other,
            Self::Os { operation, error } => kind_of(*operation, error),
        }
    }
}

fn kind_of(operation: Operation, error: &io::Error) -> UdpErrorKind {
    let Some(cause) = Cause::of(error) else {
        return UdpErrorKind::Other;
    };
    match cause {
        Cause::AddressInUse => UdpErrorKind::AddressInUse,
        Cause::AddressNotAvailable | Cause::NoDevice => UdpErrorKind::NoInterface,
        Cause::NetworkUnreachable | Cause::NetworkDown | Cause::HostUnreachable => {
            UdpErrorKind::NoRoute
        }
        Cause::NoBuffers | Cause::NoMemory if matches!(operation, Operation::Join(_)) => {
            UdpErrorKind::TooManyGroups
        }
        Cause::WouldBlock
        | Cause::Interrupted
        | Cause::Echo
        | Cause::NoBuffers
        | Cause::NoMemory => UdpErrorKind::Transient,
        Cause::NotPermitted | Cause::AccessDenied => UdpErrorKind::NotPermitted,
        Cause::MessageTooLong if operation == Operation::Receive => UdpErrorKind::Truncated,
        Cause::MessageTooLong => UdpErrorKind::MessageTooLong,
        Cause::Unsupported | Cause::NoSuchCall => UdpErrorKind::Unsupported,
        Cause::NotConnected => UdpErrorKind::Closed,
        Cause::Invalid | Cause::TooManyFiles => UdpErrorKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn a_message_says_what_failed_why_and_what_to_do() {
        let address = "0.0.0.0:12345".parse().unwrap();
        let code = rustix::io::Errno::ADDRINUSE.raw_os_error();
        let error = Error::os(Operation::Bind(address), io::Error::from_raw_os_error(code));
        let text = error.to_string();
        assert!(
            text.starts_with("cannot bind UDP 0.0.0.0:12345: "),
            "{text}"
        );
        assert!(text.contains("does not share it"), "{text}");
        assert_eq!(error.kind(), UdpErrorKind::AddressInUse);
    }

    #[test]
    #[cfg(unix)]
    fn no_buffers_is_too_many_groups_only_when_joining() {
        let error = || io::Error::from(rustix::io::Errno::NOBUFS);
        let group = "239.1.2.3".parse().unwrap();
        assert_eq!(
            Error::os(Operation::Join(group), error()).kind(),
            UdpErrorKind::TooManyGroups
        );
        assert_eq!(
            Error::os(Operation::Send(None), error()).kind(),
            UdpErrorKind::Transient
        );
    }

    #[test]
    fn an_unknown_error_has_no_advice() {
        let error = Error::os(Operation::Receive, io::Error::other("odd"));
        assert_eq!(error.to_string(), "cannot receive: odd");
        assert_eq!(error.kind(), UdpErrorKind::Other);
    }
}
