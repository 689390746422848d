//! The terminal: whether it is there, and the way back from what was done to it.

use core::sync::atomic::{AtomicBool, Ordering};
use std::io::{self, IsTerminal, Write, stdin, stdout};

use ratatui::crossterm::cursor::Show;
use ratatui::crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use ratatui::crossterm::execute;
use ratatui::crossterm::style::Print;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};

/// ECMA-48 BDSM: the terminal leaves the characters in the order in which they are sent, which is that of
/// [`Ordered`](crate::text::cells::Ordered). Terminals that order nothing ignore it.
pub(crate) const ORDER_IS_OURS: &str = "\u{1b}[8l";
const ORDER_IS_YOURS: &str = "\u{1b}[8h";

static IN_USE: AtomicBool = AtomicBool::new(false);

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

/// Takes the whole screen. [`restore`] gives it back, also where this failed halfway.
pub(crate) fn enter() -> io::Result<()> {
    IN_USE.store(true, Ordering::SeqCst);
    enable_raw_mode()?;
    execute!(stdout(), EnterAlternateScreen, EnableBracketedPaste)
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
