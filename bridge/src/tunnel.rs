//! The tunnel: what is said to the group in one site is said in all others, as it is.
//!
//! ```text
//!  site a                       broker                       site b
//!  ana ── group ─▶ ear ──▶ …/m/a ───────────▶ ana's socket ── group ─▶ ben
//!  ana ◀─ ben's socket ◀── …/u/a/<ana>/b ◀─── ana's socket ◀────────── ben, to ana alone
//! ```
//!
//! A member of another site has a socket of its own here, so that what members send to it alone, as an
//! acknowledgement, finds its way. Datagrams are not opened: of each only the header is read, which is in the clear. The
//! tunnel has no key and needs none.
//!
//! A member's session is at home in one site: the one where it is heard, or the one that publishes it. What another site
//! says of it, and what is heard of it elsewhere, is passed over. A tunnel tells the others of its site which addresses
//! it speaks from, so that none of them takes a member of another site for one of this.

mod action;
mod counters;
mod members;
mod note;
mod peers;
mod site;
#[cfg(test)]
mod tests;
mod topic;
mod window;

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::{BTreeSet, VecDeque};

use groupcast::Instant;
use groupcast::wire::{self, Header, MAX_MAX_DATAGRAM, Suite};

pub use action::{Action, News};
pub use counters::Counters;
use members::{Heard, Local, Remote, Socket, Table};
use note::Line;
use peers::{INTERVAL, Peers, plain};
pub use site::{NotASite, Site};
pub use topic::Life;
use topic::{Topic, Topics};

/// For how long a published datagram is worth delivering. What is lost is repaired by the members; what comes late would
/// come twice.
pub const EXPIRY: Duration = Duration::from_secs(2);

/// What a tunnel is told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The site that it is in. Each site has another name, and all tunnels of a site have the same.
    pub site: Site,
    /// The group's address and port, the same in all sites.
    pub group: SocketAddr,
    /// What topics begin with, such as `gc`. All tunnels of a group have the same.
    pub prefix: String,
    /// A number that no other tunnel has: drawn at random.
    pub tunnel: u64,
    /// How many members to carry, those of this site and those of all others each. A member of another site has a socket,
    /// and takes a kilobyte.
    pub members: usize,
}

/// The core of a tunnel. After each call, do what [`poll_action`](Self::poll_action) says until it says nothing.
#[derive(Debug)]
pub struct Tunnel {
    settings: Settings,
    topics: Topics,
    is_connected: bool,
    here: Table<Local>,
    elsewhere: Table<Remote>,
    /// Where members of other sites speak here.
    own: BTreeSet<SocketAddr>,
    peers: Peers,
    next_note: Instant,
    actions: VecDeque<Action>,
    counters: Counters,
    told_open: bool,
    told_full: bool,
}

impl Tunnel {
    /// A tunnel that has not met its broker yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            topics: Topics::new(&settings.prefix, settings.group),
            is_connected: false,
            here: Table::new(settings.members),
            elsewhere: Table::new(settings.members),
            own: BTreeSet::new(),
            peers: Peers::default(),
            next_note: Instant::ZERO,
            actions: VecDeque::new(),
            counters: Counters::default(),
            told_open: false,
            told_full: false,
            settings,
        }
    }

    /// What all its topics begin with.
    #[must_use]
    pub fn root(&self) -> &str {
        self.topics.root()
    }

    /// What to subscribe to at the broker: at most once, without what this client published itself (No Local).
    #[must_use]
    pub fn subscriptions(&self) -> [String; 3] {
        self.topics.filters(&self.settings.site)
    }

    /// What went through, and what did not.
    #[must_use]
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// How many members it carries: those of this site, and those of others.
    #[must_use]
    pub fn members(&self) -> (usize, usize) {
        (self.here.entries.len(), self.elsewhere.entries.len())
    }

    /// What is to be done next, if anything is.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called.
    #[must_use]
    pub const fn poll_timeout(&self) -> Instant {
        self.next_note
    }

    /// The broker is there, and has accepted the subscriptions.
    pub fn handle_connected(&mut self, now: Instant) {
        self.is_connected = true;
        self.peers.excuse(now);
        self.say_hello(now);
    }

    /// The broker is away. Until it is back, what is heard is passed over.
    pub const fn handle_disconnected(&mut self) {
        self.is_connected = false;
    }

    /// It is time.
    pub fn handle_timeout(&mut self, now: Instant) {
        if now < self.next_note {
            return;
        }
        self.here.forget(now);
        for life in self.elsewhere.forget(now) {
            self.close(life);
        }
        self.own = self.own_addresses().collect();
        if self.is_connected {
            let gone = self.peers.forget(now).into_iter();
            let gone = gone
                .filter(|site| *site != self.settings.site)
                .map(News::Lost);
            self.actions.extend(gone.map(Action::Tell));
        }
        self.say_hello(now);
    }

    /// A datagram was heard in the group, in this site.
    pub fn handle_datagram(&mut self, now: Instant, from: SocketAddr, datagram: &[u8]) {
        if self.is_here(now, from, datagram, false).is_none() {
            return;
        }
        let topic = Topic::ToGroup {
            from: self.settings.site.clone(),
        };
        if self.publish(&topic, datagram) {
            self.counters.published += 1;
        }
    }

    /// A datagram arrived at the socket of a member of another site.
    pub fn handle_answer(&mut self, now: Instant, member: Life, from: SocketAddr, datagram: &[u8]) {
        let Some(remote) = self.elsewhere.entries.get(&member) else {
            self.counters.unknown_member += 1;
            return;
        };
        let topic = Topic::ToOne {
            to: remote.home.clone(),
            member,
            from: self.settings.site.clone(),
        };
        if self.is_here(now, from, datagram, true).is_some() && self.publish(&topic, datagram) {
            self.counters.published_to_one += 1;
        }
    }

    /// The socket of a member of another site is open, at this address in this site, or is at another one now; or there is
    /// none to have.
    pub fn handle_opened(&mut self, member: Life, address: Option<SocketAddr>) {
        let Some(remote) = self.elsewhere.entries.get_mut(&member) else {
            self.actions.push_back(Action::Close(member));
            return;
        };
        let waiting = match &mut remote.socket {
            Socket::Opening(waiting) => core::mem::take(waiting),
            Socket::Open(_) => Vec::new(),
        };
        let Some(address) = address.map(plain) else {
            self.counters.no_socket += waiting.len() as u64;
            self.elsewhere.entries.remove(&member);
            self.own = self.own_addresses().collect();
            return;
        };
        self.counters.members += u64::from(matches!(remote.socket, Socket::Opening(_)));
        remote.socket = Socket::Open(address);
        self.own = self.own_addresses().collect();
        // The others of this site know it before anything comes from there.
        self.say([Line::At(address)]);
        for (to, datagram) in waiting {
            self.send(member, to, datagram);
        }
    }

    /// A message came from the broker.
    pub fn handle_publish(&mut self, now: Instant, topic: &str, payload: &[u8]) {
        match self.topics.read(topic) {
            Some(Topic::ToGroup { from }) => {
                if let Some(member) = self.is_elsewhere(now, &from, payload, false) {
                    self.emit(member, self.settings.group, payload);
                }
            }
            Some(Topic::ToOne { to, member, from }) => {
                let address = self.here.entries.get(&member).map(|local| local.address);
                let Some(address) = address.filter(|_| to == self.settings.site) else {
                    self.counters.unknown_member += 1;
                    return;
                };
                if let Some(sender) = self.is_elsewhere(now, &from, payload, true) {
                    self.emit(sender, address, payload);
                }
            }
            Some(Topic::Note { from, tunnel }) => self.handle_note(now, &from, tunnel, payload),
            None => self.counters.bad_topic += 1,
        }
    }

    /// Whose datagram this is, if it was sent in this site by a member that is here.
    fn is_here(
        &mut self,
        now: Instant,
        from: SocketAddr,
        datagram: &[u8],
        is_to_one: bool,
    ) -> Option<Life> {
        if self.own.contains(&plain(from)) {
            self.counters.own += 1;
            return None;
        }
        if self.peers.is_at(from) {
            self.counters.of_other_tunnel += 1;
            return None;
        }
        let (life, _) = self.read(datagram, is_to_one)?;
        if let Some(remote) = self.elsewhere.entries.get(&life) {
            if remote.is_held(now) {
                self.counters.of_other_site += 1;
                return None;
            }
            // It has moved here.
            self.elsewhere.entries.remove(&life);
            self.close(life);
        }
        if !self.here.entries.contains_key(&life) && self.here.make_room(now).is_err() {
            self.refuse();
            return None;
        }
        let local = Local {
            address: from,
            last: now,
        };
        self.here.entries.insert(life, local);
        Some(life)
    }

    /// Whose datagram this is, if its member is in the site that published it, and it did not come before.
    fn is_elsewhere(
        &mut self,
        now: Instant,
        site: &Site,
        datagram: &[u8],
        is_to_one: bool,
    ) -> Option<Life> {
        if *site == self.settings.site {
            self.counters.of_this_site += 1;
            return None;
        }
        let (life, number) = self.read(datagram, is_to_one)?;
        if let Some(local) = self.here.entries.get(&life) {
            if local.is_held(now) {
                self.counters.at_home += 1;
                return None;
            }
            // It has moved there.
            self.here.entries.remove(&life);
        }
        if !self.elsewhere.entries.contains_key(&life) {
            let Ok(evicted) = self.elsewhere.make_room(now) else {
                self.refuse();
                return None;
            };
            if let Some(evicted) = evicted {
                self.close(evicted);
            }
            self.elsewhere
                .entries
                .insert(life, Remote::new(site.clone(), now));
            self.actions.push_back(Action::Open(life));
        }
        let remote = self.elsewhere.entries.get_mut(&life)?;
        if remote.home != *site {
            if remote.is_held(now) {
                self.counters.of_wrong_site += 1;
                return None;
            }
            remote.home = site.clone();
        }
        remote.last = now;
        if !remote.window.is_new(number) {
            self.counters.duplicate += 1;
            return None;
        }
        Some(life)
    }

    /// The life and number in a datagram's header, if it is one and this is its way.
    fn read(&mut self, datagram: &[u8], is_to_one: bool) -> Option<(Life, u64)> {
        if !wire::is_framed(datagram) {
            self.counters.raw += 1;
            return None;
        }
        let is_short = datagram.len() <= usize::from(MAX_MAX_DATAGRAM);
        let Some(header) = wire::parse_header(datagram).ok().filter(|_| is_short) else {
            self.counters.malformed += 1;
            return None;
        };
        if header.is_to_one() != is_to_one {
            self.counters.misdirected += 1;
            return None;
        }
        if header.suite == Suite::Open && !self.told_open {
            self.told_open = true;
            self.actions.push_back(Action::Tell(News::OpenGroup));
        }
        let Header {
            sender, session, ..
        } = header;
        let life = Life {
            id: sender,
            session,
        };
        Some((life, header.number()))
    }

    /// Says something of a member of another site, here.
    fn emit(&mut self, member: Life, to: SocketAddr, datagram: &[u8]) {
        let remote = self.elsewhere.entries.get_mut(&member);
        match remote {
            Some(remote) if matches!(remote.socket, Socket::Opening(_)) => {
                if !remote.wait(to, datagram) {
                    self.counters.no_socket += 1;
                }
            }
            _ => self.send(member, to, datagram.to_vec()),
        }
    }

    fn send(&mut self, from: Life, to: SocketAddr, datagram: Vec<u8>) {
        if to == self.settings.group {
            self.counters.sent += 1;
        } else {
            self.counters.sent_to_one += 1;
        }
        self.actions.push_back(Action::Send { from, to, datagram });
    }

    /// Whether it could be published.
    fn publish(&mut self, topic: &Topic, payload: &[u8]) -> bool {
        if self.is_connected {
            self.actions.push_back(Action::Publish {
                topic: self.topics.write(topic),
                payload: payload.to_vec(),
            });
        } else {
            self.counters.offline += 1;
        }
        self.is_connected
    }

    /// There is no room for a member.
    fn refuse(&mut self) {
        self.counters.too_many_members += 1;
        if !self.told_full {
            self.told_full = true;
            let members = self.settings.members;
            self.actions.push_back(Action::Tell(News::Full { members }));
        }
    }

    fn close(&mut self, life: Life) {
        self.actions.push_back(Action::Close(life));
        self.own = self.own_addresses().collect();
    }

    fn own_addresses(&self) -> impl Iterator<Item = SocketAddr> {
        let remotes = self.elsewhere.entries.values();
        remotes.filter_map(|remote| match remote.socket {
            Socket::Open(address) => Some(address),
            Socket::Opening(_) => None,
        })
    }

    /// Tells the other tunnels something.
    fn say(&mut self, lines: impl IntoIterator<Item = Line>) {
        if !self.is_connected {
            return;
        }
        let topic = self.topics.write(&Topic::Note {
            from: self.settings.site.clone(),
            tunnel: self.settings.tunnel,
        });
        let payload = note::write(lines).into_bytes();
        self.actions.push_back(Action::Publish { topic, payload });
    }

    /// Tells the other tunnels that it is there, and where.
    fn say_hello(&mut self, now: Instant) {
        self.next_note = now + INTERVAL;
        if self.is_connected {
            let question = self.peers.ask(now);
            self.say([Line::Ping(question)]);
            self.say_addresses();
        }
    }

    fn say_addresses(&mut self) {
        let addresses: Vec<Line> = self.own.iter().copied().map(Line::At).collect();
        for some in addresses.chunks(note::ADDRESSES) {
            self.say(some.iter().copied());
        }
    }

    fn handle_note(&mut self, now: Instant, site: &Site, tunnel: u64, note: &[u8]) {
        let lines = note::read(note).filter(|lines| !lines.is_empty());
        let Some(lines) = lines.filter(|_| tunnel != self.settings.tunnel) else {
            self.counters.bad_note += 1;
            return;
        };
        let is_companion = *site == self.settings.site;
        if self.peers.hear(now, tunnel, site) && is_companion {
            self.actions.push_back(Action::Tell(News::Companion));
            self.say_addresses();
        }
        for line in lines {
            match line {
                Line::At(address) if is_companion => self.hear_address(now, address),
                Line::Ping(ping) if !is_companion && self.peers.may_answer(now, tunnel) => {
                    self.say([Line::Pong { tunnel, ping }]);
                }
                Line::Pong { tunnel: of, ping } if of == self.settings.tunnel => {
                    let news = self.peers.answered(now, tunnel, ping);
                    self.actions.extend(news.map(Action::Tell));
                }
                _ => {}
            }
        }
    }

    /// Another tunnel of this site speaks from there: whoever was taken for a member there is none.
    fn hear_address(&mut self, now: Instant, address: SocketAddr) {
        if self.own.contains(&plain(address)) || !self.peers.hear_address(now, address) {
            self.counters.bad_note += 1;
            return;
        }
        let address = plain(address);
        let locals = &mut self.here.entries;
        locals.retain(|_, local| plain(local.address) != address);
    }
}
