//! First contact in a sealed group: whom to believe (PROTOCOL §8.4).
//!
//! ```text
//!   ana                                       ben
//!    │ HELLO JOIN, challenge A ───────────────▶│ who is that? not believed; A is noted
//!    │◀─── HELLO, challenge B, sends back A ───│
//!    │ ben is there now: believed              │
//!    │ HELLO, sends back B ───────────────────▶│ ana is there now: believed
//! ```

use crate::time::Span;
use core::net::SocketAddr;

use super::engine::Engine;
use super::membership::Source;
use super::membership::{Presence, Verdict};
use super::sealed::Wanted;
use crate::counters::count;
use crate::storage::Views;
use crate::time::Instant;
use crate::wire::{Challenge, Echo, Frame, Frames, Header, Hello, Sync, Time, ending};

use super::hello::ECHOES;

/// How many options with challenges of others a HELLO carries at most, and how many challenges each.
const ECHO_OPTIONS: usize = 2;
const ECHOES_PER_OPTION: usize = Hello::LONGEST_OPTION / Hello::CHALLENGE_LEN;

/// The longest options that this member's HELLO has.
pub(crate) const OPTIONS_LEN: usize = Hello::OPTION_HEADER_LEN
    + Challenge::MAX_LEN
    + ECHO_OPTIONS * (Hello::OPTION_HEADER_LEN + ECHOES_PER_OPTION * Hello::CHALLENGE_LEN);

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

impl Engine {
    /// Opens the datagram of `len` octets in the receive buffer, if it is to be taken. Otherwise it is
    /// counted, and `false`.
    ///
    /// The order is the defence: what was seen before costs no decryption, what no member sealed
    /// changes nothing, and what a member sealed long ago changes no more than that.
    pub(crate) fn unseal(
        &mut self,
        views: &mut Views<'_>,
        now: Instant,
        from: SocketAddr,
        header: &Header,
        len: usize,
    ) -> bool {
        self.forget_challenge(views);
        let is_own = self.membership.is_own(header);
        let verdict = views.roster.judge(now, header);
        match verdict {
            Some(Verdict::Duplicate) => {
                count(&mut self.tools.counters.duplicate);
                return false;
            }
            Some(Verdict::TooOld) => {
                count(&mut self.tools.counters.stale);
                return false;
            }
            Some(Verdict::New) | None => {}
        }
        let life = self.challenge_life(views);
        let Some(sealed) = &mut self.guard.sealed else {
            return false;
        };
        let datagram = views.inbox.octets.get_mut(..len).unwrap_or_default();
        let ending = ending(datagram);
        if !sealed.open(header, datagram) {
            count(&mut self.tools.counters.corrupt);
            return false;
        }
        if is_own {
            self.meet_clone(views, now, from, header, ending);
            return false;
        }
        if verdict.is_some() {
            return true;
        }
        let (challenge, lives) = (sealed.challenge(), sealed.challenge_lives(now, life));
        // With its own id a member trusts nobody at first: it may be its own past.
        let trusts = sealed.trusts_first() && header.sender != self.membership.id;
        let end = len.saturating_sub(header.suite.trailer_len());
        let frames = views.inbox.octets.get(Header::LEN..end);
        let hello = Frames::new(frames.unwrap_or_default()).find_map(|frame| match frame {
            Ok(Frame::Hello(hello)) => Some(hello),
            _ => None,
        });
        let proves = lives && hello.is_some_and(|hello| hello.sends_back(challenge));
        // One challenge serves for one session of each sender: of two, one may have been held back.
        let is_used = views.roster.believed_with(header.sender) == Some(challenge);
        if proves && (is_used || header.sender == self.membership.id) {
            sealed.draw_challenge();
        }
        // What it asks is noted even if there is no place for it: it may have one. Its own challenge comes
        // back to a member from a session of its own that is over; if it were sent back, that would be the
        // proof that one's own past is there.
        let asked = hello
            .and_then(|hello| hello.challenge())
            .filter(|asked| asked.is_for(self.membership.id) && asked.number != challenge);
        if let Some(Challenge { number, .. }) = asked
            && views
                .echoes
                .note(header.sender, false, number, &mut self.tools.random)
        {
            self.hasten_contact(views, now);
        }
        if trusts || (proves && !is_used) {
            views.roster.prove(now, header, challenge);
            return true;
        }
        count(&mut self.tools.counters.unverified);
        if let Some(sealed) = &mut self.guard.sealed
            && sealed.want(header.sender)
        {
            self.hasten_contact(views, now);
        }
        false
    }

    /// HELLO of a member that is believed. With a challenge it says that it does not believe this one, or
    /// not any more.
    pub(crate) fn on_sealed_hello(
        &mut self,
        views: &mut Views<'_>,
        now: Instant,
        source: &Source,
        challenge: Option<Challenge>,
    ) {
        if !self.guard.is_sealed() {
            return;
        }
        if let Some(challenge) = challenge.filter(|challenge| challenge.is_for(self.membership.id))
            && views
                .echoes
                .note(source.id, true, challenge.number, &mut self.tools.random)
        {
            self.hasten_contact(views, now);
        }
    }

    /// Says HELLO soon, but not all members at once.
    fn hasten_contact(&mut self, views: &Views<'_>, now: Instant) {
        let size = views.roster.group_size().saturating_add(views.echoes.len());
        let interval = Presence::interval(size);
        let within = CONTACT_WITHIN.saturating_mul(u32::try_from(size).unwrap_or(u32::MAX));
        let wanted = now + self.tools.random.up_to(within.min(interval));
        self.membership.presence.contact(wanted, interval);
    }

    /// Until when messages wait for first contact, so that those who are there take them.
    pub(crate) fn holds_until(&self, views: &Views<'_>, now: Instant) -> Option<Instant> {
        if !self.guard.is_sealed() || !self.membership.presence.announces() {
            return None;
        }
        let unanswered = views.echoes.len() > 0;
        let time = if views.roster.members() == 0 || unanswered {
            LONELY
        } else {
            CONTACT_TIME
        };
        let end = self.membership.began + time;
        (now < end).then_some(end)
    }

    /// How long after it was first sent a challenge that is sent back proves anything: long enough for
    /// answers, which come within an interval.
    fn challenge_life(&self, views: &Views<'_>) -> Span {
        let interval = Presence::interval(views.roster.group_size());
        CHALLENGE_LIFE.saturating_add(interval.saturating_mul(2))
    }

    /// After a window was forgotten nobody is believed for what was sent back before.
    pub(crate) fn forget_challenge(&mut self, views: &mut Views<'_>) {
        if views.roster.take_forgotten()
            && let Some(sealed) = &mut self.guard.sealed
        {
            sealed.draw_challenge();
        }
    }

    /// Writes the options of a HELLO: the challenge, if somebody is to send it back, and others'
    /// challenges, as far as there is `room` in the datagram. Returns how many octets they have.
    pub(crate) fn write_options(
        &mut self,
        views: &mut Views<'_>,
        room: usize,
        into: &mut [u8; OPTIONS_LEN],
    ) -> usize {
        self.forget_challenge(views);
        let life = self.challenge_life(views);
        let Some(sealed) = &mut self.guard.sealed else {
            return 0;
        };
        let target = match core::mem::replace(&mut sealed.wanted, Wanted::Nobody) {
            _ if self.membership.presence.is_joining() => Some(None),
            Wanted::Everybody => Some(None),
            Wanted::One(id) => Some(Some(id)),
            Wanted::Nobody => None,
        };
        let mut len = 0;
        if let Some(target) = target {
            let challenge = Challenge {
                number: sealed.ask(self.now.unwrap_or_default(), life),
                target,
            };
            len = challenge.write(into);
        }
        let mut room = room.saturating_sub(WITH_HELLO);
        for _ in 0..ECHO_OPTIONS {
            let most = ECHOES_PER_OPTION * Hello::CHALLENGE_LEN;
            let most = most.min(room.saturating_sub(Hello::OPTION_HEADER_LEN));
            let start = len.saturating_add(Hello::OPTION_HEADER_LEN);
            let place = into.get_mut(start..start.saturating_add(most));
            let taken = views.echoes.take(place.unwrap_or_default());
            if taken == 0 {
                break;
            }
            if let Some([kind, length]) = into.get_mut(len..start) {
                // An option has 255 octets at most.
                (*kind, *length) = (Hello::ECHOES, taken as u8);
            }
            len = start.saturating_add(taken);
            room = room.saturating_sub(Hello::OPTION_HEADER_LEN.saturating_add(taken));
        }
        len
    }
}
