//! Strangers of an open group: whoever can send to it can say anything, in anybody's name.

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::BTreeMap;

use groupcast::wire::{self, Data, Frame, Header, Hello, Nack, Suite, Sync};
use groupcast::{Channel, Class, Instant, MemberId, Name, Session};
use groupcast_sim::{HostId, Link, Network};

use super::world::{Life, Sent, payload};
use crate::fuzz::around;
use crate::insider;

/// Who is said to have sent it.
#[derive(Clone, Copy, Debug)]
pub enum Who {
    /// An id that no member has.
    Stranger(u32),
    /// A member, with a counter so far ahead of its own.
    Member {
        /// Which one.
        victim: usize,
        /// How far.
        ahead: u64,
    },
}

/// What it says.
#[derive(Clone, Debug)]
pub enum Says {
    /// These frames.
    Frames(Vec<u8>),
    /// It lacks all that this member said last.
    LacksAll(usize),
}

/// A datagram that no member sent.
#[derive(Clone, Debug)]
pub struct Forgery {
    /// In whose name.
    pub who: Who,
    /// What it says.
    pub says: Says,
}

impl Forgery {
    pub(super) const fn to_group(who: Who, frames: Vec<u8>) -> Self {
        let says = Says::Frames(frames);
        Self { who, says }
    }

    pub(super) const fn nacks(who: u32, of: usize) -> Self {
        let (who, says) = (Who::Stranger(who), Says::LacksAll(of));
        Self { who, says }
    }
}

/// Where a stream stands, of which what is before `low` is not repaired any more.
#[must_use]
pub const fn sync(next: u32, low: u32) -> Frame<'static> {
    Frame::Sync(Sync {
        next,
        low,
        round_trip: 0,
        group_size: 0,
        states: 0,
    })
}

/// The octets of some frames.
pub(super) fn body(frames: &[Frame<'_>]) -> Vec<u8> {
    insider::body(&header(Stranger::id(0), Session::new(0), 0, GROUP), frames)
}

const GROUP: SocketAddr = SocketAddr::new(
    core::net::IpAddr::V4(core::net::Ipv4Addr::new(239, 1, 2, 3)),
    12345,
);

fn header(sender: MemberId, session: Session, counter: u64, group: SocketAddr) -> Header {
    Header {
        suite: Suite::Open,
        tag: wire::open_group_tag(group, &Name::EMPTY),
        sender,
        session,
        counter: counter.min(Header::MAX_COUNTER),
    }
}

/// Whoever speaks on the network without being a member.
#[derive(Debug)]
pub(super) struct Stranger {
    network: Network,
    host: HostId,
    counters: BTreeMap<u32, u64>,
    /// The datagrams and the messages of a member that is none of the engine's.
    said: u64,
    /// For each number of its stream: class, place in the message and number of places, and payload.
    stream: Vec<(u8, u8, u8, Vec<u8>)>,
    /// When it said hello last.
    greeted: Option<Instant>,
}

/// Octets of a fragment of the puppet.
const PIECE: usize = 100;

/// How often it says hello.
const GREETING: Duration = Duration::from_millis(500);

impl Stranger {
    /// Reaches these hosts well.
    pub(super) fn new(network: Network, members: &[HostId]) -> Self {
        let host = network.add_host();
        for member in members {
            network.set_link(host, *member, Link::perfect());
        }
        Self {
            network,
            host,
            counters: BTreeMap::new(),
            said: 0,
            stream: Vec::new(),
            greeted: None,
        }
    }

    /// Where answers to it go.
    pub(super) fn address(&self) -> SocketAddr {
        (self.host.ipv4(), 40_000).into()
    }

    /// The id of a stranger.
    pub(super) fn id(who: u32) -> MemberId {
        MemberId::new(0xe000_0000 | who).expect("not zero")
    }

    /// The id and session of the puppet.
    pub(super) fn puppet() -> (MemberId, Session) {
        let id = MemberId::new(0xd000_0001).expect("not zero");
        (id, Session::new(1))
    }

    fn send(&self, header: &Header, frames: &[u8]) {
        let datagram = around(header, frames);
        let source = self.address();
        self.network.forge(self.host, source, GROUP, &datagram);
    }

    /// Sends in a stranger's name.
    pub(super) fn say(&mut self, who: u32, frames: &[u8]) {
        let counter = self.counters.entry(who).or_default();
        *counter += 1;
        let session = Session::new(u64::from(who) + 1);
        let header = header(Self::id(who), session, *counter, GROUP);
        self.send(&header, frames);
    }

    /// Sends in a member's name.
    pub(super) fn pretend(&self, name: (MemberId, Session), counter: u64, frames: &[u8]) {
        self.send(&header(name.0, name.1, counter, GROUP), frames);
    }

    /// NACKs for what a member said before this number.
    pub(super) fn lacks_all(life: &Life, next: u32) -> Vec<u8> {
        let (id, session) = life.name();
        // The low half of the session.
        let low = session.get() as u32;
        let nacks = [512, 256].map(|back: u32| {
            let mut nack = Nack::new(id.get(), low, next.wrapping_sub(back));
            nack.words = Nack::MAX_WORDS as u8;
            nack.missing = [u32::MAX; Nack::MAX_WORDS];
            Frame::Nack(nack)
        });
        body(&nacks)
    }

    fn puppet_says(&mut self, frames: &[Frame<'_>]) {
        self.said += 1;
        let (id, session) = Self::puppet();
        let frames = body(frames);
        self.send(&header(id, session, self.said, GROUP), &frames);
    }

    fn puppet_hello(&mut self) {
        let sync = Sync {
            next: self.stream.len() as u32,
            low: 0,
            round_trip: 0,
            group_size: 0,
            states: 0,
        };
        let hello = Hello::new(Name::new("puppet").expect("it is short"));
        self.puppet_says(&[Frame::Hello(hello), Frame::Sync(sync)]);
    }

    /// The puppet says hello, and then messages of so many fragments. What was sent.
    pub(super) fn puppet_talks(
        &mut self,
        seed: u64,
        life: usize,
        before: usize,
        messages: &[usize],
    ) -> Vec<Sent> {
        let mut sent = Vec::new();
        for fragments in messages {
            let number = before + sent.len();
            let channel = if number.is_multiple_of(3) {
                Channel::reliable_unordered(7)
            } else {
                Channel::reliable_ordered(8)
            };
            let class = u8::from(channel.class() == Class::ReliableOrdered) + 1;
            let octets = payload(seed, life, number, fragments * PIECE);
            let first = self.stream.len() as u32;
            for (place, piece) in octets.chunks(PIECE).enumerate() {
                let place = (class, place as u8, (fragments - 1) as u8, piece.to_vec());
                self.stream.push(place);
            }
            sent.push(Sent {
                channel,
                first,
                fragments: *fragments,
                payload: octets,
                at: self.network.now(),
            });
        }
        let new: usize = messages.iter().sum();
        for at in self.stream.len() - new..self.stream.len() {
            self.puppet_data(at, false);
        }
        let now = self.network.now();
        let is_due = self.greeted.is_none_or(|at| now.since(at) >= GREETING);
        if is_due || new > 0 {
            self.greeted = Some(now);
            self.puppet_hello();
        }
        sent
    }

    /// The puppet repairs what it was asked for.
    pub(super) fn puppet_repairs(&mut self, numbers: &[u32]) {
        for number in numbers {
            if (*number as usize) < self.stream.len() {
                self.puppet_data(*number as usize, true);
            }
        }
    }

    fn puppet_data(&mut self, at: usize, repair: bool) {
        let (class, fragment, last, payload) = self.stream[at].clone();
        let data = Data {
            class,
            latest: false,
            repair,
            copy: false,
            signed: false,
            channel: if class == 1 { 7 } else { 8 },
            horizon: at.min(255) as u8,
            fragment,
            last,
            sequence: at as u32,
            payload: &payload,
        };
        self.puppet_says(&[Frame::Data(data)]);
    }
}
