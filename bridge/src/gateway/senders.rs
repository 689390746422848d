//! The members of the group, as the gateway knows them: their `info`, and what is kept back of those who have not said
//! who they are.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use groupcast::{Instant, MemberId, OwnedEvent, Peer, Session};
use serde_json::json;

/// Bytes that are kept back of a member that has not said who it is.
const HELD: usize = 64 << 10;

/// Of so many members.
const MOST_HELD: usize = 64;

/// For so long.
pub(super) const HOLD: Duration = Duration::from_secs(3);

/// A member.
#[derive(Clone, Debug)]
pub(super) struct Sender {
    pub(super) session: Session,
    pub(super) name: String,
    pub(super) is_online: bool,
    pub(super) is_bridge: bool,
    pub(super) takes_reliable: bool,
    /// In which Unix second that began.
    pub(super) since: u64,
    /// In which Unix second something of it was heard last.
    pub(super) seen: u64,
    /// The channels of its State values that are retained under its own topics: they are deleted with its `info`.
    pub(super) values: BTreeSet<u8>,
    /// In which Unix second it was to be published last.
    published: u64,
    /// What is to be published counts up.
    version: u64,
    sent: Option<u64>,
}

impl Sender {
    pub(super) fn json(&self) -> Vec<u8> {
        let value = json!({
            "name": self.name,
            "session": self.session.to_string(),
            "online": self.is_online,
            "bridge": self.is_bridge,
            "since": self.since,
            "seen": self.seen,
            "state": self.values,
        });
        value.to_string().into_bytes()
    }
}

/// What is kept back of a member.
#[derive(Debug)]
struct Held {
    since: Instant,
    events: Vec<OwnedEvent>,
    bytes: usize,
}

#[derive(Debug)]
pub(super) struct Senders {
    known: BTreeMap<MemberId, Sender>,
    /// Whose `info` is to be published.
    dirty: BTreeSet<MemberId>,
    held: BTreeMap<MemberId, Held>,
    most: usize,
}

impl Senders {
    pub(super) const fn new(most: usize) -> Self {
        Self {
            known: BTreeMap::new(),
            dirty: BTreeSet::new(),
            held: BTreeMap::new(),
            most,
        }
    }

    pub(super) fn get(&self, id: MemberId) -> Option<&Sender> {
        self.known.get(&id)
    }

    /// Something of it was heard.
    pub(super) fn seen(&mut self, id: MemberId, unix: u64) {
        if let Some(sender) = self.known.get_mut(&id) {
            sender.seen = unix;
        }
    }

    /// A State value of it is retained under its own topics.
    pub(super) fn has_value(&mut self, id: MemberId, channel: u8) {
        if let Some(sender) = self.known.get_mut(&id)
            && sender.values.insert(channel)
        {
            sender.version += 1;
            self.dirty.insert(id);
        }
    }

    /// It is there, or away. `false` if there is no room for it.
    pub(super) fn set(&mut self, unix: u64, peer: &Peer, is_online: bool) -> bool {
        let id = peer.id();
        if !self.known.contains_key(&id) && self.known.len() >= self.most {
            let away = self.known.iter().filter(|(_, sender)| !sender.is_online);
            let oldest = away
                .min_by_key(|(_, sender)| sender.seen)
                .map(|(id, _)| *id);
            match oldest {
                Some(oldest) => {
                    self.known.remove(&oldest);
                    self.dirty.remove(&oldest);
                }
                None => return false,
            }
        }
        let sender = self.known.entry(id).or_insert_with(|| Sender {
            session: peer.session(),
            name: String::new(),
            is_online: !is_online,
            is_bridge: false,
            takes_reliable: true,
            since: unix,
            seen: unix,
            values: BTreeSet::new(),
            published: unix,
            version: 0,
            sent: None,
        });
        if sender.is_online != is_online || sender.session != peer.session() {
            sender.since = unix;
        }
        sender.session = peer.session();
        sender.name = peer.name().to_owned();
        sender.is_online = is_online;
        sender.is_bridge = peer.is_bridge();
        sender.takes_reliable = peer.takes_reliable();
        sender.seen = unix;
        sender.published = unix;
        sender.version += 1;
        self.dirty.insert(id);
        true
    }

    /// Publishes again of whom this is so old that a later gateway would take them for long gone. Who they are.
    pub(super) fn refresh(&mut self, unix: u64, old: u64) -> Vec<(MemberId, Session)> {
        let mut refreshed = Vec::new();
        for (id, sender) in &mut self.known {
            if sender.is_online && unix.saturating_sub(sender.published) > old {
                sender.published = unix;
                sender.seen = unix;
                sender.version += 1;
                self.dirty.insert(*id);
                refreshed.push((*id, sender.session));
            }
        }
        refreshed
    }

    /// Who is there and takes reliable messages.
    pub(super) fn receivers(&self) -> BTreeSet<MemberId> {
        let known = self.known.iter();
        known
            .filter(|(_, sender)| sender.is_online && sender.takes_reliable)
            .map(|(id, _)| *id)
            .collect()
    }

    /// All that are known.
    pub(super) fn all(&self) -> impl Iterator<Item = (MemberId, &Sender)> {
        self.known.iter().map(|(id, sender)| (*id, sender))
    }

    /// Forgets those who are away and were not seen since then: who they are, and which values of theirs are retained.
    pub(super) fn forget(&mut self, since: u64) -> Vec<(MemberId, BTreeSet<u8>)> {
        let old = |sender: &Sender| !sender.is_online && sender.seen < since;
        let gone = self.known.iter().filter(|(_, sender)| old(sender));
        let gone: Vec<_> = gone
            .map(|(id, sender)| (*id, sender.values.clone()))
            .collect();
        for (id, _) in &gone {
            self.known.remove(id);
            self.dirty.remove(id);
        }
        gone
    }

    /// Whose `info` is to be published next, which counts as sent then, and as which version.
    pub(super) fn send(&mut self) -> Option<(MemberId, u64, &Sender)> {
        let known = &self.known;
        let is_free = |id: &MemberId| known.get(id).is_some_and(|s| s.sent.is_none());
        let id = self.dirty.iter().copied().find(is_free)?;
        self.dirty.remove(&id);
        let sender = self.known.get_mut(&id)?;
        sender.sent = Some(sender.version);
        Some((id, sender.version, sender))
    }

    /// The broker has it, or refused it.
    pub(super) fn settled(&mut self, id: MemberId, version: u64) {
        if let Some(sender) = self.known.get_mut(&id)
            && sender.sent == Some(version)
        {
            sender.sent = None;
            if sender.version != version {
                self.dirty.insert(id);
            }
        }
    }

    /// It is to be published again.
    pub(super) fn again(&mut self, id: MemberId) {
        if let Some(sender) = self.known.get_mut(&id) {
            sender.sent = None;
            self.dirty.insert(id);
        }
    }

    /// Nothing that was sent is known to have arrived, and the broker may have lost the rest.
    pub(super) fn connected(&mut self) {
        for (id, sender) in &mut self.known {
            sender.sent = None;
            self.dirty.insert(*id);
        }
    }

    /// Keeps an event back. The event, if there is no room: then it is to be dealt with now, after what was kept back.
    pub(super) fn hold(
        &mut self,
        now: Instant,
        id: MemberId,
        event: OwnedEvent,
        bytes: usize,
    ) -> Option<OwnedEvent> {
        if !self.held.contains_key(&id) && self.held.len() >= MOST_HELD {
            return Some(event);
        }
        let held = self.held.entry(id).or_insert_with(|| Held {
            since: now,
            events: Vec::new(),
            bytes: 0,
        });
        if now.since(held.since) >= HOLD || held.bytes + bytes + 128 > HELD {
            return Some(event);
        }
        held.bytes += bytes + 128;
        held.events.push(event);
        None
    }

    /// What was kept back of a member, which is not kept back any more.
    pub(super) fn release(&mut self, id: MemberId) -> Vec<OwnedEvent> {
        self.held
            .remove(&id)
            .map_or_else(Vec::new, |held| held.events)
    }

    /// What was kept back of a member for which there is no more room. More of it is not kept back.
    pub(super) fn empty(&mut self, id: MemberId) -> Vec<OwnedEvent> {
        let Some(held) = self.held.get_mut(&id) else {
            return Vec::new();
        };
        held.bytes = HELD;
        core::mem::take(&mut held.events)
    }

    /// Of whom something was kept back for long enough.
    pub(super) fn overdue(&self, now: Instant) -> Vec<MemberId> {
        let held = self.held.iter();
        held.filter(|(_, held)| now.since(held.since) >= HOLD && !held.events.is_empty())
            .map(|(id, _)| *id)
            .collect()
    }

    /// Forgets of whom something was kept back long ago.
    pub(super) fn forget_held(&mut self, now: Instant) {
        let is_recent = |held: &Held| now.since(held.since) < HOLD * 20;
        self.held
            .retain(|_, held| !held.events.is_empty() || is_recent(held));
    }
}
