//! Four pictures in one file: latency and cost, against loss and against group size.

use std::path::Path;

use groupcast_sim::Report;

use super::options::Sim;
use super::runs::merged;
use super::table::{network, summary};
use crate::output::Output;
use crate::output::chart::{self, Chart};
use crate::process::failure::Failure;

/// The losses and group sizes to draw.
const LOSSES: [f64; 9] = [0.0, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3];
const SIZES: [usize; 7] = [2, 5, 10, 20, 50, 100, 200];

/// What is drawn of a report.
type Value = fn(&Report) -> Option<f64>;

/// A picture: its title, and its lines with their names.
struct Picture {
    title: &'static str,
    lines: [(&'static str, Value); 2],
}

const LATENCY: Picture = Picture {
    title: "latency, ms",
    lines: [
        ("p50", |report| report.latency_ms(0.5)),
        ("p99", |report| report.latency_ms(0.99)),
    ],
};

const COST: Picture = Picture {
    title: "cost per message",
    lines: [
        ("datagrams", Report::datagrams_per_message),
        ("NACKs", Report::nacks_per_message),
    ],
};

pub(super) fn run(options: &Sim, path: &Path, output: &mut Output) -> Result<(), Failure> {
    chart::check_writable(path)?;
    let by_loss: Vec<_> = LOSSES
        .iter()
        .map(|loss| Sim {
            loss: Some(*loss),
            ..options.clone()
        })
        .collect();
    let by_size: Vec<_> = SIZES
        .iter()
        .map(|members| Sim {
            members: *members,
            senders: options.senders.min(*members),
            ..options.clone()
        })
        .collect();
    let loss_reports = merged(&by_loss)?;
    let size_reports = merged(&by_size)?;
    let losses: Vec<_> = LOSSES.iter().map(|loss| loss * 100.0).collect();
    // Group sizes are drawn as powers of two.
    let sizes: Vec<_> = SIZES.iter().map(|size| (*size as f64).log2()).collect();
    let svg = draw(options, (&losses, &loss_reports), (&sizes, &size_reports))?;
    chart::write(path, &svg)?;
    output.line(&format!("drawn: {}", path.display()))
}

fn draw(
    options: &Sim,
    losses: (&[f64], &[Report]),
    sizes: (&[f64], &[Report]),
) -> Result<String, Failure> {
    let titles = [summary(options), network(options)];
    let by_loss = |picture: &Picture| Chart {
        title: picture.title,
        axis: "loss, %",
        range: 0.0..30.0,
        powers: false,
        lines: lines(picture, losses),
    };
    let by_size = |picture: &Picture| Chart {
        title: picture.title,
        axis: "members",
        range: 1.0..8.0,
        powers: true,
        lines: lines(picture, sizes),
    };
    let charts = [
        by_loss(&LATENCY),
        by_size(&LATENCY),
        by_loss(&COST),
        by_size(&COST),
    ];
    chart::page(&titles, &charts)
}

/// The points of a picture's lines.
fn lines(
    picture: &Picture,
    (places, reports): (&[f64], &[Report]),
) -> Vec<(&'static str, Vec<(f64, f64)>)> {
    let points = |value: Value| {
        let places = places.iter().zip(reports);
        places
            .filter_map(|(at, report)| Some((*at, value(report)?)))
            .collect()
    };
    let lines = picture.lines.iter();
    lines.map(|(name, value)| (*name, points(*value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command};
    use clap::Parser;

    #[test]
    fn a_drawing_has_its_axes_and_lines_and_is_the_same_each_time() {
        let Command::Sim(options) = Cli::parse_from(["groupcast", "sim"]).command else {
            panic!("not sim");
        };
        let report = options.scenario().unwrap().run::<Box<groupcast::Board>>();
        let reports = [report.unwrap(), Report::default()];
        let drawn = || {
            let points: (&[_], &[_]) = (&[1.0, 5.0], &reports);
            draw(&options, points, points).unwrap()
        };
        let svg = drawn();
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
        for text in [
            "10 members",
            "latency, ms",
            "cost per message",
            "loss, %",
            "p99",
            "NACKs",
        ] {
            assert!(svg.contains(text), "{text}");
        }
        assert_eq!(svg, drawn());
    }
}
