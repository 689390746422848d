//! The memory a member lives in: all of it, chosen once by the application.

mod limit;

use crate::group::{
    Block, History, Inbox, Latest, Partial, Partials, Parts, Place, Pool, Roster, Seen, Slot,
    States, Stock, Stream, Streams, Tools, Trip, Value,
};
#[cfg(feature = "seal")]
use crate::group::{Contact, Echo, Echoes, Membership};
use crate::rooms::{Rooms, Sends};
use crate::time::Ageing;
pub use limit::Limit;

/// All the memory of a member.
///
/// | parameter | what for | too small |
/// |---|---|---|
/// | `PEERS` | other members, and as many values of State and Latest channels | the rest exchange messages, but are not on the roster; old values are forgotten |
/// | `STREAMS` | senders of reliable messages at one time, and best-effort messages in fragments | idle ones give way; of the rest only what comes in order is delivered until there is a place, and what is missed is reported when they end. With 0 a member [takes none](#without-streams) |
/// | `WINDOW` | sequence numbers of each such sender that may be out of order, a power of two | more is asked for again under loss, and lost at high rates |
/// | `BLOCKS` | fragments that wait, 80 bytes each, and own State values, in half of them at most | as `WINDOW`; fewer and shorter values |
/// | `HISTORY` | bytes to be sent, and kept for repair | losses become gaps sooner; bursts block |
/// | `RECEIVE` | bytes of the largest message that can be received, at least a datagram and one | larger ones are refused by their sender, or counted |
/// | `SENDS` | [`Sends::VALUES`], [`Sends::RELIABLE`] (if it is left out) or [`Sends::UNLIMITED`] | what it does not send is refused by `queue`, or as a setting |
///
/// How long a message may be follows from several of them: [`MAX_MESSAGE`](Self::MAX_MESSAGE) says it, and
/// [`LIMIT`](Self::LIMIT) which of them to enlarge for longer ones. [`Tiny`], [`Board`] and [`Desktop`] are ready-made. On a board it is a `static`, which takes no flash, since
/// new memory is all zeros; on a desktop it is [`boxed`]:
///
/// ```
/// use groupcast::Storage;
/// static BOILER: std::sync::Mutex<Storage<8, 2, 16, 20, 1500, 1201>> =
///     std::sync::Mutex::new(Storage::new());
/// ```
///
/// # Without streams
///
/// With `STREAMS` 0 a member takes nobody's reliable messages, and says so to the others: they do not wait for
/// it, and what they send reliably does not keep to what it can receive. It takes best effort in one fragment,
/// Latest and State, and sends messages of every class. That is for sensors and lamps with little memory:
/// `WINDOW` can be 0 then, and `BLOCKS` needs only hold the member's own values.
///
/// ```
/// use groupcast::Storage;
/// static SENSOR: std::sync::Mutex<Storage<8, 0, 0, 4, 600, 513>> = std::sync::Mutex::new(Storage::new());
/// ```
pub struct Storage<
    const PEERS: usize,
    const STREAMS: usize,
    const WINDOW: usize,
    const BLOCKS: usize,
    const HISTORY: usize,
    const RECEIVE: usize,
    const SENDS: u8 = { Sends::RELIABLE },
> {
    roster: Roster<[Place; PEERS]>,
    streams: Streams<[Stream; STREAMS]>,
    slots: [[Slot; WINDOW]; STREAMS],
    partials: Partials<[Option<Partial>; STREAMS]>,
    latest: Latest<[Seen; PEERS]>,
    states: States<[Option<Value>; PEERS]>,
    #[cfg(feature = "seal")]
    echoes: Echoes<[Echo; PEERS]>,
    pool: Pool<[Block; BLOCKS]>,
    history: History<[u8; HISTORY]>,
    inbox: Inbox<[u8; RECEIVE]>,
    transmit: [u8; RECEIVE],
}

/// For the smallest boards: 8 peers, 2 reliable senders, datagrams of 1024 bytes.
pub type Tiny = Storage<8, 2, 16, 16, 1600, 1025>;

/// For the smallest boards, without reliable messages: 8 peers, datagrams of 512 bytes.
pub type TinyPeer = Storage<8, 0, 0, 4, 600, 513, { Sends::VALUES }>;

/// For boards: 16 peers, 4 reliable senders, 7 KB for reordering, 8 KB for repair.
pub type Board = Storage<16, 4, 32, 83, 8192, 1473>;

/// For desktops: 256 peers, 32 reliable senders, messages of 64 KB. Not where a `usize` has 16 bits.
#[cfg(not(target_pointer_width = "16"))]
pub type Desktop = Storage<256, 32, 2048, 6554, 524_288, 65_536, { Sends::UNLIMITED }>;

impl<
    const PEERS: usize,
    const STREAMS: usize,
    const WINDOW: usize,
    const BLOCKS: usize,
    const HISTORY: usize,
    const RECEIVE: usize,
    const SENDS: u8,
> Storage<PEERS, STREAMS, WINDOW, BLOCKS, HISTORY, RECEIVE, SENDS>
{
    /// Memory for one member. It is all zeros: a `static` takes no flash.
    #[must_use]
    pub const fn new() -> Self {
        const {
            assert!(
                WINDOW.is_power_of_two() || STREAMS == 0,
                "WINDOW is a power of two"
            );
        }
        Self {
            roster: Roster::<[_; PEERS]>::new(),
            streams: Streams::<[_; STREAMS]>::new(),
            slots: [[Slot::Unknown; WINDOW]; STREAMS],
            partials: Partials::<[_; STREAMS]>::new(),
            latest: Latest::<[_; PEERS]>::new(),
            states: States::<[_; PEERS]>::new(),
            #[cfg(feature = "seal")]
            echoes: Echoes::<[_; PEERS]>::new(),
            pool: Pool::<[_; BLOCKS]>::new(),
            history: History::<[_; HISTORY]>::new(),
            inbox: Inbox::<[_; RECEIVE]>::new(),
            transmit: [0; RECEIVE],
        }
    }
}

impl<
    const PEERS: usize,
    const STREAMS: usize,
    const WINDOW: usize,
    const BLOCKS: usize,
    const HISTORY: usize,
    const RECEIVE: usize,
    const SENDS: u8,
> Default for Storage<PEERS, STREAMS, WINDOW, BLOCKS, HISTORY, RECEIVE, SENDS>
{
    fn default() -> Self {
        Self::new()
    }
}

impl<
    const PEERS: usize,
    const STREAMS: usize,
    const WINDOW: usize,
    const BLOCKS: usize,
    const HISTORY: usize,
    const RECEIVE: usize,
    const SENDS: u8,
> core::fmt::Debug for Storage<PEERS, STREAMS, WINDOW, BLOCKS, HISTORY, RECEIVE, SENDS>
{
    /// The roster; not the bytes, which are many.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let roster: &Roster = &self.roster;
        f.debug_struct("Storage")
            .field("roster", &roster)
            .finish_non_exhaustive()
    }
}

/// Memory that a [`Group`](crate::Group) can use: a [`Storage`], or whatever leads to one.
///
/// It erases the sizes, so that the group's code exists once and not once per size.
///
/// Nobody else can implement it: a [`Storage`], a `&mut` to one, and with the feature `std` a `Box`,
/// `Box<dyn Memory>` where the size is known only at run time.
#[diagnostic::on_unimplemented(note = "a `Leaf` has its memory in itself and runs on a `LeafNode`")]
pub trait Memory: sealed::Sealed + Send + Sync + core::fmt::Debug {
    /// What there is room for.
    #[doc(hidden)]
    fn rooms(&self) -> Rooms;

    /// The parts, to work on.
    #[doc(hidden)]
    fn views(&mut self) -> Views<'_>;

    /// The parts, to look at.
    #[doc(hidden)]
    fn view(&self) -> View<'_>;
}

/// What [`Memory`] is can change.
mod sealed {
    #[expect(
        unnameable_types,
        reason = "it keeps others from implementing `Memory`"
    )]
    pub trait Sealed {}
}

impl<
    const PEERS: usize,
    const STREAMS: usize,
    const WINDOW: usize,
    const BLOCKS: usize,
    const HISTORY: usize,
    const RECEIVE: usize,
    const SENDS: u8,
> sealed::Sealed for Storage<PEERS, STREAMS, WINDOW, BLOCKS, HISTORY, RECEIVE, SENDS>
{
}

impl<M: Memory + ?Sized> sealed::Sealed for &mut M {}

#[cfg(feature = "std")]
impl<M: Memory + ?Sized> sealed::Sealed for std::boxed::Box<M> {}

/// The parts of a [`Storage`] without their sizes, to look at.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    pub(crate) roster: &'a Roster,
    pub(crate) streams: &'a Streams,
    pub(crate) states: &'a States,
    #[cfg(feature = "seal")]
    pub(crate) echoes: &'a Echoes,
    pub(crate) history: &'a History,
    pub(crate) inbox: &'a Inbox,
}

/// The parts of a [`Storage`] without their sizes, to work on.
#[derive(Debug)]
pub struct Views<'a> {
    pub(crate) roster: &'a mut Roster,
    pub(crate) streams: &'a mut Streams,
    pub(crate) slots: &'a mut [Slot],
    pub(crate) partials: &'a mut Partials,
    pub(crate) latest: &'a mut Latest,
    pub(crate) states: &'a mut States,
    #[cfg(feature = "seal")]
    pub(crate) echoes: &'a mut Echoes,
    pub(crate) pool: &'a mut Pool,
    pub(crate) history: &'a mut History,
    pub(crate) inbox: &'a mut Inbox,
    pub(crate) transmit: &'a mut [u8],
}

impl Views<'_> {
    /// To look at.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn view(&self) -> View<'_> {
        View {
            roster: self.roster,
            streams: self.streams,
            states: self.states,
            #[cfg(feature = "seal")]
            echoes: self.echoes,
            history: self.history,
            inbox: self.inbox,
        }
    }

    /// What is kept to be sent.
    pub(crate) fn stock(&mut self, rooms: Rooms) -> Stock<'_> {
        Stock {
            values: self.pool.share_of_values(rooms.receive_streams()),
            history: self.history,
            states: self.states,
            pool: self.pool,
        }
    }

    /// What others' streams are received with.
    #[inline(never)]
    pub(crate) fn parts<'a>(&'a mut self, tools: &'a mut Tools, trip: &'a Trip) -> Parts<'a> {
        Parts {
            roster: self.roster,
            streams: self.streams,
            slots: self.slots,
            partials: self.partials,
            latest: self.latest,
            pool: self.pool,
            tools,
            trip,
        }
    }

    /// The same, and the receive buffer.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn parts_and_inbox<'a>(
        &'a mut self,
        tools: &'a mut Tools,
        trip: &'a Trip,
    ) -> (Parts<'a>, &'a mut Inbox) {
        let parts = Parts {
            roster: self.roster,
            streams: self.streams,
            slots: self.slots,
            partials: self.partials,
            latest: self.latest,
            pool: self.pool,
            tools,
            trip,
        };
        (parts, self.inbox)
    }

    /// What first contact works with.
    #[cfg(feature = "seal")]
    pub(crate) fn contact<'a>(
        &'a mut self,
        membership: &'a mut Membership,
        tools: &'a mut Tools,
    ) -> Contact<'a> {
        Contact {
            membership,
            roster: self.roster,
            echoes: self.echoes,
            tools,
        }
    }

    /// Time makes it older.
    pub(crate) fn age(&mut self, rooms: Rooms, ageing: Ageing) {
        let Self {
            roster,
            streams,
            slots,
            partials,
            latest: _,
            states: _,
            #[cfg(feature = "seal")]
                echoes: _,
            pool: _,
            history: _,
            inbox: _,
            transmit: _,
        } = self;
        roster.age(ageing);
        if rooms.receive_streams() {
            streams.age(ageing);
            slots.iter_mut().for_each(|slot| slot.age(ageing));
            partials.age(ageing);
        }
    }

    /// Forgets everything.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn clear(&mut self, rooms: Rooms) {
        self.roster.clear();
        if rooms.receive_streams() {
            self.streams.clear();
            self.slots.fill(Slot::Unknown);
            self.partials.clear();
        }
        self.latest.clear();
        self.states.clear();
        #[cfg(feature = "seal")]
        self.echoes.clear();
        self.pool.clear();
        self.history.clear();
        self.inbox.clear();
    }
}

impl<
    const PEERS: usize,
    const STREAMS: usize,
    const WINDOW: usize,
    const BLOCKS: usize,
    const HISTORY: usize,
    const RECEIVE: usize,
    const SENDS: u8,
> Memory for Storage<PEERS, STREAMS, WINDOW, BLOCKS, HISTORY, RECEIVE, SENDS>
{
    #[inline(always)]
    fn rooms(&self) -> Rooms {
        const { Rooms::new(STREAMS > 0, SENDS) }
    }

    #[inline(never)]
    fn views(&mut self) -> Views<'_> {
        Views {
            roster: &mut self.roster,
            streams: &mut self.streams,
            slots: self.slots.as_flattened_mut(),
            partials: &mut self.partials,
            latest: &mut self.latest,
            states: &mut self.states,
            #[cfg(feature = "seal")]
            echoes: &mut self.echoes,
            pool: &mut self.pool,
            history: &mut self.history,
            inbox: &mut self.inbox,
            transmit: &mut self.transmit,
        }
    }

    fn view(&self) -> View<'_> {
        View {
            roster: &self.roster,
            streams: &self.streams,
            states: &self.states,
            #[cfg(feature = "seal")]
            echoes: &self.echoes,
            history: &self.history,
            inbox: &self.inbox,
        }
    }
}

impl<M: Memory + ?Sized> Memory for &mut M {
    #[inline]
    fn rooms(&self) -> Rooms {
        M::rooms(self)
    }

    fn views(&mut self) -> Views<'_> {
        M::views(self)
    }

    fn view(&self) -> View<'_> {
        M::view(self)
    }
}

/// Memory on the heap, of any size and on any thread. `Box::new` builds it on the stack first, where that of a test or of a
/// thread has no room for a [`Desktop`].
///
/// ```
/// use groupcast::{Config, Desktop, Group};
///
/// let config = Config::new("239.1.2.3:12345".parse().unwrap());
/// let group = Group::new(groupcast::boxed::<Desktop>(), config, [1; 32]);
/// # assert!(group.is_ok());
/// ```
#[cfg(feature = "std")]
#[must_use]
pub fn boxed<M: Memory + Default + 'static>() -> std::boxed::Box<M> {
    // Four copies are as many as a build without optimisation makes.
    let stack = size_of::<M>().saturating_mul(4);
    if stack < 64 * 1024 {
        return std::boxed::Box::default();
    }
    let thread = std::thread::Builder::new().stack_size(stack.saturating_add(1024 * 1024));
    let built = thread.spawn(std::boxed::Box::default).ok();
    let built = built.and_then(|thread| thread.join().ok());
    // Without another thread this one must do.
    built.unwrap_or_default()
}

#[cfg(feature = "std")]
impl<M: Memory + ?Sized> Memory for std::boxed::Box<M> {
    #[inline]
    fn rooms(&self) -> Rooms {
        M::rooms(self)
    }

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
            ("desktop", size_of::<Desktop>(), 3 * 1024 * 1024),
            ("tiny peer", size_of::<TinyPeer>(), 5 * 1024),
        ];
        for (name, size, budget) in sizes {
            println!("{name}: {size} bytes of {budget}");
            assert!(size <= budget, "{name} takes {size} bytes, budget {budget}");
        }
    }

    #[test]
    fn what_each_capacity_costs() {
        let costs = [
            (
                "peer",
                size_of::<Place>() + size_of::<Seen>() + size_of::<Option<Value>>(),
            ),
            ("stream", size_of::<Stream>() + size_of::<Option<Partial>>()),
            ("window, per stream and number", size_of::<Slot>()),
            ("block", size_of::<Block>()),
        ];
        for (name, size) in costs {
            println!("{name}: {size} bytes");
        }
        assert_eq!(size_of::<Block>(), 80);
        assert!(size_of::<Slot>() <= 8);
    }
}
