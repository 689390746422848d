//! The stack on smoltcp 0.12, which stm32-eth, esp-radio and smoltcp-nal have.

#[path = "differences/v0_12.rs"]
mod differences;
#[path = "shared/mod.rs"]
mod shared;

pub use smoltcp_0_12 as smoltcp;

pub use crate::{Error, Socket, StackCounters, hardware_address};
pub use shared::{BoardMemory, Memory, PLACES, Stack};
