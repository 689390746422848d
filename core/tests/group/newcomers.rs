//! Whoever is told that somebody has joined can rely on it: what it sends from then on is delivered, or in a gap.

use core::net::SocketAddr;

use groupcast::wire::{Bye, Data, Frame, Header, Start};
use groupcast::{Channel, Config, Destination, Event, Group, Join, MemberId, Storage};

use crate::hub::{Puppet, address, config, data, drain, ms, sync, watch};

type Room = Storage<64, 4, 32, 40, 4000, 1473, { groupcast::Sends::UNLIMITED }>;

const ORDERED: Channel = Channel::reliable_ordered(1);

/// Draws that follow from a seed (xorshift).
struct Dice(u64);

impl Dice {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn percent(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) % 100
    }
}

/// How a member comes to be.
type Birth = fn(Config, u64) -> Group<Room>;

fn open(config: Config, seed: u64) -> Group<Room> {
    let mut octets = [0; 32];
    octets[..8].copy_from_slice(&(seed + 1).to_be_bytes());
    Group::new(Room::new(), config, octets).unwrap()
}

#[cfg(feature = "seal")]
fn sealed(config: Config, seed: u64) -> Group<Room> {
    use groupcast::seal::{Entropy, GroupKey, KeySet, Seal};
    let keys = KeySet::new(GroupKey::new([7; 32]));
    let octets: Vec<u8> = (0..32u64)
        .map(|n| (Dice::new(seed * 64 + n + 1).percent() * 2) as u8)
        .collect();
    let entropy = Entropy::new().with_random(&octets);
    Group::sealed(Room::new(), config, Seal::new(&keys, entropy)).unwrap()
}

/// What a member was told.
#[derive(Debug, Default)]
struct Told {
    joined: Vec<(u64, MemberId)>,
    restarted: Vec<(u64, MemberId)>,
    /// Whose number was delivered, or is in a gap.
    settled: Vec<(MemberId, u32)>,
}

/// Members on a network that loses datagrams, each of which takes a millisecond.
struct Net {
    dice: Dice,
    loss: u64,
    now: u64,
    members: Vec<(Group<Room>, Told)>,
    under_way: Vec<(usize, usize, Vec<u8>)>,
}

impl Net {
    fn new(seed: u64, loss: u64) -> Self {
        Self {
            dice: Dice::new(seed),
            loss,
            now: 1_000,
            members: Vec::new(),
            under_way: Vec::new(),
        }
    }

    fn at(n: usize) -> SocketAddr {
        address(n as u8 + 1)
    }

    fn note(&mut self, n: usize) {
        let (group, told) = &mut self.members[n];
        while let Some(event) = group.poll_event() {
            match event {
                Event::Joined(member) => told.joined.push((self.now, member.id())),
                Event::Restarted(member) => told.restarted.push((self.now, member.id())),
                Event::Message(m) => told.settled.push((m.sender(), m.sequence().get())),
                Event::Gap(gap) => {
                    let id = gap.peer().id();
                    told.settled
                        .extend(gap.lost().iter().map(|n| (id, n.get())));
                }
                _ => {}
            }
        }
    }

    fn step(&mut self) {
        for (from, to, datagram) in core::mem::take(&mut self.under_way) {
            let group = &mut self.members[to].0;
            group
                .handle(ms(self.now), Self::at(from), &datagram)
                .unwrap();
            self.note(to);
        }
        let mut buffer = [0; 1472];
        for n in 0..self.members.len() {
            self.members[n].0.handle_timeout(ms(self.now));
            self.note(n);
            while let Some(t) = self.members[n]
                .0
                .poll_transmit(ms(self.now), &mut buffer)
                .unwrap()
            {
                for to in 0..self.members.len() {
                    let meant =
                        t.to == Destination::Group || t.to == Destination::Peer(Self::at(to));
                    if to != n && meant && self.dice.percent() >= self.loss {
                        self.under_way.push((n, to, buffer[..t.len].to_vec()));
                    }
                }
            }
        }
        self.now += 1;
    }

    fn run(&mut self, millis: u64) {
        for _ in 0..millis {
            self.step();
        }
    }
}

/// Ana waits until ben has joined, says one thing, and leaves if `leaves`. Whether ben got neither that nor a gap.
fn silent(birth: Birth, seed: u64, loss: u64, before: u64, leaves: bool) -> bool {
    let mut net = Net::new(seed, loss);
    net.members
        .push((birth(config("ana"), 2 * seed), Told::default()));
    let ana = net.members[0].0.id();
    net.run(before);
    net.members
        .push((birth(config("ben"), 2 * seed + 1), Told::default()));
    while net.members[0].1.joined.is_empty() {
        net.step();
    }
    let now = ms(net.now);
    net.members[0].0.queue(now, ORDERED, b"now you").unwrap();
    if leaves {
        net.members[0].0.leave(now);
    }
    net.run(6_000);
    !net.members[1].1.settled.contains(&(ana, 0))
}

fn count(seeds: u64, is_silent: impl Fn(u64) -> bool) -> usize {
    (1..=seeds).filter(|seed| is_silent(*seed)).count()
}

/// PROTOCOL R3.
#[test]
fn two_that_start_together_lose_nothing_in_silence() {
    for loss in [5, 20] {
        let silent = count(400, |seed| silent(open, seed, loss, 0, false));
        assert_eq!(silent, 0, "at {loss} %");
    }
}

#[cfg(feature = "seal")]
#[test]
fn two_that_start_together_in_a_sealed_group_lose_nothing_in_silence() {
    for loss in [5, 20] {
        let silent = count(100, |seed| silent(sealed, seed, loss, 0, false));
        assert_eq!(silent, 0, "at {loss} %");
    }
}

/// PROTOCOL R3, R4.
#[test]
fn who_joins_a_member_that_leaves_at_once_loses_nothing_in_silence() {
    for loss in [5, 20] {
        let silent = count(400, |seed| silent(open, seed, loss, 0, true));
        assert_eq!(silent, 0, "at {loss} %");
    }
}

/// PROTOCOL R3.
#[test]
fn a_receiver_that_is_told_to_have_restarted_loses_nothing_in_silence() {
    for loss in [5, 20] {
        let silent = count(200, |seed| {
            let mut net = Net::new(seed, loss);
            let ben = || config("ben").with_id(MemberId::new(99).unwrap());
            net.members
                .push((open(config("ana"), 3 * seed), Told::default()));
            net.members
                .push((open(ben(), 3 * seed + 1), Told::default()));
            let ana = net.members[0].0.id();
            for n in 0..20 {
                net.run(100 + 7 * n);
                let now = ms(net.now);
                net.members[0].0.queue(now, ORDERED, b"as before").unwrap();
            }
            net.members[1] = (open(ben(), 3 * seed + 2), Told::default());
            while net.members[0].1.restarted.is_empty() {
                net.step();
            }
            let now = ms(net.now);
            net.members[0].0.queue(now, ORDERED, b"now you").unwrap();
            net.run(6_000);
            !net.members[1].1.settled.contains(&(ana, 20))
        });
        assert_eq!(silent, 0, "at {loss} %");
    }
}

#[test]
fn fifty_that_start_together_lose_nothing_in_silence() {
    for loss in [5, 20] {
        let mut net = Net::new(loss, loss);
        for n in 0..50 {
            net.members.push((
                open(config(&n.to_string()), 100 * loss + n),
                Told::default(),
            ));
        }
        // What each one sent, and when: with every tenth that joins.
        let mut sent = vec![Vec::new(); 50];
        for _ in 0..3_000 {
            net.step();
            for (sent, (group, told)) in sent.iter_mut().zip(&mut net.members) {
                if told.joined.len() / 10 > sent.len() {
                    group.queue(ms(net.now), ORDERED, b"values").unwrap();
                    sent.push(net.now);
                }
            }
        }
        // What is missing is waited for five seconds from when it is known to be.
        net.run(15_000);
        let mut relied = 0;
        for (from, sent) in sent.iter().enumerate() {
            let id = net.members[from].0.id();
            for (number, at) in sent.iter().enumerate() {
                let joined = &net.members[from].1.joined;
                for (_, to) in joined.iter().filter(|(joined, _)| joined < at) {
                    let (_, told) = net.members.iter().find(|(g, _)| g.id() == *to).unwrap();
                    relied += 1;
                    assert!(
                        told.settled.contains(&(id, number as u32)),
                        "{id} to {to}: {number} at {loss} %"
                    );
                }
            }
        }
        assert!(relied > 3_000, "{relied}");
    }
}

/// A member that is older than a second, or not, and hears ben for the first time.
fn listener(at: u64) -> (Group<Room>, Whom, Puppet) {
    let mut ana = open(config("ana"), 1);
    ana.handle_timeout(ms(1_000));
    let mut ben = Puppet::new(7, 1);
    told(&mut ana, at, &ben.hello("ben"));
    sent(&mut ana, at);
    let whom = whom(&ana);
    (ana, whom, ben)
}

fn whom(ana: &Group<Room>) -> Whom {
    (ana.id().get(), ana.session().get() as u32)
}

fn told(ana: &mut Group<Room>, at: u64, datagram: &[u8]) -> Vec<String> {
    let mut log = Vec::new();
    ana.handle(ms(at), address(99), datagram).unwrap();
    drain(ana, &mut log);
    log
}

/// How many PROBEs are sent, and what is asked for.
fn sent(ana: &mut Group<Room>, at: u64) -> (usize, Vec<u32>) {
    let (mut buffer, mut probes, mut asked) = ([0; 1472], 0, Vec::new());
    for at in at..at + 60 {
        while let Some(t) = ana.poll_transmit(ms(at), &mut buffer).unwrap() {
            let (_, frames) = groupcast::wire::parse(&buffer[..t.len]).unwrap();
            for frame in frames.flatten() {
                match frame {
                    Frame::Hello(hello) if hello.probe => probes += 1,
                    Frame::Nack(nack) => asked.extend(nack.iter()),
                    _ => {}
                }
            }
        }
    }
    asked.sort_unstable();
    asked.dedup();
    (probes, asked)
}

fn message(sequence: u32) -> Frame<'static> {
    Frame::Data(Data {
        class: 2,
        horizon: sequence as u8,
        sequence,
        ..data("hi")
    })
}

/// For whom a START is: the id and the life.
type Whom = (u32, u32);

fn start((target, session): Whom, next: u32) -> Frame<'static> {
    Frame::Start(Start {
        target,
        session,
        next,
    })
}

fn is_gap(line: &str, first: u32, last: u32) -> bool {
    line.starts_with("Gap")
        && line.contains(&format!(
            "first: Sequence({first}), last: Sequence({last}) "
        ))
}

/// PROTOCOL R2, R5.
#[test]
fn who_hears_a_stream_in_its_middle_asks_where_to_begin() {
    let (mut ana, whom, mut ben) = listener(1_100);
    told(&mut ana, 1_200, &ben.say(&[sync(5, 0)]));
    assert_eq!(sent(&mut ana, 1_200), (1, vec![]));
    // It asks until it is told.
    told(&mut ana, 1_300, &ben.say(&[sync(5, 0)]));
    assert_eq!(sent(&mut ana, 1_300), (1, vec![]));
    let answer = [sync(5, 0), start(whom, 3)];
    let mut to_one = Puppet {
        counter: Header::TO_ONE,
        ..Puppet::new(7, 1)
    };
    assert!(told(&mut ana, 1_400, &to_one.say(&answer)).is_empty());
    assert_eq!(sent(&mut ana, 1_400), (0, vec![3, 4]));
    let log = told(&mut ana, 1_500, &ben.say(&[message(3), message(4)]));
    assert_eq!(log, ["ben: hi", "ben: hi"]);
    // It is told once.
    let log = told(&mut ana, 1_600, &ben.say(&[sync(5, 0), start(whom, 1)]));
    assert!(log.is_empty(), "{log:?}");
    assert_eq!(sent(&mut ana, 1_600), (0, vec![]));
}

/// PROTOCOL R5.
#[test]
fn who_hears_a_stream_from_its_first_number_on_asks_nothing() {
    for at in [1_100, 5_000] {
        for first in [vec![sync(0, 0)], vec![message(0)]] {
            let (mut ana, _, mut ben) = listener(at);
            told(&mut ana, at + 100, &ben.say(&first));
            told(&mut ana, at + 200, &ben.say(&[sync(1, 0)]));
            assert_eq!(sent(&mut ana, at + 200).0, 0);
        }
    }
}

/// PROTOCOL R5.
#[test]
fn what_came_too_early_to_be_delivered_in_order_is_a_gap() {
    let (mut ana, whom, mut ben) = listener(1_100);
    let log = told(&mut ana, 1_200, &ben.say(&[message(5)]));
    assert_eq!(log, ["ben: hi"]);
    assert_eq!(sent(&mut ana, 1_200).0, 1);
    let log = told(&mut ana, 1_300, &ben.say(&[sync(6, 0), start(whom, 3)]));
    assert!(log.len() == 1 && is_gap(&log[0], 3, 4), "{log:?}");
    let log = told(&mut ana, 1_400, &ben.say(&[message(6)]));
    assert_eq!(log, ["ben: hi"]);
}

/// PROTOCOL R2, R5.
#[test]
fn who_was_there_first_learns_what_it_missed_too() {
    // Ana hears ben late: what ben cannot repair any more was for ana, too.
    let (mut ana, whom, mut ben) = listener(5_000);
    told(&mut ana, 5_100, &ben.say(&[sync(9, 4)]));
    assert_eq!(sent(&mut ana, 5_100).0, 1);
    let log = told(&mut ana, 5_200, &ben.say(&[sync(9, 4), start(whom, 2)]));
    assert!(log.len() == 1 && is_gap(&log[0], 2, 3), "{log:?}");
    assert_eq!(sent(&mut ana, 5_300).1, [4, 5, 6, 7, 8]);
}

/// PROTOCOL R5.
#[test]
fn who_is_counted_in_later_changes_nothing() {
    let (mut ana, whom, mut ben) = listener(1_100);
    told(&mut ana, 1_200, &ben.say(&[sync(5, 0)]));
    assert_eq!(sent(&mut ana, 1_200), (1, vec![]));
    let log = told(&mut ana, 1_300, &ben.say(&[sync(7, 0), start(whom, 6)]));
    assert!(log.is_empty(), "{log:?}");
    assert_eq!(sent(&mut ana, 1_300), (0, vec![5, 6]));
}

/// PROTOCOL R5.
#[test]
fn what_is_said_to_another_or_to_another_life_changes_nothing() {
    let (mut ana, whom, mut ben) = listener(1_100);
    let others = [(whom.0 ^ 1, whom.1), (whom.0, whom.1 ^ 1)];
    told(&mut ana, 1_200, &ben.say(&[sync(5, 0)]));
    for other in others {
        told(&mut ana, 1_300, &ben.say(&[sync(5, 0), start(other, 3)]));
        assert!(sent(&mut ana, 1_300).1.is_empty());
    }
}

/// PROTOCOL R5.
#[test]
fn the_farewell_says_where_to_begin() {
    let (mut ana, whom, mut ben) = listener(1_100);
    let log = told(
        &mut ana,
        1_200,
        &ben.say(&[sync(5, 0), start(whom, 3), Frame::Bye(Bye::LEFT)]),
    );
    assert!(is_gap(&log[0], 3, 4) && log[1] == "ben left", "{log:?}");
}

/// PROTOCOL R2.
#[test]
fn a_past_that_is_wanted_is_not_given_up() {
    let config = config("ana").with_join_at(Join::Recent(4));
    let mut ana = open(config, 1);
    let whom = whom(&ana);
    ana.handle_timeout(ms(1_000));
    let mut ben = Puppet::new(7, 1);
    told(&mut ana, 1_100, &ben.hello("ben"));
    sent(&mut ana, 1_100);
    told(&mut ana, 1_200, &ben.say(&[sync(9, 0), start(whom, 8)]));
    assert_eq!(sent(&mut ana, 1_200).1, [5, 6, 7, 8]);
}

/// PROTOCOL R3.
#[test]
fn who_restarts_is_not_given_what_was_sent_before() {
    let mut net = Net::new(1, 0);
    let ben = || config("ben").with_id(MemberId::new(99).unwrap());
    net.members.push((open(config("ana"), 1), Told::default()));
    net.members.push((open(ben(), 2), Told::default()));
    net.run(2_000);
    for _ in 0..5 {
        let now = ms(net.now);
        net.members[0].0.queue(now, ORDERED, b"as before").unwrap();
    }
    net.run(500);
    net.members[1] = (open(ben(), 3), Told::default());
    net.run(2_000);
    let now = ms(net.now);
    net.members[0].0.queue(now, ORDERED, b"now you").unwrap();
    net.run(2_000);
    let ana = net.members[0].0.id();
    assert_eq!(net.members[0].1.restarted.len(), 1);
    assert_eq!(net.members[1].1.settled, [(ana, 5)]);
}

/// PROTOCOL R1.
#[test]
fn who_is_told_alone_where_a_stream_stands_follows_it_from_there() {
    let (mut ana, _, mut ben) = listener(1_100);
    let mut to_one = Puppet {
        counter: Header::TO_ONE,
        ..Puppet::new(7, 1)
    };
    assert!(told(&mut ana, 1_200, &to_one.say(&[sync(5, 0)])).is_empty());
    told(&mut ana, 1_300, &ben.say(&[message(7)]));
    assert_eq!(sent(&mut ana, 1_300).1, [5, 6]);
}

/// PROTOCOL R2.
#[test]
fn a_young_receiver_begins_with_the_first_fragment_of_what_is_new() {
    let (mut ana, _, mut ben) = listener(1_100);
    let Frame::Data(three) = message(3) else {
        unreachable!();
    };
    let repair = Data {
        repair: true,
        ..three
    };
    let copy = Data {
        copy: true,
        ..three
    };
    let second = Data {
        fragment: 1,
        last: 1,
        ..three
    };
    for past in [repair, copy, second] {
        let log = told(&mut ana, 1_200, &ben.say(&[Frame::Data(past)]));
        assert!(log.is_empty(), "{log:?}");
    }
    let log = told(&mut ana, 1_300, &ben.say(&[message(5), message(7)]));
    assert_eq!(log, ["ben: hi"]);
    assert_eq!(sent(&mut ana, 1_300).1, [6]);
    // One that has been there for long begins with all that can be repaired.
    let (mut ana, _, mut ben) = listener(5_000);
    let seven = Data {
        horizon: 3,
        sequence: 7,
        ..repair
    };
    told(&mut ana, 5_100, &ben.say(&[Frame::Data(seven)]));
    assert_eq!(sent(&mut ana, 5_100).1, [4, 5, 6]);
}

/// PROTOCOL R2.
#[test]
fn a_past_that_is_wanted_ends_where_nothing_can_be_repaired() {
    let mut ana = open(config("ana").with_join_at(Join::Recent(4)), 1);
    ana.handle_timeout(ms(1_000));
    let mut ben = Puppet::new(7, 1);
    told(&mut ana, 1_100, &ben.hello("ben"));
    let log = told(&mut ana, 1_200, &ben.say(&[sync(9, 7)]));
    assert!(log.is_empty(), "{log:?}");
    assert_eq!(sent(&mut ana, 1_200).1, [7, 8]);
}

/// For how many each datagram of ana's that says HELLO or BYE to the group has a START, in these milliseconds.
fn starts(ana: &mut Group<Room>, from: u64, to: u64) -> Vec<usize> {
    let (mut starts, mut before) = (Vec::new(), "");
    watch(ana, from..to, |_, to, frame| {
        if to != Destination::Group {
            return;
        }
        before = match frame {
            Frame::Hello(_) => "HELLO",
            Frame::Sync(_) => {
                starts.push(0);
                "SYNC"
            }
            Frame::Start(start) => {
                assert_eq!(start.next, 0);
                assert!(["SYNC", "START"].contains(&before), "behind {before}");
                *starts.last_mut().unwrap() += 1;
                "START"
            }
            _ => "another",
        };
    });
    starts
}

/// PROTOCOL R4.
#[test]
fn sixteen_newcomers_are_told_at_once_where_to_begin_and_all_when_it_is_too_late_to_ask() {
    let mut ana = open(config("ana"), 1);
    starts(&mut ana, 1_000, 5_000);
    let mut puppets: Vec<_> = (0..20).map(|n| Puppet::new(100 + n, 1)).collect();
    let mut all_say_hello = |ana: &mut Group<Room>, at| {
        for puppet in &mut puppets {
            told(ana, at, &puppet.hello("new"));
        }
    };
    all_say_hello(&mut ana, 5_000);
    let none = starts(&mut ana, 5_000, 6_500);
    assert!(none.iter().all(|count| *count == 0), "the present number");
    ana.queue(ms(6_500), ORDERED, b"one").unwrap();
    all_say_hello(&mut ana, 6_500);
    let some = starts(&mut ana, 6_500, 7_900);
    assert!(
        some.contains(&16) && some.iter().all(|count| [0, 16].contains(count)),
        "{some:?}"
    );
    // Those who have been there for three seconds ask.
    for at in [8_000, 9_000, 10_000] {
        all_say_hello(&mut ana, at);
        let none = starts(&mut ana, at, at + 1_000);
        assert!(
            at < 9_000 || none.iter().all(|count| *count == 0),
            "{none:?}"
        );
    }
    ana.leave(ms(11_000));
    assert_eq!(starts(&mut ana, 11_000, 11_300), [16; 7]);
}

/// PROTOCOL R5.
#[test]
fn who_is_never_told_where_to_begin_asks_32_times() {
    let (mut ana, _, mut ben) = listener(1_100);
    told(&mut ana, 1_200, &ben.say(&[sync(5, 5)]));
    let mut probes = Vec::new();
    for at in 1_200..21_000 {
        if at % 1_000 == 0 {
            told(&mut ana, at, &ben.hello("ben"));
        }
        watch(&mut ana, at..at + 1, |at, _, frame| {
            if matches!(frame, Frame::Hello(hello) if hello.probe) {
                probes.push(at);
            }
        });
    }
    assert_eq!(probes.len(), 32, "{probes:?}");
    assert!(
        probes.windows(2).all(|pair| pair[1] - pair[0] == 250),
        "{probes:?}"
    );
}
