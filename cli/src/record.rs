//! `groupcast record`: what the group says, as a capture that Wireshark opens.

mod files;
pub(crate) mod options;

use core::time::Duration;
use std::io::{IsTerminal, stderr};
use std::path::Path;
use std::time::{Instant, SystemTime};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::network::place::say_where;
use crate::network::recording::STANDARD;
use crate::network::socket::Ear;
use crate::options::Common;
use crate::output::Output;
use crate::output::json;
use crate::process::clock::end_of;
use crate::process::failure::Failure;
use crate::process::signal;
use files::Files;
use options::Record;

/// How often the counter is shown in a second.
const SHOWN: u8 = 4;

pub(crate) fn run(common: &Common, options: &Record) -> Result<(), Failure> {
    if common.json && options.file == Path::new(STANDARD) {
        return Err(Failure::Settings(
            "--json and - both want standard output; name a file, or leave out --json".to_owned(),
        ));
    }
    let mut ear = Ear::open(common)?;
    let mut files = Files::create(options, &ear.choice().name)?;
    say_where(common, ear.group(), ear.choice(), "id none (recording)");

    let mut tally = Tally::default();
    let counter = counter();
    let recorded = record(common, options, &mut ear, &mut files, &mut tally, &counter);
    let flushed = files.flush();
    counter.finish_and_clear();
    let Tally { datagrams, octets } = tally;
    let count = match options.rotates() {
        true => format!(" files={}", files.count),
        false => String::new(),
    };
    aside!("recorded={datagrams} bytes={octets}{count}");
    let told = if common.json {
        let file = options.file.display().to_string();
        let line = json::results::recorded(&file, files.count, datagrams, octets);
        Output::new(true).line(&line)
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
    files: &mut Files<'_>,
    tally: &mut Tally,
    counter: &ProgressBar,
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
            files.flush()?;
            ear.tell_of_changes();
            ear.wait(left.map_or(signal::LOOK, |left| left.min(signal::LOOK)))?;
            continue;
        };
        files.write(clock.now(), source, group, common.hop_limit, datagram)?;
        tally.datagrams += 1;
        tally.octets += datagram.len() as u64;
        let Tally { datagrams, octets } = tally;
        if !counter.is_hidden() {
            counter.set_message(format!("recorded={datagrams} bytes={octets}"));
        }
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

/// How much it is so far, on standard error, if that is a terminal.
fn counter() -> ProgressBar {
    let target = match stderr().is_terminal() {
        true => ProgressDrawTarget::stderr_with_hz(SHOWN),
        false => ProgressDrawTarget::hidden(),
    };
    let counter = ProgressBar::with_draw_target(None, target);
    if let Ok(style) = ProgressStyle::with_template("{msg}") {
        counter.set_style(style);
    }
    counter
}
