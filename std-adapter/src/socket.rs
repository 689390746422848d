//! A UDP socket of a stack.

mod open;

use core::net::SocketAddr;

use socket2::SockRef;

use crate::error::{Error, Operation};
use crate::sys;

pub use open::RECEIVE_BUFFER;
pub(crate) use open::{Open, Peer};

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

    /// The system's socket once more, to wait for it elsewhere.
    #[cfg(feature = "tokio")]
    pub(crate) fn try_clone(&self) -> Result<std::net::UdpSocket, Error> {
        let again = self.get()?.io.try_clone();
        again.map_err(|error| Error::os(Operation::Wait, error))
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
