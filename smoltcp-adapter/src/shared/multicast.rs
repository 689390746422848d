//! Groupcast's multicast traits on smoltcp.

use core::net::{IpAddr, SocketAddr};

use super::smoltcp::phy::Device;
use embedded_nal::nb;
use groupcast::multicast::{Interface, UdpMulticast, UdpMulticastSend, UdpReceiveLocal};

use super::inner::Inner;
use super::stack::Stack;
use crate::error::Error;
use crate::socket::Socket;

impl<D: Device, const SOCKETS: usize> Inner<'_, D, SOCKETS> {
    #[cfg_attr(target_os = "none", inline(never))]
    fn check_interface(&self, interface: Interface) -> Result<(), Error> {
        match interface {
            Interface::Default => Ok(()),
            Interface::Address(address) if self.link.is_own(address) => Ok(()),
            _ => Err(Error::NoInterface(interface)),
        }
    }

    fn join(&mut self, socket: &Socket, group: IpAddr, interface: Interface) -> Result<(), Error> {
        if !group.is_multicast() {
            return Err(Error::NotMulticast(group));
        }
        self.check_interface(interface)?;
        let slot = self.slot(socket)?;
        if slot.port.is_none() {
            return Err(Error::NotBound);
        }
        if slot.groups.contains(&(group, interface)) {
            return Ok(());
        }
        let added = slot.groups.push((group, interface));
        added.map_err(|_| Error::TooManyGroups)?;
        if let Err(error) = self.groups.join(&mut self.link, group) {
            self.slot(socket)?.groups.pop();
            return Err(error);
        }
        Ok(())
    }

    fn leave(&mut self, socket: &Socket, group: IpAddr, interface: Interface) -> Result<(), Error> {
        let slot = self.slot(socket)?;
        let membership = (group, interface);
        if slot.groups.contains(&membership) {
            slot.groups.retain(|joined| *joined != membership);
            self.left(group);
        }
        Ok(())
    }
}

impl<D: Device, const SOCKETS: usize> UdpMulticast for &Stack<'_, D, SOCKETS> {
    /// Joins on the stack's interface, which is `Interface::Default` or one of its addresses.
    fn join_multicast(
        &mut self,
        socket: &mut Socket,
        group: IpAddr,
        interface: Interface,
    ) -> Result<(), Error> {
        self.inner().join(socket, group, interface)
    }

    fn leave_multicast(
        &mut self,
        socket: &mut Socket,
        group: IpAddr,
        interface: Interface,
    ) -> Result<(), Error> {
        self.inner().leave(socket, group, interface)
    }
}

impl<D: Device, const SOCKETS: usize> UdpMulticastSend for &Stack<'_, D, SOCKETS> {
    /// Accepts the stack's only interface.
    fn set_multicast_interface(
        &mut self,
        socket: &mut Socket,
        interface: Interface,
    ) -> Result<(), Error> {
        let mut inner = self.inner();
        inner.slot(socket)?;
        inner.check_interface(interface)
    }

    fn set_multicast_hop_limit(&mut self, socket: &mut Socket, hop_limit: u8) -> Result<(), Error> {
        self.inner().slot(socket)?.hop_limit = hop_limit;
        Ok(())
    }

    fn set_multicast_loop(&mut self, socket: &mut Socket, on: bool) -> Result<(), Error> {
        let mut inner = self.inner();
        if inner.device_loops && !on {
            return Err(Error::DeviceLoops);
        }
        inner.slot(socket)?.loops = on;
        Ok(())
    }
}

impl<D: Device, const SOCKETS: usize> UdpReceiveLocal for &Stack<'_, D, SOCKETS> {
    fn receive_local(
        &mut self,
        socket: &mut Socket,
        buffer: &mut [u8],
    ) -> nb::Result<(usize, SocketAddr, SocketAddr), Error> {
        self.inner().receive(socket, buffer)
    }
}
