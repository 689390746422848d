//! Values of which only the newest counts: Latest and State.

use groupcast::wire::{Ask, Data, Frame, Nack, Skip, Sync};
use groupcast::{Channel, Group, Storage};

use crate::hub::{Puppet, Room, address, config, data, drain, hear, member, ms, sync, watch};

const NOTHING: [&str; 0] = [];

/// Half of all numbers.
const HALF: u32 = 1 << 31;

fn value(channel: u8, sequence: u32, text: &str) -> Data<'_> {
    Data {
        class: 3,
        channel,
        sequence,
        horizon: 255,
        ..data(text)
    }
}

fn ordered(sequence: u32, text: &str) -> Frame<'_> {
    Frame::Data(Data {
        class: 2,
        sequence,
        horizon: 255,
        ..data(text)
    })
}

/// A stream of which everything can be repaired, and so many values.
fn states(next: u32, states: u8) -> Frame<'static> {
    Frame::Sync(Sync {
        next,
        low: 0,
        round_trip: 0,
        group_size: 0,
        states,
    })
}

/// A member that has been there for long, and one that says hello.
fn ana_and_ben() -> (Group<Room>, Puppet) {
    let (mut ana, mut ben) = (member(config("ana"), 1), Puppet::new(7, 1));
    ana.handle_timeout(ms(0));
    hear(&mut ana, ms(2_000), &ben.hello("ben"));
    (ana, ben)
}

/// What is asked for of ben, in which millisecond.
fn asked(ana: &mut Group<Room>, from: u64, to: u64) -> Vec<(u64, u32)> {
    let mut asked = Vec::new();
    let log = watch(ana, from..to, |at, _, frame| {
        if let Frame::Nack(nack) = frame {
            asked.extend(nack.iter().map(|number| (at, number)));
        }
    });
    assert!(!log.iter().any(|line| line.starts_with("Gap")), "{log:?}");
    asked
}

/// When ana asks for ben's values.
fn asks(ana: &mut Group<Room>, from: u64, to: u64) -> Vec<u64> {
    let mut asks = Vec::new();
    watch(ana, from..to, |at, _, frame| {
        if matches!(frame, Frame::Ask(ask) if (ask.target, ask.session) == (7, 1)) {
            asks.push(at);
        }
    });
    asks
}

/// PROTOCOL V1.
#[test]
fn a_state_value_is_taken_by_its_number_alone() {
    let (mut ana, mut ben) = ana_and_ben();
    // What comes before it is told, and repaired, to nobody any more.
    hear(&mut ana, ms(2_000), &ben.say(&[sync(9, 9)]));
    let mut say = |data: Data<'_>| hear(&mut ana, ms(2_001), &ben.say(&[Frame::Data(data)]));
    assert_eq!(say(value(1, 3, "three")), ["ben: three"]);
    let copy = |data| Data { copy: true, ..data };
    let repair = |data| Data {
        repair: true,
        horizon: 9,
        ..data
    };
    assert_eq!(say(copy(value(1, 2, "two"))), NOTHING);
    assert_eq!(say(copy(value(1, 4, "four"))), ["ben: four"]);
    assert_eq!(say(repair(value(1, 4, "four"))), NOTHING);
    assert_eq!(say(repair(value(1, 5, "five"))), ["ben: five"]);
    assert_eq!(say(value(2, 1, "one")), ["ben: one"], "another channel");
    assert_eq!(say(value(1, 9, "nine")), ["ben: nine"]);
    assert_eq!(ana.counters().values_old, 2);
}

/// PROTOCOL V1, W15.
#[test]
fn half_way_round_no_value_is_newer() {
    let (mut ana, mut ben) = ana_and_ben();
    let mut say = |sequence| {
        let data = Data {
            latest: true,
            sequence,
            ..data("x")
        };
        hear(&mut ana, ms(2_001), &ben.say(&[Frame::Data(data)])).len()
    };
    assert_eq!(say(5), 1);
    assert_eq!(say(5 + HALF), 0);
    assert_eq!(say(4 + HALF), 1, "it comes after");
    assert_eq!(say(4), 0);
    assert_eq!(say(3), 1, "it comes after");
}

/// PROTOCOL V1, W20.
#[test]
fn a_value_in_fragments_is_dropped_alone() {
    let (mut ana, mut ben) = ana_and_ben();
    let half = |data| Frame::Data(Data { last: 1, ..data });
    let frames = [
        half(value(1, 0, "state")),
        half(Data {
            latest: true,
            ..data("latest")
        }),
        Frame::Data(data("whole")),
    ];
    assert_eq!(hear(&mut ana, ms(2_001), &ben.say(&frames)), ["ben: whole"]);
    assert_eq!(ana.counters().frames_malformed, 2);
}

/// PROTOCOL V2, V6.
#[test]
fn who_is_asked_sends_the_newest_value_of_each_channel() {
    let (mut ana, mut ben) = ana_and_ben();
    let (target, session) = (ana.id().get(), ana.session().life());
    for (channel, text) in [(1, "one"), (2, "two"), (1, "three")] {
        ana.queue(ms(2_100), Channel::state(channel), text.as_bytes())
            .unwrap();
    }
    let mut told = Vec::new();
    watch(&mut ana, 2_100..3_900, |_, _, frame| match frame {
        Frame::Sync(sync) => told.push((sync.next, sync.states)),
        Frame::Data(data) => assert!(!data.repair),
        _ => {}
    });
    assert_eq!(told.last(), Some(&(3, 2)));
    let of_another: [&str; 0] = [];
    for (life, expected) in [
        (session ^ 1, &of_another[..]),
        (session, &["1, channel 2: two", "2, channel 1: three"]),
    ] {
        let ask = Ask {
            target,
            session: life,
        };
        hear(&mut ana, ms(3_900), &ben.say(&[Frame::Ask(ask)]));
        let mut sent = Vec::new();
        watch(&mut ana, 3_900..3_950, |_, _, frame| {
            if let Frame::Data(data) = frame {
                assert_eq!((data.class, data.repair, data.horizon), (3, true, 255));
                let text = str::from_utf8(data.payload).unwrap();
                sent.push(format!(
                    "{}, channel {}: {text}",
                    data.sequence, data.channel
                ));
            }
        });
        sent.sort();
        assert_eq!(sent, expected);
    }
}

/// PROTOCOL V3.
#[test]
fn a_value_that_was_replaced_is_skipped() {
    let (mut ana, mut ben) = ana_and_ben();
    for text in ["one", "two"] {
        ana.queue(ms(2_100), Channel::state(1), text.as_bytes())
            .unwrap();
    }
    watch(&mut ana, 2_100..3_000, |_, _, _| {});
    let mut nack = Nack::new(ana.id().get(), ana.session().life(), 0);
    assert!(nack.add(0) && nack.add(1));
    hear(&mut ana, ms(3_000), &ben.say(&[Frame::Nack(nack)]));
    let (mut skipped, mut repaired) = (Vec::new(), Vec::new());
    watch(&mut ana, 3_000..3_020, |_, _, frame| match frame {
        Frame::Skip(skip) => skipped.push((skip.first, skip.count)),
        Frame::Data(data) if data.repair => repaired.push(data.sequence),
        _ => {}
    });
    assert_eq!((skipped, repaired), (vec![(0, 1)], vec![1]));
}

/// PROTOCOL V3.
#[test]
fn what_is_skipped_is_no_gap_and_all_else_is_still_missing() {
    let (mut ana, mut ben) = ana_and_ben();
    let skip = |first, count| Frame::Skip(Skip { first, count });
    hear(&mut ana, ms(2_000), &ben.say(&[sync(0, 0)]));
    let frames = [ordered(0, "zero"), ordered(3, "three")];
    assert_eq!(hear(&mut ana, ms(2_001), &ben.say(&frames)), ["ben: zero"]);
    // None; one that waits; those that were not sent yet; one that was delivered.
    let empty = [skip(1, 0), skip(3, 1), skip(4, 3), skip(0, 1)];
    assert_eq!(hear(&mut ana, ms(2_002), &ben.say(&empty)), NOTHING);
    let frames = [skip(1, 1), ordered(4, "four")];
    assert_eq!(hear(&mut ana, ms(2_003), &ben.say(&frames)), NOTHING);
    let asked = asked(&mut ana, 2_003, 2_040);
    assert!(asked.iter().all(|(_, number)| *number == 2), "{asked:?}");
    assert!(!asked.is_empty());
    let told = hear(&mut ana, ms(2_040), &ben.say(&[ordered(2, "two")]));
    assert_eq!(told, ["ben: two", "ben: three", "ben: four"]);
    assert_eq!(ana.counters().gaps, 0);
}

/// PROTOCOL V4.
#[test]
fn who_has_no_room_for_all_values_asks_only_at_first() {
    // Room for two values.
    let memory = Storage::<2, 2, 16, 20, 1600, 1473>::new();
    let mut ana = Group::new(memory, config("ana"), [1; 32]).unwrap();
    ana.handle_timeout(ms(0));
    let mut ben = Puppet::new(7, 1);
    let mut say = |ana: &mut Group<_>, at, frames: &[Frame<'_>]| {
        let mut log = Vec::new();
        ana.handle(ms(at), address(9), &ben.say(frames)).unwrap();
        drain(ana, &mut log);
        log
    };
    say(&mut ana, 2_000, &[sync(0, 0)]);
    let values = [0, 1, 2].map(|n| Frame::Data(value(n as u8, n, "x")));
    assert_eq!(say(&mut ana, 2_000, &values), [": x"; 3]);
    let mut asked = 0;
    for second in 2..60 {
        say(&mut ana, second * 1_000, &[states(3, 3)]);
        let times = second * 1_000..(second + 1) * 1_000;
        watch(&mut ana, times, |_, _, frame| {
            asked += u32::from(matches!(frame, Frame::Ask(_)));
        });
    }
    assert_eq!(asked, 16);
}

/// PROTOCOL V5.
#[test]
fn who_hears_others_ask_for_values_waits_and_asks_never_sooner() {
    let ask = |session| Frame::Ask(Ask { target: 7, session });
    let (mut ana, mut ben) = ana_and_ben();
    let mut cho = Puppet::new(8, 1);
    // Nobody else asks, or for values of another life.
    for (at, other) in [(3_000, None), (4_000, Some(2))] {
        hear(&mut ana, ms(at), &ben.say(&[states(0, 1)]));
        if let Some(other) = other {
            hear(&mut ana, ms(at), &cho.say(&[ask(other)]));
        }
        let asked = asks(&mut ana, at, at + 900);
        assert!(asked.len() == 1 && asked[0] <= at + 4, "{asked:?}");
    }
    // A round trip of 10 ms.
    hear(&mut ana, ms(5_000), &ben.say(&[states(0, 1)]));
    hear(&mut ana, ms(5_000), &cho.say(&[ask(1)]));
    let asked = asks(&mut ana, 5_000, 5_900);
    let waits = asked.len() == 1 && (5_010..5_017).contains(&asked[0]);
    assert!(waits, "{asked:?}");
    // After sixteen times, 4 s pass, whatever others do.
    for at in (6_000..19_000).step_by(1_000) {
        hear(&mut ana, ms(at), &ben.say(&[states(0, 1)]));
        assert_eq!(asks(&mut ana, at, at + 900).len(), 1, "at {at}");
    }
    hear(&mut ana, ms(20_000), &ben.say(&[states(0, 1)]));
    hear(&mut ana, ms(20_000), &cho.say(&[ask(1)]));
    hear(&mut ana, ms(20_001), &ben.say(&[states(0, 1)]));
    let asked = asks(&mut ana, 20_000, 24_100);
    assert!(asked.len() == 1 && asked[0] >= 24_000, "{asked:?}");
}

/// PROTOCOL V6, R1.
#[test]
fn a_value_that_was_asked_for_begins_and_extends_nothing() {
    let (mut ana, mut ben) = ana_and_ben();
    let repair = |sequence| {
        Frame::Data(Data {
            repair: true,
            ..value(1, sequence, "x")
        })
    };
    assert_eq!(
        hear(&mut ana, ms(2_001), &ben.say(&[repair(9)])),
        ["ben: x"]
    );
    // Else it would have begun before 9.
    let told = hear(&mut ana, ms(2_002), &ben.say(&[sync(12, 10)]));
    assert_eq!(told, NOTHING);
    assert_eq!(
        hear(&mut ana, ms(2_003), &ben.say(&[repair(20)])),
        ["ben: x"]
    );
    let numbers = |asked: &[(u64, u32)]| {
        let mut numbers: Vec<_> = asked.iter().map(|(_, number)| *number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    };
    assert_eq!(numbers(&asked(&mut ana, 2_003, 2_040)), [10, 11]);
    // What is known of already has come with it.
    assert_eq!(hear(&mut ana, ms(2_040), &ben.say(&[repair(11)])), NOTHING);
    assert_eq!(numbers(&asked(&mut ana, 2_040, 2_060)), [10]);
}
