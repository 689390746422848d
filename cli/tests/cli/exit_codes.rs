//! The exit codes of the manual, each as somebody gets it.

use core::time::Duration;
use std::fs::OpenOptions;
use std::io::Write;
use std::process::Stdio;
use std::thread;
use std::time::Instant;

use rustix::process::Signal;

use crate::process::{PATIENCE, Running, command, group, run};

/// The codes of the manual's table.
fn codes() -> Vec<i32> {
    let page = run(group(0), ["man"]).expect(0).stdout;
    let from = page.iter().position(|line| line == ".SH \"EXIT STATUS\"");
    let codes = page[from.unwrap()..].iter();
    let codes = codes.filter_map(|line| line.strip_prefix("\\fB")?.strip_suffix("\\fR"));
    codes.map(|code| code.parse().unwrap()).collect()
}

#[test]
fn each_code_of_the_manual_is_given() {
    for code in codes() {
        match code {
            0 => done(),
            1 => trouble(),
            2 => {
                run(group(239), ["send", "--hop-limit", "many", "hello"]).expect(2);
            }
            3 => unmet(),
            130 => interrupted_twice(),
            other => panic!("no test of exit code {other}"),
        }
    }
    assert_eq!(codes(), [0, 1, 2, 3, 130]);
}

fn done() {
    run(group(239), ["send", "hello"]).expect(0);
    Running::joined(group(239), ["listen"])
        .terminated()
        .expect(0);
}

/// Standard output is full.
fn trouble() {
    let Ok(full) = OpenOptions::new().write(true).open("/dev/full") else {
        return;
    };
    let mut command = command(group(239));
    let status = command.arg("interfaces").stdout(full).status().unwrap();
    assert_eq!(status.code(), Some(1));
}

/// Fewer messages than asked for: in time, or before a signal.
fn unmet() {
    let listen = ["listen", "--count", "2"];
    let timeout = ["--timeout", "0.1"];
    run(group(240), listen.iter().chain(&timeout)).expect(3);
    let ended = Running::joined(group(240), listen).terminated().expect(3);
    assert!(
        ended.stderr.contains("0 of 2 messages came before"),
        "{ended:#?}"
    );
    // Nobody is there, and somebody is impatient.
    let send = ["send", "--class", "reliable", "--expect", "1", "hello"];
    let ended = Running::joined(group(240), send).terminated().expect(3);
    assert!(ended.stderr.contains("nothing was sent"), "{ended:#?}");
}

fn interrupted_twice() {
    let mut command = command(group(241));
    command.args(["send", "--lines", "--pace", "board"]);
    let mut sender = Running::spawn(command.stdin(Stdio::piped()));
    sender.wait_until_joined();
    let mut stdin = sender.child.stdin.take().unwrap();
    stdin
        .write_all("0123456789\n".repeat(40_000).as_bytes())
        .unwrap();
    drop(stdin);
    sender.signal(Signal::TERM);
    sender.wait_for_stderr("groupcast: ");
    sender.signal(Signal::TERM);
    sender.ended().expect(130);
}

#[test]
fn expect_ends_as_soon_as_those_expected_have_left() {
    let group = group(242);
    let mut listener = Running::joined(group, ["listen", "--json"]);
    let (mut sender, mut stdin) = reliable_lines(group);
    stdin.write_all(b"one\n").unwrap();
    assert_eq!(listener.message()["text"], "one");
    listener.terminated().expect(0);
    stdin.write_all(b"two\n").unwrap();
    // It hears of the good-bye before.
    thread::sleep(Duration::from_secs(1));
    let began = Instant::now();
    drop(stdin);
    sender.wait_for_stderr("groupcast: 0 of 1 members have all of it, and no other can");
    assert!(began.elapsed() < PATIENCE);
    let ended = sender.ended().expect(3);
    assert!(ended.stderr.contains("1 left before"), "{ended:#?}");
}

#[test]
fn expect_ends_as_soon_as_those_expected_say_that_they_lack_some() {
    let group = group(243);
    let mut first = Running::joined(group, ["listen", "--json"]);
    let (mut sender, mut stdin) = reliable_lines(group);
    stdin.write_all(b"one\n").unwrap();
    assert_eq!(first.message()["text"], "one");
    first.terminated().expect(0);
    let mut second = Running::joined(group, ["listen", "--json"]);
    second.event("joined");
    stdin.write_all(b"two\n").unwrap();
    assert_eq!(second.message()["text"], "two");
    drop(stdin);
    sender.wait_for_stderr("groupcast: ");
    let ended = sender.ended().expect(3);
    assert!(ended.stderr.contains("came too late or lost"), "{ended:#?}");
}

/// A sender of lines that one member is to have, within far more time than there is.
fn reliable_lines(group: core::net::SocketAddrV4) -> (Running, std::process::ChildStdin) {
    let mut command = command(group);
    command.args([
        "send",
        "--lines",
        "--class",
        "reliable",
        "--expect",
        "1",
        "--timeout",
        "600",
    ]);
    let mut sender = Running::spawn(command.stdin(Stdio::piped()));
    sender.wait_until_joined();
    let stdin = sender.child.stdin.take().unwrap();
    (sender, stdin)
}
