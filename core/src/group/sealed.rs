//! What protects the group's datagrams: a checksum, or keys, and whom to believe (PROTOCOL §8).

#[cfg(feature = "seal")]
mod contact;
#[cfg(feature = "seal")]
mod echoes;
mod guard;
#[cfg(feature = "seal")]
mod keys;
#[cfg(feature = "seal")]
mod roster;

#[cfg(feature = "seal")]
pub(crate) use contact::{Contact, Known, OPTIONS_LEN, Opened, options_len};
#[cfg(feature = "seal")]
pub(crate) use echoes::{Echo, Echoes};
pub(crate) use guard::Guard;
#[cfg(feature = "seal")]
pub(crate) use keys::Sealed;
