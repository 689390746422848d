//! `groupcast doctor`, where nothing is broken but what a test breaks itself: a port, a name. The lab
//! `tests/labs/doctor` breaks the rest.

use std::net::UdpSocket;

use serde_json::Value;

use crate::process::{Ended, Running, command, group, run};
use crate::sealed::Keys;

/// The lines of findings, and the verdict after them.
fn findings(ended: &Ended) -> (Vec<Value>, Value) {
    let lines = ended.stdout.iter();
    let mut lines: Vec<Value> = lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let verdict = lines.pop().unwrap();
    assert!(verdict.get("verdict").is_some(), "{ended:#?}");
    (lines, verdict)
}

fn status<'a>(findings: &'a [Value], check: &str) -> &'a str {
    let found = findings.iter().find(|finding| finding["check"] == check);
    found.unwrap()["status"].as_str().unwrap()
}

#[test]
fn where_all_is_well_every_check_is_made_in_order_and_nothing_fails() {
    let ended = run(group(200), ["doctor", "--json"]).expect(0);
    let (findings, _) = findings(&ended);
    let checks: Vec<_> = findings
        .iter()
        .map(|f| f["check"].as_str().unwrap())
        .collect();
    let expected = [
        "environment",
        "interface",
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
        "peers",
        "snooping",
    ];
    assert_eq!(checks, expected);
    for check in ["interface", "port", "join", "loop", "firewall"] {
        assert_eq!(status(&findings, check), "ok", "{ended:#?}");
    }
}

#[test]
fn a_port_that_is_held_is_told_with_who_holds_it() {
    let group = group(201);
    let holder = UdpSocket::bind(("0.0.0.0", group.port())).unwrap();
    let ended = run(group, ["doctor", "--json"]).expect(2);
    let (findings, verdict) = findings(&ended);
    assert_eq!(status(&findings, "port"), "fail");
    assert_eq!(status(&findings, "loop"), "skip");
    let cause = verdict["cause"].as_str().unwrap();
    assert!(cause.contains("does not share it"), "{ended:#?}");
    if cfg!(target_os = "linux") {
        let me = std::process::id();
        assert!(cause.contains(&format!("(process {me})")), "{ended:#?}");
        assert!(cause.ends_with(&format!("kill {me}")), "{ended:#?}");
    }
    // Nothing has to be ended for another port.
    let other = core::net::SocketAddrV4::new(*group.ip(), group.port() + 1);
    assert_eq!(
        verdict["fix"],
        format!("groupcast doctor --group {other} --interface 127.0.0.1"),
        "{ended:#?}"
    );
    drop(holder);
    run(group, ["doctor"]).expect(0);
}

#[test]
fn a_variable_that_names_no_interface_is_named_and_taken_back() {
    let mut command = command(group(119));
    let output = command.env("GROUPCAST_INTERFACE", "nonsense0");
    let output = output.arg("doctor").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let cause = "most likely cause: GROUPCAST_INTERFACE asks for an interface named nonsense0";
    assert!(text.contains(cause), "{text}");
    assert!(
        text.contains("\nfix: unset GROUPCAST_INTERFACE\n"),
        "{text}"
    );
}

#[test]
fn an_interface_that_is_not_there_fails_and_the_rest_is_skipped() {
    let ended = run(group(202), ["doctor", "--interface", "nonsense0"]).expect(2);
    let lines = &ended.stdout;
    let fails: Vec<_> = lines.iter().filter(|l| l.starts_with("FAIL")).collect();
    assert_eq!(fails.len(), 1, "{ended:#?}");
    assert!(fails[0].contains("no interface named nonsense0"));
    // No pages of them.
    let skipped: Vec<_> = lines.iter().filter(|l| l.starts_with("skip")).collect();
    assert_eq!(skipped.len(), 1, "{ended:#?}");
    assert!(skipped[0].starts_with("skip  14 checks"), "{ended:#?}");
    assert!(
        lines
            .iter()
            .any(|l| l.starts_with("most likely cause: there is no interface"))
    );
    assert_eq!(lines.last().unwrap(), "fix: groupcast interfaces");
}

#[test]
fn what_cannot_be_asked_for_is_no_finding() {
    let ended = run(group(203), ["doctor", "--group", "192.0.2.1:5000"]).expect(2);
    assert!(ended.stdout.is_empty() && ended.stderr.contains("not a multicast address"));
    run(group(203), ["doctor", "--long"]).expect(2);
}

#[test]
fn two_doctors_test_each_other() {
    let group = group(204);
    let arguments = ["doctor", "--json", "--peer"];
    let other = Running::start(group, arguments);
    let one = run(group, ["doctor", "--json", "--peer", "127.0.0.1"]);
    for ended in [one, other.ended()] {
        let ended = ended.expect(0);
        let (findings, _) = findings(&ended);
        assert_eq!(status(&findings, "peers"), "ok", "{ended:#?}");
        let mut all = findings.iter();
        let peers = all.find(|finding| finding["check"] == "peers").unwrap();
        let detail = peers["detail"].as_str().unwrap();
        assert!(detail.starts_with("127.0.0.1 ("), "{detail}");
        assert!(
            detail.contains("multicast 25 of 25 there, 25 of 25 here"),
            "{detail}"
        );
    }
}

#[test]
fn nobody_on_the_other_machine_is_a_fault() {
    let ended = run(group(205), ["doctor", "--peer", "--timeout", "0.5"]).expect(2);
    let cause = ended
        .stdout
        .iter()
        .find(|l| l.starts_with("most likely cause"));
    assert!(
        cause.unwrap().contains("does not run on the other machine"),
        "{ended:#?}"
    );
}

#[test]
fn ctrl_c_ends_it_with_what_is_known() {
    let mut doctor = Running::start(group(208), ["doctor", "--peer"]);
    doctor.wait_for_stderr("waiting up to");
    let ended = doctor.interrupted().expect(0);
    let skipped = |line: &&String| line.starts_with("skip") && line.contains("peers");
    assert!(ended.stdout.iter().any(|line| skipped(&line)), "{ended:#?}");
    let last = ended.stdout.last().unwrap();
    assert_eq!(last, "no fault found before it was ended", "{ended:#?}");
}

#[test]
fn ctrl_c_is_no_finding() {
    let mut doctor = Running::start(group(229), ["doctor"]);
    while !doctor.line().starts_with("ok    mtu") {}
    let ended = doctor.interrupted().expect(0);
    let said = &ended.stdout;
    let skipped = "skip  peers        ended before it was known";
    assert!(said.iter().any(|line| line == skipped), "{ended:#?}");
}

#[test]
fn members_see_nothing_of_a_doctor() {
    let group = group(206);
    let member = Running::joined(group, ["listen"]);
    let doctor = run(group, ["doctor", "--json"]).expect(0);
    let (findings, _) = findings(&doctor);
    let peers = findings
        .iter()
        .find(|finding| finding["check"] == "peers")
        .unwrap();
    assert!(
        peers["detail"]
            .as_str()
            .unwrap()
            .contains("(1 on this one did)"),
        "{doctor:#?}"
    );
    let ended = member.interrupted().expect(0);
    assert!(ended.stdout.is_empty(), "{ended:#?}");
    assert!(ended.summary().count("other_group") > 0, "{ended:#?}");
}

#[test]
fn a_report_has_all_that_is_asked_for_and_no_key() {
    let group = group(207);
    let keys = Keys::new("report", "");
    let path = keys.path();
    let secret = std::fs::read_to_string(path).unwrap();
    let key = secret.split('"').find(|word| word.starts_with("gk1-"));
    let key = key.unwrap();
    let ended = run(group, ["doctor", "--report", "--key-file", path]).expect(0);
    let text = ended.stdout.join("\n");
    for part in [
        "--- groupcast doctor report ---",
        concat!("groupcast ", env!("CARGO_PKG_VERSION")),
        "127.0.0.1",
        "chosen by address",
        "ok    loop",
        "--- end of report ---",
    ] {
        assert!(text.contains(part), "{part}: {ended:#?}");
    }
    assert!(!text.contains(key) && !text.contains(path), "{ended:#?}");
}

#[test]
fn another_key_or_none_is_a_fault_with_a_cause_also_with_peer() {
    let group = group(210);
    let (ours, theirs) = (Keys::new("doctor-1", ""), Keys::new("doctor-2", ""));
    let member = Running::joined(group, ["listen", "--key-file", theirs.path()]);
    let told = |args: &[&str], expected: &str| {
        let all = ["doctor", "--json"].iter().chain(args);
        let ended = run(group, all).expect(2);
        let (findings, verdict) = findings(&ended);
        assert_eq!(status(&findings, "peers"), "fail", "{ended:#?}");
        let cause = verdict["cause"].as_str().unwrap().to_owned();
        assert!(cause.contains(expected), "{ended:#?}");
    };
    told(&["--key-file", ours.path()], "another key or group name");
    told(&[], "a key, and none is given here");
    told(
        &["--key-file", ours.path(), "--peer", "--timeout", "3"],
        "another key or group name",
    );
    member.interrupted().expect(0);
    // Two doctors say it of each other.
    let doctor = |key: &Keys| {
        let args = ["doctor", "--json", "--peer", "--key-file", key.path()];
        Running::start(group, args)
    };
    for doctor in [doctor(&ours), doctor(&theirs)] {
        let ended = doctor.ended().expect(2);
        let (findings, verdict) = findings(&ended);
        assert_eq!(status(&findings, "peers"), "fail", "{ended:#?}");
        let cause = verdict["cause"].as_str().unwrap().to_owned();
        assert!(
            cause.contains("uses another key or group name"),
            "{ended:#?}"
        );
    }
}

#[test]
fn whoever_is_alone_knows_of_this_machine_alone_and_colour_is_for_terminals() {
    let ended = run(group(211), ["doctor"]).expect(0);
    let told = |line: &String| line.starts_with("nothing wrong found on this machine alone");
    assert!(ended.stdout.iter().any(told), "{ended:#?}");
    assert!(!ended.stdout.concat().contains('\u{1b}'), "{ended:#?}");
}
