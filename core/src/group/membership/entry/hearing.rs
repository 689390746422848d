//! What a datagram of a peer means before it is read: whether it was seen, and of which session it is (PROTOCOL
//! §3.6, §8.3).

use core::cmp::Ordering;

#[cfg(feature = "seal")]
use super::AGED;
use super::{
    Answer, Change, Entry, Heard, LATE, PeerStatus, Previous, REPORT_DUPLICATE, Verdict, Window,
};
#[cfg(feature = "seal")]
use crate::time::Span;
use crate::time::Tick;
use crate::wire::{Header, Suite};

impl Entry {
    /// Looks at a datagram of its present session, or of the one before; nothing is remembered. `None`:
    /// it is of another session, or may be, or of one that was silent for so long that this may have been
    /// held back.
    #[cfg(feature = "seal")]
    pub(crate) fn judge(&self, now: Tick, header: &Header) -> Option<Verdict> {
        if header.session == self.peer.session {
            return match self.look_at(header) {
                Verdict::New if header.tag != self.tag => Some(Verdict::TooOld),
                Verdict::New if self.peer.status == PeerStatus::Lost => None,
                Verdict::New if self.is_stale(now) => None,
                verdict => Some(verdict),
            };
        }
        let previous = self.previous.as_ref()?;
        let is_past = header.session == previous.session && header.number() <= previous.highest;
        is_past.then_some(Verdict::TooOld)
    }

    /// In a sealed group: whether so much time has passed since something of it was accepted that what comes
    /// now may have been held back for too long. Time counts, not what was made of it: whoever stood still has
    /// not told yet who was lost.
    #[cfg(feature = "seal")]
    pub(super) fn is_stale(&self, now: Tick) -> bool {
        let silence = Span::from_millis(u32::from(self.interval).saturating_mul(35));
        let limit = silence.max(AGED).saturating_add(AGED);
        now.span_since(self.aged_at) >= limit
    }

    /// In a sealed group: its session is believed since this datagram, for sending this challenge back.
    /// What was sent before it is not taken any more.
    #[cfg(feature = "seal")]
    pub(crate) fn believe(&mut self, header: &Header, challenge: u64) {
        self.tag = header.tag;
        self.believed_with = challenge;
        self.raise_floor(header.number());
        self.aged = header.number();
        self.aged_at = self.heard;
    }

    /// The challenge that its session was believed for.
    #[cfg(feature = "seal")]
    pub(crate) const fn believed_with(&self) -> u64 {
        self.believed_with
    }

    /// In a sealed group: a member that was lost has proved to be there. What it sent before is not taken
    /// any more.
    #[cfg(feature = "seal")]
    pub(crate) fn prove(&mut self, now: Tick, header: &Header, challenge: u64) {
        if header.session == self.peer.session {
            let before = header.number().saturating_sub(1);
            self.believed_with = challenge;
            self.raise_floor(before);
            self.aged = before;
            self.aged_at = now;
        }
    }

    /// In a sealed group: it was heard, and what was sent long before is not taken any more.
    #[cfg(feature = "seal")]
    pub(crate) fn outdate(&mut self, now: Tick) {
        if now.span_since(self.aged_at) >= AGED {
            self.raise_floor(self.aged);
            self.aged = self.highest();
            self.aged_at = now;
        }
    }

    /// A window that begins with this datagram. One to this member alone says nothing of the others.
    pub(super) const fn window_of(header: &Header) -> Window {
        let is_to_one = header.is_to_one();
        Window::starting_with(if is_to_one { 0 } else { header.number() })
    }

    pub(super) const fn to_one_of(header: &Header) -> u64 {
        if header.is_to_one() {
            header.number()
        } else {
            0
        }
    }

    /// The highest number heard, whomever its datagram was sent to.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(super) fn highest(&self) -> u64 {
        self.window.highest().max(self.to_one)
    }

    /// Whether a datagram of the present session has been heard.
    pub(super) fn look_at(&self, header: &Header) -> Verdict {
        let number = header.number();
        match number.cmp(&self.to_one) {
            _ if !header.is_to_one() => self.window.judge(number),
            Ordering::Less => Verdict::TooOld,
            Ordering::Equal => Verdict::Duplicate,
            Ordering::Greater => Verdict::New,
        }
    }

    /// As [`look_at`](Self::look_at); from now on it has been heard.
    pub(super) fn take_note(&mut self, header: &Header) -> Verdict {
        if !header.is_to_one() {
            return self.window.accept(header.number());
        }
        let verdict = self.look_at(header);
        self.to_one = self.to_one.max(header.number());
        verdict
    }

    /// Takes all datagrams up to this number for heard.
    pub(super) fn raise_floor(&mut self, floor: u64) {
        self.window.raise_floor(floor);
        self.to_one = self.to_one.max(floor);
    }

    /// A valid datagram with this header came in.
    pub(crate) fn hear(&mut self, now: Tick, header: &Header) -> Heard {
        if header.session == self.peer.session {
            let heard = match self.take_note(header) {
                Verdict::New => Heard::Fresh,
                Verdict::Duplicate => return Heard::Duplicate,
                Verdict::TooOld => return Heard::Stale,
            };
            return match self.peer.status {
                // What is late from a member that left changes nothing.
                PeerStatus::Left => Heard::Stale,
                _ => {
                    self.alive(now);
                    heard
                }
            };
        }
        if self
            .previous
            .is_some_and(|previous| previous.session == header.session)
        {
            return self.hear_previous(now, header);
        }
        let is_before = self.peer.session.follows(header.session);
        // In an open group anybody can make up a later session. When that falls silent, the one before it
        // that still speaks is the member's. A sealed session was believed, and what comes before is over.
        if is_before && (header.suite != Suite::Open || !self.is_silent(now)) {
            return Heard::Stale;
        }
        let goes_on = is_before || header.session.follows(self.peer.session);
        self.previous = Some(Previous {
            session: self.peer.session,
            highest: self.highest(),
            ended: now,
            position: if goes_on { None } else { self.position.take() },
        });
        self.peer.session = header.session;
        self.window = Self::window_of(header);
        self.to_one = Self::to_one_of(header);
        if goes_on {
            if self.peer.status == PeerStatus::Left {
                self.peer.status = PeerStatus::Unknown;
            }
            self.alive(now);
            return Heard::Continued;
        }
        match self.peer.status {
            // The application has been told of its end: this is another beginning.
            PeerStatus::Left => self.peer.status = PeerStatus::Unknown,
            PeerStatus::Lost if self.pending != Some(Change::Lost) => {
                self.peer.status = PeerStatus::Unknown;
            }
            PeerStatus::Unknown => {}
            PeerStatus::Present | PeerStatus::Suspect | PeerStatus::Lost => {
                self.peer.status = PeerStatus::Present;
                self.pending = Some(Change::Restarted);
            }
        }
        self.heard = now;
        self.probes = 0;
        self.answer = Answer::Open;
        self.stamped = None;
        self.is_waited_for = false;
        Heard::Restarted
    }

    /// The session that was thought over speaks again: late, or two members share an id, or the other
    /// session is the one that is over, and it was its datagrams that were late.
    pub(super) fn hear_previous(&mut self, now: Tick, header: &Header) -> Heard {
        let Some(mut previous) = self.previous else {
            return Heard::Stale;
        };
        let is_new = header.number() > previous.highest;
        if !is_new || now.span_since(previous.ended) < LATE {
            return Heard::Stale;
        }
        let is_over = self.heard <= previous.ended || self.is_silent(now);
        let goes_on = self.peer.session.life() == previous.session.life();
        if goes_on && !is_over {
            return Heard::Stale;
        }
        let just_reported = |at| now.span_since(at) < REPORT_DUPLICATE;
        let reported = self.duplicate_reported.is_some_and(just_reported);
        if !is_over && !reported && self.pending.is_none() {
            self.duplicate_reported = Some(now);
            self.pending = Some(Change::DuplicateId);
        }
        // Of two that speak, everybody keeps the session with the lower number (PROTOCOL M28).
        if !is_over && self.peer.session < previous.session {
            previous.highest = header.number();
            self.previous = Some(previous);
            return Heard::Stale;
        }
        self.previous = Some(Previous {
            session: self.peer.session,
            highest: self.highest(),
            ended: now,
            position: if goes_on { None } else { self.position },
        });
        self.peer.session = previous.session;
        self.window = Self::window_of(header);
        self.to_one = Self::to_one_of(header);
        self.raise_floor(previous.highest);
        if self.peer.status == PeerStatus::Left {
            // It was the other session that left.
            self.peer.status = PeerStatus::Unknown;
        }
        self.alive(now);
        if goes_on {
            return Heard::Continued;
        }
        self.position = previous.position;
        (self.told, self.rest) = (previous.position.map_or(0, |it| it.next), 0);
        self.start_asked = 0;
        // What is told from here on is of the other session again.
        if self.is_member() && self.pending != Some(Change::DuplicateId) {
            self.pending = Some(Change::Restarted);
        }
        Heard::Restarted
    }
}
