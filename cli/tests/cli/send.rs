//! `groupcast send`.

use core::time::Duration;
use std::fs;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Instant;

use serde_json::{Value, json};

use crate::process::{
    Running, command, datagram, group, plain_listener, run, run_with_input, stranger,
};
use crate::streams::terminal;

/// A file with this content that is removed at the end.
pub(crate) struct Temporary(PathBuf);

impl Temporary {
    pub(crate) fn new(name: &str, content: &[u8]) -> Self {
        let name = format!("groupcast-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::write(&path, content).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[test]
fn sending_to_nobody_succeeds() {
    run(group(30), ["send", "hello"]).expect(0);
    run(group(30), ["send", "--raw", "hello"]).expect(0);
}

#[test]
fn raw_datagrams_arrive_byte_for_byte_and_nothing_else_does() {
    let group = group(31);
    // A program that shares the port with nobody is no obstacle.
    let listener = plain_listener(group);
    run(group, ["send", "--raw", "Hello, multicast!"]).expect(0);
    let octets: Vec<u8> = (0..=255).chain(0..=255).collect();
    let file = Temporary::new("octets", &octets);
    run(group, ["send", "--raw", "--file", file.path()]).expect(0);
    run_with_input(group, &["send", "--raw", "--lines"], b"one\ntwo").expect(0);
    stranger().send_to(b"the end", group).unwrap();
    let heard: Vec<_> = (0..5).map(|_| datagram(&listener).0).collect();
    assert_eq!(
        heard,
        [
            b"Hello, multicast!",
            &octets[..],
            b"one",
            b"two",
            b"the end"
        ]
    );
}

#[test]
fn a_file_is_one_message() {
    let group = group(32);
    let mut listener = Running::joined(group, ["listen", "--json"]);
    let file = Temporary::new("two-lines", b"one\ntwo\n");
    run(group, ["send", "--file", file.path(), "--channel", "200"]).expect(0);
    let message = listener.message();
    assert_eq!(message["text"], "one\ntwo\n");
    assert_eq!(message["channel"], 200);
}

#[test]
fn octets_that_are_no_text_arrive_as_hexadecimal() {
    let group = group(33);
    let mut listener = Running::joined(group, ["listen", "--json"]);
    // A message may begin with what begins a datagram.
    let file = Temporary::new("no-text", &[0xc1, 0x10, 0xff]);
    run(group, ["send", "--file", file.path()]).expect(0);
    let message = listener.message();
    assert_eq!(
        (&message["event"], &message["hex"]),
        (&"message".into(), &"c110ff".into())
    );
    assert_eq!(message["bytes"], 3);
}

#[test]
fn every_line_is_a_message_and_they_share_datagrams() {
    let group = group(34);
    let mut listener = Running::joined(group, ["listen", "--json"]);
    let lines: Vec<_> = (0..500).map(|n| format!("line {n}")).collect();
    run_with_input(group, &["send", "--lines"], lines.join("\n").as_bytes()).expect(0);
    for line in &lines {
        assert_eq!(listener.message()["text"], *line);
    }
    let summary = listener.interrupted().expect(0).summary();
    assert_eq!(summary.count("messages"), 500);
    assert!(
        summary.count("accepted") < 100,
        "{} datagrams",
        summary.count("accepted")
    );
}

#[test]
fn a_line_goes_out_at_once_and_a_slow_input_holds_up_nothing() {
    let group = group(35);
    let mut listener = Running::joined(group, ["listen", "--json"]);
    let args = ["send", "--lines", "--name", "slow"];
    let mut sender = Running::spawn(command(group).args(args).stdin(Stdio::piped()));
    // Nothing has been typed yet, and the sender is there all the same.
    assert_eq!(listener.event("joined")["from"], "slow");
    let mut stdin = sender.child.stdin.take().unwrap();
    for line in ["one", "two"] {
        writeln!(stdin, "{line}").unwrap();
        assert_eq!(listener.message()["text"], line);
    }
    drop(stdin);
    sender.ended().expect(0);
    assert_eq!(listener.event("left")["from"], "slow");
}

#[test]
fn a_line_too_long_is_named_and_the_others_are_sent() {
    let group = group(36);
    let mut listener = Running::joined(group, ["listen", "--json"]);
    let long = "x".repeat(100_000);
    let input = format!("one\n{}\n{long}\ntwo\n", &long[..65_537]);
    let ended = run_with_input(group, &["send", "--lines"], input.as_bytes()).expect(2);
    assert!(ended.stderr.contains("line 2 is not sent"), "{ended:#?}");
    assert!(ended.stderr.contains("100000 bytes"), "{ended:#?}");
    assert!(ended.stderr.contains("at most 65536"), "{ended:#?}");
    assert!(ended.stderr.contains("2 of 4 lines"), "{ended:#?}");
    assert_eq!(listener.message()["text"], "one");
    assert_eq!(listener.message()["text"], "two");
}

#[test]
fn ctrl_c_ends_a_sender_that_waits_for_input() {
    let group = group(37);
    let mut listener = Running::joined(group, ["listen", "--json"]);
    let args = ["send", "--lines", "--name", "idle"];
    let mut sender = Running::spawn(command(group).args(args).stdin(Stdio::piped()));
    let stdin = sender.child.stdin.take();
    assert_eq!(listener.event("joined")["from"], "idle");
    sender.interrupted().expect(0);
    assert_eq!(listener.event("left")["from"], "idle");
    drop(stdin);
}

#[test]
fn no_datagram_is_longer_than_asked_for() {
    let group = group(252);
    let lines = format!("{}\n", "x".repeat(400)).repeat(20);
    let datagrams = |args: &[&str]| -> u32 {
        let send = [&["send", "-v", "--lines", "--class", "best-effort"], args].concat();
        let ended = run_with_input(group, &send, lines.as_bytes()).expect(0);
        let (_, rest) = ended.stderr.split_once("sent 20 messages in ").unwrap();
        rest.split(' ').next().unwrap().parse().unwrap()
    };
    // Two of them do not fit in 512 bytes.
    assert!(datagrams(&["--max-datagram", "512"]) >= 20);
    assert!(datagrams(&["--max-datagram", "1400"]) < 20);
    let long = "x".repeat(513);
    let raw = ["send", "--raw", "--max-datagram", "512"];
    let ended = run(group, raw.iter().copied().chain([&long[..]])).expect(2);
    assert!(ended.stderr.contains("at most 512"), "{ended:#?}");
    run(group, raw.iter().copied().chain([&long[..512]])).expect(0);
    for bytes in ["511", "1473"] {
        run(group, ["send", "--max-datagram", bytes, "x"]).expect(2);
    }
}

#[test]
fn a_pipe_is_sent_line_by_line_and_as_a_file_whole() {
    let group = group(20);
    let mut listener = Running::joined(group, ["listen", "--json"]);
    for args in [&["send"][..], &["send", "-"]] {
        run_with_input(group, args, b"one\ntwo").expect(0);
        assert_eq!(listener.message()["text"], "one");
        assert_eq!(listener.message()["text"], "two");
    }
    run_with_input(group, &["send", "--file", "-"], b"one\ntwo\n").expect(0);
    assert_eq!(listener.message()["text"], "one\ntwo\n");
    // A script whose variable is empty is told; whoever says that lines are to come is not.
    let ended = run_with_input(group, &["send"], b"").expect(2);
    assert!(ended.stderr.contains("nothing to send"), "{ended:#?}");
    run_with_input(group, &["send", "--lines"], b"").expect(0);
}

#[test]
fn whoever_types_it_is_told_what_became_of_it() {
    let group = group(21);
    let send = |args: &[&str]| {
        let (person, programs) = terminal();
        let mut command = command(group);
        let end = || Stdio::from(programs.try_clone().unwrap());
        let mut child = command
            .args(args)
            .stdin(end())
            .stderr(end())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        drop(command);
        drop(programs);
        let mut said = Vec::new();
        // The terminal of programs that have ended is an error.
        let _ = fs::File::from(person).read_to_end(&mut said);
        let code = child.wait().unwrap().code();
        (code, String::from_utf8(said).unwrap())
    };
    let (code, said) = send(&["send"]);
    assert_eq!(code, Some(2));
    assert!(said.contains("nothing to send: name a TEXT"), "{said}");
    for (args, told) in [
        (&["send", "hello"][..], "sent; nobody else is here"),
        (
            &["send", "--class", "latest", "hello"],
            "sent; nobody confirms messages of class latest",
        ),
        (
            &["send", "--raw", "hello"],
            "sent; nobody confirms raw datagrams",
        ),
    ] {
        let (code, said) = send(args);
        assert_eq!(code, Some(0), "{said}");
        assert!(said.trim_end().ends_with(told), "{said}");
    }
    let listeners = [(); 2].map(|()| Running::joined(group, ["listen"]));
    let (_, said) = send(&["send", "hello"]);
    assert!(said.trim_end().ends_with("sent to 2 members"), "{said}");
    drop(listeners);
}

#[test]
fn a_message_is_repeated_as_often_as_asked_and_not_faster() {
    let group = group(22);
    let mut listener = Running::joined(group, ["listen", "--json"]);
    let began = Instant::now();
    let args = ["send", "--repeat", "3", "--interval", "0.2", "hello"];
    run(group, args).expect(0);
    assert!(began.elapsed() >= Duration::from_millis(400));
    for _ in 0..3 {
        assert_eq!(listener.message()["text"], "hello");
    }
    // Without a number until it is ended, which is no fault; with one it is.
    let sender = Running::joined(group, ["send", "--interval", "0.05", "--json", "again"]);
    for _ in 0..3 {
        assert_eq!(listener.message()["text"], "again");
    }
    let ended = sender.interrupted().expect(0);
    let told: Value = serde_json::from_str(ended.stdout.last().unwrap()).unwrap();
    assert_eq!(told["confirmed"].as_array().unwrap().len(), 1, "{told}");
    assert_eq!(told["silent"], json!([]), "{told}");
    let sender = Running::joined(group, ["send", "--repeat", "1000", "to the end"]);
    while listener.message()["text"] != "to the end" {}
    let ended = sender.interrupted().expect(3);
    assert!(ended.stderr.contains("of 1000 times"), "{ended:#?}");
}
