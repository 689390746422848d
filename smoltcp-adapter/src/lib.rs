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

mod ear;
mod error;
mod family;
mod group;
mod inner;
mod link;
mod memory;
mod mouth;
mod multicast;
mod socket;
mod stack;

pub use error::Error;
pub use link::hardware_address;
pub use memory::{BoardMemory, Memory};
pub use smoltcp;
pub use socket::Socket;
pub use stack::{Stack, StackCounters};
