//! Groupcast's multicast traits on embassy-net.

use core::net::{IpAddr, SocketAddr};

use embedded_nal::nb;
use groupcast::multicast::{Interface, UdpMulticast, UdpMulticastSend, UdpReceiveLocal};

use crate::error::Error;
use crate::route;
use crate::socket::Socket;
use crate::stack::EmbassyStack;

impl<const SOCKETS: usize> UdpMulticast for EmbassyStack<'_, SOCKETS> {
    /// Joins on the stack's interface, which is `Interface::Default` or one of its addresses.
    fn join_multicast(
        &mut self,
        socket: &mut Socket,
        group: IpAddr,
        interface: Interface,
    ) -> Result<(), Error> {
        if !group.is_multicast() {
            return Err(Error::NotMulticast(group));
        }
        route::check_interface(self.stack(), interface)?;
        let slot = self.slot(socket)?;
        if slot.port.is_none() {
            return Err(Error::NotBound);
        }
        if slot.groups.contains(&(group, interface)) {
            return Ok(());
        }
        let added = slot.groups.push((group, interface));
        added.map_err(|_| Error::TooManyGroups)?;
        if let Err(error) = self.joined(group) {
            self.slot(socket)?.groups.pop();
            return Err(error);
        }
        Ok(())
    }

    fn leave_multicast(
        &mut self,
        socket: &mut Socket,
        group: IpAddr,
        interface: Interface,
    ) -> Result<(), Error> {
        let slot = self.slot(socket)?;
        let membership = (group, interface);
        if slot.groups.contains(&membership) {
            slot.groups.retain(|joined| *joined != membership);
            self.left(group);
        }
        Ok(())
    }
}

impl<const SOCKETS: usize> UdpMulticastSend for EmbassyStack<'_, SOCKETS> {
    /// Accepts the stack's only interface.
    fn set_multicast_interface(
        &mut self,
        socket: &mut Socket,
        interface: Interface,
    ) -> Result<(), Error> {
        self.slot(socket)?;
        route::check_interface(self.stack(), interface)
    }

    fn set_multicast_hop_limit(&mut self, socket: &mut Socket, hop_limit: u8) -> Result<(), Error> {
        self.slot(socket)?.hop_limit = hop_limit;
        Ok(())
    }

    /// Nothing is looped, and nothing else is possible.
    fn set_multicast_loop(&mut self, socket: &mut Socket, on: bool) -> Result<(), Error> {
        self.slot(socket)?;
        if on { Err(Error::NoLoop) } else { Ok(()) }
    }
}

impl<const SOCKETS: usize> UdpReceiveLocal for EmbassyStack<'_, SOCKETS> {
    fn receive_local(
        &mut self,
        socket: &mut Socket,
        buffer: &mut [u8],
    ) -> nb::Result<(usize, SocketAddr, SocketAddr), Error> {
        Self::receive_local(self, socket, buffer)
    }
}
