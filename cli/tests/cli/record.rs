//! `groupcast record`, `groupcast read` and `groupcast replay`.

use core::net::SocketAddrV4;
use std::fs;
use std::path::{Path, PathBuf};

use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use pcap_parser::traits::PcapNGPacketBlock;
use pcap_parser::{Block, Linktype, PcapNGSlice, traits::PcapReaderIterator};

use serde_json::Value;

use crate::process::{Ended, Running, command, group, run, run_with_input, stranger};
use crate::sealed::Keys;
use crate::streams::terminal;

/// A file of a test, which removes it.
struct Recording(PathBuf);

impl Recording {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir();
        Self(path.join(format!("groupcast-record-{}-{name}", std::process::id())))
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }

    /// Records what is said to the group while `talk` goes on, until Ctrl-C, and returns how many datagrams.
    fn record(&self, group: SocketAddrV4, talk: impl FnOnce()) -> u64 {
        let recorder = Running::joined(group, ["record", self.path()]);
        talk();
        let ended = recorder.interrupted().expect(0);
        let summary = ended.stderr.lines().last().unwrap();
        let (recorded, _) = summary.split_once(' ').unwrap();
        recorded.strip_prefix("recorded=").unwrap().parse().unwrap()
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// The payloads in a capture, with the times of their packets in microseconds. All must be to the group.
fn payloads(file: &Path, group: SocketAddrV4) -> Vec<(u64, Vec<u8>)> {
    let content = fs::read(file).unwrap();
    let mut reader = pcap_parser::PcapNGReader::new(1 << 16, &content[..]).unwrap();
    let mut payloads = Vec::new();
    while let Ok((length, block)) = reader.next() {
        if let pcap_parser::PcapBlockOwned::NG(block) = block {
            match block {
                Block::InterfaceDescription(interface) => {
                    assert_eq!(interface.linktype, Linktype::RAW);
                    assert_eq!(interface.ts_resolution(), Some(1_000_000));
                }
                Block::EnhancedPacket(packet) => {
                    let sliced = SlicedPacket::from_ip(packet.packet_data()).unwrap();
                    let Some(NetSlice::Ipv4(ip)) = &sliced.net else {
                        panic!("not IPv4");
                    };
                    assert_eq!(ip.header().destination_addr(), *group.ip());
                    assert!(ip.header().source_addr().is_loopback());
                    let Some(TransportSlice::Udp(udp)) = &sliced.transport else {
                        panic!("not UDP");
                    };
                    assert_eq!(udp.destination_port(), group.port());
                    let time = u64::from(packet.ts_high) << 32 | u64::from(packet.ts_low);
                    payloads.push((time, udp.payload().to_vec()));
                }
                _ => {}
            }
        }
        reader.consume(length);
    }
    assert!(PcapNGSlice::from_slice(&content).is_ok());
    payloads
}

/// A member says something, and a program that is none.
fn talk(group: SocketAddrV4) {
    run(group, ["send", "--name", "ana", "Hello, recorder!"]).expect(0);
    stranger().send_to(b"raw", group).unwrap();
    let marker = run(group, ["send", "--name", "ben", "done"]);
    marker.expect(0);
}

#[test]
fn what_was_recorded_is_heard_again_by_those_who_come_later() {
    let (group, file) = (group(160), Recording::new("again"));
    let recorded = file.record(group, || {
        let mut ear = Running::joined(group, ["listen", "--json"]);
        talk(group);
        while ear.message()["text"] != "done" {}
    });
    let payloads = payloads(&file.0, group);
    assert_eq!(payloads.len() as u64, recorded);
    assert!(payloads.is_sorted_by_key(|(time, _)| *time));
    assert!(payloads.iter().any(|(_, payload)| payload == b"raw"));
    // After 2020, and before 2100.
    assert!((1_577_836_800_000_000..4_102_444_800_000_000).contains(&payloads[0].0));

    let mut late = Running::joined(group, ["listen", "--json", "--count", "3"]);
    let replayed = run(group, ["replay", file.path(), "--speed", "max"]).expect(0);
    let expected = format!("sent={recorded} skipped=0");
    assert!(replayed.stderr.ends_with(&expected), "{replayed:#?}");
    for text in ["Hello, recorder!", "raw", "done"] {
        assert_eq!(late.message()["text"], text);
    }
    late.ended().expect(0);

    // So slowly that it is ended before.
    let slow = Running::joined(group, ["replay", file.path(), "--speed", "0.001"]);
    let ended = slow.terminated().expect(3);
    assert!(ended.stderr.contains("ended before all"), "{ended:#?}");
}

#[test]
fn those_who_heard_it_before_drop_it() {
    let (group, file) = (group(161), Recording::new("before"));
    let mut ear = Running::joined(group, ["listen", "--json"]);
    let recorded = file.record(group, || {
        run(group, ["send", "--name", "ana", "once"]).expect(0);
        assert_eq!(ear.message()["text"], "once");
        assert_eq!(ear.event("left")["from"], "ana");
    });
    assert!(recorded > 3);
    run(group, ["replay", file.path(), "--speed", "max"]).expect(0);
    run(group, ["send", "--name", "ben", "twice"]).expect(0);
    assert_eq!(ear.message()["text"], "twice", "nothing came between");
    let summary = ear.interrupted().expect(0).summary();
    assert!(summary.count("stale") + summary.count("duplicate") > 0);
}

#[test]
fn sealed_groups_refuse_what_was_recorded() {
    let (group, file) = (group(162), Recording::new("sealed"));
    let keys = Keys::new("record", "kitchen");
    file.record(group, || {
        let ear = ["listen", "--json", "-k", keys.path()];
        let mut ear = Running::joined(group, ear);
        run(
            group,
            ["send", "--name", "ana", "-k", keys.path(), "secret"],
        )
        .expect(0);
        assert_eq!(ear.message()["text"], "secret");
        assert_eq!(ear.event("left")["from"], "ana");
    });
    let late = Running::joined(
        group,
        ["listen", "--json", "-k", keys.path(), "--timeout", "2"],
    );
    run(group, ["replay", file.path(), "--speed", "max"]).expect(0);
    let late = late.ended().expect(0);
    assert_eq!(late.stdout, [] as [&str; 0]);
    assert!(late.summary().count("unverified") > 0);
}

#[test]
fn a_file_that_was_cut_off_is_replayed_up_to_there() {
    let (group, file) = (group(163), Recording::new("cut"));
    let recorded = file.record(group, || {
        let mut ear = Running::joined(group, ["listen", "--json"]);
        talk(group);
        while ear.message()["text"] != "done" {}
    });
    let mut content = fs::read(&file.0).unwrap();
    content.pop();
    fs::write(&file.0, content).unwrap();
    let replayed = run(group, ["replay", file.path(), "--speed", "1000000"]).expect(0);
    let expected = format!("sent={} skipped=0", recorded - 1);
    assert!(replayed.stderr.ends_with(&expected), "{replayed:#?}");
    assert!(replayed.stderr.contains("ends within a packet"));

    let other = crate::process::group(164);
    let elsewhere = run(other, ["replay", file.path()]).expect(2);
    let advice = format!("try --group {group}");
    assert!(elsewhere.stderr.contains(&advice), "{elsewhere:#?}");
}

#[test]
fn what_is_no_capture_is_said() {
    let (group, file) = (group(165), Recording::new("none"));
    for content in [&b""[..], b"Hello", &[0; 4096]] {
        fs::write(&file.0, content).unwrap();
        let ended = run(group, ["replay", file.path()]).expect(2);
        assert!(ended.stderr.contains("is no capture"), "{ended:#?}");
    }
    let missing = run(group, ["replay", "/nonexistent/capture"]).expect(2);
    assert!(missing.stderr.contains("cannot read"), "{missing:#?}");
    let unwritable = run(group, ["record", "/nonexistent/capture"]).expect(2);
    assert!(
        unwritable.stderr.contains("cannot write"),
        "{unwritable:#?}"
    );
}

#[test]
fn a_recording_ends_by_count_or_time() {
    let (group, file) = (group(166), Recording::new("ends"));
    let recorder = Running::joined(group, ["record", file.path(), "--count", "2"]);
    for payload in [b"1", b"2", b"3"] {
        stranger().send_to(payload, group).unwrap();
    }
    recorder.ended().expect(0);
    let payloads = payloads(&file.0, group);
    let payloads: Vec<_> = payloads.into_iter().map(|(_, payload)| payload).collect();
    assert_eq!(payloads, [b"1", b"2"]);
    let record = ["record", file.path(), "--seconds", "0.1"];
    run(group, record.iter().chain(&["--count", "1"])).expect(3);
    run(group, record).expect(0);
}

/// The objects of `groupcast read --json`.
fn objects(ended: &Ended) -> Vec<Value> {
    let lines = ended.stdout.iter();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// What the frames DATA and the raw datagrams of a capture say, each once: reliable messages have copies.
fn texts(ended: &Ended) -> Vec<String> {
    let lines = objects(ended).into_iter().flat_map(|line| {
        let frames = line["frames"].as_array().cloned().unwrap_or_default();
        frames.into_iter().chain([line]).collect::<Vec<_>>()
    });
    let mut texts: Vec<_> = lines
        .filter_map(|line| line["text"].as_str().map(str::to_owned))
        .collect();
    texts.dedup();
    texts
}

#[test]
fn a_capture_is_read_as_text_and_as_json_also_from_standard_input() {
    let (group, file) = (group(180), Recording::new("read"));
    let recorded = file.record(group, || {
        let mut ear = Running::joined(group, ["listen", "--json"]);
        talk(group);
        while ear.message()["text"] != "done" {}
    });
    let text = run(group, ["read", file.path()]).expect(0);
    assert_eq!(text.stdout.len() as u64, recorded);
    let shows = |what: &str| text.stdout.iter().any(|line| line.contains(what));
    for what in [
        "HELLO JOIN \"ana\"",
        ": \"Hello, recorder!\"",
        "raw: \"raw\"",
        "BYE",
    ] {
        assert!(shows(what), "{what} is not in {text:#?}");
    }
    assert!(text.stdout[0].starts_with("    0.000000  127.0.0.1:"));
    let piped = fs::read(&file.0).unwrap();
    let json = run_with_input(group, &["read", "-", "--json"], &piped).expect(0);
    assert_eq!(texts(&json), ["Hello, recorder!", "raw", "done"]);
    let first = &objects(&json)[0];
    assert_eq!(first["destination"], group.to_string());
    assert_eq!(first["event"], "datagram");

    // What is before a cut is read, and the cut is said.
    let cut = run_with_input(group, &["read", "-"], &piped[..piped.len() - 1]).expect(0);
    assert_eq!(cut.stdout.len() as u64, recorded - 1);
    assert!(cut.stderr.contains("standard input is cut off"), "{cut:#?}");
    let nothing = run_with_input(group, &["read", "-"], b"Hello").expect(2);
    assert!(
        nothing.stderr.contains("standard input is no capture"),
        "{nothing:#?}"
    );
}

#[test]
fn a_sealed_capture_is_read_by_who_has_the_key() {
    let (group, file) = (group(181), Recording::new("read-sealed"));
    let (keys, others) = (
        Keys::new("read", "kitchen"),
        Keys::new("read-other", "kitchen"),
    );
    file.record(group, || {
        let mut ear = Running::joined(group, ["listen", "--json", "-k", keys.path()]);
        let send = ["send", "--name", "ana", "-k", keys.path(), "secret"];
        run(group, send).expect(0);
        assert_eq!(ear.message()["text"], "secret");
    });
    let read = |more: &[&str]| run(group, [&["read", "--json", file.path()], more].concat());
    let inside = read(&["-k", keys.path()]).expect(0);
    assert_eq!(texts(&inside), ["secret"]);
    assert!(objects(&inside).iter().any(|line| line["from"] == "ana"));
    for outside in [read(&[]).expect(0), read(&["-k", others.path()]).expect(0)] {
        assert_eq!(texts(&outside), [""; 0]);
        assert!(
            objects(&outside)
                .iter()
                .all(|line| line["sealed_bytes"].is_u64())
        );
        assert!(outside.stderr.contains("--key-file"), "{outside:#?}");
    }
    // One who has the key is not fooled by who changed it on the way.
    let mut content = fs::read(&file.0).unwrap();
    // Within the seal of the last datagram: behind it are at most three octets and the length of its block.
    let at = content.len() - 12;
    content[at] ^= 1;
    let forged = run_with_input(group, &["read", "-", "--json", "-k", keys.path()], &content);
    assert_eq!(objects(&forged.expect(0)).last().unwrap()["flaw"], "forged");
}

#[test]
fn a_recording_goes_on_in_other_files_and_old_ones_are_removed() {
    let (group, file) = (group(182), Recording::new("rotate.pcapng"));
    let rotate = [
        "record",
        file.path(),
        "--rotate-bytes",
        "2000",
        "--keep",
        "2",
        "--count",
        "12",
    ];
    let recorder = Running::joined(group, rotate);
    for number in 0..12u8 {
        stranger().send_to(&[b'0' + number; 500], group).unwrap();
    }
    let ended = recorder.ended().expect(0);
    assert!(
        ended.stderr.ends_with("recorded=12 bytes=6000 files=4"),
        "{ended:#?}"
    );
    let numbered = |number: usize| {
        let path = file
            .path()
            .replace(".pcapng", &format!("-{number:05}.pcapng"));
        Recording(PathBuf::from(path))
    };
    let files: Vec<_> = (1..=5).map(numbered).collect();
    let there: Vec<_> = files.iter().map(|file| file.0.exists()).collect();
    assert_eq!(there, [false, false, true, true, false]);
    assert!(!file.0.exists());
    // Each is whole, and no larger than it may be.
    let mut all = Vec::new();
    for file in &files[2..4] {
        assert!(fs::metadata(&file.0).unwrap().len() <= 2000);
        all.extend(
            payloads(&file.0, group)
                .into_iter()
                .map(|(_, payload)| payload[0]),
        );
    }
    assert_eq!(all, (b'0' + 6..b'0' + 12).collect::<Vec<_>>());
    let alone = run(group, ["record", file.path(), "--keep", "2"]).expect(2);
    assert!(alone.stderr.contains("--rotate-"), "{alone:#?}");
    let stream = run(group, ["record", "-", "--rotate-seconds", "1"]).expect(2);
    assert!(
        stream.stderr.contains("standard output is one file"),
        "{stream:#?}"
    );
}

#[test]
fn a_capture_is_not_written_to_a_terminal_and_what_came_is_counted_on_it() {
    let (group, file) = (group(183), Recording::new("terminal"));
    let (person, programs) = terminal();
    let mut person = fs::File::from(person);
    let mut refused = command(group);
    refused
        .args(["record", "-"])
        .stdout(programs.try_clone().unwrap());
    let refused = Running::spawn(&mut refused).ended().expect(2);
    assert!(
        refused
            .stderr
            .contains("a capture is nothing for a terminal"),
        "{refused:#?}"
    );

    let mut counting = command(group);
    counting.args(["record", file.path(), "--count", "3"]);
    let mut counting = counting.stderr(programs).spawn().unwrap();
    let mut said = Vec::new();
    let mut wait_for = |what: &str| {
        while !String::from_utf8_lossy(&said).contains(what) {
            let mut buffer = [0; 4096];
            let count = std::io::Read::read(&mut person, &mut buffer).unwrap();
            said.extend_from_slice(&buffer[..count]);
        }
    };
    wait_for("id none (recording)");
    stranger().send_to(b"Hello", group).unwrap();
    wait_for("recorded=1 bytes=5");
    for _ in 0..2 {
        stranger().send_to(b"Hello", group).unwrap();
    }
    wait_for("recorded=3 bytes=15");
    assert!(counting.wait().unwrap().success());
}

#[test]
fn a_replay_says_that_it_is_one_unless_it_is_to_be_exact() {
    let (group, file) = (group(184), Recording::new("marked"));
    let recorded = file.record(group, || {
        let mut ear = Running::joined(group, ["listen", "--json"]);
        talk(group);
        while ear.message()["text"] != "done" {}
    });
    let dry = ["replay", file.path(), "--dry-run", "--json"];
    let shown = run(group, dry).expect(0);
    let expected = format!("would_send={recorded} skipped=0");
    assert!(shown.stderr.ends_with(&expected), "{shown:#?}");
    assert_eq!(texts(&shown), ["Hello, recorder!", "raw", "done"]);
    let names = |ended: &Ended| {
        let lines = objects(ended).into_iter();
        let names = lines.filter_map(|line| line["from"].as_str().map(str::to_owned));
        names.collect::<std::collections::BTreeSet<_>>()
    };
    assert!(names(&shown).contains("ana (replay)") && !names(&shown).contains("ana"));
    let exact = run(group, dry.iter().chain(&["--exact"])).expect(0);
    assert!(names(&exact).contains("ana") && !names(&exact).contains("ana (replay)"));

    let replay = ["replay", file.path(), "--speed", "max"];
    for (name, more, warned) in [
        ("ana (replay)", None, true),
        ("ana", Some("--exact"), false),
    ] {
        let mut late = Running::joined(group, ["listen", "--json", "--count", "3"]);
        let replayed = run(group, replay.iter().copied().chain(more)).expect(0);
        assert_eq!(
            replayed.stderr.contains("as in `ana (replay)`"),
            warned,
            "{replayed:#?}"
        );
        let message = late.message();
        assert_eq!(
            (&message["from"], &message["text"]),
            (&name.into(), &"Hello, recorder!".into())
        );
        late.ended().expect(0);
    }
}
