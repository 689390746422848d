//! A gateway, to which its broker, its group and its disk do everything that they can.

use core::time::Duration;
use std::collections::BTreeSet;

use groupcast::{
    Channel, Class, Event, Instant, MemberId, Name, OwnedEvent, OwnedMessage, Peer, PeerStatus,
    SendError, Sequence, Session,
};
use groupcast_bridge::gateway::store::MemoryStore;
use groupcast_bridge::gateway::{
    Action, CommandId, Down, Gateway, Incoming, Map, Settings, Token, label,
};

use super::Reached;
use super::script::Script;

/// What one input does at most.
const STEPS: usize = 512;

const MAP: &str = "[[set]]\ntopic = \"home/target\"\nclass = \"state\"\nchannel = 2\nretained = true\n\
    [[topic]]\ntopic = \"home/t\"\nfrom = \"x\"\nclass = \"state\"\nchannel = 1\n\
    [topic.home_assistant]\ncomponent = \"sensor\"\nname = \"T\"\n";

const TOPICS: [&str; 6] = [
    "gc/g/s/set/state/1",
    "gc/g/s/set/reliable-ordered/2",
    "gc/g/s/set/best-effort/0",
    "gc/g/s/00000001/info",
    "home/target",
    "gc/g/s/",
];

const INFO: &[u8] = br#"{"name":"x","session":"1","online":true,"since":1,"seen":2}"#;

const CLASSES: [Class; 5] = [
    Class::BestEffort,
    Class::Latest,
    Class::State,
    Class::ReliableUnordered,
    Class::ReliableOrdered,
];

struct World {
    gateway: Gateway<MemoryStore>,
    store: MemoryStore,
    now: Instant,
    unix: Duration,
    flights: Vec<Token>,
    offered: Vec<CommandId>,
    reached: Reached,
}

fn settings() -> Settings {
    let group = "239.1.2.3:12345".parse().unwrap();
    let site = "s".parse().unwrap();
    let mut settings = Settings::new(site, label("g", group), MemberId::new(9).unwrap());
    settings.down = Down::All;
    settings.queue_bytes = 64 << 10;
    (settings.senders, settings.values) = (3, 4);
    settings.map = Map::parse(MAP, "gc").unwrap();
    settings
}

impl World {
    fn new(store: MemoryStore, now: Instant, unix: Duration) -> Self {
        Self {
            gateway: Gateway::new(settings(), store.clone(), now, unix).unwrap(),
            store,
            now,
            unix,
            flights: Vec::new(),
            offered: Vec::new(),
            reached: Reached::new(),
        }
    }

    fn event(&mut self, event: &Event<'_>) {
        self.gateway.handle_event(self.now, self.unix, event);
    }

    fn peer(script: &mut Script<'_>) -> Peer {
        let id = MemberId::new(1 + script.below(5) as u32).unwrap();
        let peer = Peer::new(id, Name::new(script.pick(&["", "x", "+\0#/"])).unwrap());
        let status = script.pick(&[
            PeerStatus::Present,
            PeerStatus::Present,
            PeerStatus::Unknown,
        ]);
        let session = Session::new(script.pick(&[1, 2, 1 << 32 | 1]));
        peer.with_session(session)
            .with_status(status)
            .with_bridge(script.below(8) == 0)
    }

    fn step(&mut self, script: &mut Script<'_>) {
        match script.below(14) {
            0 => self
                .gateway
                .handle_connected(self.now, script.below(2) == 0),
            1 => self.gateway.handle_disconnected(self.now),
            2 => {
                let time = script.time();
                self.now += time;
                self.unix += time;
                self.gateway.handle_timeout(self.now);
            }
            3 | 4 => {
                let len = usize::from(script.octet());
                let payload = script.pick(&[INFO, script.clone().octets(len)]);
                let text = String::from_utf8_lossy(script.clone().octets(len)).into_owned();
                let packet = u16::from(script.octet() % 4);
                let incoming = Incoming {
                    topic: script.pick(&[&TOPICS[..], &[text.as_str()]].concat()),
                    payload,
                    retained: script.below(4) == 0,
                    duplicate: script.below(2) == 0,
                    packet: (packet > 0).then_some(packet),
                    mid: (script.below(4) == 0).then_some(text.as_str()),
                };
                self.gateway.handle_publish(self.now, incoming);
            }
            5 | 6 if !self.flights.is_empty() => {
                let token = self
                    .flights
                    .remove(script.below(self.flights.len().min(256)));
                let refused = script.pick(&[None, None, None, Some(0x10), Some(0x87), Some(0x97)]);
                self.gateway.handle_acknowledged(self.now, token, refused);
            }
            5 | 6 => {
                let token = Token(u64::from(script.u16()));
                self.gateway
                    .handle_acknowledged(self.now, token, Some(script.octet()));
            }
            7 => {
                let command = self
                    .offered
                    .pop()
                    .unwrap_or_else(|| CommandId(u64::from(script.octet())));
                let result = match script.below(4) {
                    0 => Err(SendError::QueueFull),
                    1 => Err(SendError::TooManyStates),
                    _ => Ok(Sequence::new(script.u32())),
                };
                self.gateway.handle_sent(self.now, command, result);
            }
            8 | 9 => {
                let peer = Self::peer(script);
                let channel = Channel::new(script.octet() % 3, script.pick(&CLASSES));
                let number = script
                    .pick(&[0, u32::MAX, 1 << 31])
                    .wrapping_add(script.octet().into());
                let payload = vec![0; usize::from(script.u16() % 4000)];
                let message = OwnedMessage::new(peer, channel, Sequence::new(number), &payload);
                self.event(&OwnedEvent::Message(message).as_event());
            }
            10 => {
                let peer = Self::peer(script);
                let lost = Sequence::new(script.u32()).to(Sequence::new(script.u32()));
                self.event(&OwnedEvent::Gap { peer, lost }.as_event());
            }
            11 => {
                let peer = Self::peer(script);
                let event = match script.below(6) {
                    0 | 1 => Event::Joined(&peer),
                    2 => Event::Left(&peer),
                    3 => Event::Restarted(&peer),
                    _ => Event::Confirmed(&peer),
                };
                self.event(&event);
            }
            12 => match script.below(4) {
                0 => self.store.set_failing(true),
                1 => self.store.set_failing(false),
                2 => self.gateway.set_receive_maximum(script.u16()),
                _ => self.gateway.set_maximum_packet(Some(script.u16().into())),
            },
            _ => {
                // kill -9, and perhaps the power.
                if script.below(2) == 0 {
                    self.store.lose_power();
                }
                let reached = core::mem::take(&mut self.reached);
                *self = Self::new(self.store.clone(), self.now, self.unix);
                self.reached = reached;
                self.reached.insert("restart");
            }
        }
    }

    fn act(&mut self) {
        while let Some(action) = self.gateway.poll_action() {
            match action {
                Action::Publish { token, publication } => {
                    let topic = publication.topic;
                    assert!(
                        !topic.contains(['+', '#', '\0']) && topic.len() < 256,
                        "{topic:?}"
                    );
                    let properties = publication.user_properties.iter();
                    let is_clean = |text: &str| !text.contains(char::is_control);
                    assert!(properties.clone().all(|(_, text)| is_clean(text)));
                    self.flights.extend(token);
                }
                Action::Send { command, .. } => self.offered.push(command),
                Action::Confirm { .. } | Action::Acknowledge { .. } | Action::Tell(_) => {}
            }
        }
    }

    fn check(&mut self) {
        let counters = self.gateway.counters();
        let queued = self.gateway.queued();
        assert_eq!(
            counters.reliable + counters.recovered,
            counters.acknowledged
                + counters.overflowed
                + counters.refused_reliable
                + counters.store_lost
                + queued.messages,
            "{counters}, {queued:?}"
        );
        assert!(queued.memory <= 96 << 10, "{queued:?}");
        let counted: BTreeSet<_> = counters
            .all()
            .filter(|(_, n)| *n > 0)
            .map(|(name, _)| name)
            .collect();
        self.reached.extend(counted);
    }
}

/// Does to a gateway what the octets say; or reads them as a map, if they begin with `[`.
///
/// # Panics
///
/// It lost count, published what a broker disconnects for, or took more memory than it was given.
#[must_use]
pub fn gateway(octets: &[u8]) -> Reached {
    if octets.first() == Some(&b'[') {
        let read = Map::parse(&String::from_utf8_lossy(octets), "gc");
        return [if read.is_ok() { "map" } else { "no-map" }].into();
    }
    let mut script = Script::new(octets);
    let mut world = World::new(
        MemoryStore::new(100_000),
        Instant::from_secs(1000),
        Duration::from_secs(1_700_000_000),
    );
    for _ in 0..STEPS {
        if script.is_over() {
            break;
        }
        world.step(&mut script);
        world.act();
        world.check();
    }
    world.reached
}
