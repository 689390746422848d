//! Whatever a broker and a group say, in whatever order: the gateway counts it.

use core::time::Duration;

use groupcast::{Channel, Event, SendError, Sequence, Session};
use proptest::prelude::*;

use super::broker::{Bench, ROOT, peer, settings};
use crate::gateway::store::MemoryStore;
use crate::gateway::{Action, CommandId, Down, Incoming, Token};

#[derive(Clone, Debug)]
enum Step {
    Connect(bool),
    Disconnect,
    Wait(u64),
    Publish(String, Vec<u8>, bool, bool, Option<u16>, Option<String>),
    Acknowledge(u64, Option<u8>),
    Sent(u64, u32),
    Message(u32, u64, Channel, u32, usize),
    Gap(u32, u64, u32, u32),
    Member(u8, u32, u64, bool),
    Failing(bool),
    Limits(u16, Option<u32>),
}

fn topics() -> impl Strategy<Value = String> {
    let ends = prop_oneof![
        Just("set/state/1".to_owned()),
        Just("set/reliable-ordered/2".to_owned()),
        Just("00000001/info".to_owned()),
        Just("bridge".to_owned()),
        "set/[a-z-]{0,18}/[0-9]{0,4}",
        ".{0,20}",
    ];
    (any::<bool>(), ends).prop_map(|(own, end)| if own { format!("{ROOT}/{end}") } else { end })
}

fn channels() -> impl Strategy<Value = Channel> {
    (0u8..5, 0u8..3).prop_map(|(class, number)| match class {
        0 => Channel::best_effort(number),
        1 => Channel::latest(number),
        2 => Channel::state(number),
        3 => Channel::reliable_unordered(number),
        _ => Channel::reliable_ordered(number),
    })
}

fn payloads() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..64),
        Just(br#"{"online":true,"since":1}"#.to_vec()),
        Just(br#"{"online":true,"since":99999999999,"name":7}"#.to_vec()),
    ]
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        any::<bool>().prop_map(Step::Connect),
        Just(Step::Disconnect),
        (0u64..5000).prop_map(Step::Wait),
        (
            topics(),
            payloads(),
            any::<bool>(),
            any::<bool>(),
            prop::option::of(0u16..4),
            prop::option::of(".{0,9}")
        )
            .prop_map(|(t, p, r, d, i, m)| Step::Publish(t, p, r, d, i, m)),
        (0u64..60, prop::option::of(any::<u8>())).prop_map(|(t, r)| Step::Acknowledge(t, r)),
        (0u64..9, any::<u32>()).prop_map(|(c, n)| Step::Sent(c, n)),
        (1u32..4, 0u64..3, channels(), any::<u32>(), 0usize..4000)
            .prop_map(|(m, s, c, n, len)| Step::Message(m, s, c, n, len)),
        (1u32..4, 0u64..3, any::<u32>(), any::<u32>())
            .prop_map(|(m, s, a, b)| Step::Gap(m, s, a, b)),
        (0u8..7, 1u32..4, 0u64..3, any::<bool>()).prop_map(|(k, m, s, b)| Step::Member(k, m, s, b)),
        any::<bool>().prop_map(Step::Failing),
        (any::<u16>(), prop::option::of(0u32..3000)).prop_map(|(n, p)| Step::Limits(n, p)),
    ]
}

fn run(steps: &[Step]) {
    let store = MemoryStore::new(100_000);
    let mut settings = settings();
    settings.down = Down::All;
    (settings.senders, settings.values) = (2, 3);
    let mut bench = Bench::with(settings.clone(), store.clone());
    for step in steps {
        match step {
            Step::Connect(session) => bench.gateway.handle_connected(bench.now, *session),
            Step::Disconnect => bench.gateway.handle_disconnected(bench.now),
            Step::Wait(millis) => {
                bench.now += Duration::from_millis(*millis);
                bench.unix += Duration::from_millis(*millis);
                bench.gateway.handle_timeout(bench.now);
            }
            Step::Publish(topic, payload, retained, duplicate, packet, mid) => {
                let incoming = Incoming {
                    topic,
                    payload,
                    retained: *retained,
                    duplicate: *duplicate,
                    packet: *packet,
                    mid: mid.as_deref(),
                };
                bench.gateway.handle_publish(bench.now, incoming);
            }
            Step::Acknowledge(token, refused) => {
                bench
                    .gateway
                    .handle_acknowledged(bench.now, Token(*token), *refused);
            }
            Step::Sent(command, number) => {
                let result = match number % 3 {
                    0 => Err(SendError::QueueFull),
                    1 => Err(SendError::HasLeft),
                    _ => Ok(Sequence::new(*number)),
                };
                bench
                    .gateway
                    .handle_sent(bench.now, CommandId(*command), result);
            }
            Step::Message(member, session, channel, number, len) => {
                let peer = peer(*member, "x").with_session(Session::new(*session));
                bench.message(peer, *channel, *number, &vec![7; *len]);
            }
            Step::Gap(member, session, first, last) => {
                let peer = peer(*member, "x").with_session(Session::new(*session));
                bench.gap(peer, *first, *last);
            }
            Step::Member(kind, member, session, is_bridge) => {
                let peer = peer(*member, "x").with_session(Session::new(*session));
                let peer = peer.with_bridge(*is_bridge);
                let event = match kind {
                    0 => Event::Joined(&peer),
                    1 => Event::Left(&peer),
                    2 => Event::Lost(&peer),
                    3 => Event::Restarted(&peer),
                    4 => Event::Recovered(&peer),
                    5 => Event::Confirmed(&peer),
                    _ => Event::RosterFull { refused: 1 },
                };
                bench.event(&event);
            }
            Step::Failing(is_failing) => store.set_failing(*is_failing),
            Step::Limits(publishes, packet) => {
                bench.gateway.set_receive_maximum(*publishes);
                bench.gateway.set_maximum_packet(*packet);
            }
        }
        bench.drain();
        bench.check();
        for (_, publication) in &bench.published {
            let topic = &publication.topic;
            assert!(topic.starts_with(ROOT) && !topic.contains(['+', '#', '\0']));
        }
        bench.published.clear();
        assert!(bench.gateway.queued().memory <= 96 << 10);
    }
    let again = bench.restarted(settings, store);
    again.check();
    assert!(
        again
            .others
            .iter()
            .all(|it| !matches!(it, Action::Publish { .. }))
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn nothing_that_comes_in_is_a_reason_to_panic(steps in prop::collection::vec(steps(), 1..120)) {
        run(&steps);
    }
}
