//! The chat as it stands: who is there, what was said, what is being typed. No network, no terminal.

mod gathering;
mod telling;

use std::collections::BTreeSet;
use std::time::Instant;

use groupcast::{MemberId, Sequence};

use super::earlier::{Clocks, Gathering, Line};
use super::happening::Happening;
use super::history::{Entry, History};
use super::input::Input;
use super::parting::Parting;
use super::people::{People, Presence, Who, is_alike, looks_like_ours};
use super::recall::Recall;
use super::scroll::Scroll;
use super::search::Search;
use crate::process::clock::{Moment, Zone};
use crate::text::escape::escaped;

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
            Happening::Raw { from, text } => {
                if !self.people.mirrors(from, &text) {
                    self.push(Entry::Raw { from, text });
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
            Happening::Gap { who, lost } => {
                let label = self.label(who.id, &who.name);
                let text = if lost.len() == 1 {
                    format!("{label}: message {} is lost", lost.first())
                } else {
                    format!("{label}: messages {lost} are lost")
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

    /// Whether somebody has mentioned this member since this was asked last.
    pub(crate) const fn take_mention(&mut self) -> bool {
        core::mem::replace(&mut self.mentioned, false)
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
    pub(crate) fn said(&mut self, text: String, sequence: Sequence, now: Moment) {
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
