//! What the test suites share.
//!
//! [`contract`] holds the promises of `groupcast::multicast` as checks over any stack; a [`Rig`]
//! brings a stack to them.

pub mod contract;
pub mod rig;
pub mod sim_rig;

pub use rig::{Place, Rig};
pub use sim_rig::Simulated;
