//! What was in the part of the log that cannot be read.
//!
//! ```text
//!   log     41  42  43  ×  ×  46  47        numbers of one life, by position
//!   marks   ├──────────────────────┤        44 and 45 are dealt with, and in no record: they were there
//! ```
//!
//! What a life said has about the order of its numbers in the log. So what a hole took lies between the numbers around
//! it, or from those before it to the last number known. The checkpoint knows the lowest number of a life that is needed.

use core::ops::Range;
use std::collections::{BTreeMap, VecDeque};

use groupcast::{MemberId, Session};

use super::marks::{Lost, Marks};
use super::record::{Checkpoint, Record};

/// So many records around a hole tell what it took: unordered messages may be a little out of order.
const AROUND: usize = 8;

/// Holes that are remembered at most.
const MOST_HOLES: usize = 1024;

type Ranges = Vec<Range<u64>>;

/// What of a range is in none of the others, which are in order.
pub(super) fn without(range: &Range<u64>, others: &[Range<u64>]) -> Ranges {
    let mut left = Vec::new();
    let mut start = range.start;
    let at = others.partition_point(|other| other.end <= start);
    for other in others[at..].iter().take_while(|o| o.start < range.end) {
        if other.start > start {
            left.push(start..other.start);
        }
        start = start.max(other.end);
    }
    if start < range.end {
        left.push(start..range.end);
    }
    left
}

/// Adds a range to others, which are in order and do not touch.
pub(super) fn add(others: &mut Ranges, range: Range<u64>) {
    let from = others.partition_point(|other| other.end < range.start);
    let len = others[from..].partition_point(|other| other.start <= range.end);
    let touched = &others[from..from + len];
    let start = touched
        .first()
        .map_or(range.start, |o| o.start.min(range.start));
    let end = touched.last().map_or(range.end, |o| o.end.max(range.end));
    others.splice(from..from + len, core::iter::once(start..end));
}

/// Positions that were told of, without those before the first one that is needed. Of very many some that are near each
/// other become one.
pub(super) fn keep(holes: &mut Ranges, first: u64) {
    holes.retain(|hole| hole.end > first);
    while holes.len() > MOST_HOLES {
        let hole = holes.remove(0);
        if let Some(next) = holes.first_mut() {
            next.start = hole.start;
        }
    }
}

/// Those of the missing positions that were not settled when the checkpoint was made, and are not told of yet.
pub(super) fn unsettled(missing: &[Range<u64>], checkpoint: &Checkpoint) -> Ranges {
    let mut all = Vec::new();
    for range in missing {
        for position in &checkpoint.sent {
            if range.contains(position) && *position < checkpoint.rest {
                add(&mut all, *position..*position + 1);
            }
        }
        if range.end > checkpoint.rest {
            add(&mut all, range.start.max(checkpoint.rest)..range.end);
        }
    }
    all.iter()
        .flat_map(|range| without(range, &checkpoint.holes))
        .collect()
}

/// What is read of one life.
#[derive(Debug)]
struct Heard {
    session: Session,
    /// That of its last record.
    position: Option<u64>,
    /// What is before this number is not needed.
    lowest: Option<u64>,
    /// The first numbers of its last records.
    recent: VecDeque<u64>,
    /// Around a hole: numbers, and how many records more tell its end.
    open: Option<(Range<u64>, usize)>,
    around: Ranges,
    readable: Ranges,
}

impl Heard {
    const fn new(session: Session) -> Self {
        Self {
            session,
            position: None,
            lowest: None,
            recent: VecDeque::new(),
            open: None,
            around: Vec::new(),
            readable: Vec::new(),
        }
    }

    /// Where what a hole behind its last record took begins, if that is known.
    fn begins(&self) -> Option<u64> {
        // No record before is less than any.
        self.recent.iter().copied().min().max(self.lowest)
    }

    fn close(&mut self) {
        if let Some((range, _)) = self.open.take().filter(|(range, _)| !range.is_empty()) {
            add(&mut self.around, range);
        }
    }
}

/// Finds what the holes of a log took, from all that can be read of it.
#[derive(Debug)]
pub(super) struct Damage<'a> {
    marks: &'a Marks,
    holes: &'a [Range<u64>],
    lives: BTreeMap<(MemberId, u32), Heard>,
}

impl<'a> Damage<'a> {
    /// Of a log that lacks these positions, in order; with the lowest number of each life that is needed.
    pub(super) fn new(
        marks: &'a Marks,
        holes: &'a [Range<u64>],
        lowest: &[(MemberId, Session, u32)],
    ) -> Self {
        let mut lives = BTreeMap::new();
        for (sender, session, number) in lowest {
            let mut heard = Heard::new(*session);
            heard.lowest = marks.widen((*sender, *session), *number);
            lives.insert((*sender, session.life()), heard);
        }
        Self {
            marks,
            holes,
            lives,
        }
    }

    /// A record of the log. They come in order.
    pub(super) fn record(&mut self, position: u64, record: &Record) {
        let (life, first, numbers) = match record {
            Record::Message(m) => ((m.sender, m.session), m.sequence, u64::from(m.numbers)),
            Record::Gap(gap) => ((gap.sender, gap.session), gap.first, gap.numbers()),
            Record::Seen {
                sender,
                session,
                first,
                numbers,
            } => ((*sender, *session), *first, u64::from(*numbers)),
        };
        self.numbers(position, life, first, numbers);
    }

    /// What the record at a position says of a life.
    pub(super) fn numbers(
        &mut self,
        position: u64,
        (sender, session): (MemberId, Session),
        first: u32,
        numbers: u64,
    ) {
        let Some(start) = self.marks.widen((sender, session), first) else {
            return;
        };
        let heard = self
            .lives
            .entry((sender, session.life()))
            .or_insert_with(|| Heard::new(session));
        add(&mut heard.readable, start..start + numbers.max(1));
        if heard.begins().is_some_and(|begins| start < begins) {
            // It was written again, behind others.
            return;
        }
        let is_behind = is_between(self.holes, heard.position, position);
        match (&mut heard.open, is_behind) {
            (Some((range, left)), _) => {
                range.end = range.end.max(start);
                *left = if is_behind { AROUND } else { *left - 1 };
                if *left == 0 {
                    heard.close();
                }
            }
            (None, true) => {
                heard.open = Some((heard.begins().unwrap_or(start)..start, AROUND));
            }
            (None, false) => {}
        }
        heard.session = session;
        heard.position = Some(position);
        heard.recent.truncate(AROUND - 1);
        heard.recent.push_front(start);
    }

    /// These numbers are told of already.
    pub(super) fn told(&mut self, (sender, session): (MemberId, Session), first: u32, len: u64) {
        let start = self.marks.widen((sender, session), first);
        let heard = self.lives.get_mut(&(sender, session.life()));
        if let Some((heard, start)) = heard.zip(start) {
            add(&mut heard.readable, start..start + len.max(1));
        }
    }

    /// What the holes took.
    pub(super) fn lost(self) -> Vec<Lost> {
        let mut lost = Vec::new();
        for ((sender, _), mut heard) in self.lives {
            let life = (sender, heard.session);
            let marked = self.marks.runs(life);
            if is_between(self.holes, heard.position, u64::MAX) {
                let begins = heard.begins();
                let high = marked.last().map_or(0, |run| run.end);
                let (range, _) = heard
                    .open
                    .get_or_insert_with(|| (begins.unwrap_or(high)..high, AROUND));
                range.end = range.end.max(high);
            }
            heard.close();
            for around in &heard.around {
                let inside = marked.iter().map(|run| Range {
                    start: run.start.max(around.start),
                    end: run.end.min(around.end),
                });
                for range in inside.flat_map(|range| without(&range, &heard.readable)) {
                    lost.push(Lost {
                        sender,
                        session: heard.session,
                        first: range.start as u32,
                        last: Some((range.end - 1) as u32),
                    });
                }
            }
        }
        lost
    }
}

/// Whether any of the holes lies between two positions.
fn is_between(holes: &[Range<u64>], before: Option<u64>, behind: u64) -> bool {
    let at = before.map_or(0, |before| {
        holes.partition_point(|hole| hole.start <= before)
    });
    holes.get(at).is_some_and(|hole| hole.start < behind)
}

#[cfg(test)]
mod tests {
    use groupcast::Instant;
    use proptest::prelude::*;

    use super::*;

    const LIFE: (MemberId, Session) = (MemberId::new(7).unwrap(), Session::new(5));

    fn ranges(numbers: impl IntoIterator<Item = u64>) -> Ranges {
        let mut ranges = Vec::new();
        numbers
            .into_iter()
            .for_each(|number| add(&mut ranges, number..number + 1));
        ranges
    }

    /// What is found lost of a log with these numbers at their positions, of which some cannot be read.
    fn lost(log: &[u32], missing: &[u64]) -> Vec<(u32, u32)> {
        lost_from(log, missing, &[])
    }

    /// The same if this number is known to be needed.
    fn lost_from(log: &[u32], missing: &[u64], lowest: &[u32]) -> Vec<(u32, u32)> {
        let mut marks = Marks::new(8);
        for number in log {
            marks.add(Instant::ZERO, LIFE, *number, 1);
        }
        let holes = ranges(missing.iter().copied());
        let lowest: Vec<_> = lowest
            .iter()
            .map(|number| (LIFE.0, LIFE.1, *number))
            .collect();
        let mut damage = Damage::new(&marks, &holes, &lowest);
        for (position, number) in (0..).zip(log) {
            if !missing.contains(&position) {
                damage.numbers(position, LIFE, *number, 1);
            }
        }
        let lost = damage.lost().into_iter();
        lost.map(|lost| (lost.first, lost.last.unwrap())).collect()
    }

    #[test]
    fn what_a_hole_took_lies_between_its_neighbours() {
        assert_eq!(lost(&[0, 1, 2, 3, 4, 5], &[2, 3]), [(2, 3)]);
        assert_eq!(
            lost(&[0, 1, 2, 3, 4, 5], &[1, 3, 5]),
            [(1, 1), (3, 3), (5, 5)]
        );
        let wrapping = [u32::MAX - 1, u32::MAX, 0, 1];
        assert_eq!(lost(&wrapping, &[1, 2]), [(u32::MAX, 0)]);
        assert_eq!(lost(&[0, 1, 2, 3], &[2, 3]), [(2, 3)]);
        assert_eq!(lost(&[0, 1, 2, 3], &[]), []);
        // Out of order, before the hole and behind it.
        assert_eq!(lost(&[5, 7, 6, 8], &[2]), [(6, 6)]);
        assert_eq!(lost(&[5, 7, 6, 8], &[1]), [(7, 7)]);
    }

    #[test]
    fn of_a_life_without_a_record_before_what_is_needed_is_lost() {
        assert_eq!(lost_from(&[0, 1, 2, 3], &[0, 1], &[1]), [(1, 1)]);
        assert_eq!(lost_from(&[0, 1, 2, 3], &[0, 1, 2, 3], &[0]), [(0, 3)]);
        // What was before is settled.
        assert_eq!(lost_from(&[0, 1, 2, 3], &[1, 2], &[2]), [(2, 2)]);
        assert_eq!(lost(&[0, 1, 2, 3], &[0, 1]), []);
        assert_eq!(lost(&[0, 1, 2, 3], &[0, 1, 2, 3]), []);
    }

    #[test]
    fn what_was_settled_or_told_is_no_loss() {
        let checkpoint = Checkpoint {
            end: 20,
            sent: vec![2, 5],
            rest: 10,
            holes: ranges([12, 13]),
            ..Checkpoint::default()
        };
        let missing = [0..4, 9..16];
        assert_eq!(unsettled(&missing, &checkpoint), [2..3, 10..12, 14..16]);
    }

    proptest! {
        #[test]
        fn ranges_are_sets(a in prop::collection::vec(0u64..60, 0..30), start in 0u64..60, len in 0u64..60) {
            let set: std::collections::BTreeSet<_> = a.iter().copied().collect();
            let all = ranges(a);
            prop_assert!(all.is_sorted_by(|a, b| a.end < b.start));
            prop_assert!(all.iter().cloned().flatten().eq(set.iter().copied()));
            let left = without(&(start..start + len), &all);
            prop_assert!(left.into_iter().flatten().eq((start..start + len).filter(|n| !set.contains(n))));
        }
    }
}
