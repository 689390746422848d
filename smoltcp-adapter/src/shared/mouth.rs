//! The way out: two UDP sockets of smoltcp that hold one datagram each.
//!
//! A datagram to a group goes to the device at once, or not at all. One to a single host may have to
//! wait until the host's hardware address is known, and must not hold up the others meanwhile:
//! smoltcp keeps such a datagram, and all behind it in its socket, until the host answers, which a
//! host that is gone never does. So it waits in a socket of its own, with what follows for the same
//! host, not for long, and gives way to what is for another host.

use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use super::smoltcp::iface::{SocketHandle, SocketSet};
use super::smoltcp::phy::Device;
use super::smoltcp::socket::{Socket, udp};
use super::smoltcp::storage::PacketBuffer;
use embedded_nal::nb;
use groupcast::Instant;

use super::family;
use super::link::Link;
use super::memory::Known;
use crate::error::Error;

/// How long datagrams wait for their host to answer: three requests, a second apart.
const PATIENCE: Duration = Duration::from_secs(3);

/// The hop limit of datagrams that are not to a group.
const HOST_HOPS: u8 = 64;

/// From which port a datagram goes, and where to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way {
    pub(crate) port: u16,
    pub(crate) to: SocketAddr,
    /// The hop limit if it is to a group, at least 1.
    pub(crate) hop_limit: u8,
}

/// The sockets that send.
pub(crate) struct Mouth<'a> {
    group: SocketHandle,
    host: SocketHandle,
    /// The host whose answer is waited for, and since when.
    waits_for: Option<(IpAddr, Instant)>,
    /// What follows for that host.
    waiting: PacketBuffer<'a, Known<Way>>,
    /// Datagrams given up because their host did not answer.
    pub(crate) unanswered: u32,
}

impl<'a> Mouth<'a> {
    pub(crate) fn new(
        sockets: &mut SocketSet<'a>,
        group: udp::PacketBuffer<'a>,
        host: udp::PacketBuffer<'a>,
        waiting: PacketBuffer<'a, Known<Way>>,
    ) -> Self {
        let mut add = |buffer| {
            // What is received takes the other way in.
            let nothing = udp::PacketBuffer::new(&mut [][..], &mut [][..]);
            sockets.add(udp::Socket::new(nothing, buffer))
        };
        Self {
            group: add(group),
            host: add(host),
            waits_for: None,
            waiting,
            unanswered: 0,
        }
    }

    /// Sends a datagram, or lets it wait for its host to answer.
    pub(crate) fn send<D: Device>(
        &mut self,
        link: &mut Link<'_, D>,
        way: Way,
        payload: &[u8],
    ) -> nb::Result<(), Error> {
        let to = way.to.ip();
        if !family::is_known(to) {
            return Err(Error::NoIpv6.into());
        }
        let at_once = to.is_multicast() || link.is_broadcast(to);
        let possible = way.to.port() != 0 && link.source_for(to).is_some();
        if !possible || !(at_once || link.reaches(to)) {
            return Err(Error::NoRoute(way.to).into());
        }
        if !link.has_room() {
            return Err(nb::Error::WouldBlock);
        }
        if at_once {
            let gone = put(link, self.group, way, payload)?;
            link.sockets.get_mut::<udp::Socket<'_>>(self.group).close();
            // If not, something else took the device's room.
            return if gone {
                Ok(())
            } else {
                Err(nb::Error::WouldBlock)
            };
        }
        match self.waits_for {
            Some((host, _)) if host == to => {
                self.follow(way, payload);
                return Ok(());
            }
            Some(_) => self.give_up(link),
            None => {}
        }
        if !put(link, self.host, way, payload)? {
            self.waits_for = Some((to, link.now));
        }
        Ok(())
    }

    /// Queues a datagram behind another one to the same host.
    fn follow(&mut self, way: Way, payload: &[u8]) {
        let room = self.waiting.enqueue(payload.len(), Known::This(way)).ok();
        match room.and_then(|room| room.get_mut(..payload.len())) {
            Some(target) => target.copy_from_slice(payload),
            None => self.unanswered = self.unanswered.saturating_add(1),
        }
    }

    /// Looks after what waits for a host: sends on when it has answered, gives up when it is too late.
    pub(crate) fn check<D: Device>(&mut self, link: &mut Link<'_, D>) {
        while let Some((_, since)) = self.waits_for {
            if !has_gone(link, self.host) {
                if link.now.since(since) >= PATIENCE {
                    self.give_up(link);
                }
                return;
            }
            let Ok((Known::This(way), payload)) = self.waiting.dequeue() else {
                self.waits_for = None;
                return;
            };
            let _ = put(link, self.host, way, payload);
        }
    }

    /// Drops what waits.
    fn give_up<D>(&mut self, link: &mut Link<'_, D>) {
        self.waits_for = None;
        let mut dropped = u32::from(!has_gone(link, self.host));
        while self.waiting.dequeue().is_ok() {
            dropped = dropped.saturating_add(1);
        }
        self.unanswered = self.unanswered.saturating_add(dropped);
        // smoltcp remembers of a place which host it waits for, and would hold back what is for another.
        // A socket that is removed and added is free of that.
        if let Socket::Udp(mut socket) = link.sockets.remove(self.host) {
            socket.close();
            self.host = link.sockets.add(socket);
        }
    }
}

/// Puts a datagram into a socket, in place of what is there, and lets smoltcp send it. Whether it has
/// gone.
fn put<D: Device>(
    link: &mut Link<'_, D>,
    handle: SocketHandle,
    way: Way,
    payload: &[u8],
) -> Result<bool, Error> {
    let to = way.to.ip();
    let hop_limit = if to.is_multicast() {
        way.hop_limit.max(1)
    } else {
        HOST_HOPS
    };
    let socket = link.sockets.get_mut::<udp::Socket<'_>>(handle);
    // The source port of a socket can only be changed by closing it.
    socket.close();
    socket.set_hop_limit(Some(hop_limit));
    let remote = family::endpoint(way.to).ok_or(Error::NoIpv6)?;
    let sent = socket.bind(way.port).is_ok() && socket.send_slice(payload, remote).is_ok();
    if !sent {
        return Err(Error::NoRoute(way.to));
    }
    link.send();
    Ok(has_gone(link, handle))
}

/// Whether the datagram in a socket, which has room for one, has gone.
fn has_gone<D>(link: &mut Link<'_, D>, handle: SocketHandle) -> bool {
    link.sockets.get_mut::<udp::Socket<'_>>(handle).can_send()
}
