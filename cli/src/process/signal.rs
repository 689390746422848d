//! Ctrl-C, SIGTERM and SIGHUP: a request to end, which the loops look at.
//!
//! A signal that was ignored when the program began stays ignored, as `nohup` and shells that start something
//! in the background mean it.

use core::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use core::time::Duration;
use std::time::Instant;

use super::failure::Failure;
use super::tty;

/// How long a loop may wait before it looks again.
pub(crate) const LOOK: Duration = Duration::from_millis(100);

/// The exit code of those whom a signal ends before they are done.
const ENDED: i32 = 130;

static REQUESTED: AtomicBool = AtomicBool::new(false);

/// How many wait for something that no loop can look away from.
static HELD: AtomicU32 = AtomicU32::new(0);

/// How many messages are lost if the program ends now.
static UNSENT: AtomicUsize = AtomicUsize::new(0);

/// Signals that follow one another so quickly are one: `timeout` sends two, and nobody types so fast.
const TOGETHER: Duration = Duration::from_millis(200);

/// Listens to the signals. The first asks the program to end politely, the second ends it.
pub(crate) fn install() -> Result<(), Failure> {
    let mut first = None;
    system::listen(move || {
        REQUESTED.store(true, Ordering::SeqCst);
        let first = *first.get_or_insert_with(Instant::now);
        if first.elapsed() >= TOGETHER || HELD.load(Ordering::SeqCst) > 0 {
            end();
        }
    })
    .map_err(|error| Failure::Trouble(format!("cannot listen to signals: {error}")))
}

/// Whether the program is asked to end.
pub(crate) fn end_requested() -> bool {
    REQUESTED.load(Ordering::SeqCst)
}

/// Does what may wait for others for ever, such as opening a FIFO or looking up a name, before there is
/// anybody to say good-bye to: meanwhile, the first signal ends the program.
pub(crate) fn ends_at_once<T>(wait: impl FnOnce() -> T) -> T {
    HELD.fetch_add(1, Ordering::SeqCst);
    if end_requested() {
        end();
    }
    let done = wait();
    HELD.fetch_sub(1, Ordering::SeqCst);
    done
}

/// So many messages wait to be sent: whoever ends the program at once is told what that loses.
pub(crate) fn would_lose(unsent: usize) {
    UNSENT.store(unsent, Ordering::SeqCst);
}

/// Ends the program as a second signal does.
pub(crate) fn end() -> ! {
    tty::restore();
    let unsent = UNSENT.load(Ordering::SeqCst);
    if unsent > 0 {
        aside!("groupcast: ended at once: {unsent} messages were not sent");
    }
    std::process::exit(ENDED);
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod system {
    use std::fs;
    use std::io;

    use nix::sys::signal::{SigSet, Signal};

    /// Nobody but a thread of its own sees the signals: no other is disturbed, and it needs no socket.
    pub(super) fn listen(mut ended: impl FnMut() + Send + 'static) -> io::Result<()> {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let ignored = ignored(&status);
        let mut wanted = SigSet::empty();
        for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
            if ignored >> (signal as i32 - 1) & 1 == 0 {
                wanted.add(signal);
            }
        }
        wanted.thread_block()?;
        std::thread::Builder::new().spawn(move || {
            while wanted.wait().is_ok() {
                ended();
            }
        })?;
        Ok(())
    }

    /// Bit *n*: signal *n + 1* is ignored. Where the system does not say, none is.
    fn ignored(status: &str) -> u64 {
        let mut lines = status.lines();
        let mask = lines.find_map(|line| line.strip_prefix("SigIgn:"));
        mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
            .unwrap_or(0)
    }

    #[cfg(test)]
    mod tests {
        use super::ignored;

        #[test]
        fn what_the_system_says_of_ignored_signals_is_read() {
            let status = "Name:\tx\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000001001\n";
            assert_eq!(ignored(status), 0x1001);
            assert_eq!(ignored("Name:\tx\n"), 0);
        }
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod system {
    /// If any of them was ignored, all are left as they were: which one it is does not show.
    pub(super) fn listen(ended: impl FnMut() + Send + 'static) -> Result<(), ctrlc::Error> {
        match ctrlc::try_set_handler(ended) {
            Err(ctrlc::Error::MultipleHandlers) => Ok(()),
            done => done,
        }
    }
}
