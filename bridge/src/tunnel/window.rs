//! Which datagrams of a session went through already.

const WORDS: usize = 16;

/// How far behind the newest a datagram may be: with two tunnels in a site, one of them may lag.
const WIDTH: u64 = (WORDS * 64) as u64;

/// The last [`WIDTH`] numbers of a session.
#[derive(Clone, Debug)]
pub(super) struct Window {
    highest: u64,
    /// Bit *n* of all: number *n* modulo the width.
    seen: [u64; WORDS],
}

impl Window {
    pub(super) const fn new() -> Self {
        Self {
            highest: 0,
            seen: [0; WORDS],
        }
    }

    /// Whether this number is new, and not too old to tell. From now on it is not.
    pub(super) fn is_new(&mut self, number: u64) -> bool {
        if number > self.highest {
            if number - self.highest >= WIDTH {
                self.seen = [0; WORDS];
            } else {
                for passed in self.highest + 1..number {
                    self.mark(passed, false);
                }
            }
            self.highest = number;
            self.mark(number, true);
            return true;
        }
        let is_new = self.highest - number < WIDTH && !self.is_marked(number);
        if is_new {
            self.mark(number, true);
        }
        is_new
    }

    const fn place(number: u64) -> (usize, u64) {
        // The remainder is below the width.
        let bit = number % WIDTH;
        ((bit / 64) as usize, 1 << (bit % 64))
    }

    const fn is_marked(&self, number: u64) -> bool {
        let (word, bit) = Self::place(number);
        self.seen[word] & bit != 0
    }

    const fn mark(&mut self, number: u64, seen: bool) {
        let (word, bit) = Self::place(number);
        if seen {
            self.seen[word] |= bit;
        } else {
            self.seen[word] &= !bit;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_far_behind_is_old() {
        let mut window = Window::new();
        assert!(window.is_new(5) && window.is_new(3) && !window.is_new(5) && !window.is_new(3));
        assert!(window.is_new(5 + WIDTH));
        assert!(!window.is_new(5), "too old to tell");
        assert!(window.is_new(6) && window.is_new(4 + WIDTH));
        assert!(window.is_new(u64::MAX));
        assert!(!window.is_new(u64::MAX));
    }

    proptest! {
        #[test]
        fn no_number_is_new_twice_and_each_that_is_near_is_new_once(
            steps in prop::collection::vec((0u64..3000, any::<bool>()), 1..400)
        ) {
            let mut window = Window::new();
            let mut seen = std::collections::HashSet::new();
            let mut highest = 0;
            for (number, far) in steps {
                let number = number + 1 + if far { highest / 2 } else { 0 };
                let expected = !seen.contains(&number) && (number > highest || highest - number < WIDTH);
                prop_assert_eq!(window.is_new(number), expected);
                highest = highest.max(number);
                seen.insert(number);
            }
        }
    }
}
