//! The network interfaces of this machine, and which of them suits a group best.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use core::num::NonZeroU32;
use std::net::UdpSocket;

use getifaddrs::InterfaceFlags;

use crate::error::{Error, Operation};
use crate::interface::Family;
pub use crate::rank::rank;

/// A network interface as the operating system describes it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NetworkInterface {
    /// The name, such as `eth0`; on Windows `wireless_32768`, which tells the kind and no person knows.
    pub name: String,
    /// The name for people where the system has one (Windows: `Wi-Fi`), else empty.
    pub description: String,
    /// The index, from 1.
    pub index: NonZeroU32,
    /// The administrator switched it on.
    pub up: bool,
    /// It has a link: the cable is in, the Wi-Fi is associated.
    pub running: bool,
    /// It carries multicast.
    pub multicast: bool,
    /// It leads back to this machine.
    pub loopback: bool,
    /// It has one peer, as a VPN or a modem has.
    pub point_to_point: bool,
    /// The largest IP packet it carries, in bytes; `None` where we cannot tell (not on Linux).
    pub mtu: Option<u32>,
    /// Its IP addresses.
    pub addresses: Vec<IpAddr>,
}

impl NetworkInterface {
    /// The name that people and the system's own tools call it by.
    #[must_use]
    pub fn label(&self) -> &str {
        label(&self.name, &self.description)
    }

    /// The best address to reach a group from: `kept` if it is still there, else a routable one
    /// before a link-local one (the other way round when the group is an IPv6 link-local one).
    #[must_use]
    pub fn address_for(&self, group: IpAddr, kept: Option<IpAddr>) -> Option<IpAddr> {
        let family = Family::of(group);
        let mine = || {
            self.addresses
                .iter()
                .copied()
                .filter(|a| Family::of(*a) == family)
        };
        if let Some(kept) = kept.filter(|kept| mine().any(|a| a == *kept)) {
            return Some(kept);
        }
        let local_group = matches!(group, IpAddr::V6(group) if is_link_scope(group));
        mine()
            .find(|a| is_link_local(*a) == local_group)
            .or_else(|| mine().next())
    }

    /// Says whether traffic can flow now: up, with a link, with an address of the family.
    pub(crate) fn is_live(&self, family: Family) -> bool {
        self.up && self.running && self.addresses.iter().any(|a| Family::of(*a) == family)
    }
}

/// An interface and what we think of it for a group.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Verdict {
    /// The interface.
    pub interface: NetworkInterface,
    /// The address that the group would be used from, if there is one.
    pub address: Option<IpAddr>,
    /// How well it suits; more is better. `None` when it cannot serve at all.
    pub score: Option<u32>,
    /// Whether [`InterfaceSelector::Auto`](crate::InterfaceSelector::Auto) takes this one.
    pub chosen: bool,
    /// Why, in words.
    pub reason: String,
}

/// All interfaces, by index.
///
/// An interface that has neither an IP nor a hardware address is not listed.
///
/// # Errors
///
/// [`Error::Os`] when the system does not tell.
pub fn list() -> Result<Vec<NetworkInterface>, Error> {
    let entries = getifaddrs::getifaddrs().map_err(|error| Error::os(Operation::List, error))?;
    let mut interfaces: Vec<NetworkInterface> = Vec::new();
    for entry in entries {
        let Some(index) = entry.index.and_then(NonZeroU32::new) else {
            continue;
        };
        let position = interfaces.iter().position(|known| known.index == index);
        let position = position.unwrap_or_else(|| {
            let has = |flag| entry.flags.contains(flag);
            interfaces.push(NetworkInterface {
                mtu: mtu(&entry.name),
                name: entry.name.clone(),
                #[cfg(windows)]
                description: entry.description.clone(),
                #[cfg(not(windows))]
                description: String::new(),
                index,
                up: has(InterfaceFlags::UP),
                running: has(InterfaceFlags::RUNNING),
                multicast: has(InterfaceFlags::MULTICAST),
                loopback: has(InterfaceFlags::LOOPBACK),
                point_to_point: has(InterfaceFlags::POINTTOPOINT),
                addresses: Vec::new(),
            });
            interfaces.len() - 1
        });
        interfaces[position]
            .addresses
            .extend(entry.address.ip_addr());
    }
    interfaces.sort_by_key(|interface| interface.index);
    Ok(interfaces)
}

/// What we think of every interface of this machine for `group`, best first.
///
/// # Errors
///
/// [`Error::Os`] when the system does not list its interfaces.
pub fn survey(group: IpAddr) -> Result<Vec<Verdict>, Error> {
    Ok(rank(&list()?, group, route_source(group)))
}

/// The address the system would send to `group` from. Sends nothing: connecting a UDP socket only
/// looks up the route. `None`: no route leads to the group, which matters only to programs that do not
/// choose an interface themselves.
#[must_use]
pub fn route_source(group: IpAddr) -> Option<IpAddr> {
    let family = Family::of(group);
    let probe = UdpSocket::bind(SocketAddr::new(family.unspecified(), 0)).ok()?;
    // A link-local group leads everywhere, so IPv6 is asked for a documentation address (RFC 3849).
    let target = match group {
        IpAddr::V4(_) => group,
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
    };
    probe.connect(SocketAddr::new(target, 9)).ok()?;
    let source = probe.local_addr().ok()?.ip();
    (!source.is_unspecified()).then_some(source)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn mtu(name: &str) -> Option<u32> {
    std::fs::read_to_string(format!("/sys/class/net/{name}/mtu"))
        .ok()?
        .trim()
        .parse()
        .ok()
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn mtu(_: &str) -> Option<u32> {
    None
}

/// The name for people if there is one.
pub(crate) fn label<'a>(name: &'a str, description: &'a str) -> &'a str {
    if description.is_empty() {
        name
    } else {
        description
    }
}

pub(crate) const fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => Ipv4Addr::is_link_local(&address),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

/// Says whether a group does not leave the link (RFC 4291 §2.7: scopes 1 and 2).
pub(crate) const fn is_link_scope(group: Ipv6Addr) -> bool {
    group.is_multicast() && group.octets()[1] & 0x0f <= 2
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn made_up(name: &str, index: u32, addresses: &[&str]) -> NetworkInterface {
        NetworkInterface {
            name: name.to_owned(),
            description: String::new(),
            index: NonZeroU32::new(index).unwrap(),
            up: true,
            running: true,
            multicast: name != "lo",
            loopback: name == "lo",
            point_to_point: false,
            mtu: Some(1500),
            addresses: addresses.iter().map(|a| a.parse().unwrap()).collect(),
        }
    }

    #[test]
    fn the_address_fits_the_scope_of_the_group_and_stays_while_it_can() {
        let eth = made_up("eth0", 2, &["fe80::1", "fd00::1", "fd00::2"]);
        let pick = |group: &str, kept: Option<&str>| {
            let kept = kept.map(|kept| kept.parse().unwrap());
            eth.address_for(group.parse().unwrap(), kept)
                .unwrap()
                .to_string()
        };
        assert_eq!(pick("ff02::1234", None), "fe80::1");
        assert_eq!(pick("ff05::1234", None), "fd00::1");
        assert_eq!(pick("ff05::1234", Some("fd00::2")), "fd00::2");
        assert_eq!(pick("ff05::1234", Some("fd00::3")), "fd00::1");
    }

    #[test]
    fn this_machine_lists_its_loopback_interface() {
        let all = list().unwrap();
        let lo = all
            .iter()
            .find(|interface| interface.loopback)
            .expect("a loopback interface");
        assert!(lo.addresses.contains(&IpAddr::V4(Ipv4Addr::LOCALHOST)));
        if cfg!(target_os = "linux") {
            assert!(lo.mtu.is_some());
        }
    }
}
