//! The suite on one version of smoltcp.

use super::{adapter, rig, smoltcp};

mod bench;
mod membership;
mod nodes;
mod receiving;
mod sending;
