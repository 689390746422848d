// Within the documentation links stay there: of two definitions of a link the first one counts.
//! [`Network`]: crate::Network
//! [`groupcast::multicast`]: groupcast::multicast
//! [`Link`]: crate::Link
//! [`Network::trace_hash`]: crate::Network::trace_hash
//! [stacks]: crate::SimStack
//!
#![doc = include_str!("../README.md")]

mod application;
mod capture;
mod driver;
mod error;
mod host;
mod link;
mod member;
mod net;
mod network;
mod path;
mod random;
mod scenario;
mod socket;
mod stack;
mod state;
mod trace;

pub use application::AppKey;
pub use capture::Capture;
pub use driver::{SimLeaf, SimNode};
pub use error::SimError;
pub use host::HostId;
pub use link::Link;
pub use member::SimMember;
pub use net::{MemberKey, SimNet};
pub use network::Network;
pub use scenario::{Latency, Outcome, Profile, Report, Roomy, Scenario};
pub use socket::SimSocket;
pub use stack::SimStack;
pub use trace::{NetworkCounters, TraceEntry, TraceEvent};
