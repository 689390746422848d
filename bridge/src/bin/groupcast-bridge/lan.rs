//! The group in this site: an ear, and a socket for each member of other sites.

use core::net::SocketAddr;
use std::collections::BTreeMap;
use std::io;
use std::os::fd::BorrowedFd;

use embedded_nal::{UdpClientStack, UdpFullStack, nb};
use groupcast::multicast::{Interface, UdpMulticast};
use groupcast_bridge::tunnel::Life;
use groupcast_std::{Choice, Error, InterfaceSelector, Socket, StdStack};

use crate::voice::Voice;

/// Bytes of the largest datagram there is.
const LARGEST: usize = 65_535;

/// The group in this site.
#[derive(Debug)]
pub(crate) struct Lan {
    group: SocketAddr,
    hearing: StdStack,
    ear: Socket,
    members: BTreeMap<Life, Voice>,
    hop_limit: u8,
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
        let mut hearing = builder.build()?;
        let mut ear = hearing.socket()?;
        hearing.bind(&mut ear, group.port())?;
        hearing.join_multicast(&mut ear, group.ip(), Interface::Default)?;
        Ok(Self {
            group,
            hearing,
            ear,
            members: BTreeMap::new(),
            hop_limit,
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
        buffer.resize(LARGEST, 0);
        match self.hearing.receive(&mut self.ear, buffer) {
            Ok((length, from)) => Ok(Some((from, &buffer[..length]))),
            Err(nb::Error::WouldBlock) => Ok(None),
            Err(nb::Error::Other(error)) => Err(error),
        }
    }

    /// The next datagram that was sent to this member.
    pub(crate) fn answer<'a>(
        &self,
        member: Life,
        buffer: &'a mut Vec<u8>,
    ) -> io::Result<Option<(SocketAddr, &'a [u8])>> {
        let Some(voice) = self.members.get(&member) else {
            return Ok(None);
        };
        buffer.resize(LARGEST, 0);
        let arrived = voice.receive(buffer)?;
        Ok(arrived.map(|(length, from)| (from, &buffer[..length])))
    }

    /// A socket for a member of another site. Where it is in this one.
    pub(crate) fn open(&mut self, member: Life) -> io::Result<SocketAddr> {
        let voice = Voice::new(self.choice(), self.hop_limit)?;
        let port = voice.port()?;
        self.members.insert(member, voice);
        Ok(self.at(port))
    }

    pub(crate) fn close(&mut self, member: Life) {
        self.members.remove(&member);
    }

    /// Sends from a member's socket. What the system does not take is counted, as lost on the way.
    pub(crate) fn send(&mut self, from: Life, to: SocketAddr, datagram: &[u8]) -> io::Result<()> {
        let Some(voice) = self.members.get(&from) else {
            return Ok(());
        };
        let sent = voice.send(to, datagram);
        self.unsent += u64::from(!matches!(sent, Ok(true)));
        sent.map(|_| ())
    }

    /// Where the members' sockets are now, if the interface is another than it was, or has another address.
    pub(crate) fn moved(&mut self) -> io::Result<Vec<(Life, SocketAddr)>> {
        if self.hearing.changes() == self.changes {
            return Ok(Vec::new());
        }
        let mut moved = Vec::new();
        for (life, voice) in &self.members {
            voice.follow(self.choice())?;
            moved.push((*life, self.at(voice.port()?)));
        }
        self.changes = self.hearing.changes();
        Ok(moved)
    }

    const fn at(&self, port: u16) -> SocketAddr {
        SocketAddr::new(self.choice().address, port)
    }

    /// What to wait for: the ear, and the members' sockets in their order.
    pub(crate) fn handles(
        &self,
    ) -> (
        Option<BorrowedFd<'_>>,
        impl Iterator<Item = (Life, BorrowedFd<'_>)>,
    ) {
        let members = self.members.iter();
        let members = members.map(|(life, voice)| (*life, voice.as_fd()));
        (self.ear.as_fd(), members)
    }

    pub(crate) const fn group(&self) -> SocketAddr {
        self.group
    }
}
