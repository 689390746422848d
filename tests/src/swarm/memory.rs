//! Members with another memory than the others: such as take no reliable streams, and leaves.

use groupcast::{Sends, Storage};

/// The memory of members that take no streams. It has room for as much of the rest as the others'.
pub type Streamless = Storage<32, 0, 0, 64, 65_536, { RECEIVE }, { Sends::UNLIMITED }>;

/// The memory of members that neither take reliable messages nor send any: a [`TinyPeer`](groupcast::TinyPeer) with room
/// for as much as the others'.
pub type Peer = Storage<32, 0, 0, 64, 65_536, { RECEIVE }, { Sends::VALUES }>;

/// The largest datagram that they can receive, in bytes.
pub const RECEIVE: usize = 513;

/// How many senders leaves listen to: the ones that only send, those of the usual size, and some with room for
/// everybody.
pub(super) const LEAVES: [usize; 3] = [0, 4, 24];

/// Bytes that a leaf has for what it says: the usual, and where it listens to everybody.
pub(super) const ROOM: usize = 128;
pub(super) const WIDE_ROOM: usize = 1_024;

/// The largest datagram that a leaf sends and receives, in bytes.
pub(super) const LEAF_DATAGRAM: usize = 512;

/// Of so many channels of one sender a leaf remembers how new the values are.
pub(super) const LEAF_VALUES: usize = 3;

/// Bytes around the payload of a datagram with one fragment: header, frame and trailer.
pub(super) const AROUND: usize = 22 + 12 + 4;
