//! What is for everybody keeps to the smallest of all, and the reliable stream to the smallest of those that take
//! it (PROTOCOL S14, S15, S16).

use core::time::Duration;

use groupcast::wire::{self, Data, Frame, Hello, MAX_MAX_DATAGRAM};
use groupcast::{Channel, Class, Config, Group, Instant, Pace, SendError, Storage};

use crate::hub::{Hub, Puppet, config, data, hear, hello, ms};
use crate::streamless::{Any, ORDERED, Sensor, VALUE, anybody};

const LOOSE: Channel = Channel::best_effort(3);
const UNORDERED: Channel = Channel::reliable_unordered(4);

/// As much as small desktops have.
type Small = Storage<8, 4, 32, 120, 24_000, 2_000, { groupcast::Sends::UNLIMITED }>;

/// What a sensor can receive at once, and what fits a datagram so long beside a header, a DATA frame and a trailer.
const NARROW: usize = 513;
const NARROW_PAYLOAD: usize = NARROW - 22 - 12 - 4;
const WIDE: usize = 1_200;
const WIDE_PAYLOAD: usize = WIDE - 22 - 12 - 4;

/// Two members with streams and a sensor, which know each other.
fn group(sensor: Config) -> Hub<Any> {
    let mut hub = Hub::empty();
    hub.join(anybody(Small::new(), config("ana"), 1));
    hub.join(anybody(Small::new(), config("ben"), 2));
    hub.join(anybody(Sensor::new(), sensor, 3));
    hub.run(Duration::from_secs(4));
    for n in 0..3 {
        hub.log(n);
    }
    hub.record = Some(Vec::new());
    hub
}

fn send(hub: &mut Hub<Any>, n: usize, channel: Channel, text: &str) {
    let now = hub.now;
    hub.group(n).queue(now, channel, text.as_bytes()).unwrap();
}

/// What a datagram holds, each frame by a word, and whether all of it is for those alone who take streams.
fn contents(datagram: &[u8]) -> (Vec<&'static str>, bool) {
    let (_, frames) = wire::parse(datagram).unwrap();
    let mut for_takers = true;
    let words = frames.map(|frame| {
        let (word, is_for_takers) = match frame.unwrap() {
            Frame::Data(data) if matches!(data.class, 1 | 2) => {
                (if data.last > 0 { "piece" } else { "whole" }, !data.copy)
            }
            Frame::Data(_) => ("for all", false),
            Frame::AckRequest(_) => ("ackreq", true),
            Frame::Skip(_) => ("skip", true),
            Frame::Nack(_) => ("nack", false),
            _ => ("other", false),
        };
        for_takers &= is_for_takers;
        word
    });
    (words.collect(), for_takers)
}

/// The datagrams that members with streams sent since this was asked last, of which those that hold anything for
/// everybody are no longer than a sensor can receive.
fn sent(hub: &mut Hub<Any>) -> Vec<(usize, Vec<&'static str>)> {
    let record = core::mem::take(hub.record.as_mut().unwrap()).into_iter();
    let datagrams = record.filter(|(from, ..)| *from != 2).map(|(_, _, sent)| {
        let (words, for_takers) = contents(&sent);
        assert!(
            for_takers || sent.len() <= NARROW,
            "{} octets: {words:?}",
            sent.len()
        );
        (sent.len(), words)
    });
    datagrams.collect()
}

/// PROTOCOL S14
#[test]
fn one_small_sensor_does_not_slow_those_who_take_streams() {
    let mut hub = group(config("sen"));
    for channel in [ORDERED, UNORDERED] {
        for _ in 0..4 {
            send(&mut hub, 0, channel, &"x".repeat(WIDE_PAYLOAD));
        }
        hub.run(Duration::from_millis(3));
        let large: Vec<_> = sent(&mut hub)
            .into_iter()
            .filter(|(len, _)| *len > NARROW)
            .collect();
        assert_eq!(large.len(), 4, "one datagram a message: {large:?}");
        assert!(
            large
                .iter()
                .all(|(len, words)| *len == WIDE && words == &["whole"])
        );
    }
    hub.run(Duration::from_secs(3));
    sent(&mut hub);
    assert_eq!(hub.log(1).len(), 8);
}

/// PROTOCOL S14, S15
#[test]
fn what_is_for_everybody_fits_the_smallest_whatever_is_sent_with_it() {
    let mut hub = group(config("sen"));
    let (wide, narrow) = ("w".repeat(WIDE_PAYLOAD), "n".repeat(NARROW_PAYLOAD));
    let mut large = 0;
    for round in 0..60 {
        let ordered = [wide.as_str(), "short"][round % 2];
        send(&mut hub, 0, ORDERED, ordered);
        send(&mut hub, 0, VALUE, &narrow);
        send(&mut hub, 0, ORDERED, "short");
        send(&mut hub, 0, LOOSE, [&narrow, "short"][round / 2 % 2]);
        send(
            &mut hub,
            1,
            ORDERED,
            [wide.as_str(), "short"][round / 4 % 2],
        );
        send(&mut hub, 2, ORDERED, "short");
        // Repairs and questions, too.
        hub.cut_off = [vec![], vec![0], vec![1], vec![2]][round % 4].clone();
        hub.run(Duration::from_micros(100));
        hub.cut_off.clear();
        hub.run(Duration::from_millis(40));
        large += sent(&mut hub)
            .iter()
            .filter(|(len, _)| *len > NARROW)
            .count();
    }
    assert!(large >= 60, "{large}");
    hub.run(Duration::from_secs(5));
    sent(&mut hub);
    let (ben, sen) = (hub.log(1), hub.log(2));
    assert!(ben.iter().all(|line| !line.starts_with("Gap")));
    let ana = |log: &[String]| log.iter().filter(|line| line.starts_with("ana: ")).count();
    let (ben_has, sen_has) = (ana(&ben), ana(&sen));
    assert!(ben_has >= 120 && sen_has >= 60, "{ben_has}, {sen_has}");
    let last = sen.iter().rfind(|line| line.contains("nnn"));
    assert_eq!(last.map(String::len), Some("ana: ".len() + NARROW_PAYLOAD));
    let from_sensor = ben.iter().filter(|line| *line == "sen: short").count();
    assert_eq!(
        from_sensor, 60,
        "who takes no streams hears NACKs for its own"
    );
}

/// PROTOCOL S14: somebody may be there who hears nothing larger, and is not known yet.
#[test]
fn the_first_hello_is_heard_by_everybody_though_what_is_to_be_said_is_longer() {
    let mut ana = anybody(Small::new(), config("ana"), 1);
    ana.queue(ms(1), LOOSE, "x".repeat(1_000).as_bytes())
        .unwrap();
    let said = says(&mut ana, ms(1));
    let [(first, hello), (second, message)] = &said[..] else {
        panic!("{said:?}");
    };
    assert!(*first <= 512 && hello.iter().all(|word| *word == "other"));
    assert_eq!((*second, &message[..]), (1_038, &["for all"][..]));
}

/// PROTOCOL S14: who takes no streams may send one, and hears what is missed of it.
#[test]
fn a_nack_fits_who_only_sends() {
    let mut ana = anybody(Small::new(), config("ana"), 1);
    let mut sen = Puppet::new(7, 1);
    let hello = Hello {
        capabilities: Hello::NO_STREAMS,
        max_datagram: NARROW as u16,
        interval: 6_000,
        ..hello("sen")
    };
    let mut now = ms(2_000);
    ana.handle_timeout(now);
    hear(&mut ana, now, &sen.say(&[Frame::Hello(hello)]));
    for sequence in [0, 2] {
        let message = Data {
            class: 2,
            sequence,
            horizon: sequence as u8,
            ..data("x")
        };
        hear(&mut ana, now, &sen.say(&[Frame::Data(message)]));
    }
    let mut asked = 0;
    while now < ms(2_500) {
        // Whenever it has something to say, something large waits.
        ana.queue(now, ORDERED, &[b'w'; WIDE_PAYLOAD - 100])
            .unwrap();
        for (len, words) in says(&mut ana, now) {
            if words.contains(&"nack") {
                asked += 1;
                assert!(len <= NARROW, "{len} octets: {words:?}");
            }
        }
        now = now.max(ana.next_deadline().unwrap()) + Duration::from_micros(1);
    }
    assert!(asked > 2, "{asked}");
}

/// PROTOCOL S15
#[test]
fn what_was_queued_before_a_limit_sank_goes_out_alone() {
    let mut ana = anybody(Small::new(), config("ana"), 1);
    let wide = [b'w'; WIDE_PAYLOAD];
    for channel in [LOOSE, VALUE, ORDERED] {
        ana.queue(ms(0), channel, &wide).unwrap();
        ana.queue(ms(0), channel, b"short").unwrap();
    }
    let small = |capabilities| Hello {
        capabilities,
        max_datagram: 600,
        interval: 100,
        ..hello("ben")
    };
    let meet = Puppet::new(7, 1).say(&[Frame::Hello(small(Hello::NO_STREAMS))]);
    hear(&mut ana, ms(1), &meet);
    assert_eq!(
        says(&mut ana, ms(1))[1..],
        [
            (WIDE, vec!["for all"]),
            (26 + 17, vec!["for all"]),
            (WIDE, vec!["for all"]),
            (26 + 17, vec!["for all"]),
            // The reliable ones are not for it.
            (WIDE, vec!["whole"]),
            (26 + 17, vec!["whole"]),
        ]
    );
    for channel in [LOOSE, ORDERED] {
        let len = ana.max_message(channel.class()).min(WIDE_PAYLOAD);
        ana.queue(ms(1), channel, &wide[..len]).unwrap();
    }
    let meet = Puppet::new(8, 1).say(&[Frame::Hello(small(0))]);
    hear(&mut ana, ms(2), &meet);
    let now = says(&mut ana, ms(2));
    assert_eq!(
        now[now.len() - 2..],
        [(600, vec!["for all"]), (WIDE, vec!["whole"])]
    );
}

fn says(group: &mut Group<Any>, now: Instant) -> Vec<(usize, Vec<&'static str>)> {
    let mut buffer = [0; MAX_MAX_DATAGRAM as usize];
    let next = || {
        let len = group.poll_transmit(now, &mut buffer).unwrap()?.len;
        Some((len, contents(&buffer[..len]).0))
    };
    core::iter::from_fn(next).collect()
}

/// PROTOCOL S14, S16
#[test]
fn a_message_is_refused_that_is_too_large_for_those_it_is_for() {
    let hub = &mut group(config("sen"));
    let now = hub.now;
    let ana = hub.group(0);
    let classes = [Class::BestEffort, Class::Latest, Class::State];
    assert_eq!(
        classes.map(|class| ana.max_message(class)),
        [NARROW_PAYLOAD; 3]
    );
    for class in classes {
        let refused = ana.queue(now, Channel::new(9, class), &[0; NARROW_PAYLOAD + 1]);
        let (len, limit) = (NARROW_PAYLOAD + 1, NARROW_PAYLOAD);
        assert_eq!(refused, Err(SendError::TooLong { len, limit }));
    }
    let classes = [Class::ReliableOrdered, Class::ReliableUnordered];
    // Ben's largest message, in units of 64 octets.
    let limit = 2_000 / 64 * 64;
    assert_eq!(classes.map(|class| ana.max_message(class)), [limit; 2]);
    ana.queue(now, ORDERED, &vec![0; limit]).unwrap();
    let len = limit + 1;
    let refused = ana.queue(now, ORDERED, &vec![0; len]);
    assert_eq!(refused, Err(SendError::TooLong { len, limit }));
    // Where nobody takes streams, others are as oneself.
    let ben = hub.group(1);
    ben.leave(now);
    hub.run(Duration::from_secs(1));
    assert_eq!(hub.group(0).max_message(Class::ReliableOrdered), limit);
}

/// PROTOCOL S8, S14
#[test]
fn a_burst_is_no_longer_than_those_take_at_once_that_it_is_for() {
    let mut hub = group(config("sen").with_receive_burst(2));
    hub.run(Duration::from_secs(1));
    sent(&mut hub);
    for (channel, payload, burst) in [(ORDERED, WIDE_PAYLOAD, 7), (LOOSE, NARROW_PAYLOAD, 2)] {
        for _ in 0..7 {
            send(&mut hub, 0, channel, &"x".repeat(payload));
        }
        hub.settle();
        let at_once = sent(&mut hub).len();
        assert_eq!(at_once, burst, "{channel:?}");
        hub.run(Duration::from_secs(3));
        sent(&mut hub);
    }
}

/// PROTOCOL S10
#[test]
fn the_window_of_a_stream_is_that_of_those_who_take_it() {
    let mut hub = Hub::empty();
    hub.join(anybody(
        Small::new(),
        config("ana").with_pace(Pace::UNLIMITED),
        1,
    ));
    hub.join(anybody(Small::new(), config("ben"), 2));
    hub.join(anybody(
        Sensor::new(),
        config("sen").with_receive_burst(1),
        3,
    ));
    hub.run(Duration::from_secs(4));
    hub.cut_off = vec![1, 2];
    for _ in 0..9 {
        send(&mut hub, 0, ORDERED, &"x".repeat(400));
    }
    hub.record = Some(Vec::new());
    hub.settle();
    let pieces = sent(&mut hub).into_iter().flat_map(|(_, words)| words);
    assert_eq!(pieces.filter(|word| *word == "whole").count(), 9);
}
