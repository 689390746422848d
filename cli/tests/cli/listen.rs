//! `groupcast listen`.

use core::time::Duration;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::process::{Running, group, run, stranger};

#[test]
fn framed_and_raw_messages_are_told_apart() {
    let group = group(10);
    let args = ["listen", "--json", "--count", "3", "--timeout", "20"];
    let mut listener = Running::joined(group, args);
    run(
        group,
        [
            "send",
            "--name",
            "ana",
            "--id",
            "7f3a",
            "Hello,",
            "multicast!",
        ],
    )
    .expect(0);
    let framed = listener.message();
    assert_eq!(framed["event"], "message");
    assert_eq!(framed["from"], "ana");
    assert_eq!(framed["sender"], "00007f3a");
    assert_eq!(framed["channel"], 0);
    assert_eq!(framed["text"], "Hello, multicast!");
    assert_eq!(framed["bytes"], 17);
    assert!(
        framed["address"]
            .as_str()
            .unwrap()
            .starts_with("127.0.0.1:")
    );

    let stranger = stranger();
    stranger.send_to(b"Hello, multicast!", group).unwrap();
    let raw = listener.message();
    assert_eq!(raw["event"], "raw");
    assert_eq!(raw["text"], "Hello, multicast!");
    assert_eq!(raw["bytes"], 17);
    assert_eq!(raw["address"], stranger.local_addr().unwrap().to_string());
    assert!(raw.get("sender").is_none());

    stranger.send_to(&[0xff, 0x00, 0x80], group).unwrap();
    let octets = listener.message();
    assert_eq!(octets["hex"], "ff0080");
    assert!(octets.get("text").is_none());

    let summary = listener.ended().expect(0).summary();
    assert_eq!(
        (
            summary.count("raw"),
            summary.count("messages"),
            summary.count("accepted") >= 1
        ),
        (2, 1, true)
    );
}

#[test]
fn three_listeners_hear_everything_and_another_group_on_the_port_nothing() {
    let group = group(11);
    let mut other = group;
    other.set_ip((u32::from(*group.ip()) ^ 0x80).into());
    let mut listeners: Vec<_> = (0..3)
        .map(|_| Running::joined(group, ["listen", "--json"]))
        .collect();
    let stranger = Running::joined(other, ["listen", "--json"]);
    run(group, ["send", "framed"]).expect(0);
    run(group, ["send", "--raw", "raw"]).expect(0);
    for listener in &mut listeners {
        assert_eq!(listener.message()["text"], "framed");
        assert_eq!(listener.message()["text"], "raw");
    }
    let ended = stranger.interrupted().expect(0);
    assert_eq!(ended.stdout, Vec::<String>::new());
    let summary = ended.summary();
    assert_eq!(
        summary.count("received"),
        summary.count("own"),
        "{ended:#?}"
    );
}

#[test]
fn groups_that_share_an_address_are_kept_apart_by_name() {
    let group = group(12);
    let mut listener = Running::joined(group, ["listen", "--json", "--group-name", "boilers"]);
    run(group, ["send", "for all"]).expect(0);
    run(group, ["send", "--group-name", "boilers", "for boilers"]).expect(0);
    assert_eq!(listener.message()["text"], "for boilers");
    let summary = listener.interrupted().expect(0).summary();
    assert!(summary.count("other_group") >= 1);
}

#[test]
fn too_few_messages_in_time_are_exit_3() {
    let group = group(13);
    let listener = Running::joined(group, ["listen", "--count", "2", "--timeout", "3"]);
    run(group, ["send", "--raw", "one"]).expect(0);
    let ended = listener.ended().expect(3);
    assert!(ended.stderr.contains("1 of 2 messages"), "{ended:#?}");
    ended.summary();
}

#[test]
fn time_without_a_count_is_no_failure() {
    let ended = run(group(14), ["listen", "--timeout", "0.3"]).expect(0);
    ended.summary();
}

#[test]
fn a_message_cannot_steer_a_terminal() {
    let group = group(15);
    let mut listener = Running::joined(group, ["listen"]);
    let stranger = stranger();
    stranger
        .send_to("\u{1b}[2Jhi\r\n\u{9b}\u{202e}".as_bytes(), group)
        .unwrap();
    let line = listener.line();
    let shown = line.split_once(" (raw): ").unwrap().1;
    assert_eq!(shown, "\\u{1b}[2Jhi\\r\\n\\u{9b}\\u{202e}");
    stranger.send_to(b"\xff\x1b[2J", group).unwrap();
    assert!(listener.line().ends_with(" (raw): ff1b5b324a"));

    run(
        group,
        [
            "send",
            "--name",
            "an\u{1b}a",
            "--channel",
            "3",
            "\u{7f}안녕",
        ],
    )
    .expect(0);
    let lines: Vec<_> = (0..3).map(|_| listener.line()).collect();
    assert!(lines[0].starts_with("* an\\u{1b}a joined"), "{lines:#?}");
    assert_eq!(lines[1], "[3] an\\u{1b}a: \\u{7f}안녕");
    assert!(lines[2].starts_with("* an\\u{1b}a left"), "{lines:#?}");
}

#[test]
fn json_does_not_steer_a_terminal_either() {
    let group = group(16);
    let mut listener = Running::joined(group, ["listen", "--json"]);
    let text = "\u{1b}[2J\u{9b}2J\u{202e}";
    stranger().send_to(text.as_bytes(), group).unwrap();
    let line = listener.line();
    assert!(!line.contains(['\u{1b}', '\u{9b}', '\u{202e}']), "{line}");
    let event: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(event["text"], text);
}

#[test]
fn a_closed_standard_output_is_a_quiet_end() {
    let group = group(17);
    let mut listener = Running::joined(group, ["listen"]);
    listener.deafen();
    let stranger = stranger();
    // The pipe closes when its reader finds nobody to hand a line to, the process when it finds the
    // pipe closed.
    while listener.child.try_wait().unwrap().is_none() {
        stranger.send_to(b"anybody?", group).unwrap();
        std::thread::sleep(Duration::from_millis(10));
    }
    let ended = listener.ended().expect(0);
    assert!(!ended.stderr.contains("groupcast:"), "{ended:#?}");
    ended.summary();
}

#[test]
fn a_hidden_listener_hears_but_is_not_seen() {
    let group = group(18);
    let mut watcher = Running::joined(group, ["listen", "--json"]);
    let mut hidden = Running::joined(group, ["listen", "--json", "--hidden", "--name", "ghost"]);
    run(group, ["send", "--name", "ana", "boo"]).expect(0);
    assert_eq!(hidden.message()["text"], "boo");
    hidden.interrupted().expect(0);
    assert_eq!(watcher.event("joined")["from"], "ana");
    assert_eq!(watcher.event("left")["from"], "ana");
    let ended = watcher.interrupted().expect(0);
    assert!(!ended.stdout.concat().contains("ghost"), "{ended:#?}");
}

#[test]
fn json_tells_the_session_and_the_time_of_every_event_of_a_member() {
    let group = group(25);
    let clock = || {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        since.as_secs_f64()
    };
    let began = clock();
    let mut listener = Running::joined(group, ["listen", "--json"]);
    let mut sessions = Vec::new();
    for _ in 0..2 {
        // The same member twice: nothing but its session tells that it began anew.
        let args = ["send", "--id", "7f3a", "--class", "reliable-ordered", "hi"];
        run(group, args).expect(0);
        let event = listener.event("message");
        assert_eq!(event["sender"], "00007f3a", "{event}");
        sessions.push(event["session"].as_str().unwrap().to_owned());
        let left = listener.event("left");
        assert_eq!(left["session"], event["session"], "{left}");
        for event in [event, left] {
            let time = event["time"].as_f64().unwrap();
            assert!((began..clock() + 0.001).contains(&time), "{event}");
        }
    }
    assert_ne!(sessions[0], sessions[1]);
    listener.interrupted().expect(0);
}
