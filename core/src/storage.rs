//! The memory a member lives in: all of it, chosen once by the application.

use crate::group::{Inbox, Outbox, Roster, RosterOf};
use crate::wire::MAX_MAX_DATAGRAM;

/// Octets of the buffer in which datagrams are built.
const TRANSMIT: usize = MAX_MAX_DATAGRAM as usize;

/// All the memory of a member, with room for `PEERS` other members, `RECEIVE` octets of received
/// datagram and `OUTBOX` octets of messages waiting to be sent.
///
/// - `PEERS`: more members than this still exchange messages, but are not on the roster.
/// - `RECEIVE`: at least the group's largest datagram and one octet. Larger datagrams are dropped
///   and counted.
/// - `OUTBOX`: at least one datagram and two octets. Larger lets the application send in bursts.
///
/// [`Tiny`], [`Board`] and [`Desktop`] are ready-made. On a board it is a `static`, on a desktop a
/// `Box`:
///
/// ```
/// use groupcast::Storage;
/// static BOILER: std::sync::Mutex<Storage<8, 1201, 1202>> = std::sync::Mutex::new(Storage::new());
/// ```
#[derive(Debug)]
pub struct Storage<const PEERS: usize, const RECEIVE: usize, const OUTBOX: usize> {
    roster: RosterOf<PEERS>,
    inbox: Inbox<[u8; RECEIVE]>,
    outbox: Outbox<[u8; OUTBOX]>,
    transmit: [u8; TRANSMIT],
}

/// For the smallest boards: 8 peers.
pub type Tiny = Storage<8, 1473, 1474>;

/// For boards: 16 peers, bursts of 4 KiB.
pub type Board = Storage<16, 1473, 4096>;

/// For desktops: 256 peers, bursts of 256 KiB, bare datagrams of any size.
pub type Desktop = Storage<256, 65_536, 262_144>;

impl<const PEERS: usize, const RECEIVE: usize, const OUTBOX: usize>
    Storage<PEERS, RECEIVE, OUTBOX>
{
    /// Memory for one member.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            roster: RosterOf::new(),
            inbox: Inbox::new(),
            outbox: Outbox::new(),
            transmit: [0; TRANSMIT],
        }
    }
}

impl<const PEERS: usize, const RECEIVE: usize, const OUTBOX: usize> Default
    for Storage<PEERS, RECEIVE, OUTBOX>
{
    fn default() -> Self {
        Self::new()
    }
}

/// Memory that a [`Group`](crate::Group) can use: a [`Storage`], or whatever leads to one.
///
/// It erases the sizes, so that the group's code exists once and not once per size.
pub trait Memory {
    /// The parts, to work on.
    fn views(&mut self) -> Views<'_>;

    /// The parts, to look at.
    fn view(&self) -> View<'_>;
}

/// The parts of a [`Storage`] without their sizes, to look at.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    pub(crate) roster: &'a Roster,
}

/// The parts of a [`Storage`] without their sizes, to work on.
#[derive(Debug)]
pub struct Views<'a> {
    pub(crate) roster: &'a mut Roster,
    pub(crate) inbox: &'a mut Inbox,
    pub(crate) outbox: &'a mut Outbox,
    pub(crate) transmit: &'a mut [u8],
}

impl<const PEERS: usize, const RECEIVE: usize, const OUTBOX: usize> Memory
    for Storage<PEERS, RECEIVE, OUTBOX>
{
    fn views(&mut self) -> Views<'_> {
        Views {
            roster: &mut self.roster,
            inbox: &mut self.inbox,
            outbox: &mut self.outbox,
            transmit: &mut self.transmit,
        }
    }

    fn view(&self) -> View<'_> {
        View {
            roster: &self.roster,
        }
    }
}

impl<M: Memory + ?Sized> Memory for &mut M {
    fn views(&mut self) -> Views<'_> {
        M::views(self)
    }

    fn view(&self) -> View<'_> {
        M::view(self)
    }
}

#[cfg(feature = "std")]
impl<M: Memory + ?Sized> Memory for std::boxed::Box<M> {
    fn views(&mut self) -> Views<'_> {
        M::views(self)
    }

    fn view(&self) -> View<'_> {
        M::view(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::println;

    #[test]
    fn the_profiles_stay_within_their_budgets() {
        let sizes = [
            ("tiny", size_of::<Tiny>(), 8 * 1024),
            ("board", size_of::<Board>(), 24 * 1024),
            ("desktop", size_of::<Desktop>(), 1024 * 1024),
        ];
        for (name, size, budget) in sizes {
            println!("{name}: {size} octets of {budget}");
            assert!(
                size <= budget,
                "{name} takes {size} octets, budget {budget}"
            );
        }
    }
}
