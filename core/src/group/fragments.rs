//! Messages of several fragments, and where fragments wait (PROTOCOL §7).

mod body;
mod partial;
mod pool;

pub(crate) use body::Body;
pub(crate) use partial::{Partial, Partials};
pub(crate) use pool::{Block, Handle, Meta, Pool};
