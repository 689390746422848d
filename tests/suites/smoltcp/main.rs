//! What smoltcp does otherwise than one expects, and what the adapter makes of it: on simulated
//! Ethernet hosts, frame by frame.

mod bench;
mod membership;
mod nodes;
mod receiving;
mod sending;
