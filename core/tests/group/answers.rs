//! What strangers of an open group can make members send: not much.

use core::time::Duration;

use groupcast::wire::{self, AckRequest, Ask, Bye, Data, Frame, Hello, Nack};
use groupcast::{Channel, Config, Destination, Group, Memory, Pace, Storage};

use crate::hub::{self, Hub, Puppet, Room, address, config, data, hear, hello, member, ms};

const MEMBER: u8 = 99;

fn probe() -> Frame<'static> {
    Frame::Hello(Hello {
        probe: true,
        interval: 100,
        ..hello("nobody")
    })
}

fn sync(next: u32) -> Frame<'static> {
    hub::sync(next, 0)
}

fn ack_request() -> Frame<'static> {
    Frame::AckRequest(AckRequest {
        sequence: 0,
        spread: 0,
    })
}

fn value(sequence: u32) -> Frame<'static> {
    Frame::Data(Data {
        class: 2,
        sequence,
        ..data("x")
    })
}

/// Sends what is due, and counts what goes to one member and what to the group.
fn sent<M: Memory>(group: &mut Group<M>, at: u64) -> (usize, usize) {
    let (mut buffer, mut one, mut all) = ([0; 1472], 0, 0);
    while let Some(transmit) = group.poll_transmit(ms(at), &mut buffer).unwrap() {
        match transmit.to {
            Destination::Group => all += 1,
            Destination::Peer(_) => one += 1,
        }
    }
    (one, all)
}

/// Answers to 1,000 datagrams in 2 s, one of each id.
fn answers(frames: impl Fn(u32) -> Vec<Frame<'static>>) -> usize {
    let mut ana = member(config("ana"), 1);
    ana.handle_timeout(ms(0));
    sent(&mut ana, 1_000);
    let mut answers = 0;
    for n in 0..1_000 {
        let at = 1_000 + 2 * u64::from(n);
        hear(&mut ana, ms(at), &Puppet::new(1_000 + n, 1).say(&frames(n)));
        answers += sent(&mut ana, at).0;
    }
    answers
}

/// PROTOCOL M33.
#[test]
fn made_up_ids_share_twenty_answers_a_second() {
    let floods = [
        ("PROBE", answers(|_| vec![probe()])),
        (
            "BYE and PROBE",
            answers(|_| vec![Frame::Bye(Bye::LEFT), probe()]),
        ),
        ("DATA", answers(|_| vec![Frame::Data(data("x"))])),
        (
            "ACKREQ",
            answers(|n| {
                let bye = Frame::Bye(Bye::LEFT);
                let ask = [Frame::Hello(hello("x")), sync(n), value(n), ack_request()];
                let ask = ask.into_iter();
                // Their places are free again, and their streams.
                ask.chain((n % 2 == 0).then_some(bye)).collect()
            }),
        ),
        (
            "all of them",
            answers(|_| vec![Frame::Bye(Bye::LEFT), probe(), value(0), ack_request()]),
        ),
    ];
    for (name, answers) in floods {
        assert!(answers <= 61, "{name}: {answers}");
    }
    assert!(floods[0].1 >= 8, "some are answered");
    assert!(floods[1].1 >= 55, "some are answered: {floods:?}");
}

/// PROTOCOL M32, M33.
#[test]
fn made_up_ids_that_are_kept_up_share_them_too_at_first() {
    let mut ana = member(config("ana"), 1);
    ana.handle_timeout(ms(0));
    sent(&mut ana, 1_000);
    let mut puppets: Vec<_> = (0..8).map(|n| Puppet::new(1_000 + n, 1)).collect();
    let mut answers = 0;
    for n in 0..1_000 {
        let at = 1_000 + 2 * n as u64;
        hear(&mut ana, ms(at), &puppets[n % 8].say(&[probe()]));
        answers += sent(&mut ana, at).0;
    }
    assert!((55..=61).contains(&answers), "{answers}");
}

/// PROTOCOL S12.
#[test]
fn one_id_that_asks_who_has_what_is_not_answered_each_time() {
    for (later, most) in [(0, 115), (10_000, 110)] {
        let mut ana = member(config("ana"), 1);
        let mut ben = Puppet::new(7, 1);
        hear(&mut ana, ms(1_000), &ben.hello("ben"));
        for n in 0..later / 1_000 {
            hear(&mut ana, ms(1_000 + n * 1_000), &ben.hello("ben"));
            sent(&mut ana, 1_000 + n * 1_000);
        }
        let begin = 1_000 + later;
        hear(&mut ana, ms(begin), &ben.say(&[sync(0), value(0)]));
        let mut answers = 0;
        for n in 0..1_000 {
            hear(&mut ana, ms(begin + n), &ben.say(&[ack_request()]));
            answers += sent(&mut ana, begin + n).0;
        }
        assert!((20..=most).contains(&answers), "{answers} of {most}");
    }
}

/// PROTOCOL M34.
#[test]
fn a_new_sender_of_large_datagrams_is_told_at_once_who_has_them() {
    let mut ana = member(config("ana"), 1);
    let mut ben = Puppet::new(7, 1);
    hear(&mut ana, ms(1_000), &ben.hello("ben"));
    hear(&mut ana, ms(1_000), &ben.say(&[sync(0)]));
    let text = "x".repeat(512);
    let mut answers = 0;
    for n in 0..200 {
        let data = Data {
            class: 2,
            sequence: n,
            ..data(&text)
        };
        let request = Frame::AckRequest(AckRequest {
            sequence: n,
            spread: 0,
        });
        let at = 1_000 + u64::from(n);
        hear(&mut ana, ms(at), &ben.say(&[Frame::Data(data), request]));
        answers += sent(&mut ana, at).0;
    }
    assert_eq!(answers, 200);
}

/// Two members that know each other, and a flood of made-up ids, with nothing but unicast between them.
/// PROTOCOL M33.
#[test]
fn a_flood_of_made_up_ids_makes_nobody_look_lost_and_stops_no_confirmation() {
    let mut hub = Hub::new([config("ana"), config("ben")]);
    hub.run(Duration::from_secs(6));
    hub.log(0);
    hub.log(1);
    let commands = Channel::reliable_ordered(1);
    let sequence = hub.group(0).queue(ms(7_000), commands, b"open").unwrap();
    let mut id = 1_000;
    for step in 0..4_000 {
        // After two seconds in which they hear each other.
        hub.no_multicast = step > 1_000;
        id += 1;
        let flood = Puppet::new(id, 1).say(&[
            Frame::Bye(Bye::LEFT),
            probe(),
            Frame::Data(data("x")),
            value(0),
            ack_request(),
        ]);
        for n in 0..2 {
            let now = hub.now;
            hub.group(n).handle(now, address(MEMBER), &flood).unwrap();
            while hub.group(n).poll_event().is_some() {}
        }
        if step == 100 {
            let now = hub.now;
            hub.group(0).confirm(now, sequence).unwrap();
        }
        hub.run(Duration::from_millis(2));
        let lost = |line: &String| line.ends_with("lost") || line.ends_with("joined");
        for n in 0..2 {
            let log = hub.log(n);
            assert!(!log.iter().any(lost), "{log:?} at {step}");
            let confirmed = log.iter().any(|line| line.starts_with("Confirmed"));
            id += u32::from(confirmed && n == 0) * 1_000_000;
        }
    }
    assert_eq!(id, 1_000 + 4_000 + 1_000_000, "confirmed once");
    assert_eq!(hub.group(0).peers().count(), 1);
}

/// PROTOCOL M33.
#[test]
fn whoever_is_not_answered_hears_the_group_soon() {
    let mut ana = member(config("ana"), 1);
    ana.handle_timeout(ms(0));
    for at in 0..3_000 {
        sent(&mut ana, at);
    }
    for n in 0..100 {
        let flood = [Frame::Bye(Bye::LEFT), probe()];
        hear(&mut ana, ms(3_000), &Puppet::new(1_000 + n, 1).say(&flood));
        assert_eq!(sent(&mut ana, 3_000).0, usize::from(n < 20));
    }
    let hellos: usize = (3_000..3_600).map(|at| sent(&mut ana, at).1).sum();
    assert!(hellos >= 1);
}

/// PROTOCOL M5.
#[test]
fn many_newcomers_are_answered_together() {
    let mut ana = member(config("ana"), 1);
    ana.handle_timeout(ms(0));
    let mut hellos = 0;
    for n in 0..10_000 {
        let join = Frame::Hello(Hello {
            join: true,
            ..hello("new")
        });
        let flood = [Frame::Bye(Bye::LEFT), join];
        hear(
            &mut ana,
            ms(n),
            &Puppet::new(1_000 + n as u32, 1).say(&flood),
        );
        hellos += sent(&mut ana, n).1;
    }
    assert!((15..=55).contains(&hellos), "{hellos} in 10 s");
}

type Large = Storage<8, 2, 16, 20, 262_144, 1473, { groupcast::Sends::UNLIMITED }>;

fn octets_to_group<M: Memory>(group: &mut Group<M>, micros: u64) -> usize {
    let (mut buffer, mut octets) = ([0; 1472], 0);
    let now = groupcast::Instant::from_micros(micros);
    while let Some(transmit) = group.poll_transmit(now, &mut buffer).unwrap() {
        octets += transmit.len;
    }
    octets
}

fn config_without_pace() -> Config {
    config("ana").with_pace(Pace::UNLIMITED)
}

/// PROTOCOL S7. Somebody asks again and again for all that is kept: 50 bytes for a quarter of a megabyte.
#[test]
fn repairs_without_a_pace_are_bounded() {
    let mut memory: Box<Large> = Box::new(Large::new());
    let mut ana = Group::new(&mut *memory, config_without_pace(), [1; 32]).unwrap();
    ana.handle_timeout(ms(0));
    let payload = [7; 1_000];
    for n in 0..250 {
        let sent = ana.queue(ms(1_000 + n), Channel::reliable_ordered(1), &payload);
        sent.unwrap();
        octets_to_group(&mut ana, (1_000 + n) * 1_000);
    }
    let (id, life) = (ana.id().get(), ana.session().life());
    let (mut ben, mut octets) = (Puppet::new(7, 1), 0);
    for n in 0..1_000 {
        let nack = Frame::Nack(Nack {
            words: 8,
            missing: [u32::MAX; Nack::MAX_WORDS],
            ..Nack::new(id, life, 0)
        });
        let now = ms(2_000 + n);
        ana.handle(now, address(MEMBER), &ben.say(&[nack])).unwrap();
        while ana.poll_event().is_some() {}
        octets += octets_to_group(&mut ana, (2_000 + n) * 1_000);
    }
    assert!((2_000_000..2_900_000).contains(&octets), "{octets} in 1 s");
    // New messages do not wait for that.
    let sent = ana.queue(ms(3_000), Channel::reliable_ordered(1), &payload);
    sent.unwrap();
    assert!(octets_to_group(&mut ana, 3_000_000) > 1_000);
}

/// PROTOCOL S7.
#[test]
fn values_that_are_asked_for_again_and_again_are_bounded() {
    let mut ana: Group<Room> = Group::new(Room::new(), config_without_pace(), [1; 32]).unwrap();
    ana.handle_timeout(ms(0));
    for channel in 0..2 {
        let sent = ana.queue(ms(1_000), Channel::state(channel), &[7; 300]);
        sent.unwrap();
        octets_to_group(&mut ana, 1_000_000);
    }
    let (id, session) = (ana.id().get(), ana.session().life());
    let (mut ben, mut octets) = (Puppet::new(7, 1), 0);
    for n in 0..10_000 {
        let micros = 2_000_000 + 100 * n;
        let ask = Frame::Ask(Ask {
            target: id,
            session,
        });
        let now = groupcast::Instant::from_micros(micros);
        ana.handle(now, address(MEMBER), &ben.say(&[ask])).unwrap();
        while ana.poll_event().is_some() {}
        octets += octets_to_group(&mut ana, micros);
    }
    assert!((2_000_000..2_700_000).contains(&octets), "{octets} in 1 s");
}

/// Without this the tests above would count nothing.
#[test]
fn a_stranger_is_heard() {
    let mut ana = member(config("ana"), 1);
    let said = Puppet::new(1_000, 1).say(&[probe()]);
    assert!(wire::parse(&said).is_ok());
    assert_eq!(hear(&mut ana, ms(1_000), &said), ["nobody joined"]);
}
