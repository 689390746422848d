//! The rigs over smoltcp 0.12.

#[path = "device.rs"]
mod device;
#[path = "rig.rs"]
mod rig;

use groupcast_smoltcp::v0_12 as adapter;
use groupcast_smoltcp::v0_12::smoltcp;

pub use rig::{
    EthernetHosts, LeakedStack, SmoltcpLoopback, host, host_addresses, leaked_stack, owned_host,
};
