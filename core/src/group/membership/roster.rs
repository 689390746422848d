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

mod part;

use crate::time::Span;
use core::net::SocketAddr;

use super::peer::{Answer, Change, Heard, Limits, Owed, Peer, Position};
use super::places::{Place, Places};
use super::presence::Presence;
#[cfg(feature = "seal")]
use super::window::Verdict;
use crate::group::backoff;
use crate::group::random::Random;
use crate::group::serial::is_before;
use crate::ident::MemberId;
use crate::member::{Member, Standing};
use crate::time::Instant;
use crate::wire::{Echo, Header, Hello, Start};
use part::Part;

/// The longest HELLO interval that is believed in a small group, in units of 10 ms.
const SHORT_INTERVAL: u16 = 200;

/// A check that comes so late is put off, once: what arrived meanwhile is to be read first.
const LATE: Span = Span::from_millis(250);
const PUT_OFF: Span = Span::from_millis(100);

/// A roster over any storage; code is written for the unsized [`Roster`].
pub(crate) struct Roster<B: ?Sized = [Place]> {
    /// Never later than the first deadline of a peer.
    next_check: Option<Instant>,
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

    /// How many members there are, oneself not counted.
    pub(crate) const fn members(&self) -> usize {
        self.members
    }

    /// How many members there are, oneself included, as far as is known.
    pub(crate) const fn group_size(&self) -> usize {
        self.members.saturating_add(1)
    }

    /// The members that are there.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Member> {
        self.places
            .iter()
            .filter(|peer| peer.is_member())
            .map(|peer| &peer.member)
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
    pub(crate) fn member(&self, index: usize) -> Option<&Member> {
        self.places.get(index).map(|peer| &peer.member)
    }

    /// Never later than the first thing to do.
    pub(crate) const fn next_check(&self) -> Option<Instant> {
        self.next_check
    }

    /// A valid datagram came in. `Err` when there is no place for its sender.
    pub(crate) fn hear(
        &mut self,
        now: Instant,
        from: SocketAddr,
        header: &Header,
    ) -> Result<(usize, Heard), RosterFull> {
        if let Some(index) = self.places.find(header.sender) {
            let heard = self.change(index, |peer| peer.hear(now, header));
            let heard = heard.unwrap_or(Heard::Stale);
            // The sessions of a life that are over stay over, so nothing of them is forgotten.
            self.note_forgotten(heard == Heard::Restarted);
            return Ok((index, heard));
        }
        let index = self.vacancy().ok_or(RosterFull)?;
        self.note_forgotten(self.places.get(index).is_some());
        // Whoever gives way is told nothing more.
        self.change(index, |peer| peer.owed = None);
        self.places.put(index, Peer::new(now, from, header));
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

    /// Whether something was forgotten since this was asked last.
    #[cfg(feature = "seal")]
    pub(crate) const fn take_forgotten(&mut self) -> bool {
        core::mem::replace(&mut self.forgotten, false)
    }

    /// The challenge for which a sender's session was believed, if it has a place.
    #[cfg(feature = "seal")]
    pub(crate) fn believed_with(&self, sender: MemberId) -> Option<u64> {
        let index = self.places.find(sender)?;
        self.places.get(index).map(Peer::believed_with)
    }

    /// Looks at a datagram whose sender may have a place, and remembers nothing. `None`: it has none,
    /// begins another session, or has to prove that it is there.
    #[cfg(feature = "seal")]
    pub(crate) fn judge(&self, now: Instant, header: &Header) -> Option<Verdict> {
        let index = self.places.find(header.sender)?;
        self.places.get(index)?.judge(now, header)
    }

    /// Time has passed that the clock does not know of.
    pub(crate) fn woke(&mut self, now: Instant) {
        self.places.iter_mut().for_each(|peer| peer.woke(now));
        self.next_check = Some(now);
    }

    /// A sender has proved to be there now: it sent this challenge back, in a datagram of this header.
    #[cfg(feature = "seal")]
    pub(crate) fn prove(&mut self, now: Instant, header: &Header, challenge: u64) {
        if let Some(index) = self.places.find(header.sender) {
            self.change(index, |peer| peer.prove(now, header, challenge));
        }
    }

    /// The place of a member whose stream ends with a datagram of this header: it begins another life with it,
    /// or its place is needed.
    pub(crate) fn would_end(&self, now: Instant, header: &Header) -> Option<usize> {
        let Some(index) = self.places.find(header.sender) else {
            return self
                .vacancy()
                .filter(|index| self.places.get(*index).is_some());
        };
        let peer = self.places.get(index)?;
        if peer.member.session == header.session {
            return None;
        }
        let heard = { *peer }.hear(now, header);
        (heard == Heard::Restarted).then_some(index)
    }

    /// The place of the member with this id.
    pub(crate) fn find_number(&self, id: u32) -> Option<usize> {
        MemberId::new(id).and_then(|id| self.places.find(id))
    }

    /// A free place, or that of somebody who is no member any more or not yet.
    fn vacancy(&self) -> Option<usize> {
        let dispensable = |standing: Standing| {
            self.places.position(0, |peer| {
                peer.is_dispensable() && peer.member.standing == standing
            })
        };
        self.places
            .vacancy()
            .or_else(|| dispensable(Standing::Left))
            .or_else(|| dispensable(Standing::Lost))
            .or_else(|| dispensable(Standing::Unknown))
    }

    /// The longest HELLO interval that is believed: twice what the protocol gives for the group's size. That is
    /// the size of this roster, or what members usually state if that is larger: the roster may be a small one
    /// in a large group. One that states a size nobody else does changes nothing.
    fn longest_interval(&self) -> u16 {
        let own = self.members.saturating_add(1);
        let own_stated = backoff::encode_group_size(own);
        let stated = || {
            let members = self.places.iter().filter(|peer| peer.is_member());
            let stated = members.map(Peer::group_size).filter(|size| *size > 0);
            stated.chain(core::iter::once(own_stated))
        };
        // The lower median: no more than half state less.
        let half = stated().count().div_ceil(2);
        let mut usual = 0u8;
        for bit in (0..u8::BITS).rev() {
            let larger = usual | 1 << bit;
            if stated().filter(|size| *size < larger).count() < half {
                usual = larger;
            }
        }
        let size = own.max(backoff::decode_group_size(usual));
        let longest = Presence::interval(size).saturating_mul(2);
        u16::try_from(longest.as_millis() / 10).unwrap_or(u16::MAX)
    }

    /// A HELLO of the peer at `index` came in.
    pub(crate) fn hello(
        &mut self,
        now: Instant,
        index: usize,
        from: SocketAddr,
        hello: &Hello<'_>,
    ) {
        let before = self.longest;
        self.change(index, |peer| peer.hello(now, from, hello));
        self.change(index, |peer| peer.believe_interval(before));
        if hello.interval > before && self.believe_intervals() {
            self.next_check = Some(now);
        }
    }

    /// Finds which HELLO intervals are believed now. Whether that is another than before.
    fn believe_intervals(&mut self) -> bool {
        let longest = self.longest_interval();
        if longest == self.longest {
            return false;
        }
        self.longest = longest;
        let places = self.places.iter_mut();
        places.for_each(|peer| peer.believe_interval(longest));
        true
    }

    /// A BYE of the peer at `index` came in.
    pub(crate) fn bye(&mut self, now: Instant, index: usize) {
        self.change(index, |peer| peer.bye(now));
    }

    /// The members' clocks that were not sent back yet, as many as fit `into`, from somewhere on: if
    /// everybody began with the same members, the others would never be answered. Returns their octets.
    pub(crate) fn take_echoes(
        &mut self,
        now: Instant,
        random: &mut Random,
        into: &mut [u8],
    ) -> usize {
        let mut len = 0usize;
        let places = self.places.len();
        let start = random.below(u32::try_from(places).unwrap_or(u32::MAX));
        let mut at = usize::try_from(start).unwrap_or_default();
        for _ in 0..places {
            let Some(place) = into
                .get_mut(len..)
                .and_then(|rest| rest.get_mut(..Echo::LEN))
            else {
                break;
            };
            at = at.saturating_add(1);
            if at >= places {
                at = 0;
            }
            let Some(peer) = self.places.get_mut(at) else {
                continue;
            };
            let Some((stamp, held)) = peer.take_stamp(now).filter(|_| peer.is_member()) else {
                continue;
            };
            let echo = Echo {
                member: peer.member.id.get(),
                stamp,
                held,
            };
            place
                .iter_mut()
                .zip(echo.to_octets())
                .for_each(|(to, from)| *to = from);
            len = len.saturating_add(Echo::LEN);
        }
        len
    }

    /// Where this receiver is in a peer's stream, while no stream is kept for it.
    pub(crate) fn position(&self, index: usize) -> Option<Position> {
        self.places.get(index)?.position
    }

    /// The peer at `index`.
    pub(crate) fn peer(&self, index: usize) -> Option<&Peer> {
        self.places.get(index)
    }

    /// The peer at `index`, for what no sum depends on.
    pub(crate) fn peer_mut(&mut self, index: usize) -> Option<&mut Peer> {
        self.places.get_mut(index)
    }

    /// Notes where following a peer's stream begins.
    pub(crate) fn begin(&mut self, index: usize, start: Position) {
        if let Some(peer) = self.places.get_mut(index) {
            peer.begin(start);
        }
    }

    /// What the member at `index` is told: from where on it is counted in.
    pub(crate) fn start_of(&self, index: usize) -> Option<Start> {
        let peer = self.places.get(index).filter(|peer| peer.is_taker())?;
        Some(peer.start())
    }

    /// Asks a peer since when it counts this member in, if that is not known. Whether it does.
    pub(crate) fn ask_start(&mut self, index: usize) -> bool {
        let lacks = self.places.get(index).is_some_and(Peer::lacks_start);
        lacks && self.change(index, Peer::ask_start) == Some(true)
    }

    /// How many places have been in use.
    pub(crate) const fn places(&self) -> usize {
        self.places.len()
    }

    /// The peer at `index` is counted in from this number of the own stream on.
    pub(crate) fn count_in(&mut self, index: usize, next: u32) {
        if let Some(peer) = self.places.get_mut(index) {
            peer.counted_from = next;
        }
    }

    /// Everybody is counted in from this number of the own stream on.
    pub(crate) fn count_in_from(&mut self, next: u32) {
        for peer in self.places.iter_mut() {
            peer.counted_from = next;
        }
    }

    /// The members for whom the own stream begins before `next`, from the `from`th on and round.
    pub(crate) fn counted_in(&self, from: usize, next: u32) -> impl Iterator<Item = &Peer> {
        let takers = || self.places.iter().filter(|peer| peer.is_taker());
        let all = takers().skip(from).chain(takers().take(from));
        all.filter(move |peer| peer.counted_from != next)
    }

    /// Notes where this receiver is in a peer's stream that is not kept any more.
    pub(crate) fn stow(&mut self, index: usize, position: Position, rest: u8) {
        if let Some(peer) = self.places.get_mut(index) {
            peer.stow(position, rest);
        }
    }

    /// Before which number a peer has sent everything, as far as was told.
    pub(crate) fn told(&self, index: usize) -> u32 {
        self.places.get(index).map_or(0, |peer| peer.told().0)
    }

    /// A peer that is gone has a last gap, without a stream: it is told before the end. Whether there is one.
    pub(crate) fn end_without_stream(&mut self, index: usize) -> bool {
        let ends = |peer: &mut Peer| {
            if peer.is_owed() {
                peer.pending = peer.pending.or(Some(Change::Ended));
            }
            peer.is_owed()
        };
        self.change(index, ends).unwrap_or_default()
    }

    /// A member is owed an ACK.
    pub(crate) fn owe_ack(&mut self, index: usize) {
        self.change(index, |peer| peer.owed = peer.owed.or(Some(Owed::Ack)));
    }

    /// How far a peer is in this member's own stream, if that waits for it.
    pub(crate) fn reach(&self, index: usize) -> Option<u32> {
        self.places.get(index)?.reach()
    }

    /// A peer is so far in this member's own stream, which waits for it from now on.
    pub(crate) fn set_reach(&mut self, index: usize, next: u32) {
        if let Some(peer) = self.places.get_mut(index) {
            peer.set_reach(Some(next));
        }
    }

    /// Waits for nobody any more that is before `expected`.
    pub(crate) fn give_up_before(&mut self, expected: u32) {
        for peer in self.places.iter_mut() {
            peer.set_reach(peer.reach().filter(|reach| !is_before(*reach, expected)));
        }
    }

    /// Waits for nobody any more.
    pub(crate) fn wait_for_nobody(&mut self) {
        for peer in self.places.iter_mut() {
            peer.set_reach(None);
        }
    }

    /// How far the slowest member is that is waited for.
    pub(crate) fn slowest(&self) -> Option<u32> {
        let takers = self.places.iter().filter(|peer| peer.is_taker());
        let reaches = takers.filter_map(Peer::reach);
        reaches.reduce(|a, b| if is_before(a, b) { a } else { b })
    }

    /// Something else is to be confirmed.
    pub(crate) fn forget_answers(&mut self) {
        for peer in self.places.iter_mut() {
            peer.answer = Answer::Open;
        }
    }

    /// Whether a member said that it will never have all of what is to be confirmed.
    pub(crate) fn lacks(&self, id: MemberId) -> bool {
        let mut members = self.places.iter().filter(|peer| peer.is_member());
        members.any(|peer| peer.member.id() == id && peer.answer == Answer::Lacks)
    }

    /// Whether every member that takes the stream said whether it has what is to be confirmed.
    pub(crate) fn all_answered(&self) -> bool {
        let mut takers = self.places.iter().filter(|peer| peer.is_taker());
        takers.all(|peer| peer.answer != Answer::Open)
    }

    /// Changes a peer and keeps the sums right.
    pub(crate) fn change<T>(&mut self, index: usize, f: impl FnOnce(&mut Peer) -> T) -> Option<T> {
        let before = self.part(index)?;
        let result = f(self.places.get_mut(index)?);
        self.settle(index, before);
        Some(result)
    }

    /// What the peer at `index` counts for.
    #[inline(never)]
    fn part(&self, index: usize) -> Option<Part> {
        self.places.get(index).map(Part::of)
    }

    /// Brings the sums up to date with the peer at `index`, which counted for `before`. It is out of line, as
    /// [`part`](Self::part) is, because each change that there is would hold a copy.
    #[inline(never)]
    fn settle(&mut self, index: usize, before: Part) {
        let Some(peer) = self.places.get(index) else {
            return;
        };
        let (after, deadline) = (Part::of(peer), peer.deadline());
        if after != before || self.next_check.is_none_or(|check| deadline < check) {
            self.adjust(index, before, after, deadline);
        }
    }

    fn adjust(&mut self, index: usize, before: Part, after: Part, deadline: Instant) {
        let adjust = |total: &mut usize, sum: u8| {
            let with = total.saturating_add(usize::from(after.counts(sum)));
            *total = with.saturating_sub(usize::from(before.counts(sum)));
        };
        adjust(&mut self.pending, Part::PENDING);
        adjust(&mut self.owed, Part::OWED);
        adjust(&mut self.members, Part::MEMBER);
        adjust(&mut self.takers, Part::TAKER);
        if self.next_check.is_none_or(|check| deadline < check) {
            self.next_check = Some(deadline);
        }
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
    pub(crate) fn expire(&mut self, now: Instant) {
        if self.next_check.is_none_or(|check| now < check) {
            return;
        }
        if self.longest > SHORT_INTERVAL {
            self.believe_intervals();
        }
        let waiting = || self.places.iter().filter(|peer| peer.pending.is_none());
        let late = waiting()
            .map(Peer::deadline)
            .min()
            .map(|due| now.span_since(due));
        if let Some(late) = late.filter(|late| *late >= LATE && !self.is_put_off) {
            // Nobody looked when it was time to, and so nobody was heard either.
            self.is_put_off = true;
            self.places
                .iter_mut()
                .for_each(|peer| peer.excuse(now, late));
            self.next_check = Some(now + PUT_OFF);
            return;
        }
        self.is_put_off = false;
        // Whoever has a change to be told waits until it is told: changes are not overwritten.
        let is_due = |peer: &Peer| peer.pending.is_none() && peer.deadline() <= now;
        let mut from = 0;
        while let Some(index) = self.places.position(from, is_due) {
            if self.change(index, Peer::expire) == Some(false) {
                self.places.remove(index);
                self.note_forgotten(true);
            }
            from = index.saturating_add(1);
        }
        let waiting = self.places.iter().filter(|peer| peer.pending.is_none());
        self.next_check = waiting.map(Peer::deadline).min();
    }

    fn find_limits(&mut self) {
        let (mut all, mut takers) = (Limits::NONE, Limits::NONE);
        for peer in self.places.iter().filter(|peer| peer.is_member()) {
            all = all.min(peer.limits());
            if peer.is_taker() {
                takers = takers.min(peer.limits());
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
        let change = self.change(index, |peer| peer.pending.take())??;
        Some((index, change))
    }

    /// The next change to tell that is `wanted`, which stays to be told.
    pub(crate) fn peek_pending(&mut self, wanted: impl Fn(Change) -> bool) -> Option<usize> {
        if self.pending == 0 {
            return None;
        }
        let from = self.pending_from;
        self.pending_from = self.places.position(from, |peer| peer.pending.is_some())?;
        let is_it = |peer: &Peer| peer.pending.is_some_and(&wanted);
        self.places.position(self.pending_from, is_it)
    }

    /// A datagram of a peer was taken.
    pub(crate) fn pay(&mut self, index: usize, octets: usize) {
        if let Some(peer) = self.places.get_mut(index) {
            peer.credit.pay(octets);
        }
    }

    /// When a peer that asks for an ACK at `due` has it, while this receiver is at `next` in its stream.
    pub(crate) fn ack_due(&self, index: usize, now: Instant, next: u32, due: Instant) -> Instant {
        let peer = self.places.get(index);
        peer.map_or(due, |peer| due.max(now + peer.credit.pause(now, next)))
    }

    /// A peer was told that this receiver is at `next` in its stream.
    pub(crate) fn ack_sent(&mut self, index: usize, now: Instant, next: u32) {
        if let Some(peer) = self.places.get_mut(index) {
            peer.credit.ack_sent(now, next);
        }
    }

    /// Whether a peer is owed this without drawing on what all have together who are not proven.
    pub(crate) fn has_earned(&mut self, index: usize, owed: Owed) -> bool {
        let peer = self.places.get_mut(index);
        peer.is_some_and(|peer| peer.is_proven() || (owed == Owed::Ack && peer.credit.spend()))
    }

    /// The next datagram owed by unicast, and to whom.
    pub(crate) fn take_owed(&mut self) -> Option<(usize, SocketAddr, Owed)> {
        if self.owed == 0 {
            return None;
        }
        let index = self
            .places
            .position(self.owed_from, |peer| peer.owed.is_some())?;
        self.owed_from = index;
        self.change(index, |peer| {
            peer.owed
                .take()
                .map(|owed| (index, peer.member.address, owed))
        })?
    }

    /// Whether a change is to be told.
    pub(crate) const fn has_pending(&self) -> bool {
        self.pending > 0
    }

    /// Whether a HELLO is owed by unicast.
    pub(crate) const fn has_owed(&self) -> bool {
        self.owed > 0
    }
}

impl core::fmt::Debug for Roster {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let peers = self.places.iter().map(|peer| &peer.member);
        f.debug_list().entries(peers).finish()
    }
}

/// There is no place for another peer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct RosterFull;
