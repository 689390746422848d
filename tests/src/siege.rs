//! The siege: sealed groups under attack, and a judge that knows who sealed what, and when.
//!
//! Three or four members talk, crash, start again, leave and change their keys on a bad network. A
//! stranger without the key hears all that is sent, and sends what it likes to whom it likes under any
//! address: what it heard, in this life of a member or an earlier one; the same with bits turned over, cut
//! short, or put together of two; headers it made up; a member's own datagrams back to it; and what it
//! kept from arriving, later. Each of these is on or off in a seed. Then the stranger gives up, and the
//! group has to find together.
//!
//! What is checked, after every moment in which something happened:
//!
//! | rule | what is promised |
//! |---|---|
//! | `forged` | what is accepted is what a member sealed, octet for octet |
//! | `again` | no life of a member accepts a datagram twice |
//! | `before` | no life of a member accepts a datagram that was sealed before it began |
//! | `late` | nothing is accepted later than [`judge::HELD_AT_MOST`] after it was sealed |
//! | `bytes` | what is delivered is what was sent |
//! | `twice` | no life of a member is given a message twice |
//! | `past` | nothing is delivered, and nobody joins, of a life that ended before the receiver's began |
//! | `outsider` | who joins, restarts or is heard again is a session of a member |
//! | `ghost` | and one that sealed something not long ago |
//! | `left` | who is said to have left did so |
//! | `duplicate` | no member is told that its id or session is another's: none is |
//! | `nonce` | no two datagrams with one key, sender, session and counter |
//! | `counter` | the counter begins with 1 in each session and rises by 1 |
//! | `hello` | two HELLOs of a session to the group are 100 ms apart |
//! | `rate` | however much comes in, no member sends more than [`judge::SENT_PER_SECOND`] |
//! | `unicast` | datagrams to one address go to one from which something came that the sender may have accepted |
//! | `counters` | every datagram received is counted once |
//! | `agree` | after the attack, the rosters are right within [`drive::FOUND`] |
//! | `arrives` | and reliable messages arrive |
//! | `silent`, `gap` | what lies between what was given of a stream is given, or in a gap that was sent, whatever key it was sent with |
//! | `entropy` | octets that cannot be random start nobody |
//! | `panic`, `repeat` | nothing panics; the same seed gives the same run |
//!
//! A reliable message may be given twice to a member whose roster is so small that it forgot its sender
//! between: it comes in other datagrams then. `again` holds nevertheless.

pub mod drive;
pub mod flood;
pub mod judge;
pub mod lives;
mod luck;
pub mod plan;
pub mod stranger;
mod tape;
pub mod whole;

use groupcast::seal::{GroupKey, KeySet};
use groupcast::{Board, Storage};

pub use crate::swarm::Violation;
pub use drive::Outcome;
pub use judge::Totals;
pub use plan::{Plan, Store};

/// Memory with fewer places on the roster than there are others.
pub type Cramped = Storage<2, 2, 16, 24, 2_048, 1_473, { groupcast::Sends::UNLIMITED }>;

/// Runs a seed. `prints`: what members accept and are told.
#[must_use]
pub fn run(seed: u64, prints: bool) -> Outcome {
    let plan = Plan::new(seed);
    match plan.store {
        Store::Cramped => drive::drive::<Cramped>(&plan, prints),
        Store::Fitting => drive::drive::<Board>(&plan, prints),
    }
}

/// The command that runs a seed again.
#[must_use]
pub fn command(seed: u64) -> String {
    format!("cargo run --release -p groupcast-tests --bin siege -- --seed {seed} --trace")
}

/// The two keys of the group; this one to send with.
fn keys(sending: u8) -> KeySet {
    let mut keys = KeySet::new(GroupKey::new([1 + sending; 32]));
    keys.accept(GroupKey::new([2 - sending; 32]))
        .expect("there is room for two");
    keys
}
