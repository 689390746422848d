//! What is published for what happens in the group, rule by rule.

use core::time::Duration;

use groupcast::{Channel, Event};
use serde_json::json;

use super::broker::{Bench, ROOT, json, peer, property, settings, unknown};
use crate::gateway::store::MemoryStore;
use crate::gateway::{Body, News, Qos};

const ORDERED: Channel = Channel::reliable_ordered(1);
const UNORDERED: Channel = Channel::reliable_unordered(2);
const STATE: Channel = Channel::state(3);
const LATEST: Channel = Channel::latest(4);
const BEST: Channel = Channel::best_effort(5);

#[test]
fn each_class_has_its_topic_quality_and_retention() {
    let mut settings = settings();
    settings.expiry = Some(Duration::from_secs(60));
    let mut bench = Bench::with(settings, crate::gateway::store::NoStore);
    bench.connect();
    bench.deliver();
    let ana = peer(0xa1, "ana");
    let cases = [
        (BEST, "best-effort/5", Qos::AtMostOnce, false, Some(10)),
        (LATEST, "latest/4", Qos::AtMostOnce, false, Some(10)),
        (STATE, "state/3", Qos::AtLeastOnce, true, None),
        (
            UNORDERED,
            "reliable-unordered/2",
            Qos::AtLeastOnce,
            false,
            Some(60),
        ),
        (
            ORDERED,
            "reliable-ordered/1",
            Qos::AtLeastOnce,
            false,
            Some(60),
        ),
    ];
    for (channel, topic, qos, retained, expiry) in cases {
        bench.message(ana, channel, 7, b"21.5");
        let published = bench.deliver();
        let [publication] = published.as_slice() else {
            panic!("{channel}: {published:?}");
        };
        assert_eq!(publication.topic, format!("{ROOT}/000000a1/{topic}"));
        assert!(publication.topic.matches('/').count() <= 7);
        assert_eq!((publication.qos, publication.retained), (qos, retained));
        assert_eq!(publication.expiry, expiry.map(Duration::from_secs));
        assert_eq!(publication.payload, b"21.5");
        let stream = if channel.class().is_reliable() {
            'r'
        } else {
            'b'
        };
        let mid = format!("000000a1-0000000100000005-{stream}-7");
        assert_eq!(property(publication, "gc-mid"), mid);
        assert_eq!(property(publication, "gc-name"), "ana");
        assert_eq!(property(publication, "gc-time"), "1700000000000");
    }
    bench.check();
}

#[test]
fn availability_is_retained_and_the_will_takes_it_back() {
    let mut bench = Bench::new();
    let will = bench.gateway.will();
    assert_eq!(
        (will.topic.as_str(), will.payload.as_slice()),
        (&*format!("{ROOT}/bridge"), &b"offline"[..])
    );
    assert!(will.retained && will.qos == Qos::AtLeastOnce);
    bench.connect();
    bench.deliver();
    assert_eq!(bench.retained[&will.topic].payload, b"online");
}

#[test]
fn membership_is_retained_with_ids_in_topics_and_names_in_payloads() {
    let mut bench = Bench::new();
    bench.connect();
    let ana = peer(0xa1, "a+#/\0\u{1b}");
    bench.joined(ana);
    let info = bench.deliver_on("/info").remove(0);
    assert_eq!(info.topic, format!("{ROOT}/000000a1/info"));
    let expected = json!({"name": "a+#/\0\u{1b}", "session": "0000000100000005", "online": true,
        "bridge": false, "since": 1_700_000_000, "seen": 1_700_000_000, "state": []});
    assert_eq!(json(&info), expected);
    assert!(info.retained && info.qos == Qos::AtLeastOnce);
    bench.run(10);
    bench.event(&Event::Lost(&ana));
    let info = json(&bench.deliver_on("/info").remove(0));
    assert_eq!(
        (&info["online"], &info["since"]),
        (&json!(false), &json!(1_700_000_010))
    );
    // A broker disconnects whoever sends such characters in a string of MQTT.
    bench.message(ana, ORDERED, 1, b"x");
    let message = bench.deliver_on("/1").remove(0);
    assert_eq!(property(&message, "gc-name"), "a+#/��");
}

#[test]
fn a_json_body_says_what_the_properties_say() {
    let mut settings = settings();
    settings.body = Body::Json;
    let mut bench = Bench::with(settings, crate::gateway::store::NoStore);
    bench.connect();
    bench.message(peer(7, "ana"), ORDERED, 4, b"on");
    bench.message(peer(7, "ana"), BEST, 4, &[0xff, 0]);
    let published = bench.deliver();
    let of = |end: &str| published.iter().find(|p| p.topic.ends_with(end)).unwrap();
    let ordered = of("reliable-ordered/1");
    assert_eq!(ordered.content_type.as_deref(), Some("application/json"));
    assert_eq!(
        json(ordered),
        json!({"mid": "00000007-0000000100000005-r-4", "sender": "00000007", "name": "ana",
            "session": "0000000100000005", "class": "reliable-ordered", "channel": 1, "sequence": 4,
            "time": 1_700_000_000_000u64, "text": "on"})
    );
    assert_eq!(json(of("best-effort/5"))["hex"], "ff00");
}

#[test]
fn an_empty_state_value_deletes_what_the_broker_has() {
    let mut bench = Bench::new();
    bench.connect();
    bench.message(peer(7, "ana"), STATE, 0, b"21");
    bench.deliver();
    let topic = format!("{ROOT}/00000007/state/3");
    assert!(bench.retained.contains_key(&topic));
    bench.message(peer(7, "ana"), STATE, 1, b"");
    bench.deliver();
    assert!(!bench.retained.contains_key(&topic));
}

#[test]
fn what_is_not_acknowledged_is_sent_again_in_order_with_the_same_id() {
    let mut bench = Bench::new();
    bench.gateway.set_receive_maximum(3);
    bench.connect();
    bench.deliver();
    for number in 0..6 {
        bench.message(peer(7, "ana"), ORDERED, number, &[number as u8]);
    }
    assert_eq!(bench.published.len(), 3, "no more than the broker takes");
    let second = bench.published[1].clone();
    bench.acknowledge(second.0, None);
    let before: Vec<_> = bench.published.iter().map(|(_, p)| p.clone()).collect();
    bench.disconnect();
    bench.check();
    bench.connect();
    let again = bench.deliver_on("/1");
    let numbers: Vec<_> = again.iter().map(|p| p.payload[0]).collect();
    assert_eq!(numbers, [0, 2, 3, 4, 5]);
    assert_eq!(again[0], before[0]);
    assert_eq!(bench.gateway.counters().resent, 3);
    // The acknowledgement of a connection that is gone says nothing.
    bench.acknowledge(second.0, None);
    assert_eq!(bench.gateway.counters().unknown_token, 1);
    assert_eq!(bench.gateway.counters().acknowledged, 6);
    bench.check();
}

#[test]
fn what_the_broker_refuses_becomes_a_gap_record_and_is_told_once() {
    let mut bench = Bench::new();
    bench.connect();
    bench.deliver();
    for number in 0..3 {
        bench.message(peer(7, "ana"), ORDERED, number, b"x");
        let (token, _) = bench.published.pop_front().unwrap();
        bench.acknowledge(token, Some(0x87));
    }
    // Nobody has subscribed: that is no refusal.
    bench.message(peer(7, "ana"), ORDERED, 3, b"x");
    let (token, _) = bench.published.pop_front().unwrap();
    bench.acknowledge(token, Some(0x10));
    bench.check();
    bench.run(2);
    let gaps = bench.deliver_on("/gap");
    let [gap] = gaps.as_slice() else {
        panic!("{gaps:?}")
    };
    assert_eq!(gap.topic, format!("{ROOT}/00000007/gap"));
    assert!(!gap.retained && gap.qos == Qos::AtLeastOnce);
    let value = json(gap);
    assert_eq!(
        [&value["first"], &value["last"], &value["messages"]],
        [&json!(0), &json!(2), &json!(3)]
    );
    assert_eq!(
        (&value["where"], &value["session"]),
        (&json!("broker"), &json!("0000000100000005"))
    );
    assert_eq!(value["mid"], property(gap, "gc-mid"));
    let refusals = bench
        .news
        .iter()
        .filter(|news| matches!(news, News::Refused { .. }));
    assert_eq!(refusals.count(), 1);
}

#[test]
fn a_broker_without_room_is_asked_again() {
    let mut bench = Bench::new();
    bench.connect();
    bench.deliver();
    bench.message(peer(7, "ana"), ORDERED, 0, b"x");
    let (token, _) = bench.published.pop_front().unwrap();
    bench.acknowledge(token, Some(0x97));
    assert!(bench.published.is_empty(), "not at once");
    bench.run(2);
    assert_eq!(bench.deliver_on("/1").len(), 1);
    assert_eq!(bench.gateway.counters().refused_reliable, 0);
    bench.check();
}

#[test]
fn what_is_larger_than_the_broker_takes_is_not_sent() {
    let mut bench = Bench::new();
    bench.gateway.set_maximum_packet(Some(1000));
    bench.connect();
    bench.deliver();
    bench.message(peer(7, "ana"), ORDERED, 0, &[0; 2000]);
    bench.message(peer(7, "ana"), ORDERED, 2, &[0; 20]);
    assert_eq!(bench.deliver_on("/1").len(), 1);
    bench.run(2);
    assert_eq!(json(&bench.deliver_on("/gap")[0])["where"], "broker");
    bench.check();
}

#[test]
fn what_finds_no_room_becomes_one_gap_record_of_each_sender() {
    let mut bench = Bench::new();
    bench.connect();
    bench.deliver();
    bench.disconnect();
    for number in 0..300 {
        bench.message(peer(7, "ana"), ORDERED, number, &[0; 340]);
        bench.message(peer(8, "ben"), UNORDERED, number, &[0; 340]);
    }
    bench.check();
    let counters = *bench.gateway.counters();
    assert!(counters.overflowed > 400 && bench.gateway.queued().memory <= 64 << 10);
    bench.connect();
    bench.run(2);
    let delivered = bench.deliver();
    let gaps: Vec<_> = delivered
        .iter()
        .filter(|p| p.topic.ends_with("/gap"))
        .map(json)
        .collect();
    assert_eq!(gaps.len(), 2);
    let lost: u64 = gaps
        .iter()
        .map(|gap| gap["messages"].as_u64().unwrap())
        .sum();
    assert_eq!(lost, counters.overflowed);
    for gap in &gaps {
        assert_eq!(
            (&gap["first"], &gap["where"]),
            (&json!(0), &json!("bridge"))
        );
        let last = gap["last"].as_u64().unwrap();
        let mine = delivered
            .iter()
            .filter(|p| property(p, "gc-name") == gap["name"]);
        let arrived = mine.filter(|p| !p.topic.ends_with("/gap")).count() as u64;
        assert_eq!(
            last + 1 + arrived,
            300,
            "the record ends where what arrived begins"
        );
    }
    bench.check();
}

#[test]
fn of_state_the_newest_waits_and_is_published_again_after_each_reconnection() {
    let mut bench = Bench::new();
    for number in 0..1000 {
        bench.message(
            peer(7, "ana"),
            STATE,
            number,
            format!("{number}").as_bytes(),
        );
    }
    bench.connect();
    let states = bench.deliver_on("state/3");
    assert_eq!(states.len(), 1);
    assert_eq!(states[0].payload, b"999");
    // The broker is killed, and has forgotten what it retained: it may even have a session of before.
    bench.disconnect();
    bench.gateway.handle_connected(bench.now, true);
    bench.drain();
    assert_eq!(bench.deliver_on("state/3")[0].payload, b"999");
    assert_eq!(bench.gateway.counters().replaced, 999);
}

#[test]
fn a_newer_value_does_not_overtake_the_one_on_the_way() {
    let mut bench = Bench::new();
    bench.connect();
    bench.deliver();
    for value in [b"1", b"2", b"3"] {
        bench.message(peer(7, "ana"), STATE, 0, value);
    }
    assert_eq!(bench.published.len(), 1);
    let payloads: Vec<_> = bench.deliver().into_iter().map(|p| p.payload).collect();
    assert_eq!(payloads, [b"1", b"3"]);
}

#[test]
fn of_latest_the_newest_waits_for_a_while_and_best_effort_does_not() {
    let mut bench = Bench::new();
    for number in 0..3 {
        bench.message(peer(7, "ana"), LATEST, number, &[number as u8]);
        bench.message(peer(7, "ana"), BEST, number, &[number as u8]);
    }
    bench.connect();
    let published = bench.deliver();
    assert_eq!(
        published
            .iter()
            .filter(|p| p.topic.ends_with("latest/4"))
            .count(),
        1
    );
    assert!(!published.iter().any(|p| p.topic.ends_with("best-effort/5")));
    assert_eq!(bench.gateway.counters().offline, 3);
    bench.disconnect();
    bench.message(peer(7, "ana"), LATEST, 4, b"old");
    bench.run(11);
    bench.connect();
    assert!(bench.deliver_on("latest/4").is_empty());
    assert_eq!(bench.gateway.counters().expired, 1);
}

#[test]
fn the_gap_of_a_group_becomes_a_record() {
    let mut bench = Bench::new();
    bench.connect();
    bench.gap(peer(7, "ana"), u32::MAX, 3);
    let gap = json(&bench.deliver_on("/gap")[0]);
    assert_eq!(
        [&gap["first"], &gap["last"], &gap["messages"], &gap["where"]],
        [&json!(u32::MAX), &json!(3), &json!(null), &json!("lan")]
    );
}

#[test]
fn what_bridges_say_is_not_carried() {
    let mut bench = Bench::new();
    bench.connect();
    bench.deliver();
    let other = peer(9, "gateway").with_bridge(true);
    // It has not said yet what it is.
    bench.message(unknown(9), ORDERED, 0, b"x");
    bench.joined(other);
    for channel in [ORDERED, STATE, LATEST, BEST] {
        bench.message(other, channel, 1, b"x");
    }
    bench.gap(other, 2, 3);
    bench.run(5);
    let published = bench.deliver();
    assert!(
        published.iter().all(|p| p.topic.ends_with("/info")),
        "{published:?}"
    );
    assert_eq!(json(&published[0])["bridge"], true);
    assert_eq!(bench.gateway.counters().loops, 6);
}

#[test]
fn what_is_said_before_its_sender_is_known_waits_for_that_and_no_longer() {
    let mut settings = settings();
    settings.queue_bytes = 1 << 20;
    let mut bench = Bench::with(settings, crate::gateway::store::NoStore);
    bench.connect();
    bench.deliver();
    bench.message(unknown(7), ORDERED, 0, b"0");
    bench.message(unknown(8), ORDERED, 0, b"0");
    assert!(bench.published.is_empty());
    bench.joined(peer(7, "ana"));
    bench.message(peer(7, "ana"), ORDERED, 1, b"1");
    let payloads: Vec<_> = bench
        .deliver_on("00000007/reliable-ordered/1")
        .into_iter()
        .map(|p| p.payload)
        .collect();
    assert_eq!(payloads, [b"0", b"1"]);
    bench.run(5);
    assert_eq!(bench.deliver_on("00000008/reliable-ordered/1").len(), 1);
    // From then on it is not waited for.
    bench.message(unknown(8), ORDERED, 1, b"1");
    assert_eq!(bench.deliver_on("00000008/reliable-ordered/1").len(), 1);
    // Nor is more kept back than there is room for.
    let mut delivered = 0;
    for number in 0..200 {
        // Small ones do not slip in before large ones.
        let len = if number % 2 == 0 { 1200 } else { 10 };
        bench.message(unknown(10), ORDERED, number, &vec![0; len]);
        delivered += bench.deliver_on("0000000a/reliable-ordered/1").len();
        assert!(
            delivered == 0 || delivered == number as usize + 1,
            "in order, once there is no more room"
        );
    }
    assert_eq!(delivered, 200);
    assert_eq!(bench.gateway.counters().acknowledged, 204);
    bench.check();
}

#[test]
fn tables_are_bounded_and_that_is_told() {
    let mut settings = settings();
    (settings.senders, settings.values) = (4, 8);
    let mut bench = Bench::with(settings, MemoryStore::new(1 << 20));
    bench.connect();
    for number in 1..100 {
        bench.joined(peer(number, "x"));
        bench.message(peer(number, "x"), STATE, 0, b"1");
        bench.message(peer(number, "x"), ORDERED, 1, b"1");
    }
    bench.deliver();
    let counters = bench.gateway.counters();
    assert_eq!(
        (counters.too_many_senders, counters.too_many_values),
        (95, 91)
    );
    assert_eq!(
        counters.acknowledged, 99,
        "reliable messages are published all the same"
    );
    for kind in ["more than 4 members", "more than 8 values"] {
        let told = bench
            .news
            .iter()
            .filter(|news| news.to_string().contains(kind));
        assert_eq!(told.count(), 1, "{kind}");
    }
    bench.check();
}

/// The broker ends the connection whenever this comes.
#[test]
fn a_message_that_ends_the_connection_each_time_becomes_a_gap_record_and_the_others_go_on() {
    let mut bench = Bench::new();
    for number in 0..30 {
        let payload: &[u8] = if number == 3 { b"poison" } else { b"x" };
        bench.message(peer(7, "ana"), ORDERED, number, payload);
    }
    let mut arrived = Vec::new();
    for _ in 0..12 {
        bench.connect();
        bench.run(1);
        while let Some((token, publication)) = bench.published.pop_front() {
            if publication.payload == b"poison" {
                break;
            }
            arrived.push(publication);
            bench.acknowledge(token, None);
        }
        if bench.gateway.queued().messages == 0 {
            break;
        }
        bench.disconnect();
    }
    let messages = arrived.iter().filter(|p| p.payload == b"x");
    let mids: std::collections::BTreeSet<_> = messages.map(|p| property(p, "gc-mid")).collect();
    assert_eq!(mids.len(), 29);
    assert_eq!(bench.gateway.counters().refused_reliable, 1);
    let gaps = arrived.iter().filter(|p| p.topic.ends_with("/gap"));
    let gaps: Vec<_> = gaps.map(json).collect();
    assert_eq!(gaps.len(), 1);
    let gap = &gaps[0];
    let expected = [&json!(3), &json!(3), &json!("broker")];
    assert_eq!([&gap["first"], &gap["last"], &gap["where"]], expected);
    bench.check();
}
