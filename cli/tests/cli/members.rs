//! Who is there: `groupcast members`, and what `listen` says about members.

use core::time::Duration;
use std::time::Instant;

use serde_json::Value;

use crate::process::{PATIENCE, Running, group, run};

#[test]
fn ctrl_c_and_sigterm_say_good_bye_and_exit_0() {
    let group = group(50);
    let mut watcher = Running::joined(group, ["members", "--watch", "--json"]);
    for signal in [Running::interrupted, Running::terminated] {
        let ben = Running::joined(group, ["listen", "--name", "ben"]);
        let joined = watcher.event("joined");
        assert_eq!(joined["from"], "ben");
        signal(ben).expect(0).summary();
        let left = watcher.event("left");
        assert_eq!(left["from"], "ben");
        assert_eq!(left["sender"], joined["sender"]);
    }
}

#[test]
fn the_roster_is_printed_once_with_a_timeout() {
    let group = group(51);
    let ana = Running::joined(group, ["listen", "--name", "ana", "--id", "a"]);
    let nameless = Running::joined(group, ["members", "--watch", "--id", "b"]);
    let ended = run(group, ["members", "--json", "--timeout", "2"]).expect(0);
    let members: Vec<Value> = ended
        .stdout
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let of = |field: &str| {
        members
            .iter()
            .map(|member| &member[field])
            .collect::<Vec<_>>()
    };
    assert_eq!(of("from"), ["0000000b", "ana"], "{ended:#?}");
    assert_eq!(of("sender"), ["0000000b", "0000000a"]);
    assert_eq!(of("status"), ["present", "present"]);
    assert_eq!(of("event"), ["member", "member"]);
    assert!(
        of("address")
            .iter()
            .all(|a| a.as_str().unwrap().starts_with("127.0.0.1:"))
    );
    // For people it is a table.
    let ended = run(group, ["members", "--timeout", "2"]).expect(0);
    let words = |line: &String| {
        line.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let table: Vec<_> = ended.stdout.iter().map(words).collect();
    assert_eq!(table[0], ["NAME", "ID", "ADDRESS", "STATUS", "TAKES"]);
    assert_eq!((table.len(), &table[1][0]), (3, &"0000000b".to_owned()));
    assert_eq!(
        (&table[2][0], &table[2][1]),
        (&"ana".to_owned(), &"0000000a".to_owned())
    );
    assert_eq!(table[2][3..], ["present", "all"]);
    drop((ana, nameless));
}

#[test]
fn an_empty_group_has_no_members_and_is_no_failure() {
    let ended = run(group(52), ["members", "--json", "--timeout", "0.2"]).expect(0);
    assert!(ended.stdout.is_empty(), "{ended:#?}");
    let ended = run(group(52), ["members", "--timeout", "0.2"]).expect(0);
    assert!(ended.stderr.contains("nobody else is here"), "{ended:#?}");
}

#[test]
fn changes_are_lines_as_they_happen() {
    let group = group(53);
    let mut watcher = Running::joined(group, ["members", "--watch"]);
    run(
        group,
        ["send", "--name", "ana", "--id", "7f3a", "not shown"],
    )
    .expect(0);
    assert!(
        watcher
            .line()
            .starts_with("* ana joined (00007f3a at 127.0.0.1:")
    );
    assert!(
        watcher
            .line()
            .starts_with("* ana left (00007f3a at 127.0.0.1:")
    );
}

#[test]
fn a_member_that_is_killed_is_suspect_then_lost() {
    let group = group(54);
    let mut watcher = Running::joined(group, ["-v", "listen", "--json"]);
    let ben = Running::joined(group, ["listen", "--name", "ben"]);
    assert_eq!(watcher.event("joined")["from"], "ben");
    ben.killed();
    assert_eq!(watcher.event("lost")["from"], "ben");
    let ended = watcher.interrupted().expect(0);
    assert!(
        ended.stderr.contains("ben has not been heard"),
        "{ended:#?}"
    );
}

#[test]
fn a_member_that_comes_back_with_its_id_is_restarted() {
    let group = group(55);
    let mut watcher = Running::joined(group, ["listen", "--json"]);
    let args = ["listen", "--name", "ben", "--id", "7f3a"];
    let ben = Running::joined(group, args);
    let joined = watcher.event("joined");
    ben.killed();
    let _ben = Running::joined(group, args);
    let restarted = watcher.event("restarted");
    assert_eq!(restarted["sender"], "00007f3a");
    assert_eq!(restarted["from"], "ben");
    assert_ne!(restarted["session"], joined["session"]);
}

#[test]
fn of_two_members_with_one_id_one_falls_silent_and_both_are_told() {
    let group = group(56);
    let args = ["listen", "--json", "--id", "7f3a"];
    let mut members = [Running::joined(group, args), Running::joined(group, args)];
    let end = Instant::now() + PATIENCE;
    let mut outcomes = Vec::new();
    while outcomes.len() < 2 {
        assert!(Instant::now() < end, "only {outcomes:?} was told");
        for member in &mut members {
            let Some(line) = member.line_within(Duration::from_millis(50)) else {
                continue;
            };
            let event: Value = serde_json::from_str(&line).unwrap();
            assert_eq!(event["event"], "duplicate_id");
            assert_eq!(event["sender"], "00007f3a");
            assert!(event["address"].as_str().unwrap().starts_with("127.0.0.1:"));
            outcomes.push(event["outcome"].as_str().unwrap().to_owned());
        }
    }
    outcomes.sort();
    assert_eq!(outcomes, ["kept", "silenced"]);
}
