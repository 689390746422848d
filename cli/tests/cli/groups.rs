//! `groupcast groups`.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::process::{Ended, Running, command, group, run, stranger};

/// What is said of a group: a line for each kind that speaks on its address and port.
fn of(ended: &Ended, group: core::net::SocketAddrV4) -> Vec<Value> {
    let lines = ended.stdout.iter();
    let lines = lines.map(|line| serde_json::from_str::<Value>(line).expect(line));
    lines
        .filter(|line| line["group"] == group.to_string())
        .collect()
}

#[test]
fn groups_are_heard_that_are_named_and_those_that_this_machine_has_joined() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("groups");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    let key = folder.join("kitchen.keys");
    let (open, sealed, joined, also) = (group(3), group(4), group(5), group(6));
    run(
        open,
        [
            "keygen",
            "--group-name",
            "kitchen",
            "--out",
            key.to_str().unwrap(),
        ],
    )
    .expect(0);
    let text = format!(
        "[profiles.kitchen]\ngroup = \"{sealed}\"\nkey-file = \"kitchen.keys\"\n\
         [profiles.broken]\ngroup = \"{sealed}\"\nkey-file = \"nothing.keys\"\n"
    );
    let config = folder.join("config.toml");
    fs::write(&config, text).unwrap();

    let listen = |group, name: &str, more: &[&str]| {
        Running::joined(group, ["listen", "--name", name].iter().chain(more))
    };
    let key = key.to_str().unwrap();
    let _members = [
        listen(open, "ana", &[]),
        listen(open, "ben", &[]),
        listen(open, "eva", &["--group-name", "other"]),
        listen(sealed, "cook", &["--key-file", key]),
        listen(joined, "far", &[]),
        listen(also, "too", &[]),
    ];
    let mut looking = command(open);
    looking.env("GROUPCAST_CONFIG", &config);
    let also_text = also.to_string();
    let mut looking =
        Running::spawn(looking.args(["groups", "--json", "--timeout", "3", "--also", &also_text]));
    looking.wait_for_stderr("groupcast: profile broken: cannot read the key file");
    looking.wait_for_stderr("listening on lo");
    for _ in 0..2 {
        stranger().send_to(b"raw", sealed).unwrap();
    }
    let ended = looking.ended().expect(0);
    assert!(ended.stderr.contains("are not heard"), "{ended:#?}");
    // The usual group is always among them.
    assert!(ended.stderr.contains("239.1.2.3:12345"), "{ended:#?}");
    for found in of(&ended, open) {
        let named = found["is_named"] == true;
        let names = if named {
            json!(["eva"])
        } else {
            json!(["ana", "ben"])
        };
        assert_eq!(
            (&found["protection"], &found["names"]),
            (&json!("open"), &names)
        );
        assert_eq!(found["members"], if named { 1 } else { 2 });
    }
    assert_eq!(of(&ended, open).len(), 2, "{ended:#?}");
    let kitchen = of(&ended, sealed);
    assert_eq!(kitchen.len(), 2, "{ended:#?}");
    assert_eq!(kitchen[0]["protection"], "sealed");
    assert_eq!(kitchen[0]["group_name"], "kitchen");
    assert_eq!(kitchen[0]["profiles"], json!(["kitchen"]));
    assert_eq!(
        (&kitchen[0]["members"], &kitchen[0]["names"]),
        (&json!(1), &json!([]))
    );
    assert_eq!(kitchen[1]["protection"], "raw");
    assert_eq!(kitchen[1]["senders"], json!(["127.0.0.1"]));
    assert_eq!(of(&ended, also)[0]["names"], json!(["too"]));
    // Nobody named it: a program here has joined it.
    if cfg!(target_os = "linux") {
        assert_eq!(of(&ended, joined)[0]["names"], json!(["far"]), "{ended:#?}");
    }
}

#[test]
fn a_capture_is_told_without_listening() {
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/wireshark/sample.pcapng");
    let ended = run(group(7), ["groups", "--capture", sample]).expect(0);
    assert!(ended.stdout[0].starts_with("GROUP "), "{ended:#?}");
    let has = |words: &str| ended.stdout.iter().any(|line| line.contains(words));
    assert!(has("sealed") && has("open") && has("raw"), "{ended:#?}");
    assert!(!ended.stderr.contains("listening"), "{ended:#?}");
    // One that grows, and is silent.
    let short = ["groups", "--timeout", "3", "--capture"];
    let beginning = run(group(7), short.iter().chain(&[sample])).expect(0);
    let mut growing = command(group(7));
    growing.args(short.iter().chain(&["-"]));
    let mut growing = Running::spawn(growing.stdin(Stdio::piped()));
    let mut stdin = growing.child.stdin.take().unwrap();
    stdin.write_all(&fs::read(sample).unwrap()).unwrap();
    let growing = growing.ended().expect(0);
    assert_eq!(growing.stdout, beginning.stdout);
    assert_ne!(beginning.stdout, ended.stdout);
    drop(stdin);
    run(group(7), ["groups", "--capture", "/nothing"]).expect(2);
    run(group(7), ["groups", "--also", ""]).expect(2);
}

#[test]
fn nobody_is_no_failure() {
    let ended = run(group(8), ["groups", "--json", "--timeout", "0.1"]).expect(0);
    assert!(of(&ended, group(8)).is_empty(), "{ended:#?}");
}
