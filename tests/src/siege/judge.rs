//! The judge: what was sealed, what was accepted, what members were told.

use core::ops::AddAssign;
use core::time::Duration;
use std::collections::{BTreeSet, HashSet, VecDeque};
use std::rc::Rc;

use groupcast::seal::{Keyring, Portable};
use groupcast::wire::{self, Frame, Header};
use groupcast::{Counters, Instant, Name, OwnedEvent, Peer};

use super::lives::{Era, Lives};
use super::plan::{Plan, Store, group};
use super::tape::{Nonce, Tape};
use super::whole::Whole;
use crate::swarm::Violation;

/// For so long at most the stranger can keep a datagram from arriving that is accepted then.
pub const HELD_AT_MOST: Duration = Duration::from_secs(30);

/// For so long at most somebody who joins, restarts or recovers can have been silent.
pub const SILENT_AT_MOST: Duration = Duration::from_secs(30);

/// Datagrams of one member in any second at most. In peace it is one, and two for each message.
pub const SENT_PER_SECOND: usize = 200;

/// HELLOs of one session to the group have this distance.
const HELLO_GAP: Duration = Duration::from_millis(100);

/// What happened, in numbers.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Totals {
    /// Messages that members sent.
    pub sent: u64,
    /// Messages that members were given.
    pub delivered: u64,
    /// Datagrams that members sealed.
    pub sealed: u64,
    /// Datagrams that members accepted.
    pub accepted: u64,
    /// What the stranger sent: copies of what it heard.
    pub replays: u64,
    /// Changed copies.
    pub mangled: u64,
    /// Datagrams with headers it made up, and other noise.
    pub made_up: u64,
    /// Copies to those who had sent them.
    pub reflected: u64,
    /// Datagrams that it kept from arriving, and delivered later.
    pub held: u64,
    /// Datagrams with a tag that does not fit.
    pub corrupt: u64,
    /// Datagrams that had been there.
    pub duplicate: u64,
    /// Datagrams of sessions that are over, or too old.
    pub stale: u64,
    /// Datagrams of those who are not believed.
    pub unverified: u64,
    /// Datagrams of those for whom there is no place.
    pub no_place: u64,
    /// Members that joined, as others were told.
    pub joined: u64,
    /// Members that started again, as others were told.
    pub restarted: u64,
    /// Lives of members.
    pub lives: u64,
    /// Sessions of members.
    pub sessions: u64,
}

impl AddAssign for Totals {
    fn add_assign(&mut self, other: Self) {
        for (to, from) in [
            (&mut self.sent, other.sent),
            (&mut self.delivered, other.delivered),
            (&mut self.sealed, other.sealed),
            (&mut self.accepted, other.accepted),
            (&mut self.replays, other.replays),
            (&mut self.mangled, other.mangled),
            (&mut self.made_up, other.made_up),
            (&mut self.reflected, other.reflected),
            (&mut self.held, other.held),
            (&mut self.corrupt, other.corrupt),
            (&mut self.duplicate, other.duplicate),
            (&mut self.stale, other.stale),
            (&mut self.unverified, other.unverified),
            (&mut self.no_place, other.no_place),
            (&mut self.joined, other.joined),
            (&mut self.restarted, other.restarted),
            (&mut self.lives, other.lives),
            (&mut self.sessions, other.sessions),
        ] {
            *to += from;
        }
    }
}

/// What one member's present life received and sent.
#[derive(Debug, Default)]
struct Ear {
    /// What arrived and was not looked at yet.
    arrived: Vec<Rc<[u8]>>,
    /// Counters when `arrived` was empty.
    received: u64,
    accepted: u64,
    /// What it accepted.
    taken: HashSet<Nonce>,
    /// What it was given: life and number.
    given: BTreeSet<(usize, usize)>,
    /// When it sent something.
    sent: VecDeque<Instant>,
}

/// The judge.
#[derive(Debug)]
pub struct Judge {
    store: Store,
    ring: Keyring,
    tape: Tape,
    ears: Vec<Ear>,
    /// The members' lives.
    pub lives: Lives,
    /// Their reliable streams.
    pub whole: Whole,
    /// What happened so far.
    pub totals: Totals,
    /// The first promise that was broken.
    pub violation: Option<Violation>,
    prints: bool,
}

impl Judge {
    /// A judge of a group that has not begun. `prints`: what members accept.
    #[must_use]
    pub fn new(plan: &Plan, prints: bool) -> Self {
        let ring = Keyring::derive(&super::keys(0), group(), &Name::EMPTY);
        Self {
            store: plan.store,
            ring: ring.expect("the keys are sound"),
            tape: Tape::default(),
            ears: Vec::new(),
            lives: Lives::default(),
            whole: Whole::default(),
            totals: Totals::default(),
            violation: None,
            prints,
        }
    }

    /// A promise was broken. Only the first counts.
    pub fn accuse(&mut self, at: Instant, rule: &'static str, what: String) {
        self.violation.get_or_insert(Violation { at, rule, what });
    }

    /// A member's life begins.
    pub fn begin(&mut self, member: usize, id: groupcast::MemberId, now: Instant) {
        self.lives.begin(member, id, now);
        self.ears
            .resize_with(self.lives.current.len(), Ear::default);
        self.ears[member] = Ear::default();
        self.totals.lives += 1;
    }

    /// A member's life ends; these were its counters.
    pub fn end(&mut self, member: usize, now: Instant, c: &Counters) {
        self.lives.end(member, now);
        let sum = c.accepted + c.raw + c.own + c.dropped();
        if c.received != sum {
            let what = format!("member {member}: received {}, counted {sum}", c.received);
            self.accuse(now, "counters", what);
        }
        self.totals.accepted += c.accepted;
        self.totals.corrupt += c.corrupt;
        self.totals.duplicate += c.duplicate;
        self.totals.stale += c.stale;
        self.totals.unverified += c.unverified;
        self.totals.no_place += c.no_place;
    }

    /// A member sends a datagram to the group, or to one.
    pub fn sealed(&mut self, now: Instant, member: usize, octets: &Rc<[u8]>, to_group: bool) {
        self.totals.sealed += 1;
        let ear = &mut self.ears[member];
        ear.sent.push_back(now);
        while ear
            .sent
            .front()
            .is_some_and(|at| now.since(*at) > Duration::from_secs(1))
        {
            ear.sent.pop_front();
        }
        if ear.sent.len() > SENT_PER_SECOND {
            let what = format!("member {member}: {} in a second", ear.sent.len());
            self.accuse(now, "rate", what);
        }
        let Ok(header) = wire::parse_header(octets) else {
            return self.accuse(now, "nonce", format!("member {member} sends no datagram"));
        };
        // PROTOCOL K4.
        if self.tape.note(&header, octets, now) {
            self.accuse(now, "nonce", format!("member {member}: {header:?} again"));
        }
        let says_hello = to_group && self.says_hello(&header, octets);
        self.era(now, member, &header, says_hello);
    }

    /// Whether a HELLO is in it.
    fn says_hello(&self, header: &Header, octets: &[u8]) -> bool {
        let mut octets = octets.to_vec();
        self.ring.with_tag(header.tag).any(|(_, key)| {
            let subkey = key.subkey(header.sender, header.session);
            let opened = subkey.open(&Portable, &mut octets);
            opened.is_ok_and(|(_, mut frames)| {
                frames.any(|frame| matches!(frame, Ok(Frame::Hello(_))))
            })
        })
    }

    /// Notes what a session does.
    fn era(&mut self, now: Instant, member: usize, header: &Header, says_hello: bool) {
        let life = self.lives.current[member];
        let name = (header.sender, header.session);
        if !self.lives.eras.contains_key(&name) {
            self.totals.sessions += 1;
        }
        let era = self.lives.eras.entry(name).or_insert(Era {
            life,
            heard: now,
            counter: 0,
            hello: None,
        });
        let (expected, owner, before) = (era.counter + 1, era.life, era.hello);
        era.heard = now;
        era.counter = header.number();
        if says_hello {
            era.hello = Some(now);
        }
        if owner != life {
            let what = format!("member {member}: {name:?} is of life {owner}");
            self.accuse(now, "nonce", what);
        }
        // PROTOCOL W2, K5.
        if header.number() != expected {
            let what = format!("member {member}: {} and not {expected}", header.number());
            self.accuse(now, "counter", what);
        }
        // PROTOCOL M3.
        if let Some(before) = before.filter(|_| says_hello)
            && now.since(before) < HELLO_GAP
        {
            let what = format!("member {member}: HELLO {:?} later", now.since(before));
            self.accuse(now, "hello", what);
        }
    }

    /// Whether nothing speaks against it that a member accepts this.
    #[must_use]
    pub fn may_accept(&self, now: Instant, member: usize, octets: &[u8]) -> bool {
        self.acceptable(now, member, octets).is_ok()
    }

    /// A datagram arrived at a member.
    pub fn arrived(&mut self, member: usize, octets: &Rc<[u8]>) {
        self.ears[member].arrived.push(Rc::clone(octets));
    }

    /// What a member had received and accepted when it was last looked at.
    pub fn counted(&mut self, now: Instant, member: usize, counters: &Counters) {
        let ear = &mut self.ears[member];
        let received = counters.received - ear.received;
        if ear.arrived.is_empty() && received == 0 {
            return;
        }
        if received < ear.arrived.len() as u64 {
            // Some still waits in a socket.
            return;
        }
        let accepted = (counters.accepted - ear.accepted) as usize;
        ear.received = counters.received;
        ear.accepted = counters.accepted;
        let arrived = core::mem::take(&mut ear.arrived);
        if accepted == 0 {
            return;
        }
        if self.prints {
            let nonces = arrived.iter().filter_map(|octets| self.tape.find(octets));
            let nonces: Vec<_> = nonces.map(|(nonce, _)| nonce).collect();
            println!("{now:?} member {member} accepts {accepted} of {nonces:x?}");
        }
        // Who of them can it have been? As a rule only one has arrived.
        let mut possible = BTreeSet::new();
        let mut reasons = Vec::new();
        for octets in &arrived {
            match self.acceptable(now, member, octets) {
                Ok(nonce) => {
                    possible.insert(nonce);
                }
                Err(reason) => reasons.push(reason),
            }
        }
        if accepted > possible.len() {
            // Of several that it may have been, the least grave.
            reasons.sort_by_key(|(rule, _)| {
                ["late", "before", "again"]
                    .iter()
                    .position(|r| r == rule)
                    .unwrap_or(usize::MAX)
            });
            let twice = || ("again", "twice at once".into());
            let (rule, reason) = reasons.into_iter().next().unwrap_or_else(twice);
            return self.accuse(now, rule, format!("member {member} accepts {reason}"));
        }
        if accepted == possible.len() {
            self.ears[member].taken.extend(possible);
        }
    }

    /// Whether a member may accept this; else why not.
    fn acceptable(
        &self,
        now: Instant,
        member: usize,
        octets: &[u8],
    ) -> Result<Nonce, (&'static str, String)> {
        let Some((nonce, sealed)) = self.tape.find(octets) else {
            return Err(("forged", format!("{octets:02x?}")));
        };
        let (at, began) = (sealed.at, self.lives.of(member).began);
        if self.ears[member].taken.contains(&nonce) {
            return Err(("again", format!("{nonce:x?} again")));
        }
        if at < began {
            return Err((
                "before",
                format!("{nonce:x?} of {at:?}, it began {began:?}"),
            ));
        }
        if now.since(at) > HELD_AT_MOST {
            return Err(("late", format!("{nonce:x?} of {at:?}")));
        }
        Ok(nonce)
    }

    /// A member was told something.
    pub fn told(&mut self, now: Instant, member: usize, event: &OwnedEvent) {
        match event {
            OwnedEvent::Message(message) => {
                self.totals.delivered += 1;
                let found = self
                    .lives
                    .find(message.channel, message.sender, &message.payload);
                let Some((life, number)) = found else {
                    let what = format!("member {member}: {message:?} was not sent");
                    return self.accuse(now, "bytes", what);
                };
                let began = self.lives.of(member).began;
                if self.lives.all[life].ended.is_some_and(|end| end < began) {
                    let what = format!("member {member}: {number} of life {life}");
                    self.accuse(now, "past", what);
                }
                let here = self.lives.current[member];
                self.whole.given(here, life, number);
                let forgets = self.store == Store::Cramped && message.channel.class().is_reliable();
                if !self.ears[member].given.insert((life, number)) && !forgets {
                    let what = format!("member {member}: {number} of life {life} again");
                    self.accuse(now, "twice", what);
                }
            }
            OwnedEvent::Gap { peer: other, lost } => {
                let (first, last) = (lost.first().get(), lost.last().get());
                let era = self.lives.eras.get(&(other.id(), other.session()));
                let here = self.lives.current[member];
                if let Some(there) = era.map(|era| era.life)
                    && let Err(what) = self.whole.gap(here, there, first, last)
                {
                    self.accuse(now, "gap", format!("member {member}: {what}"));
                }
            }
            OwnedEvent::Joined(other) => {
                self.totals.joined += 1;
                self.is_there(now, member, other, "joined");
            }
            OwnedEvent::Restarted(other) => {
                self.totals.restarted += 1;
                self.is_there(now, member, other, "restarted");
            }
            OwnedEvent::Recovered(other) => self.is_there(now, member, other, "recovered"),
            OwnedEvent::Left(other) => {
                let era = self.lives.eras.get(&(other.id(), other.session()));
                if !era.is_some_and(|era| self.lives.all[era.life].leaves) {
                    let what = format!("member {member}: {other:?} did not");
                    self.accuse(now, "left", what);
                }
            }
            OwnedEvent::DuplicateId(_) => {
                let what = format!("member {member}: {event}");
                self.accuse(now, "duplicate", what);
            }
            OwnedEvent::Raw(_) | OwnedEvent::RotateKey { .. } => {
                let what = format!("member {member}: {event}");
                self.accuse(now, "bytes", what);
            }
            _ => {}
        }
    }

    /// All is over, and the last message of everybody has arrived.
    pub fn settle(&mut self, now: Instant) {
        if self.store == Store::Cramped {
            return;
        }
        let lives = &self.lives.current;
        let pairs = lives
            .iter()
            .flat_map(|here| lives.iter().map(move |there| (*here, *there)));
        let missing = |(here, there)| Some((here, there, self.whole.missing(here, there)?));
        if let Some((here, there, number)) = pairs.filter_map(missing).next() {
            let (receiver, sender) = (self.lives.all[here].member, self.lives.all[there].member);
            let what = format!("member {receiver}: {number} of member {sender}");
            self.accuse(
                now,
                "silent",
                format!("{what} is neither delivered nor in a gap"),
            );
        }
    }

    /// Somebody is said to be there.
    fn is_there(&mut self, now: Instant, member: usize, other: &Peer, said: &str) {
        let Some(era) = self.lives.eras.get(&(other.id(), other.session())).copied() else {
            let what = format!("member {member}: {other:?} {said}");
            return self.accuse(now, "outsider", what);
        };
        let began = self.lives.of(member).began;
        let ended = self.lives.all[era.life].ended;
        if ended.is_some_and(|end| end < began) {
            let what = format!("member {member}: {other:?} {said}, which ended {ended:?}");
            self.accuse(now, "past", what);
        }
        if now.since(era.heard) > SILENT_AT_MOST {
            let what = format!(
                "member {member}: {other:?} {said}, last heard {:?}",
                era.heard
            );
            self.accuse(now, "ghost", what);
        }
    }

    /// A member was given this message, in its present life.
    #[must_use]
    pub fn was_given(&self, member: usize, message: (usize, usize)) -> bool {
        self.ears[member].given.contains(&message)
    }
}
