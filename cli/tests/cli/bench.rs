//! `groupcast bench`: what it reports adds up. How fast anything is stands in no test.

use serde_json::Value;

use crate::process::{Ended, Running, group, run};

/// Short, so that what is checked is checked in every mode.
const SHORT: &str = "0.2";

fn bench(test: u8, arguments: &[&str]) -> Ended {
    let all = [&["bench"], arguments].concat();
    run(group(test), all)
}

fn json(test: u8, arguments: &[&str]) -> Value {
    let arguments = [arguments, &["--seconds", SHORT, "--json"]].concat();
    let ended = bench(test, &arguments).expect(0);
    assert_eq!(ended.stdout.len(), 1, "{ended:#?}");
    let said = ended.stderr.lines().all(|line| line.starts_with("group "));
    assert!(said, "progress is for terminals: {ended:#?}");
    serde_json::from_str(&ended.stdout[0]).unwrap()
}

fn number(report: &Value, name: &str) -> f64 {
    let value = report[name].as_f64();
    value.unwrap_or_else(|| panic!("{name}: {report}"))
}

fn count(report: &Value, name: &str) -> u64 {
    let value = report[name].as_u64();
    value.unwrap_or_else(|| panic!("{name}: {report}"))
}

/// Whether every message is accounted for, once, at every receiver, and the ratio is that of the rates.
fn adds_up(report: &Value, receivers: u64) {
    let sent = count(report, "sent");
    assert!(sent > 0, "{report}");
    let all = ["delivered", "lost", "gaps"].map(|name| count(report, name));
    assert_eq!(sent * receivers, all.iter().sum::<u64>(), "{report}");
    let each = report["per_receiver"].as_array().unwrap();
    assert_eq!(each.len() as u64, receivers, "{report}");
    for one in each {
        let all = ["delivered", "lost", "gaps"].map(|name| count(one, name));
        assert_eq!(sent, all.iter().sum::<u64>(), "{report}");
        assert!(number(one, "delivered_per_second") > 0.0, "{report}");
        for nothing in ["duplicates", "damaged", "contradicted"] {
            assert_eq!(count(one, nothing), 0, "{report}");
        }
    }
    assert_eq!(count(report, "duplicates"), 0, "{report}");
    assert!(number(report, "sent_per_second") > 0.0, "{report}");
    let octets = number(report, "delivered_per_second") * number(report, "size");
    let floor = number(report, "floor_per_second") * number(report, "floor_size");
    let ratio = number(report, "ratio");
    // The ratio has three digits behind the point, the rates one.
    assert!(
        (ratio - octets / floor).abs() < 0.002 + ratio * 0.01,
        "{report}"
    );
}

#[test]
fn every_message_of_a_reliable_run_is_delivered_or_reported() {
    let report = json(140, &["throughput", "--rate", "2000"]);
    adds_up(&report, 1);
    assert_eq!(report["class"], "reliable-ordered");
    assert_eq!(report["sealed"], false);
    assert_eq!(count(&report, "lost"), 0, "{report}");
}

#[test]
fn a_sender_that_does_not_hold_back_is_accounted_for_too() {
    for (test, class) in [(141, "reliable-ordered"), (142, "best-effort")] {
        let report = json(test, &["throughput", "--class", class, "--receivers", "2"]);
        adds_up(&report, 2);
    }
}

#[test]
fn sealed_groups_are_measured_like_open_ones() {
    let report = json(
        143,
        &["throughput", "--sealed", "--rate", "2000", "--size", "8"],
    );
    adds_up(&report, 1);
    assert_eq!(report["sealed"], true);
}

#[test]
fn leaves_are_in_the_group_and_count_as_no_receivers() {
    for (test, sealed) in [(151, &["--sealed"][..]), (152, &[])] {
        let options = [&["throughput", "--leaves", "2", "--size", "600"], sealed].concat();
        let report = json(test, &options);
        adds_up(&report, 1);
        assert_eq!(report["leaves"], 2);
        assert_eq!(count(&report, "lost"), 0, "{report}");
        // What is sent reliably does not keep to the 512 bytes that a leaf takes: a message is one datagram, not two.
        let [datagrams, repairs, sent] =
            ["datagrams", "repairs", "sent"].map(|name| count(&report, name));
        assert!(datagrams < sent + sent / 2 + repairs + 50, "{report}");
    }
}

#[test]
fn plain_sockets_are_measured_alone_too() {
    let report = json(144, &["floor", "--size", "100", "--receivers", "2"]);
    let all = ["delivered", "lost"].map(|name| count(&report, name));
    assert_eq!(2 * count(&report, "sent"), all.iter().sum::<u64>());
    assert!(number(&report, "floor_per_second") > 0.0, "{report}");
    assert!(number(&report, "floor_sent_per_second") > 0.0, "{report}");
}

#[test]
fn a_round_trip_is_measured_beside_that_of_plain_sockets() {
    for (test, class) in [(145, "reliable-ordered"), (146, "best-effort")] {
        let report = json(test, &["latency", "--class", class]);
        let (p50, floor) = (number(&report, "p50_us"), number(&report, "floor_p50_us"));
        assert!(0.0 < p50 && p50 <= number(&report, "p99_us"), "{report}");
        assert!(number(&report, "p99_us") <= number(&report, "max_us"));
        assert!(
            (number(&report, "ratio") - p50 / floor).abs() < 0.01,
            "{report}"
        );
        assert!(count(&report, "round_trips") > 0 && report["pinned"].is_boolean());
    }
}

#[test]
fn large_messages_go_as_far_as_the_group_carries_them() {
    let report = json(147, &["large", "--rate", "50"]);
    adds_up(&report, 1);
    assert_eq!(count(&report, "size"), 65_536);
    assert_eq!(count(&report, "lost"), 0, "{report}");
    let ended = bench(147, &["large", "--size", "1048576"]).expect(2);
    let reason = "the message has 1048576 bytes, and at most 65536 are possible";
    assert!(ended.stderr.contains(reason), "{ended:#?}");
}

#[test]
fn a_plot_has_a_line_for_each_measurement_and_a_picture() {
    let file = std::env::temp_dir().join(format!("groupcast-bench-{}.svg", std::process::id()));
    let path = file.to_str().unwrap();
    let options = ["plot", path, "--seconds", "0.05", "--json"];
    let lists = [
        "--sizes=16",
        "--receivers=1",
        "--members=2,5",
        "--losses=0,10",
    ];
    let ended = bench(150, &[&options[..], &lists].concat()).expect(0);
    let points: Vec<Value> = ended
        .stdout
        .iter()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    let places: Vec<_> = points
        .iter()
        .map(|p| (p["against"].as_str().unwrap(), number(p, "value")))
        .collect();
    let expected = [
        ("size", 16.0),
        ("receivers", 1.0),
        ("members", 2.0),
        ("members", 5.0),
        ("loss", 0.0),
        ("loss", 10.0),
    ];
    assert_eq!(places, expected);
    for point in &points[..2] {
        adds_up(point, 1);
    }
    for point in &points[2..] {
        assert!(number(point, "datagrams_per_message") >= 1.0, "{point}");
    }
    let svg = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    for text in [
        "bytes of a message",
        "receivers",
        "simulated members",
        "plain sockets",
    ] {
        assert!(svg.contains(text), "{text}");
    }
}

#[test]
fn both_ends_can_be_started_by_hand() {
    let options = ["bench", "throughput", "--seconds", SHORT, "--rate", "2000"];
    let receiver = Running::start(group(148), [&options[..], &["--role", "rx"]].concat());
    let sender = run(group(148), [&options[..], &["--role", "tx"]].concat()).expect(0);
    let receiver = receiver.ended().expect(0);
    let value = |ended: &Ended, name: &str| {
        let line = ended.stdout.last().unwrap();
        let mut pairs = line.split(' ').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name).unwrap().1.to_owned()
    };
    assert_eq!(value(&sender, "sent"), value(&receiver, "delivered"));
    assert_eq!(value(&receiver, "loss"), "0.00%");
}

#[test]
fn content_that_is_not_what_was_sent_is_noticed() {
    let options = ["bench", "throughput", "--seconds", SHORT, "--rate", "500"];
    let ends = [("65", "rx"), ("64", "tx")];
    let [receiver, sender] = ends.map(|(size, role)| {
        let arguments = [&options[..], &["--size", size, "--role", role]].concat();
        Running::start(group(151), arguments)
    });
    sender.ended().expect(0);
    let receiver = receiver.ended().expect(3);
    assert!(receiver.stderr.contains("damaged"), "{receiver:#?}");
}

#[test]
fn what_cannot_be_measured_is_refused_with_a_reason() {
    for (arguments, reason) in [
        (&["throughput", "--seconds", "61"][..], "0.01 to 60 seconds"),
        (&["throughput", "--receivers", "65"], "1..=64"),
        (&["throughput", "--receivers", "0"], "1..=64"),
        (&["throughput", "--size", "7"], "8..="),
        (&["throughput", "--rate", "0"], "--rate"),
        (&["throughput", "--leaves", "17"], "0..=16"),
        (&["plot", "/nowhere/x.svg"], "cannot write"),
        (&["plot", "x.svg", "--members", "1001"], "2..=1000"),
        (&["floor", "--size", "65508"], "8..=65507"),
        (
            &["latency", "--size", "70000"],
            "at most 65536 are possible",
        ),
        (
            &["throughput", "--class", "state", "--size", "5000"],
            "5000 bytes",
        ),
        (&["floor", "--group", "[ff02::1]:12345"], "IPv4"),
        (
            &["throughput", "--key-file", "/nowhere/keys"],
            "/nowhere/keys",
        ),
    ] {
        let ended = bench(149, arguments).expect(2);
        assert!(ended.stderr.contains(reason), "{ended:#?}");
    }
}
