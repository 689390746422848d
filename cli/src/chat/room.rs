//! The chat as it stands: who is there, what was said, what is being typed. No network, no terminal.

use std::collections::BTreeSet;
use std::time::Instant;

use groupcast::MemberId;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::happening::Happening;
use super::history::{Entry, History};
use super::input::Input;
use super::people::{People, Presence, Who, is_alike};
use super::scroll::{Extent, Scroll};
use crate::escape::escaped;

/// Who chats here, and where.
#[derive(Debug)]
pub(crate) struct Setting {
    pub(crate) id: MemberId,
    pub(crate) name: String,
    /// The group and the interface.
    pub(crate) place: String,
    pub(crate) sealed: bool,
    pub(crate) mirrored: bool,
}

/// The chat as it stands.
#[derive(Debug)]
pub(crate) struct Room {
    pub(crate) setting: Setting,
    pub(crate) people: People,
    pub(crate) history: History,
    pub(crate) input: Input,
    pub(crate) scroll: Scroll,
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
    pub(crate) fn new(setting: Setting) -> Self {
        Self {
            setting,
            people: People::default(),
            history: History::default(),
            input: Input::default(),
            scroll: Scroll::default(),
        }
    }

    /// What somebody is called: by the name it gave itself, and by its id where there is none or the name
    /// may be taken for another's.
    pub(crate) fn label(&self, id: MemberId, name: &str) -> String {
        if name.trim().is_empty() {
            return id.to_string();
        }
        let is_ambiguous = self.people.is_ambiguous(id, name)
            || is_alike(name, &self.setting.name)
            // As if its id were part of it.
            || name.contains('#');
        if is_ambiguous {
            return format!("{}#{id}", escaped(name));
        }
        escaped(name).to_string()
    }

    /// What this member is called.
    pub(crate) fn own_label(&self) -> String {
        if self.setting.name.is_empty() {
            self.setting.id.to_string()
        } else {
            escaped(&self.setting.name).to_string()
        }
    }

    /// Those who are there.
    pub(crate) fn here(&self) -> BTreeSet<MemberId> {
        self.people.here().collect()
    }

    pub(crate) fn happened(&mut self, happening: Happening) {
        match happening {
            Happening::Said { sender, note, text } => {
                let name = Some(sender.name).filter(|name| !name.is_empty());
                self.history.push(Entry::Said {
                    sender: sender.id,
                    name,
                    note,
                    text,
                });
            }
            Happening::Bare { from, text } => {
                if !self.people.mirrors(from, &text) {
                    self.history.push(Entry::Bare { from, text });
                }
            }
            Happening::Has(id) => self.history.confirmed(id),
            Happening::Joined(who) => self.changed(who, Presence::Here, "joined"),
            Happening::Restarted(who) => self.changed(who, Presence::Here, "restarted"),
            Happening::Left(who) => self.changed(who, Presence::Left, "left"),
            Happening::Lost(who) => self.changed(who, Presence::Lost, "is lost"),
            // These come and go: it is enough that they stand in the list of members.
            Happening::Suspect(who) => self.people.note(who, Presence::Suspect),
            Happening::Recovered(who) => self.people.note(who, Presence::Here),
            Happening::Gap { who, first, last } => {
                let label = self.label(who.id, &who.name);
                let text = if first == last {
                    format!("{label}: message {first} is lost")
                } else {
                    format!("{label}: messages {first} to {last} are lost")
                };
                self.history.push(Entry::Trouble { text });
            }
            Happening::BeganAnew(id, text) => {
                self.setting.id = id.unwrap_or(self.setting.id);
                self.history.close_receipts();
                self.trouble(&text);
            }
            Happening::Notice(text) => self.trouble(&text),
        }
    }

    fn changed(&mut self, who: Who, presence: Presence, how: &str) {
        if !who.name.is_empty() {
            self.history.name(who.id, &who.name);
        }
        let (id, address) = (who.id, who.address);
        let name = who.name.clone();
        self.people.note(who, presence);
        let label = self.label(id, &name);
        let text = format!("{label} {how} ({id} at {address})");
        self.history.push(Entry::Change { text });
    }

    /// Something that is wrong.
    pub(crate) fn trouble(&mut self, text: &str) {
        let text = text.to_owned();
        self.history.push(Entry::Trouble { text });
    }

    /// What was typed was sent.
    pub(crate) fn said(&mut self, text: String, sequence: u32, now: Instant) {
        let here = self.here();
        self.history.push_own(text, sequence, here, now);
        self.scroll.follow();
    }

    /// What was typed cannot be sent.
    pub(crate) fn not_said(&mut self, text: String, why: &str) {
        self.trouble(&format!("not sent: {why}"));
        self.scroll.follow();
        if self.input.text().is_empty() {
            self.input.put_back(text);
        }
    }

    /// A key was pressed while `height` rows of the history are in view, of as many rows as `rows` says.
    pub(crate) fn key(
        &mut self,
        key: KeyEvent,
        height: usize,
        rows: impl Fn(&Self, u64) -> usize,
    ) -> Wish {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let alt = key.modifiers.contains(KeyModifiers::ALT);
        // AltGr, which types characters, is both.
        if control && !alt {
            return self.control(key.code);
        }
        match key.code {
            KeyCode::Char('b') if alt && !control => self.input.word_left(),
            KeyCode::Char('f') if alt && !control => self.input.word_right(),
            KeyCode::Char(c) => self.input.insert(c.encode_utf8(&mut [0; 4])),
            KeyCode::Tab => self.input.insert(" "),
            KeyCode::Enter if self.input.text().trim().is_empty() => {}
            KeyCode::Enter => return Wish::Say(self.input.take()),
            KeyCode::Backspace if alt => self.input.delete_word(),
            KeyCode::Backspace => self.input.backspace(),
            KeyCode::Delete => self.input.delete(),
            KeyCode::Left if alt => self.input.word_left(),
            KeyCode::Right if alt => self.input.word_right(),
            KeyCode::Left => self.input.left(),
            KeyCode::Right => self.input.right(),
            KeyCode::Home => self.input.home(),
            KeyCode::End => self.input.end(),
            KeyCode::Up => self.input.earlier(),
            KeyCode::Down => self.input.later(),
            KeyCode::PageUp | KeyCode::PageDown => {
                let mut scroll = core::mem::take(&mut self.scroll);
                let extent = Extent {
                    numbers: self.history.numbers(),
                    rows: &|number| rows(self, number),
                    height,
                };
                // A row of the page before stays in view.
                let page = height.saturating_sub(1).max(1);
                if key.code == KeyCode::PageUp {
                    scroll.up(page, &extent);
                } else {
                    scroll.down(page, &extent);
                }
                self.scroll = scroll;
            }
            _ => {}
        }
        Wish::None
    }

    fn control(&mut self, code: KeyCode) -> Wish {
        match code {
            KeyCode::Char('c') => return Wish::Leave,
            KeyCode::Char('d') if self.input.text().is_empty() => return Wish::Leave,
            KeyCode::Char('l') => return Wish::Redraw,
            KeyCode::Char('a') => self.input.home(),
            KeyCode::Char('e') => self.input.end(),
            KeyCode::Char('b') => self.input.left(),
            KeyCode::Char('f') => self.input.right(),
            KeyCode::Char('d') => self.input.delete(),
            KeyCode::Char('h') => self.input.backspace(),
            KeyCode::Char('k') => self.input.delete_to_end(),
            KeyCode::Char('u') => self.input.delete_to_start(),
            KeyCode::Char('w') | KeyCode::Backspace => self.input.delete_word(),
            KeyCode::Char('p') => self.input.earlier(),
            KeyCode::Char('n') => self.input.later(),
            KeyCode::Left => self.input.word_left(),
            KeyCode::Right => self.input.word_right(),
            KeyCode::End => self.scroll.follow(),
            _ => {}
        }
        Wish::None
    }
}
