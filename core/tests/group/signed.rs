//! Signed messages: whose they are, and what fits nobody.

use core::net::SocketAddr;
use core::time::Duration;

use groupcast::sign::{NotTrusted, PublicKey, SigningKey, Statement, Verifier};
use groupcast::wire::{self, Data, Frame, Header};
use groupcast::{
    Channel, Class, Config, Event, Group, Instant, Join, MemberId, Memory, Name, SendError,
    Sequence, Session, Storage,
};

use crate::hub::{Puppet, Room, address, config, data, group_address, hear, id, member, ms};

pub(crate) const COMMANDS: Channel = Channel::reliable_ordered(2);

pub(crate) fn key(octet: u8) -> SigningKey {
    SigningKey::new(&[octet; 32]).unwrap()
}

/// Room for messages of several datagrams.
type Large = Storage<8, 2, 32, 100, 16_384, 4_096>;

fn large_member(config: Config, seed: u8) -> Group<Large> {
    Group::new(Large::new(), config, [seed; 32]).unwrap()
}

/// Messages as a receiver is told of them: payload, and whose they are.
pub(crate) type Told = Vec<(Vec<u8>, Result<PublicKey, NotTrusted>)>;

/// What `group` is told when `datagram` arrives, if `check` says whose each message is.
pub(crate) fn told_with<M: Memory>(
    group: &mut Group<M>,
    now: Instant,
    datagram: &[u8],
    mut check: impl FnMut(&groupcast::Message<'_>) -> Result<PublicKey, NotTrusted>,
) -> Told {
    let mut told = Told::new();
    group.handle(now, address(1), datagram).unwrap();
    while let Some(event) = group.poll_event() {
        if let Event::Message(message) = event {
            told.push((message.payload().to_vec(), check(&message)));
        }
    }
    told
}

/// The same, if key 7 is trusted.
pub(crate) fn told<M: Memory>(group: &mut Group<M>, now: Instant, datagram: &[u8]) -> Told {
    let trusted = [key(6).public(), key(7).public()];
    told_with(group, now, datagram, |message| {
        message.publisher(&trusted).copied()
    })
}

pub(crate) fn says(payload: &[u8]) -> Told {
    vec![(payload.to_vec(), Ok(key(7).public()))]
}

pub(crate) fn refused(payload: &[u8], why: NotTrusted) -> Told {
    vec![(payload.to_vec(), Err(why))]
}

/// Everything that a member has to send now.
pub(crate) fn datagrams<M: Memory>(group: &mut Group<M>, now: Instant) -> Vec<Vec<u8>> {
    let mut datagrams = Vec::new();
    let mut buffer = [0; 1472];
    while let Some(transmit) = group.poll_transmit(now, &mut buffer).unwrap() {
        datagrams.push(buffer[..transmit.len].to_vec());
    }
    datagrams
}

/// A message of member 7 in its session 9, signed by key 7, with its place in the world.
#[derive(Clone)]
struct Sent {
    group: SocketAddr,
    group_name: Name,
    sender: MemberId,
    session: Session,
    channel: Channel,
    sequence: u32,
    octets: Vec<u8>,
}

impl Sent {
    fn new(channel: Channel, payload: &[u8]) -> Self {
        let sent = Self {
            group: group_address(),
            group_name: Name::EMPTY,
            sender: id(7),
            session: Session::new(9),
            channel,
            sequence: 4,
            octets: Vec::new(),
        };
        let signature = key(7).sign(&Statement {
            group: sent.group,
            group_name: sent.group_name,
            sender: sent.sender,
            session: sent.session,
            channel,
            sequence: Sequence::new(sent.sequence),
            payload,
        });
        Self {
            octets: [payload, &signature].concat(),
            ..sent
        }
    }

    /// The datagram with this counter.
    fn datagram(&self, counter: u64) -> Vec<u8> {
        let header = Header {
            suite: wire::Suite::Open,
            tag: wire::open_group_tag(self.group, &self.group_name),
            sender: self.sender,
            session: self.session,
            counter,
        };
        let (class, latest) = match self.channel.class() {
            Class::BestEffort => (0, false),
            Class::Latest => (0, true),
            Class::ReliableUnordered => (1, false),
            Class::ReliableOrdered => (2, false),
            _ => (3, false),
        };
        let data = Data {
            class,
            latest,
            signed: true,
            channel: self.channel.number(),
            sequence: self.sequence,
            payload: &self.octets,
            ..data("")
        };
        let mut buffer = vec![0; 1472];
        let len = wire::emit(&header, &[Frame::Data(data)], &mut buffer).unwrap();
        buffer.truncate(len);
        buffer
    }

    /// What somebody in the group is told who has heard nothing before.
    fn told(&self) -> Told {
        let config = Config::new(self.group).with_group_name(self.group_name.as_str());
        told(&mut member(config, 2), ms(5), &self.datagram(1))
    }
}

/// PROTOCOL P1, P3.
#[test]
fn a_signed_message_names_its_publisher_in_every_class_and_length() {
    for class in [
        Class::BestEffort,
        Class::Latest,
        Class::State,
        Class::ReliableUnordered,
        Class::ReliableOrdered,
    ] {
        let mut ana = large_member(config("ana"), 1);
        let mut ben = large_member(config("ben"), 2);
        let channel = Channel::new(3, class);
        // From 1098 on the signature is cut in two, from 1162 on it is a fragment of its own.
        let lengths = [0, 1, 64, 1098, 1099, 1130, 1161, 1162, 1163, 3000];
        let mut lengths = lengths
            .into_iter()
            .filter(|len| len + 64 <= ana.max_message(class));
        let sent: Vec<_> = lengths.by_ref().collect();
        assert_eq!(
            sent.len() == 10,
            !matches!(class, Class::Latest | Class::State)
        );
        for (n, len) in sent.into_iter().enumerate() {
            let now = ms(1_000 + 100 * n as u64);
            let payload: Vec<u8> = (0..len).map(|at| at as u8).collect();
            ana.queue_signed(now, channel, &payload, &key(7)).unwrap();
            let mut heard = Told::new();
            for datagram in datagrams(&mut ana, now) {
                heard.extend(told(&mut ben, now, &datagram));
            }
            assert_eq!(heard, says(&payload), "{class:?} {len}");
        }
    }
}

#[test]
fn a_signature_takes_64_octets_of_what_fits() {
    for class in [Class::Latest, Class::ReliableOrdered] {
        let mut ana = member(config("ana"), 1);
        let limit = ana.max_message(class) - 64;
        let channel = Channel::new(1, class);
        let refused = ana.queue_signed(ms(1), channel, &vec![0; limit + 1], &key(7));
        let len = limit + 1;
        let expected = SendError::TooLong { len, limit };
        assert_eq!(refused, Err(expected));
        ana.queue_signed(ms(1), channel, &vec![0; limit], &key(7))
            .unwrap();
    }
}

/// PROTOCOL P1.
#[test]
fn every_bit_of_payload_and_signature_counts() {
    let sent = Sent::new(COMMANDS, b"off");
    assert_eq!(sent.told(), says(b"off"));
    for bit in 0..sent.octets.len() * 8 {
        let mut other = sent.clone();
        other.octets[bit / 8] ^= 1 << (bit % 8);
        let payload = other.octets[..3].to_vec();
        assert_eq!(
            other.told(),
            refused(&payload, NotTrusted::NobodyTrusted),
            "bit {bit}"
        );
    }
}

/// PROTOCOL P1.
#[test]
fn a_message_that_is_carried_elsewhere_is_nobodys() {
    let here = Sent::new(COMMANDS, b"off");
    assert_eq!(here.told(), says(b"off"));
    let elsewhere = [
        (
            "address",
            Sent {
                group: "239.1.2.4:12345".parse().unwrap(),
                ..here.clone()
            },
        ),
        (
            "port",
            Sent {
                group: "239.1.2.3:12346".parse().unwrap(),
                ..here.clone()
            },
        ),
        (
            "group name",
            Sent {
                group_name: Name::new("kitchen").unwrap(),
                ..here.clone()
            },
        ),
        (
            "sender",
            Sent {
                sender: id(8),
                ..here.clone()
            },
        ),
        (
            "session",
            Sent {
                session: Session::new(10 | 1 << 63),
                ..here.clone()
            },
        ),
        (
            "channel",
            Sent {
                channel: Channel::reliable_ordered(3),
                ..here.clone()
            },
        ),
        (
            "class",
            Sent {
                channel: Channel::reliable_unordered(2),
                ..here.clone()
            },
        ),
        (
            "class",
            Sent {
                channel: Channel::state(2),
                ..here.clone()
            },
        ),
        (
            "class",
            Sent {
                channel: Channel::latest(2),
                ..here.clone()
            },
        ),
        (
            "sequence",
            Sent {
                sequence: 5,
                ..here.clone()
            },
        ),
    ];
    for (what, sent) in elsewhere {
        assert_eq!(
            sent.told(),
            refused(b"off", NotTrusted::NobodyTrusted),
            "{what}"
        );
    }
}

/// PROTOCOL P1.
#[test]
fn group_names_of_one_length_are_told_apart() {
    let named = |name| Sent {
        group_name: Name::new(name).unwrap(),
        ..Sent::new(COMMANDS, b"")
    };
    let kitchen = named("kitchen");
    let statement = Statement {
        group: kitchen.group,
        group_name: kitchen.group_name,
        sender: kitchen.sender,
        session: kitchen.session,
        channel: kitchen.channel,
        sequence: Sequence::new(kitchen.sequence),
        payload: b"",
    };
    let octets = key(7).sign(&statement).to_vec();
    let carried = |sent| Sent {
        octets: octets.clone(),
        ..sent
    };
    assert_eq!(carried(kitchen).told(), says(b""));
    let chicken = carried(named("chicken")).told();
    assert_eq!(chicken, refused(b"", NotTrusted::NobodyTrusted));
}

/// PROTOCOL P1.
#[test]
fn latest_and_best_effort_are_told_apart() {
    let sent = Sent::new(Channel::latest(2), b"off");
    assert_eq!(sent.told(), says(b"off"));
    let other = Sent {
        channel: Channel::best_effort(2),
        ..sent
    };
    assert_eq!(other.told(), refused(b"off", NotTrusted::NobodyTrusted));
}

/// PROTOCOL P3.
#[test]
fn who_is_not_trusted_and_who_does_not_sign_is_told_apart() {
    let mut ana = member(config("ana"), 1);
    let mut ben = member(config("ben"), 2);
    ana.queue_signed(ms(5), COMMANDS, b"off", &key(8)).unwrap();
    ana.queue(ms(5), COMMANDS, b"on").unwrap();
    let mut heard = Told::new();
    for datagram in datagrams(&mut ana, ms(5)) {
        heard.extend(told(&mut ben, ms(5), &datagram));
    }
    let expected = [
        refused(b"off", NotTrusted::NobodyTrusted),
        refused(b"on", NotTrusted::NotSigned),
    ];
    assert_eq!(heard, expected.concat());
}

/// PROTOCOL P2.
#[test]
fn a_message_too_short_for_its_signature_is_malformed_and_empty() {
    let sent = Sent::new(COMMANDS, b"");
    assert_eq!(sent.told(), says(b""));
    for len in [0, 1, 63] {
        let mut short = sent.clone();
        short.octets.truncate(len);
        assert_eq!(short.told(), refused(b"", NotTrusted::Malformed), "{len}");
    }
    // So in fragments.
    let mut ben = member(config("ben"), 2);
    let mut ana = Puppet::new(7, 9);
    let mut heard = Told::new();
    for fragment in 0..2 {
        let data = Data {
            signed: true,
            fragment,
            last: 1,
            sequence: 4 + u32::from(fragment),
            ..data("half")
        };
        heard.extend(told(&mut ben, ms(5), &ana.say(&[Frame::Data(data)])));
    }
    assert_eq!(heard, refused(b"", NotTrusted::Malformed));
}

#[test]
fn without_the_mark_a_signature_is_part_of_the_payload() {
    let mut ben = member(config("ben"), 2);
    let octets = Sent::new(COMMANDS, b"off").octets;
    let data = Data {
        class: 2,
        channel: 2,
        sequence: 4,
        payload: &octets,
        ..data("")
    };
    let datagram = Puppet::new(7, 9).say(&[Frame::Data(data)]);
    assert_eq!(
        told(&mut ben, ms(5), &datagram),
        refused(&octets, NotTrusted::NotSigned)
    );
}

/// PROTOCOL P5.
#[test]
fn who_has_no_place_on_the_roster_cannot_be_verified() {
    type One = Storage<1, 1, 16, 20, 1600, 1473>;
    let mut ben = Group::new(One::new(), config("ben"), [2; 32]).unwrap();
    told(&mut ben, ms(5), &Puppet::new(5, 5).hello("cho"));
    let sent = Sent::new(Channel::best_effort(2), b"off");
    let heard = told(&mut ben, ms(5), &sent.datagram(1));
    assert_eq!(heard, refused(b"off", NotTrusted::NoSession));
}

/// PROTOCOL P6.
#[test]
fn a_verifier_takes_nothing_twice_whatever_the_group_forgets() {
    for channel in [
        COMMANDS,
        Channel::best_effort(1),
        Channel::state(1),
        Channel::latest(1),
    ] {
        let trusted = [key(7).public()];
        let mut verifier: Verifier<'_, 4> = Verifier::new(&trusted);
        let mut ben = member(config("ben"), 2);
        let sent = Sent::new(channel, b"off");
        let mut check = |ben: &mut Group<Room>, now, counter| {
            told_with(ben, now, &sent.datagram(counter), |message| {
                verifier.check(message).copied()
            })
        };
        assert_eq!(check(&mut ben, ms(5), 1), says(b"off"));
        // A member repeats it in a datagram of its own making.
        let again = check(&mut ben, ms(6), 2);
        if channel.class() == Class::BestEffort {
            assert_eq!(again, refused(b"off", NotTrusted::Replayed));
        } else {
            assert_eq!(again, [], "the stream knows it");
        }
        // It repeats it when the sender is forgotten.
        let later = ms(5) + Duration::from_secs(3600);
        ben.handle_timeout(later);
        while ben.poll_event().is_some() {}
        let mut cho = member(config("cho"), 3);
        for ben in [&mut ben, &mut cho] {
            let again = check(ben, later, 3);
            assert!(
                again == refused(b"off", NotTrusted::Replayed) || again.is_empty(),
                "{channel:?} {again:?}"
            );
        }
    }
}

#[test]
fn a_new_verifier_remembers_nothing() {
    // What SECURITY.md says is not defended: the restart of a receiver.
    let sent = Sent::new(COMMANDS, b"off");
    let trusted = [key(7).public()];
    for seed in [2, 3] {
        let mut verifier: Verifier<'_, 4> = Verifier::new(&trusted);
        let mut ben = member(config("ben"), seed);
        let heard = told_with(&mut ben, ms(5), &sent.datagram(1), |message| {
            verifier.check(message).copied()
        });
        assert_eq!(heard, says(b"off"));
    }
}

/// PROTOCOL P6.
#[test]
fn a_verifier_keeps_channels_sessions_and_publishers_apart() {
    let trusted = [key(7).public()];
    let mut verifier: Verifier<'_, 3> = Verifier::new(&trusted);
    let first = Sent::new(Channel::best_effort(1), b"a");
    let second = Sent::new(Channel::best_effort(2), b"b");
    let mut ben = member(config("ben"), 2);
    for (counter, sent) in [(1, &first), (2, &second)] {
        let heard = told_with(&mut ben, ms(5), &sent.datagram(counter), |message| {
            verifier.check(message).copied()
        });
        assert!(heard[0].1.is_ok(), "{heard:?}");
    }
    let heard = told_with(&mut ben, ms(5), &first.datagram(3), |message| {
        verifier.check(message).copied()
    });
    assert_eq!(heard, refused(b"a", NotTrusted::Replayed));
}

/// PROTOCOL P6.
#[test]
fn a_publisher_that_restarts_begins_its_numbers_anew() {
    let trusted = [key(7).public()];
    let mut verifier: Verifier<'_, 4> = Verifier::new(&trusted);
    let mut ben = member(config("ben"), 2);
    let mut now = ms(1_000);
    for (life, text) in ["on", "off"].into_iter().enumerate() {
        let config = config("ana").with_id(id(7));
        let mut ana = member(config, 10 + life as u8);
        let mut heard = Told::new();
        for more in [text, "again"] {
            let sequence = ana.queue_signed(now, COMMANDS, more.as_bytes(), &key(7));
            assert_eq!(sequence.is_ok_and(|n| n.get() == 0), more == text);
        }
        for datagram in datagrams(&mut ana, now) {
            heard.extend(told_with(&mut ben, now, &datagram, |message| {
                verifier.check(message).copied()
            }));
        }
        assert_eq!(heard, [says(text.as_bytes()), says(b"again")].concat());
        now += Duration::from_secs(5);
    }
}

#[test]
fn a_value_that_a_latecomer_asks_for_is_signed_still() {
    let mut ana = member(config("ana"), 1);
    let mut now = ms(1_000);
    ana.queue_signed(now, Channel::state(1), b"21.5", &key(7))
        .unwrap();
    // So much is said after it that it is no longer kept for repair.
    for _ in 0..20 {
        ana.queue(now, COMMANDS, &[b'x'; 500]).unwrap();
        datagrams(&mut ana, now);
        now += Duration::from_millis(100);
    }
    now += Duration::from_secs(10);
    let mut ben = member(config("ben"), 2);
    let end = now + Duration::from_secs(10);
    let mut heard = Told::new();
    while now < end {
        for datagram in datagrams(&mut ana, now) {
            heard.extend(told(&mut ben, now, &datagram));
        }
        for datagram in datagrams(&mut ben, now) {
            told(&mut ana, now, &datagram);
        }
        now += Duration::from_millis(1);
    }
    assert_eq!(heard, says(b"21.5"));
}

/// PROTOCOL P1.
#[test]
fn what_was_queued_before_an_id_was_drawn_anew_fits_nobody() {
    let mut ana = member(config("ana"), 1);
    let mut ben = member(config("ben"), 2);
    datagrams(&mut ana, ms(5));
    let now = ms(5_000);
    ana.queue_signed(now, COMMANDS, b"off", &key(7)).unwrap();
    let before = ana.session();
    let claim = Puppet::new(ana.id().get(), 0).hello("twin");
    hear(&mut ana, now, &claim);
    assert_ne!(ana.session(), before);
    let hear_all = |ana: &mut Group<Room>, ben: &mut Group<Room>| {
        let mut heard = Told::new();
        for datagram in datagrams(ana, now) {
            heard.extend(told(ben, now, &datagram));
        }
        heard
    };
    let heard = hear_all(&mut ana, &mut ben);
    assert_eq!(heard, refused(b"off", NotTrusted::NobodyTrusted));
    ana.queue_signed(now, COMMANDS, b"off", &key(7)).unwrap();
    assert_eq!(hear_all(&mut ana, &mut ben), says(b"off"));
}

/// PROTOCOL P1.
#[test]
fn repairs_and_values_for_latecomers_are_signed_still() {
    let values = Channel::state(1);
    let mut ana = large_member(config("ana"), 1);
    let mut ben = large_member(config("ben").with_join_at(Join::Recent(16)), 2);
    let mut now = ms(1_000);
    ana.queue_signed(now, values, b"21.5", &key(7)).unwrap();
    let long: Vec<u8> = (0..2_000).map(|at| at as u8).collect();
    ana.queue_signed(now, COMMANDS, &long, &key(7)).unwrap();
    // Ben hears none of this, and asks for it later.
    datagrams(&mut ana, now);
    let mut heard = Told::new();
    let end = now + Duration::from_secs(10);
    while now < end {
        for datagram in datagrams(&mut ana, now) {
            heard.extend(told(&mut ben, now, &datagram));
        }
        for datagram in datagrams(&mut ben, now) {
            told(&mut ana, now, &datagram);
        }
        now += Duration::from_millis(1);
    }
    heard.sort_by_key(|(payload, _)| payload.len());
    assert_eq!(heard, [says(b"21.5"), says(&long)].concat());
}
