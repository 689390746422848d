//! What sockets on embassy-net send, receive, and refuse.

use core::future::poll_fn;
use core::net::{Ipv4Addr, SocketAddr};
use core::task::Poll;
use core::time::Duration;

use embedded_nal::{UdpClientStack, UdpFullStack, nb};
use groupcast::Reactor;
use groupcast::multicast::{Interface, UdpMulticast, UdpMulticastSend};
use groupcast_embassy::embassy_net::ConfigV4;
use groupcast_embassy::{EmbassyReactor, EmbassyStack, Error, Socket};
use groupcast_tests::embassy_rig::address;

use crate::bench::{Bench, GROUP, GROUP_SOCKET, PORT, bound, member, receive};

fn to_host(host: usize) -> SocketAddr {
    SocketAddr::new(address(host).into(), PORT)
}

const GONE: SocketAddr = SocketAddr::new(core::net::IpAddr::V4(Ipv4Addr::new(10, 0, 0, 77)), PORT);

/// A task that does nothing with a socket in a group but wait, as a member's does.
fn wait(bench: &Bench, mut stack: EmbassyStack<'static>, mut socket: Socket) -> Waiting {
    let group = Ipv4Addr::new(239, 9, 9, 9).into();
    stack
        .join_multicast(&mut socket, group, Interface::Default)
        .unwrap();
    let parts = std::rc::Rc::new(core::cell::RefCell::new((stack, socket)));
    let shared = parts.clone();
    bench.tasks.spawn(poll_fn(move |cx| {
        let (stack, socket) = &mut *shared.borrow_mut();
        let _ = EmbassyReactor.poll_readable(cx, stack, None, socket);
        Poll::Pending
    }));
    parts
}

type Waiting = std::rc::Rc<core::cell::RefCell<(EmbassyStack<'static>, Socket)>>;

#[test]
fn a_port_has_one_socket_and_is_free_when_that_is_closed() {
    let bench = Bench::new(1);
    let mut stack = bench.stack(0);
    let first = bound(&mut stack, PORT);
    let mut second = stack.socket().unwrap();
    assert_eq!(stack.bind(&mut second, PORT), Err(Error::PortInUse(PORT)));
    assert_eq!(stack.socket().err(), Some(Error::NoFreeSocket));
    stack.close(first).unwrap();
    stack.bind(&mut second, PORT).unwrap();
    assert_eq!(
        stack.bind(&mut second, PORT),
        Err(Error::AlreadyBound(PORT))
    );
    let mut third = bound(&mut stack, 0);
    let port = stack.local_port(&third).unwrap();
    assert_ne!(port, PORT);
    let mut foreign = bench.stack(0).socket().unwrap();
    foreign = core::mem::replace(&mut third, foreign);
    stack.close(foreign).unwrap();
    assert_eq!(stack.bind(&mut third, 1), Err(Error::Closed));
}

#[test]
fn a_socket_hears_the_groups_that_it_has_joined() {
    let bench = Bench::new(2);
    let (mut here, mut there) = (bench.stack(0), bench.stack(1));
    let mut ear = member(&mut here, GROUP);
    let other = Ipv4Addr::new(239, 1, 2, 4).into();
    // The interface is in the other group, too, by a socket on another port.
    let mut elsewhere = bound(&mut here, PORT + 1);
    here.join_multicast(&mut elsewhere, other, Interface::Default)
        .unwrap();
    let mut mouth = bound(&mut there, 0);
    there
        .send_to(&mut mouth, SocketAddr::new(other, PORT), b"not for it")
        .unwrap();
    there.send_to(&mut mouth, GROUP_SOCKET, b"for it").unwrap();
    bench.tasks.settle();
    assert_eq!(receive(&mut here, &mut ear), Some(b"for it".to_vec()));
    assert_eq!(receive(&mut here, &mut ear), None);
    assert_eq!(here.counters().not_joined, 1);
    here.leave_multicast(&mut ear, GROUP, Interface::Default)
        .unwrap();
    there.send_to(&mut mouth, GROUP_SOCKET, b"gone").unwrap();
    bench.tasks.settle();
    assert_eq!(receive(&mut here, &mut ear), None);
}

#[test]
fn a_connected_socket_hears_its_peer_only() {
    let bench = Bench::new(3);
    let mut stack = bench.stack(0);
    let mut socket = stack.socket().unwrap();
    stack.connect(&mut socket, to_host(1)).unwrap();
    let at = SocketAddr::new(address(0).into(), stack.local_port(&socket).unwrap());
    for (host, text) in [(2, b"stranger"), (1, b"the peer")] {
        let mut other = bench.stack(host);
        let mut mouth = bound(&mut other, PORT);
        other.send_to(&mut mouth, at, text).unwrap();
        bench.tasks.settle();
    }
    assert_eq!(receive(&mut stack, &mut socket), Some(b"the peer".to_vec()));
    assert_eq!(receive(&mut stack, &mut socket), None);
    let mut peer = bench.stack(1);
    let mut ear = bound(&mut peer, PORT);
    stack.send(&mut socket, b"answer").unwrap();
    bench.tasks.settle();
    assert_eq!(receive(&mut peer, &mut ear), Some(b"answer".to_vec()));
}

#[test]
fn datagrams_to_groups_stay_on_the_link_unless_told_otherwise() {
    let bench = Bench::new(2);
    let mut stack = bench.stack(0);
    let mut mouth = bound(&mut stack, 0);
    bench.tasks.settle();
    for hop_limit in [None, Some(5), Some(0)] {
        if let Some(limit) = hop_limit {
            stack.set_multicast_hop_limit(&mut mouth, limit).unwrap();
        }
        stack.send_to(&mut mouth, GROUP_SOCKET, b"group").unwrap();
        stack.send_to(&mut mouth, to_host(1), b"host").unwrap();
        bench.tasks.settle();
    }
    let mut limits = bench.hop_limits(0);
    limits.sort_unstable();
    assert_eq!(limits, [1, 5, 64, 64, 64]);
    assert_eq!(
        stack.set_multicast_loop(&mut mouth, true),
        Err(Error::NoLoop)
    );
    stack.set_multicast_loop(&mut mouth, false).unwrap();
    let interface = Interface::Address(address(0).into());
    stack
        .set_multicast_interface(&mut mouth, interface)
        .unwrap();
    let other = Interface::Address(address(1).into());
    let refused = stack.set_multicast_interface(&mut mouth, other);
    assert_eq!(refused, Err(Error::NoInterface(other)));
}

#[test]
fn a_host_that_is_gone_holds_up_no_group_and_is_given_up() {
    let bench = Bench::new(2);
    let mut there = bench.stack(1);
    let mut ear = member(&mut there, GROUP);
    let mut stack = bench.stack(0);
    let socket = bound(&mut stack, 0);
    let waiting = wait(&bench, stack, socket);
    let send = |to, payload: &[u8]| {
        let (stack, socket) = &mut *waiting.borrow_mut();
        stack.send_to(socket, to, payload)
    };
    send(GONE, b"lost").unwrap();
    bench.run_for(Duration::from_millis(100));
    for number in 0..20 {
        send(GROUP_SOCKET, &[number]).unwrap();
        bench.tasks.settle();
        assert_eq!(receive(&mut there, &mut ear), Some(vec![number]));
    }
    // Behind it there is room for some, and nobody waits for more.
    for _ in 0..20 {
        send(to_host(1), b"behind it").unwrap();
    }
    bench.run_for(Duration::from_secs(6));
    assert_eq!(receive(&mut there, &mut ear), None);
    assert_eq!(waiting.borrow().0.counters().unanswered, 21);
    let _ = bench.arp_requests(0);
    bench.run_for(Duration::from_secs(10));
    assert_eq!(bench.arp_requests(0), 0);
    send(to_host(1), b"on we go").unwrap();
    bench.run_for(Duration::from_secs(1));
    assert_eq!(receive(&mut there, &mut ear), Some(b"on we go".to_vec()));
    assert_eq!(waiting.borrow().0.counters().unanswered, 21);
}

#[test]
fn datagrams_to_many_hosts_wait_for_room_and_arrive() {
    let bench = Bench::new(2);
    let mut there = bench.stack(1);
    let mut ear = bound(&mut there, PORT);
    let mut stack = bench.stack(0);
    let mut mouth = bound(&mut stack, 0);
    let (mut sent, mut heard, mut blocked) = (0_u8, 0_u8, 0);
    while heard < 100 {
        match stack.send_to(&mut mouth, to_host(1), &[sent; 300]) {
            Ok(()) => sent += 1,
            Err(error) => {
                assert_eq!(error, nb::Error::WouldBlock);
                blocked += 1;
                bench.tasks.settle();
            }
        }
        while let Some(datagram) = receive(&mut there, &mut ear) {
            assert_eq!(datagram, [heard; 300]);
            heard += 1;
        }
    }
    assert!(blocked > 0);
    assert_eq!(stack.counters().unanswered, 0);
}

#[test]
fn without_a_way_there_is_no_route() {
    let bench = Bench::of([ConfigV4::None]);
    let mut stack = bench.stack(0);
    let mut mouth = bound(&mut stack, 0);
    let refused = |stack: &mut EmbassyStack<'static>, mouth: &mut Socket, to: &str| {
        let to = to.parse().unwrap();
        let sent = stack.send_to(mouth, to, b"x");
        assert_eq!(sent, Err(nb::Error::Other(Error::NoRoute(to))), "{to}");
    };
    for to in ["239.1.2.3:1", "10.0.0.9:1", "[ff12::1]:1", "[fd00::1]:1"] {
        refused(&mut stack, &mut mouth, to);
    }
    let bench = Bench::new(1);
    let mut stack = bench.stack(0);
    let mut mouth = bound(&mut stack, 0);
    for to in ["192.0.2.1:1", "0.0.0.0:1", "239.1.2.3:0", "10.0.0.1:1"] {
        refused(&mut stack, &mut mouth, to);
    }
}

/// As long as the device takes nothing, a sender is told to wait; then all goes out in order.
#[test]
fn a_device_without_room_would_block_and_nothing_is_sent_twice() {
    let bench = Bench::new(2);
    let mut there = bench.stack(1);
    let mut ear = member(&mut there, GROUP);
    let mut stack = bench.stack(0);
    let mut mouth = bound(&mut stack, 0);
    bench.tasks.settle();
    bench.ether.set_room(0, Some(0));
    let mut taken = 0;
    while stack
        .send_to(&mut mouth, GROUP_SOCKET, &[taken; 600])
        .is_ok()
    {
        taken += 1;
        bench.tasks.settle();
    }
    assert_eq!(taken, 2);
    bench.ether.set_room(0, None);
    bench.tasks.settle();
    for number in 0..taken {
        assert_eq!(receive(&mut there, &mut ear), Some(vec![number; 600]));
    }
    assert_eq!(receive(&mut there, &mut ear), None);
}

#[test]
fn a_socket_that_is_closed_has_sent() {
    let bench = Bench::new(2);
    let mut there = bench.stack(1);
    let mut ear = member(&mut there, GROUP);
    let mut stack = bench.stack(0);
    let mut mouth = bound(&mut stack, 0);
    stack.send_to(&mut mouth, GROUP_SOCKET, b"bye").unwrap();
    stack.close(mouth).unwrap();
    bench.tasks.settle();
    assert_eq!(receive(&mut there, &mut ear), Some(b"bye".to_vec()));
}
