//! What goes out, when, and how far.

use core::net::{Ipv4Addr, SocketAddr};
use core::time::Duration;

use super::rig::host;
use embedded_nal::{UdpFullStack, nb};
use groupcast::multicast::UdpMulticastSend;
use groupcast_smoltcp::Error;

use super::bench::{
    Bench, GROUP, GROUP_SOCKET, PORT, address, bound, member, nameless, receive, set_address,
};

#[test]
fn datagrams_to_groups_stay_on_the_link_unless_told_otherwise() {
    let mut bench = Bench::new(2);
    let mut stack = bench.hosts[0];
    let mut mouth = bound(stack, 0);
    stack.send_to(&mut mouth, GROUP_SOCKET, b"1").unwrap();
    stack.set_multicast_hop_limit(&mut mouth, 5).unwrap();
    stack.send_to(&mut mouth, GROUP_SOCKET, b"5").unwrap();
    stack.set_multicast_hop_limit(&mut mouth, 0).unwrap();
    stack.send_to(&mut mouth, GROUP_SOCKET, b"0").unwrap();
    assert_eq!(bench.hop_limits(0), [1, 5]);
    let host = SocketAddr::new(address(1), PORT);
    stack.send_to(&mut mouth, host, b"64").unwrap();
    bench.settle();
    assert_eq!(bench.hop_limits(0), [64]);
}

#[test]
fn with_a_hop_limit_of_zero_only_this_host_hears_it() {
    let mut bench = Bench::new(2);
    let mut here = bench.hosts[0];
    let mut there = member(bench.hosts[1], GROUP);
    let mut neighbour = member(here, GROUP);
    let mut mouth = bound(here, 0);
    here.set_multicast_hop_limit(&mut mouth, 0).unwrap();
    here.send_to(&mut mouth, GROUP_SOCKET, b"psst").unwrap();
    bench.settle();
    assert_eq!(receive(here, &mut neighbour), Some(b"psst".to_vec()));
    assert_eq!(receive(bench.hosts[1], &mut there), None);
}

#[test]
fn without_loop_only_other_hosts_hear_it() {
    let mut bench = Bench::new(2);
    let mut here = bench.hosts[0];
    let mut there = member(bench.hosts[1], GROUP);
    let mut neighbour = member(here, GROUP);
    let mut mouth = bound(here, 0);
    here.set_multicast_loop(&mut mouth, false).unwrap();
    here.send_to(&mut mouth, GROUP_SOCKET, b"out").unwrap();
    bench.settle();
    assert_eq!(receive(here, &mut neighbour), None);
    assert_eq!(receive(bench.hosts[1], &mut there), Some(b"out".to_vec()));
}

#[test]
fn what_is_sent_before_the_hardware_address_is_known_arrives_in_order() {
    let mut bench = Bench::new(2);
    let mut stack = bench.hosts[0];
    let mut ear = bound(bench.hosts[1], PORT);
    let (mut mouth, mut other) = (bound(stack, 0), bound(stack, 0));
    let host = SocketAddr::new(address(1), PORT);
    stack.send_to(&mut mouth, host, b"1").unwrap();
    stack.send_to(&mut other, host, b"2").unwrap();
    stack.send_to(&mut mouth, host, b"").unwrap();
    stack.send_to(&mut mouth, host, b"4").unwrap();
    bench.settle();
    let arrived: Vec<_> = core::iter::from_fn(|| receive(bench.hosts[1], &mut ear)).collect();
    assert_eq!(
        arrived,
        [b"1".to_vec(), b"2".to_vec(), vec![], b"4".to_vec()]
    );
    assert_eq!(stack.counters().unanswered, 0);
    assert_eq!(bench.arp_requests(0), 1);
}

#[test]
fn a_host_that_is_gone_holds_up_nobody_and_is_given_up() {
    let mut bench = Bench::new(2);
    let mut stack = bench.hosts[0];
    let mut ear = member(bench.hosts[1], GROUP);
    let mut mouth = bound(stack, 0);
    let gone = SocketAddr::new(Ipv4Addr::new(10, 0, 0, 77).into(), PORT);
    let alive = SocketAddr::new(address(1), PORT);
    stack.send_to(&mut mouth, alive, b"hello").unwrap();
    bench.run_for(Duration::from_secs(2));
    assert_eq!(receive(bench.hosts[1], &mut ear), Some(b"hello".to_vec()));
    stack.send_to(&mut mouth, gone, b"lost").unwrap();
    stack.send_to(&mut mouth, gone, b"lost, too").unwrap();
    stack.send_to(&mut mouth, GROUP_SOCKET, b"group").unwrap();
    stack.send_to(&mut mouth, alive, b"host").unwrap();
    bench.settle();
    assert_eq!(receive(bench.hosts[1], &mut ear), Some(b"group".to_vec()));
    assert_eq!(receive(bench.hosts[1], &mut ear), Some(b"host".to_vec()));
    assert_eq!(stack.counters().unanswered, 2);
    // It gave way to the other host. Alone it waits for three seconds.
    stack.send_to(&mut mouth, gone, b"lost").unwrap();
    bench.run_for(Duration::from_secs(4));
    assert_eq!(stack.counters().unanswered, 3);
    let _ = bench.arp_requests(0);
    bench.run_for(Duration::from_secs(4));
    assert_eq!(bench.arp_requests(0), 0);
    assert_eq!(stack.next_deadline(), None);
}

#[test]
fn a_device_without_room_would_block_and_nothing_is_sent_twice() {
    let mut bench = Bench::new(2);
    let mut stack = bench.hosts[0];
    let mut ear = member(bench.hosts[1], GROUP);
    let mut neighbour = member(stack, GROUP);
    bench.settle();
    let mut mouth = bound(stack, 0);
    bench.ether.set_room(0, Some(0));
    for _ in 0..3 {
        let sent = stack.send_to(&mut mouth, GROUP_SOCKET, b"once");
        assert_eq!(sent, Err(nb::Error::WouldBlock));
    }
    bench.ether.set_room(0, Some(1));
    stack.send_to(&mut mouth, GROUP_SOCKET, b"once").unwrap();
    let host = SocketAddr::new(address(1), PORT);
    for to in [GROUP_SOCKET, host] {
        let sent = stack.send_to(&mut mouth, to, b"again");
        assert_eq!(sent, Err(nb::Error::WouldBlock));
    }
    bench.settle();
    for (host, socket) in [(1, &mut ear), (0, &mut neighbour)] {
        assert_eq!(receive(bench.hosts[host], socket), Some(b"once".to_vec()));
        assert_eq!(receive(bench.hosts[host], socket), None);
    }
}

#[test]
fn a_datagram_whose_room_a_report_took_is_not_sent_twice() {
    let mut bench = Bench::new(2);
    let mut stack = bench.hosts[0];
    let mut ear = member(bench.hosts[1], GROUP);
    bench.settle();
    let mut mouth = bound(stack, 0);
    bench.ether.set_room(0, Some(0));
    let _member = member(stack, GROUP);
    bench.ether.set_room(0, Some(1));
    let sent = stack.send_to(&mut mouth, GROUP_SOCKET, b"once");
    assert_eq!(sent, Err(nb::Error::WouldBlock));
    bench.ether.set_room(0, None);
    bench.settle();
    assert_eq!(receive(bench.hosts[1], &mut ear), None);
    stack.send_to(&mut mouth, GROUP_SOCKET, b"once").unwrap();
    bench.settle();
    assert_eq!(receive(bench.hosts[1], &mut ear), Some(b"once".to_vec()));
    assert_eq!(receive(bench.hosts[1], &mut ear), None);
}

#[test]
fn without_an_address_there_is_no_route() {
    let bench = Bench::new(0);
    let mut stack = nameless(&bench.ether);
    let mut mouth = bound(stack, 0);
    for to in [
        "239.1.2.3:1",
        "[ff12::1]:1",
        "[fd00::1]:1",
        "[::1]:1",
        "10.0.0.9:1",
    ] {
        let to = to.parse().unwrap();
        let sent = stack.send_to(&mut mouth, to, b"x");
        assert_eq!(sent, Err(nb::Error::Other(Error::NoRoute(to))));
    }
    let named = host(&bench.ether);
    let mut mouth = bound(named, 0);
    for to in ["192.0.2.1:1", "[fd00::1]:1", "0.0.0.0:1", "239.1.2.3:0"] {
        let to = to.parse().unwrap();
        let sent = (&mut { named }).send_to(&mut mouth, to, b"x");
        assert_eq!(sent, Err(nb::Error::Other(Error::NoRoute(to))), "{to}");
    }
    assert_eq!(named.next_deadline(), None);
    // smoltcp would send from `::1`.
    set_address(named, Ipv4Addr::new(10, 0, 0, 5));
    let to = "[ff12::1]:1".parse().unwrap();
    let sent = (&mut { named }).send_to(&mut mouth, to, b"x");
    assert_eq!(sent, Err(nb::Error::Other(Error::NoRoute(to))));
}

#[test]
fn a_host_reaches_itself_without_the_device() {
    let mut bench = Bench::new(1);
    let mut stack = bench.hosts[0];
    let (mut ear, mut mouth) = (bound(stack, PORT), bound(stack, 0));
    let own = SocketAddr::new(address(0), PORT);
    bench.settle();
    let _ = bench.ether.take_sent(0);
    stack.send_to(&mut mouth, own, b"me").unwrap();
    bench.settle();
    assert_eq!(receive(stack, &mut ear), Some(b"me".to_vec()));
    assert_eq!(bench.ether.take_sent(0).len(), 0);
}
