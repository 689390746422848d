//! Channels and delivery classes.

use core::fmt;

/// How messages are delivered.
///
/// The promise of the reliable classes: every message is delivered exactly once, or the application
/// is told of a [`Gap`](crate::Gap) that names exactly what it will never see.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Class {
    /// Every message at most once, in any order, and perhaps not at all. It costs no state.
    BestEffort,
    /// As best effort, but never older than what was delivered of the channel before. For positions
    /// and other values that are sent all the time. One datagram per message.
    Latest,
    /// As latest, and the newest value always arrives, also at members that come late. For values
    /// that are sent when they change. One datagram per message.
    State,
    /// Every message exactly once, or reported as a gap; each as soon as it is there.
    ReliableUnordered,
    /// Every message exactly once, in the order it was sent, or reported as a gap.
    ReliableOrdered,
}

/// Its [name](Class::name).
impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Class {
    /// What it is called on the command line and in JSON, such as `best-effort`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BestEffort => "best-effort",
            Self::Latest => "latest",
            Self::State => "state",
            Self::ReliableUnordered => "reliable-unordered",
            Self::ReliableOrdered => "reliable-ordered",
        }
    }

    /// The class's code on the wire, and whether the LATEST flag is set.
    pub(crate) const fn code(self) -> (u8, bool) {
        match self {
            Self::BestEffort => (0, false),
            Self::Latest => (0, true),
            Self::ReliableUnordered => (1, false),
            Self::ReliableOrdered => (2, false),
            Self::State => (3, false),
        }
    }

    /// The class with this code, the low two bits of which count.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) const fn from_code(code: u8, latest: bool) -> Self {
        match (code & 3, latest) {
            (0, false) => Self::BestEffort,
            (0, true) => Self::Latest,
            (1, _) => Self::ReliableUnordered,
            (2, _) => Self::ReliableOrdered,
            _ => Self::State,
        }
    }

    /// Whether messages of the class are for everybody, and not only for those who take reliable streams
    /// (PROTOCOL S14).
    pub(crate) const fn is_for_all(self) -> bool {
        matches!(self, Self::BestEffort | Self::Latest | Self::State)
    }

    /// Whether messages of the class have sequence numbers of the reliable stream.
    #[must_use]
    pub const fn is_reliable(self) -> bool {
        matches!(
            self,
            Self::State | Self::ReliableUnordered | Self::ReliableOrdered
        )
    }
}

/// One of 256 streams of messages within a group, and how it is delivered.
///
/// Members agree on channels by using the same constants.
///
/// ```
/// use groupcast::Channel;
/// const POSITIONS: Channel = Channel::best_effort(1);
/// assert_eq!(POSITIONS.number(), 1);
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Channel {
    number: u8,
    class: Class,
}

/// Such as `channel 1, best-effort`.
impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "channel {}, {}", self.number, self.class)
    }
}

impl Channel {
    /// A channel with this number, delivered [`Class::BestEffort`].
    #[must_use]
    pub const fn best_effort(number: u8) -> Self {
        Self {
            number,
            class: Class::BestEffort,
        }
    }

    /// A channel with this number, delivered [`Class::Latest`].
    #[must_use]
    pub const fn latest(number: u8) -> Self {
        Self {
            number,
            class: Class::Latest,
        }
    }

    /// A channel with this number, delivered [`Class::State`].
    #[must_use]
    pub const fn state(number: u8) -> Self {
        Self {
            number,
            class: Class::State,
        }
    }

    /// A channel with this number, delivered [`Class::ReliableUnordered`].
    #[must_use]
    pub const fn reliable_unordered(number: u8) -> Self {
        Self {
            number,
            class: Class::ReliableUnordered,
        }
    }

    /// A channel with this number, delivered [`Class::ReliableOrdered`].
    #[must_use]
    pub const fn reliable_ordered(number: u8) -> Self {
        Self {
            number,
            class: Class::ReliableOrdered,
        }
    }

    /// A channel with this number and class.
    #[must_use]
    pub const fn new(number: u8, class: Class) -> Self {
        Self { number, class }
    }

    /// The channel's number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.number
    }

    /// How the channel's messages are delivered.
    #[must_use]
    pub const fn class(self) -> Class {
        self.class
    }
}

impl Default for Channel {
    /// Channel 0, best effort.
    fn default() -> Self {
        Self::best_effort(0)
    }
}
