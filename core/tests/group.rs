//! Groups that exchange datagrams by hand, without a network: what each member is told.

use core::net::SocketAddr;
use core::time::Duration;

use groupcast::wire::{self, Bye, Data, Frame, Header, Hello, Suite};
use groupcast::{
    Channel, Config, Destination, Event, EventsWaiting, Group, Instant, MemberId, Name, Outcome,
    SendError, Session, Standing, Storage, Tiny,
};

const CHANNEL: Channel = Channel::best_effort(3);

fn group_address() -> SocketAddr {
    "239.1.2.3:12345".parse().unwrap()
}

fn address(n: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, n], 40_000))
}

fn ms(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

fn config(name: &str) -> Config {
    Config::new(group_address()).with_name(name)
}

fn id(id: u32) -> MemberId {
    MemberId::new(id).unwrap()
}

/// Members on a perfect network without delay.
struct Hub {
    now: Instant,
    members: Vec<(Group<Tiny>, Vec<String>)>,
    /// Datagrams sent so far, to a member or to the group.
    unicasts: usize,
    multicasts: usize,
    /// Members that neither hear nor are heard.
    cut_off: Vec<usize>,
}

impl Hub {
    fn new(configs: impl IntoIterator<Item = Config>) -> Self {
        let mut hub = Self {
            now: ms(1_000),
            members: Vec::new(),
            unicasts: 0,
            multicasts: 0,
            cut_off: Vec::new(),
        };
        for config in configs {
            hub.add(config);
        }
        hub
    }

    fn add(&mut self, config: Config) -> usize {
        self.members
            .push((member(config, self.members.len() as u8 + 1), Vec::new()));
        self.members.len() - 1
    }

    /// Lets everybody send and hear until nothing is left to do now.
    fn settle(&mut self) {
        let mut buffer = [0; 1472];
        let mut busy = true;
        while busy {
            busy = false;
            for from in 0..self.members.len() {
                while let Some(transmit) = self.members[from]
                    .0
                    .poll_transmit(self.now, &mut buffer)
                    .unwrap()
                {
                    busy = true;
                    self.deliver(from, transmit.to, &buffer[..transmit.len]);
                }
            }
        }
    }

    fn deliver(&mut self, from: usize, to: Destination, datagram: &[u8]) {
        match to {
            Destination::Group => self.multicasts += 1,
            Destination::Member(_) => self.unicasts += 1,
        }
        if self.cut_off.contains(&from) {
            return;
        }
        for n in 0..self.members.len() {
            let here = address(n as u8 + 1);
            let meant = matches!(to, Destination::Group) || to == Destination::Member(here);
            if meant && !self.cut_off.contains(&n) {
                let (group, log) = &mut self.members[n];
                group
                    .handle(self.now, address(from as u8 + 1), datagram)
                    .unwrap();
                drain(group, log);
            }
        }
    }

    /// Lets time pass, from deadline to deadline.
    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            self.settle();
            for (group, log) in &mut self.members {
                group.handle_timeout(self.now);
                drain(group, log);
            }
            self.settle();
            let next = self
                .members
                .iter_mut()
                .filter_map(|(group, _)| group.next_deadline())
                .min();
            match next {
                Some(next) if next <= end => {
                    self.now = next.max(self.now + Duration::from_micros(1))
                }
                _ => break,
            }
        }
        self.now = end;
    }

    fn log(&mut self, n: usize) -> Vec<String> {
        core::mem::take(&mut self.members[n].1)
    }

    fn group(&mut self, n: usize) -> &mut Group<Tiny> {
        &mut self.members[n].0
    }
}

fn member(config: Config, seed: u8) -> Group<Tiny> {
    Group::new(Tiny::new(), config, [seed; 32]).unwrap()
}

fn drain<const A: usize, const B: usize, const C: usize>(
    group: &mut Group<Storage<A, B, C>>,
    log: &mut Vec<String>,
) {
    while let Some(event) = group.poll_event() {
        log.push(match event {
            Event::Message(m) => format!("{}: {}", m.name(), m.text().unwrap()),
            Event::Raw(raw) => format!("raw: {}", raw.text().unwrap()),
            Event::Joined(member) => format!("{} joined", member.name()),
            Event::Left(member) => format!("{} left", member.name()),
            Event::Suspect(member) => format!("{} suspect", member.name()),
            Event::Recovered(member) => format!("{} recovered", member.name()),
            Event::Lost(member) => format!("{} lost", member.name()),
            Event::Restarted(member) => format!("{} restarted", member.name()),
            Event::RosterFull { refused } => format!("full {refused}"),
            Event::DuplicateId(duplicate) => format!("duplicate {:?}", duplicate.outcome()),
            other => format!("{other:?}"),
        });
    }
    let c = group.counters();
    assert_eq!(
        c.received,
        c.accepted + c.raw + c.own + c.dropped(),
        "{c:?}"
    );
}

/// A member whose datagrams are made by hand.
struct Puppet {
    id: u32,
    session: u64,
    counter: u64,
}

impl Puppet {
    fn new(id: u32, session: u64) -> Self {
        Self {
            id,
            session,
            counter: 0,
        }
    }

    fn say(&mut self, frames: &[Frame<'_>]) -> Vec<u8> {
        self.counter += 1;
        let header = Header {
            suite: Suite::Open,
            tag: wire::open_group_tag(group_address(), &Name::EMPTY),
            sender: id(self.id),
            session: Session::new(self.session),
            counter: self.counter,
        };
        let mut buffer = vec![0; 1472];
        let len = wire::emit(&header, frames, &mut buffer).unwrap();
        buffer.truncate(len);
        buffer
    }

    fn hello(&mut self, name: &str) -> Vec<u8> {
        let hello = Hello {
            interval: 100,
            max_datagram: 1473,
            ..hello(name)
        };
        self.say(&[Frame::Hello(hello)])
    }

    fn message(&mut self, text: &str) -> Vec<u8> {
        self.say(&[Frame::Data(data(text))])
    }
}

fn hello(name: &str) -> Hello<'static> {
    Hello::new(Name::new(name).unwrap())
}

fn data(text: &str) -> Data<'_> {
    Data {
        class: 0,
        repair: false,
        copy: false,
        channel: 0,
        horizon: 0,
        fragment: 0,
        last: 0,
        sequence: 0,
        payload: text.as_bytes(),
    }
}

/// What `group` is told when `datagram` arrives.
fn hear(group: &mut Group<Tiny>, now: Instant, datagram: &[u8]) -> Vec<String> {
    let mut log = Vec::new();
    group.handle(now, address(99), datagram).unwrap();
    drain(group, &mut log);
    log
}

#[test]
fn the_first_datagram_introduces_its_sender() {
    let mut hub = Hub::new([config("ana"), config("ben")]);
    let now = hub.now;
    hub.group(0)
        .send(now, CHANNEL, b"Hello, multicast!")
        .unwrap();
    hub.settle();
    assert_eq!(hub.log(1), ["ana joined", "ana: Hello, multicast!"]);
    assert_eq!(hub.multicasts, 1, "HELLO and message share a datagram");
    // Its own datagram came back and was filtered.
    assert_eq!(hub.log(0), [] as [&str; 0]);
    assert_eq!(hub.group(0).counters().own, 1);
}

#[test]
fn everybody_joins_within_a_second_and_stays() {
    let mut hub = Hub::new(["ana", "ben", "cho"].map(config));
    hub.run(Duration::from_secs(1));
    assert_eq!(hub.group(0).members().count(), 2);
    hub.run(Duration::from_secs(60));
    for n in 0..3 {
        let log = hub.log(n);
        assert_eq!(log.len(), 2, "{log:?}");
        assert!(log.iter().all(|line| line.ends_with("joined")), "{log:?}");
    }
    // Three members, one HELLO a second each.
    assert!((170..=200).contains(&hub.multicasts), "{}", hub.multicasts);
}

#[test]
fn a_newcomer_is_answered_within_half_a_second() {
    let mut hub = Hub::new([config("ana")]);
    hub.run(Duration::from_millis(3_050));
    hub.add(config("ben"));
    hub.run(Duration::from_millis(600));
    assert_eq!(hub.log(1), ["ana joined"]);
}

#[test]
fn messages_queued_together_share_a_datagram() {
    let mut hub = Hub::new([config("ana"), config("ben")]);
    hub.run(Duration::from_millis(200));
    hub.log(1);
    let (before, now) = (hub.multicasts, hub.now);
    for _ in 0..15 {
        hub.group(0).send(now, CHANNEL, &[b'x'; 64]).unwrap();
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
    while hub.group(0).send(now, CHANNEL, &[b'x'; 100]).is_ok() {
        queued += 1;
    }
    let again = hub.group(0).send(now, CHANNEL, &[b'x'; 100]);
    assert_eq!(again, Err(embedded_nal::nb::Error::WouldBlock));
    hub.settle();
    assert_eq!(hub.log(1).len(), queued);
    hub.group(0).send(now, CHANNEL, &[b'x'; 100]).unwrap();
}

#[test]
fn a_message_that_is_too_long_is_refused_with_the_limit() {
    let mut ana = member(config("ana"), 1);
    assert_eq!(ana.max_message(), 1162);
    ana.send(ms(1), CHANNEL, &[0; 1162]).unwrap();
    let refused = ana.send(ms(1), CHANNEL, &[0; 1163]);
    let expected = SendError::TooLong {
        len: 1163,
        limit: 1162,
    };
    assert_eq!(refused, Err(embedded_nal::nb::Error::Other(expected)));
    assert!(expected.to_string().contains("1162"));
}

#[test]
fn the_smallest_receiver_limits_everybody() {
    let mut ana = member(config("ana"), 1);
    ana.send(ms(1), CHANNEL, &[b'x'; 1162]).unwrap();
    let mut small = Puppet::new(7, 1);
    let frame = Frame::Hello(Hello {
        max_datagram: 600,
        interval: 100,
        ..hello("small")
    });
    let datagram = small.say(&[frame]);
    hear(&mut ana, ms(2), &datagram);
    assert_eq!(ana.max_message(), 600 - 38);
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
        ana.max_message(),
        1162,
        "the limit rises when the small one has left"
    );
}

#[test]
fn an_absurd_limit_counts_as_512() {
    let mut ana = member(config("ana"), 1);
    let datagram = Puppet::new(7, 1).say(&[Frame::Hello(hello("odd"))]);
    hear(&mut ana, ms(2), &datagram);
    assert_eq!(ana.max_message(), 512 - 38);
}

#[test]
fn a_member_that_falls_silent_is_suspected_asked_and_lost() {
    let mut hub = Hub::new([config("ana"), config("ben")]);
    hub.run(Duration::from_secs(3));
    hub.log(0);
    hub.cut_off = vec![1];
    hub.unicasts = 0;
    hub.run(Duration::from_millis(4_900));
    assert_eq!(hub.log(0), ["ben suspect", "ben lost"]);
    assert_eq!(hub.unicasts, 4, "two probes each way");
    assert_eq!(hub.group(0).members().count(), 0);
    // It comes back: same session, told as a new beginning.
    hub.cut_off.clear();
    hub.run(Duration::from_secs(2));
    assert_eq!(hub.log(0), ["ben joined"]);
}

#[test]
fn a_suspect_that_answers_has_recovered() {
    let mut ana = member(config("ana"), 1);
    let mut ben = Puppet::new(7, 1);
    assert_eq!(hear(&mut ana, ms(1_000), &ben.hello("ben")), ["ben joined"]);
    assert_eq!(ana.next_deadline().map(|_| ()), Some(()));
    ana.handle_timeout(ms(3_499));
    assert!(ana.poll_event().is_none());
    ana.handle_timeout(ms(3_500));
    assert!(
        matches!(ana.poll_event(), Some(Event::Suspect(m)) if m.standing() == Standing::Suspect)
    );
    let mut buffer = [0; 1472];
    let transmit = ana.poll_transmit(ms(3_500), &mut buffer).unwrap().unwrap();
    assert_eq!(transmit.to, Destination::Member(address(99)));
    let (_, mut frames) = wire::parse(&buffer[..transmit.len]).unwrap();
    assert!(matches!(frames.next(), Some(Ok(Frame::Hello(hello))) if hello.probe && !hello.join));
    assert_eq!(
        hear(&mut ana, ms(3_600), &ben.message("here")),
        ["ben recovered", "ben: here"]
    );
}

#[test]
fn a_probe_is_answered_by_unicast_and_not_too_often() {
    let mut ana = member(config("ana"), 1);
    let mut ben = Puppet::new(7, 1);
    let mut buffer = [0; 1472];
    hear(&mut ana, ms(1_000), &ben.hello("ben"));
    while ana.poll_transmit(ms(1_200), &mut buffer).unwrap().is_some() {}
    let mut answers = 0;
    for n in 0..100 {
        let probe = Frame::Hello(Hello {
            probe: true,
            interval: 100,
            ..hello("ben")
        });
        hear(&mut ana, ms(1_200 + n), &ben.say(&[probe]));
        while let Some(transmit) = ana.poll_transmit(ms(1_200 + n), &mut buffer).unwrap() {
            assert_eq!(transmit.to, Destination::Member(address(99)));
            answers += 1;
        }
    }
    assert_eq!(answers, 1);
}

#[test]
fn who_says_good_bye_has_left_and_late_datagrams_change_nothing() {
    let mut hub = Hub::new([config("ana"), config("ben")]);
    hub.run(Duration::from_secs(1));
    hub.log(0);
    let now = hub.now;
    hub.group(1).send(now, CHANNEL, b"bye").unwrap();
    hub.group(1).leave(now);
    assert_eq!(
        hub.group(1).send(now, CHANNEL, b"more"),
        Err(embedded_nal::nb::Error::Other(SendError::HasLeft))
    );
    hub.run(Duration::from_millis(100));
    assert_eq!(hub.log(0), ["ben: bye", "ben left"]);
    assert!(hub.group(1).has_left());
    assert_eq!(hub.group(0).counters().stale, 2, "the second and third BYE");
    assert_eq!(hub.group(0).members().count(), 0);
}

#[test]
fn a_restart_is_told_and_ends_the_session_before() {
    let mut ana = member(config("ana"), 1);
    let (mut first, mut second) = (Puppet::new(7, 111), Puppet::new(7, 5));
    hear(&mut ana, ms(1_000), &first.hello("ben"));
    let late = first.message("late");
    assert_eq!(
        hear(&mut ana, ms(2_000), &second.hello("ben")),
        ["ben restarted"]
    );
    assert_eq!(hear(&mut ana, ms(2_001), &late), [] as [&str; 0]);
    assert_eq!(ana.counters().stale, 1);
    assert_eq!(
        hear(&mut ana, ms(2_002), &second.message("new")),
        ["ben: new"]
    );
}

#[test]
fn a_member_that_left_and_comes_again_joins_again() {
    let mut ana = member(config("ana"), 1);
    let mut first = Puppet::new(7, 111);
    hear(&mut ana, ms(1_000), &first.hello("ben"));
    assert_eq!(
        hear(&mut ana, ms(1_100), &first.say(&[Frame::Bye(Bye::LEFT)])),
        ["ben left"]
    );
    assert_eq!(
        hear(&mut ana, ms(1_200), &Puppet::new(7, 112).hello("ben")),
        ["ben joined"]
    );
}

#[test]
fn of_two_members_with_an_automatic_id_the_higher_session_draws_another() {
    let mut hub = Hub::new([config("ana")]);
    hub.run(Duration::from_secs(2));
    let (own, session) = (hub.group(0).id(), hub.group(0).session().get());
    let now = hub.now;
    // A higher session gives way to us.
    let mut other = Puppet::new(own.get(), session + 1);
    assert_eq!(
        hear(hub.group(0), now, &other.hello("x")),
        ["duplicate Kept"]
    );
    assert_eq!(hub.group(0).id(), own);
    assert_eq!(
        hear(hub.group(0), now, &other.hello("x")),
        [] as [&str; 0],
        "said once"
    );
    // To a lower session we give way.
    let mut other = Puppet::new(own.get(), session - 1);
    let told = hear(hub.group(0), now, &other.hello("x"));
    let new = hub.group(0).id();
    assert_ne!(new, own);
    assert_eq!(told, [format!("duplicate {:?}", Outcome::Redrawn(new))]);
    assert_ne!(hub.group(0).session().get(), session);
    assert_eq!(
        hear(hub.group(0), now, &other.message("hi")).len(),
        1,
        "and hear the other one"
    );
}

#[test]
fn of_two_members_with_a_fixed_id_one_keeps_it_and_one_falls_silent() {
    let twin = |seed| member(config("twin").with_id(id(42)), seed);
    let mut members = [twin(1), twin(2)];
    members.sort_by_key(|member| member.session());
    let [mut lower, mut higher] = members;
    let (mut buffer, now) = ([0; 1472], ms(5_000));
    for member in [&mut lower, &mut higher] {
        member.handle_timeout(ms(1_000));
    }
    let first = lower
        .poll_transmit(ms(1_100), &mut buffer)
        .unwrap()
        .unwrap();
    assert_eq!(
        hear(&mut higher, now, &buffer[..first.len]),
        ["duplicate Silenced"]
    );
    assert_eq!(
        higher.send(now, CHANNEL, b"x"),
        Err(embedded_nal::nb::Error::Other(SendError::Silenced))
    );
    // Its last word tells the other one, even in its first second.
    let last = higher.poll_transmit(now, &mut buffer).unwrap().unwrap();
    assert_eq!(
        hear(&mut lower, ms(1_101), &buffer[..last.len]),
        ["duplicate Kept"]
    );
    assert!(
        higher
            .poll_transmit(ms(60_000), &mut buffer)
            .unwrap()
            .is_none()
    );
    lower.send(now, CHANNEL, b"x").unwrap();
}

#[test]
fn what_an_earlier_life_sent_is_no_duplicate_id() {
    let mut ana = member(config("ana").with_id(id(42)), 1);
    ana.handle_timeout(ms(1_000));
    let late = Puppet::new(42, 9).hello("ana");
    assert_eq!(hear(&mut ana, ms(1_900), &late), [] as [&str; 0]);
    assert_eq!(ana.counters().claims_own_id, 1);
    assert!(ana.send(ms(1_901), CHANNEL, b"x").is_ok());
}

#[test]
fn others_notice_two_members_with_one_id_and_keep_the_lower_session() {
    let mut ana = member(config("ana"), 1);
    let (mut lower, mut higher) = (Puppet::new(7, 100), Puppet::new(7, 200));
    hear(&mut ana, ms(1_000), &lower.hello("twin"));
    assert_eq!(
        hear(&mut ana, ms(1_100), &higher.hello("twin")),
        ["twin restarted"]
    );
    // Within a second it may be late.
    assert_eq!(
        hear(&mut ana, ms(1_200), &lower.hello("twin")),
        [] as [&str; 0]
    );
    assert_eq!(
        hear(&mut ana, ms(2_200), &lower.message("a")),
        ["duplicate Others", "twin: a"]
    );
    assert_eq!(
        hear(&mut ana, ms(2_300), &higher.message("b")),
        [] as [&str; 0]
    );
    assert_eq!(hear(&mut ana, ms(2_400), &lower.message("c")), ["twin: c"]);
}

#[test]
fn a_full_roster_still_delivers_and_says_so_once_a_minute() {
    let mut ana = member(config("ana"), 1);
    for n in 1..=8 {
        assert_eq!(
            hear(&mut ana, ms(1_000), &Puppet::new(n, 1).hello("m")),
            ["m joined"]
        );
    }
    let mut ninth = Puppet::new(9, 1);
    assert_eq!(hear(&mut ana, ms(1_100), &ninth.hello("nine")), ["full 1"]);
    assert_eq!(hear(&mut ana, ms(1_200), &ninth.message("hi")), [": hi"]);
    assert_eq!(ana.members().count(), 8);
    // One leaves, and its place is taken.
    let mut third = Puppet::new(3, 1);
    third.counter = 1;
    assert_eq!(
        hear(&mut ana, ms(1_300), &third.say(&[Frame::Bye(Bye::LEFT)])),
        ["m left"]
    );
    assert_eq!(
        hear(&mut ana, ms(1_400), &ninth.hello("nine")),
        ["nine joined"]
    );
}

#[test]
fn a_sender_heard_without_hello_is_asked_for_it() {
    let mut ana = member(config("ana"), 1);
    let mut buffer = [0; 1472];
    ana.handle_timeout(ms(900));
    while ana.poll_transmit(ms(1_000), &mut buffer).unwrap().is_some() {}
    let mut ben = Puppet::new(7, 1);
    assert_eq!(hear(&mut ana, ms(1_000), &ben.message("who?")), [": who?"]);
    assert!(ana.poll_transmit(ms(1_049), &mut buffer).unwrap().is_none());
    let transmit = ana.poll_transmit(ms(1_050), &mut buffer).unwrap().unwrap();
    assert_eq!(transmit.to, Destination::Member(address(99)));
    assert_eq!(ana.members().count(), 0);
    assert_eq!(hear(&mut ana, ms(1_060), &ben.hello("ben")), ["ben joined"]);
}

#[test]
fn a_sender_that_never_pauses_is_asked_for_its_hello_too() {
    let mut ana = member(config("ana"), 1);
    let mut buffer = [0; 1472];
    ana.handle_timeout(ms(900));
    while ana.poll_transmit(ms(1_000), &mut buffer).unwrap().is_some() {}
    let mut ben = Puppet::new(7, 1);
    let mut asked = 0;
    for n in 0..100 {
        let now = ms(1_000 + 20 * n);
        hear(&mut ana, now, &ben.message("hi"));
        while let Some(transmit) = ana.poll_transmit(now, &mut buffer).unwrap() {
            asked += usize::from(transmit.to != Destination::Group);
        }
    }
    assert_eq!(asked, 2, "it may be hidden: that is enough");
}

#[test]
fn duplicates_of_the_network_are_delivered_once() {
    let mut ana = member(config("ana"), 1);
    let mut ben = Puppet::new(7, 1);
    let datagram = ben.message("once");
    assert_eq!(hear(&mut ana, ms(1), &datagram), [": once"]);
    assert_eq!(hear(&mut ana, ms(2), &datagram), [] as [&str; 0]);
    assert_eq!(ana.counters().duplicate, 1);
}

#[test]
fn a_hidden_member_sends_its_messages_and_nothing_else() {
    let mut hub = Hub::new([config("ana"), config("spy").with_announce(false)]);
    hub.run(Duration::from_secs(1));
    let now = hub.now;
    hub.group(1).send(now, CHANNEL, b"psst").unwrap();
    hub.group(1).send_raw(now, b"bare").unwrap();
    hub.run(Duration::from_secs(30));
    assert_eq!(hub.log(0), [": psst", "raw: bare"]);
    assert_eq!(hub.group(1).counters().datagrams_sent, 2);
    assert_eq!(hub.log(1)[0], "ana joined");
    let now = hub.now;
    hub.group(1).leave(now);
    assert!(hub.group(1).has_left());
}

#[test]
fn bare_datagrams_are_raw_and_ones_own_are_not() {
    let mut hub = Hub::new([config("ana"), config("ben")]);
    hub.run(Duration::from_millis(200));
    hub.log(0);
    hub.log(1);
    let now = hub.now;
    hub.group(0).send_raw(now, b"Hello, multicast!").unwrap();
    hub.settle();
    assert_eq!(hub.log(1), ["raw: Hello, multicast!"]);
    assert_eq!(
        hub.log(0),
        [] as [&str; 0],
        "ana knows its own address from its HELLO"
    );
}

#[test]
fn what_cannot_be_a_bare_datagram_is_refused() {
    let mut ana = member(config("ana"), 1);
    let mut refused = |datagram: &[u8]| match ana.send_raw(ms(1), datagram) {
        Err(embedded_nal::nb::Error::Other(error)) => error,
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

#[test]
fn frames_that_cannot_be_read_are_counted_and_those_before_them_stand() {
    let mut ana = member(config("ana"), 1);
    let mut ben = Puppet::new(7, 1);
    // A fragment, and a class of a later version.
    let later = [
        Frame::Data(Data {
            last: 1,
            ..data("half")
        }),
        Frame::Data(Data {
            class: 2,
            ..data("ordered")
        }),
        Frame::Data(data("whole")),
    ];
    assert_eq!(hear(&mut ana, ms(1), &ben.say(&later)), [": whole"]);
    assert_eq!(ana.counters().frames_unsupported, 2);
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

#[test]
fn settings_that_cannot_work_are_refused() {
    use groupcast::ConfigError as E;
    let refused = |config: Config| Group::new(Tiny::new(), config, [1; 32]).unwrap_err();
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
    let small = Group::new(Storage::<8, 1200, 1474>::new(), config(""), [1; 32]).unwrap_err();
    assert_eq!(small, E::ReceiveBufferTooSmall { needed: 1201 });
    let small = Group::new(Storage::<8, 1473, 1201>::new(), config(""), [1; 32]).unwrap_err();
    assert_eq!(small, E::OutboxTooSmall { needed: 1202 });
    assert_eq!(
        Group::new(Tiny::new(), config(""), [0; 32]).unwrap_err(),
        E::SeedIsZero
    );
}

#[test]
fn time_that_runs_backwards_stands_still() {
    let mut ana = member(config("ana"), 1);
    let mut ben = Puppet::new(7, 1);
    hear(&mut ana, ms(10_000), &ben.hello("ben"));
    assert_eq!(hear(&mut ana, ms(1), &ben.message("hi")), ["ben: hi"]);
    ana.handle_timeout(ms(12_499));
    assert!(ana.poll_event().is_none());
}
