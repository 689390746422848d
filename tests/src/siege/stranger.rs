//! The stranger: hears everything, holds no key, and sends what it likes.

use core::net::{Ipv4Addr, SocketAddr};
use core::time::Duration;
use std::rc::Rc;

use groupcast::Instant;
use groupcast::wire::{Header, MAGIC};
use groupcast_sim::{HostId, Link, Network, TraceEntry};

use super::judge::Totals;
use super::plan::{Weapons, group};
use crate::swarm::dice::Dice;

/// Where the parts of a header are.
const TAG: core::ops::Range<usize> = 2..4;
const SENDER: core::ops::Range<usize> = 4..8;
const SESSION: core::ops::Range<usize> = 8..16;
const COUNTER: core::ops::Range<usize> = 16..22;

/// Octets of the authentication tag.
const TRAILER: usize = 16;

/// When what a sleeper is to hear first is given back, as long as it sleeps.
const NEVER: Instant = Instant::from_micros(u64::MAX);

/// So many attacks, on average, until something is kept from arriving.
const HOLDS: f64 = 0.02;

/// A datagram that was heard.
#[derive(Clone, Debug)]
struct Heard {
    source: SocketAddr,
    octets: Rc<[u8]>,
}

/// What passes from one member to another, and is kept from arriving.
#[derive(Debug)]
struct Hold {
    from: HostId,
    to: HostId,
    /// Until when it is kept from arriving.
    until: Instant,
    /// Whether it still is.
    blocks: bool,
    /// When it is delivered.
    release: Instant,
    shuffled: bool,
    kept: Vec<Heard>,
}

/// The stranger.
#[derive(Debug)]
pub struct Stranger {
    network: Network,
    host: HostId,
    members: Vec<HostId>,
    weapons: Weapons,
    /// Whether it keeps datagrams for as long as a minute.
    patient: bool,
    dice: Dice,
    tape: Vec<Heard>,
    holds: Vec<Hold>,
}

impl Stranger {
    /// A stranger who reaches these members well.
    #[must_use]
    pub fn new(
        network: Network,
        members: Vec<HostId>,
        weapons: Weapons,
        patient: bool,
        dice: Dice,
    ) -> Self {
        let host = network.add_host();
        for member in &members {
            network.set_link(host, *member, Link::lan());
        }
        Self {
            network,
            host,
            members,
            weapons,
            patient,
            dice,
            tape: Vec::new(),
            holds: Vec::new(),
        }
    }

    /// A member sent this.
    pub fn hear(&mut self, from: HostId, entry: &TraceEntry) {
        let heard = Heard {
            source: entry.source,
            octets: Rc::clone(&entry.payload),
        };
        let is_for = |to: HostId| {
            entry.destination.ip().is_multicast() || entry.destination.ip() == to.ipv4()
        };
        for hold in &mut self.holds {
            if hold.blocks && hold.from == from && is_for(hold.to) {
                hold.kept.push(heard.clone());
            }
        }
        self.tape.push(heard);
    }

    /// Does what it does in one step.
    pub fn attack(&mut self, totals: &mut Totals) {
        let now = self.network.now();
        self.release(now, totals);
        if self.weapons.holds && self.dice.chance(HOLDS) {
            self.hold(now);
        }
        for _ in 0..self.dice.below(self.weapons.at_once + 1) {
            match self.dice.below(4) {
                0 if self.weapons.mangles => self.mangle(totals),
                1 if self.weapons.floods => self.make_up(totals),
                2 if self.weapons.reflects => self.reflect(totals),
                _ if self.weapons.replays => self.replay(totals),
                _ => {}
            }
        }
    }

    /// Whatever is sent to a member is kept from arriving, until it is given back.
    pub(super) fn keep_all(&mut self, to: HostId) {
        if !self.weapons.holds {
            return;
        }
        for from in self.members.clone() {
            let is_held = |hold: &Hold| (hold.from, hold.to) == (from, to);
            if from != to && !self.holds.iter().any(is_held) {
                self.network.block(from, to);
                self.holds.push(Hold {
                    from,
                    to,
                    until: NEVER,
                    blocks: true,
                    release: NEVER,
                    shuffled: false,
                    kept: Vec::new(),
                });
            }
        }
    }

    /// All that was kept from a member arrives at once.
    pub(super) fn give_back(&mut self, to: HostId, totals: &mut Totals) {
        let now = self.network.now();
        for hold in &mut self.holds {
            if hold.to == to && hold.until == NEVER {
                hold.until = now;
                hold.release = now;
            }
        }
        self.release(now, totals);
    }

    /// Gives up: everything passes, and what it kept is gone.
    pub fn give_up(&mut self) {
        for hold in self.holds.drain(..).filter(|hold| hold.blocks) {
            self.network.unblock(hold.from, hold.to);
        }
    }

    fn heard(&mut self) -> Option<Heard> {
        let count = self.tape.len();
        let recent = self.dice.below(30.min(count as u64)) as usize;
        let at = match self.dice.below(4) {
            0 => count.checked_sub(1 + recent)?,
            // The beginnings of lives long past.
            1 => recent,
            _ => self.dice.place(count),
        };
        self.tape.get(at).cloned()
    }

    fn somebody(&mut self) -> SocketAddr {
        let host = self.members[self.dice.place(self.members.len())];
        SocketAddr::from((host.ipv4(), group().port()))
    }

    fn destination(&mut self) -> SocketAddr {
        if self.dice.chance(0.6) {
            group()
        } else {
            self.somebody()
        }
    }

    fn source(&mut self, genuine: SocketAddr) -> SocketAddr {
        match self.dice.below(4) {
            0 => self.somebody(),
            1 => {
                let ip = Ipv4Addr::from_bits(0x0a00_0000 | self.dice.below(1 << 24) as u32);
                SocketAddr::from((ip, 1 + self.dice.below(65_535) as u16))
            }
            _ => genuine,
        }
    }

    fn send(&mut self, source: SocketAddr, destination: SocketAddr, octets: &[u8]) {
        let (network, host) = (&self.network, self.host);
        network.forge(host, source, destination, octets);
    }

    fn replay(&mut self, totals: &mut Totals) {
        let Some(heard) = self.heard() else {
            return;
        };
        let (source, destination) = (self.source(heard.source), self.destination());
        self.send(source, destination, &heard.octets);
        totals.replays += 1;
    }

    fn reflect(&mut self, totals: &mut Totals) {
        let Some(heard) = self.heard() else {
            return;
        };
        let source = self.source(heard.source);
        let back = SocketAddr::new(heard.source.ip(), group().port());
        self.send(source, back, &heard.octets);
        totals.reflected += 1;
    }

    fn mangle(&mut self, totals: &mut Totals) {
        let (Some(heard), Some(other)) = (self.heard(), self.heard()) else {
            return;
        };
        let mut octets = heard.octets.to_vec();
        let len = octets.len();
        let dice = &mut self.dice;
        match dice.below(8) {
            0 => octets.truncate(dice.place(len)),
            1 => octets.extend(core::iter::repeat_n(0, dice.between(1, 20) as usize)),
            2 => octets[SENDER].copy_from_slice(&other.octets[SENDER]),
            3 => octets[SESSION].copy_from_slice(&other.octets[SESSION]),
            4 => octets[COUNTER].copy_from_slice(&other.octets[COUNTER]),
            5 => octets[TAG].copy_from_slice(&other.octets[TAG]),
            6 => {
                octets.truncate(len - TRAILER);
                octets.extend(&other.octets[other.octets.len() - TRAILER..]);
            }
            _ => {
                for _ in 0..dice.between(1, 8) {
                    octets[dice.place(len)] ^= 1 << dice.below(8);
                }
            }
        }
        let (source, destination) = (self.source(heard.source), self.destination());
        self.send(source, destination, &octets);
        totals.mangled += 1;
    }

    /// What looks like a datagram of the group; of somebody who may well be there, and comes next.
    fn make_up(&mut self, totals: &mut Totals) {
        let Some(heard) = self.heard() else {
            return;
        };
        let dice = &mut self.dice;
        let body = dice.below(200) as usize;
        let mut octets = heard.octets[..Header::LEN].to_vec();
        octets.extend((0..body + TRAILER).map(|_| dice.roll() as u8));
        match dice.below(8) {
            0..=2 => octets[SENDER].copy_from_slice(&(dice.roll() as u32).to_be_bytes()),
            3 => octets[SESSION].copy_from_slice(&dice.roll().to_be_bytes()),
            4 => octets[COUNTER].copy_from_slice(&dice.roll().to_be_bytes()[2..]),
            // An open group's datagram, sound but for its tag and checksum.
            5 => octets[1] = 0x10,
            6 => octets[0] = dice.pick(&[0, b'h', MAGIC]),
            _ => octets.truncate(dice.place(octets.len() + 1)),
        }
        let (source, destination) = (self.source(heard.source), self.destination());
        self.send(source, destination, &octets);
        totals.made_up += 1;
    }

    /// Begins to keep what one member sends from another.
    fn hold(&mut self, now: Instant) {
        let (from, to) = (
            self.dice.place(self.members.len()),
            self.dice.place(self.members.len()),
        );
        if from == to {
            return;
        }
        let (from, to) = (self.members[from], self.members[to]);
        if self
            .holds
            .iter()
            .any(|hold| (hold.from, hold.to) == (from, to))
        {
            return;
        }
        let longest = if self.patient { 60_000 } else { 12_000 };
        let millis = |dice: &mut Dice, most| {
            let most = dice.pick(&[most / 100, most / 10, most]);
            Duration::from_millis(dice.between(10, most))
        };
        let until = now + millis(&mut self.dice, longest.min(20_000));
        let release = until + millis(&mut self.dice, longest);
        self.network.block(from, to);
        self.holds.push(Hold {
            from,
            to,
            until,
            blocks: true,
            release,
            shuffled: self.dice.chance(0.5),
            kept: Vec::new(),
        });
    }

    /// Delivers what it kept, when it is time.
    fn release(&mut self, now: Instant, totals: &mut Totals) {
        for hold in self
            .holds
            .iter_mut()
            .filter(|hold| hold.blocks && hold.until <= now)
        {
            hold.blocks = false;
            self.network.unblock(hold.from, hold.to);
        }
        while let Some(at) = self.holds.iter().position(|hold| hold.release <= now) {
            let mut hold = self.holds.swap_remove(at);
            let to = SocketAddr::from((hold.to.ipv4(), group().port()));
            while !hold.kept.is_empty() {
                let next = if hold.shuffled {
                    self.dice.place(hold.kept.len())
                } else {
                    0
                };
                let heard = hold.kept.remove(next);
                self.send(heard.source, to, &heard.octets);
                totals.held += 1;
            }
        }
    }
}
