//! The UDP stack of a simulated host: embedded-nal's traits and the multicast ones.

use core::net::{IpAddr, SocketAddr};
use std::rc::Rc;

use embedded_nal::{UdpClientStack, UdpFullStack, nb};
use groupcast::multicast::{Interface, UdpMulticast, UdpMulticastSend, UdpReceiveLocal};

use crate::error::SimError;
use crate::host::{Host, HostId};
use crate::network::Network;
use crate::socket::{SimSocket, Socket};
use crate::state::State;
use crate::trace::Datagram;

/// The UDP stack of a simulated host.
///
/// It keeps the [contract](groupcast::multicast#contract). Beyond it:
/// - A socket sends and receives IPv4 and IPv6.
/// - A datagram to one address reaches one socket, as on real systems: the connected one, else the
///   one opened last of those that share the port. A datagram to a group reaches all members.
/// - A connected socket receives only from its peer.
/// - A datagram to an address of the network that no host has disappears without an error.
/// - Membership is checked when a datagram is sent (does the host have any member?) and again when it
///   arrives (which sockets are members?).
#[derive(Clone, Debug)]
pub struct SimStack {
    network: Network,
    host: HostId,
    receive_queue: usize,
}

impl SimStack {
    pub(crate) const fn new(network: Network, host: HostId, receive_queue: usize) -> Self {
        Self {
            network,
            host,
            receive_queue,
        }
    }

    /// Sets how many datagrams wait in each socket at most, for sockets opened from now on.
    #[must_use]
    pub const fn with_receive_queue(mut self, datagrams: usize) -> Self {
        self.receive_queue = datagrams;
        self
    }

    /// The host that this is the stack of.
    #[must_use]
    pub const fn host(&self) -> HostId {
        self.host
    }

    /// The network that the host is in.
    #[must_use]
    pub const fn network(&self) -> &Network {
        &self.network
    }

    /// The port that a socket is bound to.
    ///
    /// # Errors
    ///
    /// [`SimError::NotBound`] if there is none, [`SimError::ForeignSocket`].
    pub fn local_port(&self, socket: &SimSocket) -> Result<u16, SimError> {
        self.with(socket, |socket| socket.port)?
            .ok_or(SimError::NotBound)
    }

    /// The socket's own stack is this one.
    fn check(&self, socket: &SimSocket) -> Result<(), SimError> {
        let own = socket.host == self.host && socket.network.is(&self.network);
        if own {
            Ok(())
        } else {
            Err(SimError::ForeignSocket)
        }
    }

    /// Does something with the state of a socket.
    fn with<T>(
        &self,
        socket: &SimSocket,
        act: impl FnOnce(&mut Socket) -> T,
    ) -> Result<T, SimError> {
        self.check(socket)?;
        Ok(act(self.network.state().socket(self.host, socket.number)))
    }

    fn take(
        &self,
        socket: &SimSocket,
        buffer: &mut [u8],
    ) -> nb::Result<(usize, Rc<Datagram>), SimError> {
        let datagram = self.with(socket, |socket| socket.queue.pop_front())?;
        let datagram = datagram.ok_or(nb::Error::WouldBlock)?;
        let (length, room) = (datagram.payload.len(), buffer.len());
        let target = buffer
            .get_mut(..length)
            .ok_or(SimError::Truncated { length, room })?;
        target.copy_from_slice(&datagram.payload);
        Ok((length, datagram))
    }
}

impl State {
    /// A socket that a handle exists of.
    fn socket(&mut self, host: HostId, number: u32) -> &mut Socket {
        let socket = self.host(host).sockets.get_mut(&number);
        socket.expect("a socket is open for as long as its handle exists")
    }

    /// After a socket has left: is there still a member on the host?
    pub(crate) fn left(&mut self, host: HostId, port: u16, group: IpAddr) {
        let member = |socket: &Socket| socket.port == Some(port) && socket.has_joined(group);
        let remain = self.host(host).sockets.values().any(member);
        self.groups.set(group, port, host, remain);
    }
}

impl Host {
    /// Gives a socket a port; 0 means any.
    fn bind(&mut self, number: u32, port: u16) -> Result<(), SimError> {
        if let Some(port) = self.sockets.get(&number).and_then(|socket| socket.port) {
            return Err(SimError::AlreadyBound(port));
        }
        let port = if port == 0 {
            self.free_port().ok_or(SimError::NoFreePort)?
        } else {
            port
        };
        if let Some(socket) = self.sockets.get_mut(&number) {
            socket.port = Some(port);
        }
        Ok(())
    }
}

impl UdpClientStack for SimStack {
    type UdpSocket = SimSocket;
    type Error = SimError;

    fn socket(&mut self) -> Result<SimSocket, SimError> {
        let mut state = self.network.state();
        let host = state.host(self.host);
        let number = host.opened;
        host.opened += 1;
        host.sockets.insert(number, Socket::new(self.receive_queue));
        Ok(SimSocket {
            network: self.network.clone(),
            host: self.host,
            number,
        })
    }

    fn connect(&mut self, socket: &mut SimSocket, remote: SocketAddr) -> Result<(), SimError> {
        self.check(socket)?;
        let mut state = self.network.state();
        if state.socket(self.host, socket.number).port.is_none() {
            state.host(self.host).bind(socket.number, 0)?;
        }
        let remote = SocketAddr::new(remote.ip().to_canonical(), remote.port());
        let socket = state.socket(self.host, socket.number);
        socket.peer = Some(remote);
        socket.remote = Some(remote);
        Ok(())
    }

    fn send(&mut self, socket: &mut SimSocket, buffer: &[u8]) -> nb::Result<(), SimError> {
        let remote = self.with(socket, |socket| socket.peer.or(socket.remote))?;
        let remote = remote.ok_or(SimError::NotConnected)?;
        self.network
            .state()
            .send(self.host, socket.number, remote, buffer)
    }

    fn receive(
        &mut self,
        socket: &mut SimSocket,
        buffer: &mut [u8],
    ) -> nb::Result<(usize, SocketAddr), SimError> {
        let (length, datagram) = self.take(socket, buffer)?;
        Ok((length, datagram.source))
    }

    fn close(&mut self, socket: SimSocket) -> Result<(), SimError> {
        // Dropping the handle is what closes it.
        self.check(&socket)
    }
}

impl UdpFullStack for SimStack {
    fn bind(&mut self, socket: &mut SimSocket, local_port: u16) -> Result<(), SimError> {
        self.check(socket)?;
        self.network
            .state()
            .host(self.host)
            .bind(socket.number, local_port)
    }

    fn send_to(
        &mut self,
        socket: &mut SimSocket,
        remote: SocketAddr,
        buffer: &[u8],
    ) -> nb::Result<(), SimError> {
        self.with(socket, |socket| socket.remote = Some(remote))?;
        self.network
            .state()
            .send(self.host, socket.number, remote, buffer)
    }
}

impl UdpMulticast for SimStack {
    fn join_multicast(
        &mut self,
        socket: &mut SimSocket,
        group: IpAddr,
        interface: Interface,
    ) -> Result<(), SimError> {
        self.check(socket)?;
        if !group.is_multicast() {
            return Err(SimError::NotMulticast(group));
        }
        if !self.host.has(interface) {
            return Err(SimError::NoInterface(interface));
        }
        let mut state = self.network.state();
        let socket = state.socket(self.host, socket.number);
        let port = socket.port.ok_or(SimError::NotBound)?;
        if !socket.groups.contains(&(group, interface)) {
            socket.groups.push((group, interface));
            state.groups.set(group, port, self.host, true);
        }
        Ok(())
    }

    fn leave_multicast(
        &mut self,
        socket: &mut SimSocket,
        group: IpAddr,
        interface: Interface,
    ) -> Result<(), SimError> {
        self.check(socket)?;
        if !self.host.has(interface) {
            return Err(SimError::NoInterface(interface));
        }
        let mut state = self.network.state();
        let socket = state.socket(self.host, socket.number);
        socket.groups.retain(|joined| *joined != (group, interface));
        if let Some(port) = socket.port {
            state.left(self.host, port, group);
        }
        Ok(())
    }
}

impl UdpMulticastSend for SimStack {
    fn set_multicast_interface(
        &mut self,
        socket: &mut SimSocket,
        interface: Interface,
    ) -> Result<(), SimError> {
        self.check(socket)?;
        if self.host.has(interface) {
            Ok(())
        } else {
            Err(SimError::NoInterface(interface))
        }
    }

    fn set_multicast_hop_limit(
        &mut self,
        socket: &mut SimSocket,
        hop_limit: u8,
    ) -> Result<(), SimError> {
        self.with(socket, |socket| socket.hop_limit = hop_limit)
    }

    fn set_multicast_loop(&mut self, socket: &mut SimSocket, on: bool) -> Result<(), SimError> {
        self.with(socket, |socket| socket.loops = on)
    }
}

impl UdpReceiveLocal for SimStack {
    fn receive_local(
        &mut self,
        socket: &mut SimSocket,
        buffer: &mut [u8],
    ) -> nb::Result<(usize, SocketAddr, SocketAddr), SimError> {
        let (length, datagram) = self.take(socket, buffer)?;
        Ok((length, datagram.destination, datagram.source))
    }
}
