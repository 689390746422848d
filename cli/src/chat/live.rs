//! The chat on the whole screen of a terminal.

use core::time::Duration;
use std::sync::mpsc::TryRecvError;
use std::time::Instant;

use groupcast::Event;
use ratatui::crossterm::event::{Event as Typed, KeyEventKind};

use super::command::Entered;
use super::input;
use super::room::{Room, Wish};
use super::screen::{self, Layout};
use super::talk::{Became, PAUSE, Talk};
use crate::network::place;
use crate::process::clock::Moment;
use crate::process::failure::Failure;
use crate::process::signal;
use crate::process::terminal::{self, Terminal};
use crate::session::Session;
use crate::text::escape::escaped;

/// How soon the screen may be drawn again.
const FRAME: Duration = Duration::from_millis(30);

/// How long there is no other bell after one.
const QUIET: Duration = Duration::from_secs(2);

/// Keys that are looked at in one go, if they are there.
const BATCH: usize = 256;

/// Talks until the person leaves or a signal comes. What is half written then is shown where it can be copied from.
pub(crate) fn talk(session: &mut Session, talk: Talk, bell: bool) -> Result<(), Failure> {
    let mut chat = Live {
        talk,
        bell: bell.then(Bell::default),
        changed: true,
    };
    let talked = chat.talk(session);
    for line in input::lines(chat.talk.room.input.text()) {
        aside!("not sent: {}", escaped(line));
    }
    talked
}

impl Live {
    fn talk(&mut self, session: &mut Session) -> Result<(), Failure> {
        session.keep_trouble();
        // What was said before the screen was taken is out of sight.
        if let Some(text) = place::fallback(session.member.choice()) {
            self.talk.room.trouble(&text);
        }
        let mut terminal = Terminal::take()?;
        terminal.order_is_ours()?;
        let keyboard = terminal::input();
        let mut drawn: Option<Instant> = None;
        while !signal::end_requested() && !terminal.is_gone() {
            for _ in 0..BATCH {
                match keyboard.try_recv() {
                    Ok(Ok(typed)) => match self.typed(session, typed, &terminal)? {
                        Wish::Leave => return Ok(()),
                        Wish::Redraw => terminal.clear()?,
                        _ => {}
                    },
                    Ok(Err(failure)) => return Err(failure),
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => return Ok(()),
                }
            }
            session.keep_up(|event| self.happened(event));
            for text in session.trouble() {
                self.talk.room.trouble(&text);
                self.changed = true;
            }
            let now = Instant::now();
            self.changed |= self.talk.attend(session, Moment::now());
            let here = self.talk.room.here();
            if let Some(messages) = self.talk.room.history.question(&here, now) {
                session.member.confirm(messages);
            }
            if self.changed && drawn.is_none_or(|drawn| drawn.elapsed() >= FRAME) {
                terminal.draw(|frame| screen::draw(frame, &self.talk.room))?;
                if self.talk.room.take_mention()
                    && let Some(bell) = &mut self.bell
                {
                    bell.ring(&mut terminal, now)?;
                }
                self.changed = false;
                drawn = Some(Instant::now());
            }
            session.attend(PAUSE, |event| self.happened(event))?;
        }
        Ok(())
    }
}

struct Live {
    talk: Talk,
    bell: Option<Bell>,
    /// Whether the screen is to be drawn again.
    changed: bool,
}

impl Live {
    fn happened(&mut self, event: &Event<'_>) {
        self.changed |= self.talk.happened(event);
    }

    fn typed(
        &mut self,
        session: &mut Session,
        typed: Typed,
        terminal: &Terminal,
    ) -> Result<Wish, Failure> {
        self.changed = true;
        let room = &mut self.talk.room;
        let wish = match typed {
            Typed::Key(key) if key.kind != KeyEventKind::Release => {
                let size = terminal.size()?;
                let height = usize::from(Layout::of(size, room.hides_members).history.height);
                let rows = |room: &Room, number| screen::rows_of(room, number, size);
                room.key(key, height, rows)
            }
            Typed::Paste(text) => {
                room.input.paste(&text);
                Wish::None
            }
            // A window of another size is drawn as such.
            _ => Wish::None,
        };
        match wish {
            Wish::Say(text) => self.enter(session, &text),
            wish => Ok(wish),
        }
    }

    /// Says or does what was entered: one line, or several that were pasted.
    fn enter(&mut self, session: &mut Session, text: &str) -> Result<Wish, Failure> {
        let lines: Vec<_> = input::lines(text).collect();
        let several = lines.len() > 1;
        // Of several lines all are said or none.
        let command = lines.iter().position(|line| !Entered::of(line).is_said());
        if several && let Some(at) = command {
            let why = format!(
                "nothing was sent: line {} of {} begins with /, and several lines are only said; // sends /",
                at + 1,
                lines.len()
            );
            self.talk.room.not_said(text.to_owned(), &why);
            return Ok(Wish::None);
        }
        for (at, line) in lines.iter().enumerate() {
            match self.talk.enter(session, line)? {
                Became::NotSaid(why) => {
                    let rest = input::joined(lines[at..].iter().copied());
                    self.talk.room.not_said(rest, &why);
                    return Ok(Wish::None);
                }
                Became::Quit => return Ok(Wish::Leave),
                Became::Said(_) | Became::Done | Became::Waiting => {}
            }
        }
        Ok(Wish::None)
    }
}

/// Rings when somebody mentions this member, but not without end.
#[derive(Debug, Default)]
struct Bell {
    rung: Option<Instant>,
}

impl Bell {
    fn ring(&mut self, terminal: &mut Terminal, now: Instant) -> Result<(), Failure> {
        if self.rung.is_some_and(|rung| now < rung + QUIET) {
            return Ok(());
        }
        self.rung = Some(now);
        terminal.ring()
    }
}
