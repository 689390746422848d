//! The stack: embedded-nal's UDP traits on embassy-net.

use core::net::{IpAddr, SocketAddr};
use core::task::{Context, Poll};

use embassy_net::Stack;
use embassy_time::{Duration, Instant};
use embedded_nal::{UdpClientStack, UdpFullStack, nb};

use crate::buffers::Buffers;
use crate::error::Error;
use crate::group::Groups;
use crate::mouth::{Mouth, Way};
use crate::route;
use crate::socket::{Slot, Socket};

/// How often to look at the interface while a group is joined, if nothing else wakes the task. embassy-net does not wake its
/// own when its answer to a router's query is due; a switch that misses the answers stops passing the group on. It is
/// longer than a member in a small group is between two HELLOs, which wake both: it is not woken for this besides.
const LOOK: Duration = Duration::from_millis(1_500);

/// How often to look while something waits for the hardware address of its host.
const LOOK_FOR_HOST: Duration = Duration::from_secs(1);

/// How long datagrams wait for their host to answer: three requests, a second apart. Then comes the next look.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long the sender waits for room for what is to a single host, before what has no room is dropped.
const HOLD: Duration = Duration::from_millis(10);

/// The hop limit of datagrams that are not to a group.
const HOST_HOPS: u8 = 64;

/// The largest datagram by default, in bytes.
const DATAGRAM: usize = 1200;

/// Bytes of the headers of IP and UDP.
const V4_HEADERS: usize = 20 + 8;
const V6_HEADERS: usize = 40 + 8;

/// UDP with multicast on embassy-net, for the tasks of one program.
///
/// It keeps the [contract](groupcast::multicast#contract), but for sharing ports: embassy-net gives what arrives to one
/// socket only, so that there can be one member for each port of groups. Beyond it:
///
/// - A socket sends and receives IPv4 and, with the feature `ipv6`, IPv6.
/// - `send` and `send_to` hand a datagram to embassy-net's task. It must run.
/// - A datagram to a single host whose hardware address is not known yet waits 3 to 4 s for it, and others to single
///   hosts behind it, as far as there is room. It does not hold up what goes to groups.
/// - This host does not hear what it sends.
/// - A group can be joined before there is an address. The interface joins when one has come, and anew when it
///   changes, or when the link has come back.
/// - Closing is explicit: a socket that is dropped without `close` keeps its place.
pub struct EmbassyStack<'d, const SOCKETS: usize = 2> {
    stack: Stack<'d>,
    slots: [Slot<'d>; SOCKETS],
    groups: Groups,
    to_groups: Mouth<'d>,
    to_hosts: Mouth<'d>,
    /// Datagrams that a socket holds for certain, at least 1.
    pub(crate) burst: u8,
    /// Whether it was what goes to single hosts that last had no room.
    hosts_full: bool,
    /// How many sockets were opened.
    opened: u32,
    not_joined: u32,
    unanswered: u32,
}

/// What became of datagrams that did not go the usual way. embassy-net does not tell of those for which a socket's queue
/// had no room.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct StackCounters {
    /// Received, and dropped because the socket has not joined the group, or is connected to another host.
    pub not_joined: u32,
    /// To be sent to a host whose hardware address did not come in time, or behind such a one, and dropped. It is the most
    /// that it can be: the first of them may have gone out.
    pub unanswered: u32,
    /// Groups joined anew because the interface's address or link had changed, or somebody else had left them.
    pub rejoins: u32,
}

impl<'d, const SOCKETS: usize> EmbassyStack<'d, SOCKETS> {
    /// A stack on embassy-net's. It takes `SOCKETS + 2` places of the `StackResources`.
    ///
    /// # Panics
    ///
    /// If there are fewer free places.
    pub fn new<const DATAGRAMS: usize, const BYTES: usize, const MTU: usize>(
        stack: Stack<'d>,
        buffers: &'d mut Buffers<SOCKETS, DATAGRAMS, BYTES, MTU>,
    ) -> Self {
        let (ears, to_groups, to_hosts) = buffers.make(stack);
        let datagram = DATAGRAM.min(MTU.saturating_sub(V4_HEADERS));
        let burst = Buffers::<SOCKETS, DATAGRAMS, BYTES, MTU>::burst(datagram);
        Self {
            stack,
            slots: ears.map(Slot::new),
            groups: Groups::default(),
            to_groups,
            to_hosts,
            burst: u8::try_from(burst.max(1)).unwrap_or(u8::MAX),
            hosts_full: false,
            opened: 0,
            not_joined: 0,
            unanswered: 0,
        }
    }

    /// embassy-net's stack.
    #[must_use]
    pub const fn stack(&self) -> Stack<'d> {
        self.stack
    }

    /// The port that a socket is bound to.
    ///
    /// # Errors
    ///
    /// [`Error::NotBound`] if there is none, [`Error::Closed`].
    pub fn local_port(&self, socket: &Socket) -> Result<u16, Error> {
        let slot = self.slots.get(socket.place);
        let slot = slot.filter(|slot| slot.number == socket.number);
        slot.ok_or(Error::Closed)?.port.ok_or(Error::NotBound)
    }

    /// What became of datagrams that did not go the usual way.
    #[must_use]
    pub const fn counters(&self) -> StackCounters {
        StackCounters {
            not_joined: self.not_joined,
            unanswered: self.unanswered,
            rejoins: self.groups.rejoins,
        }
    }

    /// Waits until what was sent has gone to the device: after leaving, before the stack is dropped or the chip
    /// sleeps. What is for a host that does not answer is not waited for.
    ///
    /// Cancel safe.
    pub async fn flush(&mut self) {
        core::future::poll_fn(|cx| self.to_groups.poll_gone(cx)).await;
    }

    /// Looks after what needs no datagram to become due. The task is woken to do it again.
    pub(crate) fn tend(&mut self, cx: &mut Context<'_>) {
        let (changes, soon) = self.groups.settle(self.stack);
        if changes {
            self.to_hosts.poke();
        }
        let waits = self.to_hosts.waits() && self.to_hosts.poll_gone(cx).is_pending();
        if waits && self.to_hosts.waited() >= PATIENCE {
            let dropped = self.to_hosts.give_up();
            self.unanswered = self.unanswered.saturating_add(dropped);
        }
        if waits || !self.groups.is_empty() {
            let pace = if waits { LOOK_FOR_HOST } else { LOOK };
            let look = Instant::now().saturating_add(pace);
            let look = soon.map_or(look, |soon| soon.min(look));
            embassy_time_driver::schedule_wake(look.as_ticks(), cx.waker());
        }
    }

    /// Is ready when what had no room may have it.
    pub(crate) fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.hosts_full {
            let end = Instant::now().saturating_add(HOLD);
            embassy_time_driver::schedule_wake(end.as_ticks(), cx.waker());
            self.to_hosts.poll_gone(cx)
        } else {
            self.to_groups.poll_gone(cx)
        }
    }

    /// Is ready when something has arrived at this socket.
    pub(crate) fn poll_arrived(
        &mut self,
        cx: &mut Context<'_>,
        socket: &Socket,
    ) -> Poll<Result<(), Error>> {
        match self.slot(socket) {
            Ok(slot) => slot.ear.poll_recv_ready(cx).map(Ok),
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    /// The place of an open socket.
    pub(crate) fn slot(&mut self, socket: &Socket) -> Result<&mut Slot<'d>, Error> {
        let slot = self.slots.get_mut(socket.place);
        slot.filter(|slot| slot.number == socket.number)
            .ok_or(Error::Closed)
    }

    pub(crate) fn receive_local(
        &mut self,
        socket: &Socket,
        buffer: &mut [u8],
    ) -> nb::Result<(usize, SocketAddr, SocketAddr), Error> {
        loop {
            if let Some(received) = self.slot(socket)?.receive(buffer)? {
                return Ok(received);
            }
            self.not_joined = self.not_joined.saturating_add(1);
        }
    }

    #[cfg_attr(target_os = "none", inline(never))]
    fn send_from(
        &mut self,
        socket: &Socket,
        to: SocketAddr,
        payload: &[u8],
    ) -> nb::Result<(), Error> {
        let to = SocketAddr::new(to.ip().to_canonical(), to.port());
        crate::family::address(to.ip())?;
        if self.slot(socket)?.port.is_none() {
            self.bind_to(socket, 0)?;
        }
        let headers = if to.is_ipv4() { V4_HEADERS } else { V6_HEADERS };
        let (length, limit) = (
            payload.len(),
            self.to_hosts.capacity().saturating_sub(headers),
        );
        if length > limit {
            return Err(Error::MessageTooLong { length, limit }.into());
        }
        if to.port() == 0 || !route::reaches(self.stack, to.ip()) {
            return Err(Error::NoRoute(to).into());
        }
        let slot = self.slot(socket)?;
        let port = slot.port.ok_or(Error::NotBound)?;
        if to.ip().is_multicast() {
            let way = Way {
                port,
                hop_limit: slot.hop_limit,
            };
            // One of 0 means this host alone, which does not hear itself.
            if way.hop_limit > 0 {
                self.hosts_full = false;
                self.to_groups.put(way, to, payload)?;
            }
        } else {
            let way = Way {
                port,
                hop_limit: HOST_HOPS,
            };
            match self.to_hosts.put(way, to, payload) {
                Err(nb::Error::WouldBlock) if self.to_hosts.waited() >= HOLD => {
                    self.unanswered = self.unanswered.saturating_add(1);
                }
                result => {
                    self.hosts_full = true;
                    result?;
                }
            }
        }
        self.slot(socket)?.remote = Some(to);
        Ok(())
    }

    fn bind_to(&mut self, socket: &Socket, port: u16) -> Result<(), Error> {
        if let Some(port) = self.slot(socket)?.port {
            return Err(Error::AlreadyBound(port));
        }
        let taken = |slots: &[Slot<'d>], port| slots.iter().any(|slot| slot.port == Some(port));
        if port != 0 && taken(&self.slots, port) {
            return Err(Error::PortInUse(port));
        }
        // embassy-net counts the ports that it picks, for all of its sockets; so one that is taken comes once.
        for _ in 0..=SOCKETS {
            let ear = &mut self.slot(socket)?.ear;
            ear.bind(port).map_err(|_| Error::NotBound)?;
            let port = ear.endpoint().port;
            if !taken(&self.slots, port) {
                self.slot(socket)?.port = Some(port);
                return Ok(());
            }
            self.slot(socket)?.ear.close();
        }
        Err(Error::PortInUse(port))
    }

    /// Makes the interface a member of a group, and has it reported.
    pub(crate) fn joined(&mut self, group: IpAddr) -> Result<(), Error> {
        self.groups.join(self.stack, group)?;
        self.to_hosts.poke();
        Ok(())
    }

    /// After a socket has left a group: the interface leaves it, too, if no other socket is a member.
    pub(crate) fn left(&mut self, group: IpAddr) {
        if !self.slots.iter().any(|slot| slot.has_joined(group)) {
            self.groups.leave(self.stack, group);
            self.to_hosts.poke();
        }
    }
}

impl<const SOCKETS: usize> core::fmt::Debug for EmbassyStack<'_, SOCKETS> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let counters = self.counters();
        f.debug_struct("EmbassyStack")
            .field("counters", &counters)
            .finish_non_exhaustive()
    }
}

#[cfg(feature = "defmt")]
impl<const SOCKETS: usize> defmt::Format for EmbassyStack<'_, SOCKETS> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "EmbassyStack({})", self.counters());
    }
}

impl<const SOCKETS: usize> UdpClientStack for EmbassyStack<'_, SOCKETS> {
    type UdpSocket = Socket;
    type Error = Error;

    fn socket(&mut self) -> Result<Socket, Error> {
        let mut places = self.slots.iter_mut().enumerate();
        let free = places.find(|(_, slot)| slot.number == 0);
        let (place, slot) = free.ok_or(Error::NoFreeSocket)?;
        // 0 marks a free place.
        self.opened = self.opened.checked_add(1).unwrap_or(1);
        slot.number = self.opened;
        let number = self.opened;
        Ok(Socket { place, number })
    }

    /// Takes a free port if there is none, and from now on receives from `remote` only. Not for groups:
    /// their members answer from addresses of their own.
    fn connect(&mut self, socket: &mut Socket, remote: SocketAddr) -> Result<(), Error> {
        if self.slot(socket)?.port.is_none() {
            self.bind_to(socket, 0)?;
        }
        let remote = SocketAddr::new(remote.ip().to_canonical(), remote.port());
        self.slot(socket)?.peer = Some(remote);
        Ok(())
    }

    /// Sends to the connected peer, or to where `send_to` sent last.
    fn send(&mut self, socket: &mut Socket, buffer: &[u8]) -> nb::Result<(), Error> {
        let slot = self.slot(socket)?;
        let to = slot.peer.or(slot.remote).ok_or(Error::NotConnected)?;
        self.send_from(socket, to, buffer)
    }

    fn receive(
        &mut self,
        socket: &mut Socket,
        buffer: &mut [u8],
    ) -> nb::Result<(usize, SocketAddr), Error> {
        let (length, _, source) = self.receive_local(socket, buffer)?;
        Ok((length, source))
    }

    /// Closes a socket. What it has sent goes out all the same.
    fn close(&mut self, socket: Socket) -> Result<(), Error> {
        while let Some((group, _)) = self.slot(&socket)?.groups.pop() {
            self.left(group);
        }
        self.slot(&socket)?.close();
        Ok(())
    }
}

impl<const SOCKETS: usize> UdpFullStack for EmbassyStack<'_, SOCKETS> {
    /// Binds to a port, or to a free one for 0.
    ///
    /// # Errors
    ///
    /// [`Error::PortInUse`] if another socket of this stack has it. That others of embassy-net have it is not seen.
    fn bind(&mut self, socket: &mut Socket, local_port: u16) -> Result<(), Error> {
        self.bind_to(socket, local_port)
    }

    /// Hands a datagram to embassy-net's task. A socket that is not bound gets a free port.
    fn send_to(
        &mut self,
        socket: &mut Socket,
        remote: SocketAddr,
        buffer: &[u8],
    ) -> nb::Result<(), Error> {
        self.send_from(socket, remote, buffer)
    }
}
