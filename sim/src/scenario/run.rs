//! One run of a scenario: join, form, send under faults, account for everything.

use core::cell::Cell;
use core::net::{Ipv4Addr, SocketAddr};
use core::time::Duration;
use std::collections::BTreeMap;
use std::rc::Rc;

use groupcast::{Channel, Config, Instant, MemberId, OwnedEvent, SendError};

use super::Scenario;
use super::ledger::{Ledger, content};
use super::profile::Part;
use super::report::{Outcome, Report};
use super::traffic::Traffic;
use crate::net::{MemberKey, SimNet};
use crate::random::Random;

/// How often it is looked whether the group is formed, or everything accounted for.
const LOOK: Duration = Duration::from_millis(10);

/// How often events are fetched, so that they do not pile up.
const FETCH: Duration = Duration::from_millis(100);

/// A message that was refused is tried again after this time.
const RETRY: Duration = Duration::from_millis(1);

/// How long to wait after the faults for what is not accounted for.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long to watch for what must not come after everything is accounted for.
const AFTERMATH: Duration = Duration::from_secs(1);

/// The run of a [`Scenario`].
pub(super) struct Run {
    scenario: Scenario,
    net: SimNet,
    parts: Vec<Part>,
    keys: Vec<MemberKey>,
    ledger: Ledger,
    traffic: Rc<Cell<Traffic>>,
    report: Report,
    /// When to fetch what the members were told.
    fetch_at: Instant,
}

/// A member's counters and the traffic at one moment, all members added up.
#[derive(Clone, Copy)]
struct Meter {
    at: Instant,
    nacks: u64,
    repairs: u64,
    traffic: Traffic,
}

/// Which draws are the senders' phases: not those of any link, as hosts are fewer.
const PHASES: u64 = u64::MAX - 1;

/// Which message of the first sender is lost on purpose: one with others before it.
const LOST_MESSAGE: usize = 10;

/// A sender's next message.
struct Turn {
    /// When the application has it.
    due: Instant,
    /// By how much of its interval the sender is late.
    phase: f64,
    /// How many the application has had before.
    nth: u64,
}

impl Run {
    /// The members join over a link without faults, and get to know each other. The first of them are to send.
    pub(super) fn start(scenario: Scenario, parts: Vec<Part>) -> Self {
        let link = scenario.link.without_faults();
        let mut net = SimNet::new(scenario.seed).with_link(link);
        let traffic = Traffic::watch(net.network());
        let group = SocketAddr::from((Ipv4Addr::new(239, 1, 2, 3), 12345));
        let keys = (1..).zip(&parts).map(|(number, part)| {
            let id = MemberId::new(number);
            let config = Config::new(group)
                .with_pace(scenario.pace)
                .with_id(id.expect("a group has fewer than 2^32 members"));
            net.join_as(part.start, config)
        });
        let keys: Vec<_> = keys.collect();
        let mut run = Self {
            net,
            keys,
            ledger: Ledger::new(&parts, scenario.senders, scenario.class, scenario.size),
            traffic,
            report: Report {
                receivers: (parts.iter().filter(|part| part.takes).count() as u64)
                    .saturating_sub(1),
                ..Report::default()
            },
            parts,
            fetch_at: Instant::ZERO,
            scenario,
        };
        run.form();
        run
    }

    /// Waits until the members know each other, and then until they know what time everything takes.
    fn form(&mut self) {
        let (limit, settling) = self.scenario.patience();
        let end = self.net.now() + limit;
        while self.strangers() > 0 && self.net.now() < end {
            self.net.run_for(FETCH);
            self.forget();
        }
        self.report.strangers = self.strangers();
        self.note_unlisted();
        let end = self.net.now() + settling;
        while self.net.now() < end {
            self.net.run_for(FETCH);
            self.forget();
        }
    }

    /// Notes which senders have no room on whose roster. A leaf has none, and no roster.
    fn note_unlisted(&mut self) {
        let ids: Vec<_> = self.keys.iter().map(|key| self.net[*key].id()).collect();
        for (receiver, key) in self.keys.iter().enumerate() {
            let Some(node) = self.net[*key].node() else {
                continue;
            };
            for (sender, id) in ids.iter().enumerate().take(self.scenario.senders) {
                if receiver != sender && node.peers().all(|peer| Some(peer.id()) != *id) {
                    self.ledger.unlist(receiver, sender);
                }
            }
        }
    }

    /// Forgets what the members were told so far.
    fn forget(&mut self) {
        for key in &self.keys {
            self.net.of_key(*key).take_timed_events();
        }
    }

    /// Pairs of members of whom one does not know the other. A leaf is to know nobody.
    fn strangers(&self) -> u64 {
        let others = self.keys.len() - 1;
        let nodes = self.keys.iter().filter_map(|key| self.net[*key].node());
        nodes
            .map(|node| (others - node.peers().count()) as u64)
            .sum()
    }

    /// Sends all messages under faults, and sees what becomes of them.
    pub(super) fn play(mut self) -> Result<Report, SendError> {
        let link = self.scenario.link;
        let before = self.meter();
        self.net.network().set_default_link(link);
        self.send()?;
        self.net.network().set_default_link(link.without_faults());
        self.settle();
        let after = self.meter();
        self.fetch_until(after.at + AFTERMATH);
        self.fetch();
        Ok(self.close(&before, &after))
    }

    /// The time in which messages are sent: evenly spaced by each sender, and not in step.
    fn send(&mut self) -> Result<(), SendError> {
        let start = self.net.now();
        let end = start + self.scenario.duration;
        let mut turns = BTreeMap::new();
        for sender in 0..self.scenario.senders {
            let phase = Random::new(self.scenario.seed, [PHASES, sender as u64, 0]).fraction();
            let due = self.scenario.due(phase);
            if let Some(due) = due.map(|due| start + due).filter(|due| *due < end) {
                turns.insert((due, sender), Turn { due, phase, nth: 0 });
            }
        }
        while let Some(((at, sender), turn)) = turns.pop_first() {
            if at >= end {
                // It had to wait for room until the end, and so did those after it.
                self.report.refused += self.count_due(&turn, start, end);
                continue;
            }
            self.fetch_until(at);
            let Turn { due, phase, nth } = turn;
            if self.try_send(sender, due)? {
                let due = self.scenario.due(phase + (nth + 1) as f64);
                if let Some(due) = due.map(|due| start + due).filter(|due| *due < end) {
                    let turn = Turn {
                        due,
                        phase,
                        nth: nth + 1,
                    };
                    turns.insert((due.max(at), sender), turn);
                }
            } else {
                turns.insert((at + RETRY, sender), turn);
            }
        }
        self.fetch_until(end);
        Ok(())
    }

    /// How many messages a sender's application has from this turn on.
    fn count_due(&self, turn: &Turn, start: Instant, end: Instant) -> u64 {
        let due = |nth: &u64| self.scenario.due(turn.phase + *nth as f64);
        let is_due = |nth: &u64| due(nth).is_some_and(|due| start + due < end);
        (turn.nth..).take_while(is_due).count() as u64
    }

    /// Sends a message; `false` if there was no room for it.
    fn try_send(&mut self, sender: usize, due: Instant) -> Result<bool, SendError> {
        let number = self.ledger.next_number(sender);
        let payload: Vec<u8> = content(sender, number, self.scenario.size).collect();
        let channel = Channel::new(1, self.scenario.class);
        match self.net[self.keys[sender]].send(channel, &payload) {
            Ok(sequence) => {
                self.ledger.sent(sender, sequence.get(), due);
                if self.scenario.one_loss && sender == 0 && number == LOST_MESSAGE {
                    self.lose_now();
                }
                Ok(true)
            }
            Err(SendError::QueueFull) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// What the first member sends at this moment reaches nobody.
    fn lose_now(&mut self) {
        let hosts: Vec<_> = self.keys.iter().map(|key| self.net[*key].host()).collect();
        let (from, others) = (hosts[0], &hosts[1..]);
        let sent = self.traffic.get().with_news;
        for to in others {
            self.net.network().block(from, *to);
        }
        self.net.run_for(Duration::ZERO);
        for to in others {
            self.net.network().unblock(from, *to);
        }
        self.report.losses += self.traffic.get().with_news - sent;
    }

    /// Waits until everything is accounted for.
    fn settle(&mut self) {
        let patience = if self.scenario.class.is_reliable() {
            PATIENCE
        } else {
            AFTERMATH
        };
        let end = self.net.now() + patience;
        while !self.ledger.is_settled() && self.net.now() < end {
            self.fetch_until((self.net.now() + LOOK).min(end));
            self.fetch();
        }
    }

    /// Lets time pass, and notes what the members are told.
    fn fetch_until(&mut self, end: Instant) {
        loop {
            let now = self.net.now();
            self.net.run_for(now.until(end.min(self.fetch_at.max(now))));
            if self.net.now() >= self.fetch_at {
                self.fetch();
                self.fetch_at = self.net.now() + FETCH;
            }
            if self.net.now() >= end {
                return;
            }
        }
    }

    /// Notes what the members were told.
    fn fetch(&mut self) {
        for (receiver, key) in self.keys.iter().enumerate() {
            for (at, event) in self.net.of_key(*key).take_timed_events() {
                match event {
                    OwnedEvent::Message(message) => {
                        let sender = index(message.sender);
                        let (sequence, payload) = (message.sequence.get(), &message.payload);
                        self.ledger.message(receiver, sender, sequence, payload, at);
                    }
                    OwnedEvent::Gap { peer, lost } => {
                        let (first, last) = (lost.first().get(), lost.last().get());
                        self.ledger.gap(receiver, index(peer.id()), first, last);
                    }
                    _ => {}
                }
            }
        }
    }

    fn meter(&self) -> Meter {
        let mut meter = Meter {
            at: self.net.now(),
            nacks: 0,
            repairs: 0,
            traffic: self.traffic.get(),
        };
        for counters in self.keys.iter().map(|key| self.net[*key].counters()) {
            meter.nacks += counters.nacks_sent;
            meter.repairs += counters.repairs_sent;
        }
        meter
    }

    /// Adds everything up.
    fn close(self, before: &Meter, after: &Meter) -> Report {
        let totals = self.ledger.totals();
        let mut profiles = BTreeMap::<_, Outcome>::new();
        for (receiver, part) in self.parts.iter().enumerate() {
            if let Some(profile) = part.profile {
                let outcome = self.ledger.outcome(receiver);
                profiles.entry(profile).or_default().add(&outcome);
            }
        }
        let datagrams = after.traffic.datagrams - before.traffic.datagrams;
        Report {
            sent: totals.sent,
            delivered: totals.delivered,
            gap_messages: totals.gap_messages,
            duplicates: totals.duplicates,
            lost: totals.lost,
            unaccounted: totals.unaccounted,
            no_place: totals.no_place,
            profiles,
            out_of_order: totals.out_of_order,
            damaged: totals.damaged,
            contradicted: totals.contradicted,
            unknown: totals.unknown,
            nacks: after.nacks - before.nacks,
            repairs: after.repairs - before.repairs,
            datagrams,
            bytes: after.traffic.octets - before.traffic.octets,
            control_datagrams: datagrams - (after.traffic.with_news - before.traffic.with_news),
            measured: before.at.until(after.at),
            latency: totals.latency,
            ..self.report
        }
    }
}

/// The place of the member with this id: ids are given in order, from 1.
fn index(id: MemberId) -> usize {
    id.get() as usize - 1
}
