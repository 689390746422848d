//! What is queued when a command would end: it is sent at its pace, or it is said that it was not.

use core::net::SocketAddrV4;
use core::time::Duration;
use std::fs::File;
use std::io::{Read, Write};
use std::process::Stdio;
use std::thread;

use rustix::process::Signal;

use crate::process::{Ended, Running, command, group};
use crate::streams::terminal;

/// Lines that a board's pace needs four seconds for.
const LINES: usize = 2_500;

fn lines() -> String {
    (0..LINES).map(|n| format!("{n:080}\n")).collect()
}

/// What a listener heard until the sender left: messages, and those it knows it lost.
fn heard(mut listener: Running) -> (usize, u64) {
    let (mut messages, mut lost) = (0, 0);
    loop {
        let line = listener.line();
        let event: serde_json::Value = serde_json::from_str(&line).unwrap();
        match event["event"].as_str() {
            // Chats ask, too, what was said before they came.
            Some("message") if event["channel"] != 255 => messages += 1,
            Some("gap") => {
                lost += event["last"].as_u64().unwrap() - event["first"].as_u64().unwrap() + 1;
            }
            Some("left") => break,
            _ => {}
        }
    }
    listener.terminated().expect(0);
    (messages, lost)
}

/// Starts a command that reads all lines; the end of its input stays open if `more`.
fn start(group: SocketAddrV4, args: &[&str], more: bool) -> Running {
    let mut command = command(group);
    let mut running = Running::spawn(command.args(args).stdin(Stdio::piped()));
    running.wait_until_joined();
    let mut stdin = running.child.stdin.take().unwrap();
    thread::spawn(move || {
        let _ = stdin.write_all(lines().as_bytes());
        if more {
            thread::sleep(crate::process::PATIENCE);
        }
    });
    running
}

/// The number before ` of N messages were not sent`, 0 if nothing is said of it.
fn unsent(ended: &Ended) -> usize {
    let before = ended.stderr.split(" of 2500 messages were not sent").next();
    let number = before.unwrap().rsplit(' ').next().unwrap();
    number.parse().unwrap_or(0)
}

fn sent(ended: &Ended) -> usize {
    let line = ended.stderr.lines().find(|line| line.starts_with("sent "));
    let line = line.unwrap_or_else(|| panic!("{ended:#?}"));
    line.split(' ').nth(1).unwrap().parse().unwrap()
}

#[test]
fn send_leaves_when_all_is_sent_at_its_pace() {
    for (n, class) in [(244, "best-effort"), (245, "reliable-ordered")] {
        let group = group(n);
        let listener = Running::joined(group, ["listen", "--json"]);
        let args = ["send", "-v", "--lines", "--pace", "board", "--class", class];
        let ended = start(group, &args, false).ended().expect(0);
        assert_eq!(sent(&ended), LINES);
        assert_eq!(heard(listener), (LINES, 0), "{class}");
    }
}

#[test]
fn what_was_not_sent_in_time_is_said_and_exit_3() {
    for (n, class) in [(246, "best-effort"), (247, "reliable-ordered")] {
        let group = group(n);
        let listener = Running::joined(group, ["listen", "--json"]);
        let args = [
            "send",
            "-v",
            "--lines",
            "--pace",
            "board",
            "--class",
            class,
            "--leave-within",
            "0.5",
        ];
        let ended = start(group, &args, false).ended().expect(3);
        let unsent = unsent(&ended);
        assert!(unsent > 0, "{ended:#?}");
        assert_eq!(sent(&ended), LINES - unsent, "{ended:#?}");
        let lost = if class == "best-effort" { 0 } else { unsent };
        assert_eq!(heard(listener), (LINES - unsent, lost as u64), "{class}");
    }
}

#[test]
fn who_is_interrupted_sends_what_it_read_and_says_what_it_did_not() {
    let group = group(248);
    let listener = Running::joined(group, ["listen", "--json"]);
    let args = ["send", "-v", "--lines", "--pace", "board", "--rate", "500"];
    let sender = start(group, &args, true);
    thread::sleep(Duration::from_secs(1));
    let ended = sender.terminated().expect(3);
    let sent = sent(&ended);
    assert!((1..LINES).contains(&sent), "{ended:#?}");
    let rest = LINES - sent;
    let said = format!("ended after {sent} lines: {rest} lines of standard input were not sent");
    assert!(ended.stderr.contains(&said), "{ended:#?}");
    assert_eq!(heard(listener), (sent, 0));
}

#[test]
fn whoever_ends_it_at_once_is_told_what_that_loses() {
    let group = group(253);
    let args = ["send", "--lines", "--pace", "board"];
    let mut sender = start(group, &args, false);
    // Time for it to read the last line, and to begin to leave; then time in which it says nothing.
    thread::sleep(Duration::from_secs(1));
    sender.signal(Signal::TERM);
    sender.wait_for_stderr("groupcast: ");
    // At once it would be the same signal, twice.
    thread::sleep(Duration::from_millis(300));
    let ended = sender.terminated().expect(130);
    assert!(
        ended.stderr.contains("groupcast: ended at once: "),
        "{ended:#?}"
    );
}

#[test]
fn a_signal_that_comes_twice_is_one() {
    let group = group(254);
    let listener = Running::joined(group, ["listen", "--json"]);
    let args = ["send", "-v", "--lines", "--pace", "board"];
    let sender = start(group, &args, true);
    thread::sleep(Duration::from_millis(500));
    // `timeout` sends one to the process, and one to its group.
    sender.signal(Signal::TERM);
    let ended = sender.terminated();
    assert_ne!(ended.code, Some(130), "{ended:#?}");
    assert_eq!(heard(listener), (sent(&ended), 0), "{ended:#?}");
}

#[test]
fn a_sender_without_anything_to_do_is_interrupted_with_success() {
    let group = group(249);
    let mut listener = Running::joined(group, ["listen", "--json"]);
    let mut command = command(group);
    let args = ["send", "--lines", "--class", "reliable"];
    let mut sender = Running::spawn(command.args(args).stdin(Stdio::piped()));
    let mut stdin = sender.child.stdin.take().unwrap();
    stdin.write_all(b"hello\n").unwrap();
    assert_eq!(listener.message()["text"], "hello");
    sender.terminated().expect(0);
}

#[test]
fn chat_leaves_when_all_that_was_piped_in_is_sent() {
    let group = group(250);
    let listener = Running::joined(group, ["listen", "--json"]);
    let args = ["chat", "--plain", "--pace", "board"];
    start(group, &args, false).ended().expect(0);
    assert_eq!(heard(listener), (LINES, 0));
    let listener = Running::joined(group, ["listen", "--json"]);
    let args = ["chat", "--plain", "--pace", "board", "--leave-within", "0"];
    let ended = start(group, &args, false).ended().expect(3);
    let unsent = unsent(&ended);
    assert!(unsent > 0, "{ended:#?}");
    assert_eq!(heard(listener), (LINES - unsent, unsent as u64));
}

#[test]
fn a_terminal_shows_how_far_leaving_is() {
    let group = group(251);
    let (keyboard, other) = terminal();
    let mut keyboard = File::from(keyboard);
    let mut command = command(group);
    command
        .args(["send", "--lines", "--pace", "board"])
        .stdin(Stdio::piped())
        .stderr(Stdio::from(other));
    let mut child = command.spawn().unwrap();
    // It holds the terminal's other end.
    drop(command);
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(lines().as_bytes()).unwrap();
    drop(stdin);
    let mut shown = String::new();
    let mut buffer = [0; 4096];
    while let Ok(len @ 1..) = keyboard.read(&mut buffer) {
        shown += &String::from_utf8_lossy(&buffer[..len]);
    }
    assert!(child.wait().unwrap().success(), "{shown}");
    assert!(
        shown.contains(" messages to send before leaving"),
        "{shown}"
    );
}
