//! The suite on smoltcp 0.13.

use groupcast_smoltcp::v0_13 as adapter;
use groupcast_smoltcp::v0_13::smoltcp;
use groupcast_tests::smoltcp_rig::v0_13 as rig;

#[path = "suite/mod.rs"]
mod suite;
