//! The time of day, and when time is up.

use core::time::Duration;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Milliseconds since 1970 by this machine's clock.
pub(crate) fn millis() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}

/// When `timeout` ends; `None` for never, or too far away to say.
pub(crate) fn end_of(timeout: Option<Duration>) -> Option<Instant> {
    timeout.and_then(|timeout| Instant::now().checked_add(timeout))
}

/// A moment: by the clock that waits are counted by, and in milliseconds since 1970.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) at: Instant,
    pub(crate) millis: u64,
}

impl Moment {
    pub(crate) fn now() -> Self {
        Self {
            at: Instant::now(),
            millis: millis(),
        }
    }
}

/// Where one is, as far as the time of day is concerned.
#[derive(Clone, Debug)]
pub(crate) struct Zone(TimeZone);

impl Zone {
    /// That of this machine.
    pub(crate) fn here() -> Self {
        Self(TimeZone::system())
    }

    #[cfg(test)]
    pub(crate) const fn utc() -> Self {
        Self(TimeZone::UTC)
    }

    /// Hours and minutes.
    pub(crate) fn of_day(&self, millis: u64) -> String {
        self.shown(millis, "%H:%M", "--:--")
    }

    /// Day and time.
    pub(crate) fn whole(&self, millis: u64) -> String {
        self.shown(millis, "%Y-%m-%d %H:%M:%S", "---------- --:--:--")
    }

    /// A time that others state may be one that no calendar has.
    fn shown(&self, millis: u64, format: &str, none: &str) -> String {
        let millis = i64::try_from(millis).unwrap_or(i64::MAX);
        let time = Timestamp::from_millisecond(millis);
        time.map_or_else(
            |_| none.to_owned(),
            |time| self.0.to_datetime(time).strftime(format).to_string(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_time_can_be_shown() {
        let zone = Zone::utc();
        assert_eq!(zone.of_day(1_764_316_800_123), "08:00");
        assert_eq!(zone.whole(1_764_316_800_123), "2025-11-28 08:00:00");
        assert_eq!(zone.of_day(u64::MAX), "--:--");
        assert_eq!(Zone::here().of_day(0).len(), 5);
        assert!(millis() > 1_764_316_800_000);
    }
}
