//! The memory of a stack's sockets, which the caller owns.

use embassy_net::Stack;
use embassy_net::udp::{PacketMetadata, UdpSocket};

use crate::mouth::Mouth;

/// Records of what waits to be sent, to groups and to single hosts each.
const SENT: usize = 4;

/// The memory of a stack: queues of datagrams that were received, and of what is on its way out.
///
/// - `SOCKETS` is how many sockets can be open. A member needs two.
/// - `DATAGRAMS` is how many records of received datagrams each socket has, and
/// - `BYTES` how many bytes for them. See [`burst`](Self::burst) for what that holds.
/// - `MTU` is the largest IP packet, 1500 on Ethernet. What is larger is not sent. Twice this is kept: for what goes
///   to groups, and for what goes to single hosts.
///
/// `new` is a `const fn`, so the buffers can be a `static`. They are all zeros, and so that takes no flash.
///
/// # How large
///
/// While the member's task does not run, because another one computes or interrupts take long, datagrams wait here. Its
/// socket has to hold so many of them:
///
/// > 1 + *burst* + *pace* · *time* / 1,246
///
/// *Pace* is in bytes a second, and *burst* in datagrams: what all who send at the same time are set to, by
/// [`Config::with_pace`](groupcast::Config::with_pace) or `groupcast send --pace`. *Time* is the longest that the task does not
/// run, and 1,246 what a full datagram takes of the pace. One sender with `Pace::BOARD`, of 62,500 bytes a second and a
/// burst of 2, and a task that is called within 10 ms need 4; within 100 ms, 8 or 9. With `Pace::WIRED`, of 2,500,000 bytes a
/// second, 10 ms alone are 20 datagrams.
///
/// What has no room is lost, and repaired like any loss, with this difference: a datagram carries a hundred short messages,
/// and a memory can wait for no more than its window of them (16 for a `Tiny`, 32 for a `Board`). If more are missing, the
/// application is told of a gap. In a test 1,000 messages of 16 bytes came at `Pace::BOARD` to a task that slept 100 ms again and
/// again. Queues of 4 records lost most of them, named in 4 gaps; queues by this rule lost none.
#[derive(Debug)]
pub struct Buffers<
    const SOCKETS: usize,
    const DATAGRAMS: usize,
    const BYTES: usize,
    const MTU: usize,
> {
    received: [Ring<DATAGRAMS, BYTES>; SOCKETS],
    to_groups: Ring<SENT, MTU>,
    to_hosts: Ring<SENT, MTU>,
}

#[cfg(feature = "defmt")]
impl<const SOCKETS: usize, const DATAGRAMS: usize, const BYTES: usize, const MTU: usize>
    defmt::Format for Buffers<SOCKETS, DATAGRAMS, BYTES, MTU>
{
    /// Their sizes.
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(
            f,
            "Buffers<{=usize}, {=usize}, {=usize}, {=usize}>",
            SOCKETS,
            DATAGRAMS,
            BYTES,
            MTU
        );
    }
}

/// The buffers for a member on Ethernet: in each of its two sockets wait 3 datagrams of the default size of 1,200 bytes, often
/// 4, or 7 small ones. That is for one sender at `Pace::BOARD`, and a task that is called within 10 ms.
pub type BoardBuffers = Buffers<2, 8, 4800, 1500>;

/// The memory of one queue.
#[derive(Debug)]
struct Ring<const RECORDS: usize, const BYTES: usize> {
    records: Records<RECORDS>,
    octets: [u8; BYTES],
}

/// What smoltcp keeps of datagrams. An empty one of it is not all zeros, so they are made when the stack is.
#[derive(Debug)]
#[repr(u8)]
enum Records<const RECORDS: usize> {
    Unmade = 0,
    Made([PacketMetadata; RECORDS]),
}

impl<const RECORDS: usize, const BYTES: usize> Ring<RECORDS, BYTES> {
    const EMPTY: Self = Self {
        records: Records::Unmade,
        octets: [0; BYTES],
    };

    fn make(&mut self) -> (&mut [PacketMetadata], &mut [u8]) {
        self.records = Records::Made([PacketMetadata::EMPTY; RECORDS]);
        match &mut self.records {
            Records::Made(records) => (records, &mut self.octets),
            Records::Unmade => (&mut [], &mut self.octets),
        }
    }
}

impl<const SOCKETS: usize, const DATAGRAMS: usize, const BYTES: usize, const MTU: usize>
    Buffers<SOCKETS, DATAGRAMS, BYTES, MTU>
{
    /// Buffers with nothing in them: zeros.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            received: [const { Ring::EMPTY }; SOCKETS],
            to_groups: Ring::EMPTY,
            to_hosts: Ring::EMPTY,
        }
    }

    /// How many datagrams of so many bytes wait in a socket for certain.
    ///
    /// A queue is a ring in which a datagram is never split: what is left at its end goes unused, and takes a record.
    /// So it is one less than `DATAGRAMS`, and one less than go into `BYTES`.
    #[must_use]
    pub const fn burst(datagram: usize) -> usize {
        let by_octets = match BYTES.checked_div(datagram) {
            Some(whole) => whole.saturating_sub(1),
            None => usize::MAX,
        };
        let by_records = DATAGRAMS.saturating_sub(1);
        if by_octets < by_records {
            by_octets
        } else {
            by_records
        }
    }

    /// The sockets that receive, and those that send: to groups, and to single hosts.
    ///
    /// They are made in this order, and embassy-net gives what arrives to the first that has the port: one that
    /// receives.
    pub(crate) fn make<'d>(
        &'d mut self,
        stack: Stack<'d>,
    ) -> ([UdpSocket<'d>; SOCKETS], Mouth<'d>, Mouth<'d>) {
        let ears = self.received.each_mut().map(|ring| {
            let (records, octets) = ring.make();
            UdpSocket::new(stack, records, octets, &mut [], &mut [])
        });
        let mouth = |ring: &'d mut Ring<SENT, MTU>| {
            let (records, octets) = ring.make();
            Mouth::new(UdpSocket::new(stack, &mut [], &mut [], records, octets))
        };
        (ears, mouth(&mut self.to_groups), mouth(&mut self.to_hosts))
    }
}

impl<const SOCKETS: usize, const DATAGRAMS: usize, const BYTES: usize, const MTU: usize> Default
    for Buffers<SOCKETS, DATAGRAMS, BYTES, MTU>
{
    fn default() -> Self {
        Self::new()
    }
}
