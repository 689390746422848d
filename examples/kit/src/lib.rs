//! What the firmware of all boards here shares: which board it is, its log, its texts, and what the emulator's host gives.
//!
//! Here is all that is not about one chip, nor about how a program waits: `examples/board` has a loop and
//! `examples/embassy` has tasks.

#![no_std]

pub mod host;
mod identity;
mod key;
pub mod log;
mod numbers;
mod options;
mod outbox;
mod panic;
mod register;
mod said;
mod soak;
mod stack;
mod tally;
mod text;
mod wakes;

pub use identity::{Identity, Start};
pub use options::Options;
pub use outbox::Outbox;
pub use register::Register;
pub use said::said;
pub use soak::Soak;
pub use text::{Text, number};
pub use wakes::Wakes;
