//! `embedded-nal`'s UDP traits and Groupcast's on the chip.

use core::fmt;
use core::net::{IpAddr, SocketAddr, SocketAddrV4};

use groupcast::embedded_nal::{UdpClientStack, UdpFullStack, nb};
use groupcast::multicast::{Interface, UdpMulticast};
use w5500::bus::Bus;
use w5500::{Device, DeviceState, Host};

use crate::bus::SharedBus;
use crate::error::Error;
use crate::socket::Socket;

/// The most octets of a datagram in a frame of Ethernet.
const LARGEST: usize = 1472;

/// A chip, and what its crate lacks.
pub struct Stack<'a, B: Bus, H: Host> {
    /// Gives sockets out, and takes them back.
    chip: Device<SharedBus<'a, B>, DeviceState<H>>,
    bus: SharedBus<'a, B>,
}

impl<'a, B: Bus, H: Host> Stack<'a, B, H> {
    /// A stack on a chip that is set up, and on the bus it hangs on.
    #[must_use]
    pub const fn new(
        chip: Device<SharedBus<'a, B>, DeviceState<H>>,
        bus: SharedBus<'a, B>,
    ) -> Self {
        Self { chip, bus }
    }
}

impl<B: Bus, H: Host> fmt::Debug for Stack<'_, B, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stack").finish_non_exhaustive()
    }
}

fn ipv4<E: fmt::Debug>(address: SocketAddr) -> Result<SocketAddrV4, Error<E>> {
    match address {
        SocketAddr::V4(address) => Ok(address),
        SocketAddr::V6(_) => Err(Error::NotIpv4),
    }
}

impl<B: Bus, H: Host> UdpClientStack for Stack<'_, B, H> {
    type UdpSocket = Socket;
    type Error = Error<B::Error>;

    fn socket(&mut self) -> Result<Socket, Self::Error> {
        self.chip.socket().map(Socket::new).map_err(Error::Chip)
    }

    fn connect(&mut self, socket: &mut Socket, remote: SocketAddr) -> Result<(), Self::Error> {
        let remote = ipv4(remote)?;
        if socket.port.is_none() {
            self.bind(socket, 0)?;
        }
        socket.remote = Some(remote);
        Ok(())
    }

    fn send(&mut self, socket: &mut Socket, buffer: &[u8]) -> nb::Result<(), Self::Error> {
        let remote = socket.remote.ok_or(Error::NotConnected)?;
        self.send_to(socket, remote.into(), buffer)
    }

    fn receive(
        &mut self,
        socket: &mut Socket,
        buffer: &mut [u8],
    ) -> nb::Result<(usize, SocketAddr), Self::Error> {
        loop {
            let received = socket.receive(&mut self.bus, buffer)?;
            let (len, from) = received.ok_or(nb::Error::WouldBlock)?;
            // Who is connected hears only the other end.
            if socket.remote.is_none_or(|remote| remote == from) {
                return Ok((len, from.into()));
            }
        }
    }

    fn close(&mut self, socket: Socket) -> Result<(), Self::Error> {
        self.chip.close(socket.udp).map_err(Error::Chip)
    }
}

impl<B: Bus, H: Host> UdpFullStack for Stack<'_, B, H> {
    fn bind(&mut self, socket: &mut Socket, local_port: u16) -> Result<(), Self::Error> {
        // The crate has a port for each socket.
        let port = match local_port {
            0 => socket.udp.get_port(),
            port => port,
        };
        socket.port = Some(port);
        socket.open(&mut self.bus)
    }

    fn send_to(
        &mut self,
        socket: &mut Socket,
        remote: SocketAddr,
        buffer: &[u8],
    ) -> nb::Result<(), Self::Error> {
        let remote = ipv4(remote)?;
        if socket.port.is_none() {
            return Err(nb::Error::Other(Error::NotBound));
        }
        if buffer.len() > LARGEST {
            return Err(nb::Error::Other(Error::MessageTooLong));
        }
        if socket.send(&mut self.bus, remote, buffer)? {
            Ok(())
        } else {
            Err(nb::Error::WouldBlock)
        }
    }
}

impl<B: Bus, H: Host> UdpMulticast for Stack<'_, B, H> {
    /// Opens the socket anew, for its only group. What it had received before is lost.
    fn join_multicast(
        &mut self,
        socket: &mut Socket,
        group: IpAddr,
        interface: Interface,
    ) -> Result<(), Self::Error> {
        let IpAddr::V4(group) = group else {
            return Err(Error::NotIpv4);
        };
        if !group.is_multicast() {
            return Err(Error::NotMulticast(group.into()));
        }
        if interface != Interface::Default {
            return Err(Error::NoInterface(interface));
        }
        match socket.group {
            Some(joined) if joined == group => Ok(()),
            Some(_) => Err(Error::SecondGroup),
            None if socket.port.is_none() => Err(Error::NotBound),
            None => {
                socket.group = Some(group);
                socket.open(&mut self.bus)
            }
        }
    }

    fn leave_multicast(
        &mut self,
        socket: &mut Socket,
        group: IpAddr,
        _: Interface,
    ) -> Result<(), Self::Error> {
        if socket.group.map(IpAddr::V4) == Some(group) {
            socket.group = None;
            socket.open(&mut self.bus)?;
        }
        Ok(())
    }
}
