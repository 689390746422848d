//! Nodes driven from tasks, over the simulated network: they wait, are woken, and lose nothing when futures are dropped.

mod dropped;
mod reactor;
mod running;
mod tasks;
mod waking;
