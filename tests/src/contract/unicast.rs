//! The part of the contract that needs no multicast.

use core::net::SocketAddr;

use embedded_nal::{UdpClientStack, UdpFullStack, nb};
use groupcast::multicast::UdpErrorKind;

use super::{Socket, assert_silent, bound, receive, receive_into, send_to};
use crate::rig::{Rig, kind};

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
