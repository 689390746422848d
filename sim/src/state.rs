//! The network's state, and the road of a datagram through it: sent, carried, arrived.

use core::cmp::Reverse;
use core::net::{IpAddr, SocketAddr};
use std::collections::BinaryHeap;
use std::rc::Rc;

use embedded_nal::nb;
use groupcast::Instant;

use crate::error::SimError;
use crate::host::{Host, HostId};
use crate::link::Link;
use crate::path::{Passage, Path, Trip, largest_payload};
use crate::random::Random;
use crate::socket::{Groups, Socket};
use crate::trace::{Datagram, Trace, TraceEvent};

/// Everything that a network is.
pub(crate) struct State {
    pub(crate) seed: u64,
    pub(crate) now: Instant,
    pub(crate) link: Link,
    /// The link of each host to itself, if there is one.
    pub(crate) loopback: Option<Link>,
    pub(crate) receive_queue: usize,
    pub(crate) send_refusal: f64,
    pub(crate) hosts: Vec<Host>,
    /// By sender, then by receiver; as far as they were used.
    pub(crate) paths: Vec<Vec<Path>>,
    pub(crate) groups: Groups,
    pub(crate) underway: BinaryHeap<Reverse<Copy>>,
    /// Copies that ever were in `underway`.
    scheduled: u64,
    /// Hosts that something arrived at, each once.
    pub(crate) ready: Vec<HostId>,
    pub(crate) trace: Trace,
    /// Told of every datagram that is sent.
    pub(crate) observer: Option<Observer>,
}

/// Told of every datagram that is sent: from which host, and its bytes.
pub(crate) type Observer = Box<dyn FnMut(HostId, &[u8])>;

/// A copy on its way. Those that arrive at the same time do so in the order they were sent.
pub(crate) struct Copy {
    pub(crate) at: Instant,
    order: u64,
    to: HostId,
    datagram: Rc<Datagram>,
}

impl Copy {
    const fn key(&self) -> (Instant, u64) {
        (self.at, self.order)
    }
}

impl PartialEq for Copy {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Copy {}

impl PartialOrd for Copy {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Copy {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

impl State {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            seed,
            now: Instant::ZERO,
            link: Link::perfect(),
            loopback: Some(Link::perfect()),
            receive_queue: 256,
            send_refusal: 0.0,
            hosts: Vec::new(),
            paths: Vec::new(),
            groups: Groups::default(),
            underway: BinaryHeap::new(),
            scheduled: 0,
            ready: Vec::new(),
            trace: Trace::default(),
            observer: None,
        }
    }

    /// Panics if the host is one of another network.
    #[track_caller]
    pub(crate) fn host(&mut self, host: HostId) -> &mut Host {
        self.hosts
            .get_mut(host.index())
            .expect("the host belongs to another network")
    }

    /// The directed link between two hosts.
    #[track_caller]
    pub(crate) fn path(&mut self, from: HostId, to: HostId) -> &mut Path {
        let count = self.hosts.len();
        assert!(
            from.index().max(to.index()) < count,
            "the host belongs to another network"
        );
        if self.paths.len() < count {
            self.paths.resize_with(count, Vec::new);
        }
        let paths = &mut self.paths[from.index()];
        if paths.len() <= to.index() {
            paths.resize_with(to.index() + 1, Path::default);
        }
        &mut paths[to.index()]
    }

    /// Sends a datagram of a bound socket.
    pub(crate) fn send(
        &mut self,
        from: HostId,
        socket: u32,
        remote: SocketAddr,
        payload: &[u8],
    ) -> nb::Result<(), SimError> {
        let host = &mut self.hosts[from.index()];
        let socket = &host.sockets[&socket];
        let (port, loops, hop_limit) = (socket.port, socket.loops, socket.hop_limit);
        let port = port.ok_or(SimError::NotBound)?;
        if host.down {
            return Err(SimError::HostDown.into());
        }
        let destination = SocketAddr::new(remote.ip().to_canonical(), remote.port());
        let (source, only) = route(from, destination).ok_or(SimError::NoRoute(remote))?;
        let limit = largest_payload(self.link.mtu, destination.ip());
        if payload.len() > limit {
            return Err(SimError::MessageTooLong {
                length: payload.len(),
                limit,
            }
            .into());
        }
        host.attempts += 1;
        let mut random = Random::new(self.seed, [u64::from(from.number()), 0, host.attempts]);
        let shared = random.fraction();
        let refused = random.chance(self.send_refusal);
        let datagram = Rc::new(Datagram::new(
            SocketAddr::new(source, port),
            destination,
            payload,
        ));
        if refused {
            self.trace
                .note(self.now, TraceEvent::Refused, &datagram, None);
            return Err(nb::Error::WouldBlock);
        }
        self.trace.note(self.now, TraceEvent::Sent, &datagram, None);
        if let Some(observer) = &mut self.observer {
            observer(from, payload);
        }
        self.spread(from, only, shared, &datagram, |is_self| {
            if is_self { loops } else { hop_limit > 0 }
        });
        Ok(())
    }

    /// Sends a datagram from a host under any source address, past its sockets.
    pub(crate) fn forge(&mut self, from: HostId, datagram: Datagram) {
        let host = self.host(from);
        if host.down {
            return;
        }
        host.attempts += 1;
        let luck = [u64::from(from.number()), 0, host.attempts];
        let shared = Random::new(self.seed, luck).fraction();
        let Some((_, only)) = route(from, datagram.destination) else {
            return;
        };
        let datagram = Rc::new(datagram);
        self.trace
            .note(self.now, TraceEvent::Forged, &datagram, None);
        self.spread(from, only, shared, &datagram, |is_self| !is_self);
    }

    /// Puts a datagram on its way: to one host, or to all that are members of its group and `wanted`,
    /// which is asked whether it is the sending host.
    fn spread(
        &mut self,
        from: HostId,
        only: Option<HostId>,
        shared: f64,
        datagram: &Rc<Datagram>,
        wanted: impl Fn(bool) -> bool,
    ) {
        if let Some(to) = only {
            if to.index() < self.hosts.len() {
                self.dispatch(from, to, shared, datagram);
            }
            return;
        }
        let destination = datagram.destination;
        for &to in self
            .groups
            .hosts(destination.ip(), destination.port())
            .iter()
        {
            if wanted(to == from) {
                self.dispatch(from, to, shared, datagram);
            }
        }
    }

    /// Puts the copy for one host on its way.
    fn dispatch(&mut self, from: HostId, to: HostId, shared: f64, datagram: &Rc<Datagram>) {
        let general = if from == to {
            self.loopback
        } else {
            Some(self.link)
        };
        let trip = Trip {
            seed: self.seed,
            now: self.now,
            from,
            to,
            shared,
        };
        let path = self.path(from, to);
        let Some(link) = path.link.as_deref().copied().or(general) else {
            return;
        };
        let fate = path.carry(&link, &trip, datagram);
        self.trace.counters.copies += 1;
        match fate {
            Err(end) => self.trace.note(self.now, end, datagram, Some(to)),
            Ok((first, second)) => {
                self.schedule(to, first, datagram);
                if let Some(second) = second {
                    self.trace
                        .note(self.now, TraceEvent::Duplicated, datagram, Some(to));
                    self.schedule(to, second, datagram);
                }
            }
        }
    }

    fn schedule(&mut self, to: HostId, passage: Passage, datagram: &Rc<Datagram>) {
        let datagram = passage.damaged.unwrap_or_else(|| Rc::clone(datagram));
        if passage.truncated {
            self.trace
                .note(self.now, TraceEvent::Truncated, &datagram, Some(to));
        }
        if passage.corrupted {
            self.trace
                .note(self.now, TraceEvent::Corrupted, &datagram, Some(to));
        }
        if passage.at <= self.now {
            self.arrive(to, &datagram);
        } else {
            let copy = Copy {
                at: passage.at,
                order: self.scheduled,
                to,
                datagram,
            };
            self.scheduled += 1;
            self.underway.push(Reverse(copy));
        }
    }

    /// Lets time pass and everything arrive that is due until then.
    pub(crate) fn advance_to(&mut self, time: Instant) {
        while let Some(Reverse(copy)) = self.underway.peek()
            && copy.at <= time
            && let Some(Reverse(copy)) = self.underway.pop()
        {
            self.now = copy.at;
            self.arrive(copy.to, &copy.datagram);
        }
        self.now = self.now.max(time);
    }

    /// Hands a copy to the sockets of its host.
    fn arrive(&mut self, to: HostId, datagram: &Rc<Datagram>) {
        let host = &mut self.hosts[to.index()];
        let mut note = |event| self.trace.note(self.now, event, datagram, Some(to));
        if host.down {
            return note(TraceEvent::Partitioned);
        }
        let everyone = datagram.destination.ip().is_multicast();
        let wanting = host
            .sockets
            .values_mut()
            .filter(|socket| socket.wants(datagram));
        let mut count = 0;
        let mut accept = |socket: &mut Socket| {
            count += 1;
            if socket.queue.len() < socket.room {
                socket.queue.push_back(Rc::clone(datagram));
                note(TraceEvent::Delivered);
            } else {
                note(TraceEvent::Overflowed);
            }
        };
        if everyone {
            wanting.for_each(&mut accept);
        } else {
            // Only one socket gets it: the connected one, or the latest of those that share a port.
            wanting
                .max_by_key(|socket| socket.peer.is_some())
                .into_iter()
                .for_each(&mut accept);
        }
        if count == 0 {
            return note(TraceEvent::Unclaimed);
        }
        self.trace.counters.fanned_out += count - 1;
        if !host.listed {
            host.listed = true;
            self.ready.push(to);
        }
    }
}

/// The source address to use, and the receiving host if it is one and not a group.
fn route(from: HostId, destination: SocketAddr) -> Option<(IpAddr, Option<HostId>)> {
    let ip = destination.ip();
    if destination.port() == 0 {
        None
    } else if ip.is_multicast() {
        Some((from.address_like(ip), None))
    } else if ip.is_loopback() {
        Some((ip, Some(from)))
    } else {
        HostId::from_address(ip).map(|to| (from.address_like(ip), Some(to)))
    }
}
