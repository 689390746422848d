//! A datagram's way in: header, checksum or seal, the own id, and whether it was seen (PROTOCOL §2.8).

use core::net::SocketAddr;

use super::Leaf;
use crate::counters::count;
use crate::event::DuplicateIdOutcome;
use crate::group::inbox::Content;
use crate::group::membership::Verdict;
#[cfg(feature = "seal")]
use crate::group::sealed::{Contact, Opened, Sealed};
use crate::time::{Instant, Tick};
use crate::wire::{self, Bye, FRAME_HEADER_LEN, Header};

/// Whether one of these frames is the last word of a member that gives way.
fn gives_way(frames: &[u8]) -> bool {
    find_frame(frames, |kind, _, body| {
        (kind == Bye::KIND && body.first() == Some(&Bye::GIVE_WAY.reason)).then_some(())
    })
    .is_some()
}

/// The first of these frames: its type, flags and body, if it is whole.
#[cfg_attr(target_os = "none", inline(never))]
pub(super) fn frame(frames: &[u8]) -> Option<(u8, u8, &[u8])> {
    let (&[kind, flags, l, m], rest) = frames.split_first_chunk()?;
    let body = rest.get(..usize::from(u16::from_be_bytes([l, m])))?;
    Some((kind, flags, body))
}

/// The first of these frames, by type, flags and body, in which something is found.
pub(super) fn find_frame<'a, T>(
    mut frames: &'a [u8],
    find: impl Fn(u8, u8, &'a [u8]) -> Option<T>,
) -> Option<T> {
    while let Some((kind, flags, body)) = frame(frames) {
        let found = find(kind, flags, body);
        if found.is_some() {
            return found;
        }
        let len = body.len().saturating_add(FRAME_HEADER_LEN);
        frames = frames.get(len..).unwrap_or_default();
    }
    None
}

impl<const DATAGRAM: usize, const SENDERS: usize, const ROOM: usize> Leaf<DATAGRAM, SENDERS, ROOM> {
    /// Takes the datagram of `len` bytes in the receive buffer.
    #[inline(never)]
    pub(super) fn take(&mut self, now: Instant, from: SocketAddr, len: usize) {
        let now = self.tick(now);
        count(&mut self.tools.counters.received);
        self.heard_hello = false;
        if core::mem::take(&mut self.owes) {
            // Whoever asked hears what the group hears, and soon: it is not known any more where it is.
            let size = self.size();
            let random = &mut self.tools.random;
            self.membership.presence.answer(now, size, random);
        }
        self.from = Some(from);
        self.inbox.content = self.judge(now, from, len).unwrap_or(Content::Nothing);
    }

    /// Decides what becomes of a datagram, and counts it exactly once. `None`: it is dropped.
    fn judge(&mut self, now: Tick, from: SocketAddr, len: usize) -> Option<Content> {
        let counters = &mut self.tools.counters;
        let datagram = self.inbox.octets.get(..len).unwrap_or_default();
        if datagram.is_empty() {
            count(&mut counters.empty);
            return None;
        }
        if !wire::is_framed(datagram) {
            let (counter, content) = if !self.guard.takes_raw() {
                (&mut counters.raw_refused, None)
            } else if self.own_address == Some(from) {
                (&mut counters.own, None)
            } else {
                (&mut counters.raw, Some(Content::Raw { len }))
            };
            count(counter);
            return content;
        }
        let ending = wire::ending(datagram);
        let header = match self.guard.parse(counters, datagram) {
            Ok(header) => header,
            Err(counter) => {
                count(counter);
                return None;
            }
        };
        if self.membership.has_sent(&header, ending) {
            if self.membership.is_own(&header) && !self.guard.is_sealed() {
                self.own_address = Some(from);
            }
            count(&mut self.tools.counters.own);
            return None;
        }
        #[cfg(feature = "seal")]
        if self.guard.is_sealed() {
            let octets = self.inbox.octets.get_mut(..len).unwrap_or_default();
            let mut contact = Contact {
                membership: &mut self.membership,
                roster: &mut self.places.among(self.group_size, self.channels),
                echoes: &mut self.echoes,
                tools: &mut self.tools,
            };
            match self.guard.unseal(&mut contact, now, &header, octets) {
                Opened::Taken => {}
                Opened::Dropped => return None,
                Opened::Clone => {
                    self.meet_rival(now, from, &header, len);
                    return None;
                }
            }
        }
        let end = len.saturating_sub(header.suite.trailer_len());
        if header.sender == self.membership.id {
            self.meet_rival(now, from, &header, len);
            return None;
        }
        #[cfg(feature = "seal")]
        let is_known = self.places.is_known(&header);
        let place = match self.places.hear(now, &header) {
            Ok(place) => place,
            Err(verdict) => {
                count(match verdict {
                    Verdict::Duplicate => &mut self.tools.counters.duplicate,
                    _ => &mut self.tools.counters.stale,
                });
                return None;
            }
        };
        #[cfg(feature = "seal")]
        let place = if self.guard.is_sealed() {
            self.believe(now, &header, place, is_known)?
        } else {
            place
        };
        count(&mut self.tools.counters.accepted);
        (self.source, self.place) = (Some(header), place);
        Some(Content::Frames {
            at: Header::LEN,
            end,
        })
    }

    /// In a sealed group: its sender is there now. Its place; `None` if there is none for it.
    #[cfg(feature = "seal")]
    fn believe(
        &mut self,
        now: Tick,
        header: &Header,
        mut at: usize,
        is_known: bool,
    ) -> Option<usize> {
        if at == SENDERS {
            let most = self.places.most_for(header.sender);
            at = self.places.claim(now, header, most);
        }
        if at == SENDERS {
            // Who has no window could be played back again and again.
            count(&mut self.tools.counters.no_place);
            self.refused = true;
            return None;
        }
        let challenge = self.guard.sealed.as_ref().map(Sealed::challenge)?;
        let place = self.places.get_mut(at)?;
        if is_known {
            place.outdate(now);
        } else {
            // What was seen of the session before is forgotten with it.
            let goes_on = place.believe(now, header, challenge);
            if !goes_on {
                self.places.forget();
            }
        }
        Some(at)
    }

    /// Another member uses this member's id, or a clone of it that and its session. This member begins another life,
    /// as another member if it may, or keeps its id, or falls silent.
    fn meet_rival(&mut self, now: Tick, from: SocketAddr, header: &Header, len: usize) {
        count(&mut self.tools.counters.claims_own_id);
        let (id, fixed) = (self.membership.id, self.tools.config.id);
        let datagram = self.inbox.octets.get(..len).unwrap_or_default();
        let outcome = if self.membership.is_own(header) {
            if !self.membership.parts(now) {
                return;
            }
            let clock = u64::from(self.clock.stamp(now)).rotate_left(40);
            let ending = wire::ending(datagram);
            let difference = self.membership.difference(header, ending) ^ clock;
            self.guard.part(&mut self.tools.random, difference);
            DuplicateIdOutcome::Cloned
        } else {
            let end = len.saturating_sub(header.suite.trailer_len());
            let frames = datagram.get(Header::LEN..end);
            let gives_way = gives_way(frames.unwrap_or_default());
            let random = &mut self.tools.random;
            let is_fixed = fixed.is_some();
            let contest = self
                .membership
                .contest(now, header, gives_way, is_fixed, random);
            let Some(outcome) = contest else { return };
            outcome
        };
        let other = match outcome {
            DuplicateIdOutcome::Cloned => {
                Some(fixed.unwrap_or_else(|| self.tools.random.member_id()))
            }
            DuplicateIdOutcome::Redrawn(other) => Some(other),
            _ => None,
        };
        if let Some(other) = other {
            self.begin_life(now, other);
        }
        self.membership.tell_duplicate(now, id, from, outcome);
    }
}
