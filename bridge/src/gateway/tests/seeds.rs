//! Brokers and machines that fail at random, and a reckoning at the end: each reliable message that was handed in is
//! acknowledged under its own id, or in a gap record, or still queued.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use groupcast::{Channel, Sequence};

use super::broker::{Bench, json, peer, property, settings};
use crate::gateway::Publication;
use crate::gateway::store::{MemoryStore, NoStore, Store};

/// Numbers from a seed (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn is(&mut self, one_in: u64) -> bool {
        self.below(one_in) == 0
    }
}

/// Of whom, from which number to which, how many messages, and where.
type Record = (String, u32, Option<u32>, Option<u64>, String);

/// What the backends know.
#[derive(Default)]
struct Backends {
    /// How often each message came, by sender and number.
    arrived: BTreeMap<(String, u32), u64>,
    /// Gap records by their id.
    gaps: BTreeMap<String, Record>,
    repeated: u64,
}

impl Backends {
    fn take(&mut self, publication: &Publication) {
        let mid = property(publication, "gc-mid").to_owned();
        let sender = match publication.topic.split('/').nth(3) {
            Some("00000001") => "ana".to_owned(),
            Some("00000002") => "ben".to_owned(),
            _ => return,
        };
        if publication.topic.ends_with("/gap") {
            let gap = json(publication);
            let number = |key: &str| gap[key].as_u64();
            let first = number("first").unwrap() as u32;
            let last = number("last").map(|last| last as u32);
            let place = gap["where"].as_str().unwrap().to_owned();
            let record = (sender, first, last, number("messages"), place);
            if let Some(before) = self.gaps.insert(mid, record.clone()) {
                assert_eq!(before, record, "a record does not change once it is said");
            }
        } else if publication.topic.contains("/reliable-") {
            let number = mid.rsplit('-').next().unwrap().parse().unwrap();
            let count = self.arrived.entry((sender, number)).or_default();
            self.repeated += u64::from(*count > 0);
            *count += 1;
        }
    }

    fn is_in_gap(&self, sender: &str, number: u32) -> bool {
        let number = Sequence::new(number);
        self.gaps.values().any(|(of, first, last, ..)| {
            let first = Sequence::new(*first);
            of == sender && last.is_none_or(|last| first.to(Sequence::new(last)).contains(number))
        })
    }
}

/// Runs a gateway for ten minutes. `restart` gives the store again after the program was killed.
fn run<S: Store>(
    seed: u64,
    store: S,
    restart: Option<&dyn Fn() -> S>,
    fail: &dyn Fn(bool),
) -> Backends {
    let backends = run_and_lose(seed, store, restart, fail);
    if restart.is_none() {
        assert!(backends.gaps.values().all(|gap| gap.3.is_some()));
    }
    backends
}

/// The same with a store that may lose what it holds, so that not all is known of what is lost.
fn run_and_lose<S: Store>(
    seed: u64,
    store: S,
    restart: Option<&dyn Fn() -> S>,
    fail: &dyn Fn(bool),
) -> Backends {
    let mut random = Random(seed);
    let mut backends = Backends::default();
    let mut bench = Bench::with(settings(), store);
    let mut is_connected = false;
    // Each sender's next number; some wrap.
    let mut next: BTreeMap<&str, u32> = [("ana", u32::MAX - 300), ("ben", 0)].into();
    let mut sent: BTreeSet<(String, u32)> = BTreeSet::new();
    let (mut gone_until, mut state) = (0, 0u32);
    for round in 0..1600u64 {
        if !is_connected && round >= gone_until {
            bench
                .gateway
                .set_receive_maximum(1 + random.below(30) as u16);
            bench.gateway.handle_connected(bench.now, random.is(2));
            bench.drain();
            is_connected = true;
        } else if is_connected && random.is(100) {
            bench.disconnect();
            is_connected = false;
            gone_until = round + random.below(80);
        }
        for (number, name) in [(1, "ana"), (2, "ben")] {
            for _ in 0..random.below(6) {
                let at = next.get_mut(name).unwrap();
                let channel = if random.is(2) {
                    Channel::reliable_ordered(1)
                } else {
                    Channel::reliable_unordered(2)
                };
                let payload = vec![0; random.below(900) as usize];
                bench.message(peer(number, name), channel, *at, &payload);
                sent.insert((name.to_owned(), *at));
                *at = at.wrapping_add(1);
            }
            if random.is(20) {
                let at = next.get_mut(name).unwrap();
                bench.message(
                    peer(number, name),
                    Channel::state(1),
                    *at,
                    &state.to_be_bytes(),
                );
                state += 1;
                *at = at.wrapping_add(1);
            }
        }
        // The broker works off some of it, in order as brokers do.
        for _ in 0..random.below(25) {
            let Some((token, publication)) = bench.published.pop_front() else {
                break;
            };
            let refused = match random.below(400) {
                0 => Some(0x87),
                1 => Some(0x97),
                2 => Some(0x10),
                _ => None,
            };
            if refused.is_none_or(|reason| reason < 0x80) {
                backends.take(&publication);
            }
            bench.acknowledge(token, refused);
        }
        bench.now += Duration::from_millis(250);
        bench.unix += Duration::from_millis(250);
        if bench.gateway.poll_timeout() <= bench.now {
            bench.gateway.handle_timeout(bench.now);
        }
        bench.drain();
        bench.check();
        assert!(bench.gateway.queued().memory <= 96 << 10, "seed {seed}");
        fail(random.is(60));
        if let Some(store) = restart.filter(|_| random.is(400)) {
            bench = bench.restarted(settings(), store());
            bench.check();
            (is_connected, gone_until) = (false, round + random.below(20));
        }
    }
    // Everything is well at last.
    fail(false);
    for _ in 0..40 {
        bench.gateway.handle_connected(bench.now, false);
        bench.run(1);
        bench
            .deliver()
            .iter()
            .for_each(|publication| backends.take(publication));
    }
    for name in ["ana", "ben"] {
        // Who is silent since the restart says something, so that it is known what is missing.
        let (number, at) = (if name == "ana" { 1 } else { 2 }, next[name]);
        bench.message(peer(number, name), Channel::reliable_ordered(1), at, b"end");
        sent.insert((name.to_owned(), at));
    }
    for _ in 0..40 {
        bench.run(1);
        bench
            .deliver()
            .iter()
            .for_each(|publication| backends.take(publication));
    }
    let queued = bench.gateway.queued();
    assert_eq!((queued.messages, queued.gaps), (0, 0), "seed {seed}");
    for (sender, number) in &sent {
        let arrived = backends.arrived.contains_key(&(sender.clone(), *number));
        let in_gap = backends.is_in_gap(sender, *number);
        assert!(
            arrived || in_gap,
            "seed {seed}: {sender} {number} is lost in silence"
        );
    }
    assert!(
        backends.arrived.keys().all(|it| sent.contains(it)),
        "seed {seed}"
    );
    if restart.is_none() && backends.gaps.values().all(|gap| gap.3.is_some()) {
        let lost: u64 = backends
            .gaps
            .values()
            .filter_map(|(_, _, _, messages, _)| *messages)
            .sum();
        let arrived = backends.arrived.len() as u64;
        assert_eq!(
            arrived + lost,
            sent.len() as u64,
            "seed {seed}: the records are exact"
        );
    }
    backends
}

#[test]
fn without_a_store_what_was_handed_in_is_acknowledged_or_in_an_exact_gap_record() {
    let mut gaps = 0;
    for seed in 0..8 {
        gaps += run(seed, NoStore, None, &|_| {}).gaps.len();
    }
    assert!(gaps > 8, "{gaps}: too easy");
}

#[test]
fn with_a_store_that_is_small_and_fails_now_and_then_too() {
    for seed in 100..108 {
        let store = MemoryStore::new(150_000);
        let disk = store.clone();
        run(seed, store, None, &|is_failing| {
            disk.set_failing(is_failing)
        });
    }
}

#[test]
fn a_gateway_that_is_killed_at_any_moment_loses_nothing_in_silence() {
    let (mut repeated, mut arrived) = (0, 0);
    for seed in 200..210 {
        let store = MemoryStore::new(400_000);
        let disk = store.clone();
        let backends = run(seed, store, Some(&|| disk.clone()), &|_| {});
        repeated += backends.repeated;
        arrived += backends.arrived.len();
    }
    assert!(repeated > 0 && arrived > 8_000, "too easy");
}

#[test]
fn nor_does_one_whose_store_fails_and_that_is_killed_then() {
    for seed in 300..310 {
        let store = MemoryStore::new(400_000);
        let disk = store.clone();
        let fail = |is_failing| disk.set_failing(is_failing);
        run(
            seed,
            store,
            Some(&|| {
                disk.set_failing(false);
                disk.clone()
            }),
            &fail,
        );
    }
}

#[test]
fn nor_does_one_whose_machine_loses_power() {
    for seed in 400..408 {
        let store = MemoryStore::new(400_000);
        let disk = store.clone();
        run(
            seed,
            store,
            Some(&|| {
                disk.lose_power();
                disk.clone()
            }),
            &|_| {},
        );
    }
}

#[test]
fn nor_does_one_whose_disk_is_damaged_then() {
    let (mut damaged, mut gaps) = (0, 0);
    for seed in 500..520 {
        let store = MemoryStore::new(400_000);
        let disk = store.clone();
        let random = core::cell::RefCell::new(Random(seed));
        let count = core::cell::Cell::new(0);
        let restart = || {
            let mut random = random.borrow_mut();
            let (end, len) = (disk.end(), 1 + random.below(12));
            let first = end.saturating_sub(random.below(300));
            count.set(count.get() + (first + len).min(end) - first);
            disk.damage(first..first + len);
            disk.clone()
        };
        let backends = run(seed, store, Some(&restart), &|_| {});
        damaged += count.get();
        gaps += backends.gaps.len();
    }
    assert!(damaged > 100 && gaps > 20, "{damaged}, {gaps}: too easy");
}

#[test]
fn nor_does_one_whose_store_is_removed() {
    for seed in 600..620 {
        let store = MemoryStore::new(400_000);
        let disk = store.clone();
        let removals = core::cell::Cell::new(seed);
        let remove = |is_failing| {
            if is_failing {
                removals.set(removals.get() + 1);
                let open = disk.end() / 100 * 100;
                disk.remove(if removals.get() % 2 == 0 {
                    open
                } else {
                    disk.end()
                });
            }
        };
        run_and_lose(seed, store, None, &remove);
    }
}
