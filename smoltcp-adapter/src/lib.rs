#![no_std]
#![doc = include_str!("../README.md")]
#![cfg_attr(
    not(test),
    warn(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unwrap_used
    )
)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![allow(
    clippy::duplicate_mod,
    reason = "the stack is compiled once for each version of smoltcp"
)]

#[cfg(any(
    feature = "smoltcp-0-12",
    feature = "smoltcp-0-13",
    feature = "smoltcp-0-14"
))]
mod answers;
mod counters;
mod error;
mod hardware;
#[cfg(any(
    feature = "smoltcp-0-12",
    feature = "smoltcp-0-13",
    feature = "smoltcp-0-14"
))]
mod socket;

#[cfg(feature = "smoltcp-0-12")]
pub mod v0_12;
#[cfg(feature = "smoltcp-0-13")]
pub mod v0_13;
#[cfg(feature = "smoltcp-0-14")]
pub mod v0_14;

pub use counters::StackCounters;
pub use error::Error;
pub use hardware::hardware_address;
#[cfg(any(
    feature = "smoltcp-0-12",
    feature = "smoltcp-0-13",
    feature = "smoltcp-0-14"
))]
pub use socket::Socket;
#[cfg(feature = "smoltcp-0-14")]
pub use v0_14::{BoardMemory, Memory, PLACES, Stack, smoltcp};
