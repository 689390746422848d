//! The terminal as a whole screen: what is drawn, and what is typed.

use core::mem::ManuallyDrop;
use std::io::{Stdout, stdout};
use std::sync::Once;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Instant;

use ratatui::Frame;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::event::{self, Event};
use ratatui::crossterm::execute;
use ratatui::crossterm::style::Print;
use ratatui::layout::Size;

use super::failure::Failure;
use super::signal;
use super::tty::{ORDER_IS_OURS, enter, input_is_gone, output_is_gone, restore};

/// Keys that wait to be looked at, at most.
const WAITING: usize = 1024;

static HOOK: Once = Once::new();

/// The whole screen of the terminal. It is given back when this is dropped, when the program panics, and
/// by [`restore`].
#[derive(Debug)]
pub(crate) struct Terminal {
    /// Its own end would be told on standard error where the cursor cannot be shown again, and panic if that is
    /// gone, too.
    inner: ManuallyDrop<ratatui::Terminal<CrosstermBackend<Stdout>>>,
    looked: Instant,
}

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
        let taken = enter().and_then(|()| ratatui::Terminal::new(CrosstermBackend::new(stdout())));
        let looked = Instant::now();
        let taken = taken.map(ManuallyDrop::new);
        taken.map(|inner| Self { inner, looked }).map_err(|error| {
            restore();
            Failure::output(&error)
        })
    }

    pub(crate) fn draw(&mut self, draw: impl FnOnce(&mut Frame<'_>)) -> Result<(), Failure> {
        let drawn = self.inner.draw(draw).map(|_| ());
        drawn.map_err(|error| Failure::output(&error))
    }

    /// From now on, what is drawn stands in the order in which it is to be seen.
    pub(crate) fn order_is_ours(&mut self) -> Result<(), Failure> {
        let asked = execute!(stdout(), Print(ORDER_IS_OURS));
        asked.map_err(|error| Failure::output(&error))
    }

    /// Rings the bell.
    pub(crate) fn ring(&mut self) -> Result<(), Failure> {
        execute!(stdout(), Print('\u{7}')).map_err(|error| Failure::output(&error))
    }

    /// Whether it is gone. Nobody says so while nothing is drawn, and a keyboard that is gone is only silent.
    pub(crate) fn is_gone(&mut self) -> bool {
        if self.looked.elapsed() < signal::LOOK {
            return false;
        }
        self.looked = Instant::now();
        input_is_gone() || output_is_gone()
    }

    /// Forgets what is on the screen, so that all of it is drawn again.
    pub(crate) fn clear(&mut self) -> Result<(), Failure> {
        self.inner.clear().map_err(|error| Failure::output(&error))
    }

    pub(crate) fn size(&self) -> Result<Size, Failure> {
        self.inner.size().map_err(|error| Failure::output(&error))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        restore();
    }
}

/// What is typed, pasted, and resized, read by a thread of its own. It ends with the terminal.
pub(crate) fn input() -> Receiver<Result<Event, Failure>> {
    let (sender, receiver) = sync_channel(WAITING);
    std::thread::spawn(move || {
        loop {
            let event = match event::read() {
                Err(_) if input_is_gone() => break,
                event => event.map_err(|error| {
                    Failure::Trouble(format!("cannot read the keyboard: {error}"))
                }),
            };
            let failed = event.is_err();
            if sender.send(event).is_err() || failed {
                break;
            }
        }
    });
    receiver
}
