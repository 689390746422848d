//! Senders whose numbers leap, as no sound one's do.

use groupcast::wire::{Data, Frame, Sync};

use crate::hub::{Puppet, config, data, hear, member, ms};

#[test]
fn what_a_sender_refuses_to_repair_before_it_sends_it_is_a_gap() {
    let mut ana = member(config("ana"), 1);
    let mut ben = Puppet::new(7, 1);
    hear(&mut ana, ms(1), &ben.hello("ben"));
    let sync = |next, low| {
        Frame::Sync(Sync {
            next,
            low,
            round_trip: 0,
            group_size: 0,
            states: 0,
        })
    };
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
