//! A connection to the broker that stands, and what waits to be written to it.

use core::time::Duration;
use std::collections::VecDeque;

use groupcast::Instant;

use crate::session::{KEEP_ALIVE, Session, Welcome};
use crate::stream::{Stream, Trouble};

/// How often the broker is asked whether it is there.
pub(super) const ASK: Duration = Duration::from_secs(5);

/// Bytes that are handed on in one go.
pub(super) const STAGE: usize = 16 * 1024;

/// Something to write, and from when on it is not worth that any more.
#[derive(Debug)]
pub(super) struct Waiting(pub(super) Option<Instant>, pub(super) Vec<u8>);

#[derive(Debug)]
pub(super) struct Live {
    pub(super) stream: Stream,
    pub(super) session: Session,
    pub(super) queue: VecDeque<Waiting>,
    pub(super) queued: usize,
    pub(super) since: Instant,
    pub(super) is_ready: bool,
    /// There may be more to read than was read.
    pub(super) is_more: bool,
    pub(super) heard: Instant,
    pub(super) asked: Instant,
    /// How often the broker is asked whether it is there.
    pub(super) ask: Duration,
}

impl Live {
    /// Writes as much as the system takes. Returns how much was too late for it.
    pub(super) fn write(&mut self, now: Instant) -> Result<u64, Trouble> {
        let mut late = 0;
        while self.stream.flush()? {
            let mut staged = 0;
            while staged < STAGE {
                let Some(Waiting(until, packet)) = self.queue.pop_front() else {
                    break;
                };
                self.queued -= packet.len();
                if until.is_some_and(|until| until <= now) {
                    late += 1;
                    continue;
                }
                staged += packet.len();
                self.stream.stage(&packet)?;
            }
            if staged == 0 {
                break;
            }
        }
        Ok(late)
    }
}

/// How often to ask a broker whether it is there: it may want to hear something more often.
pub(super) fn ask(welcome: &Welcome) -> Duration {
    let limit = welcome.keep_alive.filter(|seconds| *seconds > 0);
    let limit = Duration::from_secs(limit.unwrap_or(KEEP_ALIVE).into());
    ASK.min(limit / 2)
}
