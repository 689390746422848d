//! TCP and DNS, which `std_embedded_nal` does well enough: everything here is handed on to it.

use core::net::{IpAddr, SocketAddr};

use embedded_nal::{AddrType, Dns, TcpClientStack, TcpFullStack, nb};
use std_embedded_nal::Stack;

use crate::stack::StdStack;

type TcpSocket = <Stack as TcpClientStack>::TcpSocket;
type TcpError = <Stack as TcpClientStack>::Error;

/// By `std_embedded_nal`. `connect` blocks until the peer answers.
impl TcpClientStack for StdStack {
    type TcpSocket = TcpSocket;
    type Error = TcpError;

    fn socket(&mut self) -> Result<TcpSocket, TcpError> {
        TcpClientStack::socket(&mut self.inner.0)
    }

    fn connect(&mut self, socket: &mut TcpSocket, remote: SocketAddr) -> nb::Result<(), TcpError> {
        TcpClientStack::connect(&mut self.inner.0, socket, remote)
    }

    fn send(&mut self, socket: &mut TcpSocket, buffer: &[u8]) -> nb::Result<usize, TcpError> {
        TcpClientStack::send(&mut self.inner.0, socket, buffer)
    }

    fn receive(
        &mut self,
        socket: &mut TcpSocket,
        buffer: &mut [u8],
    ) -> nb::Result<usize, TcpError> {
        TcpClientStack::receive(&mut self.inner.0, socket, buffer)
    }

    fn close(&mut self, socket: TcpSocket) -> Result<(), TcpError> {
        TcpClientStack::close(&mut self.inner.0, socket)
    }
}

/// By `std_embedded_nal`. `bind` needs IPv6 in the kernel, and takes IPv4 too where the system does.
impl TcpFullStack for StdStack {
    fn bind(&mut self, socket: &mut TcpSocket, local_port: u16) -> Result<(), TcpError> {
        TcpFullStack::bind(&mut self.inner.0, socket, local_port)
    }

    fn listen(&mut self, socket: &mut TcpSocket) -> Result<(), TcpError> {
        TcpFullStack::listen(&mut self.inner.0, socket)
    }

    fn accept(&mut self, socket: &mut TcpSocket) -> nb::Result<(TcpSocket, SocketAddr), TcpError> {
        TcpFullStack::accept(&mut self.inner.0, socket)
    }
}

/// By `std_embedded_nal`. Names are looked up by the system, which blocks; addresses are never found.
impl Dns for StdStack {
    type Error = <Stack as Dns>::Error;

    fn get_host_by_name(
        &mut self,
        hostname: &str,
        addr_type: AddrType,
    ) -> nb::Result<IpAddr, Self::Error> {
        self.inner.0.get_host_by_name(hostname, addr_type)
    }

    fn get_host_by_address(
        &mut self,
        addr: IpAddr,
        result: &mut [u8],
    ) -> nb::Result<usize, Self::Error> {
        self.inner.0.get_host_by_address(addr, result)
    }
}
