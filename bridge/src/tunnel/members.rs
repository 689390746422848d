//! Who is in this site, and who in which other one.

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::BTreeMap;

use groupcast::Instant;

use super::site::Site;
use super::topic::Life;
use super::window::Window;

/// For so long after it was heard, a member is where it was, whoever says what. Then it may have moved.
pub(super) const HOLD: Duration = Duration::from_secs(3);

/// A member that was not heard for so long is forgotten. The largest groups say hello every 50 seconds.
const FORGET: Duration = Duration::from_secs(180);

/// Where there is no more room, one that was not heard for so long makes room.
const MAKE_ROOM: Duration = Duration::from_secs(10);

/// Datagrams that wait until their member's socket is open.
const WAITING: usize = 8;

/// A member in this site.
#[derive(Clone, Copy, Debug)]
pub(super) struct Local {
    pub(super) address: SocketAddr,
    pub(super) last: Instant,
}

/// A member in another site.
#[derive(Clone, Debug)]
pub(super) struct Remote {
    pub(super) home: Site,
    pub(super) last: Instant,
    pub(super) window: Window,
    pub(super) socket: Socket,
}

/// Where a member of another site speaks in this one.
#[derive(Clone, Debug)]
pub(super) enum Socket {
    /// Not yet. This waits for it, with where it is to go.
    Opening(Vec<(SocketAddr, Vec<u8>)>),
    Open(SocketAddr),
}

impl Remote {
    pub(super) const fn new(home: Site, now: Instant) -> Self {
        Self {
            home,
            last: now,
            window: Window::new(),
            socket: Socket::Opening(Vec::new()),
        }
    }

    /// Keeps a datagram until the socket is open. `false` if there are too many, or if it is open.
    pub(super) fn wait(&mut self, to: SocketAddr, datagram: &[u8]) -> bool {
        match &mut self.socket {
            Socket::Opening(waiting) if waiting.len() < WAITING => {
                waiting.push((to, datagram.to_vec()));
                true
            }
            _ => false,
        }
    }
}

/// Something that was last heard at some time.
pub(super) trait Heard {
    fn last(&self) -> Instant;

    fn is_held(&self, now: Instant) -> bool {
        now.since(self.last()) < HOLD
    }
}

impl Heard for Local {
    fn last(&self) -> Instant {
        self.last
    }
}

impl Heard for Remote {
    fn last(&self) -> Instant {
        self.last
    }
}

/// Members, and not more than so many.
#[derive(Debug)]
pub(super) struct Table<T> {
    pub(super) entries: BTreeMap<Life, T>,
    most: usize,
}

impl<T: Heard> Table<T> {
    pub(super) const fn new(most: usize) -> Self {
        Self {
            entries: BTreeMap::new(),
            most,
        }
    }

    /// Makes room for one more, by the one that was not heard for longest. `Err` if there is none.
    pub(super) fn make_room(&mut self, now: Instant) -> Result<Option<Life>, ()> {
        if self.entries.len() < self.most {
            return Ok(None);
        }
        let oldest = self.entries.iter().min_by_key(|(_, entry)| entry.last());
        match oldest {
            Some((life, entry)) if now.since(entry.last()) >= MAKE_ROOM => {
                let life = *life;
                self.entries.remove(&life);
                Ok(Some(life))
            }
            _ => Err(()),
        }
    }

    /// Forgets those that were not heard for long, and returns them.
    pub(super) fn forget(&mut self, now: Instant) -> Vec<Life> {
        let is_old = |entry: &T| now.since(entry.last()) >= FORGET;
        let old = self.entries.iter().filter(|(_, entry)| is_old(entry));
        let old: Vec<Life> = old.map(|(life, _)| *life).collect();
        self.entries.retain(|_, entry| !is_old(entry));
        old
    }
}
