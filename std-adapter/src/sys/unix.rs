//! Unix: port sharing, buffers, error numbers.

use std::io;

use rustix::io::Errno;
use socket2::Socket;

use crate::cause::Cause;
use crate::interface::Family;

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

/// Gives a socket a larger receive buffer than the system's limit allows, for programs that may do that.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn force_receive_buffer(socket: &Socket, bytes: usize) -> io::Result<()> {
    Ok(rustix::net::sockopt::set_socket_recv_buffer_size_force(
        socket, bytes,
    )?)
}

/// Stops the kernel from delivering groups that only other sockets joined.
#[cfg(target_os = "linux")]
pub(crate) fn keep_groups_apart(socket: &Socket, family: Family) -> io::Result<bool> {
    match family {
        Family::V4 => socket.set_multicast_all_v4(false)?,
        Family::V6 => socket.set_multicast_all_v6(false)?,
    }
    Ok(true)
}

/// Whether the kernel delivers only groups that the socket itself joined: not here.
#[cfg(not(target_os = "linux"))]
pub(crate) fn keep_groups_apart(_: &Socket, _: Family) -> io::Result<bool> {
    Ok(false)
}

/// Does what changes how a socket treats datagrams that are longer than the link takes, and changes it
/// back.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn keep_fragments<T>(
    socket: &std::net::UdpSocket,
    set_up: impl FnOnce() -> io::Result<T>,
) -> io::Result<T> {
    use nix::sys::socket::{setsockopt, sockopt};
    use rustix::net::sockopt as option;

    if socket.local_addr()?.is_ipv4() {
        let before = option::ip_mtu_discover(socket)?;
        let done = set_up()?;
        option::set_ip_mtu_discover(socket, before)?;
        Ok(done)
    } else {
        let before = option::ipv6_mtu_discover(socket)?;
        let done = set_up()?;
        option::set_ipv6_mtu_discover(socket, before)?;
        setsockopt(socket, sockopt::Ipv6DontFrag, &false)?;
        Ok(done)
    }
}

/// Allows routers to split an IPv4 datagram.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn let_routers_split(socket: &std::net::UdpSocket) -> io::Result<()> {
    use rustix::net::sockopt::{Ipv4PathMtuDiscovery, set_ip_mtu_discover};

    Ok(set_ip_mtu_discover(socket, Ipv4PathMtuDiscovery::DONT)?)
}

/// As on Linux. A socket fragments before anybody forbids it.
#[cfg(target_vendor = "apple")]
pub(crate) fn keep_fragments<T>(
    socket: &std::net::UdpSocket,
    set_up: impl FnOnce() -> io::Result<T>,
) -> io::Result<T> {
    use nix::sys::socket::{setsockopt, sockopt};

    let done = set_up()?;
    if socket.local_addr()?.is_ipv4() {
        setsockopt(socket, sockopt::IpDontFrag, &false)?;
    } else {
        setsockopt(socket, sockopt::Ipv6DontFrag, &false)?;
    }
    Ok(done)
}

/// Has the system hand over each datagram by itself, as it came.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn keep_apart(socket: &std::net::UdpSocket) -> io::Result<()> {
    use nix::sys::socket::{setsockopt, sockopt};

    Ok(setsockopt(socket, sockopt::UdpGroSegment, &false)?)
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
        Errno::NOSYS => Cause::NoSuchCall,
        Errno::MFILE | Errno::NFILE => Cause::TooManyFiles,
        Errno::NOTCONN | Errno::DESTADDRREQ => Cause::NotConnected,
        _ => return None,
    })
}
