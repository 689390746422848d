//! What a stack does, with exclusive access to all of its parts.
//!
//! ```text
//! device → smoltcp → ear → queues of sockets → receive
//! send_to → mouth → smoltcp → device
//!     └───▶ queues of sockets on this host
//! ```

use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use super::smoltcp::phy::Device;
use embedded_nal::nb;
use groupcast::Instant;
use heapless::Vec;

use super::ear::{Datagram, Ear};
use super::group::Groups;
use super::link::Link;
use super::mouth::{Mouth, Way};
use super::slot::Slot;
use crate::error::Error;
use crate::socket::Socket;

/// Frames that one call takes from the device, so that a flood does not keep it for ever.
const FRAMES_PER_CALL: u32 = 32;

/// When to try again what the device, or smoltcp's table of groups, had no room for.
const RETRY: Duration = Duration::from_millis(100);

/// How long a datagram waits for room in a socket, and all behind it in the device.
const HOLD: Duration = Duration::from_millis(20);

/// The first of the ports that `bind` to port 0 picks from (RFC 6335 §6).
const FIRST_FREE_PORT: u16 = 49152;

/// A stack without its shell.
pub(crate) struct Inner<'a, D, const SOCKETS: usize> {
    pub(crate) link: Link<'a, D>,
    pub(crate) groups: Groups,
    pub(crate) mouth: Mouth<'a>,
    pub(crate) ear: Ear,
    pub(crate) slots: Vec<Slot<'a>, SOCKETS>,
    /// Whether sockets start with multicast loopback.
    pub(crate) loops: bool,
    /// Whether the device itself returns what it sends.
    pub(crate) device_loops: bool,
    /// Since when the datagram that has arrived waits for room in a socket.
    pub(crate) held_since: Option<Instant>,
    /// Whether the device may have more frames.
    pub(crate) unfinished: bool,
    /// Datagrams for which a socket had no room.
    pub(crate) no_room: u32,
    /// How many sockets were opened.
    pub(crate) opened: u32,
    /// The port that was picked last.
    pub(crate) last_port: u16,
}

impl<'a, D: Device, const SOCKETS: usize> Inner<'a, D, SOCKETS> {
    pub(crate) fn new(
        link: Link<'a, D>,
        ear: Ear,
        mouth: Mouth<'a>,
        slots: Vec<Slot<'a>, SOCKETS>,
    ) -> Self {
        Self {
            link,
            groups: Groups::default(),
            mouth,
            ear,
            slots,
            loops: true,
            device_loops: false,
            held_since: None,
            unfinished: false,
            no_room: 0,
            opened: 0,
            last_port: 0,
        }
    }

    pub(crate) fn poll(&mut self, now: Instant) {
        self.link.now = self.link.now.max(now);
        self.unfinished = self.receive_frames();
        if self
            .held_since
            .is_some_and(|since| self.link.now.since(since) >= HOLD)
        {
            self.drop_held();
        }
        self.link.maintain();
        self.settle();
        self.link.answers.polled(self.link.now, self.link.refused);
        self.mouth.check(&mut self.link);
    }

    /// Joins what can be joined now, and sends what waits.
    pub(crate) fn settle(&mut self) {
        self.groups.settle(&mut self.link);
        self.link.send();
    }

    /// When to poll again if nothing arrives before.
    pub(crate) fn due(&mut self) -> Option<Instant> {
        let now = self.link.now;
        if self.unfinished {
            return Some(now);
        }
        let waits = self.link.refused || self.groups.wait(&self.link);
        let retry = waits.then(|| now + RETRY);
        let all = [self.link.due(), self.link.answers.due(), retry];
        all.into_iter().flatten().min()
    }

    /// Takes frames from the device until it has no more, or a socket no room. Whether there may be
    /// more.
    pub(crate) fn receive_frames(&mut self) -> bool {
        for _ in 0..FRAMES_PER_CALL {
            if !self.distribute() {
                return true;
            }
            if !self.link.receive() {
                return false;
            }
        }
        self.distribute();
        true
    }

    /// Gives the datagram that has arrived to the sockets it is for; `false` if one has no room yet.
    fn distribute(&mut self) -> bool {
        let Self { ear, link, .. } = self;
        let Some(datagram) = ear.peek(link, self.device_loops) else {
            // What waited for room is gone, too, if the interface has lost the address it was for.
            self.forget_held();
            return true;
        };
        if self.held_since.is_none() {
            recipients(&mut self.slots, &datagram).for_each(|slot| slot.owed = true);
        }
        let mut complete = true;
        for slot in self.slots.iter_mut().filter(|slot| slot.owed) {
            let done = slot.push(&datagram);
            if done || slot.stuck {
                slot.owed = false;
                self.no_room = self.no_room.saturating_add(u32::from(!done));
            } else {
                complete = false;
            }
        }
        if complete {
            self.held_since = None;
            self.ear.drop_packet(&mut self.link);
        } else {
            self.held_since = self.held_since.or(Some(self.link.now));
        }
        complete
    }

    /// Nothing waits for room any more.
    fn forget_held(&mut self) {
        self.held_since = None;
        self.slots.iter_mut().for_each(|slot| slot.owed = false);
    }

    /// Gives up on the sockets that have no room for the datagram that has arrived. They hold up nothing
    /// until they are read again.
    fn drop_held(&mut self) {
        for slot in self.slots.iter_mut().filter(|slot| slot.owed) {
            slot.stuck = true;
            self.no_room = self.no_room.saturating_add(1);
        }
        self.forget_held();
        self.ear.drop_packet(&mut self.link);
        self.unfinished = true;
    }

    /// Gives what this host sends to its own sockets.
    fn deliver_here(&mut self, datagram: &Datagram<'_>) {
        for slot in recipients(&mut self.slots, datagram) {
            if !slot.push(datagram) {
                self.no_room = self.no_room.saturating_add(1);
            }
        }
    }

    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn send(
        &mut self,
        socket: &Socket,
        to: SocketAddr,
        payload: &[u8],
    ) -> nb::Result<(), Error> {
        let to = SocketAddr::new(to.ip().to_canonical(), to.port());
        if self.slot(socket)?.port.is_none() {
            self.bind(socket, 0)?;
        }
        let slot = self.slot(socket)?;
        let port = slot.port.ok_or(Error::NotBound)?;
        let (hop_limit, loops) = (slot.hop_limit, slot.loops);
        let to_group = to.ip().is_multicast();
        let to_self = !self.device_loops && self.link.is_own(to.ip());
        let (length, limit) = (payload.len(), self.link.largest(to.ip()));
        if length > limit {
            return Err(Error::MessageTooLong { length, limit }.into());
        }
        if !(to_self || (to_group && hop_limit == 0)) {
            let way = Way {
                port,
                to,
                hop_limit,
            };
            self.mouth.send(&mut self.link, way, payload)?;
        }
        self.slot(socket)?.remote = Some(to);
        if to_self || (to_group && loops && !self.device_loops) {
            let source = self.link.source_for(to.ip());
            let source = source.ok_or(Error::NoRoute(to))?;
            self.deliver_here(&Datagram {
                source: SocketAddr::new(source, port),
                destination: to,
                to_many: to_group,
                payload,
            });
        }
        Ok(())
    }

    pub(crate) fn receive(
        &mut self,
        socket: &Socket,
        buffer: &mut [u8],
    ) -> nb::Result<(usize, SocketAddr, SocketAddr), Error> {
        if let Some(received) = self.slot(socket)?.pop(buffer) {
            return Ok(received?);
        }
        // What had no room may have it now, and the device may have kept more.
        if self.unfinished {
            self.unfinished = self.receive_frames();
        }
        let received = self.slot(socket)?.pop(buffer);
        Ok(received.ok_or(nb::Error::WouldBlock)??)
    }

    pub(crate) fn open(&mut self) -> Result<Socket, Error> {
        let mut places = self.slots.iter_mut().enumerate();
        let (place, slot) = places
            .find(|(_, slot)| slot.number == 0)
            .ok_or(Error::NoFreeSocket)?;
        // 0 marks a free place.
        self.opened = self.opened.checked_add(1).unwrap_or(1);
        slot.open(self.opened, self.loops);
        let number = self.opened;
        Ok(Socket { place, number })
    }

    pub(crate) fn close(&mut self, socket: &Socket) -> Result<(), Error> {
        while let Some((group, _)) = self.slot(socket)?.groups.pop() {
            self.left(group);
        }
        self.slot(socket)?.close();
        Ok(())
    }

    /// After a socket has left a group: the interface leaves it, too, if no other socket is a member.
    pub(crate) fn left(&mut self, group: IpAddr) {
        if !self.slots.iter().any(|slot| slot.has_joined(group)) {
            self.groups.leave(&mut self.link, group);
        }
    }

    pub(crate) fn bind(&mut self, socket: &Socket, port: u16) -> Result<(), Error> {
        if let Some(port) = self.slot(socket)?.port {
            return Err(Error::AlreadyBound(port));
        }
        let port = if port == 0 { self.free_port() } else { port };
        self.slot(socket)?.port = Some(port);
        Ok(())
    }

    /// The next port that no socket has. There are always more ports than sockets.
    fn free_port(&mut self) -> u16 {
        for _ in FIRST_FREE_PORT..=u16::MAX {
            let next = self.last_port.checked_add(1).unwrap_or(FIRST_FREE_PORT);
            self.last_port = next.max(FIRST_FREE_PORT);
            let taken = |slot: &Slot<'_>| slot.port == Some(self.last_port);
            if !self.slots.iter().any(taken) {
                break;
            }
        }
        self.last_port
    }

    /// The place of an open socket.
    pub(crate) fn slot(&mut self, socket: &Socket) -> Result<&mut Slot<'a>, Error> {
        let slot = self.slots.get_mut(socket.place);
        slot.filter(|slot| slot.number == socket.number)
            .ok_or(Error::Closed)
    }
}

/// Which sockets a datagram is for: to a group all members, to everybody all on the port, to this host
/// one: the connected one, else the one opened last.
fn recipients<'s, 'a>(
    slots: &'s mut [Slot<'a>],
    datagram: &Datagram<'_>,
) -> impl Iterator<Item = &'s mut Slot<'a>> {
    let candidates = slots.iter().filter(|slot| slot.wants(datagram));
    let first = candidates.max_by_key(|slot| (slot.peer.is_some(), slot.number));
    let only = first.map(|slot| slot.number);
    slots
        .iter_mut()
        .filter(move |slot| slot.wants(datagram) && (datagram.to_many || only == Some(slot.number)))
}
