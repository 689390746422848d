//! `groupcast interfaces`: all of them, and which one the group would use.

use groupcast_std::StdStack;
use groupcast_std::interfaces::{NetworkInterface, Verdict, survey};

use crate::columns;
use crate::escape::escaped;
use crate::failure::Failure;
use crate::json;
use crate::options::Common;
use crate::output::Output;
use crate::place;

const HEADINGS: [&str; 7] = ["", "NAME", "INDEX", "MTU", "FLAGS", "ADDRESSES", "WHY"];

pub(crate) fn run(common: &Common) -> Result<(), Failure> {
    let group = place::group(common)?;
    let verdicts = survey(group.ip())?;
    let mut builder = StdStack::builder().group(group);
    if let Some(selector) = &common.interface {
        builder = builder.interface(selector.clone());
    }
    // What would be picked is what a command would pick, by the same way.
    let stack = builder.build();
    let chosen = stack.as_ref().map(StdStack::choice).ok();
    let reason = |interface: &NetworkInterface| {
        chosen
            .filter(|choice| choice.index == interface.index)
            .map(|choice| choice.reason.as_str())
    };

    let mut output = Output::new(common.json);
    if common.json {
        for verdict in &verdicts {
            output.line(&json::interface(verdict, reason(&verdict.interface)))?;
        }
    } else {
        for line in table(&verdicts, reason) {
            output.line(&line)?;
        }
        if let Some(choice) = chosen {
            let (name, address) = (escaped(choice.label()), choice.address);
            output.line(&format!("{group} would use {name} ({address})"))?;
        }
    }
    if let Some(text) = chosen.and_then(place::fallback) {
        aside!("groupcast: {}", escaped(&text));
    }
    stack.map(|_| ()).map_err(|error| common.failure(&error))
}

/// The interfaces in columns. `chosen` says why one of them is.
pub(crate) fn table<'a>(
    verdicts: &'a [Verdict],
    chosen: impl Fn(&NetworkInterface) -> Option<&'a str>,
) -> Vec<String> {
    let mut rows = vec![HEADINGS.map(str::to_owned)];
    for Verdict {
        interface, reason, ..
    } in verdicts
    {
        let addresses: Vec<_> = interface
            .addresses
            .iter()
            .map(ToString::to_string)
            .collect();
        let mtu = interface.mtu.map(|mtu| mtu.to_string());
        let chosen = chosen(interface);
        rows.push([
            if chosen.is_some() { "*" } else { "" }.to_owned(),
            escaped(interface.label()).to_string(),
            interface.index.to_string(),
            mtu.unwrap_or_else(|| "?".to_owned()),
            flags(interface),
            addresses.join(" "),
            escaped(chosen.unwrap_or(reason)).to_string(),
        ]);
    }
    columns::lines(&rows)
}

fn flags(interface: &NetworkInterface) -> String {
    let flags = [
        (interface.up, "up"),
        (interface.running, "running"),
        (interface.multicast, "multicast"),
        (interface.loopback, "loopback"),
        (interface.point_to_point, "point-to-point"),
    ];
    let set: Vec<_> = flags
        .iter()
        .filter(|(set, _)| *set)
        .map(|(_, name)| *name)
        .collect();
    if set.is_empty() {
        "down".to_owned()
    } else {
        set.join(",")
    }
}
