//! A socket: what it is bound to, what it has joined, what waits in it.

use core::net::{IpAddr, SocketAddr};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use groupcast::multicast::Interface;

use crate::host::HostId;
use crate::network::Network;
use crate::trace::Datagram;

/// A socket of a [`SimStack`](crate::SimStack).
///
/// Dropping it closes it, so that a member which is dropped is gone from its host, too.
#[derive(Debug)]
pub struct SimSocket {
    pub(crate) network: Network,
    pub(crate) host: HostId,
    pub(crate) number: u32,
}

impl Drop for SimSocket {
    fn drop(&mut self) {
        self.network.close(self.host, self.number);
    }
}

/// The state of a socket.
pub(crate) struct Socket {
    pub(crate) port: Option<u16>,
    /// Where a connected socket receives from.
    pub(crate) peer: Option<SocketAddr>,
    /// Where `send` goes to.
    pub(crate) remote: Option<SocketAddr>,
    pub(crate) groups: Vec<(IpAddr, Interface)>,
    /// Members on this host receive what it sends to groups.
    pub(crate) loops: bool,
    pub(crate) hop_limit: u8,
    pub(crate) queue: VecDeque<Rc<Datagram>>,
    /// Datagrams that the queue holds at most.
    pub(crate) room: usize,
}

impl Socket {
    /// Whether it receives what is sent to this group.
    pub(crate) fn has_joined(&self, group: IpAddr) -> bool {
        self.groups.iter().any(|(joined, _)| *joined == group)
    }

    pub(crate) const fn new(room: usize) -> Self {
        Self {
            port: None,
            peer: None,
            remote: None,
            groups: Vec::new(),
            loops: true,
            hop_limit: 1,
            queue: VecDeque::new(),
            room,
        }
    }

    /// Whether the datagram is for this socket; among those it may be for if it is to one address.
    pub(crate) fn wants(&self, datagram: &Datagram) -> bool {
        let group = datagram.destination.ip();
        self.port == Some(datagram.destination.port())
            && self.peer.is_none_or(|peer| peer == datagram.source)
            && (!group.is_multicast() || self.has_joined(group))
    }
}

/// Which hosts have a member of a group on a port, in ascending order.
#[derive(Default)]
pub(crate) struct Groups(BTreeMap<(IpAddr, u16), Rc<Vec<HostId>>>);

impl Groups {
    /// The hosts with a member. Shared, so that a sender can go through it without a copy.
    pub(crate) fn hosts(&self, group: IpAddr, port: u16) -> Rc<Vec<HostId>> {
        self.0.get(&(group, port)).cloned().unwrap_or_default()
    }

    /// Notes whether a host has any member of the group.
    pub(crate) fn set(&mut self, group: IpAddr, port: u16, host: HostId, member: bool) {
        let hosts = Rc::make_mut(self.0.entry((group, port)).or_default());
        match (hosts.binary_search(&host), member) {
            (Err(place), true) => hosts.insert(place, host),
            (Ok(place), false) => _ = hosts.remove(place),
            _ => {}
        }
    }
}
