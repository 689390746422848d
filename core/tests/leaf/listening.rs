//! What a leaf hears.

use core::net::SocketAddr;

use groupcast::wire::{Ask, Bye, Data, Frame};
use groupcast::{Channel, Leaf};

use crate::hub::{
    COMMAND, Hub, LATEST, LOOSE, ORDERED, Puppet, address, config, data, leaf, ms, sync, times,
    told, watch,
};

#[test]
fn commands_of_each_class_are_heard_exactly_once_however_often_they_come() {
    let mut hub = Hub::with(&["ana", "ben"]);
    hub.fate = Box::new(|_, _, _| 3);
    for (n, channel) in [COMMAND, LATEST, LOOSE].into_iter().enumerate() {
        hub.say(1, channel, &format!("ana {n}"));
        hub.say(2, channel, &format!("ben {n}"));
    }
    hub.run(3_000);
    let mut heard = hub.log(0);
    heard.sort_unstable();
    assert_eq!(
        heard,
        [
            ": ana 0", ": ana 1", ": ana 2", ": ben 0", ": ben 1", ": ben 2"
        ]
    );
    assert!(hub.counters(0).duplicate > 0);
}

#[test]
fn what_is_played_back_does_nothing() {
    let mut hub = Hub::with(&["ana", "ben"]);
    hub.record.clear();
    for channel in [COMMAND, LATEST, LOOSE] {
        hub.say(1, channel, "x");
        hub.run(200);
    }
    assert_eq!(hub.log(0).len(), 3);
    let record = core::mem::take(&mut hub.record);
    for round in 0..3 {
        for (from, _, octets) in record.iter().filter(|(from, ..)| *from != 0) {
            hub.hear(*from, 0, octets);
        }
        hub.run(7_000);
        assert!(hub.log(0).is_empty(), "round {round}");
    }
    // Also when its sender has left, and when it has started again.
    let now = hub.now;
    hub.members[1].0.leave(now);
    hub.run(2_000);
    for (from, _, octets) in record.iter().filter(|(from, ..)| *from == 1) {
        hub.hear(*from, 0, octets);
    }
    assert!(hub.log(0).is_empty());
}

#[test]
fn a_life_that_is_over_stays_over() {
    let mut leaf = leaf("leaf", 1);
    let (mut old, mut new) = (Puppet::new(9, 5), Puppet::new(9, 3));
    let say = |puppet: &mut Puppet, n| puppet.say(&[Frame::Data(data(LOOSE, n, "x"))]);
    let first: Vec<_> = (0..3).map(|n| say(&mut old, n)).collect();
    assert_eq!(told(&mut leaf, ms(100), 5, &first[0]).len(), 1);
    assert_eq!(told(&mut leaf, ms(200), 5, &say(&mut new, 0)).len(), 1);
    // Late ones, and some that come back for good.
    assert!(told(&mut leaf, ms(300), 5, &first[1]).is_empty());
    assert_eq!(told(&mut leaf, ms(1_300), 5, &say(&mut new, 1)).len(), 1);
    assert!(told(&mut leaf, ms(1_400), 5, &first[2]).is_empty());
    assert_eq!(leaf.counters().stale, 2);
    // The one that speaks alone is the member, in an open group.
    assert_eq!(told(&mut leaf, ms(9_000), 5, &say(&mut old, 3)).len(), 1);
    assert!(told(&mut leaf, ms(9_001), 5, &first[2]).is_empty());
}

#[test]
fn of_values_the_newest_wins_whatever_order_they_come_in() {
    let (mut leaf, mut puppet) = (leaf("leaf", 1), Puppet::new(9, 1));
    for channel in [COMMAND, LATEST] {
        let order = [3, 1, 5, 4, 5, 2];
        let heard: Vec<_> = order
            .into_iter()
            .flat_map(|n| {
                let text = n.to_string();
                told(
                    &mut leaf,
                    ms(100),
                    5,
                    &puppet.say(&[Frame::Data(data(channel, n, &text))]),
                )
            })
            .collect();
        assert_eq!(heard, [": 3", ": 5"]);
    }
    // The numbers of Latest and of State are two, and of a new life they begin anew.
    let mut again = Puppet::new(9, 2);
    let octets = again.say(&[Frame::Data(data(COMMAND, 0, "0"))]);
    assert_eq!(told(&mut leaf, ms(2_000), 5, &octets), [": 0"]);
    assert_eq!(leaf.counters().values_old, 8);
}

/// PROTOCOL E4
#[test]
fn reliable_messages_are_counted_and_told_once_and_fragments_are_dropped() {
    let (mut leaf, mut puppet) = (leaf("leaf", 1), Puppet::new(9, 1));
    let octets = puppet.say(&[
        Frame::Data(data(ORDERED, 0, "x")),
        Frame::Data(data(ORDERED, 1, "x")),
        Frame::Data(Data {
            last: 1,
            ..data(LOOSE, 0, "x")
        }),
        Frame::Data(Data {
            last: 1,
            ..data(COMMAND, 2, "x")
        }),
        Frame::Data(data(LOOSE, 2, "y")),
    ]);
    let log = told(&mut leaf, ms(100), 5, &octets);
    assert_eq!(log.len(), 2, "{log:?}");
    assert!(log[0].starts_with("ReliableDropped") && log[1] == ": y");
    let counters = leaf.counters();
    assert_eq!(
        (counters.reliable_dropped, counters.fragments_no_room),
        (2, 1)
    );
    assert_eq!(counters.frames_malformed, 1);
}

#[test]
fn raw_datagrams_come_and_go_and_its_own_are_not_heard() {
    let mut hub = Hub::with(&["ana"]);
    hub.hear(5, 0, b"hello");
    assert_eq!(hub.log(0), ["raw: hello"]);
    let mut leaf = leaf("leaf", 1);
    leaf.set_local_address(address(3));
    assert!(told(&mut leaf, ms(1), 3, b"mine").is_empty());
    assert_eq!(told(&mut leaf, ms(1), 4, b"theirs"), ["raw: theirs"]);
    assert!(told(&mut leaf, ms(1), 4, b"").is_empty());
    assert_eq!(
        (
            leaf.counters().own,
            leaf.counters().raw,
            leaf.counters().empty
        ),
        (1, 1, 1)
    );
}

/// It hears what it sends, where the network gives it back.
#[test]
fn its_own_datagrams_are_its_own() {
    let mut leaf = leaf("leaf", 1);
    let mut buffer = [0; 512];
    leaf.queue(ms(1), LOOSE, b"x").unwrap();
    let len = leaf.poll_transmit(ms(1), &mut buffer).unwrap().unwrap().len;
    assert!(told(&mut leaf, ms(2), 3, &buffer[..len]).is_empty());
    assert_eq!(leaf.counters().own, 1);
    assert!(
        told(&mut leaf, ms(2), 3, b"raw").is_empty(),
        "its address is known now"
    );
}

/// PROTOCOL W18: each is counted as what it is.
#[test]
fn what_is_wrong_with_a_datagram_is_counted() {
    let (mut leaf, mut puppet) = (leaf("leaf", 1), Puppet::new(9, 1));
    let sound = puppet.say(&[Frame::Data(data(LOOSE, 0, "x"))]);
    let mut hear = |octets: &[u8]| told(&mut leaf, ms(1), 3, octets);
    assert!(hear(&[0xc1; 20]).is_empty());
    assert!(hear(&[0xc1; 513]).is_empty());
    for (at, octet) in [(1, 0x20), (1, 0x15), (2, 9), (7, 0), (38, 9)] {
        let mut octets = sound.clone();
        octets[at] = octet;
        if at == 7 {
            octets[4..8].fill(0);
        }
        assert!(hear(&octets).is_empty(), "{at}");
    }
    let counters = leaf.counters();
    assert_eq!(
        [
            counters.truncated,
            counters.oversized,
            counters.wrong_version,
            counters.wrong_suite,
            counters.other_group,
            counters.malformed,
            counters.corrupt
        ],
        [1; 7]
    );
}

/// PROTOCOL V4, E5: a command by State reaches who was not there when it was given, or did not hear it.
#[test]
fn a_value_that_was_given_before_is_asked_for() {
    let mut hub = Hub::with(&["ana", "ben"]);
    hub.say(1, COMMAND, "open");
    hub.run(5_000);
    assert_eq!(hub.log(0), [": open"]);
    let late = hub.join(leaf("late", 9));
    hub.run(3_000);
    assert_eq!(hub.log(late), [": open"]);
    assert_eq!(hub.count(late, "Ask"), 1);
    // Nothing of ana reaches it for a while, and so the value does not either.
    hub.fate = Box::new(move |from, to, _| usize::from((from, to) != (1, late)));
    hub.say(1, COMMAND, "shut");
    hub.run(9_000);
    assert!(hub.log(late).is_empty());
    hub.fate = Box::new(|_, _, _| 1);
    hub.run(3_000);
    assert_eq!(hub.log(late), [": shut"]);
}

fn asks(leaf: &mut Leaf<512, 4, 256>, from: u64, to: u64) -> usize {
    times(&watch(leaf, from, to), "Ask").len()
}

#[test]
fn it_asks_for_values_sixteen_times_and_anew_when_one_comes() {
    let (mut leaf, mut puppet) = (leaf("leaf", 1), Puppet::new(9, 1));
    watch(&mut leaf, 10, 3_000);
    let mut asked = 0;
    for n in 0..40 {
        let at = 3_000 + n * 100;
        told(&mut leaf, ms(at), 5, &puppet.say(&[sync(7, 2)]));
        asked += asks(&mut leaf, at, at + 100);
    }
    assert_eq!(asked, 16);
    // One of the two comes, and it asks for the other one.
    let answer = Data {
        repair: true,
        horizon: 255,
        ..data(COMMAND, 3, "x")
    };
    assert_eq!(
        told(&mut leaf, ms(8_000), 5, &puppet.say(&[Frame::Data(answer)])),
        [": x"]
    );
    told(&mut leaf, ms(8_001), 5, &puppet.say(&[sync(7, 2)]));
    assert_eq!(asks(&mut leaf, 8_001, 8_100), 1);
    let other = Frame::Data(Data {
        channel: 9,
        sequence: 6,
        ..answer
    });
    told(&mut leaf, ms(8_100), 5, &puppet.say(&[other]));
    told(&mut leaf, ms(8_101), 5, &puppet.say(&[sync(7, 2)]));
    assert_eq!(asks(&mut leaf, 8_101, 8_200), 0);
    // It goes on: the next one is heard, and the one after that is lost.
    told(
        &mut leaf,
        ms(8_200),
        5,
        &puppet.say(&[Frame::Data(data(COMMAND, 7, "y"))]),
    );
    told(&mut leaf, ms(8_201), 5, &puppet.say(&[sync(8, 2)]));
    assert_eq!(asks(&mut leaf, 8_201, 8_300), 0);
    told(&mut leaf, ms(8_300), 5, &puppet.say(&[sync(9, 2)]));
    assert_eq!(asks(&mut leaf, 8_300, 8_400), 1);
}

/// PROTOCOL V5
#[test]
fn who_hears_that_somebody_else_asks_waits_for_the_answer() {
    let mut puppet = Puppet::new(9, 1);
    let sync = puppet.say(&[sync(7, 2)]);
    let ask = Frame::Ask(Ask {
        target: 9,
        session: 1,
    });
    let ask = Puppet::new(10, 1).say(&[ask]);
    let first_of = |hears: bool| {
        let mut leaf = leaf("leaf", 1);
        watch(&mut leaf, 10, 3_000);
        told(&mut leaf, ms(3_000), 5, &sync);
        if hears {
            told(&mut leaf, ms(3_000), 6, &ask);
        }
        times(&watch(&mut leaf, 3_000, 3_100), "Ask")[0]
    };
    assert!(first_of(false) < 3_004);
    assert!(first_of(true) >= 3_010);
}

#[test]
fn who_left_is_not_heard_until_it_starts_again() {
    let (mut leaf, mut puppet) = (leaf("leaf", 1), Puppet::new(9, 1));
    let bye = puppet.say(&[
        Frame::Data(data(LOOSE, 0, "x")),
        Frame::Bye(Bye { reason: 0 }),
    ]);
    assert_eq!(told(&mut leaf, ms(100), 5, &bye).len(), 1);
    let late = puppet.say(&[Frame::Data(data(LOOSE, 1, "y"))]);
    assert!(told(&mut leaf, ms(200), 5, &late).is_empty());
    let again = Puppet::new(9, 2).say(&[Frame::Data(data(LOOSE, 0, "z"))]);
    assert_eq!(told(&mut leaf, ms(300), 5, &again), [": z"]);
}

#[test]
fn events_are_polled_before_the_next_datagram() {
    let (mut leaf, mut puppet) = (leaf("leaf", 1), Puppet::new(9, 1));
    let from: SocketAddr = address(3);
    let octets = puppet.say(&[Frame::Data(data(LOOSE, 0, "x"))]);
    leaf.handle(ms(1), from, &octets).unwrap();
    assert!(leaf.handle(ms(1), from, &octets).is_err());
    assert_eq!(leaf.next_deadline(), Some(ms(1)));
    assert!(leaf.poll_event().is_some() && leaf.poll_event().is_none());
    assert!(leaf.handle(ms(1), from, &octets).is_ok());
}

#[test]
fn channels_that_do_not_matter_are_not_delivered() {
    let mut leaf = Leaf::<512, 4, 256>::new(config("leaf"), [1; 32]).unwrap();
    leaf.set_channels(2..=3);
    let mut puppet = Puppet::new(9, 1);
    let heard: Vec<_> = (0..6)
        .flat_map(|n| {
            let text = n.to_string();
            let frame = Frame::Data(data(Channel::best_effort(n), n.into(), &text));
            told(&mut leaf, ms(1), 5, &puppet.say(&[frame]))
        })
        .collect();
    assert_eq!(heard, [": 2", ": 3"]);
}
