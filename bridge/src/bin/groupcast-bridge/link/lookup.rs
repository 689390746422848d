//! Looking up the broker's name, which may take as long as the system waits for its servers. The group does not wait for it.

use core::net::SocketAddr;
use core::time::Duration;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::thread;

use groupcast::Instant;

use crate::broker::Broker;
use crate::failure::Failure;

/// How often to look whether it is found.
const GLANCE: Duration = Duration::from_millis(20);

/// What looks up, [`Broker::addresses`].
pub(super) type LookUp = fn(&Broker, bool) -> Result<Vec<SocketAddr>, Failure>;

/// A name that is being looked up, in a thread that ends with it.
#[derive(Debug)]
pub(super) struct Lookup {
    found: Receiver<Result<Vec<SocketAddr>, Failure>>,
    glance: Instant,
}

impl Lookup {
    pub(super) fn begin(
        look_up: LookUp,
        broker: &Broker,
        is_insecure: bool,
        now: Instant,
    ) -> Result<Self, Failure> {
        let (tell, found) = channel();
        let broker = broker.clone();
        let thread = thread::Builder::new().name("lookup".to_owned());
        let begun = thread.spawn(move || {
            // Nobody may want to know any more.
            let _ = tell.send(look_up(&broker, is_insecure));
        });
        begun.map_err(|error| Failure::Trouble(format!("cannot look its name up: {error}")))?;
        let glance = now + GLANCE;
        Ok(Self { found, glance })
    }

    /// The addresses, once they are found.
    pub(super) fn poll(&mut self, now: Instant) -> Option<Result<Vec<SocketAddr>, Failure>> {
        self.glance = now + GLANCE;
        match self.found.try_recv() {
            Ok(found) => Some(found),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => {
                let text = "looking its name up ended without a result".to_owned();
                Some(Err(Failure::Trouble(text)))
            }
        }
    }

    /// When to look again.
    pub(super) const fn deadline(&self) -> Instant {
        self.glance
    }
}
