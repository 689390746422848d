//! What a player sees, and the keys.

use core::time::Duration;

use groupcast::MemberId;
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::Line;
use ratatui::widgets::{Block, Paragraph, Wrap};
use ratatui::{DefaultTerminal, Frame};

use crate::Result;
use crate::field::{COLUMNS, Direction, Point, ROWS, UNITS};
use crate::game::{COIN_POINTS, Game, HIT_POINTS, Input, Phase};
use crate::text::{fit, plain};

const HELP: &str = "arrows run, space shoots, . stops, q leaves";

/// What a score needs, with its frame.
const TABLE: u16 = 24;

/// On less one cannot play: columns and rows.
const LEAST: (u16, u16) = (60, 16);

const COLOURS: [Color; 6] = [
    Color::Green,
    Color::Magenta,
    Color::Cyan,
    Color::Red,
    Color::Blue,
    Color::Yellow,
];

const COIN: Color = Color::Yellow;
const OWN_COIN: Color = Color::DarkGray;

/// The terminal; it is as it was before when this is dropped.
#[derive(Debug)]
pub(crate) struct Screen {
    terminal: DefaultTerminal,
    /// The group, and how it is reached.
    place: String,
}

impl Screen {
    pub(crate) fn new(place: &str) -> Result<Self> {
        Ok(Self {
            terminal: ratatui::try_init()?,
            place: place.to_owned(),
        })
    }

    pub(crate) fn draw(&mut self, game: &Game, name: &str) -> Result<()> {
        let place = &self.place;
        self.terminal.draw(|frame| draw(frame, game, name, place))?;
        Ok(())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        ratatui::restore();
    }
}

/// What was pressed since the last tick; `None` to leave.
pub(crate) fn input() -> Result<Option<Input>> {
    let mut input = Input::default();
    while event::poll(Duration::ZERO)? {
        let Event::Key(key) = event::read()? else {
            continue;
        };
        if key.kind == KeyEventKind::Release {
            continue;
        }
        match key.code {
            KeyCode::Up => input.turn = Some(Some(Direction::Up)),
            KeyCode::Down => input.turn = Some(Some(Direction::Down)),
            KeyCode::Left => input.turn = Some(Some(Direction::Left)),
            KeyCode::Right => input.turn = Some(Some(Direction::Right)),
            KeyCode::Char('.') => input.turn = Some(None),
            KeyCode::Char(' ') => input.shoot = true,
            KeyCode::Char('q') | KeyCode::Esc => return Ok(None),
            KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => return Ok(None),
            _ => {}
        }
    }
    Ok(Some(input))
}

pub(crate) fn draw(frame: &mut Frame<'_>, game: &Game, name: &str, place: &str) {
    let area = frame.area();
    if area.width < LEAST.0 || area.height < LEAST.1 {
        let text = format!(
            "q leaves. The arena needs {}×{} cells, not {}×{}: make this larger.",
            LEAST.0, LEAST.1, area.width, area.height
        );
        frame.render_widget(Paragraph::new(text).wrap(Wrap { trim: true }), area);
        return;
    }
    let [field, table] =
        Layout::horizontal([Constraint::Min(0), Constraint::Length(TABLE)]).areas(area);
    let title = fit(&format!(" arena  {place} "), usize::from(field.width) - 2);
    let block = Block::bordered().title(title).title_bottom(HELP);
    let inner = block.inner(field);
    frame.render_widget(block, field);
    draw_field(frame.buffer_mut(), inner, game);

    let block = Block::bordered().title(state(game));
    let inner = block.inner(table);
    frame.render_widget(block, table);
    let (scores, legend) = (scores(game, name, inner.width), legend());
    // Whoever has no room for both knows the signs by then.
    let has_room = scores.len() + legend.len() < usize::from(inner.height);
    let below = if has_room { legend.len() as u16 } else { 0 };
    let [upper, lower] =
        Layout::vertical([Constraint::Min(0), Constraint::Length(below)]).areas(inner);
    frame.render_widget(Paragraph::new(scores), upper);
    frame.render_widget(Paragraph::new(legend), lower);
}

/// What the signs on the field mean.
fn legend() -> Vec<Line<'static>> {
    vec![
        Line::raw("@ you; o while safe"),
        Line::styled("a others, by letter", COLOURS[0]),
        Line::styled(format!("$ coin: {COIN_POINTS} point"), COIN),
        Line::styled("$ yours: for others", OWN_COIN),
        Line::raw(format!("* shot: a hit is {HIT_POINTS}")),
    ]
}

fn state(game: &Game) -> String {
    match game.phase() {
        Phase::Meeting(_) => " waiting for players ".to_owned(),
        Phase::Playing(None) => " scores ".to_owned(),
        Phase::Playing(Some(end)) => {
            let left = end.saturating_sub(game.now()) / crate::field::TICKS_PER_SECOND;
            format!(" {left} s left ")
        }
        Phase::Over => " the end ".to_owned(),
    }
}

fn draw_field(buffer: &mut Buffer, area: Rect, game: &Game) {
    let mut put = |at: Point, symbol: &str, style: Style| {
        // The field has the size of the screen.
        let scaled = |value: i16, cells: i16, size: u16| {
            (u32::from(value.unsigned_abs()) * u32::from(size)
                / u32::from((cells * UNITS).unsigned_abs())) as u16
        };
        let x = area.x + scaled(at.x, COLUMNS, area.width);
        let y = area.y + scaled(at.y, ROWS, area.height);
        if let Some(cell) = buffer.cell_mut((x, y)) {
            cell.set_symbol(symbol).set_style(style);
        }
    };
    for at in game.coins_to_take() {
        put(at, "$", COIN.into());
    }
    for coin in game.own_coins() {
        put(coin.at, "$", OWN_COIN.into());
    }
    for shot in game.shots() {
        put(shot.at, "*", colour(shot.by));
    }
    for (id, other) in game.players() {
        if let Some(position) = other.shown(game.now()).filter(|_| !other.is_gone) {
            put(position.at, letter(&other.name), colour(*id));
        }
    }
    let own = Style::new().add_modifier(Modifier::BOLD | Modifier::REVERSED);
    let symbol = if game.is_safe() { "o" } else { "@" };
    put(game.position().at, symbol, own);
}

fn scores(game: &Game, name: &str, width: u16) -> Vec<Line<'static>> {
    // Points and a space before it.
    let room = usize::from(width).saturating_sub(6);
    let own = (
        game.counted(game.id()),
        name.to_owned(),
        Style::new().bold(),
    );
    let mut all: Vec<_> = game
        .players()
        .iter()
        .map(|(id, other)| {
            let style = match other.is_gone {
                true => Style::new().fg(Color::DarkGray),
                false => colour(*id),
            };
            (other.points(), other.name.clone(), style)
        })
        .chain([own])
        .collect();
    all.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    all.into_iter()
        .map(|(points, name, style)| {
            let name = fit(&plain(&name), room);
            Line::styled(format!("{points:5} {name}"), style)
        })
        .collect()
}

fn colour(id: MemberId) -> Style {
    Style::new().fg(COLOURS[id.get() as usize % COLOURS.len()])
}

/// How a player is drawn: by the first letter of its name, if that is plain.
fn letter(name: &str) -> &str {
    match name.chars().next() {
        Some(first) if first.is_ascii_graphic() => &name[..1],
        _ => "&",
    }
}
