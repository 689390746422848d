//! What the engine delivers, and at what cost, by loss and group size: a change in behaviour is a
//! change of the table in `tests/snapshots/sim_table.txt`.
//!
//! To accept what is new:
//!
//! ```text
//! UPDATE_SNAPSHOTS=1 cargo test -p groupcast-tests --test sim_table
//! ```

use core::fmt::Write;
use core::time::Duration;
use std::path::Path;

use groupcast::Board;
use groupcast_sim::{Link, Report, Roomy, Scenario};

const LOSSES: [f64; 4] = [0.0, 0.05, 0.2, 0.4];
const SIZES: [usize; 5] = [2, 5, 10, 16, 40];

/// Members that a board has room for, and itself.
const BOARD_MEMBERS: usize = 17;

/// One message of 64 octets every 20 ms for two seconds, on a wired network.
fn scenario() -> Scenario {
    Scenario::new()
        .with_rate(50.0)
        .with_duration(Duration::from_secs(2))
}

fn row(loss: f64, members: usize, report: &Report) -> String {
    let number = |value: Option<f64>| value.map_or(f64::NAN, |value| value);
    format!(
        "{:>4.0} % {members:>8} {:>6} {:>10} {:>5} {:>9.2} {:>10.2} {:>14.2}\n",
        loss * 100.0,
        report.sent,
        report.delivered,
        report.gap_messages,
        number(report.latency_ms(0.99)),
        number(report.nacks_per_message()),
        number(report.datagrams_per_message()),
    )
}

#[test]
fn loss_and_group_size_have_the_effect_they_had() {
    let mut table = format!(
        "{:>6} {:>8} {:>6} {:>10} {:>5} {:>9} {:>10} {:>14}\n",
        "loss", "members", "sent", "delivered", "gaps", "p99 ms", "NACKs/msg", "datagrams/msg"
    );
    for loss in LOSSES {
        for members in SIZES {
            let scenario = scenario()
                .with_members(members)
                .with_link(Link::lan().with_loss(loss));
            let report = if members <= BOARD_MEMBERS {
                scenario.run::<Box<Board>>()
            } else {
                scenario.run::<Box<Roomy>>()
            };
            let report = report.unwrap();
            assert!(report.keeps_promise(), "{scenario:?}: {report:#?}");
            table.write_str(&row(loss, members, &report)).unwrap();
        }
    }
    compare("sim_table.txt", &table);
}

/// Compares with the snapshot of this name, or replaces it.
fn compare(name: &str, new: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("snapshots")
        .join(name);
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(&path, new).unwrap();
        return;
    }
    let old = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        old == new,
        "{} is another now. Before:\n{old}\nNow:\n{new}\nIf that is right: UPDATE_SNAPSHOTS=1",
        path.display()
    );
}
