//! The network as its user sees it: hosts, links, partitions, time.

use core::cell::RefCell;
use core::fmt;
use core::net::SocketAddr;
use core::time::Duration;
use std::rc::Rc;

use groupcast::Instant;

use crate::host::{Host, HostId};
use crate::link::{Link, checked};
use crate::stack::SimStack;
use crate::state::State;
use crate::trace::{Datagram, NetworkCounters, TraceEntry};

/// A simulated network: a cheap handle, all clones of which mean the same network.
///
/// Time stands still until it is [advanced](Self::advance_to). A driver goes from arrival to
/// arrival and gives every host that something arrived at a chance to react:
///
/// ```
/// # use core::time::Duration;
/// # use groupcast_sim::Network;
/// # let network = Network::new(1);
/// # let end = network.now() + Duration::from_secs(1);
/// # let next_deadline = || end;
/// while network.now() < end {
///     let deadline = next_deadline().min(end);
///     network.advance_to(network.next_arrival().map_or(deadline, |at| at.min(deadline)));
///     for host in network.take_ready() {
///         // Poll the members on this host.
///     }
/// }
/// ```
///
/// # Panics
///
/// Methods that take a [`HostId`] panic if it is one of another network with more hosts.
#[derive(Clone)]
pub struct Network(Rc<RefCell<State>>);

impl Network {
    /// A network without hosts, with [perfect](Link::perfect) links, at time zero.
    ///
    /// The seed decides about all luck: the same calls with the same seed give the same run.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Rc::new(RefCell::new(State::new(seed))))
    }

    /// Sets the link between any two hosts that have none of their own.
    #[must_use]
    pub fn with_link(self, link: Link) -> Self {
        self.set_default_link(link);
        self
    }

    /// Sets the link from every host to itself. Default: a perfect one.
    ///
    /// With `None` hosts do not hear themselves, as with smoltcp: neither what a socket sends to
    /// groups nor what it sends to an address of its own host comes back, and it is not counted as
    /// a copy.
    #[must_use]
    pub fn with_loopback(self, link: Option<Link>) -> Self {
        self.0.borrow_mut().loopback = link;
        self
    }

    /// Sets how many datagrams wait in a socket at most. Default: 256.
    ///
    /// It concerns stacks made from now on. A datagram that finds the queue full is lost, and
    /// counted as [`overflowed`](NetworkCounters::overflowed).
    #[must_use]
    pub fn with_receive_queue(self, datagrams: usize) -> Self {
        self.0.borrow_mut().receive_queue = datagrams;
        self
    }

    /// Sets the probability that a stack cannot send just now: `WouldBlock`. Default: 0.
    ///
    /// # Panics
    ///
    /// Unless the probability is in `0.0..=1.0`.
    #[must_use]
    #[track_caller]
    pub fn with_send_refusal(self, probability: f64) -> Self {
        self.set_send_refusal(probability);
        self
    }

    /// Records every event from now on, with the bytes concerned, for [`take_trace`](Self::take_trace).
    #[must_use]
    pub fn with_recorded_trace(self) -> Self {
        self.record_trace();
        self
    }

    /// As [`with_recorded_trace`](Self::with_recorded_trace), on a network that is in use.
    pub fn record_trace(&self) {
        self.0.borrow_mut().trace.recorded.get_or_insert_default();
    }

    /// Adds a host.
    #[must_use]
    pub fn add_host(&self) -> HostId {
        let mut state = self.0.borrow_mut();
        let host = HostId::from_index(state.hosts.len());
        state.hosts.push(Host::default());
        host
    }

    /// How many hosts there are.
    #[must_use]
    pub fn host_count(&self) -> usize {
        self.0.borrow().hosts.len()
    }

    /// The UDP stack of a host. Every process of the host can have its own; they share the ports.
    #[must_use]
    #[track_caller]
    pub fn stack(&self, host: HostId) -> SimStack {
        let mut state = self.0.borrow_mut();
        state.host(host);
        SimStack::new(self.clone(), host, state.receive_queue)
    }

    /// The present virtual time.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.0.borrow().now
    }

    /// When the next copy on its way arrives; it is later than now.
    #[must_use]
    pub fn next_arrival(&self) -> Option<Instant> {
        self.0.borrow().underway.peek().map(|copy| copy.0.at)
    }

    /// Lets time pass until `time`, and everything arrive that is due until then, in order.
    ///
    /// Time never runs backwards: an earlier time changes nothing. Nobody reacts meanwhile, so go no
    /// further than [`next_arrival`](Self::next_arrival) if somebody should.
    pub fn advance_to(&self, time: Instant) {
        self.0.borrow_mut().advance_to(time);
    }

    /// Lets time pass, as [`advance_to`](Self::advance_to).
    pub fn advance_by(&self, interval: Duration) {
        self.advance_to(self.now() + interval);
    }

    /// The hosts that a datagram was queued at since the last call, in the order of the first.
    #[must_use]
    pub fn take_ready(&self) -> Vec<HostId> {
        let mut state = self.0.borrow_mut();
        let ready = core::mem::take(&mut state.ready);
        for host in &ready {
            state.host(*host).listed = false;
        }
        ready
    }

    /// Whether a datagram waits in any socket of the host.
    #[must_use]
    #[track_caller]
    pub fn is_ready(&self, host: HostId) -> bool {
        let mut state = self.0.borrow_mut();
        state
            .host(host)
            .sockets
            .values()
            .any(|socket| !socket.queue.is_empty())
    }

    /// Changes the link between any two hosts that have none of their own.
    ///
    /// As every change of a link it concerns what is sent from now on, not what is on its way.
    pub fn set_default_link(&self, link: Link) {
        self.0.borrow_mut().link = link;
    }

    /// Sets the link in one direction between two hosts, or of a host to itself.
    #[track_caller]
    pub fn set_link(&self, from: HostId, to: HostId, link: Link) {
        self.0.borrow_mut().path(from, to).link = Some(Box::new(link));
    }

    /// Sets the link between each host of one site and each of the other, in both directions. Links within a site stay
    /// as they are.
    ///
    /// ```
    /// use core::time::Duration;
    /// use groupcast::{Channel, Config};
    /// use groupcast_sim::{Link, SimNet};
    ///
    /// const NEWS: Channel = Channel::reliable_ordered(1);
    /// let config = Config::new("239.1.2.3:12345".parse().unwrap());
    ///
    /// // Two members in one place, and one 100 ms away.
    /// let mut net = SimNet::new(1).with_link(Link::lan());
    /// let [ana, ben, cho] = ["ana", "ben", "cho"].map(|name| net.join(config.with_name(name)));
    /// let [a, b, c] = [ana, ben, cho].map(|key| net[key].host());
    /// let between = Link::lan().with_delay(Duration::from_millis(100));
    /// net.network().set_link_between(&[a, b], &[c], between);
    /// net.run_for(Duration::from_secs(2));
    ///
    /// net[ana].send(NEWS, b"hello").unwrap();
    /// net.run_for(Duration::from_millis(50));
    /// assert_eq!(net[ben].last(NEWS), Some(&b"hello"[..]));
    /// assert_eq!(net[cho].last(NEWS), None);
    /// net.run_for(Duration::from_millis(100));
    /// assert_eq!(net[cho].last(NEWS), Some(&b"hello"[..]));
    /// ```
    #[track_caller]
    pub fn set_link_between(&self, one: &[HostId], other: &[HostId], link: Link) {
        for a in one {
            for b in other {
                self.set_link(*a, *b, link);
                self.set_link(*b, *a, link);
            }
        }
    }

    /// Undoes [`set_link`](Self::set_link).
    #[track_caller]
    pub fn reset_link(&self, from: HostId, to: HostId) {
        self.0.borrow_mut().path(from, to).link = None;
    }

    /// Lets nothing pass in one direction. What is on its way arrives.
    #[track_caller]
    pub fn block(&self, from: HostId, to: HostId) {
        self.0.borrow_mut().path(from, to).blocked = true;
    }

    /// Undoes [`block`](Self::block) for one direction.
    #[track_caller]
    pub fn unblock(&self, from: HostId, to: HostId) {
        self.0.borrow_mut().path(from, to).blocked = false;
    }

    /// Lets nothing pass between the hosts of one side and those of the other, in both directions.
    ///
    /// A host on both sides still hears itself. Hosts on neither side reach everyone.
    #[track_caller]
    pub fn partition(&self, one: &[HostId], other: &[HostId]) {
        for a in one {
            for b in other.iter().filter(|b| *b != a) {
                self.block(*a, *b);
                self.block(*b, *a);
            }
        }
    }

    /// Undoes every [`partition`](Self::partition) and [`block`](Self::block). Hosts that are down
    /// stay down, and links keep their settings.
    pub fn heal(&self) {
        for path in self.0.borrow_mut().paths.iter_mut().flatten() {
            path.blocked = false;
        }
    }

    /// Takes a host off the network, itself included, or brings it back.
    ///
    /// While it is down, sending fails with
    /// [`NoRoute`](groupcast::multicast::UdpErrorKind::NoRoute) and what arrives is dropped. Its
    /// sockets keep their ports, their groups and what waits in them. For a crash, drop the sockets.
    #[track_caller]
    pub fn set_host_up(&self, host: HostId, up: bool) {
        self.0.borrow_mut().host(host).down = !up;
    }

    /// Changes what [`with_send_refusal`](Self::with_send_refusal) sets.
    ///
    /// # Panics
    ///
    /// Unless the probability is in `0.0..=1.0`.
    #[track_caller]
    pub fn set_send_refusal(&self, probability: f64) {
        self.0.borrow_mut().send_refusal = checked(probability);
    }

    /// Sends a datagram from `host` under any source address, as whoever has a raw socket can: to a
    /// group or to one address. It needs no socket and no membership, and takes the host's links.
    ///
    /// To a destination that no datagram can have, or while the host is down, nothing is sent.
    ///
    /// ```
    /// # use core::time::Duration;
    /// # use groupcast::{Config, OwnedEvent};
    /// # use groupcast_sim::SimNet;
    /// let group = "239.1.2.3:12345".parse().unwrap();
    /// let mut net = SimNet::new(7);
    /// let panel = net.join(Config::new(group).with_name("panel"));
    /// let stranger = net.network().add_host();
    /// net.run_for(Duration::from_secs(1));
    ///
    /// // Not a datagram of this protocol, under somebody else's address.
    /// let source = "10.0.0.99:4000".parse().unwrap();
    /// net.network().forge(stranger, source, group, b"hello");
    /// net.run_for(Duration::from_secs(1));
    /// assert!(matches!(net[panel].events().last(), Some(OwnedEvent::Raw(raw)) if raw.address == source));
    /// ```
    #[track_caller]
    pub fn forge(&self, host: HostId, source: SocketAddr, destination: SocketAddr, payload: &[u8]) {
        let datagram = Datagram::new(source, destination, payload);
        self.0.borrow_mut().forge(host, datagram);
    }

    /// What happened so far, in numbers.
    #[must_use]
    pub fn counters(&self) -> NetworkCounters {
        let state = self.0.borrow();
        NetworkCounters {
            in_flight: state.underway.len() as u64,
            ..state.trace.counters
        }
    }

    /// Tells `observer` of every datagram that is sent from now on: the host it comes from, and its
    /// bytes. It replaces the one before.
    ///
    /// It is called in the midst of sending, so it must not use the network itself.
    ///
    /// ```
    /// # use core::time::Duration;
    /// # use groupcast::Config;
    /// # use groupcast_sim::SimNet;
    /// use std::cell::Cell;
    /// use std::rc::Rc;
    ///
    /// let mut net = SimNet::new(7);
    /// let bytes = Rc::new(Cell::new(0));
    /// let seen = Rc::clone(&bytes);
    /// net.network().set_observer(move |_, datagram| seen.set(seen.get() + datagram.len()));
    ///
    /// net.join(Config::new("239.1.2.3:12345".parse().unwrap()));
    /// net.run_for(Duration::from_secs(60));
    /// // What a member costs that says nothing: a HELLO every few seconds.
    /// assert!((1..6_000).contains(&bytes.get()));
    /// ```
    pub fn set_observer(&self, observer: impl FnMut(HostId, &[u8]) + 'static) {
        self.0.borrow_mut().observer = Some(Box::new(observer));
    }

    /// A hash over every event so far: what, when, from whom, to whom, and the bytes.
    ///
    /// Two runs with equal hashes went the same way. It is the same on every platform.
    #[must_use]
    pub fn trace_hash(&self) -> u64 {
        self.0.borrow().trace.hash()
    }

    /// Takes the events recorded since the last call; none unless
    /// [`with_recorded_trace`](Self::with_recorded_trace) was called.
    #[must_use]
    pub fn take_trace(&self) -> Vec<TraceEntry> {
        let mut state = self.0.borrow_mut();
        state
            .trace
            .recorded
            .as_mut()
            .map(core::mem::take)
            .unwrap_or_default()
    }

    /// The state, for the stack's calls.
    pub(crate) fn state(&self) -> core::cell::RefMut<'_, State> {
        self.0.borrow_mut()
    }

    /// Whether this is the same network.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }

    /// Closes a socket that is being dropped.
    pub(crate) fn close(&self, host: HostId, number: u32) {
        // The state is borrowed here only while a panic inside of it unwinds.
        let Ok(mut state) = self.0.try_borrow_mut() else {
            return;
        };
        let Some(socket) = state.host(host).sockets.remove(&number) else {
            return;
        };
        if let Some(port) = socket.port {
            for (group, _) in socket.groups {
                state.left(host, port, group);
            }
        }
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network").finish_non_exhaustive()
    }
}
