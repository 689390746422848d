//! `groupcast doctor`: why nothing arrives.
//!
//! A check is a line; each looks one step further than the one before. Nothing is changed, and nothing
//! needs an administrator. What is sent has hop limit 1 and is dropped by members without a word.

mod case;
mod chart;
mod command;
mod finding;
mod heard;
mod judge;
mod looks;
mod nft;
pub(crate) mod options;
mod pair;
mod place;
mod probe;
mod remedy;
mod report;
mod strange;
mod system;
mod trial;

use groupcast_std::interfaces::survey;
use groupcast_std::{Choice, Error, StdStack, resolve_group_on};

use crate::network::framing::Framing;
use crate::options::Common;
use crate::options::origin::Origin;
use crate::process::failure::Failure;
use crate::process::signal;
use case::Case;
use chart::{Chart, Voice};
use command::Os;
use finding::{ENDED, Remedy};
use options::Doctor;
use system::System;

/// What can only be tried on an interface that is fit for it.
const AFTER_INTERFACE: [&str; 12] = [
    "hop-limit",
    "route",
    "rp_filter",
    "igmp",
    "buffers",
    "port",
    "join",
    "loop",
    "local",
    "cross-talk",
    "firewall",
    "mtu",
];

pub(crate) fn run(common: &Common, options: &Doctor) -> Result<(), Failure> {
    if common.wait_interface.is_some() {
        return Err(Failure::Settings(
            "the doctor says what is missing now: leave out --wait-interface".to_owned(),
        ));
    }
    let selector = common.interface.clone().unwrap_or_default();
    let group = signal::ends_at_once(|| resolve_group_on(&common.group, &selector))
        .map_err(|error| common.failure(&error))?;
    let case = Case {
        group,
        selector,
        verdicts: survey(group.ip())?,
        system: System::here(),
        framing: signal::ends_at_once(|| Framing::new(common, group))?,
    };
    let voice = match (common.json, options.report) {
        (true, _) => Voice::Json,
        (false, true) => Voice::Aside,
        (false, false) => Voice::Plain,
    };
    let mut chart = Chart::new(voice);
    let stack = case.builder().build();
    let choice = stack.as_ref().map(|stack| stack.choice().clone()).ok();
    if let Some(address) = options.peer.flatten() {
        case.check_other(address, choice.as_ref())?;
    }
    examine(&mut chart, &case, common, options, stack)?;
    let report = options
        .report
        .then(|| report::text(&case, &chart, choice.as_ref()));
    chart.conclude(report.as_deref())
}

/// All checks, in order. What one needs that did not work makes it a `skip`.
fn examine(
    chart: &mut Chart,
    case: &Case,
    common: &Common,
    options: &Doctor,
    stack: Result<StdStack, Error>,
) -> Result<(), Failure> {
    let drops_before = case.system.count("TcpExt", "IPReversePathFilter");
    let stack = match stack {
        Ok(stack) => stack,
        // A group that is none is no matter of health.
        Err(error @ (Error::NotMulticast(_) | Error::PortZero)) => {
            return Err(common.failure(&error));
        }
        Err(error) => {
            place::environment(chart, case, None)?;
            let brief = format!("{}{}", remedy::brief(&error), common.origins.blamed(&error));
            let remedy = match (&error, &common.origins.interface) {
                (Error::NoSuchInterface { selector, .. }, Origin::Variable(name)) => {
                    let cause =
                        format!("{name} asks for an interface {selector}, which is not there");
                    Remedy::new(cause, Os::HERE.unset(name))
                }
                _ => remedy::for_error(&error, case),
            };
            chart.fail("interface", brief, Some(remedy))?;
            for check in AFTER_INTERFACE.into_iter().chain(["peers", "snooping"]) {
                chart.skip(check, "there is no interface to try it on")?;
            }
            return Ok(());
        }
    };
    let choice = stack.choice().clone();
    place::environment(chart, case, Some(&choice))?;
    place::interface(chart, case, &choice)?;
    place::hop_limit(chart, case, common, &choice)?;
    place::route(chart, case, &choice)?;
    place::settings(chart, case, &choice)?;
    let Some(mut trial) = trial::port(chart, case, stack)? else {
        return skip_from(chart, "join", "the port cannot be had");
    };
    if !trial::join(chart, case, &mut trial)? {
        return skip_from(chart, "loop", "the group cannot be joined");
    }
    let loops = trial::loops(chart, case, &mut trial)?;
    if signal::end_requested() {
        return skip_from(chart, "cross-talk", ENDED);
    }
    if loops.passed {
        trial::cross_talk(chart, case, &mut trial)?;
    } else {
        chart.skip("cross-talk", "not even own datagrams are heard")?;
    }
    if signal::end_requested() {
        return skip_from(chart, "firewall", ENDED);
    }
    trial::firewall(chart, case, &choice, &loops)?;
    meet(
        chart,
        case,
        common,
        options,
        &choice,
        &mut trial,
        drops_before,
    )
}

/// The checks that others take part in.
fn meet(
    chart: &mut Chart,
    case: &Case,
    common: &Common,
    options: &Doctor,
    choice: &Choice,
    trial: &mut trial::Trial,
    drops_before: Option<u64>,
) -> Result<(), Failure> {
    if options.peer.is_none() {
        judge::mtu(chart, case, choice, None)?;
        heard::peers(chart, case, common, trial, drops_before)?;
        return judge::snooping(chart, case, choice, options, None);
    }
    aside!(
        "waiting up to {} s for `groupcast doctor --peer` on another machine",
        options.timeout.as_secs()
    );
    let mut others = heard::elsewhere(case, choice);
    let outcome = pair::run(case, options, trial, &mut others)?;
    if signal::end_requested() {
        return skip_from(chart, "mtu", ENDED);
    }
    judge::mtu(chart, case, choice, Some(&outcome))?;
    judge::peers(chart, case, common, options, choice, &outcome, drops_before)?;
    judge::snooping(chart, case, choice, options, Some(&outcome))
}

/// Skips this check and all after it, for one reason.
fn skip_from(chart: &mut Chart, first: &str, why: &str) -> Result<(), Failure> {
    let checks = AFTER_INTERFACE.into_iter().chain(["peers", "snooping"]);
    for check in checks.skip_while(|check| *check != first) {
        chart.skip(check, why)?;
    }
    Ok(())
}
