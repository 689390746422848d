//! Members far away from each other: how long they wait for answers.

use groupcast::Group;
use groupcast::wire::{Data, Echo, Frame, Nack, Sync, Time};

use crate::hub::{Puppet, Room, config, data, hear, member, ms, watch};

/// How far ana is, in microseconds, and what she states of that, in the octet for it.
const FAR: u32 = 200_000;
const MILLISECOND: u8 = 80;

/// The clock of `group`, which has counted since 0 ms, comes back now, after so many microseconds.
fn measure(group: &mut Group<Room>, from: &mut Puppet, at: u64, trip: u32) {
    let echo = Echo {
        member: group.id().get(),
        stamp: (at as u32 * 1_000).wrapping_sub(trip),
        held: 0,
    };
    let time = Time {
        stamp: 1,
        echoes: &echo.to_bytes(),
    };
    hear(group, ms(at), &from.say(&[Frame::Time(time)]));
}

fn numbered(sequence: u32) -> Frame<'static> {
    Frame::Data(Data {
        class: 1,
        sequence,
        horizon: sequence as u8,
        ..data("x")
    })
}

/// Ben, to whom the round trip to ana is so long, who states a millisecond. He lacks number 1 since 2,000 ms.
fn ben_who_misses_one(trip: u32) -> (Group<Room>, Puppet) {
    let (mut ben, mut ana) = (member(config("ben"), 1), Puppet::new(7, 1));
    hear(&mut ben, ms(0), &ana.hello("ana"));
    measure(&mut ben, &mut ana, 1_000, trip);
    let sync = Frame::Sync(Sync {
        next: 1,
        low: 0,
        round_trip: MILLISECOND,
        group_size: 0,
        states: 0,
    });
    hear(&mut ben, ms(2_000), &ana.say(&[numbered(0), sync]));
    hear(&mut ben, ms(2_000), &ana.say(&[numbered(2)]));
    (ben, ana)
}

/// When he asks within these milliseconds, and for how many.
fn asks(ben: &mut Group<Room>, times: core::ops::Range<u64>) -> Vec<(u64, usize)> {
    let mut asked = Vec::new();
    watch(ben, times, |at, _, frame| {
        if let Frame::Nack(nack) = frame {
            asked.push((at, nack.iter().count()));
        }
    });
    asked
}

/// PROTOCOL R14, R15.
#[test]
fn who_is_far_from_the_sender_waits_by_its_own_round_trip() {
    let times = |trip, until| {
        let (mut ben, _) = ben_who_misses_one(trip);
        let asked = asks(&mut ben, 2_000..until);
        asked.into_iter().map(|(at, _)| at).collect::<Vec<_>>()
    };
    // An eighth of 225 ms, and 3 at most; then 225.
    let far = times(FAR, 2_500);
    assert_eq!(far.len(), 3, "{far:?}");
    assert!((2_028..=2_032).contains(&far[0]), "{far:?}");
    assert!((225..=227).contains(&(far[1] - far[0])), "{far:?}");
    assert!((225..=227).contains(&(far[2] - far[1])), "{far:?}");
    // Who is twice as far waits as all do.
    let near = times(1_900, 2_010);
    assert!((2_001..=2_005).contains(&near[0]), "{near:?}");
    assert!(near.len() > 2, "{near:?}");
}

/// PROTOCOL R17.
#[test]
fn who_is_far_from_the_sender_asks_again_before_its_window_is_full() {
    // The window has 16 numbers.
    for (newest, numbers) in [(12, 1), (13, 2)] {
        let (mut ben, mut ana) = ben_who_misses_one(FAR);
        assert_eq!(asks(&mut ben, 2_000..2_040).len(), 1);
        // One more is missing, and the first one is asked for with it, which was not to be asked for before 2,250 ms.
        let more: Vec<_> = (3..=newest).filter(|n| *n != 9).map(numbered).collect();
        hear(&mut ben, ms(2_040), &ana.say(&more));
        let again = asks(&mut ben, 2_040..2_240);
        let first = again.first().expect("it asks");
        assert!((2_068..=2_072).contains(&first.0), "{again:?}");
        assert_eq!(first.1, numbers, "{again:?}");
        assert_eq!(again.len(), 1, "{again:?}");
    }
}

/// PROTOCOL S5, M20.
#[test]
fn what_cannot_have_come_to_whoever_asks_is_not_repaired_again() {
    let mut ana = member(config("ana"), 1);
    let (mut ben, mut cho) = (Puppet::new(7, 1), Puppet::new(8, 1));
    hear(&mut ana, ms(0), &ben.hello("ben"));
    hear(&mut ana, ms(0), &cho.hello("cho"));
    measure(&mut ana, &mut ben, 1_000, 1_000);
    measure(&mut ana, &mut cho, 1_000, FAR);
    let sent = ana.queue(ms(2_000), groupcast::Channel::reliable_unordered(1), b"x");
    sent.unwrap();
    watch(&mut ana, 2_000..2_500, |_, _, _| {});
    let mut nack = Nack::new(ana.id().get(), ana.session().life(), 0);
    assert!(nack.add(0));
    let mut repaired = |who: &mut Puppet, at: u64| {
        hear(&mut ana, ms(at), &who.say(&[Frame::Nack(nack)]));
        let mut repairs = 0;
        watch(&mut ana, at..at + 1, |_, _, frame| {
            repairs += usize::from(matches!(frame, Frame::Data(data) if data.repair));
        });
        repairs
    };
    let at = [2_500, 2_550, 2_598, 2_600].map(|at| repaired(&mut cho, at));
    assert_eq!(at, [1, 0, 0, 1]);
    assert_eq!(repaired(&mut ben, 2_650), 1, "it is near");
}
