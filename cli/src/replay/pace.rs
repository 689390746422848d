//! When what was recorded is said again: as fast as it was, or faster.

use core::time::Duration;
use std::time::Instant;

use crate::process::signal;

/// How fast to replay.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Speed {
    /// So many times as fast as it was.
    Times(f64),
    /// As fast as it goes.
    Max,
}

impl core::str::FromStr for Speed {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "max" {
            return Ok(Self::Max);
        }
        text.parse()
            .ok()
            .filter(|times: &f64| times.is_finite() && *times > 0.0)
            .map(Self::Times)
            .ok_or("a speed is a number above 0, such as 2 or 0.5, or max")
    }
}

/// When to send what.
pub(super) struct Pace {
    speed: Speed,
    /// When the first datagram was recorded, and when it was sent.
    first: Option<(Duration, Instant)>,
}

impl Pace {
    pub(super) const fn new(speed: Speed) -> Self {
        Self { speed, first: None }
    }

    /// Waits until a datagram that was recorded at this time is due, or a signal comes.
    pub(super) fn wait_for(&mut self, recorded: Duration) {
        let Speed::Times(times) = self.speed else {
            return;
        };
        let (first, start) = *self.first.get_or_insert_with(|| (recorded, Instant::now()));
        let after = recorded.saturating_sub(first).as_secs_f64() / times;
        // What is too far away to say never comes.
        let after = Duration::try_from_secs_f64(after).unwrap_or(Duration::MAX);
        while !signal::end_requested() {
            let left = after.saturating_sub(start.elapsed());
            if left.is_zero() {
                return;
            }
            std::thread::sleep(left.min(signal::LOOK));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_speed_is_above_zero() {
        assert_eq!("2.5".parse(), Ok(Speed::Times(2.5)));
        assert_eq!("max".parse(), Ok(Speed::Max));
        for bad in ["", "0", "-1", "nan", "inf", "fast"] {
            assert!(bad.parse::<Speed>().is_err(), "{bad}");
        }
    }

    #[test]
    fn time_that_goes_back_is_not_waited_for() {
        let mut pace = Pace::new(Speed::Times(1e9));
        for second in [100, 50, 200, 0] {
            pace.wait_for(Duration::from_secs(second));
        }
    }
}
