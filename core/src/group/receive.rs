//! A datagram's way in: header, checksum, roster; and out of it, events.

use core::net::SocketAddr;

use super::engine::Engine;
use super::found::Found;
use super::inbox::Content;
use super::membership::Source;
use super::membership::{Change, Heard, LATE, Peer, RosterFull};
use super::receiving::Receiving;
#[cfg(feature = "seal")]
use super::sealed::{Contact, Opened};
use crate::counters::count;
use crate::event::{DuplicateId, Outcome};
use crate::storage::Views;
use crate::time::{Instant, Span, Tick};
use crate::wire::{self, Bye, Frame, Frames, Header, ParseError};

/// How often a duplicate of the own id is reported at most.
const REPORT_DUPLICATE: Span = Span::from_secs(60);

/// How long after a life began because of a clone the next one begins at the earliest: in an open group
/// anybody can pretend to be one.
const CLONE_PAUSE: Span = Span::from_secs(30);

/// What becomes of a datagram.
enum Fate {
    Taken(Content),
    Dropped,
}

impl Engine {
    /// Takes the datagram of `len` octets in the receive buffer.
    #[inline(never)]
    pub(crate) fn handle(
        &mut self,
        mut views: Views<'_>,
        now: Instant,
        from: SocketAddr,
        len: usize,
    ) {
        let now = self.tick(&mut views, now);
        count(&mut self.tools.counters.received);
        self.heard_once = 0;
        let len = len.min(views.inbox.octets.len());
        views.inbox.content = match self.judge(&mut views, now, from, len) {
            Fate::Taken(content) => content,
            Fate::Dropped => Content::Nothing,
        };
    }

    /// Decides what becomes of a datagram, and counts it exactly once.
    fn judge(&mut self, views: &mut Views<'_>, now: Tick, from: SocketAddr, len: usize) -> Fate {
        let datagram = views.inbox.octets.get(..len).unwrap_or_default();
        if datagram.is_empty() {
            count(&mut self.tools.counters.empty);
            return Fate::Dropped;
        }
        if !wire::is_framed(datagram) {
            return self.judge_bare(from, len);
        }
        let header = match self.parse(datagram) {
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
                    self.meet_clone(views, now, from, &header, ending);
                    return Fate::Dropped;
                }
            }
        }
        let end = len.saturating_sub(header.suite.trailer_len());
        if header.sender == self.membership.id {
            if self.membership.is_own(&header) {
                self.meet_clone(views, now, from, &header, ending);
            } else {
                count(&mut self.tools.counters.claims_own_id);
                let frames = views.inbox.octets.get(Header::LEN..end);
                let gives_way = Frames::new(frames.unwrap_or_default())
                    .flatten()
                    .any(|frame| frame == Frame::Bye(Bye::GIVE_WAY));
                self.contest(views, now, from, &header, gives_way);
            }
            return Fate::Dropped;
        }
        if let Some(index) = views.roster.would_end(now, &header)
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
                        &mut views.parts(&mut self.tools, &self.membership.trip),
                        index,
                    );
                    views
                        .roster
                        .count_in(index, self.sending.sent_next(views.history));
                }
                #[cfg(feature = "seal")]
                if let Some(sealed) = &self.guard.sealed {
                    let challenge = sealed.challenge();
                    let believe = |peer: &mut Peer| peer.believe(&header, challenge);
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

    fn judge_bare(&mut self, from: SocketAddr, len: usize) -> Fate {
        if !self.guard.takes_bare() {
            count(&mut self.tools.counters.bare);
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
        Fate::Taken(Content::Bare { len })
    }

    /// The header of a sound datagram of this group, or the counter for what is wrong.
    fn parse(&mut self, datagram: &[u8]) -> Result<Header, &mut u64> {
        let counters = &mut self.tools.counters;
        let header = match wire::parse_header(datagram) {
            Ok(header) => header,
            Err(ParseError::Truncated { .. }) => return Err(&mut counters.truncated),
            Err(ParseError::UnknownVersion(_)) => return Err(&mut counters.wrong_version),
            Err(ParseError::UnknownSuite(_)) => return Err(&mut counters.wrong_suite),
            Err(_) => return Err(&mut counters.malformed),
        };
        if header.suite != self.guard.suite() {
            return Err(&mut counters.wrong_suite);
        }
        if !self.guard.knows(header.tag) {
            return Err(&mut counters.other_group);
        }
        if self.guard.is_sealed() {
            return Ok(header);
        }
        if wire::is_intact(datagram) {
            Ok(header)
        } else {
            Err(&mut counters.corrupt)
        }
    }

    /// Somebody has the same id and the same session, and has sent more with it: a copy of this device, or
    /// one whose random numbers are the same; in an open group also whoever says so (PROTOCOL M29). The
    /// others do not hear this member any more, or not for long: it begins another life, as another member
    /// if it may.
    pub(crate) fn meet_clone(
        &mut self,
        views: &mut Views<'_>,
        now: Tick,
        from: SocketAddr,
        header: &Header,
        ending: u32,
    ) {
        count(&mut self.tools.counters.claims_own_id);
        let lately = |at: Tick| now.span_since(at) < CLONE_PAUSE;
        let is_done = self.membership.silenced || self.membership.presence.is_leaving();
        if is_done || self.membership.parted.is_some_and(lately) {
            return;
        }
        self.membership.parted = Some(now);
        let id = self.membership.id;
        // A copy that notices in the same moment sees the same with the sides changed. Where their
        // counters are equal, the ends of what they sent are not.
        let ends = u64::from(ending) ^ u64::from(self.membership.ending).rotate_left(32);
        let difference = ends
            ^ header.counter
            ^ self.membership.counter.rotate_left(24)
            ^ u64::from(self.clock.stamp(now)).rotate_left(40);
        self.guard.part(&mut self.tools.random, difference);
        let fixed = self.tools.config.id;
        let other = fixed.unwrap_or_else(|| self.tools.random.member_id());
        self.begin_life(views, now, other);
        self.membership.duplicate_id = Some(DuplicateId {
            id,
            address: from,
            outcome: Outcome::Cloned,
        });
    }

    /// Another member uses this member's id (PROTOCOL M28).
    fn contest(
        &mut self,
        views: &mut Views<'_>,
        now: Tick,
        from: SocketAddr,
        header: &Header,
        gives_way: bool,
    ) {
        // What an earlier life of this member sent may still be on its way.
        let may_be_late = now.span_since(self.membership.began) < LATE && !gives_way;
        if may_be_late || self.membership.silenced || self.membership.presence.is_leaving() {
            return;
        }
        let id = self.membership.id;
        let outcome = if self.membership.session < header.session || gives_way {
            // The other one is to hear at once that the id is taken.
            self.membership.presence.assert(now);
            Outcome::Kept
        } else if self.tools.config.id.is_none() {
            let other = self.tools.random.member_id();
            self.begin_life(views, now, other);
            Outcome::Redrawn(other)
        } else {
            self.membership.silenced = true;
            self.membership.gives_way = self.membership.presence.announces();
            self.membership.presence.silence();
            Outcome::Silenced
        };
        let reported = |at: Tick| now.span_since(at) < REPORT_DUPLICATE;
        if outcome == Outcome::Kept && self.membership.duplicate_reported.is_some_and(reported) {
            return;
        }
        self.membership.duplicate_reported = Some(now);
        self.membership.duplicate_id = Some(DuplicateId {
            id,
            address: from,
            outcome,
        });
    }

    /// Whether there is something to look at for events.
    pub(crate) fn has_events(&self, views: &Views<'_>) -> bool {
        views.inbox.is_busy()
            || views.roster.has_pending()
            || views.streams.any_ready
            || self.membership.duplicate_id.is_some()
            || self.guard.is_worn_out()
    }

    /// Whether there is something to look at that came with a datagram. That somebody is silent, or is gone who
    /// never said who it is, came with the time, maybe in [`transmit`](Self::transmit), and is taken back if the
    /// next datagram is theirs.
    pub(crate) fn has_events_of_datagram(&self, views: &mut Views<'_>) -> bool {
        let came = |change| !matches!(change, Change::Suspect | Change::Lost | Change::Ended);
        self.has_events(views)
            && (views.inbox.is_busy()
                || views.streams.any_ready
                || self.membership.duplicate_id.is_some()
                || self.guard.is_worn_out()
                || views.roster.peek_pending(came).is_some())
    }

    /// The next of what is stored, put together in the receive buffer.
    fn find_stored(&mut self, views: &mut Views<'_>) -> Option<Found> {
        if !views.streams.any_ready {
            return None;
        }
        let (mut parts, inbox) = views.parts_and_inbox(&mut self.tools, &self.membership.trip);
        Receiving::find_stored(&mut parts, self.clock.now()?, &mut inbox.octets)
    }

    /// The next event.
    ///
    /// Changes of the roster come before the frame that follows them. What is stored is delivered when
    /// the datagram has been read, since it is put together in the receive buffer. That a member is
    /// gone is told last, after what it still had to say.
    #[inline(never)]
    pub(crate) fn find_event(&mut self, views: &mut Views<'_>) -> Option<Found> {
        let is_end = |change| matches!(change, Change::Left | Change::Lost | Change::Ended);
        loop {
            // A session that is over comes before the one that has begun.
            if !views.inbox.is_busy()
                && let Some(found) = self.find_stored(views)
            {
                return Some(found);
            }
            if let Some((index, change)) = views.roster.take_pending(|change| !is_end(change)) {
                return Some(Found::Change(index, change));
            }
            if let Some(duplicate) = self.membership.duplicate_id.take() {
                return Some(Found::DuplicateId(duplicate));
            }
            #[cfg(feature = "seal")]
            if let Some(place) = self.guard.take_worn_out() {
                return Some(Found::RotateKey(place));
            }
            if let Some(refused) = self
                .clock
                .now()
                .and_then(|now| self.membership.take_refused(now))
            {
                return Some(Found::RosterFull(refused));
            }
            match views.inbox.content {
                Content::Nothing => {}
                Content::Bare { len } => {
                    views.inbox.content = Content::Nothing;
                    let address = self.source?.address;
                    return Some(Found::Raw { address, len });
                }
                Content::Frames { .. } => {
                    let source = self.source?;
                    if let Some(found) = self.next_frame(views, &source) {
                        return Some(found);
                    }
                    continue;
                }
            }
            let index = views.roster.peek_pending(is_end)?;
            let (at, told) = (views.streams.find(index), views.roster.told(index));
            if at.is_none()
                && let Some((first, last)) = views.roster.peer_mut(index).and_then(Peer::take_gap)
            {
                let mut parts = views.parts(&mut self.tools, &self.membership.trip);
                return Some(Receiving::found_gap(&mut parts, None, index, first, last));
            }
            if let Some(at) = at
                && let Some(stream) = views.streams.get_mut(at)
                && stream.is_owed(told)
            {
                stream.give_up(told);
                if stream.is_ready {
                    views.streams.any_ready = true;
                    if let Some(found) = self.find_stored(views) {
                        return Some(found);
                    }
                }
            }
            let (index, change) = views.roster.take_pending(is_end)?;
            if change != Change::Ended {
                return Some(Found::Change(index, change));
            }
        }
    }
}
