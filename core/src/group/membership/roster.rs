//! The roster: which members there are.
//!
//! ```text
//!             HELLO             silent 2.5 intervals      silent 3.5
//!  Unknown ─────────▶ Present ─────────────────────▶ Suspect ─────────▶ Lost
//!     │                 │  ▲        heard               │
//!     │                 │  └────────────────────────────┘
//!     └──── BYE ──▶ Left ◀──────── BYE
//! ```
//!
//! Peers keep their place for as long as they are known, so that an index names one. There is no
//! timer scan per datagram: `next_check` is never later than the first deadline.

#[cfg(feature = "seal")]
mod believed;
mod followers;
mod intervals;
mod owed;
mod part;
mod streams;
mod ways;

use core::net::SocketAddr;

use super::entry::{Answer, Change, Entry, Heard, Limits, Owed, Position};
use super::places::{Place, Places};
use super::presence::Presence;
#[cfg(feature = "seal")]
use super::window::Verdict;
use crate::group::backoff;
use crate::group::serial::is_before;
use crate::ident::MemberId;
use crate::peer::{Peer, PeerStatus};
use crate::time::{Ageing, Span, Tick};
use crate::wire::{Header, Hello};
use part::Part;

/// The longest HELLO interval that is believed in a small group, in units of 10 ms.
const SHORT_INTERVAL: u16 = 200;

/// A check that comes so late is put off, once: what arrived meanwhile is to be read first.
const LATE: Span = Span::from_millis(250);
const PUT_OFF: Span = Span::from_millis(100);

/// A check that comes so soon is looked at again before it is told: a member with nothing else to do would be woken for
/// it. It is longer than such a member sleeps in a small group, and shorter than it takes until somebody is silent that
/// was just heard.
const SOON: Span = Span::from_secs(2);

/// No place on the roster.
const NOBODY: u16 = u16::MAX;

/// A roster over any storage; code is written for the unsized [`Roster`].
pub(crate) struct Roster<B: ?Sized = [Place]> {
    /// Never later than the first deadline of a peer.
    next_check: Option<Tick>,
    /// Whose deadline that is; [`NOBODY`] if the peer has been heard since.
    first: u16,
    /// How many peers have a change to be told, and that there is none before this place.
    pending: usize,
    pending_from: usize,
    /// How many peers are owed a datagram, and that there is none before this place.
    owed: usize,
    owed_from: usize,
    /// How many peers are members, and how many of them take this member's reliable stream.
    members: usize,
    takers: usize,
    /// What all members can receive, and what all of those can.
    limits: Limits,
    stream_limits: Limits,
    /// The longest HELLO interval that is believed, in units of 10 ms.
    longest: u16,
    is_put_off: bool,
    /// Whether it was forgotten what somebody has sent.
    #[cfg(feature = "seal")]
    forgotten: bool,
    places: Places<B>,
}

impl<const N: usize> Roster<[Place; N]> {
    /// Zeros. [`clear`](Roster::clear) makes a roster of them.
    pub(crate) const fn new() -> Self {
        Self {
            next_check: None,
            first: 0,
            pending: 0,
            pending_from: 0,
            owed: 0,
            owed_from: 0,
            members: 0,
            takers: 0,
            limits: Limits::ZERO,
            stream_limits: Limits::ZERO,
            longest: 0,
            is_put_off: false,
            #[cfg(feature = "seal")]
            forgotten: false,
            places: Places::<[_; N]>::new(),
        }
    }
}

impl Roster {
    /// Forgets everybody.
    pub(crate) fn clear(&mut self) {
        self.next_check = None;
        self.pending = 0;
        self.owed = 0;
        self.members = 0;
        self.takers = 0;
        self.limits = Limits::NONE;
        self.stream_limits = Limits::NONE;
        self.longest = SHORT_INTERVAL;
        self.is_put_off = false;
        self.places.clear();
    }

    /// Time makes it older. Who has been gone for long is forgotten.
    pub(crate) fn age(&mut self, ageing: Ageing) {
        ageing.maybe(&mut self.next_check);
        self.places.iter_mut().for_each(|entry| entry.age(ageing));
        let is_over = |entry: &Entry| entry.pending.is_none() && entry.is_forgotten();
        while let Some(index) = self.places.position(0, is_over) {
            self.change(index, |entry| entry.owed = None);
            self.places.remove(index);
            self.note_forgotten(true);
        }
    }

    /// How many members there are, oneself not counted.
    pub(crate) const fn members(&self) -> usize {
        self.members
    }

    /// How many members there are, oneself included, as far as is known.
    pub(crate) const fn group_size(&self) -> usize {
        self.members.saturating_add(1)
    }

    /// The members that are there.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Peer> {
        self.places
            .iter()
            .filter(|entry| entry.is_member())
            .map(|entry| &entry.peer)
    }

    /// How many members take this member's reliable stream.
    pub(crate) const fn takers(&self) -> usize {
        self.takers
    }

    /// What all members can receive.
    pub(crate) const fn limits(&self) -> Limits {
        self.limits
    }

    /// What all members can receive that take this member's reliable stream.
    pub(crate) const fn stream_limits(&self) -> Limits {
        self.stream_limits
    }

    /// The member at `index`.
    pub(crate) fn peer(&self, index: usize) -> Option<&Peer> {
        self.places.get(index).map(|entry| &entry.peer)
    }

    /// Never later than the first thing to do.
    pub(crate) const fn next_check(&self) -> Option<Tick> {
        self.next_check
    }

    /// A valid datagram came in. `Err` when there is no place for its sender.
    pub(crate) fn hear(
        &mut self,
        now: Tick,
        from: SocketAddr,
        header: &Header,
    ) -> Result<(usize, Heard), RosterFull> {
        if let Some(index) = self.places.find(header.sender) {
            if index == usize::from(self.first) {
                self.first = NOBODY;
            }
            let heard = self.change(index, |entry| entry.hear(now, header));
            let heard = heard.unwrap_or(Heard::Stale);
            // The sessions of a life that are over stay over, so nothing of them is forgotten.
            self.note_forgotten(heard == Heard::Restarted);
            return Ok((index, heard));
        }
        let index = self.vacancy().ok_or(RosterFull)?;
        self.note_forgotten(self.places.get(index).is_some());
        // Whoever gives way is told nothing more.
        self.change(index, |entry| entry.owed = None);
        self.places.put(index, Entry::new(now, from, header));
        self.change(index, |_| {});
        Ok((index, Heard::New))
    }

    /// Notes whether it was forgotten which datagrams of somebody have been seen.
    #[cfg_attr(
        not(feature = "seal"),
        expect(
            clippy::unused_self,
            clippy::needless_pass_by_ref_mut,
            reason = "only sealed groups ask"
        )
    )]
    const fn note_forgotten(&mut self, forgotten: bool) {
        #[cfg(feature = "seal")]
        {
            self.forgotten |= forgotten;
        }
        let _ = forgotten;
    }

    /// Time has passed that the clock does not know of.
    pub(crate) fn woke(&mut self, now: Tick) {
        self.places.iter_mut().for_each(|entry| entry.woke(now));
        self.next_check = Some(now);
    }

    /// The place of a member whose stream ends with a datagram of this header: it begins another life with it,
    /// or its place is needed.
    pub(crate) fn would_end(&self, now: Tick, header: &Header) -> Option<usize> {
        let Some(index) = self.places.find(header.sender) else {
            return self
                .vacancy()
                .filter(|index| self.places.get(*index).is_some());
        };
        let entry = self.places.get(index)?;
        if entry.peer.session == header.session {
            return None;
        }
        let heard = { *entry }.hear(now, header);
        (heard == Heard::Restarted).then_some(index)
    }

    /// The place of the member with this id.
    pub(crate) fn find_number(&self, id: u32) -> Option<usize> {
        MemberId::new(id).and_then(|id| self.places.find(id))
    }

    /// A free place, or that of somebody who is no member any more or not yet.
    fn vacancy(&self) -> Option<usize> {
        let dispensable = |status: PeerStatus| {
            self.places.position(0, |entry| {
                entry.is_dispensable() && entry.peer.status == status
            })
        };
        self.places
            .vacancy()
            .or_else(|| dispensable(PeerStatus::Left))
            .or_else(|| dispensable(PeerStatus::Lost))
            .or_else(|| dispensable(PeerStatus::Unknown))
    }

    /// A HELLO of the entry at `index` came in.
    pub(crate) fn hello(&mut self, now: Tick, index: usize, from: SocketAddr, hello: &Hello<'_>) {
        let before = self.longest;
        self.change(index, |entry| entry.hello(now, from, hello));
        self.change(index, |entry| entry.believe_interval(before));
        if hello.interval > before && self.believe_intervals() {
            self.next_check = Some(now);
        }
    }

    /// A BYE of the entry at `index` came in.
    pub(crate) fn bye(&mut self, now: Tick, index: usize) {
        self.change(index, |entry| entry.bye(now));
    }

    /// The entry at `index`.
    pub(crate) fn entry(&self, index: usize) -> Option<&Entry> {
        self.places.get(index)
    }

    /// The entry at `index`, for what no sum depends on.
    pub(crate) fn entry_mut(&mut self, index: usize) -> Option<&mut Entry> {
        self.places.get_mut(index)
    }

    /// How many places have been in use.
    pub(crate) const fn places(&self) -> usize {
        self.places.len()
    }

    /// Changes a peer and keeps the sums right.
    pub(crate) fn change<T>(&mut self, index: usize, f: impl FnOnce(&mut Entry) -> T) -> Option<T> {
        let before = self.part(index)?;
        let result = f(self.places.get_mut(index)?);
        self.settle(index, before);
        Some(result)
    }

    /// What the entry at `index` counts for.
    #[cfg_attr(target_os = "none", inline(never))]
    fn part(&self, index: usize) -> Option<Part> {
        self.places.get(index).map(Part::of)
    }

    /// Brings the sums up to date with the entry at `index`, which counted for `before`. It is out of line, as
    /// [`part`](Self::part) is, because each change that there is would hold a copy.
    #[cfg_attr(target_os = "none", inline(never))]
    fn settle(&mut self, index: usize, before: Part) {
        let Some(entry) = self.places.get(index) else {
            return;
        };
        let after = Part::of(entry);
        if let Some(deadline) = entry.deadline()
            && self.next_check.is_none_or(|check| deadline < check)
        {
            self.next_check = Some(deadline);
            self.first = u16::try_from(index).unwrap_or(NOBODY);
        }
        if after != before {
            self.adjust(index, before, after);
        }
    }

    fn adjust(&mut self, index: usize, before: Part, after: Part) {
        let adjust = |total: &mut usize, sum: u8| {
            let with = total.saturating_add(usize::from(after.counts(sum)));
            *total = with.saturating_sub(usize::from(before.counts(sum)));
        };
        adjust(&mut self.pending, Part::PENDING);
        adjust(&mut self.owed, Part::OWED);
        adjust(&mut self.members, Part::MEMBER);
        adjust(&mut self.takers, Part::TAKER);
        if after.counts(Part::PENDING) {
            self.pending_from = self.pending_from.min(index);
        }
        if after.counts(Part::OWED) {
            self.owed_from = self.owed_from.min(index);
        }
        let limits = |part: Part| (part.limits, part.counts(Part::TAKER));
        if before.limits == Limits::NONE {
            self.limits = self.limits.min(after.limits);
            self.stream_limits = self.stream_limits.min(after.stream_limits());
        } else if limits(before) != limits(after) {
            self.find_limits();
        }
    }

    /// Suspects, gives up and forgets whoever has been silent for too long.
    pub(crate) fn expire(&mut self, now: Tick) {
        let Some(check) = self.next_check.filter(|check| *check <= now + SOON) else {
            return;
        };
        if now < check {
            if self.first == NOBODY && !self.is_put_off {
                self.recount();
            }
            return;
        }
        if self.longest > SHORT_INTERVAL {
            self.believe_intervals();
        }
        let waiting = || self.places.iter().filter(|entry| entry.pending.is_none());
        let late = waiting()
            .filter_map(Entry::deadline)
            .min()
            .map(|due| now.span_since(due));
        if let Some(late) = late.filter(|late| *late >= LATE && !self.is_put_off) {
            // Nobody looked when it was time to, and so nobody was heard either.
            self.is_put_off = true;
            self.places
                .iter_mut()
                .for_each(|entry| entry.excuse(now, late));
            self.next_check = Some(now + PUT_OFF);
            return;
        }
        self.is_put_off = false;
        // Whoever has a change to be told waits until it is told: changes are not overwritten.
        let has_come = |due: Tick| due <= now;
        let is_due =
            |entry: &Entry| entry.pending.is_none() && entry.deadline().is_some_and(has_come);
        let mut from = 0;
        while let Some(index) = self.places.position(from, is_due) {
            self.change(index, Entry::expire);
            from = index.saturating_add(1);
        }
        self.recount();
    }

    /// Computes when there is something to do.
    fn recount(&mut self) {
        let deadline = |entry: &Entry| match entry.pending {
            None => entry.deadline(),
            Some(_) => None,
        };
        let first = self.places.iter().filter_map(deadline).min();
        let is_first = |entry: &Entry| deadline(entry) == first;
        let index = first.and_then(|_| self.places.position(0, is_first));
        self.first = index
            .and_then(|index| u16::try_from(index).ok())
            .unwrap_or(NOBODY);
        self.next_check = first;
    }

    fn find_limits(&mut self) {
        let (mut all, mut takers) = (Limits::NONE, Limits::NONE);
        for entry in self.places.iter().filter(|entry| entry.is_member()) {
            all = all.min(entry.limits());
            if entry.is_taker() {
                takers = takers.min(entry.limits());
            }
        }
        (self.limits, self.stream_limits) = (all, takers);
    }

    /// The next change to tell that is `wanted`, and of whom.
    pub(crate) fn take_pending(
        &mut self,
        wanted: impl Fn(Change) -> bool,
    ) -> Option<(usize, Change)> {
        let index = self.peek_pending(wanted)?;
        let change = self.change(index, |entry| entry.pending.take())??;
        Some((index, change))
    }

    /// The next change to tell that is `wanted`, which stays to be told.
    pub(crate) fn peek_pending(&mut self, wanted: impl Fn(Change) -> bool) -> Option<usize> {
        if self.pending == 0 {
            return None;
        }
        let from = self.pending_from;
        self.pending_from = self
            .places
            .position(from, |entry| entry.pending.is_some())?;
        let is_it = |entry: &Entry| entry.pending.is_some_and(&wanted);
        self.places.position(self.pending_from, is_it)
    }

    /// Whether a change is to be told.
    pub(crate) const fn has_pending(&self) -> bool {
        self.pending > 0
    }
}

impl core::fmt::Debug for Roster {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let peers = self.places.iter().map(|entry| &entry.peer);
        f.debug_list().entries(peers).finish()
    }
}

/// There is no place for another entry.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct RosterFull;
