//! Which datagrams of a session have been seen.

/// A sliding window over the datagram counters of one session (PROTOCOL W19).
///
/// ```text
///            highest
///               v
///  … 1 1 0 1 1 1      bit n: has highest − n been seen?
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Window {
    highest: u64,
    /// In two halves, the low one first: 128 bits at once would want more room for alignment.
    seen: [u64; 2],
}

/// What a window says of a datagram.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    /// It has not been seen.
    New,
    /// It has been seen.
    Duplicate,
    /// It is older than the window reaches.
    TooOld,
}

impl Window {
    /// A window that has seen nothing but `first`.
    pub(crate) const fn starting_with(first: u64) -> Self {
        Self {
            highest: first,
            seen: [1, 0],
        }
    }

    /// The highest counter seen.
    pub(crate) const fn highest(&self) -> u64 {
        self.highest
    }

    fn seen(&self) -> u128 {
        let [low, high] = self.seen;
        u128::from(low) | (u128::from(high) << 64)
    }

    fn set_seen(&mut self, seen: u128) {
        // The two halves of 128 bits.
        self.seen = [seen as u64, (seen >> 64) as u64];
    }

    /// The bit of `counter`, if it is not above the highest and not too old.
    #[cfg_attr(target_os = "none", inline(never))]
    fn bit(&self, counter: u64) -> Option<u128> {
        let behind = u32::try_from(self.highest.saturating_sub(counter)).unwrap_or(u32::MAX);
        1u128.checked_shl(behind)
    }

    /// Looks at `counter`. It is not remembered: in a sealed group it may be a forger's.
    pub(crate) fn judge(&self, counter: u64) -> Verdict {
        if counter > self.highest {
            return Verdict::New;
        }
        match self.bit(counter) {
            None => Verdict::TooOld,
            Some(bit) if self.seen() & bit != 0 => Verdict::Duplicate,
            Some(_) => Verdict::New,
        }
    }

    /// Looks at `counter` and remembers it.
    pub(crate) fn accept(&mut self, counter: u64) -> Verdict {
        let verdict = self.judge(counter);
        if verdict == Verdict::New {
            let ahead = counter.saturating_sub(self.highest);
            self.highest = self.highest.max(counter);
            let shift = u32::try_from(ahead).unwrap_or(u32::MAX);
            let moved = self.seen().checked_shl(shift).unwrap_or(0);
            self.set_seen(moved | self.bit(counter).unwrap_or(0));
        }
        verdict
    }

    /// Takes `floor` and everything below as seen: what has not come by now is too late.
    pub(crate) fn raise_floor(&mut self, floor: u64) {
        if floor > self.highest {
            self.highest = floor;
            self.set_seen(u128::MAX);
        } else if let Some(bit) = self.bit(floor) {
            // All bits from this one on stand for the floor and what is below.
            self.set_seen(self.seen() | bit.wrapping_neg());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    /// PROTOCOL W19.
    #[test]
    fn the_window_reaches_127_behind() {
        let mut window = Window::starting_with(200);
        assert_eq!(window.accept(200 - 127), Verdict::New);
        assert_eq!(window.accept(200 - 127), Verdict::Duplicate);
        assert_eq!(window.accept(200 - 128), Verdict::TooOld);
        assert_eq!(window.accept(200 + 127), Verdict::New);
        assert_eq!(window.accept(200), Verdict::Duplicate);
        assert_eq!(window.accept(199), Verdict::TooOld);
    }

    #[test]
    fn a_long_jump_forgets_everything() {
        let mut window = Window::starting_with(1);
        assert_eq!(window.accept((1 << 48) - 1), Verdict::New);
        assert_eq!(window.accept((1 << 48) - 2), Verdict::New);
        assert_eq!(window.accept(1), Verdict::TooOld);
    }

    #[test]
    fn what_is_judged_is_not_remembered() {
        let mut window = Window::starting_with(100);
        for counter in [101, 1 << 40, 99] {
            let before = window;
            assert_eq!(window.judge(counter), Verdict::New);
            assert_eq!(window, before);
        }
        assert_eq!(window.judge(100), Verdict::Duplicate);
        assert_eq!(window.accept(101), Verdict::New);
        assert_eq!(window.judge(101), Verdict::Duplicate);
    }

    #[test]
    fn nothing_at_or_below_the_floor_is_new() {
        for floor in [0, 1, 72, 73, 100, 199, 200, 201, 327, 328, 1 << 47] {
            let mut window = Window::starting_with(200);
            window.raise_floor(floor);
            for counter in 0..600 {
                let new = counter > floor && counter != 200 && counter > 72;
                assert_eq!(
                    window.judge(counter) == Verdict::New,
                    new,
                    "{counter} {floor}"
                );
            }
            assert_eq!(window.judge(floor.max(200) + 1), Verdict::New);
        }
    }

    proptest! {
        /// PROTOCOL W19.
        #[test]
        fn nothing_is_new_twice_and_nothing_recent_is_missed(
            start in 0u64..1000,
            steps in proptest::collection::vec(-200i64..200, 1..400),
        ) {
            let mut window = Window::starting_with(start);
            let mut seen = BTreeSet::from([start]);
            let mut highest = start;
            for step in steps {
                let counter = highest.saturating_add_signed(step);
                let expected = if seen.contains(&counter) && highest - counter.min(highest) < 128 {
                    Verdict::Duplicate
                } else if counter < highest && highest - counter >= 128 {
                    Verdict::TooOld
                } else {
                    Verdict::New
                };
                prop_assert_eq!(window.accept(counter), expected);
                if expected == Verdict::New {
                    seen.insert(counter);
                }
                highest = highest.max(counter);
            }
        }
    }
}
