//! Unix: bind addresses, port sharing, error numbers, reception that tells truncation.

use core::net::{IpAddr, SocketAddr};
use std::io;
use std::net::UdpSocket;

use rustix::io::Errno;
use rustix::net::RecvFlags;
use socket2::Socket;

use crate::cause::Cause;
use crate::interface::Family;

/// The address that a socket which receives groups on `port` is bound to.
///
/// Linux keeps groups apart per socket once `IP_MULTICAST_ALL` is off, so the wildcard address serves
/// and the socket can hold several groups and hear unicast. Elsewhere the group's own address, where
/// it is known, keeps foreign groups out.
pub(crate) fn shared_address(family: Family, group: SocketAddr, port: u16) -> SocketAddr {
    if cfg!(target_os = "linux") || group.port() != port {
        SocketAddr::new(family.unspecified(), port)
    } else {
        SocketAddr::new(group.ip(), port)
    }
}

/// Lets several sockets be bound to one port.
pub(crate) fn share_port(socket: &Socket) -> io::Result<()> {
    socket.set_reuse_address(true)?;
    // The BSDs and macOS ask for both. On Linux SO_REUSEPORT would refuse to share with sockets that
    // only set SO_REUSEADDR, as most programs do.
    #[cfg(any(
        target_vendor = "apple",
        target_os = "freebsd",
        target_os = "dragonfly",
        target_os = "netbsd",
        target_os = "openbsd"
    ))]
    socket.set_reuse_port(true)?;
    Ok(())
}

/// Stops the kernel from delivering groups that only other sockets joined.
#[cfg(target_os = "linux")]
pub(crate) fn keep_groups_apart(socket: &Socket, family: Family) -> io::Result<()> {
    match family {
        Family::V4 => socket.set_multicast_all_v4(false),
        Family::V6 => socket.set_multicast_all_v6(false),
    }
}

/// Stops the kernel from delivering groups that only other sockets joined: nothing to set here.
#[cfg(not(target_os = "linux"))]
pub(crate) fn keep_groups_apart(_: &Socket, _: Family) -> io::Result<()> {
    Ok(())
}

/// One datagram. `None` for the length says that it did not fit and is gone.
///
/// Linux returns the datagram's whole length when asked with `MSG_TRUNC`.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn receive(
    socket: &UdpSocket,
    buffer: &mut [u8],
) -> io::Result<(Option<usize>, SocketAddr)> {
    let (received, length, source) = rustix::net::recvfrom(socket, buffer, RecvFlags::TRUNC)?;
    Ok((
        (received == length).then_some(length),
        source_address(source)?,
    ))
}

/// One datagram. `None` for the length says that it did not fit and is gone.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn receive(
    socket: &UdpSocket,
    buffer: &mut [u8],
) -> io::Result<(Option<usize>, SocketAddr)> {
    use rustix::net::{RecvAncillaryBuffer, ReturnFlags, recvmsg};
    let message = recvmsg(
        socket,
        &mut [io::IoSliceMut::new(buffer)],
        &mut RecvAncillaryBuffer::default(),
        RecvFlags::empty(),
    )?;
    let whole = !message.flags.contains(ReturnFlags::TRUNC);
    Ok((
        whole.then_some(message.bytes),
        source_address(message.address)?,
    ))
}

/// The source as an IP address, never an IPv4-mapped one.
fn source_address(source: Option<rustix::net::SocketAddrAny>) -> io::Result<SocketAddr> {
    let source = SocketAddr::try_from(source.ok_or(Errno::AFNOSUPPORT)?)?;
    Ok(match source.ip().to_canonical() {
        ip @ IpAddr::V4(_) => SocketAddr::new(ip, source.port()),
        IpAddr::V6(_) => source,
    })
}

/// What an error number means.
pub(crate) fn cause(code: i32) -> Option<Cause> {
    Some(match Errno::from_raw_os_error(code) {
        Errno::AGAIN => Cause::WouldBlock,
        Errno::INTR => Cause::Interrupted,
        Errno::CONNREFUSED | Errno::CONNRESET | Errno::NETRESET => Cause::Echo,
        Errno::ADDRINUSE => Cause::AddressInUse,
        Errno::ADDRNOTAVAIL => Cause::AddressNotAvailable,
        Errno::NODEV | Errno::NXIO => Cause::NoDevice,
        Errno::NETUNREACH => Cause::NetworkUnreachable,
        Errno::NETDOWN => Cause::NetworkDown,
        Errno::HOSTUNREACH | Errno::HOSTDOWN => Cause::HostUnreachable,
        Errno::NOBUFS => Cause::NoBuffers,
        Errno::NOMEM => Cause::NoMemory,
        Errno::PERM => Cause::NotPermitted,
        Errno::ACCESS => Cause::AccessDenied,
        Errno::MSGSIZE => Cause::MessageTooLong,
        Errno::INVAL => Cause::Invalid,
        Errno::NOPROTOOPT | Errno::OPNOTSUPP | Errno::AFNOSUPPORT => Cause::Unsupported,
        Errno::MFILE | Errno::NFILE => Cause::TooManyFiles,
        Errno::NOTCONN | Errno::DESTADDRREQ => Cause::NotConnected,
        _ => return None,
    })
}
