//! The words in which a line of the roster speaks.

use crate::wire::MAX_MAX_DATAGRAM;

/// Something about a member that the application is to be told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Change {
    Joined,
    Left,
    Suspect,
    Recovered,
    Lost,
    Restarted,
    DuplicateId,
    Confirmed,
    /// As left or lost, of one that was no member: only its stream is to end.
    Ended,
}

/// What a member can receive, or all members can.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Limits {
    /// The largest datagram, in bytes.
    pub(crate) datagram: u16,
    /// The largest message, in units of 64 bytes.
    pub(crate) message: u16,
    /// How many datagrams at once.
    pub(crate) burst: u8,
}

impl Limits {
    /// No limits but those of the protocol.
    pub(crate) const NONE: Self = Self {
        datagram: MAX_MAX_DATAGRAM,
        message: u16::MAX,
        burst: u8::MAX,
    };

    /// Where nothing is known yet.
    pub(crate) const ZERO: Self = Self {
        datagram: 0,
        message: 0,
        burst: 0,
    };

    /// The smaller of each.
    pub(crate) fn min(self, other: Self) -> Self {
        Self {
            datagram: self.datagram.min(other.datagram),
            message: self.message.min(other.message),
            burst: self.burst.min(other.burst),
        }
    }
}

/// What a member says of the messages that are to be confirmed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Answer {
    /// It has not said yet.
    Open,
    /// It has all of them.
    Has,
    /// It will never have all of them.
    Lacks,
}

/// How far this receiver is in a stream.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Position {
    /// Since where it has everything.
    pub(crate) since: u32,
    /// The first sequence number that is neither delivered nor reported.
    pub(crate) next: u32,
}

impl Position {
    /// The beginning of what is followed.
    pub(crate) const fn starting_at(start: u32) -> Self {
        Self {
            since: start,
            next: start,
        }
    }
}

/// A datagram owed to one member by unicast.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Owed {
    /// An answer.
    Hello,
    /// A question: a HELLO with the PROBE flag.
    Probe,
    /// An ACK.
    Ack,
}
