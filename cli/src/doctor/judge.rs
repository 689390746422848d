//! What the exchange with other doctors comes to.

use core::net::IpAddr;
use core::time::Duration;
use std::time::Instant;

use groupcast_std::Choice;

use super::case::Case;
use super::chart::Chart;
use super::command::Os;
use super::finding::Remedy;
use super::heard::{reverse_path, wrong_interface};
use super::nft;
use super::options::Doctor;
use super::pair::{CALLS, Outcome, Peer};
use super::probe::shown as id;
use super::remedy;
use super::strange;
use super::trial::shown;
use crate::options::Common;
use crate::process::failure::Failure;

/// Silence by multicast, while unicast is heard, after which the group counts as forgotten.
const FORGOTTEN: Duration = Duration::from_secs(5);

/// How large datagrams may be.
pub(crate) fn mtu(
    chart: &mut Chart,
    case: &Case,
    choice: &Choice,
    outcome: Option<&Outcome>,
) -> Result<(), Failure> {
    const CHECK: &str = "mtu";
    const USUAL: usize = groupcast::wire::DEFAULT_MAX_DATAGRAM as usize;
    let around = if case.group.is_ipv4() { 28 } else { 48 };
    let name = choice.label();
    let Some(mtu) = choice.mtu else {
        return chart.skip(CHECK, "the system does not tell");
    };
    let room = (mtu as usize).saturating_sub(around);
    let fix = Os::HERE.set_mtu(name, 1500);
    if room < USUAL {
        let cause = format!(
            "datagrams of {USUAL} bytes, the usual size, are split on {name}, and lost more often"
        );
        return chart.warn(
            CHECK,
            format!("MTU {mtu}: room for {room} bytes"),
            Remedy::new(cause, fix),
        );
    }
    let mut detail = format!("MTU {mtu}: room for {room} bytes, {USUAL} are usual");
    for peer in outcome.iter().flat_map(|outcome| outcome.peers.values()) {
        let (Some(report), Some(outcome)) = (peer.report, outcome) else {
            continue;
        };
        let (largest, most) = (usize::from(report.largest), outcome.largest);
        if largest == 0 || most == 0 {
            continue;
        }
        if largest < most {
            let detail = format!(
                "{detail}; {most} do not reach {}, {largest} do",
                peer.address.ip()
            );
            let cause = format!(
                "a link on the way to {} carries less than {name} does",
                peer.address.ip()
            );
            let fix = Os::HERE.set_mtu(name, largest + around);
            return chart.warn(CHECK, detail, Remedy::new(cause, fix));
        }
        detail += &format!("; {largest} reach {}", peer.address.ip());
    }
    chart.ok(CHECK, detail)
}

/// Who was met, and what got lost.
pub(crate) fn peers(
    chart: &mut Chart,
    case: &Case,
    common: &Common,
    options: &Doctor,
    choice: &Choice,
    outcome: &Outcome,
    drops_before: Option<u64>,
) -> Result<(), Failure> {
    const CHECK: &str = "peers";
    let strange = outcome.strange.remedy(case, common);
    if outcome.contact.is_none() {
        let detail = format!(
            "no other doctor was heard within {} s",
            options.timeout.as_secs()
        );
        let address = options.peer.flatten();
        if let Some(remedy) = strange {
            return chart.fail(CHECK, detail, Some(remedy));
        }
        let remedy = nobody(case, choice, outcome, address, drops_before);
        return chart.fail(CHECK, detail, Some(remedy));
    }
    for (who, peer) in &outcome.peers {
        let (there, back) = reach(peer);
        let detail = format!("{} ({}): {}", peer.address.ip(), id(*who), account(peer));
        let lost =
            u32::from(CALLS.saturating_sub(there)) + u32::from(peer.reached.saturating_sub(back));
        let other = peer.speaks.and_then(|speaks| {
            let address = peer.address.ip();
            strange::of_doctor(case, common, address, speaks)
        });
        if there > 0 && back > 0 {
            if let Some(remedy) = other {
                chart.fail(CHECK, detail, Some(remedy))?;
            } else if lost * 10 > u32::from(CALLS) * 2 {
                let cause = "multicast gets lost on the way; on Wi-Fi that is usual, because it is sent without \
                             confirmation: send with --class reliable, or use a cable";
                chart.warn(CHECK, detail, Remedy::without_command(cause))?;
            } else {
                chart.ok(CHECK, detail)?;
            }
        } else {
            let remedy = unheard(case, choice, peer, drops_before);
            chart.fail(CHECK, detail, Some(remedy))?;
            if let Some(remedy) = other {
                let detail = format!("{} could not be understood either", peer.address.ip());
                chart.fail(CHECK, detail, Some(remedy))?;
            }
        }
    }
    // The doctors are understood by each other; what members say is another matter.
    match strange {
        Some(remedy) if outcome.has_understood => {
            chart.warn(CHECK, "not all members are understood", remedy)
        }
        Some(remedy) => chart.fail(CHECK, "no member is understood", Some(remedy)),
        None => Ok(()),
    }
}

/// How many of our calls by multicast came there, and of theirs here.
fn reach(peer: &Peer) -> (u16, u16) {
    let there = peer.report.map_or(0, |report| report.multicast);
    (there, peer.multicast.len() as u16)
}

/// The numbers in a line.
fn account(peer: &Peer) -> String {
    let (there, back) = reach(peer);
    let alone = peer.report.map_or(0, |report| report.unicast);
    let theirs = peer.reached;
    let mut text = format!("multicast {there} of {CALLS} there, {back} of {theirs} here");
    text += &trips(&peer.multicast_trips);
    text += &format!(
        "; unicast {alone} of {CALLS} there, {} of {theirs} here",
        peer.unicast.len()
    );
    text += &trips(&peer.unicast_trips);
    if waits(peer) {
        text += "; multicast waits, as on Wi-Fi that saves power";
    }
    if peer.repeated > 0 {
        text += &format!("; {} came twice", peer.repeated);
    }
    text
}

/// The median and the longest round trip.
fn trips(trips: &[Duration]) -> String {
    let known = median(trips).zip(trips.iter().max());
    known.map_or_else(String::new, |(median, longest)| {
        let (median, longest) = (shown(median), shown(*longest));
        format!(", round trip {median} (longest {longest})")
    })
}

fn median(trips: &[Duration]) -> Option<Duration> {
    let mut trips = trips.to_vec();
    trips.sort_unstable();
    trips.get(trips.len() / 2).copied()
}

/// Whether multicast is held back where unicast is not: an access point keeps it until its next beacon,
/// which comes every 102.4 ms.
fn waits(peer: &Peer) -> bool {
    const LONG: Duration = Duration::from_millis(50);
    let (multicast, unicast) = (median(&peer.multicast_trips), median(&peer.unicast_trips));
    multicast
        .zip(unicast)
        .is_some_and(|(multicast, unicast)| multicast > LONG && multicast > unicast * 4)
}

/// Multicast does not get through to a doctor that is there, or not from it.
fn unheard(case: &Case, choice: &Choice, peer: &Peer, drops_before: Option<u64>) -> Remedy {
    let (there, back) = reach(peer);
    let address = peer.address.ip();
    let port = case.group.port();
    if back == 0 {
        if let Some(other) = &peer.elsewhere {
            return wrong_interface(choice.label(), other);
        }
        if let Some((_, remedy)) = reverse_path(case, choice, drops_before) {
            return remedy;
        }
    }
    if there > 0 {
        let cause = format!(
            "{address} hears this machine and is not heard: a firewall on this machine drops UDP to port {port} \
             from others"
        );
        return remedy::let_in(case, cause);
    }
    if back > 0 {
        let cause = format!(
            "{address} is heard and does not hear this machine: a firewall or rp_filter there drops it; mend it \
             there, with what the doctor there says"
        );
        return Remedy::new(cause, remedy::ask_there(case));
    }
    let bridge = case.system.bridge(&choice.name).map(|bridge| bridge.name);
    let cause = format!(
        "unicast gets through to {address} and multicast does not, in neither direction: a switch or access \
         point between drops it, as IGMP snooping without a querier does; make the switch a querier (on Linux \
         as below, there), or switch its snooping off"
    );
    Remedy::new(cause, remedy::ask_on(bridge.as_deref().unwrap_or("br0")))
}

/// Nobody was heard at all.
fn nobody(
    case: &Case,
    choice: &Choice,
    outcome: &Outcome,
    address: Option<IpAddr>,
    drops_before: Option<u64>,
) -> Remedy {
    if let Some(other) = outcome
        .peers
        .values()
        .find_map(|peer| peer.elsewhere.as_ref())
    {
        return wrong_interface(choice.label(), other);
    }
    if let Some(error) = outcome
        .multicast_error
        .as_ref()
        .or(outcome.unicast_error.as_ref())
    {
        return remedy::for_error(error, case);
    }
    if let Some((_, remedy)) = reverse_path(case, choice, drops_before) {
        return remedy;
    }
    let group = case.group;
    let Some(address) = address else {
        return Remedy::new(
            format!(
                "`groupcast doctor --peer` does not run on the other machine now, with the same group {group}, or \
                 multicast does not get through; with the other machine's address the doctor can tell which"
            ),
            format!("groupcast {} --peer ADDRESS", case.again(group)),
        );
    };
    if let Some(gateway) = gateway(case, address) {
        return Remedy::without_command(format!(
            "{address} is behind the router {gateway}: groups stay on the link, unless routers forward them and \
             --hop-limit allows it"
        ));
    }
    let cause = format!(
        "neither multicast nor unicast comes from {address}: `groupcast doctor --peer` does not run there now, \
         or a firewall drops UDP"
    );
    if case.rules(nft::Way::In).may_drop() {
        remedy::let_in(case, cause)
    } else {
        Remedy::new(cause, remedy::ask_there(case))
    }
}

/// The router on the way to an address.
fn gateway(case: &Case, address: IpAddr) -> Option<IpAddr> {
    let IpAddr::V4(address) = address else {
        return None;
    };
    let routes = case.system.routes()?;
    let leading = routes.iter().filter(|route| route.leads_to(address));
    let best = leading.max_by_key(|route| route.mask.to_bits())?;
    (!best.gateway.is_unspecified()).then_some(best.gateway.into())
}

/// Switches that forget who listens.
pub(crate) fn snooping(
    chart: &mut Chart,
    case: &Case,
    choice: &Choice,
    options: &Doctor,
    outcome: Option<&Outcome>,
) -> Result<(), Failure> {
    const CHECK: &str = "snooping";
    let bridge = case.system.bridge(&choice.name);
    let name = bridge.as_ref().map_or("br0", |bridge| bridge.name.as_str());
    if let (Some(long), Some(outcome)) = (options.long, outcome)
        && let Some(contact) = outcome.contact
    {
        let fix = remedy::ask_on(name);
        return match forgotten(outcome, contact) {
            Some((address, after)) => chart.fail(
                CHECK,
                format!("multicast from {address} ended after {} s, unicast did not", after.as_secs()),
                Some(Remedy::new(
                    "a switch between forgot who listens: it has IGMP snooping and no querier; make it a querier \
                     (on Linux as below, there), or switch its snooping off",
                    fix,
                )),
            ),
            None => chart.ok(CHECK, format!("multicast still got through after {} s", long.as_secs())),
        };
    }
    match bridge {
        Some(bridge) if bridge.snooping && !bridge.querier => chart.warn(
            CHECK,
            format!("{} has IGMP snooping and is no querier", bridge.name),
            Remedy::new(
                format!(
                    "IGMP snooping without a querier on {}: unless another machine is a querier, switches forget \
                     who listens after about 260 s, and multicast ends",
                    bridge.name
                ),
                remedy::ask_on(&bridge.name),
            ),
        ),
        Some(bridge) => {
            let how = if bridge.snooping { "and asks who listens" } else { "without IGMP snooping" };
            chart.ok(CHECK, format!("{} is a bridge {how}", bridge.name))
        }
        None => chart.skip(
            CHECK,
            "whether a switch forgets the group after minutes, only `doctor --peer --long` on both machines can show",
        ),
    }
}

/// Who was heard by unicast long after multicast ended, and when that was, counted from the first contact.
fn forgotten(outcome: &Outcome, contact: Instant) -> Option<(IpAddr, Duration)> {
    outcome.peers.values().find_map(|peer| {
        let (multicast, unicast) = (peer.last_multicast?, peer.last_unicast?);
        let silence = unicast.saturating_duration_since(multicast);
        (silence > FORGOTTEN).then(|| {
            (
                peer.address.ip(),
                multicast.saturating_duration_since(contact),
            )
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use crate::doctor::case::tests::case_of;
    use crate::doctor::pair::tests::{met, report};
    use clap::Parser;
    use groupcast_std::StdStack;

    fn case() -> Case {
        let cli = Cli::parse_from(["groupcast", "doctor"]);
        case_of(&cli.common)
    }

    fn cause(peer: &Peer) -> String {
        let case = case();
        let stack: StdStack = case.builder().build().unwrap();
        unheard(&case, stack.choice(), peer, Some(0)).cause
    }

    #[test]
    fn what_gets_through_tells_who_is_to_blame() {
        let mut peer = met("10.0.0.7:4000");
        assert!(cause(&peer).contains("in neither direction"));
        peer.report = Some(report(25, 25));
        assert!(cause(&peer).contains("a firewall on this machine"));
        peer.elsewhere = Some("eth7".to_owned());
        assert!(cause(&peer).contains("the others are on eth7"));
        peer.multicast.extend(1..=25);
        peer.report = Some(report(0, 25));
        assert!(cause(&peer).contains("10.0.0.7 is heard and does not hear"));
    }

    #[test]
    fn multicast_that_waits_for_beacons_is_told() {
        let mut peer = met("10.0.0.7:4000");
        let milliseconds =
            |times: &[u64]| times.iter().map(|t| Duration::from_millis(*t)).collect();
        peer.multicast_trips = milliseconds(&[90, 150, 200]);
        peer.unicast_trips = milliseconds(&[3, 4, 300]);
        assert!(waits(&peer) && account(&peer).contains("round trip 150.0 ms (longest 200.0 ms)"));
        peer.multicast_trips = milliseconds(&[1, 2, 400]);
        assert!(!waits(&peer));
        peer.multicast_trips.clear();
        assert!(!waits(&peer));
    }

    #[test]
    fn a_group_that_falls_silent_before_the_member_does_was_forgotten() {
        let contact = Instant::now();
        let at = |seconds| Some(contact + Duration::from_secs(seconds));
        let mut peer = met("10.0.0.7:4000");
        (peer.last_multicast, peer.last_unicast) = (at(260), at(360));
        let mut outcome = Outcome::default();
        outcome.peers.insert(7, peer);
        let forgot = forgotten(&outcome, contact);
        assert_eq!(
            forgot,
            Some((IpAddr::from([10, 0, 0, 7]), Duration::from_secs(260)))
        );
        let peer = outcome.peers.get_mut(&7).unwrap();
        peer.last_multicast = at(358);
        assert_eq!(forgotten(&outcome, contact), None);
    }
}
