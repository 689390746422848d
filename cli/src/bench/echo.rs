//! The far end of `groupcast bench latency`: it answers each message with the same.

use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::thread;
use std::time::Instant;

use groupcast::{Event, MemberId, SendError};

use super::floor::{LONGEST, Plain, receive};
use super::meeting::{self, Word};
use super::options::Latency;
use super::payload;
use super::pin::{Processor, pin};
use super::sender::interrupted;
use crate::options::Common;
use crate::process::failure::Failure;
use crate::process::signal;
use crate::session::Session;

/// How long the near end may take to come, and to say something.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long to wait at once.
const PAUSE: Duration = Duration::from_millis(20);

pub(super) fn run(common: &Common, options: &Latency) -> Result<(), Failure> {
    pin(Processor::Second);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let plain = scope.spawn(|| echo_plain(common, &done));
        let members =
            meeting::join(common, &options.how).and_then(|session| echo_members(session, options));
        done.store(true, Ordering::Relaxed);
        let plain = plain
            .join()
            .unwrap_or_else(|_| Err(Failure::Trouble("the plain sockets stopped".to_owned())));
        members.and(plain)
    })
}

/// Answers on plain sockets until it is done.
fn echo_plain(common: &Common, done: &AtomicBool) -> Result<(), Failure> {
    let ear = Plain::new(common, 1)?.ear()?;
    let back = Plain::new(common, 2)?;
    let mouth = back.mouth()?;
    let mut buffer = vec![0; LONGEST];
    while !done.load(Ordering::Relaxed) {
        if let Some((len, _)) = receive(&ear, &mut buffer)? {
            back.send(&mouth, &buffer[..len])?;
        }
    }
    Ok(())
}

/// Answers as a member until the near end says that it is over.
fn echo_members(session: Session, options: &Latency) -> Result<(), Failure> {
    let mut session = session;
    let channel = meeting::data(&options.how);
    let mut near: Option<MemberId> = None;
    let mut message = Vec::new();
    let mut heard = Instant::now();
    loop {
        let mut answers = false;
        match session.member.poll()? {
            Some(Event::Message(said)) if said.channel() == Word::CHANNEL => {
                match Word::read(said.payload()) {
                    Some(Word::Start) => near = Some(said.sender()),
                    Some(Word::End { .. }) if near == Some(said.sender()) => break,
                    _ => {}
                }
            }
            Some(Event::Message(said)) if near == Some(said.sender()) => {
                // What is damaged has no answer.
                answers = payload::number(said.payload()).is_some();
                message.clear();
                message.extend_from_slice(said.payload());
            }
            Some(Event::Left(member) | Event::Lost(member)) if near == Some(member.id()) => break,
            Some(_) => {}
            None => {
                if signal::end_requested() {
                    return Err(interrupted());
                }
                if heard.elapsed() > PATIENCE {
                    return Err(Failure::Unmet("nobody sent anything".to_owned()));
                }
                session.member.wait(PAUSE)?;
            }
        }
        if answers {
            heard = Instant::now();
            match session.member.try_queue(channel, &message) {
                Ok(_) | Err(SendError::QueueFull) => {}
                Err(error) => return Err(error.into()),
            }
            session.member.try_flush();
        }
    }
    session.leave()?;
    Ok(())
}
