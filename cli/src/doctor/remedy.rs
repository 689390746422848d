//! What mends what: one command for every cause.

use groupcast::multicast::{UdpError, UdpErrorKind};
use groupcast_std::interfaces::Verdict;
use groupcast_std::{Error, Family, Operation, hint};

use super::case::Case;
use super::command::{Os, Rules};
use super::finding::Remedy;
use super::nft;
use super::system::{Holder, System};

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
pub(crate) fn for_error(error: &Error, case: &Case) -> Remedy {
    match error {
        Error::InterfaceDown(name) => {
            Remedy::new(format!("interface {name} is down"), Os::HERE.bring_up(name))
        }
        Error::InterfaceWithoutMulticast(name) => Remedy::new(
            format!("interface {name} has no multicast flag; tunnels often cannot have it"),
            Os::HERE.multicast_on(name),
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
                (Operation::Send(_), UdpErrorKind::NotPermitted) => let_out(
                    case,
                    "a firewall on this machine rejects what is sent to the group",
                ),
                (Operation::Join(_), UdpErrorKind::TooManyGroups) => Remedy {
                    fix: Os::HERE.more_groups().map(str::to_owned),
                    ..Remedy::without_command(cause)
                },
                (_, UdpErrorKind::NoInterface | UdpErrorKind::NoRoute) => {
                    Remedy::new(cause, "groupcast interfaces")
                }
                _ => Remedy::without_command(cause),
            }
        }
        _ => Remedy::without_command(error.to_string()),
    }
}

/// The port is held by somebody who does not share it: another one is had without ending anything.
pub(crate) fn port_taken(error: &Error, case: &Case, holders: &[Holder], free: u16) -> Remedy {
    let port = case.group.port();
    let known = holders.iter().find_map(|holder| holder.process.as_ref());
    let (who, way) = match (known, holders.first()) {
        (Some((pid, name)), _) => (format!("{name} (process {pid})"), Os::HERE.end(*pid)),
        (None, Some(Holder { user, .. })) => {
            let who = format!("a process of user {user}");
            (who, Os::HERE.who_holds(port))
        }
        (None, None) if error.kind() == UdpErrorKind::AddressInUse => {
            ("another program".to_owned(), Os::HERE.who_holds(port))
        }
        (None, None) => {
            return Remedy::without_command(match error {
                Error::Os {
                    operation, error, ..
                } => hint(*operation, error).map_or_else(|| error.to_string(), str::to_owned),
                _ => error.to_string(),
            });
        }
    };
    let mut other = case.group;
    other.set_port(free);
    Remedy::new(
        format!(
            "UDP port {port} is held by {who}, which does not share it: take another port, all members the same; \
             or end that program: {way}"
        ),
        format!("groupcast {}", case.again(other)),
    )
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
    let name = interface.label();
    if !interface.up {
        Remedy::new(format!("interface {name} is down"), Os::HERE.bring_up(name))
    } else if best.address.is_none() {
        no_address(name, family)
    } else if !interface.multicast {
        let cause = format!("interface {name} has no multicast flag; tunnels often cannot have it");
        Remedy::new(cause, Os::HERE.multicast_on(name))
    } else {
        Remedy::without_command(format!(
            "interface {name} has no link: plug in its cable, or join its Wi-Fi"
        ))
    }
}

fn no_address(name: &str, family: Family) -> Remedy {
    let cause = format!("interface {name} has no {family} address; DHCP may have failed");
    // Others choose another: it is made of the number of this process.
    let [.., high, low] = std::process::id().to_be_bytes();
    match family {
        Family::V4 => Remedy {
            fix: Os::HERE.add_address(name, [high, low]),
            ..Remedy::without_command(cause)
        },
        Family::V6 => Remedy::without_command(cause),
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
pub(crate) fn let_in(case: &Case, cause: impl Into<String>) -> Remedy {
    let rules = case.rules(nft::Way::In);
    let fix = Os::HERE.let_in(case.group.port(), &rules);
    of_firewall(cause.into(), &rules, fix)
}

/// Lets datagrams to the group's port out.
pub(crate) fn let_out(case: &Case, cause: impl Into<String>) -> Remedy {
    let rules = case.rules(nft::Way::Out);
    let fix = Os::HERE.let_out(case.group.port(), &rules);
    of_firewall(cause.into(), &rules, fix)
}

fn of_firewall(cause: String, rules: &Rules, fix: String) -> Remedy {
    let seen = if Os::HERE == Os::Linux && !rules.is_known() {
        "; only the administrator can see by which rule"
    } else {
        ""
    };
    Remedy::new(cause + seen, fix)
}

/// The doctor on the other machine finds out more, and mends it there.
pub(crate) fn ask_there(case: &Case) -> String {
    format!("groupcast doctor --group {} --peer", case.group)
}

/// Makes a bridge ask who listens, so that it does not forget them.
pub(crate) fn ask_on(bridge: &str) -> String {
    let bridge = quoted(bridge);
    format!("sudo ip link set {bridge} type bridge mcast_querier 1")
}

/// An interface's name as a shell takes it.
pub(crate) fn quoted(name: &str) -> String {
    Os::HERE.quoted(name)
}

/// An interface's name within the name of a setting: there a dot separates, and a slash stands for it.
pub(crate) fn sysctl_name(name: &str) -> String {
    quoted(&name.replace('.', "/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use crate::doctor::case::tests::case_of;
    use clap::Parser;
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
        let plain = interface("ifb0", None);
        assert_eq!(
            cause(&[lo.clone(), plain.clone(), down]),
            "interface eth0 is down"
        );
        assert!(cause(&[lo.clone(), plain]).contains("ifb0 has no IPv4 address"));
        let mut unplugged = interface("eth0", Some("10.0.0.1"));
        unplugged.running = false;
        assert!(cause(&[lo.clone(), unplugged]).contains("no link"));
        let mut deaf = interface("eth0", Some("10.0.0.1"));
        deaf.multicast = false;
        assert!(cause(&[lo, deaf]).contains("no multicast flag"));
    }

    #[test]
    fn a_held_port_names_its_holder() {
        let address = "0.0.0.0:5".parse().unwrap();
        let error = Error::Os {
            operation: Operation::Bind(address),
            error: std::io::ErrorKind::AddrInUse.into(),
        };
        let holder = |process| Holder { user: 7, process };
        let common = Cli::try_parse_from(["groupcast", "doctor", "--group", "239.1.2.3:5"]);
        let case = case_of(&common.unwrap().common);
        let named = Some((42, "python3".to_owned()));
        let named = port_taken(&error, &case, &[holder(named)], 6);
        assert!(named.cause.contains("python3 (process 42)"));
        assert!(named.cause.ends_with(&Os::HERE.end(42)));
        // Nothing has to be ended.
        assert_eq!(
            named.fix.unwrap(),
            "groupcast doctor --group 239.1.2.3:6 --interface 127.0.0.1"
        );
        let unnamed = port_taken(&error, &case, &[holder(None)], 6);
        assert!(unnamed.cause.contains("user 7"));
        let unknown = port_taken(&error, &case, &[], 6);
        assert!(unknown.cause.contains("another program"));
    }
}
