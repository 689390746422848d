//! What an application has of a socket.

/// A socket of a `Stack`.
///
/// Close it with the stack's `close`: dropping it keeps its place, its port and its groups.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[must_use]
pub struct Socket {
    pub(crate) place: usize,
    /// The number that the place had when the socket was opened.
    pub(crate) number: u32,
}
