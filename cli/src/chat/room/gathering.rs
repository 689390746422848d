//! Lines on their way into the history: those that are said now, and those that were said before this member came.

use core::time::Duration;
use std::collections::BTreeSet;
use std::time::Instant;

use super::Room;
use crate::chat::earlier::{Life, Line};
use crate::chat::history::Entry;
use crate::chat::search::mentions;
use crate::process::clock::Moment;

/// For so long after this member came, lines may come that were said before; in milliseconds, how much earlier they were
/// as far as one believes a clock that is not known.
const NEW: Duration = Duration::from_secs(10);
const DOUBT: u64 = 2_000;

impl Room {
    /// A line is said now, or, by one who was heard a moment ago, was said before this member came.
    pub(super) fn hear(&mut self, line: Line, now: Moment) {
        let when = self.clocks.when(&line);
        let is_new = now.at.saturating_duration_since(self.came.at) < NEW;
        let doubt = if self.clocks.knows(line.sender.id) {
            0
        } else {
            DOUBT
        };
        let was_before = |when: &u64| *when + doubt < self.came.millis;
        let Some(when) = when.filter(was_before).filter(|_| is_new) else {
            let heard = line.heard;
            self.recall.keep(&line, heard);
            let entry = self.entry(line, false);
            self.history.push(entry, Some(heard));
            return;
        };
        self.recall.keep(&line, when);
        let mut line = line;
        if self.setting.is_screen {
            let by = line.sender.id;
            let entry = self.entry(line.clone(), true);
            if self.history.put_earlier(by, entry, when) {
                self.late.push((when, line));
                return;
            }
        }
        let notes = [line.note.as_str(), "earlier"];
        let notes: Vec<_> = notes.into_iter().filter(|note| !note.is_empty()).collect();
        line.note = notes.join(", ");
        let entry = self.entry(line, true);
        self.history.push(entry, Some(when));
    }

    /// A line as it stands in the history.
    fn entry(&mut self, line: Line, is_earlier: bool) -> Entry {
        let mut note = line.note;
        if let Some(teller) = &line.teller {
            // It may have told before its name was heard.
            let name = match teller.name.as_str() {
                "" => self.people.name(teller.id),
                name => name,
            };
            let teller = self.label(teller.id, name);
            note = format!("as told by {teller}");
        }
        let is_mention = mentions(&line.text, &self.setting.name);
        self.mentioned |= is_mention && !is_earlier;
        let name = Some(line.sender.name).filter(|name| !name.is_empty());
        let marked = !is_earlier && name.as_deref().is_some_and(|name| self.is_ambiguous(name));
        Entry::Said {
            sender: line.sender.id,
            name,
            marked,
            note,
            text: line.text,
            is_earlier,
            is_mention,
        }
    }

    /// What was put between what is older and what is newer, since this was asked last.
    pub(crate) fn take_late(&mut self) -> Vec<(u64, Line)> {
        core::mem::take(&mut self.late)
    }

    /// Since when somebody else is known, while lines are gathered.
    pub(crate) fn met(&self) -> Option<Instant> {
        self.gathering.as_ref()?.contact()
    }

    /// Whether what was said before is to be shown now.
    pub(crate) fn is_gathered(&self, now: Instant) -> bool {
        let answered = self.recall.is_answered();
        let gathering = self.gathering.as_ref();
        gathering.is_some_and(|gathering| gathering.is_due(answered, now))
    }

    /// Somebody told what others said.
    pub(crate) fn told(&mut self, lines: Vec<Line>, now: Instant) {
        if let Some(gathering) = &mut self.gathering {
            lines.into_iter().for_each(|line| gathering.push(line, now));
        }
    }

    /// Shows what was said before, in order, and then goes on with what is said. `present`: those who can be heard
    /// themselves.
    pub(crate) fn end_gathering(&mut self, present: &BTreeSet<Life>, now: Moment) {
        self.now = now;
        let Some(gathering) = self.gathering.take() else {
            return;
        };
        let said = gathering.end(&self.clocks, present);
        let mut earlier = Vec::new();
        if !said.earlier.is_empty() {
            let mut missing: Vec<_> = said
                .cut
                .iter()
                .map(|who| format!("what {} said before that", self.label(who.id, &who.name)))
                .collect();
            if self.recall.is_in_vain() {
                missing.push("what those said who have left".to_owned());
            }
            if !missing.is_empty() {
                let text = format!("missing: {}", missing.join("; "));
                earlier.push((None, Entry::Change { text }));
            }
        }
        for (when, mut line) in said.earlier {
            if line.teller.is_none() && line.sender.name.is_empty() {
                line.sender.name = self.people.name(line.sender.id).to_owned();
            }
            // Whoever comes now learns it from this member, too.
            self.recall.keep(&line, when.unwrap_or(line.heard));
            earlier.push((when, self.entry(line, true)));
        }
        self.history.begin(earlier);
        for (when, line) in said.since {
            self.recall.keep(&line, when.unwrap_or(line.heard));
            let entry = self.entry(line, false);
            self.history.push(entry, when);
        }
    }
}
