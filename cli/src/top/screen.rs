//! What was heard, on the whole screen.

use std::time::Instant;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Wrap};

use super::order::{Key, Order};
use super::report::{self, MEMBERS, Shown, summary};
use super::watcher::Watcher;
use crate::text::cells;

const BOLD: Style = Style::new().add_modifier(Modifier::BOLD);
const DIM: Style = Style::new().add_modifier(Modifier::DIM);
/// The heading by which the rows are sorted.
const SORTED: Style = BOLD.add_modifier(Modifier::REVERSED);

/// What the user chose to see.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct View {
    pub(crate) order: Order,
    /// Which table is scrolled: that of members, or that of streams.
    pub(crate) scrolls: usize,
    /// How many rows of each are passed over.
    pub(crate) scrolled: [usize; 2],
    /// The keys, and what the columns mean, instead of the tables.
    pub(crate) is_help: bool,
}

/// Draws members above, streams below.
pub(crate) fn draw(
    frame: &mut Frame<'_>,
    watcher: &Watcher,
    title: &str,
    view: &mut View,
    now: Instant,
) {
    let area = frame.area();
    let room = usize::from(area.width);
    let totals = summary(watcher, now);
    let totals = cells::wrap(&totals, room, room)
        .into_iter()
        .map(|line| Line::raw(totals[line].to_owned()));
    let totals: Vec<_> = totals.collect();
    let [head, below, _, tables, keys] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(short(totals.len())),
        Constraint::Length(1),
        Constraint::Min(0),
        Constraint::Length(1),
    ])
    .areas(area);
    frame.render_widget(Line::styled(cells::fit(title, room), BOLD), head);
    frame.render_widget(Paragraph::new(totals), below);
    if view.is_help {
        help(frame, tables, view);
        frame.render_widget(Line::styled("q quit  any other key: back", DIM), keys);
        return;
    }
    let members = report::members(watcher, view.order, Some(room), now);
    let streams = report::streams(watcher, view.order, Some(room), now);
    let (upper, lower) = shared(tables, members.table.rows.len(), streams.table.rows.len());
    let places = [
        table(frame, upper, &members, &mut view.scrolled[0]),
        table(frame, lower, &streams, &mut view.scrolled[1]),
    ];
    let is_hidden = |place: &Place| place.seen < place.all;
    let mut line = "q quit  ? help  ← → sort".to_owned();
    if places.iter().all(is_hidden) {
        line += "  Tab ↑ ↓ scroll";
    } else if places.iter().any(is_hidden) {
        line += "  ↑ ↓ scroll";
        // There is only one to scroll.
        view.scrolls = usize::from(is_hidden(&places[1]));
    }
    let Place { first, seen, all } = &places[view.scrolls];
    if seen < all {
        let what = ["members", "streams"][view.scrolls];
        line += &format!("  {what} {}-{} of {all}", first + 1, first + seen);
    }
    frame.render_widget(Line::styled(cells::fit(&line, room), DIM), keys);
}

/// Which rows of a table are seen.
struct Place {
    first: usize,
    seen: usize,
    all: usize,
}

/// The places of both tables, of so many rows with their headings. What members do not need is the streams',
/// which get a third where there is not enough for all.
fn shared(area: Rect, members: usize, streams: usize) -> (Rect, Rect) {
    // Between the two is an empty line.
    let third = (streams + 1).min(usize::from(area.height) / 3);
    let third = if streams > 1 { short(third) } else { 0 };
    let upper = short(members).min(area.height.saturating_sub(third));
    let [upper, _, lower] = Layout::vertical([
        Constraint::Length(upper),
        Constraint::Length(1),
        Constraint::Min(0),
    ])
    .areas(area);
    (upper, lower)
}

/// Draws a table. One cannot scroll further than to its end.
fn table(frame: &mut Frame<'_>, area: Rect, shown: &Shown, scrolled: &mut usize) -> Place {
    let (headings, rows) = match shown.table.rows.split_first() {
        Some((headings, rows)) if !rows.is_empty() => (headings.as_slice(), rows),
        _ => (&[][..], &[][..]),
    };
    let spans = headings.iter().enumerate().flat_map(|(at, heading)| {
        let gap = if at > 0 { "  " } else { "" };
        if shown.sorted != Some(at) {
            return [
                Span::styled(gap, BOLD),
                Span::styled(heading.as_str(), BOLD),
                Span::raw(""),
            ];
        }
        // Only the word is marked.
        let word = heading.trim();
        let mark = Span::styled(word, SORTED);
        let blank = |count: usize| Span::raw(" ".repeat(count));
        let before = heading.len() - heading.trim_start().len();
        let after = heading.len() - heading.trim_end().len();
        [blank(gap.len() + before), mark, blank(after)]
    });
    let room = usize::from(area.height.saturating_sub(1));
    *scrolled = (*scrolled).min(rows.len().saturating_sub(room));
    let seen: Vec<_> = rows.iter().skip(*scrolled).take(room).collect();
    let place = Place {
        first: *scrolled,
        seen: seen.len(),
        all: rows.len(),
    };
    let lines = seen
        .into_iter()
        .map(|row| Line::raw(crate::text::columns::joined(row)));
    let all: Vec<_> = core::iter::once(Line::from_iter(spans))
        .chain(lines)
        .collect();
    frame.render_widget(Paragraph::new(all), area);
    place
}

/// What the columns mean, and which key sorts by which.
fn help(frame: &mut Frame<'_>, area: Rect, view: &View) {
    let mut lines = vec![Line::styled("KEY  SORTS BY", BOLD)];
    for (column, key, what) in MEMBERS {
        let letter = key.map_or(' ', Key::letter);
        let style = match key {
            Some(key) if key == view.order.key => SORTED,
            _ => Style::new(),
        };
        lines.push(Line::from_iter([
            Span::raw(format!(" {letter}   ")),
            Span::styled(column.heading, style),
            Span::raw(format!("{:w$}{what}", "", w = 11 - column.heading.len())),
        ]));
    }
    let more = [
        "",
        "← →  sort by another column; the same key again turns round",
        "↑ ↓  scroll, as do PgUp, PgDn, Home and End; Tab: streams",
        "Where there is no room for all columns, some are left out.",
        "MISSING and GAPS are of this machine; others may have all.",
    ];
    lines.extend(more.map(Line::raw));
    let text = Paragraph::new(lines).wrap(Wrap { trim: false });
    frame.render_widget(text, area);
}

fn short(count: usize) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX)
}
