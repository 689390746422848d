//! What is heard, by whom, and what waits for room.

use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::time::Duration;

use super::rig::host_addresses;
use embedded_nal::{UdpClientStack, UdpFullStack};
use groupcast::Instant;
use groupcast::multicast::{UdpMulticastSend, UdpReceiveLocal};
use groupcast_smoltcp::Error;

use super::bench::{
    Bench, GROUP, GROUP_SOCKET, PORT, address, bound, member, receive, set_address,
};

#[test]
fn a_burst_waits_in_the_device_until_the_socket_has_room() {
    let mut bench = Bench::new(2);
    let (mut here, there) = (bench.hosts[0], bench.hosts[1]);
    let mut ear = member(there, GROUP);
    bench.settle();
    let mut mouth = bound(here, 0);
    for n in 0..100_u32 {
        let datagram = [n.to_be_bytes(); 300].concat();
        here.send_to(&mut mouth, GROUP_SOCKET, &datagram).unwrap();
    }
    let mut expected = 0_u32;
    while expected < 100 {
        bench.now += Duration::from_millis(1);
        there.poll(bench.now);
        assert!(bench.now < Instant::from_millis(500), "stuck at {expected}");
        // Three are read, fewer than fit the queue.
        for _ in 0..3 {
            if let Some(datagram) = receive(there, &mut ear) {
                assert_eq!(datagram[..4], expected.to_be_bytes());
                expected += 1;
            }
        }
    }
    assert_eq!(there.counters().no_room, 0);
}

#[test]
fn one_turn_of_reading_takes_a_burst_that_is_larger_than_the_queue() {
    let mut bench = Bench::new(2);
    let (mut here, there) = (bench.hosts[0], bench.hosts[1]);
    let mut ear = member(there, GROUP);
    bench.settle();
    let mut mouth = bound(here, 0);
    for _ in 0..20 {
        here.send_to(&mut mouth, GROUP_SOCKET, &[7; 1200]).unwrap();
    }
    there.poll(bench.now);
    let read = core::iter::from_fn(|| receive(there, &mut ear)).count();
    assert_eq!(read, 20);
}

#[test]
fn a_socket_that_nobody_reads_does_not_hold_up_the_others_for_long() {
    let mut bench = Bench::new(2);
    let (mut here, there) = (bench.hosts[0], bench.hosts[1]);
    let mut deaf = member(there, GROUP);
    let mut ear = member(there, GROUP);
    bench.settle();
    let mut mouth = bound(here, 0);
    let mut heard = 0;
    let start = bench.now;
    for _ in 0..100 {
        here.send_to(&mut mouth, GROUP_SOCKET, &[7; 1200]).unwrap();
        bench.run_for(Duration::from_millis(1));
        while receive(there, &mut ear).is_some() {
            heard += 1;
        }
    }
    bench.run_for(Duration::from_millis(30));
    while receive(there, &mut ear).is_some() {
        heard += 1;
    }
    assert_eq!(heard, 100);
    assert!(bench.now.since(start) < Duration::from_millis(150));
    let waited = core::iter::from_fn(|| receive(there, &mut deaf)).count();
    assert!((4..10).contains(&waited), "{waited}");
    let dropped = there.counters().no_room;
    assert_eq!(dropped, 100 - waited as u32);
    // Once it is read again, it is waited for again.
    for _ in 0..12 {
        here.send_to(&mut mouth, GROUP_SOCKET, &[8; 1200]).unwrap();
    }
    there.poll(bench.now);
    let (mut at_ear, mut at_deaf) = (0, 0);
    for _ in 0..12 {
        at_ear += usize::from(receive(there, &mut ear).is_some());
        at_deaf += usize::from(receive(there, &mut deaf).is_some());
    }
    assert_eq!((at_ear, at_deaf), (12, 12));
    assert_eq!(there.counters().no_room, dropped);
}

#[test]
fn what_waits_for_room_is_not_given_to_another_socket_when_the_address_changes() {
    let mut bench = Bench::new(2);
    let (mut here, mut there) = (bench.hosts[0], bench.hosts[1]);
    let mut full = bound(there, PORT);
    let mut other = bound(there, PORT + 1);
    bench.settle();
    let mut mouth = bound(here, 0);
    let old = address(1);
    for _ in 0..12 {
        here.send_to(&mut mouth, SocketAddr::new(old, PORT), &[1; 1400])
            .unwrap();
        here.poll(bench.now);
        there.poll(bench.now);
        here.poll(bench.now);
    }
    // One datagram waits now for room in the full socket.
    assert!(bench.ether.waiting(1) > 0);
    set_address(there, Ipv4Addr::new(10, 0, 0, 50));
    let to = SocketAddr::new(Ipv4Addr::BROADCAST.into(), PORT + 1);
    here.send_to(&mut mouth, to, b"for the other").unwrap();
    bench.settle();
    assert_eq!(receive(there, &mut other), Some(b"for the other".to_vec()));
    let waited: Vec<_> = core::iter::from_fn(|| receive(there, &mut full)).collect();
    assert!(waited.iter().all(|datagram| datagram[0] == 1));
    there.close(full).unwrap();
}

#[test]
fn a_flood_does_not_keep_poll_for_ever() {
    let mut bench = Bench::new(1);
    let stack = bench.hosts[0];
    bench.settle();
    for _ in 0..1000 {
        bench.ether.inject(&[0xff; 60]);
    }
    stack.poll(bench.now);
    assert!(bench.ether.waiting(0) > 900);
    assert!(stack.next_deadline().is_some_and(|next| next <= bench.now));
}

#[test]
fn ipv6_groups_are_heard_from_link_local_addresses() {
    let mut bench = Bench::new(2);
    let (mut here, mut there) = (bench.hosts[0], bench.hosts[1]);
    let group: IpAddr = "ff12::1:2:3".parse().unwrap();
    let mut ear = member(there, group);
    let mut mouth = bound(here, 0);
    let to = SocketAddr::new(group, PORT);
    here.send_to(&mut mouth, to, b"six").unwrap();
    bench.settle();
    let mut buffer = [0; 16];
    let (length, local, source) = there.receive_local(&mut ear, &mut buffer).unwrap();
    assert_eq!((&buffer[..length], local), (&b"six"[..], to));
    assert_eq!(source.ip(), IpAddr::from(host_addresses(0).2));
    there.send_to(&mut ear, source, b"back").unwrap();
    bench.settle();
    assert_eq!(receive(here, &mut mouth), Some(b"back".to_vec()));
}

#[test]
fn damaged_and_echoed_datagrams_are_not_heard() {
    let mut bench = Bench::new(2);
    let (mut here, there) = (bench.hosts[0], bench.hosts[1]);
    let mut ear = member(there, GROUP);
    let mut own = member(here, GROUP);
    bench.settle();
    let _ = bench.ether.take_sent(0);
    let mut mouth = bound(here, 0);
    here.set_multicast_loop(&mut mouth, false).unwrap();
    here.send_to(&mut mouth, GROUP_SOCKET, b"fine").unwrap();
    let frame = bench.ether.take_sent(0).remove(0);
    let mut damaged = frame.clone();
    *damaged.last_mut().unwrap() ^= 1;
    bench.settle();
    assert_eq!(receive(there, &mut ear), Some(b"fine".to_vec()));
    bench.ether.inject(&damaged);
    // The sender receives its own frame, as from a hub that echoes.
    bench.ether.inject(&frame);
    bench.settle();
    assert_eq!(receive(there, &mut ear), Some(b"fine".to_vec()));
    assert_eq!(receive(there, &mut ear), None);
    assert_eq!(receive(here, &mut own), None);
}

#[test]
fn a_broadcast_is_heard_by_all_on_the_port() {
    let mut bench = Bench::new(2);
    let (mut here, there) = (bench.hosts[0], bench.hosts[1]);
    let (mut first, mut second) = (bound(there, PORT), bound(there, PORT));
    let mut mouth = bound(here, 0);
    for to in ["255.255.255.255:12345", "10.0.0.255:12345"] {
        here.send_to(&mut mouth, to.parse().unwrap(), b"all")
            .unwrap();
        bench.settle();
        assert_eq!(receive(there, &mut first), Some(b"all".to_vec()));
        assert_eq!(receive(there, &mut second), Some(b"all".to_vec()));
    }
}

#[test]
fn a_connected_socket_hears_its_peer_only() {
    let mut bench = Bench::new(3);
    let mut stack = bench.hosts[0];
    let (mut peer, mut stranger) = (bound(bench.hosts[1], PORT), bound(bench.hosts[2], PORT));
    let mut socket = stack.socket().unwrap();
    stack
        .connect(&mut socket, SocketAddr::new(address(1), PORT))
        .unwrap();
    let port = stack.local_port(&socket).unwrap();
    // One that shares the port, opened later, hears the others.
    let mut open = bound(stack, port);
    stack.send(&mut socket, b"hello").unwrap();
    bench.settle();
    assert_eq!(receive(bench.hosts[1], &mut peer), Some(b"hello".to_vec()));
    let at = SocketAddr::new(address(0), port);
    (&mut { bench.hosts[2] })
        .send_to(&mut stranger, at, b"hey")
        .unwrap();
    (&mut { bench.hosts[1] })
        .send_to(&mut peer, at, b"hi")
        .unwrap();
    bench.settle();
    assert_eq!(receive(stack, &mut socket), Some(b"hi".to_vec()));
    assert_eq!(receive(stack, &mut socket), None);
    assert_eq!(receive(stack, &mut open), Some(b"hey".to_vec()));
    assert_eq!(receive(stack, &mut open), None);
}

#[test]
fn a_socket_of_another_stack_is_closed_here_and_places_are_used_again() {
    let bench = Bench::new(2);
    let (mut here, mut there) = (bench.hosts[0], bench.hosts[1]);
    let _first = there.socket().unwrap();
    let mut foreign = there.socket().unwrap();
    assert_eq!(here.bind(&mut foreign, 1), Err(Error::Closed));
    let mut mouth = bound(here, 0);
    let own = SocketAddr::new(address(0), PORT);
    for _ in 0..100 {
        let mut socket = bound(here, PORT);
        assert_eq!(receive(here, &mut socket), None);
        here.send_to(&mut mouth, own, b"never read").unwrap();
        here.close(socket).unwrap();
    }
    here.close(mouth).unwrap();
    let all: Vec<_> = core::iter::from_fn(|| here.socket().ok()).collect();
    assert_eq!(all.len(), 12);
    assert_eq!(here.socket().err(), Some(Error::NoFreeSocket));
}
