//! `groupcast send`: words, a file, or standard input line by line.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::mpsc::TryRecvError;
use std::time::Instant;

use core::num::NonZeroU32;
use core::time::Duration;

use groupcast::sign::{SIGNATURE_LEN, SigningKey};
use groupcast::{Channel, Class, Event};

use crate::bare::Bare;
use crate::choices::class_name;
use crate::delivery::{Delivery, Expected, Known};
use crate::escape::escaped;
use crate::failure::Failure;
use crate::lines;
use crate::options::{Common, Send};
use crate::session::{Session, builder, end_of, say_summary};
use crate::signal;
use crate::trust;

/// More than any message can have: so much of a file is read to say how long it is.
const TOO_MUCH: u64 = 1 << 20;

/// How long to wait for a line before looking at the network again.
const PAUSE: Duration = Duration::from_millis(10);

/// Lines sent in one go, if they are there.
const BATCH: usize = 256;

pub(crate) fn run(common: &Common, options: &Send) -> Result<(), Failure> {
    let channel = options.on();
    if options.expect.is_some() && !channel.class().is_reliable() {
        return Err(Failure::Settings(format!(
            "nobody confirms messages of class {}, so --expect needs --class state, \
             reliable-unordered or reliable-ordered",
            class_name(channel)
        )));
    }
    let message = match &options.file {
        Some(path) => read(path)?,
        None => options.text.join(" ").into_bytes(),
    };
    let key = trust::signing_key(options.sign_key.as_deref())?;
    let mut mouth = Mouth::open(common, options, key)?;
    let said = mouth.meet().and_then(|()| {
        if options.lines {
            say_lines(&mut mouth, options.rate)
        } else if mouth.say(&message)? {
            Ok(())
        } else {
            Err(Failure::Unmet(
                "ended before the message was sent".to_owned(),
            ))
        }
    });
    let leave_by = end_of(options.leave_within);
    // Lines that cannot be sent do not keep the others from arriving.
    let settled = mouth.settle(leave_by);
    let closed = mouth.close(
        common.verbose,
        leave_by,
        matches!(settled, Ok(Known::Arrived)),
    );
    Failure::all([said, closed, settled.map(|_| ())])
}

/// What messages are sent with.
enum Mouth {
    Member(Box<Talker>),
    Bare(Box<Bare>),
}

/// A member that sends.
struct Talker {
    session: Session,
    channel: Channel,
    /// To sign with.
    key: Option<SigningKey>,
    /// Of the reliable classes.
    delivery: Option<Delivery>,
    /// The sequence numbers of the first and the last message said.
    said: Option<(u32, u32)>,
}

impl Mouth {
    fn open(common: &Common, options: &Send, key: Option<SigningKey>) -> Result<Self, Failure> {
        if options.raw {
            return Ok(Self::Bare(Box::new(Bare::open(
                common,
                options.limits.max_datagram,
            )?)));
        }
        let session = Session::join(common, builder(common, options.limits)?)?;
        let channel = options.on();
        let expected = options.expect.map(|members| Expected {
            members: usize::try_from(members.get()).unwrap_or(usize::MAX),
            timeout: options.timeout,
            is_for_newcomers: channel.class() == Class::State,
        });
        let reliable = channel.class().is_reliable();
        Ok(Self::Member(Box::new(Talker {
            session,
            channel,
            key,
            delivery: reliable.then(|| Delivery::new(expected)),
            said: None,
        })))
    }

    /// Waits for those who are to have it.
    fn meet(&mut self) -> Result<(), Failure> {
        match self {
            Self::Member(talker) => match &mut talker.delivery {
                Some(delivery) => delivery.meet(&mut talker.session),
                None => Ok(()),
            },
            Self::Bare(_) => Ok(()),
        }
    }

    /// Sends a message; messages said before the next [`attend`](Self::attend) share datagrams. `false`: a
    /// signal came before there was room for it.
    fn say(&mut self, message: &[u8]) -> Result<bool, Failure> {
        match self {
            Self::Member(talker) => {
                let Talker {
                    session,
                    delivery,
                    key,
                    channel,
                    ..
                } = &mut **talker;
                let note = |event: &Event<'_>| note(delivery, event);
                let said = session.say(*channel, message, key.as_ref(), note)?;
                if let Some(last) = said {
                    let first = talker.said.map_or(last, |(first, _)| first);
                    talker.said = Some((first, last));
                }
                Ok(said.is_some())
            }
            Self::Bare(bare) => bare.send(message),
        }
    }

    /// Takes part in the group, and waits for `limit` at most.
    fn attend(&mut self, limit: Duration) -> Result<(), Failure> {
        match self {
            Self::Member(talker) => {
                let Talker {
                    session, delivery, ..
                } = &mut **talker;
                session.attend(limit, |event| note(delivery, event))
            }
            Self::Bare(_) => {
                std::thread::sleep(limit);
                Ok(())
            }
        }
    }

    /// Stays until what was said has arrived, as far as its class promises that.
    fn settle(&mut self, leave_by: Option<Instant>) -> Result<Known, Failure> {
        let Self::Member(talker) = self else {
            return Ok(Known::Nothing);
        };
        let Talker {
            session,
            delivery,
            said,
            ..
        } = &mut **talker;
        match (delivery, *said) {
            (Some(delivery), Some(said)) => delivery.settle(session, said, leave_by, |_| {}),
            _ => Ok(Known::Nothing),
        }
    }

    fn limit(&self) -> usize {
        match self {
            Self::Member(talker) => {
                let limit = talker.session.limit(talker.channel.class());
                let signature = talker.key.as_ref().map_or(0, |_| SIGNATURE_LEN);
                limit.saturating_sub(signature)
            }
            Self::Bare(bare) => bare.limit(),
        }
    }

    /// Leaves when all is sent, and says whether anything was lost on the way out. What those have who were to
    /// have it was not lost, whatever the network refused for a moment.
    fn close(
        self,
        verbose: bool,
        leave_by: Option<Instant>,
        has_arrived: bool,
    ) -> Result<(), Failure> {
        let talker = match self {
            Self::Member(talker) => talker,
            Self::Bare(bare) => return bare.check(),
        };
        let left = talker.session.leave_by(leave_by)?;
        let counters = left.counters;
        let lost = counters.send_failures;
        if verbose {
            aside!(
                "sent {} messages in {} datagrams, {} bytes",
                left.sent(),
                counters.datagrams_sent.saturating_sub(lost),
                counters.octets_sent
            );
            say_summary(&counters);
        }
        left.check(has_arrived)
    }
}

fn note(delivery: &mut Option<Delivery>, event: &Event<'_>) {
    if let Some(delivery) = delivery {
        delivery.note(event);
    }
}

/// Reads a file that is to be a message.
fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut content = Vec::new();
    let read = signal::ends_at_once(|| {
        File::open(path).and_then(|file| file.take(TOO_MUCH).read_to_end(&mut content))
    });
    read.map_err(|error| {
        let path = path.display().to_string();
        Failure::Settings(format!(
            "cannot read {}: {error}; name a file that can be read",
            escaped(&path)
        ))
    })?;
    Ok(content)
}

/// Sends standard input line by line, and takes part in the group meanwhile.
fn say_lines(mouth: &mut Mouth, rate: Option<NonZeroU32>) -> Result<(), Failure> {
    let lines = lines::read();
    let mut rate = Rate::new(rate);
    let (mut number, mut refused) = (0_u64, 0_u64);
    let mut ended = false;
    while !ended && !signal::end_requested() {
        let (room, mut pause) = rate.room();
        let mut spoken = 0;
        while spoken < room {
            let line = match lines.try_recv() {
                Ok(line) => line,
                Err(empty) => {
                    ended = empty == TryRecvError::Disconnected;
                    pause = PAUSE;
                    break;
                }
            };
            let line = line.map_err(lines::unreadable)?;
            number += 1;
            spoken += 1;
            let limit = mouth.limit();
            match line.whole(limit).and_then(|line| mouth.say(line)) {
                Ok(true) => {}
                Ok(false) => return lines::check_rest(number - 1, &lines, 1),
                Err(Failure::Settings(why)) => {
                    refused += 1;
                    aside!("groupcast: line {number} is not sent: {why}");
                }
                Err(failure) => return Err(failure),
            }
        }
        rate.take(spoken);
        if !ended {
            mouth.attend(pause)?;
        }
    }
    if !ended {
        lines::check_rest(number, &lines, 0)?;
    }
    lines::check_refused(refused, number)
}

/// How many lines may be sent now.
struct Rate {
    per_second: Option<f64>,
    lines: f64,
    since: Instant,
}

impl Rate {
    /// What was not used is kept for so long, in seconds.
    const KEPT: f64 = 0.02;

    fn new(rate: Option<NonZeroU32>) -> Self {
        Self {
            per_second: rate.map(|rate| f64::from(rate.get())),
            lines: 1.0,
            since: Instant::now(),
        }
    }

    /// How many lines, and how long to wait after them.
    fn room(&mut self) -> (usize, Duration) {
        let Some(per_second) = self.per_second else {
            return (BATCH, Duration::ZERO);
        };
        let now = Instant::now();
        let passed = now.duration_since(self.since).as_secs_f64();
        self.since = now;
        let most = (per_second * Self::KEPT).max(1.0);
        self.lines = (self.lines + passed * per_second).min(most);
        // Whole lines: what is behind the point stays.
        (
            self.lines as usize,
            PAUSE.min(Duration::from_secs_f64(1.0 / per_second)),
        )
    }

    fn take(&mut self, lines: usize) {
        self.lines -= lines as f64;
    }
}
