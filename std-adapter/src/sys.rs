//! The few things that operating systems do differently.

#[cfg(any(target_os = "linux", target_os = "android"))]
mod filter;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) use filter::{hear_only, pass_over};
#[cfg(unix)]
pub(crate) use unix::{cause, keep_groups_apart, share_port};
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) use unix::{force_receive_buffer, keep_apart, let_routers_split};
#[cfg(windows)]
pub(crate) use windows::{cause, keep_groups_apart, share_port};

/// Gives a socket a larger receive buffer than the system's limit allows: Linux alone can.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn force_receive_buffer(_: &socket2::Socket, _: usize) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

/// Sets a socket up to send and receive several datagrams in one system call.
///
/// quinn-udp also forbids fragments, which its own protocol needs. Linux and macOS are told to make them again;
/// elsewhere there is no safe way to say so.
pub(crate) fn batched(socket: &std::net::UdpSocket) -> std::io::Result<quinn_udp::UdpSocketState> {
    let set_up = || quinn_udp::UdpSocketState::new(socket.into());
    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
    return unix::keep_fragments(socket, set_up);
    #[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
    set_up()
}

/// Allows routers to split an IPv4 datagram: Linux alone forbids it where nobody said so, to those that it
/// does not split itself.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn let_routers_split(_: &std::net::UdpSocket) -> std::io::Result<()> {
    Ok(())
}

/// Has the system hand over each datagram by itself: Linux alone puts them together.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn keep_apart(_: &std::net::UdpSocket) -> std::io::Result<()> {
    Ok(())
}

/// Makes an IPv4 socket pass over what comes from an address: Linux alone can.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn pass_over(
    _: &std::net::UdpSocket,
    _: core::net::SocketAddrV4,
) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

/// Makes a socket receive groups on their interfaces only: needed on Linux alone.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn hear_only(
    _: &std::net::UdpSocket,
    _: impl Iterator<Item = (core::net::Ipv6Addr, core::num::NonZeroU32)>,
) -> std::io::Result<()> {
    Ok(())
}
