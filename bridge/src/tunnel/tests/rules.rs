//! What a tunnel passes over, datagram by datagram; and hostile ones.

use core::net::SocketAddr;
use core::time::Duration;

use groupcast::wire::{self, Header, Suite};
use groupcast::{GroupTag, Instant, MemberId, Session};
use proptest::prelude::*;

use crate::tunnel::{Action, Counters, Life, News, Settings, Tunnel};

const GROUP: &str = "239.1.2.3:12345";
const ROOT: &str = "gc/t/239-1-2-3-12345";

fn tunnel(members: usize) -> Tunnel {
    let mut tunnel = Tunnel::new(Settings {
        site: "b".parse().unwrap(),
        group: GROUP.parse().unwrap(),
        prefix: "gc".to_owned(),
        tunnel: 9,
        members,
    });
    tunnel.handle_connected(at(0));
    drain(&mut tunnel);
    tunnel
}

fn at(millis: u64) -> Instant {
    Instant::from_millis(1_000_000 + millis)
}

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn datagram(id: u32, counter: u64) -> Vec<u8> {
    let header = Header {
        suite: Suite::Open,
        tag: GroupTag::new(1),
        sender: MemberId::new(id).unwrap(),
        session: Session::new(5),
        counter,
    };
    let mut octets = vec![0; 64];
    let length = wire::emit(&header, &[], &mut octets).unwrap();
    octets.truncate(length);
    octets
}

fn life(id: u32) -> Life {
    Life {
        id: MemberId::new(id).unwrap(),
        session: Session::new(5),
    }
}

/// What it did, other than to talk of itself. Each socket that it wants is at a port after its member.
fn drain(tunnel: &mut Tunnel) -> Vec<Action> {
    let mut done = Vec::new();
    while let Some(action) = tunnel.poll_action() {
        match action {
            Action::Open(life) => {
                let port = 40_000 + life.id.get() as u16;
                tunnel.handle_opened(life, Some(SocketAddr::new([10, 0, 0, 9].into(), port)));
            }
            Action::Publish { topic, .. } if topic.starts_with(&format!("{ROOT}/n/")) => {}
            Action::Tell(News::OpenGroup) => {}
            other => done.push(other),
        }
    }
    done
}

/// What one datagram from the broker brings about.
fn from_broker(tunnel: &mut Tunnel, millis: u64, topic: &str, payload: &[u8]) -> Vec<Action> {
    tunnel.handle_publish(at(millis), &format!("{ROOT}/{topic}"), payload);
    drain(tunnel)
}

fn heard(tunnel: &mut Tunnel, millis: u64, from: &str, payload: &[u8]) -> Vec<Action> {
    tunnel.handle_datagram(at(millis), address(from), payload);
    drain(tunnel)
}

fn sent(id: u32, to: &str, payload: &[u8]) -> Vec<Action> {
    vec![Action::Send {
        from: life(id),
        to: address(to),
        datagram: payload.to_vec(),
    }]
}

fn published(topic: &str, payload: &[u8]) -> Vec<Action> {
    vec![Action::Publish {
        topic: format!("{ROOT}/{topic}"),
        payload: payload.to_vec(),
    }]
}

/// Exactly these have counted something, beside what went through.
fn passed_over(tunnel: &Tunnel, expected: &[(&str, u64)]) {
    let through = [
        "published",
        "published_to_one",
        "sent",
        "sent_to_one",
        "members",
    ];
    let counted = tunnel.counters().all();
    let counted: Vec<_> = counted
        .filter(|(name, count)| *count > 0 && !through.contains(name))
        .collect();
    assert_eq!(counted, expected);
}

#[test]
fn datagrams_go_both_ways_as_they_are() {
    let mut tunnel = tunnel(8);
    let (ana, ben) = (datagram(1, 1), datagram(2, 1));
    assert_eq!(
        from_broker(&mut tunnel, 0, "m/a", &ana),
        sent(1, GROUP, &ana)
    );
    assert_eq!(
        heard(&mut tunnel, 0, "10.0.0.2:5", &ben),
        published("m/b", &ben)
    );
    // Ben to ana alone, at her socket here; and ana to ben alone.
    let answer = datagram(2, Header::TO_ONE | 2);
    tunnel.handle_answer(at(1), life(1), address("10.0.0.2:5"), &answer);
    let topic = format!("u/a/{:08x}{:016x}/b", 1, 5);
    assert_eq!(drain(&mut tunnel), published(&topic, &answer));
    let answer = datagram(1, Header::TO_ONE | 2);
    let topic = format!("u/b/{:08x}{:016x}/a", 2, 5);
    assert_eq!(
        from_broker(&mut tunnel, 1, &topic, &answer),
        sent(1, "10.0.0.2:5", &answer)
    );
    passed_over(&tunnel, &[]);
}

#[test]
fn what_it_says_itself_or_another_of_its_site_does_not_go_back() {
    let mut tunnel = tunnel(8);
    let ana = datagram(1, 1);
    from_broker(&mut tunnel, 0, "m/a", &ana);
    assert_eq!(heard(&mut tunnel, 1, "10.0.0.9:40001", &ana), []);
    let note = b"at 10.0.0.8:777\n";
    let met = from_broker(&mut tunnel, 2, "n/b/0000000000000008", note);
    assert_eq!(met, [Action::Tell(News::Companion)]);
    let cid = datagram(3, 1);
    assert_eq!(heard(&mut tunnel, 3, "10.0.0.8:777", &cid), []);
    // Only one of this site knows this site's addresses.
    from_broker(&mut tunnel, 4, "n/a/0000000000000007", b"at 10.0.0.3:6\n");
    assert_eq!(
        heard(&mut tunnel, 5, "10.0.0.3:6", &cid),
        published("m/b", &cid)
    );
    assert_eq!(from_broker(&mut tunnel, 6, "m/b", &datagram(4, 1)), []);
    passed_over(
        &tunnel,
        &[("own", 1), ("of_other_tunnel", 1), ("of_this_site", 1)],
    );
}

#[test]
fn a_second_tunnel_that_takes_a_member_for_its_own_is_put_right() {
    let mut tunnel = tunnel(8);
    let ana = |n| datagram(1, n);
    // It hears the other tunnel before it knows it.
    let taken = heard(&mut tunnel, 0, "10.0.0.8:777", &ana(1));
    assert_eq!(taken, published("m/b", &ana(1)));
    assert_eq!(from_broker(&mut tunnel, 1, "m/a", &ana(1)), []);
    from_broker(&mut tunnel, 2, "n/b/0000000000000008", b"at 10.0.0.8:777\n");
    assert_eq!(heard(&mut tunnel, 3, "10.0.0.8:777", &ana(2)), []);
    assert_eq!(
        from_broker(&mut tunnel, 4, "m/a", &ana(2)),
        sent(1, GROUP, &ana(2))
    );
    passed_over(&tunnel, &[("of_other_tunnel", 1), ("at_home", 1)]);
}

#[test]
fn a_session_has_one_home_and_moves_when_it_is_silent_there() {
    let mut tunnel = tunnel(8);
    let ana = |n| datagram(1, n);
    assert_eq!(
        heard(&mut tunnel, 0, "10.0.0.2:5", &ana(1)),
        published("m/b", &ana(1))
    );
    assert_eq!(from_broker(&mut tunnel, 2_999, "m/a", &ana(2)), []);
    assert_eq!(
        from_broker(&mut tunnel, 3_000, "m/a", &ana(2)),
        sent(1, GROUP, &ana(2))
    );
    assert_eq!(from_broker(&mut tunnel, 3_100, "m/c", &ana(900)), []);
    assert_eq!(heard(&mut tunnel, 5_000, "10.0.0.2:5", &ana(3)), []);
    assert_eq!(
        from_broker(&mut tunnel, 6_000, "m/c", &ana(3)),
        sent(1, GROUP, &ana(3))
    );
    let back = heard(&mut tunnel, 9_000, "10.0.0.2:5", &ana(4));
    assert_eq!(
        back,
        [vec![Action::Close(life(1))], published("m/b", &ana(4))].concat()
    );
    passed_over(
        &tunnel,
        &[("of_other_site", 1), ("at_home", 1), ("of_wrong_site", 1)],
    );
}

#[test]
fn what_comes_twice_or_is_no_datagram_is_passed_over() {
    let mut tunnel = tunnel(8);
    let ana = datagram(1, 7);
    from_broker(&mut tunnel, 0, "m/a", &ana);
    assert_eq!(from_broker(&mut tunnel, 0, "m/a", &ana), []);
    assert_eq!(from_broker(&mut tunnel, 0, "m/a", b"hello"), []);
    assert_eq!(heard(&mut tunnel, 0, "10.0.0.2:5", b"hello"), []);
    assert_eq!(from_broker(&mut tunnel, 0, "m/a", &ana[..9]), []);
    let mut long = datagram(1, 8);
    long.resize(1_473, 0);
    assert_eq!(from_broker(&mut tunnel, 0, "m/a", &long), []);
    long.truncate(1_472);
    assert_eq!(
        from_broker(&mut tunnel, 0, "m/a", &long),
        sent(1, GROUP, &long)
    );
    let to_one = datagram(1, Header::TO_ONE | 9);
    assert_eq!(from_broker(&mut tunnel, 0, "m/a", &to_one), []);
    let nobody = format!("u/b/{:08x}{:016x}/a", 77, 5);
    assert_eq!(from_broker(&mut tunnel, 0, &nobody, &to_one), []);
    assert_eq!(from_broker(&mut tunnel, 0, "x/a", &ana), []);
    assert_eq!(
        from_broker(&mut tunnel, 0, "n/a/0000000000000001", b"at home"),
        []
    );
    passed_over(
        &tunnel,
        &[
            ("raw", 2),
            ("malformed", 2),
            ("misdirected", 1),
            ("duplicate", 1),
            ("unknown_member", 1),
            ("bad_topic", 1),
            ("bad_note", 1),
        ],
    );
}

#[test]
fn while_the_broker_is_away_nothing_is_kept() {
    let mut tunnel = tunnel(8);
    tunnel.handle_disconnected();
    assert_eq!(heard(&mut tunnel, 0, "10.0.0.2:5", &datagram(2, 1)), []);
    tunnel.handle_timeout(at(60_000));
    assert_eq!(tunnel.poll_action(), None);
    passed_over(&tunnel, &[("offline", 1)]);
}

#[test]
fn more_members_than_it_has_room_for_are_counted_and_old_ones_make_room() {
    let mut tunnel = tunnel(2);
    for id in [1, 2] {
        from_broker(&mut tunnel, 0, "m/a", &datagram(id, 1));
    }
    let full = from_broker(&mut tunnel, 9_999, "m/a", &datagram(3, 1));
    assert_eq!(full, [Action::Tell(News::Full { members: 2 })]);
    assert_eq!(from_broker(&mut tunnel, 9_999, "m/a", &datagram(3, 2)), []);
    from_broker(&mut tunnel, 9_999, "m/a", &datagram(2, 2));
    let third = datagram(3, 3);
    let room = from_broker(&mut tunnel, 10_000, "m/a", &third);
    assert_eq!(
        room,
        [vec![Action::Close(life(1))], sent(3, GROUP, &third)].concat()
    );
    passed_over(&tunnel, &[("too_many_members", 2)]);
}

#[test]
fn without_a_socket_a_member_is_not_carried_and_it_is_tried_again() {
    let mut tunnel = tunnel(2);
    tunnel.handle_publish(at(0), &format!("{ROOT}/m/a"), &datagram(1, 1));
    let Some(Action::Open(life)) = core::iter::from_fn(|| tunnel.poll_action())
        .find(|action| matches!(action, Action::Open(_)))
    else {
        panic!("no socket is asked for");
    };
    tunnel.handle_opened(life, None);
    assert_eq!(drain(&mut tunnel), []);
    let again = datagram(1, 2);
    assert_eq!(
        from_broker(&mut tunnel, 1, "m/a", &again),
        sent(1, GROUP, &again)
    );
    passed_over(&tunnel, &[("no_socket", 1)]);
}

/// Something that happens to a tunnel, by nobody who means well.
#[derive(Clone, Debug)]
enum Happens {
    Published(String, Vec<u8>),
    Heard(u16, Vec<u8>),
    Answered(u32, Vec<u8>),
    Opened(u32, bool),
    Connected(bool),
    Passed(u64),
}

fn anything() -> impl Strategy<Value = Vec<u8>> {
    let framed = (1u32..40, 0u64..5000, any::<bool>(), any::<bool>()).prop_map(
        |(id, number, is_to_one, is_far)| {
            let far = if is_far {
                Header::MAX_COUNTER - 10_000
            } else {
                1
            };
            let bit = if is_to_one { Header::TO_ONE } else { 0 };
            datagram(id, (number + far) | bit)
        },
    );
    let note = "(at 10\\.0\\.0\\.[0-9]:4000[0-9]\n|ping [0-9a-f]{16}\n|pong 0000000000000009 [0-9a-f]{16}\n){0,5}";
    prop_oneof![
        4 => framed,
        1 => note.prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 0..1600),
    ]
}

fn happens() -> impl Strategy<Value = Happens> {
    let topic = prop_oneof![
        4 => "m/[abc]",
        2 => "u/b/000000[0-2][0-9a-f]0000000000000005/[abc]",
        2 => "n/[abc]/000000000000000[0-9]",
        1 => ".*",
    ];
    let topic = prop_oneof![
        8 => topic.prop_map(|rest| format!("{ROOT}/{rest}")),
        1 => ".*",
    ];
    prop_oneof![
        8 => (topic, anything()).prop_map(|(topic, payload)| Happens::Published(topic, payload)),
        4 => (39_999u16..40_050, anything()).prop_map(|(port, payload)| Happens::Heard(port, payload)),
        2 => (1u32..40, anything()).prop_map(|(id, payload)| Happens::Answered(id, payload)),
        1 => (1u32..40, any::<bool>()).prop_map(|(id, is_open)| Happens::Opened(id, is_open)),
        1 => any::<bool>().prop_map(Happens::Connected),
        2 => (0u64..20_000).prop_map(Happens::Passed),
    ]
}

/// What came in is what went out, or has a counter that says why not.
fn accounted(counters: &Counters) -> u64 {
    let counts_no_datagram = ["members"];
    let counted = counters.all();
    let counted = counted.filter(|(name, _)| !counts_no_datagram.contains(name));
    counted.map(|(_, count)| count).sum()
}

proptest! {
    #[test]
    fn whatever_happens_it_goes_on_keeps_to_its_memory_and_accounts_for_all(
        script in prop::collection::vec(happens(), 1..200)
    ) {
        let mut tunnel = tunnel(8);
        let (mut now, mut notes, mut came) = (at(0), 0, 0);
        for what in script {
            let mut expects = 1;
            match what {
                Happens::Published(topic, payload) => {
                    let before = tunnel.counters().bad_note;
                    let is_note = matches!(
                        tunnel.topics.read(&topic),
                        Some(super::super::topic::Topic::Note { .. })
                    );
                    tunnel.handle_publish(now, &topic, &payload);
                    if is_note {
                        expects = 0;
                        notes += tunnel.counters().bad_note - before;
                    }
                }
                Happens::Heard(port, payload) => {
                    let from = SocketAddr::new([10, 0, 0, 9].into(), port);
                    tunnel.handle_datagram(now, from, &payload);
                }
                Happens::Answered(id, payload) => {
                    tunnel.handle_answer(now, life(id), address("10.0.0.2:5"), &payload);
                }
                Happens::Opened(id, is_open) => {
                    expects = 0;
                    let address = is_open.then(|| address("10.0.0.9:40000"));
                    tunnel.handle_opened(life(id), address);
                }
                Happens::Connected(true) => {
                    expects = 0;
                    tunnel.handle_connected(now);
                }
                Happens::Connected(false) => {
                    expects = 0;
                    tunnel.handle_disconnected();
                }
                Happens::Passed(millis) => {
                    expects = 0;
                    now += Duration::from_millis(millis);
                    tunnel.handle_timeout(now);
                }
            }
            came += expects;
            prop_assert!(tunnel.actions.len() < 50);
            drain(&mut tunnel);
            prop_assert!(tunnel.here.entries.len() <= 8);
            prop_assert!(tunnel.elsewhere.entries.len() <= 8);
            prop_assert!(tunnel.own.len() <= 8);
            prop_assert_eq!(accounted(tunnel.counters()), came + notes);
        }
    }
}
