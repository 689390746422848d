//! The suite on smoltcp 0.14.

use groupcast_smoltcp::v0_14 as adapter;
use groupcast_smoltcp::v0_14::smoltcp;
use groupcast_tests::smoltcp_rig::v0_14 as rig;

#[path = "suite/mod.rs"]
mod suite;
