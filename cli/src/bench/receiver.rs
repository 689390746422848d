//! The receiving end of `groupcast bench throughput`.

use core::time::Duration;
use std::time::Instant;

use groupcast::{Channel, Event, MemberId, Sequence};

use super::account::{Account, Received, Stream};
use super::meeting::{self, Word};
use super::options::Throughput;
use super::sender::interrupted;
use crate::options::Common;
use crate::process::failure::Failure;
use crate::process::signal;

/// How long the sender may take to begin, and to go on.
const MEET: Duration = Duration::from_secs(60);
const SILENCE: Duration = Duration::from_secs(10);

/// After the end, and then so long nothing more, nothing more comes of what may be lost.
const QUIET: Duration = Duration::from_millis(300);

/// How long what can be repaired may take.
const REPAIR: Duration = Duration::from_secs(12);

/// How long to wait at once.
const PAUSE: Duration = Duration::from_millis(20);

/// One who listens.
struct Ear {
    data: Channel,
    account: Account,
    begun: Instant,
    /// Of whom, and which sequence number its first message has, if it has one.
    sender: Option<(MemberId, Sequence)>,
    end: Option<End>,
    /// The sender is gone, and did not say how many there were.
    is_left: bool,
}

/// What the sender said at the end.
#[derive(Clone, Copy)]
struct End {
    total: u64,
    stream: Option<Stream>,
    at: Instant,
}

pub(super) fn run(common: &Common, options: &Throughput) -> Result<Received, Failure> {
    let Throughput { size, how, .. } = *options;
    let mut session = meeting::join(common, &how)?;
    let mut ear = Ear {
        data: meeting::data(&how),
        account: Account::new(usize::try_from(size).unwrap_or(usize::MAX)),
        begun: Instant::now(),
        sender: None,
        end: None,
        is_left: false,
    };
    let end = loop {
        if signal::end_requested() {
            return Err(interrupted());
        }
        session.keep_up(|event| ear.hear(event));
        ear.account.pause();
        if let Some(end) = ear.ended()? {
            break end;
        }
        session.member.wait(PAUSE)?;
    };
    session.leave()?;
    Ok(ear.account.close(end.total, end.stream))
}

impl Ear {
    fn hear(&mut self, event: &Event<'_>) {
        match (event, self.sender) {
            (Event::Message(message), Some((sender, first))) if message.sender() == sender => {
                if message.channel() == self.data {
                    self.account.message(message.payload());
                } else if let Some(Word::End { total }) = Word::read(message.payload())
                    && self.end.is_none()
                {
                    let is_reliable = self.data.class().is_reliable();
                    let stream = Stream::new(first, message.sequence(), total);
                    self.end = Some(End {
                        total,
                        stream: stream.filter(|_| is_reliable),
                        at: Instant::now(),
                    });
                }
            }
            (Event::Message(message), None)
                if message.channel() == Word::CHANNEL
                    && Word::read(message.payload()) == Some(Word::Start) =>
            {
                self.sender = Some((message.sender(), message.sequence().next()));
            }
            (Event::Gap(gap), Some((sender, _))) if gap.peer().id() == sender => {
                self.account.gap(gap.lost());
            }
            (Event::Left(member) | Event::Lost(member), Some((sender, _))) => {
                self.is_left |= member.id() == sender;
            }
            _ => {}
        }
    }

    /// What the sender said at the end, once nothing more is to come.
    fn ended(&self) -> Result<Option<End>, Failure> {
        let last = self.account.last();
        match (self.sender, self.end) {
            (None, _) if self.begun.elapsed() > MEET => {
                Err(Failure::Unmet("no sender came in time".to_owned()))
            }
            (Some(_), None) if self.is_left || last.is_some_and(|at| at.elapsed() > SILENCE) => {
                let why = "the sender fell silent before it said how many messages there were";
                Err(Failure::Unmet(why.to_owned()))
            }
            (_, Some(end)) => {
                let quiet = last.map_or(end.at, |at| at.max(end.at)).elapsed();
                let patience = if self.data.class().is_reliable() {
                    REPAIR
                } else {
                    QUIET
                };
                let is_over = self.account.is_complete(end.total, end.stream)
                    || self.is_left
                    || quiet > patience;
                Ok(is_over.then_some(end))
            }
            _ => Ok(None),
        }
    }
}
