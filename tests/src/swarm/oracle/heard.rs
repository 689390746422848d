//! What surely reached each member's engine: the datagrams that it accepted, and what they told it.
//!
//! A tap sees what arrives in a socket; the member's own counters say how much of that it took. As a rule one
//! datagram arrives at a time, and it is clear which was taken. Where it is not, nothing is held against
//! anybody.

use core::time::Duration;
use std::collections::{BTreeMap, HashSet};

use groupcast::{Counters, Instant, MemberId, Session};

use super::Oracle;

/// Who speaks at least this often is never silent for too long: the shortest interval that a member states
/// is 1 s, and 3.5 of them are allowed.
const NEVER_LOST: Duration = Duration::from_millis(3_400);

/// A counter that is so far below the highest on its own way may be too old.
const FAR_BEHIND: u64 = 100;

/// A receiver of this age was there before most sessions that it hears of.
const GROWN_UP: Duration = Duration::from_secs(1);

/// A datagram that arrived in a member's socket.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// Of which life it is, unharmed. `None`: damaged, raw, or made up by a stranger.
    pub there: Option<usize>,
    /// Under which name.
    pub name: Option<(MemberId, Session)>,
    /// Its counter.
    pub counter: u64,
    /// The last number of the sender's stream that it tells of.
    pub tells: Option<u32>,
    /// Whether a receiver that has just begun may follow the stream from here on.
    pub begins: bool,
    /// Whether it was sent to the group.
    pub to_group: bool,
    /// Whether a stranger made it up, so that it may well be accepted.
    pub is_made_up: bool,
}

/// What came of the datagrams to one life of a member.
#[derive(Clone, Debug, Default)]
pub(super) struct Ear {
    /// What arrived and was not looked at yet.
    arrived: Vec<Arrival>,
    /// Counters when `arrived` was empty.
    received: u64,
    accepted: u64,
    stale: u64,
    postponed: u64,
    /// What arrived for the first time, by name and counter.
    seen: HashSet<(MemberId, Session, u64)>,
    /// The highest counter of each name, on each way: to the group, and to this member.
    highest: BTreeMap<(MemberId, Session, bool), u64>,
    /// The lives of which something is in `arrived` and was not before.
    begun: Vec<usize>,
    /// When something of a life arrived first, and last.
    first: BTreeMap<usize, Instant>,
    pub(super) last: BTreeMap<usize, Instant>,
    /// When its clock last leapt, or stood.
    leapt: Option<Instant>,
}

impl Oracle<'_> {
    /// A member's life begins, so nothing waits in its sockets.
    pub(super) fn open_ear(&mut self, member: usize) {
        self.ears[member] = Ear::default();
    }

    /// A member's clock leapt forward: all others seem silent.
    pub fn leapt(&mut self, now: Instant, member: usize) {
        self.ears[member].leapt = Some(now);
    }

    /// A datagram arrived in a socket of a member.
    pub fn arrived(&mut self, now: Instant, member: usize, arrival: Arrival) {
        let here = self.current[member];
        if let (Some(here), Some(there)) = (here, arrival.there)
            && here != there
        {
            let ear = &mut self.ears[member];
            ear.first.entry(there).or_insert_with(|| {
                ear.begun.push(there);
                now
            });
            // Whether or not it is taken, a gap beyond is one of what nothing told of.
            if let Some(told) = arrival.tells {
                let track = self.tracks.entry((here, there)).or_default();
                track.may_know(&self.lives[there], told);
            }
        }
        let is_current = arrival.there.is_some_and(|there| {
            self.current[self.lives[there].member] == Some(there)
                && arrival.name == Some(self.lives[there].name())
        });
        let ear = &mut self.ears[member];
        // What was sent to one member and was overtaken on its way is too late to be a sign of life.
        let later = |other: &Arrival| {
            !other.to_group && other.name == arrival.name && other.counter > arrival.counter
        };
        let is_overtaken = !arrival.to_group
            && (ear.arrived.iter().any(later)
                || arrival.name.is_some_and(|(id, session)| {
                    let highest = ear.highest.get(&(id, session, false));
                    highest.is_some_and(|highest| *highest > arrival.counter)
                }));
        if let (Some(there), Some((id, session))) = (arrival.there, arrival.name)
            && is_current
            && !is_overtaken
            && !ear.seen.contains(&(id, session, arrival.counter))
        {
            ear.last.insert(there, now);
        }
        ear.arrived.push(arrival);
    }

    /// These are a member's counters after it was polled.
    pub fn counted(&mut self, now: Instant, member: usize, counters: &Counters) {
        let ear = &mut self.ears[member];
        let received = counters.received - ear.received;
        if received < ear.arrived.len() as u64 || (received == 0 && ear.arrived.is_empty()) {
            // Some still waits in a socket.
            return;
        }
        let accepted = counters.accepted - ear.accepted;
        let stale = counters.stale - ear.stale;
        ear.received = counters.received;
        ear.accepted = counters.accepted;
        ear.stale = counters.stale;
        let begun = core::mem::take(&mut ear.begun);
        if counters.postponed > ear.postponed {
            ear.postponed = counters.postponed;
            // What begins another life may have been dropped for what was left of the one before.
            for there in begun {
                ear.first.remove(&there);
            }
        }
        let arrived = core::mem::take(&mut ear.arrived);
        let Some(here) = self.current[member] else {
            return;
        };
        let (mut fresh, mut made_up, mut old) = (Vec::new(), 0, 0);
        for arrival in &arrived {
            made_up += u64::from(arrival.is_made_up);
            let (Some(there), Some((id, session))) = (arrival.there, arrival.name) else {
                continue;
            };
            if there == here {
                continue;
            }
            let is_over = self.may_be_over(here, there, (id, session));
            let ear = &mut self.ears[member];
            let highest = ear.highest.entry((id, session, arrival.to_group));
            let highest = highest.or_default();
            // Of what is sent to one member only the highest number is remembered.
            let far = if arrival.to_group { FAR_BEHIND } else { 0 };
            let is_late = arrival.counter + far < *highest;
            *highest = arrival.counter.max(*highest);
            let is_new = ear.seen.insert((id, session, arrival.counter));
            old += u64::from(is_over || is_late || !is_new);
            if is_new {
                fresh.push((there, arrival.tells, arrival.begins));
            }
        }
        // A forged counter is higher than all that comes after it, and a clone's are the same.
        let is_judged = self.promises(here).roster_fits && !self.has_clones();
        if stale > old + made_up && is_judged {
            let what = format!("member {member}: {stale} datagrams are stale, {old} can be");
            self.accuse(now, "stale", what);
        }
        if accepted != fresh.len() as u64 + made_up {
            return;
        }
        let is_young = now.since(self.lives[here].began) <= GROWN_UP;
        for (there, tells, begins) in fresh {
            if let Some(told) = tells {
                let track = self.tracks.entry((here, there)).or_default();
                // What is heard of a stream before that is followed says nothing (PROTOCOL R1).
                if is_young && !begins && !track.has_begun() {
                    continue;
                }
                track.was_told(&self.lives[there], told);
            }
        }
    }

    /// Whether a receiver may take a life, or a name of it, for one that is over.
    fn may_be_over(&self, here: usize, there: usize, name: (MemberId, Session)) -> bool {
        let life = &self.lives[there];
        let receiver = self.lives[here].member;
        let comes_late = |older: usize| {
            self.lives[older].member == life.member && self.is_unheard_until(receiver, older, there)
        };
        (0..there).any(comes_late)
            || self.current[life.member] != Some(there)
            || life.ended.is_some()
            || life.leaves
            || life.name() != name
            || self.gone.contains(&(here, there))
    }

    /// Whether nothing of `older` had arrived when `newer` was heard: nothing tells the receiver then which came
    /// after which.
    pub(super) fn is_unheard_until(&self, receiver: usize, older: usize, newer: usize) -> bool {
        let first = &self.ears[receiver].first;
        first.get(&older) > first.get(&newer)
    }

    /// Whether two lives of one id may seem to speak in turns: the later one was heard first.
    pub(super) fn seems_two(&self, receiver: usize, id: MemberId) -> bool {
        let first = &self.ears[receiver].first;
        let mut lives = first
            .iter()
            .filter(|(life, _)| self.lives[**life].had_id(id));
        let mut latest = Instant::ZERO;
        !lives.all(|(_, at)| {
            let is_later = latest <= *at;
            latest = latest.max(*at);
            is_later
        })
    }

    /// A member is said to be lost: had it really been silent?
    pub(super) fn was_silent(
        &self,
        now: Instant,
        receiver: usize,
        there: usize,
    ) -> Result<(), (&'static str, String)> {
        let ear = &self.ears[receiver];
        let disturbed = ear
            .leapt
            .is_some_and(|leapt| now.since(leapt) < NEVER_LOST * 2);
        match ear.last.get(&there).map(|last| now.since(*last)) {
            Some(silent) if silent < NEVER_LOST && !disturbed => {
                let member = self.lives[there].member;
                let what = format!("member {member} is lost, it spoke {silent:?} ago");
                Err(("lost", what))
            }
            _ => Ok(()),
        }
    }
}
