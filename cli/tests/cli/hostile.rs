//! 100,000 random and mutated datagrams against a running listener.

use std::collections::HashSet;
use std::net::UdpSocket;

use core::net::SocketAddrV4;
use core::time::Duration;

use groupcast::wire::{Bye, Data, Frame, Header, Hello, MAGIC, Suite, emit, open_group_tag};
use groupcast::{MemberId, Name, Session};

use crate::process::{Running, group, run, stranger};

const DATAGRAMS: usize = 100_000;

/// So much is sent before the listener is asked how far it is: less than any receive buffer holds.
/// The system counts about this much for a datagram beside its bytes.
const IN_FLIGHT: usize = 48 * 1024;
const PER_DATAGRAM: usize = 1024;

const SEED: u64 = 0x6772_6f75_7063_6173;

/// SplitMix64: small, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end.max(1)).unwrap()).unwrap()
    }

    fn octets(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.next().to_be_bytes()[0]).collect()
    }
}

/// Sound datagrams of the group: everything version 1 sends.
fn sound(group: SocketAddrV4, random: &mut Random) -> Vec<Vec<u8>> {
    let tag = open_group_tag(group.into(), &Name::EMPTY);
    let build = |counter: usize, random: &mut Random| {
        let header = Header {
            suite: Suite::Open,
            tag,
            sender: MemberId::new(1 + u32::try_from(counter % 5).unwrap()).unwrap(),
            session: Session::new(random.next()),
            counter: 1 + u64::try_from(counter).unwrap(),
        };
        let len = random.below(if counter.is_multiple_of(2) { 40 } else { 1100 });
        let payload = random.octets(len);
        let hello = Frame::Hello(Hello {
            join: counter.is_multiple_of(3),
            probe: counter.is_multiple_of(7),
            max_datagram: 1472,
            interval: 100,
            ..Hello::new(Name::new("mallory").unwrap())
        });
        let data = Frame::Data(Data {
            latest: false,
            class: 0,
            repair: false,
            copy: false,
            signed: false,
            channel: 0,
            horizon: 0,
            fragment: 0,
            last: 0,
            sequence: 7,
            payload: &payload,
        });
        let frames = match counter % 5 {
            0 => vec![hello],
            1 => vec![data],
            2 => vec![hello, data],
            3 => vec![Frame::Bye(Bye::LEFT)],
            _ => vec![data, Frame::Bye(Bye::LEFT)],
        };
        let mut buffer = [0; 1472];
        let len = emit(&header, &frames, &mut buffer).unwrap();
        buffer[..len].to_vec()
    };
    (0..50).map(|counter| build(counter, random)).collect()
}

/// A datagram that is not sound: made up, or a sound one that was damaged.
fn unsound(sound: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let pick = |random: &mut Random| sound[random.below(sound.len())].clone();
    let mut octets = pick(random);
    match random.below(10) {
        0 => {
            let len = random.below(64);
            octets = random.octets(len);
        }
        1 => {
            // Made up, but for the beginning.
            let (kept, len) = (1 + random.below(22), random.below(1500));
            octets.truncate(kept);
            octets.extend(random.octets(len));
        }
        2 => octets.truncate(random.below(octets.len())),
        3 => {
            let len = 1 + random.below(64);
            octets.extend(random.octets(len));
        }
        4 => octets.resize(octets.len() + 1 + random.below(64), 0),
        5 => {
            // The beginning of one, the end of another.
            let other = pick(random);
            octets.truncate(random.below(octets.len()));
            octets.extend_from_slice(&other[random.below(other.len())..]);
        }
        6 => {
            let (at, len) = (random.below(octets.len()), 1 + random.below(16));
            octets
                .iter_mut()
                .skip(at)
                .take(len)
                .for_each(|octet| *octet = 0);
        }
        _ => {
            for _ in 0..=random.below(8) {
                let at = random.below(octets.len());
                octets[at] ^= 1 << random.below(8);
            }
        }
    }
    octets
}

/// Sends, and waits now and then for the listener, so that nothing is lost on the way.
struct Paced<'a> {
    socket: UdpSocket,
    group: SocketAddrV4,
    listener: &'a mut Running,
    in_flight: usize,
    marks: u64,
}

impl Paced<'_> {
    fn send(&mut self, datagram: &[u8]) {
        self.socket.send_to(datagram, self.group).unwrap();
        self.in_flight += datagram.len() + PER_DATAGRAM;
        if self.in_flight > IN_FLIGHT {
            self.catch_up();
        }
    }

    /// Waits until the listener has taken everything sent so far.
    fn catch_up(&mut self) {
        self.marks += 1;
        let mark = format!("mark {}", self.marks);
        self.socket.send_to(mark.as_bytes(), self.group).unwrap();
        loop {
            let message = self.listener.message();
            assert_eq!(message["event"], "raw", "delivered as framed: {message}");
            if message["text"] == mark {
                break;
            }
        }
        self.in_flight = 0;
    }
}

#[test]
fn a_listener_survives_100_000_bad_datagrams_and_delivers_none_as_framed() {
    let group = group(80);
    let mut listener = Running::joined(group, ["listen", "--json", "--id", "ffff"]);
    let mut random = Random(SEED);
    let sound = sound(group, &mut random);
    let known: HashSet<_> = sound.iter().cloned().collect();
    let mut paced = Paced {
        socket: stranger(),
        group,
        listener: &mut listener,
        in_flight: 0,
        marks: 0,
    };
    let (mut sent, mut raw) = (0, 0);
    while sent < DATAGRAMS {
        let datagram = unsound(&sound, &mut random);
        // Damage may undo itself. Such a datagram is sound, and not of interest here.
        if known.contains(&datagram) {
            continue;
        }
        if datagram.first().is_some_and(|first| *first != MAGIC) {
            raw += 1;
        }
        paced.send(&datagram);
        sent += 1;
    }
    paced.catch_up();
    let marks = paced.marks;

    // It is as well as before.
    run(group, ["send", "--name", "ana", "still there?"]).expect(0);
    let message = listener.message();
    assert_eq!(
        (&message["event"], &message["from"]),
        (&"message".into(), &"ana".into())
    );

    let ended = listener.interrupted().expect(0);
    let summary = ended.summary();
    let sent = u64::try_from(sent).unwrap();
    assert_eq!(summary.count("raw"), raw + marks, "{}", ended.stderr);
    assert_eq!(summary.count("messages"), 1, "{}", ended.stderr);
    // What is not raw was dropped; good-byes that came again are stale.
    assert_eq!(
        summary.count("dropped") - summary.count("stale"),
        sent - raw,
        "{}",
        ended.stderr
    );
    for reason in [
        "empty",
        "truncated",
        "wrong_version",
        "wrong_suite",
        "other_group",
        "corrupt",
        "malformed",
    ] {
        assert!(
            summary.count(reason) > 0,
            "nothing was {reason}: {}",
            ended.stderr
        );
    }
    println!("seed {SEED:#x}: {}", ended.stderr.lines().last().unwrap());
}

#[test]
fn a_damaged_datagram_is_never_raw() {
    let group = group(81);
    let mut listener = Running::joined(group, ["listen", "--json"]);
    let mut random = Random(SEED);
    let stranger = stranger();
    for mut datagram in sound(group, &mut random) {
        let last = datagram.len() - 1;
        datagram[last] ^= 1;
        stranger.send_to(&datagram, group).unwrap();
    }
    assert_eq!(listener.line_within(Duration::from_millis(1)), None);
    stranger.send_to(b"the end", group).unwrap();
    assert_eq!(listener.message()["text"], "the end");
    let summary = listener.interrupted().expect(0).summary();
    assert_eq!(
        (
            summary.count("corrupt"),
            summary.count("raw"),
            summary.count("accepted")
        ),
        (50, 1, 0)
    );
}
