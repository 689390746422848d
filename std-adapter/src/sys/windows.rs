//! Windows: port sharing, error numbers.
//!
//! Type-checked, never run by us.

use std::io;

use socket2::Socket;

use crate::cause::Cause;
use crate::interface::Family;

/// Lets several sockets be bound to one port.
pub(crate) fn share_port(socket: &Socket) -> io::Result<()> {
    socket.set_reuse_address(true)
}

/// Whether the system delivers only groups that the socket itself joined: it does. It also refuses to bind
/// to a group's address (10049).
pub(crate) fn keep_groups_apart(_: &Socket, _: Family) -> io::Result<bool> {
    Ok(true)
}

const WSAEMSGSIZE: i32 = 10040;

/// What a Windows Sockets error number means.
pub(crate) fn cause(code: i32) -> Option<Cause> {
    Some(match code {
        10035 => Cause::WouldBlock,
        10004 => Cause::Interrupted,
        10052 | 10054 | 10061 => Cause::Echo,
        10048 => Cause::AddressInUse,
        10049 => Cause::AddressNotAvailable,
        10051 => Cause::NetworkUnreachable,
        10050 => Cause::NetworkDown,
        10064 | 10065 => Cause::HostUnreachable,
        10055 => Cause::NoBuffers,
        8 => Cause::NoMemory,
        5 | 10013 => Cause::AccessDenied,
        WSAEMSGSIZE => Cause::MessageTooLong,
        10022 => Cause::Invalid,
        10042 | 10045 | 10047 => Cause::Unsupported,
        10024 => Cause::TooManyFiles,
        10039 | 10057 => Cause::NotConnected,
        _ => return None,
    })
}
