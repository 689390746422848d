//! What an error of the operating system means, whatever number the system gives it.

use std::io::{self, ErrorKind};

use crate::sys;

/// The errors that UDP multicast meets in practice.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Cause {
    /// `EAGAIN`: nothing to receive, or no room to send.
    WouldBlock,
    /// `EINTR`: a signal came first.
    Interrupted,
    /// `ECONNREFUSED`, `ECONNRESET`, `ENETRESET`: an ICMP answer to an earlier datagram.
    Echo,
    /// `EADDRINUSE`.
    AddressInUse,
    /// `EADDRNOTAVAIL`.
    AddressNotAvailable,
    /// `ENODEV`, `ENXIO`. Windows has no such number.
    #[cfg_attr(windows, expect(dead_code))]
    NoDevice,
    /// `ENETUNREACH`.
    NetworkUnreachable,
    /// `ENETDOWN`.
    NetworkDown,
    /// `EHOSTUNREACH`.
    HostUnreachable,
    /// `ENOBUFS`.
    NoBuffers,
    /// `ENOMEM`.
    NoMemory,
    /// `EPERM`. Windows has no such number.
    #[cfg_attr(windows, expect(dead_code))]
    NotPermitted,
    /// `EACCES`.
    AccessDenied,
    /// `EMSGSIZE`.
    MessageTooLong,
    /// `EINVAL`.
    Invalid,
    /// `ENOPROTOOPT`, `EOPNOTSUPP`, `EAFNOSUPPORT`.
    Unsupported,
    /// `ENOSYS`. Windows has no such number.
    #[cfg_attr(windows, expect(dead_code))]
    NoSuchCall,
    /// `EMFILE`, `ENFILE`.
    TooManyFiles,
    /// `ENOTCONN`, `EDESTADDRREQ`.
    NotConnected,
}

impl Cause {
    /// The cause of `error`, if it is a known one.
    pub(crate) fn of(error: &io::Error) -> Option<Self> {
        if let Some(cause) = error.raw_os_error().and_then(sys::cause) {
            return Some(cause);
        }
        Some(match error.kind() {
            ErrorKind::WouldBlock => Self::WouldBlock,
            ErrorKind::Interrupted => Self::Interrupted,
            ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset => Self::Echo,
            ErrorKind::AddrInUse => Self::AddressInUse,
            ErrorKind::AddrNotAvailable => Self::AddressNotAvailable,
            ErrorKind::NetworkUnreachable => Self::NetworkUnreachable,
            ErrorKind::NetworkDown => Self::NetworkDown,
            ErrorKind::HostUnreachable => Self::HostUnreachable,
            ErrorKind::PermissionDenied => Self::AccessDenied,
            ErrorKind::InvalidInput => Self::Invalid,
            ErrorKind::Unsupported => Self::Unsupported,
            ErrorKind::NotConnected => Self::NotConnected,
            ErrorKind::OutOfMemory => Self::NoMemory,
            _ => return None,
        })
    }

    /// Says whether this concerns an earlier datagram rather than the call that reports it.
    pub(crate) const fn is_echo(self) -> bool {
        matches!(self, Self::Interrupted | Self::Echo)
    }

    /// Says whether the system may have refused the call itself, as a sandbox does.
    pub(crate) const fn may_be_sandbox(self) -> bool {
        matches!(
            self,
            Self::NoSuchCall | Self::NotPermitted | Self::AccessDenied
        )
    }

    /// Says whether a changed interface can be behind this.
    pub(crate) const fn may_be_interface(self) -> bool {
        matches!(
            self,
            Self::AddressNotAvailable
                | Self::NoDevice
                | Self::NetworkUnreachable
                | Self::NetworkDown
                | Self::HostUnreachable
                | Self::Invalid
        )
    }
}
