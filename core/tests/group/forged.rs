//! The worst that one forged datagram can do in an open group, and for how long: anybody may send it.

use core::time::Duration;

use groupcast::wire::{
    self, Ack, AckRequest, Ask, Busy, Bye, Data, Echo, Frame, Header, Hello, Nack, Skip, Start,
    Suite, Sync, Time,
};
use groupcast::{Channel, Name, Session};

use crate::hub::{
    self, Hub, Puppet, address, config, data, drain, group_address, hear, hello, id, ms,
};

const RELIABLE: Channel = Channel::reliable_ordered(1);

/// How often ana says something.
const PERIOD: Duration = Duration::from_millis(100);

/// Whose the datagram says it is.
#[derive(Clone, Copy, Debug)]
enum Whose {
    /// Of ana's session, with a number so far ahead of hers.
    Anas(u64),
    /// Of ana's id, in another life: an earlier or a later session.
    AnotherLife(u64),
    /// Of the session that follows ana's.
    NextSession,
    /// Of ben's session.
    Bens,
    /// Of nobody there is.
    Nobodys,
}

/// What members are called in frames: id and life.
struct Names {
    ana: (u32, u32),
    ben: (u32, u32),
    /// How many messages ana has sent in order.
    next: u32,
    /// Ana's clock.
    clock: u32,
}

/// Three members, of which ana speaks, and what the others hear.
struct Scene {
    hub: Hub,
    said: u32,
}

impl Scene {
    fn new(fixed: bool) -> Self {
        let ana = config("ana");
        let ana = if fixed { ana.with_id(id(7)) } else { ana };
        let mut scene = Self {
            hub: Hub::new([ana, config("ben"), config("cho")]),
            said: 0,
        };
        scene.speak(50);
        scene.hub.log(1);
        scene.hub.log(2);
        scene
    }

    /// Ana says one reliable message after the other.
    fn speak(&mut self, times: u32) {
        for _ in 0..times {
            let (now, text) = (self.hub.now, self.said.to_string());
            // A member that fell silent is refused it.
            let _ = self.hub.group(0).queue(now, RELIABLE, text.as_bytes());
            self.said += 1;
            self.hub.run(PERIOD);
        }
    }

    fn names(&mut self) -> Names {
        let name = |hub: &mut Hub, n| (hub.group(n).id().get(), hub.group(n).session().life());
        Names {
            ana: name(&mut self.hub, 0),
            ben: name(&mut self.hub, 1),
            next: self.said,
            clock: self.hub.now.as_micros() as u32,
        }
    }

    fn forge(&mut self, whose: Whose, frames: &[Frame<'_>]) -> Vec<u8> {
        let hub = &mut self.hub;
        let sent = |hub: &mut Hub, n| hub.group(n).counters().datagrams_sent;
        let own = |hub: &mut Hub, n| (hub.group(n).id(), hub.group(n).session());
        let (ana, session) = own(hub, 0);
        let following = session.get().wrapping_add(1 << 32);
        let ((sender, session), counter) = match whose {
            Whose::Anas(ahead) => (own(hub, 0), sent(hub, 0) + ahead),
            Whose::AnotherLife(session) => ((ana, Session::new(session)), 1),
            Whose::NextSession => ((ana, Session::new(following)), 1),
            Whose::Bens => (own(hub, 1), sent(hub, 1) + 1),
            Whose::Nobodys => ((id(99), Session::new(1)), 1),
        };
        let header = Header {
            suite: Suite::Open,
            tag: wire::open_group_tag(group_address(), &Name::EMPTY),
            sender,
            session,
            counter: counter.min(Header::MAX_COUNTER),
        };
        let mut buffer = vec![0; 1472];
        let len = wire::emit(&header, frames, &mut buffer).unwrap();
        buffer.truncate(len);
        buffer
    }

    /// These members hear the datagram.
    fn hear(&mut self, members: &[usize], datagram: &[u8]) {
        for n in members {
            let (group, log) = &mut self.hub.members[*n];
            drain(group, log);
            group.handle(self.hub.now, address(99), datagram).unwrap();
            drain(group, log);
        }
    }

    /// What all members have sent so far.
    fn sent(&mut self) -> u64 {
        let octets = |(group, _): &(groupcast::Group<hub::Room>, _)| group.counters().bytes_sent;
        self.hub.members.iter().map(octets).sum()
    }

    /// How many of the messages that ana has said since, beginning with this one, the member has not heard.
    fn missed(&mut self, n: usize, since: u32) -> usize {
        let log = self.hub.log(n);
        let heard = |said: u32| log.iter().any(|line| line.ends_with(&format!(": {said}")));
        (since..self.said).filter(|said| !heard(*said)).count()
    }
}

/// All words of a NACK.
fn all_of((target, session): (u32, u32), base: u32) -> Frame<'static> {
    Frame::Nack(Nack {
        words: 8,
        missing: [u32::MAX; Nack::MAX_WORDS],
        ..Nack::new(target, session, base)
    })
}

fn small() -> Hello<'static> {
    Hello {
        interval: u16::MAX,
        max_datagram: 1,
        receive_burst: 1,
        group_size: 255,
        ..hello("small")
    }
}

fn reliable(sequence: u32) -> Data<'static> {
    Data {
        class: 2,
        sequence,
        ..data("forged")
    }
}

type Says = fn(&Names) -> Vec<Frame<'static>>;

const HIGHEST: &str = "the highest number";
const FAR: &str = "far ahead";
const EARLIER: &str = "an earlier life";

/// The worst that there is of each kind, and in whose name.
const FORGERIES: [(&str, Whose, Says); 21] = [
    ("BYE", Whose::Anas(1), |_| vec![Frame::Bye(Bye::LEFT)]),
    (HIGHEST, Whose::Anas(u64::MAX >> 1), |_| {
        vec![Frame::Data(data("forged"))]
    }),
    (FAR, Whose::Anas(1), |it| {
        vec![hub::sync(it.next + 1_000_000_000, 0)]
    }),
    ("low", Whose::Anas(1), |it| {
        vec![hub::sync(it.next + 3, it.next + 3)]
    }),
    ("DATA ahead", Whose::Anas(1), |it| {
        vec![Frame::Data(reliable(it.next + 100))]
    }),
    ("DATA", Whose::Anas(1), |it| {
        vec![Frame::Data(reliable(it.next))]
    }),
    ("SKIP", Whose::Anas(1), |it| {
        let skip = Skip {
            first: it.next,
            count: u16::MAX,
        };
        vec![hub::sync(it.next + 10, 0), Frame::Skip(skip)]
    }),
    ("HELLO small", Whose::Anas(1), |_| {
        vec![Frame::Hello(small())]
    }),
    ("START", Whose::Anas(1), |it| {
        vec![Frame::Start(Start {
            target: it.ben.0,
            session: it.ben.1,
            next: 0,
        })]
    }),
    ("later life", Whose::AnotherLife(u64::MAX), |_| {
        vec![Frame::Hello(hello("ana"))]
    }),
    (EARLIER, Whose::AnotherLife(1), |_| {
        vec![Frame::Hello(hello("ana"))]
    }),
    ("next session", Whose::NextSession, |it| {
        vec![Frame::Hello(hello("ana")), hub::sync(it.next, it.next)]
    }),
    ("gives way", Whose::AnotherLife(u64::MAX), |_| {
        vec![Frame::Bye(Bye::GIVE_WAY)]
    }),
    ("ACK", Whose::Bens, |it| {
        vec![Frame::Ack(Ack {
            target: it.ana.0,
            session: it.ana.1,
            since: 0,
            next: it.next,
        })]
    }),
    ("NACK", Whose::Nobodys, |it| {
        vec![all_of(it.ana, it.next.saturating_sub(256))]
    }),
    ("ASK", Whose::Nobodys, |it| {
        vec![Frame::Ask(Ask {
            target: it.ana.0,
            session: it.ana.1,
        })]
    }),
    ("BUSY", Whose::Nobodys, |_| {
        vec![Frame::Busy(Busy { wait: u16::MAX })]
    }),
    ("JOIN and PROBE", Whose::Nobodys, |_| {
        vec![Frame::Hello(Hello {
            join: true,
            probe: true,
            ..small()
        })]
    }),
    ("asks who has it", Whose::Nobodys, |_| {
        let request = AckRequest {
            sequence: u32::MAX,
            spread: 0,
        };
        vec![
            Frame::Hello(small()),
            hub::sync(0, 0),
            Frame::AckRequest(request),
        ]
    }),
    ("round trip", Whose::Nobodys, |it| {
        let echo = Echo {
            member: it.ana.0,
            stamp: it.clock.wrapping_sub(9_999_999),
            held: 0,
        };
        let echoes: Vec<u8> = core::iter::repeat_n(echo.to_bytes(), 100)
            .flatten()
            .collect();
        vec![Frame::Time(Time {
            stamp: 1,
            echoes: echoes.leak(),
        })]
    }),
    ("missing", Whose::Nobodys, |_| {
        let sync = Sync {
            next: 10,
            low: 0,
            round_trip: 1,
            group_size: 0,
            states: 3,
        };
        vec![
            Frame::Hello(small()),
            Frame::Sync(Sync { next: 0, ..sync }),
            Frame::Sync(sync),
        ]
    }),
];

/// Bytes that all three members together send more in the first second at most.
const EXTRA: u64 = 6_000;

#[test]
fn after_one_forged_datagram_everybody_is_heard_and_little_is_sent() {
    for fixed in [false, true] {
        let mut peace = Scene::new(fixed);
        let began = peace.sent();
        peace.speak(10);
        let usual = peace.sent() - began;
        for (name, whose, says) in FORGERIES {
            if fixed && name == EARLIER {
                // See below.
                continue;
            }
            let mut scene = Scene::new(fixed);
            let (before, began, names) = (scene.said, scene.sent(), scene.names());
            let datagram = scene.forge(whose, &says(&names));
            scene.hear(&[0, 1, 2], &datagram);
            scene.speak(10);
            let sent = scene.sent() - began;
            assert!(sent <= usual + EXTRA, "{name}: {sent}, in peace {usual}");
            scene.speak(100);
            for n in 1..3 {
                assert_eq!(scene.missed(n, before), 0, "{name}: member {n}");
                assert_eq!(scene.hub.group(n).peers().count(), 2, "{name}");
            }
        }
    }
}

/// What only one receiver hears nobody else can notice.
#[test]
fn a_forgery_that_only_one_receiver_hears_lasts_there_until_its_sender_starts_again() {
    for (name, whose, says) in FORGERIES {
        let mut scene = Scene::new(false);
        let (before, names) = (scene.said, scene.names());
        let datagram = scene.forge(whose, &says(&names));
        scene.hear(&[1], &datagram);
        scene.speak(200);
        let missed = scene.missed(1, before);
        match name {
            "BYE" | HIGHEST | FAR => assert_eq!(missed, 200, "{name}"),
            // As many numbers as it took for itself.
            "DATA ahead" => assert_eq!(missed, 101, "{name}"),
            "low" | "SKIP" | "DATA" => assert!((1..=10).contains(&missed), "{name}: {missed}"),
            _ => assert_eq!(missed, 0, "{name}"),
        }
        assert_eq!(scene.missed(2, before), 0, "{name}: who did not hear it");
        let before = scene.said;
        scene.hub.members[0].0 = hub::member(config("ana"), 77);
        scene.speak(20);
        assert_eq!(scene.missed(1, before), 0, "{name}");
    }
}

/// Somebody with this id who was there first: one of the two falls silent (PROTOCOL M28), and says so.
#[test]
fn one_datagram_of_a_lower_session_silences_a_member_whose_id_is_fixed() {
    let mut scene = Scene::new(true);
    let before = scene.said;
    let datagram = scene.forge(Whose::AnotherLife(0), &[Frame::Hello(hello("ana"))]);
    scene.hear(&[0, 1, 2], &datagram);
    scene.speak(20);
    assert_eq!(scene.missed(1, before), 20);
    let told = scene.hub.log(0);
    assert_eq!(told.last().unwrap(), "duplicate Silenced");
}

/// A receipt in another's name.
#[test]
fn one_datagram_confirms_what_nobody_has() {
    let mut scene = Scene::new(false);
    scene.hub.log(0);
    // Ben and cho hear nothing any more.
    scene.hub.cut_off = vec![1, 2];
    let (names, now) = (scene.names(), scene.hub.now);
    let sequence = scene.hub.group(0).queue(now, RELIABLE, b"open").unwrap();
    scene.hub.group(0).confirm(now, sequence).unwrap();
    scene.hub.run(Duration::from_millis(50));
    let ack = Ack {
        target: names.ana.0,
        session: names.ana.1,
        since: 0,
        next: sequence.next().get(),
    };
    let datagram = scene.forge(Whose::Bens, &[Frame::Ack(ack)]);
    scene.hear(&[0], &datagram);
    let told = scene.hub.log(0);
    let confirmed: Vec<_> = told
        .iter()
        .filter(|line| line.starts_with("Confirmed"))
        .collect();
    assert!(
        confirmed.len() == 1 && confirmed[0].contains("ben"),
        "{told:?}"
    );
}

/// PROTOCOL M10.
#[test]
fn small_limits_of_somebody_made_up_are_gone_within_eight_seconds() {
    let largest = |scene: &mut Scene| {
        let (now, large) = (scene.hub.now, [b'x'; 1_000]);
        let sent = scene.hub.group(0).queue(now, hub::CHANNEL, &large);
        scene.hub.run(Duration::from_millis(10));
        sent.is_ok()
    };
    let mut scene = Scene::new(false);
    let before = largest(&mut scene);
    let datagram = scene.forge(Whose::Nobodys, &[Frame::Hello(small())]);
    scene.hear(&[0, 1, 2], &datagram);
    assert!(!largest(&mut scene), "it counts as a member at first");
    scene.hub.run(Duration::from_millis(7_100));
    assert_eq!(largest(&mut scene), before);
    assert!(before);
}

/// The round trip that a member states, after this datagram.
fn stated_after(group: &mut groupcast::Group<hub::Room>, at: u64, datagram: &[u8]) -> u8 {
    hear(group, ms(at), datagram);
    let (mut buffer, mut stated) = ([0; 1472], None);
    group.handle_timeout(ms(at));
    while let Some(transmit) = group.poll_transmit(ms(at), &mut buffer).unwrap() {
        let (_, frames) = wire::parse(&buffer[..transmit.len]).unwrap();
        for frame in frames.flatten() {
            if let Frame::Hello(hello) = frame {
                stated = Some(hello.round_trip);
            }
        }
    }
    stated.expect("it says HELLO")
}

/// PROTOCOL M19.
#[test]
fn one_datagram_moves_the_round_trip_by_three_sixteenths() {
    let mut ana = hub::member(config("ana"), 1);
    let mut ben = Puppet::new(7, 1);
    let own = ana.id().get();
    // The clock counts from the first time that a member hears of.
    hear(&mut ana, ms(0), &ben.hello("ben"));
    let echoes = |at: u64, trip: u32, count: usize| -> Vec<u8> {
        let echo = Echo {
            member: own,
            stamp: (at as u32 * 1_000).wrapping_sub(trip),
            held: 0,
        };
        core::iter::repeat_n(echo.to_bytes(), count)
            .flatten()
            .collect()
    };
    for at in 1..200 {
        let echoes = echoes(at, 2_000, 1);
        let time = Frame::Time(Time {
            stamp: 1,
            echoes: &echoes,
        });
        hear(&mut ana, ms(at), &ben.say(&[time]));
    }
    let forged = echoes(4_000, 9_900_000, 20);
    let time = Frame::Time(Time {
        stamp: 1,
        echoes: &forged,
    });
    let probe = ben.say(&[time; 5]);
    let stated = stated_after(&mut ana, 4_000, &probe);
    // 2 ms, and three sixteenths of a second: 189 ms.
    assert!((139..=141).contains(&stated), "{stated}");
}
