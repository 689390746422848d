//! Senders whose numbers leap, as no sound one's do.

use groupcast::Group;
use groupcast::wire::{self, Bye, Data, Frame, Sync};

use crate::hub::{Puppet, Room, config, data, hear, member, ms, sync, watch};

/// A member that has been there for long, and a sender that has sent nothing yet, as far as it knows.
fn ana_and_ben() -> (Group<Room>, Puppet) {
    let (mut ana, mut ben) = (member(config("ana"), 1), Puppet::new(7, 1));
    ana.handle_timeout(ms(0));
    hear(&mut ana, ms(2_000), &ben.hello("ben"));
    hear(&mut ana, ms(2_000), &ben.say(&[sync(0, 0)]));
    (ana, ben)
}

fn ordered(sequence: u32, horizon: u8) -> Frame<'static> {
    Frame::Data(Data {
        class: 2,
        sequence,
        horizon,
        ..data("x")
    })
}

/// What is asked for of ben, each number once.
fn asked(ana: &mut Group<Room>, from: u64) -> Vec<u32> {
    let mut asked = Vec::new();
    let log = watch(ana, from..from + 60, |_, _, frame| {
        if let Frame::Nack(nack) = frame {
            asked.extend(nack.iter());
        }
    });
    assert!(log.is_empty(), "{log:?}");
    asked.sort_unstable();
    asked.dedup();
    asked
}

/// PROTOCOL R7.
#[test]
fn what_a_sender_refuses_to_repair_before_it_sends_it_is_a_gap() {
    let mut ana = member(config("ana"), 1);
    let mut ben = Puppet::new(7, 1);
    hear(&mut ana, ms(1), &ben.hello("ben"));
    let first = Data {
        class: 2,
        sequence: 15,
        ..data("one")
    };
    hear(&mut ana, ms(2), &ben.say(&[Frame::Data(first)]));
    hear(&mut ana, ms(3), &ben.say(&[sync(16, 20)]));
    let told = hear(&mut ana, ms(4), &ben.say(&[sync(20, 20)]));
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(ana.counters().gap_fragments, 4);
}

#[test]
fn a_leap_of_a_billion_numbers_is_one_gap_and_takes_no_time() {
    let mut ana = member(config("ana"), 1);
    let mut ben = Puppet::new(7, 1);
    hear(&mut ana, ms(1), &ben.hello("ben"));
    let ordered = |sequence| {
        Frame::Data(Data {
            class: 2,
            sequence,
            ..data("one")
        })
    };
    hear(&mut ana, ms(2), &ben.say(&[ordered(0)]));
    let leap = Frame::Sync(Sync {
        next: 1 << 30,
        low: (1 << 30) - 1,
        round_trip: 0,
        group_size: 0,
        states: 0,
    });
    // One by one, this would take minutes.
    let told = hear(&mut ana, ms(3), &ben.say(&[leap]));
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(ana.counters().gaps, 1);
    assert_eq!(ana.counters().gap_fragments, (1 << 30) - 2);
    // What can be repaired is still waited for, and the stream goes on.
    let told = hear(&mut ana, ms(4), &ben.say(&[ordered((1 << 30) - 1)]));
    assert_eq!(told, ["ben: one"]);
}

/// PROTOCOL W15, W17.
#[test]
fn after_the_last_number_comes_zero() {
    let mut ana = member(config("ana"), 1);
    let mut ben = Puppet::new(7, 1);
    hear(&mut ana, ms(1), &ben.hello("ben"));
    let mut say = |ana: &mut _, now, sequence, text| {
        let ordered = Data {
            class: 2,
            horizon: 9,
            sequence,
            ..data(text)
        };
        hear(ana, ms(now), &ben.say(&[Frame::Data(ordered)]))
    };
    assert_eq!(say(&mut ana, 2, u32::MAX - 1, "one"), ["ben: one"]);
    assert!(say(&mut ana, 3, 0, "three").is_empty());
    ana.handle_timeout(ms(60));
    let mut buffer = [0; 1472];
    let mut asked = Vec::new();
    while let Some(transmit) = ana.poll_transmit(ms(60), &mut buffer).unwrap() {
        let (_, frames) = wire::parse(&buffer[..transmit.len]).unwrap();
        for frame in frames {
            if let Ok(Frame::Nack(nack)) = frame {
                asked.extend(nack.iter());
            }
        }
    }
    assert_eq!(asked, [u32::MAX]);
    assert_eq!(
        say(&mut ana, 61, u32::MAX, "two"),
        ["ben: two", "ben: three"]
    );
    assert_eq!(say(&mut ana, 62, 1, "four"), ["ben: four"]);
    assert_eq!(ana.counters().gaps, 0);
}

/// PROTOCOL W15, R6, R11.
#[test]
fn numbers_half_way_round_say_nothing() {
    let mut ana = member(config("ana"), 1);
    let mut ben = Puppet::new(7, 1);
    hear(&mut ana, ms(1), &ben.hello("ben"));
    let sync = |next| sync(next, 0);
    hear(&mut ana, ms(2), &ben.say(&[sync(0)]));
    // Each seems to come after the one before.
    let far = [sync(0x7fff_ffff), sync(0x8000_0000), sync(0xffff_fff0)];
    let told = hear(&mut ana, ms(3), &ben.say(&far));
    assert_eq!(told.len(), 1, "{told:?}");
    // It goes on half a window of 16 before the newest number.
    assert_eq!(ana.counters().gap_fragments, 0x7fff_ffff - 8);
    // Nor later, when they would not be half way round any more.
    hear(&mut ana, ms(4), &ben.say(&[Frame::Bye(Bye::LEFT)]));
    assert_eq!(ana.counters().gap_fragments, 0x7fff_ffff);
}

#[test]
fn what_can_be_repaired_begins_less_than_half_way_round() {
    let mut ana = member(config("ana"), 1);
    let mut ben = Puppet::new(7, 1);
    hear(&mut ana, ms(1), &ben.hello("ben"));
    hear(&mut ana, ms(2), &ben.say(&[sync(0, 0)]));
    // In two steps it would be so far that it seems to come before what was delivered.
    let steps = [sync(10, 0), sync(10, 0x7fff_ffff), sync(10, 0x8000_000a)];
    let told = hear(&mut ana, ms(3), &ben.say(&steps));
    assert!(
        told.len() == 1 && told[0].contains("last: Sequence(9)"),
        "{told:?}"
    );
    // Nobody waits for anything.
    ana.handle_timeout(ms(9_000));
    let mut buffer = [0; 1472];
    while ana.poll_transmit(ms(9_000), &mut buffer).unwrap().is_some() {}
    assert!(ana.next_deadline().unwrap() > ms(9_000));
}

/// PROTOCOL R6.
#[test]
fn what_can_be_repaired_says_nothing_with_a_number_half_way_round() {
    let (mut ana, mut ben) = ana_and_ben();
    let far = [
        ordered((1 << 31) + 16, 100),
        sync((1 << 31) + 16, (1 << 31) - 16),
        sync(1 << 31, (1 << 31) - 1),
    ];
    assert!(hear(&mut ana, ms(2_001), &ben.say(&far)).is_empty());
    let told = hear(&mut ana, ms(2_002), &ben.say(&[ordered(0, 0)]));
    assert_eq!(told, ["ben: x"]);
    let told = hear(&mut ana, ms(2_003), &ben.say(&[sync(1, 0), ordered(2, 2)]));
    assert!(told.is_empty(), "{told:?}");
    assert_eq!(asked(&mut ana, 2_003), [1]);
}

/// PROTOCOL R6.
#[test]
fn a_sync_that_goes_back_takes_nothing_back() {
    let (mut ana, mut ben) = ana_and_ben();
    hear(&mut ana, ms(2_001), &ben.say(&[sync(5, 1), sync(3, 0)]));
    assert_eq!(asked(&mut ana, 2_001), [1, 2, 3, 4]);
}

/// PROTOCOL R7.
#[test]
fn a_horizon_of_255_says_nothing_and_any_other_one_what_is_a_gap() {
    let (mut ana, mut ben) = ana_and_ben();
    assert!(hear(&mut ana, ms(2_001), &ben.say(&[ordered(3, 255)])).is_empty());
    assert_eq!(asked(&mut ana, 2_001), [0, 1, 2]);
    let told = hear(&mut ana, ms(2_070), &ben.say(&[ordered(4, 2)]));
    assert!(
        told.len() == 1 && told[0].contains("first: Sequence(0), last: Sequence(1) "),
        "{told:?}"
    );
    assert_eq!(asked(&mut ana, 2_070), [2]);
}

/// PROTOCOL R10.
#[test]
fn what_is_beyond_the_window_is_dropped_and_asked_for_later() {
    let (mut ana, mut ben) = ana_and_ben();
    let unordered = |sequence| {
        Frame::Data(Data {
            class: 1,
            sequence,
            horizon: 255,
            ..data("x")
        })
    };
    let told = hear(
        &mut ana,
        ms(2_001),
        &ben.say(&[unordered(15), unordered(16)]),
    );
    assert_eq!((told.len(), ana.counters().fragments_no_room), (1, 1));
    assert_eq!(asked(&mut ana, 2_001), (0..15).collect::<Vec<_>>());
    let rest: Vec<_> = (0..15).map(unordered).collect();
    assert_eq!(hear(&mut ana, ms(2_061), &ben.say(&rest)).len(), 15);
    assert_eq!(asked(&mut ana, 2_061), [16]);
    assert_eq!(
        hear(&mut ana, ms(2_121), &ben.say(&[unordered(16)])).len(),
        1
    );
}

/// PROTOCOL R11.
#[test]
fn who_is_two_windows_and_four_behind_goes_on_near_the_newest_number() {
    let (mut ana, mut ben) = ana_and_ben();
    let told = hear(&mut ana, ms(2_001), &ben.say(&[sync(2 * 16 + 4, 0)]));
    assert!(told.is_empty(), "{told:?}");
    let told = hear(&mut ana, ms(2_002), &ben.say(&[sync(2 * 16 + 5, 0)]));
    let last = 2 * 16 + 5 - 8 - 1;
    let gap = format!("first: Sequence(0), last: Sequence({last}) ");
    assert!(told.len() == 1 && told[0].contains(&gap), "{told:?}");
    assert_eq!(asked(&mut ana, 2_002), (last + 1..37).collect::<Vec<_>>());
}
