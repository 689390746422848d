//! A leaf on a stack: its sockets, and an application that it runs.

use core::cell::RefCell;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;
use std::collections::VecDeque;
use std::rc::Rc;

use groupcast::embedded_nal::{UdpClientStack, UdpFullStack, nb};
use groupcast::multicast::{Interface, UdpError, UdpErrorKind, UdpMulticast};
use groupcast::{
    Application, Board, ConfigError, Endpoint, Error, Event, Instant, LeafNode, MemberId, Node,
    SendError,
};

use crate::hub::{COMMAND, LOOSE, ORDERED, VALUE, address, config, group_address, ms};

#[derive(Clone, Copy, Debug)]
struct Failure(UdpErrorKind);

impl core::fmt::Display for Failure {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl core::error::Error for Failure {}

impl UdpError for Failure {
    fn kind(&self) -> UdpErrorKind {
        self.0
    }
}

/// A socket: whose it is, its port, whether it joined the group, and what waits in it.
#[derive(Debug, Default)]
struct Place {
    host: usize,
    port: u16,
    joined: bool,
    open: bool,
    waiting: VecDeque<(SocketAddr, Vec<u8>)>,
}

/// A network of several hosts.
#[derive(Clone, Debug, Default)]
struct Net(Rc<RefCell<Vec<Place>>>);

#[derive(Debug)]
struct Stack {
    net: Net,
    host: usize,
    /// What it answers instead of doing it.
    no_room: bool,
    refuses: Option<UdpErrorKind>,
    sockets: usize,
}

impl Net {
    fn stack(&self, host: usize) -> Stack {
        Stack {
            net: self.clone(),
            host,
            no_room: false,
            refuses: None,
            sockets: usize::MAX,
        }
    }

    fn open(&self) -> usize {
        self.0.borrow().iter().filter(|place| place.open).count()
    }
}

impl UdpClientStack for Stack {
    type UdpSocket = usize;
    type Error = Failure;

    fn socket(&mut self) -> Result<usize, Failure> {
        let mut places = self.net.0.borrow_mut();
        self.sockets = self
            .sockets
            .checked_sub(1)
            .ok_or(Failure(UdpErrorKind::Other))?;
        places.push(Place {
            host: self.host,
            open: true,
            ..Place::default()
        });
        Ok(places.len() - 1)
    }

    fn connect(&mut self, _: &mut usize, _: SocketAddr) -> Result<(), Failure> {
        Err(Failure(UdpErrorKind::Unsupported))
    }

    fn send(&mut self, _: &mut usize, _: &[u8]) -> nb::Result<(), Failure> {
        Err(nb::Error::Other(Failure(UdpErrorKind::Unsupported)))
    }

    fn receive(
        &mut self,
        socket: &mut usize,
        buffer: &mut [u8],
    ) -> nb::Result<(usize, SocketAddr), Failure> {
        let mut places = self.net.0.borrow_mut();
        let waiting = places[*socket].waiting.pop_front();
        let (from, octets) = waiting.ok_or(nb::Error::WouldBlock)?;
        let place = buffer.get_mut(..octets.len());
        let place = place.ok_or(nb::Error::Other(Failure(UdpErrorKind::Truncated)))?;
        place.copy_from_slice(&octets);
        Ok((octets.len(), from))
    }

    fn close(&mut self, socket: usize) -> Result<(), Failure> {
        self.net.0.borrow_mut()[socket].open = false;
        Ok(())
    }
}

impl UdpFullStack for Stack {
    fn bind(&mut self, socket: &mut usize, port: u16) -> Result<(), Failure> {
        let port = if port == 0 { 40_000 } else { port };
        self.net.0.borrow_mut()[*socket].port = port;
        Ok(())
    }

    fn send_to(
        &mut self,
        socket: &mut usize,
        to: SocketAddr,
        octets: &[u8],
    ) -> nb::Result<(), Failure> {
        if self.no_room {
            return Err(nb::Error::WouldBlock);
        }
        if let Some(kind) = self.refuses {
            return Err(nb::Error::Other(Failure(kind)));
        }
        let mut places = self.net.0.borrow_mut();
        let mut from = address(self.host);
        from.set_port(places[*socket].port);
        for place in places.iter_mut().filter(|place| place.open) {
            let mut here = address(place.host);
            here.set_port(place.port);
            if here == to || (to == group_address() && place.joined) {
                place.waiting.push_back((from, octets.to_vec()));
            }
        }
        Ok(())
    }
}

impl UdpMulticast for Stack {
    fn join_multicast(
        &mut self,
        socket: &mut usize,
        _: IpAddr,
        _: Interface,
    ) -> Result<(), Failure> {
        self.net.0.borrow_mut()[*socket].joined = true;
        Ok(())
    }

    fn leave_multicast(
        &mut self,
        socket: &mut usize,
        _: IpAddr,
        _: Interface,
    ) -> Result<(), Failure> {
        self.net.0.borrow_mut()[*socket].joined = false;
        Ok(())
    }
}

type Desktop = Node<Stack, &'static mut Board>;

fn leaf(net: &Net) -> LeafNode<Stack> {
    LeafNode::new(net.stack(0), config("leaf"), [1; 32]).unwrap()
}

fn desktop(net: &Net) -> Desktop {
    Node::new(
        net.stack(1),
        Box::leak(Box::new(Board::new())),
        config("ana"),
        [2; 32],
    )
    .unwrap()
}

fn poll(node: &mut Desktop, now: Instant, log: &mut Vec<String>) {
    while let Some(event) = node.poll(now).unwrap() {
        log.push(event.to_string());
    }
}

#[test]
fn on_a_stack_it_joins_talks_hears_and_leaves() {
    let net = Net::default();
    let (mut leaf, mut ana) = (leaf(&net), desktop(&net));
    assert_eq!(net.open(), 4);
    let (mut told, mut heard) = (vec![], vec![]);
    for at in 0..3_000 {
        let now = ms(at);
        if at == 1_000 {
            leaf.queue(now, VALUE, b"21").unwrap();
            leaf.queue_raw(now, b"raw").unwrap();
            assert_eq!(leaf.unsent(), 2);
            ana.queue(now, COMMAND, b"open").unwrap();
        }
        if at == 2_000 {
            leaf.leave(now);
        }
        while let Some(event) = leaf.poll(now).unwrap() {
            heard.push(event.to_string());
        }
        assert!(leaf.next_deadline().is_none_or(|due| due > now));
        poll(&mut ana, now, &mut told);
    }
    let id = ana.id();
    assert_eq!(heard, [format!("{id}: open")]);
    assert_eq!(
        told,
        [
            "leaf joined",
            "leaf: 21",
            "10.0.0.1:40000 (raw): raw",
            "leaf left"
        ]
    );
    assert!(leaf.has_left() && leaf.leaf().counters().own > 0);
    leaf.close().unwrap();
    assert_eq!(net.open(), 2);
}

#[test]
fn one_that_only_sends_has_one_socket() {
    let net = Net::default();
    let mut leaf: LeafNode<Stack, 512, 0> =
        LeafNode::new(net.stack(0), config("leaf"), [1; 32]).unwrap();
    assert_eq!(net.open(), 1);
    assert!(leaf.parts().1.is_none());
    leaf.queue(ms(5), VALUE, b"21").unwrap();
    assert!(leaf.poll(ms(5)).unwrap().is_none());
    let mut ana = desktop(&net);
    let mut told = vec![];
    for at in (10..3_000).step_by(10) {
        leaf.poll(ms(at)).unwrap();
        poll(&mut ana, ms(at), &mut told);
    }
    // The value came with a heartbeat, before the next HELLO.
    assert!(
        told.len() == 2 && told.contains(&"leaf joined".to_string()),
        "{told:?}"
    );
}

#[test]
fn as_long_as_there_is_no_room_it_waits_and_then_it_goes_on() {
    let net = Net::default();
    let mut leaf = leaf(&net);
    leaf.poll(ms(0)).unwrap();
    // What has no room waits, and so does the rest.
    let mut stack = net.stack(1);
    let mut other = stack.socket().unwrap();
    set_room(&mut leaf, false);
    leaf.queue(ms(500), LOOSE, b"one").unwrap();
    assert!(!leaf.flush(ms(500)));
    assert_eq!(leaf.unsent(), 1);
    assert_eq!(
        leaf.next_deadline(),
        Some(ms(500) + Duration::from_millis(1))
    );
    stack.send_to(&mut other, group_address(), b"raw").unwrap();
    assert!(leaf.poll(ms(550)).unwrap().is_none());
    set_room(&mut leaf, true);
    assert!(matches!(leaf.poll(ms(560)).unwrap(), Some(Event::Raw(_))));
    assert_eq!(leaf.leaf().counters().send_failures, 0);
    while leaf.poll(ms(600)).unwrap().is_some() {}
    // After 100 ms it is lost, and what came is heard.
    set_room(&mut leaf, false);
    leaf.queue(ms(700), LOOSE, b"two").unwrap();
    stack.send_to(&mut other, group_address(), b"raw").unwrap();
    assert!(leaf.poll(ms(700)).unwrap().is_none());
    assert!(matches!(leaf.poll(ms(800)).unwrap(), Some(Event::Raw(_))));
    assert_eq!(leaf.leaf().counters().send_failures, 1);
}

fn set_room(leaf: &mut LeafNode<Stack>, room: bool) {
    leaf.parts().0.no_room = !room;
}

#[test]
fn what_the_stack_reports_is_returned_once_and_the_node_goes_on() {
    let net = Net::default();
    let mut leaf = leaf(&net);
    leaf.parts().0.refuses = Some(UdpErrorKind::NoRoute);
    leaf.queue(ms(10), LOOSE, b"lost").unwrap();
    assert!(leaf.poll(ms(10)).is_err());
    assert!(leaf.poll(ms(10)).unwrap().is_none());
    leaf.parts().0.refuses = Some(UdpErrorKind::Transient);
    leaf.queue(ms(20), LOOSE, b"lost").unwrap();
    assert!(leaf.poll(ms(20)).unwrap().is_none());
    assert_eq!(leaf.leaf().counters().send_failures, 2);
    // A datagram that is too large is counted.
    let mut stack = net.stack(1);
    let mut other = stack.socket().unwrap();
    stack
        .send_to(&mut other, group_address(), &[7; 600])
        .unwrap();
    assert!(leaf.poll(ms(30)).unwrap().is_none());
    assert_eq!(leaf.leaf().counters().oversized, 1);
}

#[test]
fn what_cannot_be_opened_gives_the_stack_back() {
    let net = Net::default();
    for sockets in [0, 1] {
        let mut stack = net.stack(0);
        stack.sockets = sockets;
        let failed = LeafNode::<_, 512, 4, 256>::new(stack, config("leaf"), [1; 32]).unwrap_err();
        assert!(matches!(failed.error, Error::Stack(_)));
        assert_eq!(failed.parts.host, 0);
        assert_eq!(net.open(), 0);
    }
    let failed = LeafNode::<_, 512, 4, 256>::new(net.stack(3), config("leaf"), [0; 32]);
    let failed = failed.unwrap_err();
    assert!(matches!(
        failed.error,
        Error::Config(ConfigError::SeedIsZero)
    ));
    assert_eq!(failed.parts.host, 3);
}

/// Answers each command by State with a value, and leaves when it is told to.
#[derive(Default)]
struct Valve {
    state: Option<Vec<u8>>,
    ends: bool,
    seen: usize,
}

impl Application for Valve {
    fn on_event(&mut self, _: Instant, event: &Event<'_>) {
        if let Event::Message(message) = event {
            self.ends = message.payload() == b"end";
            self.state = Some(message.payload().to_vec());
        }
    }

    fn act(&mut self, now: Instant, endpoint: &mut impl Endpoint) -> Option<Instant> {
        self.seen += endpoint.peers().count();
        if let Some(state) = self.state.take() {
            let number = endpoint.queue(VALUE, &state).unwrap();
            assert_eq!(endpoint.confirm(number), Err(SendError::NotReliable));
            assert!(!endpoint.lacks(MemberId::new(7).unwrap()));
            assert!(endpoint.unsent() == 1 && endpoint.max_message(VALUE.class()) > 100);
            assert!(endpoint.queue(ORDERED, b"x").is_err());
        }
        if self.ends {
            endpoint.leave();
        }
        let _ = (
            endpoint.id(),
            endpoint.session(),
            endpoint.counters().received,
        );
        Some(now + Duration::from_millis(50))
    }
}

#[test]
fn an_application_runs_on_it_as_on_a_node() {
    let net = Net::default();
    let (mut leaf, mut ana) = (leaf(&net), desktop(&net));
    let (mut valve, mut told) = (Valve::default(), vec![]);
    let mut ended = None;
    for at in 0..4_000 {
        let now = ms(at);
        match at {
            1_000 => drop(ana.queue(now, COMMAND, b"open").unwrap()),
            2_000 => drop(ana.queue(now, COMMAND, b"end").unwrap()),
            _ => {}
        }
        let wake = leaf.run(now, &mut valve).unwrap();
        if wake.is_none() {
            ended = ended.or(Some(at));
        }
        poll(&mut ana, now, &mut told);
    }
    assert_eq!(
        told,
        ["leaf joined", "leaf: open", "leaf: end", "leaf left"]
    );
    assert_eq!(valve.seen, 0);
    assert!(
        ended.is_some_and(|at| (2_200..2_300).contains(&at)),
        "{ended:?}"
    );
}
