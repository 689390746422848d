//! What silence means: who is suspected, given up and forgotten (PROTOCOL §3.3).

use super::{Change, Owed, Peer};
use crate::member::Standing;

use crate::time::{Span, Tick};

/// How long a member that left or was given up is remembered, if nobody needs its place: what is late of
/// it is recognised, and should one that was given up come back, its stream goes on where it was. Without
/// that, messages would be delivered twice. It is more than 24 hours, in [steps](crate::time::Ageing), the first of which may
/// be over at once.
const REMEMBER: u8 = 82;

/// When to ask a sender for its HELLO that was heard without one.
const ASK_AFTER: Span = Span::from_millis(50);

impl Peer {
    /// Time has passed that the clock does not know of: whoever is there is not silent for it, and in a
    /// sealed group has to prove that it is there.
    pub(crate) fn woke(&mut self, now: Tick) {
        self.excuse(now, Span::MAX);
        #[cfg(feature = "seal")]
        {
            self.aged_at = Tick::LONG_AGO;
        }
    }

    /// Whether it has been silent for so long that it would be suspected.
    pub(super) fn is_silent(&self, now: Tick) -> bool {
        now >= self.silent_for(10)
    }

    /// When it will have been silent for this many quarters of its HELLO interval.
    #[inline(never)]
    fn silent_for(&self, quarters: u32) -> Tick {
        let quarter = Span::from_micros(u32::from(self.interval).saturating_mul(2_500));
        self.heard + quarter.saturating_mul(quarters)
    }

    /// It lives.
    pub(super) fn alive(&mut self, now: Tick) {
        if self.member.standing == Standing::Unknown {
            // It is asked for its HELLO twice, however often it is heard meanwhile.
            if self.probes >= 2 {
                self.heard = now;
            }
            return;
        }
        self.heard = now;
        self.probes = 0;
        match self.member.standing {
            Standing::Suspect => {
                self.member.standing = Standing::Present;
                if self.pending == Some(Change::Suspect) {
                    self.pending = None;
                } else if self.pending.is_none() {
                    self.pending = Some(Change::Recovered);
                }
            }
            // A loss that was not told is none.
            Standing::Lost if self.pending == Some(Change::Lost) => {
                self.member.standing = Standing::Present;
                self.pending = Some(Change::Recovered);
            }
            Standing::Lost => self.member.standing = Standing::Unknown,
            _ => {}
        }
    }

    /// When something is to be done about it unless it is heard before.
    pub(crate) fn deadline(&self) -> Option<Tick> {
        Some(self.silent_for(match (self.member.standing, self.probes) {
            (Standing::Unknown, 0) => return Some(self.heard + ASK_AFTER),
            (Standing::Unknown, 1) => 2,
            // 2.5, 3 and 3.5 intervals (PROTOCOL M8).
            (Standing::Present, _) => 10,
            (Standing::Suspect, ..=1) => 12,
            (Standing::Unknown | Standing::Suspect, _) => 14,
            (Standing::Left | Standing::Lost, _) => return None,
        }))
    }

    /// Nobody could be heard for this long: whoever is there is not silent for it.
    pub(crate) fn excuse(&mut self, now: Tick, time: Span) {
        if !matches!(self.member.standing, Standing::Left | Standing::Lost) {
            self.heard = now.min(self.heard + time);
        }
    }

    /// Does what its deadline was set for.
    pub(crate) fn expire(&mut self) {
        match self.member.standing {
            Standing::Present => {
                self.member.standing = Standing::Suspect;
                self.pending = Some(Change::Suspect);
                self.ask();
            }
            Standing::Unknown | Standing::Suspect if self.probes < 2 => self.ask(),
            Standing::Suspect => {
                self.pending = Some(Change::Lost);
                self.owed = None;
                self.lose();
            }
            // It may have sent messages, even if it never said who it is.
            Standing::Unknown => {
                self.pending = Some(Change::Ended);
                self.lose();
            }
            Standing::Left | Standing::Lost => {}
        }
    }

    const fn lose(&mut self) {
        self.member.standing = Standing::Lost;
        self.gone = 0;
    }

    fn ask(&mut self) {
        self.probes = self.probes.saturating_add(1);
        self.owed = Some(Owed::Probe);
    }

    /// Whether it has been gone for so long that nothing of it can be late.
    pub(crate) const fn is_forgotten(&self) -> bool {
        matches!(self.member.standing, Standing::Left | Standing::Lost) && self.gone >= REMEMBER
    }
}
