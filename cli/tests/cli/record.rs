//! `groupcast record` and `groupcast replay`.

use core::net::SocketAddrV4;
use std::fs;
use std::path::{Path, PathBuf};

use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use pcap_parser::traits::PcapNGPacketBlock;
use pcap_parser::{Block, Linktype, PcapNGSlice, traits::PcapReaderIterator};

use crate::process::{Running, group, run, stranger};
use crate::sealed::Keys;

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
    stranger().send_to(b"bare", group).unwrap();
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
    assert!(payloads.iter().any(|(_, payload)| payload == b"bare"));
    // After 2020, and before 2100.
    assert!((1_577_836_800_000_000..4_102_444_800_000_000).contains(&payloads[0].0));

    let mut late = Running::joined(group, ["listen", "--json", "--count", "3"]);
    let replayed = run(group, ["replay", file.path(), "--speed", "max"]).expect(0);
    let expected = format!("sent={recorded} skipped=0");
    assert!(replayed.stderr.ends_with(&expected), "{replayed:#?}");
    for text in ["Hello, recorder!", "bare", "done"] {
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
