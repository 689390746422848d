//! What the programs in `src/bin` share: the board's devices and its start. What other boards share with it is in
//! `examples/kit`.

#![no_std]

mod board;
mod clock;
mod ethernet;
mod interrupt;
pub mod lamp;
mod led;

pub use board::{Board, BoardStack};
pub use led::Led;
