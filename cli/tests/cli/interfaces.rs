//! `groupcast interfaces`.

use serde_json::Value;

use crate::process::{command, group, run};

#[test]
fn all_interfaces_are_listed_and_one_is_chosen() {
    let ended = run(group(60), ["interfaces", "--json"]).expect(0);
    let all: Vec<Value> = ended
        .stdout
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let chosen: Vec<_> = all.iter().filter(|i| i["chosen"] == true).collect();
    assert_eq!(chosen.len(), 1, "{ended:#?}");
    assert_eq!(chosen[0]["loopback"], true);
    assert_eq!(chosen[0]["reason"], "chosen by address");
    for interface in &all {
        for field in [
            "name",
            "index",
            "mtu",
            "up",
            "multicast",
            "addresses",
            "score",
            "reason",
        ] {
            assert!(interface.get(field).is_some(), "{field}: {interface}");
        }
    }
}

#[test]
fn the_table_says_which_and_why() {
    let group = group(61);
    let ended = run(group, ["interfaces"]).expect(0);
    let marked: Vec<_> = ended.stdout.iter().filter(|l| l.starts_with('*')).collect();
    assert_eq!(marked.len(), 1, "{ended:#?}");
    assert!(marked[0].contains("127.0.0.1") && marked[0].ends_with("chosen by address"));
    let last = ended.stdout.last().unwrap();
    assert!(last.starts_with(&format!("{group} would use ")), "{last}");
}

#[test]
fn an_option_goes_before_the_environment() {
    let mut command = command(group(62));
    let command = command.env("GROUPCAST_INTERFACE", "nonsense0");
    let output = command
        .args(["interfaces", "--interface", "127.0.0.1"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}
