//! Wherever in the course of things everything becomes older, the same happens.

use core::net::SocketAddr;
use core::time::Duration;
use std::format;
use std::string::String;
use std::vec::Vec;

use super::membership::{Membership, Position};
use super::receiving::Stream;
use crate::time::{Ageing, Span, Tick};
use crate::wire::{self, Busy, Bye, Data, Frame, Header, Hello, Nack, Suite, Sync};
use crate::{
    Channel, Config, Destination, Event, Group, Instant, MemberId, Memory, Name, Pace, Sends,
    Session, Storage,
};

/// Milliseconds of the story, and between two looks at it.
const END: u32 = 24_000;
const STEP: u32 = 4;

const EVERY_CLASS: [Channel; 5] = [
    Channel::best_effort(1),
    Channel::latest(2),
    Channel::state(3),
    Channel::reliable_unordered(4),
    Channel::reliable_ordered(5),
];

fn address(n: usize) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, n as u8 + 1], 40_000))
}

fn config() -> Config {
    Config::new("239.1.2.3:12345".parse().unwrap())
}

/// Three members whose datagrams arrive at once, strangers whose datagrams are made by hand, and all that happens
/// between them.
struct Story<M: Memory> {
    members: Vec<Group<M>>,
    now: Instant,
    told: Vec<String>,
    sent: usize,
    /// The strangers count on from more than anybody sends.
    counter: u64,
    /// What was lost on its way to member 1.
    lost: Vec<(u32, usize, Vec<u8>)>,
}

/// What a stranger says in these milliseconds: when, who, of which session.
type Line<'a> = (u32, u32, u64, Frame<'a>);

fn hello(probe: bool) -> Frame<'static> {
    Frame::Hello(Hello {
        probe,
        interval: 100,
        max_datagram: 600,
        max_message: 16,
        ..Hello::new(Name::EMPTY)
    })
}

fn sync(next: u32, states: u8) -> Frame<'static> {
    Frame::Sync(Sync {
        next,
        low: 0,
        round_trip: 106,
        group_size: 0,
        states,
    })
}

fn data(class: u8, sequence: u32, fragment: u8, last: u8) -> Frame<'static> {
    Frame::Data(Data {
        class,
        latest: false,
        repair: false,
        copy: false,
        signed: false,
        channel: 9,
        horizon: 3,
        fragment,
        last,
        sequence,
        payload: b"strange",
    })
}

/// What strangers say. Their ids begin with 100, so that none is a member's.
fn lines(members: [(u32, u64); 3]) -> Vec<Line<'static>> {
    let [(ana, ana_session), ..] = members;
    let mut lines = std::vec![
        // A pause, and another one that comes too soon.
        (6_000, 100, 1, Frame::Busy(Busy { wait: 400 })),
        (6_900, 100, 1, Frame::Busy(Busy { wait: 400 })),
        (8_600, 100, 1, Frame::Busy(Busy { wait: 400 })),
        // A stream that does not say since when it counts anybody in, of which something never comes, and values.
        (200, 101, 1, hello(false)),
        (1_500, 101, 1, data(2, 7, 0, 0)),
        (1_600, 101, 1, data(2, 9, 0, 0)),
        (1_700, 101, 1, sync(10, 2)),
        (9_100, 101, 1, data(2, 10, 0, 0)),
        (9_200, 101, 1, data(2, 12, 0, 0)),
        // Two lives that speak in turn.
        (2_500, 102, 1, hello(false)),
        (3_500, 102, 2, hello(false)),
        (3_900, 102, 1, data(0, 1, 0, 0)),
        (4_500, 102, 2, data(0, 2, 0, 0)),
        (5_000, 102, 1, data(0, 2, 0, 0)),
        (6_500, 102, 2, data(0, 3, 0, 0)),
        (8_500, 102, 1, data(0, 4, 0, 0)),
        // Questions that are answered once.
        (4_000, 103, 1, hello(true)),
        (4_060, 103, 1, hello(true)),
        (4_140, 103, 1, hello(true)),
        // This member's id, with a session that comes after its own.
        (11_000, ana, u64::MAX, hello(false)),
        (13_000, ana, u64::MAX, hello(false)),
        (23_900, 103, 1, Frame::Bye(Bye { reason: 0 })),
    ];
    // Somebody asks again and again for what there never was.
    for at in (7_000..7_200).step_by(4) {
        let nack = Nack {
            words: 1,
            missing: [1; Nack::MAX_WORDS],
            ..Nack::new(ana, ana_session as u32, 1 << 31)
        };
        lines.push((at, 104, 1, Frame::Nack(nack)));
    }
    // More messages begin than there is room for, and end; more streams are heard of, and go on.
    for n in 0..7 {
        let (at, id) = (1_000 + 300 * n, 110 + n);
        lines.push((at, id, 1, hello(false)));
        lines.push((at + 20, id, 1, data(0, 10, 0, 1)));
        lines.push((at + 40, id, 1, data(2, 0, 0, 0)));
        lines.push((at + 2_500, id, 1, data(0, 11, 1, 1)));
        lines.push((at + 2_700, id, 1, data(2, 1, 0, 0)));
    }
    // More members than there are places.
    for n in 0..30 {
        lines.push((10_000 + 170 * n, 200 + n, 1, hello(false)));
    }
    lines
}

impl<M: Memory> Story<M> {
    fn note(&mut self, n: usize) {
        while let Some(event) = self.members[n].poll_event() {
            let told = match event {
                Event::Message(message) => format!("{} octets", message.payload().len()),
                other => format!("{other:?}"),
            };
            let at = self.now.as_micros() / 1_000;
            self.told.push(format!("{at} ms: {n} is told: {told}"));
        }
    }

    fn hear(&mut self, from: usize, to: usize, datagram: &[u8]) {
        self.note(to);
        let group = &mut self.members[to];
        group.handle(self.now, address(from), datagram).unwrap();
        self.note(to);
    }

    /// Everybody says what is to be said now. Of what is `lossy`, some is lost; whoever is `away` is not heard, and
    /// hears nothing.
    fn settle(&mut self, millis: u32, lossy: bool, away: Option<usize>) {
        let mut buffer = [0; 1472];
        let members = 0..self.members.len();
        let present: Vec<_> = members.filter(|n| Some(*n) != away).collect();
        let mut busy = true;
        while core::mem::take(&mut busy) {
            for from in &present {
                while let Some(transmit) = self.members[*from]
                    .poll_transmit(self.now, &mut buffer)
                    .unwrap()
                {
                    busy = true;
                    let datagram = buffer[..transmit.len].to_vec();
                    self.told
                        .push(format!("{millis} ms: {from} says {datagram:02x?}"));
                    for to in present.iter().filter(|to| *to != from) {
                        self.sent += 1;
                        let meant = match transmit.to {
                            Destination::Group => true,
                            Destination::Peer(at) => at == address(*to),
                        };
                        let lost = lossy && [0, 4, 5].contains(&(self.sent % 11));
                        if meant && !lost {
                            self.hear(*from, *to, &datagram);
                        } else if meant && *to == 1 {
                            self.lost.push((millis, *from, datagram.clone()));
                        }
                    }
                }
                self.members[*from].handle_timeout(self.now);
                self.note(*from);
            }
        }
    }

    fn tell(members: Vec<Group<M>>, ages_after: Span) -> Vec<String> {
        let own = |n: usize| {
            let member: &Group<M> = &members[n];
            (member.id().get(), member.session().get())
        };
        let mut lines = lines([own(0), own(1), own(2)]);
        let mut story = Self {
            members,
            now: Instant::from_millis(0),
            told: Vec::new(),
            sent: 0,
            counter: 1 << 20,
            lost: Vec::new(),
        };
        for member in &mut story.members {
            member.engine.clock.begin_before_ageing(ages_after);
        }
        for millis in (0..END).step_by(STEP as usize) {
            story.act(millis);
            lines.retain(|line| {
                let waits = line.0 > millis;
                if !waits && !story.members[0].is_sealed() {
                    story.strange(line);
                }
                waits
            });
            let away = (9_000..13_500).contains(&millis).then_some(2);
            story.settle(millis, (2_000..16_000).contains(&millis), away);
            story.now += Duration::from_millis(STEP.into());
        }
        story.told
    }

    /// A stranger says something.
    fn strange(&mut self, (_, id, session, frame): &Line<'_>) {
        self.counter += 1;
        let header = Header {
            suite: Suite::Open,
            tag: wire::open_group_tag(config().group(), &Name::EMPTY),
            sender: MemberId::new(*id).unwrap(),
            session: Session::new(*session),
            counter: self.counter,
        };
        let mut buffer = [0; 600];
        let len = wire::emit(&header, core::slice::from_ref(frame), &mut buffer).unwrap();
        for to in 0..self.members.len() {
            self.hear(50, to, &buffer[..len]);
        }
    }

    /// What the members do themselves.
    fn act(&mut self, millis: u32) {
        let now = self.now;
        if millis % 1_000 == 300 && millis < 18_000 {
            for (n, member) in self.members.iter_mut().enumerate() {
                for channel in EVERY_CLASS {
                    let is_long = n == 0 && channel.class().is_reliable();
                    let len = if is_long { 600 } else { 20 };
                    let _ = member.queue(now, channel, &[b'x'; 600][..len]);
                }
            }
        }
        let channel = Channel::reliable_ordered(6);
        // A steady flow; and more than the others take at once.
        if (10_000..12_000).contains(&millis) && millis.is_multiple_of(20) {
            let _ = self.members[0].queue(now, channel, b"now and then");
        }
        if (7_500..8_500).contains(&millis) {
            while self.members[1].queue(now, channel, &[b'y'; 400]).is_ok() {}
        }
        if millis % 500 == 100
            && (5_000..15_000).contains(&millis)
            && let Ok(number) = self.members[2].queue(now, channel, b"who has it?")
        {
            self.members[2].confirm(now, number).unwrap();
        }
        // Old ones come back, long after they were sent.
        let is_old = |(at, ..): &(u32, usize, Vec<u8>)| millis == at + 19_000;
        let old: Vec<_> = self
            .lost
            .iter()
            .filter(|lost| is_old(lost))
            .cloned()
            .collect();
        for (_, from, datagram) in old {
            self.hear(from, 1, &datagram);
        }
        if [15_500, 17_500].contains(&millis) && !self.members[2].is_sealed() {
            let (id, session) = (self.members[2].id().get(), self.members[2].session().get());
            self.strange(&(0, id, session, hello(false)));
        }
        if millis == 23_000 {
            self.members[1].leave(now);
        }
    }
}

/// Tells the same story again and again: everything becomes older before it, in it and after it.
fn the_same_happens<M: Memory>(apart: u32, expected: &[&str], members: impl Fn() -> Vec<Group<M>>) {
    let usual = Story::tell(members(), Span::from_secs(600));
    for expected in expected {
        let mut lines = usual.iter();
        let is_there = lines.any(|line| line.contains(expected));
        assert!(is_there, "nothing of {expected}");
    }
    let moments = (1..END).step_by(apart as usize).chain([2, 4]);
    for millis in moments {
        let story = Story::tell(members(), Span::from_millis(millis));
        let differs = usual.iter().zip(&story).find(|(a, b)| a != b);
        assert_eq!(differs, None, "older after {millis} ms");
        assert_eq!(usual.len(), story.len(), "older after {millis} ms");
    }
}

/// What is kept for longer than the story takes, and what matters only for a moment.
#[test]
fn what_is_kept_for_long_becomes_older_too() {
    let (mut now, ageing) = (Tick::from_millis(500), Ageing::by(1));
    let kept = now;
    ageing.tick(&mut now);
    assert!(now < kept);

    let mut membership = Membership::new(
        Name::EMPTY,
        MemberId::new(1).unwrap(),
        Session::new(1),
        true,
    );
    membership.duplicate_reported = Some(kept);
    membership.parted = Some(kept);
    membership.refuse();
    assert_eq!(membership.take_refused(kept), Some(1));
    membership.age(ageing);
    assert_eq!(membership.duplicate_reported, Some(now));
    assert_eq!(membership.parted, Some(now));
    membership.refuse();
    assert_eq!(membership.take_refused(now + Span::from_secs(59)), None);
    assert_eq!(membership.take_refused(now + Span::from_secs(60)), Some(1));

    let mut stream = Stream::new(kept, 0, 0, Position::starting_at(0));
    stream.states_at = Some(kept);
    stream.age(ageing);
    assert_eq!((stream.states_at, stream.heard), (Some(now), Some(now)));
}

/// What is told in the end, whoever takes part.
const ALWAYS: [&str; 5] = ["Joined", "Suspect", "Lost", "Left", "20 octets"];

#[test]
fn in_an_open_group_the_same_happens_whenever_time_ages() {
    let expected = [
        "Confirmed",
        "600 octets",
        "Gap",
        "DuplicateId",
        "RosterFull",
    ];
    the_same_happens(401, &[&ALWAYS[..], &expected].concat(), || {
        type Eager = Storage<16, 4, 32, 83, 8192, 1473, { Sends::UNLIMITED }>;
        let paces = [Pace::BOARD, Pace::UNLIMITED, Pace::WIFI];
        let members = paces.into_iter().zip(1..).map(|(pace, seed)| {
            Group::new(Eager::new(), config().with_pace(pace), [seed; 32]).unwrap()
        });
        members.collect()
    });
}

#[test]
fn without_streams_the_same_happens_whenever_time_ages() {
    the_same_happens(997, &ALWAYS, || {
        type Streamless = Storage<16, 0, 0, 4, 600, 513>;
        let member = |seed| Group::new(Streamless::new(), config(), [seed; 32]).unwrap();
        (1..4).map(member).collect()
    });
}

#[cfg(feature = "seal")]
#[test]
fn in_a_sealed_group_the_same_happens_whenever_time_ages() {
    use crate::seal::{Entropy, GroupKey, KeySet, Seal};

    the_same_happens(
        1_999,
        &[&ALWAYS[..], &["Confirmed", "600 octets"]].concat(),
        || {
            let keys = KeySet::new(GroupKey::new([7; 32]));
            let random = [
                b"one of three, at random",
                b"and another of those 3.",
                b"and the last one of all",
            ];
            let members = random.into_iter().map(|random| {
                let seal = Seal::new(&keys, Entropy::new().with_random(random));
                Group::sealed(crate::Board::new(), config(), seal).unwrap()
            });
            members.collect()
        },
    );
}
