//! The newest value of each channel: of others, and of this member's own (PROTOCOL §4).

mod latest;
mod states;

pub(crate) use latest::{Latest, Seen};
pub(crate) use states::{NoRoom, States, Value};
