//! `groupcast top`: members and streams, with rates and what is lost, as they change.
//!
//! It only hears the group: nobody there notices it, and what it misses it does not ask for.

mod numbers;
mod report;
mod screen;
mod series;
mod watcher;

use core::time::Duration;
use std::io::{IsTerminal, stdout};
use std::time::Instant;

use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};

use crate::escape::escaped;
use crate::failure::Failure;
use crate::framing::Framing;
use crate::options::{Common, Top};
use crate::output::Output;
use crate::session::{end_of, say_where};
use crate::signal;
use crate::socket::Ear;
use crate::terminal::{self, Terminal};

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
        ear: &mut ear,
        framing: &framing,
    };
    let timeout = options.timeout.or_else(|| options.once.then_some(ONCE));
    let end = end_of(timeout);
    if options.once || common.json || !stdout().is_terminal() {
        return watching.print(common, options, end);
    }
    watching.show(Terminal::take()?, end)
}

/// The group, and what was heard of it.
struct Watching<'w> {
    watcher: Watcher,
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
            self.watcher
                .heard(Instant::now(), source, self.framing, datagram);
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
                self.put(common, &mut output)?;
            }
        }
        if options.once {
            self.put(common, &mut output)?;
        }
        Ok(())
    }

    fn put(&self, common: &Common, output: &mut Output) -> Result<(), Failure> {
        let now = Instant::now();
        let lines = if common.json {
            report::json(&self.watcher, self.ear.group(), now)
        } else {
            report::lines(&self.watcher, now)
        };
        lines.iter().try_for_each(|line| output.line(line))
    }

    /// Shows the tables on the whole screen, until a key, a signal, or the end.
    fn show(&mut self, mut terminal: Terminal, end: Option<Instant>) -> Result<(), Failure> {
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
        let mut scrolled = 0;
        let mut is_stale = true;
        let is_over = || signal::end_requested() || end.is_some_and(|end| Instant::now() >= end);
        while !is_over() && !terminal.is_gone() {
            if is_stale {
                let watcher = &self.watcher;
                let now = Instant::now();
                terminal.draw(|frame| screen::draw(frame, watcher, &title, scrolled, now))?;
            }
            is_stale = self.hear(KEYS)?;
            while let Ok(event) = input.try_recv() {
                is_stale = true;
                if let Event::Key(key) = event? {
                    match scroll(key, scrolled) {
                        Some(now) => scrolled = now,
                        None => return Ok(()),
                    }
                }
            }
        }
        Ok(())
    }
}

/// How far to scroll after a key; `None` to end.
fn scroll(key: KeyEvent, scrolled: usize) -> Option<usize> {
    let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        KeyCode::Char('q') | KeyCode::Esc => None,
        KeyCode::Char('c' | 'd') if is_control => None,
        KeyCode::Up | KeyCode::Char('k') => Some(scrolled.saturating_sub(1)),
        KeyCode::Down | KeyCode::Char('j') => Some(scrolled + 1),
        KeyCode::PageUp => Some(scrolled.saturating_sub(PAGE)),
        KeyCode::PageDown => Some(scrolled + PAGE),
        KeyCode::Home => Some(0),
        _ => Some(scrolled),
    }
}

#[cfg(test)]
mod tests;
