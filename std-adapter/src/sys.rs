//! The few things that operating systems do differently.

#[cfg(any(target_os = "linux", target_os = "android"))]
mod filter;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) use filter::hear_only;
#[cfg(unix)]
pub(crate) use unix::{cause, keep_groups_apart, receive, share_port, shared_address};
#[cfg(windows)]
pub(crate) use windows::{cause, keep_groups_apart, receive, share_port, shared_address};

/// Makes a socket receive groups on their interfaces only: needed on Linux alone.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn hear_only(
    _: &std::net::UdpSocket,
    _: impl Iterator<Item = (core::net::Ipv6Addr, core::num::NonZeroU32)>,
) -> std::io::Result<()> {
    Ok(())
}
