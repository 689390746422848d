//! From what a user types to a group's address.

use core::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::io;
use std::net::ToSocketAddrs;

use crate::error::Error;
use crate::interface::{InterfaceSelector, resolve};
use crate::interfaces::{self, NetworkInterface};

/// Reads a group: `239.1.2.3:12345`, `[ff02::1234%eth0]:12345` or `name:12345`.
///
/// A name is looked up by the operating system, which may take seconds. Of its addresses it stands for the
/// first group that this machine can reach by some interface: see [`resolve_group_on`].
///
/// # Errors
///
/// [`Error::NotAGroup`] if it is none of these, [`Error::Unresolved`] if the name has no address,
/// [`Error::NoGroupAddress`] if none of its addresses is that of a group.
pub fn resolve_group(text: &str) -> Result<SocketAddr, Error> {
    resolve_group_on(text, &InterfaceSelector::Auto)
}

/// As [`resolve_group`], for the interface that is to be used: a name that has an IPv6 and an IPv4 group
/// stands for the first of the two that the interface can carry. One that reaches other machines goes before
/// one that only the loopback interface carries.
///
/// # Errors
///
/// As [`resolve_group`].
pub fn resolve_group_on(text: &str, selector: &InterfaceSelector) -> Result<SocketAddr, Error> {
    if let Ok(group) = text.parse() {
        return Ok(group);
    }
    if let Some(group) = with_scope_name(text) {
        return group;
    }
    let (host, port) = host_and_port(text).ok_or_else(|| Error::NotAGroup(text.to_owned()))?;
    let unresolved = |error| Error::Unresolved {
        host: host.to_owned(),
        error,
    };
    let found: Vec<_> = (host, port)
        .to_socket_addrs()
        .map_err(unresolved)?
        .collect();
    if found.is_empty() {
        return Err(unresolved(io::ErrorKind::NotFound.into()));
    }
    let all = interfaces::list()?;
    pick(&found, selector, &all, interfaces::route_source).ok_or_else(|| Error::NoGroupAddress {
        host: host.to_owned(),
        found: found.iter().map(SocketAddr::ip).collect(),
    })
}

/// A host's name and a port. What looks like an address and is none is not a host's name either.
fn host_and_port(text: &str) -> Option<(&str, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    let odd = host.is_empty() || host.contains([':', '[', ']', '%']);
    let numbers = host.chars().all(|c| c.is_ascii_digit() || c == '.');
    let port = port.parse().ok()?;
    (!odd && !numbers).then_some((host, port))
}

/// The group to use among the addresses of a name. `None` if none is a group; if there are some and no
/// interface carries any, the first: joining it says what is wrong.
fn pick(
    addresses: &[SocketAddr],
    selector: &InterfaceSelector,
    all: &[NetworkInterface],
    route: impl Fn(IpAddr) -> Option<IpAddr>,
) -> Option<SocketAddr> {
    let groups = || {
        addresses
            .iter()
            .filter(|address| address.ip().is_multicast())
    };
    let choice = |group: IpAddr| resolve(selector, group, all, route(group), None).ok();
    let reaches_others = |group: IpAddr| choice(group).is_some_and(|choice| !choice.loopback);
    groups()
        .find(|group| reaches_others(group.ip()))
        .or_else(|| groups().find(|group| choice(group.ip()).is_some()))
        .or_else(|| groups().next())
        .copied()
}

/// `[ff02::1%eth0]:7`: std reads only numbers after the `%`.
fn with_scope_name(text: &str) -> Option<Result<SocketAddr, Error>> {
    let (address, port) = text.strip_prefix('[')?.rsplit_once("]:")?;
    let (address, scope) = address.split_once('%')?;
    let port = port.parse().ok()?;
    let IpAddr::V6(address) = address.parse().ok()? else {
        return None;
    };
    Some(interfaces::list().and_then(|all| {
        let interface = all.iter().find(|interface| interface.name == scope);
        let interface = interface.ok_or_else(|| Error::NoSuchInterface {
            selector: InterfaceSelector::Name(scope.to_owned()).to_string(),
            available: all
                .iter()
                .map(|i| i.name.as_str())
                .collect::<Vec<_>>()
                .join(", "),
        })?;
        Ok(SocketAddrV6::new(address, port, 0, interface.index.get()).into())
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interfaces::tests::made_up;

    #[test]
    fn addresses_are_read_as_they_stand() {
        let group = |text: &str| resolve_group(text).unwrap().to_string();
        assert_eq!(group("239.1.2.3:12345"), "239.1.2.3:12345");
        assert_eq!(group("[ff02::1%3]:7"), "[ff02::1%3]:7");
    }

    #[test]
    fn what_is_no_group_is_refused_without_asking_anybody() {
        for text in [
            "",
            "239.1.2.3",
            "239.1.2.3:",
            "239.1.2.3:99999",
            ":7",
            "ff02::1:7",
            "1.2.3:4",
        ] {
            assert!(
                matches!(resolve_group(text), Err(Error::NotAGroup(_))),
                "{text}"
            );
        }
        let error = resolve_group("[ff02::1%nothing0]:7")
            .unwrap_err()
            .to_string();
        assert!(error.contains("nothing0"), "{error}");
    }

    #[test]
    fn names_are_looked_up() {
        // It has an address, and nobody makes that of a group.
        let error = resolve_group("localhost:7").unwrap_err();
        assert!(matches!(error, Error::NoGroupAddress { .. }), "{error}");
        assert!(error.to_string().contains("localhost"), "{error}");
    }

    #[test]
    fn a_name_stands_for_the_first_group_of_a_family_that_works() {
        let lo = made_up("lo", 1, &["127.0.0.1", "::1"]);
        let v4 = made_up("eth0", 2, &["10.0.0.1"]);
        let both = made_up("eth1", 3, &["fe80::1", "10.0.1.1"]);
        let picked = |selector: &str, all: &[NetworkInterface], addresses: &[&str]| {
            let addresses: Vec<_> = addresses.iter().map(|a| a.parse().unwrap()).collect();
            pick(&addresses, &selector.parse().unwrap(), all, |_| None)
                .map_or_else(String::new, |group| group.to_string())
        };
        let name = [
            "192.168.1.9:7",
            "[fd00::9]:7",
            "[ff02::1234]:7",
            "239.1.2.3:7",
        ];
        let (six, four) = ("[ff02::1234]:7", "239.1.2.3:7");
        let all = [lo.clone(), v4.clone(), both];
        assert_eq!(picked("auto", &all, &name), six);
        assert_eq!(picked("eth1", &all, &name), six);
        assert_eq!(picked("eth0", &all, &name), four, "no IPv6 there");
        assert_eq!(
            picked("127.0.0.1", &all, &name),
            four,
            "no IPv6 on loopback"
        );
        assert_eq!(picked("auto", &[lo.clone(), v4], &name), four);
        assert_eq!(picked("auto", core::slice::from_ref(&lo), &name), four);
        // A network goes before loopback, whatever the order of the addresses.
        let v6 = made_up("eth2", 4, &["fe80::2"]);
        assert_eq!(picked("auto", &[lo, v6], &[four, six]), six);
        // Joining will say what is wrong.
        assert_eq!(picked("eth9", &all, &name), six);
        assert_eq!(picked("auto", &all, &name[..2]), "");
    }
}
