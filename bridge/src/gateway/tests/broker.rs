//! A gateway between a group and a broker that are made up.

use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};

use groupcast::{
    Channel, Event, Instant, MemberId, OwnedEvent, OwnedMessage, Peer, PeerStatus, Sequence,
    Session,
};

use crate::gateway::store::{NoStore, Store};
use crate::gateway::{Action, Gateway, Incoming, News, Settings, Token, label};
use crate::publication::{Publication, Qos};

pub(super) const ROOT: &str = "gc/239-1-2-3-12345/plant";
pub(super) const OWN: u32 = 0xf00;

pub(super) fn id(number: u32) -> MemberId {
    MemberId::new(number).unwrap()
}

pub(super) fn settings() -> Settings {
    let group = "239.1.2.3:12345".parse().unwrap();
    let mut settings = Settings::new("plant".parse().unwrap(), label("", group), id(OWN));
    settings.queue_bytes = 64 << 10;
    settings
}

pub(super) fn peer(number: u32, name: &str) -> Peer {
    let name = groupcast::Name::new(name).unwrap();
    Peer::new(id(number), name).with_session(Session::new(0x0000_0001_0000_0005))
}

/// A gateway, and what it did.
pub(super) struct Bench<S> {
    pub(super) gateway: Gateway<S>,
    pub(super) now: Instant,
    pub(super) unix: Duration,
    pub(super) published: VecDeque<(Option<Token>, Publication)>,
    pub(super) others: Vec<Action>,
    pub(super) news: Vec<News>,
    /// What a broker would have retained.
    pub(super) retained: BTreeMap<String, Publication>,
}

impl Bench<NoStore> {
    pub(super) fn new() -> Self {
        Self::with(settings(), NoStore)
    }
}

impl<S: Store> Bench<S> {
    pub(super) fn with(settings: Settings, store: S) -> Self {
        Self::at(
            settings,
            store,
            Instant::from_secs(1000),
            Duration::from_secs(1_700_000_000),
        )
    }

    pub(super) fn at(settings: Settings, store: S, now: Instant, unix: Duration) -> Self {
        Self {
            gateway: Gateway::new(settings, store, now, unix).unwrap(),
            now,
            unix,
            published: VecDeque::new(),
            others: Vec::new(),
            news: Vec::new(),
            retained: BTreeMap::new(),
        }
    }

    /// The same store in a new gateway, a while later.
    pub(super) fn restarted(self, settings: Settings, store: S) -> Self {
        let later = Duration::from_secs(5);
        Self::at(settings, store, self.now + later, self.unix + later)
    }

    pub(super) fn drain(&mut self) {
        while let Some(action) = self.gateway.poll_action() {
            match action {
                Action::Publish { token, publication } => {
                    assert_eq!(token.is_some(), publication.qos == Qos::AtLeastOnce);
                    self.published.push_back((token, publication));
                }
                Action::Tell(news) => self.news.push(news),
                other => self.others.push(other),
            }
        }
    }

    pub(super) fn run(&mut self, seconds: u64) {
        for _ in 0..seconds * 4 {
            self.now += Duration::from_millis(250);
            self.unix += Duration::from_millis(250);
            if self.gateway.poll_timeout() <= self.now {
                self.gateway.handle_timeout(self.now);
            }
            self.drain();
        }
    }

    pub(super) fn connect(&mut self) {
        self.gateway.handle_connected(self.now, false);
        self.drain();
    }

    pub(super) fn disconnect(&mut self) {
        self.gateway.handle_disconnected(self.now);
        self.drain();
        self.published.clear();
    }

    pub(super) fn event(&mut self, event: &Event<'_>) {
        self.gateway.handle_event(self.now, self.unix, event);
        self.drain();
    }

    pub(super) fn joined(&mut self, peer: Peer) {
        self.event(&Event::Joined(&peer));
    }

    pub(super) fn message(&mut self, peer: Peer, channel: Channel, number: u32, payload: &[u8]) {
        let message = OwnedMessage::new(peer, channel, Sequence::new(number), payload);
        self.event(&OwnedEvent::Message(message).as_event());
    }

    pub(super) fn gap(&mut self, peer: Peer, first: u32, last: u32) {
        let lost = Sequence::new(first).to(Sequence::new(last));
        self.event(&OwnedEvent::Gap { peer, lost }.as_event());
    }

    /// A retained message comes from the broker.
    pub(super) fn incoming(&mut self, topic: &str, payload: &[u8]) {
        self.command(Incoming {
            topic,
            payload,
            retained: true,
            duplicate: false,
            packet: None,
            mid: None,
        });
    }

    pub(super) fn command(&mut self, incoming: Incoming<'_>) {
        self.gateway.handle_publish(self.now, incoming);
        self.drain();
    }

    pub(super) fn acknowledge(&mut self, token: Option<Token>, refused: Option<u8>) {
        if let Some(token) = token {
            self.gateway.handle_acknowledged(self.now, token, refused);
            self.drain();
        }
    }

    /// The broker takes what was published, and what follows from that. What it was.
    pub(super) fn deliver(&mut self) -> Vec<Publication> {
        let mut delivered = Vec::new();
        while let Some((token, publication)) = self.published.pop_front() {
            if publication.retained {
                if publication.payload.is_empty() {
                    self.retained.remove(&publication.topic);
                } else {
                    let topic = publication.topic.clone();
                    self.retained.insert(topic, publication.clone());
                }
            }
            delivered.push(publication);
            self.acknowledge(token, None);
        }
        delivered
    }

    /// What it takes on topics that end so.
    pub(super) fn deliver_on(&mut self, end: &str) -> Vec<Publication> {
        let mut delivered = self.deliver();
        delivered.retain(|publication| publication.topic.ends_with(end));
        delivered
    }

    /// The equation of the counters.
    pub(super) fn check(&self) {
        let c = self.gateway.counters();
        let queued = self.gateway.queued().messages;
        assert_eq!(
            c.reliable + c.recovered,
            c.acknowledged + c.overflowed + c.refused_reliable + c.store_lost + queued,
            "{c}; {queued} queued"
        );
    }
}

pub(super) fn property<'a>(publication: &'a Publication, name: &str) -> &'a str {
    let mut properties = publication.user_properties.iter();
    let found = properties.find(|(key, _)| *key == name);
    found.map_or("", |(_, text)| text)
}

pub(super) fn json(publication: &Publication) -> serde_json::Value {
    serde_json::from_slice(&publication.payload).unwrap()
}

/// A member that has not said who it is.
pub(super) fn unknown(number: u32) -> Peer {
    peer(number, "").with_status(PeerStatus::Unknown)
}
