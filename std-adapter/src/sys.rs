//! The few things that operating systems do differently.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub(crate) use unix::{cause, keep_groups_apart, receive, share_port, shared_address};
#[cfg(windows)]
pub(crate) use windows::{cause, keep_groups_apart, receive, share_port, shared_address};
