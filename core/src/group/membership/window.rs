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
    /// In words, the lowest first: a board computes with 32 bits.
    seen: [u32; WORDS],
}

/// How many numbers are remembered, in words and in bits.
const WORDS: usize = 4;
const BITS: u32 = u32::BITS * WORDS as u32;

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
            seen: [1, 0, 0, 0],
        }
    }

    /// A window that takes everything up to `first` for seen.
    pub(crate) const fn closed_at(first: u64) -> Self {
        Self {
            highest: first,
            seen: [u32::MAX; WORDS],
        }
    }

    /// The highest counter seen.
    pub(crate) const fn highest(&self) -> u64 {
        self.highest
    }

    /// How far `counter` is behind the highest; [`BITS`] stands for all that is too old.
    fn behind(&self, counter: u64) -> u32 {
        let behind = self.highest.saturating_sub(counter);
        u32::try_from(behind).unwrap_or(BITS).min(BITS)
    }

    /// The word with the bit of what is so far behind, and that bit.
    fn bit(&mut self, behind: u32) -> Option<(&mut u32, u32)> {
        let word = self.seen.get_mut((behind >> 5) as usize)?;
        Some((word, 1 << (behind & 31)))
    }

    /// Looks at `counter`. It is not remembered: in a sealed group it may be a forger's.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn judge(&self, counter: u64) -> Verdict {
        if counter > self.highest {
            return Verdict::New;
        }
        let behind = self.behind(counter);
        match self.seen.get((behind >> 5) as usize) {
            None => Verdict::TooOld,
            Some(word) if word & (1 << (behind & 31)) != 0 => Verdict::Duplicate,
            Some(_) => Verdict::New,
        }
    }

    /// Looks at `counter` and remembers it.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn accept(&mut self, counter: u64) -> Verdict {
        let verdict = self.judge(counter);
        if verdict == Verdict::New {
            let ahead = counter.saturating_sub(self.highest);
            self.highest = self.highest.max(counter);
            // Seldom more than one.
            for _ in 0..u32::try_from(ahead).unwrap_or(BITS).min(BITS) {
                let mut carry = 0;
                for word in &mut self.seen {
                    let moved = (*word << 1) | carry;
                    carry = *word >> (u32::BITS - 1);
                    *word = moved;
                }
            }
            let behind = self.behind(counter);
            if let Some((word, bit)) = self.bit(behind) {
                *word |= bit;
            }
        }
        verdict
    }

    /// Takes `floor` and everything below as seen: what has not come by now is too late.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn raise_floor(&mut self, floor: u64) {
        if floor > self.highest {
            *self = Self::closed_at(floor);
            return;
        }
        // All bits from this one on stand for the floor and what is below.
        for behind in self.behind(floor)..BITS {
            if let Some((word, bit)) = self.bit(behind) {
                *word |= bit;
            }
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
