//! Groupcast beyond one LAN.
//!
//! [`tunnel`] is the core of `groupcast-bridge tunnel`: it joins the groups of several sites into one, and knows neither
//! sockets nor MQTT nor the time of day. What happens is handed in, what is to be done comes out, so that a day of
//! traffic between three sites takes seconds in a test.
//!
//! [`gateway`] is the core of `groupcast-bridge gateway`: it makes the group's messages into topics at a broker, and what
//! backends publish into messages of the group.
//!
//! `BRIDGE.md` says what a tunnel is for, what passes through it and what does not.

mod counters;
pub mod gateway;
mod publication;
pub mod tunnel;

pub use publication::{Incoming, Publication, Qos, Subscription};
