//! The terminal as a whole screen, and the way back from it.

use core::mem::ManuallyDrop;
use core::sync::atomic::{AtomicBool, Ordering};
use std::io::{IsTerminal, Stdout, Write, stdin, stdout};
use std::sync::Once;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Instant;

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
use crate::signal;

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

/// Whether standard input was a terminal that is there no more: its window is closed, or the connection to it
/// is cut.
pub(crate) fn input_is_gone() -> bool {
    #[cfg(unix)]
    return is_hung_up(stdin());
    #[cfg(not(unix))]
    false
}

/// Whether standard output was one.
pub(crate) fn output_is_gone() -> bool {
    #[cfg(unix)]
    return is_hung_up(stdout());
    #[cfg(not(unix))]
    false
}

#[cfg(unix)]
fn is_hung_up(stream: impl std::os::fd::AsFd) -> bool {
    use rustix::io::Errno;
    use rustix::termios::tcgetattr;

    matches!(tcgetattr(stream), Err(Errno::IO | Errno::NXIO))
}

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
        IN_USE.store(true, Ordering::SeqCst);
        let taken = enable_raw_mode().and_then(|()| {
            execute!(stdout(), EnterAlternateScreen, EnableBracketedPaste)?;
            ratatui::Terminal::new(CrosstermBackend::new(stdout()))
        });
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

/// What the terminal was like before somebody was asked for what is not to be seen.
#[cfg(unix)]
static UNSEEN: std::sync::Mutex<Option<rustix::termios::Termios>> = std::sync::Mutex::new(None);

/// From now on, [`restore`] makes what is typed visible again, as it is now.
#[cfg(unix)]
pub(crate) fn remember_echo() {
    if let (Ok(mut unseen), Ok(now)) = (UNSEEN.lock(), rustix::termios::tcgetattr(stdin())) {
        *unseen = Some(now);
    }
}

/// Gives the screen back, if it was taken, and what is typed is seen again. A terminal that is gone cannot be helped.
pub(crate) fn restore() {
    #[cfg(unix)]
    if let Some(before) = UNSEEN.lock().ok().and_then(|mut unseen| unseen.take()) {
        use rustix::termios::{OptionalActions, tcsetattr};
        let _ = tcsetattr(stdin(), OptionalActions::Now, &before);
    }
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
