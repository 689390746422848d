//! Waiting for datagrams without spinning.

use core::time::Duration;
use std::io;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::error::{Error, Operation};
use crate::socket::Socket;

/// Waits until a datagram can be received on one of `sockets`, for `timeout` at most.
///
/// Returns whether there may be something to receive: call `receive` until it returns `WouldBlock`.
/// What is not received stays, and the next call returns at once. A signal ends the wait early with
/// `false`. Sockets that are not open are passed over; with none left this sleeps.
///
/// A stack notices changes of its interfaces when it is polled, so do not wait for minutes.
///
/// # Errors
///
/// [`Error::Os`] if the system cannot wait, for want of memory say.
pub fn wait(sockets: &[&Socket], timeout: Duration) -> Result<bool, Error> {
    if sockets.iter().any(|s| s.has_arrivals()) {
        return Ok(true);
    }
    let mut handles: Vec<PollFd<'_>> = sockets.iter().filter_map(|s| poll_fd(s)).collect();
    Ok(wait_for(&mut handles, timeout)? > 0)
}

/// What a [`wait_with`] found.
#[cfg(unix)]
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Ready {
    /// A socket may have a datagram.
    pub sockets: bool,
    /// One of the other handles is readable, or at its end.
    pub others: bool,
}

/// As [`wait`], and also until one of `others` (standard input, a pipe, a timer) can be read.
///
/// # Errors
///
/// As [`wait`].
#[cfg(unix)]
pub fn wait_with(
    sockets: &[&Socket],
    others: &[std::os::fd::BorrowedFd<'_>],
    timeout: Duration,
) -> Result<Ready, Error> {
    let arrived = sockets.iter().any(|s| s.has_arrivals());
    let timeout = if arrived { Duration::ZERO } else { timeout };
    let mut handles: Vec<PollFd<'_>> = sockets.iter().filter_map(|s| poll_fd(s)).collect();
    let first_other = handles.len();
    handles.extend(others.iter().map(|fd| PollFd::new(fd, PollFlags::IN)));
    wait_for(&mut handles, timeout)?;
    let any = |handles: &[PollFd<'_>]| handles.iter().any(|fd| !fd.revents().is_empty());
    let (sockets, others) = handles.split_at(first_other);
    Ok(Ready {
        sockets: arrived || any(sockets),
        others: any(others),
    })
}

#[cfg(unix)]
fn poll_fd(socket: &Socket) -> Option<PollFd<'_>> {
    socket
        .as_fd()
        .map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN))
}

#[cfg(windows)]
fn poll_fd(socket: &Socket) -> Option<PollFd<'_>> {
    socket
        .as_socket()
        .map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN))
}

/// How many of `handles` have something to say.
fn wait_for(handles: &mut [PollFd<'_>], timeout: Duration) -> Result<usize, Error> {
    if handles.is_empty() {
        // Windows refuses to wait for nothing.
        std::thread::sleep(timeout);
        return Ok(0);
    }
    // Where the system counts milliseconds in 32 bits, more is an error. A day is long enough.
    let timeout = timeout.min(Duration::from_secs(24 * 60 * 60));
    let timeout = Timespec::try_from(timeout)
        .map_err(|_| Error::os(Operation::Wait, io::ErrorKind::InvalidInput.into()))?;
    match poll(handles, Some(&timeout)) {
        Ok(ready) => Ok(ready),
        Err(Errno::INTR) => Ok(0),
        Err(errno) => Err(Error::os(Operation::Wait, errno.into())),
    }
}
