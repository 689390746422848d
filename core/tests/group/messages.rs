//! Messages, raw datagrams, and whatever else arrives.

use core::time::Duration;

use groupcast::wire::{self, Ask, Bye, Data, Frame, Hello, Nack};
use groupcast::{Channel, Config, Event, EventsWaiting, Group, SendError, Storage};

use crate::hub::{
    CHANNEL, Hub, Puppet, Room, address, config, data, hear, hello, member, ms, sync,
};

/// PROTOCOL W10.
#[test]
fn messages_queued_together_share_a_datagram() {
    let mut hub = Hub::new([config("ana"), config("ben")]);
    hub.run(Duration::from_millis(200));
    hub.log(1);
    let (before, now) = (hub.multicasts, hub.now);
    for _ in 0..15 {
        hub.group(0).queue(now, CHANNEL, &[b'x'; 64]).unwrap();
    }
    hub.settle();
    assert_eq!(
        hub.multicasts - before,
        1,
        "15 messages of 64 octets fit 1200 octets"
    );
    assert_eq!(hub.log(1).len(), 15);
}

#[test]
fn a_full_outbox_says_so_and_loses_nothing() {
    let mut hub = Hub::new([config("ana"), config("ben")]);
    hub.run(Duration::from_millis(200));
    hub.log(1);
    let now = hub.now;
    let mut queued = 0;
    while hub.group(0).queue(now, CHANNEL, &[b'x'; 100]).is_ok() {
        queued += 1;
    }
    let again = hub.group(0).queue(now, CHANNEL, &[b'x'; 100]);
    assert_eq!(again, Err(SendError::QueueFull));
    hub.settle();
    assert_eq!(hub.log(1).len(), queued);
    hub.group(0).queue(now, CHANNEL, &[b'x'; 100]).unwrap();
}

#[test]
fn a_message_that_is_too_long_is_refused_with_the_limit() {
    let mut ana = member(config("ana"), 1);
    assert_eq!(ana.max_message(groupcast::Class::BestEffort), 1162);
    ana.queue(ms(1), CHANNEL, &[0; 1162]).unwrap();
    let refused = ana.queue(ms(1), CHANNEL, &[0; 1163]);
    let expected = SendError::TooLong {
        len: 1163,
        limit: 1162,
    };
    assert_eq!(refused, Err(expected));
    assert!(expected.to_string().contains("1162"));
}

#[test]
fn the_smallest_receiver_limits_everybody() {
    let mut ana = member(config("ana"), 1);
    ana.queue(ms(1), CHANNEL, &[b'x'; 1162]).unwrap();
    let mut small = Puppet::new(7, 1);
    let frame = Frame::Hello(Hello {
        max_datagram: 600,
        interval: 100,
        ..hello("small")
    });
    let datagram = small.say(&[frame]);
    hear(&mut ana, ms(2), &datagram);
    assert_eq!(ana.max_message(groupcast::Class::BestEffort), 600 - 38);
    // What was queued before still goes out; a HELLO is not packed with it.
    let mut buffer = [0; 1472];
    let lens: Vec<_> = core::iter::from_fn(|| ana.poll_transmit(ms(3), &mut buffer).unwrap())
        .map(|transmit| transmit.len)
        .collect();
    assert_eq!(lens.len(), 2);
    assert_eq!(lens[1], 1200);
    let lost = small.say(&[Frame::Bye(Bye::LEFT)]);
    hear(&mut ana, ms(4), &lost);
    assert_eq!(
        ana.max_message(groupcast::Class::BestEffort),
        1162,
        "the limit rises when the small one has left"
    );
}

#[test]
fn what_was_sent_before_the_limit_sank_can_still_be_repaired() {
    for channel in [Channel::reliable_ordered(1), Channel::state(2)] {
        let mut ana = member(config("ana"), 1);
        ana.queue(ms(1), channel, &[b'x'; 700]).unwrap();
        let mut buffer = [0; 1472];
        while ana.poll_transmit(ms(1), &mut buffer).unwrap().is_some() {}
        let mut small = Puppet::new(7, 1);
        let (target, session) = (ana.id().get(), ana.session().get() as u32);
        let mut nack = Nack::new(target, session, 0);
        assert!(nack.add(0));
        let asks = [
            Frame::Hello(Hello {
                max_datagram: 600,
                interval: 100,
                ..hello("small")
            }),
            Frame::Nack(nack),
            Frame::Ask(Ask { target, session }),
        ];
        hear(&mut ana, ms(2), &small.say(&asks));
        let mut repairs = 0;
        for at in 3..40 {
            while let Some(transmit) = ana.poll_transmit(ms(at), &mut buffer).unwrap() {
                let (_, frames) = wire::parse(&buffer[..transmit.len]).unwrap();
                repairs += frames
                    .flatten()
                    .filter(|frame| matches!(frame, Frame::Data(data) if data.repair))
                    .count();
            }
            let next = ana.next_deadline().unwrap();
            assert!(next > ms(at), "{channel:?}: nothing is left to do now");
        }
        assert!(repairs > 0, "{channel:?}");
    }
}

#[test]
fn an_absurd_limit_counts_as_512() {
    let mut ana = member(config("ana"), 1);
    let datagram = Puppet::new(7, 1).say(&[Frame::Hello(hello("odd"))]);
    hear(&mut ana, ms(2), &datagram);
    assert_eq!(ana.max_message(groupcast::Class::BestEffort), 512 - 38);
}

/// PROTOCOL W18.
#[test]
fn duplicates_of_the_network_are_delivered_once() {
    let mut ana = member(config("ana"), 1);
    let mut ben = Puppet::new(7, 1);
    let datagram = ben.message("once");
    assert_eq!(hear(&mut ana, ms(1), &datagram), [": once"]);
    assert_eq!(hear(&mut ana, ms(2), &datagram), [] as [&str; 0]);
    assert_eq!(ana.counters().duplicate, 1);
}

/// PROTOCOL F3.
#[test]
fn fragments_are_put_together_in_any_order_even_if_the_last_one_is_long() {
    for order in [[0, 1], [1, 0]] {
        let mut ben = member(config("ben"), 2);
        let mut ana = Puppet::new(7, 1);
        hear(&mut ben, ms(0), &ana.hello("ana"));
        let parts = ["a".repeat(900), "b".repeat(300)];
        let mut heard = Vec::new();
        for fragment in order {
            let part = Data {
                fragment,
                last: 1,
                sequence: 5 + u32::from(fragment),
                ..data(&parts[usize::from(fragment)])
            };
            heard = hear(&mut ben, ms(1), &ana.say(&[Frame::Data(part)]));
        }
        assert_eq!(heard.len(), 1, "{order:?}");
        assert!(heard[0].contains(&parts.concat()), "{order:?}: {heard:?}");
    }
}

/// PROTOCOL F3.
#[test]
fn fragments_that_do_not_belong_together_are_no_message() {
    let (long, short) = ("a".repeat(400), "b".repeat(300));
    let fragment = |fragment, text| Data {
        fragment,
        last: 2,
        sequence: 5 + u32::from(fragment),
        ..data(text)
    };
    // One comes twice, or one that is not the last is shorter than another.
    for fragments in [
        [(0, &long), (0, &long), (2, &short)],
        [(0, &long), (1, &short), (2, &short)],
    ] {
        let mut ben = member(config("ben"), 2);
        let mut ana = Puppet::new(7, 1);
        hear(&mut ben, ms(0), &ana.hello("ana"));
        for (number, text) in fragments {
            let piece = Frame::Data(fragment(number, text));
            assert!(hear(&mut ben, ms(1), &ana.say(&[piece])).is_empty());
        }
    }
}

/// PROTOCOL F2.
#[test]
fn fragments_of_the_stream_that_do_not_fit_together_are_a_gap() {
    let piece = |sequence, fragment, last| {
        Frame::Data(Data {
            class: 2,
            sequence,
            fragment,
            last,
            horizon: 255,
            ..data("x")
        })
    };
    // What follows is a message of its own, the same fragment once more, or of a longer message.
    for second in [(0, 0), (0, 1), (1, 2)] {
        let (mut ana, mut ben) = (member(config("ana"), 1), Puppet::new(7, 1));
        ana.handle_timeout(ms(0));
        hear(&mut ana, ms(2_000), &ben.hello("ben"));
        hear(&mut ana, ms(2_000), &ben.say(&[sync(0, 0)]));
        let (fragment, last) = second;
        let mut told = hear(&mut ana, ms(2_001), &ben.say(&[piece(1, fragment, last)]));
        told.extend(hear(&mut ana, ms(2_002), &ben.say(&[piece(0, 0, 1)])));
        told.extend(hear(
            &mut ana,
            ms(2_003),
            &ben.say(&[Frame::Bye(Bye::LEFT)]),
        ));
        assert!(!told.contains(&"ben: x".to_owned()), "{told:?}");
        let lost = u64::from(2 + last - fragment);
        assert_eq!(ana.counters().gap_fragments, lost, "{second:?}");
    }
}

/// PROTOCOL F2.
#[test]
fn the_last_fragment_tells_the_channel() {
    for class in [0, 1, 2] {
        let (mut ana, mut ben) = (member(config("ana"), 1), Puppet::new(7, 1));
        hear(&mut ana, ms(0), &ben.hello("ben"));
        for fragment in [0, 1] {
            let piece = Data {
                class,
                channel: 5 + fragment,
                fragment,
                last: 1,
                sequence: u32::from(fragment),
                horizon: fragment,
                ..data("x")
            };
            let datagram = ben.say(&[Frame::Data(piece)]);
            ana.handle(ms(1), address(99), &datagram).unwrap();
            let event = ana.poll_event();
            let channel = event.map(|event| match event {
                Event::Message(message) => message.channel().number(),
                other => panic!("{other:?}"),
            });
            assert_eq!(channel, (fragment == 1).then_some(6), "{class}");
        }
    }
}

/// PROTOCOL W7, W8.
#[test]
fn raw_datagrams_are_raw_and_ones_own_are_not() {
    let mut hub = Hub::new([config("ana"), config("ben")]);
    hub.run(Duration::from_millis(200));
    hub.log(0);
    hub.log(1);
    let now = hub.now;
    hub.group(0).queue_raw(now, b"Hello, multicast!").unwrap();
    hub.settle();
    assert_eq!(hub.log(1), ["raw: Hello, multicast!"]);
    assert_eq!(
        hub.log(0),
        [] as [&str; 0],
        "ana knows its own address from its HELLO"
    );
}

/// PROTOCOL W8.
#[test]
fn what_cannot_be_a_raw_datagram_is_refused() {
    let mut ana = member(config("ana"), 1);
    let mut refused = |datagram: &[u8]| match ana.queue_raw(ms(1), datagram) {
        Err(error) => error,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(b""), SendError::Empty);
    assert_eq!(refused(&[0xc1, 0x10]), SendError::LooksFramed);
    assert_eq!(
        refused(&[0; 1201]),
        SendError::TooLong {
            len: 1201,
            limit: 1200
        }
    );
}

/// PROTOCOL W18.
#[test]
fn a_datagram_larger_than_the_buffer_is_counted() {
    let mut ana = member(config("ana"), 1);
    assert_eq!(hear(&mut ana, ms(1), &[b'x'; 1474]), [] as [&str; 0]);
    assert_eq!(hear(&mut ana, ms(1), &[]), [] as [&str; 0]);
    let counters = ana.counters();
    assert_eq!(
        (counters.received, counters.oversized, counters.empty),
        (2, 1, 1)
    );
}

/// PROTOCOL W12, W14.
#[test]
fn frames_that_cannot_be_read_are_counted_and_those_before_them_stand() {
    let mut ana = member(config("ana"), 1);
    let mut ben = Puppet::new(7, 1);
    // A fragment beyond the last one.
    let odd = [
        Frame::Data(data("first")),
        Frame::Data(Data {
            fragment: 3,
            last: 1,
            ..data("odd")
        }),
    ];
    assert_eq!(hear(&mut ana, ms(2), &ben.say(&odd)), [": first"]);
    assert_eq!(ana.counters().frames_malformed, 1);
}

#[test]
fn events_must_be_taken_before_the_next_datagram() {
    let mut ana = member(config("ana"), 1);
    let mut ben = Puppet::new(7, 1);
    let datagram = ben.message("one");
    ana.handle(ms(1), address(2), &datagram).unwrap();
    assert_eq!(
        ana.handle(ms(1), address(2), &ben.message("two")),
        Err(EventsWaiting)
    );
    assert!(matches!(ana.poll_event(), Some(Event::Message(_))));
    assert!(ana.poll_event().is_none());
    ana.handle(ms(1), address(2), &ben.message("three"))
        .unwrap();
}

/// PROTOCOL W9.
#[test]
fn settings_that_cannot_work_are_refused() {
    use groupcast::ConfigError as E;
    let refused = |config: Config| Group::new(Room::new(), config, [1; 32]).unwrap_err().error;
    let at = |text: &str| Config::new(text.parse().unwrap());
    assert_eq!(refused(at("192.168.1.1:5")), E::NotMulticast);
    assert_eq!(refused(at("[fd00::1]:5")), E::NotMulticast);
    assert_eq!(refused(at("239.1.2.3:0")), E::PortZero);
    assert_eq!(refused(config(&"x".repeat(33))), E::NameTooLong);
    assert_eq!(
        refused(config("").with_group_name(&"x".repeat(33))),
        E::GroupNameTooLong
    );
    assert_eq!(
        refused(config("").with_max_datagram(511)),
        E::MaxDatagram(511)
    );
    assert_eq!(
        refused(config("").with_max_datagram(1473)),
        E::MaxDatagram(1473)
    );
    let small = Group::new(
        Storage::<8, 2, 16, 20, 1600, 1024>::new(),
        config("").with_max_datagram(1200),
        [1; 32],
    )
    .unwrap_err()
    .error;
    assert_eq!(small, E::ReceiveBufferTooSmall { needed: 1201 });
    let small = Group::new(
        Storage::<8, 2, 16, 20, 1200, 1473>::new(),
        config(""),
        [1; 32],
    )
    .unwrap_err()
    .error;
    assert_eq!(small, E::HistoryTooSmall { needed: 1208 });
    assert_eq!(
        Group::new(Room::new(), config(""), [0; 32])
            .unwrap_err()
            .error,
        E::SeedIsZero
    );
}
