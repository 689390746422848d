//! `groupcast send` with classes, and what `groupcast listen` shows of them.

use core::time::Duration;
use std::io::Write;
use std::process::Stdio;
use std::thread;
use std::time::Instant;

use rustix::process::Signal;

use crate::process::{PATIENCE, Running, command, group, run, run_with_input};
use crate::send::Temporary;

#[test]
fn a_message_of_every_class_is_shown_with_channel_and_class() {
    let group = group(50);
    let mut listener = Running::joined(group, ["listen", "--json"]);
    let classes = [
        "best-effort",
        "latest",
        "state",
        "reliable-unordered",
        "reliable-ordered",
    ];
    for class in classes {
        run(group, ["send", "--class", class, "--channel", "7", class]).expect(0);
        let message = listener.message();
        assert_eq!(message["text"], class);
        assert_eq!(message["class"], class);
        assert_eq!(message["channel"], 7);
        assert!(message["sequence"].is_u64());
    }
}

#[test]
fn people_see_the_class_of_what_is_replaced_by_something_newer() {
    let group = group(51);
    let mut listener = Running::joined(group, ["listen"]);
    for (class, shown) in [
        ("state", "[0 state] ana: hello"),
        ("reliable", "ana: hello"),
        ("best-effort", "ana: hello"),
    ] {
        run(group, ["send", "--name", "ana", "--class", class, "hello"]).expect(0);
        assert!(listener.line().starts_with("* ana joined"));
        assert_eq!(listener.line(), shown);
        assert!(listener.line().starts_with("* ana left"));
    }
}

#[test]
fn what_is_sent_by_hand_is_reliable_unless_a_rate_is_named() {
    let group = group(68);
    let mut listener = Running::joined(group, ["listen", "--json"]);
    let send: [(&[&str], _); 4] = [
        (&["hello"], "reliable-ordered"),
        (&["--class", "latest", "hello"], "latest"),
        (&["--rate", "100"], "best-effort"),
        (&["--rate", "100", "--expect", "1"], "reliable-ordered"),
    ];
    for (args, class) in send {
        run_with_input(group, &[&["send"], args].concat(), b"hello").expect(0);
        assert_eq!(listener.message()["class"], class, "{args:?}");
    }
}

#[test]
fn who_is_there_and_does_not_have_it_is_told() {
    let group = group(69);
    let ben = Running::joined(group, ["listen", "--name", "ben"]);
    let mut ana = Running::joined(group, ["listen", "--name", "ana", "--json"]);
    let ended = run(group, ["send", "hello"]).expect(0);
    assert!(!ended.stderr.contains("sent"), "all have it: {ended:#?}");
    let mut sender = command(group);
    let mut sender = Running::spawn(sender.args(["send", "--lines"]).stdin(Stdio::piped()));
    sender.wait_until_joined();
    let mut stdin = sender.child.stdin.take().unwrap();
    writeln!(stdin, "one").unwrap();
    while ana.message()["text"] != "one" {}
    // Whom it has not heard of it cannot miss: members answer a newcomer within half a second.
    thread::sleep(Duration::from_secs(1));
    ben.signal(Signal::STOP);
    writeln!(stdin, "two").unwrap();
    drop(stdin);
    let ended = sender.ended().expect(0);
    ben.signal(Signal::CONT);
    let told = "2 messages sent to 1 of 2 members; ben did not confirm it in time";
    assert!(ended.stderr.ends_with(told), "{ended:#?}");
}

#[test]
fn send_ends_when_those_expected_have_it() {
    let group = group(52);
    let mut listeners = [0, 1].map(|_| Running::joined(group, ["listen", "--json"]));
    for class in ["state", "reliable-unordered", "reliable-ordered"] {
        let send = ["send", "--class", class, "--expect", "2", class];
        run(group, send).expect(0);
        for listener in &mut listeners {
            assert_eq!(listener.message()["text"], class);
        }
    }
}

#[test]
fn a_listener_that_ends_with_the_message_confirms_it_before() {
    let group = group(63);
    let listen = ["listen", "--count", "1"];
    let listeners = [(); 2].map(|()| Running::joined(group, listen));
    let send = ["send", "--class", "reliable", "--expect", "2", "hello"];
    run(group, send).expect(0);
    for listener in listeners {
        listener.ended().expect(0);
    }
}

#[test]
fn send_waits_for_those_expected_to_come() {
    let group = group(53);
    let send = ["send", "--class", "reliable", "--expect", "1", "hello"];
    let sender = Running::joined(group, send);
    let mut listener = Running::joined(group, ["listen", "--json"]);
    assert_eq!(listener.message()["text"], "hello");
    sender.ended().expect(0);
}

#[test]
fn too_few_members_in_time_are_exit_3() {
    let group = group(54);
    let _listener = Running::joined(group, ["listen", "--json"]);
    let send = [
        "send",
        "--class",
        "reliable",
        "--expect",
        "2",
        "--timeout",
        "2",
        "hello",
    ];
    let ended = run(group, send).expect(3);
    assert!(ended.stderr.contains("1 of 2 members"), "{ended:#?}");
}

#[test]
fn nobody_confirms_what_is_not_reliable() {
    for class in ["best-effort", "latest"] {
        let send = ["send", "--class", class, "--expect", "1", "hello"];
        let ended = run(group(55), send).expect(2);
        assert!(ended.stderr.contains("--class state"), "{ended:#?}");
    }
    run(group(55), ["send", "--timeout", "1", "hello"]).expect(2);
    run(group(55), ["send", "--raw", "--expect", "1", "hello"]).expect(2);
}

#[test]
fn a_reliable_sender_alone_does_not_stay_long() {
    let began = Instant::now();
    run(group(56), ["send", "--class", "reliable", "hello"]).expect(0);
    assert!(began.elapsed() < PATIENCE);
}

#[test]
fn all_lines_have_arrived_in_order_when_send_ends() {
    let group = group(57);
    let mut listener = Running::joined(group, ["listen", "--json"]);
    let lines: Vec<_> = (0..5000).map(|n| format!("line {n}")).collect();
    let send = ["send", "--lines", "--class", "reliable", "--expect", "1"];
    run_with_input(group, &send, lines.join("\n").as_bytes()).expect(0);
    for line in &lines {
        assert_eq!(listener.message()["text"], *line);
    }
}

#[test]
fn lines_are_not_sent_faster_than_asked() {
    let group = group(58);
    let mut listener = Running::joined(group, ["listen", "--json"]);
    let began = Instant::now();
    let send = ["send", "--lines", "--rate", "100"];
    run_with_input(group, &send, "x\n".repeat(101).as_bytes()).expect(0);
    assert!(began.elapsed() >= Duration::from_millis(900));
    for _ in 0..101 {
        listener.message();
    }
}

#[test]
fn a_large_file_arrives_whole_and_a_larger_one_names_the_limit() {
    let group = group(59);
    let mut listener = Running::joined(group, ["listen", "--json"]);
    let send = |path: &str| {
        run(
            group,
            [
                "send", "--class", "reliable", "--expect", "1", "--file", path,
            ],
        )
    };
    let content: String = (0..65_000_u32)
        .map(|n| char::from(b'a' + (n % 23) as u8))
        .collect();
    let large = Temporary::new("large", content.as_bytes());
    send(large.path()).expect(0);
    assert_eq!(listener.message()["text"], content);
    let larger = Temporary::new("larger", &[b'x'; 70_000]);
    let ended = send(larger.path()).expect(2);
    assert!(
        ended.stderr.contains("70000 bytes, and at most 6"),
        "{ended:#?}"
    );
}

#[test]
fn who_comes_late_hears_of_the_past_what_it_asks_for() {
    let group = group(60);
    let args = ["send", "--class", "reliable", "--lines", "--name", "early"];
    let mut command = command(group);
    let mut sender = Running::spawn(command.args(args).stdin(Stdio::piped()));
    let mut stdin = sender.child.stdin.take().unwrap();
    let mut first = Running::joined(group, ["listen", "--json"]);
    first.event("joined");
    let mut say = |line: &str| Write::write_all(&mut stdin, line.as_bytes()).unwrap();
    say("one\ntwo\n");
    first.message();
    first.message();
    let mut current = Running::joined(group, ["listen", "--json"]);
    let mut recent = Running::joined(group, ["listen", "--json", "--join", "recent:1"]);
    current.event("joined");
    current.event("joined");
    assert_eq!(recent.message()["text"], "two");
    say("three\n");
    assert_eq!(recent.message()["text"], "three");
    assert_eq!(current.message()["text"], "three");
}

#[test]
fn the_memory_and_the_pace_of_a_board_do_too() {
    let group = group(61);
    let mut listener = Running::joined(group, ["listen", "--json", "--storage", "board"]);
    let send = [
        "send",
        "--class",
        "reliable",
        "--expect",
        "1",
        "--storage",
        "tiny",
        "--pace",
        "board",
        "x",
    ];
    run(group, send).expect(0);
    assert_eq!(listener.message()["text"], "x");
}
