//! `groupcast send`: words, a file, or standard input line by line.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::mpsc::RecvTimeoutError;

use core::time::Duration;

use groupcast::{Channel, SendError};

use crate::bare::Bare;
use crate::escape::escaped;
use crate::failure::Failure;
use crate::lines::{self, Line};
use crate::options::{Common, Send};
use crate::session::{Session, say_summary};
use crate::signal;

/// More than any message can have: so much of a file is read to say how long it is.
const TOO_MUCH: u64 = 1 << 20;

/// How long to wait for a line before looking at the network again.
const PAUSE: Duration = Duration::from_millis(20);

/// Lines sent in one go, if they are there.
const BATCH: usize = 256;

pub(crate) fn run(common: &Common, options: &Send) -> Result<(), Failure> {
    let message = match &options.file {
        Some(path) => read(path)?,
        None => options.text.join(" ").into_bytes(),
    };
    let mut mouth = Mouth::open(common, options)?;
    let said = if options.lines {
        say_lines(&mut mouth)
    } else {
        mouth.say(&message).map(|()| mouth.keep_up())
    };
    let closed = mouth.close(common.verbose);
    said.and(closed)
}

/// What messages are sent with.
enum Mouth {
    Member(Box<Session>, Channel),
    Bare(Box<Bare>),
}

impl Mouth {
    fn open(common: &Common, options: &Send) -> Result<Self, Failure> {
        Ok(if options.raw {
            Self::Bare(Box::new(Bare::open(common)?))
        } else {
            let session = Session::join(common)?;
            Self::Member(Box::new(session), Channel::best_effort(options.channel))
        })
    }

    /// Sends a message; messages said before the next [`keep_up`](Self::keep_up) share datagrams.
    fn say(&mut self, message: &[u8]) -> Result<(), Failure> {
        match self {
            Self::Member(session, channel) => {
                Ok(session.member.queue(*channel, message).map(|_| ())?)
            }
            Self::Bare(bare) => bare.send(message),
        }
    }

    fn keep_up(&mut self) {
        if let Self::Member(session, _) = self {
            session.keep_up();
        }
    }

    fn limit(&self) -> usize {
        match self {
            Self::Member(session, channel) => session.member.max_message(channel.class()),
            Self::Bare(_) => Bare::LIMIT,
        }
    }

    /// Leaves, and says whether anything was lost on the way out.
    fn close(self, verbose: bool) -> Result<(), Failure> {
        let Self::Member(session, _) = self else {
            return Ok(());
        };
        let (counters, trouble) = session.leave()?;
        if verbose {
            eprintln!(
                "sent {} messages in {} datagrams, {} bytes",
                counters.messages_sent, counters.datagrams_sent, counters.octets_sent
            );
            say_summary(&counters);
        }
        match trouble {
            Some(trouble) if counters.send_failures > 0 => Err(Failure::Trouble(format!(
                "{} of {} datagrams were not sent: {trouble}",
                counters.send_failures, counters.datagrams_sent
            ))),
            _ => Ok(()),
        }
    }
}

/// Reads a file that is to be a message.
fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut content = Vec::new();
    File::open(path)
        .and_then(|file| file.take(TOO_MUCH).read_to_end(&mut content))
        .map_err(|error| {
            let path = path.display().to_string();
            Failure::Settings(format!(
                "cannot read {}: {error}; name a file that can be read",
                escaped(&path)
            ))
        })?;
    Ok(content)
}

/// Sends standard input line by line, and takes part in the group meanwhile.
fn say_lines(mouth: &mut Mouth) -> Result<(), Failure> {
    let lines = lines::read();
    let (mut number, mut refused) = (0_u64, 0_u64);
    while !signal::end_requested() {
        let first = match lines.recv_timeout(PAUSE) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => break,
        };
        for line in first.into_iter().chain(lines.try_iter().take(BATCH)) {
            number += 1;
            let line = line.map_err(|error| {
                Failure::Trouble(format!("cannot read standard input: {error}"))
            })?;
            match say_line(mouth, &line) {
                Ok(()) => {}
                Err(Failure::Settings(why)) => {
                    refused += 1;
                    eprintln!("groupcast: line {number} is not sent: {why}");
                }
                Err(failure) => return Err(failure),
            }
        }
        mouth.keep_up();
    }
    if refused > 0 {
        return Err(Failure::Settings(format!(
            "{refused} of {number} lines were not sent"
        )));
    }
    Ok(())
}

fn say_line(mouth: &mut Mouth, line: &Line) -> Result<(), Failure> {
    if line.is_whole() {
        return mouth.say(&line.octets);
    }
    let limit = mouth.limit();
    let len = line.len;
    Err(SendError::TooLong { len, limit }.into())
}
