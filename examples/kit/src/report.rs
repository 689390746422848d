//! What came of a soak.

use groupcast::Counters;

use crate::{Numbers, Tallies, log};

/// Logs what was sent of `count` messages, what was received of each sender, and what it took.
pub fn report(numbers: &Numbers, heard: &Tallies, count: u32, counters: &Counters) {
    let (confirmed, blocked) = (numbers.confirmed(), numbers.blocked);
    log!(
        "sent: {} of {} confirmed by everybody, waited for room {} times",
        confirmed,
        count,
        blocked
    );
    for (name, tally) in heard.iter() {
        log!(
            "from {}: received {}, lost {}, again {}",
            name,
            tally.received,
            tally.lost,
            tally.again
        );
    }
    let (nacks, repairs) = (counters.nacks_sent, counters.repairs_sent);
    let (received, dropped, gaps) = (counters.received, counters.dropped(), counters.gaps);
    log!(
        "datagrams {} dropped {} NACKs {} repairs {} gaps {}",
        received,
        dropped,
        nacks,
        repairs,
        gaps
    );
}
