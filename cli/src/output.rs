//! Standard output: a line for everything that happens, written as soon as nothing else is to do.

use std::io::{BufWriter, Stdout, Write, stdout};

use groupcast::{Channel, Event};
use serde::Serialize;

use crate::choices::class_name;
use crate::escape::escaped;
use crate::failure::Failure;
use crate::json;
use crate::trust::Show;

/// Lines that come faster than this many octets fill are written together: a burst of messages must
/// not be lost while line after line is written.
const BUFFER: usize = 64 * 1024;

/// Where results go, as lines for people or as JSON.
#[derive(Debug)]
pub(crate) struct Output {
    stdout: BufWriter<Stdout>,
    json: bool,
    /// Messages of this channel are shown without saying so.
    usual: Channel,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self {
            stdout: BufWriter::with_capacity(BUFFER, stdout()),
            json,
            usual: Channel::default(),
        }
    }

    /// Shows messages of this channel without saying so, for people.
    pub(crate) const fn usual(mut self, channel: Channel) -> Self {
        self.usual = channel;
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
        let line = if self.json {
            json::event(event, show)
        } else {
            human(event, show, self.usual)
        };
        line.map_or(Ok(()), |line| self.put(&line))
    }

    /// Writes what has not been written yet.
    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        self.stdout.flush().map_err(|error| Failure::output(&error))
    }

    fn put(&mut self, line: &str) -> Result<(), Failure> {
        writeln!(self.stdout, "{line}").map_err(|error| Failure::output(&error))
    }
}

/// The line about an event, for people.
fn human(event: &Event<'_>, show: Show<'_>, usual: Channel) -> Option<String> {
    match (show, event) {
        (Show::No | Show::Untrusted(_), _) => None,
        (Show::SignedBy(publisher), _) => {
            let line = signed(event, usual)?;
            Some(format!("[signed by {}{line}", escaped(publisher)))
        }
        (Show::Yes, Event::Message(message)) if message.is_signed() => {
            let line = plain(event, usual)?;
            Some(format!("[signed, not verified] {line}"))
        }
        (Show::Yes, _) => plain(event, usual),
    }
}

/// What stands behind the publisher's name. The message is signed, and its sender's id; the sender's name is not,
/// and anybody may take any.
fn signed(event: &Event<'_>, usual: Channel) -> Option<String> {
    let mut said = groupcast_std::Event::from(*event);
    let name = match &mut said {
        groupcast_std::Event::Message(message) => core::mem::take(&mut message.name),
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

/// The line about an event, without its signature.
fn plain(event: &Event<'_>, usual: Channel) -> Option<String> {
    let text = groupcast_std::Event::from(*event).to_string();
    marked(&text, event, usual)
}

/// The line that says this about an event: a message with its channel, and the rest with a star.
fn marked(text: &str, event: &Event<'_>, usual: Channel) -> Option<String> {
    let text = escaped(text);
    Some(match event {
        Event::Message(message) if message.channel() != usual => {
            let number = message.channel().number();
            match message.channel() {
                channel if channel.class() == usual.class() => format!("[{number}] {text}"),
                channel => format!("[{number} {}] {text}", class_name(channel)),
            }
        }
        Event::Message(_) | Event::Raw(_) => text.to_string(),
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
