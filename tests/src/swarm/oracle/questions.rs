//! Who has what, by what the engine says of it; and that in calm everybody has everything.

use std::collections::BTreeSet;

use groupcast::{Class, Peer};

use super::super::plan::{FOUND, Store};
use super::super::world::Sent;
use super::Oracle;

/// So many fragments before the last one are asked for, too.
const ASKED_FOR: usize = 2;

/// Who has the messages from one place of a stream to before another?
#[derive(Clone, Debug)]
pub(super) struct Question {
    from: usize,
    to: usize,
    /// The lives that are said to have them.
    confirmed: BTreeSet<usize>,
}

impl Oracle<'_> {
    /// The question who has a member's last messages: their sequence numbers. `None` if it has none.
    pub fn question(&mut self, member: usize) -> Option<(u32, u32)> {
        let here = self.current[member].filter(|here| self.is_alive(*here))?;
        let life = &self.lives[here];
        let last = *life.stream.last()?;
        let before = life.stream.len().saturating_sub(1 + ASKED_FOR);
        let first = life.stream[before];
        let question = Question {
            from: life.place(life.sent[first].first)?,
            to: life.stream.len(),
            confirmed: BTreeSet::new(),
        };
        self.questions.insert(here, question);
        let life = &self.lives[here];
        Some((life.sent[first].first, life.sent[last].first))
    }

    /// Somebody is said to have what was asked for.
    pub(super) fn confirmed(
        &mut self,
        here: usize,
        member: &Peer,
    ) -> Result<(), (&'static str, String)> {
        let there = self.life_of(member);
        let was_asked = self.questions.contains_key(&here);
        let Some(there) = there.filter(|_| was_asked) else {
            return Err(("confirm", format!("{} was not asked", member.id())));
        };
        if self.is_streamless(there) {
            return Err(("streamless", format!("{} confirms", member.id())));
        }
        let Some(question) = self.questions.get_mut(&here) else {
            return Ok(());
        };
        question.confirmed.insert(there);
        self.totals.confirmed += 1;
        let (from, to) = (question.from, question.to);
        if !self.promises.roster_fits {
            return Ok(());
        }
        let track = self.tracks.entry((there, here)).or_default();
        match track.lacks(&self.lives[here], from, to) {
            Some(place) => {
                let member = self.lives[there].member;
                let what = format!("member {member} is said to have place {place}");
                Err(("confirm", what))
            }
            None => Ok(()),
        }
    }

    /// In calm everything arrives, also what need not.
    pub(super) fn settle_calm(&self, found: &mut Vec<(&'static str, String)>) {
        if !self.plan.is_fair {
            return;
        }
        for ((here, there), track) in &self.tracks {
            let (receiver, life) = (&self.lives[*here], &self.lives[*there]);
            let is_old = receiver.began + FOUND < self.calm_since();
            let has_place = self.promises(*here).roster_fits;
            if !self.is_alive(*here) || !has_place || !is_old || !self.knows(*here, *there) {
                continue;
            }
            // Values and what waits in a stream may leave no room for fragments.
            let is_streamless = self.is_streamless(*here);
            let has_room = self.plan.store == Store::Roomy && !is_streamless;
            let is_late = |sent: &Sent| sent.at >= self.calm_since();
            let sent = life.sent.iter().enumerate();
            if let Some((_, sent)) = sent
                .filter(|(_, sent)| sent.channel.class() == Class::BestEffort && is_late(sent))
                .filter(|(_, sent)| has_room || sent.fragments == 1)
                .find(|(number, _)| !track.had(life, *number))
            {
                let (member, number) = (receiver.member, sent.first);
                let what = format!("member {member}: best effort {number} of life {there}");
                found.push(("calm", format!("{what} did not arrive")));
            }
            if let Some(question) = self.questions.get(there)
                && self.is_alive(*there)
                && !is_streamless
                && question.from < life.stream.len()
                && is_late(&life.sent[life.stream[question.from]])
                && !question.confirmed.contains(here)
            {
                let (member, to) = (receiver.member, question.to);
                let what = format!("member {member} did not confirm life {there} up to {to}");
                found.push(("confirm", what));
            }
        }
    }
}
