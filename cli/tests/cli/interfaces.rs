//! `groupcast interfaces`.

use serde_json::Value;

use crate::process::{Running, command, group, run};

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

#[test]
fn an_empty_interface_is_an_error_and_not_a_wish_to_have_one_chosen() {
    let ended = run(group(63), ["interfaces", "--interface", ""]).expect(2);
    assert!(
        ended.stderr.contains("a name, an index or an address"),
        "{ended:#?}"
    );
    let mut command = command(group(63));
    let command = command.env("GROUPCAST_INTERFACE", "");
    let output = command.arg("interfaces").output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}

#[test]
fn waiting_for_an_interface_ends_with_3_and_says_what_is_missing() {
    let line = ["members", "--timeout", "1", "--interface", "nothing0"];
    let missing = run(group(64), line).expect(2);
    assert!(missing.stderr.contains("nothing0"), "{missing:#?}");
    let waited = ["--wait-interface", "0.6"];
    let ended = run(group(64), line.iter().chain(&waited)).expect(3);
    // Once, however often it looked.
    let said = |text: &str| ended.stderr.matches(text).count();
    assert_eq!(
        said("groupcast: waiting for the interface: "),
        1,
        "{ended:#?}"
    );
    assert!(ended.stderr.contains("after 0.6 s"), "{ended:#?}");
    // What is there already is used at once, and what cannot come is not waited for.
    let there = ["interfaces", "--wait-interface", "1000"];
    run(group(64), there).expect(0);
    let never = there.iter().chain(&["--group", "192.0.2.1:7"]);
    run(group(64), never).expect(2);
}

#[test]
#[cfg(unix)]
fn waiting_for_an_interface_can_be_interrupted() {
    let line = [
        "listen",
        "--interface",
        "nothing0",
        "--wait-interface",
        "1000",
    ];
    let mut waiting = Running::start(group(65), line);
    waiting.wait_for_stderr("groupcast: waiting for the interface");
    waiting.interrupted().expect(130);
}
