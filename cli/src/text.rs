//! Text of strangers and for people: made safe, measured and put in columns.

pub(crate) mod cells;
pub(crate) mod columns;
pub(crate) mod envelope;
pub(crate) mod escape;
pub(crate) mod takes;
