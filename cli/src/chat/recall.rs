//! What those said who have left: whoever comes asks for it, and those who heard it tell it. cli/CHAT.md has the form.
//!
//! It is told by best effort, so that it takes no place among the messages that newcomers get from a sender itself.

use core::hash::{BuildHasher, Hasher};
use core::time::Duration;
use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Instant;

use groupcast::{MemberId, Sequence, Session};
use serde::{Deserialize, Serialize};

use super::earlier::{Life, Line};
use super::people::Who;

/// What is kept of what others said, in lines; what is told of it, in lines and in bytes of text, and how many of
/// these go into a note.
const KEPT: usize = 512;
const TOLD: usize = 64;
const OCTETS: usize = 16 * 1024;
const NOTE: usize = 800;

/// A longer text is told in part.
const LONGEST: usize = 1_000;

/// What is taken of what is told.
const TAKEN: usize = 256;
const NAME: usize = 32;

/// When it is asked, after somebody else was heard.
const ASKS: [Duration; 3] = [
    Duration::from_millis(200),
    Duration::from_millis(1_200),
    Duration::from_millis(2_200),
];

/// An answer comes within this time, at a random moment, so that not all tell the same; and not sooner than this after
/// the one before.
const WITHIN: u64 = 400;
const PAUSE: Duration = Duration::from_millis(900);

/// What is asked or told.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Note {
    groupcast_chat: Kind,
    /// The channel of the chat.
    channel: u8,
    /// The time now, in milliseconds since 1970, by the clock of who says this.
    pub(crate) time: u64,
    /// Of what is told: which part of how many.
    #[serde(default, skip_serializing_if = "is_none")]
    part: u32,
    #[serde(default, skip_serializing_if = "is_none")]
    parts: u32,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    lines: Vec<Told>,
}

/// What need not be written.
#[allow(clippy::trivially_copy_pass_by_ref)]
const fn is_none(count: &u32) -> bool {
    *count == 0
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Ask,
    Tell,
}

/// What somebody said who has left.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
struct Told {
    sender: String,
    session: String,
    sequence: u32,
    name: String,
    /// When, by the clock of who tells it.
    time: u64,
    text: String,
}

impl Note {
    /// What a note says to the chat on the channel with this number.
    pub(crate) fn read(payload: &[u8], channel: u8) -> Option<Self> {
        let note: Self = serde_json::from_slice(payload).ok()?;
        (note.channel == channel).then_some(note)
    }

    fn written(&self) -> String {
        serde_json::to_string(self).expect("names and numbers can be written")
    }

    /// What is told, by whom.
    pub(crate) fn lines(&self, teller: &Who, heard: u64) -> Vec<Line> {
        let lines = self.lines.iter().filter_map(|told| {
            let (id, session) = told.life()?;
            (told.name.len() <= NAME).then(|| Line {
                sender: Who {
                    id,
                    name: told.name.clone(),
                    address: teller.address,
                    takes_reliable: true,
                },
                session: Some(session),
                sequence: Sequence::new(told.sequence),
                note: String::new(),
                text: told.text.clone(),
                stated: Some(told.time),
                heard,
                teller: Some(teller.clone()),
            })
        });
        lines.collect()
    }
}

impl Told {
    fn life(&self) -> Option<Life> {
        let id = self.sender.parse().ok()?;
        let session = u64::from_str_radix(&self.session, 16).ok()?;
        Some((id, Session::new(session)))
    }
}

/// What is to be told, and what is asked.
#[derive(Debug)]
pub(crate) struct Recall {
    channel: u8,
    /// What others said, and when, by this machine's clock.
    kept: VecDeque<(Line, u64)>,
    /// Whether this member asks.
    asks: bool,
    asked: usize,
    /// What came of each answer: by whom and when it was begun, and which parts.
    parts: BTreeMap<(MemberId, u64), BTreeSet<u32>>,
    answered: bool,
    /// When to tell, and what others have told since that was asked.
    due: Option<Instant>,
    told: BTreeSet<(Life, u32)>,
    is_told: bool,
    last: Option<Instant>,
    /// Notes that are to be sent.
    waiting: VecDeque<String>,
    taken: usize,
}

impl Recall {
    pub(crate) const fn new(channel: u8, asks: bool) -> Self {
        Self {
            channel,
            kept: VecDeque::new(),
            asks,
            asked: 0,
            parts: BTreeMap::new(),
            answered: false,
            due: None,
            told: BTreeSet::new(),
            is_told: false,
            last: None,
            waiting: VecDeque::new(),
            taken: 0,
        }
    }

    /// Somebody said this, and was heard itself.
    pub(crate) fn keep(&mut self, line: &Line, when: u64) {
        if line.teller.is_none() && line.note.is_empty() && line.session.is_some() {
            self.kept.push_back((line.clone(), when));
            if self.kept.len() > KEPT {
                self.kept.pop_front();
            }
        }
    }

    /// Somebody whose name was not known is called so.
    pub(crate) fn name(&mut self, id: MemberId, name: &str) {
        for (line, _) in &mut self.kept {
            if line.sender.id == id && line.sender.name.is_empty() {
                name.clone_into(&mut line.sender.name);
            }
        }
    }

    /// Whether all that is to be expected was told.
    pub(crate) const fn is_answered(&self) -> bool {
        self.answered || !self.asks
    }

    /// Whether it was asked in vain.
    pub(crate) const fn is_in_vain(&self) -> bool {
        self.asked > 0 && !self.answered
    }

    /// A note came. Returns what it tells, as far as that is to be taken.
    pub(crate) fn note(&mut self, note: &Note, from: &Who, heard: u64, now: Instant) -> Vec<Line> {
        match note.groupcast_chat {
            Kind::Ask => {
                if self.due.is_none() {
                    let earliest = self.last.map_or(now, |last| now.max(last + PAUSE));
                    self.due = Some(earliest + Duration::from_millis(random() % WITHIN));
                    self.told.clear();
                    self.is_told = false;
                }
                Vec::new()
            }
            Kind::Tell => {
                let mut lines = note.lines(from, heard);
                if self.due.is_some() {
                    let told = lines
                        .iter()
                        .filter_map(|line| Some((line.life()?, line.sequence.get())));
                    self.told.extend(told);
                    self.is_told = true;
                }
                if self.asked == 0 {
                    return Vec::new();
                }
                // Whoever tells without end tells nothing more.
                if self.parts.len() < TAKEN {
                    let parts = self.parts.entry((from.id, note.time)).or_default();
                    parts.insert(note.part);
                    self.answered |= (0..note.parts.min(TOLD_PARTS)).all(|n| parts.contains(&n));
                }
                lines.truncate(TAKEN - self.taken);
                self.taken += lines.len();
                lines
            }
        }
    }

    /// Does what is due. `met`: when somebody else was heard first; `present`: those who can be heard themselves.
    pub(crate) fn attend(
        &mut self,
        met: Option<Instant>,
        present: impl FnOnce() -> BTreeSet<Life>,
        (now, wall): (Instant, u64),
    ) {
        let ask = ASKS.get(self.asked).zip(met);
        if self.asks && !self.answered && ask.is_some_and(|(after, met)| now >= met + *after) {
            self.asked += 1;
            let ask = self.empty(Kind::Ask, wall);
            self.waiting.push_back(ask.written());
        }
        if self.due.is_some_and(|due| now >= due) {
            (self.due, self.last) = (None, Some(now));
            self.tell(&present(), wall);
        }
    }

    /// A note that is to be sent; it is to be taken once it is.
    pub(crate) fn next(&self) -> Option<&str> {
        self.waiting.front().map(String::as_str)
    }

    pub(crate) fn sent(&mut self) {
        self.waiting.pop_front();
    }

    fn empty(&self, kind: Kind, time: u64) -> Note {
        Note {
            groupcast_chat: kind,
            channel: self.channel,
            time,
            part: 0,
            parts: u32::from(kind == Kind::Tell),
            lines: Vec::new(),
        }
    }

    fn tell(&mut self, present: &BTreeSet<Life>, wall: u64) {
        let mut octets = 0;
        let mut lines = Vec::new();
        for (line, when) in self.kept.iter().rev() {
            let Some(life) = line.life().filter(|life| !present.contains(life)) else {
                continue;
            };
            let text = shortened(&line.text);
            octets += text.len();
            if lines.len() == TOLD || octets > OCTETS {
                break;
            }
            if !self.told.contains(&(life, line.sequence.get())) {
                lines.push(Told {
                    sender: line.sender.id.to_string(),
                    session: life.1.to_string(),
                    sequence: line.sequence.get(),
                    name: line.sender.name.clone(),
                    time: *when,
                    text,
                });
            }
        }
        if lines.is_empty() && self.is_told {
            return;
        }
        lines.reverse();
        let mut notes = vec![self.empty(Kind::Tell, wall)];
        let mut octets = 0;
        for told in lines {
            octets += told.text.len() + told.name.len() + 100;
            if octets > NOTE && notes.last().is_some_and(|note| !note.lines.is_empty()) {
                notes.push(self.empty(Kind::Tell, wall));
                octets = 0;
            }
            if let Some(note) = notes.last_mut() {
                note.lines.push(told);
            }
        }
        let parts = u32::try_from(notes.len()).unwrap_or(u32::MAX);
        self.waiting.extend((0..).zip(notes).map(|(part, note)| {
            let note = Note {
                part,
                parts,
                ..note
            };
            note.written()
        }));
    }
}

/// No answer has more parts.
const TOLD_PARTS: u32 = 2 * TOLD as u32;

/// A text that is not too long to be told.
fn shortened(text: &str) -> String {
    if text.len() <= LONGEST {
        return text.to_owned();
    }
    let end = (0..=LONGEST).rev().find(|end| text.is_char_boundary(*end));
    format!("{}…", &text[..end.unwrap_or(0)])
}

fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::text::envelope::{NOTES, is_note};

    fn who(id: u32) -> Who {
        Who {
            id: MemberId::new(id).unwrap(),
            name: format!("m{id}"),
            address: "10.0.0.1:7".parse().unwrap(),
            takes_reliable: true,
        }
    }

    fn said(id: u32, sequence: u32, text: &str) -> Line {
        Line {
            sender: who(id),
            session: Some(Session::new(u64::from(id))),
            sequence: Sequence::new(sequence),
            note: String::new(),
            text: text.to_owned(),
            stated: None,
            heard: 0,
            teller: None,
        }
    }

    fn present(ids: &[u32]) -> BTreeSet<Life> {
        let life = |id: &u32| (MemberId::new(*id).unwrap(), Session::new(u64::from(*id)));
        ids.iter().map(life).collect()
    }

    /// What is sent.
    fn sent(recall: &mut Recall) -> Vec<Note> {
        let mut notes = Vec::new();
        while let Some(note) = recall.next() {
            notes.push(Note::read(note.as_bytes(), 3).unwrap());
            recall.sent();
        }
        notes
    }

    const SOON: Duration = Duration::from_secs(1);

    #[test]
    fn who_comes_is_told_what_those_said_who_have_left() {
        let now = Instant::now();
        let mut ana = Recall::new(3, true);
        for n in 0..40 {
            ana.keep(&said(7, n, &format!("gone {n}")), 1_000 + u64::from(n));
            ana.keep(&said(2, n, "still there"), 1_000);
        }
        // It was heard before its name was.
        let mut unnamed = said(7, 40, "and that");
        unnamed.sender.name.clear();
        ana.keep(&unnamed, 1_040);
        ana.name(unnamed.sender.id, "m7");
        let mut eva = Recall::new(3, true);
        assert_eq!((eva.is_answered(), eva.is_in_vain()), (false, false));
        eva.attend(None, || present(&[]), (now, 5));
        assert_eq!(sent(&mut eva), [], "nobody to ask");
        eva.attend(Some(now), || present(&[]), (now + SOON, 5));
        let ask = sent(&mut eva).remove(0);
        assert!(eva.is_in_vain());
        assert_eq!(ana.note(&ask, &who(9), 0, now), []);
        ana.attend(None, || present(&[1, 2, 9]), (now + SOON, 9_000));
        let told = sent(&mut ana);
        assert!(told.len() > 1, "in notes that are small");
        let mut lines = Vec::new();
        for (n, note) in told.iter().enumerate() {
            assert!(!eva.is_answered(), "{n}");
            lines.extend(eva.note(note, &who(1), 77, now));
        }
        assert!(eva.is_answered() && !eva.is_in_vain());
        assert_eq!(lines.pop().map(|line| line.sender), Some(who(7)));
        let texts: Vec<_> = lines.iter().map(|line| line.text.clone()).collect();
        assert_eq!(
            texts,
            (0..40).map(|n| format!("gone {n}")).collect::<Vec<_>>()
        );
        assert_eq!(lines[1].stated, Some(1_001));
        assert_eq!(lines[1].life(), said(7, 1, "").life());
        assert_eq!(lines[1].teller, Some(who(1)));
        // What was told is not told on: nobody tells what it did not hear itself.
        lines.iter().for_each(|line| eva.keep(line, 0));
        assert_eq!(eva.kept.len(), 0);
    }

    #[test]
    fn what_others_have_told_is_not_told_again() {
        let now = Instant::now();
        let mut tellers = [Recall::new(3, true), Recall::new(3, true)];
        for teller in &mut tellers {
            teller.keep(&said(7, 0, "gone"), 1);
        }
        tellers[1].keep(&said(7, 1, "and more"), 2);
        let ask = tellers[0].empty(Kind::Ask, 0);
        for teller in &mut tellers {
            teller.note(&ask, &who(9), 0, now);
        }
        let [one, other] = &mut tellers;
        one.attend(None, || present(&[]), (now + SOON, 0));
        let told = sent(one);
        assert_eq!(told.len(), 1);
        other.note(&told[0], &who(1), 0, now);
        other.attend(None, || present(&[]), (now + SOON, 0));
        let more = sent(other);
        assert_eq!(more[0].lines.len(), 1);
        assert_eq!(more[0].lines[0].text, "and more");
        // Who knows no more is silent, but not the only one who knows nothing.
        for (is_told, answers) in [(false, 1), (true, 0)] {
            let mut third = Recall::new(3, true);
            third.note(&ask, &who(9), 0, now);
            if is_told {
                third.note(&told[0], &who(1), 0, now);
            }
            third.attend(None, || present(&[]), (now + SOON, 0));
            assert_eq!(sent(&mut third).len(), answers);
        }
    }

    #[test]
    fn there_is_an_end_to_what_is_told_and_taken() {
        let now = Instant::now();
        let mut ana = Recall::new(3, true);
        for n in 0..10_000 {
            ana.keep(&said(7, n, &"x".repeat(2_000)), 0);
        }
        assert_eq!(ana.kept.len(), KEPT);
        let ask = ana.empty(Kind::Ask, 0);
        let mut notes = 0;
        // Asked all the time.
        for ms in 0..2_700 {
            let now = now + Duration::from_millis(ms);
            ana.note(&ask, &who(9), 0, now);
            ana.attend(None, || present(&[]), (now, 0));
            let told = sent(&mut ana);
            let octets: usize = told.iter().map(|note| note.written().len()).sum();
            assert!(octets < 2 * OCTETS, "{octets}");
            notes += usize::from(!told.is_empty());
        }
        assert!(notes <= 3, "{notes}");
        // Whoever did not ask takes nothing.
        let tell = |time| Note {
            lines: (0..60)
                .map(|sequence| Told {
                    sender: "7".to_owned(),
                    session: "7".to_owned(),
                    sequence,
                    name: String::new(),
                    time: 0,
                    text: String::new(),
                })
                .collect(),
            ..ana.empty(Kind::Tell, time)
        };
        let mut eva = Recall::new(3, true);
        assert_eq!(eva.note(&tell(0), &who(1), 0, now), []);
        eva.attend(Some(now), || present(&[]), (now + SOON, 0));
        let taken: usize = (0..1_000)
            .map(|time| eva.note(&tell(time), &who(1), 0, now).len())
            .sum();
        assert_eq!((taken, eva.parts.len()), (TAKEN, TAKEN));
    }

    #[test]
    fn notes_of_strangers_are_read_with_care() {
        for text in [
            "",
            "{}",
            "hello",
            r#"{"groupcast_chat":"shout","channel":3,"time":0}"#,
            r#"{"groupcast_chat":"ask","channel":4,"time":0}"#,
            r#"{"groupcast_chat":"ask","channel":3,"time":-1}"#,
        ] {
            assert_eq!(Note::read(text.as_bytes(), 3), None, "{text}");
        }
        let odd = r#"{"groupcast_chat":"tell","channel":3,"time":0,"more":1,"lines":[
            {"sender":"0","session":"1","sequence":0,"name":"","time":0,"text":""},
            {"sender":"x","session":"1","sequence":0,"name":"","time":0,"text":""},
            {"sender":"1","session":"1","sequence":0,"name":"ben","time":0,"text":"hi"}]}"#;
        let note = Note::read(odd.as_bytes(), 3).unwrap();
        assert_eq!(note.lines(&who(1), 0).len(), 1);
    }

    #[test]
    fn the_page_says_the_same() {
        let page = include_str!("../../CHAT.md");
        for line in page
            .lines()
            .filter(|line| line.starts_with("{\"groupcast_chat\""))
        {
            let note = Note::read(line.as_bytes(), 0).unwrap();
            assert_eq!(note.lines.len(), note.lines(&who(1), 0).len());
        }
        let ask = Recall::new(0, true).empty(Kind::Ask, 1_764_316_800_123);
        assert!(is_note(NOTES, ask.written().as_bytes()));
        assert!(page.contains(&ask.written()));
        assert!(page.contains(r#"{"groupcast_chat":"tell""#));
    }
}
