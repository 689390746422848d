//! `groupcast chat`: standard input to the group, the group to standard output.

use std::sync::mpsc::TryRecvError;

use core::time::Duration;

use groupcast::{Channel, Event, Join};

use crate::delivery::Delivery;
use crate::failure::Failure;
use crate::lines::{self, Line};
use crate::options::{Chat, Common};
use crate::output::Output;
use crate::session::{Session, builder};
use crate::signal;

/// How much of what was said before is shown, in messages of each member.
const RECENT: u8 = 16;

/// How long a typed line may wait.
const PAUSE: Duration = Duration::from_millis(10);

/// Lines sent in one go, if they are there.
const BATCH: usize = 64;

pub(crate) fn run(common: &Common, options: &Chat) -> Result<(), Failure> {
    let builder = builder(common, options.limits)?.join_streams(Join::Recent(RECENT));
    let mut session = Session::join(common, builder)?;
    let channel = Channel::reliable_ordered(options.channel);
    let mut screen = Screen::new(Output::new(common.json).usual(channel));
    let talked = talk(&mut session, channel, &mut screen);
    let left = session.leave().map(|_| ());
    talked.and(left)
}

/// Talks until standard input ends or a signal comes.
fn talk(session: &mut Session, channel: Channel, screen: &mut Screen) -> Result<(), Failure> {
    let mut delivery = Delivery::new(None);
    let lines = lines::read();
    let mut last = None;
    let mut ended = false;
    while !ended && !signal::end_requested() {
        for _ in 0..BATCH {
            match lines.try_recv() {
                Ok(line) => {
                    let line = line.map_err(|error| {
                        Failure::Trouble(format!("cannot read standard input: {error}"))
                    })?;
                    last = say(session, channel, &line, screen)?.or(last);
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
    if let Some(last) = last.filter(|_| !signal::end_requested()) {
        delivery.settle(session, (last, last), None, |event| screen.show(event))?;
    }
    screen.check()
}

/// Says a line; `None` if there is nothing to say, or if it cannot be said.
fn say(
    session: &mut Session,
    channel: Channel,
    line: &Line,
    screen: &mut Screen,
) -> Result<Option<u32>, Failure> {
    if line.len == 0 {
        return Ok(None);
    }
    let said = session.say(channel, &line.octets, |event| screen.show(event));
    match said {
        Err(Failure::Settings(why)) => {
            eprintln!("groupcast: not sent: {why}");
            Ok(None)
        }
        said => said,
    }
}

/// Where the others are heard.
struct Screen {
    output: Output,
    failure: Option<Failure>,
}

impl Screen {
    const fn new(output: Output) -> Self {
        Self {
            output,
            failure: None,
        }
    }

    fn show(&mut self, event: &Event<'_>) {
        if self.failure.is_none() {
            self.failure = self.output.event(event).err();
        }
    }

    /// Writes what was shown, and tells whether that was possible.
    fn check(&mut self) -> Result<(), Failure> {
        let flushed = self.output.flush();
        self.failure.take().map_or(flushed, Err)
    }
}
