//! `groupcast pipe`: lines of JSON in and out.

use core::net::SocketAddrV4;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::{ChildStdin, Stdio};

use groupcast_std::key_file::KeyFile;
use groupcast_std::sign_file;
use serde_json::{Value, json};

use crate::process::{Ended, Running, command, group, run, run_with_input, stranger};

/// A member on two pipes.
struct Pipe {
    running: Running,
    input: ChildStdin,
}

impl Pipe {
    fn start(group: SocketAddrV4, options: &[&str]) -> Self {
        let mut command = command(group);
        command.args(["pipe", "--json"]).args(options);
        let mut running = Running::spawn(command.stdin(Stdio::piped()));
        let input = running.child.stdin.take().unwrap();
        running.wait_until_joined();
        Self { running, input }
    }

    fn write(&mut self, line: &str) {
        writeln!(self.input, "{line}").unwrap();
    }

    /// The next line of this kind; others are passed over.
    fn event(&mut self, kind: &str) -> Value {
        self.running.event(kind)
    }

    /// Ends its input, and waits for its end.
    fn ended(self) -> Ended {
        drop(self.input);
        self.running.ended()
    }
}

/// Two members that know each other.
fn two(group: SocketAddrV4, options: &[&str]) -> (Pipe, Pipe) {
    let [ana, ben] = ["ana", "ben"].map(|name| [&["--name", name], options].concat());
    let (mut ana, mut ben) = (Pipe::start(group, &ana), Pipe::start(group, &ben));
    ana.event("joined");
    ben.event("joined");
    (ana, ben)
}

/// The rest of its lines that are of this kind.
fn of(ended: &Ended, kind: &str) -> Vec<Value> {
    let lines = ended
        .stdout
        .iter()
        .map(|l| serde_json::from_str(l).unwrap());
    lines.filter(|line: &Value| line["event"] == kind).collect()
}

#[test]
fn every_class_goes_out_and_comes_in_and_nobody_hears_itself() {
    let group = group(102);
    let (mut ana, mut ben) = two(group, &[]);
    let lines = [
        (r#"{"text":"1"}"#, "best-effort", 0, json!("1")),
        (
            r#"{"hex":"ff00","class":"latest","channel":1}"#,
            "latest",
            1,
            json!(null),
        ),
        (
            r#"{"base64":"Mw==","class":"state","channel":2}"#,
            "state",
            2,
            json!("3"),
        ),
        (
            r#"{"text":"4","class":"reliable-unordered","channel":3}"#,
            "reliable-unordered",
            3,
            json!("4"),
        ),
        (
            r#"{"text":"","class":"reliable","channel":4}"#,
            "reliable-ordered",
            4,
            json!(""),
        ),
    ];
    for (number, (line, class, channel, text)) in (1..).zip(lines) {
        ana.write(line);
        let queued = ana.event("queued");
        assert_eq!(queued["line"], number, "{queued}");
        let heard = ben.event("message");
        assert_eq!(heard["from"], "ana", "{heard}");
        assert_eq!(heard["sequence"], queued["sequence"], "{heard}");
        assert_eq!(
            (&heard["class"], &heard["channel"]),
            (&json!(class), &json!(channel))
        );
        assert_eq!(heard["text"], text, "{heard}");
    }
    ben.write(r#"{"text":"and I"}"#);
    assert_eq!(ana.event("message")["text"], "and I");
    // What is left of both is no message: not a line of one's own either.
    let (ana, ben) = (ana.ended().expect(0), ben.ended().expect(0));
    assert_eq!(of(&ana, "message"), [Value::Null; 0], "{ana:#?}");
    assert_eq!(of(&ben, "message"), [Value::Null; 0], "{ben:#?}");
}

#[test]
fn a_line_is_confirmed_by_those_who_have_it_or_it_is_said_that_it_is_not() {
    let group = group(103);
    let mut ana = Pipe::start(group, &["--timeout", "2"]);
    let ready = ana.event("ready");
    assert_eq!(ready["group"], group.to_string());
    // Nobody is there.
    ana.write(r#"{"text":"alone","class":"reliable","confirm":true}"#);
    let told = ana.event("unconfirmed");
    assert_eq!((&told["line"], &told["by"]), (&json!(1), &json!([])));
    let ben = Running::joined(group, ["listen", "--json", "--id", "7f3a"]);
    ana.event("joined");
    for class in ["state", "reliable-unordered", "reliable-ordered"] {
        ana.write(&format!(
            r#"{{"text":"{class}","class":"{class}","confirm":true}}"#
        ));
        let queued = ana.event("queued");
        let told = ana.event("confirmed");
        assert_eq!(told["by"], json!(["00007f3a"]), "{told}");
        assert_eq!(told["line"], queued["line"], "{told}");
        assert_eq!(told["sequence"], queued["sequence"], "{told}");
    }
    ana.write(r#"{"text":"for two","class":"reliable","confirm":2}"#);
    ana.write(r#"{"text":"for one","class":"reliable","confirm":1}"#);
    // The one that is confirmed does not wait for the other.
    assert_eq!(ana.event("confirmed")["line"], 6);
    let told = ana.event("unconfirmed");
    assert_eq!(
        (&told["line"], &told["by"]),
        (&json!(5), &json!(["00007f3a"]))
    );
    let ended = ana.ended().expect(3);
    assert!(
        ended.stderr.contains("2 of 6 lines were not confirmed"),
        "{ended:#?}"
    );
    ben.interrupted().expect(0);
}

#[test]
fn every_bad_line_is_answered_by_its_number_and_disturbs_no_other() {
    let group = group(104);
    let mut listener = Running::joined(group, ["listen", "--json"]);
    let bad: [&[u8]; 10] = [
        b"",
        b"hello",
        b"[]",
        b"{\"text\":\"a\"",
        b"\xff\xfe",
        b"{\"text\":1}",
        b"{\"text\":\"a\",\"chanel\":1}",
        b"{\"hex\":\"0\"}",
        b"{\"text\":\"a\",\"class\":\"none\"}",
        b"\0",
    ];
    let good = |n: usize| format!(r#"{{"text":"{n}","class":"reliable","confirm":1}}"#);
    let mut input = Vec::new();
    for number in 0..1000 {
        input.extend_from_slice(bad[number % bad.len()]);
        input.push(b'\n');
        if number % 10 == 9 {
            input.extend_from_slice(good(number / 10).as_bytes());
            input.push(b'\n');
        }
    }
    // One that is too long for a message, and one that is too long for a line.
    for len in [400_000, 3_000_000] {
        input.extend_from_slice(format!("{{\"text\":\"{}\"}}\n", "x".repeat(len)).as_bytes());
    }
    let ended = run_with_input(group, &["pipe", "--json"], &input).expect(2);
    let lines = |kind: &str| -> Vec<u64> {
        let lines = of(&ended, kind);
        lines
            .iter()
            .map(|line| line["line"].as_u64().unwrap())
            .collect()
    };
    let (good, bad): (Vec<u64>, Vec<u64>) = (1..=1102).partition(|n| n % 11 == 0 && *n <= 1100);
    assert_eq!(lines("error"), bad);
    assert_eq!(lines("queued"), good);
    assert_eq!(lines("confirmed"), good);
    assert!(
        ended.stderr.contains("1002 of 1102 lines were not sent"),
        "{}",
        ended.stderr
    );
    let why = of(&ended, "error");
    assert!(
        why[1000]["error"]
            .as_str()
            .unwrap()
            .contains("400000 bytes"),
        "{}",
        why[1000]
    );
    assert!(
        why[1001]["error"].as_str().unwrap().contains("split it"),
        "{}",
        why[1001]
    );
    for number in 0..100 {
        assert_eq!(listener.message()["text"], number.to_string());
    }
    listener.interrupted().expect(0);
}

#[test]
fn the_end_of_input_leaves_after_what_is_queued() {
    let group = group(105);
    let mut listener = Running::joined(group, ["listen", "--json"]);
    // Twice as long at its pace as a member stays that has nothing to say.
    let text = "x".repeat(1000);
    let line = format!("{{\"text\":\"{text}\",\"class\":\"reliable\"}}\n");
    let ended = run_with_input(
        group,
        &["pipe", "--pace", "board"],
        line.repeat(200).as_bytes(),
    );
    let ended = ended.expect(0);
    assert_eq!(of(&ended, "queued").len(), 200);
    for _ in 0..200 {
        assert_eq!(listener.message()["bytes"], 1000);
    }
    listener.event("left");
    let ended = listener.interrupted().expect(0);
    assert_eq!(of(&ended, "gap"), [Value::Null; 0]);
}

#[test]
fn ctrl_c_answers_what_is_left_and_leaves() {
    let group = group(106);
    let mut listener = Running::joined(group, ["listen", "--json"]);
    let mut ana = Pipe::start(group, &["--timeout", "60"]);
    ana.event("joined");
    ana.write(r#"{"text":"for two","class":"state","confirm":2}"#);
    ana.event("queued");
    assert_eq!(listener.message()["text"], "for two");
    let ended = ana.running.interrupted().expect(3);
    assert_eq!(of(&ended, "unconfirmed").len(), 1, "{ended:#?}");
    listener.event("left");
    listener.interrupted().expect(0);
}

#[test]
fn what_was_read_before_ctrl_c_is_sent_and_confirmed() {
    let group = group(174);
    let (mut ana, ben) = two(group, &["--pace", "board"]);
    let text = "x".repeat(1000);
    for _ in 0..100 {
        ana.write(&format!(
            r#"{{"text":"{text}","class":"reliable","confirm":true}}"#
        ));
    }
    ana.event("queued");
    // It takes no more lines than its pace sends, so mostly some are not read.
    let ended = ana.running.interrupted();
    let unread = ended
        .stderr
        .contains("lines of standard input were not sent");
    assert_eq!(ended.code, Some(if unread { 3 } else { 0 }), "{ended:#?}");
    let count = |kind| of(&ended, kind).len();
    // One was queued before, and one may have been held when there was no room.
    assert!(count("queued") > 0, "{ended:#?}");
    assert!(count("error") <= 1, "{ended:#?}");
    assert_eq!(count("confirmed"), count("queued") + 1, "{ended:#?}");
    assert_eq!(count("unconfirmed"), 0);
    ben.ended();
}

#[test]
fn it_is_sealed_and_signed_like_the_others() {
    let group = group(107);
    let scratch = |name: &str, text: &str| {
        let path = std::env::temp_dir();
        let path = path.join(format!("groupcast-pipe-{}-{name}", std::process::id()));
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let keys = scratch("keys", &KeyFile::generate("kitchen").unwrap().to_text());
    let key = sign_file::generate().unwrap();
    let boss = scratch("boss", &sign_file::to_text(&key, "boss").unwrap());
    let trust = scratch(
        "trust",
        &sign_file::trust_line("boss", &key.public()).unwrap(),
    );
    let mut ben = Pipe::start(group, &["-k", &keys, "--trust", &trust]);
    assert_eq!(ben.event("ready")["sealed"], true);
    let mut ana = Pipe::start(group, &["-k", &keys, "--sign-key", &boss]);
    ana.event("joined");
    ana.write(r#"{"text":"off","class":"reliable","confirm":1}"#);
    ana.event("confirmed");
    let heard = ben.event("message");
    assert_eq!(
        (&heard["text"], &heard["signed_by"]),
        (&json!("off"), &json!("boss"))
    );
    // Neither a stranger nor a member who is no publisher is shown.
    stranger().send_to(b"off", group).unwrap();
    run(group, ["send", "-k", &keys, "--class", "reliable", "on"]).expect(0);
    assert_eq!(ben.event("untrusted")["reason"], "not-signed");
    ana.ended().expect(0);
    let ended = ben.ended().expect(0);
    assert_eq!(of(&ended, "message"), [Value::Null; 0]);
    for path in [keys, boss, trust] {
        fs::remove_file(path).unwrap();
    }
}

#[test]
fn whoever_writes_faster_than_the_group_takes_is_held_up_and_loses_nothing() {
    const LINES: usize = 5_000;
    let group = group(108);
    let (mut ana, mut ben) = two(group, &["--timeout", "60"]);
    let mut input = ana.input;
    let writer = std::thread::spawn(move || {
        for number in 0..LINES {
            writeln!(
                input,
                r#"{{"text":"{number}","class":"reliable","confirm":true}}"#
            )
            .unwrap();
        }
        input
    });
    for number in 0..LINES {
        assert_eq!(ben.event("message")["text"], number.to_string());
    }
    for number in 1..=LINES {
        assert_eq!(ana.running.event("confirmed")["line"], number);
    }
    drop(writer.join().unwrap());
    ana.running.ended().expect(0);
    ben.ended().expect(0);
}
