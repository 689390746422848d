//! `--json`: what each command prints is what cli/JSON.md shows.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;

use crate::process::{Ended, Running, group, run, run_with_input, stranger};
use crate::send::Temporary;

type Fields = BTreeSet<String>;

/// The examples of a section, by what tells them apart: the fields that all of a kind have, and those that any has.
struct Section(BTreeMap<String, (Fields, Fields)>);

fn page() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/JSON.md");
    fs::read_to_string(path).unwrap()
}

/// What a line is about.
fn kind(line: &Value) -> String {
    if let Some(event) = line["event"].as_str() {
        return event.to_owned();
    }
    let names = ["check", "verdict", "report", "key", "signing_key", "file"];
    let name = names.iter().find(|name| line.get(**name).is_some());
    name.map_or_else(String::new, |name| (*name).to_owned())
}

/// All fields, those of objects and of lists of objects, too.
fn fields(line: &Value) -> Fields {
    let mut fields = Fields::new();
    for (name, value) in line.as_object().unwrap() {
        fields.insert(name.clone());
        let first = value.as_array().and_then(|list| list.first());
        if let Some(inner) = first.or(Some(value)).filter(|value| value.is_object()) {
            let inner = self::fields(inner);
            fields.extend(inner.iter().map(|field| format!("{name}.{field}")));
        }
    }
    fields
}

impl Section {
    /// Of this command; "" is what stands before all of them.
    fn of(command: &str) -> Self {
        let page = page();
        let mut sections = page.split("\n## ");
        let wanted = format!("`groupcast {command}`\n");
        let section = if command.is_empty() {
            sections.next()
        } else {
            sections.find(|section| section.starts_with(&wanted))
        };
        let section = section.unwrap_or_else(|| panic!("no section about {command}"));
        let mut kinds = BTreeMap::<String, (Fields, Fields)>::new();
        for line in section.lines().filter(|line| line.starts_with('{')) {
            let line = serde_json::from_str(line).unwrap();
            let fields = fields(&line);
            kinds
                .entry(kind(&line))
                .and_modify(|(all, any)| {
                    all.retain(|field| fields.contains(field));
                    any.extend(fields.iter().cloned());
                })
                .or_insert_with(|| (fields.clone(), fields.clone()));
        }
        Self(kinds)
    }

    /// Every line that was printed is one of these. Returns how many there are of each kind.
    fn check(&self, printed: &[String]) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for text in printed {
            let line: Value = serde_json::from_str(text).expect(text);
            let kind = kind(&line);
            let Some((all, any)) = self.0.get(&kind) else {
                panic!("the page has no {kind:?}: {text}");
            };
            let mut fields = fields(&line);
            // Of lists that are empty, nothing is seen.
            let empty: Vec<_> = all
                .iter()
                .filter(|field| is_in_empty(&line, field))
                .collect();
            fields.extend(empty.into_iter().cloned());
            assert!(fields.is_superset(all), "{text} lacks some of {all:?}");
            assert!(fields.is_subset(any), "{text} has more than {any:?}");
            *counts.entry(kind).or_default() += 1;
        }
        counts
    }
}

fn is_in_empty(line: &Value, field: &str) -> bool {
    let list = field.split_once('.').and_then(|(name, _)| line.get(name));
    list.and_then(Value::as_array).is_some_and(Vec::is_empty)
}

fn check(command: &str, ended: &Ended, kinds: &[(&str, usize)]) {
    let counts = Section::of(command).check(&ended.stdout);
    let expected = kinds
        .iter()
        .map(|(kind, count)| ((*kind).to_owned(), *count));
    assert_eq!(counts, expected.collect(), "{command}: {ended:#?}");
}

#[test]
fn groups_tells_what_the_page_says() {
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/wireshark/sample.pcapng");
    let ended = run(group(118), ["groups", "--json", "--capture", sample]).expect(0);
    check("groups", &ended, &[("group", 3)]);
}

#[test]
fn send_and_demo_tell_what_the_page_says() {
    let group = group(23);
    let ben = ["listen", "--name", "ben", "--id", "b", "--json"];
    let ben = Running::joined(group, ben);
    let send = ["send", "--json", "--expect", "1", "hello"];
    let ended = run(group, send).expect(0);
    check("send", &ended, &[("sent", 1)]);
    let sent: Value = serde_json::from_str(&ended.stdout[0]).unwrap();
    // Who confirmed it.
    assert_eq!(sent["confirmed"][0]["from"], "ben");
    assert_eq!(sent["confirmed"][0]["sender"], "0000000b");
    assert_eq!(sent["silent"].as_array().unwrap().len(), 0);

    // What was not to be had is told, too.
    let send = ["--expect", "2", "--timeout", "1", "hello"];
    let ended = run(group, ["send", "--json"].iter().chain(&send)).expect(3);
    check("send", &ended, &[("sent", 1)]);
    assert!(ended.stdout[0].contains("\"messages\":0"), "{ended:#?}");

    let lines = format!("one\n{}\ntwo\n", "x".repeat(70_000));
    for (class, sent) in [
        ("reliable", "\"confirmed\":[{"),
        ("latest", "\"last\":1,\"time"),
    ] {
        let send = ["send", "--json", "--class", class];
        let ended = run_with_input(group, &send, lines.as_bytes()).expect(2);
        check("send", &ended, &[("error", 1), ("sent", 1)]);
        assert!(ended.stdout[0].contains("\"line\":2"), "{ended:#?}");
        assert!(ended.stdout[1].contains("\"messages\":2"), "{ended:#?}");
        assert!(ended.stdout[1].contains(sent), "{ended:#?}");
    }
    let ended = run(group, ["send", "--json", "--raw", "hello"]).expect(0);
    check("send", &ended, &[("sent", 1)]);

    let ended = run(group, ["demo", "--json"]).expect(0);
    Section::of("send").check(&ended.stdout[..1]);
    Section::of("").check(&ended.stdout[1..]);
    assert!(ended.stdout[1].contains("Hello, multicast!"), "{ended:#?}");

    let ended = ben.interrupted().expect(0);
    let counts = Section::of("").check(&ended.stdout);
    assert_eq!(counts["message"], 6, "{ended:#?}");
    assert_eq!(counts["raw"], 1);
}

#[test]
fn record_and_replay_tell_what_the_page_says() {
    let group = group(24);
    let file = Temporary::new("recorded.pcapng", b"");
    let recorder = ["record", "--json", "--count", "1", file.path()];
    let recorder = Running::joined(group, recorder);
    stranger().send_to(b"raw", group).unwrap();
    let ended = recorder.ended().expect(0);
    check("record", &ended, &[("recorded", 1)]);
    let told: Value = serde_json::from_str(&ended.stdout[0]).unwrap();
    assert_eq!(told["file"], file.path());
    assert_eq!((&told["datagrams"], &told["bytes"]), (&1.into(), &3.into()));
    let ended = run(group, ["replay", "--json", file.path()]).expect(0);
    check("replay", &ended, &[("replayed", 1)]);
    // Both want standard output.
    let ended = run(group, ["record", "--json", "-"]).expect(2);
    assert!(ended.stdout.is_empty(), "{ended:#?}");
}

#[test]
fn watchers_and_tools_tell_what_the_page_says() {
    let group = group(26);
    let _ben = Running::joined(group, ["listen", "--name", "ben"]);
    let top = Running::start(group, ["top", "--once", "--json", "--timeout", "3"]);
    run(group, ["send", "hello"]).expect(0);
    let ended = run(group, ["ping", "ben", "--count", "1", "--json"]).expect(0);
    check("ping", &ended, &[("ping", 1)]);
    let ended = run(group, ["members", "--json", "--timeout", "1"]).expect(0);
    check("members", &ended, &[("member", 1)]);
    let ended = run(group, ["interfaces", "--json"]).expect(0);
    Section::of("interfaces").check(&ended.stdout);
    let ended = run(group, ["doctor", "--json", "--report"]);
    let counts = Section::of("doctor").check(&ended.stdout);
    assert_eq!((counts["verdict"], counts["report"]), (1, 1));

    let keys = run(group, ["keygen", "--json"]).expect(0);
    check("keygen", &keys, &[("key", 1)]);
    let keys = run(group, ["keygen", "--json", "--sign"]).expect(0);
    check("keygen", &keys, &[("signing_key", 1)]);
    let mix = ["--mix", "leaf:2,desktop:1", "--class", "state"];
    for args in [&[][..], &["--one-loss"], &mix] {
        let sim = ["sim", "--json", "--seconds", "1"];
        let ended = run(group, sim.iter().chain(args)).expect(0);
        check("sim", &ended, &[("", 1)]);
    }
    let ended = top.ended().expect(0);
    let counts = Section::of("top").check(&ended.stdout);
    assert_eq!(counts["group"], 1);
    assert!(counts["member"] >= 2, "{ended:#?}");
}

#[test]
fn read_and_a_dry_run_tell_what_the_page_says() {
    let group = group(185);
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/wireshark/sample.pcapng");
    // Which fields frames have, a test of the command itself compares with the page.
    let lines = |ended: Ended| -> Vec<_> {
        let lines = ended.stdout.iter().map(|line| {
            let mut line: Value = serde_json::from_str(line).unwrap();
            if let Some(frames) = line.get_mut("frames").and_then(Value::as_array_mut) {
                assert!(frames.iter().all(|frame| frame["type"].is_string()));
                frames.clear();
            }
            line.to_string()
        });
        lines.collect()
    };
    let read = lines(run(group, ["read", "--json", sample]).expect(0));
    let counts = Section::of("read").check(&read);
    assert_eq!(counts["raw"], 1);
    // Open ones, sealed ones, and one that is damaged.
    assert!(counts["datagram"] > 100, "{counts:?}");
    for part in ["\"frames\"", "\"sealed_bytes\"", "\"corrupt\""] {
        assert!(read.iter().any(|line| line.contains(part)), "{part}");
    }
    let dry = [
        "replay",
        "--dry-run",
        "--json",
        "-g",
        "239.1.2.3:12345",
        sample,
    ];
    Section::of("read").check(&lines(run(group, dry).expect(0)));
}
