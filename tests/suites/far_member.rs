//! A member far away does not slow those who are near each other, and does not ask more than it has to.
//!
//! Two sites, of which one has the sender. Everybody loses 5 % of what comes, by chance of its own, and the sender sends
//! 100 messages of 64 octets a second, reliable and unordered. The figures of before are those of the same scenes and
//! seeds where the mean round trip was stated, and all waited by that.
//!
//! To see the figures:
//!
//! ```text
//! cargo test -p groupcast-tests --test far_member -- --nocapture
//! ```

use core::cell::Cell;
use core::time::Duration;
use std::rc::Rc;

use groupcast::wire::{Frame, parse};
use groupcast::{Board, Channel, Config, Instant, Memory, OwnedEvent, Storage};
use groupcast_sim::{HostId, Latency, Link, MemberKey, SimNet};

const EVENTS: Channel = Channel::reliable_unordered(1);

/// Room for all that a desktop keeps here, for few members.
type Room = Storage<16, 4, 512, 512, 65_536, 1473>;

const LOSS: f64 = 0.05;
const SEEDS: core::ops::RangeInclusive<u64> = 1..=5;
const MESSAGES: u64 = 1_000;
const PERIOD: Duration = Duration::from_millis(10);

/// Members at the sender's site, members at the other one, and how many milliseconds that is away, one way.
#[derive(Clone, Copy)]
struct Scene(usize, usize, u64);

/// What came of it.
#[derive(Default)]
struct Outcome {
    sent: u64,
    /// How long it took to whom is near the sender, and to whom is far.
    near: Latency,
    far: Latency,
    in_gaps: u64,
    /// What went from site to site: all that is for the group.
    nacks: u64,
    repairs: u64,
}

/// NACKs, and repairs, for each message, as they were before.
#[derive(Clone, Copy)]
struct Before(f64, f64);

/// Members of one site.
struct Site(Vec<MemberKey>);

impl Site {
    fn join(net: &mut SimNet, members: usize) -> Self {
        let config = Config::new("239.1.2.3:12345".parse().unwrap());
        Self((0..members).map(|_| net.join(config)).collect())
    }

    fn hosts(&self, net: &SimNet) -> Vec<HostId> {
        self.0.iter().map(|key| net[*key].host()).collect()
    }

    /// Adds what its members were told. Returns how many messages are in gaps.
    fn collect(&self, net: &mut SimNet, sent_at: &[Instant], latency: &mut Latency) -> u64 {
        let mut in_gaps = 0;
        for key in &self.0 {
            for (at, event) in net[*key].take_timed_events() {
                match event {
                    OwnedEvent::Message(message) => {
                        let number = u64::from_le_bytes(message.payload[..8].try_into().unwrap());
                        latency.add(at.since(sent_at[number as usize]));
                    }
                    OwnedEvent::Gap { lost, .. } => in_gaps += lost.len(),
                    _ => {}
                }
            }
        }
        in_gaps
    }
}

/// Counts the NACKs and the repairs that are sent from now on.
fn watch(net: &SimNet) -> Rc<Cell<[u64; 2]>> {
    let counts = Rc::new(Cell::new([0; 2]));
    let shared = Rc::clone(&counts);
    net.network().set_observer(move |_, datagram| {
        let [mut nacks, mut repairs] = shared.get();
        for frame in parse(datagram).into_iter().flat_map(|(_, frames)| frames) {
            nacks += u64::from(matches!(frame, Ok(Frame::Nack(_))));
            repairs += u64::from(matches!(frame, Ok(Frame::Data(data)) if data.repair));
        }
        shared.set([nacks, repairs]);
    });
    counts
}

impl Scene {
    fn run<M: Memory + Default + 'static>(self) -> Outcome {
        let mut outcome = Outcome::default();
        SEEDS.for_each(|seed| self.run_once::<M>(seed, &mut outcome));
        let Self(near, far, delay) = self;
        let millis = |latency: &Latency, share| {
            let time = latency.quantile(share).unwrap_or_default();
            time.as_micros() as f64 / 1_000.0
        };
        println!(
            "{near}:{far}, {delay} ms: near 99 % {:.1} ms, far 95 % {:.1} ms, 99 % {:.1} ms; \
             for a message {:.3} NACKs, {:.3} repairs; {} in gaps",
            millis(&outcome.near, 0.99),
            millis(&outcome.far, 0.95),
            millis(&outcome.far, 0.99),
            outcome.nacks as f64 / outcome.sent as f64,
            outcome.repairs as f64 / outcome.sent as f64,
            outcome.in_gaps,
        );
        outcome
    }

    fn run_once<M: Memory + Default + 'static>(self, seed: u64, outcome: &mut Outcome) {
        let Self(near, far, delay) = self;
        let lan = Link::lan();
        let between = lan
            .with_delay(Duration::from_millis(delay))
            .with_jitter(Duration::from_millis(2));
        let mut net = SimNet::new(seed).with_memory::<M>().with_link(lan);
        let [near, far] = [near, far].map(|members| Site::join(&mut net, members));
        let [here, there] = [&near, &far].map(|site| site.hosts(&net));
        net.network().set_link_between(&here, &there, between);
        net.run_for(Duration::from_secs(10));

        net.network().set_default_link(lan.with_loss(LOSS));
        let lossy = between.with_loss(LOSS);
        net.network().set_link_between(&here, &there, lossy);
        let counts = watch(&net);
        let mut sent_at = Vec::new();
        for number in 0..MESSAGES {
            let mut payload = [0; 64];
            payload[..8].copy_from_slice(&number.to_le_bytes());
            net[near.0[0]].send(EVENTS, &payload).unwrap();
            sent_at.push(net.now());
            net.run_for(PERIOD);
        }
        net.run_for(Duration::from_secs(10));
        outcome.sent += MESSAGES;
        outcome.in_gaps += near.collect(&mut net, &sent_at, &mut outcome.near);
        outcome.in_gaps += far.collect(&mut net, &sent_at, &mut outcome.far);
        let [nacks, repairs] = counts.get();
        outcome.nacks += nacks;
        outcome.repairs += repairs;
    }

    /// The sender's site alone.
    const fn without_far(self) -> Self {
        Self(self.0, 0, 0)
    }
}

impl Outcome {
    /// Whether 99 % of what is for those near the sender take at most 1.2 times as long as without the other site.
    fn slows_nobody_near(&self, alone: &Self) {
        let [with, without] = [self, alone].map(|outcome| outcome.near.quantile(0.99).unwrap());
        assert!(with <= without.mul_f64(1.2), "{with:?}, alone {without:?}");
    }

    /// Whether there are at most 1.2 times as many NACKs and repairs as before.
    fn costs_no_more_than(&self, before: Before) {
        let Before(nacks, repairs) = before;
        for (what, now, before) in [
            ("NACKs", self.nacks, nacks),
            ("repairs", self.repairs, repairs),
        ] {
            let now = now as f64 / self.sent as f64;
            assert!(now <= before * 1.2, "{now} {what}, {before} before");
        }
    }

    fn has_no_gap(&self) {
        assert_eq!(self.in_gaps, 0);
    }
}

/// PROTOCOL M20, R14, R15.
#[test]
fn one_member_far_away_slows_nobody_and_asks_no_more_than_before() {
    let alone = Scene(9, 1, 100).without_far().run::<Box<Room>>();
    for (delay, before) in [(100, Before(0.459, 0.461)), (200, Before(0.417, 0.453))] {
        let outcome = Scene(9, 1, delay).run::<Box<Room>>();
        outcome.slows_nobody_near(&alone);
        outcome.costs_no_more_than(before);
        outcome.has_no_gap();
    }
}

/// PROTOCOL M20, R14, R15, S5.
#[test]
fn two_sites_of_five_do_not_slow_each_other() {
    let alone = Scene(5, 5, 100).without_far().run::<Box<Room>>();
    for (delay, before) in [(100, Before(0.368, 0.414)), (200, Before(0.314, 0.408))] {
        let outcome = Scene(5, 5, delay).run::<Box<Room>>();
        outcome.slows_nobody_near(&alone);
        outcome.costs_no_more_than(before);
        outcome.has_no_gap();
    }
}

/// Fewer than a quarter are near the sender: all wait by what is far, as before. PROTOCOL M20.
#[test]
fn where_most_are_far_it_is_as_before() {
    for (delay, before) in [(100, Before(0.346, 0.398)), (200, Before(0.294, 0.401))] {
        let outcome = Scene(2, 8, delay).run::<Box<Room>>();
        outcome.costs_no_more_than(before);
        outcome.has_no_gap();
    }
}

/// What a board keeps for reordering are 32 numbers: of 320 ms, where an answer takes 200. PROTOCOL R17.
#[test]
fn boards_far_away_lack_nothing() {
    let alone = Scene(9, 1, 100).without_far().run::<Box<Board>>();
    let outcome = Scene(9, 1, 100).run::<Box<Board>>();
    outcome.slows_nobody_near(&alone);
    outcome.costs_no_more_than(Before(0.472, 0.626));
    outcome.has_no_gap();
    // Here there were gaps, and so fewer NACKs.
    for near in [8, 5] {
        Scene(near, 10 - near, 100).run::<Box<Board>>().has_no_gap();
    }
}
