//! Which numbers of each sender were dealt with: what a gateway that is started again must not publish twice, and must
//! not pass over in silence.
//!
//! The reliable messages and State values of a sender share one sequence of numbers over its whole life. Of each life the
//! numbers that are in the log, published, or in a gap record are kept as runs, with **holes** between them:
//!
//! ```text
//!   run        hole    run           hole   run
//!  ├──────────┤ 41-42 ├─────────────┤ 97   ├────▶
//! ```
//!
//! While a gateway runs, the engine fills a hole or tells of a gap. What it neither delivers nor misses is a State value
//! that a newer one replaced, or the end of a message of several fragments. So a hole that is [`CLOSES`] old is closed.
//! After a restart nobody tells of the holes that were open and of what was sent meanwhile: what of it has not come
//! [`SETTLES`] after the life was heard again is a gap of the gateway's.

use core::ops::Range;
use core::time::Duration;
use std::collections::BTreeMap;

use groupcast::{Instant, MemberId, Session};

/// A hole so old is none. The engine gives up after 5 s, or as long as the application waits.
const CLOSES: Duration = Duration::from_secs(30);

/// After a restart, histories repair for so long.
const SETTLES: Duration = Duration::from_secs(10);

/// Runs of one life at most.
const MOST_RUNS: usize = 64;

/// Number 0 of a life, with room before it for a stream that is followed from a number before the first one known.
const BASE: u64 = 1 << 40;

/// Numbers from `start` to before `end`. An empty one says that what comes after it is a hole.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Run {
    pub(super) start: u64,
    pub(super) end: u64,
}

/// A life, as it is kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Mark {
    pub(super) sender: MemberId,
    pub(super) session: Session,
    /// Unix time, in seconds.
    pub(super) seen: u64,
    /// Its member said good-bye, and all that it said was dealt with.
    pub(super) is_over: bool,
    pub(super) runs: Vec<Run>,
}

/// Numbers that are lost, to the last one, or beyond if that is not known.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Lost {
    pub(super) sender: MemberId,
    pub(super) session: Session,
    pub(super) first: u32,
    pub(super) last: Option<u32>,
}

/// What was known of a life before this gateway was started.
#[derive(Clone, Debug)]
struct Before {
    runs: Vec<Run>,
    high: u64,
    /// The first number beyond that was heard since.
    first_new: Option<u64>,
    settles: Option<Instant>,
}

#[derive(Clone, Debug)]
struct Life {
    session: Session,
    seen: u64,
    is_over: bool,
    /// Each with the time since when there is a hole before it.
    runs: Vec<(Run, Instant)>,
    before: Option<Before>,
}

/// The lives of all senders.
#[derive(Debug)]
pub(super) struct Marks {
    lives: BTreeMap<(MemberId, u32), Life>,
    most: usize,
    /// Holes that were closed.
    pub(super) closed: u64,
}

impl Life {
    fn new(session: Session) -> Self {
        Self {
            session,
            seen: 0,
            is_over: false,
            runs: Vec::new(),
            before: None,
        }
    }

    /// A number of 32 bits where it is next to those known.
    fn widen(&self, number: u32) -> u64 {
        let near = self.runs.last().map_or(BASE, |(run, _)| run.end);
        // The difference as a signed number.
        let ahead = number.wrapping_sub(near as u32) as i32;
        near.saturating_add_signed(i64::from(ahead))
    }

    fn insert(&mut self, now: Instant, run: Run) {
        let Run { mut start, mut end } = run;
        let at = self.runs.partition_point(|(r, _)| r.end < start);
        let mut since = now;
        let mut until = at;
        while let Some((next, hole)) = self.runs.get(until).filter(|(r, _)| r.start <= end) {
            if until == at {
                since = *hole;
            }
            start = start.min(next.start);
            end = end.max(next.end);
            until += 1;
        }
        self.runs.splice(at..until, [(Run { start, end }, since)]);
    }

    /// Closes the first hole.
    fn close_first(&mut self) {
        if self.runs.len() > 1 {
            let (first, since) = self.runs.remove(0);
            if let Some((run, hole)) = self.runs.first_mut() {
                run.start = first.start;
                *hole = since;
            }
        }
    }

    /// The holes between runs that begin before `end`.
    fn holes(&self, end: u64) -> Vec<Range<u64>> {
        let pairs = self.runs.windows(2);
        let holes = pairs.filter_map(|pair| match pair {
            [(before, _), (after, _)] => Some(before.end..after.start),
            _ => None,
        });
        holes.filter(|hole| hole.start < end).collect()
    }

    fn was_before(&self, number: u64) -> bool {
        let before = self.before.as_ref();
        before.is_some_and(|before| {
            let at = before.runs.partition_point(|run| run.end <= number);
            before.runs.get(at).is_some_and(|run| run.start <= number)
        })
    }

    /// What is lost of the time before, and is from now on dealt with.
    fn settle(&mut self, now: Instant) -> Vec<Range<u64>> {
        let Some(before) = self.before.take() else {
            return Vec::new();
        };
        let end = before.first_new.unwrap_or(before.high);
        let mut holes = self.holes(end.max(before.high));
        holes.retain(|hole| hole.end <= end);
        for hole in &holes {
            let run = Run {
                start: hole.start,
                end: hole.end,
            };
            self.insert(now, run);
        }
        holes
    }
}

impl Marks {
    /// None yet, of so many lives at most.
    pub(super) const fn new(most: usize) -> Self {
        Self {
            lives: BTreeMap::new(),
            most,
            closed: 0,
        }
    }

    /// From now on what is in here was before.
    pub(super) fn recover(&mut self, unix: u64) {
        for life in self.lives.values_mut() {
            // The log does not say when that was: after the checkpoint.
            if life.seen == 0 {
                life.seen = unix;
            }
            let runs: Vec<Run> = life.runs.iter().map(|(run, _)| *run).collect();
            life.before = runs.last().map(|last| last.end).map(|high| Before {
                runs,
                high,
                first_new: None,
                settles: None,
            });
        }
    }

    /// As they were kept.
    pub(super) fn restore(&mut self, now: Instant, marks: Vec<Mark>) {
        for mark in marks {
            let life = Life {
                session: mark.session,
                seen: mark.seen,
                is_over: mark.is_over,
                runs: mark.runs.into_iter().map(|run| (run, now)).collect(),
                before: None,
            };
            self.lives.insert((mark.sender, mark.session.life()), life);
        }
    }

    /// As they are to be kept.
    pub(super) fn keep(&self) -> Vec<Mark> {
        let mark = |((sender, _), life): (&(MemberId, u32), &Life)| Mark {
            sender: *sender,
            session: life.session,
            seen: life.seen,
            is_over: life.is_over,
            runs: life.runs.iter().map(|(run, _)| *run).collect(),
        };
        self.lives.iter().map(mark).collect()
    }

    /// A life has begun, or goes on. What is lost of its sender's earlier lives, which are over then.
    pub(super) fn begin(
        &mut self,
        now: Instant,
        unix: u64,
        (sender, session): (MemberId, Session),
    ) -> Vec<Lost> {
        let key = (sender, session.life());
        let lives = self.lives.range((sender, 0)..=(sender, u32::MAX));
        let earlier: Vec<_> = lives.map(|(key, _)| *key).filter(|it| *it != key).collect();
        let mut lost = Vec::new();
        for earlier in earlier {
            let ended = self.end(now, earlier);
            if !ended.is_empty() && !self.lives.contains_key(&key) {
                // It was known before this gateway was started, and this life began since.
                let empty = Run {
                    start: BASE,
                    end: BASE,
                };
                let mut life = Life::new(session);
                life.seen = unix;
                life.runs = vec![(empty, now)];
                life.before = Some(Before {
                    runs: Vec::new(),
                    high: BASE,
                    first_new: None,
                    settles: None,
                });
                self.lives.insert(key, life);
            }
            lost.extend(ended);
        }
        lost
    }

    /// It is there, though it says nothing.
    pub(super) fn touch(&mut self, (sender, session): (MemberId, Session), unix: u64) {
        if let Some(life) = self.lives.get_mut(&(sender, session.life())) {
            life.seen = unix;
        }
    }

    /// Something of a life was heard, with the first of these numbers. What is lost of the sender's earlier lives, if
    /// this is the first of it.
    pub(super) fn hear(
        &mut self,
        now: Instant,
        unix: u64,
        (sender, session): (MemberId, Session),
        first: u32,
    ) -> Vec<Lost> {
        let key = (sender, session.life());
        let mut lost = self.begin(now, unix, (sender, session));
        if !self.lives.contains_key(&key) {
            if self.lives.len() >= self.most {
                let oldest = self.lives.iter().min_by_key(|(_, life)| life.seen);
                if let Some(oldest) = oldest.map(|(key, _)| *key) {
                    lost.extend(self.end(now, oldest));
                }
            }
            self.lives.insert(key, Life::new(session));
        }
        if let Some(life) = self.lives.get_mut(&key) {
            life.session = session;
            life.seen = unix;
            life.is_over = false;
            let number = life.widen(first);
            if let Some(before) = &mut life.before {
                before.settles.get_or_insert(now + SETTLES);
                if number >= before.high {
                    let first = before.first_new.unwrap_or(number);
                    before.first_new = Some(first.min(number));
                }
            }
        }
        lost
    }

    /// Whether this number was dealt with before this gateway was started.
    pub(super) fn was_before(&self, (sender, session): (MemberId, Session), number: u32) -> bool {
        let life = self.lives.get(&(sender, session.life()));
        life.is_some_and(|life| life.was_before(life.widen(number)))
    }

    /// Those of these numbers that were not dealt with before this gateway was started, as runs of a first and a last.
    pub(super) fn without_before(
        &self,
        (sender, session): (MemberId, Session),
        first: u32,
        len: u64,
    ) -> Vec<(u32, u32)> {
        let last = |end: u64| end.wrapping_sub(1) as u32;
        let Some(life) = self.lives.get(&(sender, session.life())) else {
            return vec![(first, first.wrapping_add((len.max(1) - 1) as u32))];
        };
        let mut start = life.widen(first);
        let end = start.saturating_add(len);
        let mut left = Vec::new();
        let before = life.before.iter().flat_map(|before| &before.runs);
        for run in before.filter(|run| run.end > run.start) {
            if run.end <= start || run.start >= end {
                continue;
            }
            if run.start > start {
                left.push((start as u32, last(run.start)));
            }
            start = run.end;
        }
        if start < end {
            left.push((start as u32, last(end)));
        }
        left
    }

    /// These numbers are dealt with.
    pub(super) fn add(
        &mut self,
        now: Instant,
        (sender, session): (MemberId, Session),
        first: u32,
        len: u64,
    ) {
        let key = (sender, session.life());
        let life = self.lives.entry(key).or_insert_with(|| Life::new(session));
        let start = life.widen(first);
        let run = Run {
            start,
            end: start.saturating_add(len),
        };
        life.insert(now, run);
        while life.runs.len() > MOST_RUNS {
            life.close_first();
            self.closed += 1;
        }
    }

    /// What is lost of lives that were heard again after the restart, and are settled by now.
    pub(super) fn settle(&mut self, now: Instant) -> Vec<Lost> {
        let is_due = |life: &Life| {
            let settles = life.before.as_ref().and_then(|before| before.settles);
            settles.is_some_and(|settles| settles <= now)
        };
        let due = self.lives.iter().filter(|(_, life)| is_due(life));
        let due: Vec<_> = due.map(|(key, _)| *key).collect();
        due.into_iter()
            .flat_map(|key| self.settle_life(now, key))
            .collect()
    }

    /// Its member said good-bye: there will be nothing more of this life, also after a restart of this gateway.
    pub(super) fn left(&mut self, (sender, session): (MemberId, Session)) {
        if let Some(life) = self.lives.get_mut(&(sender, session.life()))
            && life.before.is_none()
        {
            life.is_over = true;
        }
    }

    /// The same of this one, at once: it is over for now. What it said while nobody was here is not known if it was not
    /// heard since.
    pub(super) fn is_over(
        &mut self,
        now: Instant,
        (sender, session): (MemberId, Session),
    ) -> Vec<Lost> {
        let key = (sender, session.life());
        let life = self.lives.get(&key);
        match life.and_then(|life| life.before.as_ref()) {
            Some(before) if before.settles.is_some() => self.settle_life(now, key),
            Some(_) => self.end(now, key),
            None => Vec::new(),
        }
    }

    fn settle_life(&mut self, now: Instant, key: (MemberId, u32)) -> Vec<Lost> {
        let Some(life) = self.lives.get_mut(&key) else {
            return Vec::new();
        };
        let session = life.session;
        let lost = |hole: Range<u64>| Lost {
            sender: key.0,
            session,
            first: hole.start as u32,
            last: Some(hole.end.wrapping_sub(1) as u32),
        };
        life.settle(now).into_iter().map(lost).collect()
    }

    /// A life is over. If it was not heard again since this gateway was started, nobody knows what it said last.
    fn end(&mut self, now: Instant, key: (MemberId, u32)) -> Vec<Lost> {
        let before = self.lives.get(&key).and_then(|life| life.before.as_ref());
        let is_over = self.lives.get(&key).is_some_and(|life| life.is_over);
        let was_heard = is_over || before.is_none_or(|before| before.settles.is_some());
        let mut lost = self.settle_life(now, key);
        let life = self.lives.remove(&key);
        if let Some((life, (run, _))) = life.as_ref().zip(life.as_ref().and_then(|l| l.runs.last()))
            && !was_heard
        {
            lost.push(Lost {
                sender: key.0,
                session: life.session,
                first: run.end as u32,
                last: None,
            });
        }
        lost
    }

    /// A number of a life, next to those known of it.
    pub(super) fn widen(&self, (sender, session): (MemberId, Session), number: u32) -> Option<u64> {
        let life = self.lives.get(&(sender, session.life()))?;
        Some(life.widen(number))
    }

    /// What is dealt with of a life.
    pub(super) fn runs(&self, (sender, session): (MemberId, Session)) -> Vec<Run> {
        let life = self.lives.get(&(sender, session.life()));
        let runs = life.into_iter().flat_map(|life| &life.runs);
        runs.map(|(run, _)| *run).collect()
    }

    /// Closes holes that are old, unless something waits for the store, and forgets lives that were not heard since
    /// this Unix time. What is lost of those.
    pub(super) fn age(&mut self, now: Instant, may_close: bool, since: u64) -> Vec<Lost> {
        for life in self.lives.values_mut() {
            let is_old = |life: &Life| {
                let second = life.runs.get(1);
                life.before.is_none() && second.is_some_and(|(_, hole)| now.since(*hole) >= CLOSES)
            };
            while may_close && is_old(life) {
                life.close_first();
                self.closed += 1;
            }
        }
        let old = self.lives.iter().filter(|(_, life)| life.seen < since);
        let old: Vec<_> = old.map(|(key, _)| *key).collect();
        old.into_iter().flat_map(|key| self.end(now, key)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFE: (MemberId, Session) = (MemberId::new(7).unwrap(), Session::new(5));
    const NEXT: (MemberId, Session) = (LIFE.0, Session::new(6));

    fn at(seconds: u64) -> Instant {
        Instant::from_secs(100 + seconds)
    }

    fn marks(runs: &[(u32, u64)]) -> Marks {
        let mut marks = Marks::new(8);
        for (first, len) in runs {
            marks.hear(at(0), 1, LIFE, *first);
            marks.add(at(0), LIFE, *first, *len);
        }
        marks
    }

    fn restarted(marks: &Marks) -> Marks {
        let mut again = Marks::new(8);
        again.restore(at(0), marks.keep());
        again.recover(1);
        again
    }

    fn lost(first: u32, last: u32) -> Lost {
        Lost {
            sender: LIFE.0,
            session: LIFE.1,
            first,
            last: Some(last),
        }
    }

    #[test]
    fn runs_that_touch_are_one() {
        let marks = marks(&[(5, 1), (7, 2), (6, 1), (20, 1), (3, 1)]);
        let runs = marks.keep().remove(0).runs;
        let runs: Vec<_> = runs
            .iter()
            .map(|r| (r.start - BASE, r.end - BASE))
            .collect();
        assert_eq!(runs, [(3, 4), (5, 9), (20, 21)]);
    }

    #[test]
    fn numbers_go_on_after_the_largest() {
        let mut marks = marks(&[(u32::MAX, 1), (0, 2)]);
        assert_eq!(marks.keep()[0].runs.len(), 1);
        marks = restarted(&marks);
        assert!(marks.was_before(LIFE, u32::MAX) && marks.was_before(LIFE, 1));
        assert!(!marks.was_before(LIFE, 2) && !marks.was_before(LIFE, u32::MAX - 1));
    }

    #[test]
    fn what_was_missed_between_two_lives_of_the_gateway_is_lost_once_it_is_settled() {
        let mut marks = restarted(&marks(&[(10, 5), (17, 1)]));
        assert!(marks.was_before(LIFE, 14) && !marks.was_before(LIFE, 15));
        // The history repairs 16; 25 comes before 24.
        for number in [16, 25, 24] {
            assert_eq!(marks.hear(at(1), 1, LIFE, number), []);
            marks.add(at(1), LIFE, number, 1);
        }
        assert_eq!(marks.settle(at(10)), []);
        assert_eq!(marks.settle(at(11)), [lost(15, 15), lost(18, 23)]);
        assert_eq!(marks.settle(at(60)), [], "once");
        assert!(
            !marks.was_before(LIFE, 14),
            "from now on the engine sees to that"
        );
    }

    #[test]
    fn nothing_is_lost_where_the_first_number_follows() {
        let mut marks = restarted(&marks(&[(10, 5)]));
        marks.hear(at(1), 1, LIFE, 15);
        marks.add(at(1), LIFE, 15, 1);
        // This one is under repair.
        marks.hear(at(2), 1, LIFE, 19);
        marks.add(at(2), LIFE, 19, 1);
        assert_eq!(marks.settle(at(60)), []);
    }

    #[test]
    fn of_a_life_that_ended_unheard_the_end_is_not_known() {
        let mut marks = restarted(&marks(&[(10, 5)]));
        let open = Lost {
            last: None,
            ..lost(15, 0)
        };
        assert_eq!(marks.hear(at(1), 1, NEXT, 3), [open]);
        marks.add(at(1), NEXT, 3, 1);
        let begin = Lost {
            session: NEXT.1,
            ..lost(0, 2)
        };
        assert_eq!(
            marks.settle(at(60)),
            [begin],
            "it began while the gateway was away"
        );
        assert_eq!(marks.hear(at(61), 1, NEXT, 4), []);
    }

    #[test]
    fn a_sender_that_restarts_before_our_eyes_loses_nothing_here() {
        let mut marks = marks(&[(10, 5), (17, 1)]);
        assert_eq!(marks.hear(at(1), 1, NEXT, 3), []);
        assert_eq!(marks.keep().len(), 1);
    }

    #[test]
    fn a_gap_that_was_known_before_is_not_told_again() {
        let mut marks = restarted(&marks(&[(10, 5), (17, 2)]));
        marks.hear(at(1), 1, LIFE, 8);
        assert_eq!(
            marks.without_before(LIFE, 8, 14),
            [(8, 9), (15, 16), (19, 21)]
        );
        assert_eq!(marks.without_before(LIFE, 11, 2), []);
        assert_eq!(marks.without_before(NEXT, 11, 2), [(11, 12)]);
    }

    #[test]
    fn holes_close_with_time() {
        let mut marks = marks(&[(10, 1), (12, 1)]);
        assert_eq!(marks.age(at(29), true, 0), []);
        assert_eq!(marks.keep()[0].runs.len(), 2);
        marks.age(at(30), false, 0);
        assert_eq!(
            marks.keep()[0].runs.len(),
            2,
            "something is not in the log yet"
        );
        marks.age(at(30), true, 0);
        assert_eq!((marks.keep()[0].runs.len(), marks.closed), (1, 1));
    }

    #[test]
    fn memory_is_bounded() {
        let mut marks = Marks::new(8);
        for number in 0..1000 {
            marks.hear(at(0), 1, LIFE, number * 2);
            marks.add(at(0), LIFE, number * 2, 1);
        }
        assert_eq!(marks.keep()[0].runs.len(), MOST_RUNS);
        for id in 1..100 {
            let life = (MemberId::new(id).unwrap(), Session::new(1));
            marks.hear(at(0), u64::from(id), life, 0);
        }
        assert_eq!(marks.keep().len(), 8);
    }
}
