//! Sites of simulated members, tunnels on simulated hosts, and what is left of a broker without MQTT.

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::BTreeMap;

use groupcast::embedded_nal::{UdpClientStack, UdpFullStack};
use groupcast::multicast::{Interface, UdpMulticast};
use groupcast::seal::{FirstContact, GroupKey, KeySet};
use groupcast::{Channel, Config, Instant, OwnedEvent};
use groupcast_sim::{Link, MemberKey, Roomy, SimNet, SimSocket, SimStack};

use crate::tunnel::{Action, Counters, EXPIRY, Life, News, Settings, Tunnel};

const STEP: Duration = Duration::from_millis(1);

/// A member: its site, and which it is there.
pub(super) type Who = (usize, MemberKey);

pub(super) fn keys() -> KeySet {
    KeySet::new(GroupKey::new([7; 32]))
}

/// A tunnel on a host of a site.
pub(super) struct Running {
    pub(super) core: Tunnel,
    site: usize,
    stack: SimStack,
    ear: SimSocket,
    sockets: BTreeMap<Life, SimSocket>,
    is_up: bool,
    pub(super) is_running: bool,
    pub(super) news: Vec<News>,
}

impl Running {
    pub(super) fn counters(&self) -> &Counters {
        self.core.counters()
    }
}

struct Message {
    due: Instant,
    to: usize,
    topic: String,
    payload: Vec<u8>,
}

pub(super) struct World {
    pub(super) group: SocketAddr,
    pub(super) sites: Vec<SimNet>,
    pub(super) tunnels: Vec<Running>,
    /// From each site to the broker, and back.
    pub(super) delay: Vec<Duration>,
    pub(super) is_broker_up: bool,
    on_the_way: Vec<Message>,
}

impl World {
    /// So many sites with a tunnel each.
    pub(super) fn new(group: &str, sites: usize) -> Self {
        let link = Link::perfect().with_delay(Duration::from_micros(200));
        let nets = 0..sites as u64;
        let mut world = Self {
            group: group.parse().unwrap(),
            sites: nets
                .map(|n| SimNet::new(100 + n).with_link(link).with_memory::<Roomy>())
                .collect(),
            tunnels: Vec::new(),
            delay: vec![Duration::from_millis(12); sites],
            is_broker_up: true,
            on_the_way: Vec::new(),
        };
        for site in 0..sites {
            world.add_tunnel(site);
        }
        world
    }

    pub(super) fn now(&self) -> Instant {
        self.sites[0].now()
    }

    pub(super) fn add_tunnel(&mut self, site: usize) -> usize {
        let network = self.sites[site].network();
        let mut stack = network.stack(network.add_host());
        let mut ear = stack.socket().unwrap();
        stack.bind(&mut ear, self.group.port()).unwrap();
        stack
            .join_multicast(&mut ear, self.group.ip(), Interface::Default)
            .unwrap();
        let number = self.tunnels.len();
        let settings = Settings {
            site: format!("site{site}").parse().unwrap(),
            group: self.group,
            prefix: "gc".to_owned(),
            tunnel: number as u64,
            members: 64,
        };
        self.tunnels.push(Running {
            core: Tunnel::new(settings),
            site,
            stack,
            ear,
            sockets: BTreeMap::new(),
            is_up: false,
            is_running: true,
            news: Vec::new(),
        });
        number
    }

    pub(super) fn join(&mut self, site: usize, name: &str) -> Who {
        let config = Config::new(self.group).with_name(name);
        (site, self.sites[site].join(config))
    }

    pub(super) fn join_sealed(&mut self, site: usize, name: &str) -> Who {
        let config = Config::new(self.group).with_name(name);
        let key = self.sites[site].join_sealed(config, keys(), FirstContact::Verify);
        (site, key)
    }

    /// One member sends a number every so often.
    pub(super) fn send(&mut self, (site, key): Who, channel: Channel, number: u32) {
        let sent = self.sites[site][key].send(channel, &number.to_be_bytes());
        sent.unwrap();
    }

    pub(super) fn run_for(&mut self, time: Duration) {
        self.run_by(STEP, time);
    }

    /// The same where nothing depends on milliseconds.
    pub(super) fn rest_for(&mut self, time: Duration) {
        self.run_by(STEP * 20, time);
    }

    fn run_by(&mut self, step: Duration, time: Duration) {
        let end = self.now() + time;
        while self.now() < end {
            self.step(step);
        }
    }

    fn step(&mut self, by: Duration) {
        for site in &mut self.sites {
            site.run_for(by);
        }
        let now = self.now();
        for n in 0..self.tunnels.len() {
            self.poll(n, now);
        }
        let (due, later) = core::mem::take(&mut self.on_the_way)
            .into_iter()
            .partition(|message| message.due <= now);
        self.on_the_way = later;
        for message in due {
            let Message {
                to, topic, payload, ..
            } = message;
            if self.is_broker_up && self.tunnels[to].is_running {
                let tunnel = &mut self.tunnels[to];
                tunnel.core.handle_publish(now, &topic, &payload);
                self.act(to, now);
            }
        }
    }

    fn poll(&mut self, n: usize, now: Instant) {
        let tunnel = &mut self.tunnels[n];
        if !tunnel.is_running {
            return;
        }
        if tunnel.is_up != self.is_broker_up {
            tunnel.is_up = self.is_broker_up;
            if tunnel.is_up {
                tunnel.core.handle_connected(now);
            } else {
                tunnel.core.handle_disconnected();
            }
        }
        if tunnel.core.poll_timeout() <= now {
            tunnel.core.handle_timeout(now);
        }
        let host = tunnel.stack.host();
        if !self.sites[tunnel.site].network().is_ready(host) {
            self.act(n, now);
            return;
        }
        let mut buffer = [0; 2048];
        while let Ok((length, from)) = tunnel.stack.receive(&mut tunnel.ear, &mut buffer) {
            tunnel.core.handle_datagram(now, from, &buffer[..length]);
        }
        for (life, socket) in &mut tunnel.sockets {
            while let Ok((length, from)) = tunnel.stack.receive(socket, &mut buffer) {
                let answer = &buffer[..length];
                tunnel.core.handle_answer(now, *life, from, answer);
            }
        }
        self.act(n, now);
    }

    fn act(&mut self, n: usize, now: Instant) {
        loop {
            let tunnel = &mut self.tunnels[n];
            let Some(action) = tunnel.core.poll_action() else {
                break;
            };
            match action {
                Action::Open(life) => {
                    let mut socket = tunnel.stack.socket().unwrap();
                    tunnel.stack.bind(&mut socket, 0).unwrap();
                    let port = tunnel.stack.local_port(&socket).unwrap();
                    let host = tunnel.stack.host();
                    let ip = match self.group {
                        SocketAddr::V4(_) => host.ipv4().into(),
                        SocketAddr::V6(_) => host.ipv6().into(),
                    };
                    tunnel.sockets.insert(life, socket);
                    let address = SocketAddr::new(ip, port);
                    tunnel.core.handle_opened(life, Some(address));
                }
                Action::Close(life) => {
                    if let Some(socket) = tunnel.sockets.remove(&life) {
                        tunnel.stack.close(socket).unwrap();
                    }
                }
                Action::Send { from, to, datagram } => {
                    let socket = tunnel.sockets.get_mut(&from).unwrap();
                    tunnel.stack.send_to(socket, to, &datagram).unwrap();
                }
                Action::Tell(news) => tunnel.news.push(news),
                Action::Publish { topic, payload } => {
                    assert!(tunnel.is_up, "it publishes while the broker is away");
                    self.deliver(n, now, &topic, &payload);
                }
            }
        }
    }

    /// To all that have subscribed, but for who published: No Local.
    fn deliver(&mut self, from: usize, now: Instant, topic: &str, payload: &[u8]) {
        for to in (0..self.tunnels.len()).filter(|to| *to != from) {
            let filters = self.tunnels[to].core.subscriptions();
            if self.tunnels[to].is_up && filters.iter().any(|filter| matches(filter, topic)) {
                let delay = self.delay[self.tunnels[from].site] + self.delay[self.tunnels[to].site];
                self.on_the_way.push(Message {
                    due: now + delay,
                    to,
                    topic: topic.to_owned(),
                    payload: payload.to_vec(),
                });
            }
        }
        assert!(EXPIRY > Duration::ZERO && !topic.contains(['+', '#']));
    }

    /// The numbers that a member got on a channel, with those that it was told are lost.
    pub(super) fn numbers(&self, (site, key): Who, of: Who, channel: Channel) -> (Vec<u32>, u64) {
        let sender = self.sites[of.0][of.1].id().unwrap();
        let member = &self.sites[site][key];
        let number = |payload: &[u8]| u32::from_be_bytes(payload.try_into().unwrap());
        let got = member.messages_of(sender, channel);
        let got = got.map(|message| number(&message.payload)).collect();
        let lost = member.events().iter().map(|event| match event {
            OwnedEvent::Gap { peer, lost } if peer.id() == sender => lost.len(),
            _ => 0,
        });
        (got, lost.sum())
    }
}

fn matches(filter: &str, topic: &str) -> bool {
    let (filter, topic) = (filter.split('/'), topic.split('/'));
    filter.clone().count() == topic.clone().count()
        && filter.zip(topic).all(|(f, t)| f == "+" || f == t)
}
