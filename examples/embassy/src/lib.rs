//! What the programs in `src/bin` share: the board's devices, its start, and how often it wakes up.

#![no_std]

mod board;
mod clock;
mod ethernet;
mod led;
mod processor;
mod wake;

pub use board::{Board, Member};
pub use ethernet::Ethernet;
pub use led::Led;
pub use processor::run;
pub use wake::{counted, polls};
