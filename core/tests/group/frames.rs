//! What members say, frame by frame, and what a datagram may hold one day.

use core::ops::RangeInclusive;

use groupcast::wire::{self, Busy, Bye, Data, Echo, Frame, Hello, Time};
use groupcast::{Channel, Destination, Group, Instant, Memory, Storage};

use crate::hub::{CHANNEL, Puppet, address, config, data, drain, hear, hello, member, ms, sync};

/// What a member has to send at one moment: to whom, and the datagram.
fn sent<M: Memory>(group: &mut Group<M>, now: Instant) -> Vec<(Destination, Vec<u8>)> {
    let (mut buffer, mut sent) = ([0; 1472], Vec::new());
    while let Some(transmit) = group.poll_transmit(now, &mut buffer).unwrap() {
        sent.push((transmit.to, buffer[..transmit.len].to_vec()));
    }
    sent
}

fn frames(datagram: &[u8]) -> Vec<Frame<'_>> {
    let (_, frames) = wire::parse(datagram).unwrap();
    frames.map(Result::unwrap).collect()
}

/// The first datagram of these milliseconds that begins with HELLO to the group.
fn next_hello<M: Memory>(
    group: &mut Group<M>,
    millis: RangeInclusive<u64>,
) -> Option<(u64, Vec<u8>)> {
    let begins = |datagram: &[u8]| matches!(frames(datagram)[0], Frame::Hello(_));
    let mut moments = millis.flat_map(|at| {
        let sent = sent(group, ms(at)).into_iter();
        sent.map(move |(to, datagram)| (at, to, datagram))
    });
    let found = moments.find(|(_, to, datagram)| *to == Destination::Group && begins(datagram));
    found.map(|(at, _, datagram)| (at, datagram))
}

/// A datagram of a member with these bytes between header and trailer.
fn around(puppet: &mut Puppet, body: &[u8]) -> Vec<u8> {
    let mut datagram = puppet.say(&[]);
    datagram.truncate(wire::Header::LEN);
    datagram.extend(body);
    // Bit by bit, unlike the core's.
    let crc = !datagram.iter().fold(!0, |crc, octet| {
        (0..8).fold(crc ^ u32::from(*octet), |crc: u32, _| {
            (crc >> 1) ^ if crc & 1 == 1 { 0x82f6_3b78 } else { 0 }
        })
    });
    datagram.extend(crc.to_be_bytes());
    datagram
}

/// PROTOCOL M1, M2, M3, M4.
#[test]
fn hello_comes_with_clock_and_stream_and_the_first_two_ask() {
    for seed in 1..20 {
        let mut ana = member(config("ana"), seed);
        let mut last = 0;
        for nth in 0..6 {
            let (at, datagram) = next_hello(&mut ana, last + u64::from(nth > 0)..=9_000).unwrap();
            let waited = at - last;
            if nth == 0 {
                assert!(waited <= 100, "{waited}");
            } else {
                assert!((749..=1_251).contains(&waited), "{waited}");
            }
            last = at;
            let [Frame::Hello(hello), Frame::Time(_), Frame::Sync(_)] = frames(&datagram)[..]
            else {
                panic!("{datagram:02x?}");
            };
            assert_eq!((hello.join, hello.probe), (nth < 2, false), "HELLO {nth}");
            assert_eq!(hello.interval, 100);
        }
    }
}

/// PROTOCOL M2, M13, R4.
#[test]
fn hello_to_one_comes_with_the_stream_alone() {
    let mut ana = member(config("ana"), 1);
    let mut ben = Puppet::new(7, 1);
    hear(&mut ana, ms(0), &ben.hello("ben"));
    sent(&mut ana, ms(200));
    let probe = Frame::Hello(Hello {
        probe: true,
        interval: 100,
        ..hello("ben")
    });
    // Its address is the one that its last HELLO came from.
    ana.handle(ms(300), address(42), &ben.say(&[probe]))
        .unwrap();
    drain(&mut ana, &mut Vec::new());
    let sent = sent(&mut ana, ms(300));
    let [(Destination::Peer(to), datagram)] = &sent[..] else {
        panic!("{sent:?}");
    };
    assert_eq!(*to, address(42));
    let [Frame::Hello(hello), Frame::Sync(_), Frame::Start(start)] = frames(datagram)[..] else {
        panic!("{datagram:02x?}");
    };
    assert!(!hello.probe && !hello.join);
    assert_eq!((start.target, start.session), (7, 1));
}

/// PROTOCOL M7.
#[test]
fn who_hides_answers_only_whom_its_answer_tells_something() {
    let mut spy = member(config("spy").with_announce(false), 1);
    let mut ben = Puppet::new(7, 1);
    let probe = Frame::Hello(Hello {
        probe: true,
        interval: 100,
        ..hello("ben")
    });
    hear(&mut spy, ms(0), &ben.hello("ben"));
    hear(&mut spy, ms(1_000), &ben.say(&[probe]));
    assert_eq!(sent(&mut spy, ms(1_000)), []);
    let channel = Channel::reliable_ordered(1);
    spy.queue(ms(1_100), channel, b"psst").unwrap();
    sent(&mut spy, ms(1_100));
    hear(&mut spy, ms(1_200), &ben.say(&[probe]));
    let answer = sent(&mut spy, ms(1_200));
    let answer = answer.iter().find(|(to, _)| *to != Destination::Group);
    let answer = frames(&answer.unwrap().1);
    let [Frame::Sync(sync), Frame::Start(start)] = answer[..] else {
        panic!("{answer:?}");
    };
    assert_eq!((sync.next, start.next), (1, 0));
    // What it misses it asks for, and its heartbeats come.
    let lacks = Frame::Data(Data {
        class: 2,
        horizon: 9,
        sequence: 9,
        ..data("x")
    });
    hear(&mut spy, ms(1_300), &ben.say(&[sync_of(5), lacks]));
    let mut said = [false; 3];
    for at in 1_300..4_000 {
        for (_, datagram) in sent(&mut spy, ms(at)) {
            for frame in frames(&datagram) {
                match frame {
                    Frame::Nack(_) => said[0] = true,
                    Frame::Sync(_) => said[1] = true,
                    Frame::Hello(_) | Frame::Bye(_) => said[2] = true,
                    _ => {}
                }
            }
        }
    }
    assert_eq!(said, [true, true, false]);
}

fn sync_of(next: u32) -> Frame<'static> {
    sync(next, 0)
}

/// PROTOCOL M18.
#[test]
fn eight_clocks_are_sent_back_once_and_whose_is_drawn() {
    type Hall = Storage<12, 2, 16, 20, 1600, 1473>;
    let mut first = std::collections::BTreeSet::new();
    for seed in 1..=20 {
        let mut ana = Group::new(Hall::new(), config("ana"), [seed; 32]).unwrap();
        let (began, _) = next_hello(&mut ana, 0..=100).unwrap();
        let heard = began + 10;
        for n in 1..=12 {
            let time = Time {
                stamp: 1_000 * n,
                echoes: &[],
            };
            let said = Puppet::new(n, 1).say(&[Frame::Hello(hello("m")), Frame::Time(time)]);
            ana.handle(ms(heard), address(9), &said).unwrap();
            drain(&mut ana, &mut Vec::new());
        }
        let mut all = Vec::new();
        let mut last = heard;
        for expected in [8, 4, 0] {
            let (at, datagram) = next_hello(&mut ana, last + 1..=last + 1_300).unwrap();
            let Frame::Time(time) = frames(&datagram)[1] else {
                panic!("{datagram:02x?}");
            };
            let echoes: Vec<Echo> = time.iter_echoes().collect();
            assert_eq!(echoes.len(), expected);
            for echo in &echoes {
                assert_eq!(echo.stamp, 1_000 * echo.member);
                let held = 1_000 * (at - heard) as u32;
                assert!(echo.held.abs_diff(held) <= 1, "{} {held}", echo.held);
            }
            all.extend(echoes.iter().map(|echo| echo.member));
            last = at;
        }
        first.insert(all[0]);
        all.sort_unstable();
        assert_eq!(all, (1..=12).collect::<Vec<_>>());
    }
    assert!(first.len() > 5, "{first:?}");
}

/// PROTOCOL M19, M20.
#[test]
fn the_round_trip_is_that_of_ones_own_clock() {
    // Whose clock, and how long ago it was, in µs; what is stated then.
    for (mine, ago, stated) in [
        (true, 20_000, 114),
        (true, 9_999_999, 159),
        (true, 10_000_000, 106),
        (true, -1, 106),
        (false, 20_000, 106),
    ] {
        let mut ana = member(config("ana"), 1);
        // Her clock begins with zero.
        ana.handle_timeout(ms(5_000));
        next_hello(&mut ana, 5_000..=5_100).unwrap();
        let kept: i64 = 30_000;
        let echo = Echo {
            member: ana.id().get() ^ u32::from(!mine),
            stamp: (300_000 - kept - ago) as u32,
            held: kept as u32,
        };
        let time = Time {
            stamp: 1,
            echoes: &echo.to_bytes(),
        };
        let said = Puppet::new(7, 1).say(&[Frame::Hello(hello("ben")), Frame::Time(time)]);
        hear(&mut ana, ms(5_300), &said);
        let (_, datagram) = next_hello(&mut ana, 5_300..=7_000).unwrap();
        let [Frame::Hello(hello), _, Frame::Sync(sync), ..] = frames(&datagram)[..] else {
            panic!("{datagram:02x?}");
        };
        assert_eq!(
            (hello.round_trip, sync.round_trip),
            (stated, stated),
            "{ago}"
        );
    }
}

/// PROTOCOL M21.
#[test]
fn whoever_cannot_keep_up_stops_messages_for_half_a_second_in_two() {
    for (wait, least, most) in [(200, 200, 250), (60_000, 500, 550)] {
        let mut ana = member(config("ana"), 1);
        let mut ben = Puppet::new(7, 1);
        hear(&mut ana, ms(0), &ben.hello("ben"));
        sent(&mut ana, ms(1_000));
        let busy = Frame::Busy(Busy { wait });
        hear(&mut ana, ms(1_000), &ben.say(&[busy]));
        ana.queue(ms(1_000), CHANNEL, b"x").unwrap();
        let says = |datagram: &[u8]| frames(datagram).iter().any(|f| matches!(f, Frame::Data(_)));
        let mut said = |from: u64| {
            (from..from + 2_000).find(|at| sent(&mut ana, ms(*at)).iter().any(|(_, it)| says(it)))
        };
        let at = said(1_000).unwrap() - 1_000;
        assert!((least..=most).contains(&at), "{at}");
        // Nobody stops it again before two seconds are over.
        hear(&mut ana, ms(2_990), &ben.say(&[busy]));
        ana.queue(ms(2_990), CHANNEL, b"y").unwrap();
        assert!(sent(&mut ana, ms(2_990)).iter().any(|(_, it)| says(it)));
        hear(&mut ana, ms(3_001), &ben.say(&[busy]));
        ana.queue(ms(3_001), CHANNEL, b"z").unwrap();
        assert!(!sent(&mut ana, ms(3_001)).iter().any(|(_, it)| says(it)));
    }
}

/// PROTOCOL E1, W11, W13, M17.
#[test]
fn what_members_of_tomorrow_may_add_changes_nothing_today() {
    let mut body = Vec::new();
    // HELLO with flags and capabilities that there are not, and options of types that are not known.
    body.extend([0x01, 0xfc, 0, 12 + 3 + 2 + 5]);
    body.extend([0xff, 0xf8, 5, 193, 0, 0, 0, 100, 0, 0, 0, 3]);
    body.extend(b"ben");
    body.extend([77, 0, 200, 3, 1, 2, 3]);
    body.extend([0x80, 0xff, 0, 3, 1, 2, 3]);
    body.extend([0x10, 0xc0, 0, 11, 0, 0, 0, 0, 0, 0, 0, 0]);
    body.extend(b"one");
    // Octets behind the last field.
    body.extend([
        0x12, 0xff, 0, 15, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4,
    ]);
    body.extend([0x03, 0, 0, 4, 0, 0, 9, 9]);
    body.extend([0xff, 0, 0, 0]);
    body.extend([0x02, 0, 0, 4, 77, 1, 2, 3]);
    body.extend([0x10, 0, 0, 11, 0, 0, 0, 0, 0, 0, 0, 1]);
    body.extend(b"two");
    let mut ana = member(config("ana"), 1);
    let told = hear(&mut ana, ms(1), &around(&mut Puppet::new(7, 1), &body));
    assert_eq!(told, ["ben joined", "ben: one", "ben: two", "ben left"]);
    let counters = ana.counters();
    assert_eq!((counters.frames_malformed, counters.frames_unknown), (0, 2));
}

/// PROTOCOL W11, W14.
#[test]
fn a_frame_that_must_be_known_ends_its_datagram() {
    let mut body = vec![0x10, 0, 0, 11, 0, 0, 0, 0, 0, 0, 0, 0];
    body.extend(b"one");
    body.extend([0x7f, 0, 0, 0]);
    body.extend([0x10, 0, 0, 11, 0, 0, 0, 0, 0, 0, 0, 1]);
    body.extend(b"two");
    let mut ana = member(config("ana"), 1);
    let told = hear(&mut ana, ms(1), &around(&mut Puppet::new(7, 1), &body));
    assert_eq!(told, [": one"]);
    assert_eq!(ana.counters().frames_unknown, 1);
}

/// PROTOCOL W3.
#[test]
fn whoever_speaks_from_another_address_is_the_same_member() {
    let mut ana = member(config("ana"), 1);
    let mut ben = Puppet::new(7, 1);
    hear(&mut ana, ms(0), &ben.hello("ben"));
    let mut told = Vec::new();
    let said = ben.message("moved");
    ana.handle(ms(1), address(98), &said).unwrap();
    drain(&mut ana, &mut told);
    // Nor is another one at its address taken for it.
    told.extend(hear(&mut ana, ms(2), &Puppet::new(8, 1).message("who?")));
    ana.handle(ms(3), address(98), &said).unwrap();
    drain(&mut ana, &mut told);
    assert_eq!(told, ["ben: moved", ": who?"]);
    assert_eq!(ana.counters().duplicate, 1);
}

/// PROTOCOL W20.
#[test]
fn who_finds_no_place_is_heard_without_guarantee() {
    type One = Storage<1, 1, 16, 20, 1600, 1473>;
    let mut ana = Group::new(One::new(), config("ana"), [1; 32]).unwrap();
    let mut told = Vec::new();
    let mut say = |datagram: &[u8]| {
        ana.handle(ms(1), address(9), datagram).unwrap();
        drain(&mut ana, &mut told);
    };
    say(&Puppet::new(7, 1).hello("ben"));
    let mut cho = Puppet::new(8, 1);
    let best_effort = cho.message("a");
    let whole = Data {
        class: 2,
        sequence: 4,
        ..data("b")
    };
    let reliable = cho.say(&[Frame::Data(whole)]);
    let pieces = [0, 1].map(|fragment| {
        let piece = Data {
            fragment,
            last: 1,
            sequence: 5 + u32::from(fragment),
            ..whole
        };
        cho.say(&[Frame::Data(piece)])
    });
    for datagram in [&best_effort, &reliable, &best_effort, &reliable] {
        say(datagram);
    }
    pieces.iter().for_each(|datagram| say(datagram));
    assert_eq!(told, ["ben joined", "full 1", ": a", ": b", ": a", ": b"]);
    assert_eq!(ana.counters().fragments_no_stream, 2);
}

/// PROTOCOL W17.
#[test]
fn numbers_begin_with_zero_and_reliable_ones_are_one_sequence() {
    let mut ana = member(config("ana"), 1);
    let channels = [
        Channel::best_effort(1),
        Channel::reliable_ordered(1),
        Channel::state(2),
        Channel::latest(1),
        Channel::reliable_unordered(3),
        Channel::best_effort(9),
    ];
    let mut numbers = Vec::new();
    for channel in channels {
        ana.queue(ms(200), channel, b"x").unwrap();
    }
    for (_, datagram) in sent(&mut ana, ms(200)) {
        for frame in frames(&datagram) {
            if let Frame::Data(data) = frame {
                numbers.push((data.class, data.sequence));
            }
        }
    }
    let expected = [(0, 0), (2, 0), (3, 1), (0, 1), (1, 2), (0, 2)];
    assert_eq!(numbers, expected);
}

/// PROTOCOL W10.
#[test]
fn of_several_hellos_in_a_datagram_one_counts() {
    let mut ana = member(config("ana"), 1);
    let mut ben = Puppet::new(7, 1);
    let two = ben.say(&[Frame::Hello(hello("ben")), Frame::Hello(hello("bea"))]);
    assert_eq!(hear(&mut ana, ms(1), &two), ["ben joined"]);
    assert_eq!(ana.peers().next().unwrap().name(), "ben");
    // And nobody sends a datagram without frames.
    let bye = ben.say(&[Frame::Bye(Bye::LEFT)]);
    hear(&mut ana, ms(2), &bye);
    for at in 2..20_000 {
        for (_, datagram) in sent(&mut ana, ms(at)) {
            assert!(!frames(&datagram).is_empty());
        }
        ana.handle_timeout(ms(at));
    }
}
