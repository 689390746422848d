//! Who speaks in the group, and by which interface they are heard.

use core::net::{IpAddr, SocketAddr};
use core::time::Duration;
use std::collections::BTreeMap;
use std::time::Instant;

use groupcast::embedded_nal::{UdpClientStack, nb};
use groupcast_std::{Choice, InterfaceSelector, Socket, wait};

use super::case::Case;
use super::chart::Chart;
use super::command::Os;
use super::finding::{ENDED, Remedy};
use super::probe::{Voice, read};
use super::remedy;
use super::strange::{Speech, Strange};
use super::trial::{AT_ONCE, BUFFER, Trial};
use crate::options::Common;
use crate::process::failure::Failure;
use crate::process::signal;

/// How long to listen: members say that they are there every second.
const PATIENCE: Duration = Duration::from_secs(3);

/// How many sources are named.
const NAMED: usize = 4;

/// How many are kept apart.
const MOST_SOURCES: usize = 256;

/// Other interfaces to listen on at most.
const MOST_OTHERS: usize = 8;

/// An interface that is not the chosen one, listened on to see whether it should be.
#[derive(Debug)]
pub(crate) struct Elsewhere {
    pub(crate) name: String,
    pub(crate) trial: Trial,
}

/// Listens on the other interfaces, if the choice was ours: nothing is sent there.
pub(crate) fn elsewhere(case: &Case, choice: &Choice) -> Vec<Elsewhere> {
    if !case.is_automatic() {
        return Vec::new();
    }
    let others = case.others(choice).take(MOST_OTHERS);
    // Where it cannot be done, nothing is heard, as if nobody were there.
    let listen = |verdict: &groupcast_std::interfaces::Verdict| {
        let selector = InterfaceSelector::Index(verdict.interface.index);
        let stack = case.builder_on(selector).build().ok()?;
        let mut trial = Trial::open(stack, Voice::new(case.group).ok()?).ok()?;
        trial.join().ok()?;
        Some(Elsewhere {
            name: verdict.interface.label().to_owned(),
            trial,
        })
    };
    others.filter_map(listen).collect()
}

/// Listens for members and others, on the chosen interface and elsewhere.
pub(crate) fn peers(
    chart: &mut Chart,
    case: &Case,
    common: &Common,
    trial: &mut Trial,
    drops_before: Option<u64>,
) -> Result<(), Failure> {
    const CHECK: &str = "peers";
    let choice = trial.stack.choice().clone();
    let mut others = elsewhere(case, &choice);
    let mut here = BTreeMap::new();
    let mut there: Vec<BTreeMap<SocketAddr, Speech>> = vec![BTreeMap::new(); others.len()];
    let (mut strange, mut strange_there) = (Strange::default(), Strange::default());
    let end = Instant::now() + PATIENCE;
    loop {
        hear(case, trial, &mut strange, &mut here);
        for (other, there) in others.iter_mut().zip(&mut there) {
            hear(case, &mut other.trial, &mut strange_there, there);
        }
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() || signal::end_requested() {
            break;
        }
        let ears: Vec<&Socket> = core::iter::once(&trial.ear)
            .chain(others.iter().map(|other| &other.trial.ear))
            .collect();
        wait(&ears, left.min(signal::LOOK))?;
    }
    if signal::end_requested() {
        return chart.skip(CHECK, ENDED);
    }
    let mine = |address: IpAddr| {
        let mut all = case.verdicts.iter();
        all.any(|verdict| verdict.interface.addresses.contains(&address))
    };
    let (own, here): (BTreeMap<_, _>, BTreeMap<_, _>) = here
        .into_iter()
        .partition(|(source, _): &(SocketAddr, Speech)| mine(source.ip()));
    let strange = strange.remedy(case, common);
    let (from, heard) = match (here.is_empty(), &strange) {
        (false, _) => ("heard from other machines", &here),
        (true, Some(_)) => ("heard from this machine", &own),
        (true, None) => ("", &here),
    };
    if !heard.is_empty() {
        let detail = format!("{from}: {}", list(heard));
        let is_understood = heard.values().any(|speech| *speech == Speech::Ours);
        return match strange {
            Some(remedy) if is_understood => chart.warn(CHECK, detail, remedy),
            Some(remedy) => chart.fail(CHECK, detail, Some(remedy)),
            None => chart.ok(CHECK, detail),
        };
    }
    for (other, there) in others.iter().zip(&mut there) {
        there.retain(|source, _| !mine(source.ip()));
        if !there.is_empty() {
            let detail = format!(
                "heard on {} and not on {}: {}",
                other.name,
                choice.label(),
                list(there)
            );
            return chart.fail(
                CHECK,
                detail,
                Some(wrong_interface(choice.label(), &other.name)),
            );
        }
    }
    if let Some((dropped, remedy)) = reverse_path(case, &choice, drops_before) {
        let detail = format!("nobody is heard, while rp_filter dropped {dropped} packets");
        return chart.fail(CHECK, detail, Some(remedy));
    }
    let local = if !own.is_empty() {
        format!(" ({} on this one did)", own.len())
    } else {
        String::new()
    };
    chart.skip(
        CHECK,
        format!(
            "nobody on another machine spoke within {} s{local}; to test with one, run `groupcast doctor --peer` \
             on both",
            PATIENCE.as_secs()
        ),
    )
}

/// Takes what has arrived.
fn hear(
    case: &Case,
    trial: &mut Trial,
    strange: &mut Strange,
    heard: &mut BTreeMap<SocketAddr, Speech>,
) {
    let mut buffer = vec![0; BUFFER];
    for _ in 0..AT_ONCE {
        match trial.stack.receive(&mut trial.ear, &mut buffer) {
            Ok((length, source)) => {
                let datagram = &mut buffer[..length];
                let call = read(case.group, datagram);
                if call.as_ref().is_none_or(|(who, _)| *who != trial.voice.id) {
                    let speech = match call {
                        Some(_) => Speech::Doctor,
                        None => strange.hear(case, datagram),
                    };
                    // A few sources tell as much as many.
                    if heard.len() >= MOST_SOURCES && !heard.contains_key(&source) {
                        continue;
                    }
                    let known = heard.entry(source).or_insert(speech);
                    *known = speech.min(*known);
                }
            }
            Err(nb::Error::Other(_)) => {}
            Err(nb::Error::WouldBlock) => return,
        }
    }
}

fn list(heard: &BTreeMap<SocketAddr, Speech>) -> String {
    let one = |(source, speech): (&SocketAddr, &Speech)| format!("{source} ({})", speech.name());
    let mut text = heard
        .iter()
        .take(NAMED)
        .map(one)
        .collect::<Vec<_>>()
        .join(", ");
    if heard.len() > NAMED {
        text += &format!(" and {} more", heard.len() - NAMED);
    }
    text
}

/// The others are on another interface than the chosen one.
pub(crate) fn wrong_interface(chosen: &str, other: &str) -> Remedy {
    let cause = format!("wrong interface: the others are on {other}, and {chosen} was chosen");
    Remedy::new(cause, Os::HERE.use_interface(other))
}

/// The reverse path filter has dropped something since the doctor started: how much, and what mends it.
pub(crate) fn reverse_path(
    case: &Case,
    choice: &Choice,
    before: Option<u64>,
) -> Option<(u64, Remedy)> {
    let system = &case.system;
    let dropped = system
        .count("TcpExt", "IPReversePathFilter")?
        .checked_sub(before?)?;
    if dropped == 0 || case.group.is_ipv6() {
        return None;
    }
    let name = choice.label();
    let cause = match system.strictest(name, "rp_filter")? {
        0 => return None,
        1 => format!(
            "rp_filter is strict on {name}, and drops senders that the routes do not lead to by {name}"
        ),
        _ => format!("rp_filter is on for {name}, and drops senders that no route leads to"),
    };
    Some((
        dropped,
        Remedy::new(cause, remedy::loosen_rp_filter(name, system)),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(speeches: &[Speech]) -> BTreeMap<SocketAddr, Speech> {
        let address = |n| SocketAddr::from(([10, 0, 0, 1], n));
        (1..).map(address).zip(speeches.iter().copied()).collect()
    }

    #[test]
    fn a_crowd_is_not_listed_to_its_end() {
        let text = list(&heard(&[Speech::Raw; 6]));
        assert!(
            text.starts_with("10.0.0.1:1 (raw), ") && text.ends_with(" and 2 more"),
            "{text}"
        );
    }
}
