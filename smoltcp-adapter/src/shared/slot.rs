//! The place of a socket: what it is bound to, what it has joined, what waits in it.

use core::net::{IpAddr, SocketAddr};

use super::smoltcp::storage::PacketBuffer;
use super::smoltcp::wire::IpEndpoint;
use groupcast::multicast::Interface;
use heapless::Vec;

use super::ear::Datagram;
use super::family;
use super::memory::Known;
use crate::error::Error;

/// Groups that a socket can join.
const GROUPS: usize = 4;

/// Where a datagram came from and where it was sent to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Route {
    pub(crate) source: IpEndpoint,
    pub(crate) destination: IpEndpoint,
}

/// The place of a socket, open or free.
pub(crate) struct Slot<'a> {
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
    /// Whether members on this host receive what it sends to groups.
    pub(crate) loops: bool,
    /// The datagram that has arrived is for this socket, and has no room yet.
    pub(crate) owed: bool,
    /// Nobody reads; nothing waits for room here any more.
    pub(crate) stuck: bool,
    queue: PacketBuffer<'a, Known<Route>>,
}

impl<'a> Slot<'a> {
    pub(crate) const fn new(queue: PacketBuffer<'a, Known<Route>>) -> Self {
        Self {
            number: 0,
            port: None,
            peer: None,
            remote: None,
            groups: Vec::new(),
            hop_limit: 1,
            loops: true,
            owed: false,
            stuck: false,
            queue,
        }
    }

    /// Opens the place for a new socket.
    pub(crate) fn open(&mut self, number: u32, loops: bool) {
        self.number = number;
        self.port = None;
        self.peer = None;
        self.remote = None;
        self.groups.clear();
        self.hop_limit = 1;
        self.loops = loops;
        self.owed = false;
        self.stuck = false;
        while self.queue.dequeue().is_ok() {}
    }

    /// Frees the place.
    pub(crate) fn close(&mut self) {
        self.number = 0;
        self.port = None;
        self.owed = false;
        self.groups.clear();
    }

    pub(crate) fn has_joined(&self, group: IpAddr) -> bool {
        self.groups.iter().any(|(joined, _)| *joined == group)
    }

    /// Whether the datagram is for this socket; among those it may be for if it is to one address.
    pub(crate) fn wants(&self, datagram: &Datagram<'_>) -> bool {
        let to = datagram.destination;
        self.port == Some(to.port())
            && self.peer.is_none_or(|peer| peer == datagram.source)
            && (!to.ip().is_multicast() || self.has_joined(to.ip()))
    }

    /// Queues a datagram; `false` if there is no room.
    pub(crate) fn push(&mut self, datagram: &Datagram<'_>) -> bool {
        // Both are addresses that smoltcp told.
        let ends = [datagram.source, datagram.destination].map(family::endpoint);
        let [Some(source), Some(destination)] = ends else {
            return true;
        };
        let route = Route {
            source,
            destination,
        };
        let length = datagram.payload.len();
        let room = self.queue.enqueue(length, Known::This(route)).ok();
        let Some(target) = room.and_then(|room| room.get_mut(..length)) else {
            return false;
        };
        target.copy_from_slice(datagram.payload);
        true
    }

    /// Takes the datagram that has waited longest: its length, where it was sent to, its source.
    pub(crate) fn pop(
        &mut self,
        buffer: &mut [u8],
    ) -> Option<Result<(usize, SocketAddr, SocketAddr), Error>> {
        let (Known::This(route), payload) = self.queue.dequeue().ok()?;
        self.stuck = false;
        let (length, room) = (payload.len(), buffer.len());
        let Some(target) = buffer.get_mut(..length) else {
            return Some(Err(Error::Truncated { length, room }));
        };
        target.copy_from_slice(payload);
        let [to, from] = [route.destination, route.source].map(family::socket_address);
        Some(Ok((length, to, from)))
    }
}
