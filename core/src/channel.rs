//! Channels and delivery classes.

/// How messages are delivered.
///
/// More classes come with later versions; the wire has room for them (PROTOCOL §3.3).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Class {
    /// Every message at most once, in any order, and perhaps not at all. It costs no state.
    BestEffort,
}

impl Class {
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::BestEffort => 0,
        }
    }

    pub(crate) const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::BestEffort),
            _ => None,
        }
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

impl Channel {
    /// A channel with this number, delivered [`Class::BestEffort`].
    #[must_use]
    pub const fn best_effort(number: u8) -> Self {
        Self {
            number,
            class: Class::BestEffort,
        }
    }

    pub(crate) const fn new(number: u8, class: Class) -> Self {
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
