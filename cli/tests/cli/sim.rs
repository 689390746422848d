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

/// The report of a mix at a loss of 10 %.
fn mixed(mix: &str, arguments: &[&str]) -> Value {
    let fixed = [
        "sim",
        "--json",
        "--seconds",
        "1",
        "--loss",
        "10%",
        "--mix",
        mix,
    ];
    let ended = run(group(120), fixed.iter().chain(arguments).copied()).expect(0);
    serde_json::from_str(&ended.stdout[0]).unwrap()
}

#[test]
fn in_a_mix_every_message_is_accounted_for_at_those_who_take_it() {
    let mix = "leaf:3,tiny-peer:1,tiny:1,board:1,desktop:2";
    for (class, receivers, senders) in [
        ("best-effort", 7, [3, 1, 1, 0, 0]),
        ("latest", 7, [3, 1, 1, 0, 0]),
        ("state", 7, [3, 1, 1, 0, 0]),
        ("reliable-unordered", 3, [0, 0, 1, 1, 2]),
        ("reliable-ordered", 3, [0, 0, 1, 1, 2]),
    ] {
        let count = senders.iter().sum::<usize>();
        let report = mixed(mix, &["--class", class, "--senders", &count.to_string()]);
        let number = |name: &str| report[name].as_u64().unwrap();
        assert_eq!(number("receivers"), receivers, "{class}: {report}");
        assert_eq!(number("unaccounted"), 0, "{class}: {report}");
        let fates = ["delivered", "gap_messages", "lost", "no_place"].map(number);
        let owed = number("sent") * receivers;
        assert_eq!(fates.iter().sum::<u64>(), owed, "{class}: {report}");
        let parts = report["mix"].as_array().unwrap();
        let of = |name: &'static str| parts.iter().map(move |part| part[name].as_u64().unwrap());
        assert!(
            of("senders").eq(senders.map(|count| count as u64)),
            "{report}"
        );
        assert_eq!(of("owed").sum::<u64>(), owed, "{report}");
        assert_eq!(of("delivered").sum::<u64>(), number("delivered"));
        for part in parts {
            assert_eq!(part["takes"], part["owed"].as_u64() > Some(0), "{part}");
        }
    }
}

#[test]
fn senders_that_find_no_place_in_a_leaf_break_no_promise() {
    let report = mixed("leaf:6,desktop:1", &["--class", "state", "--senders", "6"]);
    assert_eq!(report["sent"], 600);
    // Each of the leaves listens to four of the five others.
    assert_eq!(report["no_place"], 600);
    assert_eq!(report["mix"][0]["no_place"], 600);
    assert_eq!(report["mix"][1]["no_place"], 0);
    assert_eq!(report["unaccounted"], 0);

    let table = [
        "--mix",
        "leaf:6,desktop:1",
        "--class",
        "state",
        "--senders",
        "7",
    ];
    let ended = run(group(120), ["sim", "--seconds", "1"].iter().chain(&table)).expect(0);
    let text = ended.stdout.join("\n");
    for part in [
        "7 members (6 leaf, 1 desktop), 7 (6 leaf, 1 desktop) of them sending",
        "\nno place           1200  at members without a place for the sender",
        "\nleaf               2400  of 3600 delivered, no place for 1200\n",
        "\ndesktop             600  of 600 delivered\n",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn between_members_without_room_for_each_other_no_promise_is_broken() {
    let ended = run(
        group(120),
        [
            "sim",
            "--mix",
            "leaf:20,tiny:5,desktop:3",
            "--seconds",
            "3",
            "--senders",
            "3",
            "--loss",
            "10",
        ],
    );
    let ended = ended.expect(0);
    let text = ended.stdout.join("\n");
    assert!(
        text.contains("pairs of members without room for each other"),
        "{text}"
    );
    let said = "\nleaf                  -  takes no messages of the class reliable-ordered\n";
    assert!(text.contains(said), "{text}");
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

    for (arguments, reason) in [
        (
            &["--mix", "leaf:3"][..],
            "nobody in leaf:3 sends reliable-ordered",
        ),
        (
            &["--mix", "leaf:3,tiny:2", "--senders", "3"],
            "3 senders are more than the 2 members that can send reliable-ordered",
        ),
        (
            &["--mix", "leaf:3", "--class", "state", "--size", "121"],
            "at most 120 bytes; a leaf takes datagrams of 512 bytes",
        ),
        (
            &[
                "--mix",
                "desktop:2,leaf:3",
                "--class",
                "latest",
                "--size",
                "600",
            ],
            "of the class latest has at most 474 bytes; a leaf",
        ),
        (
            &["--mix", "leaf:3", "--class", "state", "--pace", "unlimited"],
            "only members with the storage desktop",
        ),
        (&["--storage", "tiny-peer"], "nobody in tiny-peer:10 sends"),
        (
            &["--mix", "lamp:3"],
            "there are leaf, tiny-peer, tiny, board, desktop",
        ),
        (
            &["--mix", "leaf:3", "--members", "3"],
            "cannot be used with",
        ),
        (
            &["--mix", "leaf:3", "--storage", "tiny"],
            "cannot be used with",
        ),
    ] {
        let ended = run(group(121), ["sim"].iter().chain(arguments).copied()).expect(2);
        assert!(ended.stderr.contains(reason), "{ended:#?}");
    }
}
