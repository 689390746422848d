//! Gateways whose members are real ones, in simulated groups that lose datagrams.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use groupcast::{Channel, Config, Desktop, Join, OwnedEvent, Sequence, SequenceRange};
use groupcast_sim::{Link, MemberKey, SimNet};

use super::broker::{id, json, property, settings};
use crate::gateway::store::{MemoryStore, NoStore, Store};
use crate::gateway::{Action, Down, Gateway, Incoming, Token};
use crate::publication::Publication;

const ORDERED: Channel = Channel::reliable_ordered(1);
const UNORDERED: Channel = Channel::reliable_unordered(2);
const STATE: Channel = Channel::state(3);
const STEP: Duration = Duration::from_millis(5);
const UNIX: Duration = Duration::from_secs(1_700_000_000);

fn config(name: &str) -> Config {
    Config::new("239.1.2.3:12345".parse().unwrap()).with_name(name)
}

/// A group, a gateway in it, and a broker.
struct World<S> {
    net: SimNet,
    member: MemberKey,
    gateway: Gateway<S>,
    is_up: bool,
    published: VecDeque<(Option<Token>, Publication)>,
    arrived: Vec<Publication>,
    acknowledged: BTreeMap<u16, u8>,
}

impl<S: Store> World<S> {
    fn new(seed: u64, loss: f64, down: Down, store: S) -> Self {
        let link = Link::wifi().with_loss(loss);
        let mut net = SimNet::new(seed).with_link(link).with_memory::<Desktop>();
        let own = config("gateway").with_id(id(0xf00)).with_bridge(true);
        let member = net.join(own.with_join_at(Join::Recent(255)));
        let mut settings = settings();
        settings.down = down;
        settings.queue_bytes = 1 << 20;
        let now = net.now();
        let gateway = Gateway::new(settings, store, now, UNIX).unwrap();
        Self {
            net,
            member,
            gateway,
            is_up: false,
            published: VecDeque::new(),
            arrived: Vec::new(),
            acknowledged: BTreeMap::new(),
        }
    }

    fn unix(&self) -> Duration {
        UNIX + Duration::from_micros(self.net.now().as_micros())
    }

    fn set_up(&mut self, is_up: bool) {
        let now = self.net.now();
        self.is_up = is_up;
        self.published.clear();
        if is_up {
            self.gateway.handle_connected(now, false);
        } else {
            self.gateway.handle_disconnected(now);
        }
    }

    /// The program is killed and started again, with its store.
    fn restart(&mut self, store: S, away: Duration) {
        self.net.crash(self.member);
        self.is_up = false;
        self.published.clear();
        let end = self.net.now() + away;
        while self.net.now() < end {
            self.net.run_for(STEP);
        }
        let mut settings = settings();
        settings.queue_bytes = 1 << 20;
        let (now, unix) = (self.net.now(), self.unix());
        self.gateway = Gateway::new(settings, store, now, unix).unwrap();
        self.net.restart(self.member);
        self.net[self.member].take_events();
    }

    fn run(&mut self, time: Duration) {
        let end = self.net.now() + time;
        while self.net.now() < end {
            self.step();
        }
    }

    fn step(&mut self) {
        self.net.run_for(STEP);
        let (now, unix) = (self.net.now(), self.unix());
        for event in self.net[self.member].take_events() {
            self.gateway.handle_event(now, unix, &event.as_event());
            self.act();
        }
        if self.gateway.poll_timeout() <= now {
            self.gateway.handle_timeout(now);
        }
        self.act();
        // A broker with a little latency.
        for _ in 0..5 {
            let Some((token, publication)) = self.published.pop_front() else {
                break;
            };
            self.arrived.push(publication);
            if let Some(token) = token {
                self.gateway.handle_acknowledged(now, token, None);
                self.act();
            }
        }
    }

    fn act(&mut self) {
        let now = self.net.now();
        while let Some(action) = self.gateway.poll_action() {
            match action {
                Action::Publish { token, publication } => {
                    assert!(self.is_up);
                    self.published.push_back((token, publication));
                }
                Action::Send {
                    command,
                    channel,
                    payload,
                } => {
                    let sent = self.net[self.member].send(channel, &payload);
                    self.gateway.handle_sent(now, command, sent);
                }
                Action::Confirm { first, last } => {
                    self.net[self.member].confirm(first.to(last)).unwrap();
                }
                Action::Acknowledge { packet, reason } => {
                    self.acknowledged.insert(packet, reason);
                }
                Action::Tell(_) => {}
            }
        }
    }

    /// The numbers of a sender's reliable messages that came, and how often.
    fn numbers(&self, sender: &str) -> BTreeMap<u32, u64> {
        let mut numbers = BTreeMap::new();
        for publication in &self.arrived {
            if publication.topic.contains("/reliable-")
                && property(publication, "gc-name") == sender
            {
                let mid = property(publication, "gc-mid");
                let number = mid.rsplit('-').next().unwrap().parse().unwrap();
                *numbers.entry(number).or_default() += 1;
            }
        }
        numbers
    }

    /// The numbers in gap records.
    fn gaps(&self) -> Vec<SequenceRange> {
        let gaps = self.arrived.iter().filter(|p| p.topic.ends_with("/gap"));
        let number = |value: &serde_json::Value| Sequence::new(value.as_u64().unwrap() as u32);
        gaps.map(json)
            .map(|gap| number(&gap["first"]).to(number(&gap["last"])))
            .collect()
    }
}

fn payload(number: u32) -> Vec<u8> {
    // Some take several datagrams.
    let len = if number.is_multiple_of(7) { 4000 } else { 40 };
    vec![number as u8; len]
}

#[test]
fn under_loss_and_outages_of_the_broker_everything_arrives_once() {
    for seed in 1..=3 {
        let mut world = World::new(seed, 0.1, Down::None, NoStore);
        let senders = ["ana", "ben"].map(|name| (name, world.net.join(config(name))));
        world.run(Duration::from_secs(2));
        let mut sent: BTreeMap<&str, BTreeSet<u32>> = BTreeMap::new();
        for number in 0..300 {
            if number % 60 == 20 {
                world.set_up(number % 120 == 20);
            }
            for (name, key) in senders {
                let channel = if number % 2 == 0 { ORDERED } else { UNORDERED };
                let at = world.net[key].send(channel, &payload(number)).unwrap();
                sent.entry(name).or_default().insert(at.get());
                world.net[key].send(STATE, &number.to_be_bytes()).unwrap();
            }
            world.run(Duration::from_millis(20));
        }
        world.set_up(true);
        world.run(Duration::from_secs(10));
        for (name, numbers) in &sent {
            let arrived = world.numbers(name);
            assert!(arrived.keys().eq(numbers), "seed {seed}: {name}");
            let mut states = world
                .arrived
                .iter()
                .filter(|p| property(p, "gc-name") == *name);
            let last = states.rfind(|p| p.topic.ends_with("state/3"));
            assert_eq!(last.unwrap().payload, 299u32.to_be_bytes());
        }
        assert_eq!(world.gaps(), []);
        let counters = world.gateway.counters();
        assert_eq!(counters.reliable, 600);
        assert_eq!(counters.acknowledged, 600, "{counters}");
    }
}

#[test]
fn a_gateway_that_is_killed_and_comes_back_accounts_for_everything_that_was_said() {
    for seed in 1..=4 {
        let store = MemoryStore::new(1 << 20);
        let mut world = World::new(seed, 0.05, Down::None, store.clone());
        let ana = world.net.join(config("ana"));
        world.run(Duration::from_secs(2));
        let mut sent = BTreeSet::new();
        let mut send = |world: &mut World<_>, count: u32| {
            for number in 0..count {
                let at = world.net[ana].send(ORDERED, &payload(number)).unwrap();
                sent.insert(at.get());
                world.net.run_for(Duration::from_millis(1));
            }
        };
        // One is heard, and the broker away. Then more is said than a history has.
        send(&mut world, 40);
        world.run(Duration::from_secs(1));
        let away = Duration::from_secs(2 * seed);
        world.restart(store.clone(), Duration::ZERO);
        world.net.crash(world.member);
        send(&mut world, 30 + 200 * (seed as u32 % 2));
        world.restart(store.clone(), away);
        world.set_up(true);
        world.run(Duration::from_secs(2));
        send(&mut world, 40);
        world.run(Duration::from_secs(30));
        let arrived = world.numbers("ana");
        let gaps = world.gaps();
        for number in &sent {
            let is_lost = gaps.iter().any(|gap| gap.contains(Sequence::new(*number)));
            assert!(
                arrived.contains_key(number) || is_lost,
                "seed {seed}: {number}"
            );
            assert!(
                !(arrived.contains_key(number) && is_lost),
                "seed {seed}: {number} is in both"
            );
        }
        assert!(arrived.keys().all(|number| sent.contains(number)));
        assert!(
            arrived.values().all(|times| *times == 1),
            "no ids twice: nothing was on the way"
        );
        assert_eq!(world.gateway.queued().messages, 0);
    }
}

#[test]
fn commands_reach_small_members_and_come_back_by_no_way() {
    let mut world = World::new(5, 0.1, Down::All, NoStore);
    let tiny = world.net.join_with::<groupcast::Tiny>(config("tiny"));
    let leaf = world.net.join_leaf(config("leaf"));
    // Another gateway of the same broker.
    let other = world.net.join(config("other").with_bridge(true));
    world.set_up(true);
    world.run(Duration::from_secs(3));
    let root = super::broker::ROOT;
    let mut packet = 0u16;
    while packet < 300 {
        let waiting = usize::from(packet) - world.acknowledged.len();
        for _ in waiting..60 {
            packet += 1;
            let (topic, payload) = (
                format!("{root}/set/reliable-ordered/1"),
                packet.to_be_bytes(),
            );
            let incoming = Incoming {
                topic: &topic,
                payload: &payload,
                retained: false,
                duplicate: false,
                packet: Some(packet),
                mid: None,
            };
            let now = world.net.now();
            world.gateway.handle_publish(now, incoming);
            world.act();
        }
        world.run(Duration::from_millis(50));
    }
    let state = Incoming {
        topic: &format!("{root}/set/state/3"),
        payload: b"last",
        retained: false,
        duplicate: false,
        packet: None,
        mid: None,
    };
    let now = world.net.now();
    world.gateway.handle_publish(now, state);
    world.net[other].send(ORDERED, b"from elsewhere").unwrap();
    world.run(Duration::from_secs(8));
    assert_eq!(world.acknowledged.len(), usize::from(packet));
    assert!(world.acknowledged.values().all(|reason| *reason == 0));
    let counters = world.gateway.counters();
    assert_eq!(
        (counters.confirmed, counters.unconfirmed),
        (u64::from(packet), 0)
    );
    let got = world.net[tiny].messages(ORDERED);
    let got: Vec<_> = got
        .filter(|m| m.payload.len() == 2)
        .map(|m| m.payload.clone())
        .collect();
    assert!(
        got.iter().eq((1..=packet)
            .map(u16::to_be_bytes)
            .collect::<Vec<_>>()
            .iter())
    );
    assert_eq!(world.net[leaf].last(STATE), Some(&b"last"[..]));
    assert!(counters.loops > 0);
    assert!(
        world
            .arrived
            .iter()
            .all(|p| !p.topic.contains("/reliable-") && !p.topic.contains("/state/"))
    );
    let lost = |event: &OwnedEvent| matches!(event, OwnedEvent::Gap { .. });
    assert!(!world.net[tiny].events().iter().any(lost));
}
