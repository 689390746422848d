// Of two definitions of a link the first one counts: here it leads to a page of the book, or for a file that is not part of
// it to the list at the end of the first page. In the repository the others lead to the files.
//! [DESIGN.md]: crate::book::design
//! [FIRMWARE.md]: crate::book::firmware
//! [PERFORMANCE.md]: crate::book::performance
//! [PROTOCOL.md]: crate::book::protocol
//! [SECURITY.md]: crate::book::security
//! [TROUBLESHOOTING.md]: crate::book::troubleshooting
//! [crate's README]: crate#what-is-promised
//! [decision tree]: crate#which-class
//! [BUDGET.md]: crate::book#in-the-repository
//! [JSON.md]: crate::book#in-the-repository
//! [examples/board]: crate::book#in-the-repository
//! [examples/embassy]: crate::book#in-the-repository
//! [examples/flutter]: crate::book#in-the-repository
//! [examples/heating]: crate::book#in-the-repository
//! [examples/pipe]: crate::book#in-the-repository
//!
#![doc = include_str!("../docs/BOOK.md")]
//!
//! # In the repository
//!
//! The book also names what is not part of this crate, but of its repository:
//!
//! | name | file | content |
//! |---|---|---|
//! | BUDGET.md | `examples/board/BUDGET.md` | flash, RAM, stack and instructions on a Cortex-M3 |
//! | CHAT.md, JSON.md | `cli/CHAT.md`, `cli/JSON.md` | the chat, and the lines of JSON, of the command `groupcast` |
//! | SECURITY.md | `SECURITY.md` | how to report a vulnerability |
//! | examples/board | `examples/board/README.md` | firmware on smoltcp |
//! | examples/embassy | `examples/embassy/README.md` | firmware in tasks of embassy |
//! | examples/flutter | `examples/flutter/NOTES.md` | phones, and a small member in Dart and in Python |
//! | examples/heating | `examples/heating/README.md` | an application on desktops, boards and virtual time |
//! | examples/pipe | `examples/pipe/` | members in Python and Node |
//! | groupcast-embassy, groupcast-smoltcp | `embassy-adapter/README.md`, `smoltcp-adapter/README.md` | adapters for boards |
//! | starts.rs | `examples/guide/starts.rs` | counts the starts of a board in its flash |

/// [CHAT.md]: crate::book#in-the-repository
/// [PROTOCOL.md]: crate::book::protocol
/// [clock.rs]: ../../../src/groupcast/time/clock.rs.html
///
#[doc = include_str!("../docs/DESIGN.md")]
pub mod design {}

/// [BOOK.md]: crate::book
/// [BUDGET.md]: crate::book#in-the-repository
/// [SECURITY.md]: crate::book::security
/// [examples/board]: crate::book#in-the-repository
/// [examples/embassy]: crate::book#in-the-repository
/// [groupcast-embassy]: crate::book#in-the-repository
/// [groupcast-smoltcp]: crate::book#in-the-repository
/// [memory]: crate#memory
/// [starts.rs]: crate::book#in-the-repository
/// [which class]: crate#which-class
///
#[doc = include_str!("../docs/FIRMWARE.md")]
pub mod firmware {}

/// [PROTOCOL.md]: crate::book::protocol
/// [reliable-open.svg]: #pictures
///
#[doc = include_str!("../docs/PERFORMANCE.md")]
///
/// # Pictures
///
#[doc = include_str!("../docs/performance/reliable-open.svg")]
pub mod performance {}

#[doc = include_str!("../docs/PROTOCOL.md")]
pub mod protocol {}

/// [PROTOCOL.md §8]: crate::book::protocol#8-sealed-groups
/// [PROTOCOL.md §9]: crate::book::protocol#9-signatures
/// [policy]: crate::book#in-the-repository
///
#[doc = include_str!("../docs/SECURITY.md")]
pub mod security {}

/// [FIRMWARE.md]: crate::book::firmware
/// [JSON.md]: crate::book#in-the-repository
///
#[doc = include_str!("../docs/TROUBLESHOOTING.md")]
pub mod troubleshooting {}
