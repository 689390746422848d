//! What to do about an error of the operating system: the one table of advice.

use std::io;

use crate::cause::Cause;
use crate::error::Operation;

/// What to do about `error`, met during `operation`; `None` when we know nothing better than the
/// system's own message.
#[must_use]
pub fn hint(operation: Operation, error: &io::Error) -> Option<&'static str> {
    let hint = match (Cause::of(error)?, operation) {
        (Cause::AddressInUse, Operation::Join(_)) => {
            "this socket is a member of the group on this interface already"
        }
        (Cause::AddressInUse, _) => {
            "another program holds this port and does not share it; find it (Linux: `ss -ulpn`, \
             macOS: `lsof -nP -iUDP`, Windows: `netstat -abp udp`) or choose another port"
        }
        (Cause::AddressNotAvailable, Operation::Leave(_)) => {
            "this socket is not a member of the group on this interface"
        }
        (Cause::AddressNotAvailable, _) => {
            "the interface has no such address, or not any more; see `groupcast interfaces`"
        }
        (Cause::NoDevice, _) => {
            "the interface is gone or down, or no route leads to groups; name an interface that \
             `groupcast interfaces` lists as usable"
        }
        (Cause::NetworkUnreachable, _) => {
            "no route leads there from this interface; check that it is up and has an address"
        }
        (Cause::NetworkDown, _) => "the interface is down; bring it up",
        (Cause::HostUnreachable, _) if cfg!(target_vendor = "apple") => {
            "macOS answers so when the program may not use the local network: allow it under \
             System Settings, Privacy & Security, Local Network"
        }
        (Cause::HostUnreachable, _) => {
            "nobody answers at that address, or a firewall rejects it; for an fe80:: address give \
             the interface too, as in fe80::1%2"
        }
        (Cause::NoBuffers | Cause::NoMemory, Operation::Join(_)) => {
            "this socket has joined as many groups as the system allows; on Linux raise \
             `sysctl net.ipv4.igmp_max_memberships` (IPv6: `net.core.optmem_max`), or use another \
             socket"
        }
        (Cause::NoBuffers, _) => "the system's send queue is full; send more slowly",
        (Cause::NoMemory, _) => "the system has no memory left for this",
        (Cause::NotPermitted, Operation::Send(_)) => {
            "a firewall on this machine rejects it; allow outgoing UDP to the group"
        }
        (Cause::AccessDenied, Operation::Bind(_)) => {
            "ports below 1024 are reserved for the administrator, and Windows reserves some others; \
             choose another port"
        }
        (Cause::AccessDenied, Operation::Send(_)) => {
            "the destination is a broadcast address, or a firewall or sandbox forbids it"
        }
        (Cause::NoSuchCall | Cause::NotPermitted | Cause::AccessDenied, Operation::Receive) => {
            "a sandbox or the system refuses the system calls; let the program use `recvmmsg` or \
             `recvfrom`"
        }
        (Cause::NoSuchCall, _) => {
            "a sandbox hides the system call, or the system is too old or an imitation; look at the \
             sandbox's settings"
        }
        (Cause::NotPermitted | Cause::AccessDenied, _) => {
            "the system does not allow it: look at firewall, sandbox and container settings"
        }
        (Cause::MessageTooLong, Operation::Send(_)) => {
            "the datagram is larger than UDP or the link can carry; send at most 1472 bytes, and 1200 \
             if the path is not known"
        }
        (Cause::Invalid, Operation::Join(_)) => {
            "the system does not take this address for a group, or the socket is a member already"
        }
        (Cause::Invalid, Operation::Send(_)) => {
            "the destination does not fit the socket: port 0, another family, or an fe80:: address \
             without its interface"
        }
        (Cause::Unsupported, Operation::Configure(_)) => option_missing(std::env::consts::OS),
        (Cause::Unsupported, _) => {
            "this system has the protocol switched off; try the other family"
        }
        (Cause::TooManyFiles, _) => "the program has too many files open; raise `ulimit -n`",
        _ => return None,
    };
    Some(hint)
}

/// A socket option is missing on this system.
const fn option_missing(os: &str) -> &'static str {
    match os.as_bytes() {
        b"linux" => {
            "this system is too old or too small for the option; Linux has had all of them since 4.20"
        }
        _ => "this system does not have the option",
    }
}

#[cfg(all(test, unix))]
mod tests {
    use rustix::io::Errno;

    use super::*;

    fn advice(operation: Operation, errno: Errno) -> &'static str {
        hint(operation, &io::Error::from(errno)).unwrap_or("")
    }

    #[test]
    fn the_same_number_means_different_things_when_binding_and_joining() {
        let bind = Operation::Bind("0.0.0.0:5".parse().unwrap());
        let join = Operation::Join("239.1.2.3".parse().unwrap());
        assert!(advice(bind, Errno::ADDRINUSE).contains("another program"));
        assert!(advice(join, Errno::ADDRINUSE).contains("member of the group"));
        assert!(advice(join, Errno::NOBUFS).contains("igmp_max_memberships"));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn every_number_seen_in_the_field_has_advice() {
        let send = Operation::Send(None);
        let join = Operation::Join("239.1.2.3".parse().unwrap());
        let bind = Operation::Bind("0.0.0.0:5".parse().unwrap());
        for (operation, code) in [
            (bind, 98),
            (bind, 13),
            (join, 98),
            (join, 19),
            (join, 105),
            (join, 22),
            (join, 99),
            (send, 100),
            (send, 101),
            (send, 113),
            (send, 99),
            (send, 105),
            (send, 1),
            (send, 13),
            (send, 90),
            (send, 22),
        ] {
            let error = io::Error::from_raw_os_error(code);
            assert!(hint(operation, &error).is_some(), "{operation}: {error}");
        }
    }

    #[test]
    fn the_age_of_linux_is_no_advice_elsewhere() {
        assert!(option_missing("linux").contains("4.20"));
        for os in ["windows", "macos", "freebsd", "android"] {
            assert!(!option_missing(os).contains("Linux"), "{os}");
        }
    }

    #[test]
    fn there_is_no_advice_for_the_unknown() {
        assert_eq!(hint(Operation::Receive, &io::Error::other("odd")), None);
    }
}
