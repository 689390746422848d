//! Ctrl-C and SIGTERM: a request to end, which the loops look at.

use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;

use crate::failure::Failure;
use crate::terminal;

/// How long a loop may wait before it looks again.
pub(crate) const LOOK: Duration = Duration::from_millis(100);

static REQUESTED: AtomicBool = AtomicBool::new(false);

/// Listens to the signals. The first asks the program to end politely, the second ends it.
pub(crate) fn install() -> Result<(), Failure> {
    ctrlc::set_handler(|| {
        if REQUESTED.swap(true, Ordering::Relaxed) {
            terminal::restore();
            std::process::exit(130);
        }
    })
    .map_err(|error| Failure::Trouble(format!("cannot listen to signals: {error}")))
}

/// Whether the program is asked to end.
pub(crate) fn end_requested() -> bool {
    REQUESTED.load(Ordering::Relaxed)
}
