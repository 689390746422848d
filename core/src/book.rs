//! [DESIGN.md]: crate::book::design
//! [FIRMWARE.md]: crate::book::firmware
//! [PERFORMANCE.md]: crate::book::performance
//! [PROTOCOL.md]: crate::book::protocol
//! [SECURITY.md]: crate::book::security
//! [TROUBLESHOOTING.md]: crate::book::troubleshooting
//! [crate's README]: crate#what-is-promised
//! [decision tree]: crate#which-class
//!
#![doc = include_str!("../docs/BOOK.md")]

/// [PROTOCOL.md]: crate::book::protocol
///
#[doc = include_str!("../docs/DESIGN.md")]
pub mod design {}

/// [memory]: crate#memory
/// [which class]: crate#which-class
///
#[doc = include_str!("../docs/FIRMWARE.md")]
pub mod firmware {}

/// [PROTOCOL.md]: crate::book::protocol
///
#[doc = include_str!("../docs/PERFORMANCE.md")]
pub mod performance {}

#[doc = include_str!("../docs/PROTOCOL.md")]
pub mod protocol {}

/// [PROTOCOL.md §8]: crate::book::protocol#8-sealed-groups
/// [PROTOCOL.md §9]: crate::book::protocol#9-signatures
///
#[doc = include_str!("../docs/SECURITY.md")]
pub mod security {}

/// [FIRMWARE.md]: crate::book::firmware
///
#[doc = include_str!("../docs/TROUBLESHOOTING.md")]
pub mod troubleshooting {}
