//! The stack on smoltcp 0.14. All of it is at the root of the crate, too.

#[path = "differences/since_v0_13.rs"]
mod differences;
#[path = "shared/mod.rs"]
mod shared;

pub use smoltcp_0_14 as smoltcp;

pub use crate::{Error, Socket, StackCounters, hardware_address};
pub use shared::{BoardMemory, Memory, PLACES, Stack};
