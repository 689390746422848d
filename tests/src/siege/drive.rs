//! Does what a seed means to the real thing.

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use groupcast::seal::FirstContact;
use groupcast::{Channel, Class, Instant, Memory};
use groupcast_sim::{HostId, Link, MemberKey, SimNet, TraceEvent};

use super::judge::{Judge, Totals};
use super::luck::{Sleeper, takes_no_constants};
use super::plan::{CHANNELS, Plan, Store};
use super::stranger::Stranger;
use crate::swarm::Violation;
use crate::swarm::dice::Dice;

/// After the attack, the rosters are right within this time.
pub const FOUND: Duration = Duration::from_secs(12);

/// A reliable message arrives within this time then.
const ARRIVED: Duration = Duration::from_secs(4);

/// How often it is looked whether they are.
const SLICE: Duration = Duration::from_millis(100);

/// How a run went.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The hash over everything that happened on the network.
    pub hash: u64,
    /// What happened, in numbers.
    pub totals: Totals,
    /// How long the rosters took to be right, after the attack.
    pub found_after: Duration,
    /// The first promise that was broken.
    pub violation: Option<Violation>,
}

/// A run.
pub(super) struct Siege<'a> {
    plan: &'a Plan,
    pub(super) net: SimNet,
    pub(super) keys: Vec<MemberKey>,
    /// Which of the two keys each member sends with.
    sending: Vec<u8>,
    pub(super) dice: Dice,
    pub(super) watch: Watch,
    pub(super) asleep: Vec<Sleeper>,
}

/// Looks at what has happened since the last look.
pub(super) struct Watch {
    pub(super) judge: Judge,
    pub(super) stranger: Stranger,
    hosts: BTreeMap<HostId, usize>,
    /// To whom each member may send: where something came from in its life that it may accept.
    known: Vec<BTreeSet<SocketAddr>>,
    /// How many events of each member have been seen.
    seen: Vec<usize>,
    prints: bool,
}

impl Watch {
    /// Whether it is time to stop.
    fn look(&mut self, net: &SimNet, keys: &[MemberKey]) -> bool {
        let now = net.now();
        let mut unicasts = Vec::new();
        for entry in net.network().take_trace() {
            match entry.event {
                TraceEvent::Sent => {
                    let from = self
                        .hosts
                        .iter()
                        .find(|(host, _)| host.ipv4() == entry.source.ip());
                    let Some((host, member)) = from else {
                        continue;
                    };
                    let to_group = entry.destination.ip().is_multicast();
                    if !to_group {
                        unicasts.push((*member, entry.destination));
                    }
                    self.judge.sealed(now, *member, &entry.payload, to_group);
                    self.stranger.hear(*host, &entry);
                }
                TraceEvent::Delivered => {
                    let at = entry.receiver.and_then(|host| self.hosts.get(&host));
                    if let Some(member) = at {
                        if self.judge.may_accept(now, *member, &entry.payload) {
                            self.known[*member].insert(entry.source);
                        }
                        self.judge.arrived(*member, &entry.payload);
                    }
                }
                _ => {}
            }
        }
        for (member, key) in keys.iter().enumerate() {
            let events = net[*key].events();
            for event in &events[self.seen[member]..] {
                if self.prints {
                    println!("{} member {member}: {event}", clock(now));
                }
                self.judge.told(now, member, event);
            }
            self.seen[member] = events.len();
            let Some(node) = net[*key].node() else {
                continue;
            };
            self.judge.counted(now, member, node.counters());
        }
        for (member, to) in unicasts {
            if !self.known[member].contains(&to) {
                let what = format!("member {member} sends to {to}");
                self.judge.accuse(now, "unicast", what);
            }
        }
        self.judge.violation.is_some()
    }
}

fn clock(now: Instant) -> String {
    format!("{:.6}", now.as_micros() as f64 / 1e6)
}

/// Runs a plan with members that have this memory. `prints`: what members accept and are told.
#[must_use]
pub fn drive<M: Memory + Default + 'static>(plan: &Plan, prints: bool) -> Outcome {
    let mut net = SimNet::new(plan.seed)
        .with_link(plan.link)
        .with_memory::<M>();
    let _ = net.network().clone().with_recorded_trace();
    let join =
        |config: &groupcast::Config| net.join_sealed(*config, super::keys(0), FirstContact::Verify);
    let keys: Vec<_> = plan.members.iter().map(join).collect();
    let hosts: Vec<_> = keys.iter().map(|key| net[*key].host()).collect();
    let stranger = Stranger::new(
        net.network().clone(),
        hosts.clone(),
        plan.weapons,
        plan.sleeps,
        Dice::new(plan.seed, 3),
    );
    let mut siege = Siege {
        plan,
        sending: vec![0; keys.len()],
        asleep: Vec::new(),
        dice: Dice::new(plan.seed, 2),
        watch: Watch {
            judge: Judge::new(plan, prints),
            stranger,
            hosts: hosts.into_iter().zip(0..).collect(),
            known: vec![BTreeSet::new(); keys.len()],
            seen: vec![0; keys.len()],
            prints,
        },
        net,
        keys,
    };
    let found_after = siege.all().unwrap_or_default();
    let mut judge = siege.watch.judge;
    for (member, key) in siege.keys.iter().enumerate() {
        if let Some(node) = siege.net[*key].node() {
            judge.end(member, siege.net.now(), node.counters());
        }
    }
    Outcome {
        hash: siege.net.network().trace_hash(),
        totals: judge.totals,
        found_after,
        violation: judge.violation,
    }
}

impl Siege<'_> {
    /// How long the rosters took to be right after the attack; `None` if a promise was broken before.
    fn all(&mut self) -> Option<Duration> {
        for member in 0..self.keys.len() {
            self.born(member);
        }
        for _ in 0..self.plan.steps {
            for _ in 0..self.dice.pick(&[0, 0, 1, 1, 2]) {
                let member = self.dice.place(self.keys.len());
                let channel = self.dice.pick(&CHANNELS);
                self.send(member, channel);
            }
            if self.dice.chance(self.plan.restless) {
                self.disturb();
            }
            if self.dice.chance(self.plan.rotates) {
                self.rotate()?;
            }
            if self.dice.chance(self.plan.dozes) {
                self.fall_asleep();
            }
            self.wake_up(false)?;
            self.watch.stranger.attack(&mut self.watch.judge.totals);
            let time = self.pause();
            self.pass(time)?;
        }
        self.wake_up(true)?;
        self.calm();
        let began = self.net.now();
        while !self.rosters_are_right() {
            if self.net.now().since(began) > FOUND {
                let what = format!("not after {FOUND:?}: {}", self.rosters());
                self.watch.judge.accuse(self.net.now(), "agree", what);
                return None;
            }
            self.pass(SLICE)?;
        }
        let found_after = self.net.now().since(began);
        self.arrive()?;
        self.watch.judge.settle(self.net.now());
        if let Err(what) = takes_no_constants(&mut Dice::new(self.plan.seed, 5)) {
            self.watch.judge.accuse(self.net.now(), "entropy", what);
        }
        Some(found_after)
    }

    fn pause(&mut self) -> Duration {
        let dice = &mut self.dice;
        let millis = match dice.below(200) {
            0 if self.plan.sleeps => dice.between(10_000, 60_000),
            0..6 => dice.between(1_000, 6_000),
            6..40 => dice.between(20, 300),
            _ => dice.below(20),
        };
        Duration::from_millis(millis) + Duration::from_micros(dice.below(1_000))
    }

    /// Lets time pass. `None`: a promise was broken.
    pub(super) fn pass(&mut self, time: Duration) -> Option<()> {
        let Self {
            net, keys, watch, ..
        } = self;
        if net.run_until(time, |net| watch.look(net, keys)) {
            return None;
        }
        for (member, key) in self.keys.iter().enumerate() {
            let now = self.net.now();
            if !self.net[*key].is_running() {
                // It left by itself.
                self.watch.judge.lives.end(member, now);
            }
            if self.watch.seen[member] > 200 {
                self.net[*key].take_events();
                self.watch.seen[member] = 0;
            }
        }
        Some(())
    }

    fn born(&mut self, member: usize) {
        let now = self.net.now();
        if let Some(node) = self.net[self.keys[member]].node() {
            if self.watch.prints {
                let (id, session) = (node.id(), node.session().get());
                println!("{} member {member} starts: {id} {session:x}", clock(now));
            }
            self.watch.judge.begin(member, node.id(), now);
            self.watch.known[member].clear();
        }
    }

    fn die(&mut self, member: usize) {
        let now = self.net.now();
        // What it sent just now is of this life.
        self.watch.look(&self.net, &self.keys);
        if let Some(node) = self.net[self.keys[member]].node() {
            self.watch.judge.end(member, now, node.counters());
        }
    }

    pub(super) fn send(&mut self, member: usize, channel: Channel) {
        let key = self.keys[member];
        if self.net[key].is_paused() {
            return;
        }
        let Some(node) = self.net[key].node() else {
            return;
        };
        let most = node.max_message(channel.class()) as u64;
        let len = self.dice.below(self.plan.largest + 1).min(most) as usize;
        let payload = self.watch.judge.lives.payload(member, len);
        let fragment = node.max_message(Class::Latest).max(1);
        if let Ok(first) = self.net[key].send(channel, &payload) {
            let judge = &mut self.watch.judge;
            let life = judge.lives.current[member];
            if channel.class().is_reliable() {
                let number = judge.lives.all[life].sent.len();
                let fragments = payload.len().div_ceil(fragment).max(1);
                judge.whole.sent(life, number, first.get(), fragments);
            }
            judge.lives.all[life].sent.push((channel, payload));
            judge.totals.sent += 1;
        }
    }

    /// Somebody crashes, starts again, leaves, or sends with the other key.
    fn disturb(&mut self) {
        let member = self.dice.place(self.keys.len());
        let key = self.keys[member];
        if !self.net[key].is_running() {
            self.net.restart(key);
            return self.born(member);
        }
        if self.net[key].is_paused() {
            return;
        }
        match self.dice.below(6) {
            0 | 1 => {
                self.die(member);
                self.net.crash(key);
            }
            2 | 3 => {
                self.die(member);
                self.net.restart(key);
                self.born(member);
            }
            4 => {
                let life = self.watch.judge.lives.current[member];
                self.watch.judge.lives.all[life].leaves = true;
                self.net[key].leave();
            }
            _ => self.change_key(member),
        }
    }

    /// A member sends with the other key.
    pub(super) fn change_key(&mut self, member: usize) {
        self.sending[member] ^= 1;
        let keys = super::keys(self.sending[member]);
        let member = &mut self.net[self.keys[member]];
        member.set_keys(keys).expect("the keys are sound");
    }

    /// The attack is over, and everybody is there.
    fn calm(&mut self) {
        self.watch.stranger.give_up();
        self.net.network().heal();
        self.net.network().set_default_link(Link::lan());
        for member in 0..self.keys.len() {
            let key = self.keys[member];
            let life = self.watch.judge.lives.current[member];
            if self.watch.judge.lives.all[life].leaves || !self.net[key].is_running() {
                self.die(member);
                self.net.restart(key);
                self.born(member);
            }
        }
    }

    /// Whether every roster has only sessions that are there, and as many as there is room for.
    fn rosters_are_right(&self) -> bool {
        let nodes = || self.keys.iter().filter_map(|key| self.net[*key].node());
        let there: BTreeSet<_> = nodes().map(|node| (node.id(), node.session())).collect();
        let expected = self.plan.store.places().min(there.len() - 1);
        nodes().all(|node| {
            let seen = || node.peers().map(|member| (member.id(), member.session()));
            seen().count() == expected && seen().all(|member| there.contains(&member))
        })
    }

    fn rosters(&self) -> String {
        let all = self.keys.iter().map(|key| self.net[*key].peer_names());
        format!("{:?}", all.collect::<Vec<_>>())
    }

    /// A reliable message of each member arrives wherever it is on the roster.
    fn arrive(&mut self) -> Option<()> {
        let channel = Channel::reliable_ordered(4);
        let mut expected = Vec::new();
        for sender in 0..self.keys.len() {
            let number = self.watch.judge.lives.of(sender).sent.len();
            let began = self.net.now();
            loop {
                self.send(sender, channel);
                if self.watch.judge.lives.of(sender).sent.len() > number {
                    break;
                }
                // What was said before fills the queue.
                if self.net.now().since(began) > ARRIVED {
                    let what = format!("{sender} can queue nothing");
                    self.watch.judge.accuse(self.net.now(), "arrives", what);
                    return None;
                }
                self.pass(SLICE)?;
            }
            let life = self.watch.judge.lives.current[sender];
            let id = self.watch.judge.lives.all[life].id;
            for (receiver, key) in self.keys.iter().enumerate() {
                let mut roster = self.net[*key]
                    .node()
                    .into_iter()
                    .flat_map(|node| node.peers());
                if receiver != sender && roster.any(|member| member.id() == id) {
                    expected.push((receiver, (life, number)));
                }
            }
        }
        // In little room, streams give way to each other: not all that is sent at once arrives.
        let is_sure = self.plan.store == Store::Fitting;
        let began = self.net.now();
        loop {
            let missing = expected
                .iter()
                .find(|(receiver, message)| !self.watch.judge.was_given(*receiver, *message));
            let Some(missing) = missing else {
                return Some(());
            };
            if self.net.now().since(began) > ARRIVED {
                if is_sure {
                    let what = format!("receiver and message {missing:?}");
                    self.watch.judge.accuse(self.net.now(), "arrives", what);
                }
                return None;
            }
            self.pass(SLICE)?;
        }
    }
}
