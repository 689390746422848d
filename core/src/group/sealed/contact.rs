//! First contact in a sealed group: whom to believe (PROTOCOL §8.4).
//!
//! ```text
//!   ana                                       ben
//!    │ HELLO JOIN, challenge A ───────────────▶│ who is that? not believed; A is noted
//!    │◀─── HELLO, challenge B, sends back A ───│
//!    │ ben is there now: believed              │
//!    │ HELLO, sends back B ───────────────────▶│ ana is there now: believed
//! ```

use super::keys::Wanted;
use super::{Echoes, Guard};
use crate::counters::count;
use crate::group::membership::{ECHOES, Membership, Presence, Roster, Source, Verdict};
use crate::group::tools::Tools;
use crate::ident::MemberId;
use crate::time::{Span, Tick};
use crate::wire::{Challenge, Echo, Header, Hello, Sync, Time, Writer};

/// How many options with challenges of others a HELLO carries at most, and how many challenges each.
const ECHO_OPTIONS: usize = 2;
const ECHOES_PER_OPTION: usize = Hello::LONGEST_OPTION / Hello::CHALLENGE_LEN;

/// The longest options that this member's HELLO has.
pub(crate) const OPTIONS_LEN: usize = options_len(0)
    + ECHO_OPTIONS * (Hello::OPTION_HEADER_LEN + ECHOES_PER_OPTION * Hello::CHALLENGE_LEN);

/// The longest options of a member that sends so many challenges back, in one of them.
pub(crate) const fn options_len(echoes: usize) -> usize {
    let challenge = Hello::OPTION_HEADER_LEN.saturating_add(Challenge::MAX_LEN);
    let echoes = echoes.saturating_mul(Hello::CHALLENGE_LEN);
    challenge.saturating_add(echoes)
}

/// What else is in a datagram with a HELLO at most.
const WITH_HELLO: usize = Hello::MAX_FRAME_LEN
    + Time::frame_len(ECHOES * Echo::LEN)
    + Sync::FRAME_LEN
    + Hello::OPTION_HEADER_LEN
    + Challenge::MAX_LEN;

/// Whoever has something to say at first contact says it within this time for each member there is.
const CONTACT_WITHIN: Span = Span::from_millis(50);

/// For so long, and two intervals, a challenge that is sent back proves that somebody is there.
const CHALLENGE_LIFE: Span = Span::from_secs(10);

/// How long a member waits with its first messages if it has met somebody: so long first contact takes in
/// a small group.
const CONTACT_TIME: Span = Span::from_millis(250);

/// How long it waits if it has met nobody, and for whom it has met since to hear its HELLO.
const LONELY: Span = Span::from_secs(1);

/// What is remembered of who is believed: by a roster, or by the places of a leaf.
pub(crate) trait Known {
    /// How many members there are, oneself included.
    fn group_size(&self) -> usize;

    /// Looks at a datagram whose sender may have a place, and remembers nothing. `None`: it has none,
    /// begins another session, or has to prove that it is there.
    fn judge(&self, now: Tick, header: &Header) -> Option<Verdict>;

    /// The challenge for which a sender's session was believed, if it has a place.
    fn believed_with(&self, sender: MemberId) -> Option<u64>;

    /// A sender has proved to be there now: it sent this challenge back, in a datagram of this header.
    fn prove(&mut self, now: Tick, header: &Header, challenge: u64);

    /// Whether something was forgotten since this was asked last.
    fn take_forgotten(&mut self) -> bool;

    /// The HELLO among these frames.
    fn hello_in(frames: &[u8]) -> Option<Hello<'_>>;

    /// Whether there may be a place for the sender of a datagram with these frames, so that it is to prove that it
    /// is there.
    fn has_place_for(&mut self, now: Tick, header: &Header, frames: &[u8]) -> bool;
}

/// What first contact works with.
#[derive(Debug)]
pub(crate) struct Contact<'a, K: ?Sized = Roster> {
    pub(crate) membership: &'a mut Membership,
    pub(crate) roster: &'a mut K,
    pub(crate) echoes: &'a mut Echoes,
    pub(crate) tools: &'a mut Tools,
}

/// What becomes of a sealed datagram.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Opened {
    /// It is to be read.
    Taken,
    /// It was counted, and is not.
    Dropped,
    /// Somebody sent it who has this member's id, session and key.
    Clone,
}

impl<K: Known + ?Sized> Contact<'_, K> {
    /// Says HELLO soon, but not all members at once.
    fn hasten(&mut self, now: Tick) {
        let size = self.roster.group_size().saturating_add(self.echoes.len());
        let interval = Presence::interval(size);
        let within = CONTACT_WITHIN.saturating_mul(u32::try_from(size).unwrap_or(u32::MAX));
        let wanted = now + self.tools.random.up_to(within.min(interval));
        self.membership.presence.contact(wanted, interval);
    }
}

impl Guard {
    /// Opens a datagram, if it is to be taken. Otherwise it is counted.
    ///
    /// The order is the defence: what was seen before costs no decryption, what no member sealed
    /// changes nothing, and what a member sealed long ago changes no more than that.
    pub(crate) fn unseal<K: Known + ?Sized>(
        &mut self,
        contact: &mut Contact<'_, K>,
        now: Tick,
        header: &Header,
        datagram: &mut [u8],
    ) -> Opened {
        self.forget_challenge(contact.roster);
        let is_own = contact.membership.is_own(header);
        let verdict = contact.roster.judge(now, header);
        match verdict {
            Some(Verdict::Duplicate) => {
                count(&mut contact.tools.counters.duplicate);
                return Opened::Dropped;
            }
            Some(Verdict::TooOld) => {
                count(&mut contact.tools.counters.stale);
                return Opened::Dropped;
            }
            Some(Verdict::New) | None => {}
        }
        let life = Self::challenge_life(contact.roster);
        let Some(sealed) = &mut self.sealed else {
            return Opened::Dropped;
        };
        if !sealed.open(header, datagram) {
            count(&mut contact.tools.counters.corrupt);
            return Opened::Dropped;
        }
        if is_own {
            return Opened::Clone;
        }
        if verdict.is_some() {
            return Opened::Taken;
        }
        let (challenge, lives) = (sealed.challenge(), sealed.challenge_lives(now, life));
        // With its own id a member trusts nobody at first: it may be its own past.
        let trusts = sealed.trusts_first() && header.sender != contact.membership.id;
        let end = datagram.len().saturating_sub(header.suite.trailer_len());
        let frames = datagram.get(Header::LEN..end);
        let hello = K::hello_in(frames.unwrap_or_default());
        let proves = lives && hello.is_some_and(|hello| hello.sends_back(challenge));
        // One challenge serves for one session of each sender: of two, one may have been held back.
        let is_used = contact.roster.believed_with(header.sender) == Some(challenge);
        if proves && (is_used || header.sender == contact.membership.id) {
            sealed.draw_challenge();
        }
        // What it asks is noted even if there is no place for it: it may have one. Its own challenge comes
        // back to a member from a session of its own that is over; if it were sent back, that would be the
        // proof that one's own past is there.
        let asked = hello
            .and_then(|hello| hello.challenge())
            .filter(|asked| asked.is_for(contact.membership.id) && asked.number != challenge);
        if let Some(Challenge { number, .. }) = asked
            && contact
                .echoes
                .note(header.sender, false, number, &mut contact.tools.random)
        {
            contact.hasten(now);
        }
        if trusts || (proves && !is_used) {
            contact.roster.prove(now, header, challenge);
            return Opened::Taken;
        }
        if !contact
            .roster
            .has_place_for(now, header, frames.unwrap_or_default())
        {
            count(&mut contact.tools.counters.no_place);
            return Opened::Dropped;
        }
        count(&mut contact.tools.counters.unverified);
        if let Some(sealed) = &mut self.sealed
            && sealed.want(header.sender)
        {
            contact.hasten(now);
        }
        Opened::Dropped
    }

    /// HELLO of a member that is believed. With a challenge it says that it does not believe this one, or
    /// not any more.
    pub(crate) fn on_hello<K: Known + ?Sized>(
        &mut self,
        contact: &mut Contact<'_, K>,
        now: Tick,
        source: &Source,
        challenge: Option<Challenge>,
    ) {
        if !self.is_sealed() {
            return;
        }
        if let Some(challenge) =
            challenge.filter(|challenge| challenge.is_for(contact.membership.id))
            && contact
                .echoes
                .note(source.id, true, challenge.number, &mut contact.tools.random)
        {
            contact.hasten(now);
        }
    }

    /// Until when messages wait for first contact, so that those who are there take them.
    pub(crate) fn holds_until(
        &self,
        membership: &Membership,
        roster: &Roster,
        echoes: &Echoes,
        now: Tick,
    ) -> Option<Tick> {
        self.holds_while(membership, roster.members() == 0, echoes, now)
    }

    /// The same; `is_alone`: nobody is known.
    pub(crate) fn holds_while(
        &self,
        membership: &Membership,
        is_alone: bool,
        echoes: &Echoes,
        now: Tick,
    ) -> Option<Tick> {
        if !self.is_sealed() || !membership.presence.announces() {
            return None;
        }
        let unanswered = echoes.len() > 0;
        let time = if is_alone || unanswered {
            LONELY
        } else {
            CONTACT_TIME
        };
        let end = membership.began + time;
        (now < end).then_some(end)
    }

    /// How long after it was first sent a challenge that is sent back proves anything: long enough for
    /// answers, which come within an interval.
    fn challenge_life(roster: &(impl Known + ?Sized)) -> Span {
        let interval = Presence::interval(roster.group_size());
        CHALLENGE_LIFE.saturating_add(interval.saturating_mul(2))
    }

    /// After a window was forgotten nobody is believed for what was sent back before.
    fn forget_challenge(&mut self, roster: &mut (impl Known + ?Sized)) {
        if roster.take_forgotten()
            && let Some(sealed) = &mut self.sealed
        {
            sealed.draw_challenge();
        }
    }

    /// Writes the options of a HELLO: the challenge, if somebody is to send it back, and others'
    /// challenges, as far as there is `room` in the datagram. Returns how many bytes they have.
    pub(crate) fn write_options<K: Known + ?Sized>(
        &mut self,
        contact: &mut Contact<'_, K>,
        now: Tick,
        room: usize,
        into: &mut [u8],
    ) -> usize {
        self.forget_challenge(contact.roster);
        let life = Self::challenge_life(contact.roster);
        let Some(sealed) = &mut self.sealed else {
            return 0;
        };
        let target = match core::mem::replace(&mut sealed.wanted, Wanted::Nobody) {
            _ if contact.membership.presence.is_joining() => Some(None),
            Wanted::Everybody => Some(None),
            Wanted::One(id) => Some(Some(id)),
            Wanted::Nobody => None,
        };
        let mut w = Writer::new(into);
        if let Some(target) = target {
            let challenge = Challenge {
                number: sealed.ask(now, life),
                target,
            };
            challenge.emit(&mut w);
        }
        let mut room = room.saturating_sub(WITH_HELLO);
        for _ in 0..ECHO_OPTIONS {
            let most = room.saturating_sub(Hello::OPTION_HEADER_LEN) / Hello::CHALLENGE_LEN;
            let count = contact.echoes.len().min(most).min(ECHOES_PER_OPTION);
            if count == 0 {
                break;
            }
            let len = count.saturating_mul(Hello::CHALLENGE_LEN);
            w.u8(Hello::ECHOES);
            // An option has 255 octets at most.
            w.u8(len as u8);
            for _ in 0..count {
                w.octets(&contact.echoes.take().unwrap_or_default());
            }
            room = room.saturating_sub(Hello::OPTION_HEADER_LEN.saturating_add(len));
        }
        w.finish().unwrap_or_default()
    }
}
