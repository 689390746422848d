//! What the test suites share.
//!
//! [`contract`] holds the promises of `groupcast::multicast` as checks over any stack; a [`Rig`]
//! brings a stack to them.

#![allow(
    clippy::duplicate_mod,
    reason = "the rigs over smoltcp are compiled once for each version of it"
)]

pub mod contract;
pub mod embassy_rig;
pub mod ether;
pub mod fuzz;
pub mod insider;
pub mod rig;
pub mod siege;
pub mod sim_rig;
pub mod smoltcp_rig;
pub mod swarm;
pub mod tasks;
mod work;
pub mod workload;

pub use embassy_rig::EmbassyHosts;
pub use rig::{Place, Rig};
pub use sim_rig::Simulated;

/// The programs in the project's README compile, and what can run there runs.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;

/// The same for the guide for firmware engineers.
#[cfg(doctest)]
#[doc = include_str!("../../core/docs/FIRMWARE.md")]
pub struct FirmwareGuide;

/// The same for the book.
#[cfg(doctest)]
#[doc = include_str!("../../core/docs/BOOK.md")]
pub struct Book;
