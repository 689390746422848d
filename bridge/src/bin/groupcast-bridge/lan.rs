//! The group in this site: an ear, and a socket for each member of other sites.

use core::net::SocketAddr;
use std::collections::BTreeMap;
use std::os::fd::BorrowedFd;

use embedded_nal::{UdpClientStack, UdpFullStack, nb};
use groupcast::multicast::{Interface, UdpMulticast};
use groupcast_bridge::tunnel::Life;
use groupcast_std::{Choice, Error, InterfaceSelector, Socket, StdStack};

/// What a member's socket may hold of what is sent to it alone, in bytes.
const ANSWERS: usize = 256 * 1024;

/// Bytes of the largest datagram there is.
const LARGEST: usize = 65_535;

/// The group in this site.
#[derive(Debug)]
pub(crate) struct Lan {
    group: SocketAddr,
    hearing: StdStack,
    ear: Socket,
    speaking: StdStack,
    members: BTreeMap<Life, Socket>,
    changes: u64,
    /// Datagrams that the system did not take.
    pub(crate) unsent: u64,
}

impl Lan {
    pub(crate) fn new(
        group: SocketAddr,
        interface: &InterfaceSelector,
        hop_limit: u8,
    ) -> Result<Self, Error> {
        let builder = StdStack::builder()
            .group(group)
            .interface(interface.clone())
            .hop_limit(hop_limit);
        let mut hearing = builder.clone().build()?;
        let mut ear = hearing.socket()?;
        hearing.bind(&mut ear, group.port())?;
        hearing.join_multicast(&mut ear, group.ip(), Interface::Default)?;
        Ok(Self {
            group,
            hearing,
            ear,
            speaking: builder.receive_buffer(ANSWERS).build()?,
            members: BTreeMap::new(),
            changes: 0,
            unsent: 0,
        })
    }

    pub(crate) const fn choice(&self) -> &Choice {
        self.hearing.choice()
    }

    /// The next datagram that was sent to the group.
    pub(crate) fn hear<'a>(
        &mut self,
        buffer: &'a mut Vec<u8>,
    ) -> Result<Option<(SocketAddr, &'a [u8])>, Error> {
        receive(&mut self.hearing, &mut self.ear, buffer)
    }

    /// The next datagram that was sent to this member.
    pub(crate) fn answer<'a>(
        &mut self,
        member: Life,
        buffer: &'a mut Vec<u8>,
    ) -> Result<Option<(SocketAddr, &'a [u8])>, Error> {
        match self.members.get_mut(&member) {
            Some(socket) => receive(&mut self.speaking, socket, buffer),
            None => Ok(None),
        }
    }

    /// A socket for a member of another site. Where it is in this one.
    pub(crate) fn open(&mut self, member: Life) -> Result<SocketAddr, Error> {
        let mut socket = self.speaking.socket()?;
        self.speaking.bind(&mut socket, 0)?;
        let port = socket.local_address()?.port();
        self.members.insert(member, socket);
        Ok(self.at(port))
    }

    pub(crate) fn close(&mut self, member: Life) {
        self.members.remove(&member);
    }

    /// Sends from a member's socket. What the system does not take is counted, as lost on the way.
    pub(crate) fn send(
        &mut self,
        from: Life,
        to: SocketAddr,
        datagram: &[u8],
    ) -> Result<(), Error> {
        let Some(socket) = self.members.get_mut(&from) else {
            return Ok(());
        };
        match self.speaking.send_to(socket, to, datagram) {
            Ok(()) => Ok(()),
            Err(nb::Error::WouldBlock) => {
                self.unsent += 1;
                Ok(())
            }
            Err(nb::Error::Other(error)) => {
                self.unsent += 1;
                Err(error)
            }
        }
    }

    /// Where the members' sockets are now, if the interface is another than it was, or has another address.
    pub(crate) fn moved(&mut self) -> Vec<(Life, SocketAddr)> {
        if self.speaking.changes() == self.changes {
            return Vec::new();
        }
        self.changes = self.speaking.changes();
        let ports = self.members.iter();
        let ports =
            ports.filter_map(|(life, socket)| Some((*life, socket.local_address().ok()?.port())));
        ports.map(|(life, port)| (life, self.at(port))).collect()
    }

    const fn at(&self, port: u16) -> SocketAddr {
        SocketAddr::new(self.speaking.choice().address, port)
    }

    /// What to wait for: the ear, and the members' sockets in their order.
    pub(crate) fn handles(
        &self,
    ) -> (
        Option<BorrowedFd<'_>>,
        impl Iterator<Item = (Life, BorrowedFd<'_>)>,
    ) {
        let members = self.members.iter();
        let members = members.filter_map(|(life, socket)| Some((*life, socket.as_fd()?)));
        (self.ear.as_fd(), members)
    }

    pub(crate) const fn group(&self) -> SocketAddr {
        self.group
    }
}

fn receive<'a>(
    stack: &mut StdStack,
    socket: &mut Socket,
    buffer: &'a mut Vec<u8>,
) -> Result<Option<(SocketAddr, &'a [u8])>, Error> {
    buffer.resize(LARGEST, 0);
    match stack.receive(socket, buffer) {
        Ok((length, from)) => Ok(Some((from, &buffer[..length]))),
        Err(nb::Error::WouldBlock) => Ok(None),
        Err(nb::Error::Other(error)) => Err(error),
    }
}
