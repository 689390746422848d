//! A text to paste into a bug report.

use super::case::Case;
use super::chart::{Chart, Verdict};
use super::looks::Looks;
use super::place::description;
use crate::interfaces::table;
use crate::text::escape::escaped;

/// Settings and counts that others ask for. Nothing of these is secret.
const SETTINGS: [&str; 4] = [
    "net/core/rmem_max",
    "net/ipv4/igmp_max_memberships",
    "net/ipv4/conf/all/rp_filter",
    "net/ipv4/conf/all/force_igmp_version",
];
const COUNTS: [(&str, &str); 6] = [
    ("Udp", "InDatagrams"),
    ("Udp", "NoPorts"),
    ("Udp", "InErrors"),
    ("Udp", "RcvbufErrors"),
    ("Udp", "OutDatagrams"),
    ("TcpExt", "IPReversePathFilter"),
];

pub(crate) fn text(case: &Case, chart: &Chart, chosen: Option<&groupcast_std::Choice>) -> String {
    let system = &case.system;
    let mut lines = vec![
        "--- groupcast doctor report ---".to_owned(),
        escaped(&description(system)).to_string(),
    ];
    let within = system.enclosure().unwrap_or("no container");
    let asked = escaped(&case.selector.to_string()).to_string();
    lines.push(format!(
        "group {}, interface {asked}, in {within}",
        case.group
    ));
    lines.push(String::new());
    lines.extend(table(&case.verdicts, |interface| {
        chosen
            .filter(|choice| choice.index == interface.index)
            .map(|choice| choice.reason.as_str())
    }));
    lines.push(String::new());
    let mut settings: Vec<_> = SETTINGS.iter().map(|name| (*name).to_owned()).collect();
    for verdict in &case.verdicts {
        let name = &verdict.interface.name;
        settings.extend(
            ["rp_filter", "force_igmp_version"].map(|of| format!("net/ipv4/conf/{name}/{of}")),
        );
    }
    for name in settings {
        if let Some(value) = system.sysctl(&name) {
            lines.push(format!("{} = {value}", escaped(&name)));
        }
    }
    for (protocol, name) in COUNTS {
        if let Some(count) = system.count(protocol, name) {
            lines.push(format!("{protocol} {name} = {count}"));
        }
    }
    lines.push(String::new());
    let looks = Looks::default();
    let findings = chart.findings().iter();
    lines.extend(findings.flat_map(|finding| looks.finding(finding)));
    lines.extend(Verdict::of(chart.findings()).lines(looks));
    lines.push("--- end of report ---".to_owned());
    lines.join("\n")
}
