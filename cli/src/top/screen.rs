//! What was heard, on the whole screen.

use std::time::Instant;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::Line;
use ratatui::widgets::{Row, Table};

use super::report::{MEMBER_HEADINGS, STREAM_HEADINGS, member_rows, stream_rows, summary};
use super::watcher::Watcher;

const BOLD: Style = Style::new().add_modifier(Modifier::BOLD);
const DIM: Style = Style::new().add_modifier(Modifier::DIM);

/// Draws members above, streams below. `scrolled`: how many rows of each are passed over.
pub(crate) fn draw(
    frame: &mut Frame<'_>,
    watcher: &Watcher,
    title: &str,
    scrolled: usize,
    now: Instant,
) {
    let members = member_rows(watcher, now);
    let streams = stream_rows(watcher);
    let [head, totals, upper, lower, keys] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(2),
        // What members do not need is the streams'.
        Constraint::Max(u16::try_from(members.len() + 2).unwrap_or(u16::MAX)),
        Constraint::Min(0),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    frame.render_widget(Line::styled(title, BOLD), head);
    frame.render_widget(Line::raw(summary(watcher, now)), totals);
    table(frame, upper, MEMBER_HEADINGS, &members, scrolled);
    table(frame, lower, STREAM_HEADINGS, &streams, scrolled);
    frame.render_widget(Line::styled("q quit   ↑ ↓ scroll", DIM), keys);
}

/// Draws a table, each column as wide as it needs to be.
fn table<const COLUMNS: usize>(
    frame: &mut Frame<'_>,
    area: Rect,
    headings: [&str; COLUMNS],
    rows: &[[String; COLUMNS]],
    scrolled: usize,
) {
    let width = |text: &str| Line::raw(text).width();
    let widths = headings.iter().enumerate().map(|(column, heading)| {
        let cells = rows.iter().map(|row| width(&row[column]));
        let widest = cells.max().unwrap_or(0).max(width(heading));
        Constraint::Length(u16::try_from(widest).unwrap_or(u16::MAX))
    });
    // The last row stays in sight.
    let passed = scrolled.min(rows.len().saturating_sub(1));
    let shown = rows.iter().skip(passed);
    let table = Table::new(
        shown.map(|row| Row::new(row.iter().map(String::as_str))),
        widths,
    )
    .header(Row::new(headings).style(BOLD))
    .column_spacing(2);
    frame.render_widget(table, area);
}
