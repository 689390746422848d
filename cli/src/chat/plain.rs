//! The chat line by line: standard input to the group, the group to standard output.

use std::io::{IsTerminal, stdin};
use std::sync::mpsc::TryRecvError;

use groupcast::{Channel, Event};

use super::history::Entry;
use super::line::{dated, line};
use super::options::Chat;
use super::talk::{Became, PAUSE, Talk};
use crate::options::Common;
use crate::output::Output;
use crate::output::show::Show;
use crate::process::clock::Moment;
use crate::process::failure::Failure;
use crate::process::lines::{self, Line};
use crate::process::signal;
use crate::session::Session;
use crate::session::delivery::{Delivery, Known};
use crate::session::leaving::LeaveBy;
use crate::text::escape::escaped;

/// Lines sent in one go, if they are there.
const BATCH: usize = 64;

/// Talks until standard input ends or a signal comes.
pub(crate) fn talk(
    session: &mut Session,
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
                    match screen.enter(session, &line)? {
                        Became::Said(sequence) => last = Some(sequence),
                        Became::Done => {}
                        Became::NotSaid(why) => {
                            let line = number + 1;
                            aside!("groupcast: line {line} is not sent: {}", escaped(&why));
                            refused += 1;
                        }
                        Became::Waiting => {
                            waiting = 1;
                            break;
                        }
                        Became::Quit => ended = true,
                    }
                    number += 1;
                    if ended {
                        break;
                    }
                }
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => {
                    ended = true;
                    break;
                }
            }
        }
        session.keep_up(|event| screen.show(event));
        screen.attend(session)?;
        if !ended {
            session.attend(PAUSE, |event| screen.show(event))?;
        }
    }
    let mut known = Known::Nothing;
    if let Some(last) = last.filter(|_| !signal::end_requested()) {
        let leave_by = leave_by.get();
        known = delivery.settle(session, last.into(), leave_by, |event| screen.show(event))?;
    }
    if !ended {
        lines::check_rest(number, &lines, waiting)?;
    }
    screen.talk.end_gathering(session);
    screen.attend(session)?;
    // A person has seen it.
    if stdin().is_terminal() {
        return Ok(known);
    }
    lines::check_refused(refused, number).map(|()| known)
}

/// Where the others are heard.
pub(crate) struct Screen {
    talk: Talk,
    output: Output,
    failure: Option<Failure>,
    /// The number of the first entry that is not written.
    next: u64,
    /// Whether all there is is shown, for programs.
    json: bool,
    /// Whether each line has its time.
    time: bool,
}

impl Screen {
    pub(crate) fn new(
        common: &Common,
        options: &Chat,
        channel: Channel,
        talk: Talk,
    ) -> Result<Self, Failure> {
        Ok(Self {
            talk,
            output: Output::queued(common.json)?.usual(channel),
            failure: None,
            next: 0,
            json: common.json,
            time: options.time,
        })
    }

    /// Waits until all is written.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        self.output.finish()
    }

    /// Says or does what a line says.
    fn enter(&mut self, session: &mut Session, line: &Line) -> Result<Became, Failure> {
        if line.len == 0 {
            return Ok(Became::Done);
        }
        let octets = match line.whole(self.talk.limit(session)) {
            Ok(octets) => octets,
            Err(Failure::Settings(why)) => return Ok(Became::NotSaid(why)),
            Err(failure) => return Err(failure),
        };
        let became = match core::str::from_utf8(octets) {
            Ok(text) => self.talk.enter(session, text),
            Err(_) => self.talk.say(session, octets),
        };
        self.write();
        became
    }

    fn show(&mut self, event: &Event<'_>) {
        self.talk.happened(event);
        if self.json && self.failure.is_none() {
            self.failure = self.output.event(event, Show::Yes).err();
        }
        self.write();
    }

    /// Does what is due, writes what is there, and tells whether that was possible.
    fn attend(&mut self, session: &mut Session) -> Result<(), Failure> {
        self.talk.attend(session, Moment::now());
        self.write();
        let flushed = self.output.flush();
        self.failure.take().map_or(flushed, Err)
    }

    /// Writes what has come into the history: answers to what was entered beside the results.
    fn write(&mut self) {
        let (room, numbers) = (&self.talk.room, self.talk.room.history.numbers());
        for number in self.next.max(numbers.start)..numbers.end {
            let text = if self.time { dated } else { line };
            match (room.history.entry(number), text(room, number)) {
                (None | Some(Entry::Own { .. }), _) | (_, None) => {}
                (Some(Entry::Local { text }), _) => aside!("{}", escaped(text)),
                (Some(_), Some(line)) if !self.json && self.failure.is_none() => {
                    self.failure = self.output.put(&line).err();
                }
                (Some(_), Some(_)) => {}
            }
        }
        self.next = numbers.end;
    }
}
