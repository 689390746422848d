//! The network interfaces of this machine, and which of them suits a group best.

use core::cmp::Reverse;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use core::num::NonZeroU32;
use std::net::UdpSocket;

use getifaddrs::InterfaceFlags;

use crate::error::{Error, Operation};
use crate::interface::Family;

/// A network interface as the operating system describes it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NetworkInterface {
    /// The name, such as `eth0`.
    pub name: String,
    /// A name for people where the system has one (Windows), else empty.
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

/// What we think of `interfaces` for `group`, best first.
///
/// `route` is the address that the system itself would send to the group from, if it has one.
/// This is a pure function: it asks the system nothing.
#[must_use]
pub fn rank(interfaces: &[NetworkInterface], group: IpAddr, route: Option<IpAddr>) -> Vec<Verdict> {
    let judge = |interface: &NetworkInterface| {
        let address = interface.address_for(group, None);
        let (score, reason) = match judge(interface, address, group, route) {
            Ok((score, reason)) => (Some(score), reason),
            Err(reason) => (None, reason.to_owned()),
        };
        Verdict {
            interface: interface.clone(),
            address,
            score,
            chosen: false,
            reason,
        }
    };
    let mut verdicts: Vec<Verdict> = interfaces.iter().map(judge).collect();
    verdicts.sort_by_key(|verdict| (Reverse(verdict.score), verdict.interface.index));
    if let Some(best) = verdicts.first_mut() {
        best.chosen = best.score.is_some();
    }
    verdicts
}

const LOOPBACK: u32 = 1;
const USABLE: u32 = 100;
const ROUTE: u32 = 40;
const ROUTABLE: u32 = 20;
const PHYSICAL: u32 = 10;
const VIRTUAL: u32 = 50;
const POINT_TO_POINT: u32 = 30;

/// A score and the reason for it, or the reason why the interface cannot serve.
fn judge(
    interface: &NetworkInterface,
    address: Option<IpAddr>,
    group: IpAddr,
    route: Option<IpAddr>,
) -> Result<(u32, String), &'static str> {
    if !interface.up {
        return Err("down");
    }
    let Some(address) = address else {
        return Err(match Family::of(group) {
            Family::V4 => "no IPv4 address",
            Family::V6 => "no IPv6 address",
        });
    };
    if interface.loopback {
        return match group {
            IpAddr::V4(_) => Ok((LOOPBACK, "loopback: reaches only this machine".to_owned())),
            IpAddr::V6(_) => Err("loopback: cannot do IPv6 multicast"),
        };
    }
    if !interface.multicast {
        return Err("does not do multicast");
    }
    if !interface.running {
        return Err("no link");
    }
    let mut score = USABLE;
    let mut reasons = Vec::new();
    if route.is_some_and(|route| interface.addresses.contains(&route)) {
        score += ROUTE;
        reasons.push("on the system's route");
    }
    if is_link_local(address) {
        reasons.push("link-local address");
    } else {
        score += ROUTABLE;
        reasons.push("routable address");
    }
    if interface.point_to_point {
        score -= POINT_TO_POINT;
        reasons.push("point-to-point");
    }
    match nature(&interface.name, &interface.description) {
        Nature::Virtual => {
            score -= VIRTUAL;
            reasons.push("looks virtual");
        }
        Nature::Physical => {
            score += PHYSICAL;
            reasons.push("Ethernet or Wi-Fi");
        }
        Nature::Unknown => {}
    }
    Ok((score, reasons.join(", ")))
}

enum Nature {
    Physical,
    Virtual,
    Unknown,
}

/// Guesses from the name whether real hardware is behind an interface.
fn nature(name: &str, description: &str) -> Nature {
    const VIRTUAL_NAMES: [&str; 26] = [
        "anpi",
        "awdl",
        "br-",
        "cali",
        "cni",
        "docker",
        "dummy",
        "flannel",
        "ifb",
        "kube",
        "llw",
        "lxc",
        "lxdbr",
        "podman",
        "tailscale",
        "tap",
        "tun",
        "utun",
        "vboxnet",
        "veth",
        "virbr",
        "vmnet",
        "wg",
        "zt",
        "bridge",
        "vnet",
    ];
    const VIRTUAL_DESCRIPTIONS: [&str; 7] = [
        "virtual",
        "hyper-v",
        "vpn",
        "tap-",
        "wintun",
        "wireguard",
        "bluetooth",
    ];
    const PHYSICAL_NAMES: [&str; 4] = ["en", "eth", "wl", "wi-fi"];
    let (name, description) = (name.to_ascii_lowercase(), description.to_ascii_lowercase());
    let named = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
    if named(&VIRTUAL_NAMES)
        || VIRTUAL_DESCRIPTIONS
            .iter()
            .any(|word| description.contains(word))
    {
        Nature::Virtual
    } else if named(&PHYSICAL_NAMES) {
        Nature::Physical
    } else {
        Nature::Unknown
    }
}

/// The address the system would send to `group` from. Sends nothing: connecting a UDP socket only
/// looks up the route.
pub(crate) fn route_source(group: IpAddr) -> Option<IpAddr> {
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

const fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => Ipv4Addr::is_link_local(&address),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

/// Says whether a group does not leave the link (RFC 4291 §2.7: scopes 1 and 2).
const fn is_link_scope(group: Ipv6Addr) -> bool {
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

    fn best(interfaces: &[NetworkInterface], group: &str, route: Option<&str>) -> String {
        let route = route.map(|route| route.parse().unwrap());
        let verdicts = rank(interfaces, group.parse().unwrap(), route);
        let chosen: Vec<_> = verdicts.iter().filter(|v| v.chosen).collect();
        assert!(chosen.len() <= 1);
        chosen
            .first()
            .map_or_else(String::new, |v| v.interface.name.clone())
    }

    #[test]
    fn the_interface_of_the_default_route_wins() {
        let all = [
            made_up("lo", 1, &["127.0.0.1"]),
            made_up("eth0", 2, &["192.168.1.2"]),
            made_up("wlan0", 3, &["192.168.7.2"]),
        ];
        assert_eq!(best(&all, "239.1.2.3", Some("192.168.7.2")), "wlan0");
        assert_eq!(best(&all, "239.1.2.3", None), "eth0");
    }

    #[test]
    fn a_vpn_with_the_default_route_loses_to_ethernet() {
        let mut vpn = made_up("tun0", 2, &["10.8.0.2"]);
        vpn.point_to_point = true;
        let all = [vpn, made_up("enp3s0", 3, &["192.168.1.2"])];
        assert_eq!(best(&all, "239.1.2.3", Some("10.8.0.2")), "enp3s0");
    }

    #[test]
    fn docker_loses_to_a_real_network_but_beats_loopback() {
        let docker = made_up("docker0", 2, &["172.17.0.1"]);
        let lo = made_up("lo", 1, &["127.0.0.1"]);
        let eth = made_up("eth0", 5, &["169.254.3.4"]);
        assert_eq!(
            best(&[lo.clone(), docker.clone(), eth], "239.1.2.3", None),
            "eth0"
        );
        assert_eq!(best(&[lo, docker], "239.1.2.3", None), "docker0");
    }

    #[test]
    fn an_interface_that_cannot_serve_is_never_chosen_and_says_why() {
        let mut down = made_up("eth0", 2, &["10.0.0.1"]);
        down.up = false;
        let mut unplugged = made_up("eth1", 3, &["10.0.1.1"]);
        unplugged.running = false;
        let mut deaf = made_up("eth2", 4, &["10.0.2.1"]);
        deaf.multicast = false;
        let v6_only = made_up("eth3", 5, &["fe80::1"]);
        let all = [down, unplugged, deaf, v6_only];
        assert_eq!(best(&all, "239.1.2.3", None), "");
        let reasons: Vec<_> = rank(&all, "239.1.2.3".parse().unwrap(), None)
            .into_iter()
            .map(|verdict| verdict.reason)
            .collect();
        assert_eq!(
            reasons,
            [
                "down",
                "no link",
                "does not do multicast",
                "no IPv4 address"
            ]
        );
        assert_eq!(best(&all, "ff02::1234", None), "eth3");
    }

    #[test]
    fn loopback_serves_ipv4_when_there_is_nothing_else() {
        let lo = [made_up("lo", 1, &["127.0.0.1", "::1"])];
        assert_eq!(best(&lo, "239.1.2.3", None), "lo");
        assert_eq!(best(&lo, "ff02::1234", None), "");
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
