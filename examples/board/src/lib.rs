//! What the programs in `src/bin` share: the board's devices, its start, its log.

#![no_std]

mod board;
mod clock;
mod ethernet;
pub mod host;
mod key;
pub mod lamp;
mod led;
pub mod log;
mod numbers;
mod options;
mod outbox;
mod panic;
mod register;
mod said;
mod stack;
mod tally;
mod text;

pub use board::{Board, BoardStack};
pub use led::Led;
pub use numbers::Numbers;
pub use options::Options;
pub use outbox::Outbox;
pub use said::said;
pub use tally::{Tallies, Tally};
pub use text::{Text, number};
