#![no_std]
// On docs.rs there are no files to link to: of two definitions of a link the first one counts.
//! [PROTOCOL.md]: crate::book::protocol
//! [PERFORMANCE.md]: crate::book::performance
//! [DESIGN.md]: crate::book::design
//! [FIRMWARE.md]: crate::book::firmware
//! [SECURITY.md]: crate::book::security
//! [BOOK.md]: crate::book
//!
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

// The pages are read, not compiled: examples in them need other crates, whose tests compile them.
#[cfg(all(doc, not(doctest)))]
pub mod book;
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
mod seed;
#[cfg(feature = "sign")]
pub mod sign;
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
pub use seed::Seed;
#[cfg(not(target_pointer_width = "16"))]
pub use storage::Desktop;
pub use storage::{Board, Memory, Storage, Tiny, View, Views};
pub use time::Instant;
