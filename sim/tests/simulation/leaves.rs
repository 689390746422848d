//! Leaves on a simulated network: they are members like any other, as far as a leaf goes.

use core::time::Duration;

use groupcast::seal::{FirstContact, GroupKey, KeySet};
use groupcast::{
    Application, Channel, Class, Config, Desktop, Endpoint, Event, Instant, MemberId, OwnedEvent,
    SendError, TinyPeer,
};
use groupcast_sim::{Link, MemberKey, SimLeaf, SimNet};

use crate::TO_GROUP;

const TEMPERATURE: Channel = Channel::state(1);
const VALVE: Channel = Channel::state(2);
/// By which others know that it is the same one.
const ID: MemberId = MemberId::new(0x1eaf).unwrap();
const RELIABLE: Channel = Channel::reliable_ordered(3);

const fn config(name: &str) -> Config {
    Config::new(TO_GROUP).with_name(name)
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn has(net: &SimNet, key: MemberKey, channel: Channel, value: &[u8]) -> bool {
    net[key].last(channel) == Some(value)
}

#[test]
fn values_and_commands_arrive_under_loss_and_late_joiners_get_them() {
    for seed in 1..=20 {
        let link = Link::wifi().with_loss(0.2);
        let mut net = SimNet::new(seed).with_link(link);
        let sensor = net.join_leaf(config("sensor"));
        let valve = net.join_leaf_with::<600, 2, 64>(config("valve"));
        let panel = net.join_with::<Desktop>(config("panel"));
        let small = net.join_with::<TinyPeer>(config("small"));
        net[sensor].send(TEMPERATURE, b"21.5").unwrap();
        net[panel].send(VALVE, b"open").unwrap();
        assert!(net.run_until(seconds(10), |net| {
            has(net, valve, VALVE, b"open")
                && [valve, panel, small]
                    .iter()
                    .all(|key| has(net, *key, TEMPERATURE, b"21.5"))
        }));
        // Who joins now is told both by those who said them.
        let late = net.join_leaf(config("late"));
        assert!(net.run_until(seconds(10), |net| {
            has(net, late, TEMPERATURE, b"21.5") && has(net, late, VALVE, b"open")
        }));
        assert!(net.run_until(seconds(10), |net| {
            net[panel].peer_names() == ["late", "sensor", "small", "valve"]
        }));
    }
}

#[test]
fn a_leaf_refuses_what_it_cannot_do_and_has_no_roster() {
    let mut net = SimNet::new(1);
    let leaf = net.join_leaf(config("leaf"));
    let ana = net.join(config("ana"));
    net.run_for(seconds(1));
    let sent = net[leaf].send(RELIABLE, b"hello");
    assert_eq!(sent, Err(SendError::NotReliable));
    let value = net[leaf].send(TEMPERATURE, b"21.5").unwrap();
    assert_eq!(net[leaf].confirm(value), Err(SendError::NotReliable));
    let long = net[leaf].send(Channel::best_effort(4), &[0; 1_000]);
    assert!(matches!(long, Err(SendError::TooLong { len: 1_000, .. })));
    assert_eq!(net[leaf].max_message(Class::ReliableOrdered), 0);
    assert_eq!(net[leaf].max_message(Class::State), 120);
    assert!(net[leaf].node().is_none() && net[leaf].peer_names().is_empty());
    let of_its_size: Option<&SimLeaf> = net[leaf].leaf();
    assert_eq!(of_its_size.map(|leaf| leaf.leaf().id()), net[leaf].id());
    assert!(net[leaf].leaf::<512, 5, 128>().is_none());
    assert!(net[ana].leaf::<512, 4, 128>().is_none() && net[ana].node().is_some());

    net[leaf].send_raw(b"raw").unwrap();
    net[ana].send(RELIABLE, b"for others").unwrap();
    net.run_for(seconds(1));
    let is_raw = |event: &OwnedEvent| matches!(event, OwnedEvent::Raw { .. });
    assert!(net[ana].events().iter().any(is_raw));
    assert_eq!(net[leaf].last(RELIABLE), None);
    let is_dropped = |event: &OwnedEvent| matches!(event, OwnedEvent::ReliableDropped { .. });
    assert!(net[leaf].events().iter().any(is_dropped));
    assert!(net[leaf].counters().reliable_dropped > 0);
}

#[test]
fn the_others_know_what_each_member_takes() {
    let mut net = SimNet::new(8);
    let ana = net.join(config("ana"));
    net.join_leaf(config("leaf"));
    net.join_with::<TinyPeer>(config("small"));
    net.join_with::<Desktop>(config("wide"));
    // It hears nothing, and limits nobody.
    net.join_leaf_with::<512, 0, 64>(config("deaf"));
    net.run_for(seconds(2));
    let node = net[ana].node().unwrap();
    let mut takes: Vec<_> = node
        .peers()
        .map(|peer| {
            (
                peer.name(),
                peer.takes_reliable(),
                peer.max_datagram(),
                peer.max_message(),
            )
        })
        .collect();
    takes.sort_unstable();
    let expected = [
        ("deaf", false, 1472, 65_535 * 64),
        ("leaf", false, 512, 0),
        ("small", false, 513, 0),
        ("wide", true, 1472, 65_536),
    ];
    assert_eq!(takes, expected);
}

/// PROTOCOL E3.
#[test]
fn the_others_know_who_is_a_bridges_member() {
    let mut net = SimNet::new(8);
    let ana = net.join(config("ana"));
    net.join(config("bridge").with_bridge(true));
    net.join_leaf(config("its leaf").with_bridge(true));
    net.join_leaf(config("leaf"));
    net.run_for(seconds(2));
    let node = net[ana].node().unwrap();
    let mut who: Vec<_> = node
        .peers()
        .map(|peer| (peer.name(), peer.is_bridge(), peer.takes_reliable()))
        .collect();
    who.sort_unstable();
    let expected = [
        ("bridge", true, true),
        ("its leaf", true, false),
        ("leaf", false, false),
    ];
    assert_eq!(who, expected);
}

#[test]
fn a_leaf_crashes_starts_again_and_leaves_as_others_do() {
    let mut net = SimNet::new(2).with_link(Link::lan());
    let leaf = net.join_leaf(config("leaf").with_id(ID));
    let ana = net.join(config("ana"));
    net[leaf].set_clock_drift(-100);
    net[leaf].send(TEMPERATURE, b"21.5").unwrap();
    net[ana].send(VALVE, b"open").unwrap();
    net.run_for(seconds(2));
    net.crash(leaf);
    assert!(!net[leaf].is_running());
    assert_eq!(net[leaf].send(TEMPERATURE, b"22"), Err(SendError::HasLeft));
    net[leaf].take_events();
    net.restart(leaf);
    net.run_for(seconds(5));
    // It asks for the values that it has forgotten.
    assert!(has(&net, leaf, VALVE, b"open"));
    let is_restart = |event: &OwnedEvent| matches!(event, OwnedEvent::Restarted(_));
    assert!(net[ana].events().iter().any(is_restart));

    net[leaf].leave();
    net.run_for(seconds(1));
    assert!(!net[leaf].is_running() && net[ana].peer_names().is_empty());
    let left = |event: &OwnedEvent| matches!(event, OwnedEvent::Left(_));
    assert!(net[ana].events().iter().any(left));
}

#[test]
fn a_leaf_that_sleeps_hears_nothing_until_it_goes_on() {
    let mut net = SimNet::new(3);
    let leaf = net.join_leaf(config("leaf"));
    let ana = net.join(config("ana"));
    net.run_for(seconds(1));
    net[leaf].sleep();
    net[ana].send(VALVE, b"open").unwrap();
    net.run_for(seconds(1));
    assert_eq!(net[leaf].last(VALVE), None);
    net[leaf].resume();
    net.run_for(seconds(1));
    assert!(has(&net, leaf, VALVE, b"open"));
}

#[test]
fn a_leaf_that_only_sends_is_heard_and_hears_nothing() {
    let mut net = SimNet::new(7).with_link(Link::lan());
    let leaf = net.join_leaf_with::<512, 0, 64>(config("leaf"));
    let ana = net.join(config("ana"));
    net[leaf].send(TEMPERATURE, b"21.5").unwrap();
    net[ana].send(VALVE, b"open").unwrap();
    net.run_for(seconds(10));
    assert!(has(&net, ana, TEMPERATURE, b"21.5"));
    assert!(net[leaf].events().is_empty());
}

#[test]
fn leaves_are_members_of_sealed_groups_and_take_other_keys() {
    let keys = |key: u8| KeySet::new(GroupKey::new([key; 32]));
    let mut net = SimNet::new(4).with_link(Link::lan().with_loss(0.2));
    let leaf = net.join_leaf_sealed(config("leaf"), keys(1), FirstContact::Verify);
    let ana = net.join_sealed(config("ana"), keys(1), FirstContact::Verify);
    let stranger = net.join_leaf_sealed(config("stranger"), keys(2), FirstContact::Verify);
    net[leaf].send(TEMPERATURE, b"21.5").unwrap();
    net[ana].send(VALVE, b"open").unwrap();
    assert!(net.run_until(seconds(10), |net| {
        has(net, ana, TEMPERATURE, b"21.5") && has(net, leaf, VALVE, b"open")
    }));
    assert_eq!(net[ana].peer_names(), ["leaf"]);
    assert_eq!(net[stranger].last(VALVE), None);

    net[stranger].set_keys(keys(1)).unwrap();
    assert!(net.run_until(seconds(10), |net| has(net, stranger, VALVE, b"open")));

    net.restart(leaf);
    net[leaf].take_events();
    assert!(net.run_until(seconds(10), |net| has(net, leaf, VALVE, b"open")));
}

/// Says the valve's state that it was told to take.
#[derive(Debug, Default)]
struct Actuator {
    told: Option<Vec<u8>>,
    refusal: Option<SendError>,
}

impl Application for Actuator {
    fn on_event(&mut self, _: Instant, event: &Event<'_>) {
        if let Event::Message(message) = event {
            self.told = Some(message.payload().to_vec());
        }
    }

    fn act(&mut self, _: Instant, endpoint: &mut impl Endpoint) -> Option<Instant> {
        if let Some(told) = self.told.take() {
            assert_eq!(endpoint.peers().count(), 0);
            let sent = endpoint.queue(TEMPERATURE, &told).unwrap();
            self.refusal = endpoint.confirm(sent).err();
        }
        None
    }
}

#[test]
fn an_application_runs_on_a_leaf() {
    let mut net = SimNet::new(5).with_link(Link::lan());
    let leaf = net.join_leaf(config("leaf"));
    let ana = net.join(config("ana"));
    let actuator = net.host_app(leaf, Actuator::default);
    net[ana].send(VALVE, b"open").unwrap();
    net.run_for(seconds(5));
    assert!(has(&net, ana, TEMPERATURE, b"open"));
    assert_eq!(net[actuator].refusal, Some(SendError::NotReliable));
}

#[test]
fn a_run_with_leaves_can_be_repeated_to_the_byte() {
    let hash = || {
        let mut net = SimNet::new(6).with_link(Link::wifi().with_loss(0.1));
        let leaf = net.join_leaf(config("leaf"));
        net.join(config("ana"));
        net[leaf].send(TEMPERATURE, b"21.5").unwrap();
        net.run_for(seconds(10));
        net.network().trace_hash()
    };
    assert_eq!(hash(), hash());
}
