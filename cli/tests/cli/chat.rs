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
    assert_eq!(ana.line(), format!("{from} (bare): anybody?"));
    run(group, ["send", "--name", "eva", "--channel", "3", "hi"]).expect(0);
    assert!(ana.line().starts_with("* eva joined"));
    assert_eq!(ana.line(), "[3 best-effort] eva: hi");
    assert!(ana.line().starts_with("* eva left"));

    // What was typed last arrives before the end of the input ends the chat.
    write!(ana_types, "bye").unwrap();
    drop(ana_types);
    ana.ended().expect(0);
    let rest: Vec<_> = (0..6).map(|_| ben.line()).collect();
    assert_eq!(rest[4], "ana: bye", "{rest:#?}");
    assert!(rest[5].starts_with("* ana left"), "{rest:#?}");
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
    said.sort_by_key(|line| line.contains("(bare)"));
    assert_eq!(said[0], "[0 reliable-ordered] ana: hello");
    assert!(said[1].ends_with(" (bare): ana: hello"), "{said:#?}");
    // The same words from elsewhere are somebody else's.
    stranger().send_to(b"ana: goodbye", group).unwrap();
    assert_eq!(ben.line(), "ana: hello");
    assert!(ben.line().ends_with(" (bare): ana: goodbye"));
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
    let said = core::iter::from_fn(|| Some(eva.line())).filter(|line| !line.starts_with('*'));
    let said: Vec<_> = said.take(2).collect();
    assert!(said[0].ends_with(": one"), "{said:#?}");
    assert!(said[1].ends_with(": two"), "{said:#?}");
    drop(ana);
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
    let group = group(127);
    let mut ear = Running::joined(group, ["listen", "--json"]);
    let lines = format!("one\n{}\ntwo\n", "x".repeat(70_000));
    let ended = run_with_input(group, &["chat", "--plain"], lines.as_bytes()).expect(2);
    assert!(ended.stderr.contains("line 2 is not sent"), "{ended:#?}");
    assert!(ended.stderr.contains("70000"), "{ended:#?}");
    for text in ["one", "two"] {
        assert_eq!(ear.message()["text"], text);
    }
}
