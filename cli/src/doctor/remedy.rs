//! What mends what: one command for every cause.

use groupcast::multicast::{UdpError, UdpErrorKind};
use groupcast_std::interfaces::Verdict;
use groupcast_std::{Error, Family, Operation, hint};

use super::finding::Remedy;
use super::system::{Firewall, Holder, System};

/// What failed, in a few words: without the advice, which the remedy gives.
pub(crate) fn brief(error: &Error) -> String {
    match error {
        Error::Os {
            operation, error, ..
        } => format!("cannot {operation}: {error}"),
        _ => error.to_string(),
    }
}

/// What is behind an error of the library, and what mends it.
pub(crate) fn for_error(error: &Error, port: u16, system: &System) -> Remedy {
    match error {
        Error::InterfaceDown(name) => {
            Remedy::new(format!("interface {name} is down"), bring_up(name))
        }
        Error::InterfaceWithoutMulticast(name) => Remedy::new(
            format!("interface {name} has no multicast flag; tunnels often cannot have it"),
            multicast_on(name),
        ),
        Error::NoAddress { name, family } => no_address(name, *family),
        Error::NoSuchInterface { selector, .. } => Remedy::new(
            format!("there is no interface {selector}"),
            "groupcast interfaces",
        ),
        Error::LoopbackV6(_) | Error::NoUsableInterface(_) | Error::InterfaceGone(_) => {
            Remedy::new(error.to_string(), "groupcast interfaces")
        }
        Error::Os {
            operation,
            error: system_error,
            ..
        } => {
            let cause = hint(*operation, system_error)
                .map_or_else(|| system_error.to_string(), str::to_owned);
            match (operation, error.kind()) {
                (Operation::Send(_), UdpErrorKind::NotPermitted) => Remedy::new(
                    "a firewall on this machine rejects what is sent to the group",
                    let_out(port, system),
                ),
                (Operation::Join(_), UdpErrorKind::TooManyGroups) => {
                    Remedy::new(cause, "sudo sysctl -w net.ipv4.igmp_max_memberships=100")
                }
                (_, UdpErrorKind::NoInterface | UdpErrorKind::NoRoute) => {
                    Remedy::new(cause, "groupcast interfaces")
                }
                _ => Remedy::without_command(cause),
            }
        }
        _ => Remedy::without_command(error.to_string()),
    }
}

/// The port is held by somebody who does not share it.
pub(crate) fn port_taken(error: &Error, port: u16, holders: &[Holder]) -> Remedy {
    let known = holders.iter().find_map(|holder| holder.process.as_ref());
    match (known, holders.first()) {
        (Some((pid, name)), _) => Remedy::new(
            format!("UDP port {port} is held by {name} (process {pid}), which does not share it"),
            format!("kill {pid}"),
        ),
        (None, Some(Holder { user, .. })) => Remedy::new(
            format!("UDP port {port} is held by a process of user {user}, which does not share it"),
            who_holds(port),
        ),
        (None, None) if error.kind() == UdpErrorKind::AddressInUse => Remedy::new(
            format!("UDP port {port} is held by another program, which does not share it"),
            who_holds(port),
        ),
        (None, None) => Remedy::without_command(match error {
            Error::Os {
                operation, error, ..
            } => hint(*operation, error).map_or_else(|| error.to_string(), str::to_owned),
            _ => error.to_string(),
        }),
    }
}

fn who_holds(port: u16) -> String {
    if cfg!(windows) {
        format!("netstat -abp udp | findstr :{port}")
    } else if cfg!(any(target_os = "linux", target_os = "android")) {
        format!("sudo ss -ulpn sport = :{port}")
    } else {
        format!("sudo lsof -nP -iUDP:{port}")
    }
}

/// Nothing but loopback can be used: what is wrong with the most promising of the others.
pub(crate) fn for_unusable(verdicts: &[Verdict], family: Family) -> Remedy {
    let others = verdicts
        .iter()
        .filter(|verdict| !verdict.interface.loopback);
    let Some(best) = others.min_by_key(|verdict| verdict.address.is_none()) else {
        return Remedy::without_command(
            "this machine has no network interface but loopback; connect it to a network",
        );
    };
    let interface = &best.interface;
    let name = &interface.name;
    if !interface.up {
        Remedy::new(format!("interface {name} is down"), bring_up(name))
    } else if best.address.is_none() {
        no_address(name, family)
    } else if !interface.multicast {
        let cause = format!("interface {name} has no multicast flag; tunnels often cannot have it");
        Remedy::new(cause, multicast_on(name))
    } else {
        Remedy::without_command(format!(
            "interface {name} has no link: plug in its cable, or join its Wi-Fi"
        ))
    }
}

fn no_address(name: &str, family: Family) -> Remedy {
    let cause = format!("interface {name} has no {family} address; DHCP may have failed");
    match family {
        Family::V4 if cfg!(target_os = "linux") => {
            // Any link-local address serves machines on one link. Others choose another.
            let [.., high, low] = std::process::id().to_be_bytes();
            let (high, low) = (high.clamp(1, 254), low.clamp(1, 254));
            let name = quoted(name);
            Remedy::new(
                cause,
                format!("sudo ip addr add 169.254.{high}.{low}/16 dev {name}"),
            )
        }
        _ => Remedy::without_command(cause),
    }
}

fn bring_up(name: &str) -> String {
    let name = quoted(name);
    if cfg!(windows) {
        format!("netsh interface set interface {name} admin=enabled")
    } else if cfg!(any(target_os = "linux", target_os = "android")) {
        format!("sudo ip link set {name} up")
    } else {
        format!("sudo ifconfig {name} up")
    }
}

fn multicast_on(name: &str) -> String {
    let name = quoted(name);
    if cfg!(target_os = "linux") {
        format!("sudo ip link set {name} multicast on")
    } else {
        "groupcast interfaces".to_owned()
    }
}

/// A route to all IPv4 groups, for programs that do not choose the interface.
pub(crate) fn add_route(name: &str) -> String {
    let name = quoted(name);
    if cfg!(target_os = "linux") {
        format!("sudo ip route add 224.0.0.0/4 dev {name}")
    } else if cfg!(windows) {
        format!("netsh interface ipv4 add route 224.0.0.0/4 {name}")
    } else {
        format!("sudo route add -net 224.0.0.0/4 -interface {name}")
    }
}

/// Makes the reverse path filter loose, or switches it off where it is loose already.
pub(crate) fn loosen_rp_filter(name: &str, system: &System) -> String {
    let of = |scope: &str| format!("net.ipv4.conf.{scope}.rp_filter");
    let strict = system.strictest(name, "rp_filter") == Some(1);
    let name = sysctl_name(name);
    if strict {
        format!("sudo sysctl -w {}=2", of(&name))
    } else {
        format!("sudo sysctl -w {}=0 {}=0", of("all"), of(&name))
    }
}

/// Lets datagrams to the group's port in.
pub(crate) fn let_in(port: u16, system: &System) -> String {
    if cfg!(windows) {
        return format!(
            "New-NetFirewallRule -DisplayName groupcast -Direction Inbound -Protocol UDP -LocalPort {port} \
             -Action Allow"
        );
    }
    if cfg!(target_vendor = "apple") {
        return "sudo /usr/libexec/ApplicationFirewall/socketfilterfw --unblockapp \"$(which groupcast)\""
            .to_owned();
    }
    match system.firewall() {
        Some(Firewall::Ufw) => format!("sudo ufw allow {port}/udp"),
        Some(Firewall::Firewalld) => format!("sudo firewall-cmd --add-port={port}/udp"),
        None => format!("sudo nft insert rule inet filter input udp dport {port} accept"),
    }
}

/// Lets datagrams to the group's port out.
fn let_out(port: u16, system: &System) -> String {
    if cfg!(windows) {
        return format!(
            "New-NetFirewallRule -DisplayName groupcast -Direction Outbound -Protocol UDP -RemotePort {port} \
             -Action Allow"
        );
    }
    match system.firewall() {
        Some(Firewall::Ufw) => format!("sudo ufw allow out {port}/udp"),
        _ => format!("sudo nft insert rule inet filter output udp dport {port} accept"),
    }
}

/// Makes a bridge ask who listens, so that it does not forget them.
pub(crate) fn ask_on(bridge: &str) -> String {
    let bridge = quoted(bridge);
    format!("sudo ip link set {bridge} type bridge mcast_querier 1")
}

/// An interface's name within the name of a setting: there a dot separates, and a slash stands for it.
pub(crate) fn sysctl_name(name: &str) -> String {
    quoted(&name.replace('.', "/"))
}

/// An interface's name as a shell takes it.
pub(crate) fn quoted(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./@:".contains(c);
    if !name.is_empty() && name.chars().all(plain) {
        name.to_owned()
    } else {
        format!("'{}'", name.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::num::NonZeroU32;
    use groupcast_std::interfaces::{NetworkInterface, rank};

    fn interface(name: &str, address: Option<&str>) -> NetworkInterface {
        NetworkInterface {
            name: name.to_owned(),
            description: String::new(),
            index: NonZeroU32::MIN,
            up: true,
            running: true,
            multicast: true,
            loopback: name == "lo",
            point_to_point: false,
            mtu: Some(1500),
            addresses: address.iter().map(|a| a.parse().unwrap()).collect(),
        }
    }

    fn cause(interfaces: &[NetworkInterface]) -> String {
        let verdicts = rank(interfaces, "239.1.2.3".parse().unwrap(), None);
        for_unusable(&verdicts, Family::V4).cause
    }

    #[test]
    fn what_keeps_the_best_interface_from_being_used_is_named() {
        let lo = interface("lo", Some("127.0.0.1"));
        assert!(cause(core::slice::from_ref(&lo)).contains("no network interface but"));
        let mut down = interface("eth0", Some("10.0.0.1"));
        down.up = false;
        let bare = interface("ifb0", None);
        assert_eq!(
            cause(&[lo.clone(), bare.clone(), down]),
            "interface eth0 is down"
        );
        assert!(cause(&[lo.clone(), bare]).contains("ifb0 has no IPv4 address"));
        let mut unplugged = interface("eth0", Some("10.0.0.1"));
        unplugged.running = false;
        assert!(cause(&[lo.clone(), unplugged]).contains("no link"));
        let mut deaf = interface("eth0", Some("10.0.0.1"));
        deaf.multicast = false;
        assert!(cause(&[lo, deaf]).contains("no multicast flag"));
    }

    #[test]
    fn names_are_quoted_where_a_shell_would_take_them_apart() {
        assert_eq!(quoted("eth0.10"), "eth0.10");
        assert_eq!(quoted("Ethernet 2"), "'Ethernet 2'");
        assert_eq!(quoted("a'b;"), r"'a'\''b;'");
    }

    #[test]
    fn a_held_port_names_its_holder() {
        let address = "0.0.0.0:5".parse().unwrap();
        let error = Error::Os {
            operation: Operation::Bind(address),
            error: std::io::ErrorKind::AddrInUse.into(),
        };
        let holder = |process| Holder { user: 7, process };
        let named = port_taken(&error, 5, &[holder(Some((42, "python3".to_owned())))]);
        assert!(named.cause.contains("python3 (process 42)"));
        assert_eq!(named.fix.as_deref(), Some("kill 42"));
        let unnamed = port_taken(&error, 5, &[holder(None)]);
        assert!(unnamed.cause.contains("user 7"));
        assert!(port_taken(&error, 5, &[]).cause.contains("another program"));
    }
}
