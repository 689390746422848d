//! What silence means: who is suspected, given up and forgotten (PROTOCOL §3.3).

use super::{Change, Entry, Owed};
use crate::peer::PeerStatus;

use crate::time::{Span, Tick};

/// How long a member that left or was given up is remembered, if nobody needs its place: what is late of
/// it is recognised, and should one that was given up come back, its stream goes on where it was. Without
/// that, messages would be delivered twice. It is more than 24 hours, in [steps](crate::time::Ageing), the first of which may
/// be over at once.
const REMEMBER: u8 = 82;

/// When to ask a sender for its HELLO that was heard without one.
const ASK_AFTER: Span = Span::from_millis(50);

impl Entry {
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
        if self.peer.status == PeerStatus::Unknown {
            // It is asked for its HELLO twice, however often it is heard meanwhile.
            if self.probes >= 2 {
                self.heard = now;
            }
            return;
        }
        self.heard = now;
        self.probes = 0;
        match self.peer.status {
            PeerStatus::Suspect => {
                self.peer.status = PeerStatus::Present;
                if self.pending == Some(Change::Suspect) {
                    self.pending = None;
                } else if self.pending.is_none() {
                    self.pending = Some(Change::Recovered);
                }
            }
            // A loss that was not told is none.
            PeerStatus::Lost if self.pending == Some(Change::Lost) => {
                self.peer.status = PeerStatus::Present;
                self.pending = Some(Change::Recovered);
            }
            PeerStatus::Lost => self.peer.status = PeerStatus::Unknown,
            _ => {}
        }
    }

    /// When something is to be done about it unless it is heard before.
    pub(crate) fn deadline(&self) -> Option<Tick> {
        Some(self.silent_for(match (self.peer.status, self.probes) {
            (PeerStatus::Unknown, 0) => return Some(self.heard + ASK_AFTER),
            (PeerStatus::Unknown, 1) => 2,
            // 2.5, 3 and 3.5 intervals (PROTOCOL M8).
            (PeerStatus::Present, _) => 10,
            (PeerStatus::Suspect, ..=1) => 12,
            (PeerStatus::Unknown | PeerStatus::Suspect, _) => 14,
            (PeerStatus::Left | PeerStatus::Lost, _) => return None,
        }))
    }

    /// Nobody could be heard for this long: whoever is there is not silent for it.
    pub(crate) fn excuse(&mut self, now: Tick, time: Span) {
        if !matches!(self.peer.status, PeerStatus::Left | PeerStatus::Lost) {
            self.heard = now.min(self.heard + time);
        }
    }

    /// Does what its deadline was set for.
    pub(crate) fn expire(&mut self) {
        match self.peer.status {
            PeerStatus::Present => {
                self.peer.status = PeerStatus::Suspect;
                self.pending = Some(Change::Suspect);
                self.ask();
            }
            PeerStatus::Unknown | PeerStatus::Suspect if self.probes < 2 => self.ask(),
            PeerStatus::Suspect => {
                self.pending = Some(Change::Lost);
                self.owed = None;
                self.lose();
            }
            // It may have sent messages, even if it never said who it is.
            PeerStatus::Unknown => {
                self.pending = Some(Change::Ended);
                self.lose();
            }
            PeerStatus::Left | PeerStatus::Lost => {}
        }
    }

    const fn lose(&mut self) {
        self.peer.status = PeerStatus::Lost;
        self.gone = 0;
    }

    fn ask(&mut self) {
        self.probes = self.probes.saturating_add(1);
        self.owed = Some(Owed::Probe);
    }

    /// Whether it has been gone for so long that nothing of it can be late.
    pub(crate) const fn is_forgotten(&self) -> bool {
        matches!(self.peer.status, PeerStatus::Left | PeerStatus::Lost) && self.gone >= REMEMBER
    }
}
