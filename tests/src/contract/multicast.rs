//! The part of the contract that is about groups.

use core::net::{IpAddr, SocketAddr};

use embedded_nal::{UdpClientStack, nb};
use groupcast::multicast::{
    Interface, UdpErrorKind, UdpMulticast, UdpMulticastSend, UdpReceiveLocal,
};

use super::{Socket, assert_silent, bound, receive, send_to};
use crate::rig::{Rig, kind};

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

/// Promise 9: segments arrive as datagrams and in order, and what is returned was sent.
pub fn segments_arrive_as_datagrams<R: Rig<Stack: UdpMulticast>>() {
    const SEGMENT: usize = 100;
    let mut rig = R::new();
    let (mut here, mut there) = (rig.stack(), rig.stack());
    let mut ear = member(&rig, &mut there, rig.place().group);
    let mut mouth = bound::<R>(&mut here, 0);
    // The last is shorter.
    for length in [SEGMENT, 2 * SEGMENT, 3 * SEGMENT + 7] {
        let octets: Vec<u8> = (0..length).map(|at| (at / SEGMENT + at) as u8).collect();
        let mut rest = octets.as_slice();
        while !rest.is_empty() {
            let to = group_address(&rig);
            let sent = nb::block!(here.send_segments(&mut mouth, to, rest, SEGMENT))
                .expect("sending works");
            assert!(
                sent == rest.len() || (sent > 0 && sent % SEGMENT == 0),
                "{sent} octets are not whole datagrams"
            );
            rest = rest.get(sent..).expect("no more than there was");
        }
        for datagram in octets.chunks(SEGMENT) {
            assert_eq!(receive(&mut rig, &mut there, &mut ear).0, datagram);
        }
    }
    assert_silent(&mut rig, &mut there, &mut ear);
}

/// Promise 9: an error concerns the first datagram, and the socket stays usable.
pub fn segments_that_cannot_be_sent_are_an_error<R: Rig<Stack: UdpMulticast>>() {
    let mut rig = R::new();
    let mut stack = rig.stack();
    let mut ear = member(&rig, &mut stack, rig.place().group);
    let mut mouth = bound::<R>(&mut stack, 0);
    let too_long = vec![0; 2 * 70_000];
    let to = group_address(&rig);
    let sent = nb::block!(stack.send_segments(&mut mouth, to, &too_long, 70_000));
    let error = nb::Error::Other(sent.expect_err("no datagram is so long"));
    assert_eq!(kind(&error), Some(UdpErrorKind::MessageTooLong));
    let sent = nb::block!(stack.send_segments(&mut mouth, to, b"nonono", 2));
    let mut sent = sent.expect("sending works");
    while sent < 6 {
        let rest = b"nonono".get(sent..).expect("no more than there was");
        sent += nb::block!(stack.send_segments(&mut mouth, to, rest, 2)).expect("sending works");
    }
    for _ in 0..3 {
        assert_eq!(receive(&mut rig, &mut stack, &mut ear).0, b"no");
    }
}

/// A datagram's local address is the group's, or the host's for one to this socket alone.
pub fn the_local_address_is_where_a_datagram_was_sent<
    R: Rig<Stack: UdpMulticast + UdpReceiveLocal>,
>() {
    let mut rig = R::new();
    let (mut here, mut there) = (rig.stack(), rig.stack());
    let mut ear = member(&rig, &mut there, rig.place().group);
    let mut mouth = bound::<R>(&mut here, 0);
    let mut answerer = bound::<R>(&mut there, 0);
    send_to::<R>(&mut here, &mut mouth, group_address(&rig), b"question");
    let (length, local, from) = receive_local(&mut rig, &mut there, &mut ear);
    assert_eq!((length, local), (8, group_address(&rig)));
    send_to::<R>(&mut there, &mut answerer, from, b"answer");
    let (length, local, _) = receive_local(&mut rig, &mut here, &mut mouth);
    assert_eq!((length, local), (6, from));
}

fn receive_local<R: Rig<Stack: UdpReceiveLocal>>(
    rig: &mut R,
    stack: &mut R::Stack,
    socket: &mut Socket<R>,
) -> (usize, SocketAddr, SocketAddr) {
    let mut buffer = [0; 64];
    for _ in 0..100 {
        match stack.receive_local(socket, &mut buffer) {
            Ok(received) => return received,
            Err(nb::Error::Other(error)) => panic!("{error:?}"),
            Err(nb::Error::WouldBlock) => {}
        }
        rig.wait(stack, socket, core::time::Duration::from_millis(100));
    }
    panic!("nothing was received");
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
        .set_multicast_hop_limit(&mut mouth, 3)
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
