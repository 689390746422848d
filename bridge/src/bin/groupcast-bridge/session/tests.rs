use core::time::Duration;

use proptest::prelude::*;

use super::*;

fn at_most_once(filter: &str) -> Subscription {
    Subscription {
        filter: filter.to_owned(),
        ..Subscription::default()
    }
}

fn login() -> Login {
    Login {
        client_id: "x".to_owned(),
        ..Login::default()
    }
}

/// As a tunnel's.
fn session() -> Session {
    Session::new(&login(), &[at_most_once("a/+"), at_most_once("b")]).unwrap()
}

/// As a gateway's.
fn keeping() -> Session {
    let login = Login {
        will: Some(Will {
            publication: Publication {
                topic: "w".to_owned(),
                payload: b"gone".to_vec(),
                qos: Qos::AtLeastOnce,
                retained: true,
                ..Publication::default()
            },
            delay: Duration::from_secs(5),
        }),
        clean_start: false,
        session_expiry: Duration::from_secs(3600),
        receive_maximum: Some(64),
        needs: Needs {
            at_least_once: true,
            retained: true,
        },
        ..login()
    };
    let acknowledged = Subscription {
        filter: "s/#".to_owned(),
        qos: Qos::AtLeastOnce,
        retained: true,
    };
    Session::new(&login, &[acknowledged, at_most_once("b")]).unwrap()
}

/// As a broker answers: accepted, and subscribed to both.
const CONNACK: &[u8] = &[0x20, 3, 0, 0, 0];
const SUBACK: &[u8] = &[0x90, 5, 0, 1, 0, 0, 0];
/// The same, with two messages that may be under way, packets of at most 40 bytes, and a session that it remembers.
const STRICT: &[u8] = &[0x20, 11, 1, 0, 8, 0x21, 0, 2, 0x27, 0, 0, 0, 40];
const GRANTED: &[u8] = &[0x90, 5, 0, 1, 0, 1, 0];

fn ready() -> Session {
    let mut session = session();
    assert!(session.receive(CONNACK).is_empty());
    assert!(matches!(session.receive(SUBACK)[..], [Heard::Ready(_)]));
    session.take_output();
    session
}

fn keeping_ready() -> Session {
    let mut session = keeping();
    assert!(session.receive(STRICT).is_empty());
    assert!(matches!(session.receive(GRANTED)[..], [Heard::Ready(_)]));
    session.take_output();
    session
}

fn datagram(topic: &str, payload: &[u8]) -> Publication {
    Publication {
        topic: topic.to_owned(),
        payload: payload.to_vec(),
        expiry: Some(Duration::from_secs(2)),
        ..Publication::default()
    }
}

fn acknowledged(payload: &[u8]) -> Publication {
    Publication {
        topic: "a".to_owned(),
        payload: payload.to_vec(),
        qos: Qos::AtLeastOnce,
        ..Publication::default()
    }
}

fn only(mut heard: Vec<Heard>) -> Heard {
    assert_eq!(heard.len(), 1, "{heard:?}");
    heard.remove(0)
}

/// The first is what is told.
fn failure(heard: Vec<Heard>) -> Failure {
    let over = heard.into_iter().find_map(|heard| match heard {
        Heard::Over(failure) => Some(failure),
        _ => None,
    });
    over.expect("it goes on")
}

#[test]
fn it_greets_subscribes_without_its_own_and_publishes_at_most_once_for_two_seconds() {
    let mut session = session();
    let greeting = session.take_output();
    // Clean start, keep alive 15 s, MQTT 5.
    assert_eq!(greeting.len(), 1);
    assert_eq!(greeting[0][2..12], *b"\0\x04MQTT\x05\x02\0\x0f");
    assert_eq!(
        session.publish(&datagram("a/b", b"x")),
        Err(NotSent::NoRoom)
    );
    session.receive(CONNACK);
    let subscription = session.take_output().concat();
    // Each filter with No Local, and no retained messages.
    assert_eq!(subscription, b"\x82\x0d\0\x01\0\0\x03a/+\x24\0\x01b\x24");
    session.receive(SUBACK);
    let message = session.publish(&datagram("a/b", b"x"));
    let written = b"\x30\x0c\0\x03a/b\x05\x02\0\0\0\x02x".to_vec();
    assert_eq!(message, Ok((None, written)));
    session.ping();
    session.leave();
    assert_eq!(session.take_output().concat(), b"\xc0\0\xe0\0");
}

#[test]
fn it_greets_with_a_will_and_as_one_that_is_remembered() {
    let mut session = keeping();
    let greeting = session.take_output().concat();
    // A will that is retained and acknowledged; remembered for an hour; 64 messages under way; packets of 16 KB.
    assert_eq!(
        greeting[2..],
        *b"\0\x04MQTT\x05\x2c\0\x0f\x0d\x11\0\0\x0e\x10\x21\0\x40\x27\0\0\x40\0\0\x01x\
           \x05\x18\0\0\0\x05\0\x01w\0\x04gone"
    );
    session.receive(STRICT);
    // One is acknowledged, and wants what was retained.
    let subscription = session.take_output().concat();
    assert_eq!(subscription, b"\x82\x0d\0\x01\0\0\x03s/#\x05\0\x01b\x24");
    let Heard::Ready(welcome) = only(session.receive(GRANTED)) else {
        panic!("it is not ready");
    };
    assert!(welcome.session_present && welcome.is_retain_available);
    assert_eq!(welcome.receive_maximum, 2);
    assert_eq!(welcome.maximum_packet_size, Some(40));
}

#[test]
fn a_message_has_its_properties() {
    let mut session = keeping_ready();
    let publication = Publication {
        retained: true,
        expiry: Some(Duration::from_millis(1_500)),
        content_type: Some("t".to_owned()),
        user_properties: vec![("k".to_owned(), "v".to_owned())],
        ..acknowledged(b"!")
    };
    let (packet, written) = session.publish(&publication).unwrap();
    assert_eq!(packet, Some(1));
    // The time is rounded up.
    assert_eq!(
        written,
        b"\x33\x17\0\x01a\0\x01\x10\x02\0\0\0\x02\x03\0\x01t\x26\0\x01k\0\x01v!"
    );
}

#[test]
fn no_more_is_under_way_than_the_broker_takes_and_each_is_acknowledged_once() {
    let mut session = keeping_ready();
    let publish = |session: &mut Session| session.publish(&acknowledged(b"x")).map(|sent| sent.0);
    assert_eq!(publish(&mut session), Ok(Some(1)));
    assert_eq!(publish(&mut session), Ok(Some(2)));
    assert_eq!(publish(&mut session), Err(NotSent::NoRoom));
    // At most once is another matter.
    assert!(session.publish(&datagram("a", b"x")).is_ok());
    let heard = only(session.receive(&[0x40, 2, 0, 2]));
    assert!(matches!(
        heard,
        Heard::Acknowledged {
            ticket: 2,
            reason: 0
        }
    ));
    // The packet id comes again, the ticket does not.
    assert_eq!(publish(&mut session), Ok(Some(3)));
    let heard = only(session.receive(&[0x40, 3, 0, 1, 0x97]));
    assert!(matches!(
        heard,
        Heard::Acknowledged {
            ticket: 1,
            reason: 0x97
        }
    ));
    // A second time, or what was never published.
    let over = failure(session.receive(&[0x40, 2, 0, 1]));
    assert!(matches!(over, Failure::Trouble(_)), "{over}");
}

#[test]
fn a_refusal_with_a_reason_that_is_not_listed_ends_nothing() {
    let mut session = keeping_ready();
    for reason in [0x95, 0xff, 0x55] {
        let (ticket, packet) = session.publish(&acknowledged(b"x")).unwrap();
        let length = packet.len();
        // A topic of one letter, and the packet id behind it.
        let topic = usize::from(packet[3]);
        let id = &packet[4 + topic..6 + topic];
        assert!(length > 6 + topic);
        let heard = only(session.receive(&[0x40, 4, id[0], id[1], reason, 0]));
        let Heard::Acknowledged {
            ticket: of,
            reason: why,
        } = heard
        else {
            panic!("{heard:?}");
        };
        assert_eq!((Some(of), why), (ticket, reason));
    }
    // And it goes on.
    assert!(session.publish(&acknowledged(b"y")).is_ok());
}

#[test]
fn what_a_broker_does_not_take_is_told_and_takes_no_packet_id() {
    let mut session = keeping_ready();
    let too_long = session.publish(&acknowledged(&[0; 40]));
    assert!(matches!(&too_long, Err(NotSent::Never(why)) if why.contains("at most 40 bytes")));
    let bad = Publication {
        topic: "a/#".to_owned(),
        ..acknowledged(b"x")
    };
    assert!(matches!(session.publish(&bad), Err(NotSent::Never(_))));
    let bad = Publication {
        user_properties: vec![("a".to_owned(), "b\0".to_owned())],
        ..acknowledged(b"x")
    };
    assert!(matches!(session.publish(&bad), Err(NotSent::Never(_))));
    assert_eq!(session.publish(&acknowledged(b"x")).unwrap().0, Some(1));
}

#[test]
fn a_broker_that_lacks_what_is_needed_is_refused_with_the_reason() {
    for (property, text) in [(0x24, "Maximum QoS"), (0x25, "Retain Available")] {
        let mut session = keeping();
        let over = failure(session.receive(&[0x20, 5, 0, 0, 2, property, 0]));
        assert!(
            matches!(&over, Failure::Settings(why) if why.contains(text)),
            "{over}"
        );
        // A tunnel needs neither.
        assert!(
            self::session()
                .receive(&[0x20, 5, 0, 0, 2, property, 0])
                .is_empty()
        );
    }
    let mut session = keeping();
    session.receive(STRICT);
    let over = failure(session.receive(SUBACK));
    assert!(
        matches!(&over, Failure::Settings(why) if why.contains("s/#")),
        "{over}"
    );
}

#[test]
fn a_broker_that_has_no_room_for_the_subscription_is_told_so() {
    let over = failure(session().receive(&[0x20, 8, 0, 0, 5, 0x27, 0, 0, 0, 10]));
    assert!(over.to_string().contains("cannot subscribe"), "{over}");
}

#[test]
fn what_is_needed_by_nobody_is_refused_message_by_message() {
    let mut session = session();
    session.receive(&[0x20, 7, 0, 0, 4, 0x24, 0, 0x25, 0]);
    session.receive(SUBACK);
    let retained = Publication {
        retained: true,
        ..datagram("a", b"x")
    };
    for publication in [acknowledged(b"x"), retained] {
        assert!(matches!(
            session.publish(&publication),
            Err(NotSent::Never(_))
        ));
    }
    assert!(session.publish(&datagram("a", b"x")).is_ok());
}

#[test]
fn messages_are_acknowledged_when_that_is_asked_for_and_once() {
    let mut session = keeping_ready();
    // Sent again, retained, with a property.
    let heard = only(session.receive(b"\x3b\x0f\0\x03s/a\0\x07\x07\x26\0\x01k\0\x01v"));
    let Heard::Message(message) = heard else {
        panic!("{heard:?}");
    };
    assert_eq!(
        message,
        Incoming {
            topic: "s/a".to_owned(),
            payload: Vec::new(),
            qos: Qos::AtLeastOnce,
            dup: true,
            retained: true,
            packet: Some(7),
            user_properties: vec![("k".to_owned(), "v".to_owned())],
        }
    );
    assert!(session.take_output().is_empty());
    assert!(!session.acknowledge(8, 0));
    assert!(session.acknowledge(7, 0x90));
    assert!(!session.acknowledge(7, 0));
    assert_eq!(session.take_output().concat(), b"\x40\x03\0\x07\x90");
    session.receive(b"\x32\x08\0\x03s/a\0\x08\0");
    assert!(session.acknowledge(8, 0));
    assert_eq!(session.take_output().concat(), b"\x40\x02\0\x08");
}

#[test]
fn what_comes_before_the_subscription_is_answered_comes_after_it_is_ready() {
    let mut session = keeping();
    session.receive(STRICT);
    assert!(session.receive(b"\x32\x08\0\x03s/a\0\x08\0").is_empty());
    let heard = session.receive(GRANTED);
    assert!(
        matches!(&heard[..], [Heard::Ready(_), Heard::Message(_)]),
        "{heard:?}"
    );
    // Not for ever.
    let mut session = keeping();
    session.receive(STRICT);
    let mut message = b"\x30\x85\x78\0\x01b\0\0".to_vec();
    message.resize(3 + 15_365, b'x');
    let ends = (0..100).any(|_| {
        let heard = session.receive(&message);
        heard
            .iter()
            .any(|heard| matches!(heard, Heard::Over(Failure::Trouble(_))))
    });
    assert!(ends);
}

#[test]
fn what_nobody_asked_for_ends_the_connection() {
    // Exactly once; to be acknowledged where nothing was subscribed to so; its answers; a topic alias; a second welcome.
    let packets: [&[u8]; 6] = [
        b"\x34\x06\0\x01b\0\x01\0",
        b"\x32\x06\0\x01b\0\x01\0",
        b"\x50\x02\0\x01",
        b"\x40\x02\0\x01",
        b"\x30\x06\0\0\x03\x23\0\x01",
        CONNACK,
    ];
    for packet in packets {
        let over = failure(ready().receive(packet));
        assert!(matches!(over, Failure::Trouble(_)), "{packet:?}: {over}");
    }
    // Before the welcome, or another number of answers than of questions.
    let over = failure(session().receive(b"\x30\x04\0\x01b\0"));
    assert!(matches!(over, Failure::Trouble(_)), "{over}");
    let mut session = session();
    session.receive(CONNACK);
    let over = failure(session.receive(&[0x90, 4, 0, 1, 0, 0]));
    assert!(matches!(over, Failure::Trouble(_)), "{over}");
    // It remembers who asked it to forget.
    let over = failure(self::session().receive(&[0x20, 3, 1, 0, 0]));
    assert!(matches!(over, Failure::Trouble(_)), "{over}");
}

#[test]
fn packets_are_understood_however_they_are_cut() {
    let mut session = ready();
    let packets = b"\x30\x06\0\x01b\0hi\x30\x07\0\x03a/b\0!";
    let mut got = Vec::new();
    for octet in packets {
        for heard in session.receive(&[*octet]) {
            let Heard::Message(message) = heard else {
                panic!("{heard:?}");
            };
            got.push((message.topic, message.payload));
        }
    }
    let expected = [("b", &b"hi"[..]), ("a/b", b"!")];
    assert_eq!(
        got,
        expected.map(|(topic, payload)| (topic.to_owned(), payload.to_vec()))
    );
}

#[test]
fn a_refusal_says_why_and_whether_to_try_again() {
    let over = |bytes: &[u8]| failure(session().receive(bytes));
    for (code, is_setting) in [
        (0x86, true),
        (0x87, true),
        (0x84, true),
        (0x9a, true),
        (0x88, false),
        (0x97, false),
    ] {
        let failure = over(&[0x20, 3, 0, code, 0]);
        assert_eq!(
            matches!(failure, Failure::Settings(_)),
            is_setting,
            "{failure}"
        );
    }
    // In its own words, too.
    let failure = over(b"\x20\x08\0\x87\x05\x1f\0\x02hm");
    assert!(failure.to_string().contains("it says \"hm\""), "{failure}");
    // As a broker of 3.1.1 answers, and as one does that expects TLS.
    assert!(matches!(over(&[0x20, 2, 0, 1]), Failure::Settings(_)));
    let alert = b"\x15\x03\x03\0\x02\x02\x28";
    assert!(matches!(over(alert), Failure::Settings(_)));
    let mut session = session();
    session.receive(CONNACK);
    let over = self::failure(session.receive(&[0x90, 5, 0, 1, 0, 0, 0x87]));
    assert!(
        matches!(&over, Failure::Settings(text) if text.contains("subscribe to b")),
        "{over}"
    );
    let mut session = ready();
    let over = self::failure(session.receive(&[0xe0, 2, 0x8e, 0]));
    assert!(session.is_taken_over());
    assert!(
        matches!(&over, Failure::Trouble(text) if text.contains("--client-id")),
        "{over}"
    );
}

#[test]
fn what_is_too_large_ends_the_connection_before_it_takes_memory() {
    let over = failure(ready().receive(&[0x30, 0xff, 0xff, 0xff, 0x7f]));
    assert!(matches!(over, Failure::Trouble(_)), "{over}");
}

/// Packets that are right, and those that are nearly so.
fn packets() -> impl Strategy<Value = Vec<u8>> {
    let sound = prop_oneof![
        Just(CONNACK.to_vec()),
        Just(STRICT.to_vec()),
        Just(SUBACK.to_vec()),
        Just(GRANTED.to_vec()),
        (0u8..8, any::<u8>()).prop_map(|(id, reason)| vec![0x40, 3, 0, id, reason]),
        (0u8..8, 0u8..16).prop_map(|(id, flags)| vec![0x30 | flags, 7, 0, 1, b'b', 0, id, 0, b'!']),
        any::<u8>().prop_map(|reason| vec![0xe0, 2, reason, 0]),
        Just(vec![0xd0, 0]),
    ];
    (sound, any::<Option<(u8, u8)>>()).prop_map(|(mut packet, flip)| {
        if let Some((at, value)) = flip {
            let at = usize::from(at) % packet.len();
            packet[at] = value;
        }
        packet
    })
}

proptest! {
    #[test]
    fn any_bytes_of_a_broker_are_borne(
        bytes in prop::collection::vec(any::<u8>(), 0..300), is_ready: bool
    ) {
        let mut session = if is_ready { ready() } else { session() };
        session.receive(&bytes);
        session.receive(&bytes);
        let _ = session.publish(&datagram("a", &bytes));
    }

    #[test]
    fn whatever_a_broker_says_no_more_is_under_way_than_it_takes_and_nothing_is_acknowledged_twice(
        steps in prop::collection::vec((packets(), any::<bool>(), 0u16..8), 0..60), is_ready: bool
    ) {
        let mut session = if is_ready { keeping_ready() } else { keeping() };
        let mut under_way = BTreeSet::new();
        for (bytes, publishes, packet) in steps {
            for heard in session.receive(&bytes) {
                match heard {
                    Heard::Acknowledged { ticket, .. } => prop_assert!(under_way.remove(&ticket)),
                    // The link throws a session away that is over.
                    Heard::Over(_) => return Ok(()),
                    Heard::Ready(_) | Heard::Message(_) => {}
                }
            }
            if publishes && let Ok((ticket, written)) = session.publish(&acknowledged(b"x")) {
                prop_assert!(under_way.insert(ticket.unwrap()));
                prop_assert!(!written.is_empty());
            }
            let most = session.welcome.map_or(0, |welcome| welcome.receive_maximum);
            prop_assert!(under_way.len() <= usize::from(most));
            if session.acknowledge(packet, 0) {
                prop_assert!(!session.acknowledge(packet, 0));
            }
        }
    }
}
