//! How well an interface suits a group: a pure function, so that it can be tested on any list.

use core::cmp::Reverse;
use core::net::IpAddr;

use crate::interface::Family;
use crate::interfaces::{NetworkInterface, Verdict, is_link_local};

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interfaces::tests::made_up;

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
}
