//! The rigs over smoltcp 0.13.

#[path = "device.rs"]
mod device;
#[path = "rig.rs"]
mod rig;

use groupcast_smoltcp::v0_13 as adapter;
use groupcast_smoltcp::v0_13::smoltcp;

pub use rig::{
    EthernetHosts, LeakedStack, SmoltcpLoopback, host, host_addresses, leaked_stack, owned_host,
};
