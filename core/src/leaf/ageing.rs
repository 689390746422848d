//! Wherever in the course of things everything becomes older, the same happens.

use core::time::Duration;
use std::format;
use std::string::String;
use std::vec::Vec;

use super::Leaf;
use crate::time::Span;
use crate::wire::{self, Busy, Frame, Header, Hello, Nack, Suite};
use crate::{Channel, Config, Destination, Instant, MemberId, Name, Session};

/// Milliseconds of the story, and between two looks at it.
const END: u32 = 16_000;
const STEP: u32 = 4;

fn config() -> Config {
    Config::new("239.1.2.3:12345".parse().unwrap())
}

fn address(n: usize) -> core::net::SocketAddr {
    core::net::SocketAddr::from(([10, 0, 0, n as u8 + 1], 40_000))
}

struct Story {
    leaves: Vec<Leaf>,
    now: Instant,
    told: Vec<String>,
    sent: usize,
    counter: u64,
}

impl Story {
    fn note(&mut self, n: usize) {
        while let Some(event) = self.leaves[n].poll_event() {
            let at = self.now.as_micros() / 1_000;
            self.told.push(format!("{at} ms: {n} is told: {event:?}"));
        }
    }

    fn hear(&mut self, from: usize, to: usize, octets: &[u8]) {
        self.note(to);
        let leaf = &mut self.leaves[to];
        leaf.handle(self.now, address(from), octets).unwrap();
        self.note(to);
    }

    /// A stranger says something.
    fn strange(&mut self, id: u32, session: u64, frame: Frame<'_>) {
        self.counter += 1;
        let header = Header {
            suite: Suite::Open,
            tag: wire::open_group_tag(config().group(), &Name::EMPTY),
            sender: MemberId::new(id).unwrap(),
            session: Session::new(session),
            counter: self.counter,
        };
        let mut buffer = [0; 600];
        let len = wire::emit(&header, &[frame], &mut buffer).unwrap();
        for to in 0..self.leaves.len() {
            self.hear(50, to, &buffer[..len]);
        }
    }

    /// Everybody says what is to be said now, of which some is lost.
    fn settle(&mut self) {
        let mut buffer = [0; 512];
        for from in 0..self.leaves.len() {
            while let Some(transmit) = self.leaves[from]
                .poll_transmit(self.now, &mut buffer)
                .unwrap()
            {
                let octets = buffer[..transmit.len].to_vec();
                self.told.push(format!("{from} says {octets:02x?}"));
                for to in 0..self.leaves.len() {
                    self.sent += 1;
                    let meant = match transmit.to {
                        Destination::Group => to != from,
                        Destination::Peer(at) => at == address(to),
                    };
                    if meant && ![0, 4].contains(&(self.sent % 11)) {
                        self.hear(from, to, &octets);
                    }
                }
            }
            self.note(from);
        }
    }

    fn act(&mut self, millis: u32) {
        let now = self.now;
        if millis % 700 == 300 {
            for (n, leaf) in self.leaves.iter_mut().enumerate() {
                for channel in [
                    Channel::state(n as u8),
                    Channel::latest(9),
                    Channel::best_effort(8),
                ] {
                    let _ = leaf.queue(now, channel, b"value");
                }
            }
        }
        if self.leaves[0].is_sealed() {
            return;
        }
        let (id, life) = (self.leaves[0].id().get(), self.leaves[0].session().life());
        let hello = Hello {
            interval: 100,
            probe: true,
            ..Hello::new(Name::EMPTY)
        };
        if millis.is_multiple_of(1_200) {
            let mut nack = Nack::new(id, life, 0);
            (nack.missing, nack.words) = ([u32::MAX; Nack::MAX_WORDS], 3);
            self.strange(100, 1, Frame::Nack(nack));
        }
        if [5_000, 5_800, 7_200].contains(&millis) {
            self.strange(100, 1, Frame::Busy(Busy { wait: 300 }));
        }
        if [3_000, 3_060, 3_140].contains(&millis) {
            self.strange(101, 1, Frame::Hello(hello));
        }
        // Lives that speak in turn.
        for (at, session) in [
            (2_000, 1),
            (2_500, 2),
            (2_900, 1),
            (4_000, 1),
            (8_000, 2),
            (9_500, 1),
        ] {
            if millis == at {
                let data = wire::Data {
                    class: 0,
                    latest: false,
                    repair: false,
                    copy: false,
                    signed: false,
                    channel: 1,
                    horizon: 0,
                    fragment: 0,
                    last: 0,
                    sequence: at,
                    payload: b"x",
                };
                self.strange(102, session, Frame::Data(data));
            }
        }
        if [11_000, 12_000].contains(&millis) {
            self.strange(id, u64::MAX, Frame::Hello(hello));
        }
        if millis == END - 600 {
            self.leaves[1].leave(now);
        }
    }

    fn tell(leaves: Vec<Leaf>, ages_after: Span) -> Vec<String> {
        let mut story = Self {
            leaves,
            now: Instant::from_millis(0),
            told: Vec::new(),
            sent: 0,
            counter: 1 << 20,
        };
        for leaf in &mut story.leaves {
            leaf.clock.begin_before_ageing(ages_after);
        }
        for millis in (0..END).step_by(STEP as usize) {
            story.act(millis);
            story.settle();
            story.now += Duration::from_millis(STEP.into());
        }
        story.told
    }
}

fn the_same_happens(apart: usize, expected: &[&str], leaves: impl Fn() -> Vec<Leaf>) {
    let usual = Story::tell(leaves(), Span::from_secs(600));
    for expected in expected {
        let is_there = usual.iter().any(|line| line.contains(expected));
        assert!(is_there, "nothing of {expected}");
    }
    for millis in (1..END).step_by(apart).chain([2, 4]) {
        let story = Story::tell(leaves(), Span::from_millis(millis));
        let differs = usual.iter().zip(&story).find(|(a, b)| a != b);
        assert_eq!(differs, None, "older after {millis} ms");
        assert_eq!(usual.len(), story.len(), "older after {millis} ms");
    }
}

#[test]
fn in_an_open_group_the_same_happens_whenever_time_ages() {
    the_same_happens(97, &["Message", "DuplicateId"], || {
        let leaf = |seed| Leaf::new(config(), [seed; 32]).unwrap();
        (1..4).map(leaf).collect()
    });
}

#[cfg(feature = "seal")]
#[test]
fn in_a_sealed_group_the_same_happens_whenever_time_ages() {
    use crate::seal::{Entropy, GroupKey, KeySet, Seal};

    the_same_happens(997, &["Message"], || {
        let keys = KeySet::new(GroupKey::new([7; 32]));
        let random = [
            b"one of three, at random",
            b"and another of those 3.",
            b"and the last one of all",
        ];
        let leaves = random.into_iter().map(|random| {
            let seal = Seal::new(&keys, Entropy::new().with_random(random));
            Leaf::sealed(config(), seal).unwrap()
        });
        leaves.collect()
    });
}

/// What it costs: PROTOCOL aside, this is what a board has to have.
#[test]
fn it_is_as_small_as_is_said() {
    let sealed = cfg!(feature = "seal");
    let size = size_of::<Leaf>();
    std::println!("{size} bytes, sealed: {sealed}");
    assert!(size <= if sealed { 2_560 } else { 2_000 }, "{size}");
    let deaf = size_of::<Leaf<512, 0, 128>>();
    std::println!("{deaf} bytes, deaf");
    assert!(deaf < size - 400, "{deaf}");
}
