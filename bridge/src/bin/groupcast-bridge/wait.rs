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
    /// Also until it can be written to.
    pub(crate) writes: bool,
}

/// Waits until one of them has something to say, and says which have.
pub(crate) fn wait(handles: &[Handle<'_>], timeout: Duration) -> io::Result<Vec<bool>> {
    let flags = |handle: &Handle<'_>| {
        if handle.writes {
            PollFlags::IN | PollFlags::OUT
        } else {
            PollFlags::IN
        }
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
