//! What happens in the group.

use core::time::Duration;

use groupcast::{
    Channel, Class, Event, Instant, MemberId, Message, OwnedEvent, Peer, PeerStatus, Session,
};

use super::gaps::Place;
use super::marks::Lost;
use super::news::News;
use super::record::Record;
use super::store::Store;
use super::told::Told;
use super::{Gateway, record};

/// What a datagram has beside a fragment of a message, at least: header, frame and checksum.
const AROUND: usize = 22 + 4 + 8 + 4;

/// What a signature adds to a message.
const SIGNATURE: usize = 64;

/// How many numbers a message takes, at least: its sender's fragments may be smaller than what it can take itself.
fn numbers(message: &Message<'_>) -> u32 {
    let signature = if message.is_signed() { SIGNATURE } else { 0 };
    let largest = message.peer().map_or(1472, Peer::max_datagram);
    let room = usize::from(largest.max(512)) - AROUND;
    let fragments = (message.payload().len() + signature).div_ceil(room);
    fragments.clamp(1, 256) as u32
}

impl<S: Store> Gateway<S> {
    /// Something happened to the member. `unix` is the Unix time.
    pub fn handle_event(&mut self, now: Instant, unix: Duration, event: &Event<'_>) {
        self.advance(now);
        self.unix = unix;
        match event {
            Event::Message(message) if message.sender() == self.settings.own => {}
            Event::Message(message) => {
                let bytes = message.payload().len();
                self.attend(message.sender(), message.peer(), bytes, event);
            }
            Event::Gap(gap) => self.attend(gap.peer().id(), Some(gap.peer()), 0, event),
            Event::Joined(peer) | Event::Recovered(peer) | Event::Restarted(peer) => {
                self.is_there(peer);
            }
            Event::Left(peer) => {
                self.is_gone(peer);
                self.marks.left((peer.id(), peer.session()));
                self.is_stale = true;
            }
            Event::Lost(peer) => self.is_gone(peer),
            Event::Confirmed(peer) => {
                let confirmed = self.commands.has(peer.id(), true, &mut self.actions);
                self.confirmed(confirmed);
            }
            _ => {}
        }
        self.count();
    }

    /// Keeps something back as long as it is not known whether its sender is a bridge.
    fn attend(&mut self, id: MemberId, peer: Option<&Peer>, bytes: usize, event: &Event<'_>) {
        if peer.is_some_and(|peer| peer.status() == PeerStatus::Unknown) {
            let held = self
                .senders
                .hold(self.now, id, OwnedEvent::from(*event), bytes);
            match held {
                None => self.counters.held += 1,
                Some(event) => {
                    for earlier in self.senders.empty(id) {
                        self.carry(&earlier.as_event());
                    }
                    self.carry(&event.as_event());
                }
            }
            return;
        }
        let is_bridge = peer.is_some_and(Peer::is_bridge);
        self.release(id, is_bridge);
        if is_bridge {
            self.counters.loops += 1;
        } else {
            self.carry(event);
        }
    }

    /// It is known who it is, or has been waited for long enough.
    fn release(&mut self, id: MemberId, is_bridge: bool) {
        let held = self.senders.release(id);
        if is_bridge {
            self.counters.loops += held.len() as u64;
        } else {
            held.iter().for_each(|event| self.carry(&event.as_event()));
        }
    }

    fn is_there(&mut self, peer: &Peer) {
        if peer.id() == self.settings.own {
            return;
        }
        self.release(peer.id(), peer.is_bridge());
        let unix = self.unix_seconds();
        let life = (peer.id(), peer.session());
        let lost = self.marks.begin(self.now, unix, life);
        self.lose_all(lost);
        if !self.senders.set(unix, peer, true) {
            self.counters.too_many_senders += 1;
            let senders = self.settings.senders;
            self.tell(News::TooManySenders { senders });
        }
        self.announce(peer.id(), peer.name());
    }

    fn is_gone(&mut self, peer: &Peer) {
        self.release(peer.id(), peer.is_bridge());
        let lost = self.marks.is_over(self.now, (peer.id(), peer.session()));
        self.lose_all(lost);
        let unix = self.unix_seconds();
        if self.senders.get(peer.id()).is_some() {
            self.senders.set(unix, peer, false);
        }
        let confirmed = self.commands.has(peer.id(), false, &mut self.actions);
        self.confirmed(confirmed);
    }

    fn confirmed(&mut self, commands: u64) {
        if commands > 0 {
            self.counters.confirmed += commands;
            self.confirm();
        }
    }

    /// A message or a gap of a member that is no bridge, as far as is known.
    fn carry(&mut self, event: &Event<'_>) {
        match event {
            Event::Message(message) => self.carry_message(message),
            Event::Gap(gap) => {
                let life = (gap.peer().id(), gap.peer().session());
                let (first, len) = (gap.lost().first().get(), gap.lost().len());
                let mut left = vec![(first, gap.lost().last().get())];
                if self.store.is_store() {
                    self.hear(life, first);
                    left = self.marks.without_before(life, first, len);
                    self.marks.add(self.now, life, first, len);
                }
                for (first, last) in left {
                    let lost = Lost {
                        sender: life.0,
                        session: life.1,
                        first,
                        last: Some(last),
                    };
                    self.lose_numbers(lost, Place::Lan);
                }
            }
            _ => {}
        }
    }

    fn carry_message(&mut self, message: &Message<'_>) {
        let id = message.sender();
        let unix = self.unix_seconds();
        self.senders.seen(id, unix);
        let session = message.peer().map(Peer::session);
        if session.is_none() {
            self.counters.without_session += 1;
        }
        let told = Told {
            sender: id,
            session: session.unwrap_or(Session::new(0)),
            sequence: message.sequence().get(),
            channel: message.channel(),
            time: self.unix.as_millis() as u64,
            is_signed: message.is_signed(),
            name: message.name(),
            payload: message.payload(),
        };
        match message.channel().class() {
            Class::ReliableUnordered | Class::ReliableOrdered => {
                self.carry_reliable(&told, session, numbers(message));
            }
            Class::State => {
                self.counters.state += 1;
                if let Some(session) = session.filter(|_| self.store.is_store()) {
                    let life = (id, session);
                    self.hear(life, told.sequence);
                    self.marks.add(self.now, life, told.sequence, 1);
                    self.is_stale = true;
                    self.log(&Record::Seen {
                        sender: id,
                        session,
                        first: told.sequence,
                        numbers: 1,
                    });
                }
                let mapped = self.settings.map.topic(id, told.name, told.channel);
                if mapped.is_none() {
                    self.senders.has_value(id, told.channel.number());
                }
                self.set_value(&told);
            }
            Class::Latest => {
                self.counters.latest += 1;
                self.publish_newest(&told);
            }
            _ => {
                self.counters.best_effort += 1;
                self.publish_best_effort(&told);
            }
        }
    }

    fn carry_reliable(&mut self, told: &Told<'_>, session: Option<Session>, numbers: u32) {
        if let Some(session) = session.filter(|_| self.store.is_store()) {
            let life = (told.sender, session);
            self.hear(life, told.sequence);
            if self.marks.was_before(life, told.sequence) {
                self.counters.already_handled += 1;
                return;
            }
        }
        self.enqueue(record::Message {
            sender: told.sender,
            session: told.session,
            sequence: told.sequence,
            numbers,
            channel: told.channel,
            time: told.time,
            is_signed: told.is_signed,
            name: told.name.to_owned(),
            payload: told.payload.to_vec(),
        });
    }

    /// A number of a life was heard.
    fn hear(&mut self, life: (MemberId, Session), number: u32) {
        let unix = self.unix_seconds();
        let lost = self.marks.hear(self.now, unix, life, number);
        self.lose_all(lost);
    }

    fn lose_all(&mut self, lost: Vec<Lost>) {
        for lost in lost {
            self.lose_numbers(lost, Place::Bridge);
        }
    }

    /// Once a second.
    pub(super) fn look_after_senders(&mut self) {
        for id in self.senders.overdue(self.now) {
            for event in self.senders.empty(id) {
                self.carry(&event.as_event());
            }
        }
        self.senders.forget_held(self.now);
        let unix = self.unix_seconds();
        for life in self
            .senders
            .refresh(unix, self.settings.forget.as_secs() / 4)
        {
            self.marks.touch(life, unix);
        }
        let lost = self.marks.settle(self.now);
        self.lose_all(lost);
        let since = self
            .unix_seconds()
            .saturating_sub(self.settings.forget.as_secs());
        let may_close = !self.queue.has_unlogged();
        let lost = self.marks.age(self.now, may_close, since);
        self.lose_all(lost);
        let gone = self.senders.forget(since);
        let ids: Vec<_> = gone.iter().map(|(id, _)| *id).collect();
        self.values.forget(&ids);
        for (id, values) in gone {
            self.forget_member(id, &values);
        }
        self.look_for_ghosts(since);
    }

    /// Members whose `info` the broker kept from an earlier life of this gateway.
    fn look_for_ghosts(&mut self, since: u64) {
        if !self.is_connected {
            return;
        }
        for (id, found) in self.ghosts.look(self.now, since) {
            if self.senders.get(id).is_some() {
                continue;
            }
            self.counters.ghosts += 1;
            if found.seen < since {
                self.forget_member(id, &found.values);
            } else {
                self.correct_info(id, &found);
            }
        }
    }
}

/// Whether messages of a channel are retained at the broker.
pub(super) const fn is_state(channel: Channel) -> bool {
    matches!(channel.class(), Class::State)
}
