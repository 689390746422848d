//! A datagram's way out: what is due, packed together.

#[cfg(feature = "seal")]
use super::ECHOES;
use super::Leaf;
use super::outbox::REPAIRABLE;
use super::record::Record;
use crate::counters::count;
use crate::group::membership::Presence;
#[cfg(feature = "seal")]
use crate::group::sealed::{Contact, options_len};
use crate::group::{Destination, Earliest, Transmit};
use crate::time::{Instant, Tick};
use crate::wire::{
    Ask, Bye, Header, Hello, MIN_MAX_DATAGRAM, Mark, Start, Sync, Time, Writer, append_trailer,
    ending,
};

/// Microseconds of the unit in which a HELLO interval is stated.
const TEN_MILLIS: u32 = 10_000;

/// The longest options of its HELLO.
#[cfg(feature = "seal")]
const OPTIONS_LEN: usize = options_len(ECHOES) + Hello::OPTION_HEADER_LEN;

/// What a datagram is written to: a leaf sends none that is larger.
pub(super) type Buffer = [u8; MIN_MAX_DATAGRAM as usize];

impl<const DATAGRAM: usize, const SENDERS: usize, const ROOM: usize> Leaf<DATAGRAM, SENDERS, ROOM> {
    /// So many numbers are repaired: none, if nobody can be heard who asks.
    pub(super) const REPAIRABLE: u32 = if Self::HEARS { REPAIRABLE } else { 0 };

    /// When there is something to do.
    #[inline(never)]
    pub(super) fn due(&self, now: Tick) -> Option<Tick> {
        let speaks = !Self::HEARS || !self.membership.silenced;
        let owes = speaks && self.owes;
        if Self::HEARS && (self.membership.gives_way || owes || self.has_events()) {
            return Some(now);
        }
        let mut first = Earliest(None);
        let is_sent = self.outbox.is_sent();
        // The BYE waits for what is to be sent before it.
        if is_sent || !self.membership.presence.is_leaving() {
            first.at(self.membership.presence.next());
        }
        let held = self.holds_until(now);
        if cfg!(feature = "seal") && self.membership.leaves_later {
            first.at(held);
        }
        if !speaks {
            return first.0;
        }
        first.at(self.heartbeat.due);
        if Self::HEARS {
            first.at(self.places.ask_at());
        }
        if !is_sent || self.outbox.has_wanted() {
            let opens = self.bucket.opens_at(now, self.tools.config.pace);
            // HELLO comes before the first message, and does not wait for its turn.
            let held = held.filter(|_| self.membership.presence.has_said_hello());
            first.at(Some(held.map_or(opens, |end| opens.max(end))));
        }
        first.0
    }

    /// Until when messages wait for first contact.
    #[cfg(feature = "seal")]
    fn holds_until(&self, now: Tick) -> Option<Tick> {
        self.guard
            .holds_while(&self.membership, self.places.is_empty(), &self.echoes, now)
    }

    #[cfg(not(feature = "seal"))]
    #[expect(clippy::unused_self, reason = "only sealed groups wait")]
    const fn holds_until(&self, _: Tick) -> Option<Tick> {
        None
    }

    /// Whether messages wait for first contact.
    pub(super) fn is_held(&self, now: Tick) -> bool {
        !self.outbox.is_sent() && self.holds_until(now).is_some()
    }

    /// Writes the next datagram to send, if there is one.
    #[inline(never)]
    pub(super) fn transmit(&mut self, now: Instant, buffer: &mut Buffer) -> Option<Transmit> {
        let now = self.tick(now);
        if self.due(now).is_none_or(|due| now < due) {
            return None;
        }
        if self.membership.counter >= Header::MAX_COUNTER {
            // With a thousand a second, that is after 4,000 years.
            return None;
        }
        let silenced = Self::HEARS && self.membership.silenced;
        if silenced {
            self.outbox.forget_unsent();
            if !core::mem::take(&mut self.membership.gives_way) {
                return None;
            }
        }
        let leaves = self.membership.presence.is_leaving();
        let owes = core::mem::take(&mut self.owes) && Self::HEARS && !silenced && !leaves;
        let asker = self.from.filter(|_| owes);
        let to = asker.map_or(Destination::Group, Destination::Peer);
        let is_due = |due: Tick| due <= now;
        let pace = self.tools.config.pace;
        let open = is_due(self.bucket.opens_at(now, pace));
        let waits = !self.outbox.is_sent() || self.outbox.has_wanted();
        let early = (open && waits) || self.heartbeat.is_due(now);
        let speaks = !owes && !silenced;
        let hello_due = speaks && self.membership.presence.hello_due(now, early);
        let open = speaks && open && self.holds_until(now).is_none();
        let first = self.outbox.next_unsent().filter(|_| open && !hello_due);
        let mut has_data = false;
        let len = if let Some(raw) = first.filter(Record::is_raw) {
            has_data = true;
            let mut w = Writer::new(buffer);
            self.outbox.write(&raw, 0, Mark::First, &mut w);
            self.outbox.mark_sent(&raw);
            w.len()
        } else {
            let header = self.header(owes);
            let room = buffer.len().saturating_sub(header.suite.trailer_len());
            let mut w = Writer::new(buffer.get_mut(..room).unwrap_or_default());
            header.emit(&mut w);
            if owes {
                self.write_answer(&mut w);
            } else if silenced {
                self.write_last_word(&mut w);
            } else {
                has_data = self.write_all(now, hello_due, open, &mut w);
            }
            let len = w.len();
            self.finish(&header, len, buffer)
        };
        if len == 0 {
            return None;
        }
        if has_data {
            self.bucket.take(now, pace, len);
        }
        let counters = &mut self.tools.counters;
        count(&mut counters.datagrams_sent);
        // A datagram's length fits 64 bits.
        counters.bytes_sent = counters.bytes_sent.wrapping_add(len as u64);
        Some(Transmit { to, len })
    }

    /// The last word of a member whose id is another's: so the other one hears of it.
    fn write_last_word(&mut self, w: &mut Writer<'_>) {
        if self.guard.is_sealed() {
            // It is believed only with the other one's challenge.
            self.write_hello(false, w);
        }
        Bye::GIVE_WAY.emit(w);
    }

    /// Answers a member that asked whether this one is there. Who keeps no roster counts it in from now on.
    fn write_answer(&mut self, w: &mut Writer<'_>) {
        let Some(asker) = self.source else { return };
        self.write_hello(true, w);
        self.write_sync(w);
        let start = Start {
            target: asker.sender.get(),
            session: asker.session.life(),
            next: self.outbox.sent_next(),
        };
        start.emit(w);
    }

    /// What is due to the group; messages, if it is open for them. Whether there were any.
    fn write_all(&mut self, now: Tick, hello: bool, open: bool, w: &mut Writer<'_>) -> bool {
        let bye = self.outbox.is_sent() && self.membership.presence.bye_due(now);
        let beat = bye || self.heartbeat.is_due(now);
        if hello {
            self.write_hello(false, w);
            let stamp = self.clock.stamp(now);
            Time { stamp, echoes: &[] }.emit(w);
            self.hello_sent(now);
        }
        if hello || beat {
            // SYNC tells where the stream stands after what is said here, and BYE comes after that.
            let last = Sync::FRAME_LEN.wrapping_add(Bye::FRAME_LEN);
            w.set_end(w.len().wrapping_add(w.room()).saturating_sub(last));
        }
        if Self::HEARS {
            self.write_asks(now, w);
        }
        let before = w.len();
        if open {
            self.write_data(now, w);
        }
        let has_data = w.len() > before;
        if beat && !has_data {
            self.outbox.write_copy(Self::REPAIRABLE, w);
        }
        w.set_end(usize::MAX);
        if hello || beat {
            self.write_sync(w);
            count(&mut self.tools.counters.syncs_sent);
            self.heartbeat.sent(now);
        }
        if bye {
            Bye::LEFT.emit(w);
            self.membership.presence.bye_sent(now);
            self.heartbeat.end();
        }
        has_data
    }

    /// What waits, and what others wait for.
    fn write_data(&mut self, now: Tick, w: &mut Writer<'_>) {
        if self.outbox.has_wanted() {
            let reserve = match self.outbox.is_sent() {
                true => 0,
                false => w.room() / 2,
            };
            let repaired = self.outbox.write_wanted(Self::REPAIRABLE, reserve, w);
            self.repaired = now;
            let sent = &mut self.tools.counters.repairs_sent;
            *sent = sent.wrapping_add(repaired.into());
        }
        if self.outbox.write_new(Self::REPAIRABLE, w) {
            self.heartbeat.begin(now);
        }
    }

    /// Asks for values, whose turn it is.
    fn write_asks(&mut self, now: Tick, w: &mut Writer<'_>) {
        for place in self.places.iter_mut() {
            if place.ask_at.is_some_and(|at| at <= now)
                && w.room() >= Ask::FRAME_LEN
                && let Some(id) = place.id
            {
                place.take_question();
                let (target, session) = (id.get(), place.life());
                Ask { target, session }.emit(w);
            }
        }
    }

    /// HELLO was said to the group.
    fn hello_sent(&mut self, now: Tick) {
        if !Self::HEARS || core::mem::take(&mut self.refused) {
            // Somebody may have asked for values who could not be heard.
            self.outbox.on_ask();
        }
        if Self::HEARS {
            self.count_hellos();
        }
        let size = self.size();
        let random = &mut self.tools.random;
        self.membership.presence.hello_sent(now, size, random);
    }

    /// This member's HELLO. It counts nobody, and measures no round trip.
    fn write_hello(&mut self, to_one: bool, w: &mut Writer<'_>) {
        #[cfg(feature = "seal")]
        let mut options = [0; OPTIONS_LEN];
        #[cfg(feature = "seal")]
        let options = if to_one {
            &[]
        } else {
            let now = self.clock.now().unwrap_or(Tick::LONG_AGO);
            let mut contact = Contact {
                membership: &mut self.membership,
                roster: &mut self.places.among(self.group_size, self.channels),
                echoes: &mut self.echoes,
                tools: &mut self.tools,
            };
            let room = w.room();
            let written = self
                .guard
                .write_options(&mut contact, now, room, &mut options);
            options.get(..written).unwrap_or_default()
        };
        #[cfg(not(feature = "seal"))]
        let options = &[];
        let interval = Presence::interval(self.size()).as_micros() / TEN_MILLIS;
        // Who hears nothing limits nobody.
        let (max_datagram, max_message) = match Self::HEARS {
            true => (u16::try_from(DATAGRAM).unwrap_or(u16::MAX), 0),
            false => (u16::MAX, u16::MAX),
        };
        let hello = Hello {
            join: !to_one && self.membership.presence.is_joining(),
            capabilities: self.tools.config.capabilities(false),
            max_datagram,
            max_message,
            interval: u16::try_from(interval).unwrap_or(u16::MAX),
            receive_burst: self.tools.config.receive_burst,
            options,
            ..Hello::new(self.membership.name)
        };
        hello.emit(w);
    }

    /// Where this member's stream stands.
    fn write_sync(&self, w: &mut Writer<'_>) {
        let sync = Sync {
            next: self.outbox.sent_next(),
            low: self.outbox.low(Self::REPAIRABLE),
            round_trip: 0,
            group_size: 0,
            states: self.outbox.states(),
        };
        sync.emit(w);
    }

    /// The header of the next datagram.
    fn header(&self, to_one: bool) -> Header {
        let mark = if to_one { Header::TO_ONE } else { 0 };
        Header {
            suite: self.guard.suite(),
            tag: self.guard.tag(),
            sender: self.membership.id,
            session: self.membership.session,
            counter: self.membership.counter.saturating_add(1) | mark,
        }
    }

    /// The datagram is written, but for its trailer. Returns its length; 0 if it is not to be sent.
    fn finish(&mut self, header: &Header, len: usize, buffer: &mut Buffer) -> usize {
        // Everything that is written asks before whether there is room.
        let len = append_trailer(header.suite, len, buffer).unwrap_or_default();
        let datagram = buffer.get_mut(..len).unwrap_or_default();
        if len == Header::LEN.saturating_add(header.suite.trailer_len()) {
            return 0;
        }
        self.membership.counter = header.number();
        if !self.guard.protect(header, datagram) {
            // Its number is used up, and it is lost, as if the network had lost it.
            count(&mut self.tools.counters.send_failures);
            return 0;
        }
        self.membership.ending = ending(datagram);
        len
    }
}
