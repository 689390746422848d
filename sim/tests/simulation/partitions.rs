//! What reaches whom, and changes of that while the network runs.

use core::time::Duration;

use groupcast::embedded_nal::nb;
use groupcast::multicast::{UdpError, UdpErrorKind};
use groupcast_sim::{HostId, Link, Network};

use crate::{Member, TO_GROUP};

/// Who receives what each of the members sends: `reach(..)[a]` lists those that hear `a`.
fn reach(members: &mut [Member]) -> Vec<Vec<usize>> {
    (0..members.len())
        .map(|sender| {
            members[sender].send(b"?");
            (0..members.len())
                .filter(|index| !members[*index].drain().is_empty())
                .collect()
        })
        .collect()
}

fn members<const N: usize>(network: &Network) -> ([Member; N], [HostId; N]) {
    let members = [(); N].map(|()| Member::new(network));
    let hosts = core::array::from_fn(|index| members[index].host());
    (members, hosts)
}

#[test]
fn a_partition_cuts_both_ways_and_heals() {
    let network = Network::new(1);
    let (mut members, [a, b, c, d]) = members(&network);
    network.partition(&[a, b], &[c, d]);
    assert_eq!(reach(&mut members), [[0, 1], [0, 1], [2, 3], [2, 3]]);
    // Eight copies were stopped, and are in the accounts.
    assert_eq!(network.counters().partitioned, 8);
    assert!(network.counters().is_balanced());
    network.heal();
    assert_eq!(reach(&mut members), [[0, 1, 2, 3]; 4]);
}

#[test]
fn hosts_on_neither_side_reach_everyone() {
    let network = Network::new(1);
    let (mut members, [a, b, _]) = members(&network);
    network.partition(&[a], &[b]);
    assert_eq!(reach(&mut members), [vec![0, 2], vec![1, 2], vec![0, 1, 2]]);
}

#[test]
fn a_host_on_both_sides_is_isolated_but_hears_itself() {
    let network = Network::new(1);
    let (mut members, hosts) = members::<3>(&network);
    network.partition(&hosts[..1], &hosts);
    assert_eq!(reach(&mut members), [vec![0], vec![1, 2], vec![1, 2]]);
}

#[test]
fn a_block_cuts_one_way() {
    let network = Network::new(1);
    let (mut members, [a, b]) = members(&network);
    network.block(a, b);
    assert_eq!(reach(&mut members), [vec![0], vec![0, 1]]);
    network.unblock(a, b);
    assert_eq!(reach(&mut members), [[0, 1], [0, 1]]);
}

#[test]
fn what_is_on_its_way_passes_a_new_partition() {
    let network = Network::new(1).with_link(Link::perfect().with_delay(Duration::from_millis(5)));
    let (mut members, [a, b]) = members(&network);
    members[0].send(b"just in time");
    network.partition(&[a], &[b]);
    members[0].send(b"too late");
    network.advance_by(Duration::from_millis(5));
    assert_eq!(members[1].drain(), [b"just in time"]);
}

#[test]
fn a_host_that_is_down_neither_sends_nor_receives() {
    let network = Network::new(1).with_link(Link::perfect().with_delay(Duration::from_millis(5)));
    let (mut members, [a, _]) = members(&network);
    members[0].send(b"sent while up");
    members[1].send(b"arrives while down");
    network.set_host_up(a, false);
    let Err(nb::Error::Other(error)) = members[0].send_to(TO_GROUP, b"not sent") else {
        panic!()
    };
    assert_eq!(error.kind(), UdpErrorKind::NoRoute);
    network.advance_by(Duration::from_millis(5));
    assert_eq!(
        members[1].drain(),
        [&b"arrives while down"[..], b"sent while up"]
    );
    assert_eq!(network.counters().partitioned, 1);

    network.set_host_up(a, true);
    // What waited in it is still there, and it is still a member.
    assert_eq!(members[0].drain(), [b"sent while up"]);
    members[1].send(b"again");
    network.advance_by(Duration::from_millis(5));
    assert_eq!(members[0].drain(), [b"again"]);
}

#[test]
fn a_link_of_its_own_concerns_one_direction_and_can_change() {
    let network = Network::new(1);
    let (mut members, [a, b, _]) = members(&network);
    network.set_link(a, b, Link::perfect().with_loss(1.0));
    assert_eq!(
        reach(&mut members),
        [vec![0, 2], vec![0, 1, 2], vec![0, 1, 2]]
    );
    network.set_default_link(Link::perfect().with_loss(1.0));
    network.set_link(a, b, Link::perfect());
    assert_eq!(reach(&mut members), [vec![0, 1], vec![1], vec![2]]);
    network.reset_link(a, b);
    assert_eq!(reach(&mut members), [[0], [1], [2]]);
}

#[test]
fn a_single_host_can_be_without_loopback() {
    let network = Network::new(1).with_loopback(None);
    let (mut members, [a, _]) = members(&network);
    assert_eq!(reach(&mut members), [[1], [0]]);
    network.set_link(a, a, Link::perfect());
    assert_eq!(reach(&mut members), [vec![0, 1], vec![0]]);
}

#[test]
fn a_driver_is_told_which_hosts_to_poll() {
    let network = Network::new(1).with_link(Link::perfect().with_delay(Duration::from_millis(5)));
    let (mut members, [a, b, c]) = members(&network);
    members[1].send(b"1");
    members[1].send(b"2");
    // Its own host hears it at once, the others after the delay.
    assert_eq!(network.take_ready(), [b]);
    assert_eq!(network.take_ready(), []);
    network.advance_to(network.next_arrival().unwrap());
    assert_eq!(network.take_ready(), [a, c]);
    assert_eq!(network.next_arrival(), None);
    assert!(network.is_ready(a));
    members[0].drain();
    assert!(!network.is_ready(a));
    assert!(network.is_ready(c));
    // What arrives later is told again, even at hosts that have not been emptied.
    members[0].send(b"3");
    network.advance_by(Duration::from_millis(5));
    assert_eq!(network.take_ready(), [a, b, c]);
}

#[test]
fn time_never_runs_backwards() {
    let network = Network::new(1);
    network.advance_by(Duration::from_secs(2));
    let now = network.now();
    network.advance_to(groupcast::Instant::ZERO);
    assert_eq!(network.now(), now);
}
