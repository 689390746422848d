//! Pictures of figures: charts of lines, several on a page, as SVG.

use core::fmt::Display;
use core::ops::Range;
use std::fs::{self, OpenOptions};
use std::io;
use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::*;

use crate::process::failure::Failure;

/// The size of one chart.
const SIZE: (u32, u32) = (520, 350);

/// What a line of text above the charts takes.
const TITLE: u32 = 30;

/// Labels of an axis at most.
const LABELS: usize = 11;

/// Room above the highest point, for the legend.
const HEADROOM: f64 = 1.3;

const COLOURS: [RGBColor; 2] = [RGBColor(0x1f, 0x5f, 0xa8), RGBColor(0xc8, 0x4b, 0x1e)];

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn<'a> = Result<(), DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>>;

/// One picture: up to two lines through points.
pub(crate) struct Chart<'c> {
    /// What is drawn, with its unit.
    pub(crate) title: &'c str,
    /// What it is drawn against.
    pub(crate) axis: &'c str,
    pub(crate) range: Range<f64>,
    /// Whether places are powers of two; they are labelled as what they are.
    pub(crate) powers: bool,
    /// Each with its name.
    pub(crate) lines: Vec<(&'c str, Vec<(f64, f64)>)>,
}

/// Draws charts two in a row, below lines of text.
pub(crate) fn page(titles: &[String], charts: &[Chart<'_>]) -> Result<String, Failure> {
    let mut svg = String::new();
    draw(&mut svg, titles, charts).map_err(trouble)?;
    Ok(svg)
}

fn draw<'a>(svg: &'a mut String, titles: &[String], charts: &[Chart<'_>]) -> Drawn<'a> {
    let rows = charts.len().div_ceil(2);
    let height = u32::try_from(rows).unwrap_or(1) * SIZE.1;
    let above = u32::try_from(titles.len()).unwrap_or(0) * TITLE;
    let size = (2 * SIZE.0, height + above);
    let mut root = SVGBackend::with_string(svg, size).into_drawing_area();
    root.fill(&WHITE)?;
    for title in titles {
        root = root.titled(title, ("sans-serif", 15))?;
    }
    for (area, chart) in root.split_evenly((rows, 2)).iter().zip(charts) {
        draw_one(area, chart)?;
    }
    root.present()
}

fn draw_one<'a>(area: &Area<'a>, picture: &Chart<'_>) -> Drawn<'a> {
    let points = picture.lines.iter().flat_map(|(_, points)| points);
    let highest = points.map(|(_, y)| *y).fold(0.1, f64::max);
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(56)
        .build_cartesian_2d(picture.range.clone(), 0.0..highest * HEADROOM)?;
    let Range { start, end } = picture.range;
    let (label, labels): (&dyn Fn(&f64) -> String, _) = if picture.powers {
        // At whole powers.
        let powers = (end - start).ceil() as usize + 1;
        (&|power: &f64| format!("{:.0}", power.exp2()), powers)
    } else {
        (&f64::to_string, LABELS)
    };
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .x_desc(picture.axis)
        .y_desc(picture.title)
        .x_labels(labels)
        .x_label_formatter(label)
        .draw()?;
    for ((name, points), colour) in picture.lines.iter().zip(COLOURS) {
        let points = points.iter().copied();
        let line = LineSeries::new(points, colour.stroke_width(2)).point_size(3);
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

/// Whether a page can be written to `path`: before a minute of work, not after.
pub(crate) fn check_writable(path: &Path) -> Result<(), Failure> {
    let file = OpenOptions::new().append(true).create(true).open(path);
    file.map(|_| ()).map_err(|error| unwritable(path, &error))
}

/// Writes a page.
pub(crate) fn write(path: &Path, svg: &str) -> Result<(), Failure> {
    fs::write(path, svg).map_err(|error| unwritable(path, &error))
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    Failure::Settings(format!("cannot write {}: {error}", path.display()))
}

fn trouble(error: impl Display) -> Failure {
    Failure::Trouble(format!("cannot draw: {error}"))
}
