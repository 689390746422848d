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

mod buffers;
mod error;
mod family;
mod group;
mod join;
mod mouth;
mod multicast;
mod reactor;
mod route;
mod socket;
mod stack;

pub use buffers::{BoardBuffers, Buffers};
pub use embassy_net;
pub use error::Error;
pub use join::{LeafMember, Member};
pub use reactor::EmbassyReactor;
pub use socket::Socket;
pub use stack::{EmbassyStack, StackCounters};
