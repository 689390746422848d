//! Who is there, told: those who came and went, alone or as a crowd, and those who have one name.

use std::collections::BTreeSet;

use groupcast::MemberId;

use super::Room;
use crate::chat::history::Entry;
use crate::chat::people::{FEW, Presence, STAYS, Who, is_alike};
use crate::process::clock::Moment;

/// Of a crowd, so many are named.
const NAMED: usize = 6;

impl Room {
    /// Tells who is there for long enough. Returns whether there was somebody to tell of.
    pub(crate) fn tick(&mut self, now: Moment) -> bool {
        self.now = now;
        let gone = self.parting.due(now.at);
        let is_gone = !gone.is_empty();
        match &gone[..] {
            [] => {}
            [label] => self.push(Entry::Change {
                text: format!("{label} is gone, too"),
            }),
            _ => self.push(Entry::Change {
                text: format!("{} more are gone: {}", gone.len(), few_of(gone)),
            }),
        }
        let arrived = self.people.arrived(now.at);
        if arrived.len() > FEW {
            self.say_crowd(&arrived);
        } else {
            for who in &arrived {
                self.change(who, "joined");
                self.say_namesakes(&who.name);
            }
        }
        is_gone || !arrived.is_empty()
    }

    /// Tells in one line of many who came at once, or were there before this member.
    fn say_crowd(&mut self, arrived: &[Who]) {
        let labels = arrived.iter().map(|who| self.label(who.id, &who.name));
        let labels = few_of(labels.collect());
        let here = self.people.were_here(arrived, self.came.at + STAYS);
        let what = if here { "are here" } else { "joined" };
        let text = format!("{} {what}: {labels}", arrived.len());
        self.push(Entry::Change { text });
        let names: BTreeSet<_> = arrived.iter().map(|who| who.name.as_str()).collect();
        let mut told: Vec<&str> = Vec::new();
        for name in names {
            if !told.iter().any(|other| is_alike(other, name)) {
                self.say_namesakes(name);
                told.push(name);
            }
        }
    }

    /// Somebody who is there is called so. Returns whether that is news.
    pub(crate) fn is_called(&mut self, id: MemberId, name: &str) -> bool {
        let is_told = self.people.is_told(id);
        let Some(before) = self.people.rename(id, name) else {
            return false;
        };
        if is_told {
            let before = self.label(id, &before);
            let text = format!("{before} is called {} now", self.label(id, name));
            self.push(Entry::Change { text });
            self.say_namesakes(name);
        }
        true
    }

    /// Warns if several who are there have this name.
    pub(crate) fn say_namesakes(&mut self, name: &str) {
        if is_alike(name, "") || !self.is_ambiguous(name) {
            return;
        }
        let others: Vec<_> = self.people.called(name).collect();
        let mut labels: Vec<_> = others
            .into_iter()
            .map(|id| self.label(id, self.people.name(id)))
            .collect();
        if is_alike(name, &self.setting.name) {
            labels.insert(0, format!("{} (you)", self.own_label()));
        }
        let text = format!("{} have one name: {}", labels.len(), labels.join(", "));
        self.trouble(&text);
    }

    /// Who is there.
    pub(crate) fn say_who(&mut self) {
        let people = self.people.sorted();
        let here = people.iter().filter(|person| person.presence.is_here());
        let mut lines = vec![format!("{} (you, {})", self.own_label(), self.setting.id)];
        lines.extend(here.map(|person| {
            let label = self.label(person.who.id, &person.who.name);
            let is_silent = person.presence == Presence::Suspect;
            let silent = if is_silent { ", silent" } else { "" };
            let reads = person.who.takes_reliable;
            let deaf = if reads {
                ""
            } else {
                ", gets nothing of this chat"
            };
            format!(
                "{label} ({} at {}{silent}{deaf})",
                person.who.id, person.who.address
            )
        }));
        let count = lines.len();
        match self.people.onlookers() {
            0 => {}
            n => lines.push(format!("and {n} without a name, who said nothing")),
        }
        self.local(&format!("{count} here:"));
        lines.iter().for_each(|line| self.local(line));
    }
}

/// Some of many names, and how many more there are.
fn few_of(mut labels: Vec<String>) -> String {
    labels.sort_unstable();
    let more = labels.len().saturating_sub(NAMED);
    labels.truncate(NAMED);
    match more {
        0 => labels.join(", "),
        more => format!("{} and {more} more", labels.join(", ")),
    }
}
