//! `groupcast chat`.

use core::net::SocketAddrV4;
use std::io::Write;

use std::process::{ChildStdin, Stdio};

use crate::process::{Running, command, group, run, run_with_input, stranger};

/// Somebody who chats, and the keyboard.
fn chat(group: SocketAddrV4, name: &str) -> (Running, ChildStdin) {
    let args = ["chat", "--name", name];
    let mut running = Running::spawn(command(group).args(args).stdin(Stdio::piped()));
    running.wait_until_joined();
    let stdin = running.child.stdin.take().unwrap();
    (running, stdin)
}

#[test]
fn people_talk_and_see_who_comes_and_goes() {
    let group = group(120);
    let (mut ana, mut ana_types) = chat(group, "ana");
    let (mut ben, mut ben_types) = chat(group, "ben");
    assert!(ana.line().starts_with("* ben joined"));
    assert!(ben.line().starts_with("* ana joined"));
    writeln!(ana_types, "hello ben").unwrap();
    assert_eq!(ben.line(), "ana: hello ben");
    writeln!(ben_types, "\nhello ana").unwrap();
    // Neither the empty line nor one's own is shown.
    assert_eq!(ana.line(), "ben: hello ana");

    let stranger = stranger();
    stranger.send_to(b"anybody?", group).unwrap();
    let from = stranger.local_addr().unwrap();
    assert_eq!(ana.line(), format!("{from} (raw): anybody?"));
    // Who comes, speaks and goes is only heard.
    run(group, ["send", "--name", "eva", "--channel", "3", "hi"]).expect(0);
    assert_eq!(ana.line(), "eva (channel 3): hi");

    // What was typed last arrives before the end of the input ends the chat.
    write!(ana_types, "bye").unwrap();
    drop(ana_types);
    ana.ended().expect(0);
    let rest: Vec<_> = (0..4).map(|_| ben.line()).collect();
    assert_eq!(rest[2], "ana: bye", "{rest:#?}");
    assert!(rest[3].starts_with("* ana left"), "{rest:#?}");
}

#[test]
fn what_begins_with_a_slash_is_never_sent() {
    let group = group(127);
    let (ana, mut ana_types) = chat(group, "ana");
    let (mut ben, _ben_types) = chat(group, "ben");
    assert!(ben.line().starts_with("* ana joined"));
    writeln!(
        ana_types,
        "/msg ben secret\n/me waves\n//usr/bin\n/who\n/nick eva"
    )
    .unwrap();
    assert_eq!(ben.line(), "ana: *waves*");
    assert_eq!(ben.line(), "ana: /usr/bin");
    assert_eq!(ben.line(), "* ana is called eva now");
    writeln!(ana_types, "hello").unwrap();
    assert_eq!(ben.line(), "eva: hello");
    // What stands behind `/quit` is neither said nor done.
    writeln!(ana_types, "/quit\nno").unwrap();
    let ended = ana.ended().expect(2);
    assert!(ben.line().starts_with("* eva left"));
    for expected in [
        "nothing was sent: /msg is no command",
        "2 here:",
        "ana (you, ",
        "you are called eva now",
        "line 1 is not sent: ",
        " lines were not sent",
    ] {
        assert!(ended.stderr.contains(expected), "{expected}: {ended:#?}");
    }
    assert!(!ended.stderr.contains("secret"), "{ended:#?}");
}

#[test]
fn what_is_mirrored_for_other_programs_is_seen_once() {
    let group = group(126);
    let mut ana = Running::spawn(
        command(group)
            .args(["chat", "--name", "ana", "--mirror"])
            .stdin(Stdio::piped()),
    );
    ana.wait_until_joined();
    let mut ana_types = ana.child.stdin.take().unwrap();
    let (mut ben, _ben_types) = chat(group, "ben");
    let mut listener = Running::joined(group, ["listen", "--hidden"]);
    assert!(ben.line().starts_with("* ana joined"));
    assert!(ana.line().starts_with("* ben joined"));
    assert!(listener.line().starts_with("* "));
    assert!(listener.line().starts_with("* "));
    writeln!(ana_types, "hello").unwrap();
    let mut said = [listener.line(), listener.line()];
    said.sort_by_key(|line| line.contains("(raw)"));
    assert_eq!(said[0], "ana: hello");
    assert!(said[1].ends_with(" (raw): ana: hello"), "{said:#?}");
    // The same words from elsewhere are somebody else's.
    stranger().send_to(b"ana: goodbye", group).unwrap();
    assert_eq!(ben.line(), "ana: hello");
    assert!(ben.line().ends_with(" (raw): ana: goodbye"));
}

#[test]
fn who_comes_late_sees_what_was_said() {
    let group = group(121);
    let (ana, mut ana_types) = chat(group, "ana");
    let (mut ben, _ben_types) = chat(group, "ben");
    assert!(ben.line().starts_with("* ana joined"));
    writeln!(ana_types, "one\ntwo").unwrap();
    assert_eq!(ben.line(), "ana: one");
    assert_eq!(ben.line(), "ana: two");
    let (mut eva, _eva_types) = chat(group, "eva");
    // It may be heard before it is known who said it.
    let said = core::iter::from_fn(|| Some(eva.line())).filter(|line| line.starts_with('['));
    let said: Vec<_> = said.take(2).collect();
    assert!(said[0].ends_with(": one"), "{said:#?}");
    assert!(said[1].ends_with(": two"), "{said:#?}");
    drop(ana);
}

#[test]
fn a_talk_is_read_in_order_by_who_comes_late_though_one_of_the_two_has_left() {
    let group = group(128);
    let (mut ana, mut ana_types) = chat(group, "ana");
    let (mut ben, mut ben_types) = chat(group, "ben");
    let mut listener = Running::joined(group, ["listen", "--json", "--hidden"]);
    assert!(ana.line().starts_with("* ben joined"));
    assert!(ben.line().starts_with("* ana joined"));
    for n in 0..6 {
        writeln!(ana_types, "question {n}").unwrap();
        assert_eq!(ben.line(), format!("ana: question {n}"));
        writeln!(ben_types, "answer {n}").unwrap();
        assert_eq!(ana.line(), format!("ben: answer {n}"));
    }
    ben.interrupted().expect(0);
    assert!(ana.line().starts_with("* ben left"));
    let (mut eva, _eva_types) = chat(group, "eva");
    assert_eq!(eva.line(), "-- earlier --");
    // `[10:41] ana: question 0`
    let text = |line: String| line.split_once("] ").map(|(_, text)| text.to_owned());
    for n in 0..6 {
        assert_eq!(text(eva.line()), Some(format!("ana: question {n}")));
        let told = format!("ben (as told by ana): answer {n}");
        assert_eq!(text(eva.line()), Some(told));
    }
    assert_eq!(eva.line(), "-- since you came --");
    assert!(eva.line().starts_with("* ana joined"));
    writeln!(ana_types, "welcome").unwrap();
    assert_eq!(eva.line(), "ana: welcome");
    // Programs have the time apart from the text.
    let said = core::iter::from_fn(|| Some(listener.message()));
    let said = { said }.find(|said| said["channel"] == 0).unwrap();
    assert_eq!(
        (&said["text"], &said["bytes"]),
        (&"question 0".into(), &10.into())
    );
    assert!(said["said"].as_f64().unwrap() > 1.7e9, "{said}");
}

#[test]
fn what_is_said_goes_to_a_file_too() {
    let group = group(129);
    let file = std::env::temp_dir().join(format!("groupcast-talk-{}", std::process::id()));
    let path = file.to_str().unwrap();
    let mut ana = Running::spawn(
        command(group)
            .args(["chat", "--name", "ana", "--log", path, "--time"])
            .stdin(Stdio::piped()),
    );
    ana.wait_until_joined();
    let mut ana_types = ana.child.stdin.take().unwrap();
    run_with_input(group, &["chat", "--name", "ben"], b"hel\x1blo\n").expect(0);
    assert_eq!(&ana.line()[20..], "ben: hel\\u{1b}lo");
    writeln!(ana_types, "hello ben").unwrap();
    drop(ana_types);
    ana.ended().expect(0);
    let said = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    // `2025-11-28 08:00:00 ben: hello`
    let (begin, rest) = said.split_once('\n').unwrap();
    assert!(begin.starts_with("-- from 20"), "{said}");
    let lines: Vec<_> = rest.lines().map(|line| &line[20..]).collect();
    assert_eq!(lines, ["ben: hel\\u{1b}lo", "ana: hello ben"], "{said}");
    assert!(
        rest.starts_with("20") && rest.is_char_boundary(19),
        "{said}"
    );
    let refused = run(group, ["chat", "--log", "/no/such/place"]).expect(2);
    assert!(refused.stderr.contains("cannot write to /no/such/place"));
    run(group, ["chat", "--log", "/dev/full"]).expect(2);
}

#[test]
fn ctrl_c_leaves_politely() {
    let group = group(122);
    let (mut ana, _ana_types) = chat(group, "ana");
    let (ben, _ben_types) = chat(group, "ben");
    assert!(ana.line().starts_with("* ben joined"));
    ben.interrupted().expect(0);
    assert!(ana.line().starts_with("* ben left"));
}

#[test]
fn a_line_that_cannot_be_said_is_told_and_the_others_are_said() {
    let group = group(152);
    let mut ear = Running::joined(group, ["listen", "--json"]);
    let lines = format!("one\n{}\ntwo\n", "x".repeat(70_000));
    let ended = run_with_input(group, &["chat", "--plain"], lines.as_bytes()).expect(2);
    assert!(ended.stderr.contains("line 2 is not sent"), "{ended:#?}");
    assert!(ended.stderr.contains("70000"), "{ended:#?}");
    for text in ["one", "two"] {
        assert_eq!(ear.message()["text"], text);
    }
}
