//! The chat on the whole screen of a terminal.

use core::time::Duration;
use std::sync::mpsc::TryRecvError;
use std::time::Instant;

use groupcast::Channel;
use ratatui::crossterm::event::{Event as Typed, KeyEventKind};

use super::PAUSE;
use super::happening::Happening;
use super::mirror::Mirror;
use super::room::{Room, Setting, Wish};
use super::screen::{self, Layout};
use crate::failure::Failure;
use crate::options::Common;
use crate::session::Session;
use crate::signal;
use crate::terminal::{self, Terminal};

/// How soon the screen may be drawn again.
const FRAME: Duration = Duration::from_millis(30);

/// Keys that are looked at in one go, if they are there.
const BATCH: usize = 256;

/// Talks until the person leaves or a signal comes.
pub(crate) fn talk(
    common: &Common,
    session: &mut Session,
    channel: Channel,
    mirror: &Mirror,
) -> Result<(), Failure> {
    let setting = setting(common, session, mirror);
    let mut chat = Live {
        room: Room::new(setting),
        channel,
        mirror,
        changed: true,
    };
    session.keep_trouble();
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
                Ok(Err(failure)) => return Err(failure),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return Ok(()),
            }
        }
        session.keep_up(|event| chat.happened(event));
        for text in session.trouble() {
            chat.room.trouble(&text);
            chat.changed = true;
        }
        let here = chat.room.here();
        if let Some((first, last)) = chat.room.history.question(&here, Instant::now()) {
            session.member.confirm(first, last);
        }
        if chat.changed && drawn.is_none_or(|drawn| drawn.elapsed() >= FRAME) {
            terminal.draw(|frame| screen::draw(frame, &chat.room))?;
            chat.changed = false;
            drawn = Some(Instant::now());
        }
        session.attend(PAUSE, |event| chat.happened(event))?;
    }
    Ok(())
}

fn setting(common: &Common, session: &Session, mirror: &Mirror) -> Setting {
    let member = &session.member;
    Setting {
        id: member.id(),
        name: common.name.clone().unwrap_or_default(),
        place: format!("{} via {}", member.group(), member.choice().label()),
        sealed: member.is_sealed(),
        mirrored: mirror.is_on(),
    }
}

struct Live<'m> {
    room: Room,
    channel: Channel,
    mirror: &'m Mirror,
    /// Whether the screen is to be drawn again.
    changed: bool,
}

impl Live<'_> {
    fn happened(&mut self, event: &groupcast::Event<'_>) {
        if let Some(happening) = Happening::of((*event).into(), self.channel) {
            self.room.happened(happening);
            self.changed = true;
        }
    }

    fn typed(
        &mut self,
        session: &mut Session,
        typed: Typed,
        terminal: &Terminal,
    ) -> Result<Wish, Failure> {
        self.changed = true;
        let wish = match typed {
            Typed::Key(key) if key.kind != KeyEventKind::Release => {
                let size = terminal.size()?;
                let height = usize::from(Layout::of(size).history.height);
                let rows = |room: &Room, number| screen::rows_of(room, number, size);
                self.room.key(key, height, rows)
            }
            Typed::Paste(text) => {
                self.room.input.insert(&text);
                Wish::None
            }
            // A window of another size is drawn as such.
            _ => Wish::None,
        };
        match wish {
            Wish::Say(text) => self.say(session, text).map(|()| Wish::None),
            wish => Ok(wish),
        }
    }

    fn say(&mut self, session: &mut Session, text: String) -> Result<(), Failure> {
        let said = session.say(self.channel, text.as_bytes(), None, |event| {
            self.happened(event);
        });
        match said {
            Ok(Some(sequence)) => {
                if let Err(error) = self.mirror.send(session, &text) {
                    self.room.trouble(&format!("not mirrored: {error}"));
                }
                self.room.said(text, sequence, Instant::now());
            }
            // A signal came before there was room.
            Ok(None) => {}
            Err(Failure::Settings(why)) => self.room.not_said(text, &why),
            Err(failure) => return Err(failure),
        }
        Ok(())
    }
}
