//! Standard output: a line for everything that happens, written at once.

use std::io::{Stdout, Write, stdout};

use groupcast::Event;

use crate::escape::escaped;
use crate::failure::Failure;
use crate::json;

/// Where results go, as lines for people or as JSON.
#[derive(Debug)]
pub(crate) struct Output {
    stdout: Stdout,
    json: bool,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self {
            stdout: stdout(),
            json,
        }
    }

    /// Writes a line, and sees to it that it is read now.
    pub(crate) fn line(&mut self, line: &str) -> Result<(), Failure> {
        writeln!(self.stdout, "{line}")
            .and_then(|()| self.stdout.flush())
            .map_err(|error| Failure::output(&error))
    }

    /// Writes the line about an event, if there is one.
    pub(crate) fn event(&mut self, event: &Event<'_>) -> Result<(), Failure> {
        let line = if self.json {
            json::event(event)
        } else {
            human(event)
        };
        line.map_or(Ok(()), |line| self.line(&line))
    }
}

/// The line about an event, for people.
fn human(event: &Event<'_>) -> Option<String> {
    let text = groupcast_std::Event::from(*event).to_string();
    let text = escaped(&text);
    Some(match event {
        Event::Message(message) if message.channel().number() != 0 => {
            format!("[{}] {text}", message.channel().number())
        }
        Event::Message(_) | Event::Raw(_) => text.to_string(),
        Event::Joined(member)
        | Event::Left(member)
        | Event::Lost(member)
        | Event::Restarted(member) => {
            format!("* {text} ({} at {})", member.id(), member.address())
        }
        Event::DuplicateId(_) | Event::RosterFull { .. } => format!("* {text}"),
        _ => return None,
    })
}
