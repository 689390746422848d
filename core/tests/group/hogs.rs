//! Senders for whose stream there is no place, or no place any more: what they said is delivered, or in a gap.

use groupcast::wire::{self, Bye, Data, Frame, Header, Hello};
use groupcast::{Group, Memory, Storage};

use crate::hub::{self, Puppet, address, config, data, drain, hello, ms};

/// Room for one stream.
type Narrow = Storage<8, 1, 16, 16, 1600, 1025>;

/// Room for two others, and one stream.
type Crowded = Storage<2, 1, 16, 16, 1600, 1025>;

fn message(sequence: u32) -> Data<'static> {
    Data {
        class: 2,
        horizon: sequence.min(255) as u8,
        sequence,
        ..data("hi")
    }
}

/// A fragment of a message of three.
fn third(fragment: u8) -> Data<'static> {
    Data {
        class: 2,
        horizon: fragment,
        fragment,
        last: 2,
        sequence: u32::from(fragment),
        ..data("third")
    }
}

fn sync(next: u32) -> Frame<'static> {
    hub::sync(next, 0)
}

/// What `ana` is told when a datagram comes.
fn told<M: Memory>(ana: &mut Group<M>, at: u64, datagram: &[u8]) -> Vec<String> {
    let mut log = Vec::new();
    ana.handle(ms(at), address(99), datagram).unwrap();
    drain(ana, &mut log);
    log
}

/// What `ana` is told while time passes.
fn passes<M: Memory>(ana: &mut Group<M>, from: u64, to: u64) -> Vec<String> {
    let mut log = Vec::new();
    for at in (from..to).step_by(10) {
        ana.handle_timeout(ms(at));
        drain(ana, &mut log);
    }
    log
}

/// The sequence numbers of this stream that `ana` asks for.
fn asked<M: Memory>(ana: &mut Group<M>, from: u64, to: u64, target: u32) -> Vec<u32> {
    let (mut buffer, mut asked) = ([0; 1472], Vec::new());
    for at in from..to {
        while let Some(t) = ana.poll_transmit(ms(at), &mut buffer).unwrap() {
            let (_, frames) = wire::parse(&buffer[..t.len]).unwrap();
            for frame in frames.flatten() {
                if let Frame::Nack(nack) = frame
                    && nack.target == target
                {
                    asked.extend(nack.iter());
                }
            }
        }
    }
    asked.sort_unstable();
    asked.dedup();
    asked
}

/// Ana, whose streams somebody has taken of whom something is missing, and ben, who has said hello.
fn full() -> (Group<Narrow>, Puppet, Puppet) {
    let mut ana = Group::new(Narrow::new(), config("ana"), [1; 32]).unwrap();
    let (mut hog, mut ben) = (Puppet::new(6, 1), Puppet::new(7, 1));
    let hello = Hello {
        interval: 1_000,
        ..hello("hog")
    };
    told(&mut ana, 10, &hog.say(&[Frame::Hello(hello)]));
    let log = told(&mut ana, 10, &hog.say(&[Frame::Data(third(0))]));
    assert!(log.is_empty());
    told(&mut ana, 10, &ben.hello("ben"));
    (ana, hog, ben)
}

fn is_gap(line: &str, first: u32, last: u32) -> bool {
    line.starts_with("Gap")
        && line.contains(&format!(
            "first: Sequence({first}), last: Sequence({last}) "
        ))
}

/// PROTOCOL R13.
#[test]
fn what_comes_in_order_needs_no_stream() {
    let (mut ana, _, mut ben) = full();
    for n in 0..100 {
        let log = told(&mut ana, 20, &ben.say(&[Frame::Data(message(n))]));
        assert_eq!(log, ["ben: hi"]);
        let again = Data {
            copy: true,
            ..message(n)
        };
        let log = told(&mut ana, 20, &ben.say(&[sync(n + 1), Frame::Data(again)]));
        assert!(log.is_empty(), "{log:?}");
    }
    let log = told(&mut ana, 30, &ben.say(&[sync(100), Frame::Bye(Bye::LEFT)]));
    assert_eq!(log, ["ben left"]);
}

/// What `ana` is told of what ben said without a stream when ben is gone in any way.
fn every_end(said: &[Frame<'_>], first: u32, last: u32) {
    let start = || {
        let (mut ana, hog, mut ben) = full();
        let log = told(&mut ana, 20, &ben.say(said));
        assert!(!log.iter().any(|line| line.starts_with("Gap")), "{log:?}");
        (ana, hog, ben)
    };
    let (mut ana, _, mut ben) = start();
    let log = told(&mut ana, 30, &ben.say(&[Frame::Bye(Bye::LEFT)]));
    assert!(is_gap(&log[0], first, last), "{log:?}");
    assert_eq!(log[1..], ["ben left"]);
    assert!(told(&mut ana, 40, &ben.say(said)).is_empty());

    let (mut ana, ..) = start();
    let mut log = passes(&mut ana, 30, 4_000);
    log.retain(|line| !line.contains("hog"));
    assert_eq!(log[0], "ben suspect");
    assert!(is_gap(&log[1], first, last), "{log:?}");
    assert_eq!(log[2..], ["ben lost"]);

    let (mut ana, ..) = start();
    let mut again = Puppet::new(7, 2);
    let log = told(&mut ana, 30, &again.hello("ben"));
    assert!(log.len() == 1 && is_gap(&log[0], first, last), "{log:?}");
    let log = told(&mut ana, 40, &again.hello("ben"));
    assert_eq!(log, ["ben restarted"]);
    let log = told(&mut ana, 50, &again.say(&[Frame::Bye(Bye::LEFT)]));
    assert_eq!(log, ["ben left"]);
}

/// PROTOCOL R13.
#[test]
fn what_a_number_told_of_is_a_gap_when_its_sender_is_gone() {
    every_end(&[Frame::Data(message(0)), Frame::Data(message(3))], 1, 3);
}

/// PROTOCOL R13.
#[test]
fn what_a_sync_told_of_is_a_gap_when_its_sender_is_gone() {
    every_end(&[sync(0), sync(5), sync(4)], 0, 4);
}

/// PROTOCOL R13.
#[test]
fn half_a_message_is_a_gap_when_its_sender_is_gone() {
    every_end(&[Frame::Data(third(0))], 0, 2);
    every_end(&[Frame::Data(third(0)), Frame::Data(third(1))], 0, 2);
    every_end(&[sync(0), Frame::Data(third(1)), sync(3), sync(4)], 0, 3);
}

#[test]
fn what_the_farewell_tells_of_is_a_gap() {
    let (mut ana, _, mut ben) = full();
    told(&mut ana, 20, &ben.say(&[sync(0)]));
    let log = told(&mut ana, 30, &ben.say(&[sync(2), Frame::Bye(Bye::LEFT)]));
    assert!(is_gap(&log[0], 0, 1) && log[1] == "ben left", "{log:?}");
}

/// PROTOCOL R6.
#[test]
fn numbers_too_far_to_come_after_say_nothing() {
    let (mut ana, _, mut ben) = full();
    told(&mut ana, 20, &ben.say(&[sync(0), sync(1 << 31), sync(1)]));
    let log = told(&mut ana, 30, &ben.say(&[Frame::Bye(Bye::LEFT)]));
    assert!(is_gap(&log[0], 0, 0) && log[1] == "ben left", "{log:?}");
}

/// PROTOCOL R13.
#[test]
fn what_was_missed_is_asked_for_as_soon_as_there_is_a_place() {
    let (mut ana, mut hog, mut ben) = full();
    let said = [Frame::Data(message(0)), Frame::Data(message(3))];
    assert_eq!(told(&mut ana, 20, &ben.say(&said)), ["ben: hi"]);
    told(&mut ana, 30, &hog.say(&[Frame::Bye(Bye::LEFT)]));
    // Older than what is known.
    told(&mut ana, 40, &ben.say(&[sync(3)]));
    assert_eq!(asked(&mut ana, 40, 60, ben.id), [1, 2, 3]);
    for n in [3, 2, 1] {
        let repair = Data {
            repair: true,
            ..message(n)
        };
        told(&mut ana, 60, &ben.say(&[Frame::Data(repair)]));
    }
    let log = told(&mut ana, 70, &ben.say(&[sync(4), Frame::Bye(Bye::LEFT)]));
    assert_eq!(log, ["ben left"]);
}

/// PROTOCOL R9.
#[test]
fn who_gave_its_place_to_another_is_not_forgotten() {
    let mut ana = Group::new(Narrow::new(), config("ana"), [1; 32]).unwrap();
    let (mut ben, mut cho) = (Puppet::new(7, 1), Puppet::new(8, 1));
    told(&mut ana, 10, &ben.hello("ben"));
    told(&mut ana, 10, &cho.hello("cho"));
    let log = told(&mut ana, 20, &ben.say(&[Frame::Data(message(0))]));
    assert_eq!(log, ["ben: hi"]);
    told(&mut ana, 30, &cho.say(&[Frame::Data(third(0))]));
    told(&mut ana, 40, &ben.say(&[sync(3)]));
    let log = told(&mut ana, 50, &ben.say(&[Frame::Bye(Bye::LEFT)]));
    assert!(is_gap(&log[0], 1, 2) && log[1] == "ben left", "{log:?}");
}

/// PROTOCOL R13, M31.
#[test]
fn a_place_on_the_roster_is_given_away_after_what_its_owner_lacks() {
    // Of one with a stream, and of one without.
    for streams in [0, 1] {
        let mut ana = Group::new(Crowded::new(), config("ana"), [1; 32]).unwrap();
        let mut ben = Puppet::new(7, 1);
        let mut dan = Puppet::new(9, 1);
        let mut cho = Puppet::new(8, 1);
        told(&mut ana, 10, &cho.hello("cho"));
        if streams == 0 {
            told(&mut ana, 10, &cho.say(&[Frame::Data(third(0))]));
        }
        // Ben never says who it is.
        let said = [sync(0), Frame::Data(message(1))];
        let log = told(&mut ana, 20, &ben.say(&said));
        assert!(log.is_empty(), "{streams} {log:?}");
        let log = told(&mut ana, 30, &dan.hello("dan"));
        assert!(is_gap(&log[0], 0, 1 - streams), "{log:?}");
        // What waits in a stream is delivered.
        assert_eq!(log[1..], [": hi"][..streams as usize]);
        assert_eq!(told(&mut ana, 40, &dan.hello("dan")), ["dan joined"]);
        let log = told(&mut ana, 50, &dan.say(&[Frame::Bye(Bye::LEFT)]));
        assert_eq!(log, ["dan left"]);
    }
}

/// PROTOCOL R8.
#[test]
fn what_one_was_told_alone_is_a_gap_when_its_sender_is_gone() {
    for restarts in [false, true] {
        let mut ana = Group::new(Narrow::new(), config("ana"), [1; 32]).unwrap();
        let mut ben = Puppet::new(7, 1);
        told(&mut ana, 10, &ben.hello("ben"));
        told(&mut ana, 20, &ben.say(&[Frame::Data(message(0))]));
        let mut to_one = Puppet {
            counter: Header::TO_ONE,
            ..Puppet::new(7, 1)
        };
        // Nothing is missing yet: the group's queue may hold it.
        let log = told(&mut ana, 30, &to_one.say(&[sync(3)]));
        assert!(log.is_empty() && asked(&mut ana, 30, 90, ben.id).is_empty());
        let log = told(&mut ana, 100, &ben.say(&[Frame::Data(message(1))]));
        assert_eq!(log, ["ben: hi"]);
        if restarts {
            let log = told(&mut ana, 110, &Puppet::new(7, 2).hello("ben"));
            assert!(log.len() == 1 && is_gap(&log[0], 2, 2), "{log:?}");
        } else {
            let log = told(&mut ana, 110, &ben.say(&[Frame::Bye(Bye::LEFT)]));
            assert!(is_gap(&log[0], 2, 2), "{log:?}");
            assert_eq!(log[1..], ["ben left"]);
        }
    }
}

#[test]
fn what_gives_way_to_a_large_message_is_missing() {
    let piece = |fragment, payload| {
        Frame::Data(Data {
            fragment,
            last: 1,
            sequence: u32::from(fragment),
            payload,
            ..data("")
        })
    };
    for full in [false, true] {
        let (mut ana, mut hog, mut ben) = self::full();
        if !full {
            told(&mut ana, 10, &hog.say(&[Frame::Bye(Bye::LEFT)]));
        }
        assert!(told(&mut ana, 20, &ben.say(&[sync(0)])).is_empty());
        told(&mut ana, 20, &ben.say(&[piece(0, &[b'x'; 500])]));
        // There is no room for the message behind this datagram.
        let frames = [piece(1, &[b'x'; 500]), Frame::Data(message(0))];
        let log = told(&mut ana, 30, &ben.say(&frames));
        assert_eq!(log.len(), 1, "{log:?}");
        if full {
            assert!(asked(&mut ana, 30, 40, ben.id).is_empty());
            told(&mut ana, 40, &hog.say(&[Frame::Bye(Bye::LEFT)]));
            told(&mut ana, 40, &ben.say(&[sync(1)]));
        }
        assert_eq!(asked(&mut ana, 40, 60, ben.id), [0]);
        let log = told(&mut ana, 70, &ben.say(&[Frame::Bye(Bye::LEFT)]));
        assert!(is_gap(&log[0], 0, 0) && log[1] == "ben left", "{log:?}");
    }
}
