//! The memory of a stack's sockets, which the caller owns.

use super::smoltcp::socket::{raw, udp};
use super::smoltcp::storage::PacketMetadata;

use super::ear::EARS;
use super::mouth::Way;
use super::slot::Route;

/// The memory of a stack: queues of received datagrams, and one packet at a time on its way.
///
/// - `SOCKETS` is how many sockets can be open. A node needs two.
/// - `DATAGRAMS` is how many received datagrams wait in each socket at most, and
/// - `BYTES` how many bytes they have together. Twice the largest datagram or more: the queue is a
///   ring in which a datagram is never split, so what is left at its end may go unused.
/// - `MTU` is the largest IP packet, 1500 on Ethernet. What is larger is neither sent nor received.
///   Four times this is kept, with smoltcp 0.12 and IPv6 five times: for one packet received (there, of each), one to a group, one to a single host, and up to
///   [`FOLLOWERS`](Self::FOLLOWERS) that wait behind it until that host's hardware address is known.
///
/// `new` is a `const fn`, so the memory can be a `static`. It is all zeros, and so that takes no flash.
#[derive(Debug)]
pub struct Memory<
    const SOCKETS: usize,
    const DATAGRAMS: usize,
    const BYTES: usize,
    const MTU: usize,
> {
    pub(crate) records: [[PacketMetadata<Known<Route>>; DATAGRAMS]; SOCKETS],
    pub(crate) octets: [[u8; BYTES]; SOCKETS],
    pub(crate) ear_records: [[raw::PacketMetadata; 1]; EARS],
    pub(crate) ears: [[u8; MTU]; EARS],
    pub(crate) group_record: Record,
    pub(crate) group_mouth: [u8; MTU],
    pub(crate) host_record: Record,
    pub(crate) host_mouth: [u8; MTU],
    pub(crate) waiting_records: [PacketMetadata<Known<Way>>; FOLLOWERS],
    pub(crate) waiting: [u8; MTU],
}

/// What is kept of a packet. Its tag is told where it has to be, so that `None` of it is all zeros: an `Option`
/// takes a value to spare of what is in it, and that is not 0.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub(crate) enum Known<T> {
    This(T) = 1,
}

/// What smoltcp keeps of the packet in a socket that has room for one. It is not all zeros, and so it is made
/// when the stack is.
#[derive(Debug)]
#[repr(u8)]
pub(crate) enum Record {
    Unmade = 0,
    Made([udp::PacketMetadata; 1]),
}

impl Record {
    pub(crate) fn make(&mut self) -> &mut [udp::PacketMetadata] {
        *self = Self::Made([udp::PacketMetadata::EMPTY]);
        match self {
            Self::Made(record) => record,
            Self::Unmade => &mut [],
        }
    }
}

/// Datagrams that wait behind another one to the same host.
const FOLLOWERS: usize = 4;

/// The memory for one node on Ethernet: in each of its two sockets 8 datagrams may wait, 4 of them of
/// the default size of 1,200 bytes.
pub type BoardMemory = Memory<2, 8, 4800, 1500>;

impl<const SOCKETS: usize, const DATAGRAMS: usize, const BYTES: usize, const MTU: usize>
    Memory<SOCKETS, DATAGRAMS, BYTES, MTU>
{
    /// How many datagrams wait behind another one to the same host, at most.
    pub const FOLLOWERS: usize = FOLLOWERS;

    /// Memory with nothing in it: zeros.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            records: [const { [PacketMetadata::EMPTY; DATAGRAMS] }; SOCKETS],
            octets: [[0; BYTES]; SOCKETS],
            ear_records: [const { [raw::PacketMetadata::EMPTY] }; EARS],
            ears: [[0; MTU]; EARS],
            group_record: Record::Unmade,
            group_mouth: [0; MTU],
            host_record: Record::Unmade,
            host_mouth: [0; MTU],
            waiting_records: [PacketMetadata::EMPTY; FOLLOWERS],
            waiting: [0; MTU],
        }
    }
}

impl<const SOCKETS: usize, const DATAGRAMS: usize, const BYTES: usize, const MTU: usize> Default
    for Memory<SOCKETS, DATAGRAMS, BYTES, MTU>
{
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(feature = "defmt")]
impl<const SOCKETS: usize, const DATAGRAMS: usize, const BYTES: usize, const MTU: usize>
    defmt::Format for Memory<SOCKETS, DATAGRAMS, BYTES, MTU>
{
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(
            f,
            "Memory<{=usize}, {=usize}, {=usize}, {=usize}>",
            SOCKETS,
            DATAGRAMS,
            BYTES,
            MTU
        );
    }
}

#[cfg(test)]
mod tests {
    use core::mem::size_of;

    use super::super::smoltcp::phy::Device;
    use super::super::smoltcp::time::Instant;

    use super::super::stack::{PLACES, Stack};
    use super::*;

    extern crate std;

    /// A device that takes no memory.
    struct Nothing;

    struct Never;

    impl super::super::smoltcp::phy::RxToken for Never {
        fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
            read(&[])
        }
    }

    impl super::super::smoltcp::phy::TxToken for Never {
        fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, _: usize, write: F) -> R {
            write(&mut [])
        }
    }

    impl Device for Nothing {
        type RxToken<'a> = Never;
        type TxToken<'a> = Never;

        fn receive(&mut self, _: Instant) -> Option<(Never, Never)> {
            None
        }

        fn transmit(&mut self, _: Instant) -> Option<Never> {
            None
        }

        fn capabilities(&self) -> super::super::smoltcp::phy::DeviceCapabilities {
            super::super::smoltcp::phy::DeviceCapabilities::default()
        }
    }

    #[test]
    fn memory_for_a_board_fits_its_budget() {
        let memory = size_of::<BoardMemory>();
        let stack = size_of::<Stack<'_, Nothing, 2>>();
        let places = PLACES * size_of::<super::super::smoltcp::iface::SocketStorage<'_>>();
        std::println!(
            "BoardMemory {memory}, Stack {stack}, {PLACES} places in a SocketSet {places}"
        );
        let none = size_of::<Memory<0, 0, 0, 0>>();
        let record = size_of::<Memory<1, 1, 0, 0>>() - none;
        let socket = size_of::<Stack<'_, Nothing, 3>>() - stack;
        std::println!("{none} once, {record} each record, {socket} each socket in the stack");
        assert!(memory + stack + places <= 21 * 1024);
    }
}
