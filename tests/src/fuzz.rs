//! What fuzzers do with octets they make up. The targets of `tests/fuzz` call nothing else.
//!
//! | target | the octets are |
//! |---|---|
//! | [`decode`](decode::decode) | a datagram, and the frames of one |
//! | [`receive`](receive::receive) | what happens to one member: datagrams, sound and not, and the passing of time |
//! | [`sealed`](receive::sealed) | the same for a member of a sealed group, whose key the others hold |
//! | [`operations`](operations::operations) | what happens to a group of three, judged as [`swarm`](crate::swarm) judges |
//! | [`gateway`](gateway::gateway) | what a broker, a group and a disk do to a gateway; or its map |
//!
//! Each panics when a promise is broken, and tells which parts of the engine it reached, so that a corpus
//! that has become shallow is noticed.

pub mod decode;
mod forge;
pub mod gateway;
pub use forge::around;
pub mod operations;
pub mod receive;
mod script;
mod watch;

use std::collections::BTreeSet;

/// What an input reached.
pub type Reached = BTreeSet<&'static str>;

/// Does what an input says.
pub type Target = fn(&[u8]) -> Reached;

/// All targets, by name.
pub const TARGETS: [(&str, Target); 5] = [
    ("decode", decode::decode),
    ("receive", receive::receive),
    ("sealed", receive::sealed),
    ("operations", operations::operations),
    ("gateway", gateway::gateway),
];
