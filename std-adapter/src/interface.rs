//! Which interface a stack uses: what was asked for, and what came of it.

use core::convert::Infallible;
use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::num::NonZeroU32;
use core::str::FromStr;

use crate::error::Error;
use crate::interfaces::{NetworkInterface, label, rank};
use crate::rank::looks_virtual;

/// The family of an address.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// The family of `address`.
    #[must_use]
    pub const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }

    pub(crate) const fn unspecified(self) -> IpAddr {
        match self {
            Self::V4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            Self::V6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        })
    }
}

/// Which interface to use.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum InterfaceSelector {
    /// The one that suits the group best, by [`rank`]; the loopback interface if there is no other.
    #[default]
    Auto,
    /// The one with this name (on Windows also: with this name for people, such as `Wi-Fi`).
    Name(String),
    /// The one with this index. An interface that is removed and added again has another index.
    Index(NonZeroU32),
    /// The one with this address.
    Address(IpAddr),
}

impl FromStr for InterfaceSelector {
    type Err = Infallible;

    /// Reads `auto`, an index (`2`), an address (`127.0.0.1`, `fe80::1`, with or without `%zone`), or
    /// else a name (`eth0`). Never fails: whether there is such an interface shows when it is used.
    fn from_str(text: &str) -> Result<Self, Infallible> {
        let text = text.trim();
        let address = text.split_once('%').map_or(text, |(address, _)| address);
        Ok(if text.is_empty() || text.eq_ignore_ascii_case("auto") {
            Self::Auto
        } else if let Ok(index) = text.parse() {
            Self::Index(index)
        } else if let Ok(address) = address.parse() {
            Self::Address(address)
        } else {
            Self::Name(text.to_owned())
        })
    }
}

impl fmt::Display for InterfaceSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Name(name) => write!(f, "named {name}"),
            Self::Index(index) => write!(f, "with index {index}"),
            Self::Address(address) => write!(f, "with address {address}"),
        }
    }
}

/// The interface that a stack uses, and why.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Choice {
    /// Its name.
    pub name: String,
    /// Its name for people where the system has one (Windows), else empty.
    pub description: String,
    /// Its index.
    pub index: NonZeroU32,
    /// The address of the group's family that it is used by.
    pub address: IpAddr,
    /// The largest IP packet it carries, in bytes, if known.
    pub mtu: Option<u32>,
    /// Whether it is the loopback interface, which reaches nobody else.
    pub loopback: bool,
    /// Whether nobody asked for it, and it was chosen because nothing better can carry the group: the loopback
    /// interface, or one that looks like a network inside of this machine or a tunnel, as Docker's. Machines on the
    /// network around hardly hear it.
    pub fallback: bool,
    /// Why it was chosen.
    pub reason: String,
}

impl fmt::Display for Choice {
    /// For a start-up line: `eth0 (192.168.1.2, MTU 1500): on the system's route, …`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}", self.label(), self.address)?;
        if let Some(mtu) = self.mtu {
            write!(f, ", MTU {mtu}")?;
        }
        write!(f, "): {}", self.reason)
    }
}

impl Choice {
    /// The name that people and the system's own tools call it by.
    #[must_use]
    pub fn label(&self) -> &str {
        label(&self.name, &self.description)
    }

    pub(crate) fn new(interface: &NetworkInterface, address: IpAddr, reason: String) -> Self {
        Self {
            name: interface.name.clone(),
            description: interface.description.clone(),
            index: interface.index,
            address,
            mtu: interface.mtu,
            loopback: interface.loopback,
            fallback: false,
            reason,
        }
    }
}

/// Chooses the interface for `group` among `interfaces`, keeping the address `kept` where possible.
pub(crate) fn resolve(
    selector: &InterfaceSelector,
    group: IpAddr,
    interfaces: &[NetworkInterface],
    route: Option<IpAddr>,
    kept: Option<IpAddr>,
) -> Result<Choice, Error> {
    let family = Family::of(group);
    let found = match selector {
        InterfaceSelector::Auto => {
            let verdict = rank(interfaces, group, route)
                .into_iter()
                .find(|v| v.chosen);
            let verdict = verdict.ok_or(Error::NoUsableInterface(family))?;
            let address = verdict
                .interface
                .address_for(group, kept)
                .or(verdict.address);
            let address = address.ok_or(Error::NoUsableInterface(family))?;
            let reason = if verdict.interface.loopback {
                "no other interface can carry the group; this one reaches only this machine".into()
            } else {
                verdict.reason
            };
            let mut choice = Choice::new(&verdict.interface, address, reason);
            // The main bridge of a router may look virtual, too.
            let has_route = route.is_some_and(|route| verdict.interface.addresses.contains(&route));
            choice.fallback = choice.loopback || (looks_virtual(&verdict.interface) && !has_route);
            return Ok(choice);
        }
        InterfaceSelector::Name(name) => interfaces
            .iter()
            .find(|i| i.name == *name || i.description == *name),
        InterfaceSelector::Index(index) => interfaces.iter().find(|i| i.index == *index),
        InterfaceSelector::Address(address) => {
            interfaces.iter().find(|i| i.addresses.contains(address))
        }
    };
    let found = found.ok_or_else(|| Error::NoSuchInterface {
        selector: selector.to_string(),
        available: describe(interfaces),
    })?;
    let name = || found.label().to_owned();
    if !found.up {
        return Err(Error::InterfaceDown(name()));
    }
    if found.loopback && family == Family::V6 {
        return Err(Error::LoopbackV6(name()));
    }
    if !found.multicast && !found.loopback {
        return Err(Error::InterfaceWithoutMulticast(name()));
    }
    let kept = match selector {
        InterfaceSelector::Address(address) => Some(*address),
        _ => kept,
    };
    let address = found.address_for(group, kept);
    let address = address.ok_or_else(|| Error::NoAddress {
        name: name(),
        family,
    })?;
    let reason = match selector {
        InterfaceSelector::Name(_) => "chosen by name",
        InterfaceSelector::Index(_) => "chosen by index",
        _ => "chosen by address",
    };
    Ok(Choice::new(found, address, reason.to_owned()))
}

/// Names, indices and addresses in a line.
fn describe(interfaces: &[NetworkInterface]) -> String {
    let one = |interface: &NetworkInterface| {
        let (name, index) = (interface.label(), interface.index);
        let addresses: Vec<_> = interface
            .addresses
            .iter()
            .map(ToString::to_string)
            .collect();
        match addresses.join(" ") {
            none if none.is_empty() => format!("{name} ({index}, no address)"),
            addresses => format!("{name} ({index}: {addresses})"),
        }
    };
    interfaces.iter().map(one).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interfaces::tests::made_up;

    fn read(text: &str) -> InterfaceSelector {
        text.parse().unwrap()
    }

    fn choose(text: &str, group: &str, all: &[NetworkInterface]) -> Result<Choice, Error> {
        resolve(&read(text), group.parse().unwrap(), all, None, None)
    }

    #[test]
    fn a_selector_is_read_from_what_people_type() {
        assert_eq!(read("auto"), InterfaceSelector::Auto);
        assert_eq!(read(""), InterfaceSelector::Auto);
        assert_eq!(read("eth0"), InterfaceSelector::Name("eth0".to_owned()));
        assert_eq!(
            read("2"),
            InterfaceSelector::Index(NonZeroU32::new(2).unwrap())
        );
        assert_eq!(read("0"), InterfaceSelector::Name("0".to_owned()));
        let address = |text: &str| InterfaceSelector::Address(text.parse().unwrap());
        assert_eq!(read("127.0.0.1"), address("127.0.0.1"));
        assert_eq!(read("fe80::1"), address("fe80::1"));
        assert_eq!(read("fe80::1%eth0"), address("fe80::1"));
    }

    #[test]
    fn each_way_to_be_wrong_has_its_own_error() {
        let mut down = made_up("eth0", 2, &["10.0.0.1"]);
        down.up = false;
        let mut deaf = made_up("tun0", 3, &["10.8.0.2"]);
        deaf.multicast = false;
        let lo = made_up("lo", 1, &["127.0.0.1", "::1"]);
        let all = [lo, down, deaf, made_up("eth1", 4, &["fe80::2"])];
        let error = |text: &str, group: &str| choose(text, group, &all).unwrap_err();
        assert!(matches!(
            error("eth7", "239.1.2.3"),
            Error::NoSuchInterface { .. }
        ));
        assert!(
            error("eth7", "239.1.2.3")
                .to_string()
                .contains("tun0 (3: 10.8.0.2)")
        );
        assert!(matches!(
            error("10.9.9.9", "239.1.2.3"),
            Error::NoSuchInterface { .. }
        ));
        assert!(matches!(error("2", "239.1.2.3"), Error::InterfaceDown(_)));
        assert!(matches!(
            error("tun0", "239.1.2.3"),
            Error::InterfaceWithoutMulticast(_)
        ));
        assert!(matches!(
            error("eth1", "239.1.2.3"),
            Error::NoAddress { .. }
        ));
        assert!(matches!(error("lo", "ff02::1234"), Error::LoopbackV6(_)));
    }

    #[test]
    fn what_is_said_of_an_interface_has_the_name_that_people_know() {
        let mut wifi = made_up("wireless_32768", 9, &["192.168.1.5"]);
        wifi.description = "Wi-Fi".to_owned();
        let all = [wifi.clone()];
        for selector in ["Wi-Fi", "wireless_32768", "9", "auto"] {
            let choice = choose(selector, "239.1.2.3", &all).unwrap();
            assert_eq!(choice.label(), "Wi-Fi", "{selector}");
            assert!(
                choice.to_string().starts_with("Wi-Fi (192.168.1.5"),
                "{choice}"
            );
        }
        wifi.up = false;
        let error = choose("9", "239.1.2.3", &[wifi]).unwrap_err();
        assert!(
            error.to_string().contains("interface Wi-Fi is down"),
            "{error}"
        );
        let error = choose("nonsense", "239.1.2.3", &all).unwrap_err();
        assert!(error.to_string().contains("Wi-Fi (9"), "{error}");
    }

    #[test]
    fn an_address_names_an_interface_even_for_the_other_family() {
        let all = [made_up("eth0", 2, &["10.0.0.1", "10.0.0.2", "fe80::1"])];
        let address = |text, group| choose(text, group, &all).unwrap().address.to_string();
        assert_eq!(address("10.0.0.2", "239.1.2.3"), "10.0.0.2");
        assert_eq!(address("10.0.0.2", "ff02::1234"), "fe80::1");
    }

    #[test]
    fn automatic_choice_falls_back_to_loopback_and_says_so() {
        let lo = [made_up("lo", 1, &["127.0.0.1"])];
        let choice = choose("auto", "239.1.2.3", &lo).unwrap();
        assert!(
            choice.loopback && choice.reason.contains("only this machine"),
            "{choice}"
        );
        assert!(matches!(
            choose("auto", "ff02::1234", &lo),
            Err(Error::NoUsableInterface(Family::V6))
        ));
    }

    #[test]
    fn what_was_chosen_for_want_of_better_is_marked() {
        let lo = made_up("lo", 1, &["127.0.0.1"]);
        let docker = made_up("docker0", 2, &["172.17.0.1"]);
        let bridge = made_up("br-lan", 3, &["192.168.1.1"]);
        let eth = made_up("eth0", 4, &["192.168.1.2"]);
        let is_fallback = |text: &str, all: &[NetworkInterface], route: Option<&str>| {
            let route = route.map(|route| route.parse().unwrap());
            let group = "239.1.2.3".parse().unwrap();
            resolve(&read(text), group, all, route, None)
                .unwrap()
                .fallback
        };
        assert!(is_fallback("auto", core::slice::from_ref(&lo), None));
        let inside = [lo.clone(), docker.clone()];
        assert!(is_fallback("auto", &inside, None));
        // Somebody asked for these.
        assert!(!is_fallback("lo", &inside, None));
        assert!(!is_fallback("172.17.0.1", &inside, None));
        assert!(!is_fallback("auto", &[lo.clone(), docker, eth], None));
        assert!(!is_fallback("auto", &[lo, bridge], Some("192.168.1.1")));
    }
}
