//! Members that take no reliable streams (PROTOCOL E3, E4, E5), and what others do with them.

use core::time::Duration;

use groupcast::wire::{self, Ask, Bye, Data, Frame, Hello, Sync};
use groupcast::{Channel, Config, Destination, Group, Instant, Memory, Pace, Sequence, Storage};

use crate::hub::{Hub, Puppet, Room, address, config, data, drain, hear, hello, ms};

/// Room for two others and their values, and for datagrams of 512 bytes.
pub(crate) type Sensor = Storage<8, 0, 0, 4, 600, 513, { groupcast::Sends::UNLIMITED }>;

pub(crate) const VALUE: Channel = Channel::state(1);
pub(crate) const ORDERED: Channel = Channel::reliable_ordered(2);
const LOOSE: Channel = Channel::best_effort(3);

pub(crate) type Any = &'static mut dyn Memory;

pub(crate) fn anybody<M: Memory + 'static>(memory: M, config: Config, seed: u8) -> Group<Any> {
    Group::new(Box::leak(Box::new(memory)) as Any, config, [seed; 32]).unwrap()
}

fn sensor(seed: u8) -> Group<Sensor> {
    Group::new(Sensor::new(), config("sen"), [seed; 32]).unwrap()
}

/// Two members with streams and a sensor, which know each other.
fn group(pace: Pace) -> Hub<Any> {
    let mut hub = Hub::empty();
    hub.join(anybody(Room::new(), config("ana").with_pace(pace), 1));
    hub.join(anybody(Room::new(), config("ben"), 2));
    hub.join(anybody(Sensor::new(), config("sen"), 3));
    hub.run(Duration::from_secs(4));
    for n in 0..3 {
        hub.log(n);
    }
    hub
}

fn send(hub: &mut Hub<Any>, channel: Channel, payload: &[u8]) -> u32 {
    let now = hub.now;
    let sequence = hub.group(0).queue(now, channel, payload).unwrap();
    sequence.get()
}

/// The frames that a member sends, until it has nothing more to do before `end`.
fn says<M: Memory>(group: &mut Group<M>, from: Instant, end: Instant) -> Vec<(Instant, String)> {
    let mut said = Vec::new();
    let (mut now, mut buffer) = (from, [0; 1472]);
    while now < end {
        while let Some(transmit) = group.poll_transmit(now, &mut buffer).unwrap() {
            let (_, frames) = wire::parse(&buffer[..transmit.len]).unwrap();
            said.extend(frames.map(|frame| (now, format!("{:?}", frame.unwrap()))));
        }
        drain(group, &mut Vec::new());
        now = now.max(group.next_deadline().unwrap()) + Duration::from_micros(1);
    }
    said
}

/// When it asks for values.
fn asks<M: Memory>(group: &mut Group<M>, from: Instant, end: Instant) -> Vec<Instant> {
    let said = says(group, from, end).into_iter();
    let asks = said.filter(|(_, frame)| frame.starts_with("Ask"));
    asks.map(|(at, _)| at).collect()
}

fn value(channel: u8, sequence: u32) -> Data<'static> {
    Data {
        class: 3,
        channel,
        sequence,
        horizon: 9,
        ..data("x")
    }
}

fn command(sequence: u32) -> Data<'static> {
    Data {
        class: 2,
        sequence,
        horizon: 9,
        ..data("c")
    }
}

/// As it is sent when somebody asked for values.
fn answer(channel: u8, sequence: u32) -> Data<'static> {
    Data {
        repair: true,
        horizon: 255,
        ..value(channel, sequence)
    }
}

fn stands_at(next: u32, states: u8) -> Frame<'static> {
    Frame::Sync(Sync {
        next,
        low: 0,
        round_trip: 0,
        group_size: 0,
        states,
    })
}

/// PROTOCOL E3, E4
#[test]
fn what_a_member_without_streams_drops_is_counted_and_told_once() {
    let mut hub = group(Pace::WIRED);
    hub.record = Some(Vec::new());
    send(&mut hub, ORDERED, b"one");
    send(&mut hub, LOOSE, b"two");
    send(&mut hub, VALUE, b"three");
    send(&mut hub, Channel::reliable_unordered(4), b"four");
    hub.run(Duration::from_secs(3));
    let ana = hub.group(0).id();
    let log = hub.log(2);
    assert_eq!(log.len(), 3, "{log:?}");
    assert!(
        log[0].starts_with("ReliableDropped")
            && log[0].contains(&format!("{ana:?}"))
            && log[0].contains(&format!("{ORDERED:?}")),
        "{log:?}"
    );
    assert_eq!(log[1..], ["ana: two", "ana: three"]);
    // Both, and the last one with each heartbeat.
    let dropped = hub.group(2).counters().reliable_dropped;
    assert!((4..12).contains(&dropped), "{dropped}");
    assert_eq!(hub.group(2).counters().frames_malformed, 0);
    let mut capabilities = Vec::new();
    for (from, to, datagram) in hub.record.take().unwrap() {
        let (_, frames) = wire::parse(&datagram).unwrap();
        for frame in frames.flatten() {
            let to_sensor = to == Destination::Peer(address(3));
            match frame {
                Frame::Hello(hello) => {
                    capabilities.push((from, hello.capabilities, hello.takes_streams()));
                    assert!(from != 2 || !hello.probe, "it asks for no START");
                    assert_eq!(from == 2, hello.max_message == 0);
                }
                Frame::Nack(_) | Frame::Ack(_) | Frame::Ask(_) if from == 2 => {
                    panic!("a member without streams says {frame:?}")
                }
                Frame::Start(start) => {
                    let sensor = hub.group(2).id().get();
                    assert!(start.target != sensor && !to_sensor, "{start:?}");
                }
                _ => {}
            }
        }
    }
    capabilities.sort_unstable();
    capabilities.dedup();
    assert_eq!(
        capabilities,
        [(0, 0, true), (1, 0, true), (2, Hello::NO_STREAMS, false)]
    );
}

/// PROTOCOL E3: members of today and tomorrow live together.
#[test]
fn capabilities_that_are_not_known_say_nothing() {
    let mut ana = Group::new(Room::new(), config("ana"), [1; 32]).unwrap();
    for (id, capabilities, takes, is_bridge) in [
        (7, 0xfffe, true, true),
        (8, 0xfffb, false, false),
        (9, 0, true, false),
    ] {
        let hello = Hello {
            capabilities,
            interval: 100,
            ..hello("ben")
        };
        let hello = Puppet::new(id, 1).say(&[Frame::Hello(hello)]);
        assert_eq!(hear(&mut ana, ms(5), &hello), ["ben joined"]);
        let member = ana.peers().find(|member| member.id().get() == id);
        let member = member.unwrap();
        assert_eq!(
            (member.takes_reliable(), member.is_bridge()),
            (takes, is_bridge)
        );
    }
}

/// PROTOCOL E4, W20: also of a sender for whom there is no place on the roster.
#[test]
fn reliable_messages_of_strangers_are_dropped_too_and_values_are_not() {
    let memory = Storage::<1, 0, 0, 4, 600, 513>::new();
    let mut sen = Group::new(memory, config("sen"), [1; 32]).unwrap();
    hear(&mut sen, ms(5), &Puppet::new(7, 1).hello("ana"));
    let frames = [Frame::Data(command(0)), Frame::Data(value(1, 1))];
    let log = hear(&mut sen, ms(6), &Puppet::new(8, 1).say(&frames));
    assert_eq!(log.len(), 3, "{log:?}");
    assert!(log[0].starts_with("full"), "{log:?}");
    assert!(log[1].starts_with("ReliableDropped"), "{log:?}");
    assert_eq!(log[2], ": x");
    assert_eq!(sen.counters().reliable_dropped, 1);
}

/// PROTOCOL E4, V1
#[test]
fn values_are_taken_by_their_number_as_copies_and_repairs_too() {
    let mut sen = sensor(1);
    let mut ana = Puppet::new(7, 1);
    hear(&mut sen, ms(5), &ana.hello("ana"));
    let mut takes = |data: Data<'_>| {
        let log = hear(&mut sen, ms(6), &ana.say(&[Frame::Data(data)]));
        log == ["ana: x"]
    };
    let copy = |data| Data { copy: true, ..data };
    let repair = |data| Data {
        repair: true,
        ..data
    };
    assert!(takes(value(1, 5)));
    assert!(!takes(value(1, 5)) && !takes(copy(value(1, 5))));
    assert!(!takes(repair(value(1, 4))), "older");
    assert!(takes(repair(value(2, 4))), "another channel");
    assert!(takes(copy(value(1, 6))), "a copy that is newer");
    assert!(takes(repair(value(1, 9))), "a repair that is newer");
    assert!(!takes(answer(1, 8)) && takes(answer(1, 10)));
    assert!(
        !takes(value(1, 11 + (1 << 31))),
        "half way round and further"
    );
    assert_eq!(sen.counters().values_old, 5);
}

/// PROTOCOL E4, W20
#[test]
fn there_is_no_room_for_best_effort_in_fragments() {
    let mut sen = sensor(1);
    let mut ana = Puppet::new(7, 1);
    hear(&mut sen, ms(5), &ana.hello("ana"));
    for fragment in 0..2 {
        let piece = Data {
            fragment,
            last: 1,
            sequence: u32::from(fragment),
            ..data("x")
        };
        assert!(hear(&mut sen, ms(6), &ana.say(&[Frame::Data(piece)])).is_empty());
    }
    let counters = sen.counters();
    assert_eq!(
        (counters.fragments_no_room, counters.partials_evicted),
        (2, 0)
    );
}

/// PROTOCOL E5: a number that was not heard may have been a value, though what came behind it was.
#[test]
fn whoever_misses_a_number_asks_for_values_and_who_misses_none_does_not() {
    let mut sen = sensor(1);
    let mut ana = Puppet::new(7, 1);
    hear(&mut sen, ms(5), &ana.hello("ana"));
    let sound = [value(1, 0), value(2, 1), command(2), command(3)].map(Frame::Data);
    hear(&mut sen, ms(1_000), &ana.say(&sound));
    hear(&mut sen, ms(1_001), &ana.say(&[stands_at(4, 2)]));
    assert!(asks(&mut sen, ms(1_001), ms(2_000)).is_empty());

    // Number 4 is lost.
    let behind = [Frame::Data(command(5)), stands_at(6, 2)];
    hear(&mut sen, ms(2_000), &ana.say(&behind));
    assert_eq!(asks(&mut sen, ms(2_000), ms(2_900)).len(), 1);
    // As long as nobody answers, it asks again, though the number is the same.
    hear(&mut sen, ms(2_900), &ana.say(&[stands_at(6, 2)]));
    assert_eq!(asks(&mut sen, ms(2_900), ms(3_900)).len(), 1);
    let one = [Frame::Data(answer(1, 4)), stands_at(6, 2)];
    assert_eq!(hear(&mut sen, ms(3_900), &ana.say(&one)), ["ana: x"]);
    assert_eq!(asks(&mut sen, ms(3_900), ms(4_900)).len(), 1, "one of two");
    // The other value is the one it knows, and so it need not come again.
    let other = [Frame::Data(answer(2, 1)), stands_at(6, 2)];
    assert!(hear(&mut sen, ms(4_900), &ana.say(&other)).is_empty());
    assert!(asks(&mut sen, ms(4_900), ms(5_900)).is_empty());
    // A number that was heard counts, whatever it was.
    let next = [Frame::Data(command(6)), stands_at(7, 2)];
    hear(&mut sen, ms(5_900), &ana.say(&next));
    assert!(asks(&mut sen, ms(5_900), ms(6_900)).is_empty());
}

/// PROTOCOL E5: what was sent before something was lost may not be the newest.
#[test]
fn a_late_value_is_no_reason_not_to_ask_for_the_one_behind_it() {
    let mut sen = sensor(1);
    let mut ana = Puppet::new(7, 1);
    hear(&mut sen, ms(5), &ana.hello("ana"));
    hear(&mut sen, ms(1_000), &ana.say(&[Frame::Data(value(1, 0))]));
    // Number 1 is late, and 2 is lost, both of the same channel; so is what is asked for then.
    hear(&mut sen, ms(1_010), &ana.say(&[stands_at(3, 1)]));
    assert_eq!(asks(&mut sen, ms(1_010), ms(1_500)).len(), 1);
    let late = [Frame::Data(value(1, 1)), stands_at(3, 1)];
    assert_eq!(hear(&mut sen, ms(1_500), &ana.say(&late)), ["ana: x"]);
    assert_eq!(asks(&mut sen, ms(1_500), ms(2_000)).len(), 1);
    // One that was sent later is the newest.
    let new = [Frame::Data(value(1, 3)), stands_at(4, 1)];
    assert_eq!(hear(&mut sen, ms(2_000), &ana.say(&new)), ["ana: x"]);
    assert!(asks(&mut sen, ms(2_000), ms(2_500)).is_empty());
}

/// PROTOCOL E5, V4: and a latecomer, who knows none.
#[test]
fn whoever_does_not_know_all_values_asks_16_times_at_once_and_then_seldom() {
    let mut sen = sensor(1);
    let mut ana = Puppet::new(7, 1);
    hear(&mut sen, ms(5), &ana.hello("ana"));
    let mut waits = Vec::new();
    for round in 1..=20 {
        let at = ms(round * 10_000);
        hear(&mut sen, at, &ana.say(&[stands_at(3, 1)]));
        // Said again, nothing comes of it while it is to be asked.
        hear(&mut sen, at, &ana.say(&[stands_at(3, 1)]));
        let (soon, late) = (at + Duration::from_secs(2), at + Duration::from_secs(5));
        let mut asked = asks(&mut sen, at, soon);
        hear(&mut sen, soon, &ana.hello("ana"));
        asked.extend(asks(&mut sen, soon, late));
        assert_eq!(asked.len(), 1, "round {round}");
        waits.push(asked[0].since(at));
        hear(&mut sen, late, &ana.hello("ana"));
    }
    let (often, seldom) = waits.split_at(16);
    assert!(
        often.iter().all(|wait| *wait < Duration::from_millis(100)),
        "{often:?}"
    );
    let four = Duration::from_secs(4)..Duration::from_millis(4_100);
    assert!(seldom.iter().all(|wait| four.contains(wait)), "{seldom:?}");
    // An answer says that it is heard.
    let one = [Frame::Data(answer(1, 2)), stands_at(4, 1)];
    hear(&mut sen, ms(210_000), &ana.say(&one));
    assert_eq!(asks(&mut sen, ms(210_000), ms(211_000)).len(), 1);
}

/// PROTOCOL E5: nobody who lacks room asks for ever, but for what was lost, seldom.
#[test]
fn whoever_has_no_room_for_all_values_stops_to_ask_for_them() {
    let memory = Storage::<2, 0, 0, 4, 600, 513>::new();
    let mut sen = Group::new(memory, config("sen"), [1; 32]).unwrap();
    let mut ana = Puppet::new(7, 1);
    hear(&mut sen, ms(5), &ana.hello("ana"));
    let mut asked = 0;
    for round in 1..=40 {
        let at = ms(round * 1_000);
        let values = [1, 2, 3].map(|channel| Frame::Data(answer(channel, u32::from(channel))));
        hear(&mut sen, at, &ana.say(&values));
        hear(&mut sen, at, &ana.say(&[stands_at(4, 3)]));
        hear(&mut sen, at, &ana.hello("ana"));
        asked += asks(&mut sen, at, at + Duration::from_millis(900)).len();
    }
    assert_eq!(asked, 16);
}

/// PROTOCOL V5
#[test]
fn who_hears_another_ask_waits_for_the_answer() {
    let mut sen = sensor(1);
    let mut ana = Puppet::new(7, 1);
    hear(&mut sen, ms(5), &ana.hello("ana"));
    hear(&mut sen, ms(1_000), &ana.say(&[stands_at(3, 1)]));
    let ask = Frame::Ask(Ask {
        target: 7,
        session: 1,
    });
    let mut ben = Puppet::new(8, 1);
    for millis in 1_000..1_200 {
        if millis % 5 == 0 {
            hear(&mut sen, ms(millis), &ben.say(&[ask]));
        }
        assert!(asks(&mut sen, ms(millis), ms(millis + 1)).is_empty());
    }
    assert_eq!(asks(&mut sen, ms(1_200), ms(1_900)).len(), 1);
}

/// PROTOCOL V5
#[test]
fn who_hears_another_ask_asks_never_sooner_nor_later_because_of_another_life() {
    let (mut sen, mut ana, mut ben) = (sensor(1), Puppet::new(7, 1), Puppet::new(8, 1));
    hear(&mut sen, ms(5), &ana.hello("ana"));
    for round in 1..=17 {
        let at = round * 10_000;
        hear(&mut sen, ms(at), &ana.say(&[stands_at(3, 1)]));
        let ask = Frame::Ask(Ask {
            target: 7,
            session: if round > 16 { 1 } else { 2 },
        });
        hear(&mut sen, ms(at), &ben.say(&[ask]));
        // Sixteen times at once, with a round trip of 10 ms; then 4 s later.
        let (soon, late) = (ms(at + 7), ms(at + 3_000));
        let asked = asks(&mut sen, ms(at), soon).len();
        assert_eq!(asked, usize::from(round <= 16), "round {round}");
        // Another sender has it look whom to ask.
        let mut cho = Puppet::new(100 + round as u32, 1);
        let looks = ms(at + 20);
        hear(&mut sen, looks, &cho.hello("cho"));
        hear(&mut sen, looks, &cho.say(&[stands_at(1, 1)]));
        assert_eq!(asks(&mut sen, looks, late).len(), 1, "round {round}");
        hear(&mut sen, late, &ana.hello("ana"));
        assert!(asks(&mut sen, late, ms(at + 3_900)).is_empty());
        let later = asks(&mut sen, ms(at + 3_900), ms(at + 5_000)).len();
        assert_eq!(later, usize::from(round > 16));
        for second in 5..=9 {
            hear(&mut sen, ms(at + 1_000 * second), &ana.hello("ana"));
        }
    }
}

/// PROTOCOL R8, E5
#[test]
fn what_is_told_to_one_member_alone_is_no_reason_to_ask() {
    let mut sen = sensor(1);
    let mut ana = Puppet::new(7, 1);
    hear(&mut sen, ms(5), &ana.hello("ana"));
    ana.counter |= 1 << 47;
    hear(&mut sen, ms(1_000), &ana.say(&[stands_at(3, 1)]));
    assert!(asks(&mut sen, ms(1_000), ms(1_900)).is_empty());
}

/// PROTOCOL E4: nothing of a stream is missing that is not taken, and so nothing is told of its end.
#[test]
fn the_end_of_a_sender_is_no_gap() {
    let mut hub = group(Pace::WIRED);
    send(&mut hub, ORDERED, b"one");
    hub.run(Duration::from_millis(1));
    hub.log(2);
    hub.cut_off.push(2);
    send(&mut hub, VALUE, b"two");
    hub.run(Duration::from_millis(20));
    send(&mut hub, ORDERED, b"three");
    hub.run(Duration::from_millis(20));
    hub.cut_off.clear();
    hub.run(Duration::from_secs(2));
    assert_eq!(hub.log(2), ["ana: two"], "a value that was lost comes");
    let now = hub.now;
    hub.group(0).leave(now);
    hub.run(Duration::from_secs(1));
    assert_eq!(hub.log(2), ["ana left"]);
    assert_eq!(hub.group(2).counters().gaps, 0);
}

/// PROTOCOL E4, E5: what was heard of an earlier life says nothing of the present one.
#[test]
fn a_sender_that_restarts_is_heard_anew_and_its_end_is_no_gap() {
    let mut sen = sensor(1);
    let mut ana = Puppet::new(7, 1);
    hear(&mut sen, ms(5), &ana.hello("ana"));
    hear(&mut sen, ms(1_000), &ana.say(&[stands_at(24, 1)]));
    assert_eq!(asks(&mut sen, ms(1_000), ms(2_000)).len(), 1);
    let mut ana = Puppet::new(7, 99);
    assert_eq!(
        hear(&mut sen, ms(2_000), &ana.hello("ana")),
        ["ana restarted"]
    );
    assert_eq!(
        hear(&mut sen, ms(2_001), &ana.say(&[Frame::Data(value(1, 3))])),
        ["ana: x"]
    );
    hear(&mut sen, ms(2_002), &ana.say(&[stands_at(4, 1)]));
    assert!(asks(&mut sen, ms(2_002), ms(3_000)).is_empty());
    let bye = ana.say(&[stands_at(9, 1), Frame::Bye(Bye::LEFT)]);
    assert_eq!(hear(&mut sen, ms(3_000), &bye), ["ana left"]);
    assert_eq!(sen.counters().gaps, 0);
}

/// PROTOCOL E3, S13
#[test]
fn nobody_waits_for_the_confirmation_of_who_takes_no_streams() {
    let mut hub = group(Pace::WIRED);
    let sequence = send(&mut hub, ORDERED, b"one");
    hub.record = Some(Vec::new());
    let now = hub.now;
    hub.group(0).confirm(now, Sequence::new(sequence)).unwrap();
    hub.run(Duration::from_secs(2));
    let log = hub.log(0);
    assert_eq!(log.len(), 1, "{log:?}");
    assert!(log[0].starts_with("Confirmed") && log[0].contains("\"ben\""));
    let questions = hub
        .record
        .take()
        .unwrap()
        .into_iter()
        .filter(|(_, _, sent)| {
            let (_, mut frames) = wire::parse(sent).unwrap();
            frames.any(
                |frame| matches!(frame, Ok(Frame::AckRequest(request)) if request.spread <= 10),
            )
        });
    assert_eq!(questions.count(), 1, "who all can answer have answered");
    let ana = hub.group(0);
    let mut said: Vec<_> = ana
        .peers()
        .map(|member| {
            (
                member.name(),
                member.takes_reliable(),
                ana.lacks(member.id()),
            )
        })
        .collect();
    said.sort_unstable();
    assert_eq!(said, [("ben", true, false), ("sen", false, false)]);
}

/// PROTOCOL E3, S10
#[test]
fn no_sender_waits_for_who_takes_no_streams() {
    for cut_off in [None, Some(1)] {
        let mut hub = group(Pace::UNLIMITED);
        let start = hub.now;
        if let Some(ben) = cut_off {
            // Nobody is left who takes any.
            let now = hub.now;
            hub.group(ben).leave(now);
            hub.run(Duration::from_secs(1));
        }
        let began = hub.now;
        let mut sent = 0;
        while sent < 1_000 && hub.now < start + Duration::from_secs(10) {
            let now = hub.now;
            match hub.group(0).queue(now, ORDERED, &[7; 64]) {
                Ok(_) => sent += 1,
                Err(_) => hub.run(Duration::from_micros(100)),
            }
        }
        let took = hub.now.since(began);
        assert!(took < Duration::from_millis(150), "{cut_off:?}: {took:?}");
    }
}

/// PROTOCOL E3: it takes no streams, but may send one.
#[test]
fn who_takes_no_streams_sends_reliably() {
    let mut hub = group(Pace::WIRED);
    let mut expected = Vec::new();
    for n in 0..100 {
        let now = hub.now;
        let text = format!("{n}");
        if n % 10 == 5 {
            hub.cut_off.push(2);
        }
        let sequence = hub.group(2).queue(now, ORDERED, text.as_bytes()).unwrap();
        hub.run(Duration::from_millis(20));
        hub.cut_off.clear();
        expected.push(format!("sen: {text}"));
        if n == 99 {
            let now = hub.now;
            hub.group(2).confirm(now, sequence).unwrap();
        }
    }
    hub.run(Duration::from_secs(2));
    assert_eq!(hub.log(0), expected);
    assert_eq!(hub.log(1), expected);
    let log = hub.log(2);
    assert_eq!(log.len(), 2, "{log:?}");
    assert!(
        log.iter().all(|line| line.starts_with("Confirmed")),
        "{log:?}"
    );
    assert!(hub.group(2).counters().repairs_sent > 0);
}
