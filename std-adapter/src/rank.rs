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

/// Whether an interface looks like one that leads no further than this machine, or through a tunnel.
pub(crate) fn looks_virtual(interface: &NetworkInterface) -> bool {
    let nature = nature(&interface.name, &interface.description);
    matches!(nature, Nature::Virtual)
}

enum Nature {
    Physical,
    Virtual,
    Unknown,
}

/// Guesses from the names whether real hardware is behind an interface.
///
/// On Windows the name tells the kind that the driver claims: `ethernet_4` also for a VPN and the switches of
/// virtual machines. So the description, which people and installers wrote, goes first.
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
    const VIRTUAL_DESCRIPTIONS: [&str; 25] = [
        "anyconnect",
        "bluetooth",
        "cloudflare",
        "docker",
        "forti",
        "globalprotect",
        "hamachi",
        "host-only",
        "hyper-v",
        "loopback",
        "nordlynx",
        "tailscale",
        "tap-",
        "tunnel",
        "vethernet",
        "virtual",
        "vmnet",
        "vmware",
        "vpn",
        "wintun",
        "wireguard",
        "wsl",
        "zerotier",
        "zscaler",
        // Windows numbers what it makes of one Wi-Fi so, in every language: Local Area Connection* 2.
        "* ",
    ];
    const PHYSICAL_NAMES: [&str; 4] = ["en", "eth", "wl", "wireless"];
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

    /// An interface of Windows, up with a link if it has addresses: (the system's name, the name for people,
    /// addresses).
    type Windows = (&'static str, &'static str, &'static [&'static str]);

    /// What is chosen on Windows, whose route to a group leads to the interface of the least metric.
    fn chosen_on_windows(interfaces: &[Windows], route: &str) -> String {
        let mut all = vec![made_up("loopback_0", 1, &["127.0.0.1", "::1"])];
        all[0].loopback = true;
        all[0].description = "Loopback Pseudo-Interface 1".to_owned();
        for (at, (name, description, addresses)) in interfaces.iter().enumerate() {
            let mut one = made_up(name, 2 + at as u32, addresses);
            one.description = (*description).to_owned();
            one.running = !addresses.is_empty();
            one.multicast = name.starts_with("ethernet") || name.starts_with("wireless");
            one.point_to_point = name.starts_with("ppp");
            one.mtu = None;
            all.push(one);
        }
        let route = Some(route.parse().unwrap());
        let verdicts = rank(&all, "239.1.2.3".parse().unwrap(), route);
        let chosen = verdicts.iter().find(|verdict| verdict.chosen).unwrap();
        chosen.interface.label().to_owned()
    }

    #[test]
    fn windows_with_wi_fi_alone() {
        let all: [Windows; 5] = [
            ("ethernet_32769", "Ethernet", &[]),
            ("ethernet_32770", "Bluetooth Network Connection", &[]),
            ("wireless_32769", "Local Area Connection* 1", &[]),
            // The hotspot that it shares its network by.
            ("wireless_32770", "LAN-Verbindung* 2", &["192.168.137.1"]),
            ("wireless_32768", "WLAN", &["192.168.1.23", "fe80::1"]),
        ];
        assert_eq!(chosen_on_windows(&all, "192.168.1.23"), "WLAN");
        assert_eq!(chosen_on_windows(&all, "192.168.137.1"), "WLAN");
    }

    #[test]
    fn windows_with_a_vpn() {
        let all: [Windows; 5] = [
            ("ethernet_32775", "OpenVPN TAP-Windows6", &["10.8.0.6"]),
            ("iftype53_32768", "office", &["10.9.0.2"]),
            ("ppp_32768", "Work VPN", &["10.10.0.2"]),
            ("ethernet_32769", "Tailscale", &["100.101.102.103"]),
            ("wireless_32768", "Wi-Fi", &["192.168.1.23"]),
        ];
        for route in ["10.8.0.6", "10.9.0.2", "10.10.0.2", "100.101.102.103"] {
            assert_eq!(chosen_on_windows(&all, route), "Wi-Fi", "{route}");
        }
    }

    #[test]
    fn windows_with_wsl() {
        let all: [Windows; 3] = [
            (
                "ethernet_32772",
                "vEthernet (WSL (Hyper-V firewall))",
                &["172.27.16.1"],
            ),
            (
                "ethernet_32771",
                "vEthernet (Default Switch)",
                &["172.19.0.1"],
            ),
            ("wireless_32768", "Wi-Fi", &["192.168.1.23"]),
        ];
        for route in ["172.27.16.1", "172.19.0.1", "192.168.1.23"] {
            assert_eq!(chosen_on_windows(&all, route), "Wi-Fi", "{route}");
        }
    }

    #[test]
    fn windows_with_hyper_v() {
        // An external switch takes the addresses of the hardware behind it, and is the way out.
        let all: [Windows; 3] = [
            ("ethernet_32768", "Ethernet", &[]),
            (
                "ethernet_32771",
                "vEthernet (Default Switch)",
                &["172.19.0.1"],
            ),
            ("ethernet_32773", "vEthernet (External)", &["192.168.1.23"]),
        ];
        let external = "vEthernet (External)";
        assert_eq!(chosen_on_windows(&all, "192.168.1.23"), external);
    }

    #[test]
    fn windows_with_vmware_and_virtualbox() {
        let all: [Windows; 4] = [
            (
                "ethernet_32770",
                "VMware Network Adapter VMnet1",
                &["192.168.56.1"],
            ),
            (
                "ethernet_32771",
                "VMware Network Adapter VMnet8",
                &["192.168.232.1"],
            ),
            (
                "ethernet_32772",
                "VirtualBox Host-Only Network",
                &["192.168.57.1"],
            ),
            ("wireless_32768", "Wi-Fi", &["192.168.1.23"]),
        ];
        for route in ["192.168.56.1", "192.168.232.1", "192.168.57.1"] {
            assert_eq!(chosen_on_windows(&all, route), "Wi-Fi", "{route}");
        }
    }

    #[test]
    fn windows_in_a_docking_station() {
        let all: [Windows; 4] = [
            ("ethernet_32768", "Ethernet", &[]),
            ("ethernet_32774", "Ethernet 2", &["192.168.1.40"]),
            ("wireless_32768", "Wi-Fi", &["192.168.1.23"]),
            ("ethernet_32770", "Bluetooth Network Connection", &[]),
        ];
        assert_eq!(chosen_on_windows(&all, "192.168.1.40"), "Ethernet 2");
        // A cable to one device only: the network is on the Wi-Fi.
        let direct: [Windows; 2] = [
            ("ethernet_32774", "Ethernet 2", &["169.254.10.20"]),
            ("wireless_32768", "Wi-Fi", &["192.168.1.23"]),
        ];
        assert_eq!(chosen_on_windows(&direct, "192.168.1.23"), "Wi-Fi");
    }
}
