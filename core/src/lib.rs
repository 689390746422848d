#![no_std]
#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    not(test),
    warn(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unwrap_used
    )
)]

#[cfg(any(feature = "std", test))]
extern crate std;

mod channel;
mod config;
mod counters;
mod error;
mod event;
mod group;
mod ident;
mod member;
pub mod multicast;
mod node;
#[cfg(feature = "std")]
mod owned;
#[cfg(feature = "seal")]
pub mod seal;
mod storage;
mod time;
pub mod wire;

pub use channel::{Channel, Class};
pub use config::{Config, Join};
pub use counters::Counters;
pub use embedded_nal;
pub use error::{ConfigError, Error, SendError};
pub use event::{DuplicateId, Event, Gap, Message, Outcome, Raw};
pub use group::{Destination, EventsWaiting, Group, Pace, Transmit};
pub use ident::{GroupTag, MemberId, Name, Session};
pub use member::{Member, Standing};
pub use node::Node;
#[cfg(feature = "std")]
pub use owned::{OwnedEvent, OwnedMessage, OwnedRaw};
pub use storage::{Board, Desktop, Memory, Storage, Tiny, View, Views};
pub use time::Instant;
