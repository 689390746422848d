//! What frames mean to a leaf, and events.

use super::Leaf;
use super::bodies::{self, Said};
use super::events::Found;
use super::incoming::frame;
use super::place::Place;
use super::places::Rank;
use crate::channel::{Channel, Class};
use crate::counters::count;
use crate::group::backoff;
use crate::group::inbox::Content;
use crate::time::{Span, Tick};
use crate::wire::{
    Ack, AckRequest, Ask, Busy, Bye, Data, FIRST_OPTIONAL, FRAME_HEADER_LEN, Header, Hello, Nack,
    Skip, Start, Sync, Time,
};
#[cfg(feature = "seal")]
use crate::{
    group::{membership::Source, sealed::Contact},
    wire::Challenge,
};

/// Half of a group's size, in steps of its logarithm.
const HALF: u8 = 4;

/// The round trip, as a member that measures none takes it to be (PROTOCOL M20).
pub(super) const TRIP: Span = Span::from_millis(10);

/// How often a member's PROBE is answered at most.
const ANSWER_PROBE: Span = Span::from_millis(100);

/// So long after its life began everybody who has values is asked for them once, whether there is a place to spare.
const YOUNG: Span = Span::from_secs(2);

pub(super) const fn channel_of(data: &Data<'_>) -> Channel {
    Channel::new(data.channel, Class::from_code(data.class, data.latest))
}

/// A DATA frame without what it borrows.
const fn head_of(data: &Data<'_>) -> Data<'static> {
    Data {
        class: data.class,
        latest: data.latest,
        repair: data.repair,
        copy: data.copy,
        signed: data.signed,
        channel: data.channel,
        horizon: data.horizon,
        fragment: data.fragment,
        last: data.last,
        sequence: data.sequence,
        payload: &[],
    }
}

impl<const DATAGRAM: usize, const SENDERS: usize, const ROOM: usize> Leaf<DATAGRAM, SENDERS, ROOM> {
    /// Takes the next frame of the datagram, from `at` to before `end`; a message is an event.
    pub(super) fn next_frame(&mut self, at: usize, end: usize) -> Option<Found> {
        let now = self.clock.now()?;
        let header = self.source?;
        let own = (self.membership.id.get(), self.membership.session.life());
        // Where something is wrong, nothing is left.
        self.inbox.content = Content::Nothing;
        let octets = self.inbox.octets.get(at..end)?;
        if octets.is_empty() {
            return None;
        }
        let Some((kind, flags, body)) = frame(octets) else {
            count(&mut self.tools.counters.frames_malformed);
            return None;
        };
        let next = at.saturating_add(FRAME_HEADER_LEN).wrapping_add(body.len());
        let mut found = None;
        let sound = match kind {
            Hello::KIND => {
                #[cfg(feature = "seal")]
                let challenge = bodies::options(body).and_then(|hello| hello.challenge());
                bodies::hello(flags, body).map(|said| {
                    if !core::mem::replace(&mut self.heard_hello, true) {
                        #[cfg(feature = "seal")]
                        self.note_challenge(now, &header, challenge);
                        self.on_hello(now, &header, said);
                    }
                })
            }
            Bye::KIND => (!body.is_empty()).then(|| {
                if let Some(place) = self.here().filter(|_| !header.is_to_one()) {
                    place.on_bye();
                }
            }),
            Busy::KIND => bodies::busy(body).map(|wait| {
                let jitter = self.tools.random.up_to(Span::from_millis(50));
                let wait = Span::from_millis(u32::from(wait));
                self.bucket.pause(now, wait, jitter);
            }),
            Data::KIND => {
                let data = Data::parse(flags, body).map(|data| head_of(&data));
                data.ok().map(|data| {
                    let told = self.on_data(now, &header, &data);
                    found = told.map(|it| it.unwrap_or(Found::Message { at, end: next }));
                })
            }
            Sync::KIND => bodies::sync(body).map(|(next, states)| {
                if !header.is_to_one() {
                    self.on_sync(now, &header, next, states);
                }
            }),
            Nack::KIND => bodies::nack(body).map(|(of, missed)| {
                if of == own {
                    count(&mut self.tools.counters.nacks_received);
                    // What was repaired just now is on its way.
                    if now.span_since(self.repaired) >= TRIP
                        && self.outbox.on_nack(missed, Self::REPAIRABLE)
                    {
                        self.heartbeat.tell();
                    }
                }
            }),
            Ask::KIND => bodies::ask(body).map(|of| {
                if of == own {
                    self.outbox.on_ask();
                } else {
                    self.put_off(now, of);
                }
            }),
            // A leaf measures no round trip, and takes no streams: it does not look at these.
            Time::KIND | Start::KIND | Skip::KIND | AckRequest::KIND | Ack::KIND => Some(()),
            _ => {
                count(&mut self.tools.counters.frames_unknown);
                if kind < FIRST_OPTIONAL {
                    return None;
                }
                Some(())
            }
        };
        match sound {
            Some(()) => self.inbox.content = Content::Frames { at: next, end },
            None => count(&mut self.tools.counters.frames_malformed),
        }
        found
    }

    /// The place of the sender of the datagram at hand.
    fn here(&mut self) -> Option<&mut Place> {
        self.places.get_mut(self.place)
    }

    /// Somebody says that it is there.
    fn on_hello(&mut self, now: Tick, header: &Header, said: Said) {
        // Who asks may be anybody, and as many as it likes.
        if !said.probe && !header.is_to_one() {
            self.hellos = self.hellos.saturating_add(1);
        }
        // It moves by one with each that is heard, and so to the usual one: what a few make up weighs little.
        if said.group_size > 0 {
            self.approach(said.group_size, 1);
        }
        self.bucket.limit(said.burst);
        let size = self.size();
        if let Some(place) = self.here() {
            place.on_hello(said.interval, size);
        }
        let random = &mut self.tools.random;
        if said.join {
            self.membership.presence.answer(now, size, random);
        }
        if !said.probe || !self.membership.presence.announces() {
            return;
        }
        let just_now =
            self.answered_id == Some(header.sender) && now.span_since(self.answered) < ANSWER_PROBE;
        if just_now {
            return;
        }
        if self.membership.ration.take(now) {
            (self.answered_id, self.answered) = (Some(header.sender), now);
            self.owes = true;
        } else {
            // It hears what the group hears, and soon.
            self.membership.presence.answer(now, size, random);
        }
    }

    /// A HELLO is sent. As many as were heard since the last one, there are beside this member: each says so once in
    /// the same time. That tells where nobody counts the others; who does knows it better.
    pub(super) fn count_hellos(&mut self) {
        let members = usize::from(core::mem::take(&mut self.hellos)).saturating_add(1);
        let counted = backoff::encode_group_size(members);
        if counted > self.group_size || counted.saturating_add(HALF) < self.group_size {
            self.approach(counted, HALF);
        }
    }

    /// The group's size is said to be this: the own estimate rises by so many steps at most, or falls by one.
    const fn approach(&mut self, stated: u8, most: u8) {
        let up = stated.saturating_sub(self.group_size);
        let up = if up < most { up } else { most };
        let down = (stated < self.group_size) as u8;
        self.group_size = self.group_size.saturating_add(up).saturating_sub(down);
    }

    /// How many members there are, as others say.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(super) fn size(&self) -> usize {
        match Self::HEARS {
            true => backoff::decode_group_size(self.group_size),
            false => 1,
        }
    }

    /// A challenge of a member that is believed: it does not believe this one, or not any more.
    #[cfg(feature = "seal")]
    fn note_challenge(&mut self, now: Tick, header: &Header, challenge: Option<Challenge>) {
        let source = Source {
            index: None,
            id: header.sender,
            life: header.session.life(),
            address: self.tools.config.group,
            to_one: header.is_to_one(),
        };
        let mut contact = Contact {
            membership: &mut self.membership,
            roster: &mut self.places.among(self.group_size, self.channels),
            echoes: &mut self.echoes,
            tools: &mut self.tools,
        };
        self.guard.on_hello(&mut contact, now, &source, challenge);
    }

    /// A message came in. What is told of it, if anything is; `Some(None)`: it is delivered.
    fn on_data(&mut self, now: Tick, header: &Header, data: &Data<'_>) -> Option<Option<Found>> {
        let channel = channel_of(data);
        let class = channel.class();
        let is_of_values = matches!(class, Class::Latest | Class::State);
        if is_of_values && data.last > 0 {
            count(&mut self.tools.counters.frames_malformed);
            return None;
        }
        let mut was_heard = false;
        if class.is_reliable()
            && let Some(place) = self.here()
        {
            was_heard = place.pass(data);
        }
        if class.is_reliable() && !is_of_values {
            count(&mut self.tools.counters.reliable_dropped);
            let is_told = core::mem::replace(&mut self.told_dropped, true);
            return (!is_told).then_some(Some(Found::ReliableDropped(channel)));
        }
        if data.last > 0 {
            count(&mut self.tools.counters.fragments_no_room);
            return None;
        }
        let (first, last) = self.channels;
        let matters = first <= data.channel && data.channel <= last;
        let is_new = self.here().is_none();
        if is_new && matters {
            self.place = self.places.claim(now, header, Rank::Asked);
        }
        let Some(place) = self.here() else {
            if matters {
                count(&mut self.tools.counters.fragments_no_stream);
            }
            return None;
        };
        if class == Class::State {
            if is_new {
                place.pass(data);
            }
            place.know(data);
        }
        if !matters {
            return None;
        }
        place.useful = true;
        if was_heard || (is_of_values && !place.is_newer(data)) {
            count(&mut self.tools.counters.values_old);
            return None;
        }
        count(&mut self.tools.counters.messages_received);
        Some(None)
    }

    /// A sender tells where its stream stands, and how many values it has (PROTOCOL E5).
    fn on_sync(&mut self, now: Tick, header: &Header, next: u32, states: u8) {
        if states > 0 && self.here().is_none() {
            let is_young = now.span_since(self.membership.began) < YOUNG;
            let most = if is_young { Rank::Idle } else { Rank::Gone };
            self.place = self.places.claim(now, header, most);
        }
        let due = now + self.draw();
        if let Some(place) = self.here() {
            place.on_sync(next, states, due);
        }
    }

    /// How long to wait before asking for values (PROTOCOL R14).
    #[cfg_attr(target_os = "none", inline(never))]
    fn draw(&mut self) -> Span {
        let size = self.size();
        backoff::draw(backoff::spread(TRIP, size), size, &mut self.tools.random)
    }

    /// Somebody else asks a sender for its values: this member waits for the answer to that.
    fn put_off(&mut self, now: Tick, (id, life): (u32, u32)) {
        // It is only put off (PROTOCOL R15).
        let again = now + TRIP.saturating_add(self.draw());
        if let Some(place) = self.places.find_number(id)
            && place.life() == life
            && let Some(due) = place.ask_at
        {
            place.ask_at = Some(due.max(again));
        }
    }
}
