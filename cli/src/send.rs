//! `groupcast send`: words, a file, or standard input line by line.

mod mouth;
pub(crate) mod options;

use std::fs::File;
use std::io::{IsTerminal, Read, stdin};
use std::path::Path;
use std::sync::mpsc::TryRecvError;
use std::time::Instant;

use core::num::NonZeroU32;
use core::time::Duration;

use crate::options::Common;
use crate::output::Output;
use crate::output::json;
use crate::process::clock::end_of;
use crate::process::failure::Failure;
use crate::process::lines;
use crate::process::signal;
use crate::session::trust;
use crate::text::escape::escaped;
use mouth::Mouth;
use options::{Send, Times};

/// More than any message can have: so much of a file is read to say how long it is.
const TOO_MUCH: u64 = 1 << 20;

/// How long whoever may not know that lines are waited for waits for the first.
const HINT: Duration = Duration::from_secs(2);

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
            channel.class()
        )));
    }
    let said = Said::of(options)?;
    let key = trust::signing_key(options.sign_key.as_deref())?;
    let mut mouth = Mouth::open(common, options, key)?;
    let said = mouth.meet().and_then(|()| match &said {
        Said::Whole(message) => say_whole(&mut mouth, message, options.times()),
        Said::Lines { by_hand } => say_lines(common, &mut mouth, options.rate, *by_hand),
    });
    let leave_by = end_of(options.leave_within);
    // Lines that cannot be sent do not keep the others from arriving.
    let settled = mouth.settle(leave_by);
    let closed = mouth.close(common, leave_by, &settled);
    Failure::all([said, closed, settled.map(|_| ())])
}

/// What is to be sent.
enum Said {
    Whole(Vec<u8>),
    /// Every line of standard input. `by_hand`: since nothing else was said, so that somebody may not know what is
    /// waited for.
    Lines {
        by_hand: bool,
    },
}

impl Said {
    fn of(options: &Send) -> Result<Self, Failure> {
        let said = Self::wanted(options)?;
        let misplaced = match &said {
            Self::Whole(_) if options.rate.is_some() => "--rate is for lines of standard input",
            Self::Lines { .. } if options.repeat.is_some() || options.interval.is_some() => {
                "--repeat and --interval are for a TEXT or a --file"
            }
            _ => return Ok(said),
        };
        Err(Failure::Settings(format!(
            "{misplaced}; `groupcast send --help` shows what goes together"
        )))
    }

    fn wanted(options: &Send) -> Result<Self, Failure> {
        let by_hand = options.text.is_empty() && !options.lines;
        match &options.file {
            Some(path) if path.as_os_str() == "-" => Ok(Self::Whole(read_input()?)),
            Some(path) => Ok(Self::Whole(read(path)?)),
            None if options.lines || options.text == ["-"] => Ok(Self::Lines { by_hand }),
            None if !options.text.is_empty() => {
                Ok(Self::Whole(options.text.join(" ").into_bytes()))
            }
            None if stdin().is_terminal() => Err(Failure::Settings(
                "nothing to send: name a TEXT, or --file FILE, or send what a program prints: \
                 `PROGRAM | groupcast send`; with --lines, what is typed is sent line by line"
                    .to_owned(),
            )),
            None => Ok(Self::Lines { by_hand }),
        }
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

/// Reads what comes from standard input until its end, as a message.
fn read_input() -> Result<Vec<u8>, Failure> {
    let input = stdin();
    if input.is_terminal() {
        aside!("groupcast: what is typed until Ctrl-D becomes the message");
    }
    let mut content = Vec::new();
    signal::ends_at_once(|| input.lock().take(TOO_MUCH).read_to_end(&mut content))
        .map_err(lines::unreadable)?;
    Ok(content)
}

/// Sends a message, as often as it is wanted.
fn say_whole(mouth: &mut Mouth, message: &[u8], times: Times) -> Result<(), Failure> {
    let mut next = Instant::now();
    let mut said = 0;
    while times.count.is_none_or(|count| said < count) {
        while Instant::now() < next && !signal::end_requested() {
            let left = next.saturating_duration_since(Instant::now());
            mouth.attend(left.min(signal::LOOK))?;
        }
        if signal::end_requested() || !mouth.say(message)? {
            break;
        }
        said += 1;
        next += times.interval;
    }
    match times.count {
        Some(1) if said < 1 => Err(Failure::Unmet(
            "ended before the message was sent".to_owned(),
        )),
        Some(count) if said < count => Err(Failure::Unmet(format!(
            "ended when the message was sent {said} of {count} times"
        ))),
        _ => Ok(()),
    }
}

/// Sends standard input line by line, and takes part in the group meanwhile.
fn say_lines(
    common: &Common,
    mouth: &mut Mouth,
    rate: Option<NonZeroU32>,
    by_hand: bool,
) -> Result<(), Failure> {
    let mut output = Output::new(common.json);
    let lines = lines::read();
    let mut hint = by_hand.then(|| Instant::now() + HINT);
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
            hint = None;
            number += 1;
            spoken += 1;
            let limit = mouth.limit();
            match line.whole(limit).and_then(|line| mouth.say(line)) {
                Ok(true) => {}
                Ok(false) => return lines::check_rest(number - 1, &lines, 1),
                Err(Failure::Settings(why)) => {
                    refused += 1;
                    aside!("groupcast: line {number} is not sent: {why}");
                    if common.json {
                        output.line(&json::results::refused(number, &why))?;
                    }
                }
                Err(failure) => return Err(failure),
            }
        }
        rate.take(spoken);
        if !ended {
            mouth.attend(pause)?;
        }
        if hint.is_some_and(|hint| Instant::now() >= hint) {
            hint = None;
            aside!("groupcast: waiting for lines of standard input, each to be sent as a message");
        }
    }
    if by_hand && ended && number == 0 {
        return Err(Failure::Settings(
            "nothing to send: no TEXT was named, and standard input is empty; with --lines that is no fault"
                .to_owned(),
        ));
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
