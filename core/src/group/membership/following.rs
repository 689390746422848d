//! What is remembered of a peer's stream while none is kept for it (PROTOCOL §5.1, E4, E5).

use super::entry::Entry;
use super::terms::{Owed, Position};
use crate::group::serial::{distance, is_before, later};
use crate::wire::Start;

/// How often a sender is asked since when it counts this member in: it may not be able to say.
const START_ASKED: u8 = 32;

impl Entry {
    /// This is where its stream begins, or ended, and so much is known to have been sent.
    pub(crate) const fn set_position(&mut self, position: Position, told: u32, rest: u8) {
        self.position = Some(position);
        self.told = told;
        self.rest = rest;
    }

    /// Its stream is followed from here on. Unless that is where its numbers begin, it may count on this member
    /// since before.
    pub(crate) const fn begin(&mut self, start: Position) {
        self.set_position(start, start.next, 0);
        self.begun = start.next;
        self.start_asked = (start.next != 0) as u8;
    }

    /// What it is told of this member's own stream.
    pub(crate) const fn start(&self) -> Start {
        Start {
            target: self.peer.id.get(),
            session: self.peer.session.life(),
            next: self.counted_from,
        }
    }

    /// Whether it is still to say since when it counts this member in.
    pub(crate) const fn lacks_start(&self) -> bool {
        self.start_asked > 0
    }

    /// Asks for that, if it may still be answered. A sender that has not said who it is, is asked for its HELLO
    /// anyway.
    pub(crate) fn ask_start(&mut self) -> bool {
        let asks = self.lacks_start() && self.start_asked <= START_ASKED && self.is_member();
        if asks {
            self.start_asked = self.start_asked.saturating_add(1);
            self.owed = self.owed.or(Some(Owed::Probe));
        }
        asks
    }

    /// It says it. Where following its stream began, if that was later.
    pub(crate) fn take_start(&mut self, start: u32) -> Option<u32> {
        let lacked = core::mem::take(&mut self.start_asked) > 0;
        if lacked && self.owed == Some(Owed::Probe) && self.probes == 0 {
            self.owed = None;
        }
        (lacked && self.position.is_some() && is_before(start, self.begun)).then_some(self.begun)
    }

    /// What has been sent, as far as was told.
    pub(crate) const fn told(&self) -> (u32, u8) {
        (self.told, self.rest)
    }

    /// Its stream gives way, or ends. What was told beyond it stays to be missed.
    pub(crate) fn stow(&mut self, position: Position, rest: u8) {
        self.position = Some(position);
        self.hear_at_least(position.next, rest);
    }

    /// Everything before `told` has been sent, a stream or not.
    pub(crate) const fn hear_at_least(&mut self, told: u32, rest: u8) {
        if !is_before(told, self.told) {
            self.told = told;
            self.rest = rest;
        }
    }

    /// A message of its own that is next needs no stream. Else `false`.
    pub(crate) fn advance(&mut self, sequence: u32) -> bool {
        let Some(position) = self.position.as_mut().filter(|it| it.next == sequence) else {
            return false;
        };
        position.next = sequence.wrapping_add(1);
        let next = position.next;
        self.hear_at_least(next, 0);
        true
    }

    /// Everything before `told` has been sent, and `rest` more belong to the message before it.
    pub(crate) fn hear_of(&mut self, told: u32, rest: u8) {
        let Some(next) = self.position.map(|position| position.next) else {
            return;
        };
        if distance(next, told) == 0 {
            return;
        }
        let end = later(self.end(), told.wrapping_add(u32::from(rest)));
        self.told = later(self.told, told);
        self.rest = u8::try_from(distance(self.told, end)).unwrap_or(u8::MAX);
    }

    /// What it has sent, the message that it has begun included, ends here.
    const fn end(&self) -> u32 {
        self.told.wrapping_add(self.rest as u32)
    }

    /// Whether it has sent something that is neither delivered nor reported, without a stream.
    pub(crate) fn is_owed(&self) -> bool {
        self.position
            .is_some_and(|position| is_before(position.next, self.end()))
    }

    /// It is gone. The first and the last number that is neither delivered nor reported, without a stream.
    pub(crate) fn take_gap(&mut self) -> Option<(u32, u32)> {
        if !self.is_owed() {
            return None;
        }
        let (first, end) = (self.position?.next, self.end());
        self.set_position(Position::starting_at(end), end, 0);
        Some((first, end.wrapping_sub(1)))
    }
}

/// In a member without streams nobody is asked since when this one counts: `start_asked`
/// says how often it was asked for its values. All before `position` was heard or is asked for, and what was sent
/// before `told` may not be the newest.
impl Entry {
    /// A number of its stream was heard.
    pub(crate) const fn pass(&mut self, sequence: u32) {
        let next = Position::starting_at(sequence.wrapping_add(1));
        match &mut self.position {
            Some(position) if position.next != sequence => {}
            Some(position) => *position = next,
            // What was told of an earlier life says nothing of this one.
            None => self.set_position(next, sequence, 0),
        }
    }

    /// All before `next` was sent. Whether some of it was not heard.
    pub(crate) fn catch_up(&mut self, next: u32) -> bool {
        let lacks = self.position.is_none_or(|at| is_before(at.next, next));
        if lacks {
            self.set_position(Position::starting_at(next), next, 0);
        }
        lacks
    }
}
