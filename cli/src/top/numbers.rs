//! The sequence numbers of a member's reliable stream: which have come here.

use std::collections::BTreeSet;

/// Numbers that are remembered as missing.
const REMEMBERED: usize = 4096;

/// Which numbers of a stream have come.
#[derive(Clone, Debug, Default)]
pub(crate) struct Numbers {
    /// The number after the highest that is known; `None` before anything is.
    next: Option<u32>,
    missing: BTreeSet<u32>,
    /// Those that did not come, and can no longer be repaired.
    gaps: u64,
}

impl Numbers {
    /// A fragment of this number has come. Whether it is the first time.
    pub(crate) fn came(&mut self, number: u32) -> bool {
        let after = number.wrapping_add(1);
        match self.next {
            Some(next) if !is_before(number, next) => {
                self.sent_up_to(number);
                self.next = Some(after);
                true
            }
            Some(_) => self.missing.remove(&number),
            None => {
                self.next = Some(after);
                true
            }
        }
    }

    /// Everything before `next` was sent.
    pub(crate) fn sent_up_to(&mut self, next: u32) {
        let known = self.next.unwrap_or(next);
        if is_before(next, known) {
            return;
        }
        self.next = Some(next);
        // Of a long absence only the last part can still come.
        let count = next.wrapping_sub(known);
        let room = REMEMBERED.saturating_sub(self.missing.len());
        let room = u32::try_from(room).unwrap_or(u32::MAX).min(count);
        self.gaps += u64::from(count - room);
        for back in 1..=room {
            self.missing.insert(next.wrapping_sub(back));
        }
    }

    /// Numbers before `low` can no longer be repaired.
    pub(crate) fn kept_from(&mut self, low: u32) {
        let before = self.missing.len();
        self.missing.retain(|number| !is_before(*number, low));
        self.gaps += (before - self.missing.len()) as u64;
    }

    /// Nobody needs these any more.
    pub(crate) fn skipped(&mut self, first: u32, count: u16) {
        for n in 0..u32::from(count) {
            let number = first.wrapping_add(n);
            if self.next.is_some_and(|next| is_before(number, next)) {
                self.missing.remove(&number);
            } else {
                self.came(number);
            }
        }
    }

    /// Those that have not come, and may still be repaired.
    pub(crate) fn missing(&self) -> usize {
        self.missing.len()
    }

    pub(crate) const fn gaps(&self) -> u64 {
        self.gaps
    }
}

/// Whether a number is before another, in a sequence that wraps.
const fn is_before(one: u32, other: u32) -> bool {
    (one.wrapping_sub(other) as i32) < 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_come_is_missing_then_repaired_or_a_gap() {
        let mut numbers = Numbers::default();
        for number in [u32::MAX - 1, u32::MAX, 3] {
            assert!(numbers.came(number));
        }
        assert!(!numbers.came(u32::MAX), "again");
        assert_eq!((numbers.missing(), numbers.gaps()), (3, 0));
        assert!(numbers.came(1), "repaired");
        assert!(!numbers.came(1));
        numbers.sent_up_to(6);
        assert_eq!(numbers.missing(), 4);
        numbers.skipped(4, 4);
        assert_eq!(numbers.missing(), 2, "0 and 2");
        numbers.kept_from(2);
        assert_eq!((numbers.missing(), numbers.gaps()), (1, 1));
        assert!(!numbers.came(7), "it was skipped");
    }

    #[test]
    fn a_long_absence_is_not_remembered_number_by_number() {
        let mut numbers = Numbers::default();
        numbers.came(0);
        numbers.came(1_000_000);
        assert_eq!(numbers.missing(), REMEMBERED);
        assert_eq!(numbers.gaps(), 999_999 - REMEMBERED as u64);
    }
}
