//! A gateway that is started again, and its store.

use groupcast::{Channel, Event, Session};
use serde_json::json;

use super::broker::{Bench, json, peer, property, settings};
use crate::gateway::News;
use crate::gateway::store::MemoryStore;

const ORDERED: Channel = Channel::reliable_ordered(1);
const UNORDERED: Channel = Channel::reliable_unordered(2);

#[test]
fn a_restarted_gateway_publishes_what_was_not_acknowledged() {
    let store = MemoryStore::new(1 << 20);
    let mut bench = Bench::with(settings(), store.clone());
    bench.connect();
    bench.deliver();
    for number in 0..400 {
        bench.message(peer(7, "ana"), ORDERED, number, &[0; 340]);
    }
    assert!(bench.gateway.queued().spooled > 0);
    for _ in 0..30 {
        let (token, _) = bench.published.pop_front().unwrap();
        bench.acknowledge(token, None);
    }
    bench.run(2);
    bench.check();
    // kill -9
    let mut bench = bench.restarted(settings(), store);
    assert_eq!(bench.gateway.counters().recovered, 370);
    assert!(bench.news.is_empty());
    bench.connect();
    let again = bench.deliver_on("/1");
    let mids = again.iter().map(|p| property(p, "gc-mid").to_owned());
    let expected = (30..400).map(|n| format!("00000007-0000000100000005-r-{n}"));
    assert!(mids.eq(expected));
    // The histories of the group say the rest again.
    for number in 380..402 {
        bench.message(peer(7, "ana"), ORDERED, number, b"x");
    }
    assert_eq!(bench.deliver_on("/1").len(), 2);
    assert_eq!(bench.gateway.counters().already_handled, 20);
    bench.run(15);
    assert!(bench.deliver_on("/gap").is_empty(), "nothing is missing");
    bench.check();
}

#[test]
fn what_was_said_while_the_gateway_was_away_is_one_exact_gap() {
    let store = MemoryStore::new(1 << 20);
    let mut bench = Bench::with(settings(), store.clone());
    for number in 0..10 {
        bench.message(peer(7, "ana"), ORDERED, number, b"x");
    }
    let mut bench = bench.restarted(settings(), store);
    bench.connect();
    bench.deliver();
    bench.message(peer(7, "ana"), ORDERED, 25, b"x");
    bench.message(peer(7, "ana"), ORDERED, 26, b"x");
    bench.run(15);
    let gaps = bench.deliver_on("/gap");
    assert_eq!(gaps.len(), 1);
    let gap = json(&gaps[0]);
    assert_eq!(
        [&gap["first"], &gap["last"], &gap["where"]],
        [&json!(10), &json!(24), &json!("bridge")]
    );
}

#[test]
fn of_a_sender_that_restarted_meanwhile_the_end_of_its_earlier_life_is_not_known() {
    let store = MemoryStore::new(1 << 20);
    let mut bench = Bench::with(settings(), store.clone());
    bench.message(peer(7, "ana"), ORDERED, 0, b"x");
    let mut bench = bench.restarted(settings(), store.clone());
    bench.connect();
    let next = peer(7, "ana").with_session(Session::new(9));
    bench.message(next, ORDERED, 0, b"x");
    bench.run(15);
    let gaps = bench.deliver_on("/gap");
    assert_eq!(gaps.len(), 1);
    let gap = json(&gaps[0]);
    assert_eq!((&gap["first"], &gap["last"]), (&json!(1), &json!(null)));
    assert_eq!(gap["session"], "0000000100000005");
    bench.run(2);
    // Once, and not by the next gateway again.
    let mut bench = bench.restarted(settings(), store);
    bench.connect();
    bench.message(next, ORDERED, 1, b"x");
    bench.run(15);
    assert!(bench.deliver_on("/gap").is_empty());
}

#[test]
fn of_a_sender_that_said_good_bye_before_nothing_is_missing() {
    let store = MemoryStore::new(1 << 20);
    let mut bench = Bench::with(settings(), store.clone());
    bench.connect();
    bench.message(peer(7, "ana"), ORDERED, 0, b"x");
    bench.event(&Event::Left(&peer(7, "ana")));
    bench.deliver();
    bench.run(2);
    let mut bench = bench.restarted(settings(), store);
    bench.connect();
    bench.run(25 * 3600);
    bench.joined(peer(7, "ana").with_session(Session::new(9)));
    bench.run(15);
    assert!(bench.deliver_on("/gap").is_empty());
}

#[test]
fn of_a_sender_that_goes_unheard_the_end_is_not_known_either() {
    for goes in [
        |bench: &mut Bench<MemoryStore>| bench.event(&Event::Lost(&peer(7, "ana"))),
        |bench: &mut Bench<MemoryStore>| bench.joined(peer(7, "ana").with_session(Session::new(9))),
        |bench: &mut Bench<MemoryStore>| bench.run(25 * 3600),
    ] {
        let store = MemoryStore::new(1 << 20);
        let mut bench = Bench::with(settings(), store.clone());
        bench.message(peer(7, "ana"), ORDERED, 0, b"x");
        let mut bench = bench.restarted(settings(), store);
        bench.connect();
        bench.run(20);
        assert!(bench.deliver_on("/gap").is_empty());
        goes(&mut bench);
        let gap = json(&bench.deliver_on("/gap")[0]);
        assert_eq!((&gap["first"], &gap["last"]), (&json!(1), &json!(null)));
    }
}

#[test]
fn who_is_there_and_says_nothing_is_not_forgotten() {
    let store = MemoryStore::new(1 << 20);
    let mut bench = Bench::with(settings(), store.clone());
    bench.connect();
    bench.joined(peer(7, "ana"));
    bench.message(peer(7, "ana"), ORDERED, 0, b"x");
    bench.deliver();
    bench.run(30 * 3600);
    let seen = json(bench.deliver_on("/info").last().unwrap())["seen"]
        .as_u64()
        .unwrap();
    assert!(seen > 1_700_000_000 + 20 * 3600);
    let mut bench = bench.restarted(settings(), store);
    bench.connect();
    bench.message(peer(7, "ana"), ORDERED, 5, b"x");
    bench.run(15);
    assert_eq!(json(&bench.deliver_on("/gap")[0])["first"], 1);
}

#[test]
fn a_late_unordered_message_is_no_repetition_while_the_gateway_runs() {
    let mut bench = Bench::with(settings(), MemoryStore::new(1 << 20));
    bench.connect();
    for number in [5, 7, 6, 3] {
        bench.message(peer(7, "ana"), UNORDERED, number, b"x");
    }
    assert_eq!(bench.deliver_on("/2").len(), 4);
}

#[test]
fn a_store_that_is_full_gives_up_its_oldest_and_says_which() {
    let store = MemoryStore::new(40_000);
    let mut bench = Bench::with(settings(), store.clone());
    bench.connect();
    bench.deliver();
    bench.disconnect();
    for number in 0..500 {
        bench.message(peer(7, "ana"), ORDERED, number, &[0; 340]);
    }
    bench.check();
    assert!(bench.gateway.queued().store <= 40_000);
    let mut bench = bench.restarted(settings(), store);
    bench.connect();
    bench.run(2);
    let delivered = bench.deliver();
    let gaps: Vec<_> = delivered
        .iter()
        .filter(|p| p.topic.ends_with("/gap"))
        .map(json)
        .collect();
    let lost: u64 = gaps
        .iter()
        .map(|gap| gap["messages"].as_u64().unwrap())
        .sum();
    let arrived = delivered.iter().filter(|p| p.topic.ends_with("/1")).count() as u64;
    assert!(lost > 300 && arrived > 50, "{lost} lost, {arrived} arrived");
    assert_eq!(lost + arrived, 500);
    bench.check();
}

#[test]
fn a_store_that_cannot_be_written_is_told_and_tried_again() {
    let store = MemoryStore::new(1 << 20);
    let mut bench = Bench::with(settings(), store.clone());
    store.set_failing(true);
    for number in 0..50 {
        bench.message(peer(7, "ana"), ORDERED, number, &[0; 340]);
        bench.run(1);
    }
    bench.check();
    let failed = bench
        .news
        .iter()
        .filter(|news| matches!(news, News::StoreFailed { .. }));
    assert_eq!(failed.count(), 1, "once a minute");
    store.set_failing(false);
    bench.run(2);
    assert!(bench.news.contains(&News::StoreBack));
    let mut bench = bench.restarted(settings(), store);
    bench.connect();
    assert_eq!(bench.deliver_on("/1").len(), 50);
    assert!(bench.deliver_on("/gap").is_empty());
}

/// What is told to be lost in the gateway.
fn lost_here(bench: &mut Bench<MemoryStore>) -> Vec<(u64, u64)> {
    let gaps: Vec<_> = bench.deliver_on("/gap").iter().map(json).collect();
    assert!(gaps.iter().all(|gap| gap["where"] == "bridge"));
    let number = |gap: &serde_json::Value, key: &str| gap[key].as_u64().unwrap();
    let numbers = gaps
        .iter()
        .map(|gap| (number(gap, "first"), number(gap, "last")));
    numbers.collect()
}

#[test]
fn what_damage_of_the_disk_took_is_in_exact_gap_records_once() {
    let store = MemoryStore::new(1 << 20);
    let mut bench = Bench::with(settings(), store.clone());
    for number in 0..50 {
        bench.message(peer(7, "ana"), ORDERED, number, b"x");
        bench.message(peer(8, "ben"), ORDERED, 1000 + number, b"x");
    }
    bench.connect();
    // Five of each are published, and that the gateway is online.
    for _ in 0..11 {
        let (token, _) = bench.published.pop_front().unwrap();
        bench.acknowledge(token, None);
    }
    bench.run(2);
    // What was published and, behind it, sent; what is queued; and the end.
    store.damage((8..12).chain(40..45).chain(90..100));
    let mut bench = bench.restarted(settings(), store.clone());
    bench.connect();
    let delivered = bench.deliver();
    assert_eq!(bench.gateway.counters().recovered, 73);
    assert!(bench.news.contains(&News::StoreLacks { records: 17 }));
    let mut gaps: Vec<_> = delivered
        .iter()
        .filter(|p| p.topic.ends_with("/gap"))
        .map(json)
        .collect();
    gaps.sort_by_key(|gap| gap["first"].as_u64());
    let numbers: Vec<_> = gaps
        .iter()
        .map(|gap| {
            (
                gap["first"].as_u64().unwrap(),
                gap["last"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        numbers,
        [
            (5, 5),
            (20, 22),
            (45, 49),
            (1005, 1005),
            (1020, 1021),
            (1045, 1049)
        ]
    );
    assert!(gaps.iter().all(|gap| gap["where"] == "bridge"));
    bench.message(peer(7, "ana"), ORDERED, 50, b"x");
    bench.run(2);
    // Once, and not by the next gateway again.
    let mut bench = bench.restarted(settings(), store);
    bench.connect();
    bench.message(peer(7, "ana"), ORDERED, 51, b"x");
    bench.run(15);
    assert_eq!(lost_here(&mut bench), []);
    bench.check();
}

#[test]
fn of_what_is_damaged_while_it_waits_nothing_is_told_twice() {
    let store = MemoryStore::new(1 << 20);
    let mut bench = Bench::with(settings(), store.clone());
    for number in 0..50 {
        bench.message(peer(7, "ana"), ORDERED, number, b"x");
    }
    bench.run(2);
    store.damage([20]);
    let mut bench = bench.restarted(settings(), store.clone());
    bench.run(2);
    store.damage([21, 30]);
    let mut bench = bench.restarted(settings(), store);
    bench.connect();
    bench.run(2);
    assert_eq!(lost_here(&mut bench), [(20, 20), (21, 21), (30, 30)]);
    bench.check();
}

#[test]
fn a_store_that_is_removed_is_begun_anew_with_what_memory_has() {
    for is_restarted in [false, true] {
        let store = MemoryStore::new(1 << 20);
        let mut bench = Bench::with(settings(), store.clone());
        for number in 0..400 {
            bench.message(peer(7, "ana"), ORDERED, number, &[0; 340]);
        }
        bench.run(2);
        // What was written last is still open.
        store.remove(300);
        bench.run(1);
        let failed = |news: &News| matches!(news, News::StoreFailed { .. });
        assert!(bench.news.iter().any(failed), "though nothing is written");
        assert!(!bench.gateway.queued().is_kept);
        bench.message(peer(7, "ana"), ORDERED, 400, b"x");
        bench.run(2);
        assert!(bench.news.contains(&News::StoreBack) && bench.gateway.queued().is_kept);
        let messages = bench.gateway.counters().store_lost;
        let in_memory = 300 - messages;
        assert!(messages > 50 && in_memory > 50);
        assert!(
            bench.news.contains(&News::StoreLost { messages }),
            "{messages}: {:?}",
            bench.news
        );
        bench.message(peer(7, "ana"), ORDERED, 401, b"x");
        bench.check();
        // Now or after a restart, each is published or in the gap record.
        if is_restarted {
            bench = bench.restarted(settings(), store);
        }
        bench.connect();
        let (mut numbers, mut gaps) = (std::collections::BTreeSet::new(), Vec::new());
        for publication in bench.deliver() {
            if publication.topic.ends_with("/1") {
                let mid = property(&publication, "gc-mid");
                let number: u64 = mid.rsplit('-').next().unwrap().parse().unwrap();
                assert!(numbers.insert(number), "{number} comes twice");
            } else if publication.topic.ends_with("/gap") {
                let gap = json(&publication);
                gaps.push((gap["first"].as_u64(), gap["last"].as_u64()));
            }
        }
        assert!(numbers.into_iter().eq((0..in_memory).chain(300..402)));
        assert_eq!(gaps, [(Some(in_memory), Some(299))]);
        bench.check();
    }
}
