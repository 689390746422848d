//! Waiting for the group, the broker and the members' sockets at once, in one thread.
//!
//! `groupcast_std::wait_with` does not say which of its sockets is ready, and waits only to read: with hundreds of
//! sockets, each would be asked each time.

use core::time::Duration;
use std::io;
use std::os::fd::BorrowedFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

/// Something to wait for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Handle<'a> {
    pub(crate) fd: BorrowedFd<'a>,
    /// Until there is something to read, or it is at its end.
    pub(crate) reads: bool,
    /// Until it can be written to.
    pub(crate) writes: bool,
}

impl<'a> Handle<'a> {
    pub(crate) const fn to_read(fd: BorrowedFd<'a>) -> Self {
        Self {
            fd,
            reads: true,
            writes: false,
        }
    }
}

/// Waits until one of them has something to say, and says which have.
pub(crate) fn wait(handles: &[Handle<'_>], timeout: Duration) -> io::Result<Vec<bool>> {
    let flags = |handle: &Handle<'_>| {
        let mut flags = PollFlags::empty();
        flags.set(PollFlags::IN, handle.reads);
        flags.set(PollFlags::OUT, handle.writes);
        flags
    };
    let mut fds: Vec<PollFd<'_>> = handles
        .iter()
        .map(|handle| PollFd::from_borrowed_fd(handle.fd, flags(handle)))
        .collect();
    let timeout = Timespec::try_from(timeout).map_err(|_| io::ErrorKind::InvalidInput)?;
    match poll(&mut fds, Some(&timeout)) {
        Ok(_) | Err(Errno::INTR) => {}
        Err(errno) => return Err(errno.into()),
    }
    Ok(fds.iter().map(|fd| !fd.revents().is_empty()).collect())
}
