//! The chat on the whole screen of a terminal.

use core::time::Duration;
use std::sync::mpsc::TryRecvError;
use std::time::Instant;

use groupcast::Event;
use ratatui::crossterm::event::{Event as Typed, KeyEventKind};

use super::PAUSE;
use super::room::{Room, Wish};
use super::screen::{self, Layout};
use super::talk::{Became, Talk};
use crate::clock::Moment;
use crate::failure::Failure;
use crate::place;
use crate::session::Session;
use crate::signal;
use crate::terminal::{self, Terminal};

/// How soon the screen may be drawn again.
const FRAME: Duration = Duration::from_millis(30);

/// Keys that are looked at in one go, if they are there.
const BATCH: usize = 256;

/// Talks until the person leaves or a signal comes.
pub(crate) fn talk(session: &mut Session, talk: Talk) -> Result<(), Failure> {
    let mut chat = Live {
        talk,
        changed: true,
    };
    session.keep_trouble();
    // What was said before the screen was taken is out of sight.
    if let Some(text) = place::fallback(session.member.choice()) {
        chat.talk.room.trouble(&text);
    }
    let mut terminal = Terminal::take()?;
    terminal.order_is_ours()?;
    let input = terminal::input();
    let mut drawn: Option<Instant> = None;
    while !signal::end_requested() && !terminal.is_gone() {
        for _ in 0..BATCH {
            match input.try_recv() {
                Ok(Ok(typed)) => match chat.typed(session, typed, &terminal)? {
                    Wish::Leave => return Ok(()),
                    Wish::Redraw => terminal.clear()?,
                    _ => {}
                },
                Ok(Err(_)) if terminal::input_is_gone() => return Ok(()),
                Ok(Err(error)) => {
                    return Err(Failure::Trouble(format!(
                        "cannot read the keyboard: {error}"
                    )));
                }
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return Ok(()),
            }
        }
        session.keep_up(|event| chat.happened(event));
        for text in session.trouble() {
            chat.talk.room.trouble(&text);
            chat.changed = true;
        }
        let now = Instant::now();
        chat.changed |= chat.talk.attend(session, Moment::now());
        let here = chat.talk.room.here();
        if let Some((first, last)) = chat.talk.room.history.question(&here, now) {
            session.member.confirm(first, last);
        }
        if chat.changed && drawn.is_none_or(|drawn| drawn.elapsed() >= FRAME) {
            terminal.draw(|frame| screen::draw(frame, &chat.talk.room))?;
            chat.changed = false;
            drawn = Some(Instant::now());
        }
        session.attend(PAUSE, |event| chat.happened(event))?;
    }
    Ok(())
}

struct Live {
    talk: Talk,
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
                let height = usize::from(Layout::of(size).history.height);
                let rows = |room: &Room, number| screen::rows_of(room, number, size);
                room.key(key, height, rows)
            }
            Typed::Paste(text) => {
                room.input.insert(&text);
                Wish::None
            }
            // A window of another size is drawn as such.
            _ => Wish::None,
        };
        match wish {
            Wish::Say(text) => self.enter(session, text),
            wish => Ok(wish),
        }
    }

    fn enter(&mut self, session: &mut Session, text: String) -> Result<Wish, Failure> {
        match self.talk.enter(session, &text)? {
            Became::NotSaid(why) => self.talk.room.not_said(text, &why),
            Became::Quit => return Ok(Wish::Leave),
            Became::Said(_) | Became::Done | Became::Waiting => {}
        }
        Ok(Wish::None)
    }
}
