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
mod any_node;
mod application;
#[cfg(all(doc, not(doctest)))]
pub mod book;
mod channel;
mod config;
mod counters;
mod drive;
mod error;
mod event;
mod group;
mod ident;
mod leaf;
#[cfg(feature = "defmt")]
mod log;
pub mod multicast;
mod node;
#[cfg(feature = "std")]
mod owned;
mod peer;
mod rooms;
#[cfg(feature = "seal")]
pub mod seal;
mod seed;
mod sequence;
#[cfg(feature = "sign")]
pub mod sign;
mod storage;
mod time;
pub mod wire;

pub use any_node::AnyNode;
pub use application::{Application, Endpoint};
pub use channel::{Channel, Class};
pub use config::{Config, Join};
pub use counters::Counters;
pub use drive::{AsyncNode, Driver, NotQueued, Reactor};
pub use embedded_nal;
pub use error::{ConfigError, Error, Failed, SendError};
pub use event::{DuplicateId, DuplicateIdOutcome, Event, Gap, Message, Raw};
pub use group::{Destination, EventsWaiting, Group, Pace, Transmit};
pub use ident::{GroupTag, MemberId, Name, NameTooLong, NotAnId, Session};
pub use leaf::{Leaf, LeafAt, LeafNode};
pub use node::{At, Node};
#[cfg(feature = "std")]
pub use owned::{OwnedEvent, OwnedMessage, OwnedRaw};
pub use peer::{Peer, PeerStatus};
pub use rooms::Sends;
pub use seed::Seed;
pub use sequence::{Sequence, SequenceRange, Sequences};
#[cfg(not(target_pointer_width = "16"))]
pub use storage::Desktop;
#[cfg(feature = "std")]
pub use storage::boxed;
pub use storage::{Board, Limit, Memory, Storage, Tiny, TinyPeer, View, Views};
pub use time::{Instant, TickClock};
