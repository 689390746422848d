//! Members with another memory than the others: such as take no reliable streams.

use groupcast::Storage;

/// The memory of members that take no streams. It has room for as much of the rest as the others'.
pub type Streamless = Storage<32, 0, 0, 64, 65_536, { RECEIVE }>;

/// The largest datagram that they can receive, in bytes.
pub const RECEIVE: usize = 513;

/// Bytes around the payload of a datagram with one fragment: header, frame and trailer.
pub(super) const AROUND: usize = 22 + 12 + 4;
