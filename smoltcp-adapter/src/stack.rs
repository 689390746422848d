//! The stack: embedded-nal's UDP traits on smoltcp.

use core::cell::RefCell;
use core::net::SocketAddr;
use core::time::Duration;

use embedded_nal::{UdpClientStack, UdpFullStack, nb};
use groupcast::Instant;
use heapless::Vec;
use smoltcp::iface::{Interface, SocketSet};
use smoltcp::phy::Device;
use smoltcp::socket::udp;
use smoltcp::storage::PacketBuffer;

use crate::ear::Ear;
use crate::error::Error;
use crate::inner::Inner;
use crate::link::Link;
use crate::memory::Memory;
use crate::mouth::Mouth;
use crate::socket::{Slot, Socket};

/// How often to poll while groups are joined, at least. smoltcp does not tell when its answer to a
/// router's query is due; a switch that misses the answers stops passing the group on.
const QUERY_PACE: Duration = Duration::from_millis(100);

/// UDP with multicast on smoltcp: an interface, its device, its sockets, and the memory of ours.
///
/// `&Stack` implements the traits, so that a node can have the stack while the main loop
/// [polls](Self::poll) it, and several nodes can share it. It keeps the
/// [contract](groupcast::multicast#contract). Beyond it:
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

/// What became of datagrams that did not go the usual way.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct StackCounters {
    /// Received, and dropped because a socket's queue had no room.
    pub no_room: u32,
    /// To be sent to a host whose hardware address did not come in time, and dropped.
    pub unanswered: u32,
    /// Groups joined anew because the interface's address had changed.
    pub rejoins: u32,
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
    /// own three. A UDP socket among them needs a port that no socket of this stack has.
    ///
    /// # Panics
    ///
    /// If `sockets` has fewer than 3 free places.
    pub fn new<const DATAGRAMS: usize, const BYTES: usize, const MTU: usize>(
        interface: Interface,
        device: D,
        sockets: SocketSet<'a>,
        memory: &'a mut Memory<SOCKETS, DATAGRAMS, BYTES, MTU>,
    ) -> Self {
        let mut sockets = sockets;
        let ear = Ear::new(&mut sockets, &mut memory.ear_record, &mut memory.ear);
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
    /// `None`: only when something arrives, which never happens while a group is joined.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        let mut inner = self.inner.borrow_mut();
        if inner.unfinished {
            return Some(inner.link.now);
        }
        let due = inner.link.due();
        if inner.groups.is_empty() {
            return due;
        }
        let query = inner.link.now + QUERY_PACE;
        Some(due.map_or(query, |due| due.min(query)))
    }

    /// Gives access to the interface and to the sockets: to set addresses and routes, or to use sockets of
    /// the application's own.
    ///
    /// The stack's own sockets must not be removed, no group left that the stack has joined, and the
    /// interface not polled.
    ///
    /// # Panics
    ///
    /// If `access` uses the stack itself.
    pub fn with<T>(&self, access: impl FnOnce(&mut Interface, &mut SocketSet<'a>) -> T) -> T {
        let Inner { link, .. } = &mut *self.inner.borrow_mut();
        access(&mut link.interface, &mut link.sockets)
    }

    /// Gives access to the device: to tell its filter a group's
    /// [hardware address](crate::hardware_address), or to ask for the state of the link.
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
