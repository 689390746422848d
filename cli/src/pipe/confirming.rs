//! Who has the messages of lines that are to be confirmed.
//!
//! The group can be asked about one range of sequence numbers at a time, so many lines are asked for together. If
//! one of them stays without an answer, because a member came too late for it, the range is halved until that
//! line stands alone; then it is put aside, and does not hold up the others.

use core::time::Duration;
use std::collections::{BTreeSet, VecDeque};
use std::time::Instant;

use groupcast::{MemberId, Sequence, SequenceRange};

use super::said::Confirm;

/// Lines that are asked for together at most.
const TOGETHER: usize = 512;

/// How long an answer takes at most, unless somebody misses something.
const PATIENCE: Duration = Duration::from_millis(400);

/// What became of a line: its number, its message's, and who has it.
pub(super) type Decided = (u64, Sequence, Result<Vec<String>, Vec<String>>);

#[derive(Debug)]
struct Waiting {
    line: u64,
    sequence: Sequence,
    who: Confirm,
    since: Instant,
    /// Who has it, as far as was heard.
    has: BTreeSet<MemberId>,
}

impl Waiting {
    /// Whether those who are to have it have it.
    fn is_confirmed(&self, there: &[MemberId]) -> bool {
        match self.who {
            Confirm::Everybody => !there.is_empty() && there.iter().all(|id| self.has.contains(id)),
            Confirm::Members(wanted) => self.has.len() >= wanted,
        }
    }

    fn names(&self) -> Vec<String> {
        self.has.iter().map(ToString::to_string).collect()
    }
}

/// What the group is asked.
#[derive(Debug)]
struct Asked {
    /// So many lines: the first of those that wait, or the first that was put aside.
    count: usize,
    is_aside: bool,
    at: Instant,
}

#[derive(Debug)]
pub(super) struct Confirming {
    timeout: Duration,
    waiting: VecDeque<Waiting>,
    aside: VecDeque<Waiting>,
    asked: Option<Asked>,
    /// Of the next question, if it is to be about fewer lines.
    together: usize,
    /// Whose turn it is: lines put aside and others take turns.
    aside_next: bool,
}

impl Confirming {
    pub(super) const fn new(timeout: Duration) -> Self {
        Self {
            timeout,
            waiting: VecDeque::new(),
            aside: VecDeque::new(),
            asked: None,
            together: TOGETHER,
            aside_next: false,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.aside.is_empty()
    }

    /// From now on, this line waits for `who`.
    pub(super) fn wait_for(&mut self, line: u64, sequence: Sequence, who: Confirm, since: Instant) {
        self.waiting.push_back(Waiting {
            line,
            sequence,
            who,
            since,
            has: BTreeSet::new(),
        });
    }

    /// The lines that wait, or those that were put aside.
    const fn lines(&mut self, is_aside: bool) -> &mut VecDeque<Waiting> {
        if is_aside {
            &mut self.aside
        } else {
            &mut self.waiting
        }
    }

    /// This member has all that was asked for.
    pub(super) fn has(&mut self, member: MemberId) {
        if let Some(Asked {
            count, is_aside, ..
        }) = self.asked
        {
            for waiting in self.lines(is_aside).iter_mut().take(count) {
                waiting.has.insert(member);
            }
        }
    }

    /// The lines that are decided: who was to have them has them, or time is up.
    pub(super) fn decided(&mut self, there: &[MemberId], now: Instant) -> Vec<Decided> {
        let mut decided = Vec::new();
        if let Some(mut asked) = self.asked.take() {
            let lines = self.lines(asked.is_aside);
            let mut at = 0;
            while at < asked.count {
                if !lines.get(at).is_some_and(|it| it.is_confirmed(there)) {
                    at += 1;
                } else if let Some(it) = lines.remove(at) {
                    asked.count -= 1;
                    decided.push((it.line, it.sequence, Ok(it.names())));
                }
            }
            if asked.count > 0 {
                self.asked = Some(asked);
            } else {
                self.together = (self.together * 2).min(TOGETHER);
            }
        }
        self.give_up(now, &mut decided);
        if self.asked.as_ref().is_some_and(|a| now >= a.at + PATIENCE) {
            self.ask_less();
        }
        decided
    }

    /// Lines whose time is up.
    fn give_up(&mut self, now: Instant, decided: &mut Vec<Decided>) {
        let timeout = self.timeout;
        let is_over = |first: Option<&Waiting>| {
            first.is_some_and(|first| now.saturating_duration_since(first.since) >= timeout)
        };
        for is_aside in [true, false] {
            while is_over(self.lines(is_aside).front()) {
                let Some(first) = self.lines(is_aside).pop_front() else {
                    break;
                };
                self.asked.take_if(|asked| asked.is_aside == is_aside);
                decided.push((first.line, first.sequence, Err(first.names())));
            }
        }
    }

    /// Somebody misses one of those lines, or answers late.
    fn ask_less(&mut self) {
        let Some(asked) = self.asked.take() else {
            return;
        };
        if asked.is_aside {
            self.aside.rotate_left(1);
        } else if asked.count > 1 {
            self.together = asked.count.div_ceil(2);
        } else {
            self.aside.extend(self.waiting.pop_front());
        }
    }

    /// Which messages to ask the group about now.
    pub(super) fn ask(&mut self, there: &[MemberId], now: Instant) -> Option<SequenceRange> {
        if self.asked.is_some() || there.is_empty() {
            return None;
        }
        let is_aside = match (self.waiting.is_empty(), self.aside.is_empty()) {
            (true, true) => return None,
            (false, true) => false,
            (true, false) => true,
            (false, false) => {
                self.aside_next = !self.aside_next;
                !self.aside_next
            }
        };
        let (lines, most) = if is_aside {
            (&self.aside, 1)
        } else {
            (&self.waiting, self.together.max(1))
        };
        let count = lines.len().min(most);
        let (first, last) = (lines.front()?, lines.get(count - 1)?);
        self.asked = Some(Asked {
            count,
            is_aside,
            at: now,
        });
        Some(first.sequence.to(last.sequence))
    }

    /// Those that are left when the program ends, and who has them, as far as that is known.
    pub(super) fn rest(&mut self) -> Vec<(u64, Sequence, Vec<String>)> {
        let rest = self.aside.drain(..).chain(self.waiting.drain(..));
        let mut rest: Vec<_> = rest.map(|w| (w.line, w.sequence, w.names())).collect();
        rest.sort_unstable_by_key(|(line, ..)| *line);
        rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(10);

    fn id(number: u32) -> MemberId {
        MemberId::new(number).unwrap()
    }

    const fn range(first: u32, last: u32) -> SequenceRange {
        Sequence::new(first).to(Sequence::new(last))
    }

    /// Lines with these numbers and sequence numbers, each for one member.
    fn lines(numbers: core::ops::Range<u32>, now: Instant) -> Confirming {
        let mut confirming = Confirming::new(TIMEOUT);
        for number in numbers {
            let sequence = Sequence::new(number);
            confirming.wait_for(number.into(), sequence, Confirm::Members(1), now);
        }
        confirming
    }

    #[test]
    fn many_lines_are_asked_for_together_and_decided_in_their_order() {
        let now = Instant::now();
        let there = [id(1), id(2)];
        let mut confirming = lines(0..700, now);
        assert_eq!(confirming.ask(&[], now), None);
        assert_eq!(confirming.ask(&there, now), Some(range(0, 511)));
        assert_eq!(confirming.ask(&there, now), None);
        confirming.has(id(2));
        let decided = confirming.decided(&there, now);
        let by = Ok(vec!["00000002".to_owned()]);
        assert!(
            (0..512)
                .map(|n| (n.into(), Sequence::new(n), by.clone()))
                .eq(decided)
        );
        assert_eq!(confirming.ask(&there, now), Some(range(512, 699)));
        confirming.has(id(1));
        assert_eq!(confirming.decided(&there, now).len(), 188);
        assert!(confirming.is_empty());
    }

    /// One that has it all, where every other line is for two.
    #[test]
    fn lines_that_wait_for_more_do_not_hold_up_those_that_have_enough() {
        let now = Instant::now();
        let there = [id(1)];
        let mut confirming = Confirming::new(TIMEOUT);
        for number in 0..6 {
            let wanted = 1 + number as usize % 2;
            let sequence = Sequence::new(number);
            confirming.wait_for(number.into(), sequence, Confirm::Members(wanted), now);
        }
        assert_eq!(confirming.ask(&there, now), Some(range(0, 5)));
        confirming.has(id(1));
        let by = vec!["00000001".to_owned()];
        let confirmed = [0, 2, 4].map(|n| (u64::from(n), Sequence::new(n), Ok(by.clone())));
        assert_eq!(confirming.decided(&there, now), confirmed);
        // What is known of the others is told when their time is up.
        let unconfirmed = [1, 3, 5].map(|n| (u64::from(n), Sequence::new(n), Err(by.clone())));
        assert_eq!(confirming.decided(&there, now + TIMEOUT), unconfirmed);
    }

    #[test]
    fn everybody_is_all_who_are_there_and_at_least_one() {
        let now = Instant::now();
        let mut confirming = Confirming::new(TIMEOUT);
        confirming.wait_for(1, Sequence::new(7), Confirm::Everybody, now);
        assert_eq!(confirming.ask(&[id(1), id(2)], now), Some(range(7, 7)));
        confirming.has(id(1));
        assert_eq!(confirming.decided(&[id(1), id(2)], now), []);
        assert_eq!(confirming.decided(&[], now), []);
        // The other has left.
        assert_eq!(confirming.decided(&[id(1)], now).len(), 1);
    }

    #[test]
    fn lines_that_nobody_has_do_not_hold_up_the_others() {
        let mut now = Instant::now();
        let start = now;
        let there = [id(1)];
        // A member that came too late for the first three lines.
        let mut confirming = lines(0..100, now);
        let mut confirmed = Vec::new();
        let mut given_up = Vec::new();
        while !confirming.is_empty() {
            if let Some(asked) = confirming.ask(&there, now)
                && asked.first().get() >= 3
            {
                confirming.has(id(1));
            }
            for (line, _, by) in confirming.decided(&there, now) {
                let to = if by.is_ok() {
                    &mut confirmed
                } else {
                    &mut given_up
                };
                to.push((line, now - start));
            }
            now += Duration::from_millis(10);
        }
        assert!((3..100).eq(confirmed.iter().map(|(line, _)| *line)));
        assert!(
            confirmed.iter().all(|(_, after)| *after < TIMEOUT),
            "{confirmed:?}"
        );
        given_up.sort_unstable();
        assert!((0..3).eq(given_up.iter().map(|(line, _)| *line)));
        assert!(given_up.iter().all(|(_, after)| *after >= TIMEOUT));
    }

    #[test]
    fn what_is_left_at_the_end_is_told() {
        let now = Instant::now();
        let mut confirming = lines(0..3, now);
        confirming.ask(&[id(1)], now);
        assert_eq!(confirming.rest().len(), 3);
        assert!(confirming.is_empty());
    }
}
