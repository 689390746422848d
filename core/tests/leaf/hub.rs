//! Groups and leaves on a network without delay, of which a test may lose what it likes.

use core::net::SocketAddr;
use core::time::Duration;

use groupcast::wire::{self, BufferTooSmall, Data, Frame, Hello, Sync};
use groupcast::{
    Channel, Counters, Destination, Event, EventsWaiting, Group, Instant, Leaf, Name, SendError,
    Sequence, Storage, Transmit,
};

pub(crate) use crate::puppet::{Puppet, config, group_address, id, ms};

/// Room for sixteen others, and for datagrams of any size.
pub(crate) type Room = Storage<16, 8, 16, 40, 3200, 1473>;

pub(crate) const VALUE: Channel = Channel::state(1);
pub(crate) const COMMAND: Channel = Channel::state(2);
pub(crate) const LATEST: Channel = Channel::latest(3);
pub(crate) const LOOSE: Channel = Channel::best_effort(4);
pub(crate) const ORDERED: Channel = Channel::reliable_ordered(5);

pub(crate) fn address(n: usize) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, n as u8 + 1], 40_000))
}

/// A group or a leaf.
pub(crate) trait Member {
    fn handle(
        &mut self,
        now: Instant,
        from: SocketAddr,
        octets: &[u8],
    ) -> Result<(), EventsWaiting>;
    fn poll_event(&mut self) -> Option<Event<'_>>;
    fn poll_transmit(
        &mut self,
        now: Instant,
        buffer: &mut [u8],
    ) -> Result<Option<Transmit>, BufferTooSmall>;
    fn next_deadline(&self) -> Option<Instant>;
    fn handle_timeout(&mut self, now: Instant);
    fn queue(&mut self, now: Instant, channel: Channel, text: &[u8])
    -> Result<Sequence, SendError>;
    fn leave(&mut self, now: Instant);
    fn has_left(&self) -> bool;
    #[cfg(feature = "seal")]
    fn woke(&mut self, now: Instant);
    fn counters(&self) -> &Counters;
    fn peers(&self) -> usize;
}

macro_rules! member {
    ([$($generics:tt)*] $name:ty, $timeout:ident, $peers:ident) => {
        impl<$($generics)*> Member for $name {
            fn handle(&mut self, now: Instant, from: SocketAddr, octets: &[u8]) -> Result<(), EventsWaiting> {
                Self::handle(self, now, from, octets)
            }
            fn poll_event(&mut self) -> Option<Event<'_>> {
                Self::poll_event(self)
            }
            fn poll_transmit(&mut self, now: Instant, buffer: &mut [u8]) -> Result<Option<Transmit>, BufferTooSmall> {
                Self::poll_transmit(self, now, buffer)
            }
            fn next_deadline(&self) -> Option<Instant> {
                Self::next_deadline(self)
            }
            fn handle_timeout(&mut self, now: Instant) {
                $timeout!(self, now);
            }
            fn queue(&mut self, now: Instant, channel: Channel, text: &[u8]) -> Result<Sequence, SendError> {
                Self::queue(self, now, channel, text)
            }
            fn leave(&mut self, now: Instant) {
                Self::leave(self, now);
            }
            fn has_left(&self) -> bool {
                Self::has_left(self)
            }
            #[cfg(feature = "seal")]
            fn woke(&mut self, now: Instant) {
                Self::woke(self, now);
            }
            fn counters(&self) -> &Counters {
                Self::counters(self)
            }
            fn peers(&self) -> usize {
                $peers!(self)
            }
        }
    };
}

macro_rules! group_timeout {
    ($group:ident, $now:ident) => {
        Self::handle_timeout($group, $now)
    };
}
macro_rules! nothing {
    ($leaf:ident, $now:ident) => {
        let _ = $now;
    };
}
macro_rules! peers {
    ($group:ident) => {
        Self::peers($group).count()
    };
}
macro_rules! none {
    ($leaf:ident) => {
        0
    };
}

member!([] Group<Room>, group_timeout, peers);
member!([const D: usize, const S: usize, const R: usize] Leaf<D, S, R>, nothing, none);

/// Who hears which datagram how often.
pub(crate) type Fate = Box<dyn FnMut(usize, usize, &[u8]) -> usize>;

/// Members on a network without delay.
pub(crate) struct Hub {
    pub(crate) now: Instant,
    pub(crate) members: Vec<(Box<dyn Member>, Vec<String>)>,
    /// How often a datagram of one member arrives at another.
    pub(crate) fate: Fate,
    /// Who sent what, and to whom.
    pub(crate) record: Vec<(usize, Destination, Vec<u8>)>,
}

pub(crate) fn group(name: &str, seed: u8) -> Group<Room> {
    Group::new(Room::new(), config(name), [seed; 32]).unwrap()
}

pub(crate) fn leaf(name: &str, seed: u8) -> Leaf<512, 4, 256> {
    Leaf::new(config(name), [seed; 32]).unwrap()
}

impl Hub {
    pub(crate) fn new() -> Self {
        Self {
            now: ms(1_000),
            members: Vec::new(),
            fate: Box::new(|_, _, _| 1),
            record: Vec::new(),
        }
    }

    /// A leaf named `leaf`, which is member 0, and groups.
    pub(crate) fn with(names: &[&str]) -> Self {
        let mut hub = Self::new();
        hub.join(leaf("leaf", 77));
        for (name, seed) in names.iter().zip(1..) {
            hub.join(group(name, seed));
        }
        hub.run(4_000);
        for n in 0..hub.members.len() {
            hub.log(n);
        }
        hub.record.clear();
        hub
    }

    pub(crate) fn join(&mut self, member: impl Member + 'static) -> usize {
        self.members.push((Box::new(member), Vec::new()));
        self.members.len() - 1
    }

    /// Lets everybody send and hear until nothing is left to do now.
    fn settle(&mut self) {
        let mut buffer = [0; 1472];
        let mut busy = true;
        while busy {
            busy = false;
            for from in 0..self.members.len() {
                while let Some(transmit) = self.members[from]
                    .0
                    .poll_transmit(self.now, &mut buffer)
                    .unwrap()
                {
                    busy = true;
                    self.deliver(from, transmit.to, &buffer[..transmit.len]);
                }
            }
        }
    }

    fn deliver(&mut self, from: usize, to: Destination, datagram: &[u8]) {
        self.record.push((from, to, datagram.to_vec()));
        for n in 0..self.members.len() {
            let meant = matches!(to, Destination::Group) || to == Destination::Peer(address(n));
            let times = if meant {
                (self.fate)(from, n, datagram)
            } else {
                0
            };
            for _ in 0..times {
                self.hear(from, n, datagram);
            }
        }
    }

    /// A datagram arrives.
    pub(crate) fn hear(&mut self, from: usize, to: usize, datagram: &[u8]) {
        let (member, log) = &mut self.members[to];
        drain(&mut **member, log);
        member.handle(self.now, address(from), datagram).unwrap();
        drain(&mut **member, log);
    }

    /// Lets time pass, from deadline to deadline.
    pub(crate) fn run(&mut self, millis: u64) {
        let end = self.now + Duration::from_millis(millis);
        loop {
            self.settle();
            for (member, log) in &mut self.members {
                member.handle_timeout(self.now);
                drain(&mut **member, log);
            }
            self.settle();
            let deadlines = self.members.iter().filter_map(|(it, _)| it.next_deadline());
            match deadlines.min() {
                Some(next) if next <= end => {
                    self.now = next.max(self.now + Duration::from_micros(1))
                }
                _ => break,
            }
        }
        self.now = end;
    }

    pub(crate) fn log(&mut self, n: usize) -> Vec<String> {
        core::mem::take(&mut self.members[n].1)
    }

    pub(crate) fn say(&mut self, n: usize, channel: Channel, text: &str) -> u32 {
        let now = self.now;
        let sequence = self.members[n].0.queue(now, channel, text.as_bytes());
        sequence.unwrap().get()
    }

    pub(crate) fn counters(&self, n: usize) -> Counters {
        *self.members[n].0.counters()
    }

    /// The frames that a member sent.
    pub(crate) fn said(&self, n: usize) -> Vec<String> {
        let mut said = Vec::new();
        for (from, _, octets) in self.record.iter().filter(|(from, ..)| *from == n) {
            assert_eq!(*from, n);
            let (_, frames) = wire::parse(octets).unwrap();
            said.extend(frames.map(|frame| format!("{:?}", frame.unwrap())));
        }
        said
    }

    /// How often a member sent such a frame.
    pub(crate) fn count(&self, n: usize, name: &str) -> usize {
        let said = self.said(n);
        said.iter().filter(|frame| frame.starts_with(name)).count()
    }
}

pub(crate) fn drain(member: &mut dyn Member, log: &mut Vec<String>) {
    while let Some(event) = member.poll_event() {
        log.push(match event {
            Event::Message(m) => format!("{}: {}", m.name(), m.text().unwrap()),
            Event::Raw(raw) => format!("raw: {}", raw.text().unwrap()),
            Event::Joined(member) => format!("{} joined", member.name()),
            Event::Left(member) => format!("{} left", member.name()),
            Event::Suspect(member) => format!("{} suspect", member.name()),
            Event::Recovered(member) => format!("{} recovered", member.name()),
            Event::Lost(member) => format!("{} lost", member.name()),
            Event::Restarted(member) => format!("{} restarted", member.name()),
            Event::DuplicateId(duplicate) => format!("duplicate {:?}", duplicate.outcome()),
            Event::Gap(gap) => format!("{}: gap {}", gap.peer().name(), gap.lost()),
            other => format!("{other:?}"),
        });
    }
    let c = member.counters();
    assert_eq!(
        c.received,
        c.accepted + c.raw + c.own + c.dropped(),
        "{c:?}"
    );
}

impl Puppet {
    pub(crate) fn hello(&mut self, change: impl FnOnce(&mut Hello<'_>)) -> Vec<u8> {
        let mut hello = Hello::new(Name::new("puppet").unwrap());
        (hello.interval, hello.max_datagram) = (100, 1473);
        change(&mut hello);
        self.say(&[Frame::Hello(hello)])
    }
}

pub(crate) fn data(channel: Channel, sequence: u32, text: &str) -> Data<'_> {
    use groupcast::Class;
    let (class, latest) = match channel.class() {
        Class::BestEffort => (0, false),
        Class::Latest => (0, true),
        Class::ReliableUnordered => (1, false),
        Class::ReliableOrdered => (2, false),
        _ => (3, false),
    };
    Data {
        class,
        latest,
        repair: false,
        copy: false,
        signed: false,
        channel: channel.number(),
        horizon: 0,
        fragment: 0,
        last: 0,
        sequence,
        payload: text.as_bytes(),
    }
}

pub(crate) fn sync(next: u32, states: u8) -> Frame<'static> {
    Frame::Sync(Sync {
        next,
        low: 0,
        round_trip: 0,
        group_size: 0,
        states,
    })
}

/// What a leaf is told when a datagram arrives.
pub(crate) fn told<M: Member>(
    leaf: &mut M,
    now: Instant,
    from: usize,
    octets: &[u8],
) -> Vec<String> {
    let mut log = Vec::new();
    leaf.handle(now, address(from), octets).unwrap();
    drain(leaf, &mut log);
    log
}

/// What it sends in this time: when, to whom, and each frame.
pub(crate) fn watch<M: Member>(
    leaf: &mut M,
    from: u64,
    to: u64,
) -> Vec<(u64, Destination, Vec<String>)> {
    let (mut said, mut buffer) = (Vec::new(), [0; 512]);
    for at in from..to {
        while let Some(transmit) = leaf.poll_transmit(ms(at), &mut buffer).unwrap() {
            let octets = &buffer[..transmit.len];
            let frames = match wire::parse(octets) {
                Ok((_, frames)) => frames.map(|it| format!("{:?}", it.unwrap())).collect(),
                Err(_) => vec![format!("raw: {}", String::from_utf8_lossy(octets))],
            };
            said.push((at, transmit.to, frames));
        }
    }
    said
}

/// When it sends such a frame.
pub(crate) fn times(said: &[(u64, Destination, Vec<String>)], name: &str) -> Vec<u64> {
    let has = |frames: &Vec<String>| frames.iter().any(|frame| frame.starts_with(name));
    said.iter()
        .filter(|(_, _, frames)| has(frames))
        .map(|(at, ..)| *at)
        .collect()
}
