//! What a leaf says, and how it reaches the others.

use core::time::Duration;

use groupcast::wire::{self, Ask, Busy, Data, Frame, Nack};
use groupcast::{Channel, Class, Destination, Leaf, Pace, SendError};

use crate::hub::{
    COMMAND, Hub, LATEST, LOOSE, ORDERED, Puppet, VALUE, address, config, group, leaf, ms, times,
    told, watch,
};

/// Whether a datagram has a DATA frame for which this holds.
fn has_data(octets: &[u8], is_it: impl Fn(&Data<'_>) -> bool) -> bool {
    wire::parse(octets).is_ok_and(|(_, mut frames)| {
        frames.any(|frame| matches!(frame, Ok(Frame::Data(data)) if is_it(&data)))
    })
}

#[test]
fn a_leaf_joins_says_something_of_each_class_it_has_and_leaves() {
    let mut hub = Hub::new();
    hub.join(group("ana", 1));
    let leaf = hub.join(leaf("leaf", 2));
    hub.run(3_000);
    assert_eq!(hub.log(0), ["leaf joined"]);
    assert!(hub.log(leaf).is_empty());
    for channel in [VALUE, LATEST, LOOSE] {
        hub.say(leaf, channel, "x");
    }
    hub.run(2_000);
    assert_eq!(hub.log(0), ["leaf: x", "leaf: x", "leaf: x"]);
    let now = hub.now;
    hub.members[leaf].0.leave(now);
    hub.run(500);
    assert_eq!(hub.log(0), ["leaf left"]);
    assert!(hub.members[leaf].0.has_left());
    assert_eq!(hub.count(leaf, "Bye"), 7);
    assert_eq!(hub.counters(0).gaps, 0);
}

#[test]
fn what_it_cannot_send_is_refused_and_says_why() {
    let mut leaf = leaf("leaf", 1);
    let now = ms(10);
    for channel in [ORDERED, Channel::reliable_unordered(6)] {
        let error = leaf.queue(now, channel, b"x").unwrap_err();
        assert_eq!(error, SendError::NotReliable);
        assert!(error.to_string().contains("State"));
        assert_eq!(leaf.max_message(channel.class()), 0);
    }
    let most = leaf.max_message(Class::BestEffort);
    assert_eq!((most, leaf.max_message(Class::State)), (248, 248));
    let too_long = SendError::TooLong {
        len: 249,
        limit: 248,
    };
    assert_eq!(leaf.queue(now, LOOSE, &[7; 249]), Err(too_long));
    assert_eq!(leaf.queue(now, VALUE, &[7; 249]), Err(too_long));
    leaf.queue(now, LOOSE, &[7; 248]).unwrap();
    assert_eq!(leaf.queue(now, LOOSE, b"x"), Err(SendError::QueueFull));
    assert_eq!(leaf.unsent(), 1);
    leaf.forget_unsent();
    assert_eq!(leaf.unsent(), 0);
    // What is kept leaves less for what is sent once.
    leaf.queue(now, VALUE, &[7; 100]).unwrap();
    assert_eq!(leaf.max_message(Class::BestEffort), 256 - 108 - 8);
    assert_eq!(
        leaf.queue(now, COMMAND, &[7; 200]),
        Err(SendError::TooManyStates)
    );
    assert_eq!(leaf.queue_raw(now, b""), Err(SendError::Empty));
    assert_eq!(leaf.queue_raw(now, b"\xc1x"), Err(SendError::LooksFramed));
    leaf.leave(now);
    assert_eq!(leaf.queue(now, LOOSE, b"x"), Err(SendError::HasLeft));
}

#[test]
fn a_value_that_was_not_sent_yet_gives_way_to_a_newer_one_and_no_number_is_missing() {
    let mut hub = Hub::with(&["ana"]);
    let first = hub.say(0, VALUE, "one");
    hub.say(0, COMMAND, "other");
    hub.say(0, LOOSE, "loose");
    hub.say(0, VALUE, "two, and longer");
    assert_eq!(hub.say(0, VALUE, "3"), first + 1);
    hub.run(3_000);
    assert_eq!(hub.log(1), ["leaf: other", "leaf: loose", "leaf: 3"]);
    assert_eq!(hub.say(0, VALUE, "four"), first + 2);
    hub.run(100);
    assert_eq!(hub.log(1), ["leaf: four"]);
    assert_eq!(
        (hub.counters(0).nacks_received, hub.counters(1).gaps),
        (0, 0)
    );
}

/// PROTOCOL V4, V6
#[test]
fn who_comes_late_gets_the_newest_values_and_no_others() {
    let mut hub = Hub::with(&["ana"]);
    for text in ["1", "2", "3"] {
        hub.say(0, VALUE, text);
        hub.run(100);
    }
    hub.say(0, COMMAND, "other");
    hub.run(8_000);
    let ben = hub.join(group("ben", 9));
    hub.run(4_000);
    let mut heard = hub.log(ben);
    heard.sort_unstable();
    assert_eq!(
        heard,
        ["ana joined", "leaf joined", "leaf: 3", "leaf: other"]
    );
    assert_eq!(hub.count(ben, "Ask"), 1);
}

/// PROTOCOL V3, S5: a lost value is repaired, or nobody waits for it, and there is no gap.
#[test]
fn what_was_lost_is_repaired_or_skipped_and_there_is_no_gap() {
    let mut hub = Hub::with(&["ana", "ben"]);
    // ben does not hear these at first.
    let lost = |data: &Data<'_>| !data.repair && (data.payload == b"1" || data.payload == b"3");
    hub.fate = Box::new(move |_, to, octets| usize::from(to != 2 || !has_data(octets, lost)));
    hub.say(0, VALUE, "1");
    hub.run(3);
    hub.say(0, VALUE, "2");
    hub.run(3);
    hub.say(0, COMMAND, "3");
    hub.run(3);
    hub.say(0, VALUE, "4");
    hub.run(3_000);
    let mut heard = hub.log(2);
    heard.sort_unstable();
    assert_eq!(heard, ["leaf: 2", "leaf: 3", "leaf: 4"]);
    assert_eq!(hub.count(0, "Skip"), 1, "{:?}", hub.said(0));
    assert!(hub.counters(0).repairs_sent >= 1);
    assert!(hub.counters(0).nacks_received >= 1);
    assert_eq!((hub.counters(2).gaps, hub.count(0, "Ask")), (0, 0));
}

/// PROTOCOL S4: the last value is lost, and comes with the heartbeat.
#[test]
fn the_last_value_goes_with_heartbeats() {
    let mut hub = Hub::with(&["ana"]);
    hub.fate = Box::new(|_, _, octets| usize::from(!has_data(octets, |data| !data.copy)));
    hub.say(0, VALUE, "1");
    hub.run(100);
    assert_eq!(hub.log(1), ["leaf: 1"]);
    assert!(hub.counters(0).syncs_sent >= 2);
    assert_eq!(hub.counters(0).repairs_sent, 0);
}

fn nack(leaf: &Leaf<512, 4, 256>, numbers: impl IntoIterator<Item = u32>) -> Frame<'static> {
    let mut numbers = numbers.into_iter().peekable();
    let base = *numbers.peek().unwrap();
    let mut nack = Nack::new(leaf.id().get(), leaf.session().life(), base);
    for number in numbers {
        assert!(nack.add(number));
    }
    Frame::Nack(nack)
}

/// PROTOCOL S5
#[test]
fn no_value_is_repaired_twice_within_a_round_trip() {
    let (mut leaf, mut puppet) = (leaf("leaf", 1), Puppet::new(9, 1));
    leaf.queue(ms(10), VALUE, b"1").unwrap();
    watch(&mut leaf, 10, 5_000);
    for at in [5_000, 5_002, 5_009] {
        let question = nack(&leaf, [0]);
        assert!(told(&mut leaf, ms(at), 5, &puppet.say(&[question])).is_empty());
        let repaired = watch(&mut leaf, at, at + 1);
        let repaired = times(&repaired, "Data");
        assert_eq!(repaired.len(), usize::from(at == 5_000), "{at}");
    }
    let question = nack(&leaf, [0]);
    told(&mut leaf, ms(5_011), 5, &puppet.say(&[question]));
    assert_eq!(times(&watch(&mut leaf, 5_011, 5_012), "Data").len(), 1);
}

#[test]
fn numbers_that_are_not_repaired_any_more_are_answered_with_sync_and_others_never() {
    let (mut leaf, mut puppet) = (leaf("leaf", 1), Puppet::new(9, 1));
    for n in 0..50 {
        leaf.queue(ms(10 + n), VALUE, b"1").unwrap();
        watch(&mut leaf, 10 + n, 11 + n);
    }
    watch(&mut leaf, 60, 6_000);
    // 18 to 49 are repaired.
    let ask =
        |leaf: &mut Leaf<512, 4, 256>, puppet: &mut Puppet, at, numbers: core::ops::Range<u32>| {
            let question = nack(leaf, numbers);
            told(leaf, ms(at), 5, &puppet.say(&[question]));
            let said = watch(leaf, at, at + 1);
            said.into_iter()
                .flat_map(|(_, _, frames)| frames)
                .collect::<Vec<_>>()
        };
    let old = ask(&mut leaf, &mut puppet, 6_000, 3..5);
    // The last value goes with it, as with each heartbeat.
    assert!(old.len() == 2 && old[1].starts_with("Sync"), "{old:?}");
    assert!(old[0].contains("copy: true"), "{old:?}");
    let replaced = ask(&mut leaf, &mut puppet, 6_001, 20..49);
    assert_eq!(replaced, ["Skip(Skip { first: 20, count: 29 })"]);
    assert!(ask(&mut leaf, &mut puppet, 6_050, 50..60).is_empty());
    let of_another_life = Nack {
        session: 7,
        ..Nack::new(leaf.id().get(), 0, 40)
    };
    told(
        &mut leaf,
        ms(6_100),
        5,
        &puppet.say(&[Frame::Nack(of_another_life)]),
    );
    assert!(
        watch(&mut leaf, 6_100, 6_110)
            .iter()
            .all(|it| it.2[0].starts_with("Hello"))
    );
}

/// PROTOCOL M13, M33, R4, E6
#[test]
fn a_probe_is_answered_to_who_asked() {
    let (mut leaf, mut puppet) = (leaf("leaf", 1), Puppet::new(9, 1));
    leaf.queue(ms(10), VALUE, b"1").unwrap();
    watch(&mut leaf, 10, 5_000);
    let probe = |puppet: &mut Puppet| puppet.hello(|hello| hello.probe = true);
    told(&mut leaf, ms(5_000), 5, &probe(&mut puppet));
    let said = watch(&mut leaf, 5_000, 5_001);
    assert_eq!(said[0].1, Destination::Peer(address(5)));
    let frames = &said[0].2;
    assert!(
        frames[0].starts_with("Hello") && frames[0].contains("probe: false"),
        "{frames:?}"
    );
    assert!(frames[1].starts_with("Sync(Sync { next: 1"), "{frames:?}");
    assert_eq!(frames[2], "Start(Start { target: 9, session: 1, next: 1 })");
    // Not again within 100 ms.
    told(&mut leaf, ms(5_050), 5, &probe(&mut puppet));
    assert!(
        watch(&mut leaf, 5_050, 5_060)
            .iter()
            .all(|it| it.1 == Destination::Group)
    );
    // Whoever makes up members gets 20 answers, and 20 a second.
    let mut answers = 0;
    for n in 0..100 {
        told(
            &mut leaf,
            ms(6_000),
            5,
            &probe(&mut Puppet::new(100 + n, 1)),
        );
        let said = watch(&mut leaf, 6_000, 6_001);
        answers += said.iter().filter(|it| it.1 != Destination::Group).count();
    }
    assert!((18..=21).contains(&answers), "{answers}");
}

/// PROTOCOL M21
#[test]
fn busy_stops_what_it_has_to_say_but_not_hello() {
    let (mut leaf, mut puppet) = (leaf("leaf", 1), Puppet::new(9, 1));
    watch(&mut leaf, 10, 5_000);
    told(
        &mut leaf,
        ms(5_000),
        5,
        &puppet.say(&[Frame::Busy(Busy { wait: 400 })]),
    );
    leaf.queue(ms(5_001), VALUE, b"1").unwrap();
    let said = watch(&mut leaf, 5_001, 7_000);
    let first = times(&said, "Data")[0];
    assert!((5_400..5_452).contains(&first), "{first}");
    // Not again within 2 s.
    told(
        &mut leaf,
        ms(6_900),
        5,
        &puppet.say(&[Frame::Busy(Busy { wait: 400 })]),
    );
    leaf.queue(ms(7_000), VALUE, b"2").unwrap();
    assert_eq!(times(&watch(&mut leaf, 7_000, 7_010), "Data")[0], 7_000);
}

/// PROTOCOL M3, M5, E6
#[test]
fn it_says_hello_as_seldom_as_the_others_in_a_large_group() {
    let mut leaf = leaf("leaf", 1);
    let mut puppets: Vec<_> = (0..50).map(|n| Puppet::new(100 + n, 1)).collect();
    watch(&mut leaf, 10, 3_000);
    // 400 members, as most say; some say a million.
    let mut hellos = Vec::new();
    for n in 0..3_000 {
        let hello =
            puppets[n % 50].hello(|hello| hello.group_size = if n % 3 == 0 { 80 } else { 34 });
        let at = 3_000 + 50 * n as u64;
        told(&mut leaf, ms(at), 5, &hello);
        hellos.extend(times(&watch(&mut leaf, at, at + 50), "Hello"));
    }
    let waits: Vec<_> = hellos.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(waits.len() > 6, "{waits:?}");
    // It takes some of its own HELLOs to get there.
    for wait in &waits[3..] {
        assert!((13_000..30_000).contains(wait), "{waits:?}");
    }
}

#[test]
fn a_newcomer_is_answered_within_half_a_second() {
    let mut puppet = Puppet::new(9, 1);
    let last = *times(&watch(&mut leaf("leaf", 1), 10, 5_000), "Hello")
        .last()
        .unwrap();
    let mut leaf = leaf("leaf", 1);
    watch(&mut leaf, 10, last + 150);
    told(
        &mut leaf,
        ms(last + 150),
        5,
        &puppet.hello(|hello| hello.join = true),
    );
    let said = watch(&mut leaf, last + 150, last + 652);
    assert!(!times(&said, "Hello").is_empty());
}

#[test]
fn it_keeps_its_pace_and_takes_turns() {
    let pace = Pace::new(20_000, 2);
    let mut leaf: Leaf<512, 4, 4_096> = Leaf::new(config("leaf").with_pace(pace), [1; 32]).unwrap();
    watch(&mut leaf, 10, 3_000);
    for _ in 0..8 {
        leaf.queue(ms(3_000), LOOSE, &[7; 400]).unwrap();
    }
    let times = times(&watch(&mut leaf, 3_000, 4_000), "Data");
    // 484 bytes each are 24 ms, and two may go at once, or three, as the last one may take more than there is.
    assert_eq!(times.len(), 8);
    assert!(
        times[2] - times[0] <= 25 && times[7] - times[0] >= 100,
        "{times:?}"
    );
}

#[test]
fn small_messages_are_not_faster_than_the_pace() {
    let (rate, for_one) = (2_500_000, 512 + 46);
    let config = config("leaf").with_pace(Pace::new(rate, 1));
    let mut leaf: Leaf = Leaf::new(config, [1; 32]).unwrap();
    watch(&mut leaf, 10, 3_000);
    let mut sum = 0;
    let mut buffer = [0; 512];
    for micros in 0..50_000 {
        let now = ms(3_000) + Duration::from_micros(micros);
        if leaf.unsent() == 0 {
            leaf.queue(now, LOOSE, b"").unwrap();
        }
        let sent = leaf.poll_transmit(now, &mut buffer).unwrap();
        sum += sent.map_or(0, |sent| sent.len + 46);
    }
    // Each takes 33.6 microseconds.
    let most = 50 * rate as usize / 1_000 + for_one;
    assert!((120_000..=most).contains(&sum), "{sum} of {most}");
}

#[test]
fn several_messages_share_a_datagram_and_a_raw_one_is_alone() {
    let mut leaf = leaf("leaf", 1);
    watch(&mut leaf, 10, 3_000);
    leaf.queue(ms(3_000), VALUE, b"1").unwrap();
    leaf.queue(ms(3_000), LOOSE, b"2").unwrap();
    leaf.queue_raw(ms(3_000), b"hello").unwrap();
    leaf.queue(ms(3_000), LATEST, b"3").unwrap();
    let said = watch(&mut leaf, 3_000, 3_001);
    let frames: Vec<_> = said.iter().map(|it| it.2.len()).collect();
    assert_eq!(frames, [2, 1, 1]);
    assert_eq!(said[1].2, ["raw: hello"]);
}

#[test]
fn the_longest_messages_are_sent_at_once_and_before_it_leaves() {
    let longest = |leaf: &Leaf<512, 4, 2_048>| vec![7; leaf.max_message(Class::BestEffort)];
    let mut leaf: Leaf<512, 4, 2_048> = Leaf::new(config("leaf"), [1; 32]).unwrap();
    assert_eq!(longest(&leaf).len(), 512 - 22 - 12 - 4);
    // With the first HELLO, with a heartbeat, and alone.
    for at in [10, 1_000, 1_020, 3_000] {
        let message = longest(&leaf);
        leaf.queue(ms(at), LOOSE, &message).unwrap();
        let said = watch(&mut leaf, at, at + 2);
        let frames = said.iter().flat_map(|it| &it.2);
        let sent = frames.filter(|frame| frame.contains("class: 0")).count();
        assert_eq!(sent, 1, "{at}");
        if at == 1_000 {
            leaf.queue(ms(at), VALUE, b"1").unwrap();
            watch(&mut leaf, at, at + 1);
        }
    }
    let message = longest(&leaf);
    for _ in 0..2 {
        leaf.queue(ms(5_000), LOOSE, &message).unwrap();
    }
    leaf.leave(ms(5_000));
    let said = watch(&mut leaf, 5_000, 6_000);
    assert!(leaf.has_left() && times(&said, "Bye").len() == 7);
    assert_eq!(leaf.unsent(), 0);
}

/// A leaf that only sends.
type Deaf = Leaf<512, 0>;

/// PROTOCOL E7
#[test]
fn a_leaf_that_only_sends_joins_and_says_its_values_again_and_again() {
    let mut hub = Hub::new();
    let deaf = hub.join(Deaf::new(config("deaf"), [5; 32]).unwrap());
    hub.join(group("ana", 1));
    hub.run(3_000);
    hub.say(deaf, VALUE, "1");
    hub.say(deaf, LOOSE, "2");
    hub.run(3_000);
    assert_eq!(hub.log(1), ["deaf joined", "deaf: 1", "deaf: 2"]);
    // Who comes late gets the value with a HELLO, though nobody hears that it asks.
    let ben = hub.join(group("ben", 9));
    hub.run(3_000);
    let log = hub.log(ben);
    assert!(log.contains(&"deaf: 1".to_string()), "{log:?}");
    // What is lost is a gap at once, for nobody repairs it, and the value comes all the same.
    let mut first = true;
    hub.fate = Box::new(move |_, to, octets| {
        let lost = to == 1 && has_data(octets, |data| data.payload == b"3") && first;
        first &= !lost;
        usize::from(!lost)
    });
    hub.say(deaf, VALUE, "3");
    hub.run(3_000);
    assert!(hub.log(1).contains(&"deaf: 3".to_string()));
    assert_eq!(hub.counters(deaf).received, 0);
    assert_eq!(hub.counters(1).nacks_sent, 0);
    let now = hub.now;
    hub.members[deaf].0.leave(now);
    hub.run(500);
    assert!(hub.log(1).contains(&"deaf left".to_string()));
}

#[test]
fn it_limits_the_others_to_what_it_takes_and_one_that_hears_nothing_does_not() {
    let most = |hub: &Hub| {
        let hello = hub.said(0).into_iter().find(|it| it.starts_with("Hello"));
        hello.unwrap()
    };
    let mut hub = Hub::new();
    hub.join(leaf("leaf", 1));
    hub.run(1_000);
    assert!(most(&hub).contains("max_datagram: 512, max_message: 0"));
    assert!(most(&hub).contains("capabilities: 1"));
    let mut hub = Hub::new();
    hub.join(Deaf::new(config("deaf"), [1; 32]).unwrap());
    hub.run(1_000);
    assert!(most(&hub).contains("max_datagram: 65535, max_message: 65535"));
}

#[test]
fn several_questions_are_answered_once() {
    let (mut leaf, mut puppet) = (leaf("leaf", 1), Puppet::new(9, 1));
    leaf.queue(ms(10), VALUE, b"1").unwrap();
    leaf.queue(ms(10), COMMAND, b"2").unwrap();
    watch(&mut leaf, 10, 5_000);
    let ask = Frame::Ask(Ask {
        target: leaf.id().get(),
        session: leaf.session().life(),
    });
    for _ in 0..3 {
        told(&mut leaf, ms(5_000), 5, &puppet.say(&[ask]));
    }
    let said = watch(&mut leaf, 5_000, 5_010);
    let answers: Vec<_> = said.iter().flat_map(|it| &it.2).collect();
    let answers = answers.iter().filter(|it| it.starts_with("Data"));
    let expected = |it: &&&String| it.contains("repair: true") && it.contains("horizon: 255");
    assert_eq!(answers.filter(expected).count(), 2);
}

#[test]
fn one_that_hides_is_heard_and_not_seen() {
    let mut hub = Hub::new();
    let hidden = config("leaf").with_announce(false);
    hub.join(Leaf::<512, 4, 256>::new(hidden, [5; 32]).unwrap());
    hub.join(group("ana", 1));
    hub.run(1_000);
    hub.say(0, VALUE, "1");
    hub.run(3_000);
    assert_eq!(hub.log(1), [": 1"]);
    assert_eq!(hub.count(0, "Hello"), 0);
}
