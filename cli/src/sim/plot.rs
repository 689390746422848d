//! Four pictures in one file: latency and cost, against loss and against group size.

use core::fmt::Display;
use core::ops::Range;
use std::fs::{self, OpenOptions};
use std::io;
use std::path::Path;

use groupcast_sim::Report;
use plotters::coord::Shift;
use plotters::prelude::*;

use super::merged;
use super::options::Sim;
use super::table::{network, summary};
use crate::failure::Failure;
use crate::output::Output;

const SIZE: (u32, u32) = (1040, 780);

/// The losses and group sizes to draw.
const LOSSES: [f64; 9] = [0.0, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3];
const SIZES: [usize; 7] = [2, 5, 10, 20, 50, 100, 200];

/// Room above the highest point, for the legend.
const HEADROOM: f64 = 1.3;

const COLOURS: [RGBColor; 2] = [RGBColor(0x1f, 0x5f, 0xa8), RGBColor(0xc8, 0x4b, 0x1e)];

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

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
    // Before a minute of work, not after.
    let file = OpenOptions::new().append(true).create(true).open(path);
    file.map_err(|error| unwritable(path, &error))?;
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

    let mut svg = String::new();
    draw(
        &mut svg,
        options,
        (&losses, &loss_reports),
        (&sizes, &size_reports),
    )
    .map_err(trouble)?;
    fs::write(path, svg).map_err(|error| unwritable(path, &error))?;
    output.line(&format!("drawn: {}", path.display()))
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    Failure::Settings(format!("cannot write {}: {error}", path.display()))
}

fn trouble(error: impl Display) -> Failure {
    Failure::Trouble(format!("cannot draw: {error}"))
}

type Drawn<'a> = Result<(), DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>>;

fn draw<'a>(
    svg: &'a mut String,
    options: &Sim,
    (losses, loss_reports): (&[f64], &[Report]),
    (sizes, size_reports): (&[f64], &[Report]),
) -> Drawn<'a> {
    let root = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let font = ("sans-serif", 15);
    let root = root.titled(&summary(options), font)?;
    let root = root.titled(&network(options), font)?;
    let areas = root.split_evenly((2, 2));
    let percent = |loss: &f64| format!("{loss}");
    let members = |power: &f64| format!("{:.0}", power.exp2());
    let range = 0.0..30.0;
    let loss = "loss, %";
    chart(
        &areas[0],
        &LATENCY,
        loss,
        range.clone(),
        losses,
        loss_reports,
        &percent,
    )?;
    chart(
        &areas[2],
        &COST,
        loss,
        range,
        losses,
        loss_reports,
        &percent,
    )?;
    let range = 1.0..8.0;
    let size = "members";
    chart(
        &areas[1],
        &LATENCY,
        size,
        range.clone(),
        sizes,
        size_reports,
        &members,
    )?;
    chart(&areas[3], &COST, size, range, sizes, size_reports, &members)?;
    root.present()
}

fn chart<'a>(
    area: &Area<'a>,
    picture: &Picture,
    axis: &str,
    range: Range<f64>,
    places: &[f64],
    reports: &[Report],
    label: &dyn Fn(&f64) -> String,
) -> Drawn<'a> {
    let values = |value: Value| {
        let places = places.iter().zip(reports);
        places.filter_map(move |(at, report)| Some((*at, value(report)?)))
    };
    let highest = picture
        .lines
        .iter()
        .flat_map(|(_, value)| values(*value))
        .map(|(_, y)| y)
        .fold(0.1, f64::max);
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(56)
        .build_cartesian_2d(range, 0.0..highest * HEADROOM)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .x_desc(axis)
        .y_desc(picture.title)
        .x_label_formatter(label)
        .draw()?;
    for ((name, value), colour) in picture.lines.iter().zip(COLOURS) {
        let line = LineSeries::new(values(*value), colour.stroke_width(2)).point_size(3);
        chart
            .draw_series(line)?
            .label(*name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK.mix(0.3))
        .draw()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::{Cli, Command};
    use clap::Parser;

    #[test]
    fn a_drawing_has_its_axes_and_lines_and_is_the_same_each_time() {
        let Command::Sim(options) = Cli::parse_from(["groupcast", "sim"]).command else {
            panic!("not sim");
        };
        let report = options.scenario().unwrap().run::<Box<groupcast::Board>>();
        let reports = [report.unwrap(), Report::default()];
        let drawn = || {
            let mut svg = String::new();
            let points: (&[_], &[_]) = (&[1.0, 5.0], &reports);
            draw(&mut svg, &options, points, points).unwrap();
            svg
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
