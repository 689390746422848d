//! The contract of `groupcast::multicast`, one function for each promise.
//!
//! Every function makes its own rig and panics when the stack breaks the promise. The macros
//! [`unicast_contract!`](crate::unicast_contract) and
//! [`multicast_contract!`](crate::multicast_contract) turn all of them into tests.

use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use embedded_nal::{UdpClientStack, UdpFullStack, nb};
use groupcast::multicast::{Interface, UdpErrorKind, UdpMulticast, UdpMulticastSend};

use crate::rig::{Rig, kind};

/// How long something that must come may take. On a busy machine it is seconds.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long to look for something that must not come, after something sent later has come.
const SILENCE: Duration = Duration::from_millis(20);

type Socket<R> = <<R as Rig>::Stack as UdpClientStack>::UdpSocket;

/// Receives one datagram and its source.
fn receive<R: Rig>(
    rig: &mut R,
    stack: &mut R::Stack,
    socket: &mut Socket<R>,
) -> (Vec<u8>, SocketAddr) {
    let mut buffer = vec![0; 70_000];
    let (length, source) = receive_into(rig, stack, socket, &mut buffer).expect("a datagram");
    buffer.truncate(length);
    (buffer, source)
}

/// Receives into `buffer`; the kind of the error if that fails.
fn receive_into<R: Rig>(
    rig: &mut R,
    stack: &mut R::Stack,
    socket: &mut Socket<R>,
    buffer: &mut [u8],
) -> Result<(usize, SocketAddr), UdpErrorKind> {
    let step = Duration::from_millis(100);
    let start = std::time::Instant::now();
    // A simulated network waits in no time, so its patience is counted in steps.
    let mut steps = 0;
    loop {
        match stack.receive(socket, buffer) {
            Ok(received) => return Ok(received),
            Err(error) => match kind(&error) {
                Some(kind) => return Err(kind),
                None => assert!(
                    steps < 100 || start.elapsed() < PATIENCE,
                    "nothing was received within {PATIENCE:?}"
                ),
            },
        }
        steps += 1;
        rig.wait(stack, socket, step);
    }
}

fn assert_silent<R: Rig>(rig: &mut R, stack: &mut R::Stack, socket: &mut Socket<R>) {
    rig.wait(stack, socket, SILENCE);
    match stack.receive(socket, &mut [0; 2048]) {
        Err(nb::Error::WouldBlock) => {}
        Ok((length, source)) => panic!("received {length} bytes from {source}, not silence"),
        Err(nb::Error::Other(error)) => panic!("received {error:?}, not silence"),
    }
}

fn send_to<R: Rig>(stack: &mut R::Stack, socket: &mut Socket<R>, to: SocketAddr, bytes: &[u8]) {
    nb::block!(stack.send_to(socket, to, bytes)).expect("sending works");
}

fn bound<R: Rig>(stack: &mut R::Stack, port: u16) -> Socket<R> {
    let mut socket = stack.socket().expect("a socket");
    stack.bind(&mut socket, port).expect("binding works");
    socket
}

/// A socket bound to the place's port that joined `group`.
fn member<R: Rig<Stack: UdpMulticast>>(rig: &R, stack: &mut R::Stack, group: IpAddr) -> Socket<R> {
    let mut socket = bound::<R>(stack, rig.place().port);
    stack
        .join_multicast(&mut socket, group, Interface::Default)
        .expect("joining works");
    socket
}

fn group_address<R: Rig>(rig: &R) -> SocketAddr {
    SocketAddr::new(rig.place().group, rig.place().port)
}

fn other_address<R: Rig>(rig: &R) -> SocketAddr {
    SocketAddr::new(rig.place().other_group, rig.place().port)
}

/// A receiver on the place's port, its address, and a sender on a free port.
struct Pair<R: Rig> {
    receiver: R::Stack,
    ear: Socket<R>,
    at: SocketAddr,
    sender: R::Stack,
    mouth: Socket<R>,
}

impl<R: Rig> Pair<R> {
    fn new(rig: &mut R) -> Self {
        let (mut receiver, mut sender) = (rig.stack(), rig.stack());
        let ear = bound::<R>(&mut receiver, rig.place().port);
        let mouth = bound::<R>(&mut sender, 0);
        let at = SocketAddr::new(rig.address(&receiver), rig.place().port);
        Self {
            receiver,
            ear,
            at,
            sender,
            mouth,
        }
    }

    fn send(&mut self, bytes: &[u8]) {
        send_to::<R>(&mut self.sender, &mut self.mouth, self.at, bytes);
    }

    fn receive(&mut self, rig: &mut R) -> (Vec<u8>, SocketAddr) {
        receive(rig, &mut self.receiver, &mut self.ear)
    }
}

/// Promise 1: with nothing waiting, `receive` would block.
pub fn nothing_to_receive_would_block<R: Rig>() {
    let mut rig = R::new();
    let mut pair = Pair::new(&mut rig);
    for _ in 0..3 {
        let received = pair.receiver.receive(&mut pair.ear, &mut [0; 16]);
        assert!(
            matches!(received, Err(nb::Error::WouldBlock)),
            "{received:?}"
        );
    }
}

/// A datagram arrives, and its source can be answered.
pub fn a_datagram_goes_there_and_an_answer_comes_back<R: Rig>() {
    let mut rig = R::new();
    let mut pair = Pair::new(&mut rig);
    pair.send(b"question");
    let (question, from) = pair.receive(&mut rig);
    assert_eq!(question, b"question");
    send_to::<R>(&mut pair.receiver, &mut pair.ear, from, b"answer");
    let (answer, from) = receive(&mut rig, &mut pair.sender, &mut pair.mouth);
    assert_eq!(answer, b"answer");
    assert_eq!(from.port(), pair.at.port());
    assert_eq!(from.ip().to_canonical(), pair.at.ip());
}

/// Promise 5: an empty datagram is a datagram.
pub fn an_empty_datagram_is_a_datagram<R: Rig>() {
    let mut rig = R::new();
    let mut pair = Pair::new(&mut rig);
    pair.send(b"");
    pair.send(b"next");
    assert_eq!(pair.receive(&mut rig).0, b"");
    assert_eq!(pair.receive(&mut rig).0, b"next");
}

/// Promise 3: a datagram larger than the buffer is an error, and is consumed; one that fits exactly
/// is whole.
pub fn truncation_is_an_error_and_consumes_the_datagram<R: Rig>() {
    let mut rig = R::new();
    let mut pair = Pair::new(&mut rig);
    pair.send(b"twelve bytes");
    pair.send(b"twelve bytes");
    pair.send(b"next");
    let mut buffer = [0; 12];
    let cut = receive_into(
        &mut rig,
        &mut pair.receiver,
        &mut pair.ear,
        &mut buffer[..11],
    );
    if R::TELLS_TRUNCATION {
        assert_eq!(cut, Err(UdpErrorKind::Truncated));
    } else {
        assert!(
            matches!(cut, Ok((11, _))),
            "it used to truncate in silence: {cut:?}"
        );
    }
    let whole = receive_into(&mut rig, &mut pair.receiver, &mut pair.ear, &mut buffer);
    assert!(matches!(whole, Ok((12, _))), "{whole:?}");
    assert_eq!(pair.receive(&mut rig).0, b"next");
}

/// Promise 3, at its edge: no buffer at all.
pub fn an_empty_buffer_truncates_too<R: Rig>() {
    let mut rig = R::new();
    let mut pair = Pair::new(&mut rig);
    pair.send(b"lost");
    pair.send(b"");
    let cut = receive_into(&mut rig, &mut pair.receiver, &mut pair.ear, &mut []);
    if R::TELLS_TRUNCATION {
        assert_eq!(cut, Err(UdpErrorKind::Truncated));
    } else {
        assert!(
            matches!(cut, Ok((0, _))),
            "it used to truncate in silence: {cut:?}"
        );
    }
    let empty = receive_into(&mut rig, &mut pair.receiver, &mut pair.ear, &mut []);
    assert!(matches!(empty, Ok((0, _))), "{empty:?}");
}

/// Promise 4: an IPv4 source is an IPv4 address.
pub fn an_ipv4_source_is_never_mapped<R: Rig>() {
    let mut rig = R::new();
    let mut pair = Pair::new(&mut rig);
    pair.send(b"who?");
    let source = pair.receive(&mut rig).1.ip();
    assert_eq!(source.to_canonical(), rig.address(&pair.sender));
    let mapped = source != source.to_canonical();
    assert_eq!(mapped, !R::CANONICAL_SOURCES, "{source}");
}

/// Promise 6: a datagram that is too large is refused, and the socket goes on.
pub fn an_error_does_not_poison_the_socket<R: Rig>() {
    let mut rig = R::new();
    let mut pair = Pair::new(&mut rig);
    let huge = vec![0; 70_000];
    let refused = pair.sender.send_to(&mut pair.mouth, pair.at, &huge);
    let refused = refused.expect_err("70,000 bytes fit no datagram");
    if R::TELLS_TRUNCATION {
        assert_eq!(kind(&refused), Some(UdpErrorKind::MessageTooLong));
    }
    pair.send(b"still here");
    assert_eq!(pair.receive(&mut rig).0, b"still here");
}

/// Promise 6: an ICMP answer to an earlier datagram is no error.
pub fn a_closed_port_at_the_peer_is_no_error<R: Rig>() {
    let mut rig = R::new();
    let mut pair = Pair::new(&mut rig);
    let closed = SocketAddr::new(pair.at.ip(), 9);
    for _ in 0..3 {
        send_to::<R>(&mut pair.sender, &mut pair.mouth, closed, b"anybody?");
        assert_silent(&mut rig, &mut pair.sender, &mut pair.mouth);
    }
    pair.send(b"on we go");
    assert_eq!(pair.receive(&mut rig).0, b"on we go");
}

/// Datagrams arrive whole up to the largest size.
pub fn the_largest_datagram_arrives_whole<R: Rig>() {
    let mut rig = R::new();
    let mut pair = Pair::new(&mut rig);
    for size in [1, 1472, rig.largest()] {
        let pattern = |i: usize| u8::try_from(i % 251).unwrap_or(0);
        let datagram: Vec<u8> = (0..size).map(pattern).collect();
        pair.send(&datagram);
        assert_eq!(pair.receive(&mut rig).0, datagram, "{size} bytes");
    }
}

/// Promise 7: port 0 is a free port, another one for every socket.
pub fn port_zero_is_a_free_port_for_each_socket<R: Rig>() {
    let mut rig = R::new();
    let mut pair = Pair::new(&mut rig);
    let mut ports = Vec::new();
    let mut sockets = Vec::new();
    for _ in 0..8 {
        let mut socket = bound::<R>(&mut pair.sender, 0);
        send_to::<R>(&mut pair.sender, &mut socket, pair.at, b"hello");
        ports.push(pair.receive(&mut rig).1.port());
        sockets.push(socket);
    }
    assert!(!ports.contains(&0));
    ports.sort_unstable();
    ports.dedup();
    assert_eq!(ports.len(), sockets.len(), "every socket has its own port");
}

/// Promise 7: other ports are shared.
pub fn a_port_can_be_shared<R: Rig>() {
    let mut rig = R::new();
    let mut stack = rig.stack();
    let _first = bound::<R>(&mut stack, rig.place().port);
    let mut second = stack.socket().expect("a socket");
    let shared = stack.bind(&mut second, rig.place().port);
    assert_eq!(shared.is_ok(), R::SHARES_PORTS, "{shared:?}");
}

/// Every member hears the group, whoever else shares the port, and the sender too.
pub fn every_member_hears_the_group<R: Rig<Stack: UdpMulticast>>() {
    let mut rig = R::new();
    let (mut here, mut there) = (rig.stack(), rig.stack());
    let group = rig.place().group;
    let mut first = member(&rig, &mut here, group);
    let mut second = member(&rig, &mut here, group);
    let mut third = member(&rig, &mut there, group);
    let mut mouth = bound::<R>(&mut here, 0);
    send_to::<R>(&mut here, &mut mouth, group_address(&rig), b"all");
    for (stack, socket) in [(&mut here, &mut first), (&mut there, &mut third)] {
        let (datagram, from) = receive(&mut rig, stack, socket);
        assert_eq!(datagram, b"all");
        assert!(
            from.ip().is_ipv4() && from.port() != rig.place().port,
            "{from}"
        );
    }
    assert_eq!(receive(&mut rig, &mut here, &mut second).0, b"all");
}

/// The source of a datagram to a group is where its sender is reached, at the port it was sent from.
pub fn the_source_of_a_group_datagram_can_be_answered<R: Rig<Stack: UdpMulticast>>() {
    let mut rig = R::new();
    let (mut here, mut there) = (rig.stack(), rig.stack());
    let mut ear = member(&rig, &mut there, rig.place().group);
    let mut mouth = bound::<R>(&mut here, 0);
    let mut answerer = bound::<R>(&mut there, 0);
    send_to::<R>(&mut here, &mut mouth, group_address(&rig), b"question");
    let (_, from) = receive(&mut rig, &mut there, &mut ear);
    assert_eq!(from.ip(), rig.address(&here));
    send_to::<R>(&mut there, &mut answerer, from, b"answer");
    assert_eq!(receive(&mut rig, &mut here, &mut mouth).0, b"answer");
}

/// Promise 2: two sockets on one port in two groups hear their own group only.
pub fn a_group_that_was_not_joined_is_not_heard<R: Rig<Stack: UdpMulticast>>() {
    let mut rig = R::new();
    let mut stack = rig.stack();
    let place = rig.place();
    let mut one = member(&rig, &mut stack, place.group);
    let mut other = member(&rig, &mut stack, place.other_group);
    let mut none = bound::<R>(&mut stack, place.port);
    let mut mouth = bound::<R>(&mut stack, 0);
    send_to::<R>(&mut stack, &mut mouth, group_address(&rig), b"to one");
    send_to::<R>(&mut stack, &mut mouth, other_address(&rig), b"to other");
    assert_eq!(receive(&mut rig, &mut stack, &mut one).0, b"to one");
    assert_eq!(receive(&mut rig, &mut stack, &mut other).0, b"to other");
    assert_silent(&mut rig, &mut stack, &mut one);
    assert_silent(&mut rig, &mut stack, &mut other);
    assert_silent(&mut rig, &mut stack, &mut none);
}

/// A socket in two groups hears both, and after leaving one the other.
pub fn a_socket_can_be_in_two_groups<R: Rig<Stack: UdpMulticast>>() {
    let mut rig = R::new();
    let mut stack = rig.stack();
    let place = rig.place();
    let mut ear = member(&rig, &mut stack, place.group);
    stack
        .join_multicast(&mut ear, place.other_group, Interface::Default)
        .expect("joining works");
    let mut mouth = bound::<R>(&mut stack, 0);
    // A stack may bind a socket to the group it was made for; then that is all it hears.
    send_to::<R>(&mut stack, &mut mouth, group_address(&rig), b"to one");
    assert_eq!(receive(&mut rig, &mut stack, &mut ear).0, b"to one");
    send_to::<R>(&mut stack, &mut mouth, other_address(&rig), b"to other");
    assert_eq!(receive(&mut rig, &mut stack, &mut ear).0, b"to other");
    stack
        .leave_multicast(&mut ear, place.group, Interface::Default)
        .expect("leaving works");
    send_to::<R>(&mut stack, &mut mouth, group_address(&rig), b"to one");
    send_to::<R>(&mut stack, &mut mouth, other_address(&rig), b"to other");
    assert_eq!(receive(&mut rig, &mut stack, &mut ear).0, b"to other");
    assert_silent(&mut rig, &mut stack, &mut ear);
}

/// Joining twice is joining once: one leave undoes it, and each datagram comes once.
pub fn joining_twice_is_joining_once<R: Rig<Stack: UdpMulticast>>() {
    let mut rig = R::new();
    let mut stack = rig.stack();
    let group = rig.place().group;
    let mut ear = member(&rig, &mut stack, group);
    stack
        .join_multicast(&mut ear, group, Interface::Default)
        .expect("joining again works");
    let mut mouth = bound::<R>(&mut stack, 0);
    send_to::<R>(&mut stack, &mut mouth, group_address(&rig), b"once");
    assert_eq!(receive(&mut rig, &mut stack, &mut ear).0, b"once");
    assert_silent(&mut rig, &mut stack, &mut ear);
    stack
        .leave_multicast(&mut ear, group, Interface::Default)
        .expect("leaving works");
    send_to::<R>(&mut stack, &mut mouth, group_address(&rig), b"gone");
    assert_silent(&mut rig, &mut stack, &mut ear);
    stack
        .leave_multicast(&mut ear, group, Interface::Default)
        .expect("leaving again works");
}

/// Leaving stops delivery to the socket that left, and to no other; joining again resumes it.
pub fn leaving_concerns_one_socket<R: Rig<Stack: UdpMulticast>>() {
    let mut rig = R::new();
    let mut stack = rig.stack();
    let group = rig.place().group;
    let mut leaver = member(&rig, &mut stack, group);
    let mut stayer = member(&rig, &mut stack, group);
    let mut mouth = bound::<R>(&mut stack, 0);
    stack
        .leave_multicast(&mut leaver, group, Interface::Default)
        .expect("leaving works");
    send_to::<R>(
        &mut stack,
        &mut mouth,
        group_address(&rig),
        b"for those who stay",
    );
    assert_eq!(
        receive(&mut rig, &mut stack, &mut stayer).0,
        b"for those who stay"
    );
    assert_silent(&mut rig, &mut stack, &mut leaver);
    stack
        .join_multicast(&mut leaver, group, Interface::Default)
        .expect("joining works");
    send_to::<R>(&mut stack, &mut mouth, group_address(&rig), b"for all");
    assert_eq!(receive(&mut rig, &mut stack, &mut leaver).0, b"for all");
}

/// Promise 8: closing leaves. A socket that is opened on the same port is in no group.
pub fn closing_leaves_the_group<R: Rig<Stack: UdpMulticast>>() {
    let mut rig = R::new();
    let mut stack = rig.stack();
    let group = rig.place().group;
    let closed = member(&rig, &mut stack, group);
    stack.close(closed).expect("closing works");
    let mut fresh = bound::<R>(&mut stack, rig.place().port);
    let mut stayer = member(&rig, &mut stack, group);
    let mut mouth = bound::<R>(&mut stack, 0);
    send_to::<R>(&mut stack, &mut mouth, group_address(&rig), b"hello");
    assert_eq!(receive(&mut rig, &mut stack, &mut stayer).0, b"hello");
    assert_silent(&mut rig, &mut stack, &mut fresh);
}

/// Only a group of the socket's family can be joined, and an error leaves the socket usable.
pub fn only_a_group_can_be_joined<R: Rig<Stack: UdpMulticast>>() {
    let mut rig = R::new();
    let mut stack = rig.stack();
    let group = rig.place().group;
    let mut ear = bound::<R>(&mut stack, rig.place().port);
    let other_family = (!R::BOTH_FAMILIES).then_some("ff02::1234");
    for wrong in ["192.0.2.1", "255.255.255.255", "fd00::1"]
        .into_iter()
        .chain(other_family)
    {
        let joined = stack.join_multicast(
            &mut ear,
            wrong.parse().expect("an address"),
            Interface::Default,
        );
        let error = nb::Error::Other(joined.expect_err(wrong));
        assert_eq!(kind(&error), Some(UdpErrorKind::Unsupported), "{wrong}");
    }
    let nowhere = Interface::Address("192.0.2.254".parse().expect("an address"));
    let joined = stack.join_multicast(&mut ear, group, nowhere);
    let error = nb::Error::Other(joined.expect_err("no interface has this address"));
    assert_eq!(kind(&error), Some(UdpErrorKind::NoInterface));
    stack
        .join_multicast(&mut ear, group, Interface::Default)
        .expect("joining works");
    let mut mouth = bound::<R>(&mut stack, 0);
    send_to::<R>(&mut stack, &mut mouth, group_address(&rig), b"fine");
    assert_eq!(receive(&mut rig, &mut stack, &mut ear).0, b"fine");
}

/// An interface can be named by its address, for joining and for sending.
pub fn an_interface_can_be_named_by_its_address<R: Rig<Stack: UdpMulticast + UdpMulticastSend>>() {
    let mut rig = R::new();
    let mut stack = rig.stack();
    let group = rig.place().group;
    let interface = Interface::Address(rig.address(&stack));
    let mut ear = bound::<R>(&mut stack, rig.place().port);
    stack
        .join_multicast(&mut ear, group, interface)
        .expect("joining works");
    let mut mouth = bound::<R>(&mut stack, 0);
    stack
        .set_multicast_interface(&mut mouth, interface)
        .expect("there is such an interface");
    stack
        .set_multicast_hops(&mut mouth, 3)
        .expect("3 hops are possible");
    stack
        .set_multicast_loop(&mut mouth, true)
        .expect("looping is possible");
    send_to::<R>(&mut stack, &mut mouth, group_address(&rig), b"by address");
    assert_eq!(receive(&mut rig, &mut stack, &mut ear).0, b"by address");
    // The same interface by its other name is another membership, and leaving it ends only that.
    stack
        .join_multicast(&mut ear, group, Interface::Default)
        .expect("joining works");
    stack
        .leave_multicast(&mut ear, group, interface)
        .expect("leaving works");
    send_to::<R>(&mut stack, &mut mouth, group_address(&rig), b"still in");
    assert_eq!(receive(&mut rig, &mut stack, &mut ear).0, b"still in");
}

/// Makes tests of the part of the contract that needs no multicast.
#[macro_export]
macro_rules! unicast_contract {
    ($rig:ty) => {
        $crate::contract_tests! { $rig:
            nothing_to_receive_would_block
            a_datagram_goes_there_and_an_answer_comes_back
            an_empty_datagram_is_a_datagram
            truncation_is_an_error_and_consumes_the_datagram
            an_empty_buffer_truncates_too
            an_ipv4_source_is_never_mapped
            an_error_does_not_poison_the_socket
            a_closed_port_at_the_peer_is_no_error
            the_largest_datagram_arrives_whole
            port_zero_is_a_free_port_for_each_socket
            a_port_can_be_shared
        }
    };
}

/// Makes tests of the part of the contract that is about groups.
#[macro_export]
macro_rules! multicast_contract {
    ($rig:ty) => {
        $crate::contract_tests! { $rig:
            every_member_hears_the_group
            the_source_of_a_group_datagram_can_be_answered
            a_group_that_was_not_joined_is_not_heard
            a_socket_can_be_in_two_groups
            joining_twice_is_joining_once
            leaving_concerns_one_socket
            closing_leaves_the_group
            only_a_group_can_be_joined
            an_interface_can_be_named_by_its_address
        }
    };
}

/// Makes a test of each named function of this module.
#[doc(hidden)]
#[macro_export]
macro_rules! contract_tests {
    ($rig:ty: $($promise:ident)*) => {
        $(
            #[test]
            fn $promise() {
                $crate::contract::$promise::<$rig>();
            }
        )*
    };
}
