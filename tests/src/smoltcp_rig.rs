//! The rigs over smoltcp: its loopback device, and simulated hosts on an Ethernet. They are the same for each version
//! of it.

pub mod v0_12;
pub mod v0_13;
pub mod v0_14;
