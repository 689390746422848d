//! One sender's reliable stream, as a receiver sees it.
//!
//! ```text
//!            next                              high
//!  delivered  │ missing  stored  done  missing  │ not sent yet, as far as known
//!  ───────────┴─────────────────────────────────┴──────────▶ sequence numbers
//!             └──────── the window ────────┘
//! ```
//!
//! Below `low` nothing can be repaired: what is missing there is a gap. The slots are a ring: the slot
//! of a sequence number is that number modulo the window's size, a power of two.

mod arrival;
mod delivery;
mod far;
mod waiting;

use super::asking::Asking;
pub(crate) use super::slots::{Arrival, Next, Part, Slot, Window};
use crate::group::fragments::{Body, Handle, Meta, Pool};
use crate::group::membership::Position;
use crate::group::serial::{distance, is_before, later};
use crate::group::work;
use crate::time::{Ageing, Span, Tick};
use crate::wire::Data;
pub(crate) use far::retry;

/// A stream without its slots.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stream {
    /// Whether its place is taken. Not by an `Option`, so that a [free](Self::FREE) one is all zeros.
    is_there: bool,
    /// The sender's place on the roster.
    pub(crate) peer: usize,
    /// The sender's life: the low half of its session.
    pub(crate) session: u32,
    /// Since where everything has been delivered.
    pub(crate) since: u32,
    /// The first sequence number that is neither delivered nor reported.
    pub(crate) next: u32,
    /// The sequence number after the last one that is known of.
    pub(crate) high: u32,
    /// Below this, nothing can be repaired. It is never before `next`, nor 2^31 and more after it.
    low: u32,
    /// No message of several fragments is complete out of order before this; `None`: there is none at all.
    unordered_from: Option<u32>,
    /// Nothing after this is stored.
    last_stored: u32,
    /// How many numbers from `high` on belong to a message of which a fragment came.
    pub(crate) rest: u8,
    /// Whether there may be something to deliver or report.
    pub(crate) is_ready: bool,
    /// The sender's session is over: deliver what is there, report the rest, then forget the stream.
    pub(crate) is_closing: bool,
    /// Never later than the first moment to ask.
    pub(crate) ask_at: Option<Tick>,
    /// Since when the first missing number has been in the way.
    stuck_since: Option<Tick>,
    /// Nothing that was asked for has come since something was given up.
    is_unanswered: bool,
    /// The round trip that the sender states, a second at most, in units of 16 µs.
    trip: u16,
    /// How long a receiver that is far away from it waits for an answer, in the same units; 0: this one is not.
    far: u16,
    /// When it was heard last; `None` where there is no stream.
    pub(crate) heard: Option<Tick>,
    /// When to ask for the sender's State values, and how often that was done.
    pub(crate) states_at: Option<Tick>,
    pub(crate) states_asked: u8,
    /// When to say how far this receiver is.
    pub(crate) ack_at: Option<Tick>,
    pub(crate) asking: Asking,
}

/// How many numbers a SKIP names at most.
const LONGEST_SKIP: u32 = 256;

impl Stream {
    /// A place without a stream: zeros.
    pub(crate) const FREE: Self = {
        let start = Position::starting_at(0);
        Self {
            is_there: false,
            heard: None,
            trip: 0,
            far: 0,
            ..Self::new(Tick::LONG_AGO, 0, 0, start)
        }
    };

    /// The stream of this place, if it is taken.
    pub(crate) fn there(&self) -> Option<&Self> {
        self.is_there.then_some(self)
    }

    /// The stream of this place, if it is taken.
    pub(crate) fn there_mut(&mut self) -> Option<&mut Self> {
        self.is_there.then_some(self)
    }

    /// Forgets the stream of this place.
    pub(crate) const fn free(&mut self) {
        self.is_there = false;
    }

    /// A stream that begins with sequence number `start`. Its slots are unknown, as a stream leaves them
    /// that was [released](Self::release).
    pub(crate) const fn new(now: Tick, peer: usize, session: u32, start: Position) -> Self {
        Self {
            is_there: true,
            peer,
            session,
            since: start.since,
            next: start.next,
            high: start.next,
            low: start.next,
            unordered_from: None,
            last_stored: start.next,
            rest: 0,
            is_ready: false,
            is_closing: false,
            ask_at: None,
            stuck_since: None,
            is_unanswered: false,
            trip: 10_000 >> 4,
            far: 0,
            heard: Some(now),
            states_at: None,
            states_asked: 0,
            ack_at: None,
            asking: Asking::new(),
        }
    }

    /// Says how far it is at `due`, or sooner if that was asked for.
    pub(crate) fn ack_by(&mut self, due: Tick) {
        self.ack_at = Some(self.ack_at.map_or(due, |before| before.min(due)));
    }

    /// Time makes it older.
    pub(crate) const fn age(&mut self, ageing: Ageing) {
        let Self {
            is_there: _,
            peer: _,
            session: _,
            since: _,
            next: _,
            high: _,
            low: _,
            unordered_from: _,
            last_stored: _,
            rest: _,
            is_ready: _,
            is_closing: _,
            ask_at,
            stuck_since,
            is_unanswered: _,
            trip: _,
            far: _,
            heard,
            states_at,
            states_asked: _,
            ack_at,
            asking,
        } = self;
        ageing.maybe(heard);
        ageing.maybe(ask_at);
        ageing.maybe(stuck_since);
        ageing.maybe(states_at);
        ageing.maybe(ack_at);
        asking.age(ageing);
    }

    /// When it was heard last.
    pub(crate) fn heard(&self) -> Tick {
        self.heard.unwrap_or(Tick::LONG_AGO)
    }

    /// How far this receiver is.
    pub(crate) const fn position(&self) -> Position {
        Position {
            since: self.since,
            next: self.next,
        }
    }

    /// Whether a number may follow what is known of. 2^31 and more after `next` it would seem to come
    /// before.
    const fn reaches(&self, high: u32) -> bool {
        is_before(self.high, high) && distance(self.next, high) > 0
    }

    /// A fragment says how many before it can be repaired. What comes before `next`, or half way round and
    /// further, says nothing (PROTOCOL R6).
    pub(crate) fn note_horizon(&mut self, data: &Data<'_>) {
        if data.horizon < u8::MAX && !is_before(data.sequence, self.next) {
            self.raise_low(data.sequence.wrapping_sub(u32::from(data.horizon)));
        }
    }

    /// Whether something is missing or waiting.
    pub(crate) const fn is_idle(&self) -> bool {
        self.next == self.high
    }

    /// The sender has sent everything before `high`. What was not known is missing from now on, and is
    /// to be asked for at `due`.
    pub(crate) fn extend(&mut self, now: Tick, high: u32, due: Tick, slots: &mut Window<'_>) {
        if !self.reaches(high) {
            return;
        }
        let missing = Slot::missing(due);
        let end = distance(self.next, high).min(slots.len());
        for at in distance(self.next, self.high)..end {
            slots.set(self.next.wrapping_add(at), missing);
        }
        let by = u8::try_from(distance(self.high, high)).unwrap_or(u8::MAX);
        self.rest = self.rest.saturating_sub(by);
        self.high = high;
        self.is_ready |= is_before(self.next, self.low);
        self.ask_by(due);
        self.note_stuck(now, slots);
        // So far behind that the window will never catch up: go on near the live edge.
        let behind = distance(self.next, self.high);
        if behind > slots.len().saturating_mul(2).saturating_add(4) {
            self.raise_low(self.high.wrapping_sub(slots.len() >> 1));
        }
    }

    /// Asks at `due` at the latest.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn ask_by(&mut self, due: Tick) {
        if self.ask_at.is_none_or(|at| due < at) {
            self.ask_at = Some(due);
        }
    }

    /// Below this, nothing can be repaired.
    pub(crate) const fn low(&self) -> u32 {
        self.low
    }

    /// Nothing below `low` can be repaired any more.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn raise_low(&mut self, low: u32) {
        if distance(self.next, self.low) < distance(self.next, low) {
            self.low = low;
            self.is_ready = true;
        }
    }

    /// Whether something is missing, waits, or is the rest of a message of which a fragment came.
    pub(crate) const fn is_owed(&self, told: u32) -> bool {
        !self.is_idle() || self.rest > 0 || self.reaches(told)
    }

    /// Whether nothing has been delivered or reported since it began with this number.
    pub(crate) fn is_untouched(&self, begun: u32, slots: &Window<'_>) -> bool {
        let reach = distance(self.next, self.high).min(slots.len());
        let mut known = (0..reach).map(|at| slots.get(self.next.wrapping_add(at)));
        (self.since, self.next) == (begun, begun) && !known.any(|slot| matches!(slot, Slot::Done))
    }

    /// The sender is gone: what is missing will not come, nor the rest of a message that it had begun, nor
    /// anything before `told`, which may have been told elsewhere.
    pub(crate) fn give_up(&mut self, told: u32) {
        let end = later(self.high.wrapping_add(u32::from(self.rest)), told);
        if self.reaches(end) {
            self.high = end;
        }
        self.rest = 0;
        self.raise_low(self.high);
    }

    /// What came and is not kept is to be asked for at `due`, as if for the first time.
    fn ask_again(&mut self, due: Tick, at: u32, part: Part, slots: &mut Window<'_>) {
        let missing = Slot::Missing {
            due,
            attempts: 0,
            part,
        };
        slots.set(at, missing);
        self.ask_by(due);
    }

    /// The sender will not repair these, and nobody needs them.
    pub(crate) fn skip(&mut self, now: Tick, first: u32, count: u32, slots: &mut Window<'_>) {
        let reach = distance(self.next, self.high).min(slots.len());
        for at in (0..count.min(LONGEST_SKIP)).map(|n| first.wrapping_add(n)) {
            work::count(1);
            let inside = !is_before(at, self.next) && distance(self.next, at) < reach;
            if inside && matches!(slots.get(at), Slot::Missing { .. }) {
                slots.set(at, Slot::Done);
            }
        }
        self.pass_done(now, slots);
    }

    /// Gives back everything that is stored.
    pub(crate) fn release(&self, slots: &mut Window<'_>, pool: &mut Pool) {
        let reach = distance(self.next, self.high).min(slots.len());
        for at in (0..reach).map(|at| self.next.wrapping_add(at)) {
            if let Slot::Stored(handle) = slots.get(at) {
                pool.release(handle);
            }
            slots.set(at, Slot::Unknown);
        }
    }

    /// What is missing and within the window, with when to ask for it and how often that was done.
    pub(crate) fn missing<'a>(
        &self,
        slots: &'a Window<'_>,
    ) -> impl Iterator<Item = (u32, Tick, u8)> + use<'a> {
        let (next, low) = (self.next, self.low);
        let reach = distance(self.next, self.high).min(slots.len());
        (0..reach)
            .map(move |at| next.wrapping_add(at))
            .filter_map(move |at| match slots.get(at) {
                Slot::Missing { due, attempts, .. } if !is_before(at, low) => {
                    Some((at, due, attempts))
                }
                _ => None,
            })
    }

    /// When it has something to do on its own: to ask, or to stop waiting after `longest`.
    pub(crate) fn next_action(&self, longest: Span) -> Option<Tick> {
        let give_up = self.stuck_since.map(|since| since + longest);
        [self.ask_at, give_up, self.states_at, self.ack_at]
            .into_iter()
            .flatten()
            .min()
    }
}
