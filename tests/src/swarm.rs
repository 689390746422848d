//! The swarm: random groups on random networks, and a judge that knows what was promised.
//!
//! A seed decides about everything: how many members, how much memory, which channels, what the network
//! does to datagrams, who crashes when. For a while there are faults; then they end, and the group has
//! to come to rest with nothing missing. Every other seed also has a [kind of luck](luck) of its own: strangers,
//! clones, ghosts, members that stand still while their sockets fill. What is checked, after every moment in which something
//! happened:
//!
//! | rule | what is promised |
//! |---|---|
//! | `bytes` | delivered is only what was sent, octet for octet |
//! | `once` | every message at most once per life of the receiver and session of the sender |
//! | `order` | ordered messages of a session with rising sequence numbers |
//! | `gap` | gaps never overlap, lie within what a datagram told of, and cover nothing that was or will be delivered |
//! | `exact` | of a sender that repairs all it is asked for, only what finds no room is in a gap |
//! | `unaccounted` | at the end, every message since the receiver knew the sender is delivered or in a gap |
//! | `told` | when a sender ends, every message that an accepted datagram told of is delivered or in a gap |
//! | `end` | when a member is said to have left, every message that it sent is |
//! | `relied` | what is sent after the sender was told that the receiver joined is |
//! | `joined` | a member joins once before it ends, and ends only after it joined |
//! | `lost`, `left`, `bye` | who is lost was silent for so long; who left did so; and it is heard where the network is good |
//! | `ghost` | a stranger that fell silent is on no roster for long, whatever it stated |
//! | `stale` | what a live member says, and is not old on its own way, is not taken for old |
//! | `session`, `identity` | every start has a session of its own; ids and sessions change only for a reason |
//! | `prompt` | what a member says as it starts leaves at once |
//! | `signed` | whoever verifies takes every genuine message |
//! | `answers` | all strangers together are sent 20 datagrams in a second |
//! | `work` | no moment takes long, whatever a datagram says |
//! | `newer` | values of Latest and State only ever get newer |
//! | `value` | at the end, everybody has the last value of each State channel |
//! | `streamless` | who takes no streams is given no reliable message and no gap, is told so once, asks for nothing and confirms nothing; nobody tells it where a stream begins for it |
//! | `roster` | ten seconds after the faults, the rosters agree, and again when somebody has left |
//! | `restart` | nothing of a session after the first of the next one |
//! | `needless`, `slow` | in mild weather and in calm, no gaps, and no message takes longer than half a second; three seconds after a storm |
//! | `calm` | in calm, best-effort messages arrive, too |
//! | `confirm` | who is said to have some messages was given all of them; in calm, everybody confirms |
//! | `counters` | every datagram received is counted once |
//! | `wire`, `size`, `counter`, `nacks` | what is sent is well-formed, not too large, never two datagrams with one counter, and never more NACKs than allowed |
//! | `nacks` | nothing is asked for again before a round trip has passed since it was asked for, by oneself or by others |
//! | `stream` | every fragment is sent for the first time once, in order, and SYNC tells how far that is |
//! | `horizon` | what can be repaired is told truly and never grows backwards; nothing else is asked for |
//! | `repairs` | a fragment is repaired once per round trip; without a pace, too, repairs are bounded |
//! | `pace` | no sender is faster than its pace |
//! | `heartbeat` | heartbeats come soon after the last message, go on until they are rare, and carry it if it is short |
//! | `spinning` | a member does not ask to be polled at once again and again |
//! | `repeat` | the same seed gives the same run |
//!
//! A gap may cover values of State that were delivered: when one asks for current values, they arrive
//! outside of the stream.
//!
//! Some members take no reliable streams, some of these send only values, and some are leaves: those keep no roster, so
//! they are on the others' rosters and nobody is on theirs; they listen to fewer senders than there may be, or to nobody.
//! What is said above is held against each as far as it can do it.
//!
//! Where memory does not suffice for what happens (more members than places on
//! the roster, say), the promises that depend on it are not held against the group.

mod asks;
mod claims;
pub mod dice;
mod draw;
pub mod drive;
pub mod luck;
pub mod memory;
pub mod oracle;
pub mod plan;
mod print;
pub mod stranger;
pub mod tap;
pub mod track;
pub(crate) mod wire_math;
pub mod world;

use core::time::Duration;

use groupcast::{Sends, Storage};

pub use drive::Outcome;
pub use oracle::{Totals, Violation};
pub use plan::{Plan, Store};

/// Seeds that found faults of the engine, with the seconds of faults in their networks: they are always
/// run. What a seed means changes with [`Plan`]; then what it found needs another one.
pub const REMEMBERED: [(u64, u64); 5] = [
    // A best-effort message that was dropped because its longer part came last.
    (73, 8),
    // Planted faults that few others find: duplicates, values of State, NACKs without limit, values that
    // a latecomer does not ask for.
    (22, 8),
    (67, 8),
    (53, 8),
    (17, 8),
];

/// The memory of [`Store::Tiny`]: [`groupcast::Tiny`], also for members without a pace.
pub type Tiny = Storage<8, 2, 16, 16, 1600, 1025, { Sends::UNLIMITED }>;

/// The memory of [`Store::Board`]: [`groupcast::Board`], also for members without a pace.
pub type Board = Storage<16, 4, 32, 83, 8192, 1473, { Sends::UNLIMITED }>;

/// The memory of [`Store::Roomy`].
pub type Roomy = Storage<32, 16, 256, 600, 32_768, 8_192, { Sends::UNLIMITED }>;

/// The memory of [`Store::Wide`].
pub type Wide = Storage<8, 4, 1_024, 600, 65_536, 8_192, { Sends::UNLIMITED }>;

/// Runs a seed, with faults for this long. `prints`: everything that happens.
#[must_use]
pub fn run(seed: u64, faulty: Duration, prints: bool) -> Outcome {
    run_plan(&Plan::new(seed, faulty), prints)
}

/// Runs a plan. `prints`: everything that happens.
#[must_use]
pub fn run_plan(plan: &Plan, prints: bool) -> Outcome {
    match plan.store {
        Store::Tiny => drive::drive::<Tiny>(plan, prints),
        Store::Board => drive::drive::<Board>(plan, prints),
        Store::Roomy => drive::drive::<Roomy>(plan, prints),
        Store::Wide => drive::drive::<Wide>(plan, prints),
    }
}

/// The command that runs a seed again.
#[must_use]
pub fn command(seed: u64, faulty: Duration) -> String {
    let seconds = faulty.as_secs();
    format!(
        "cargo run --release -p groupcast-tests --bin swarm -- --seed {seed} --seconds {seconds} --trace"
    )
}
