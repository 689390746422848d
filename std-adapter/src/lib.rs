// Within the documentation links stay there: of two definitions of a link the first one counts.
//! [`StdStack`]: crate::StdStack
//! [`groupcast::multicast`]: groupcast::multicast
//! [`Member`]: crate::Member
//! [`wait()`]: crate::wait()
//!
#![doc = include_str!("../README.md")]

mod arrivals;
mod builder;
mod cause;
mod clock;
pub mod entropy;
mod error;
mod hint;
mod interface;
pub mod interfaces;
pub mod key_file;
mod leaving;
mod member;
mod membership;
mod memory;
pub mod passphrase;
mod rank;
mod resolve;
pub mod sign_file;
mod socket;
mod stack;
mod strangers;
mod sys;
mod tcp;
#[cfg(feature = "tokio")]
pub mod tokio;
mod wait;
mod watch;

pub use builder::Builder;
pub use clock::Clock;
pub use error::{Error, Operation};
pub use groupcast::{OwnedEvent, OwnedMessage, OwnedRaw};
pub use hint::hint;
pub use interface::{Choice, Family, InterfaceSelector};
pub use leaving::Leaving;
pub use member::{Member, MemberBuilder, join};
pub use memory::{Profile, ProfileMemory};
pub use resolve::{resolve_group, resolve_group_on};
pub use socket::{RECEIVE_BUFFER, Socket};
pub use stack::StdStack;
pub use strangers::Stranger;
pub use wait::wait;
#[cfg(unix)]
pub use wait::{Ready, wait_with};
