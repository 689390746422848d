//! A member to which bad things happen, and made-up members who hold its key.

use core::net::SocketAddr;
use core::time::Duration;

use groupcast::seal::{Entropy, GroupKey, KeySet, Seal};
use groupcast::wire::{Data, Frame, Header, Hello};
use groupcast::{
    Channel, Config, Counters, Group, Instant, MemberId, Memory, Name, OwnedEvent, Storage,
};
use groupcast_tests::insider::{Insider, sending_back};

/// Room for datagrams of any size.
pub(crate) type Room = Storage<8, 2, 16, 20, 1600, 1473>;

/// Two places on the roster.
pub(crate) type Cramped = Storage<2, 2, 16, 20, 1600, 1473>;

pub(crate) const CHANNEL: Channel = Channel::best_effort(5);

/// The member's own id.
pub(crate) const OWN: u32 = 9;

pub(crate) fn group_address() -> SocketAddr {
    "239.1.2.3:12345".parse().unwrap()
}

pub(crate) fn address(n: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, n], 40_000))
}

pub(crate) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) fn keys(octets: &[u8]) -> KeySet {
    let mut keys = KeySet::new(GroupKey::new([octets[0]; 32]));
    for octet in &octets[1..] {
        keys.accept(GroupKey::new([*octet; 32])).unwrap();
    }
    keys
}

/// Of the key that all members here have.
pub(crate) fn insider() -> Insider {
    Insider::new(&keys(&[1]), group_address())
}

pub(crate) fn config(id: u32) -> Config {
    let name = format!("m{id}");
    Config::new(group_address())
        .with_name(&name)
        .with_id(MemberId::new(id).unwrap())
}

/// A member, its clock, and what it said and was told.
pub(crate) struct Subject<M: Memory> {
    pub(crate) group: Group<M>,
    pub(crate) now: Instant,
    pub(crate) sent: Vec<Vec<u8>>,
    pub(crate) told: Vec<OwnedEvent>,
}

impl Subject<Room> {
    pub(crate) fn new() -> Self {
        Self::with(config(OWN), &keys(&[1]), 7)
    }

    pub(crate) fn with(config: Config, keys: &KeySet, entropy: u8) -> Self {
        Self::in_memory(Room::new(), config, keys, entropy)
    }
}

impl<M: Memory> Subject<M> {
    pub(crate) fn in_memory(memory: M, config: Config, keys: &KeySet, entropy: u8) -> Self {
        let mut random = *b"of a generator of random numbers";
        random[0] = entropy;
        let entropy = Entropy::new().with_random(&random);
        let mut subject = Self {
            group: Group::sealed(memory, config, Seal::new(keys, entropy)).unwrap(),
            now: Instant::from_millis(1_000),
            sent: Vec::new(),
            told: Vec::new(),
        };
        subject.pass(ms(100));
        subject
    }

    /// It receives a datagram, and says what came of it.
    pub(crate) fn hear(&mut self, datagram: &[u8]) -> Vec<OwnedEvent> {
        self.hear_from(address(3), datagram)
    }

    pub(crate) fn hear_from(&mut self, from: SocketAddr, datagram: &[u8]) -> Vec<OwnedEvent> {
        let before = self.told.len();
        self.group.handle(self.now, from, datagram).unwrap();
        self.listen();
        let c = self.group.counters();
        assert_eq!(c.received, c.accepted + c.raw + c.own + c.dropped());
        self.told[before..].to_vec()
    }

    pub(crate) fn listen(&mut self) {
        while let Some(event) = self.group.poll_event() {
            self.told.push(event.into());
        }
    }

    /// Sends and listens until there is nothing left to do.
    pub(crate) fn settle(&mut self) {
        let mut buffer = [0; 1472];
        loop {
            self.listen();
            match self.group.poll_transmit(self.now, &mut buffer).unwrap() {
                Some(transmit) => self.sent.push(buffer[..transmit.len].to_vec()),
                None => break,
            }
        }
        self.listen();
    }

    /// Lets time pass.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        self.settle();
        while let Some(at) = self.group.next_deadline().filter(|at| *at <= end) {
            self.now = at.max(self.now + Duration::from_micros(1));
            self.settle();
        }
        self.now = self.now.max(end);
    }

    pub(crate) fn counters(&self) -> Counters {
        *self.group.counters()
    }

    /// Ids on the roster.
    pub(crate) fn roster(&self) -> Vec<u32> {
        let mut ids: Vec<_> = self.group.peers().map(|member| member.id().get()).collect();
        ids.sort_unstable();
        ids
    }

    /// The challenge it sent last.
    pub(crate) fn challenge(&self) -> u64 {
        let insider = insider();
        let sent = self.sent.iter().rev();
        let last = sent
            .filter_map(|datagram| insider.challenge(datagram))
            .next();
        last.expect("it has asked for its challenge").number
    }
}

/// A made-up member.
pub(crate) struct Liar {
    pub(crate) insider: Insider,
    pub(crate) id: u32,
    pub(crate) session: u64,
    pub(crate) counter: u64,
}

impl Liar {
    pub(crate) fn new(id: u32, session: u64) -> Self {
        Self {
            insider: insider(),
            id,
            session,
            counter: 0,
        }
    }

    pub(crate) fn header(&mut self) -> Header {
        self.counter += 1;
        self.insider.header(self.id, self.session, self.counter)
    }

    pub(crate) fn say(&mut self, frames: &[Frame<'_>]) -> Vec<u8> {
        let header = self.header();
        self.insider.of_frames(&header, frames)
    }

    pub(crate) fn message(&mut self, text: &str) -> Vec<u8> {
        let sequence = self.counter as u32;
        self.say(&[Frame::Data(data(text.as_bytes(), sequence))])
    }

    pub(crate) fn hello(&mut self, challenges: &[u64]) -> Vec<u8> {
        let options = sending_back(challenges);
        self.say(&[Frame::Hello(Hello {
            options: &options,
            ..hello()
        })])
    }

    /// Proves to be there, and returns with what. A challenge that an earlier session of its own has sent back
    /// does not serve, and is asked for anew.
    pub(crate) fn meet<M: Memory>(&mut self, subject: &mut Subject<M>) -> Vec<u8> {
        for _ in 0..3 {
            let first = self.hello(&[]);
            subject.hear(&first);
            subject.pass(ms(1_500));
            let proof = self.hello(&[subject.challenge()]);
            subject.hear(&proof);
            subject.settle();
            if self.is_known_to(subject) {
                return proof;
            }
        }
        panic!("it is not believed: {:?}", subject.told);
    }

    pub(crate) fn is_known_to<M: Memory>(&self, subject: &Subject<M>) -> bool {
        let mut members = subject.group.peers();
        members.any(|member| (member.id().get(), member.session().get()) == (self.id, self.session))
    }
}

pub(crate) fn hello() -> Hello<'static> {
    Hello {
        interval: 100,
        max_datagram: 1473,
        ..Hello::new(Name::new("liar").unwrap())
    }
}

pub(crate) const fn data(payload: &[u8], sequence: u32) -> Data<'_> {
    Data {
        class: 0,
        latest: false,
        repair: false,
        copy: false,
        signed: false,
        channel: 5,
        horizon: 0,
        fragment: 0,
        last: 0,
        sequence,
        payload,
    }
}

pub(crate) fn own_header<M: Memory>(subject: &Subject<M>) -> Header {
    insider().header(OWN, subject.group.session().get(), 1)
}

/// How many datagrams were taken for seen or too old.
pub(crate) fn late<M: Memory>(subject: &Subject<M>) -> u64 {
    subject.counters().stale + subject.counters().duplicate
}

pub(crate) fn messages(events: &[OwnedEvent]) -> usize {
    let is_message = |event: &&OwnedEvent| matches!(event, OwnedEvent::Message(_));
    events.iter().filter(is_message).count()
}
