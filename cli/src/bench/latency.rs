//! `groupcast bench latency`: a message there and the same back, between two processes.
//!
//! Members and plain sockets take turns of a few milliseconds, so that what else the machine does hits
//! both alike.

use core::time::Duration;
use std::net::UdpSocket;
use std::time::Instant;

use groupcast::{Channel, Event, SendError};
use serde::{Deserialize, Serialize};

use super::floor::{LONGEST, Plain, receive};
use super::options::{Latency, Role};
use super::pin::{Processor, pin};
use super::processes::{
    PATIENCE, Processes, common_arguments, how_arguments, read, span_arguments,
};
use super::progress::Progress;
use super::report::ratio;
use super::sender::{meet, settle};
use super::{echo, meeting, payload};
use crate::options::Common;
use crate::output::Output;
use crate::process::failure::Failure;
use crate::process::signal;
use crate::session::Session;

/// How many turns members and plain sockets take each, and round trips before the first that counts.
const TURNS: u32 = 20;
const WARM_UP: u32 = 20;

/// A round trip that takes longer is given up.
const LOST: Duration = Duration::from_millis(200);

/// What the near end reports.
#[derive(Debug, Deserialize, Serialize)]
struct Line {
    size: u32,
    class: String,
    sealed: bool,
    /// Whether each end has a processor of its own.
    pinned: bool,
    round_trips: usize,
    /// Messages that had no answer in time.
    lost: u64,
    p50_us: f64,
    p99_us: f64,
    max_us: f64,
    floor_round_trips: usize,
    floor_lost: u64,
    floor_p50_us: f64,
    floor_p99_us: f64,
    /// Of the medians.
    ratio: f64,
}

/// One way to send a message and to get it back.
trait Path {
    /// Sends it and waits for it; `None` if it does not come back.
    fn round_trip(&mut self, message: &[u8], number: u64) -> Result<Option<Duration>, Failure>;
}

pub(super) fn run(common: &Common, options: &Latency) -> Result<(), Failure> {
    let mut output = Output::new(common.json);
    match options.role {
        Some(Role::Rx) => echo::run(common, options),
        Some(Role::Tx) => {
            let line = near(common, options)?;
            line.say(&mut output, common)
        }
        None => {
            let mut arguments = vec!["bench".into(), "latency".into(), "--json".into()];
            arguments.extend(common_arguments(common));
            arguments.extend(span_arguments(options.size, options.seconds));
            arguments.extend(how_arguments(&options.how));
            let progress = Progress::new(common.json, options.seconds * 2);
            progress.says("members and plain sockets in turn");
            let mut processes = Processes::default();
            processes.start(&arguments, "rx")?;
            processes.start(&arguments, "tx")?;
            let outputs = processes.outputs(options.seconds * 2 + PATIENCE, &progress)?;
            drop(progress);
            let line: Line = outputs.last().map_or_else(
                || Err(Failure::Trouble("no process reported".to_owned())),
                read,
            )?;
            line.say(&mut output, common)
        }
    }
}

/// The end that asks and measures.
fn near(common: &Common, options: &Latency) -> Result<Line, Failure> {
    let pinned = pin(Processor::First);
    let mut session = meeting::join(common, &options.how)?;
    let receivers = meet(&mut session, 1, 0)?;
    let mut message = meeting::message(options.size, session.limit(options.how.class.class()))?;
    let mut members = Members {
        session,
        channel: meeting::data(&options.how),
    };
    let mut plain = Sockets::open(common)?;
    let plain_len = message.len().min(LONGEST);

    let mut times = Times::default();
    let mut floor_times = Times::default();
    for _ in 0..WARM_UP {
        times.measure(&mut members, &mut message, Duration::ZERO)?;
        floor_times.measure(&mut plain, &mut message[..plain_len], Duration::ZERO)?;
    }
    times.forget();
    floor_times.forget();
    let turn = options.seconds / TURNS;
    for _ in 0..TURNS {
        times.measure(&mut members, &mut message, turn)?;
        floor_times.measure(&mut plain, &mut message[..plain_len], turn)?;
    }
    let Members { mut session, .. } = members;
    settle(&mut session, &receivers, times.number)?;
    let sealed = session.member.is_sealed();
    session.leave()?;

    times.micros.sort_unstable_by(f64::total_cmp);
    floor_times.micros.sort_unstable_by(f64::total_cmp);
    let (p50, floor_p50) = (times.share(0.5), floor_times.share(0.5));
    if times.micros.is_empty() || floor_times.micros.is_empty() {
        return Err(Failure::Unmet("no message came back in time".to_owned()));
    }
    Ok(Line {
        size: options.size,
        class: options.how.class.to_string(),
        sealed,
        pinned,
        round_trips: times.micros.len(),
        lost: times.lost,
        p50_us: p50,
        p99_us: times.share(0.99),
        max_us: times.share(1.0),
        floor_round_trips: floor_times.micros.len(),
        floor_lost: floor_times.lost,
        floor_p50_us: floor_p50,
        floor_p99_us: floor_times.share(0.99),
        ratio: ratio(p50, floor_p50),
    })
}

/// What round trips took.
#[derive(Default)]
struct Times {
    micros: Vec<f64>,
    lost: u64,
    number: u64,
}

impl Times {
    /// One round trip after the other for so long, and one at least.
    fn measure(
        &mut self,
        path: &mut impl Path,
        message: &mut [u8],
        time: Duration,
    ) -> Result<(), Failure> {
        let end = Instant::now() + time;
        loop {
            payload::fill(message, self.number);
            match path.round_trip(message, self.number)? {
                Some(time) => self.micros.push(time.as_secs_f64() * 1e6),
                None => self.lost += 1,
            }
            self.number += 1;
            if Instant::now() >= end || signal::end_requested() {
                return Ok(());
            }
        }
    }

    /// What was measured so far does not count.
    fn forget(&mut self) {
        self.micros.clear();
        self.lost = 0;
    }

    /// This share of the round trips, which are sorted, took no longer.
    fn share(&self, share: f64) -> f64 {
        let last = self.micros.len().saturating_sub(1);
        let at = (last as f64 * share).round() as usize;
        let micros = self.micros.get(at).copied().unwrap_or_default();
        (micros * 100.0).round() / 100.0
    }
}

/// By members of a group.
struct Members {
    session: Session,
    channel: Channel,
}

impl Path for Members {
    fn round_trip(&mut self, message: &[u8], number: u64) -> Result<Option<Duration>, Failure> {
        let Self { session, channel } = self;
        // What came since the last one.
        session.keep_up(|_| {});
        let start = Instant::now();
        match session.member.try_queue(*channel, message) {
            Ok(_) => {}
            Err(SendError::QueueFull) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        session.member.try_flush();
        loop {
            match session.member.poll()? {
                Some(Event::Message(said))
                    if said.channel() == *channel
                        && payload::number(said.payload()) == Some(number) =>
                {
                    return Ok(Some(start.elapsed()));
                }
                Some(_) => {}
                None => {
                    let left = LOST.saturating_sub(start.elapsed());
                    if left.is_zero() {
                        return Ok(None);
                    }
                    session.member.wait(left)?;
                }
            }
        }
    }
}

/// By plain sockets.
struct Sockets {
    there: Plain,
    mouth: UdpSocket,
    ear: UdpSocket,
    buffer: Vec<u8>,
}

impl Sockets {
    fn open(common: &Common) -> Result<Self, Failure> {
        let there = Plain::new(common, 1)?;
        Ok(Self {
            mouth: there.mouth()?,
            ear: Plain::new(common, 2)?.ear()?,
            there,
            buffer: vec![0; LONGEST],
        })
    }
}

impl Path for Sockets {
    fn round_trip(&mut self, message: &[u8], number: u64) -> Result<Option<Duration>, Failure> {
        let start = Instant::now();
        self.there.send(&self.mouth, message)?;
        while start.elapsed() < LOST {
            if let Some((len, _)) = receive(&self.ear, &mut self.buffer)?
                && payload::number(&self.buffer[..len]) == Some(number)
            {
                return Ok(Some(start.elapsed()));
            }
        }
        Ok(None)
    }
}

impl Line {
    fn say(&self, output: &mut Output, common: &Common) -> Result<(), Failure> {
        if common.json {
            return output.json(self);
        }
        let sealed = if self.sealed { "sealed" } else { "open" };
        let pinned = if self.pinned {
            "each end on a processor of its own"
        } else {
            "not pinned to processors, which makes the times uneven"
        };
        for line in [
            format!("{} bytes, {}, {sealed}; {pinned}", self.size, self.class),
            format!(
                "members     p50 {:>8.2} µs  p99 {:>8.2} µs  max {:.0} µs, {} round trips, {} lost",
                self.p50_us, self.p99_us, self.max_us, self.round_trips, self.lost
            ),
            format!(
                "floor       p50 {:>8.2} µs  p99 {:>8.2} µs, {} round trips of plain sockets, {} lost",
                self.floor_p50_us, self.floor_p99_us, self.floor_round_trips, self.floor_lost
            ),
            format!("ratio       {:.3}", self.ratio),
        ] {
            output.line(&line)?;
        }
        Ok(())
    }
}
