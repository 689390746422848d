//! Who is there, by what members are told: each joins once before it ends, and not for nothing.

use core::time::Duration;

use groupcast::{Instant, MemberId, Peer};

use super::super::claims::Broken;
use super::super::track::Track;
use super::Oracle;

/// So much of a second is one member's HELLO, and so long its interval at least.
const HELLO_SHARE: Duration = Duration::from_millis(50);
const HELLO_LEAST: Duration = Duration::from_secs(1);

/// In so long a question and its answer may both be lost.
const BRIEF: Duration = Duration::from_millis(500);

/// How much later it may be noticed that somebody is gone.
const SLACK: Duration = Duration::from_secs(1);

impl Oracle<'_> {
    /// A member is there. Only who joined has said where its stream stands.
    pub(super) fn heard_of(
        &mut self,
        now: Instant,
        here: usize,
        member: &Peer,
        joined: bool,
    ) -> Result<(), Broken> {
        let name = (here, member.id(), member.session());
        if self.strangers.contains_key(&member.id()) {
            return Ok(());
        }
        let Some(there) = self.life_of(member) else {
            return Err(("roster", format!("{} never lived", member.id())));
        };
        if joined {
            if !self.present.insert(name) && self.promises.roster_fits {
                return Err(("joined", format!("{} twice", member.id())));
            }
            let track = self.tracks.entry((here, there)).or_default();
            track.knows(&self.lives[there], now);
        } else {
            let before = self.newest.get(&(here, self.lives[there].member));
            if let Some(before) = before.filter(|before| **before < there) {
                self.is_accounted_for(here, *before)?;
            }
            self.forget(here, member.id());
            self.present.insert(name);
            // Of its other lives none is there, as far as is told: a late datagram of an earlier one can end a later
            // one, which comes again.
            let member = self.lives[there].member;
            for (other, life) in self.lives.iter().enumerate() {
                if life.member == member && other != there {
                    let track = self.tracks.get_mut(&(other, here));
                    track.into_iter().for_each(Track::is_not_counted_in);
                }
            }
        }
        // What it sends from now on is for the one that it was told of, whether that has heard of it or not.
        if self.is_alive(there) {
            let track = self.tracks.entry((there, here)).or_default();
            track.is_counted_in(&self.lives[here]);
        }
        let newest = self.newest.entry((here, self.lives[there].member));
        let newest = newest.or_insert(there);
        *newest = there.max(*newest);
        Ok(())
    }

    /// A member is said to have left, or to be lost.
    pub(super) fn ended(
        &mut self,
        now: Instant,
        receiver: usize,
        here: usize,
        member: &Peer,
        lost: bool,
    ) -> Result<(), Broken> {
        let was_there = self.present.remove(&(here, member.id(), member.session()));
        if self.strangers.contains_key(&member.id()) {
            return Ok(());
        }
        let Some(there) = self.life_of(member) else {
            return Err(("roster", format!("{} ends, but never lived", member.id())));
        };
        let is_current = (member.id(), member.session()) == self.lives[there].name();
        if is_current {
            self.gone.insert((here, there));
        }
        if !was_there && self.promises.roster_fits {
            return Err(("joined", format!("{} ends, but never joined", member.id())));
        }
        // Under its next name it goes on.
        if !is_current {
            return Ok(());
        }
        if let Some(track) = self.tracks.get_mut(&(there, here)) {
            track.is_not_counted_in();
        }
        if !lost {
            if self.lives[there].leaves {
                self.tracks.entry((here, there)).or_default().saw_the_end = true;
                return self.is_accounted_for(here, there);
            } else if !self.plan.forges {
                return Err(("left", format!("{} did not leave", member.id())));
            }
            return Ok(());
        }
        if self.lives[there].leaves && self.plan.hears_byes {
            let what = format!("{} left, and is said to be lost", member.id());
            return Err(("bye", what));
        }
        if self.promises.roster_fits {
            self.was_silent(now, receiver, there)?;
        }
        self.is_accounted_for(here, there)
    }

    /// The end of a sender is told last: after what it still had to say, and what was lost of it.
    fn is_accounted_for(&self, here: usize, there: usize) -> Result<(), Broken> {
        let life = &self.lives[there];
        let track = self.tracks.get(&(here, there));
        // Who does not hear it any more soon after it heard who it is may have asked in vain where it is counted in.
        let last = self.ears[self.lives[here].member].last.get(&there);
        let known_at = track.and_then(|track| track.known_at);
        let is_brief = known_at
            .zip(last)
            .is_some_and(|(at, last)| last.since(at) < BRIEF);
        let relies = self.sends_reliably(life.member) && !is_brief;
        let missing = track.and_then(|track| track.unaccounted(life, false, relies));
        let is_promised = self.promises.roster_fits && !self.is_streamless(here);
        match missing.filter(|_| is_promised) {
            Some((rule, place)) => {
                let (number, member) = (life.sent[life.stream[place]].first, life.member);
                let what = format!("member {member} ends, and {number} is not accounted for");
                Err((rule, what))
            }
            None => Ok(()),
        }
    }

    /// A stranger speaks under this id.
    pub fn made_up(&mut self, now: Instant, id: MemberId) {
        self.strangers.insert(id, now);
    }

    /// Who is on a roster without having been heard for long is a ghost.
    pub(super) fn haunted(&mut self, now: Instant, member: usize, seen: &[MemberId]) {
        // The interval of PROTOCOL M3, twice that for the larger groups that somebody may be in.
        let interval = HELLO_SHARE.mul_f64(seen.len() as f64 + 1.0);
        let longest = interval.max(HELLO_LEAST) * 7 + SLACK;
        let ghost = seen.iter().find(|id| {
            let heard = self.strangers.get(id);
            heard.is_some_and(|heard| now.since(*heard) > longest)
        });
        if let Some(ghost) = ghost {
            let since = now.since(self.strangers[ghost]);
            let what = format!("member {member} knows {ghost}, silent for {since:?}");
            self.accuse(now, "ghost", what);
        }
    }

    /// No session of an id is there.
    fn forget(&mut self, here: usize, id: MemberId) {
        self.present
            .retain(|(at, other, _)| (*at, *other) != (here, id));
    }
}
