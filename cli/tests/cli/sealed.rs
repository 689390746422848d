//! `--key-file`: sealed groups.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use groupcast_std::key_file::KeyFile;

use crate::process::{Running, command, group, run, run_with_input, stranger};

/// A key file of a test, which removes it.
pub(crate) struct Keys(PathBuf);

impl Keys {
    pub(crate) fn new(name: &str, group: &str) -> Self {
        let path = std::env::temp_dir();
        let path = path.join(format!("groupcast-sealed-{}-{name}", std::process::id()));
        let keys = Self(path);
        keys.write(
            KeyFile::generate(group).unwrap().to_text().as_bytes(),
            0o600,
        );
        keys
    }

    fn write(&self, content: &[u8], mode: u32) {
        fs::write(&self.0, content).unwrap();
        fs::set_permissions(&self.0, fs::Permissions::from_mode(mode)).unwrap();
    }

    pub(crate) fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[test]
fn two_with_one_key_file_talk_and_a_third_with_another_hears_nothing() {
    let group = group(90);
    let (ours, theirs) = (Keys::new("ours", "kitchen"), Keys::new("theirs", "kitchen"));
    let listen = |keys: &Keys| {
        let args = ["listen", "--json", "--timeout", "60", "-k", keys.path()];
        Running::joined(group, args)
    };
    let (mut ear, other) = (listen(&ours), listen(&theirs));
    let say = |text: &str, options: &[&str]| {
        let args = ["send", "--name", "ana", "-k", ours.path(), text];
        run(group, args.iter().chain(options)).expect(0)
    };
    let started = say("Hello, once!", &[]);
    assert!(started.stderr.contains("sealed"), "{started:?}");
    assert_eq!(ear.event("joined")["from"], "ana");
    assert_eq!(ear.message()["text"], "Hello, once!");
    say("surely", &["--class", "reliable-ordered", "--expect", "1"]);
    assert_eq!(ear.message()["text"], "surely");
    // Neither a stranger nor somebody of the open group gets in.
    stranger().send_to(b"let me in", group).unwrap();
    run(group, ["send", "--group-name", "kitchen", "and me"]).expect(0);
    // What came before has been read.
    say("the end", &["--class", "reliable-ordered", "--expect", "1"]);
    assert_eq!(ear.message()["text"], "the end");
    let other = other.interrupted().expect(0);
    assert_eq!(other.stdout, [] as [&str; 0]);
    assert!(other.summary().count("other_group") > 5);
    let summary = ear.interrupted().expect(0).summary();
    assert_eq!(summary.count("messages"), 3);
    assert_eq!(summary.count("raw_refused"), 1);
    assert_eq!(summary.count("raw"), 0);
    assert!(summary.count("wrong_suite") > 0);
}

#[test]
fn the_key_file_may_come_from_the_environment_and_serves_every_command() {
    let group = group(91);
    let keys = Keys::new("environment", "");
    let env = |args: &[&str]| {
        let mut command = command(group);
        Running::spawn(command.env("GROUPCAST_KEY_FILE", keys.path()).args(args))
    };
    let mut members = env(&["members", "--timeout", "3", "--json"]);
    members.wait_until_joined();
    let mut chat = {
        let mut command = command(group);
        let command = command.env("GROUPCAST_KEY_FILE", keys.path());
        Running::spawn(
            command
                .args(["chat", "--name", "ben"])
                .stdin(std::process::Stdio::piped()),
        )
    };
    chat.wait_until_joined();
    let stdin = chat.child.stdin.take().unwrap();
    env(&["demo"]).ended().expect(0);
    let members = members.ended().expect(0);
    let members = members.stdout.join("\n");
    assert!(members.contains("\"from\":\"ben\""), "{members}");
    drop(stdin);
    chat.ended().expect(0);
    let mut listener = env(&["listen", "--count", "1", "--timeout", "15"]);
    listener.wait_until_joined();
    let said = env(&["send", "--name", "ana", "to the last one"]);
    said.ended().expect(0);
    let heard = listener.ended().expect(0);
    assert!(
        heard.stdout.contains(&"ana: to the last one".to_owned()),
        "{heard:?}"
    );
}

#[test]
fn raw_datagrams_are_for_those_who_ask() {
    let group = group(92);
    let keys = Keys::new("raw", "");
    // Whoever has a key may have forgotten that this is without it.
    let refused = run(group, ["send", "--raw", "-k", keys.path(), "x"]).expect(2);
    assert!(refused.stderr.contains("read and forge"), "{refused:#?}");
    let args = [
        "listen",
        "--json",
        "--raw",
        "--count",
        "2",
        "-k",
        keys.path(),
    ];
    let mut ear = Running::joined(group, args);
    stranger().send_to(b"who are you?", group).unwrap();
    assert_eq!(ear.message()["event"], "raw");
    // As it was called before.
    run(group, ["send", "--raw", "nobody"]).expect(0);
    assert_eq!(ear.message()["text"], "nobody");
    ear.ended().expect(0);
}

#[test]
fn a_hidden_listener_must_trust_first() {
    let group = group(93);
    let keys = Keys::new("hidden", "");
    let hidden = ["listen", "--hidden", "--count", "1", "-k", keys.path()];
    let refused = run(group, hidden).expect(2);
    assert!(refused.stderr.contains("TrustFirst"), "{refused:?}");
    let ear = Running::joined(group, hidden.iter().chain(&["--trust-first"]));
    run(group, ["send", "-k", keys.path(), "to whom it may concern"]).expect(0);
    let heard = ear.ended().expect(0).stdout.join("\n");
    assert!(heard.contains("to whom it may concern"), "{heard}");
}

#[test]
fn a_key_file_that_cannot_be_used_is_refused_and_says_why() {
    let group = group(94);
    let keys = Keys::new("wrong", "kitchen");
    let good = fs::read(keys.path()).unwrap();
    let at = good.windows(4).position(|four| four == b"gk1-").unwrap();
    let secret = String::from_utf8(good[at + 15..][..20].to_vec()).unwrap();
    let refused = |advice: &str| {
        for command in [
            &["listen"][..],
            &["chat"],
            &["members"],
            &["send", "x"],
            &["demo"],
        ] {
            let args = command.iter().copied().chain(["-k", keys.path()]);
            let ended = run(group, args).expect(2);
            assert!(ended.stderr.contains(advice), "{command:?}: {ended:?}");
            assert!(!ended.stderr.contains(&secret), "{command:?}: {ended:?}");
        }
    };
    keys.write(&good, 0o644);
    refused("chmod 600");
    keys.write(&good, 0o600);
    let args = ["send", "--group-name", "cellar", "-k", keys.path(), "x"];
    let other = run(group, args).expect(2);
    assert!(
        other.stderr.contains("for the group \"kitchen\""),
        "{other:?}"
    );
    // One letter of the key.
    let mut damaged = good.clone();
    damaged[at + 9] = if damaged[at + 9] == b'a' { b'b' } else { b'a' };
    keys.write(&damaged, 0o600);
    refused("line 3");
    keys.write(b"", 0o600);
    refused("key file");
    fs::remove_file(keys.path()).unwrap();
    refused("cannot read the key file");
}

#[test]
fn lines_and_files_arrive_sealed_too() {
    let group = group(95);
    let keys = Keys::new("lines", "");
    let listen = ["listen", "--json", "--timeout", "8", "-k", keys.path()];
    let mut ear = Running::joined(group, listen);
    let text: String = (0..100).map(|n| format!("line {n}\n")).collect();
    let send = [
        "send",
        "--lines",
        "--class",
        "reliable-ordered",
        "--expect",
        "1",
        "-k",
        keys.path(),
    ];
    run_with_input(group, &send, text.as_bytes()).expect(0);
    for n in 0..100 {
        assert_eq!(ear.message()["text"], format!("line {n}"));
    }
    ear.ended().expect(0);
}
