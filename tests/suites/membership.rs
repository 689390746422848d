//! Who is there: rosters of simulated groups under loss, crashes, restarts and partitions.

use core::net::SocketAddr;
use core::time::Duration;

use groupcast::{Channel, Config, MemberId, OwnedEvent, Tiny};
use groupcast_sim::{Link, MemberKey, SimNet};

const CHANNEL: Channel = Channel::best_effort(0);

fn group() -> SocketAddr {
    "239.1.2.3:12345".parse().unwrap()
}

fn name(n: usize) -> String {
    format!("member {n}")
}

/// A group of this size on this link.
fn group_of(size: usize, seed: u64, link: Link) -> (SimNet, Vec<MemberKey>) {
    let mut net = SimNet::new(seed).with_link(link);
    let keys = (0..size)
        .map(|n| net.join(Config::new(group()).with_name(&name(n))))
        .collect();
    (net, keys)
}

/// Whether every running member has every other one on its roster.
fn all_agree(net: &SimNet, keys: &[MemberKey]) -> bool {
    let running = keys.iter().filter(|key| net[**key].is_running()).count();
    keys.iter()
        .filter(|key| net[**key].is_running())
        .all(|key| net[*key].peer_names().len() == running - 1)
}

fn count(net: &SimNet, key: MemberKey, wanted: impl Fn(&OwnedEvent) -> bool) -> usize {
    net[key]
        .events()
        .iter()
        .filter(|event| wanted(event))
        .count()
}

#[test]
fn ten_members_know_each_other_within_five_seconds_at_a_fifth_lost() {
    for seed in 0..20 {
        let (mut net, keys) = group_of(10, seed, Link::lan().with_loss(0.2));
        let done = net.run_until(Duration::from_secs(5), |net| all_agree(net, &keys));
        assert!(done, "seed {seed}");
    }
}

/// PROTOCOL M8.
#[test]
fn without_loss_nobody_is_ever_suspected() {
    let (mut net, keys) = group_of(12, 1, Link::wifi());
    net.run_for(Duration::from_secs(300));
    for key in keys {
        assert_eq!(
            count(&net, key, |event| matches!(event, OwnedEvent::Joined(_))),
            11
        );
        assert_eq!(net[key].events().len(), 11, "{:?}", net[key].events());
    }
}

#[test]
fn at_a_tenth_lost_almost_nobody_is_given_up_wrongly() {
    // 20 seeds of 10 members that watch 9 others for 120 s: about 6,000 windows of 3.5 s.
    let mut lost = 0;
    for seed in 0..20 {
        let (mut net, keys) = group_of(10, seed, Link::lan().with_loss(0.1));
        net.run_for(Duration::from_secs(120));
        for key in keys {
            lost += count(&net, key, |event| matches!(event, OwnedEvent::Lost(_)));
        }
    }
    // The protocol's own estimate is 4e-5 per window and pair: 2.5 in all.
    assert!(lost <= 10, "{lost} members were given up though they lived");
}

/// PROTOCOL M8.
#[test]
fn a_member_that_crashed_is_lost_everywhere_within_its_time() {
    for seed in 0..10 {
        let (mut net, keys) = group_of(6, seed, Link::lan().with_loss(0.05));
        net.run_for(Duration::from_secs(5));
        net.crash(keys[0]);
        // 3.5 intervals of a second; what was on its way counts as life.
        net.run_for(Duration::from_millis(3_510));
        for key in &keys[1..] {
            let lost =
                |event: &OwnedEvent| matches!(event, OwnedEvent::Lost(m) if m.name() == "member 0");
            assert_eq!(count(&net, *key, lost), 1, "seed {seed}");
        }
    }
}

#[test]
fn a_member_that_leaves_is_gone_everywhere_at_once() {
    let (mut net, keys) = group_of(6, 1, Link::lan());
    net.run_for(Duration::from_secs(2));
    net[keys[0]].leave();
    net.run_for(Duration::from_millis(200));
    assert!(!net[keys[0]].is_running());
    for key in &keys[1..] {
        assert_eq!(
            count(&net, *key, |event| matches!(event, OwnedEvent::Left(_))),
            1
        );
        assert_eq!(net[*key].peer_names().len(), 4);
    }
}

/// PROTOCOL M23.
#[test]
fn a_restart_is_recognised_by_the_fixed_id() {
    let mut net: SimNet = SimNet::new(3).with_link(Link::wifi());
    let id = MemberId::new(42).unwrap();
    let boiler = net.join(Config::new(group()).with_name("boiler").with_id(id));
    let panel = net.join(Config::new(group()).with_name("panel"));
    net.run_for(Duration::from_secs(3));
    for _ in 0..5 {
        net[panel].take_events();
        net.crash(boiler);
        net.restart(boiler);
        net.run_for(Duration::from_secs(3));
        let events = net[panel].take_events();
        assert!(
            matches!(&events[..], [OwnedEvent::Restarted(m)] if m.id() == id),
            "{events:?}"
        );
    }
}

#[test]
fn rosters_agree_again_after_a_partition() {
    for seed in 0..10 {
        let (mut net, keys) = group_of(8, seed, Link::lan().with_loss(0.1));
        net.run_for(Duration::from_secs(3));
        let hosts: Vec<_> = keys.iter().map(|key| net[*key].host()).collect();
        net.network().partition(&hosts[..3], &hosts[3..]);
        net.run_for(Duration::from_secs(20));
        assert_eq!(net[keys[0]].peer_names().len(), 2, "seed {seed}");
        net.network().heal();
        let healed = net.run_until(Duration::from_secs(5), |net| all_agree(net, &keys));
        assert!(healed, "seed {seed}");
    }
}

/// PROTOCOL W5.
#[test]
fn two_groups_on_one_port_never_hear_each_other() {
    let mut net: SimNet = SimNet::new(5);
    let host = net.network().add_host();
    let config = |name: &str| Config::new(group()).with_group_name(name);
    // The same address and port, on one host: only the tag tells them apart.
    let kitchen = net.join_on(host, config("kitchen"));
    let garage = net.join_on(host, config("garage"));
    net.run_for(Duration::from_secs(2));
    net[kitchen].send(CHANNEL, b"soup").unwrap();
    net.run_for(Duration::from_secs(1));
    assert!(net[garage].events().is_empty());
    assert!(net[garage].node().unwrap().counters().other_group > 0);
}

#[test]
fn members_on_one_host_hear_each_other() {
    let mut net: SimNet = SimNet::new(5);
    let host = net.network().add_host();
    let ana = net.join_on(host, Config::new(group()).with_name("ana"));
    let ben = net.join_on(host, Config::new(group()).with_name("ben"));
    net.run_for(Duration::from_secs(1));
    net[ana].send(CHANNEL, b"hi").unwrap();
    net.run_for(Duration::from_secs(1));
    assert_eq!(net[ben].last(CHANNEL), Some(&b"hi"[..]));
    assert_eq!(net[ana].peer_names(), ["ben"]);
}

/// PROTOCOL M26, M28.
#[test]
fn two_automatic_ids_that_collide_are_told_apart_within_two_intervals() {
    // Fixed ids make the collision; one of the two falls silent, the other one stays.
    let mut net: SimNet = SimNet::new(7).with_link(Link::lan());
    let id = MemberId::new(7).unwrap();
    let twins: Vec<_> = (0..2)
        .map(|n| net.join(Config::new(group()).with_name(&name(n)).with_id(id)))
        .collect();
    let witness = net.join(Config::new(group()).with_name("witness"));
    net.run_for(Duration::from_millis(2_500));
    let told = |net: &SimNet, key| count(net, key, |e| matches!(e, OwnedEvent::DuplicateId(_)));
    let outcomes: Vec<_> = twins.iter().map(|key| told(&net, *key)).collect();
    assert!(outcomes.iter().any(|told| *told > 0), "{outcomes:?}");
    let sending = twins
        .iter()
        .filter(|key| net[**key].send(CHANNEL, b"x").is_ok());
    let sending: Vec<_> = sending.collect::<Vec<_>>().into_iter().copied().collect();
    assert_eq!(sending.len(), 1, "one of the two keeps the id");
    net.run_for(Duration::from_secs(5));
    assert!(net[witness].last(CHANNEL).is_some(), "and is heard");
}

/// PROTOCOL W20.
#[test]
fn a_group_larger_than_the_roster_still_talks() {
    let mut net = SimNet::new(9).with_memory::<Tiny>().with_link(Link::lan());
    let keys: Vec<_> = (0..14)
        .map(|n| net.join(Config::new(group()).with_name(&name(n))))
        .collect();
    net.run_for(Duration::from_secs(10));
    for key in &keys {
        assert_eq!(net[*key].peer_names().len(), 8);
        let full = net[*key].events().iter();
        let full = full
            .filter(|event| matches!(event, OwnedEvent::RosterFull { .. }))
            .count();
        assert_eq!(full, 1, "said once a minute");
    }
    net[keys[0]].send(CHANNEL, b"to all").unwrap();
    net.run_for(Duration::from_millis(100));
    for key in &keys[1..] {
        assert_eq!(net[*key].last(CHANNEL), Some(&b"to all"[..]));
    }
}

/// PROTOCOL M3.
#[test]
fn hello_traffic_stays_bounded() {
    for size in [2, 20, 100] {
        let (mut net, _) = group_of_board_size(size);
        net.run_for(Duration::from_secs(100));
        let before = net.network().counters().sent;
        net.run_for(Duration::from_secs(100));
        let per_second = (net.network().counters().sent - before) as f64 / 100.0;
        let expected = (size as f64).min(20.0);
        assert!(
            (per_second - expected).abs() <= expected * 0.1,
            "{size} members: {per_second} HELLOs a second"
        );
    }
}

fn group_of_board_size(size: usize) -> (SimNet, Vec<MemberKey>) {
    let mut net = SimNet::new(size as u64)
        .with_link(Link::lan())
        .with_memory::<Roomy>();
    let keys = (0..size)
        .map(|n| net.join(Config::new(group()).with_name(&name(n))))
        .collect();
    (net, keys)
}

/// Room for every member of the largest group here.
type Roomy = groupcast::Storage<128, 2, 16, 20, 1600, 1473>;

#[test]
fn the_same_seed_gives_the_same_run() {
    let run = |seed| {
        let link = Link::wifi()
            .with_loss(0.2)
            .with_duplicate(0.1)
            .with_corrupt(0.1);
        let (mut net, keys) = group_of(5, seed, link);
        for n in 0..50 {
            net[keys[n % 5]]
                .send(CHANNEL, format!("message {n}").as_bytes())
                .unwrap();
            net.run_for(Duration::from_millis(100));
        }
        let told: Vec<_> = keys.iter().map(|key| net[*key].events().to_vec()).collect();
        (net.network().trace_hash(), told)
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1).0, run(2).0);
}

#[test]
fn best_effort_is_at_most_once_whatever_the_network_does() {
    for seed in 0..20 {
        let link = Link::wifi()
            .with_loss(0.1)
            .with_duplicate(0.3)
            .with_reorder(0.2, Duration::from_millis(50))
            .with_corrupt(0.1)
            .with_truncate(0.1);
        let (mut net, keys) = group_of(4, seed, link);
        net.run_for(Duration::from_secs(2));
        for n in 0..200 {
            net[keys[n % 4]]
                .send(CHANNEL, format!("{n}").as_bytes())
                .unwrap();
            net.run_for(Duration::from_millis(20));
        }
        net.run_for(Duration::from_secs(1));
        for (at, key) in keys.iter().enumerate() {
            let mut heard: Vec<usize> = net[*key]
                .messages(CHANNEL)
                .map(|message| message.text().unwrap().parse().unwrap())
                .collect();
            assert!(heard.len() > 90, "seed {seed}: {} of 150", heard.len());
            assert!(heard.iter().all(|n| *n < 200 && n % 4 != at));
            let all = heard.len();
            heard.sort_unstable();
            heard.dedup();
            assert_eq!(heard.len(), all, "seed {seed}: a message came twice");
            let c = net[*key].node().unwrap().counters();
            assert_eq!(c.received, c.accepted + c.raw + c.own + c.dropped());
            assert!(c.corrupt > 0 && c.duplicate > 0, "{c:?}");
        }
    }
}

#[test]
fn what_arrives_without_delay_is_heard_at_once() {
    let mut net: SimNet = SimNet::new(1);
    let ana = net.join(Config::new(group()).with_name("ana"));
    let ben = net.join(Config::new(group()).with_name("ben"));
    net.run_for(Duration::from_secs(1));
    let begun = net.now();
    net[ben].send(CHANNEL, b"now").unwrap();
    let heard = net.run_until(Duration::from_secs(1), |net| {
        net[ana].last(CHANNEL).is_some()
    });
    assert!(heard && net.now().since(begun) < Duration::from_micros(10));
}
