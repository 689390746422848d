//! `groupcast sim`. It opens no socket.

use serde_json::Value;

use crate::process::{Ended, group, run};

const SMALL: [&str; 7] = ["sim", "--members", "4", "--seconds", "1", "--loss", "10%"];

fn sim(arguments: &[&str]) -> Ended {
    run(group(120), SMALL.iter().chain(arguments).copied())
}

fn json(arguments: &[&str]) -> Value {
    let ended = sim(&[arguments, &["--json"]].concat()).expect(0);
    assert_eq!(ended.stdout.len(), 1, "{ended:#?}");
    serde_json::from_str(&ended.stdout[0]).unwrap()
}

#[test]
fn the_same_command_prints_the_same_bytes_and_another_seed_others() {
    for form in [&["--seeds", "3", "--json"][..], &["--seeds", "3"]] {
        assert_eq!(sim(form).expect(0).stdout, sim(form).expect(0).stdout);
    }
    assert_ne!(json(&["--seed", "1"]), json(&["--seed", "2"]));
}

#[test]
fn every_message_is_accounted_for_at_every_receiver() {
    for class in [
        "best-effort",
        "latest",
        "state",
        "reliable-unordered",
        "reliable-ordered",
    ] {
        for storage in ["tiny", "board", "desktop"] {
            let report = json(&["--class", class, "--storage", storage]);
            let count = |name: &str| report[name].as_u64().unwrap();
            let sum = ["delivered", "gap_messages", "unaccounted", "lost"].map(count);
            assert_eq!(count("sent"), 100, "{report}");
            assert_eq!(sum.iter().sum::<u64>(), 300, "{class} {storage}: {report}");
            assert_eq!(count("unaccounted"), 0, "{class} {storage}: {report}");
            for name in [
                "p50_ms",
                "p99_ms",
                "max_ms",
                "nacks_per_message",
                "repairs_per_message",
                "datagrams_per_message",
                "bytes_per_message",
                "control_datagrams_per_second",
            ] {
                assert!(report[name].is_number(), "{name}: {report}");
            }
        }
    }
}

#[test]
fn several_seeds_are_the_sum_of_each() {
    let one = |seed| json(&["--seed", seed])["delivered"].as_u64().unwrap();
    let all = json(&["--seed", "5", "--seeds", "2"]);
    assert_eq!(all["sent"], 200);
    assert_eq!(all["delivered"], one("5") + one("6"));
}

#[test]
fn the_table_says_what_was_simulated() {
    let ended = sim(&["--burst", "5:4", "--reorder", "1:0.04"]).expect(0);
    let text = ended.stdout.join("\n");
    for part in [
        "4 members",
        "loss 10 %",
        "bursts of 4 losing 5 %",
        "held back by up to 40ms",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(text.contains("\nunaccounted           0  "), "{text}");
}

#[test]
fn what_cannot_be_is_refused_with_a_reason() {
    for (arguments, reason) in [
        (
            &["--senders", "5"][..],
            "5 senders are more than the 4 members",
        ),
        (&["--burst", "90:2"], "make them longer"),
        (&["--class", "state", "--size", "5000"], "5000 bytes"),
        (&["--loss", "200"], "in percent, from 0 to 100"),
        (
            &["--plot", "/nowhere/x.svg", "--seconds", "0"],
            "cannot write",
        ),
    ] {
        let arguments: Vec<_> = ["sim", "--members", "4"]
            .iter()
            .chain(arguments)
            .copied()
            .collect();
        let ended = run(group(121), arguments).expect(2);
        assert!(ended.stderr.contains(reason), "{ended:#?}");
    }
}
