//! The program among others: how it is ended, what it reads and where it writes, and what time it is.

#[macro_use]
pub(crate) mod aside;

pub(crate) mod clock;
pub(crate) mod failure;
pub(crate) mod lines;
pub(crate) mod signal;
pub(crate) mod terminal;
pub(crate) mod tty;
