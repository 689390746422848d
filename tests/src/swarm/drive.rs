//! Does what a plan says to the real thing.

use groupcast::embedded_nal::nb;
use groupcast::{Class, Instant, Memory, SendError};
use groupcast_sim::{MemberKey, SimNet, TraceEntry, TraceEvent};

use super::oracle::{Oracle, Totals, Violation};
use super::plan::{Action, Plan};
use super::tap::Tap;
use super::world::{Life, Sent, payload};

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

/// A run.
struct Drive<'a, M: Memory + Default> {
    plan: &'a Plan,
    net: SimNet<M>,
    keys: Vec<MemberKey>,
    oracle: Oracle<'a>,
    watch: Watch,
}

/// Looks at what has happened since the last look.
#[derive(Default)]
struct Watch {
    tap: Tap,
    /// How many events of each member have been seen.
    seen: Vec<usize>,
    prints: bool,
}

impl Watch {
    /// Whether it is time to stop.
    fn look<M: Memory + Default>(
        &mut self,
        net: &SimNet<M>,
        keys: &[MemberKey],
        oracle: &mut Oracle<'_>,
    ) -> bool {
        let now = net.now();
        let trace = net.network().take_trace();
        if self.prints {
            trace.iter().for_each(print_entry);
        }
        self.tap.moment(now, &trace, oracle);
        for (member, key) in keys.iter().enumerate() {
            let events = net[*key].events();
            for event in &events[self.seen[member]..] {
                if self.prints {
                    println!("{} member {member}: {}", clock(now), short(event));
                }
                oracle.told(now, member, event);
            }
            self.seen[member] = events.len();
        }
        oracle.violation.is_some()
    }
}

fn clock(now: Instant) -> String {
    format!("{:.6}", now.as_micros() as f64 / 1e6)
}

fn short(event: &groupcast::OwnedEvent) -> String {
    match event {
        groupcast::OwnedEvent::Message(message) => format!(
            "{:?} {} of {}, {} octets, label {:?}",
            message.channel,
            message.sequence,
            message.sender,
            message.payload.len(),
            super::world::label(&message.payload)
        ),
        event => event.to_string(),
    }
}

fn print_entry(entry: &TraceEntry) {
    if !matches!(entry.event, TraceEvent::Sent | TraceEvent::Delivered) {
        return;
    }
    print!("{entry}");
    if let Ok((header, frames)) = groupcast::wire::parse(&entry.payload) {
        print!(" #{}", header.counter);
        for frame in frames.flatten() {
            use groupcast::wire::Frame;
            match frame {
                Frame::Data(d) => print!(
                    " DATA({} c{} {}/{} h{}{}{})",
                    d.sequence,
                    d.class,
                    d.fragment,
                    d.last,
                    d.horizon,
                    if d.repair { " repair" } else { "" },
                    if d.copy { " copy" } else { "" }
                ),
                Frame::Nack(n) => {
                    print!(" NACK({} {:?})", n.target, n.iter().collect::<Vec<_>>());
                }
                Frame::Sync(s) => print!(
                    " SYNC({}..{} s{} t{})",
                    s.low, s.next, s.states, s.round_trip
                ),
                Frame::Hello(h) => print!(" HELLO({})", h.name.as_str()),
                Frame::Time(t) => {
                    print!(
                        " TIME({} {:?})",
                        t.stamp,
                        t.iter_echoes().collect::<Vec<_>>()
                    );
                }
                frame => print!(" {frame:?}"),
            }
        }
    }
    println!();
}

/// Runs a plan with members that have this memory. `prints`: everything that happens.
#[must_use]
pub fn drive<M: Memory + Default>(plan: &Plan, prints: bool) -> Outcome {
    let net = SimNet::<M>::new(plan.seed).with_link(plan.link);
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
            ..Watch::default()
        },
    };
    run.all();
    Outcome {
        hash: run.net.network().trace_hash(),
        totals: run.oracle.totals,
        violation: run.oracle.violation,
    }
}

impl<M: Memory + Default> Drive<'_, M> {
    fn all(&mut self) {
        for player in &self.plan.players {
            let key = self.net.join(player.config);
            self.watch
                .tap
                .hosts
                .insert(self.net[key].host(), self.keys.len());
            self.keys.push(key);
            self.watch.seen.push(0);
            self.born(self.keys.len() - 1);
        }
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
        if net.run_while_not(time, |net| watch.look(net, keys, oracle)) {
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
        let node = self.net[self.keys[member]].node();
        let Some((id, session)) = node.map(|node| (node.id(), node.session())) else {
            return;
        };
        let fixed = self.plan.players[member].fixed;
        self.oracle
            .begin(Life::new(member, fixed, id, session, now));
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
                self.net.restart(self.keys[*member]);
                self.born(*member);
            }
            // Who stands still does nothing of what it was to do.
            Action::Leave(member) | Action::Confirm(member)
                if self.net[self.keys[*member]].is_paused() => {}
            Action::Leave(member) => self.net[self.keys[*member]].leave(),
            Action::Confirm(member) => {
                if let Some((first, last)) = self.oracle.question(*member) {
                    self.net[self.keys[*member]].confirm(first, last);
                }
            }
            Action::Pause(member) => self.net[self.keys[*member]].pause(),
            Action::Resume(member) => self.net[self.keys[*member]].resume(),
            Action::Leap(member, by) => {
                self.net[self.keys[*member]].put_clock_forward(*by);
                self.watch.tap.leapt(*member, &self.oracle);
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
        let Some(node) = self.net[key].node().filter(|_| !is_paused) else {
            return;
        };
        let size = size.min(node.max_message(channel.class()));
        let fragment = node.max_message(Class::Latest).max(1);
        let number = self.oracle.lives[life].sent.len();
        let payload = payload(self.plan.seed, life, number, size);
        match self.net[key].send(channel, &payload) {
            Ok(first) => {
                self.oracle.totals.sent += 1;
                if self.watch.prints {
                    let clock = clock(now);
                    println!("{clock} member {member} sends {channel:?} {first}: {size} octets");
                }
                let sent = Sent {
                    channel,
                    first,
                    fragments: size.div_ceil(fragment).max(1),
                    payload,
                    at: now,
                };
                if let Err(what) = self.oracle.lives[life].note(sent) {
                    self.oracle.accuse(now, "sequence", what);
                }
            }
            Err(nb::Error::WouldBlock) => self.oracle.totals.blocked += 1,
            Err(nb::Error::Other(SendError::HasLeft | SendError::TooManyStates)) => {}
            Err(nb::Error::Other(error)) => {
                let what = format!("member {member} cannot send {size} octets: {error}");
                self.oracle.accuse(now, "send", what);
            }
        }
    }

    /// Every datagram that was received is counted once.
    fn check_counters(&mut self, member: usize) {
        let now = self.net.now();
        let Some(node) = self.net[self.keys[member]].node() else {
            return;
        };
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
            let seen = node.members().map(|member| member.id().get()).collect();
            self.oracle.roster(now, member, seen);
        }
    }
}
