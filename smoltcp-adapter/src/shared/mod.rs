//! The stack on one version of smoltcp. What versions have otherwise is in `differences`.

use super::{differences, smoltcp};

mod ear;
mod family;
mod group;
mod inner;
mod link;
mod memory;
mod mouth;
mod multicast;
mod owned;
mod slot;
mod stack;
mod tap;

pub use memory::{BoardMemory, Memory};
pub use stack::{PLACES, Stack};
