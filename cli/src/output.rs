//! Standard output: a line for everything that happens, written as soon as nothing else is to do.

pub(crate) mod chart;
pub(crate) mod json;
mod queue;
pub(crate) mod receipt;
pub(crate) mod show;

use core::time::Duration;
use std::io::{IsTerminal, Write, stdout};
use std::time::Instant;

use groupcast::{Channel, Class, Event};
use serde::Serialize;

use crate::process::clock::{self, Zone};
use crate::process::failure::Failure;
use crate::process::signal;
use crate::text::envelope;
use crate::text::escape::escaped;
use json::SHOWN;
use show::Show;

use queue::Queue;

/// Lines that come faster than this many bytes fill are written together: a burst of messages must
/// not be lost while line after line is written.
const BUFFER: usize = 64 * 1024;

/// Bytes that wait at most for whoever reads them: a reader that pauses for some seconds misses nothing.
const WAITING: usize = 8 * 1024 * 1024;

/// And of what is shown in hexadecimal.
const SHOWN_HEX: usize = 64;

/// How long the end may wait for the reader in silence.
const SILENCE: Duration = Duration::from_secs(1);

/// Where results go, as lines for people or as JSON.
#[derive(Debug)]
pub(crate) struct Output {
    /// What has not been handed on.
    lines: Vec<u8>,
    /// Where they go, if nobody is to wait for whoever reads.
    queue: Option<Queue>,
    /// Whether the queue is full, and whether that was said.
    is_full: bool,
    was_full: bool,
    json: bool,
    /// Messages of this channel are shown without saying so.
    usual: Channel,
    /// A terminal is not flooded by what somebody else says.
    is_terminal: bool,
    /// Lines begin with the time, here.
    zone: Option<Zone>,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self {
            lines: Vec::with_capacity(BUFFER),
            queue: None,
            is_full: false,
            was_full: false,
            json,
            usual: Channel::default(),
            is_terminal: stdout().is_terminal(),
            zone: None,
        }
    }

    /// As [`new`](Self::new), for members: lines wait in a queue, and whoever does not read them does not keep
    /// the member from answering. It ends with [`finish`](Self::finish).
    pub(crate) fn queued(json: bool) -> Result<Self, Failure> {
        let queue = Queue::new(stdout()).map_err(|error| Failure::output(&error))?;
        Ok(Self {
            queue: Some(queue),
            ..Self::new(json)
        })
    }

    /// Shows messages of this channel without saying so, for people.
    pub(crate) const fn usual(mut self, channel: Channel) -> Self {
        self.usual = channel;
        self
    }

    /// Begins lines about events with the time, for people.
    pub(crate) fn timed(mut self) -> Self {
        self.zone = Some(Zone::here());
        self
    }

    /// Writes a line now.
    pub(crate) fn line(&mut self, line: &str) -> Result<(), Failure> {
        self.put(line)?;
        self.flush()
    }

    /// Writes an object as a line of JSON now.
    pub(crate) fn json(&mut self, object: &impl Serialize) -> Result<(), Failure> {
        let line = serde_json::to_string(object).expect("names and numbers can be written");
        self.line(&line)
    }

    /// Writes what is to be shown of an event, if that is a line, now or with the next
    /// [`flush`](Self::flush).
    pub(crate) fn event(&mut self, event: &Event<'_>, show: Show<'_>) -> Result<(), Failure> {
        self.kept(event, show, None)
    }

    /// As [`event`](Self::event), of a message that is kept in this file.
    pub(crate) fn kept(
        &mut self,
        event: &Event<'_>,
        show: Show<'_>,
        file: Option<&str>,
    ) -> Result<(), Failure> {
        let is_short = self.is_terminal || file.is_some();
        let line = if self.json {
            json::event(event, show, is_short, file)
        } else {
            human(event, show, self.usual, is_short, file).map(|line| match &self.zone {
                Some(zone) => format!("{} {line}", zone.whole(clock::millis())),
                None => line,
            })
        };
        line.map_or(Ok(()), |line| self.put(&line))
    }

    /// Writes what has not been written yet, or has it written.
    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        let written = match &self.queue {
            Some(queue) => queue.push(&mut self.lines),
            None => {
                let mut stdout = stdout().lock();
                let written = stdout.write_all(&self.lines);
                self.lines.clear();
                written.and_then(|()| stdout.flush())
            }
        };
        written.map_err(|error| Failure::output(&error))
    }

    /// Whether so much waits to be read that no more is to be taken. Once it is so, it stays so until half of
    /// that is read.
    pub(crate) fn is_full(&mut self) -> bool {
        let Some(queue) = &self.queue else {
            return false;
        };
        let most = if self.is_full { WAITING / 2 } else { WAITING };
        self.is_full = queue.len() > most;
        if self.is_full && !self.was_full {
            self.was_full = true;
            aside!(
                "groupcast: nobody reads standard output: {} MiB wait, and no more is taken until they are read; \
                 what is missed of reliable streams is told as a gap",
                WAITING / (1024 * 1024)
            );
        }
        self.is_full
    }

    /// Waits until there is room again, for `limit` at most.
    pub(crate) fn wait_for_room(&self, limit: Duration) {
        if let Some(queue) = &self.queue {
            queue.wait(WAITING / 2, limit);
        }
    }

    /// Waits until all is written.
    pub(crate) fn finish(mut self) -> Result<(), Failure> {
        self.flush()?;
        let begun = Instant::now();
        let mut is_said = false;
        while self
            .queue
            .as_ref()
            .is_some_and(|queue| !queue.wait(0, signal::LOOK))
        {
            if !is_said && signal::end_requested() && begun.elapsed() >= SILENCE {
                is_said = true;
                aside!(
                    "groupcast: waiting for whoever reads standard output; Ctrl-C again ends it"
                );
            }
        }
        self.flush()
    }

    /// Writes a line, now or with the next [`flush`](Self::flush).
    pub(crate) fn put(&mut self, line: &str) -> Result<(), Failure> {
        self.lines.extend_from_slice(line.as_bytes());
        self.lines.push(b'\n');
        if self.lines.len() >= BUFFER {
            self.flush()?;
        }
        Ok(())
    }
}

/// The line about an event, for people.
fn human(
    event: &Event<'_>,
    show: Show<'_>,
    usual: Channel,
    is_short: bool,
    file: Option<&str>,
) -> Option<String> {
    let mut said = of(event);
    let rest = match &mut said {
        groupcast_std::OwnedEvent::Message(message) => shorten(&mut message.payload, is_short),
        groupcast_std::OwnedEvent::Raw(raw) => shorten(&mut raw.payload, is_short),
        _ => None,
    };
    let line = match (show, event) {
        (Show::No | Show::Untrusted(_), _) => None,
        (_, Event::Message(said)) if envelope::is_note(said.channel(), said.payload()) => None,
        (Show::SignedBy(publisher), _) => {
            let line = signed(said, event, usual)?;
            Some(format!("[signed by {}{line}", escaped(publisher)))
        }
        (Show::Yes, Event::Message(message)) if message.is_signed() => {
            let line = marked(&said.to_string(), event, usual)?;
            Some(format!("[signed, not verified] {line}"))
        }
        (Show::Yes, _) => marked(&said.to_string(), event, usual),
    };
    let line = line?;
    Some(match (rest, file) {
        (None, None) => line,
        (Some(bytes), None) => format!("{line}… ({bytes} bytes; --save DIR keeps them)"),
        (None, Some(file)) => format!("{line} ({})", escaped(file)),
        (Some(bytes), Some(file)) => format!("{line}… ({bytes} bytes: {})", escaped(file)),
    })
}

/// Leaves the beginning of a long payload. How many bytes it had, then.
fn shorten(payload: &mut Vec<u8>, is_short: bool) -> Option<usize> {
    let all = payload.len();
    let shown = match core::str::from_utf8(payload) {
        Ok(text) => (0..=SHOWN.min(all))
            .rfind(|at| text.is_char_boundary(*at))
            .unwrap_or(0),
        Err(_) => SHOWN_HEX.min(all),
    };
    if !is_short || shown >= all {
        return None;
    }
    payload.truncate(shown);
    Some(all)
}

/// What stands behind the publisher's name. The message is signed, and its sender's id; the sender's name is not,
/// and anybody may take any.
fn signed(
    mut said: groupcast_std::OwnedEvent,
    event: &Event<'_>,
    usual: Channel,
) -> Option<String> {
    let name = match &mut said {
        groupcast_std::OwnedEvent::Message(message) => {
            let name = message.name().to_owned();
            message.peer = None;
            name
        }
        _ => String::new(),
    };
    let line = marked(&said.to_string(), event, usual)?;
    Some(if name.is_empty() {
        format!("] {line}")
    } else {
        // In quotes, with those in it escaped, it cannot look like anything else.
        format!("; unsigned name {}] {line}", escaped(&format!("{name:?}")))
    })
}

/// What happened, of a line of a chat the text.
fn of(event: &Event<'_>) -> groupcast_std::OwnedEvent {
    let mut happened = groupcast_std::OwnedEvent::from(*event);
    if let groupcast_std::OwnedEvent::Message(message) = &mut happened {
        let len = envelope::open_payload(&message.payload).0.len();
        message.payload.truncate(len);
    }
    happened
}

/// Whether each message counts for itself. For whoever reads, the others are values, of which a newer one takes the
/// place of an older one: their class is shown.
fn is_said_once(channel: Channel) -> bool {
    !matches!(channel.class(), Class::Latest | Class::State)
}

/// The line that says this about an event: a message with its channel, and the rest with a star.
fn marked(text: &str, event: &Event<'_>, usual: Channel) -> Option<String> {
    let text = escaped(text);
    Some(match event {
        Event::Message(message) => {
            let channel = message.channel();
            let number = channel.number();
            if is_said_once(channel) {
                if number == usual.number() {
                    text.to_string()
                } else {
                    format!("[{number}] {text}")
                }
            } else {
                format!("[{number} {}] {text}", channel.class())
            }
        }
        Event::Raw(_) => text.to_string(),
        Event::Joined(member)
        | Event::Left(member)
        | Event::Lost(member)
        | Event::Restarted(member) => {
            format!("* {text} ({} at {})", member.id(), member.address())
        }
        Event::Gap(_)
        | Event::DuplicateId(_)
        | Event::RosterFull { .. }
        | Event::RotateKey { .. } => format!("* {text}"),
        _ => return None,
    })
}
