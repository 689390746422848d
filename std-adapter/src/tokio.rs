//! Members in async programs, on tokio. With the feature `tokio`.
//!
//! [`AsyncMember`] is a member that one task owns. [`split`](AsyncMember::split) makes three of it, for programs of several
//! tasks: what runs it, a [`Sender`] that can be cloned, and a [`Receiver`] of events.
//!
//! ```no_run
//! use groupcast::{Channel, Event};
//! use groupcast_std::tokio::AsyncMember;
//!
//! # async fn show() -> Result<(), groupcast_std::Error> {
//! let mut member = AsyncMember::join("239.1.2.3:12345").await?;
//! member.send(Channel::default(), b"Hello, multicast!", |_| {}).await?;
//! loop {
//!     match member.recv().await? {
//!         Event::Message(message) if message.payload() == b"end" => break,
//!         event => println!("{event}"),
//!     }
//! }
//! member.leave().await?;
//! # Ok(())
//! # }
//! ```

mod events;
mod member;
mod reactor;
mod split;

pub use events::Events;
pub use member::AsyncMember;
pub use reactor::TokioReactor;
pub use split::{Receiver, Runner, Sender};
