//! A socket: what it is bound to, what it has joined, what it has received.

use core::net::{IpAddr, SocketAddr};
use core::pin::pin;
use core::task::{Context, Poll, Waker};

use embassy_net::udp::{UdpMetadata, UdpSocket};
use embedded_nal::nb;
use groupcast::multicast::Interface;
use heapless::Vec;

use crate::error::Error;

/// Groups that a socket can join.
const GROUPS: usize = 4;

/// A socket of an [`EmbassyStack`](crate::EmbassyStack).
///
/// Close it with the stack's `close`: dropping it keeps its place, its port and its groups.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[must_use]
pub struct Socket {
    pub(crate) place: usize,
    /// The number that the place had when the socket was opened.
    pub(crate) number: u32,
}

/// Where a datagram was sent to, and where it came from.
pub(crate) type Route = (SocketAddr, SocketAddr);

/// The place of a socket, open or free.
pub(crate) struct Slot<'d> {
    /// Which opening of a socket this is, 0 if the place is free.
    pub(crate) number: u32,
    pub(crate) port: Option<u16>,
    /// Where a connected socket sends to, and the only one it receives from.
    pub(crate) peer: Option<SocketAddr>,
    /// Where `send` goes to.
    pub(crate) remote: Option<SocketAddr>,
    pub(crate) groups: Vec<(IpAddr, Interface), GROUPS>,
    /// The hop limit of datagrams to groups.
    pub(crate) hop_limit: u8,
    /// Receives.
    pub(crate) ear: UdpSocket<'d>,
}

impl<'d> Slot<'d> {
    pub(crate) const fn new(ear: UdpSocket<'d>) -> Self {
        Self {
            number: 0,
            port: None,
            peer: None,
            remote: None,
            groups: Vec::new(),
            hop_limit: 1,
            ear,
        }
    }

    /// Frees the place, and what waits in it.
    pub(crate) fn close(&mut self) {
        self.number = 0;
        self.port = None;
        self.peer = None;
        self.remote = None;
        self.groups.clear();
        self.hop_limit = 1;
        self.ear.close();
    }

    pub(crate) fn has_joined(&self, group: IpAddr) -> bool {
        self.groups.iter().any(|(joined, _)| *joined == group)
    }

    /// Takes the datagram that has waited longest: its length, where it was sent to, its source. `None` if it was for
    /// a group that this socket has not joined, or not from the connected peer.
    pub(crate) fn receive(
        &mut self,
        buffer: &mut [u8],
    ) -> nb::Result<Option<(usize, SocketAddr, SocketAddr)>, Error> {
        // Otherwise the task's waker would be replaced.
        if !self.ear.may_recv() {
            return Err(nb::Error::WouldBlock);
        }
        let port = self.port.ok_or(Error::NotBound)?;
        let (peer, groups) = (self.peer, &self.groups);
        let received = pin!(self.ear.recv_from_with(|payload, meta| {
            let (to, from) = route(&meta, port)?;
            let is_joined = groups.iter().any(|(joined, _)| *joined == to.ip());
            if (to.ip().is_multicast() && !is_joined) || peer.is_some_and(|peer| peer != from) {
                return None;
            }
            let (length, room) = (payload.len(), buffer.len());
            let Some(target) = buffer.get_mut(..length) else {
                return Some(Err(Error::Truncated { length, room }));
            };
            target.copy_from_slice(payload);
            Some(Ok((length, to, from)))
        }))
        .poll(&mut Context::from_waker(Waker::noop()));
        match received {
            Poll::Ready(received) => Ok(received.transpose()?),
            Poll::Pending => Err(nb::Error::WouldBlock),
        }
    }
}

fn route(meta: &UdpMetadata, port: u16) -> Option<Route> {
    let to = SocketAddr::new(IpAddr::from(meta.local_address?), port);
    Some((to, SocketAddr::from(meta.endpoint)))
}
