//! The terminal as a whole screen, and the way back from it.

use core::sync::atomic::{AtomicBool, Ordering};
use std::io::{self, IsTerminal, Stdout, Write, stdin, stdout};
use std::sync::Once;
use std::sync::mpsc::{Receiver, sync_channel};

use ratatui::Frame;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::Show;
use ratatui::crossterm::event::{self, DisableBracketedPaste, EnableBracketedPaste, Event};
use ratatui::crossterm::execute;
use ratatui::crossterm::style::Print;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::layout::Size;

use crate::failure::Failure;

/// Keys that wait to be looked at, at most.
const WAITING: usize = 1024;

/// ECMA-48 BDSM: the terminal leaves the characters in the order in which they are sent, which is that of
/// [`Ordered`](crate::cells::Ordered). Terminals that order nothing ignore it.
const ORDER_IS_OURS: &str = "\u{1b}[8l";
const ORDER_IS_YOURS: &str = "\u{1b}[8h";

static IN_USE: AtomicBool = AtomicBool::new(false);
static HOOK: Once = Once::new();

/// Whether a person sits at standard input and output, and the terminal can do more than lines.
pub(crate) fn is_there() -> bool {
    let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    stdin().is_terminal() && stdout().is_terminal() && !is_dumb
}

/// The whole screen of the terminal. It is given back when this is dropped, when the program panics, and
/// by [`restore`].
#[derive(Debug)]
pub(crate) struct Terminal(ratatui::Terminal<CrosstermBackend<Stdout>>);

impl Terminal {
    /// Takes the screen.
    pub(crate) fn take() -> Result<Self, Failure> {
        HOOK.call_once(|| {
            let hook = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                restore();
                hook(panic);
            }));
        });
        IN_USE.store(true, Ordering::SeqCst);
        let taken = enable_raw_mode().and_then(|()| {
            execute!(
                stdout(),
                EnterAlternateScreen,
                EnableBracketedPaste,
                Print(ORDER_IS_OURS)
            )?;
            ratatui::Terminal::new(CrosstermBackend::new(stdout()))
        });
        taken.map(Self).map_err(|error| {
            restore();
            Failure::output(&error)
        })
    }

    pub(crate) fn draw(&mut self, draw: impl FnOnce(&mut Frame<'_>)) -> Result<(), Failure> {
        let drawn = self.0.draw(draw).map(|_| ());
        drawn.map_err(|error| Failure::output(&error))
    }

    /// Forgets what is on the screen, so that all of it is drawn again.
    pub(crate) fn clear(&mut self) -> Result<(), Failure> {
        self.0.clear().map_err(|error| Failure::output(&error))
    }

    pub(crate) fn size(&self) -> Result<Size, Failure> {
        self.0.size().map_err(|error| Failure::output(&error))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        restore();
    }
}

/// Gives the screen back, if it was taken. A terminal that is gone cannot be helped.
pub(crate) fn restore() {
    if IN_USE.swap(false, Ordering::SeqCst) {
        let _ = execute!(
            stdout(),
            Print(ORDER_IS_YOURS),
            DisableBracketedPaste,
            LeaveAlternateScreen,
            Show
        );
        let _ = disable_raw_mode();
        let _ = stdout().flush();
    }
}

/// What is typed, pasted, and resized, read by a thread of its own.
pub(crate) fn input() -> Receiver<io::Result<Event>> {
    let (sender, receiver) = sync_channel(WAITING);
    std::thread::spawn(move || {
        loop {
            let event = event::read();
            let failed = event.is_err();
            if sender.send(event).is_err() || failed {
                break;
            }
        }
    });
    receiver
}
