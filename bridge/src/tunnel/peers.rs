//! The other tunnels: which there are, how far away, and what addresses those of this site speak from.

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};

use groupcast::Instant;

use super::action::News;
use super::site::Site;

/// How often a tunnel tells that it is there, and asks for answers.
pub(super) const INTERVAL: Duration = Duration::from_secs(5);

/// A tunnel, or an address of one, that is not mentioned for so long is gone.
const GONE: Duration = Duration::from_secs(30);

/// A sealed group is told apart from a replay within 10 seconds, there and back. From here on it gets close.
const SLOW: Duration = Duration::from_secs(4);

/// Tunnels that are kept. More may be there; they carry what they carry, but nobody asks how far away they are.
const MOST_TUNNELS: usize = 64;

/// Addresses of other tunnels in this site.
const MOST_ADDRESSES: usize = 4096;

/// Own questions whose answers may still come: those of a minute.
const QUESTIONS: usize = 12;

/// A tunnel is answered at most this often.
const ANSWER: Duration = Duration::from_secs(1);

#[derive(Debug)]
struct Peer {
    site: Site,
    last: Instant,
    answered: Option<Instant>,
    /// The last round trips, the newest first.
    trips: [Option<Duration>; 2],
    is_slow: bool,
}

#[derive(Debug, Default)]
pub(super) struct Peers {
    tunnels: BTreeMap<u64, Peer>,
    addresses: BTreeMap<SocketAddr, Instant>,
    questions: VecDeque<Instant>,
}

/// An address without what only the machine knows that wrote it.
pub(super) const fn plain(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip(), address.port())
}

impl Peers {
    /// Another tunnel said something. Whether it is new.
    pub(super) fn hear(&mut self, now: Instant, tunnel: u64, site: &Site) -> bool {
        if let Some(peer) = self
            .tunnels
            .get_mut(&tunnel)
            .filter(|peer| peer.site == *site)
        {
            peer.last = now;
            return false;
        }
        if self.tunnels.len() >= MOST_TUNNELS {
            return false;
        }
        let peer = Peer {
            site: site.clone(),
            last: now,
            answered: None,
            trips: [None; 2],
            is_slow: false,
        };
        self.tunnels.insert(tunnel, peer).is_none()
    }

    /// It speaks from this address in this site. `false` if there are too many of them.
    pub(super) fn hear_address(&mut self, now: Instant, address: SocketAddr) -> bool {
        let address = plain(address);
        let fits = self.addresses.len() < MOST_ADDRESSES || self.addresses.contains_key(&address);
        if fits {
            self.addresses.insert(address, now);
        }
        fits
    }

    /// Whether another tunnel of this site speaks from there.
    pub(super) fn is_at(&self, address: SocketAddr) -> bool {
        self.addresses.contains_key(&plain(address))
    }

    /// The number of a question to all, which is when it was asked.
    pub(super) fn ask(&mut self, now: Instant) -> u64 {
        if self.questions.len() >= QUESTIONS {
            self.questions.pop_front();
        }
        self.questions.push_back(now);
        now.as_micros()
    }

    /// Whether to answer a question of this tunnel.
    pub(super) fn may_answer(&mut self, now: Instant, tunnel: u64) -> bool {
        let Some(peer) = self.tunnels.get_mut(&tunnel) else {
            return false;
        };
        let may = peer.answered.is_none_or(|last| now.since(last) >= ANSWER);
        if may {
            peer.answered = Some(now);
        }
        may
    }

    /// Another tunnel answered.
    pub(super) fn answered(&mut self, now: Instant, tunnel: u64, question: u64) -> Option<News> {
        let asked = Instant::from_micros(question);
        if !self.questions.contains(&asked) {
            return None;
        }
        let peer = self.tunnels.get_mut(&tunnel)?;
        let round_trip = now.since(asked);
        let is_first = peer.trips[0].is_none();
        peer.trips = [Some(round_trip), peer.trips[0]];
        let site = peer.site.clone();
        if is_first {
            return Some(News::Met { site, round_trip });
        }
        // One that is late says nothing.
        let least = peer.trips.iter().flatten().min().copied()?;
        let was_slow = peer.is_slow;
        peer.is_slow = least >= SLOW;
        let round_trip = least;
        (peer.is_slow && !was_slow).then_some(News::Slow { site, round_trip })
    }

    /// Forgets tunnels and addresses that are gone. The sites of which no tunnel is left.
    pub(super) fn forget(&mut self, now: Instant) -> Vec<Site> {
        self.addresses.retain(|_, last| now.since(*last) < GONE);
        let mut gone: Vec<Site> = Vec::new();
        self.tunnels.retain(|_, peer| {
            let stays = now.since(peer.last) < GONE;
            if !stays && !gone.contains(&peer.site) {
                gone.push(peer.site.clone());
            }
            stays
        });
        gone.retain(|site| !self.tunnels.values().any(|peer| peer.site == *site));
        gone
    }

    /// Nothing is heard while the broker is away: that is not their fault.
    pub(super) fn excuse(&mut self, now: Instant) {
        self.tunnels.values_mut().for_each(|peer| peer.last = now);
        self.addresses.values_mut().for_each(|last| *last = now);
        self.questions.clear();
    }
}
