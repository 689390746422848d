//! The corpora of the fuzz targets, replayed. More: `tests/labs/fuzz`.

use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use groupcast_tests::fuzz::{Reached, TARGETS};

/// The inputs of a target.
fn corpus(target: &str) -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let files = std::fs::read_dir(directory.join(target)).unwrap();
    let mut paths: Vec<_> = files.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn replay(target: &str) -> Reached {
    let (_, run) = TARGETS.iter().find(|(name, _)| *name == target).unwrap();
    let mut reached = Reached::new();
    for path in corpus(target) {
        let octets = std::fs::read(&path).unwrap();
        let result = catch_unwind(|| run(&octets));
        reached.extend(result.unwrap_or_else(|_| panic!("{} fails", path.display())));
    }
    reached
}

/// What the inputs of each target reach at least: they are no use once they end at the first check.
const REACHED: [(&str, &[&str]); 5] = [
    (
        "decode",
        &[
            "ack",
            "ackreq",
            "ask",
            "busy",
            "bye",
            "data",
            "hello",
            "malformed",
            "nack",
            "refused",
            "skip",
            "start",
            "sync",
            "time",
            "unknown",
        ],
    ),
    (
        "receive",
        &[
            "confirmed",
            "duplicate",
            "duplicate-id",
            "gap",
            "joined",
            "left",
            "lost",
            "no-room",
            "ordered",
            "partial-evicted",
            "postponed",
            "raw",
            "recovered",
            "restarted",
            "restarted-back",
            "roster-full",
            "sends-ack",
            "sends-fragment",
            "sends-nack",
            "sends-probe",
            "sends-repair",
            "sends-skip",
            "stale",
            "state",
            "unordered",
        ],
    ),
    (
        "sealed",
        &[
            "confirmed",
            "corrupt",
            "duplicate",
            "duplicate-id",
            "gap",
            "joined",
            "left",
            "lost",
            "no_place",
            "ordered",
            "own",
            "restarted",
            "sends-ack",
            "sends-nack",
            "sends-repair",
            "stale",
            "state",
            "unverified",
        ],
    ),
    (
        "operations",
        &[
            "blocked",
            "confirmed",
            "delivered",
            "gap",
            "lost",
            "nack",
            "restart",
            "sent",
        ],
    ),
    (
        "gateway",
        &[
            "acknowledged",
            "acknowledged_states",
            "already_handled",
            "bad_info",
            "bad_topic",
            "best_effort",
            "confirmed",
            "duplicate_commands",
            "expired",
            "gaps_acknowledged",
            "gaps_bridge",
            "gaps_broker",
            "gaps_lan",
            "ghosts",
            "held",
            "latest",
            "loops",
            "map",
            "no-map",
            "not_sent",
            "offline",
            "quota",
            "recovered",
            "refused_reliable",
            "replaced",
            "resent",
            "restart",
            "retained_commands",
            "state",
            "store_failures",
            "too_many_senders",
            "too_many_values",
            "unconfirmed",
            "unknown_token",
        ],
    ),
];

#[test]
fn no_committed_input_breaks_a_promise() {
    for (target, _) in TARGETS {
        let reached = replay(target);
        println!(
            "{target}: {} inputs reach {reached:?}",
            corpus(target).len()
        );
        let (_, wanted) = REACHED.iter().find(|(name, _)| *name == target).unwrap();
        let missing: Vec<_> = wanted
            .iter()
            .filter(|name| !reached.contains(*name))
            .collect();
        assert!(
            missing.is_empty(),
            "{target} does not reach {missing:?} any more"
        );
    }
}
