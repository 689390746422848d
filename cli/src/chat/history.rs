//! What was said and what happened, in order, and who has what was said here.

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::{BTreeSet, VecDeque};
use std::time::Instant;

use groupcast::{MemberId, Sequence, SequenceRange};

/// How much is kept: entries, and bytes of their texts.
const ENTRIES: usize = 10_000;
const OCTETS: usize = 8 * 1024 * 1024;

/// For how long it is asked who has a message, and for how many messages at most.
const ASKED_FOR: Duration = Duration::from_secs(60);
const ASKED_ABOUT: usize = 16;

/// How often to ask.
const ASK_AGAIN: Duration = Duration::from_millis(500);

/// Something in the history.
#[derive(Debug)]
pub(crate) enum Entry {
    /// Somebody said something.
    Said {
        sender: MemberId,
        /// Its name then; `None`: not known then.
        name: Option<String>,
        /// Whether another one who was there then had that name.
        marked: bool,
        note: String,
        text: String,
        /// Whether it was said before this member came.
        is_earlier: bool,
        /// Whether it speaks of or to this member.
        is_mention: bool,
    },
    /// This member said something.
    Own { text: String, receipt: Receipt },
    /// A program that does not speak the protocol said something.
    Raw { from: SocketAddr, text: String },
    /// Somebody came, went, or began anew.
    Change { text: String },
    /// Something is wrong, or lost.
    Trouble { text: String },
    /// An answer to what was entered here.
    Local { text: String },
    /// Something else begins.
    Divider { text: String },
}

impl Entry {
    fn octets(&self) -> usize {
        match self {
            Self::Said { text, .. }
            | Self::Own { text, .. }
            | Self::Raw { text, .. }
            | Self::Change { text }
            | Self::Trouble { text }
            | Self::Local { text }
            | Self::Divider { text } => text.len(),
        }
    }
}

/// Who has a message.
#[derive(Debug)]
pub(crate) struct Receipt {
    /// Its sequence number.
    sequence: Sequence,
    /// Those who were there when it was said.
    meant: BTreeSet<MemberId>,
    has: BTreeSet<MemberId>,
    said: Instant,
    /// Whether nobody can be asked any more.
    closed: bool,
}

impl Receipt {
    /// How many have it.
    pub(crate) fn count(&self) -> usize {
        self.has.len()
    }

    /// How many should: those who were there, and those who came later and have it, too.
    pub(crate) fn wanted(&self) -> usize {
        self.meant.union(&self.has).count()
    }

    /// Those who were there and do not have it, as far as one knows.
    pub(crate) fn missing(&self) -> impl Iterator<Item = MemberId> {
        self.meant.difference(&self.has).copied()
    }

    fn is_open(&self, here: &BTreeSet<MemberId>, now: Instant) -> bool {
        let is_young = now.saturating_duration_since(self.said) < ASKED_FOR;
        !self.closed && is_young && here.difference(&self.has).next().is_some()
    }
}

/// The number of the very first entry. There are smaller ones, since what was said earlier may come later.
const FIRST: u64 = 1 << 32;

/// The history. Every entry has a number, which it keeps; but where something is put in between, all before that have
/// one less.
#[derive(Debug)]
pub(crate) struct History {
    /// Each with its time, in milliseconds since 1970, as far as it is known.
    entries: VecDeque<(Option<u64>, Entry)>,
    octets: usize,
    /// The number of the first entry.
    first: u64,
    /// What is asked now: who has all of these.
    question: Option<SequenceRange>,
    asked: Option<Instant>,
    /// How many questions there were since the last message.
    turn: usize,
    /// What was said before this member came: the numbers of the entries before and behind it, which are one where
    /// there is nothing. `None`: it is not known yet where that is.
    earlier: Option<(u64, u64)>,
}

impl Default for History {
    fn default() -> Self {
        Self {
            entries: VecDeque::new(),
            octets: 0,
            first: FIRST,
            question: None,
            asked: None,
            turn: 0,
            earlier: None,
        }
    }
}

impl History {
    pub(crate) fn push(&mut self, entry: Entry, when: Option<u64>) {
        self.octets += entry.octets();
        self.entries.push_back((when, entry));
        while self.entries.len() > ENTRIES || self.octets > OCTETS && self.entries.len() > 1 {
            let dropped = self.entries.pop_front();
            self.octets -= dropped.map_or(0, |(_, entry)| entry.octets());
            self.first += 1;
        }
    }

    /// Everything until now was earlier, between two entries that say so, if there are any.
    pub(crate) fn begin(&mut self, earlier: Vec<(Option<u64>, Entry)>) {
        let start = self.numbers().end;
        if !earlier.is_empty() {
            self.push(divider("earlier"), None);
            for (when, entry) in earlier {
                self.push(entry, when);
            }
            self.push(divider("since you came"), None);
        }
        self.earlier = Some((start, self.numbers().end.saturating_sub(1).max(start)));
    }

    /// Puts what somebody said before this member came where it belongs: behind all that one said before it, and all
    /// that is older. `false`: that place is gone, or that one has said something since.
    pub(crate) fn put_earlier(&mut self, by: MemberId, entry: Entry, when: u64) -> bool {
        let Some((mut start, end)) = self.earlier.filter(|(start, _)| *start >= self.first) else {
            return false;
        };
        let is_by = |entry: &Entry| matches!(entry, Entry::Said { sender, .. } if *sender == by);
        if (end..self.numbers().end).any(|number| self.entry(number).is_some_and(is_by)) {
            return false;
        }
        if start == end {
            self.insert(end, divider("earlier"), None);
            self.insert(end, divider("since you came"), None);
            start = end - 2;
            self.earlier = Some((start, end - 1));
            return self.put_earlier(by, entry, when);
        }
        let mut at = end;
        while at - 1 > start
            && let Some((before, other)) = self.timed(at - 1)
        {
            if is_by(other) || before.is_none_or(|before| before <= when) {
                break;
            }
            at -= 1;
        }
        self.insert(at, entry, Some(when));
        self.earlier = Some((start - 1, end));
        true
    }

    /// Puts an entry before the one with this number.
    fn insert(&mut self, at: u64, entry: Entry, when: Option<u64>) {
        let index = usize::try_from(at.saturating_sub(self.first)).unwrap_or(usize::MAX);
        self.octets += entry.octets();
        self.entries
            .insert(index.min(self.entries.len()), (when, entry));
        self.first -= 1;
    }

    /// Notes what this member said, with those who are there.
    pub(crate) fn push_own(
        &mut self,
        text: String,
        sequence: Sequence,
        meant: BTreeSet<MemberId>,
        said: Instant,
        when: u64,
    ) {
        let has = BTreeSet::new();
        let closed = false;
        let receipt = Receipt {
            sequence,
            meant,
            has,
            said,
            closed,
        };
        self.push(Entry::Own { text, receipt }, Some(when));
        // It is asked about at once, with all before it.
        (self.asked, self.turn) = (None, 0);
    }

    /// The numbers of the entries.
    pub(crate) fn numbers(&self) -> core::ops::Range<u64> {
        // As many as fit into memory fit into a u64.
        self.first..self.first + self.entries.len() as u64
    }

    pub(crate) fn entry(&self, number: u64) -> Option<&Entry> {
        self.timed(number).map(|(_, entry)| entry)
    }

    /// An entry, and when it was.
    pub(crate) fn timed(&self, number: u64) -> Option<(Option<u64>, &Entry)> {
        let at = number.checked_sub(self.first)?;
        let (when, entry) = self.entries.get(usize::try_from(at).ok()?)?;
        Some((*when, entry))
    }

    /// A member whose name was not known is called so. `marked`: another one who is there is called so, too.
    pub(crate) fn name(&mut self, id: MemberId, called: &str, marked: bool) {
        for (_, entry) in self.entries.iter_mut().rev() {
            if let Entry::Said {
                sender,
                name,
                marked: is_marked,
                ..
            } = entry
                && *sender == id
                && name.is_none()
            {
                (*name, *is_marked) = (Some(called.to_owned()), marked);
            }
        }
    }

    /// The next question to those who are there, if it is time: who has all messages from one to
    /// another?
    ///
    /// Whoever lost one message never has all, so the questions become narrower from one turn to the next:
    /// from each of the last messages to the newest.
    pub(crate) fn question(
        &mut self,
        here: &BTreeSet<MemberId>,
        now: Instant,
    ) -> Option<SequenceRange> {
        if self.asked.is_some_and(|asked| now < asked + ASK_AGAIN) {
            return None;
        }
        let own = || self.receipts().take(ASKED_ABOUT);
        let newest = own().next()?.sequence;
        let open: Vec<_> = own()
            .filter(|receipt| receipt.is_open(here, now))
            .map(|receipt| receipt.sequence)
            .collect();
        // They stand there with the newest first.
        let place = open.len().checked_sub(1 + self.turn % open.len().max(1))?;
        let first = *open.get(place)?;
        self.turn = self.turn.wrapping_add(1);
        self.asked = Some(now);
        self.question = Some(first.to(newest));
        self.question
    }

    /// A member has what was asked for.
    pub(crate) fn confirmed(&mut self, by: MemberId) {
        let Some(asked) = self.question else {
            return;
        };
        for (_, entry) in &mut self.entries {
            if let Entry::Own { receipt, .. } = entry
                && !receipt.closed
                && asked.contains(receipt.sequence)
            {
                receipt.has.insert(by);
            }
        }
    }

    /// This member began another session: the sequence numbers begin anew.
    pub(crate) fn close_receipts(&mut self) {
        self.question = None;
        for (_, entry) in &mut self.entries {
            if let Entry::Own { receipt, .. } = entry {
                receipt.closed = true;
            }
        }
    }

    /// The last one first.
    fn receipts(&self) -> impl Iterator<Item = &Receipt> {
        self.entries
            .iter()
            .rev()
            .filter_map(|(_, entry)| match entry {
                Entry::Own { receipt, .. } => Some(receipt),
                _ => None,
            })
    }
}

fn divider(text: &str) -> Entry {
    let text = text.to_owned();
    Entry::Divider { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(id: u32) -> MemberId {
        MemberId::new(id).unwrap()
    }

    fn ids(of: &[u32]) -> BTreeSet<MemberId> {
        of.iter().copied().map(id).collect()
    }

    const fn number(sequence: u32) -> Sequence {
        Sequence::new(sequence)
    }

    const fn range(first: u32, last: u32) -> SequenceRange {
        number(first).to(number(last))
    }

    fn marks(history: &History) -> Vec<(usize, usize)> {
        let mut marks: Vec<_> = history
            .receipts()
            .map(|r| (r.count(), r.wanted()))
            .collect();
        marks.reverse();
        marks
    }

    #[test]
    fn receipts_count_who_has_what() {
        let (mut history, now, here) = (History::default(), Instant::now(), ids(&[1, 2]));
        assert_eq!(history.question(&here, now), None);
        history.push_own("one".to_owned(), number(7), here.clone(), now, 0);
        assert_eq!(history.question(&here, now), Some(range(7, 7)));
        history.confirmed(id(1));
        history.push_own("two".to_owned(), number(8), here.clone(), now, 0);
        assert_eq!(marks(&history), [(1, 2), (0, 2)]);
        assert_eq!(history.question(&here, now), Some(range(7, 8)));
        assert_eq!(history.question(&here, now), None, "not again at once");
        history.confirmed(id(2));
        history.confirmed(id(1));
        assert_eq!(marks(&history), [(2, 2), (2, 2)]);
        assert_eq!(
            history.question(&here, now + ASK_AGAIN),
            None,
            "all have all"
        );
        // Who comes later and has it counts, too.
        let here = ids(&[1, 2, 3]);
        let questions = [1, 2].map(|n| history.question(&here, now + n * ASK_AGAIN));
        assert_eq!(questions, [Some(range(8, 8)), Some(range(7, 8))]);
        history.confirmed(id(3));
        assert_eq!(marks(&history), [(3, 3), (3, 3)]);
    }

    #[test]
    fn who_lost_one_message_is_asked_for_the_others() {
        let (mut history, now, here) = (History::default(), Instant::now(), ids(&[1]));
        // Sequence numbers wrap, and a message may have several.
        let numbers = [u32::MAX - 1, 2, 3];
        for sequence in numbers {
            history.push_own(String::new(), number(sequence), here.clone(), now, 0);
        }
        let at = |n: u32| now + ASK_AGAIN * n;
        let questions: Vec<_> = (0..4)
            .map(|n| history.question(&here, at(n)).unwrap())
            .collect();
        let expected = [numbers[0], 2, 3, numbers[0]].map(|first| range(first, 3));
        assert_eq!(questions, expected);
        history.question(&here, at(4));
        history.confirmed(id(1));
        assert_eq!(marks(&history), [(0, 1), (1, 1), (1, 1)]);
        assert_eq!(history.question(&here, at(5)), Some(range(numbers[0], 3)));
        assert_eq!(
            history.question(&here, now + ASKED_FOR),
            None,
            "not for ever"
        );
    }

    #[test]
    fn another_session_is_not_confused_with_this_one() {
        let (mut history, now, here) = (History::default(), Instant::now(), ids(&[1]));
        history.push_own("one".to_owned(), number(0), here.clone(), now, 0);
        history.question(&here, now);
        history.close_receipts();
        history.confirmed(id(1));
        history.push_own("again".to_owned(), number(0), here.clone(), now, 0);
        history.question(&here, now);
        history.confirmed(id(1));
        assert_eq!(marks(&history), [(0, 1), (1, 1)]);
    }

    #[test]
    fn old_entries_make_room_and_numbers_stay() {
        let mut history = History::default();
        let text = |len| Entry::Change {
            text: "x".repeat(len),
        };
        for len in 0..ENTRIES + 5 {
            history.push(text(len % 7), None);
        }
        let last = FIRST + 5 + ENTRIES as u64;
        assert_eq!(history.numbers(), FIRST + 5..last);
        history.push(text(OCTETS), None);
        assert_eq!(history.numbers(), last..last + 1);
        assert!(history.entry(last - 1).is_none());
        assert_eq!(history.entry(last).unwrap().octets(), OCTETS);
    }

    #[test]
    fn what_comes_late_goes_where_it_belongs() {
        let said = |by: u32, text: &str| Entry::Said {
            sender: id(by),
            name: None,
            marked: false,
            note: String::new(),
            text: text.to_owned(),
            is_earlier: true,
            is_mention: false,
        };
        let all = |history: &History| -> Vec<String> {
            let entries = history.numbers().filter_map(|number| history.entry(number));
            let texts = entries.map(|entry| match entry {
                Entry::Said { text, .. } | Entry::Divider { text } | Entry::Change { text } => text,
                other => panic!("{other:?}"),
            });
            texts.cloned().collect()
        };
        let change = || Entry::Change {
            text: "joined".to_owned(),
        };
        let mut history = History::default();
        assert!(!history.put_earlier(id(1), said(1, "too soon"), 0));
        history.push(change(), None);
        let begun = vec![(Some(10), said(1, "a10")), (Some(30), said(2, "b30"))];
        history.begin(begun);
        history.push(change(), None);
        let last = history.numbers().end - 1;
        for (by, text, when) in [(3, "c20", 20), (1, "a40", 40), (2, "b5", 5), (3, "c50", 50)] {
            assert!(history.put_earlier(id(by), said(by, text), when));
        }
        let expected = [
            "joined",
            "earlier",
            "a10",
            "c20",
            "b30",
            "b5",
            "a40",
            "c50",
            "since you came",
            "joined",
        ];
        assert_eq!(all(&history), expected);
        assert_eq!(
            history.numbers().end - 1,
            last,
            "what is behind keeps its number"
        );
        // Nobody can put words before those that it said since.
        history.push(said(2, "b60"), Some(60));
        assert!(!history.put_earlier(id(2), said(2, "b7"), 7));
        // Where nothing was.
        let mut history = History::default();
        history.begin(Vec::new());
        history.push(change(), None);
        for (by, text, when) in [(3, "c20", 20), (1, "a10", 10)] {
            assert!(history.put_earlier(id(by), said(by, text), when));
        }
        let expected = ["earlier", "a10", "c20", "since you came", "joined"];
        assert_eq!(all(&history), expected);
        // Its place is dropped when there is no more room.
        for _ in 0..ENTRIES {
            history.push(change(), None);
        }
        assert!(!history.put_earlier(id(1), said(1, "too late"), 0));
    }

    #[test]
    fn a_name_that_becomes_known_is_put_in() {
        let mut history = History::default();
        let said = Entry::Said {
            sender: id(1),
            name: None,
            marked: false,
            note: String::new(),
            text: "first".to_owned(),
            is_earlier: false,
            is_mention: false,
        };
        history.push(said, None);
        history.name(id(2), "ben", false);
        history.name(id(1), "ana", false);
        history.name(id(1), "eva", false);
        let Some(Entry::Said { name, .. }) = history.entry(FIRST) else {
            panic!("nothing was said");
        };
        assert_eq!(name.as_deref(), Some("ana"), "not renamed later");
    }
}
