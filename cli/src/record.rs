//! `groupcast record`: what the group says, as a capture that Wireshark opens.

pub(crate) mod options;

use core::time::Duration;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::{Instant, SystemTime};

use groupcast_sim::Capture;

use crate::failure::Failure;
use crate::json;
use crate::options::Common;
use crate::output::Output;
use crate::session::{end_of, say_where};
use crate::signal;
use crate::socket::Ear;
use options::Record;

/// What the file says made it.
const APPLICATION: &str = concat!("groupcast ", env!("CARGO_PKG_VERSION"));

/// Standard output instead of a file.
const STDOUT: &str = "-";

pub(crate) fn run(common: &Common, options: &Record) -> Result<(), Failure> {
    if common.json && options.file == Path::new(STDOUT) {
        return Err(Failure::Settings(
            "--json and - both want standard output; name a file, or leave out --json".to_owned(),
        ));
    }
    let mut ear = Ear::open(common)?;
    let to: Box<dyn Write> = if options.file == Path::new(STDOUT) {
        Box::new(io::stdout().lock())
    } else {
        // Of a FIFO, that waits for whoever reads it.
        let file = signal::ends_at_once(|| File::create(&options.file)).map_err(|error| {
            let file = options.file.display();
            Failure::Settings(format!("cannot write {file}: {error}"))
        })?;
        Box::new(file)
    };
    let mut capture = Capture::new(BufWriter::new(to), APPLICATION, &ear.choice().name)
        .map_err(|error| failure(options, &error))?;
    // A program that reads along wants the beginning now.
    capture.flush().map_err(|error| failure(options, &error))?;
    say_where(common, ear.group(), ear.choice(), "id none (recording)");

    let mut tally = Tally::default();
    let recorded = record(common, options, &mut ear, &mut capture, &mut tally);
    let flushed = capture.flush().map_err(|error| failure(options, &error));
    let Tally { datagrams, octets } = tally;
    aside!("recorded={datagrams} octets={octets}");
    let told = if common.json {
        let file = options.file.display().to_string();
        Output::new(true).line(&json::results::recorded(&file, datagrams, octets))
    } else {
        Ok(())
    };
    let in_time = recorded?;
    flushed?;
    told?;
    match options.count {
        Some(wanted) if !in_time => Err(Failure::Unmet(format!(
            "{datagrams} of {wanted} datagrams came in time"
        ))),
        Some(wanted) if datagrams < wanted.get() => Err(Failure::Unmet(format!(
            "{datagrams} of {wanted} datagrams came before it was ended"
        ))),
        _ => Ok(()),
    }
}

/// What was recorded.
#[derive(Debug, Default)]
struct Tally {
    datagrams: u64,
    octets: u64,
}

/// Records until there is enough, or a signal comes. `false`: time was up before.
fn record(
    common: &Common,
    options: &Record,
    ear: &mut Ear,
    capture: &mut Capture<impl Write>,
    tally: &mut Tally,
) -> Result<bool, Failure> {
    let clock = Wall::new();
    let end = end_of(options.timeout);
    let group = ear.group();
    while !signal::end_requested() {
        let left = end.map(|end| end.saturating_duration_since(Instant::now()));
        if left == Some(Duration::ZERO) {
            return Ok(false);
        }
        let Some((datagram, source)) = ear.hear()? else {
            capture.flush().map_err(|error| failure(options, &error))?;
            ear.tell_of_changes();
            ear.wait(left.map_or(signal::LOOK, |left| left.min(signal::LOOK)))?;
            continue;
        };
        capture
            .write(clock.now(), source, group, common.hops, datagram)
            .map_err(|error| failure(options, &error))?;
        tally.datagrams += 1;
        tally.octets += datagram.len() as u64;
        if options
            .count
            .is_some_and(|count| tally.datagrams >= count.get())
        {
            break;
        }
    }
    Ok(true)
}

/// The time of day, which does not jump while this runs.
struct Wall {
    since_1970: Duration,
    start: Instant,
}

impl Wall {
    fn new() -> Self {
        Self {
            since_1970: SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default(),
            start: Instant::now(),
        }
    }

    fn now(&self) -> Duration {
        self.since_1970 + self.start.elapsed()
    }
}

fn failure(options: &Record, error: &io::Error) -> Failure {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return Failure::OutputClosed;
    }
    let file = options.file.display();
    Failure::Trouble(format!("cannot write {file}: {error}"))
}
