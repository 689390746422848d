//! Members on this machine's sockets, all on the loopback interface.

use core::time::Duration;
use std::net::UdpSocket;

use groupcast::{Application, Channel, Endpoint, Event, Instant, Pace};
use groupcast_std::{Error, Member, OwnedEvent};

const SECONDS: Duration = Duration::from_secs(60);

fn join(group: &str, name: &str) -> Member {
    let lo = "127.0.0.1".parse().unwrap();
    Member::builder(group.parse().unwrap())
        .name(name)
        .interface(lo)
        .join()
        .unwrap()
}

/// The first event that `wanted` says yes to.
fn wait_for(member: &mut Member, wanted: impl Fn(&OwnedEvent) -> bool) -> OwnedEvent {
    member
        .events(SECONDS)
        .map(Result::unwrap)
        .find(wanted)
        .expect("the event did not come")
}

#[test]
fn two_members_meet_talk_and_part() {
    let (mut ana, mut ben) = (
        join("239.72.1.1:45101", "ana"),
        join("239.72.1.1:45101", "ben"),
    );
    ana.send("Hello, multicast!").unwrap();
    let joined = wait_for(&mut ben, |event| matches!(event, OwnedEvent::Joined(_)));
    assert_eq!(joined.to_string(), "ana joined");
    let message = wait_for(&mut ben, |event| matches!(event, OwnedEvent::Message(_)));
    assert_eq!(message.to_string(), "ana: Hello, multicast!");
    let counters = ana.leave().unwrap();
    assert_eq!(counters.messages_sent, 1);
    let left = wait_for(&mut ben, |event| matches!(event, OwnedEvent::Left(_)));
    assert_eq!(left.to_string(), "ana left");
}

#[test]
fn a_member_that_is_dropped_says_good_bye() {
    let (mut ana, mut ben) = (
        join("239.72.1.2:45102", "ana"),
        join("239.72.1.2:45102", "ben"),
    );
    ana.send("I am here").unwrap();
    wait_for(&mut ben, |event| matches!(event, OwnedEvent::Message(_)));
    drop(ana);
    wait_for(&mut ben, |event| matches!(event, OwnedEvent::Left(_)));
}

/// Leaves at once, and counts how often it acts.
#[derive(Default)]
struct Guest {
    acts: u32,
}

impl Application for Guest {
    fn on_event(&mut self, _: Instant, _: &Event<'_>) {}

    fn act(&mut self, now: Instant, endpoint: &mut impl Endpoint) -> Option<Instant> {
        self.acts += 1;
        endpoint.leave();
        Some(now + Duration::from_millis(1))
    }
}

#[test]
fn an_application_that_has_left_is_not_called_any_more() {
    let mut guest = join("239.72.1.77:45177", "guest");
    let mut app = Guest::default();
    while !guest.has_left() {
        guest.run(&mut app, Duration::from_millis(50)).unwrap();
    }
    let acts = app.acts;
    guest.run(&mut app, Duration::from_millis(50)).unwrap();
    assert!(acts > 0);
    assert_eq!(app.acts, acts);
}

#[test]
fn raw_datagrams_go_both_ways_and_ones_own_are_not_heard() {
    let (mut ana, mut ben) = (
        join("239.72.1.3:45103", "ana"),
        join("239.72.1.3:45103", "ben"),
    );
    ana.send_raw("from ana").unwrap();
    let raw = wait_for(&mut ben, |event| matches!(event, OwnedEvent::Raw(_)));
    let OwnedEvent::Raw(raw) = raw else {
        unreachable!()
    };
    assert_eq!(raw.text(), Some("from ana"));

    let foreign = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket2::SockRef::from(&foreign)
        .set_multicast_if_v4(&[127, 0, 0, 1].into())
        .unwrap();
    foreign
        .send_to(b"from a stranger", "239.72.1.3:45103")
        .unwrap();
    let raw = wait_for(&mut ana, |event| matches!(event, OwnedEvent::Raw(_)));
    let OwnedEvent::Raw(raw) = raw else {
        unreachable!()
    };
    assert_eq!(raw.text(), Some("from a stranger"));
    assert_eq!(raw.address, foreign.local_addr().unwrap());
}

/// PROTOCOL W4.
#[test]
fn what_is_sent_to_one_goes_where_its_datagrams_come_from() {
    use groupcast::wire::{self, Frame, Header, Hello, Suite};
    use groupcast::{MemberId, Name, Session};

    let group = "239.72.1.17:45117";
    let (mut ana, mut ben) = (join(group, "ana"), join(group, "ben"));
    ana.send("I am here").unwrap();
    wait_for(&mut ben, |event| matches!(event, OwnedEvent::Message(_)));
    let there = ben.peers().next().unwrap().address();
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    stranger.set_nonblocking(true).unwrap();
    let hello = Hello {
        probe: true,
        interval: 100,
        ..Hello::new(Name::new("who?").unwrap())
    };
    let header = Header {
        suite: Suite::Open,
        tag: wire::open_group_tag(group.parse().unwrap(), &Name::EMPTY),
        sender: MemberId::new(77).unwrap(),
        session: Session::new(1),
        counter: Header::TO_ONE | 1,
    };
    let mut buffer = [0; 1500];
    let len = wire::emit(&header, &[Frame::Hello(hello)], &mut buffer).unwrap();
    stranger.send_to(&buffer[..len], there).unwrap();
    let end = std::time::Instant::now() + SECONDS;
    let (len, from) = loop {
        match stranger.recv_from(&mut buffer) {
            Ok(heard) => break heard,
            Err(_) => drop(ana.next_event(Duration::from_millis(10)).unwrap()),
        }
        assert!(std::time::Instant::now() < end, "there is no answer");
    };
    assert_eq!(from, there);
    let (_, mut frames) = wire::parse(&buffer[..len]).unwrap();
    assert!(matches!(frames.next(), Some(Ok(Frame::Hello(_)))));
}

#[test]
fn a_large_raw_datagram_arrives_whole() {
    let mut ana = join("239.72.1.4:45104", "ana");
    let foreign = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket2::SockRef::from(&foreign)
        .set_multicast_if_v4(&[127, 0, 0, 1].into())
        .unwrap();
    foreign
        .send_to(&[b'x'; 65_507], "239.72.1.4:45104")
        .unwrap();
    let raw = wait_for(&mut ana, |event| matches!(event, OwnedEvent::Raw(_)));
    let OwnedEvent::Raw(raw) = raw else {
        unreachable!()
    };
    assert_eq!(raw.payload.len(), 65_507);
}

#[test]
fn many_queued_messages_arrive_in_few_datagrams() {
    let (mut ana, mut ben) = (
        join("239.72.1.5:45105", "ana"),
        join("239.72.1.5:45105", "ben"),
    );
    for n in 0..1_000 {
        ana.queue(Channel::best_effort(1), format!("{n:064}"))
            .unwrap();
    }
    ana.send("end").unwrap();
    let mut heard = 0;
    for event in ben.events(SECONDS) {
        if let OwnedEvent::Message(message) = event.unwrap() {
            if message.payload == b"end" {
                break;
            }
            assert_eq!(message.text().unwrap().parse(), Ok(heard));
            heard += 1;
        }
    }
    assert_eq!(heard, 1_000);
    assert!(ana.counters().datagrams_sent < 75, "{:?}", ana.counters());
}

#[test]
fn settings_that_cannot_work_say_what_to_do() {
    let group = "239.72.1.6:45106".parse().unwrap();
    let lo = || "127.0.0.1".parse().unwrap();
    let long = Member::builder(group)
        .interface(lo())
        .name(&"x".repeat(33))
        .join()
        .unwrap_err();
    assert!(
        long.is_setting() && long.to_string().contains("32 bytes"),
        "{long}"
    );
    let nowhere = Member::builder(group)
        .interface("nothing0".parse().unwrap())
        .join();
    let nowhere = nowhere.unwrap_err();
    assert!(
        nowhere.is_setting() && nowhere.to_string().contains("nothing0"),
        "{nowhere}"
    );
    let mut ana = Member::builder(group).interface(lo()).join().unwrap();
    let error = ana.send_on(Channel::latest(1), vec![0; 1163]).unwrap_err();
    assert!(
        matches!(&error, Error::Send(_)) && error.to_string().contains("1162"),
        "{error}"
    );
}

/// A member that has more to say than a board's pace allows in two seconds: 2,500 messages of 100 bytes.
fn with_much_to_say(group: &str) -> (Member, Channel) {
    let channel = Channel::reliable_ordered(1);
    let mut member = Member::builder(group.parse().unwrap())
        .interface("127.0.0.1".parse().unwrap())
        .pace(Pace::BOARD)
        .join()
        .unwrap();
    for n in 0..2_500 {
        member.queue(channel, format!("{n:0100}")).unwrap();
    }
    assert!(member.unsent() > 2_000, "{}", member.unsent());
    (member, channel)
}

/// Hears all until somebody leaves: how many messages, and how many were reported as lost.
fn hear_until_it_leaves(mut ben: Member) -> std::thread::JoinHandle<(usize, u32)> {
    std::thread::spawn(move || {
        let (mut heard, mut lost) = (0, 0);
        for event in ben.events(SECONDS) {
            match event.unwrap() {
                OwnedEvent::Message(_) => heard += 1,
                OwnedEvent::Gap { lost: range, .. } => lost += range.len() as u32,
                OwnedEvent::Left(_) => break,
                _ => {}
            }
        }
        (heard, lost)
    })
}

#[test]
fn leaving_takes_as_long_as_the_queue_needs() {
    let ben = hear_until_it_leaves(join("239.72.1.6:45106", "ben"));
    let (ana, _) = with_much_to_say("239.72.1.6:45106");
    ana.leave().unwrap();
    assert_eq!(ben.join().unwrap(), (2_500, 0));
}

#[test]
fn what_is_not_sent_in_time_is_told_on_both_sides() {
    let ben = hear_until_it_leaves(join("239.72.1.7:45107", "ben"));
    let (ana, _) = with_much_to_say("239.72.1.7:45107");
    let error = ana.leave_within(Duration::from_secs(1)).unwrap_err();
    let Error::Unsent(unsent) = error else {
        panic!("{error}");
    };
    assert!((1..2_500).contains(&unsent), "{unsent}");
    let (heard, lost) = ben.join().unwrap();
    assert_eq!((heard, lost as usize), (2_500 - unsent, unsent));
}

#[test]
fn who_is_dropped_with_much_to_say_says_good_bye_too() {
    let ben = hear_until_it_leaves(join("239.72.1.8:45108", "ben"));
    let (mut ana, channel) = with_much_to_say("239.72.1.8:45108");
    ana.send_on(channel, "end").unwrap();
    drop(ana);
    let (heard, lost) = ben.join().unwrap();
    assert!(
        heard < 2_501 && heard + lost as usize == 2_501,
        "{heard} and {lost}"
    );
}
