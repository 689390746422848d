//! What one entry counts for on the roster.

use super::super::entry::{Entry, Limits};

/// What one entry counts for in the roster's sums. It is compared for each datagram.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) struct Part {
    /// In which sums it counts.
    sums: u8,
    /// Whoever is no member limits nobody.
    pub(super) limits: Limits,
}

impl Part {
    pub(super) const PENDING: u8 = 1;
    pub(super) const OWED: u8 = 2;
    pub(super) const MEMBER: u8 = 4;
    pub(super) const TAKER: u8 = 8;

    #[inline(never)]
    pub(super) fn of(entry: &Entry) -> Self {
        let mut sums = 0;
        if entry.pending.is_some() {
            sums |= Self::PENDING;
        }
        if entry.owed.is_some() {
            sums |= Self::OWED;
        }
        let mut limits = Limits::NONE;
        if entry.is_member() {
            sums |= Self::MEMBER;
            limits = entry.limits();
        }
        if entry.is_taker() {
            sums |= Self::TAKER;
        }
        Self { sums, limits }
    }

    pub(super) const fn counts(self, sum: u8) -> bool {
        self.sums & sum != 0
    }

    pub(super) const fn stream_limits(self) -> Limits {
        if self.counts(Self::TAKER) {
            self.limits
        } else {
            Limits::NONE
        }
    }
}
