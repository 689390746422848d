//! The judge: it sees everything that is sent and told, and says when a promise was broken.

use std::collections::{BTreeMap, BTreeSet};

use core::fmt;
use core::ops::AddAssign;
use core::time::Duration;
use groupcast::{Channel, Class, Instant, MemberId, OwnedEvent, OwnedMessage, Pace, Peer, Session};

mod heard;
mod presence;
mod questions;

pub use self::heard::Arrival;
use self::heard::Ear;
use self::questions::Question;
use super::luck::Luck;
use super::memory::{AROUND, LEAF_DATAGRAM, LEAF_VALUES, RECEIVE};
use super::plan::{FOUND, Kind, Mood, Plan, RECOVERED};
use super::stranger::Stranger;
use super::track::{Promises, Track};
use super::world::{Life, label};

/// In mild weather a message is not longer on its way than this: it and four heartbeats after it are lost once in
/// some ten thousand seeds, and the fifth comes 0.73 s after it.
const SLOW: Duration = Duration::from_millis(800);

/// In calm, where a small pool may still be full of what the storm left.
const SLOW_AFTER: Duration = Duration::from_secs(3);

/// A promise that was broken.
#[derive(Clone, Debug)]
pub struct Violation {
    /// When.
    pub at: Instant,
    /// Which promise.
    pub rule: &'static str,
    /// How.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.at.as_micros() as f64 / 1e6;
        write!(f, "{seconds:.6} s: [{}] {}", self.rule, self.what)
    }
}

/// What happened in a run, in numbers.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Totals {
    /// Messages sent.
    pub sent: u64,
    /// Messages that were not accepted just then.
    pub blocked: u64,
    /// Messages delivered.
    pub delivered: u64,
    /// Gaps reported.
    pub gaps: u64,
    /// Starts after the first.
    pub restarts: u64,
    /// Datagrams sent.
    pub datagrams: u64,
    /// NACKs sent.
    pub nacks: u64,
    /// Members given up.
    pub lost: u64,
    /// Confirmations.
    pub confirmed: u64,
}

impl AddAssign for Totals {
    fn add_assign(&mut self, other: Self) {
        // All of them: a number that is added to the struct is added here, or this does not compile.
        let Self {
            sent,
            blocked,
            delivered,
            gaps,
            restarts,
            datagrams,
            nacks,
            lost,
            confirmed,
        } = other;
        self.sent += sent;
        self.blocked += blocked;
        self.delivered += delivered;
        self.gaps += gaps;
        self.restarts += restarts;
        self.datagrams += datagrams;
        self.nacks += nacks;
        self.lost += lost;
        self.confirmed += confirmed;
    }
}

/// The judge of one run.
#[derive(Debug)]
pub struct Oracle<'a> {
    plan: &'a Plan,
    promises: Promises,
    /// Some member sends later, or sooner, than it means to at some time before all is calm.
    disturbs_time: bool,
    /// Every life of every member, in the order they began.
    pub lives: Vec<Life>,
    /// The life that each member has now, or had last.
    pub current: Vec<Option<usize>>,
    /// By receiver's and sender's life.
    tracks: BTreeMap<(usize, usize), Track>,
    /// By receiver's life and the sending member: the newest life of that something came from.
    newest: BTreeMap<(usize, usize), usize>,
    /// By receiver's and sender's life: who was told that somebody left or was lost.
    gone: BTreeSet<(usize, usize)>,
    /// Who is there for each receiver's life, by name.
    present: BTreeSet<(usize, MemberId, Session)>,
    /// What arrived at each member.
    ears: Vec<Ear>,
    /// The ids that strangers made up, and when they were heard last.
    strangers: BTreeMap<MemberId, Instant>,
    /// The lives that were told that they take no reliable messages.
    told_dropped: BTreeSet<usize>,
    /// What each life wants to know, and who answered.
    questions: BTreeMap<usize, Question>,
    /// The raw datagrams that were sent.
    pub raw: Vec<Vec<u8>>,
    /// What happened.
    pub totals: Totals,
    /// The first promise that was broken.
    pub violation: Option<Violation>,
}

impl<'a> Oracle<'a> {
    /// A judge of a run that has not begun.
    #[must_use]
    pub fn new(plan: &'a Plan) -> Self {
        Self {
            plan,
            promises: Promises {
                roster_fits: plan.roster_fits,
                values_fit: plan.values_fit,
                values_come: false,
                once: plan.roster_fits,
            },
            disturbs_time: plan.disturbs_time(),
            lives: Vec::new(),
            current: vec![None; plan.players.len() + usize::from(plan.has_puppet)],
            tracks: BTreeMap::new(),
            newest: BTreeMap::new(),
            gone: BTreeSet::new(),
            present: BTreeSet::new(),
            ears: vec![Ear::default(); plan.players.len() + usize::from(plan.has_puppet)],
            strangers: BTreeMap::new(),
            told_dropped: BTreeSet::new(),
            questions: BTreeMap::new(),
            raw: Vec::new(),
            totals: Totals::default(),
            violation: None,
        }
    }

    /// Notes that a promise was broken; the first one counts.
    pub fn accuse(&mut self, at: Instant, rule: &'static str, what: String) {
        if !self.plan.ignored.iter().any(|ignored| ignored == rule) {
            self.violation.get_or_insert(Violation { at, rule, what });
        }
    }

    /// A member starts.
    pub fn begin(&mut self, life: Life) {
        let member = life.member;
        if self.current[member].is_some() {
            self.totals.restarts += 1;
        }
        self.open_ear(member);
        self.current[member] = Some(self.lives.len());
        self.lives.push(life);
    }

    /// How often a member has started.
    #[must_use]
    pub fn starts(&self, member: usize) -> u64 {
        let its = |life: &&Life| life.member == member;
        self.lives.iter().filter(its).count() as u64
    }

    /// A member has this id and session now. `next`: the number after the last that it has sent. The life whose numbers
    /// began anew, if it is another one.
    pub fn is_called(
        &mut self,
        now: Instant,
        member: usize,
        name: (MemberId, Session),
        next: u32,
    ) -> Option<usize> {
        let here = self.current[member].filter(|here| self.is_alive(*here))?;
        if self.lives[here].name() == name {
            return None;
        }
        if self.plan.luck != Luck::Clones {
            let what = format!("member {member} is {} in another session", name.0);
            self.accuse(now, "identity", what);
        }
        let life = &mut self.lives[here];
        let before = life.name();
        life.renames(name.0, name.1);
        let from = life.place(next.wrapping_sub(1)).map_or(0, |last| last + 1);
        for ((_, there), track) in &mut self.tracks {
            if *there == here {
                track.parts(from);
            } else if self.lives[*there].name() == before {
                track.was_shared(&self.lives[*there]);
            }
        }
        Some(here).filter(|here| self.lives[*here].began_anew())
    }

    /// A member's life ended.
    pub fn end(&mut self, member: usize, now: Instant) {
        if let Some(life) = self.current[member] {
            self.lives[life].ended.get_or_insert(now);
        }
    }

    /// Whether a member runs.
    #[must_use]
    pub fn is_alive(&self, life: usize) -> bool {
        self.lives[life].ended.is_none()
    }

    /// The life that has this id and session, or else the last one that had: a clone had its original's.
    #[must_use]
    pub fn life_named(&self, id: MemberId, session: Session) -> Option<usize> {
        let has = |life: &Life| life.name() == (id, session);
        let all = &self.lives;
        let had = || all.iter().rposition(|life| life.is(id, session));
        all.iter().rposition(has).or_else(had)
    }

    /// The life that a line of a roster means.
    fn life_of(&self, member: &Peer) -> Option<usize> {
        self.life_named(member.id(), member.session())
    }

    /// A member was told something.
    pub fn told(&mut self, now: Instant, receiver: usize, event: &OwnedEvent) {
        let Some(here) = self.current[receiver] else {
            return;
        };
        let verdict = match event {
            OwnedEvent::Message(message) if self.strangers.contains_key(&message.sender) => Ok(()),
            OwnedEvent::Message(message) => self.message(now, here, message),
            OwnedEvent::Gap { peer: member, .. } if self.strangers.contains_key(&member.id()) => {
                Ok(())
            }
            OwnedEvent::Gap { peer: member, lost } => {
                self.gap(here, member, lost.first().get(), lost.last().get())
            }
            OwnedEvent::Joined(member) | OwnedEvent::Restarted(member) => {
                self.heard_of(now, here, member, matches!(event, OwnedEvent::Joined(_)))
            }
            OwnedEvent::Raw(raw) if !self.plan.damages && !self.raw.contains(&raw.payload) => {
                Err(("bytes", format!("raw {:02x?} was not sent", raw.payload)))
            }
            // Whoever speaks in somebody's name, and whoever has a clone, is told of.
            OwnedEvent::DuplicateId(_) if self.plan.luck == Luck::Clones => Ok(()),
            OwnedEvent::DuplicateId(duplicate) if self.seems_two(receiver, duplicate.id()) => {
                Ok(())
            }
            OwnedEvent::DuplicateId(duplicate) => {
                Err(("identity", format!("{duplicate:?}, but ids are unique")))
            }
            OwnedEvent::Confirmed(member) => self.confirmed(here, member),
            OwnedEvent::ReliableDropped { .. } => {
                match self.is_streamless(here) && self.told_dropped.insert(here) {
                    true => Ok(()),
                    false => Err(("streamless", "reliable messages are dropped".to_owned())),
                }
            }
            OwnedEvent::Left(member) | OwnedEvent::Lost(member) => {
                let lost = matches!(event, OwnedEvent::Lost(_));
                self.totals.lost += u64::from(lost);
                self.ended(now, receiver, here, member, lost)
            }
            _ => Ok(()),
        };
        if let Err((rule, what)) = verdict {
            self.accuse(now, rule, format!("member {receiver}: {what}"));
        }
    }

    fn message(
        &mut self,
        now: Instant,
        here: usize,
        message: &OwnedMessage,
    ) -> Result<(), (&'static str, String)> {
        self.totals.delivered += 1;
        let (there, number) = self.identify(here, message)?;
        let life = &self.lives[there];
        let sent = &life.sent[number];
        if self.is_streamless(here) && is_of_stream(sent.channel.class()) {
            let what = format!("life {there} message {number} is delivered");
            return Err(("streamless", what));
        }
        if sent.payload != message.payload {
            return Err(("bytes", format!("life {there} message {number} differs")));
        }
        if life.fixed && self.promises(here).roster_fits {
            let receiver = self.lives[here].member;
            let newest = self.newest.insert((here, life.member), there);
            if let Some(newer) = newest.filter(|newest| there < *newest)
                && !self.is_unheard_until(receiver, there, newer)
            {
                let what = format!("life {there} of member {} after {newer}", life.member);
                return Err(("restart", what));
            }
        }
        let promises = self.promises(here);
        let promised = sent.channel.class() != Class::BestEffort
            && sent.channel.class() != Class::Latest
            && self.is_fair(sent.at);
        let took = now.since(sent.at.max(self.lives[here].began + FOUND));
        let track = self.tracks.entry((here, there)).or_default();
        track
            .message(life, number, promises)
            .map_err(|(rule, what)| {
                (
                    rule,
                    format!("from life {there} (member {}): {what}", life.member),
                )
            })?;
        let slow = match self.plan.mood {
            // Signed ones are mild, but for what is lost.
            Mood::Mild if self.plan.luck != Luck::Signed => SLOW,
            Mood::Mild | Mood::Wild => SLOW_AFTER,
        };
        if promised && took > slow && sent.channel.class() != Class::State {
            let what = format!("life {there} message {number} took {took:?}");
            return Err(("slow", what));
        }
        Ok(())
    }

    /// Whether what is sent now arrives soon.
    fn is_fair(&self, at: Instant) -> bool {
        let calm = at.as_micros() >= (self.plan.faulty + RECOVERED).as_micros() as u64;
        let found = at.as_micros() >= FOUND.as_micros() as u64;
        self.plan.is_fair && (calm || (self.plan.mood == Mood::Mild && found))
    }

    /// Which message it is.
    fn identify(
        &self,
        here: usize,
        message: &OwnedMessage,
    ) -> Result<(usize, usize), (&'static str, String)> {
        if let Some((there, number)) = label(&message.payload) {
            let life = self.lives.get(there);
            let sequence = message.sequence.get();
            let is_it = |life: &Life| life.find(message.channel, sequence, |it| it == number);
            let found = life.filter(|life| is_it(life).is_some());
            let fits = found.is_some_and(|life| life.had_id(message.sender));
            return if fits {
                Ok((there, number))
            } else {
                let (channel, sequence) = (message.channel, message.sequence);
                let what = format!(
                    "{channel:?} {sequence} of {}: says life {there} message {number}",
                    message.sender
                );
                Err(("bytes", what))
            };
        }
        // Too short to say who it is: the life that the receiver knows, unless that is gone for it, or else
        // the last one that fits. Of a life that gave it already only if no other life can have.
        let find = |there: usize| {
            let life = &self.lives[there];
            let is_it = |number: usize| life.sent[number].payload == message.payload;
            life.find(message.channel, message.sequence.get(), is_it)
        };
        let fits = |there: &usize| {
            let had_id = self.lives[*there].had_id(message.sender);
            *there != here && had_id && find(*there).is_some()
        };
        let newest = |there: &usize| {
            let key = (here, self.lives[*there].member);
            self.newest.get(&key) == Some(there) && !self.gone.contains(&(here, *there))
        };
        // Where there is no room for all values, one may come twice.
        let comes_twice = matches!(message.channel.class(), Class::Latest | Class::State)
            && !self.promises(here).values_fit;
        let is_new = |there: &usize| {
            let (life, number) = (&self.lives[*there], find(*there));
            let track = self.tracks.get(&(here, *there));
            comes_twice
                || !track.is_some_and(|track| number.is_some_and(|number| track.had(life, number)))
        };
        let all = || (0..self.lives.len()).rev().filter(fits);
        let known = all().filter(newest).chain(all()).find(is_new);
        let there = known
            .or_else(|| all().find(newest))
            .or_else(|| all().next());
        let Some(there) = there else {
            let what = format!(
                "{:?} {} of {}: nothing like it was sent",
                message.channel, message.sequence, message.sender
            );
            return Err(("bytes", what));
        };
        Ok((there, find(there).unwrap_or_default()))
    }

    fn gap(
        &mut self,
        here: usize,
        member: &Peer,
        first: u32,
        last: u32,
    ) -> Result<(), (&'static str, String)> {
        self.totals.gaps += 1;
        if self.is_streamless(here) {
            let what = format!("gap {first}..={last} of {}", member.id());
            return Err(("streamless", what));
        }
        let Some(there) = self.life_of(member) else {
            return Err(("gap", format!("of {}, which never lived", member.id())));
        };
        let life = &self.lives[there];
        // It is not said of which of its lives the numbers are.
        if life.began_anew() {
            return Ok(());
        }
        if self.is_puppet(member.id().get()) {
            // Whatever is asked for is repaired, so only what finds no room at all is lost.
            let places = life.place(first).zip(life.place(last));
            let (from, to) = places.unwrap_or_default();
            if let Some(place) = (from..=to).find(|at| life.sent[life.stream[*at]].fragments == 1) {
                let what = format!("gap {first}..={last} has {place}, which is short");
                return Err(("exact", what));
            }
        }
        let track = self.tracks.entry((here, there)).or_default();
        track
            .gap(life, first, last, self.promises)
            .map_err(|(rule, what)| {
                (
                    rule,
                    format!("from life {there} (member {}): {what}", life.member),
                )
            })?;
        let sent = life
            .place(first)
            .map(|place| &life.sent[life.stream[place]]);
        // Who hears nothing repairs nothing.
        let repairs = self.kind(there) != Kind::Leaf(0);
        if let Some(sent) = sent
            && repairs
            && self.is_fair(sent.at)
        {
            return Err(("needless", format!("gap {first}..={last} of life {there}")));
        }
        Ok(())
    }

    /// All is over: nothing may be missing.
    pub fn settle(&mut self, now: Instant) {
        if !self.promises.roster_fits {
            return;
        }
        let mut found = Vec::new();
        for ((here, there), track) in &self.tracks {
            let (receiver, life) = (&self.lives[*here], &self.lives[*there]);
            let alive = self.is_alive(*there);
            // The puppet hears nothing.
            if !self.is_alive(*here) || receiver.member >= self.plan.players.len() {
                continue;
            }
            let missing = track.unaccounted(life, alive, self.sends_reliably(life.member));
            if let Some((rule, place)) = missing.filter(|_| !self.is_streamless(*here)) {
                let message = &life.sent[life.stream[place]];
                let what = format!(
                    "member {}: life {there} (member {}): {:?} {} (place {place} of {}) is neither \
                     delivered nor in a gap",
                    receiver.member,
                    life.member,
                    message.channel.class(),
                    message.first,
                    life.stream.len()
                );
                found.push((rule, what));
            }
            let promises = self.promises(*here);
            if !alive || !promises.roster_fits || !(promises.values_fit || promises.values_come) {
                continue;
            }
            for (channel, number) in life.values() {
                // It may have been said when nobody knew of a receiver that it does not fit.
                let is_large = life.sent[number].payload.len() > self.receives(*here) - AROUND;
                if is_large && self.is_streamless(*here) {
                    continue;
                }
                let value = match promises.values_fit {
                    true => track.value(channel),
                    // An older one may have come again.
                    false => track.newest(channel),
                };
                if value != Some(number) {
                    let had = value.map(|had| life.sent[had].first);
                    let what = format!(
                        "member {}: life {there} (member {}): state {channel} is {had:?}, not {}",
                        receiver.member, life.member, life.sent[number].first
                    );
                    found.push(("value", what));
                }
            }
        }
        self.settle_calm(&mut found);
        for (rule, what) in found {
            self.accuse(now, rule, what);
        }
    }

    /// The rosters, when they should agree.
    pub fn roster(&mut self, now: Instant, member: usize, seen: Vec<MemberId>) {
        self.haunted(now, member, &seen);
        let real = |id: &MemberId| !self.strangers.contains_key(id);
        let mut seen: Vec<_> = seen.into_iter().filter(real).map(MemberId::get).collect();
        let mut wanted: Vec<u32> = (0..self.current.len())
            .filter(|other| *other != member)
            .filter_map(|other| self.current[other])
            .filter(|life| self.is_alive(*life))
            .map(|life| self.lives[life].name().0.get())
            .collect();
        wanted.sort_unstable();
        seen.sort_unstable();
        if self.promises.roster_fits && seen != wanted {
            let what = format!("member {member} knows {seen:?}, not {wanted:?}");
            self.accuse(now, "roster", what);
        }
    }

    /// What member a life is of.
    fn kind(&self, life: usize) -> Kind {
        let player = self.plan.players.get(self.lives[life].member);
        player.map_or(Kind::Full, |player| player.kind)
    }

    /// What is promised to one life of a receiver. A leaf has a place for so many senders, and knows of few channels
    /// of each how new their values are; that it lacks one it knows nevertheless.
    fn promises(&self, here: usize) -> Promises {
        let Kind::Leaf(senders) = self.kind(here) else {
            return self.promises;
        };
        let fits = self.promises.roster_fits && self.plan.sources <= senders;
        Promises {
            roster_fits: fits,
            values_fit: fits && self.plan.values <= LEAF_VALUES,
            values_come: fits,
            // Who keeps its place as long as it is heard is known by the numbers of its datagrams. A leaf that stood
            // still takes those for silent whose datagrams wait.
            once: fits || !(self.disturbs_time || self.plan.forges),
        }
    }

    /// Octets of the largest datagram that a life receives.
    #[must_use]
    pub fn receives(&self, life: usize) -> usize {
        match self.kind(life) {
            Kind::Full => self.plan.store.receive(),
            Kind::Streamless | Kind::Peer => RECEIVE,
            Kind::Leaf(_) => LEAF_DATAGRAM,
        }
    }

    /// Whether a life is one of a leaf.
    #[must_use]
    pub fn is_leaf(&self, life: usize) -> bool {
        self.kind(life).is_leaf()
    }

    /// Whether a life is one of a member that takes no reliable streams.
    #[must_use]
    pub fn is_streamless(&self, life: usize) -> bool {
        !self.kind(life).takes_streams()
    }

    /// Whether a member sends messages of the reliable classes.
    #[must_use]
    pub fn sends_reliably(&self, member: usize) -> bool {
        let player = self.plan.players.get(member);
        player.is_none_or(|player| player.kind.sends(Class::ReliableOrdered))
    }

    /// Whether a life knows one that takes no reliable streams, and hears something: else it limits nobody.
    #[must_use]
    pub fn knows_streamless(&self, here: usize) -> bool {
        let mut current = self.current.iter().flatten();
        current.any(|there| {
            let limits = self.is_streamless(*there) && self.kind(*there) != Kind::Leaf(0);
            limits && self.knows(here, *there)
        })
    }

    /// Whether every member can follow all senders at one time.
    #[must_use]
    pub const fn streams_fit(&self) -> bool {
        self.plan.streams_fit && self.plan.roster_fits
    }

    /// The largest datagram a member may send.
    #[must_use]
    pub fn limit(&self, member: usize) -> usize {
        self.plan.players[member].max_datagram
    }

    /// How fast a member may send.
    #[must_use]
    pub fn pace(&self, member: usize) -> Pace {
        self.plan.players[member].pace
    }

    /// When the faults have been over for so long that they should not be felt any more.
    #[must_use]
    pub fn calm_since(&self) -> Instant {
        Instant::ZERO + self.plan.faulty + RECOVERED
    }

    /// Whether what a member sends leaves at once and by the network's clock.
    #[must_use]
    pub fn is_prompt(&self, now: Instant) -> bool {
        !self.disturbs_time || now >= self.calm_since()
    }

    /// Whether a member, in one life, has been told of a life of another, and not of its end.
    #[must_use]
    pub fn knows(&self, here: usize, there: usize) -> bool {
        let member = self.lives[there].member;
        self.newest.get(&(here, member)) == Some(&there) && !self.gone.contains(&(here, there))
    }

    /// Whether two members may be one for a while.
    #[must_use]
    pub fn has_clones(&self) -> bool {
        self.plan.luck == Luck::Clones
    }

    /// Whether this is the id of the member that is none of the engine's.
    #[must_use]
    pub fn is_puppet(&self, id: u32) -> bool {
        self.plan.has_puppet && Stranger::puppet().0.get() == id
    }

    /// The channel at a place of the plan.
    #[must_use]
    pub fn channel(&self, at: usize) -> Channel {
        self.plan.channels[at]
    }
}

/// Whether messages of a class are for those alone who take reliable streams.
pub(super) const fn is_of_stream(class: Class) -> bool {
    matches!(class, Class::ReliableUnordered | Class::ReliableOrdered)
}
