//! Sealed groups on the simulated network: first contact, restarts, keys, and strangers.

use core::time::Duration;

use groupcast::seal::{FirstContact, GroupKey, KeySet};
use groupcast::{Channel, Config, Counters, OwnedEvent, Storage};
use groupcast_sim::{Link, MemberKey, SimNet};

const ORDERED: Channel = Channel::reliable_ordered(1);
const CHANNEL: Channel = Channel::best_effort(2);

/// Room for sixty-four others.
type Crowd = Storage<64, 4, 32, 100, 8192, 1473>;

fn config(name: &str) -> Config {
    Config::new("239.1.2.3:12345".parse().unwrap()).with_name(name)
}

fn keys(octets: &[u8]) -> KeySet {
    let mut octets = octets.iter();
    let mut key = || octets.next().map(|octet| GroupKey::new([*octet; 32]));
    let mut keys = KeySet::new(key().unwrap());
    while let Some(other) = key() {
        keys.accept(other).unwrap();
    }
    keys
}

fn join(net: &mut SimNet, name: &str, octets: &[u8]) -> MemberKey {
    net.join_sealed(config(name), keys(octets), FirstContact::Verify)
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn counters(net: &SimNet, key: MemberKey) -> Counters {
    *net[key].node().unwrap().counters()
}

fn texts(net: &SimNet, key: MemberKey, channel: Channel) -> Vec<String> {
    net[key]
        .messages(channel)
        .map(|message| String::from_utf8(message.payload.clone()).unwrap())
        .collect()
}

fn told(net: &SimNet, key: MemberKey) -> Vec<String> {
    net[key].events().iter().map(ToString::to_string).collect()
}

/// PROTOCOL K11.
#[test]
fn two_members_with_one_key_find_each_other_within_half_a_second() {
    for seed in 0..200 {
        let mut net: SimNet = SimNet::new(seed).with_link(Link::lan());
        let ana = join(&mut net, "ana", &[1]);
        net.run_for(ms(seed * 7));
        let ben = join(&mut net, "ben", &[1]);
        let met = net.run_until(ms(500), |net| {
            net[ana].peer_names() == ["ben"] && net[ben].peer_names() == ["ana"]
        });
        assert!(met, "seed {seed}");
    }
}

/// PROTOCOL K14.
#[test]
fn the_first_message_of_a_newcomer_is_heard() {
    for seed in 0..100 {
        let mut net: SimNet = SimNet::new(seed).with_link(Link::lan());
        let ana = join(&mut net, "ana", &[1]);
        net.run_for(ms(3_000));
        let ben = join(&mut net, "ben", &[1]);
        net[ben].send(CHANNEL, b"hello").unwrap();
        net.run_for(ms(400));
        assert_eq!(texts(&net, ana, CHANNEL), ["hello"], "seed {seed}");
        net[ben].send(CHANNEL, b"again").unwrap();
        net.run_for(ms(2));
        assert_eq!(
            texts(&net, ana, CHANNEL),
            ["hello", "again"],
            "no more waiting"
        );
    }
}

/// PROTOCOL K14.
#[test]
fn who_only_says_one_thing_and_leaves_is_heard() {
    for seed in 0..100 {
        let mut net: SimNet = SimNet::new(seed).with_link(Link::lan());
        let ana = join(&mut net, "ana", &[1]);
        net.run_for(ms(3_000));
        let ben = join(&mut net, "ben", &[1]);
        net[ben].send(CHANNEL, b"hello").unwrap();
        net[ben].leave();
        assert!(net[ben].send(CHANNEL, b"too late").is_err());
        net.run_for(ms(500));
        assert!(!net[ben].is_running());
        assert_eq!(
            told(&net, ana),
            ["ben joined", "ben: hello", "ben left"],
            "seed {seed}"
        );
    }
}

/// PROTOCOL K3.
#[test]
fn whoever_has_another_key_or_none_hears_nothing_and_disturbs_nothing() {
    let mut net: SimNet = SimNet::new(7).with_link(Link::lan().with_loss(0.1));
    let ana = join(&mut net, "ana", &[1]);
    let ben = join(&mut net, "ben", &[1]);
    let eve = join(&mut net, "eve", &[2]);
    let bob = net.join(config("bob"));
    net.run_for(ms(1_000));
    for n in 0..50 {
        for key in [ana, eve, bob] {
            net[key].send(ORDERED, format!("{n}").as_bytes()).unwrap();
        }
        net.run_for(ms(20));
    }
    net.run_for(ms(3_000));
    let all: Vec<_> = (0..50).map(|n| n.to_string()).collect();
    assert_eq!(texts(&net, ben, ORDERED), all);
    assert_eq!(told(&net, ben).len(), 51, "and that ana joined");
    for key in [eve, bob] {
        assert_eq!(told(&net, key), [] as [&str; 0]);
        assert!(net[key].peer_names().is_empty());
    }
    assert!(counters(&net, ben).other_group > 50);
    assert!(counters(&net, ben).wrong_suite > 50);
    assert!(counters(&net, eve).other_group > 50);
    assert!(counters(&net, bob).wrong_suite > 50);
}

/// PROTOCOL K8.
#[test]
fn whoever_starts_again_is_believed_again_and_told_as_a_restart() {
    let mut net: SimNet = SimNet::new(3).with_link(Link::lan());
    let ana = net.join_sealed(
        config("ana").with_id(groupcast::MemberId::new(7).unwrap()),
        keys(&[1]),
        FirstContact::Verify,
    );
    let ben = join(&mut net, "ben", &[1]);
    for life in 0..5 {
        net.run_for(ms(1_000));
        net[ana]
            .send(ORDERED, format!("life {life}").as_bytes())
            .unwrap();
        net.run_for(ms(1_000));
        net.restart(ana);
    }
    let expected: Vec<_> = (0..5).map(|life| format!("life {life}")).collect();
    assert_eq!(texts(&net, ben, ORDERED), expected);
    net.run_for(ms(1_000));
    let restarts = net[ben].events().iter();
    let restarts = restarts.filter(|event| matches!(event, OwnedEvent::Restarted(_)));
    assert_eq!(restarts.count(), 5);
}

/// PROTOCOL K1.
#[test]
fn keys_are_changed_without_losing_a_message() {
    let mut net: SimNet = SimNet::new(4).with_link(Link::lan().with_loss(0.05));
    let members = ["ana", "ben", "cleo"].map(|name| join(&mut net, name, &[1]));
    let mut sent = Vec::new();
    // First all accept the new key, then they send with it, then the old one is gone.
    for (step, set) in [&[1, 2][..], &[2, 1], &[2]].into_iter().enumerate() {
        for (n, member) in members.into_iter().enumerate() {
            net.run_for(ms(1_500));
            net[member].set_keys(keys(set)).unwrap();
            net.run_for(ms(1_500));
            let text = format!("{step} {n}");
            net[members[0]].send(ORDERED, text.as_bytes()).unwrap();
            sent.push(text);
        }
    }
    net.run_for(ms(3_000));
    for member in &members[1..] {
        assert_eq!(texts(&net, *member, ORDERED), sent);
        assert_eq!(net[*member].peer_names().len(), 2);
    }
    let stranger = join(&mut net, "old", &[1]);
    net.run_for(ms(3_000));
    assert!(net[stranger].peer_names().is_empty());
}

/// PROTOCOL K15.
#[test]
fn a_listener_that_trusts_first_needs_not_be_heard() {
    let mut net: SimNet = SimNet::new(5).with_link(Link::lan());
    let ana = join(&mut net, "ana", &[1]);
    net.run_for(ms(1_000));
    let quiet = config("quiet").with_announce(false);
    let ear = net.join_sealed(quiet, keys(&[1]), FirstContact::TrustFirst);
    net.run_for(ms(10));
    net[ana].send(CHANNEL, b"to whom it may concern").unwrap();
    net.run_for(ms(10));
    assert_eq!(texts(&net, ear, CHANNEL), ["to whom it may concern"]);
    assert!(net[ana].peer_names().is_empty());
}

#[test]
fn a_group_that_starts_at_once_is_complete_soon() {
    for members in [10, 40] {
        let mut net = SimNet::new(1).with_memory::<Crowd>().with_link(Link::lan());
        let names: Vec<_> = (0..members).map(|n| format!("m{n}")).collect();
        let all: Vec<_> = names
            .iter()
            .map(|name| net.join_sealed(config(name), keys(&[1]), FirstContact::Verify))
            .collect();
        let complete = net.run_until(ms(10_000), |net| {
            all.iter()
                .all(|member| net[*member].peer_names().len() == members - 1)
        });
        let took = net.now().since(groupcast::Instant::ZERO);
        let datagrams: u64 = all.iter().map(|m| counters(&net, *m).datagrams_sent).sum();
        println!("{members} members: {took:?}, {datagrams} datagrams");
        assert!(complete, "{members} members");
    }
}
