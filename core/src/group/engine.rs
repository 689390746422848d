//! The group's state, and what the clock does to it.

use core::net::SocketAddr;

use super::fragments::Pool;
use super::membership::{Membership, Source};
use super::random::Random;
use super::receiving::Receiving;
use super::sealed::Guard;
use super::sending::{Own, Pace, Sending, UNIT};
use super::tools::{Earliest, Tools};
use crate::config::Config;
use crate::counters::Counters;
use crate::error::ConfigError;
use crate::ident::{MemberId, Name, Session};
use crate::rooms::Rooms;
use crate::seed::Seed;
use crate::storage::{View, Views};
use crate::time::{Ageing, Clock, Instant, Tick};
use crate::wire::Header;

/// Everything of a group but its memory. Its code is not generic.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) tools: Tools,
    pub(crate) membership: Membership,
    pub(crate) guard: Guard,
    /// What its memory allows.
    pub(crate) own: Own,
    pub(crate) own_address: Option<SocketAddr>,
    pub(crate) sending: Sending,
    pub(crate) clock: Clock,
    pub(crate) receiving: Receiving,
    pub(crate) source: Option<Source>,
    /// What the datagram at hand has held that counts once.
    pub(crate) heard_once: u8,
}

/// The largest message that can be received, in [units](UNIT): it must fit half a window, in the smallest fragments there
/// are, half the pool, and the buffer where it is put together. Own values have the other half of the pool.
pub(crate) const fn receivable(buffer: usize, window: usize, pool: usize) -> u16 {
    let fragments = (window / 2).saturating_mul(super::SMALLEST_FRAGMENT);
    let stored = pool / 2;
    let mut octets = buffer;
    if fragments < octets {
        octets = fragments;
    }
    if stored < octets {
        octets = stored;
    }
    let units = octets / UNIT;
    if units < u16::MAX as usize {
        units as u16
    } else {
        u16::MAX
    }
}

/// What the memory allows.
fn own(rooms: Rooms, views: &Views<'_>) -> Own {
    let streams = views.streams.len();
    let window = views.slots.len().checked_div(streams).unwrap_or_default();
    let values = views.pool.share_of_values(rooms.receive_streams());
    Own {
        receivable: receivable(views.inbox.octets.len(), window, views.pool.capacity()),
        value: u16::try_from(Pool::longest_in(values)).unwrap_or(u16::MAX),
    }
}

impl Engine {
    #[inline(never)]
    pub(crate) fn new(
        rooms: Rooms,
        views: &Views<'_>,
        config: Config,
        seed: &Seed,
    ) -> Result<Self, ConfigError> {
        config.check(rooms, views.inbox.octets.len(), views.history.capacity())?;
        let guard = Guard::for_open(&config, seed)?;
        Ok(Self::with_guard(rooms, views, config, guard, seed))
    }

    /// A member of a sealed group.
    #[cfg(feature = "seal")]
    pub(crate) fn sealed(
        rooms: Rooms,
        views: &Views<'_>,
        config: Config,
        seal: &crate::seal::Seal<'_>,
    ) -> Result<Self, ConfigError> {
        config.check(rooms, views.inbox.octets.len(), views.history.capacity())?;
        let (guard, seed) = Guard::for_sealed(&config, seal)?;
        Ok(Self::with_guard(rooms, views, config, guard, &seed))
    }

    #[inline(never)]
    fn with_guard(
        rooms: Rooms,
        views: &Views<'_>,
        config: Config,
        guard: Guard,
        seed: &Seed,
    ) -> Self {
        let (mut guard, mut random) = (guard, Random::new(seed));
        let session = guard.draw_session(&mut random);
        let trailer = guard.suite().trailer_len();
        Self {
            membership: Membership::new(
                config.name.unwrap_or_default(),
                config.id.unwrap_or_else(|| random.member_id()),
                session,
                config.announce,
            ),
            guard,
            own: own(rooms, views),
            own_address: None,
            sending: Sending::new(
                config.pace,
                config.max_datagram(views.inbox.octets.len()),
                Header::LEN.saturating_add(trailer),
            ),
            clock: Clock::new(),
            receiving: Receiving::new(),
            source: None,
            heard_once: 0,
            tools: Tools {
                config,
                counters: Counters::new(),
                random,
            },
        }
    }

    /// Takes note of the caller's time. It never runs backwards.
    ///
    /// Returns the engine's own time, which everything inside goes by: it begins with the same moment in every
    /// life, so that it makes no difference where the caller's clock stands, at its first or its last value, say.
    pub(crate) fn tick(&mut self, rooms: Rooms, views: &mut Views<'_>, now: Instant) -> Tick {
        let begins = self.clock.now().is_none();
        let (now, ageing) = self.clock.advance(now);
        if begins {
            self.membership.begin(now, &mut self.tools.random);
            self.receiving.begin(now);
        }
        if let Some(ageing) = ageing {
            self.age(rooms, views, ageing);
        }
        if self.membership.leaves_later && !self.is_held(views.view(), now) {
            self.membership.leaves_later = false;
            self.membership.presence.leave(now, true);
        }
        self.receive_streams(rooms, views, now, false);
        now
    }

    /// Time makes everything older that is kept.
    #[cold]
    #[inline(never)]
    fn age(&mut self, rooms: Rooms, views: &mut Views<'_>, ageing: Ageing) {
        let Self {
            tools: _,
            membership,
            guard,
            own: _,
            own_address: _,
            sending,
            clock: _,
            receiving,
            source: _,
            heard_once: _,
        } = self;
        membership.age(ageing);
        guard.age(ageing);
        sending.age(ageing);
        receiving.age(ageing);
        views.age(rooms, ageing);
    }

    /// [`tick`](Self::tick), and what silence brings: whoever has not been heard is suspected or given up, and
    /// what has been waited for too long, too. It is for when everything that arrived has been read.
    #[inline(never)]
    pub(crate) fn expire(&mut self, rooms: Rooms, views: &mut Views<'_>, now: Instant) {
        let now = self.tick(rooms, views, now);
        views.roster.expire(now);
        self.receive_streams(rooms, views, now, true);
    }

    fn receive_streams(&mut self, rooms: Rooms, views: &mut Views<'_>, now: Tick, all_read: bool) {
        if rooms.receive_streams() && self.receiving.is_due(views.streams, now, all_read) {
            let mut parts = views.parts(&mut self.tools, &self.membership.trip);
            self.receiving
                .tick(&mut parts, now, all_read, !self.membership.silenced);
        }
    }

    /// The clock stood still, or was slower than time, until now.
    pub(crate) fn woke(&mut self, rooms: Rooms, views: &mut Views<'_>, now: Instant) {
        let now = self.tick(rooms, views, now);
        views.roster.woke(now);
        // What was sent back before is no proof any more.
        #[cfg(feature = "seal")]
        if let Some(sealed) = &mut self.guard.sealed {
            sealed.draw_challenge();
        }
        self.membership.presence.assert(now);
    }

    /// A new life, under this id: what was sent before does not count for it. What was queued keeps its
    /// numbers.
    pub(crate) fn begin_life(
        &mut self,
        rooms: Rooms,
        views: &mut Views<'_>,
        now: Tick,
        id: MemberId,
    ) {
        let session = self.guard.draw_session(&mut self.tools.random);
        self.sending.begin_life(views.history);
        if rooms.repair() {
            let sent = self.sending.sent_next(views.history);
            views.roster.count_in_from(sent);
            views.roster.forget_answers();
        }
        self.begin_session(rooms, views, now, id, session);
    }

    /// Another session of this life: the stream goes on, and what was sent before can be repaired from it.
    fn go_on(&mut self, rooms: Rooms, views: &mut Views<'_>, now: Tick) {
        self.begin_session(
            rooms,
            views,
            now,
            self.membership.id,
            self.membership.session.following(),
        );
    }

    fn begin_session(
        &mut self,
        rooms: Rooms,
        views: &mut Views<'_>,
        now: Tick,
        id: MemberId,
        session: Session,
    ) {
        let random = &mut self.tools.random;
        self.membership.begin_session(now, id, session, random);
        // Who is how far is said of one session.
        if rooms.follow_receivers() {
            views.roster.wait_for_nobody();
            self.sending.begin_session(views.history);
        }
    }

    /// Takes another pace.
    pub(crate) fn set_pace(
        &mut self,
        rooms: Rooms,
        views: &Views<'_>,
        pace: Pace,
    ) -> Result<(), ConfigError> {
        if pace.is_unlimited() && !rooms.follow_receivers() {
            return Err(ConfigError::NeedsPace);
        }
        self.tools.config.pace = pace;
        self.sending.set_pace(rooms, views.history, pace);
        Ok(())
    }

    /// Takes another name, which the next HELLO tells: that comes as soon as the rate allows.
    pub(crate) fn set_name(&mut self, name: &str) -> Result<(), ConfigError> {
        self.membership.name = Name::new(name).ok_or(ConfigError::NameTooLong)?;
        self.tools.config.name = Some(self.membership.name);
        if let Some(now) = self.clock.now() {
            self.membership.presence.assert(now);
        }
        Ok(())
    }

    /// Takes other keys.
    #[cfg(feature = "seal")]
    pub(crate) fn set_keys(
        &mut self,
        rooms: Rooms,
        views: &mut Views<'_>,
        now: Instant,
        keys: &crate::seal::KeySet,
    ) -> Result<(), ConfigError> {
        let changed = self.guard.set_keys(&self.tools.config, keys)?;
        if changed && self.clock.now().is_some() {
            let now = self.tick(rooms, views, now);
            self.go_on(rooms, views, now);
        }
        Ok(())
    }

    /// Begins a new session when the datagram counter has reached its end.
    pub(crate) fn renew_session(&mut self, rooms: Rooms, views: &mut Views<'_>, now: Tick) {
        if self.membership.counter >= Header::MAX_COUNTER {
            self.go_on(rooms, views, now);
        }
    }

    /// When there is something to do, in the caller's time.
    pub(crate) fn next_call(&self, rooms: Rooms, view: View<'_>) -> Option<Instant> {
        let Some(now) = self.clock.now() else {
            return Some(Instant::ZERO);
        };
        let due = self.next_deadline(rooms, view, now)?;
        Some(self.clock.told(due))
    }

    /// When there is something to do.
    #[inline(never)]
    pub(crate) fn next_deadline(&self, rooms: Rooms, view: View<'_>, now: Tick) -> Option<Tick> {
        // What is owed or waits to be sent by a member that fell silent waits for ever.
        let speaks = !self.membership.silenced;
        let owes = view.roster.has_owed() || self.sending.has_owed();
        if self.membership.gives_way || self.has_events(rooms, view) || (speaks && owes) {
            return Some(now);
        }
        // The BYE waits for what is to be sent before it.
        let waits = self.membership.presence.is_leaving() && !view.history.is_sent();
        let mut first = Earliest(None);
        if !waits {
            first.at(self.membership.presence.next());
        }
        if self.membership.leaves_later {
            first.at(self.holds_until(view, now));
        }
        first.at(view.roster.next_check());
        if rooms.receive_streams() {
            first.at(view.streams.next_check);
        }
        if speaks {
            self.receiving.deadline(&mut first);
            // HELLO comes before the first message, and does not wait for its turn.
            let held = self.holds_until(view, now);
            let held = held.filter(|_| self.membership.presence.has_said_hello());
            let View {
                roster,
                history,
                states,
                ..
            } = view;
            self.sending
                .deadline(rooms, (now, held), roster, history, states, &mut first);
        }
        first.0
    }

    /// Whether messages wait for first contact.
    pub(crate) fn is_held(&self, view: View<'_>, now: Tick) -> bool {
        !view.history.is_sent() && self.holds_until(view, now).is_some()
    }

    #[cfg(feature = "seal")]
    pub(crate) fn holds_until(&self, view: View<'_>, now: Tick) -> Option<Tick> {
        self.guard
            .holds_until(&self.membership, view.roster, view.echoes, now)
    }

    #[cfg(not(feature = "seal"))]
    #[expect(clippy::unused_self, reason = "only sealed groups wait")]
    pub(crate) const fn holds_until(&self, _: View<'_>, _: Tick) -> Option<Tick> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Group;
    use crate::storage::Board;
    use crate::wire::{self, Frame};

    /// PROTOCOL W1, W2, M1.
    #[test]
    fn after_the_last_number_comes_the_next_session_of_the_life() {
        let config = Config::new("239.1.2.3:12345".parse().unwrap());
        let mut memory = Board::new();
        let mut ana = Group::new(&mut memory, config, [1; 32]).unwrap();
        let (mut buffer, now) = ([0; 1472], Instant::from_millis(200));
        let mut say = |ana: &mut Group<&mut Board>, now| {
            let channel = crate::Channel::reliable_ordered(1);
            ana.queue(now, channel, b"x").unwrap();
            let transmit = ana.poll_transmit(now, &mut buffer).unwrap().unwrap();
            let (header, mut frames) = wire::parse(&buffer[..transmit.len]).unwrap();
            let says_hello = matches!(frames.next(), Some(Ok(Frame::Hello(_))));
            (header.session, header.counter, says_hello)
        };
        let first = ana.session();
        assert_eq!(say(&mut ana, now), (first, 1, true));
        ana.engine.membership.counter = Header::MAX_COUNTER - 1;
        assert_eq!(say(&mut ana, now), (first, Header::MAX_COUNTER, false));
        let (next, counter, says_hello) = say(&mut ana, now);
        assert_eq!((counter, says_hello), (1, true));
        assert_eq!(next.get(), first.get().wrapping_add(1 << 32));
    }
}
