//! What a member does whose id is somebody else's, too (PROTOCOL §3.6).

use core::net::SocketAddr;

use super::{LATE, Membership};
use crate::event::{DuplicateId, DuplicateIdOutcome};
use crate::group::random::Random;
use crate::ident::MemberId;
use crate::time::{Span, Tick};
use crate::wire::Header;

/// How often a duplicate of the own id is reported at most.
const REPORT_DUPLICATE: Span = Span::from_secs(60);

/// How long after a life began because of a clone the next one begins at the earliest: in an open group
/// anybody can pretend to be one.
const CLONE_PAUSE: Span = Span::from_secs(30);

impl Membership {
    /// Somebody has the same id and the same session, and has sent more with it: a copy of this device, or
    /// one whose random numbers are the same; in an open group also whoever says so (PROTOCOL M29). The
    /// others do not hear this member any more, or not for long. Whether it begins another life.
    pub(crate) fn parts(&mut self, now: Tick) -> bool {
        let lately = |at: Tick| now.span_since(at) < CLONE_PAUSE;
        let is_done = self.silenced || self.presence.is_leaving();
        if is_done || self.parted.is_some_and(lately) {
            return false;
        }
        self.parted = Some(now);
        true
    }

    /// What tells it from its clone, of which it heard this: a copy that notices in the same moment sees the same
    /// with the sides changed. Where their counters are equal, the ends of what they sent are not.
    pub(crate) fn difference(&self, header: &Header, ending: u32) -> u64 {
        u64::from(ending)
            ^ u64::from(self.ending).rotate_left(32)
            ^ header.counter
            ^ self.counter.rotate_left(24)
    }

    /// Another member uses this member's id (PROTOCOL M28), which is `fixed` or was drawn. What comes of it, if
    /// anything does: if it is another id, a life with it is to begin.
    pub(crate) fn contest(
        &mut self,
        now: Tick,
        header: &Header,
        gives_way: bool,
        fixed: bool,
        random: &mut Random,
    ) -> Option<DuplicateIdOutcome> {
        // What an earlier life of this member sent may still be on its way.
        let may_be_late = now.span_since(self.began) < LATE && !gives_way;
        if may_be_late || self.silenced || self.presence.is_leaving() {
            return None;
        }
        if self.session < header.session || gives_way {
            // The other one is to hear at once that the id is taken.
            self.presence.assert(now);
            return Some(DuplicateIdOutcome::Kept);
        }
        if !fixed {
            return Some(DuplicateIdOutcome::Redrawn(random.member_id()));
        }
        self.silenced = true;
        self.gives_way = self.presence.announces();
        self.presence.silence();
        Some(DuplicateIdOutcome::Silenced)
    }

    /// What came of it for this member, which had this `id`, is told.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn tell_duplicate(
        &mut self,
        now: Tick,
        id: MemberId,
        address: SocketAddr,
        outcome: DuplicateIdOutcome,
    ) {
        let reported = |at: Tick| now.span_since(at) < REPORT_DUPLICATE;
        if outcome == DuplicateIdOutcome::Kept && self.duplicate_reported.is_some_and(reported) {
            return;
        }
        if outcome != DuplicateIdOutcome::Cloned {
            self.duplicate_reported = Some(now);
        }
        self.duplicate_id = Some(DuplicateId {
            id,
            address,
            outcome,
        });
    }
}
