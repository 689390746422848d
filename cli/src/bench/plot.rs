//! `groupcast bench plot`: how throughput and cost grow with what is asked for, as tables and pictures.

use core::time::Duration;

use serde::Serialize;

use super::options::{BATCH, How, Load, Plot, Throughput};
use super::progress::Progress;
use super::report::Line;
use super::simulated::{self, Cost, SimulatedGroup};
use super::throughput;
use crate::options::Common;
use crate::output::Output;
use crate::output::chart::{self, Chart};
use crate::process::failure::Failure;

/// The size of messages where it is not what is varied.
const SIZE: u32 = 64;

/// The group where its size is not what is varied.
const MEMBERS: usize = 10;

/// What starting and stopping processes takes, about.
const OVERHEAD: Duration = Duration::from_millis(700);

/// Measurements between processes.
const RATES: &str = "sent/s | delivered/s | plain sockets/s | ratio | by processor time | sender, µs | receiver, µs | lost | in gaps";

/// Measurements of a simulated group.
const COSTS: &str = "µs per datagram received | µs per message delivered | datagrams per message";

/// A point of a picture, for --json.
#[derive(Serialize)]
struct Point<'p, T> {
    /// What is varied.
    against: &'p str,
    value: f64,
    #[serde(flatten)]
    measured: T,
}

/// Measurements, and at which place each.
struct Row<T> {
    places: Vec<f64>,
    measured: Vec<T>,
}

impl<T> Row<T> {
    const fn new() -> Self {
        Self {
            places: Vec::new(),
            measured: Vec::new(),
        }
    }

    fn push(&mut self, place: f64, measured: T) {
        self.places.push(place);
        self.measured.push(measured);
    }

    /// The points of a line.
    fn points(&self, place: fn(f64) -> f64, value: fn(&T) -> f64) -> Vec<(f64, f64)> {
        let points = self.places.iter().zip(&self.measured);
        let points = points.map(|(at, measured)| (place(*at), value(measured)));
        points.filter(|(_, value)| value.is_finite()).collect()
    }

    /// From the first place to the last, with room for a single one.
    fn range(&self, place: fn(f64) -> f64) -> core::ops::Range<f64> {
        let places = self.places.iter().map(|at| place(*at));
        let (low, high) = places.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), at| {
            (low.min(at), high.max(at))
        });
        if low < high {
            low..high
        } else {
            low - 1.0..low + 1.0
        }
    }
}

pub(super) fn run(common: &Common, options: &Plot) -> Result<(), Failure> {
    chart::check_writable(&options.file)?;
    let mut output = Output::new(common.json);
    let runs = options.sizes.len() + options.receivers.len();
    let runs = u32::try_from(runs).unwrap_or(u32::MAX);
    let progress = Progress::new(common.json, (options.seconds * 2 + 3 * OVERHEAD) * runs);
    let title = title(common, options);
    if !common.json {
        output.line(&title)?;
    }

    let mut sizes = Row::new();
    head(&mut output, common, "bytes", RATES)?;
    for size in &options.sizes {
        let line = measure(common, options, *size, 1, &progress)?;
        tell(&mut output, common, "size", f64::from(*size), &line, rates)?;
        sizes.push(f64::from(*size), line);
    }
    let mut receivers = Row::new();
    head(&mut output, common, "receivers", RATES)?;
    for count in &options.receivers {
        let line = measure(common, options, SIZE, *count, &progress)?;
        let at = f64::from(*count);
        tell(&mut output, common, "receivers", at, &line, rates)?;
        receivers.push(at, line);
    }
    let mut members = Row::new();
    head(&mut output, common, "members", COSTS)?;
    for count in &options.members {
        progress.says(format!("{count} simulated members"));
        let cost = simulate(options, usize::from(*count), 0.0)?;
        let at = f64::from(*count);
        tell(&mut output, common, "members", at, &cost, costs)?;
        members.push(at, cost);
    }
    let mut losses = Row::new();
    head(&mut output, common, "loss, %", COSTS)?;
    for percent in &options.losses {
        progress.says(format!("{percent} % loss, simulated"));
        let cost = simulate(options, MEMBERS, f64::from(*percent) / 100.0)?;
        let at = f64::from(*percent);
        tell(&mut output, common, "loss", at, &cost, costs)?;
        losses.push(at, cost);
    }
    drop(progress);

    let svg = chart::page(
        &[title],
        &[
            throughput_chart("bytes of a message", &sizes),
            cpu_chart("bytes of a message", &sizes),
            throughput_chart("receivers", &receivers),
            cpu_chart("receivers", &receivers),
            cost_chart("simulated members", &members, true),
            cost_chart("loss of 10 simulated members, %", &losses, false),
        ],
    )?;
    chart::write(&options.file, &svg)?;
    if common.json {
        return Ok(());
    }
    output.line(&format!("\ndrawn: {}", options.file.display()))
}

fn measure(
    common: &Common,
    options: &Plot,
    size: u32,
    receivers: u8,
    progress: &Progress,
) -> Result<Line, Failure> {
    let options = Throughput {
        leaves: 0,
        load: Load {
            seconds: options.seconds,
            receivers,
            rate: None,
        },
        size,
        how: options.how,
        batch: BATCH,
        role: None,
    };
    throughput::measure(common, &options, progress)
}

fn simulate(options: &Plot, members: usize, loss: f64) -> Result<Cost, Failure> {
    simulated::measure(&SimulatedGroup {
        members,
        loss,
        size: SIZE,
        seconds: options.seconds,
        how: options.how,
    })
}

/// What all of it was measured with.
fn title(common: &Common, options: &Plot) -> String {
    let How { class, sealed, .. } = options.how;
    let sealed = if sealed || common.key_file.is_some() {
        "sealed"
    } else {
        "open"
    };
    let seconds = options.seconds.as_secs_f64();
    format!(
        "{class}, {sealed}, {SIZE} bytes and 1 receiver unless said otherwise, {seconds} s each"
    )
}

/// The head of a table.
fn head(output: &mut Output, common: &Common, first: &str, others: &str) -> Result<(), Failure> {
    if common.json {
        return Ok(());
    }
    let rule = "|---".repeat(others.split('|').count() + 1);
    output.line(&format!("\n| {first} | {others} |\n{rule}|"))
}

/// A line of a table, or of --json.
fn tell<T: Serialize>(
    output: &mut Output,
    common: &Common,
    against: &str,
    value: f64,
    measured: &T,
    cells: fn(&T) -> String,
) -> Result<(), Failure> {
    if common.json {
        return output.json(&Point {
            against,
            value,
            measured,
        });
    }
    output.line(&format!("| {value} | {} |", cells(measured)))
}

fn rates(line: &Line) -> String {
    let known =
        |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.2}"));
    format!(
        "{:.0} | {:.0} | {:.0} | {:.2} | {} | {} | {} | {} | {}",
        line.sent_per_second,
        line.delivered_per_second,
        line.floor_per_second,
        line.ratio,
        known(line.cpu_ratio),
        known(line.sender_cpu_us_per_message),
        known(line.receiver_cpu_us_per_message),
        line.lost,
        line.gaps
    )
}

fn costs(cost: &Cost) -> String {
    format!(
        "{:.2} | {:.2} | {:.2}",
        cost.us_per_datagram, cost.us_per_delivery, cost.datagrams_per_message
    )
}

fn throughput_chart<'c>(axis: &'c str, row: &Row<Line>) -> Chart<'c> {
    Chart {
        title: "thousands a second",
        axis,
        range: row.range(f64::log2),
        powers: true,
        lines: vec![
            (
                "messages delivered",
                row.points(f64::log2, |line| line.delivered_per_second / 1000.0),
            ),
            (
                "datagrams of plain sockets",
                row.points(f64::log2, |line| line.floor_per_second / 1000.0),
            ),
        ],
    }
}

fn cpu_chart<'c>(axis: &'c str, row: &Row<Line>) -> Chart<'c> {
    Chart {
        title: "processor time per message, µs",
        axis,
        range: row.range(f64::log2),
        powers: true,
        lines: vec![
            (
                "sender",
                row.points(f64::log2, |line| {
                    line.sender_cpu_us_per_message.unwrap_or(f64::NAN)
                }),
            ),
            (
                "receiver",
                row.points(f64::log2, |line| {
                    line.receiver_cpu_us_per_message.unwrap_or(f64::NAN)
                }),
            ),
        ],
    }
}

fn cost_chart<'c>(axis: &'c str, row: &Row<Cost>, powers: bool) -> Chart<'c> {
    let place = if powers { f64::log2 } else { |at| at };
    Chart {
        title: "processor time, µs",
        axis,
        range: row.range(place),
        powers,
        lines: vec![
            (
                "per datagram received",
                row.points(place, |cost| cost.us_per_datagram),
            ),
            (
                "per message delivered",
                row.points(place, |cost| cost.us_per_delivery),
            ),
        ],
    }
}
