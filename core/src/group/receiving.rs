//! Others' reliable streams: their order, and what is missing of them (PROTOCOL §5).

mod asking;
mod slots;
mod stream;
mod streams;

pub(crate) use stream::{Arrival, Next, Slot, Stream, Tick, Window};
pub(crate) use streams::{Streams, window};
