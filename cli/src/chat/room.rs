//! The chat as it stands: who is there, what was said, what is being typed. No network, no terminal.

use core::time::Duration;
use std::collections::BTreeSet;
use std::time::Instant;

use groupcast::MemberId;

use super::earlier::{Clocks, Gathering, Life, Line};
use super::happening::Happening;
use super::history::{Entry, History};
use super::input::Input;
use super::parting::Parting;
use super::people::{FEW, People, Presence, STAYS, Who, is_alike, looks_like_ours};
use super::recall::Recall;
use super::scroll::Scroll;
use super::search::{Search, mentions};
use crate::process::clock::{Moment, Zone};
use crate::text::escape::escaped;

/// For so long after this member came, lines may come that were said before; in milliseconds, how much earlier they were
/// as far as one believes a clock that is not known.
const NEW: Duration = Duration::from_secs(10);
const DOUBT: u64 = 2_000;

/// Of a crowd, so many are named.
const NAMED: usize = 6;

/// Who chats here, and where.
#[derive(Debug)]
pub(crate) struct Setting {
    pub(crate) id: MemberId,
    pub(crate) name: String,
    /// The group and the interface.
    pub(crate) place: String,
    pub(crate) sealed: bool,
    pub(crate) mirrored: bool,
    pub(crate) zone: Zone,
    /// Whether what was said can still be put in between: on a screen.
    pub(crate) is_screen: bool,
}

/// The chat as it stands.
#[derive(Debug)]
pub(crate) struct Room {
    pub(crate) setting: Setting,
    pub(crate) people: People,
    pub(crate) history: History,
    pub(crate) input: Input,
    pub(crate) scroll: Scroll,
    /// What is looked for.
    pub(crate) search: Option<Search>,
    pub(crate) hides_members: bool,
    /// Whether it was asked to leave while something is half written.
    pub(crate) wants_to_leave: bool,
    /// Whether somebody has mentioned this member since that was looked at.
    mentioned: bool,
    /// What came late and was put in between.
    late: Vec<(u64, Line)>,
    parting: Parting,
    pub(crate) recall: Recall,
    pub(crate) clocks: Clocks,
    /// What is gathered of what was said before this member came; `None`: it is done.
    gathering: Option<Gathering>,
    /// When this member came, and now.
    came: Moment,
    now: Moment,
}

/// What comes of a key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Wish {
    /// Nothing that the room has not done.
    None,
    /// To say this.
    Say(String),
    /// To draw all of the screen again.
    Redraw,
    Leave,
}

impl Room {
    pub(crate) fn new(setting: Setting, recall: Recall, now: Moment) -> Self {
        Self {
            setting,
            recall,
            clocks: Clocks::default(),
            gathering: Some(Gathering::new(now.at, now.millis)),
            came: now,
            now,
            people: People::default(),
            history: History::default(),
            input: Input::default(),
            scroll: Scroll::default(),
            search: None,
            hides_members: false,
            wants_to_leave: false,
            mentioned: false,
            late: Vec::new(),
            parting: Parting::default(),
        }
    }

    /// What somebody is called: by the name it gave itself, and by its id where there is none, or where another one
    /// who is there has that name.
    pub(crate) fn label(&self, id: MemberId, name: &str) -> String {
        self.label_as(id, name, self.is_ambiguous(name))
    }

    /// What the sender of something that was said is called. If it could be taken for another one then, it is not
    /// taken for that one now.
    pub(crate) fn label_of(&self, entry: &Entry) -> String {
        let Entry::Said {
            sender,
            name,
            marked,
            ..
        } = entry
        else {
            return String::new();
        };
        let name = name.as_deref().unwrap_or_else(|| self.people.name(*sender));
        self.label_as(*sender, name, *marked || self.is_ambiguous(name))
    }

    fn label_as(&self, id: MemberId, name: &str, is_ambiguous: bool) -> String {
        if is_alike(name, "") {
            return id.to_string();
        }
        if is_ambiguous || looks_like_ours(name) {
            return format!("{}#{id}", escaped(name));
        }
        escaped(name).to_string()
    }

    /// Whether two who are there have this name.
    fn is_ambiguous(&self, name: &str) -> bool {
        let own = usize::from(is_alike(name, &self.setting.name));
        own + self.people.called(name).take(2).count() >= 2
    }

    /// What this member is called.
    pub(crate) fn own_label(&self) -> String {
        if self.setting.name.is_empty() {
            self.setting.id.to_string()
        } else {
            escaped(&self.setting.name).to_string()
        }
    }

    /// Those who are there, take part, and get what is said.
    pub(crate) fn here(&self) -> BTreeSet<MemberId> {
        self.people.readers().collect()
    }

    pub(crate) fn happened(&mut self, happening: Happening, now: Moment) {
        self.now = now;
        let moment = now;
        let now = now.at;
        match happening {
            Happening::Said(line) => {
                self.people.spoke(line.sender.id);
                if let Some(gathering) = &mut self.gathering {
                    gathering.push(line, now);
                } else {
                    self.hear(line, moment);
                }
            }
            Happening::Bare { from, text } => {
                if !self.people.mirrors(from, &text) {
                    self.push(Entry::Bare { from, text });
                }
            }
            Happening::Has(id) => self.history.confirmed(id),
            Happening::Joined(who) => self.came(who, now),
            Happening::Restarted(who) => {
                let is_told = self.people.is_told(who.id);
                self.came(who.clone(), now);
                if is_told {
                    self.change(&who, "restarted");
                }
            }
            Happening::Left(who) => self.went(who, Presence::Left, "left", now),
            Happening::Lost(who) => self.went(who, Presence::Lost, "is lost", now),
            // These come and go: it is enough that they stand in the list of members.
            Happening::Suspect(who) => self.people.note(who, Presence::Suspect, now),
            Happening::Recovered(who) => self.people.note(who, Presence::Here, now),
            Happening::Gap { who, first, last } => {
                let label = self.label(who.id, &who.name);
                let text = if first == last {
                    format!("{label}: message {first} is lost")
                } else {
                    format!("{label}: messages {first} to {last} are lost")
                };
                self.push(Entry::Trouble { text });
            }
            Happening::BeganAnew(id, text) => {
                self.setting.id = id.unwrap_or(self.setting.id);
                self.history.close_receipts();
                self.trouble(&text);
            }
            Happening::Notice(text) => self.trouble(&text),
        }
    }

    fn came(&mut self, who: Who, now: Instant) {
        if let Some(gathering) = &mut self.gathering {
            gathering.met(now);
        }
        let (id, name) = (who.id, who.name.clone());
        self.people.note(who, Presence::Here, now);
        if !name.is_empty() {
            let is_ambiguous = self.is_ambiguous(&name);
            self.history.name(id, &name, is_ambiguous);
            self.recall.name(id, &name);
        }
    }

    fn went(&mut self, who: Who, presence: Presence, how: &str, now: Instant) {
        let label = self.label(who.id, &who.name);
        if self.people.gone(who.clone(), presence, now) && self.parting.goes(&label, now) {
            self.change(&who, how);
        }
    }

    fn change(&mut self, who: &Who, how: &str) {
        let label = self.label(who.id, &who.name);
        let text = format!("{label} {how} ({} at {})", who.id, who.address);
        self.push(Entry::Change { text });
    }

    fn push(&mut self, entry: Entry) {
        self.history.push(entry, Some(self.now.millis));
    }

    /// A line is said now, or, by one who was heard a moment ago, was said before this member came.
    fn hear(&mut self, line: Line, now: Moment) {
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

    /// Whether somebody has mentioned this member since this was asked last.
    pub(crate) const fn take_mention(&mut self) -> bool {
        core::mem::replace(&mut self.mentioned, false)
    }

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

    /// Answers what was entered.
    pub(crate) fn local(&mut self, text: &str) {
        let text = text.to_owned();
        self.push(Entry::Local { text });
        self.scroll.follow();
    }

    /// Something that is wrong.
    pub(crate) fn trouble(&mut self, text: &str) {
        let text = text.to_owned();
        self.push(Entry::Trouble { text });
    }

    /// What was typed was sent.
    pub(crate) fn said(&mut self, text: String, sequence: u32, now: Moment) {
        self.now = now;
        let here = self.here();
        self.history
            .push_own(text, sequence, here, now.at, now.millis);
        self.scroll.follow();
    }

    /// What was typed cannot be sent.
    pub(crate) fn not_said(&mut self, text: String, why: &str) {
        self.trouble(why);
        self.scroll.follow();
        if self.input.text().is_empty() {
            self.input.put_back(text);
        }
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
