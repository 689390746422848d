//! `groupcast pipe`: a member for programs in any language, by lines of JSON in and out.

mod confirming;
pub(crate) mod options;
mod said;

use core::time::Duration;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Instant;

use groupcast::sign::SigningKey;
use groupcast::{Event, SendError, Sequence};
use serde::Serialize;

use crate::options::Common;
use crate::output::Output;
use crate::output::json;
use crate::process::failure::Failure;
use crate::process::lines::{self, Line};
use crate::process::signal;
use crate::session::delivery::{Delivery, Known, LINGER};
use crate::session::trust::{self, Filter};
use crate::session::{Heard, Session, builder, say_summary};
use options::Pipe;

use confirming::Confirming;
use said::Said;

/// The longest line: the largest message, each byte of it escaped.
const LONGEST: usize = 2 * 1024 * 1024;

/// Lines that wait to be read at most; the rest waits in the pipe.
const WAITING: usize = 16;

/// How long those who are there may take to say so before the first line is sent: most do.
const GREETING: Duration = Duration::from_millis(300);

/// How long to wait for a line before looking at the network again.
const PAUSE: Duration = Duration::from_millis(10);

/// How long to wait at once for room to send.
const NO_ROOM: Duration = Duration::from_millis(1);

/// Lines sent, and events taken, in one go.
const BATCH: usize = 256;

/// What is told of lines, and of this member.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Told<'a> {
    /// This member has joined.
    Ready {
        group: String,
        sender: String,
        session: String,
        sealed: bool,
    },
    /// The line has become a message that is on its way.
    Queued { line: u64, sequence: u32 },
    /// The line has not become a message.
    Error { line: u64, error: &'a str },
    /// Those who were to have the line's message have it.
    Confirmed {
        line: u64,
        sequence: u32,
        by: &'a [String],
    },
    /// They do not, in time.
    Unconfirmed {
        line: u64,
        sequence: u32,
        by: &'a [String],
    },
}

pub(crate) fn run(common: &Common, options: &Pipe) -> Result<(), Failure> {
    let trusted = trust::trusted(options.trust.as_deref())?;
    let key = trust::signing_key(options.sign_key.as_deref())?;
    let builder = builder(common, options.limits)?.join_at(options.join);
    let output = Output::queued(true)?;
    let session = Session::join(common, builder)?;
    let mut pipe = Pipeline {
        input: None,
        output,
        filter: Filter::new(trusted.as_ref()),
        key,
        confirming: Confirming::new(options.timeout),
        begin: Instant::now() + GREETING,
        number: 0,
        held: None,
        last: None,
        is_over: false,
        refused: 0,
        unconfirmed: 0,
        has_arrived: false,
        is_unsure: false,
        session,
    };
    let done = pipe.run();
    pipe.close(common.verbose, done)
}

/// A member between two streams of lines.
struct Pipeline<'t> {
    session: Session,
    /// The lines, once this member has looked round.
    input: Option<Receiver<std::io::Result<Line>>>,
    output: Output,
    filter: Filter<'t>,
    key: Option<SigningKey>,
    confirming: Confirming,
    begin: Instant,
    /// Of the line that was read last.
    number: u64,
    /// What that line says, while there is no room to send it.
    held: Option<Said>,
    /// The sequence number of the last message that can be confirmed.
    last: Option<Sequence>,
    /// No more lines come.
    is_over: bool,
    refused: u64,
    unconfirmed: u64,
    /// All that was sent is known to have arrived.
    has_arrived: bool,
    /// Some of it was of a class that nobody confirms.
    is_unsure: bool,
}

impl Pipeline<'_> {
    fn run(&mut self) -> Result<(), Failure> {
        self.tell(&Told::Ready {
            group: self.session.member.group().to_string(),
            sender: self.session.member.id().to_string(),
            session: self.session.member.session().to_string(),
            sealed: self.session.member.is_sealed(),
        })?;
        // Since when all is sent, after a signal.
        let mut sent: Option<Instant> = None;
        loop {
            if self.output.is_full() {
                if signal::end_requested() {
                    return Ok(());
                }
                self.session.stay(&mut self.output)?;
                continue;
            }
            if signal::end_requested() {
                // No more lines are read; those that were are still confirmed.
                self.is_over = true;
                if self.session.member.unsent() == 0
                    && sent.get_or_insert_with(Instant::now).elapsed() >= LINGER
                {
                    return Ok(());
                }
            }
            let heard = self.hear()?;
            let pause = self.speak()?;
            self.confirm(Instant::now())?;
            self.output.flush()?;
            if self.is_over && self.confirming.is_empty() {
                return self.settle();
            }
            if heard != Heard::Some && !pause.is_zero() {
                self.session.pause(heard, pause)?;
            }
        }
    }

    /// Takes what has happened, or some of it.
    fn hear(&mut self) -> Result<Heard, Failure> {
        let Self {
            session,
            output,
            filter,
            confirming,
            ..
        } = self;
        session.hear(BATCH, |event| {
            if let Event::Confirmed(member) = event {
                confirming.has(member.id());
            }
            output.event(event, filter.judge(event))
        })
    }

    /// Takes lines, as far as there is room for what they say. How long to wait then.
    fn speak(&mut self) -> Result<Duration, Failure> {
        if self.is_over || Instant::now() < self.begin {
            return Ok(PAUSE);
        }
        for _ in 0..BATCH {
            let said = match self.held.take() {
                Some(said) => said,
                None => match self.line()? {
                    Some(Ok(said)) => said,
                    Some(Err(why)) => {
                        self.refuse(&why)?;
                        continue;
                    }
                    None => return Ok(PAUSE),
                },
            };
            if !self.say(said)? {
                return Ok(NO_ROOM);
            }
        }
        Ok(Duration::ZERO)
    }

    fn input(&mut self) -> &Receiver<std::io::Result<Line>> {
        self.input
            .get_or_insert_with(|| lines::read_of(WAITING, LONGEST))
    }

    /// What the next line says, or what is wrong with it; `None` if none is there.
    fn line(&mut self) -> Result<Option<Result<Said, String>>, Failure> {
        let line = match self.input().try_recv() {
            Ok(line) => line,
            Err(empty) => {
                self.is_over = empty == TryRecvError::Disconnected;
                return Ok(None);
            }
        };
        let line = line.map_err(lines::unreadable)?;
        self.number += 1;
        Ok(Some(if line.is_whole() {
            Said::read(&line.octets)
        } else {
            Err(format!(
                "the line has {} bytes, more than any message needs; split it",
                line.len
            ))
        }))
    }

    /// Queues the message of the line that was read last. `false`: there is no room, and it is held.
    fn say(&mut self, said: Said) -> Result<bool, Failure> {
        let member = &mut self.session.member;
        let queued = match &self.key {
            Some(key) => member.try_queue_signed(said.channel, &said.payload, key),
            None => member.try_queue(said.channel, &said.payload),
        };
        match queued {
            Ok(sequence) => {
                let line = self.number;
                if said.channel.class().is_reliable() {
                    self.last = Some(sequence);
                } else {
                    self.is_unsure = true;
                }
                if let Some(who) = said.confirm {
                    self.confirming
                        .wait_for(line, sequence, who, Instant::now());
                }
                self.tell(&Told::Queued {
                    line,
                    sequence: sequence.get(),
                })?;
                Ok(true)
            }
            Err(SendError::QueueFull) => {
                self.held = Some(said);
                Ok(false)
            }
            Err(error) => {
                self.refuse(&error.to_string())?;
                Ok(true)
            }
        }
    }

    fn refuse(&mut self, why: &str) -> Result<(), Failure> {
        self.refused += 1;
        self.tell(&Told::Error {
            line: self.number,
            error: why,
        })
    }

    /// Tells what became of lines that were to be confirmed, and asks for others.
    fn confirm(&mut self, now: Instant) -> Result<(), Failure> {
        let takers = self.session.member.peers();
        let takers = takers.filter(|member| member.takes_reliable());
        let there: Vec<_> = takers.map(|member| member.id()).collect();
        for (line, sequence, by) in self.confirming.decided(&there, now) {
            let sequence = sequence.get();
            let (is_confirmed, by) = match &by {
                Ok(by) => (true, by),
                Err(by) => (false, by),
            };
            let by = &by[..];
            if is_confirmed {
                self.tell(&Told::Confirmed { line, sequence, by })?;
            } else {
                self.unconfirmed += 1;
                self.tell(&Told::Unconfirmed { line, sequence, by })?;
            }
        }
        if let Some(messages) = self.confirming.ask(&there, now) {
            self.session.member.confirm(messages);
        }
        Ok(())
    }

    /// After the last line: stays until everybody who is there has what was said, within limits.
    fn settle(&mut self) -> Result<(), Failure> {
        let Some(last) = self.last else {
            return Ok(());
        };
        let Self {
            session,
            output,
            filter,
            ..
        } = self;
        let mut written = Ok(());
        let known = Delivery::new(None).settle(session, last.into(), None, |event| {
            let line = output.event(event, filter.judge(event));
            written = core::mem::replace(&mut written, Ok(())).and(line);
        })?;
        self.has_arrived = known == Known::Arrived && !self.is_unsure;
        written?;
        self.output.flush()
    }

    fn tell(&mut self, told: &Told<'_>) -> Result<(), Failure> {
        self.output.put(&json::now(told))
    }

    /// Answers the lines that have no answer yet, leaves, and says how it went.
    fn close(mut self, verbose: bool, done: Result<(), Failure>) -> Result<(), Failure> {
        let mut unread = Ok(());
        let answered = done.and_then(|()| {
            let waiting = u64::from(self.held.take().is_some());
            if waiting > 0 {
                let (line, error) = (self.number, "the program was ended before this was sent");
                self.tell(&Told::Error { line, error })?;
            }
            if signal::end_requested() {
                let taken = self.number - waiting;
                unread = lines::check_rest(taken, self.input(), waiting);
            }
            for (line, sequence, by) in self.confirming.rest() {
                let sequence = sequence.get();
                self.unconfirmed += 1;
                let by = &by[..];
                self.tell(&Told::Unconfirmed { line, sequence, by })?;
            }
            self.output.flush()
        });
        // Whoever reads late does not keep this member in the group.
        let left = self.session.leave();
        if let (true, Ok(left)) = (verbose, &left) {
            say_summary(&left.counters);
        }
        let written = self.output.finish();
        answered?;
        written?;
        // Repairs made up for what was refused long before a signal.
        let is_repaired = signal::end_requested() && !self.is_unsure;
        left?.check(self.has_arrived || is_repaired)?;
        unread?;
        if self.refused > 0 {
            return Err(Failure::Settings(format!(
                "{} of {} lines were not sent; a line with \"event\":\"error\" tells why of each",
                self.refused, self.number
            )));
        }
        if self.unconfirmed > 0 {
            return Err(Failure::Unmet(format!(
                "{} of {} lines were not confirmed in time by those who were to have them",
                self.unconfirmed, self.number
            )));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;
    use std::collections::BTreeSet;

    /// The lines of the page's section about the pipe.
    fn documented() -> (Vec<&'static str>, Vec<Value>) {
        let page = include_str!("../JSON.md");
        let (_, section) = page.split_once("## `groupcast pipe`").unwrap();
        let (section, _) = section.split_once("\n## ").unwrap();
        let lines = section.lines().filter(|line| line.starts_with('{'));
        let (out, input): (Vec<&str>, Vec<&str>) = lines.partition(|l| l.contains("\"event\""));
        let out = out.iter().map(|l| serde_json::from_str(l).unwrap());
        (input, out.collect())
    }

    fn fields(line: &Value) -> BTreeSet<&String> {
        line.as_object().unwrap().keys().collect()
    }

    #[test]
    fn the_page_shows_every_line_of_the_pipe() {
        let (input, out) = documented();
        assert_eq!(input.len(), 3);
        for line in input {
            Said::read(line.as_bytes()).unwrap();
        }
        let by = &[String::new()][..];
        let (line, sequence) = (1, 0);
        let told = [
            Told::Ready {
                group: String::new(),
                sender: String::new(),
                session: String::new(),
                sealed: false,
            },
            Told::Queued { line, sequence },
            Told::Error {
                line,
                error: &Said::read(br#"{"txt":"a"}"#).unwrap_err(),
            },
            Told::Confirmed { line, sequence, by },
            Told::Unconfirmed { line, sequence, by },
        ];
        assert_eq!(told.len(), out.len());
        for (told, shown) in told.iter().zip(&out) {
            let told: Value = serde_json::from_str(&json::now(told)).unwrap();
            assert_eq!(told["event"], shown["event"]);
            assert_eq!(told["error"], shown["error"]);
            assert_eq!(fields(&told), fields(shown));
        }
    }
}
