//! Ctrl-C, SIGTERM and SIGHUP: the first asks the program to end, the second ends it.

use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;

use crate::failure::Failure;

/// How long the loop may wait before it looks again.
pub(crate) const LOOK: Duration = Duration::from_millis(200);

/// The exit code of those whom a second signal ends.
const ENDED: i32 = 130;

static REQUESTED: AtomicBool = AtomicBool::new(false);

pub(crate) fn install() -> Result<(), Failure> {
    ctrlc::set_handler(|| {
        if REQUESTED.swap(true, Ordering::SeqCst) {
            std::process::exit(ENDED);
        }
    })
    .map_err(|error| Failure::Trouble(format!("cannot listen to signals: {error}")))
}

pub(crate) fn end_requested() -> bool {
    REQUESTED.load(Ordering::SeqCst)
}
