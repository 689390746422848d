//! What becomes of a member whose standard output nobody reads.

use core::net::SocketAddrV4;
use core::time::Duration;
use std::io::{BufRead, BufReader, PipeReader, Write, pipe};
use std::process::Stdio;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Instant;

use serde_json::Value;

use crate::process::{Ended, PATIENCE, Running, command, group, run, run_with_input};

/// A listener, and the end of its standard output that nobody reads yet.
fn blocked(group: SocketAddrV4, args: &[&str]) -> (Running, PipeReader) {
    let (reader, writer) = pipe().unwrap();
    let mut command = command(group);
    command.args(args).stdin(Stdio::piped()).stdout(writer);
    let mut running = Running::spawn(&mut command);
    running.wait_until_joined();
    (running, reader)
}

/// Reads it from now on.
fn events(reader: PipeReader) -> Receiver<Value> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for line in BufReader::new(reader).lines() {
            let event = serde_json::from_str(&line.unwrap()).unwrap();
            if sender.send(event).is_err() {
                break;
            }
        }
    });
    receiver
}

/// Lines of about so many bytes, which begin with 1, 2, 3 …
fn numbered(count: u64, length: usize) -> Vec<u8> {
    let line = |number| format!("{number} {:.<length$}\n", "").into_bytes();
    (1..=count).flat_map(line).collect()
}

/// Takes events until every one of so many lines is there, in order, or in exactly one gap. Returns how many
/// lines are there.
fn all_or_gaps(events: &Receiver<Value>, count: u64) -> u64 {
    let (mut covered, mut came) = (0, 0);
    while covered < count {
        let event = events.recv_timeout(PATIENCE).unwrap();
        match event["event"].as_str().unwrap() {
            "message" => {
                let text = event["text"].as_str().unwrap();
                covered += 1;
                came += 1;
                assert_eq!(text.split(' ').next().unwrap(), covered.to_string());
            }
            "gap" => {
                let number = |name: &str| event[name].as_u64().unwrap();
                covered += number("last") - number("first") + 1;
            }
            _ => {}
        }
    }
    assert_eq!(covered, count);
    came
}

/// A witness, and a member that it knows, which nobody reads.
fn unread(group: SocketAddrV4, args: &[&str]) -> (Running, Running, PipeReader) {
    let mut witness = Running::joined(group, ["listen", "--json"]);
    let (member, reader) = blocked(group, &[args, &["--name", "unread"]].concat());
    while witness.event("joined")["from"] != "unread" {}
    (witness, member, reader)
}

/// Says so many lines of so many bytes.
fn flood(group: SocketAddrV4, count: u64, length: usize) {
    let args = ["send", "--lines", "--class", "reliable-ordered"];
    run_with_input(group, &args, &numbered(count, length)).expect(0);
}

/// For longer than it takes until whoever falls silent is lost, it is there. `check` sees what happens.
fn stays(witness: &mut Running, check: impl Fn(&Value)) {
    let end = Instant::now() + Duration::from_secs(6);
    while Instant::now() < end {
        if let Some(line) = witness.line_within(end.saturating_duration_since(Instant::now())) {
            let event: Value = serde_json::from_str(&line).unwrap();
            let is_silent = ["lost", "left"].contains(&event["event"].as_str().unwrap());
            assert!(!is_silent || event["from"] != "unread", "{line}");
            check(&event);
        }
    }
}

fn said_once(ended: &Ended) {
    let lines = ended.stderr.lines();
    let said = lines.filter(|line| line.starts_with("groupcast: nobody reads"));
    assert_eq!(said.count(), 1, "{ended:#?}");
}

#[test]
fn a_reader_that_pauses_for_eight_seconds_misses_nothing() {
    let group = group(230);
    let (listener, reader) = blocked(group, &["listen", "--json", "--name", "unread"]);
    let begun = Instant::now();
    let args = ["send", "--lines", "--class", "reliable-ordered"];
    let args = [&args[..], &["--expect", "1", "--timeout", "30"]].concat();
    // Meanwhile it answers, and confirms.
    run_with_input(group, &args, &numbered(20_000, 1)).expect(0);
    run(group, ["ping", "unread", "--count", "1"]).expect(0);
    thread::sleep(Duration::from_secs(8).saturating_sub(begun.elapsed()));
    assert_eq!(all_or_gaps(&events(reader), 20_000), 20_000);
    let ended = listener.interrupted().expect(0);
    assert!(!ended.stderr.contains("nobody reads"), "{ended:#?}");
}

#[test]
fn a_member_that_nobody_reads_stays_and_misses_only_gaps() {
    let group = group(231);
    let (mut witness, mut listener, reader) = unread(group, &["listen", "--json"]);
    // More than the queue holds.
    flood(group, 11_000, 1_000);
    listener.wait_for_stderr("groupcast: nobody reads");
    stays(&mut witness, |_| {});
    let events = events(reader);
    all_or_gaps(&events, 11_000);
    // As before.
    run(group, ["send", "--class", "state", "here"]).expect(0);
    loop {
        let event = events.recv_timeout(PATIENCE).unwrap();
        let is_wrong = event["event"] == "lost" || event["event"] == "restarted";
        assert!(!is_wrong, "{event}");
        if event["event"] == "message" && event["text"] == "here" {
            break;
        }
    }
    said_once(&listener.interrupted().expect(0));
    witness.interrupted().expect(0);
}

#[test]
fn whatever_takes_part_in_a_conversation_stays_and_misses_only_gaps() {
    let group = group(232);
    let mut witness = Running::joined(group, ["listen", "--json"]);
    let commands: [&[&str]; 2] = [&["chat", "--json"], &["pipe"]];
    let members = commands.map(|args| {
        let member = blocked(group, &[args, &["--name", "unread"]].concat());
        while witness.event("joined")["from"] != "unread" {}
        member
    });
    flood(group, 11_000, 1_000);
    for (mut member, reader) in members {
        member.wait_for_stderr("groupcast: nobody reads");
        all_or_gaps(&events(reader), 11_000);
        said_once(&member.interrupted().expect(0));
    }
    witness.interrupted().expect(0);
}

#[test]
fn a_pipe_that_nobody_reads_stays_and_takes_lines_again_when_it_is_read() {
    let group = group(109);
    let (mut witness, mut pipe, reader) = unread(group, &["pipe", "--json"]);
    flood(group, 11_000, 1_000);
    pipe.wait_for_stderr("groupcast: nobody reads");
    // Nothing is read where nothing can be answered.
    let mut input = pipe.child.stdin.take().unwrap();
    input.write_all(b"{\"text\":\"here\"}\n").unwrap();
    stays(&mut witness, |event| assert_ne!(event["text"], "here"));
    let events = events(reader);
    all_or_gaps(&events, 11_000);
    while witness.event("message")["text"] != "here" {}
    drop(input);
    said_once(&pipe.ended().expect(0));
    witness.interrupted().expect(0);
}

#[test]
fn whoever_is_not_read_leaves_before_it_waits_for_the_reader() {
    let group = group(233);
    let args = ["listen", "--json", "--count", "2000"];
    let (mut witness, listener, reader) = unread(group, &args);
    flood(group, 2_000, 1);
    while witness.event("left")["from"] != "unread" {}
    assert_eq!(all_or_gaps(&events(reader), 2_000), 2_000);
    listener.ended().expect(0);
    witness.interrupted().expect(0);
}
