//! A datagram's way in: header, checksum or seal, roster.

use core::net::SocketAddr;

use super::engine::Engine;
use super::inbox::Content;

#[cfg(feature = "seal")]
use super::membership::Entry;
use super::membership::{Heard, RosterFull, Source};
use super::receiving::Receiving;
#[cfg(feature = "seal")]
use super::sealed::{Contact, Opened};
use crate::counters::count;
use crate::event::DuplicateIdOutcome;
use crate::rooms::Rooms;
use crate::storage::Views;
use crate::time::{Instant, Tick};
use crate::wire::{self, Bye, Frame, Frames, Header};

/// What becomes of a datagram.
enum Fate {
    Taken(Content),
    Dropped,
}

impl Engine {
    /// Takes the datagram of `len` bytes in the receive buffer.
    #[inline(never)]
    pub(crate) fn handle(
        &mut self,
        rooms: Rooms,
        mut views: Views<'_>,
        now: Instant,
        from: SocketAddr,
        len: usize,
    ) {
        let now = self.tick(rooms, &mut views, now);
        count(&mut self.tools.counters.received);
        self.heard_once = 0;
        let len = len.min(views.inbox.octets.len());
        views.inbox.content = match self.judge(rooms, &mut views, now, from, len) {
            Fate::Taken(content) => content,
            Fate::Dropped => Content::Nothing,
        };
    }

    /// Decides what becomes of a datagram, and counts it exactly once.
    fn judge(
        &mut self,
        rooms: Rooms,
        views: &mut Views<'_>,
        now: Tick,
        from: SocketAddr,
        len: usize,
    ) -> Fate {
        let datagram = views.inbox.octets.get(..len).unwrap_or_default();
        if datagram.is_empty() {
            count(&mut self.tools.counters.empty);
            return Fate::Dropped;
        }
        if !wire::is_framed(datagram) {
            return self.judge_raw(from, len);
        }
        let header = match self.guard.parse(&mut self.tools.counters, datagram) {
            Ok(header) => header,
            Err(counter) => {
                count(counter);
                return Fate::Dropped;
            }
        };
        let ending = wire::ending(datagram);
        if self.membership.has_sent(&header, ending) {
            if self.membership.is_own(&header) && !self.guard.is_sealed() {
                self.own_address = Some(from);
            }
            count(&mut self.tools.counters.own);
            return Fate::Dropped;
        }
        #[cfg(feature = "seal")]
        if self.guard.is_sealed() {
            let octets = views.inbox.octets.get_mut(..len).unwrap_or_default();
            let mut contact = Contact {
                membership: &mut self.membership,
                roster: views.roster,
                echoes: views.echoes,
                tools: &mut self.tools,
            };
            match self.guard.unseal(&mut contact, now, &header, octets) {
                Opened::Taken => {}
                Opened::Dropped => return Fate::Dropped,
                Opened::Clone => {
                    self.meet_clone(rooms, views, now, from, &header, ending);
                    return Fate::Dropped;
                }
            }
        }
        let end = len.saturating_sub(header.suite.trailer_len());
        if header.sender == self.membership.id {
            if self.membership.is_own(&header) {
                self.meet_clone(rooms, views, now, from, &header, ending);
            } else {
                count(&mut self.tools.counters.claims_own_id);
                let frames = views.inbox.octets.get(Header::LEN..end);
                let gives_way = Frames::new(frames.unwrap_or_default())
                    .flatten()
                    .any(|frame| frame == Frame::Bye(Bye::GIVE_WAY));
                self.contest(rooms, views, now, from, &header, gives_way);
            }
            return Fate::Dropped;
        }
        if rooms.receive_streams()
            && let Some(index) = views.roster.would_end(now, &header)
            && Receiving::end_stream(
                &mut views.parts(&mut self.tools, &self.membership.trip),
                index,
            )
        {
            // First what is left of the session before; it is told under that session's name.
            count(&mut self.tools.counters.postponed);
            return Fate::Dropped;
        }
        let index = match views.roster.hear(now, from, &header) {
            Ok((index, Heard::Fresh)) => {
                views.roster.pay(index, len);
                #[cfg(feature = "seal")]
                if self.guard.is_sealed() {
                    views.roster.change(index, |peer| peer.outdate(now));
                }
                Some(index)
            }
            Ok((index, heard @ (Heard::New | Heard::Restarted | Heard::Continued))) => {
                if heard != Heard::Continued {
                    Receiving::forget(
                        rooms,
                        &mut views.parts(&mut self.tools, &self.membership.trip),
                        index,
                    );
                    if rooms.repair() {
                        views
                            .roster
                            .count_in(index, self.sending.sent_next(views.history));
                    }
                }
                #[cfg(feature = "seal")]
                if let Some(sealed) = &self.guard.sealed {
                    let challenge = sealed.challenge();
                    let believe = |peer: &mut Entry| peer.believe(&header, challenge);
                    views.roster.change(index, believe);
                }
                Some(index)
            }
            Ok((_, Heard::Duplicate)) => {
                count(&mut self.tools.counters.duplicate);
                return Fate::Dropped;
            }
            Ok((_, Heard::Stale)) => {
                count(&mut self.tools.counters.stale);
                return Fate::Dropped;
            }
            Err(RosterFull) => {
                self.membership.refuse();
                if self.guard.is_sealed() {
                    // Who has no window could be played back again and again.
                    count(&mut self.tools.counters.no_place);
                    return Fate::Dropped;
                }
                None
            }
        };
        count(&mut self.tools.counters.accepted);
        self.source = Some(Source {
            index,
            id: header.sender,
            life: header.session.life(),
            address: from,
            to_one: header.is_to_one(),
        });
        Fate::Taken(Content::Frames {
            at: Header::LEN,
            end,
        })
    }

    fn judge_raw(&mut self, from: SocketAddr, len: usize) -> Fate {
        if !self.guard.takes_raw() {
            count(&mut self.tools.counters.raw_refused);
            return Fate::Dropped;
        }
        if self.own_address == Some(from) {
            count(&mut self.tools.counters.own);
            return Fate::Dropped;
        }
        count(&mut self.tools.counters.raw);
        self.source = Some(Source {
            index: None,
            id: self.membership.id,
            life: 0,
            address: from,
            to_one: false,
        });
        Fate::Taken(Content::Raw { len })
    }

    /// Somebody has the same id and the same session: this member begins another life, as another member if it may.
    pub(crate) fn meet_clone(
        &mut self,
        rooms: Rooms,
        views: &mut Views<'_>,
        now: Tick,
        from: SocketAddr,
        header: &Header,
        ending: u32,
    ) {
        count(&mut self.tools.counters.claims_own_id);
        if !self.membership.parts(now) {
            return;
        }
        let clock = u64::from(self.clock.stamp(now)).rotate_left(40);
        let difference = self.membership.difference(header, ending) ^ clock;
        self.guard.part(&mut self.tools.random, difference);
        let (id, fixed) = (self.membership.id, self.tools.config.id);
        let other = fixed.unwrap_or_else(|| self.tools.random.member_id());
        self.begin_life(rooms, views, now, other);
        self.membership
            .tell_duplicate(now, id, from, DuplicateIdOutcome::Cloned);
    }

    /// Another member uses this member's id.
    fn contest(
        &mut self,
        rooms: Rooms,
        views: &mut Views<'_>,
        now: Tick,
        from: SocketAddr,
        header: &Header,
        gives_way: bool,
    ) {
        let (id, fixed) = (self.membership.id, self.tools.config.id.is_some());
        let random = &mut self.tools.random;
        let outcome = self
            .membership
            .contest(now, header, gives_way, fixed, random);
        let Some(outcome) = outcome else { return };
        if let DuplicateIdOutcome::Redrawn(other) = outcome {
            self.begin_life(rooms, views, now, other);
        }
        self.membership.tell_duplicate(now, id, from, outcome);
    }
}
