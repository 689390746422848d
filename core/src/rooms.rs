//! Which rooms of the engine a member's memory furnishes.

/// What a member sends: the parameter `SENDS` of a [`Storage`](crate::Storage).
///
/// Less takes less flash: link-time optimisation leaves out what a firmware does not use.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Sends;

impl Sends {
    /// Best effort, Latest and State. A State value that is lost is sent again, or a newer one in its place.
    /// Messages are in one datagram each.
    pub const VALUES: u8 = 0;

    /// Messages of every class.
    pub const RELIABLE: u8 = 1;

    /// Messages of every class, and if it is [told so](crate::Pace::UNLIMITED) as fast as the receivers take them.
    pub const UNLIMITED: u8 = 2;
}

/// What a member can do, by what it has memory for.
///
/// A board's memory says it as a constant, and the calls hand it on from one to the next: so link-time optimisation
/// leaves out what a firmware does not use. A value in the engine's own state would not do that.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(
    unnameable_types,
    reason = "only `Memory` returns it, which nobody else implements"
)]
pub struct Rooms(u8);

impl Rooms {
    const STREAMS: u8 = 0x01;
    const REPAIRS: u8 = 0x02;
    const FLOW: u8 = 0x04;

    /// Whether there is room for others' streams, and what is [sent](Sends).
    #[inline]
    #[must_use]
    pub(crate) const fn new(streams: bool, sends: u8) -> Self {
        let sending = match sends {
            Sends::VALUES => 0,
            Sends::RELIABLE => Self::REPAIRS,
            _ => Self::REPAIRS | Self::FLOW,
        };
        Self(sending | if streams { Self::STREAMS } else { 0 })
    }

    const fn has(self, room: u8) -> bool {
        self.0 & room != 0
    }

    /// Whether others' reliable streams are received.
    #[inline]
    #[must_use]
    pub(crate) const fn receive_streams(self) -> bool {
        self.has(Self::STREAMS)
    }

    /// Whether messages of the reliable classes are sent, and kept for repair; else only State values are.
    #[inline]
    #[must_use]
    pub(crate) const fn repair(self) -> bool {
        self.has(Self::REPAIRS)
    }

    /// Whether messages may be sent without a pace, as fast as the receivers take them.
    #[inline]
    #[must_use]
    pub(crate) const fn follow_receivers(self) -> bool {
        self.has(Self::FLOW)
    }
}
