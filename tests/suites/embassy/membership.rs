//! When a group is joined, reported and left.

use core::net::{IpAddr, Ipv4Addr};
use core::time::Duration;

use embedded_nal::UdpClientStack;
use groupcast::multicast::{Interface, UdpMulticast};
use groupcast::{Config, Tiny};
use groupcast_embassy::embassy_net::ConfigV4;
use groupcast_embassy::{EmbassyStack, Error};
use groupcast_tests::embassy_rig::{address, with_address};

use crate::bench::{
    Bench, CONFIG, Diary, GROUP, IGMP_LEAVE, IGMP_REPORT, PORT, VALUES, bound, member, receive,
};

const NEW: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 99);

/// A member that says nothing within the time of a test: so it is not by its datagrams that the network task is woken.
fn silent(stack: EmbassyStack<'static>) -> groupcast_embassy::LeafMember<'static, 512, 4, 128> {
    let config = CONFIG.with_announce(false);
    stack.join_leaf(config, [1; 32]).unwrap()
}

#[test]
fn a_member_that_sends_nothing_is_reported_at_once() {
    let bench = Bench::new(1);
    let mut stack = bench.stack(0);
    let mut socket = bound(&mut stack, PORT);
    // What a socket does wakes the network's task, too.
    bench.tasks.settle();
    stack
        .join_multicast(&mut socket, GROUP, Interface::Default)
        .unwrap();
    bench.tasks.settle();
    assert_eq!(bench.igmp(0), [(IGMP_REPORT, address(0))]);
}

#[test]
fn a_group_is_reported_once_and_left_with_its_last_member() {
    let bench = Bench::new(1);
    let mut stack = bench.stack(0);
    let mut first = member(&mut stack, GROUP);
    let mut second = bound(&mut stack, PORT + 1);
    stack
        .join_multicast(&mut second, GROUP, Interface::Default)
        .unwrap();
    bench.run_for(Duration::from_secs(1));
    assert_eq!(bench.igmp(0), [(IGMP_REPORT, address(0))]);
    stack
        .leave_multicast(&mut first, GROUP, Interface::Default)
        .unwrap();
    bench.tasks.settle();
    assert_eq!(bench.igmp(0), []);
    stack.close(second).unwrap();
    bench.tasks.settle();
    assert_eq!(bench.igmp(0), [(IGMP_LEAVE, address(0))]);
}

#[test]
fn a_group_joined_before_there_is_an_address_is_reported_when_one_comes() {
    let bench = Bench::of([ConfigV4::None]);
    bench.listen(silent(bench.stack(0)));
    bench.run_for(Duration::from_secs(5));
    assert_eq!(bench.igmp(0), []);
    bench.hosts[0].set_config_v4(with_address(NEW));
    bench.run_for(Duration::from_secs(2));
    assert_eq!(bench.igmp(0), [(IGMP_REPORT, NEW)]);
}

#[test]
fn a_group_is_reported_anew_when_the_address_changes() {
    let bench = Bench::new(2);
    bench.listen(silent(bench.stack(0)));
    bench.run_for(Duration::from_secs(5));
    assert_eq!(bench.igmp(0), [(IGMP_REPORT, address(0))]);
    bench.hosts[0].set_config_v4(with_address(NEW));
    bench.run_for(Duration::from_secs(2));
    assert_eq!(bench.igmp(0), [(IGMP_LEAVE, NEW), (IGMP_REPORT, NEW)]);
    // And again, over a time without one.
    bench.hosts[0].set_config_v4(ConfigV4::None);
    bench.run_for(Duration::from_secs(2));
    bench.hosts[0].set_config_v4(with_address(address(0)));
    bench.run_for(Duration::from_secs(2));
    assert_eq!(bench.igmp(0), [(IGMP_REPORT, address(0))]);
    bench.run_for(Duration::from_secs(100));
    assert_eq!(bench.igmp(0), []);
}

#[test]
fn a_group_is_reported_anew_when_the_link_is_back() {
    let bench = Bench::new(1);
    bench.listen(silent(bench.stack(0)));
    bench.run_for(Duration::from_secs(5));
    let _ = bench.igmp(0);
    bench.ether.set_plugged(0, false);
    bench.run_for(Duration::from_secs(2));
    let _ = bench.igmp(0);
    bench.ether.set_plugged(0, true);
    bench.run_for(Duration::from_secs(2));
    assert_eq!(bench.igmp(0), [(IGMP_REPORT, address(0))]);
}

#[test]
fn a_group_that_somebody_else_has_left_is_joined_again() {
    let bench = Bench::new(2);
    let (_, heard) = bench.listen(silent(bench.stack(0)));
    bench.run_for(Duration::from_secs(5));
    bench.hosts[0]
        .leave_multicast_group(Ipv4Addr::new(239, 1, 2, 3))
        .unwrap();
    bench.run_for(Duration::from_secs(2));
    let mut other = bench
        .stack(1)
        .join(Box::new(Tiny::new()), CONFIG, [2; 32])
        .unwrap();
    other.try_queue(VALUES, b"heard").unwrap();
    bench.listen(other);
    bench.run_for(Duration::from_secs(1));
    assert_eq!(heard.borrow().messages, [b"heard".to_vec()]);
}

/// The members go on hearing each other under new addresses.
#[test]
fn a_member_with_a_new_address_is_heard_and_hears() {
    let bench = Bench::new(2);
    let join = |host: usize| {
        let node = bench
            .stack(host)
            .join(Box::new(Tiny::new()), CONFIG, [host as u8 + 1; 32]);
        node.unwrap()
    };
    let (_, here) = bench.listen(join(0));
    let (_, there) = bench.send(join(1), 1, Duration::ZERO);
    bench.run_for(Duration::from_secs(5));
    bench.hosts[0].set_config_v4(with_address(NEW));
    bench.run_for(Duration::from_secs(60));
    let peers = |diary: &core::cell::RefCell<Diary>| diary.borrow().peers;
    assert_eq!((peers(&here), peers(&there)), (1, 1));
    assert!(here.borrow().is_complete(1));
}

/// A general query of IGMPv2, to be answered within so many tenths of a second.
fn query(tenths: u8) -> Vec<u8> {
    let mut query = vec![0x01, 0x00, 0x5e, 0, 0, 1, 2, 0, 0, 0, 0, 9, 0x08, 0x00];
    query.extend([
        0x45, 0, 0, 28, 0, 0, 0, 0, 1, 2, 0, 0, 10, 0, 0, 9, 224, 0, 0, 1,
    ]);
    query.extend([0x11, tenths, 0, 0, 0, 0, 0, 0]);
    let sum = |bytes: &[u8]| {
        let words = bytes
            .chunks(2)
            .map(|w| u32::from(w[0]) << 8 | u32::from(w[1]));
        let sum: u32 = words.sum();
        (!((sum & 0xffff) + (sum >> 16)) as u16).to_be_bytes()
    };
    let (ip, igmp) = (sum(&query[14..34]), sum(&query[34..42]));
    query[24..26].copy_from_slice(&ip);
    query[36..38].copy_from_slice(&igmp);
    query
}

#[test]
fn a_router_that_asks_is_answered_in_time_while_the_member_sleeps() {
    for tenths in [100, 25] {
        let bench = Bench::new(1);
        bench.listen(silent(bench.stack(0)));
        bench.run_for(Duration::from_millis(5300));
        let _ = bench.igmp(0);
        bench.ether.inject(&query(tenths));
        bench.run_for(Duration::from_millis(u64::from(tenths) * 100));
        assert_eq!(bench.igmp(0), [(IGMP_REPORT, address(0))], "{tenths}");
    }
}

#[test]
fn a_fifth_group_is_one_too_many_and_does_no_harm() {
    let bench = Bench::new(2);
    let mut stack = bench.stack(0);
    let groups: [IpAddr; 5] =
        core::array::from_fn(|n| Ipv4Addr::new(239, 9, 9, n as u8 + 1).into());
    let mut socket = bound(&mut stack, PORT);
    for group in &groups[..4] {
        stack
            .join_multicast(&mut socket, *group, Interface::Default)
            .unwrap();
    }
    let joined = stack.join_multicast(&mut socket, groups[4], Interface::Default);
    assert_eq!(joined, Err(Error::TooManyGroups));
    let mut other = bound(&mut stack, PORT + 1);
    let joined = stack.join_multicast(&mut other, groups[4], Interface::Default);
    assert_eq!(joined, Err(Error::TooManyGroups));
    bench.tasks.settle();
    stack
        .leave_multicast(&mut socket, groups[3], Interface::Default)
        .unwrap();
    bench.tasks.settle();
    stack
        .join_multicast(&mut other, groups[4], Interface::Default)
        .unwrap();
    bench.tasks.settle();
    assert_eq!(bench.igmp(0).len(), 6);
    let mut there = bench.stack(1);
    let mut mouth = bound(&mut there, 0);
    let to = core::net::SocketAddr::new(groups[4], PORT + 1);
    embedded_nal::UdpFullStack::send_to(&mut there, &mut mouth, to, b"in").unwrap();
    bench.tasks.settle();
    assert_eq!(receive(&mut stack, &mut other), Some(b"in".to_vec()));
}

#[test]
fn groups_of_ipv6_are_joined_with_the_feature() {
    let config = Config::new("[ff12::99]:12345".parse().unwrap());
    let bench = Bench::new(1);
    let _ = bench.ether.take_sent(0);
    let joined = bench.stack(0).join(Box::new(Tiny::new()), config, [1; 32]);
    let _node = joined.unwrap();
    bench.tasks.settle();
    assert!(!bench.ether.take_sent(0).is_empty());
}
