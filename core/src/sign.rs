//! Signed messages: who sent a command, even among those who share the group's key (PROTOCOL §9).
//!
//! ```text
//! group | sender, life | channel | sequence number | payload
//!                 ▼ SHA-256
//! SigningKey ───▶ Ed25519 ───▶ payload | signature 64 ───▶ PublicKey: whose is it?
//!  secret, its publisher's                                  handed out, to be trusted
//! ```
//!
//! Whoever holds a group's key can speak in every member's name; in an open group everybody can. Commands
//! that a member must not be able to forge are therefore signed by a **publisher**, with a
//! [`SigningKey`] that nobody else holds. It works in open and sealed groups alike, for every class, and
//! costs 64 bytes and two or three operations on a curve: on a board that is a long time, so sign
//! commands, not measurements.
//!
//! A receiver asks a [`Verifier`], which knows the public keys it trusts, and takes no message twice:
//!
//! ```
//! use groupcast::sign::{NotTrusted, SigningKey, Verifier};
//! use groupcast::{Board, Channel, Config, Event, Group, Instant};
//!
//! const COMMANDS: Channel = Channel::reliable_ordered(2);
//! let config = Config::new("239.1.2.3:12345".parse()?);
//! let mut panel = Group::new(Board::new(), config.with_name("panel"), [1; 32])?;
//! let mut boiler = Group::new(Board::new(), config.with_name("boiler"), [2; 32])?;
//!
//! let key = SigningKey::new(&[7; 32])?; // from a file of `groupcast keygen --sign`
//! let trusted = [key.public()];
//! let mut verifier: Verifier<'_, 8> = Verifier::new(&trusted);
//!
//! let now = Instant::from_millis(5);
//! panel.queue_signed(now, COMMANDS, b"off", &key).unwrap();
//! panel.queue(now, COMMANDS, b"explode").unwrap();
//! let mut buffer = [0; 1472];
//! let transmit = panel.poll_transmit(now, &mut buffer)?.unwrap();
//!
//! boiler.handle(now, "10.0.0.1:40000".parse()?, &buffer[..transmit.len])?;
//! let mut verdicts = Vec::new();
//! while let Some(event) = boiler.poll_event() {
//!     if let Event::Message(message) = event {
//!         verdicts.push((message.text().unwrap().to_owned(), verifier.check(&message)));
//!     }
//! }
//! assert_eq!(verdicts, [
//!     ("off".to_owned(), Ok(&trusted[0])),
//!     ("explode".to_owned(), Err(NotTrusted::NotSigned)),
//! ]);
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! # What a signature does not say
//!
//! *When* it was made. A [`Verifier`] takes nothing twice for as long as it lives and remembers. After
//! a restart it remembers nothing: then whoever recorded a publisher's messages, and can send to the
//! group, can pass a whole old session off as its own. Commands for which that matters carry a time or a
//! number that rises, which the receiver compares with its clock or with what it has stored.

mod key;
mod statement;
mod verifier;

pub use key::{PublicKey, SIGNATURE_LEN, SeedIsZero, SigningKey};
pub use statement::Statement;
pub use verifier::{NotTrusted, Verifier};
