//! Many who go at once: the first are told of, the others together.

use core::time::Duration;
use std::time::Instant;

use super::people::FEW;

/// Who goes so soon after another goes with it.
const TOGETHER: Duration = Duration::from_secs(2);

/// Those that are held back are told of after so much silence, and after so long at the latest.
const SILENCE: Duration = Duration::from_secs(1);
const MOST: Duration = Duration::from_secs(4);

/// Those who went.
#[derive(Debug, Default)]
pub(crate) struct Parting {
    /// How many went, one soon after the other.
    count: usize,
    last: Option<Instant>,
    /// What those are called of whom it is not told yet, and since when there are any.
    held: Vec<String>,
    since: Option<Instant>,
}

impl Parting {
    /// Somebody went. Returns whether that is told at once.
    pub(crate) fn goes(&mut self, label: &str, now: Instant) -> bool {
        let is_soon = |last| now.saturating_duration_since(last) < TOGETHER;
        self.count = if self.last.is_some_and(is_soon) {
            self.count + 1
        } else {
            1
        };
        self.last = Some(now);
        if self.count <= FEW && self.held.is_empty() {
            return true;
        }
        self.held.push(label.to_owned());
        self.since.get_or_insert(now);
        false
    }

    /// Those of whom it is to be told now, in one line.
    pub(crate) fn due(&mut self, now: Instant) -> Vec<String> {
        let is_past = |then: Option<Instant>, time| {
            then.is_some_and(|then| now.saturating_duration_since(then) >= time)
        };
        if !is_past(self.last, SILENCE) && !is_past(self.since, MOST) {
            return Vec::new();
        }
        self.since = None;
        core::mem::take(&mut self.held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_that_goes_home_is_told_of_together() {
        let begin = Instant::now();
        let at = |millis| begin + Duration::from_millis(millis);
        let mut parting = Parting::default();
        let told: Vec<_> = (0..26)
            .filter(|n| parting.goes(&format!("kid{n}"), at(n * 20)))
            .collect();
        assert_eq!(told, [0, 1, 2]);
        assert!(parting.due(at(1_000)).is_empty(), "somebody may follow");
        assert_eq!(parting.due(at(1_600)).len(), 23);
        assert!(parting.due(at(1_700)).is_empty());
        // One by one.
        for n in 1..10 {
            assert!(parting.goes("ana", at(10_000 * n)));
        }
        // Without end.
        let mut told = 0;
        for n in 0..1_000 {
            parting.goes("ana", at(200_000 + n * 500));
            told += usize::from(!parting.due(at(200_000 + n * 500)).is_empty());
        }
        assert!((100..130).contains(&told), "{told}");
    }
}
