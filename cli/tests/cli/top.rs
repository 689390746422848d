//! `groupcast top`.

use serde_json::Value;

use crate::process::{Running, group, run, stranger};
use crate::sealed::Keys;

/// The lines of --json after so many seconds, while `talk` goes on.
fn watch(watcher: Running, talk: impl FnOnce()) -> Vec<Value> {
    talk();
    let ended = watcher.ended().expect(0);
    let lines = ended.stdout.iter();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

const ONCE: [&str; 5] = ["top", "--once", "--json", "--timeout", "4"];

#[test]
fn members_and_streams_are_told_with_their_rates() {
    let group = group(171);
    let ben = Running::joined(group, ["listen", "--name", "ben"]);
    let lines = watch(Running::joined(group, ONCE), || {
        let send = ["send", "--name", "ana", "--id", "a", "--channel", "7"];
        let reliable = ["--class", "reliable-ordered", "--expect", "1", "Hello"];
        run(group, send.iter().chain(&reliable)).expect(0);
        stranger().send_to(b"raw", group).unwrap();
    });
    let [ana, other, total] = &lines[..] else {
        panic!("{lines:#?}");
    };
    assert_eq!(ana["event"], "member");
    assert_eq!(ana["from"], "ana");
    assert_eq!(ana["sender"], "0000000a");
    assert_eq!(ana["status"], "left");
    assert_eq!(ana["messages"], 1);
    assert_eq!(ana["streams"][0]["channel"], 7);
    assert_eq!(ana["streams"][0]["class"], "reliable-ordered");
    for name in ["datagrams_per_s", "bytes_per_s", "messages_per_s"] {
        assert!(ana[name].as_f64().unwrap() > 0.0, "{name}: {ana}");
    }
    for name in ["nacks", "nacks_for_it", "repairs", "missing", "gaps"] {
        assert!(ana[name].is_u64(), "{name}: {ana}");
    }
    assert_eq!(other["from"], "ben");
    assert_eq!(other["status"], "present");
    assert!(other["round_trip_ms"].is_f64(), "{other}");
    assert_eq!(total["event"], "group");
    assert_eq!(total["group"], group.to_string());
    assert_eq!(total["members"], 1);
    assert_eq!(total["raw"], 1);
    // It says nothing itself.
    let ended = ben.interrupted().expect(0);
    let joins = ended.stdout.iter().filter(|line| line.contains("joined"));
    assert_eq!(joins.count(), 1, "{ended:#?}");
}

#[test]
fn a_sealed_group_is_watched_with_its_key_only() {
    let group = group(172);
    let keys = Keys::new("top", "kitchen");
    let _ben = Running::joined(group, ["listen", "--name", "ben", "-k", keys.path()]);
    let outside = Running::joined(group, ONCE);
    let with_key = [&ONCE[..], &["-k", keys.path()]].concat();
    let inside = watch(Running::joined(group, with_key), || {});
    assert_eq!(inside[0]["from"], "ben");
    let outside = watch(outside, || {});
    let [total] = &outside[..] else {
        panic!("{outside:#?}");
    };
    assert!(total["foreign"].as_u64().unwrap() > 0);
}

#[test]
fn without_a_terminal_tables_come_every_second() {
    let group = group(173);
    let _ben = Running::joined(group, ["listen", "--name", "ben"]);
    let mut watcher = Running::joined(group, ["top"]);
    for beginning in ["MEMBER", "ben "] {
        while !watcher.line().starts_with(beginning) {}
    }
    watcher.interrupted().expect(0);
}
