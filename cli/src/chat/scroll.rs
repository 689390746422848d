//! Which part of the history is in view.

use core::ops::Range;

/// Where the view ends.
#[derive(Debug, Default)]
pub(crate) struct Scroll {
    /// The last entry in view, and how many of its rows are below the view; `None`: what comes last is in
    /// view, always.
    bottom: Option<(u64, usize)>,
}

/// The history as far as scrolling is concerned.
pub(crate) struct Extent<'h> {
    /// The numbers of its entries.
    pub(crate) numbers: Range<u64>,
    /// How many rows an entry has, one or more.
    pub(crate) rows: &'h dyn Fn(u64) -> usize,
    /// How many rows are in view.
    pub(crate) height: usize,
}

impl Scroll {
    /// The last entry in view, and how many of its rows are below the view; `None` if there are none.
    pub(crate) fn bottom(&self, numbers: &Range<u64>) -> Option<(u64, usize)> {
        let last = numbers
            .end
            .checked_sub(1)
            .filter(|last| numbers.contains(last))?;
        Some(match self.bottom {
            None => (last, 0),
            // It was dropped.
            Some((entry, _)) if entry < numbers.start => (numbers.start, 0),
            Some(bottom) => bottom,
        })
    }

    /// How many entries are below the view, in part or as a whole.
    pub(crate) fn below(&self, numbers: &Range<u64>) -> u64 {
        match (self.bottom, self.bottom(numbers)) {
            (Some(_), Some((entry, hidden))) => numbers.end - entry - u64::from(hidden == 0),
            _ => 0,
        }
    }

    /// Up by so many rows, as far as there are some.
    pub(crate) fn up(&mut self, rows: usize, extent: &Extent<'_>) {
        let Some((mut entry, mut hidden)) = self.bottom(&extent.numbers) else {
            return;
        };
        hidden += rows;
        while hidden >= (extent.rows)(entry) && entry > extent.numbers.start {
            hidden -= (extent.rows)(entry);
            entry -= 1;
        }
        hidden = hidden.min((extent.rows)(entry));
        self.bottom = Some((entry, hidden));
        let in_view = extent.rows_up_from((entry, hidden));
        if in_view < extent.height {
            self.down(extent.height - in_view, extent);
        }
    }

    /// Down by so many rows, and then with what comes.
    pub(crate) fn down(&mut self, rows: usize, extent: &Extent<'_>) {
        let (Some(_), Some((mut entry, hidden))) = (self.bottom, self.bottom(&extent.numbers))
        else {
            return;
        };
        let (mut hidden, mut rows) = (hidden, rows);
        while rows > hidden {
            rows -= hidden;
            entry += 1;
            if !extent.numbers.contains(&entry) {
                return self.follow();
            }
            hidden = (extent.rows)(entry);
        }
        hidden -= rows;
        self.bottom = Some((entry, hidden));
        if hidden == 0 && entry + 1 == extent.numbers.end {
            self.follow();
        }
    }

    /// To where this entry is the last one in view.
    pub(crate) const fn to(&mut self, entry: u64) {
        self.bottom = Some((entry, 0));
    }

    /// With what comes.
    pub(crate) const fn follow(&mut self) {
        self.bottom = None;
    }
}

impl Extent<'_> {
    /// How many rows there are up from there, counted as far as they matter. Fewer than none if a wider
    /// window made the entry shorter.
    fn rows_up_from(&self, (entry, hidden): (u64, usize)) -> usize {
        let mut rows = 0;
        for number in (self.numbers.start..=entry).rev() {
            rows += (self.rows)(number);
            if rows >= self.height + hidden {
                break;
            }
        }
        rows.saturating_sub(hidden)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Entry n has n % 3 + 1 rows.
    fn rows(number: u64) -> usize {
        usize::try_from(number % 3).unwrap() + 1
    }

    fn extent(numbers: Range<u64>) -> Extent<'static> {
        Extent {
            numbers,
            rows: &rows,
            height: 4,
        }
    }

    #[test]
    fn there_and_back() {
        let extent = extent(0..10);
        let mut scroll = Scroll::default();
        assert_eq!(scroll.bottom(&extent.numbers), Some((9, 0)));
        scroll.up(1, &extent);
        assert_eq!(scroll.bottom(&extent.numbers), Some((8, 0)));
        scroll.up(1, &extent);
        assert_eq!(scroll.bottom(&extent.numbers), Some((8, 1)));
        assert_eq!(scroll.below(&extent.numbers), 2);
        scroll.up(3, &extent);
        assert_eq!(scroll.bottom(&extent.numbers), Some((7, 1)));
        scroll.down(2, &extent);
        assert_eq!(scroll.bottom(&extent.numbers), Some((8, 2)));
        scroll.down(2, &extent);
        assert_eq!(scroll.bottom(&extent.numbers), Some((8, 0)));
        scroll.down(1, &extent);
        assert_eq!(scroll.bottom, None, "follows again");
        assert_eq!(scroll.below(&extent.numbers), 0);
    }

    #[test]
    fn not_beyond_the_ends() {
        let all = extent(0..10);
        let mut scroll = Scroll::default();
        scroll.up(1000, &all);
        // Four rows from the top: one of the first entry, two of the second, one of the third.
        assert_eq!(scroll.bottom(&all.numbers), Some((2, 2)));
        scroll.down(1000, &all);
        assert_eq!(scroll.bottom, None);
        let none = extent(0..0);
        scroll.up(3, &none);
        scroll.down(3, &none);
        assert_eq!(scroll.bottom(&none.numbers), None);
        // All of it is in view.
        let few = extent(0..2);
        scroll.up(3, &few);
        assert_eq!(scroll.bottom, None);
    }

    #[test]
    fn what_comes_and_what_is_dropped_does_not_move_the_view() {
        let mut scroll = Scroll::default();
        scroll.up(6, &extent(0..10));
        let bottom = scroll.bottom(&(0..10)).unwrap();
        assert_eq!(scroll.bottom(&(0..20)), Some(bottom));
        assert_eq!(scroll.bottom(&(bottom.0..20)), Some(bottom));
        assert_eq!(scroll.bottom(&(15..20)), Some((15, 0)));
        assert_eq!(scroll.below(&(15..20)), 4);
    }
}
