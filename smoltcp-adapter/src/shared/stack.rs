//! The stack: embedded-nal's UDP traits on smoltcp.

use core::cell::RefCell;
use core::net::SocketAddr;

use super::smoltcp::iface::{Interface, SocketSet};
use super::smoltcp::phy::Device;
use super::smoltcp::socket::{raw, udp};
use super::smoltcp::storage::PacketBuffer;
use embedded_nal::{UdpClientStack, UdpFullStack, nb};
use groupcast::Instant;
use heapless::Vec;

use super::ear::{EARS, Ear};
use super::inner::Inner;
use super::link::Link;
use super::memory::Memory;
use super::mouth::Mouth;
use super::slot::Slot;
use crate::answers::Answers;
use crate::counters::StackCounters;
use crate::error::Error;
use crate::socket::Socket;

/// How many places of the `SocketSet` a stack takes.
pub const PLACES: usize = EARS + 2;

/// UDP with multicast on smoltcp: an interface, its device, its sockets, and the memory of ours.
///
/// The traits are there for `&Stack`, so that several nodes can share a stack, and for `Stack`, so that a node can own
/// it and be handed from one task to another: [`Node::stack`](groupcast::Node::stack) is then what is
/// [polled](Self::poll). It keeps the [contract](groupcast::multicast#contract). Beyond it:
///
/// - A socket sends and receives IPv4 and IPv6.
/// - A datagram to one address reaches one socket: the connected one, else the one opened last of those
///   that share the port. A datagram to a group reaches all members.
/// - `send` and `send_to` hand a datagram to the device at once. While the device has no room they say
///   `WouldBlock`.
/// - A datagram to a single host whose hardware address is not known yet waits up to 3 s for it, and a few
///   more to that host wait with it. They make way for a datagram to another host.
/// - What is sent to groups this host hears, too, unless
///   [`with_multicast_loop`](Self::with_multicast_loop) or `set_multicast_loop` say otherwise. A device
///   that returns what it sends must be [told of](Self::with_looping_device).
/// - A group can be joined before there is an address. The interface joins when one has come, and anew
///   when it changes.
/// - Closing is explicit: a socket that is dropped without `close` keeps its place.
pub struct Stack<'a, D, const SOCKETS: usize> {
    inner: RefCell<Inner<'a, D, SOCKETS>>,
}

impl<D, const SOCKETS: usize> core::fmt::Debug for Stack<'_, D, SOCKETS> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Stack").finish_non_exhaustive()
    }
}

impl<'a, D: Device, const SOCKETS: usize> Stack<'a, D, SOCKETS> {
    /// Makes a stack of an interface, its device, a set of sockets, and memory.
    ///
    /// The set may hold sockets of the application's own, for DHCP or TCP; the stack polls them with its
    /// own. A UDP socket among them needs a port that no socket of this stack has.
    ///
    /// # Panics
    ///
    /// If `sockets` has fewer than [`PLACES`] free places.
    pub fn new<const DATAGRAMS: usize, const BYTES: usize, const MTU: usize>(
        interface: Interface,
        device: D,
        sockets: SocketSet<'a>,
        memory: &'a mut Memory<SOCKETS, DATAGRAMS, BYTES, MTU>,
    ) -> Self {
        let mut sockets = sockets;
        let mut octets = memory.ears.iter_mut();
        let packets = memory.ear_records.each_mut().map(|record| {
            let octets = octets.next().map_or(&mut [][..], |octets| &mut octets[..]);
            raw::PacketBuffer::new(&mut record[..], octets)
        });
        let ear = Ear::new(&mut sockets, packets);
        let mouth = Mouth::new(
            &mut sockets,
            udp::PacketBuffer::new(memory.group_record.make(), &mut memory.group_mouth[..]),
            udp::PacketBuffer::new(memory.host_record.make(), &mut memory.host_mouth[..]),
            PacketBuffer::new(&mut memory.waiting_records[..], &mut memory.waiting[..]),
        );
        let queues = memory.records.iter_mut().zip(&mut memory.octets);
        let slots = queues.map(|(records, octets)| {
            Slot::new(PacketBuffer::new(&mut records[..], &mut octets[..]))
        });
        let slots = Vec::from_iter(slots);
        let link = Link {
            interface,
            device,
            sockets,
            now: Instant::ZERO,
            mtu: MTU,
            answers: Answers::default(),
            refused: false,
        };
        Self {
            inner: RefCell::new(Inner::new(link, ear, mouth, slots)),
        }
    }

    /// Says whether this host hears what its sockets send to groups, for sockets opened from now on. At
    /// first it does.
    ///
    /// A board with one node saves memory and time without: a node drops what it hears of itself. Only its
    /// raw datagrams it then has to be told from others' by
    /// [`Node::set_local_address`](groupcast::Node::set_local_address).
    #[must_use]
    pub fn with_multicast_loop(self, on: bool) -> Self {
        self.inner.borrow_mut().loops = on;
        self
    }

    /// Says that the device itself returns what it sends, as smoltcp's `Loopback` does. What this host
    /// hears of itself then comes from the device; from other devices it is dropped.
    #[must_use]
    pub fn with_looping_device(self) -> Self {
        self.inner.borrow_mut().device_loops = true;
        self
    }

    /// Receives what has arrived, and sends what is due: answers of smoltcp, reports of memberships.
    ///
    /// Call it before `Node::poll`, in every turn of the main loop. Time must not run backwards.
    pub fn poll(&self, now: Instant) {
        self.inner.borrow_mut().poll(now);
    }

    /// When to [`poll`](Self::poll) again if nothing arrives before; a time that is past means at once.
    ///
    /// `None`: only when something arrives. Groups that are joined change nothing in that; a router that asks for them
    /// does, for as long as it waits for answers.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        self.inner.borrow_mut().due()
    }

    /// Gives access to the interface and to the sockets: to set addresses and routes, or to use sockets of
    /// the application's own. What it has left to send goes to the device at the end: data of sockets, and
    /// memberships that begin with an address.
    ///
    /// The stack's own sockets must not be removed, no group left that the stack has joined, and the
    /// interface not polled.
    ///
    /// # Panics
    ///
    /// If `access` uses the stack itself.
    pub fn with<T>(&self, access: impl FnOnce(&mut Interface, &mut SocketSet<'a>) -> T) -> T {
        let mut inner = self.inner.borrow_mut();
        let Inner { link, .. } = &mut *inner;
        let result = access(&mut link.interface, &mut link.sockets);
        inner.settle();
        result
    }

    /// Gives access to the device: to tell its filter a group's
    /// [hardware address](super::super::hardware_address), or to ask for the state of the link.
    ///
    /// # Panics
    ///
    /// If `access` uses the stack itself.
    pub fn with_device<T>(&self, access: impl FnOnce(&mut D) -> T) -> T {
        access(&mut self.inner.borrow_mut().link.device)
    }

    /// The port that a socket is bound to.
    ///
    /// # Errors
    ///
    /// [`Error::NotBound`] if there is none, [`Error::Closed`].
    pub fn local_port(&self, socket: &Socket) -> Result<u16, Error> {
        let mut inner = self.inner.borrow_mut();
        inner.slot(socket)?.port.ok_or(Error::NotBound)
    }

    /// What became of datagrams that did not go the usual way.
    #[must_use]
    pub fn counters(&self) -> StackCounters {
        let inner = self.inner.borrow();
        StackCounters {
            no_room: inner.no_room,
            unanswered: inner.mouth.unanswered,
            rejoins: inner.groups.rejoins,
        }
    }

    pub(crate) fn inner(&self) -> core::cell::RefMut<'_, Inner<'a, D, SOCKETS>> {
        self.inner.borrow_mut()
    }
}

#[cfg(feature = "defmt")]
impl<D: Device, const SOCKETS: usize> defmt::Format for Stack<'_, D, SOCKETS> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Stack({})", self.counters());
    }
}

impl<D: Device, const SOCKETS: usize> UdpClientStack for &Stack<'_, D, SOCKETS> {
    type UdpSocket = Socket;
    type Error = Error;

    fn socket(&mut self) -> Result<Socket, Error> {
        self.inner().open()
    }

    /// Takes a free port if there is none, and from now on receives from `remote` only. Not for groups:
    /// their members answer from addresses of their own.
    fn connect(&mut self, socket: &mut Socket, remote: SocketAddr) -> Result<(), Error> {
        let mut inner = self.inner();
        if inner.slot(socket)?.port.is_none() {
            inner.bind(socket, 0)?;
        }
        let remote = SocketAddr::new(remote.ip().to_canonical(), remote.port());
        inner.slot(socket)?.peer = Some(remote);
        Ok(())
    }

    /// Sends to the connected peer, or to where `send_to` sent last.
    fn send(&mut self, socket: &mut Socket, buffer: &[u8]) -> nb::Result<(), Error> {
        let mut inner = self.inner();
        let slot = inner.slot(socket)?;
        let to = slot.peer.or(slot.remote).ok_or(Error::NotConnected)?;
        inner.send(socket, to, buffer)
    }

    #[cfg_attr(target_os = "none", inline(never))]
    fn receive(
        &mut self,
        socket: &mut Socket,
        buffer: &mut [u8],
    ) -> nb::Result<(usize, SocketAddr), Error> {
        let (length, _, source) = self.inner().receive(socket, buffer)?;
        Ok((length, source))
    }

    fn close(&mut self, socket: Socket) -> Result<(), Error> {
        self.inner().close(&socket)
    }
}

impl<D: Device, const SOCKETS: usize> UdpFullStack for &Stack<'_, D, SOCKETS> {
    /// Binds to a port, which other sockets may share, or to a free one for 0.
    fn bind(&mut self, socket: &mut Socket, local_port: u16) -> Result<(), Error> {
        self.inner().bind(socket, local_port)
    }

    /// Hands a datagram to the device. A socket that is not bound gets a free port.
    fn send_to(
        &mut self,
        socket: &mut Socket,
        remote: SocketAddr,
        buffer: &[u8],
    ) -> nb::Result<(), Error> {
        self.inner().send(socket, remote, buffer)
    }
}
