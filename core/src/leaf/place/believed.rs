//! In a sealed group: whether a sender is believed, and what of it is too old (PROTOCOL chapter 8).

use super::{Place, short};
use crate::group::membership::{AGED, Verdict};
use crate::time::{Span, Tick};
use crate::wire::Header;

impl Place {
    /// In a sealed group: looks at a datagram, and remembers nothing. `None`: it is of another session, or its
    /// sender has to prove that it is there (PROTOCOL K7, K13).
    pub(in crate::leaf) fn judge(&self, now: Tick, header: &Header) -> Option<Verdict> {
        if header.session == self.session {
            return match self.look_at(header) {
                Verdict::New if header.tag != self.tag => Some(Verdict::TooOld),
                Verdict::New if self.is_stale(now) => None,
                verdict => Some(verdict),
            };
        }
        let is_past =
            header.session == self.previous && short(header.number()) <= self.previous_highest;
        is_past.then_some(Verdict::TooOld)
    }

    /// Whether it was silent for so long that what comes now may have been held back.
    fn is_stale(&self, now: Tick) -> bool {
        let silence = Span::from_millis(u32::from(self.interval).saturating_mul(35));
        let limit = silence.max(AGED).saturating_add(AGED);
        now.span_since(self.aged_at) >= limit
    }

    /// Whether a datagram is of its present session.
    pub(in crate::leaf) fn is_of(&self, header: &Header) -> bool {
        self.session == header.session
    }

    /// Its session is believed since this datagram, for sending this challenge back. Whether it is of the life that
    /// the one before was of, if there was one.
    pub(in crate::leaf) fn believe(&mut self, now: Tick, header: &Header, challenge: u64) -> bool {
        self.tag = header.tag;
        self.believed_with = challenge;
        self.raise_floor(header.number());
        self.aged = header.number();
        self.aged_at = now;
        self.previous_highest == 0 || self.previous.life() == self.session.life()
    }

    /// It has proved to be there again: what it sent before is not taken any more.
    pub(in crate::leaf) fn prove(&mut self, now: Tick, header: &Header, challenge: u64) {
        if header.session == self.session {
            let before = header.number().saturating_sub(1);
            self.believed_with = challenge;
            self.raise_floor(before);
            self.aged = before;
            self.aged_at = now;
        }
    }

    /// It was heard, and what was sent long before is not taken any more.
    pub(in crate::leaf) fn outdate(&mut self, now: Tick) {
        if now.span_since(self.aged_at) >= AGED {
            self.raise_floor(self.aged);
            self.aged = self.highest();
            self.aged_at = now;
        }
    }

    /// Time has passed that the clock does not know of.
    pub(in crate::leaf) const fn woke(&mut self) {
        self.aged_at = Tick::LONG_AGO;
    }

    fn raise_floor(&mut self, floor: u64) {
        self.window.raise_floor(floor);
        self.to_one = self.to_one.max(floor);
    }
}
