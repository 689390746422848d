//! What was said before one came: gathered for a moment, and put in the order in which it was said.
//!
//! The sender of a line states when it was said, and clocks differ. So what one sender said stays in its order,
//! whatever its clock says, and a clock that is known to be wrong is corrected.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use groupcast::{MemberId, Sequence, Session};

use super::people::Who;

/// How long lines are gathered after the first other one was heard, at least and at most, and how long when nobody
/// is. Not after this much silence.
const LEAST: Duration = Duration::from_secs(1);
const MOST: Duration = Duration::from_millis(3_300);
const ALONE: Duration = Duration::from_secs(2);
const SILENCE: Duration = Duration::from_millis(600);

/// A clock that differs by less is right.
const RIGHT: i64 = 2_000;

/// A life of a member.
pub(crate) type Life = (MemberId, Session);

/// Something that was said, as it came.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Line {
    pub(crate) sender: Who,
    /// Not known if the roster has no room for the sender.
    pub(crate) session: Option<Session>,
    pub(crate) sequence: Sequence,
    pub(crate) note: String,
    pub(crate) text: String,
    /// When the sender says that it said it.
    pub(crate) stated: Option<u64>,
    /// When it came.
    pub(crate) heard: u64,
    /// Who told it, if that is not who said it; then `stated` is by the clock of that one.
    pub(crate) teller: Option<Who>,
}

impl Line {
    /// In whose life it was said.
    pub(crate) fn life(&self) -> Option<Life> {
        Some((self.sender.id, self.session?))
    }

    /// By whose clock its time is stated.
    fn clock(&self) -> MemberId {
        self.teller.as_ref().unwrap_or(&self.sender).id
    }

    /// What is the same whoever tells it.
    fn key(&self) -> Option<(Life, u32)> {
        Some((self.life()?, self.sequence.get()))
    }
}

/// How far the clocks of the others are behind this one, in milliseconds.
#[derive(Debug, Default)]
pub(crate) struct Clocks(BTreeMap<MemberId, i64>);

impl Clocks {
    /// Something came that was said just now, as its sender says at this time.
    pub(crate) fn note(&mut self, id: MemberId, stated: u64, heard: u64) {
        let behind = signed(heard).saturating_sub(signed(stated));
        let known = self.0.entry(id).or_insert(behind);
        // The way takes time, but never less than none.
        *known = behind.min(*known);
    }

    /// Whether it is known what time it is there.
    pub(crate) fn knows(&self, id: MemberId) -> bool {
        self.0.contains_key(&id)
    }

    /// When a line was said, by this machine's clock; `None`: nobody knows.
    pub(crate) fn when(&self, line: &Line) -> Option<u64> {
        let behind = self.0.get(&line.clock()).copied().unwrap_or(0);
        let behind = if behind.abs() > RIGHT { behind } else { 0 };
        Some(line.stated?.saturating_add_signed(behind))
    }
}

fn signed(millis: u64) -> i64 {
    i64::try_from(millis).unwrap_or(i64::MAX)
}

/// What was said, in order.
#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) struct Ordered {
    /// Before this member came, each with its time as far as it is known, and after.
    pub(crate) earlier: Vec<(Option<u64>, Line)>,
    pub(crate) since: Vec<(Option<u64>, Line)>,
    /// Who said more before that.
    pub(crate) cut: Vec<Who>,
}

/// What is gathered.
#[derive(Debug)]
pub(crate) struct Gathering {
    began: Instant,
    /// When this member came, in milliseconds since 1970.
    joined: u64,
    contact: Option<Instant>,
    last: Option<Instant>,
    lines: Vec<Line>,
}

impl Gathering {
    pub(crate) const fn new(began: Instant, joined: u64) -> Self {
        Self {
            began,
            joined,
            contact: None,
            last: None,
            lines: Vec::new(),
        }
    }

    /// Somebody else is there.
    pub(crate) fn met(&mut self, now: Instant) {
        self.contact.get_or_insert(now);
    }

    pub(crate) const fn contact(&self) -> Option<Instant> {
        self.contact
    }

    pub(crate) fn push(&mut self, line: Line, now: Instant) {
        self.last = Some(now);
        self.lines.push(line);
    }

    /// Whether all that can be expected is there. `answered`: somebody said what those said who have left.
    pub(crate) fn is_due(&self, answered: bool, now: Instant) -> bool {
        let since = |then: Instant| now.saturating_duration_since(then);
        let Some(contact) = self.contact else {
            return since(self.began) >= ALONE;
        };
        let is_quiet = self.last.is_none_or(|last| since(last) >= SILENCE);
        since(contact) >= MOST || answered && is_quiet && since(contact) >= LEAST
    }

    /// What was said, in order. What is told of a life in `present` does not count: whoever is there can be
    /// heard itself.
    pub(crate) fn end(self, clocks: &Clocks, present: &BTreeSet<Life>) -> Ordered {
        let known: BTreeSet<_> = self
            .lines
            .iter()
            .filter(|line| line.teller.is_none())
            .filter_map(Line::key)
            .collect();
        let mut told = BTreeSet::new();
        // What one sender said, as far as one can tell.
        let mut senders: BTreeMap<_, Vec<Line>> = BTreeMap::new();
        for line in self.lines {
            if line.teller.is_some() {
                let is_his_own = line.life().is_none_or(|life| present.contains(&life));
                let is_known = line.key().is_none_or(|key| known.contains(&key));
                // Who tells the same as others is heard once; who tells something else is heard, too.
                let is_new = told.insert((line.key(), line.text.clone()));
                if is_his_own || is_known || !is_new {
                    continue;
                }
            }
            senders
                .entry((line.sender.id, line.session))
                .or_default()
                .push(line);
        }
        let mut all = Vec::new();
        let mut cut = Vec::new();
        for (at, lines) in senders.into_values().enumerate() {
            let lines = in_sequence(lines);
            if let Some(first) = lines.first().filter(|line| line.sequence.get() > 0) {
                cut.push(first.sender.clone());
            }
            let timed = timed(lines, clocks).into_iter();
            all.extend(timed.map(|(key, when, line)| ((key, at), when, line)));
        }
        // Stable: what has one time stays in the order of its sender.
        all.sort_by_key(|(key, _, _)| *key);
        let mut ordered = Ordered {
            cut,
            ..Ordered::default()
        };
        let mut begun = BTreeSet::new();
        for ((key, at), when, line) in all {
            // What one said after that comes after it, with a time or without.
            let is_since = when.is_some() && key >= self.joined || begun.contains(&at);
            if line.teller.is_none() && is_since {
                begun.insert(at);
                ordered.since.push((when, line));
            } else {
                ordered.earlier.push((when, line));
            }
        }
        ordered
    }
}

/// What one sender said, in the order in which it did.
fn in_sequence(mut lines: Vec<Line>) -> Vec<Line> {
    let first = lines.first().map_or(0, |line| line.sequence.get());
    // Numbers begin anew after the last one.
    lines.sort_by_key(|line| line.sequence.get().wrapping_sub(first).cast_signed());
    lines
}

/// The lines of one sender, with what to order them by, and their times. That never runs backwards; lines without a
/// time go with the one before them, or, at the beginning, with the next.
fn timed(lines: Vec<Line>, clocks: &Clocks) -> Vec<(u64, Option<u64>, Line)> {
    let first = lines.iter().find_map(|line| clocks.when(line));
    let mut latest = first.unwrap_or(0);
    let timed = lines.into_iter().map(|line| {
        let when = clocks.when(&line);
        latest = latest.max(when.unwrap_or(0));
        (latest, when, line)
    });
    timed.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOINED: u64 = 1_000_000;

    fn who(id: u32) -> Who {
        Who {
            id: MemberId::new(id).unwrap(),
            name: format!("m{id}"),
            address: "10.0.0.1:7".parse().unwrap(),
            takes_reliable: true,
        }
    }

    fn line(id: u32, sequence: u32, text: &str, stated: impl Into<Option<u64>>) -> Line {
        Line {
            sender: who(id),
            session: Some(Session::new(u64::from(id))),
            sequence: Sequence::new(sequence),
            note: String::new(),
            text: text.to_owned(),
            stated: stated.into(),
            heard: JOINED + 500,
            teller: None,
        }
    }

    fn told(by: u32, line: Line) -> Line {
        Line {
            teller: Some(who(by)),
            ..line
        }
    }

    fn end(lines: Vec<Line>, clocks: &Clocks, present: &[u32]) -> Ordered {
        let now = Instant::now();
        let mut gathering = Gathering::new(now, JOINED);
        for line in lines {
            gathering.push(line, now);
        }
        let life = |id: &u32| (MemberId::new(*id).unwrap(), Session::new(u64::from(*id)));
        gathering.end(clocks, &present.iter().map(life).collect())
    }

    fn texts(lines: &[(Option<u64>, Line)]) -> Vec<&str> {
        lines.iter().map(|(_, line)| line.text.as_str()).collect()
    }

    #[test]
    fn a_talk_of_two_one_of_whom_has_left_is_in_order() {
        let said = |n: u32| line(1, n, &format!("a{n}"), 1_000 * u64::from(2 * n));
        let gone = |n: u32| {
            told(
                1,
                line(2, n, &format!("b{n}"), 1_000 * u64::from(2 * n + 1)),
            )
        };
        let lines = (0..6).rev().map(gone).chain((0..6).map(said)).collect();
        let ordered = end(lines, &Clocks::default(), &[1]);
        assert_eq!(
            texts(&ordered.earlier),
            [
                "a0", "b0", "a1", "b1", "a2", "b2", "a3", "b3", "a4", "b4", "a5", "b5"
            ]
        );
        assert_eq!((ordered.since, ordered.cut), (vec![], vec![]));
    }

    #[test]
    fn no_clock_scrambles_what_one_sender_said() {
        // It is set back in the middle, and one time is missing.
        let lines = vec![
            line(1, u32::MAX, "one", 9_000),
            line(1, 0, "two", 1_000),
            line(1, 1, "three", None),
            line(2, 0, "other", 5_000),
            line(2, 1, "another", 9_500),
        ];
        let ordered = end(lines, &Clocks::default(), &[1, 2]);
        assert_eq!(
            texts(&ordered.earlier),
            ["other", "one", "two", "three", "another"]
        );
        assert_eq!(ordered.earlier[2].0, Some(1_000), "as stated");
        assert_eq!(ordered.earlier[3].0, None);
        assert_eq!(ordered.cut, [who(1)]);
    }

    #[test]
    fn what_has_no_time_does_not_go_before_what_its_sender_said_first() {
        let lines = vec![
            line(1, 0, "one", JOINED + 5_000),
            line(1, 1, "two", None),
            line(1, 2, "three", None),
        ];
        let ordered = end(lines, &Clocks::default(), &[1]);
        assert_eq!(texts(&ordered.since), ["one", "two", "three"]);
        assert_eq!(ordered.earlier, []);
    }

    #[test]
    fn a_clock_that_is_known_to_be_wrong_is_corrected() {
        let lines = || {
            vec![
                line(1, 0, "question", 800_000),
                line(1, 1, "thanks", 900_000),
                line(2, 0, "answer", 850_000 + 3_600_000),
            ]
        };
        let mut clocks = Clocks::default();
        let ordered = end(lines(), &clocks, &[]);
        assert_eq!(
            texts(&ordered.since),
            ["answer"],
            "it looks as if said since"
        );
        // Two datagrams, of which one took longer.
        clocks.note(who(2).id, JOINED + 3_600_000, JOINED + 900);
        clocks.note(who(2).id, JOINED + 3_600_000, JOINED + 2);
        clocks.note(who(1).id, JOINED, JOINED + 1_500);
        let ordered = end(lines(), &clocks, &[]);
        assert_eq!(texts(&ordered.earlier), ["question", "answer", "thanks"]);
        assert_eq!(ordered.earlier[1].0, Some(850_002));
        assert_eq!(ordered.earlier[2].0, Some(900_000), "nearly right is right");
    }

    #[test]
    fn who_is_there_speaks_for_itself() {
        let lines = vec![
            line(1, 0, "mine", 1_000),
            told(2, line(1, 0, "not mine", 1_000)),
            told(2, line(3, 0, "not mine either", 1_000)),
            told(2, line(4, 0, "as ben heard it", 2_000)),
            told(5, line(4, 0, "as ben heard it", 2_000)),
            told(5, line(4, 0, "as eva heard it", 2_000)),
            // Nobody can tell what was said after one came.
            told(5, line(4, 1, "later", JOINED + 7)),
            line(1, 1, "hello, newcomer", JOINED + 3),
        ];
        let ordered = end(lines, &Clocks::default(), &[1, 3]);
        assert_eq!(
            texts(&ordered.earlier),
            ["mine", "as ben heard it", "as eva heard it", "later"]
        );
        assert_eq!(texts(&ordered.since), ["hello, newcomer"]);
    }

    #[test]
    fn what_is_gathered_is_shown_soon() {
        let now = Instant::now();
        let ms = Duration::from_millis;
        let alone = Gathering::new(now, JOINED);
        assert!(!alone.is_due(false, now + ALONE - ms(1)) && alone.is_due(false, now + ALONE));
        let mut met = Gathering::new(now, JOINED);
        met.met(now);
        met.met(now + ms(100));
        assert!(!met.is_due(true, now + LEAST - ms(1)) && met.is_due(true, now + LEAST));
        met.push(line(1, 0, "x", None), now + ms(900));
        assert!(!met.is_due(true, now + LEAST), "more may come");
        assert!(met.is_due(true, now + ms(900) + SILENCE));
        assert!(!met.is_due(false, now + ms(900) + SILENCE), "no answer yet");
        met.push(line(1, 1, "y", None), now + MOST);
        assert!(met.is_due(false, now + MOST));
    }
}
