//! The suite on smoltcp 0.12.

use groupcast_smoltcp::v0_12 as adapter;
use groupcast_smoltcp::v0_12::smoltcp;
use groupcast_tests::smoltcp_rig::v0_12 as rig;

#[path = "suite/mod.rs"]
mod suite;
