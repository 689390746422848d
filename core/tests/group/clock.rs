//! Where the clock starts, and clocks that stand: nothing depends on either.

use core::time::Duration;

#[cfg(feature = "seal")]
use groupcast::Config;
use groupcast::{Channel, Destination, Group, Instant, Pace};

use crate::hub::{Room, address, config, drain, member, ms};

/// Where clocks start: at their first value, near it, and near their last.
const STARTS: [Instant; 7] = [
    Instant::ZERO,
    Instant::from_micros(1),
    Instant::from_millis(1),
    Instant::from_millis(3_600_000),
    // A counter of 32 bits overflows soon.
    Instant::from_micros((1 << 32) - 4_000_000),
    Instant::from_micros((1 << 63) - 4_000_000),
    Instant::from_micros(u64::MAX - 40_000_000),
];

const EVERY_CLASS: [Channel; 5] = [
    Channel::best_effort(1),
    Channel::latest(2),
    Channel::state(3),
    Channel::reliable_unordered(4),
    Channel::reliable_ordered(5),
];

/// The members of a group whose datagrams arrive at once, and all that happens between them.
struct Pair {
    members: [Group<Room>; 2],
    /// What was sent and what was told, with the milliseconds since the start.
    story: Vec<String>,
    sent: usize,
}

impl Pair {
    fn new(members: [Group<Room>; 2]) -> Self {
        Self {
            members,
            story: Vec::new(),
            sent: 0,
        }
    }

    fn open(pace: Pace) -> Self {
        let with = |name, seed| member(config(name).with_pace(pace), seed);
        Self::new([with("ana", 1), with("ben", 2)])
    }

    fn note(&mut self, millis: u64, n: usize) {
        let mut log = Vec::new();
        drain(&mut self.members[n], &mut log);
        let lines = log.iter().map(|line| format!("{millis}: {n} {line}"));
        self.story.extend(lines);
    }

    /// Everybody says all that is to be said now. What `lost` says of by its number is lost.
    fn settle(&mut self, now: Instant, millis: u64, lost: impl Fn(usize) -> bool) {
        let mut buffer = [0; 1472];
        let mut busy = true;
        while busy {
            busy = false;
            for from in 0..2 {
                self.note(millis, from);
                while let Some(transmit) =
                    self.members[from].poll_transmit(now, &mut buffer).unwrap()
                {
                    busy = true;
                    self.sent += 1;
                    assert!(self.sent < 100_000, "it never ends: {:?}", transmit);
                    let datagram = &buffer[..transmit.len];
                    self.story.push(format!("{millis}: {from} {datagram:02x?}"));
                    let to = 1 - from;
                    let meant = match transmit.to {
                        Destination::Group => true,
                        Destination::Peer(at) => at == address(to as u8 + 1),
                    };
                    if meant && !lost(self.sent) {
                        self.note(millis, to);
                        let source = address(from as u8 + 1);
                        self.members[to].handle(now, source, datagram).unwrap();
                        self.note(millis, to);
                    }
                }
            }
        }
        for n in 0..2 {
            self.members[n].handle_timeout(now);
            self.note(millis, n);
        }
    }

    fn say(&mut self, now: Instant, text: &str) {
        for channel in EVERY_CLASS {
            self.members[0]
                .queue(now, channel, text.as_bytes())
                .unwrap();
        }
    }

    fn told(&self, text: &str) -> usize {
        let is_it = |line: &&String| line.ends_with(&format!("1 ana: {text}"));
        self.story.iter().filter(is_it).count()
    }
}

/// All that happens in half a minute: messages of every class, of which some are lost, a question who has
/// them, a silence, a leave.
fn half_a_minute(mut pair: Pair, start: Instant) -> Vec<String> {
    let mut now = start;
    for millis in 0..30_000 {
        match millis {
            0 | 3_000 => pair.say(now, "hello"),
            4_000..4_400 if millis % 10 == 0 => {
                let channel = Channel::reliable_ordered(5);
                let number = pair.members[0].queue(now, channel, &[b'x'; 60]).unwrap();
                pair.members[0].confirm(now, number).unwrap();
            }
            28_000 => pair.members[0].leave(now),
            _ => {}
        }
        let silent = (10_000..16_000).contains(&millis);
        let lossy = (2_000..20_000).contains(&millis);
        pair.settle(now, millis, |number| {
            // No pattern in which always the same is lost.
            silent || (lossy && [0, 4, 5].contains(&(number % 11)))
        });
        now += Duration::from_millis(1);
    }
    assert!(pair.members[0].has_left());
    pair.story
}

fn same_wherever_the_clock_starts(pair: impl Fn() -> Pair) {
    let first = half_a_minute(pair(), ms(1_000));
    for told in ["joined", "hello", "Confirmed", "lost", "left"] {
        assert!(
            first.iter().any(|line| line.contains(told)),
            "nothing of {told}"
        );
    }
    for start in STARTS {
        let story = half_a_minute(pair(), start);
        let differs = first.iter().zip(&story).find(|(a, b)| a != b);
        assert_eq!(differs, None, "{start:?}");
        assert_eq!(first.len(), story.len(), "{start:?}");
    }
}

#[test]
fn wherever_the_clock_starts_the_same_happens() {
    for pace in [Pace::BOARD, Pace::new(0, 1), Pace::UNLIMITED] {
        same_wherever_the_clock_starts(|| Pair::open(pace));
    }
}

#[cfg(feature = "seal")]
mod sealed {
    use super::*;
    use groupcast::seal::{Entropy, GroupKey, KeySet, Seal};

    fn pair() -> Pair {
        let keys = KeySet::new(GroupKey::new([7; 32]));
        let member = |config: Config, random: &[u8]| {
            let seal = Seal::new(&keys, Entropy::new().with_random(random));
            Group::sealed(Room::new(), config, seal).unwrap()
        };
        Pair::new([
            member(config("ana"), b"new at every start, as it seems"),
            member(config("ben"), b"and this is of another generator"),
        ])
    }

    #[test]
    fn wherever_the_clock_starts_the_same_happens() {
        same_wherever_the_clock_starts(pair);
    }
}

#[test]
fn a_clock_that_stands_sends_what_the_pace_allows_at_once() {
    for start in [Instant::ZERO, Instant::from_micros(u64::MAX)] {
        for pace in [Pace::BOARD, Pace::WIFI, Pace::WIRED, Pace::UNLIMITED] {
            let mut pair = Pair::open(pace);
            pair.say(start, "hello");
            pair.settle(start, 0, |_| false);
            assert_eq!(
                pair.told("hello"),
                5,
                "{start:?} {pace:?}: {:?}",
                pair.story
            );
            pair.members[0].leave(start);
            pair.settle(start, 0, |_| false);
            assert!(pair.told("hello") == 5 && pair.sent < 20);
        }
    }
}

#[test]
fn a_raw_datagram_and_a_burst_leave_at_the_first_moment() {
    for pace in [Pace::BOARD, Pace::WIFI] {
        let mut ana = member(config("ana").with_pace(pace), 1);
        let mut buffer = [0; 1472];
        for _ in 0..8 {
            ana.queue_raw(Instant::ZERO, &[b'x'; 150]).unwrap();
        }
        let mut octets = 0;
        while let Some(transmit) = ana.poll_transmit(Instant::ZERO, &mut buffer).unwrap() {
            octets += transmit.len;
        }
        let burst = if pace == Pace::BOARD { 2 } else { 4 };
        assert!(
            (8 * 150..burst * 1_300).contains(&octets),
            "{pace:?}: {octets} octets"
        );
    }
}

#[test]
fn at_the_end_of_time_the_clock_stands_and_nothing_else_happens() {
    let start = Instant::from_micros(u64::MAX - 3_000_000);
    let mut pair = Pair::open(Pace::WIRED);
    let mut now = start;
    for millis in 0..10_000 {
        if millis % 1_000 == 0 {
            pair.say(now, &format!("{millis}"));
        }
        pair.settle(now, millis, |_| false);
        now += Duration::from_millis(1);
    }
    for millis in (0..10_000).step_by(1_000) {
        assert_eq!(pair.told(&format!("{millis}")), 5, "{millis}");
    }
    assert!(pair.sent < 200, "{} datagrams", pair.sent);
}
