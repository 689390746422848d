//! Where the group is to be met: the machine, its interfaces, its routes and its settings.

use core::net::{IpAddr, Ipv4Addr};

use groupcast_std::interfaces::route_source;
use groupcast_std::{Choice, Family};

use super::case::Case;
use super::chart::Chart;
use super::command::Os;
use super::finding::Remedy;
use super::remedy;
use super::system::{DOCKER, Kind, PODMAN, Route, System};
use crate::network::place::why_fallback;
use crate::options::Common;
use crate::process::failure::Failure;

/// What commands ask for, so that bursts are not lost.
const WANTED_BUFFER: i64 = groupcast_std::RECEIVE_BUFFER as i64;

/// The system, and what it is inside of.
pub(crate) fn environment(
    chart: &mut Chart,
    case: &Case,
    choice: Option<&Choice>,
) -> Result<(), Failure> {
    const CHECK: &str = "environment";
    let system = &case.system;
    let enclosure = system.enclosure();
    let mut detail = description(system);
    if let Some(enclosure) = enclosure {
        detail += &format!(", in {enclosure}");
    }
    let tunnels = case.verdicts.iter().filter(|verdict| {
        let interface = &verdict.interface;
        interface.up && (interface.point_to_point || system.kind(&interface.name) == Kind::Tunnel)
    });
    let tunnels: Vec<_> = tunnels.map(|v| v.interface.label()).collect();
    if !tunnels.is_empty() {
        detail += &format!(", tunnels up: {}", tunnels.join(" "));
    }
    let lan = choice.filter(|choice| !choice.loopback);
    match (enclosure, lan.map(|choice| choice.address)) {
        (Some(enclosure), Some(IpAddr::V4(address))) if is_own_network(address) => {
            let cause = format!(
                "{enclosure} has a network of its own behind address translation, which multicast does not cross"
            );
            // The last one is for PowerShell, and `wsl --shutdown` after it.
            let fix = match enclosure {
                DOCKER => "docker run --network host …",
                PODMAN => "podman run --network host …",
                _ => "Add-Content $env:USERPROFILE\\.wslconfig \"[wsl2]`nnetworkingMode=mirrored\"",
            };
            chart.warn(CHECK, detail, Remedy::new(cause, fix))
        }
        (_, Some(IpAddr::V4(address))) if is_behind_slirp(address, system) => chart.warn(
            CHECK,
            detail,
            Remedy::without_command(
                "this is a virtual machine with user networking, which multicast does not cross; give it \
                 a bridged network",
            ),
        ),
        _ if cfg!(target_vendor = "apple") => chart.ok(
            CHECK,
            detail + "; the program needs the permission for the local network, see System Settings",
        ),
        _ if cfg!(target_os = "android") => chart.ok(
            CHECK,
            detail + "; the app must hold a MulticastLock on Wi-Fi",
        ),
        _ => chart.ok(CHECK, detail),
    }
}

/// Versions in a line.
pub(crate) fn description(system: &System) -> String {
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    let mut text = format!("groupcast {} on {os} {arch}", env!("CARGO_PKG_VERSION"));
    if let Some(kernel) = system.kernel() {
        text += &format!(", kernel {kernel}");
    }
    if let Some(distribution) = system.distribution() {
        text += &format!(", {distribution}");
    }
    text
}

/// The networks that Docker, WSL and Podman make: 172.16.0.0/12 and 10.88.0.0/16.
const fn is_own_network(address: Ipv4Addr) -> bool {
    matches!(address.octets(), [172, 16..=31, ..] | [10, 88, ..])
}

/// QEMU's and VirtualBox's user networking: 10.0.2.15 behind 10.0.2.2.
fn is_behind_slirp(address: Ipv4Addr, system: &System) -> bool {
    let gateway = Ipv4Addr::new(10, 0, 2, 2);
    let routes = system.routes().unwrap_or_default();
    address.octets()[..3] == [10, 0, 2] && routes.iter().any(|route| route.gateway == gateway)
}

/// The interface in use, which is fit for it as far as the library can tell.
pub(crate) fn interface(chart: &mut Chart, case: &Case, choice: &Choice) -> Result<(), Failure> {
    const CHECK: &str = "interface";
    let name = choice.label();
    let mut detail = format!("{name} ({}", choice.address);
    if let Some(mtu) = choice.mtu {
        detail += &format!(", MTU {mtu}");
    }
    let kind = case.system.kind(name);
    if let (Some(kind), false) = (kind.name(), choice.loopback) {
        detail += &format!(", {kind}");
    }
    detail += &format!("): {}", choice.reason);
    let interface = case.interface(choice);
    if choice.loopback && case.is_automatic() {
        let family = Family::of(case.group.ip());
        let remedy = remedy::for_unusable(&case.verdicts, family);
        return chart.fail(CHECK, detail, Some(remedy));
    }
    if interface.is_some_and(|interface| !interface.running) {
        let cause = format!("interface {name} has no link: plug in its cable, or join its Wi-Fi");
        return chart.fail(
            CHECK,
            detail + "; no link",
            Some(Remedy::without_command(cause)),
        );
    }
    if choice.loopback {
        return chart.ok(CHECK, detail + "; it reaches only this machine");
    }
    if kind == Kind::Tunnel || interface.is_some_and(|interface| interface.point_to_point) {
        let cause = format!("{name} is a tunnel; few tunnels carry multicast");
        return chart.warn(CHECK, detail, Remedy::new(cause, "groupcast interfaces"));
    }
    if let Some(twin) = twin(&case.system.routes().unwrap_or_default(), name) {
        let cause = format!(
            "{name} and {twin} are in one subnet: the system may answer by the other one, and members \
             hear everything twice"
        );
        let fix = Os::HERE.bring_down(&twin);
        return chart.warn(CHECK, detail, Remedy::new(cause, fix));
    }
    if matches!(choice.address, IpAddr::V4(address) if address.is_link_local()) {
        let cause = format!("{name} has only a link-local address; DHCP may have failed");
        return chart.warn(CHECK, detail, Remedy::without_command(cause));
    }
    if let Some(cause) = why_fallback(choice) {
        let verdicts = case.verdicts.iter();
        let unusable = verdicts.filter(|verdict| verdict.score.is_none());
        let unusable: Vec<_> = unusable.cloned().collect();
        let mut remedy = remedy::for_unusable(&unusable, Family::of(case.group.ip()));
        remedy.cause = if unusable.is_empty() {
            cause
        } else {
            format!("{cause}; {}", remedy.cause)
        };
        return chart.warn(CHECK, detail, remedy);
    }
    let others: Vec<_> = case.others(choice).map(|v| v.interface.label()).collect();
    if !others.is_empty() {
        detail += &format!("; the group could be on {}, too", others.join(" or "));
    }
    if kind == Kind::WiFi {
        detail += "; access points send multicast slowly and without confirmation, expect loss";
    }
    chart.ok(CHECK, detail)
}

/// How far what is sent gets.
pub(crate) fn hop_limit(
    chart: &mut Chart,
    case: &Case,
    common: &Common,
    choice: &Choice,
) -> Result<(), Failure> {
    const CHECK: &str = "hop-limit";
    let hop_limit = common.hop_limit;
    match hop_limit {
        0 if choice.loopback => chart.ok(CHECK, "hop limit 0: it stays on this machine"),
        0 => chart.fail(
            CHECK,
            "hop limit 0: what is sent stays on this machine",
            Some(Remedy::new(
                "--hop-limit 0: nothing that is sent leaves this machine",
                format!("groupcast {} --hop-limit 1", case.again(case.group)),
            )),
        ),
        1 => chart.ok(CHECK, "hop limit 1: it stays on the link"),
        _ => chart.ok(
            CHECK,
            format!("hop limit {hop_limit}: routers that forward multicast may pass it on"),
        ),
    }
}

/// Another interface whose subnet is that of this one.
fn twin(routes: &[Route], name: &str) -> Option<String> {
    let direct = |route: &&Route| route.gateway.is_unspecified() && !route.is_default();
    let mine = routes
        .iter()
        .filter(direct)
        .filter(|route| route.interface == name);
    mine.flat_map(|mine| {
        routes.iter().filter(direct).filter(|other| {
            other.interface != name
                && (other.destination, other.mask) == (mine.destination, mine.mask)
                && !other.destination.is_multicast()
        })
    })
    .map(|twin| twin.interface.clone())
    .next()
}

/// The system's route to the group. Groupcast does without, other programs do not.
pub(crate) fn route(chart: &mut Chart, case: &Case, choice: &Choice) -> Result<(), Failure> {
    const CHECK: &str = "route";
    let (group, name) = (case.group.ip(), choice.label());
    if choice.loopback {
        return chart.ok(CHECK, "loopback needs none");
    }
    let Some(source) = route_source(group) else {
        if group.is_ipv6() {
            return chart.ok(
                CHECK,
                "no default route, and none needed: the interface is chosen",
            );
        }
        return chart.warn(
            CHECK,
            format!("no route to {group}: Groupcast needs none, other programs do"),
            Remedy::new(
                format!(
                    "no route leads to {group}, so programs that do not choose an interface cannot send \
                     (\"network is unreachable\") or join (\"no such device\")"
                ),
                Os::HERE.add_route(name),
            ),
        );
    };
    let mut interfaces = case.verdicts.iter().map(|verdict| &verdict.interface);
    let by = interfaces.find(|interface| interface.addresses.contains(&source));
    chart.ok(
        CHECK,
        match by {
            Some(by) if by.index == choice.index => format!("the system's route to {group} is by {name}"),
            Some(by) => format!(
                "the system's route to {group} is by {}: programs that do not choose an interface are there, \
                 not on {name}",
                by.name
            ),
            None => format!("the system would send to {group} from {source}"),
        },
    )
}

/// What Linux is told to do.
pub(crate) fn settings(chart: &mut Chart, case: &Case, choice: &Choice) -> Result<(), Failure> {
    if !case.system.is_linux() {
        for check in ["rp_filter", "igmp", "buffers"] {
            chart.skip(check, "only Linux tells")?;
        }
        return Ok(());
    }
    rp_filter(chart, case, choice)?;
    igmp(chart, case, choice)?;
    buffers(chart, &case.system)
}

/// The reverse path filter drops what comes in by an interface that answers would not leave by.
fn rp_filter(chart: &mut Chart, case: &Case, choice: &Choice) -> Result<(), Failure> {
    const CHECK: &str = "rp_filter";
    let (system, name) = (&case.system, choice.label());
    if choice.loopback || case.group.is_ipv6() {
        return chart.skip(CHECK, "counts for IPv4 from other machines only");
    }
    let Some(value) = system.strictest(name, "rp_filter") else {
        return chart.skip(CHECK, "the system does not tell");
    };
    let meaning = match value {
        0 => "off",
        1 => "strict",
        _ => "loose",
    };
    let mut detail = format!("{meaning} on {name}");
    if let Some(dropped) = system
        .count("TcpExt", "IPReversePathFilter")
        .filter(|n| *n > 0)
    {
        detail += &format!("; it has dropped {dropped} packets since the start of the system");
    }
    let routes = system.routes().unwrap_or_default();
    let everything_is_here = routes
        .iter()
        .any(|r| r.is_default() && r.interface == *name)
        && case.others(choice).next().is_none();
    if value == 1 && !everything_is_here {
        let cause = format!(
            "rp_filter is strict on {name}: what comes from senders that the routes do not lead to by \
             {name} is dropped without a word"
        );
        let fix = remedy::loosen_rp_filter(name, system);
        return chart.warn(CHECK, detail, Remedy::new(cause, fix));
    }
    chart.ok(CHECK, detail)
}

fn igmp(chart: &mut Chart, case: &Case, choice: &Choice) -> Result<(), Failure> {
    const CHECK: &str = "igmp";
    let (system, name) = (&case.system, choice.label());
    if case.group.is_ipv6() {
        return chart.skip(CHECK, "IPv6 has MLD");
    }
    let limit = system.sysctl("net/ipv4/igmp_max_memberships");
    let version = system.igmp_version(choice.index.get());
    let mut detail = format!(
        "speaks {} on {name}",
        version.as_deref().unwrap_or("an unknown version")
    );
    if let Some(limit) = limit {
        detail += &format!(", at most {limit} groups a socket");
    }
    if limit == Some(0) {
        let remedy = Remedy::new(
            "net.ipv4.igmp_max_memberships is 0, so no program can join a group",
            "sudo sysctl -w net.ipv4.igmp_max_memberships=20",
        );
        return chart.fail(CHECK, detail, Some(remedy));
    }
    match system.strictest(name, "force_igmp_version") {
        None | Some(0) => chart.ok(CHECK, detail),
        Some(version) => {
            let scopes = ["all", name];
            let forced = |scope: &&str| {
                let value = system.sysctl(&format!("net/ipv4/conf/{scope}/force_igmp_version"));
                value.is_some_and(|value| value > 0)
            };
            let scope = scopes.into_iter().find(forced).unwrap_or(name);
            chart.warn(
                CHECK,
                format!("{detail}; IGMPv{version} is forced"),
                Remedy::new(
                    format!("IGMPv{version} is forced; a switch that asks in another version does not hear the answer"),
                    format!(
                        "sudo sysctl -w net.ipv4.conf.{}.force_igmp_version=0",
                        remedy::sysctl_name(scope)
                    ),
                ),
            )
        }
    }
}

fn buffers(chart: &mut Chart, system: &System) -> Result<(), Failure> {
    const CHECK: &str = "buffers";
    let Some(most) = system.sysctl("net/core/rmem_max") else {
        return chart.skip(CHECK, "the system does not tell");
    };
    let counted = |name| system.count("Udp", name).unwrap_or(0);
    let (lost, received) = (counted("RcvbufErrors"), counted("InDatagrams"));
    let detail = format!(
        "up to {most} bytes to receive into; {lost} datagrams lost in full ones, {received} received"
    );
    if lost > received / 100 && lost > 100 && most < WANTED_BUFFER {
        let cause = "receive buffers were full, and datagrams were lost on this machine; that may have been \
                     another program's";
        let fix = format!("sudo sysctl -w net.core.rmem_max={WANTED_BUFFER}");
        return chart.warn(CHECK, detail, Remedy::new(cause, fix));
    }
    chart.ok(CHECK, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_interfaces_in_one_subnet_are_found() {
        let route = |interface: &str, destination: &str, mask: &str| Route {
            interface: interface.to_owned(),
            destination: destination.parse().unwrap(),
            mask: mask.parse().unwrap(),
            gateway: Ipv4Addr::UNSPECIFIED,
        };
        let routes = [
            route("eth0", "0.0.0.0", "0.0.0.0"),
            route("eth0", "192.168.1.0", "255.255.255.0"),
            route("eth0", "224.0.0.0", "240.0.0.0"),
            route("wlan0", "224.0.0.0", "240.0.0.0"),
            route("wlan0", "192.168.1.0", "255.255.255.0"),
            route("eth1", "10.0.0.0", "255.0.0.0"),
        ];
        assert_eq!(twin(&routes, "eth0").as_deref(), Some("wlan0"));
        assert_eq!(twin(&routes[..4], "eth0"), None);
        assert_eq!(twin(&routes, "eth1"), None);
    }

    #[test]
    fn networks_of_containers_are_known() {
        let is = |address: &str| is_own_network(address.parse().unwrap());
        assert!(is("172.17.0.2") && is("10.88.0.7"));
        assert!(!is("172.32.0.2") && !is("192.168.1.2") && !is("10.0.0.1"));
    }
}
