//! Who is there: HELLO, BYE and PROBE, the roster, restarts and duplicate ids, round trips (PROTOCOL §3).

mod contest;
mod entry;
mod following;
mod hello;
mod places;
mod presence;
mod ration;
mod roster;
mod source;
mod terms;
mod trip;
mod window;

use crate::event::DuplicateId;
use crate::group::random::Random;
use crate::ident::{MemberId, Name, Session};
use crate::time::{Ageing, Span, Tick};
use crate::wire::Header;
#[cfg(feature = "seal")]
pub(crate) use entry::AGED;
pub(crate) use entry::{Entry, Heard, LATE};
pub(crate) use places::Place;
pub(crate) use presence::Presence;
pub(crate) use ration::Ration;
pub(crate) use roster::{Roster, RosterFull};
pub(crate) use source::Source;
pub(crate) use terms::{Change, Limits, Owed, Position};
pub(crate) use trip::{Trip, Way};
pub(crate) use window::{Verdict, Window};

/// Echoes of others' clocks in one HELLO.
pub(crate) const ECHOES: usize = 8;

/// How often [`Event::RosterFull`](crate::Event::RosterFull) is said at most.
const REPORT_ROSTER_FULL: Span = Span::from_secs(60);

/// This member: who it is, and how it shows that it is there.
#[derive(Debug)]
pub(crate) struct Membership {
    pub(crate) name: Name,
    pub(crate) id: MemberId,
    pub(crate) session: Session,
    /// The datagram counter: that of the last datagram sent, and the last 4 bytes of that.
    pub(crate) counter: u64,
    pub(crate) ending: u32,
    /// The id and the session before the present ones, and how far its datagrams counted: they may come
    /// back late.
    past: Option<(MemberId, Session, u64)>,
    pub(crate) presence: Presence,
    pub(crate) trip: Trip,
    /// Answers to those who are not proven.
    pub(crate) ration: Ration,
    /// When this session began.
    pub(crate) began: Tick,
    pub(crate) silenced: bool,
    /// Whether to leave as soon as messages need not wait for first contact any more.
    pub(crate) leaves_later: bool,
    /// Whether it is still to be said that this member gives way.
    pub(crate) gives_way: bool,
    pub(crate) duplicate_id: Option<DuplicateId>,
    pub(crate) duplicate_reported: Option<Tick>,
    /// When another life began because of a clone.
    pub(crate) parted: Option<Tick>,
    refused: u32,
    refused_reported: Option<Tick>,
}

impl Membership {
    pub(crate) const fn new(name: Name, id: MemberId, session: Session, announce: bool) -> Self {
        Self {
            name,
            id,
            session,
            counter: 0,
            ending: 0,
            past: None,
            presence: Presence::new(announce),
            trip: Trip::new(),
            ration: Ration::new(),
            began: Tick::LONG_AGO,
            silenced: false,
            leaves_later: false,
            gives_way: false,
            duplicate_id: None,
            duplicate_reported: None,
            parted: None,
            refused: 0,
            refused_reported: None,
        }
    }

    /// This member's first session begins.
    pub(crate) fn begin(&mut self, now: Tick, random: &mut Random) {
        self.began = now;
        self.presence.start(now, random);
    }

    /// Time makes it older.
    pub(crate) const fn age(&mut self, ageing: Ageing) {
        let Self {
            name: _,
            id: _,
            session: _,
            counter: _,
            ending: _,
            past: _,
            presence,
            trip: _,
            ration,
            began,
            silenced: _,
            leaves_later: _,
            gives_way: _,
            duplicate_id: _,
            duplicate_reported,
            parted,
            refused: _,
            refused_reported,
        } = self;
        presence.age(ageing);
        ration.age(ageing);
        ageing.tick(began);
        ageing.maybe(duplicate_reported);
        ageing.maybe(parted);
        ageing.maybe(refused_reported);
    }

    /// Another session begins, of this member or as another one.
    pub(crate) fn begin_session(
        &mut self,
        now: Tick,
        id: MemberId,
        session: Session,
        random: &mut Random,
    ) {
        self.past = Some((self.id, self.session, self.counter));
        self.id = id;
        self.session = session;
        self.counter = 0;
        self.began = now;
        self.presence.start(now, random);
    }

    /// Whether a header is of this member's id and session.
    pub(crate) fn is_own(&self, header: &Header) -> bool {
        (header.sender, header.session) == (self.id, self.session)
    }

    /// Whether a datagram with this header and these last bytes was sent by this member, in this session
    /// or the one before. What it sent last is compared: a copy that was switched on together with this
    /// device sends as often, but not the same.
    pub(crate) fn has_sent(&self, header: &Header, ending: u32) -> bool {
        if self.is_own(header) && header.number() == self.counter && ending != self.ending {
            return false;
        }
        let is_by = |(id, session, counter)| {
            (header.sender, header.session) == (id, session) && header.number() <= counter
        };
        is_by((self.id, self.session, self.counter)) || self.past.is_some_and(is_by)
    }

    /// Somebody found no place on the roster.
    pub(crate) fn refuse(&mut self) {
        self.refused = self.refused.saturating_add(1);
    }

    /// How many were refused, if it is time to say so.
    pub(crate) fn take_refused(&mut self, now: Tick) -> Option<u32> {
        let said = |at: Tick| now.span_since(at) < REPORT_ROSTER_FULL;
        if self.refused == 0 || self.refused_reported.is_some_and(said) {
            return None;
        }
        self.refused_reported = Some(now);
        Some(core::mem::take(&mut self.refused))
    }
}
