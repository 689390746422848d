//! The chat on the screen: what is drawn depends on the [`Room`] and the size of the window alone.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect, Size};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};

use groupcast::MemberId;

use super::history::{Entry, Receipt};
use super::people::{Person, Presence};
use super::room::Room;
use crate::text::cells::{Ordered, fit, width, wrap};
use crate::text::escape::escaped;

/// Windows of fewer columns have no list of members.
const WITH_MEMBERS: u16 = 60;

/// Columns of the list of members, with the line before it.
const MEMBERS: u16 = 24;

/// Histories of fewer columns have no times.
const WITH_TIME: usize = 50;

/// Columns of the name before a message at most.
const LABEL: usize = 24;

/// How far all lines of a message but the first are moved in.
const INDENT: usize = 2;

/// How many of those who do not have a message are named.
const NAMED: usize = 2;

const PROMPT: &str = "> ";

const QUIET: Style = Style::new().fg(Color::DarkGray);
const FOUND: Style = Style::new().add_modifier(Modifier::REVERSED);
const BOLD: Style = Style::new().add_modifier(Modifier::BOLD);
const COLOURS: [Color; 6] = [
    Color::Cyan,
    Color::Magenta,
    Color::Blue,
    Color::LightGreen,
    Color::LightRed,
    Color::LightBlue,
];

/// What is where in the window.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Layout {
    title: Rect,
    pub(crate) history: Rect,
    /// Of no width in narrow windows.
    members: Rect,
    rule: Rect,
    input: Rect,
}

impl Layout {
    pub(crate) const fn of(size: Size, hides_members: bool) -> Self {
        let Size { width, height } = size;
        // The line one types on is needed most, then the history, the title, and the rule.
        let input = if height > 0 { 1 } else { 0 };
        let title = if height > 2 { 1 } else { 0 };
        let rule = if height > 3 { 1 } else { 0 };
        let members = if width >= WITH_MEMBERS && !hides_members {
            MEMBERS
        } else {
            0
        };
        let between = height - input - title - rule;
        Self {
            title: Rect::new(0, 0, width, title),
            // A free column is between it and the list.
            history: Rect::new(0, title, width - members - (members > 0) as u16, between),
            members: Rect::new(width - members, title, members, between),
            rule: Rect::new(0, title + between, width, rule),
            input: Rect::new(0, height - input, width, input),
        }
    }
}

/// Draws all of it.
pub(crate) fn draw(frame: &mut Frame<'_>, room: &Room) {
    let layout = Layout::of(frame.area().as_size(), room.hides_members);
    let buffer = frame.buffer_mut();
    put(buffer, layout.title, 0, &title(room, layout));
    buffer.set_style(layout.title, Style::new().add_modifier(Modifier::REVERSED));
    draw_history(buffer, layout.history, room);
    draw_members(buffer, layout.members, room);
    put(buffer, layout.rule, 0, &rule(room, layout.rule.width));
    let columns = usize::from(layout.input.width).saturating_sub(PROMPT.len());
    let visible = room.input.visible(columns);
    let line = Line::from(vec![Span::styled(PROMPT, BOLD), Span::raw(visible.text)]);
    put(buffer, layout.input, 0, &line);
    if layout.input.height > 0 && layout.input.width > 0 {
        let column = cells(PROMPT.len() + visible.cursor).min(layout.input.width - 1);
        frame.set_cursor_position(Position::new(column, layout.input.y));
    }
}

/// How many rows an entry has in this window.
pub(crate) fn rows_of(room: &Room, number: u64, size: Size) -> usize {
    let columns = usize::from(Layout::of(size, room.hides_members).history.width);
    rows(room, number, columns).len().max(1)
}

fn title(room: &Room, layout: Layout) -> Line<'static> {
    let setting = &room.setting;
    let seal = if setting.sealed { " sealed " } else { " open " };
    // What is cut off in a narrow window comes last.
    let mut parts = Vec::new();
    if setting.mirrored {
        parts.push("mirrored raw".to_owned());
    }
    if layout.members.is_empty() {
        parts.push(format!("{} here", room.people.taking_part().count() + 1));
    }
    parts.push(escaped(&setting.place).to_string());
    let room_left = usize::from(layout.title.width).saturating_sub(seal.len());
    let rest = fit(&format!(" {}", parts.join(" · ")), room_left);
    let colour = if setting.sealed {
        Color::Green
    } else {
        Color::Yellow
    };
    Line::from(vec![Span::styled(seal, BOLD.fg(colour)), Span::raw(rest)])
}

fn rule(room: &Room, columns: u16) -> Line<'static> {
    let below = room.scroll.below(&room.history.numbers());
    let lines = room.input.count();
    let (text, style) = if room.wants_to_leave {
        (
            "── Ctrl-C again leaves, without what you have typed ".to_owned(),
            BOLD,
        )
    } else if let Some(search) = &room.search {
        let missing = search.at.is_none() && !search.text.is_empty();
        let found = if missing { " (not found)" } else { "" };
        let text = escaped(&search.text);
        (
            format!("── search: {text}{found} · Ctrl-R older · Enter stays · Esc returns "),
            BOLD,
        )
    } else if lines > 1 {
        (
            format!("── Enter sends {lines} messages · Ctrl-U deletes them "),
            BOLD,
        )
    } else if below > 0 {
        (format!("── {below} more below: PgDn "), BOLD)
    } else {
        (
            "── Enter sends · /help for more · Ctrl-C leaves ".to_owned(),
            QUIET,
        )
    };
    ruled(&text, style, usize::from(columns))
}

/// A line across, with a text at its beginning.
fn ruled(text: &str, style: Style, columns: usize) -> Line<'static> {
    let text = fit(text, columns);
    let rest = "─".repeat(columns - width(&text));
    Line::from(vec![Span::styled(text, style), Span::styled(rest, QUIET)])
}

fn draw_history(buffer: &mut Buffer, area: Rect, room: &Room) {
    let columns = usize::from(area.width);
    let numbers = room.history.numbers();
    let Some((last, mut hidden)) = room.scroll.bottom(&numbers) else {
        return;
    };
    // From the bottom up, as many as fit.
    let mut visible = Vec::new();
    for number in (numbers.start..=last).rev() {
        let mut rows = rows(room, number, columns);
        rows.truncate(rows.len().saturating_sub(hidden));
        hidden = 0;
        visible.extend(rows.into_iter().rev());
        if visible.len() >= usize::from(area.height) {
            break;
        }
    }
    visible.truncate(usize::from(area.height));
    for (y, row) in (0..area.height).zip(visible.iter().rev()) {
        put(buffer, area, y, row);
    }
}

/// The rows of an entry.
fn rows(room: &Room, number: u64, columns: usize) -> Vec<Line<'static>> {
    let Some((when, entry)) = room.history.timed(number) else {
        return Vec::new();
    };
    if let Entry::Divider { text } = entry {
        return vec![ruled(&format!("── {text} "), QUIET, columns)];
    }
    let has_time = columns >= WITH_TIME && !matches!(entry, Entry::Local { .. });
    let time = if has_time {
        let time = when.map_or_else(String::new, |when| room.setting.zone.of_day(when));
        vec![Span::styled(format!("{time:5} "), QUIET)]
    } else {
        Vec::new()
    };
    let is_found = room
        .search
        .as_ref()
        .is_some_and(|search| search.at == Some(number));
    let head = |spans: Vec<Span<'static>>| [time.clone(), spans].concat();
    match entry {
        Entry::Said {
            sender,
            note,
            text,
            is_mention,
            ..
        } => {
            let label = room.label_of(entry);
            let mut who = vec![Span::styled(short(&label, columns), of(*sender))];
            if !note.is_empty() {
                who.push(Span::styled(format!(" ({})", escaped(note)), QUIET));
            }
            who.push(Span::raw(": "));
            let style = if is_found {
                FOUND
            } else if *is_mention {
                BOLD.fg(Color::Yellow)
            } else {
                Style::new()
            };
            body(head(who), text, style, None, columns)
        }
        Entry::Own { text, receipt } => {
            let who = vec![
                Span::styled(short(&room.own_label(), columns), BOLD),
                Span::raw(": "),
            ];
            body(
                head(who),
                text,
                Style::new(),
                Some(mark(room, receipt)),
                columns,
            )
        }
        Entry::Raw { from, text } => {
            let who = vec![Span::styled(
                format!("{from} (raw): "),
                Style::new().fg(Color::Yellow),
            )];
            body(head(who), text, Style::new(), None, columns)
        }
        Entry::Change { text } => body(
            head(vec![Span::styled("* ", QUIET)]),
            text,
            QUIET,
            None,
            columns,
        ),
        Entry::Local { text } | Entry::Divider { text } => {
            body(Vec::new(), text, QUIET, None, columns)
        }
        Entry::Trouble { text } => {
            let style = Style::new().fg(Color::Red);
            body(
                head(vec![Span::styled("! ", style)]),
                text,
                style,
                None,
                columns,
            )
        }
    }
}

/// Who has a message.
fn mark(room: &Room, receipt: &Receipt) -> Span<'static> {
    let (count, wanted) = (receipt.count(), receipt.wanted());
    if wanted == 0 {
        return Span::styled(" (nobody is there)", QUIET);
    }
    let missing: Vec<_> = receipt.missing().collect();
    let mut text = format!(" ✓ {count}/{wanted}");
    if count > 0 && (1..=NAMED).contains(&missing.len()) {
        let names = missing.iter().map(|id| {
            let name = room.label(*id, room.people.name(*id));
            Ordered::new(&name).shown(0..name.len())
        });
        let names: Vec<_> = names.collect();
        text += &format!(", not {}", names.join(" and "));
    }
    let style = if missing.is_empty() {
        Style::new().fg(Color::Green)
    } else {
        QUIET
    };
    Span::styled(text, style)
}

/// A text in rows: after its head, and before its mark.
fn body(
    head: Vec<Span<'static>>,
    text: &str,
    style: Style,
    mark: Option<Span<'static>>,
    columns: usize,
) -> Vec<Line<'static>> {
    let text = escaped(text).to_string();
    let indent = if columns > 4 * INDENT { INDENT } else { 0 };
    let used: usize = head.iter().map(|span| width(&span.content)).sum();
    let rest = columns - indent;
    let lines = wrap(&text, columns.saturating_sub(used), rest);
    let ordered = Ordered::new(&text);
    let mut rows: Vec<Line<'static>> = Vec::with_capacity(lines.len());
    let mut start = head;
    let mut end = 0;
    for line in lines {
        let shown = ordered.shown(line);
        end = start.iter().map(|span| width(&span.content)).sum::<usize>() + width(&shown);
        start.push(Span::styled(shown, style));
        rows.push(Line::from(start));
        start = vec![Span::raw(" ".repeat(indent))];
    }
    if let Some(mark) = mark {
        match rows.last_mut() {
            Some(last) if end + width(&mark.content) <= columns => last.spans.push(mark),
            _ => {
                start.push(Span::styled(fit(mark.content.trim(), rest), mark.style));
                rows.push(Line::from(start));
            }
        }
    }
    rows
}

fn draw_members(buffer: &mut Buffer, area: Rect, room: &Room) {
    if area.is_empty() {
        return;
    }
    let line = Rect { width: 2, ..area };
    let list = Rect {
        x: area.x + 2,
        width: area.width - 2,
        ..area
    };
    for y in 0..area.height {
        put(buffer, line, y, &Line::styled("│", QUIET));
    }
    let people = room.people.sorted();
    let columns = usize::from(list.width);
    let here = people.iter().filter(|person| person.presence.is_here());
    let mut rows = vec![
        Line::styled(format!("{} here", here.count() + 1), BOLD),
        Line::from(vec![
            Span::styled(fit(&room.own_label(), columns.saturating_sub(6)), BOLD),
            Span::styled(" (you)", QUIET),
        ]),
    ];
    rows.extend(people.iter().map(|person| member(room, person, columns)));
    match room.people.onlookers() {
        0 => {}
        n => rows.push(Line::styled(
            fit(&format!("and {n} without a name"), columns),
            QUIET,
        )),
    }
    let height = usize::from(list.height);
    if rows.len() > height && height > 0 {
        let hidden = rows.len() - height + 1;
        rows.truncate(height - 1);
        rows.push(Line::styled(format!("and {hidden} more"), QUIET));
    }
    for (y, row) in (0..list.height).zip(&rows) {
        put(buffer, list, y, row);
    }
}

fn member(room: &Room, person: &Person, columns: usize) -> Line<'static> {
    let presence = match person.presence {
        Presence::Here => "",
        Presence::Suspect => " suspect",
        Presence::Left => " left",
        Presence::Lost => " lost",
    };
    let label = room.label(person.who.id, &person.who.name);
    let label = fit(&label, columns.saturating_sub(presence.len()));
    let label = Ordered::new(&label).shown(0..label.len());
    let style = if person.presence == Presence::Here {
        of(person.who.id)
    } else {
        QUIET
    };
    let colour = match person.presence {
        Presence::Suspect => Color::Yellow,
        Presence::Lost => Color::Red,
        _ => Color::DarkGray,
    };
    Line::from(vec![
        Span::styled(label, style),
        Span::styled(presence, Style::new().fg(colour)),
    ])
}

/// A name as it stands before a message.
fn short(label: &str, columns: usize) -> String {
    let label = fit(label, LABEL.min(columns / 2));
    Ordered::new(&label).shown(0..label.len())
}

/// How the name of a member looks: the same here and there.
fn of(member: MemberId) -> Style {
    // A remainder of 6 fits.
    BOLD.fg(COLOURS[(member.get() % 6) as usize])
}

/// Puts a line on a row of an area. What does not fit is cut off.
fn put(buffer: &mut Buffer, area: Rect, row: u16, line: &Line<'_>) {
    if row < area.height {
        buffer.set_line(area.x, area.y + row, line, area.width);
    }
}

fn cells(columns: usize) -> u16 {
    u16::try_from(columns).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests;
