//! The chat line by line: standard input to the group, the group to standard output.

use std::io::{IsTerminal, stdin};
use std::sync::mpsc::TryRecvError;

use groupcast::{Channel, Event, Raw};

use super::PAUSE;
use super::mirror::Mirror;
use super::people::{People, Presence};
use crate::delivery::{Delivery, Known};
use crate::failure::Failure;
use crate::leaving::LeaveBy;
use crate::lines::{self, Line};
use crate::options::Common;
use crate::output::Output;
use crate::session::Session;
use crate::signal;
use crate::trust::Show;

/// Lines sent in one go, if they are there.
const BATCH: usize = 64;

/// Talks until standard input ends or a signal comes.
pub(crate) fn talk(
    session: &mut Session,
    channel: Channel,
    mirror: &Mirror,
    screen: &mut Screen,
    leave_by: &LeaveBy,
) -> Result<Known, Failure> {
    let mut delivery = Delivery::new(None);
    let lines = lines::read();
    let (mut last, mut number, mut waiting, mut refused) = (None, 0, 0, 0);
    let mut ended = false;
    while !ended && !signal::end_requested() {
        if screen.output.is_full() {
            session.stay(&mut screen.output)?;
            continue;
        }
        for _ in 0..BATCH {
            match lines.try_recv() {
                Ok(line) => {
                    let line = line.map_err(lines::unreadable)?;
                    let said = match say(session, channel, &line, screen, mirror) {
                        Err(Failure::Settings(why)) => {
                            refused += 1;
                            aside!("groupcast: line {} is not sent: {why}", number + 1);
                            None
                        }
                        said => {
                            let said = said?;
                            if said.is_none() && line.len > 0 {
                                // A signal came.
                                waiting = 1;
                                break;
                            }
                            said
                        }
                    };
                    last = said.or(last);
                    number += 1;
                }
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => {
                    ended = true;
                    break;
                }
            }
        }
        session.keep_up(|event| screen.show(event));
        screen.check()?;
        if !ended {
            session.attend(PAUSE, |event| screen.show(event))?;
        }
    }
    let mut known = Known::Nothing;
    if let Some(last) = last.filter(|_| !signal::end_requested()) {
        let leave_by = leave_by.get();
        known = delivery.settle(session, (last, last), leave_by, |event| screen.show(event))?;
    }
    if !ended {
        lines::check_rest(number, &lines, waiting)?;
    }
    screen.check()?;
    // Whoever types has seen it.
    if stdin().is_terminal() {
        return Ok(known);
    }
    lines::check_refused(refused, number).map(|()| known)
}

/// Says a line; `None` if there is nothing to say, or if a signal came before there was room.
fn say(
    session: &mut Session,
    channel: Channel,
    line: &Line,
    screen: &mut Screen,
    mirror: &Mirror,
) -> Result<Option<u32>, Failure> {
    if line.len == 0 {
        return Ok(None);
    }
    let text = line.whole(session.limit(channel.class()))?;
    let said = session.say(channel, text, None, |event| screen.show(event))?;
    if said.is_some()
        && let Err(error) = mirror.send(session, &String::from_utf8_lossy(text))
    {
        aside!("groupcast: not mirrored: {error}");
    }
    Ok(said)
}

/// Where the others are heard.
pub(crate) struct Screen {
    output: Output,
    failure: Option<Failure>,
    people: People,
    /// Whether all there is is shown, for programs.
    all: bool,
}

impl Screen {
    pub(crate) fn new(common: &Common, channel: Channel) -> Result<Self, Failure> {
        Ok(Self {
            output: Output::queued(common.json)?.usual(channel),
            failure: None,
            people: People::default(),
            all: common.json,
        })
    }

    /// Waits until all is written.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        self.output.finish()
    }

    fn show(&mut self, event: &Event<'_>) {
        match event {
            Event::Joined(member) | Event::Restarted(member) => {
                self.people.note((*member).into(), Presence::Here);
            }
            Event::Left(member) => self.people.note((*member).into(), Presence::Left),
            Event::Lost(member) => self.people.note((*member).into(), Presence::Lost),
            _ => {}
        }
        // What a member says in a message, too, people see once.
        let mirrors = |raw: &Raw<'_>| {
            let text = raw.text().unwrap_or_default();
            self.people.mirrors(raw.address(), text)
        };
        let is_double = matches!(event, Event::Raw(raw) if mirrors(raw));
        if self.failure.is_none() && (self.all || !is_double) {
            self.failure = self.output.event(event, Show::Yes).err();
        }
    }

    /// Writes what was shown, and tells whether that was possible.
    fn check(&mut self) -> Result<(), Failure> {
        let flushed = self.output.flush();
        self.failure.take().map_or(flushed, Err)
    }
}
