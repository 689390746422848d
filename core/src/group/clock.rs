//! Moments in units of which few bits suffice.

use crate::time::Instant;

/// A moment in milliseconds, modulo 2^32.
pub(crate) const fn millis(now: Instant) -> u32 {
    (now.as_micros() / 1_000) as u32
}

/// A moment in seconds, modulo 2^32.
#[cfg_attr(target_os = "none", inline(never))]
pub(crate) const fn seconds(now: Instant) -> u32 {
    (now.as_micros() / 1_000_000) as u32
}
