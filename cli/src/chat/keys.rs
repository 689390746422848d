//! Keys: what is typed goes into the input, and others scroll, search, or leave.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::line::line;
use super::room::{Room, Wish};
use super::scroll::Extent;
use super::search::Search;

impl Room {
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
        let control = control && !alt;
        let wants_to_leave = core::mem::take(&mut self.wants_to_leave);
        if self.search.is_some() && self.search_key(key.code, control, alt) {
            return Wish::None;
        }
        if control {
            return self.control(key.code, wants_to_leave);
        }
        match key.code {
            KeyCode::Char('b') if alt => self.input.word_left(),
            KeyCode::Char('f') if alt => self.input.word_right(),
            KeyCode::Char(c) => self.input.insert(c.encode_utf8(&mut [0; 4])),
            KeyCode::Tab => self.input.insert(" "),
            KeyCode::Enter if self.input.is_blank() => {}
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
            KeyCode::F(2) => self.hides_members = !self.hides_members,
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

    fn control(&mut self, code: KeyCode, wants_to_leave: bool) -> Wish {
        match code {
            // What is half written is not lost by one key.
            KeyCode::Char('c') if !self.input.is_blank() && !wants_to_leave => {
                self.wants_to_leave = true;
            }
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
            KeyCode::Char('r') => self.search = Some(Search::default()),
            KeyCode::Left => self.input.word_left(),
            KeyCode::Right => self.input.word_right(),
            KeyCode::End => self.scroll.follow(),
            _ => {}
        }
        Wish::None
    }

    /// A key while something is looked for; `false`: it ends that, and means what it always does.
    fn search_key(&mut self, code: KeyCode, control: bool, alt: bool) -> bool {
        let Some(mut search) = self.search.take() else {
            return false;
        };
        let numbers = self.history.numbers();
        let (at, last) = (search.at, numbers.end);
        let line = |number| line(self, number);
        let found = match code {
            // Older ones, and newer ones.
            KeyCode::Char('r') if control => {
                search.look((numbers.start..at.unwrap_or(last)).rev(), line)
            }
            KeyCode::Up => search.look((numbers.start..at.unwrap_or(last)).rev(), line),
            KeyCode::Char('s') if control => search.look(at.map_or(last, |at| at + 1)..last, line),
            KeyCode::Down => search.look(at.map_or(last, |at| at + 1)..last, line),
            KeyCode::Char('c' | 'g') if control => {
                self.scroll.follow();
                return true;
            }
            KeyCode::Esc => {
                self.scroll.follow();
                return true;
            }
            // What was found stays in view.
            KeyCode::Enter => return true,
            KeyCode::Char(c) if !control && !alt => {
                search.text.push(c);
                search.look((numbers.start..at.map_or(last, |at| at + 1)).rev(), line)
            }
            KeyCode::Backspace => {
                search.text.pop();
                search.at = None;
                search.look(numbers.rev(), line)
            }
            _ => return false,
        };
        if let Some(found) = found {
            self.scroll.to(found);
        }
        self.search = Some(search);
        true
    }
}
