//! What smoltcp does otherwise than one expects, and what the adapter makes of it: on simulated
//! Ethernet hosts, frame by frame, with each version of smoltcp.

#![allow(
    clippy::duplicate_mod,
    reason = "the suite is compiled once for each version of smoltcp"
)]

mod v0_12;
mod v0_13;
mod v0_14;
