//! How messages are numbered.

use core::fmt;
use core::ops::RangeInclusive;

/// The number of a message: what `queue` and `send` return, and what receivers see with it.
///
/// A sender counts from 0 in every life: messages of the reliable classes and of State with one counter, all others with
/// another.
/// A message in several fragments takes a number for each, and is known by the first. Numbers have 32 bits and wrap, so
/// they have no order: ask [`is_before`](Self::is_before) of two that are near each other (PROTOCOL W15).
///
/// ```
/// use groupcast::Sequence;
///
/// let last = Sequence::new(u32::MAX);
/// let first = last.next();
/// assert_eq!(first, Sequence::new(0));
/// assert!(last.is_before(first));
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Sequence(u32);

impl Sequence {
    /// This number.
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The number after this one: 0 after the largest.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }

    /// Whether this number comes before the other, if fewer than 2^31 lie between them.
    #[must_use]
    pub const fn is_before(self, other: Self) -> bool {
        let ahead = other.0.wrapping_sub(self.0);
        0 < ahead && ahead < 1 << 31
    }

    /// From this number to `last`, both included.
    #[must_use]
    pub const fn to(self, last: Self) -> SequenceRange {
        SequenceRange { first: self, last }
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Numbers from a first to a last one, both included. It is never empty, and may go over the largest number to 0.
///
/// ```
/// use groupcast::Sequence;
///
/// let range = Sequence::new(u32::MAX).to(Sequence::new(1));
/// assert_eq!(range.len(), 3);
/// assert!(range.contains(Sequence::new(0)));
/// assert!(!range.contains(Sequence::new(2)));
/// assert_eq!(range.to_string(), "4294967295 to 1");
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SequenceRange {
    first: Sequence,
    last: Sequence,
}

#[expect(clippy::len_without_is_empty, reason = "it is never empty")]
impl SequenceRange {
    /// The first number.
    #[must_use]
    pub const fn first(self) -> Sequence {
        self.first
    }

    /// The last number.
    #[must_use]
    pub const fn last(self) -> Sequence {
        self.last
    }

    /// How many numbers: 1 to 2^32.
    #[must_use]
    pub const fn len(self) -> u64 {
        (self.last.0.wrapping_sub(self.first.0) as u64).saturating_add(1)
    }

    /// Every number, from the first to the last.
    #[must_use]
    pub const fn iter(self) -> Sequences {
        Sequences {
            next: self.first,
            left: self.len(),
        }
    }

    /// Whether the number is in it.
    #[must_use]
    pub const fn contains(self, number: Sequence) -> bool {
        number.0.wrapping_sub(self.first.0) <= self.last.0.wrapping_sub(self.first.0)
    }
}

impl IntoIterator for SequenceRange {
    type Item = Sequence;
    type IntoIter = Sequences;

    fn into_iter(self) -> Sequences {
        self.iter()
    }
}

/// The numbers of a [`SequenceRange`], one after the other.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Sequences {
    next: Sequence,
    left: u64,
}

impl Iterator for Sequences {
    type Item = Sequence;

    fn next(&mut self) -> Option<Sequence> {
        self.left = self.left.checked_sub(1)?;
        let number = self.next;
        self.next = number.next();
        Some(number)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = usize::try_from(self.left);
        (left.unwrap_or(usize::MAX), left.ok())
    }
}

/// One number.
impl From<Sequence> for SequenceRange {
    fn from(number: Sequence) -> Self {
        number.to(number)
    }
}

/// As [`Sequence::to`].
impl From<RangeInclusive<Sequence>> for SequenceRange {
    fn from(numbers: RangeInclusive<Sequence>) -> Self {
        numbers.start().to(*numbers.end())
    }
}

impl fmt::Display for SequenceRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.first, self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_comes_before_the_half_that_follows_it() {
        let number = Sequence::new(u32::MAX - 1);
        let ahead = |by: u32| Sequence::new(number.get().wrapping_add(by));
        assert!(!number.is_before(number));
        assert!(number.is_before(ahead(1)) && !ahead(1).is_before(number));
        assert!(number.is_before(ahead((1 << 31) - 1)));
        // Of two that are half of all numbers apart neither comes first.
        assert!(!number.is_before(ahead(1 << 31)) && !ahead(1 << 31).is_before(number));
        assert!(ahead((1 << 31) + 1).is_before(number));
    }

    #[test]
    fn a_range_holds_its_ends_and_what_lies_between() {
        let all = Sequence::new(5).to(Sequence::new(4));
        assert_eq!(all.len(), 1 << 32);
        assert!(all.contains(Sequence::new(0)));
        let one = SequenceRange::from(Sequence::new(7));
        assert_eq!(
            (one.len(), one.first(), one.last()),
            (1, Sequence::new(7), Sequence::new(7))
        );
        assert!(one.contains(Sequence::new(7)) && !one.contains(Sequence::new(8)));
        let over = Sequence::new(u32::MAX).to(Sequence::new(0));
        assert_eq!(over.len(), 2);
        assert_eq!(over, SequenceRange::from(over.first()..=over.last()));
        assert!(over.into_iter().eq([over.first(), over.last()]));
        assert_eq!(all.iter().size_hint().0 as u64, 1 << 32);
        assert!(!over.contains(Sequence::new(1)) && !over.contains(Sequence::new(u32::MAX - 1)));
    }
}
