//! When a group is joined, reported and left.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use core::time::Duration;

use embedded_nal::{UdpClientStack, UdpFullStack};
use groupcast::multicast::{Interface, UdpMulticast};
use groupcast_smoltcp::Error;

use super::bench::{
    Bench, GROUP, IGMP_LEAVE, IGMP_REPORT, PORT, bound, member, nameless, receive, set_address,
};

#[test]
fn a_group_is_reported_once_and_left_with_its_last_member() {
    let mut bench = Bench::new(1);
    let mut stack = bench.hosts[0];
    let (mut first, second) = (member(stack, GROUP), member(stack, GROUP));
    bench.run_for(Duration::from_secs(1));
    assert_eq!(bench.igmp(0), [IGMP_REPORT]);
    stack
        .leave_multicast(&mut first, GROUP, Interface::Default)
        .unwrap();
    bench.settle();
    assert!(bench.igmp(0).is_empty());
    stack.close(second).unwrap();
    bench.settle();
    assert_eq!(bench.igmp(0), [IGMP_LEAVE]);
}

#[test]
fn a_group_joined_before_there_is_an_address_is_reported_when_one_comes() {
    let mut bench = Bench::new(0);
    let stack = nameless(&bench.ether);
    bench.hosts.push(stack);
    let _member = member(stack, GROUP);
    bench.settle();
    assert!(bench.igmp(0).is_empty());
    set_address(stack, Ipv4Addr::new(10, 0, 0, 1));
    bench.settle();
    assert_eq!(bench.igmp(0), [IGMP_REPORT]);
    assert_eq!(stack.counters().rejoins, 0);
}

#[test]
fn a_group_is_reported_anew_when_the_address_changes() {
    let mut bench = Bench::new(1);
    let stack = bench.hosts[0];
    let _member = member(stack, GROUP);
    bench.settle();
    assert_eq!(bench.igmp(0), [IGMP_REPORT]);
    // A device without room delays it, and nothing is forgotten.
    bench.ether.set_room(0, Some(0));
    set_address(stack, Ipv4Addr::new(10, 0, 0, 99));
    bench.settle();
    assert!(bench.igmp(0).is_empty());
    // Nor when room comes for one frame at a time, and reports about IPv6 take it.
    let mut reported = Vec::new();
    for _ in 0..5 {
        bench.ether.set_room(0, Some(1));
        bench.settle();
        reported.extend(bench.igmp(0));
    }
    assert_eq!(reported, [IGMP_LEAVE, IGMP_REPORT]);
    bench.ether.set_room(0, None);
    bench.run_for(Duration::from_secs(1));
    assert!(bench.igmp(0).is_empty());
    assert_eq!(stack.counters().rejoins, 1);
}

/// The checksum of the Internet protocols, over 16-bit words.
fn checksum(parts: &[&[u8]]) -> [u8; 2] {
    let octets = parts.concat();
    let words = octets
        .chunks(2)
        .map(|word| u32::from(word[0]) << 8 | u32::from(word[1]));
    let sum: u32 = words.sum();
    let sum = (sum & 0xffff) + (sum >> 16);
    (!((sum & 0xffff) + (sum >> 16)) as u16).to_be_bytes()
}

/// A general query of IGMPv2, to be answered within so many tenths of a second; of IGMPv1 with 0.
fn igmp_query(tenths: u8) -> Vec<u8> {
    let mut query = vec![0x01, 0x00, 0x5e, 0, 0, 1, 2, 0, 0, 0, 0, 9, 0x08, 0x00];
    query.extend([
        0x45, 0, 0, 28, 0, 0, 0, 0, 1, 2, 0, 0, 10, 0, 0, 9, 224, 0, 0, 1,
    ]);
    query.extend([0x11, tenths, 0, 0, 0, 0, 0, 0]);
    let (ip, igmp) = (checksum(&[&query[14..34]]), checksum(&[&query[34..42]]));
    query[24..26].copy_from_slice(&ip);
    query[36..38].copy_from_slice(&igmp);
    query
}

/// A general query of MLD, to be answered within so many milliseconds.
fn mld_query(millis: u16) -> Vec<u8> {
    let mut query = vec![0x33, 0x33, 0, 0, 0, 1, 2, 0, 0, 0, 0, 9, 0x86, 0xdd];
    query.extend([0x60, 0, 0, 0, 0, 36, 0, 1]);
    let ends: [Ipv6Addr; 2] = ["fe80::9", "ff02::1"].map(|end| end.parse().unwrap());
    query.extend(ends.map(|end| end.octets()).as_flattened());
    // Options: the next header is ICMPv6, and routers look at this packet.
    query.extend([58, 0, 5, 2, 0, 0, 1, 0]);
    let message = query.len();
    let [high, low] = millis.to_be_bytes();
    query.extend([130, 0, 0, 0, high, low, 0, 0]);
    query.extend([0; 20]);
    let sum = checksum(&[
        &query[22..54],
        &[0, 0, 0, 28, 0, 0, 0, 58],
        &query[message..],
    ]);
    query[message + 2..message + 4].copy_from_slice(&sum);
    query
}

/// Polls a host at its deadlines until nothing is due, and for 20 s at most. When each poll was, counted from now.
fn sleep(bench: &mut Bench, host: usize) -> Vec<Duration> {
    let stack = bench.hosts[host];
    let start = bench.now;
    let end = start + Duration::from_secs(20);
    let mut polls = Vec::new();
    while let Some(next) = stack.next_deadline().filter(|next| *next <= end) {
        bench.now = next.max(bench.now);
        stack.poll(bench.now);
        polls.push(bench.now.since(start));
        assert!(polls.len() < 200, "it asks to be polled at once for ever");
    }
    polls
}

#[test]
fn a_member_that_has_reported_sleeps_until_a_frame_arrives() {
    let mut bench = Bench::new(1);
    let stack = bench.hosts[0];
    let _members = [
        member(stack, GROUP),
        member(stack, "ff12::9".parse().unwrap()),
    ];
    stack.poll(bench.now);
    assert_eq!(bench.igmp(0), [IGMP_REPORT]);
    assert_eq!(stack.next_deadline(), None);
    bench.run_for(Duration::from_secs(1));
    assert_eq!(stack.next_deadline(), None);
    assert!(bench.igmp(0).is_empty());
}

#[test]
fn a_report_that_the_device_had_no_room_for_is_sent_by_who_polls_at_the_deadline() {
    let mut bench = Bench::new(1);
    bench.settle();
    bench.ether.set_room(0, Some(0));
    let stack = bench.hosts[0];
    let mut member = member(stack, GROUP);
    let late = bench.now + Duration::from_secs(1);
    while bench.now < late {
        bench.now = stack.next_deadline().unwrap();
        stack.poll(bench.now);
    }
    assert!(bench.igmp(0).is_empty());
    bench.ether.set_room(0, None);
    assert!(sleep(&mut bench, 0).len() <= 1);
    assert_eq!(bench.igmp(0), [IGMP_REPORT]);
    bench.ether.set_room(0, Some(0));
    let mut by_reference = stack;
    by_reference
        .leave_multicast(&mut member, GROUP, Interface::Default)
        .unwrap();
    bench.ether.set_room(0, None);
    assert!(sleep(&mut bench, 0).len() <= 1);
    assert_eq!(bench.igmp(0), [IGMP_LEAVE]);
}

#[test]
fn a_router_that_asks_is_answered_in_time_by_who_polls_at_the_deadline() {
    for (tenths, in_time) in [(100, 10_000), (10, 1_000), (0, 10_000)] {
        for groups in 1..=3 {
            let mut bench = Bench::new(1);
            let stack = bench.hosts[0];
            let addresses = (1..=groups).map(|n| Ipv4Addr::new(239, 1, 2, n));
            let _members: Vec<_> = addresses.map(|group| member(stack, group.into())).collect();
            bench.settle();
            let _ = bench.igmp(0);
            bench.ether.inject(&igmp_query(tenths));
            // The frame wakes the board.
            stack.poll(bench.now);
            let polls = sleep(&mut bench, 0);
            let sent = bench.igmp(0);
            assert_eq!(sent.len(), usize::from(groups));
            assert!(polls.len() <= 5, "{polls:?}");
            assert!(polls.last().unwrap().as_millis() <= in_time, "{polls:?}");
            assert_eq!(stack.next_deadline(), None);
        }
    }
}

#[test]
fn a_router_that_asks_over_ipv6_is_answered_in_time_by_who_polls_at_the_deadline() {
    let mut bench = Bench::new(1);
    let stack = bench.hosts[0];
    let _member = member(stack, "ff12::9".parse().unwrap());
    bench.settle();
    for _ in 0..10 {
        let _ = bench.ether.take_sent(0);
        bench.ether.inject(&mld_query(10_000));
        stack.poll(bench.now);
        let polls = sleep(&mut bench, 0);
        let within = Duration::from_secs(10);
        assert!(
            polls.len() <= 5 && polls.last() <= Some(&within),
            "{polls:?}"
        );
        assert_eq!(bench.ether.take_sent(0).len(), 1);
    }
}

/// A router that wants the answer over IPv6 at once. smoltcp 0.12 divides by that time.
#[test]
fn a_router_that_leaves_no_time_for_the_answer_does_no_harm() {
    let mut bench = Bench::new(1);
    let stack = bench.hosts[0];
    let _member = member(stack, "ff12::9".parse().unwrap());
    bench.settle();
    bench.ether.inject(&mld_query(0));
    bench.settle();
    // Nor does one that says so without the options that belong there.
    let mut bare = mld_query(0);
    bare[20] = 58;
    bare[19] = 28;
    bare.drain(54..62);
    bench.ether.inject(&bare);
    bench.settle();
    assert_eq!(stack.next_deadline(), None);
}

/// What access to the interface has left to be reported goes at once: nothing else would send it.
#[test]
fn an_address_that_comes_while_the_board_sleeps_is_followed_by_the_report() {
    let mut bench = Bench::new(0);
    let stack = nameless(&bench.ether);
    bench.hosts.push(stack);
    let _member = member(stack, GROUP);
    bench.settle();
    assert_eq!(stack.next_deadline(), None);
    set_address(stack, Ipv4Addr::new(10, 0, 0, 1));
    let _ = sleep(&mut bench, 0);
    assert_eq!(bench.igmp(0), [IGMP_REPORT]);
    // A group of the application's own, of which the stack does not know.
    stack.with(|interface, _| {
        let group = Ipv4Addr::new(239, 9, 9, 9);
        interface.join_multicast_group(group).unwrap();
    });
    let _ = sleep(&mut bench, 0);
    assert_eq!(bench.igmp(0), [IGMP_REPORT]);
}

#[test]
fn a_fifth_group_is_one_too_many_and_does_no_harm() {
    let mut bench = Bench::new(2);
    let mut stack = bench.hosts[0];
    // The IPv6 address takes one of smoltcp's four places.
    let groups: Vec<IpAddr> = (1..=4)
        .map(|n| Ipv4Addr::new(239, 9, 9, n).into())
        .collect();
    let mut sockets: Vec<_> = groups[..3]
        .iter()
        .map(|group| member(stack, *group))
        .collect();
    let mut late = bound(stack, PORT);
    let joined = stack.join_multicast(&mut late, groups[3], Interface::Default);
    assert_eq!(joined, Err(Error::TooManyGroups));
    bench.settle();
    assert_eq!(bench.igmp(0), [IGMP_REPORT; 3]);
    stack.close(sockets.pop().unwrap()).unwrap();
    bench.settle();
    assert_eq!(bench.igmp(0), [IGMP_LEAVE]);
    stack
        .join_multicast(&mut late, groups[3], Interface::Default)
        .unwrap();
    let mut there = bench.hosts[1];
    let mut mouth = bound(there, 0);
    there
        .send_to(&mut mouth, SocketAddr::new(groups[3], PORT), b"in")
        .unwrap();
    bench.settle();
    assert_eq!(receive(stack, &mut late), Some(b"in".to_vec()));
    assert_eq!(receive(stack, &mut sockets[0]), None);
}

/// Not right, but smoltcp's: a join is reported as leaving and the other way round (RFC 3810 §5.2.12). A
/// switch that listens learns of the membership with the answer to the next query. When this test
/// fails, smoltcp is mended, and the README's warning can go.
#[test]
fn smoltcp_reports_ipv6_joins_with_the_wrong_record() {
    let mut bench = Bench::new(1);
    bench.settle();
    let _ = bench.ether.take_sent(0);
    let _member = member(bench.hosts[0], "ff12::1:2:3".parse().unwrap());
    bench.settle();
    let sent = bench.ether.take_sent(0);
    // Ethernet, IPv6, hop-by-hop options, the report's header, then the record's type.
    let record = sent[0][14 + 40 + 8 + 8];
    assert_eq!((sent.len(), record), (1, 3));
}
