//! `groupcast interfaces`: all of them, and which one the group would use.

pub(crate) mod options;

use groupcast_std::StdStack;
use groupcast_std::interfaces::{NetworkInterface, Verdict, survey};

use crate::network::place;
use crate::options::Common;
use crate::output::Output;
use crate::output::json;
use crate::process::failure::Failure;
use crate::text::columns;
use crate::text::escape::escaped;
use options::Interfaces;

const HEADINGS: [&str; 7] = ["", "NAME", "INDEX", "MTU", "FLAGS", "ADDRESSES", "WHY"];

pub(crate) fn run(common: &Common, options: &Interfaces) -> Result<(), Failure> {
    let group = place::group(common)?;
    let verdicts = survey(group.ip())?;
    if options.names {
        let mut output = Output::new(false);
        let mut names = names(&verdicts);
        return names.try_for_each(|name| output.line(name));
    }
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

/// The names of those that can be used, but for what a shell would make something else of.
fn names(verdicts: &[Verdict]) -> impl Iterator<Item = &str> {
    let usable = verdicts.iter().filter(|verdict| verdict.score.is_some());
    let names = usable.map(|verdict| verdict.interface.name.as_str());
    names.filter(|name| is_plain(name))
}

/// Whether a shell takes a name as it is. Whoever makes interfaces, in a container perhaps, names them.
fn is_plain(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._@:-".contains(c);
    !name.starts_with('-') && name.chars().all(is_plain)
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

#[cfg(test)]
mod tests {
    use super::is_plain;

    #[test]
    fn what_a_shell_would_run_is_no_name_to_complete() {
        for name in ["lo", "eth0.7", "veth1@if2", "br-4f", "wg0:1"] {
            assert!(is_plain(name), "{name}");
        }
        for name in ["$(reboot)", "`x`", "a b", "-i", "a;b", "a*", "a\\"] {
            assert!(!is_plain(name), "{name}");
        }
    }
}
