//! The stack on smoltcp 0.13, which embassy-net 0.9 has.

#[path = "differences/since_v0_13.rs"]
mod differences;
#[path = "shared/mod.rs"]
mod shared;

pub use smoltcp_0_13 as smoltcp;

pub use crate::{Error, Socket, StackCounters, hardware_address};
pub use shared::{BoardMemory, Memory, PLACES, Stack};
