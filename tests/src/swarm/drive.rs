//! Does what a plan says to the real thing.

use core::cell::RefCell;
use core::time::Duration;
use std::rc::Rc;

use groupcast::sign::SIGNATURE_LEN;
use groupcast::{Class, Instant, Memory, SendError, Sequence};
use groupcast_sim::{MemberKey, SimNet};

use super::luck::Luck;
use super::memory::AROUND;
use super::oracle::{Oracle, Totals, Violation};
use super::plan::{Action, Plan};
use super::print::{clock, print_entry, short};
use super::stranger::Stranger;
use super::tap::Tap;
use super::world::{Life, Sent, payload};
use crate::work::Work;

/// What a moment may take of the processor. One datagram takes a few microseconds.
const MOMENT: Duration = Duration::from_millis(200);

/// How a run went.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The hash over everything that happened on the network.
    pub hash: u64,
    /// What happened, in numbers.
    pub totals: Totals,
    /// The first promise that was broken.
    pub violation: Option<Violation>,
}

mod others;

/// A run.
struct Drive<'a> {
    plan: &'a Plan,
    net: SimNet,
    keys: Vec<MemberKey>,
    oracle: Oracle<'a>,
    watch: Watch,
    stranger: Option<Stranger>,
}

/// Looks at what has happened since the last look.
#[derive(Default)]
struct Watch {
    tap: Tap,
    /// How many events of each member have been seen.
    seen: Vec<usize>,
    /// What members cost while strangers speak.
    work: Option<Work>,
    /// Who said something as soon as it began, in which life, and when.
    begins: Vec<(usize, usize, Instant)>,
    /// Signatures that were refused, by which member.
    refused: Rc<RefCell<Vec<(usize, String)>>>,
    prints: bool,
}

impl Watch {
    /// Whether it is time to stop.
    fn look(&mut self, net: &SimNet, keys: &[MemberKey], oracle: &mut Oracle<'_>) -> bool {
        let now = net.now();
        if let Some(what) = self.work.as_mut().and_then(Work::too_much) {
            oracle.accuse(now, "work", what);
        }
        let trace = net.network().take_trace();
        if self.prints {
            trace.iter().for_each(print_entry);
        }
        for (member, key) in keys.iter().enumerate() {
            if let Some(name) = net[*key].id().zip(net[*key].session()) {
                let next = oracle.current[member].map_or(0, |life| self.tap.next_of(life));
                if let Some(life) = oracle.is_called(now, member, name, next) {
                    self.tap.begins_anew(life);
                }
            }
        }
        self.tap.moment(now, &trace, oracle);
        for (member, life, at) in self.begins.drain(..) {
            // It may have crashed, or stood still, in the same moment.
            let is_there = oracle.is_alive(life) && !net[keys[member]].is_paused();
            if now == at && is_there && !self.tap.has_sent(member, &trace) {
                let what = format!("member {member} begins with a message, and sends nothing");
                oracle.accuse(now, "prompt", what);
            }
        }
        for (member, key) in keys.iter().enumerate() {
            let events = net[*key].events();
            for event in &events[self.seen[member]..] {
                if self.prints {
                    println!("{} member {member}: {}", clock(now), short(event));
                }
                oracle.told(now, member, event);
            }
            self.seen[member] = events.len();
            if net[*key].is_running() {
                oracle.counted(now, member, &net[*key].counters());
            }
        }
        for (member, what) in self.refused.borrow_mut().drain(..) {
            oracle.accuse(now, "signed", format!("member {member} refuses {what}"));
        }
        oracle.violation.is_some()
    }
}

/// Runs a plan with members that have this memory. `prints`: everything that happens.
#[must_use]
pub fn drive<M: Memory + Default + 'static>(plan: &Plan, prints: bool) -> Outcome {
    let net = SimNet::new(plan.seed)
        .with_link(plan.link)
        .with_memory::<M>();
    let _ = net
        .network()
        .clone()
        .with_receive_queue(plan.queue)
        .with_send_refusal(plan.refusal)
        .with_recorded_trace();
    let mut run = Drive {
        plan,
        net,
        keys: Vec::new(),
        oracle: Oracle::new(plan),
        watch: Watch {
            prints,
            work: (plan.luck == Luck::Far).then(|| Work::new(MOMENT)),
            ..Watch::default()
        },
        stranger: None,
    };
    run.all();
    Outcome {
        hash: run.net.network().trace_hash(),
        totals: run.oracle.totals,
        violation: run.oracle.violation,
    }
}

impl Drive<'_> {
    fn all(&mut self) {
        for player in &self.plan.players {
            let key = self.join(player);
            self.watch
                .tap
                .hosts
                .insert(self.net[key].host(), self.keys.len());
            self.keys.push(key);
            self.watch.seen.push(0);
            self.start(self.keys.len() - 1, 1);
            self.born(self.keys.len() - 1);
        }
        self.meet_strangers();
        for (at, action) in &self.plan.actions {
            let at = Instant::ZERO + *at;
            if self.net.now() < at && self.pass_until(at) {
                return;
            }
            self.act(action);
        }
        if self.pass_until(Instant::ZERO + self.plan.end()) {
            return;
        }
        self.compare_rosters();
        for member in 0..self.keys.len() {
            self.check_counters(member);
        }
        let now = self.net.now();
        self.oracle.settle(now);
        self.watch.tap.settle(now, &mut self.oracle);
    }

    /// Lets time pass. Whether a promise was broken.
    fn pass_until(&mut self, until: Instant) -> bool {
        let time = self.net.now().until(until);
        let Self {
            net,
            keys,
            oracle,
            watch,
            ..
        } = self;
        if net.run_until(time, |net| watch.look(net, keys, oracle)) {
            return true;
        }
        // Members that have left stop by themselves.
        for member in 0..self.keys.len() {
            let key = self.keys[member];
            if !self.net[key].is_running() {
                self.oracle.end(member, self.net.now());
            }
            if self.watch.seen[member] > 500 {
                self.net[key].take_events();
                self.watch.seen[member] = 0;
            }
        }
        false
    }

    fn born(&mut self, member: usize) {
        let now = self.net.now();
        let node = &self.net[self.keys[member]];
        let Some((id, session)) = node.id().zip(node.session()) else {
            return;
        };
        let fixed = self.plan.players[member].id.is_some();
        let is_clone = self.plan.luck == Luck::Clones;
        if !is_clone
            && self
                .oracle
                .lives
                .iter()
                .any(|life| life.had_session(session))
        {
            let what = format!("member {member} has session {session:?} again");
            self.oracle.accuse(now, "session", what);
        }
        let mut life = Life::new(member, fixed, id, session, now);
        life.gives_way = self.plan.players[member].kind.is_leaf();
        self.oracle.begin(life);
    }

    fn act(&mut self, action: &Action) {
        let now = self.net.now();
        let network = self.net.network().clone();
        if self.watch.prints && !matches!(action, Action::Send { .. }) {
            println!("{} {action:?}", clock(now));
        }
        match action {
            Action::Send {
                member,
                channel,
                size,
            } => self.send(*member, *channel, *size),
            Action::Raw(member) => {
                let datagram = payload(self.plan.seed, 0, self.oracle.raw.len(), 12);
                let member = &mut self.net[self.keys[*member]];
                if !member.is_paused() && member.send_raw(&datagram).is_ok() {
                    self.oracle.raw.push(datagram);
                }
            }
            Action::Crash(member) => {
                self.check_counters(*member);
                self.net.crash(self.keys[*member]);
                self.oracle.end(*member, now);
            }
            Action::Restart(member) => {
                self.check_counters(*member);
                self.oracle.end(*member, now);
                let starts = self.oracle.starts(*member) + 1;
                self.net.restart(self.keys[*member]);
                self.start(*member, starts);
                self.born(*member);
            }
            // Who stands still does nothing of what it was to do.
            Action::Leave(member) | Action::Confirm(member)
                if self.net[self.keys[*member]].is_paused() => {}
            Action::Leave(member) => {
                if let Some(life) = self.oracle.current[*member] {
                    self.oracle.lives[life].leaves = true;
                }
                self.net[self.keys[*member]].leave();
            }
            Action::Confirm(member) => {
                let asks = self.oracle.sends_reliably(*member);
                if asks && let Some((first, last)) = self.oracle.question(*member) {
                    let messages = Sequence::new(first).to(Sequence::new(last));
                    let _ = self.net[self.keys[*member]].confirm(messages);
                }
            }
            Action::Clone { of, by } => {
                self.oracle.end(*by, now);
                let seed = self.net[self.keys[*of]].seed();
                self.net.restart_with(self.keys[*by], seed);
                self.born(*by);
            }
            Action::Forge(forgery) => self.forge(forgery),
            Action::Puppet(messages) => self.puppet(messages),
            Action::Pause(member) => self.net[self.keys[*member]].pause(),
            Action::Resume(member) => self.net[self.keys[*member]].resume(),
            Action::Leap(member, by) => {
                self.net[self.keys[*member]].put_clock_forward(*by);
                self.watch.tap.leapt(*member, &self.oracle);
                self.oracle.leapt(now, *member);
            }
            Action::Cut(pairs) => {
                for (from, to) in pairs {
                    let host = |member: &usize| self.net[self.keys[*member]].host();
                    network.block(host(from), host(to));
                }
            }
            Action::Compare => self.compare_rosters(),
            Action::Heal => network.heal(),
            Action::Weather(link) => network.set_default_link(*link),
            Action::Refuse(probability) => network.set_send_refusal(*probability),
            Action::Calm => {
                network.heal();
                network.set_default_link(self.plan.calm_link);
                network.set_send_refusal(0.0);
            }
        }
    }

    fn send(&mut self, member: usize, channel: usize, size: usize) {
        let now = self.net.now();
        let channel = self.oracle.channel(channel);
        let key = self.keys[member];
        let Some(life) = self.oracle.current[member].filter(|life| self.oracle.is_alive(*life))
        else {
            return;
        };
        let is_paused = self.net[key].is_paused();
        if !self.net[key].is_running() || is_paused {
            return;
        }
        if !self.plan.players[member].kind.sends(channel.class()) {
            let refused = self.say(key, channel, &[]);
            if !matches!(
                refused,
                Err(SendError::NotReliable | SendError::HasLeft | SendError::Silenced)
            ) {
                let what = format!("member {member} sends reliably: {refused:?}");
                self.oracle.accuse(now, "send", what);
            }
            return;
        }
        let signature = if self.plan.signs { SIGNATURE_LEN } else { 0 };
        let most = |class| self.net[key].max_message(class);
        let size = size.min(most(channel.class()).saturating_sub(signature));
        let node = self.net[key].node();
        let is_mixed = node.is_some_and(|node| node.peers().any(|it| !it.takes_reliable()));
        let fragment = match channel.class() {
            // What is for those alone who take streams does not keep to what the others can receive.
            Class::ReliableOrdered | Class::ReliableUnordered if is_mixed => {
                self.oracle.limit(member).min(self.plan.store.receive() - 1) - AROUND
            }
            // Values that are kept leave less room for what is none.
            _ if self.plan.players[member].kind.is_leaf() => size.max(1),
            _ => most(Class::Latest).max(1),
        };
        let number = self.oracle.lives[life].sent.len();
        let payload = payload(self.plan.seed, life, number, size);
        match self.say(key, channel, &payload) {
            Ok(first) => {
                let begins = self.oracle.lives[life].began == now && number == 0;
                if begins && self.oracle.is_prompt(now) {
                    self.watch.begins.push((member, life, now));
                }
                self.oracle.totals.sent += 1;
                if self.watch.prints {
                    let clock = clock(now);
                    println!("{clock} member {member} sends {channel:?} {first}: {size} octets");
                }
                let sent = Sent {
                    channel,
                    first: first.get(),
                    fragments: (size + signature).div_ceil(fragment).max(1),
                    payload,
                    at: now,
                };
                let next = self.watch.tap.next_of(life);
                if let Err(what) = self.oracle.lives[life].note(sent, next) {
                    self.oracle.accuse(now, "sequence", what);
                }
            }
            Err(SendError::QueueFull) => self.oracle.totals.blocked += 1,
            Err(SendError::HasLeft | SendError::TooManyStates) => {}
            // Values leave a leaf no room for anything else.
            Err(SendError::TooLong { limit: 0, .. }) if self.oracle.lives[life].gives_way => {}
            Err(error) => {
                let what = format!("member {member} cannot send {size} octets: {error}");
                self.oracle.accuse(now, "send", what);
            }
        }
    }

    /// Every datagram that was received is counted once.
    fn check_counters(&mut self, member: usize) {
        let now = self.net.now();
        let node = &self.net[self.keys[member]];
        if !node.is_running() {
            return;
        }
        let c = node.counters();
        let sum = c.accepted + c.raw + c.own + c.dropped();
        if c.received != sum {
            let what = format!("member {member}: received {}, counted {sum}", c.received);
            self.oracle.accuse(now, "counters", what);
        }
    }

    fn compare_rosters(&mut self) {
        let now = self.net.now();
        for (member, key) in self.keys.iter().enumerate() {
            let Some(node) = self.net[*key].node() else {
                continue;
            };
            let seen = node.peers().map(groupcast::Peer::id).collect();
            self.oracle.roster(now, member, seen);
        }
    }
}
