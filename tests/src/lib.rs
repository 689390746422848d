//! What the test suites share.
//!
//! [`contract`] holds the promises of `groupcast::multicast` as checks over any stack; a [`Rig`]
//! brings a stack to them.

pub mod contract;
pub mod fuzz;
pub mod rig;
pub mod sim_rig;
pub mod swarm;

pub use rig::{Place, Rig};
pub use sim_rig::Simulated;

/// The programs in the project's README compile, and what can run there runs.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
