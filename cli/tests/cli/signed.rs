//! `keygen --sign`, `send --sign-key` and `listen --trust`.

use core::net::SocketAddrV4;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use groupcast::sign::Statement;
use groupcast::wire::{Data, Frame, Header, Suite, emit, open_group_tag};
use groupcast::{Channel, MemberId, Name, Sequence, Session};
use groupcast_std::key_file::KeyFile;
use groupcast_std::sign_file;
use serde_json::Value;

use crate::process::{Ended, Running, group, run, stranger};

/// A file of a test, which removes it.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str, content: &str, mode: u32) -> Self {
        let path = std::env::temp_dir();
        let path = path.join(format!("groupcast-signed-{}-{name}", std::process::id()));
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        Self(path)
    }

    /// The file of a new key.
    fn key(name: &str) -> Self {
        let ended = run(group(130), ["keygen", "--sign", "--name", name]).expect(0);
        Self::new(name, &ended.stdout.join("\n"), 0o600)
    }

    /// The file that trusts this key under this name.
    fn trust(key: &Self, name: &str) -> Self {
        let args = ["keygen", "--public", key.path(), "--name", name];
        let ended = run(group(130), args).expect(0);
        Self::new(&format!("{name}-trust"), &ended.stdout.join("\n"), 0o644)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn say(group: SocketAddrV4, text: &str, options: &[&str]) -> Ended {
    run(group, ["send", "--name", "ana", text].iter().chain(options)).expect(0)
}

/// The next event that is about a message, shown or not.
fn next(listener: &mut Running) -> Value {
    loop {
        let event: Value = serde_json::from_str(&listener.line()).unwrap();
        if ["message", "raw", "untrusted"].contains(&event["event"].as_str().unwrap()) {
            return event;
        }
    }
}

#[test]
fn only_what_a_trusted_publisher_signed_is_shown() {
    let group = group(131);
    let (boss, thief) = (Scratch::key("boss1"), Scratch::key("thief1"));
    let trust = Scratch::trust(&boss, "boss1");
    let args = ["listen", "--json", "--trust", trust.path()];
    let mut listener = Running::joined(group, args);
    let reasons = ["not-signed", "nobody-trusted", "not-signed"];
    say(group, "off", &[]);
    say(group, "off", &["--sign-key", thief.path()]);
    stranger().send_to(b"off", group).unwrap();
    for reason in reasons {
        let event = next(&mut listener);
        assert_eq!(event["event"], "untrusted", "{event}");
        assert_eq!(event["reason"], reason, "{event}");
        assert!(!event.to_string().contains("off"), "{event}");
    }
    say(group, "off", &["--sign-key", boss.path()]);
    let event = next(&mut listener);
    assert_eq!(event["event"], "message", "{event}");
    assert_eq!(event["signed_by"], "boss1", "{event}");
    assert_eq!(event["text"], "off", "{event}");
    assert_eq!(event["bytes"], 3, "{event}");
    assert!(event.get("signed").is_none(), "{event}");
    let ended = listener.interrupted().expect(0);
    assert!(
        ended.stderr.contains("\ntrusted=1 untrusted=3"),
        "{ended:#?}"
    );
}

#[test]
fn people_are_told_who_signed_and_what_is_not_verified() {
    let group = group(132);
    let boss = Scratch::key("boss2");
    let trust = Scratch::trust(&boss, "night shift");
    let args = ["listen", "--count", "1", "--timeout", "20"];
    let trusting = Running::joined(group, args.iter().chain(&["--trust", trust.path()]));
    let plain = Running::joined(group, args);
    let json = Running::joined(group, args.iter().chain(&["--json"]));
    // A name that pretends to be signed.
    let name = "x] \"boss";
    let args = [
        "send",
        "--name",
        name,
        "--id",
        "7f3a",
        "--sign-key",
        boss.path(),
        "off",
    ];
    run(group, args).expect(0);
    let last = |listener: Running| listener.ended().expect(0).stdout.pop().unwrap();
    assert_eq!(
        last(trusting),
        "[signed by night shift; unsigned name \"x] \\\"boss\"] 00007f3a: off"
    );
    assert_eq!(last(plain), "[signed, not verified] x] \"boss: off");
    let event: Value = serde_json::from_str(&last(json)).unwrap();
    assert_eq!(event["signed"], "unverified", "{event}");
    assert!(event.get("signed_by").is_none(), "{event}");
    assert_eq!(event["text"], "off", "{event}");
}

#[test]
fn commands_are_signed_in_sealed_groups_and_in_many_fragments_too() {
    let group = group(133);
    let boss = Scratch::key("boss3");
    let trust = Scratch::trust(&boss, "boss3");
    let keys = KeyFile::generate("kitchen").unwrap().to_text();
    let keys = Scratch::new("keys3", &keys, 0o600);
    let long = "x".repeat(20_000);
    let file = Scratch::new("long3", &long, 0o600);
    let listener = [
        "listen",
        "--json",
        "-k",
        keys.path(),
        "--trust",
        trust.path(),
    ];
    let mut listener = Running::joined(group, listener);
    let reliable = [
        "send",
        "-k",
        keys.path(),
        "--class",
        "reliable-ordered",
        "--expect",
        "1",
    ];
    let send = |options: &[&str]| run(group, reliable.iter().chain(options)).expect(0);
    send(&["--sign-key", boss.path(), "--file", file.path()]);
    let event = next(&mut listener);
    assert_eq!(event["signed_by"], "boss3", "{event}");
    assert_eq!(event["text"], long);
    // A member of the sealed group is no publisher.
    send(&["--file", file.path()]);
    let event = next(&mut listener);
    assert_eq!(event["reason"], "not-signed", "{event}");
    listener.interrupted().expect(0);
}

#[test]
fn a_signed_message_that_a_member_sends_again_is_not_shown_again() {
    let group = group(134);
    let boss = Scratch::key("boss4");
    let trust = Scratch::trust(&boss, "boss4");
    let key = sign_file::load(boss.path()).unwrap();
    let (sender, session) = (MemberId::new(7).unwrap(), Session::new(9));
    let signature = key.sign(&Statement {
        group: group.into(),
        group_name: Name::EMPTY,
        sender,
        session,
        channel: Channel::best_effort(1),
        sequence: Sequence::new(4),
        payload: b"open",
    });
    let body = [b"open".as_slice(), &signature].concat();
    let datagram = |channel, counter| {
        let header = Header {
            suite: Suite::Open,
            tag: open_group_tag(group.into(), &Name::EMPTY),
            sender,
            session,
            counter,
        };
        let data = Data {
            class: 0,
            latest: false,
            repair: false,
            copy: false,
            signed: true,
            channel,
            horizon: 0,
            fragment: 0,
            last: 0,
            sequence: 4,
            payload: &body,
        };
        let mut buffer = [0; 1472];
        let len = emit(&header, &[Frame::Data(data)], &mut buffer).unwrap();
        buffer[..len].to_vec()
    };
    let args = ["listen", "--json", "--trust", trust.path()];
    let mut listener = Running::joined(group, args);
    let member = stranger();
    for (channel, counter, event, reason) in [
        (1, 1, "message", None),
        (1, 2, "untrusted", Some("replayed")),
        (2, 3, "untrusted", Some("nobody-trusted")),
    ] {
        member.send_to(&datagram(channel, counter), group).unwrap();
        let told = next(&mut listener);
        assert_eq!(told["event"], event, "{told}");
        assert_eq!(told["reason"].as_str(), reason, "{told}");
    }
    listener.interrupted().expect(0);
}

#[test]
fn who_waits_for_a_publisher_that_does_not_come_is_told_what_else_came() {
    let group = group(135);
    let trust = Scratch::trust(&Scratch::key("boss5"), "boss5");
    let args = [
        "listen",
        "--trust",
        trust.path(),
        "--count",
        "1",
        "--timeout",
        "3",
    ];
    let listener = Running::joined(group, args);
    stranger().send_to(b"off", group).unwrap();
    let ended = listener.ended().expect(3);
    assert!(
        ended
            .stderr
            .contains("0 of 1 messages came in time, and 1 that"),
        "{ended:#?}"
    );
    assert!(ended.stderr.contains("--trust"), "{ended:#?}");
}

#[test]
fn keys_of_publishers_are_private_and_their_public_keys_fit_them() {
    let boss = Scratch::key("boss6");
    let key = sign_file::load(boss.path()).unwrap();
    let public = key.public();
    // The file says what to hand out.
    let text = fs::read_to_string(&boss.0).unwrap();
    let args = ["keygen", "--public", boss.path(), "--name", "boss6"];
    let line = run(group(130), args).expect(0).stdout.pop().unwrap();
    assert!(text.contains(&line), "{text}");
    assert_eq!(line, sign_file::trust_line("boss6", &public).unwrap());
    for (option, begins) in [
        (
            "--c-array",
            "static const unsigned char groupcast_public_key[32] = {",
        ),
        ("--rust-array", "pub const PUBLIC_KEY: [u8; 32] = ["),
    ] {
        let lines = run(group(130), args.iter().chain(&[option]))
            .expect(0)
            .stdout;
        assert_eq!(lines[0], "// The public key of \"boss6\".");
        assert_eq!(lines[1], begins);
        let words = lines.iter().flat_map(|line| line.split([' ', ',']));
        let digits = words.filter_map(|word| word.strip_prefix("0x"));
        let octets: Vec<_> = digits.map(|d| u8::from_str_radix(d, 16).unwrap()).collect();
        assert_eq!(octets, public.as_bytes());
    }
    let ended = run(group(130), args.iter().chain(&["--json"])).expect(0);
    let json: Value = serde_json::from_str(&ended.stdout[0]).unwrap();
    assert!(
        line.contains(json["public_key"].as_str().unwrap()),
        "{json}"
    );
    let ended = run(group(130), ["keygen", "--sign", "--json"]).expect(0);
    let json: Value = serde_json::from_str(&ended.stdout[0]).unwrap();
    assert!(
        json["signing_key"].as_str().unwrap().starts_with("gs1-"),
        "{json}"
    );
}

#[test]
fn what_cannot_be_is_refused_with_advice() {
    let group = group(136);
    let boss = Scratch::key("boss7");
    let trust = Scratch::trust(&boss, "boss7");
    let refused = |arguments: &[&str], advice: &str| {
        let ended = run(group, arguments).expect(2);
        assert!(ended.stderr.contains(advice), "{advice}: {ended:#?}");
        assert!(ended.stdout.is_empty(), "{ended:#?}");
    };
    let sign = |path| ["send", "hello", "--sign-key", path];
    refused(
        &sign("/nonsense/file"),
        "cannot read the key file /nonsense/file",
    );
    refused(
        &["listen", "--trust", boss.path()],
        "a signing key, not a public key",
    );
    let raw = ["send", "--raw", "hello", "--sign-key", boss.path()];
    refused(&raw, "cannot be used with");
    let bad = ["keygen", "--sign", "--name", "a=b"];
    refused(&bad, "no = # or quote");
    refused(&["keygen", "--sign", "--passphrase"], "cannot be used with");
    let long = "x".repeat(1162 - 64 + 1);
    let send = [
        "send",
        "--class",
        "latest",
        &long,
        "--sign-key",
        boss.path(),
    ];
    refused(&send, "has 1099 bytes, and at most 1098 are possible");
    let mode = |file: &Scratch, mode| {
        fs::set_permissions(&file.0, fs::Permissions::from_mode(mode)).unwrap();
    };
    mode(&trust, 0o600);
    refused(&sign(trust.path()), "there is only sign");
    mode(&trust, 0o666);
    refused(&["listen", "--trust", trust.path()], "chmod go-w");
    mode(&boss, 0o644);
    refused(&sign(boss.path()), "chmod 600");
}
