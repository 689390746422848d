//! This member's own stream: its history, repairs and heartbeats, its pace, and how far the receivers are
//! (PROTOCOL §6).

mod flow;
mod history;
mod pace;
mod sender;

pub(crate) use flow::{Flow, MEMBERS};
pub(crate) use history::{Full, History, Kind, stamped};
pub(crate) use pace::Bucket;
pub use pace::Pace;
pub(crate) use sender::Sender;
