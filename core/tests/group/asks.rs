//! When a member asks for what it misses.

use core::time::Duration;

use groupcast::wire::{self, Data, Frame, Nack, Sync};
use groupcast::{Group, Instant};

use crate::hub::{Puppet, Room, config, data, drain, hear, member, ms, watch};

/// Who hears of a reliable message, and then of the next but one.
fn member_that_misses_one(at: Instant, seed: u8) -> Group<Room> {
    let config = config("ben").with_max_wait(Duration::from_secs(40));
    // Seeds that are much alike would draw much the same at first.
    let seed = core::array::from_fn(|at| seed.wrapping_mul(2 * at as u8 + 1));
    let mut ben = Group::new(Room::new(), config, seed).unwrap();
    let mut ana = Puppet::new(7, 1);
    hear(&mut ben, ms(0), &ana.hello("ana"));
    for sequence in [0, 2] {
        let message = Data {
            class: 1,
            sequence,
            horizon: sequence as u8,
            ..data("x")
        };
        hear(&mut ben, at, &ana.say(&[Frame::Data(message)]));
    }
    ben
}

/// When it asks for the message, if it does within this time.
fn asks_at(group: &mut Group<Room>, from: Instant, within: Duration) -> Option<Instant> {
    says_at(
        group,
        from,
        within,
        |frame| matches!(frame, Frame::Nack(nack) if nack.base == 1),
    )
}

/// When it sends such a frame, if it does within this time.
fn says_at(
    group: &mut Group<Room>,
    from: Instant,
    within: Duration,
    is_it: impl Fn(Frame<'_>) -> bool,
) -> Option<Instant> {
    let end = from + within;
    let mut now = from;
    let mut buffer = [0; 1472];
    while now <= end {
        group.handle_timeout(now);
        while let Some(transmit) = group.poll_transmit(now, &mut buffer).unwrap() {
            let (_, frames) = wire::parse(&buffer[..transmit.len]).unwrap();
            if frames.flatten().any(&is_it) {
                return Some(now);
            }
        }
        now = now.max(group.next_deadline()?) + Duration::from_micros(1);
    }
    None
}

/// PROTOCOL R12, R15.
#[test]
fn what_nobody_repairs_is_asked_for_ever_later_and_reported_when_the_application_waits_no_longer() {
    let mut ben = member_that_misses_one(ms(2_000), 1);
    let mut now = ms(2_000);
    let mut asked = Vec::new();
    let mut heard = Vec::new();
    // As long as the sender counts as a member: it goes on saying HELLO.
    let mut ana = Puppet {
        counter: 100,
        ..Puppet::new(7, 1)
    };
    for second in 3..=43 {
        heard.extend(hear(&mut ben, now, &ana.hello("ana")));
        while let Some(at) = asks_at(&mut ben, now, ms(1_000 * second).since(now)) {
            asked.push(at);
            now = at + Duration::from_micros(1);
            drain(&mut ben, &mut heard);
        }
        now = ms(1_000 * second);
        drain(&mut ben, &mut heard);
        assert_eq!(heard.is_empty(), second <= 42, "{second} s: {heard:?}");
    }
    // A round trip of 10 ms, and half of one more at most; from the 14th time on the double of it, and so on.
    for (nth, pair) in asked.windows(2).enumerate() {
        let waited = pair[1].since(pair[0]);
        let doublings = (nth as u32).saturating_sub(12).min(10);
        let [least, most] = [10, 15].map(|ms| Duration::from_millis(ms << doublings));
        let [least, most] = [least, most].map(|time| time.min(Duration::from_secs(1)));
        let range = least..=most + Duration::from_millis(1);
        assert!(range.contains(&waited), "{waited:?} after {}", nth + 1);
    }
    assert!(asked.len() > 50, "{}", asked.len());
    assert_eq!(heard.len(), 1, "{heard:?}");
    assert!(heard[0].starts_with("Gap"), "{heard:?}");
}

/// A sender that states a round trip of a millisecond and sends every other one of these messages, which are
/// ordered.
fn every_other_one(
    ben: &mut Group<Room>,
    ana: &mut Puppet,
    at: u64,
    numbers: core::ops::Range<u32>,
) {
    hear(ben, ms(at), &ana.hello("ana"));
    for sequence in numbers.step_by(2) {
        let sync = Frame::Sync(Sync {
            next: sequence,
            low: 0,
            round_trip: 79,
            group_size: 0,
            states: 0,
        });
        hear(ben, ms(at), &ana.say(&[sync, ordered(sequence)]));
    }
}

fn ordered(sequence: u32) -> Frame<'static> {
    Frame::Data(Data {
        class: 2,
        sequence,
        horizon: sequence as u8,
        ..data("x")
    })
}

/// What it is told while these seconds pass, and its sender goes on saying HELLO.
fn passes(ben: &mut Group<Room>, ana: &mut Puppet, seconds: core::ops::Range<u64>) -> Vec<String> {
    let mut told = Vec::new();
    for second in seconds {
        told.extend(hear(ben, ms(1_000 * second), &ana.hello("ana")));
        let millis = 1_000 * second..1_000 * (second + 1);
        told.extend(watch(ben, millis, |_, _, _| {}));
    }
    told
}

/// PROTOCOL R12.
#[test]
fn nothing_is_given_up_while_the_application_waits_however_often_it_was_asked_for() {
    let wait = Duration::from_secs(30);
    let mut ben = member(config("ben").with_max_wait(wait), 1);
    let mut ana = Puppet::new(7, 1);
    every_other_one(&mut ben, &mut ana, 2_000, 0..14);
    let mut told = passes(&mut ben, &mut ana, 2..31);
    assert!(ben.counters().nacks_sent > 40);
    for sequence in (1..14).step_by(2) {
        let repair = ana.say(&[ordered(sequence)]);
        told.extend(hear(&mut ben, ms(31_000), &repair));
    }
    assert_eq!(told, ["ana: x"; 13]);
}

/// PROTOCOL R12.
#[test]
fn what_was_asked_for_as_long_as_what_is_given_up_does_not_make_the_application_wait_anew() {
    let (mut ben, mut ana) = (member(config("ben"), 1), Puppet::new(7, 1));
    every_other_one(&mut ben, &mut ana, 2_000, 0..10);
    let mut told = passes(&mut ben, &mut ana, 2..5);
    // Two more, which have been missing for two seconds when the first four are given up.
    every_other_one(&mut ben, &mut ana, 5_000, 10..14);
    told.extend(passes(&mut ben, &mut ana, 5..7));
    assert_eq!(told, [""; 0]);
    let mut gaps = |seconds| {
        let told = passes(&mut ben, &mut ana, seconds);
        told.iter().filter(|told| told.starts_with("Gap")).count()
    };
    assert_eq!(gaps(7..10), 4);
    assert_eq!(gaps(10..11), 0);
    assert_eq!(gaps(11..14), 2);
}

/// PROTOCOL R14. Of many numbers that nobody repairs, each is asked for once a second in the end, and all together.
#[test]
fn what_is_asked_for_seldom_is_asked_for_together() {
    let (mut ben, mut ana) = (member(config("ben"), 1), Puppet::new(7, 1));
    every_other_one(&mut ben, &mut ana, 2_000, 0..14);
    passes(&mut ben, &mut ana, 2..5);
    let before = ben.counters().nacks_sent;
    passes(&mut ben, &mut ana, 5..7);
    let nacks = ben.counters().nacks_sent - before;
    assert!((2..=8).contains(&nacks), "{nacks}");
}

/// PROTOCOL W16, R14, R15.
#[test]
fn whoever_states_a_round_trip_of_hours_is_asked_as_if_it_were_a_second() {
    let mut longest = 0;
    for seed in 1..=8 {
        let (mut ben, mut ana) = (member(config("ben"), seed), Puppet::new(7, 1));
        ben.handle_timeout(ms(0));
        hear(&mut ben, ms(2_000), &ana.hello("ana"));
        hear(&mut ben, ms(2_000), &ana.say(&[ordered(0)]));
        for next in [1, 3] {
            let sync = Frame::Sync(Sync {
                next,
                low: 0,
                round_trip: 255,
                group_size: 0,
                states: 0,
            });
            hear(&mut ben, ms(2_000), &ana.say(&[sync]));
        }
        let mut asked = Vec::new();
        watch(&mut ben, 2_000..4_000, |at, _, frame| {
            if matches!(frame, Frame::Nack(_)) {
                asked.push(at);
            }
        });
        let after = asked[0] - 2_000;
        assert!((117..=122).contains(&after), "{after} ms");
        let waited = asked[1] - asked[0];
        assert!((942..=1_416).contains(&waited), "{waited} ms");
        longest = longest.max(waited);
    }
    // What bounds the doubling does not bound the round trip.
    assert!(longest > 1_100, "{longest} ms");
}

/// PROTOCOL R15.
#[test]
fn who_hears_others_ask_is_as_patient_as_who_asks_alone() {
    let mut pair = [1, 2].map(|seed| member_that_misses_one(ms(2_000), seed));
    let mut told = Vec::new();
    let mut buffer = [0; 1472];
    let mut ana = Puppet {
        counter: 3,
        ..Puppet::new(7, 1)
    };
    // The sender tells of more and more, and repairs nothing yet.
    for millis in 2_001..4_400 {
        if millis % 100 == 0 && millis <= 2_600 {
            let sequence = 2 * (millis / 100 - 20) as u32 + 2;
            let message = Data {
                class: 1,
                sequence,
                horizon: sequence as u8,
                ..data("x")
            };
            let message = ana.say(&[Frame::Data(message)]);
            for group in &mut pair {
                told.extend(hear(group, ms(millis), &message));
            }
        }
        for from in 0..2 {
            while let Some(transmit) = pair[from].poll_transmit(ms(millis), &mut buffer).unwrap() {
                pair.iter_mut().for_each(|group| drain(group, &mut told));
                let octets = &buffer[..transmit.len];
                told.extend(hear(&mut pair[1 - from], ms(millis), octets));
            }
            pair[from].handle_timeout(ms(millis));
            drain(&mut pair[from], &mut told);
        }
    }
    // 77 each. If what another asks counted as asked, it would be a third less.
    let asked = pair.each_ref().map(|group| group.counters().nacks_sent);
    assert!(asked.iter().all(|nacks| *nacks > 70), "{asked:?}");
    assert!(!told.iter().any(|told| told.contains("Gap")), "{told:?}");
}

/// PROTOCOL R15.
#[test]
fn another_who_asks_does_not_bring_nearer_when_one_asks() {
    let mut ben = member_that_misses_one(ms(2_000), 1);
    let mut now = ms(2_000);
    for _ in 0..19 {
        let within = Duration::from_millis(700);
        now = asks_at(&mut ben, now, within).expect("it asks") + Duration::from_micros(1);
    }
    let mut nack = Nack::new(7, 1, 1);
    assert!(nack.add(1));
    let mut cho = Puppet::new(8, 1);
    hear(&mut ben, now, &cho.say(&[Frame::Nack(nack)]));
    // It asks for another one soon.
    let mut ana = Puppet {
        counter: 100,
        ..Puppet::new(7, 1)
    };
    let message = Data {
        class: 1,
        sequence: 4,
        horizon: 4,
        ..data("x")
    };
    hear(&mut ben, now, &ana.say(&[Frame::Data(message)]));
    let asked = asks_at(&mut ben, now, Duration::from_millis(1_100)).expect("it asks");
    let after = asked.since(now);
    assert!(after >= Duration::from_millis(600), "{after:?}");
}

/// PROTOCOL R15.
#[test]
fn who_hears_another_ask_for_the_same_waits_a_round_trip_longer() {
    let (at, within) = (ms(2_000), Duration::from_millis(100));
    for seed in 1..20 {
        let mut ben = member_that_misses_one(at, seed);
        let mut nack = Nack::new(7, 1, 0);
        assert!(nack.add(1) && nack.add(40));
        let mut cho = Puppet::new(8, 1);
        hear(&mut ben, at, &cho.say(&[Frame::Nack(nack)]));
        let after = asks_at(&mut ben, at, within).expect("it asks").since(at);
        // Nothing was measured: it goes by 10 ms.
        assert!((10_000..=16_000).contains(&after.as_micros()), "{after:?}");
    }
}

/// PROTOCOL V4.
#[test]
fn when_a_value_may_have_been_lost_all_values_are_asked_for() {
    for is_lost in [false, true] {
        let mut ben = member(config("ben"), 1);
        let mut ana = Puppet::new(7, 1);
        hear(&mut ben, ms(0), &ana.hello("ana"));
        let value = |sequence| Data {
            class: 3,
            sequence,
            horizon: 0,
            ..data("x")
        };
        hear(&mut ben, ms(2_000), &ana.say(&[Frame::Data(value(0))]));
        // The second one was lost, and cannot be repaired any more.
        let next = if is_lost { 2 } else { 1 };
        let sync = Frame::Sync(Sync {
            next,
            low: next,
            round_trip: 0,
            group_size: 0,
            states: 1,
        });
        let mut heard = Vec::new();
        for at in [2_001, 2_002] {
            heard.extend(hear(&mut ben, ms(at), &ana.say(&[sync])));
        }
        assert_eq!(heard.len(), usize::from(is_lost), "{heard:?}");
        let is_ask = |frame: Frame<'_>| matches!(frame, Frame::Ask(ask) if ask.target == 7);
        let asked = says_at(&mut ben, ms(2_002), Duration::from_millis(500), is_ask);
        assert_eq!(asked.is_some(), is_lost);
    }
}

/// PROTOCOL V4.
#[test]
fn a_value_that_nobody_sends_is_asked_for_seldom_but_not_never() {
    let mut ben = member(config("ben"), 1);
    let mut ana = Puppet::new(7, 1);
    hear(&mut ben, ms(0), &ana.hello("ana"));
    let sync = Frame::Sync(Sync {
        next: 1,
        low: 1,
        round_trip: 0,
        group_size: 0,
        states: 1,
    });
    let is_ask = |frame: Frame<'_>| matches!(frame, Frame::Ask(ask) if ask.target == 7);
    let mut asked = Vec::new();
    for second in 0..60 {
        hear(&mut ben, ms(1_000 * second), &ana.say(&[sync]));
        let within = Duration::from_millis(999);
        asked.extend(says_at(&mut ben, ms(1_000 * second), within, is_ask).map(|_| second));
    }
    let (often, seldom) = asked.split_at(16);
    assert_eq!(often, (0..16).collect::<Vec<_>>());
    assert!((8..=11).contains(&seldom.len()), "asked at {asked:?}");
    assert!(asked.last() > Some(&54), "asked at {asked:?}");
}

#[test]
fn what_is_left_of_a_session_is_told_before_the_next_one_begins() {
    let mut ben = member_that_misses_one(ms(2_000), 1);
    let mut again = Puppet::new(7, 2);
    let mut heard = Vec::new();
    for _ in 0..3 {
        heard.extend(hear(&mut ben, ms(2_010), &again.hello("ana")));
    }
    let kinds: Vec<_> = heard.iter().map(|line| &line[..3]).collect();
    assert_eq!(kinds, ["Gap", "ana"], "{heard:?}");
    assert_eq!(heard[1], "ana restarted");
}

/// PROTOCOL R14.
#[test]
fn what_is_missing_may_only_be_late_and_is_asked_for_after_a_millisecond() {
    // Old enough to follow the stream from its beginning.
    let at = ms(2_000);
    let mut times = Vec::new();
    for seed in 1..20 {
        let mut ben = member_that_misses_one(at, seed);
        let asked = asks_at(&mut ben, at, Duration::from_millis(100)).expect("it asks");
        let after = asked.since(at);
        assert!(after >= Duration::from_millis(1), "{after:?}");
        assert!(after <= Duration::from_millis(30), "{after:?}");
        times.push(after);
    }
    times.sort_unstable();
    times.dedup();
    assert!(times.len() > 10, "not all at one time: {times:?}");
}
