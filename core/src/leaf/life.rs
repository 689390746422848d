//! What the clock does to a leaf, and its lives and sessions.

use super::Leaf;
use crate::ident::MemberId;
use crate::time::{Ageing, Instant, Tick};

impl<const DATAGRAM: usize, const SENDERS: usize, const ROOM: usize> Leaf<DATAGRAM, SENDERS, ROOM> {
    /// Takes note of the caller's time.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(super) fn tick(&mut self, now: Instant) -> Tick {
        let begins = self.clock.now().is_none();
        let (now, ageing) = self.clock.advance(now);
        if begins {
            self.membership.begin(now, &mut self.tools.random);
        }
        if let Some(ageing) = ageing {
            self.age(ageing);
        }
        if cfg!(feature = "seal") && self.membership.leaves_later && !self.is_held(now) {
            self.membership.leaves_later = false;
            self.membership.presence.leave(now, true);
        }
        now
    }

    /// Time makes everything older that is kept.
    #[cold]
    fn age(&mut self, ageing: Ageing) {
        let Self {
            tools: _,
            membership,
            guard,
            clock: _,
            own_address: _,
            from: _,
            source: _,
            place: _,
            heard_hello: _,
            told_dropped: _,
            group_size: _,
            hellos: _,
            channels: _,
            refused: _,
            owes: _,
            answered_id: _,
            answered,
            repaired,
            heartbeat,
            sequence: _,
            bucket,
            places,
            #[cfg(feature = "seal")]
                echoes: _,
            outbox: _,
            inbox: _,
        } = self;
        membership.age(ageing);
        guard.age(ageing);
        ageing.tick(answered);
        ageing.tick(repaired);
        heartbeat.age(ageing);
        bucket.age(ageing);
        places.age(ageing);
    }

    /// A new life, under this id: the numbers of values begin with 0, and all are sent in it. Those of the other
    /// messages go on, as some may wait.
    pub(super) fn begin_life(&mut self, now: Tick, id: MemberId) {
        let session = self.guard.draw_session(&mut self.tools.random);
        self.outbox.begin_life();
        let random = &mut self.tools.random;
        self.membership.begin_session(now, id, session, random);
    }

    /// Another session of this life.
    #[cfg(feature = "seal")]
    pub(super) fn go_on(&mut self, now: Tick) {
        let (id, session) = (self.membership.id, self.membership.session);
        let random = &mut self.tools.random;
        self.membership
            .begin_session(now, id, session.following(), random);
    }
}
