//! What a stack counts.

/// What became of datagrams that did not go the usual way.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct StackCounters {
    /// Received, and dropped because a socket's queue had no room.
    pub no_room: u32,
    /// To be sent to a host whose hardware address did not come in time, and dropped.
    pub unanswered: u32,
    /// Groups joined anew because the interface's address had changed.
    pub rejoins: u32,
}
