//! The contract of `groupcast::multicast`, point by point, and what the stack adds to it.

use core::net::SocketAddr;
use core::num::NonZeroU32;

use groupcast::embedded_nal::{UdpClientStack, UdpFullStack, nb};
use groupcast::multicast::{
    Interface, UdpError, UdpErrorKind, UdpMulticast, UdpMulticastSend, UdpReceiveLocal,
};
use groupcast_sim::{Network, SimError};

use crate::{GROUP, Member, PORT, TO_GROUP};

fn pair() -> (Network, Member, Member) {
    let network = Network::new(1);
    let (one, two) = (Member::new(&network), Member::new(&network));
    (network, one, two)
}

fn kind<T: core::fmt::Debug>(result: nb::Result<T, SimError>) -> UdpErrorKind {
    match result {
        Err(nb::Error::Other(error)) => error.kind(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn rule_1_nothing_waiting_is_would_block() {
    let (_network, _one, mut two) = pair();
    assert_eq!(two.receive(), Err(nb::Error::WouldBlock));
}

#[test]
fn rule_2_only_sockets_that_joined_receive() {
    let (network, mut one, mut two) = pair();
    let host = two.host();
    // Same host, same port, no membership; same host, same group, another port.
    let mut bystander = Member::unbound(&network, host);
    bystander.bind(PORT).unwrap();
    let mut elsewhere = Member::unbound(&network, host);
    elsewhere.bind(PORT + 1).unwrap();
    elsewhere.join(GROUP).unwrap();
    let mut other_group = Member::unbound(&network, host);
    other_group.bind(PORT).unwrap();
    other_group.join("239.1.2.4".parse().unwrap()).unwrap();

    one.send(b"members only");
    assert_eq!(two.drain(), [b"members only"]);
    for outsider in [&mut bystander, &mut elsewhere, &mut other_group] {
        assert_eq!(outsider.receive(), Err(nb::Error::WouldBlock));
    }
    two.leave(GROUP).unwrap();
    one.send(b"not for me");
    assert!(two.drain().is_empty());
    two.join(GROUP).unwrap();
    one.send(b"back");
    assert_eq!(two.drain(), [b"back"]);
}

#[test]
fn rule_2_one_leaving_does_not_affect_another_on_its_host() {
    let (network, mut one, mut two) = pair();
    let mut neighbour = Member::on(&network, two.host());
    // Joining twice is joining once.
    neighbour.join(GROUP).unwrap();
    two.leave(GROUP).unwrap();
    two.leave(GROUP).unwrap();
    one.send(b"still here");
    assert_eq!(neighbour.drain(), [b"still here"]);
    assert!(two.drain().is_empty());
    neighbour.leave(GROUP).unwrap();
    one.send(b"nobody there");
    assert!(neighbour.drain().is_empty());
}

#[test]
fn rule_3_truncation_is_an_error_and_consumes() {
    let (_network, mut one, mut two) = pair();
    one.send(b"ten bytes.");
    one.send(b"next");
    let mut buffer = [0; 9];
    let result = two.stack.receive(&mut two.socket, &mut buffer);
    assert_eq!(
        result,
        Err(nb::Error::Other(SimError::Truncated {
            length: 10,
            room: 9
        }))
    );
    assert_eq!(kind(result), UdpErrorKind::Truncated);
    assert_eq!(two.drain(), [b"next"]);
    // A buffer of just the right length will do.
    one.send(b"ten bytes.");
    assert_eq!(
        two.stack.receive(&mut two.socket, &mut [0; 10]).unwrap().0,
        10
    );
}

#[test]
fn rule_4_ipv4_sources_are_ipv4() {
    let (_network, mut one, mut two) = pair();
    let mapped: SocketAddr = "[::ffff:239.1.2.3]:12345".parse().unwrap();
    one.send_to(mapped, b"mapped").unwrap();
    let source = SocketAddr::from((one.host().ipv4(), PORT));
    assert_eq!(two.receive(), Ok((b"mapped".to_vec(), source)));
}

#[test]
fn rule_5_an_empty_datagram_is_a_datagram() {
    let (_network, mut one, mut two) = pair();
    one.send(b"");
    assert_eq!(
        two.receive(),
        Ok((vec![], SocketAddr::from((one.host().ipv4(), PORT))))
    );
    one.send(b"");
    assert_eq!(two.stack.receive(&mut two.socket, &mut []).unwrap().0, 0);
}

#[test]
fn rule_6_a_socket_stays_usable_after_an_error() {
    let (_network, mut one, mut two) = pair();
    for nowhere in ["192.0.2.1:1", "10.0.0.2:0", "0.0.0.0:1", "[2001:db8::1]:1"] {
        assert_eq!(
            kind(one.send_to(nowhere.parse().unwrap(), b"?")),
            UdpErrorKind::NoRoute
        );
    }
    // Nobody has this address, and nobody listens on this port: no error, as on a LAN.
    one.send_to("10.0.0.99:1".parse().unwrap(), b"?").unwrap();
    one.send_to(SocketAddr::from((two.host().ipv4(), 1)), b"?")
        .unwrap();
    one.send(b"fine");
    assert_eq!(two.drain(), [b"fine"]);
    assert_eq!(two.receive(), Err(nb::Error::WouldBlock));
}

#[test]
fn rule_7_ports_are_picked_or_shared() {
    let network = Network::new(1);
    let host = network.add_host();
    let mut picked = vec![];
    for _ in 0..100 {
        let mut member = Member::unbound(&network, host);
        member.bind(0).unwrap();
        picked.push((member.stack.local_port(&member.socket).unwrap(), member));
    }
    assert!(picked.iter().all(|(port, _)| *port >= 49152));
    picked.sort_by_key(|(port, _)| *port);
    assert!(picked.windows(2).all(|pair| pair[0].0 != pair[1].0));

    let (mut one, mut two) = (Member::on(&network, host), Member::on(&network, host));
    one.send(b"both of us");
    assert_eq!(
        (one.drain(), two.drain()),
        (vec![b"both of us".to_vec()], vec![b"both of us".to_vec()])
    );
    assert_eq!(network.counters().fanned_out, 1);
}

#[test]
fn rule_7_ephemeral_ports_run_out_and_come_back() {
    let network = Network::new(1);
    let host = network.add_host();
    let mut open = vec![];
    // As many as there are; binding them in order keeps the search short.
    for port in 49152..=65535 {
        let mut member = Member::unbound(&network, host);
        member.bind(port).unwrap();
        open.push(member);
    }
    let mut late = Member::unbound(&network, host);
    assert_eq!(
        late.bind(0).map_err(|error| error.kind()),
        Err(UdpErrorKind::AddressInUse)
    );
    open.remove(7);
    late.bind(0).unwrap();
    assert_eq!(late.stack.local_port(&late.socket), Ok(49159));
}

#[test]
fn rule_7_a_port_just_freed_is_not_picked_again_at_once() {
    let network = Network::new(1);
    let host = network.add_host();
    let mut picked: Vec<u16> = (0..3)
        .map(|_| {
            let mut member = Member::unbound(&network, host);
            member.bind(0).unwrap();
            member.stack.local_port(&member.socket).unwrap()
        })
        .collect();
    picked.dedup();
    assert_eq!(picked.len(), 3);
}

#[test]
fn rule_8_close_and_drop_leave_every_group() {
    let (network, mut one, two) = pair();
    let Member { mut stack, socket } = two;
    stack.close(socket).unwrap();
    one.send(b"?");
    // The sender's own host is the only one left.
    assert_eq!(network.counters().copies, 1);

    let three = Member::new(&network);
    one.send(b"?");
    assert_eq!(network.counters().copies, 3);
    drop(three);
    one.send(b"?");
    assert_eq!(network.counters().copies, 4);
}

#[test]
fn a_datagram_for_a_socket_that_closed_meanwhile_is_unclaimed() {
    let link = groupcast_sim::Link::lan();
    let network = Network::new(1).with_link(link);
    let (mut one, two) = (Member::new(&network), Member::new(&network));
    one.send(b"?");
    drop(two);
    network.advance_by(core::time::Duration::from_secs(1));
    assert_eq!(network.counters().unclaimed, 1);
    assert!(network.counters().is_balanced());
}

#[test]
fn the_receive_queue_is_bounded() {
    let network = Network::new(1).with_receive_queue(3);
    let (mut one, mut two) = (Member::new(&network), Member::new(&network));
    let stack = network.stack(network.add_host()).with_receive_queue(1);
    let mut small = Member {
        socket: stack.clone().socket().unwrap(),
        stack,
    };
    small.bind(PORT).unwrap();
    small.join(GROUP).unwrap();
    (0..5).for_each(|number| one.send(&[number]));
    assert_eq!(two.drain(), [[0], [1], [2]]);
    assert_eq!(small.drain(), [[0]]);
    // Two at the sender's own, two, and four.
    assert_eq!(network.counters().overflowed, 8);
    one.send(b"room again");
    assert_eq!(two.drain(), [b"room again"]);
}

#[test]
fn members_on_the_senders_host_hear_it_if_it_wishes() {
    let (network, mut one, mut two) = pair();
    let mut neighbour = Member::on(&network, one.host());
    one.stack
        .set_multicast_loop(&mut one.socket, false)
        .unwrap();
    one.send(b"away");
    assert!(one.drain().is_empty() && neighbour.drain().is_empty());
    assert_eq!(two.drain(), [b"away"]);
    // It is the sender's wish, not the receiver's.
    neighbour.send(b"near");
    assert_eq!(
        (one.drain(), two.drain()),
        (vec![b"near".to_vec()], vec![b"near".to_vec()])
    );
}

#[test]
fn a_hop_limit_of_0_stays_on_the_host() {
    let (network, mut one, mut two) = pair();
    let mut neighbour = Member::on(&network, one.host());
    one.stack
        .set_multicast_hop_limit(&mut one.socket, 0)
        .unwrap();
    one.send(b"here");
    assert_eq!(neighbour.drain(), [b"here"]);
    assert!(two.drain().is_empty());
    // It concerns groups only.
    one.send_to(SocketAddr::from((two.host().ipv4(), PORT)), b"there")
        .unwrap();
    assert_eq!(two.drain(), [b"there"]);
}

#[test]
fn one_interface_has_index_1_and_the_hosts_addresses() {
    let (_network, mut one, _two) = pair();
    let host = one.host();
    for interface in [
        Interface::Default,
        Interface::Index(NonZeroU32::MIN),
        Interface::Address(host.ipv4().into()),
        Interface::Address(host.ipv6().into()),
    ] {
        assert_eq!(
            one.stack.join_multicast(&mut one.socket, GROUP, interface),
            Ok(())
        );
        assert_eq!(
            one.stack
                .set_multicast_interface(&mut one.socket, interface),
            Ok(())
        );
        assert_eq!(
            one.stack.leave_multicast(&mut one.socket, GROUP, interface),
            Ok(())
        );
    }
    for interface in [
        Interface::Index(NonZeroU32::MAX),
        Interface::Address("10.0.0.2".parse().unwrap()),
        Interface::Address("0.0.0.0".parse().unwrap()),
    ] {
        let error = Err(SimError::NoInterface(interface));
        assert_eq!(
            one.stack.join_multicast(&mut one.socket, GROUP, interface),
            error
        );
        assert_eq!(
            one.stack
                .set_multicast_interface(&mut one.socket, interface),
            error
        );
        assert_eq!(
            one.stack.leave_multicast(&mut one.socket, GROUP, interface),
            error
        );
    }
}

#[test]
fn only_bound_sockets_join_only_groups() {
    let network = Network::new(1);
    let mut member = Member::unbound(&network, network.add_host());
    assert_eq!(member.join(GROUP), Err(SimError::NotBound));
    assert_eq!(
        member.send_to(TO_GROUP, b"?"),
        Err(nb::Error::Other(SimError::NotBound))
    );
    assert_eq!(
        member.stack.local_port(&member.socket),
        Err(SimError::NotBound)
    );
    member.bind(PORT).unwrap();
    assert_eq!(member.bind(PORT), Err(SimError::AlreadyBound(PORT)));
    let single = "10.0.0.1".parse().unwrap();
    assert_eq!(
        member.join(single).map_err(|error| error.kind()),
        Err(UdpErrorKind::Unsupported)
    );
}

#[test]
fn receive_local_tells_the_group_from_the_hosts_address() {
    let (_network, mut one, mut two) = pair();
    let single = SocketAddr::from((two.host().ipv4(), PORT));
    let source = SocketAddr::from((one.host().ipv4(), PORT));
    one.send(b"all");
    one.send_to(single, b"you!").unwrap();
    let mut buffer = [0; 8];
    let mut receive = || two.stack.receive_local(&mut two.socket, &mut buffer);
    assert_eq!(receive(), Ok((3, TO_GROUP, source)));
    assert_eq!(receive(), Ok((4, single, source)));
    assert_eq!(receive(), Err(nb::Error::WouldBlock));
}

#[test]
fn ipv6_works_alike() {
    let (_network, mut one, mut two) = pair();
    let group = "ff02::1234".parse().unwrap();
    two.join(group).unwrap();
    one.send_to(SocketAddr::new(group, PORT), b"six").unwrap();
    let source = SocketAddr::from((one.host().ipv6(), PORT));
    assert_eq!(two.receive(), Ok((b"six".to_vec(), source)));
    two.send_to(source, b"back").unwrap();
    assert_eq!(one.drain(), [b"back"]);
}

#[test]
fn the_loopback_address_is_the_host_itself() {
    let (_network, mut one, mut two) = pair();
    one.send_to(SocketAddr::from(([127, 0, 0, 1], PORT)), b"me")
        .unwrap();
    assert_eq!(
        one.receive(),
        Ok((b"me".to_vec(), SocketAddr::from(([127, 0, 0, 1], PORT))))
    );
    assert!(two.drain().is_empty());
}

#[test]
fn one_of_those_that_share_a_port_receives_what_is_for_one() {
    let (network, mut one, mut two) = pair();
    let mut latest = Member::on(&network, two.host());
    let single = SocketAddr::from((two.host().ipv4(), PORT));
    one.send_to(single, b"latest").unwrap();
    assert_eq!(latest.drain(), [b"latest"]);
    assert!(two.drain().is_empty());
    // A connected socket comes first, for what its peer sends.
    let peer = SocketAddr::from((one.host().ipv4(), PORT));
    two.stack.connect(&mut two.socket, peer).unwrap();
    one.send_to(single, b"connected").unwrap();
    assert_eq!(two.drain(), [b"connected"]);
    assert!(latest.drain().is_empty());
}

#[test]
fn connect_binds_and_admits_only_the_peer() {
    let (network, mut one, mut two) = pair();
    let mut client = Member::unbound(&network, network.add_host());
    let unconnected = client.stack.send(&mut client.socket, b"?");
    assert_eq!(unconnected, Err(nb::Error::Other(SimError::NotConnected)));
    client
        .stack
        .connect(
            &mut client.socket,
            SocketAddr::from((one.host().ipv4(), PORT)),
        )
        .unwrap();
    client.stack.send(&mut client.socket, b"question").unwrap();
    let (question, source) = one.receive().unwrap();
    assert_eq!(question, b"question");
    assert_eq!(
        source.port(),
        client.stack.local_port(&client.socket).unwrap()
    );
    two.send_to(source, b"intruder").unwrap();
    one.send_to(source, b"answer").unwrap();
    assert_eq!(client.drain(), [b"answer"]);
    assert_eq!(network.counters().unclaimed, 1);
    // It may send elsewhere, and send still goes to the peer.
    client
        .send_to(SocketAddr::from((two.host().ipv4(), PORT)), b"aside")
        .unwrap();
    client.stack.send(&mut client.socket, b"thanks").unwrap();
    assert_eq!(
        (one.drain(), two.drain()),
        (vec![b"thanks".to_vec()], vec![b"aside".to_vec()])
    );
    // Without connect, send goes where send_to went last.
    one.stack.send(&mut one.socket, b"more").unwrap();
    assert_eq!(client.drain(), [b"more"]);
}

#[test]
fn a_socket_works_with_its_own_host_only() {
    let (_network, mut one, mut two) = pair();
    let result = two.stack.receive(&mut one.socket, &mut []);
    assert_eq!(result, Err(nb::Error::Other(SimError::ForeignSocket)));
    let (_other_network, three, _four) = pair();
    assert_eq!(one.stack.close(three.socket), Err(SimError::ForeignSocket));
    // Another process of the same host may be handed the socket, as by fork.
    assert_eq!(
        one.stack.clone().bind(&mut one.socket, 1),
        Err(SimError::AlreadyBound(PORT))
    );
}
