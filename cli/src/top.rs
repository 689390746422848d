//! `groupcast top`: members and streams, with rates and what is lost, as they change.
//!
//! It only hears the group: nobody there notices it, and what it misses it does not ask for.

mod numbers;
pub(crate) mod options;
mod order;
mod report;
mod screen;
mod series;
mod watcher;

use core::time::Duration;
use std::io::{IsTerminal, stdout};
use std::time::Instant;

use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::crossterm::terminal::size;

use crate::network::framing::Framing;
use crate::network::place::say_where;
use crate::network::socket::Ear;
use crate::network::unreadable::Unreadable;
use crate::options::Common;
use crate::output::Output;
use crate::process::clock::end_of;
use crate::process::failure::Failure;
use crate::process::signal;
use crate::process::terminal::{self, Terminal};
use crate::text::escape::escaped;
use options::Top;
use order::Key;
use screen::View;
use watcher::Watcher;

/// How long to listen for --once.
const ONCE: Duration = Duration::from_secs(3);

/// How long a key may wait.
const KEYS: Duration = Duration::from_millis(50);

/// Rows that a page key passes over.
const PAGE: usize = 10;

pub(crate) fn run(common: &Common, options: &Top) -> Result<(), Failure> {
    let mut ear = Ear::open(common)?;
    let framing = Framing::new(common, ear.group())?;
    say_where(common, ear.group(), ear.choice(), "id none (watching)");
    let mut watching = Watching {
        watcher: Watcher::new(Instant::now()),
        unreadable: Unreadable::new(ear.group(), framing.is_sealed()),
        ear: &mut ear,
        framing: &framing,
    };
    let timeout = options.timeout.or_else(|| options.once.then_some(ONCE));
    let end = end_of(timeout);
    if options.once || common.json || !stdout().is_terminal() {
        return watching.print(common, options, end);
    }
    watching.show(Terminal::take()?, options, end)
}

/// The group, and what was heard of it.
struct Watching<'w> {
    watcher: Watcher,
    unreadable: Unreadable,
    ear: &'w mut Ear,
    framing: &'w Framing,
}

impl Watching<'_> {
    /// Hears what has come, and waits for more, for `limit` at most. Whether a second is over.
    fn hear(&mut self, limit: Duration) -> Result<bool, Failure> {
        // A flood does not keep the screen from being drawn.
        let begun = Instant::now();
        let mut came = false;
        while begun.elapsed() < limit {
            let Some((datagram, source)) = self.ear.hear()? else {
                break;
            };
            came = true;
            let now = Instant::now();
            let stranger = self.watcher.heard(now, source, self.framing, datagram);
            if let Some(stranger) = stranger {
                self.unreadable.hear(now, &stranger);
            }
        }
        if !came {
            self.ear.wait(limit)?;
        }
        Ok(self.watcher.tick(Instant::now()))
    }

    /// Prints the tables: once at the end, or every second.
    fn print(
        &mut self,
        common: &Common,
        options: &Top,
        end: Option<Instant>,
    ) -> Result<(), Failure> {
        let mut output = Output::new(common.json);
        while !signal::end_requested() {
            let now = Instant::now();
            let left = end.map_or(signal::LOOK, |end| end.saturating_duration_since(now));
            if left.is_zero() {
                break;
            }
            if self.hear(left.min(signal::LOOK))? && !options.once {
                self.put(common, options, &mut output)?;
            }
            let now = Instant::now();
            self.watcher.unreadable = self.unreadable.text(now);
            // For people it stands above the tables.
            if let Some(text) = self.unreadable.news(now).filter(|_| common.json) {
                aside!("groupcast: {text}");
            }
        }
        if options.once {
            self.put(common, options, &mut output)?;
        }
        Ok(())
    }

    fn put(&self, common: &Common, options: &Top, output: &mut Output) -> Result<(), Failure> {
        let now = Instant::now();
        let order = options.order();
        let lines = if common.json {
            report::json(&self.watcher, self.ear.group(), order, now)
        } else {
            // A file and a program take all of it.
            let columns = stdout().is_terminal().then(|| size().ok()).flatten();
            let room = columns.map(|(columns, _)| usize::from(columns));
            report::lines(&self.watcher, order, room, now)
        };
        lines.iter().try_for_each(|line| output.line(line))
    }

    /// Shows the tables on the whole screen, until a key, a signal, or the end.
    fn show(
        &mut self,
        mut terminal: Terminal,
        options: &Top,
        end: Option<Instant>,
    ) -> Result<(), Failure> {
        let protection = if self.framing.is_sealed() {
            "sealed"
        } else {
            "open"
        };
        let title = format!(
            "groupcast top  {} via {}, {protection}",
            self.ear.group(),
            escaped(self.ear.choice().label())
        );
        // On a thread of its own: when the terminal is gone, reading may never end.
        let input = terminal::input();
        let mut view = View {
            order: options.order(),
            ..View::default()
        };
        let mut is_stale = true;
        let is_over = || signal::end_requested() || end.is_some_and(|end| Instant::now() >= end);
        while !is_over() && !terminal.is_gone() {
            if is_stale {
                let now = Instant::now();
                self.watcher.unreadable = self.unreadable.text(now);
                let watcher = &self.watcher;
                terminal.draw(|frame| screen::draw(frame, watcher, &title, &mut view, now))?;
            }
            is_stale = self.hear(KEYS)?;
            while let Ok(event) = input.try_recv() {
                is_stale = true;
                if let Event::Key(key) = event? {
                    match pressed(key, view) {
                        Some(now) => view = now,
                        None => return Ok(()),
                    }
                }
            }
        }
        Ok(())
    }
}

/// What is seen after a key; `None` to end.
fn pressed(key: KeyEvent, view: View) -> Option<View> {
    if key.kind == KeyEventKind::Release {
        return Some(view);
    }
    let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
    let tables = View {
        is_help: false,
        ..view
    };
    let at = view.scrolled[view.scrolls];
    let scrolled = |to| {
        let mut scrolled = view.scrolled;
        scrolled[view.scrolls] = to;
        Some(View { scrolled, ..tables })
    };
    let sorted = |order| Some(View { order, ..tables });
    match key.code {
        KeyCode::Char('q') => None,
        KeyCode::Char('c' | 'd') if is_control => None,
        _ if is_control => Some(view),
        KeyCode::Esc if !view.is_help => None,
        KeyCode::Char('?' | 'h') | KeyCode::F(1) => Some(View {
            is_help: !view.is_help,
            ..view
        }),
        KeyCode::Up | KeyCode::Char('k') => scrolled(at.saturating_sub(1)),
        KeyCode::Down | KeyCode::Char('j') => scrolled(at.saturating_add(1)),
        KeyCode::PageUp => scrolled(at.saturating_sub(PAGE)),
        KeyCode::PageDown => scrolled(at.saturating_add(PAGE)),
        KeyCode::Home => scrolled(0),
        // Drawing knows where that is.
        KeyCode::End => scrolled(usize::MAX),
        KeyCode::Tab | KeyCode::BackTab => Some(View {
            scrolls: 1 - view.scrolls,
            ..tables
        }),
        KeyCode::Right => sorted(view.order.moved(1)),
        KeyCode::Left => sorted(view.order.back()),
        KeyCode::Char(letter) => match Key::typed(letter) {
            Some(key) => sorted(view.order.by(key)),
            None => Some(tables),
        },
        _ => Some(tables),
    }
}

#[cfg(test)]
mod tests;
