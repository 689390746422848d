//! The traits for a stack that its node owns: what `&Stack` does.

use core::net::{IpAddr, SocketAddr};

use super::smoltcp::phy::Device;
use super::stack::Stack;
use crate::error::Error;
use crate::socket::Socket;
use embedded_nal::{UdpClientStack, UdpFullStack, nb};
use groupcast::multicast::{Interface, UdpMulticast, UdpMulticastSend, UdpReceiveLocal};

impl<D: Device, const SOCKETS: usize> UdpClientStack for Stack<'_, D, SOCKETS> {
    type UdpSocket = Socket;
    type Error = Error;

    fn socket(&mut self) -> Result<Socket, Error> {
        (&*self).socket()
    }

    fn connect(&mut self, socket: &mut Socket, remote: SocketAddr) -> Result<(), Error> {
        (&*self).connect(socket, remote)
    }

    fn send(&mut self, socket: &mut Socket, buffer: &[u8]) -> nb::Result<(), Error> {
        (&*self).send(socket, buffer)
    }

    fn receive(
        &mut self,
        socket: &mut Socket,
        buffer: &mut [u8],
    ) -> nb::Result<(usize, SocketAddr), Error> {
        (&*self).receive(socket, buffer)
    }

    fn close(&mut self, socket: Socket) -> Result<(), Error> {
        (&*self).close(socket)
    }
}

impl<D: Device, const SOCKETS: usize> UdpFullStack for Stack<'_, D, SOCKETS> {
    fn bind(&mut self, socket: &mut Socket, local_port: u16) -> Result<(), Error> {
        (&*self).bind(socket, local_port)
    }

    fn send_to(
        &mut self,
        socket: &mut Socket,
        remote: SocketAddr,
        buffer: &[u8],
    ) -> nb::Result<(), Error> {
        (&*self).send_to(socket, remote, buffer)
    }
}

impl<D: Device, const SOCKETS: usize> UdpMulticast for Stack<'_, D, SOCKETS> {
    fn join_multicast(
        &mut self,
        socket: &mut Socket,
        group: IpAddr,
        interface: Interface,
    ) -> Result<(), Error> {
        (&*self).join_multicast(socket, group, interface)
    }

    fn leave_multicast(
        &mut self,
        socket: &mut Socket,
        group: IpAddr,
        interface: Interface,
    ) -> Result<(), Error> {
        (&*self).leave_multicast(socket, group, interface)
    }
}

impl<D: Device, const SOCKETS: usize> UdpMulticastSend for Stack<'_, D, SOCKETS> {
    fn set_multicast_interface(
        &mut self,
        socket: &mut Socket,
        interface: Interface,
    ) -> Result<(), Error> {
        (&*self).set_multicast_interface(socket, interface)
    }

    fn set_multicast_hop_limit(&mut self, socket: &mut Socket, hop_limit: u8) -> Result<(), Error> {
        (&*self).set_multicast_hop_limit(socket, hop_limit)
    }

    fn set_multicast_loop(&mut self, socket: &mut Socket, on: bool) -> Result<(), Error> {
        (&*self).set_multicast_loop(socket, on)
    }
}

impl<D: Device, const SOCKETS: usize> UdpReceiveLocal for Stack<'_, D, SOCKETS> {
    fn receive_local(
        &mut self,
        socket: &mut Socket,
        buffer: &mut [u8],
    ) -> nb::Result<(usize, SocketAddr, SocketAddr), Error> {
        (&*self).receive_local(socket, buffer)
    }
}
