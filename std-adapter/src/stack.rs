//! The stack: embedded-nal's UDP traits and ours, on the operating system's sockets.

use core::net::{IpAddr, Ipv6Addr, SocketAddr};

use embedded_nal::{UdpClientStack, UdpFullStack, nb};
use groupcast::multicast::{Interface, UdpMulticast, UdpMulticastSend, UdpReceiveLocal};

use crate::builder::{Builder, Settings, check_family, check_group};
use crate::cause::Cause;
use crate::error::{Error, Operation};
use crate::interface::{Choice, Family};
use crate::socket::{Open, Peer, Socket};
use crate::strangers::Strangers;
use crate::watch::Watch;

/// How many reports about earlier datagrams are passed over in one call.
const ECHOES: usize = 16;

/// UDP with multicast on the operating system's sockets, for one group's family and interface.
///
/// Made by [`builder`](Self::builder). It implements embedded-nal's `UdpFullStack`, `TcpFullStack`
/// and `Dns`, and [`UdpMulticast`], [`UdpMulticastSend`] and [`UdpReceiveLocal`] of the core, whose
/// numbered contract it keeps. Every socket is non-blocking.
///
/// `bind` with a port shares that port with other sockets of this machine that do the same. Such a
/// socket is for receiving groups: when several share a port, a datagram to the machine itself reaches
/// only one of them. `bind` with port 0 takes a port of its own, which is the one to send from and to
/// be answered at.
///
/// # When the interface changes
///
/// While receiving finds nothing, at most every two seconds, and when sending fails in a way that an
/// interface can be behind, the stack looks at the interfaces. When the one in use went away and came
/// back, by the same name with another index, or with another address, each socket sets its outgoing
/// interface and joins its groups anew; [`rejoins`](Self::rejoins) counts that. Nothing needs to be
/// done but to keep polling.
#[derive(Debug)]
pub struct StdStack {
    settings: Settings,
    watch: Watch,
    rejoins: u64,
    /// The process that opened its sockets.
    process: u32,
    /// Where they are to be noted.
    pub(crate) strangers: Option<Strangers>,
    pub(crate) inner: Inner,
}

/// `std_embedded_nal::Stack`, which lacks `Debug`.
#[derive(Clone, Default)]
pub(crate) struct Inner(pub(crate) std_embedded_nal::Stack);

impl core::fmt::Debug for Inner {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("std_embedded_nal::Stack")
    }
}

/// A datagram that was received.
struct Arrived {
    length: usize,
    local: SocketAddr,
    source: SocketAddr,
}

impl StdStack {
    /// Starts to describe a stack.
    pub const fn builder() -> Builder {
        Builder::new()
    }

    pub(crate) fn new(settings: Settings, watch: Watch) -> Self {
        Self {
            settings,
            watch,
            rejoins: 0,
            process: std::process::id(),
            strangers: None,
            inner: Inner::default(),
        }
    }

    /// The group that the stack was made for.
    #[must_use]
    pub const fn group(&self) -> SocketAddr {
        self.settings.group
    }

    /// The interface in use, and why. It may change while the program runs.
    #[must_use]
    pub const fn choice(&self) -> &Choice {
        self.watch.choice()
    }

    /// How often [`choice`](Self::choice) became another one, or something that it says.
    #[must_use]
    pub const fn changes(&self) -> u64 {
        self.watch.changes()
    }

    /// How many memberships were made anew because an interface came back or changed.
    #[must_use]
    pub const fn rejoins(&self) -> u64 {
        self.rejoins
    }

    /// These are the interfaces from now on, whatever the system says.
    #[cfg(test)]
    pub(crate) fn pretend(&mut self, interfaces: Vec<crate::interfaces::NetworkInterface>) {
        self.watch.pretend(interfaces);
    }

    /// From now on another process has opened the sockets.
    #[cfg(test)]
    pub(crate) const fn pretend_to_be_forked(&mut self) {
        self.process = !self.process;
    }

    /// Nothing is sent by a process that was forked from the one that opened the sockets: the member there speaks,
    /// and this one is its copy. Neither would hear the other, which comes from its own address.
    fn check_process(&self) -> Result<(), Error> {
        if self.process == std::process::id() {
            Ok(())
        } else {
            Err(Error::Forked)
        }
    }

    /// Looks at the interfaces, if it is time, and lets the socket act on what is new.
    /// Returns whether it did.
    fn follow_interfaces(&mut self, open: &mut Open, urgent: bool) -> bool {
        self.watch.look(urgent);
        let renewed = open.adapt(&self.watch);
        self.rejoins += renewed.unwrap_or(0);
        renewed.is_some()
    }

    fn transmit(
        &mut self,
        open: &mut Open,
        remote: Option<SocketAddr>,
        buffer: &[u8],
    ) -> nb::Result<(), Error> {
        self.check_process()?;
        let mut echoes = 0;
        let mut followed = false;
        loop {
            let sent = match remote {
                Some(remote) => open.io.send_to(buffer, self.scoped(remote)),
                None => open.io.send(buffer),
            };
            let Err(error) = sent else {
                return Ok(());
            };
            match Cause::of(&error) {
                // A full queue of the interface is a full queue: BSD and macOS report it so.
                Some(Cause::WouldBlock | Cause::NoBuffers) => return Err(nb::Error::WouldBlock),
                Some(cause) if cause.is_echo() && echoes < ECHOES => echoes += 1,
                Some(cause)
                    if cause.may_be_interface()
                        && !followed
                        && self.follow_interfaces(open, true) =>
                {
                    followed = true;
                }
                _ => return Err(nb::Error::Other(Error::os(Operation::Send(remote), error))),
            }
        }
    }

    /// Sends one system call's worth of `octets` if that works, else one datagram. Returns how much it was.
    fn transmit_some(
        &mut self,
        open: &mut Open,
        remote: SocketAddr,
        octets: &[u8],
        segment: usize,
    ) -> nb::Result<usize, Error> {
        let mut is_refused = false;
        if let Some(batch) = open.batch(octets, segment) {
            match open.send_batch(self.scoped(remote), batch, segment) {
                Ok(()) => return Ok(batch.len()),
                Err(error) => match Cause::of(&error) {
                    Some(Cause::WouldBlock | Cause::NoBuffers) => {
                        return Err(nb::Error::WouldBlock);
                    }
                    Some(cause) if cause.is_echo() || cause.may_be_interface() => {}
                    _ => is_refused = true,
                },
            }
        }
        // Whatever it was, one datagram will tell.
        let datagram = octets.get(..segment).unwrap_or(octets);
        self.transmit(open, Some(remote), datagram)?;
        // It was the batch that the system, the interface or its MTU did not take.
        open.sends_batches &= !is_refused;
        Ok(datagram.len())
    }

    /// Takes the next datagram that arrived, from the socket or from the system.
    fn take(&mut self, socket: &mut Socket, buffer: &mut [u8]) -> nb::Result<Arrived, Error> {
        let open = socket.get_mut()?;
        for _ in 0..=ECHOES {
            if let Some(arrival) = open.arrivals.take(buffer) {
                let Some(length) = arrival.length else {
                    return Err(nb::Error::Other(Error::Truncated {
                        capacity: buffer.len(),
                    }));
                };
                let local = arrival.local.unwrap_or_else(|| open.family.unspecified());
                return Ok(Arrived {
                    length,
                    local: SocketAddr::new(local, open.port),
                    source: arrival.source,
                });
            }
            let Err(error) = open.refill() else {
                continue;
            };
            match Cause::of(&error) {
                Some(Cause::WouldBlock) => {
                    self.follow_interfaces(open, false);
                    return Err(nb::Error::WouldBlock);
                }
                // Receiving itself meets none of these: they are ICMP's answers to earlier datagrams.
                Some(Cause::NetworkUnreachable | Cause::HostUnreachable | Cause::NetworkDown) => {}
                Some(cause) if cause.is_echo() => {}
                _ => return Err(nb::Error::Other(Error::os(Operation::Receive, error))),
            }
        }
        Err(nb::Error::WouldBlock)
    }

    /// `remote` with the scope that an IPv6 link-local address needs.
    const fn scoped(&self, mut remote: SocketAddr) -> SocketAddr {
        if let SocketAddr::V6(v6) = &mut remote
            && v6.scope_id() == 0
            && Ipv6Addr::is_unicast_link_local(v6.ip())
        {
            v6.set_scope_id(self.watch.choice().index.get());
        }
        remote
    }
}

impl UdpClientStack for StdStack {
    type UdpSocket = Socket;
    type Error = Error;

    /// A socket that is not open yet.
    fn socket(&mut self) -> Result<Socket, Error> {
        Ok(Socket::default())
    }

    /// Opens the socket for `remote` only, on a free port. Not for groups: a connected socket does not
    /// receive the answers of members.
    fn connect(&mut self, socket: &mut Socket, remote: SocketAddr) -> Result<(), Error> {
        if socket.is_open() {
            return Err(Error::AlreadyOpen);
        }
        self.watch.look(true);
        let remote = self.scoped(remote);
        socket.open(Open::connect(&self.settings, &self.watch, remote)?);
        self.process = std::process::id();
        Ok(())
    }

    /// Sends to the connected peer, or to where `send_to` sent last.
    fn send(&mut self, socket: &mut Socket, buffer: &[u8]) -> nb::Result<(), Error> {
        let open = socket.get_mut()?;
        match open.peer {
            Some(Peer::Connected) => self.transmit(open, None, buffer),
            Some(Peer::Last(remote)) => self.transmit(open, Some(remote), buffer),
            None => Err(nb::Error::Other(Error::NoDestination)),
        }
    }

    /// Receives one datagram into `buffer`: the next of those that the system handed over together.
    fn receive(
        &mut self,
        socket: &mut Socket,
        buffer: &mut [u8],
    ) -> nb::Result<(usize, SocketAddr), Error> {
        let arrived = self.take(socket, buffer)?;
        if let Some(strangers) = &mut self.strangers {
            strangers.look(buffer.get(..arrived.length).unwrap_or_default());
        }
        Ok((arrived.length, arrived.source))
    }

    fn close(&mut self, _: Socket) -> Result<(), Error> {
        Ok(())
    }
}

impl UdpFullStack for StdStack {
    /// Opens the socket on `local_port`, shared with others, or on a free port of its own for 0.
    fn bind(&mut self, socket: &mut Socket, local_port: u16) -> Result<(), Error> {
        if socket.is_open() {
            return Err(Error::AlreadyOpen);
        }
        self.watch.look(true);
        socket.open(Open::bind(&self.settings, &self.watch, local_port)?);
        self.process = std::process::id();
        Ok(())
    }

    fn send_to(
        &mut self,
        socket: &mut Socket,
        remote: SocketAddr,
        buffer: &[u8],
    ) -> nb::Result<(), Error> {
        let open = socket.get_mut()?;
        check_family(remote.ip(), open.family)?;
        self.transmit(open, Some(remote), buffer)?;
        if !matches!(open.peer, Some(Peer::Connected)) {
            open.peer = Some(Peer::Last(remote));
        }
        Ok(())
    }
}

impl UdpReceiveLocal for StdStack {
    /// Receives one datagram. Where the system does not say what address it was sent to, it is the
    /// unspecified one.
    fn receive_local(
        &mut self,
        socket: &mut Socket,
        buffer: &mut [u8],
    ) -> nb::Result<(usize, SocketAddr, SocketAddr), Error> {
        let arrived = self.take(socket, buffer)?;
        Ok((arrived.length, arrived.local, arrived.source))
    }
}

impl UdpMulticast for StdStack {
    /// What Linux takes, and others may.
    const MOST_SEGMENTS: usize = 64;

    fn join_multicast(
        &mut self,
        socket: &mut Socket,
        group: IpAddr,
        interface: Interface,
    ) -> Result<(), Error> {
        let open = socket.get_mut()?;
        check_group(group, open.family)?;
        // A connected socket may be of another family than the stack, and then has no groups.
        check_group(group, self.watch.family())?;
        self.follow_interfaces(open, true);
        open.memberships
            .join(&open.io, group, interface, &self.watch)
    }

    fn leave_multicast(
        &mut self,
        socket: &mut Socket,
        group: IpAddr,
        interface: Interface,
    ) -> Result<(), Error> {
        let open = socket.get_mut()?;
        open.memberships.leave(&open.io, group, interface)
    }

    fn send_segments(
        &mut self,
        socket: &mut Socket,
        remote: SocketAddr,
        octets: &[u8],
        segment: usize,
    ) -> nb::Result<usize, Error> {
        let open = socket.get_mut()?;
        check_family(remote.ip(), open.family)?;
        self.check_process()?;
        let segment = segment.max(1);
        let mut sent = 0;
        while let Some(rest @ [_, ..]) = octets.get(sent..) {
            match self.transmit_some(open, remote, rest, segment) {
                Ok(some) => sent += some,
                Err(error) if sent == 0 => return Err(error),
                // The next call meets it again.
                Err(_) => break,
            }
        }
        if !matches!(open.peer, Some(Peer::Connected)) {
            open.peer = Some(Peer::Last(remote));
        }
        Ok(sent)
    }
}

impl UdpMulticastSend for StdStack {
    fn set_multicast_interface(
        &mut self,
        socket: &mut Socket,
        interface: Interface,
    ) -> Result<(), Error> {
        let open = socket.get_mut()?;
        self.follow_interfaces(open, true);
        let link = self
            .watch
            .locate(interface)
            .ok_or(Error::InterfaceGone(open.family))?;
        open.set_outgoing(interface, link)
    }

    fn set_multicast_hop_limit(&mut self, socket: &mut Socket, hop_limit: u8) -> Result<(), Error> {
        socket.get_mut()?.set_hop_limit(hop_limit)
    }

    fn set_multicast_loop(&mut self, socket: &mut Socket, on: bool) -> Result<(), Error> {
        socket.get_mut()?.set_loop(on)
    }
}

impl StdStack {
    /// The family of this stack's sockets: that of its group.
    #[must_use]
    pub const fn family(&self) -> Family {
        self.watch.family()
    }
}
