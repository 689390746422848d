//! What the store keeps: records of the log, and the checkpoint beside it. Integers are little-endian.

use core::ops::Range;

use groupcast::{Channel, Class, MemberId, Session};

use super::gaps::{Gap, Place};
use super::marks::{Mark, Run};

/// A reliable message that is to be published.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Message {
    pub(super) sender: MemberId,
    pub(super) session: Session,
    pub(super) sequence: u32,
    /// How many numbers it takes, at least.
    pub(super) numbers: u32,
    pub(super) channel: Channel,
    /// When it came: Unix time, in milliseconds.
    pub(super) time: u64,
    pub(super) is_signed: bool,
    pub(super) name: String,
    pub(super) payload: Vec<u8>,
}

impl Message {
    /// What it takes in memory, roughly.
    pub(super) const fn cost(&self) -> usize {
        self.payload.len() + self.name.len() + 160
    }
}

/// A record of the log.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Record {
    Message(Message),
    /// The group lost something.
    Gap(Gap),
    /// These numbers are dealt with, without anything to publish from here.
    Seen {
        sender: MemberId,
        session: Session,
        first: u32,
        numbers: u32,
    },
}

/// What holds at a moment. What the log has from `end` on came after it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Checkpoint {
    pub(super) end: u64,
    /// Positions of messages that were sent, and are not acknowledged.
    pub(super) sent: Vec<u64>,
    /// All messages from here on are not acknowledged either.
    pub(super) rest: u64,
    pub(super) next_gap: u64,
    pub(super) gaps: Vec<Gap>,
    pub(super) marks: Vec<Mark>,
    /// Positions that cannot be read, from the first to before the last, in order. What was there is told.
    pub(super) holes: Vec<Range<u64>>,
    /// The lowest number of each life that is not acknowledged.
    pub(super) lowest: Vec<(MemberId, Session, u32)>,
}

const VERSION: u8 = 2;

pub(super) const CLASSES: [Class; 5] = [
    Class::BestEffort,
    Class::Latest,
    Class::State,
    Class::ReliableUnordered,
    Class::ReliableOrdered,
];

/// What is written.
#[derive(Default)]
struct Writer(Vec<u8>);

impl Writer {
    fn u8(&mut self, n: u8) {
        self.0.push(n);
    }

    fn u32(&mut self, n: u32) {
        self.0.extend_from_slice(&n.to_le_bytes());
    }

    fn u64(&mut self, n: u64) {
        self.0.extend_from_slice(&n.to_le_bytes());
    }

    fn octets(&mut self, octets: &[u8]) {
        self.u32(octets.len() as u32);
        self.0.extend_from_slice(octets);
    }

    fn optional(&mut self, n: Option<u64>) {
        self.u8(u8::from(n.is_some()));
        self.u64(n.unwrap_or_default());
    }

    fn gap(&mut self, gap: &Gap) {
        self.u64(gap.id);
        self.u32(gap.sender.get());
        self.u64(gap.session.get());
        self.u32(gap.first);
        self.optional(gap.last.map(u64::from));
        self.optional(gap.messages);
        self.u8(gap.place as u8);
        self.u64(gap.time);
        self.octets(gap.name.as_bytes());
    }
}

/// What is left to read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*head)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take().map(u8::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    fn octets(&mut self) -> Option<&'a [u8]> {
        let len = self.u32()? as usize;
        let (head, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(head)
    }

    fn text(&mut self) -> Option<String> {
        core::str::from_utf8(self.octets()?).ok().map(str::to_owned)
    }

    fn sender(&mut self) -> Option<MemberId> {
        MemberId::new(self.u32()?)
    }

    fn session(&mut self) -> Option<Session> {
        self.u64().map(Session::new)
    }

    fn optional(&mut self) -> Option<Option<u64>> {
        let is_some = self.u8()? != 0;
        let n = self.u64()?;
        Some(is_some.then_some(n))
    }

    /// So many items, each of which has at least a byte.
    fn count(&mut self) -> Option<usize> {
        let count = self.u32()? as usize;
        (count <= self.0.len()).then_some(count)
    }

    fn gap(&mut self) -> Option<Gap> {
        Some(Gap {
            id: self.u64()?,
            sender: self.sender()?,
            session: self.session()?,
            first: self.u32()?,
            last: match self.optional()? {
                Some(last) => Some(u32::try_from(last).ok()?),
                None => None,
            },
            messages: self.optional()?,
            place: Place::ALL.get(usize::from(self.u8()?)).copied()?,
            time: self.u64()?,
            name: self.text()?,
        })
    }
}

impl Record {
    pub(super) fn write(&self) -> Vec<u8> {
        let mut w = Writer::default();
        match self {
            Self::Message(message) => {
                w.u8(1);
                w.u32(message.sender.get());
                w.u64(message.session.get());
                w.u32(message.sequence);
                w.u32(message.numbers);
                let class = CLASSES.iter().position(|c| *c == message.channel.class());
                w.u8(class.unwrap_or_default() as u8);
                w.u8(message.channel.number());
                w.u64(message.time);
                w.u8(u8::from(message.is_signed));
                w.octets(message.name.as_bytes());
                w.octets(&message.payload);
            }
            Self::Gap(gap) => {
                w.u8(2);
                w.gap(gap);
            }
            Self::Seen {
                sender,
                session,
                first,
                numbers,
            } => {
                w.u8(3);
                w.u32(sender.get());
                w.u64(session.get());
                w.u32(*first);
                w.u32(*numbers);
            }
        }
        w.0
    }

    pub(super) fn read(octets: &[u8]) -> Option<Self> {
        let mut r = Reader(octets);
        let record = match r.u8()? {
            1 => Self::Message(Message {
                sender: r.sender()?,
                session: r.session()?,
                sequence: r.u32()?,
                numbers: r.u32()?.max(1),
                channel: {
                    let class = CLASSES.get(usize::from(r.u8()?)).copied()?;
                    Channel::new(r.u8()?, class)
                },
                time: r.u64()?,
                is_signed: r.u8()? != 0,
                name: r.text()?,
                payload: r.octets()?.to_vec(),
            }),
            2 => Self::Gap(r.gap()?),
            3 => Self::Seen {
                sender: r.sender()?,
                session: r.session()?,
                first: r.u32()?,
                numbers: r.u32()?.max(1),
            },
            _ => return None,
        };
        r.0.is_empty().then_some(record)
    }
}

impl Checkpoint {
    pub(super) fn write(&self) -> Vec<u8> {
        let mut w = Writer::default();
        w.u8(VERSION);
        w.u64(self.end);
        w.u32(self.sent.len() as u32);
        self.sent.iter().for_each(|position| w.u64(*position));
        w.u64(self.rest);
        w.u64(self.next_gap);
        w.u32(self.gaps.len() as u32);
        self.gaps.iter().for_each(|gap| w.gap(gap));
        w.u32(self.marks.len() as u32);
        for mark in &self.marks {
            w.u32(mark.sender.get());
            w.u64(mark.session.get());
            w.u64(mark.seen);
            w.u8(u8::from(mark.is_over));
            w.u32(mark.runs.len() as u32);
            for run in &mark.runs {
                w.u64(run.start);
                w.u64(run.end);
            }
        }
        w.u32(self.holes.len() as u32);
        for hole in &self.holes {
            w.u64(hole.start);
            w.u64(hole.end);
        }
        w.u32(self.lowest.len() as u32);
        for (sender, session, number) in &self.lowest {
            w.u32(sender.get());
            w.u64(session.get());
            w.u32(*number);
        }
        w.0
    }

    pub(super) fn read(octets: &[u8]) -> Option<Self> {
        let mut r = Reader(octets);
        if r.u8()? != VERSION {
            return None;
        }
        let end = r.u64()?;
        let sent = (0..r.count()?).map(|_| r.u64()).collect::<Option<_>>()?;
        let rest = r.u64()?;
        let next_gap = r.u64()?;
        let gaps = (0..r.count()?).map(|_| r.gap()).collect::<Option<_>>()?;
        let mut marks = Vec::new();
        for _ in 0..r.count()? {
            let (sender, session, seen) = (r.sender()?, r.session()?, r.u64()?);
            let is_over = r.u8()? != 0;
            let mut runs = Vec::new();
            for _ in 0..r.count()? {
                let (start, end) = (r.u64()?, r.u64()?);
                runs.push(Run { start, end });
            }
            if !runs.is_sorted_by(|a, b| a.end < b.start) || runs.iter().any(|r| r.start > r.end) {
                return None;
            }
            marks.push(Mark {
                sender,
                session,
                seen,
                is_over,
                runs,
            });
        }
        let mut holes = Vec::new();
        for _ in 0..r.count()? {
            let (start, end) = (r.u64()?, r.u64()?);
            holes.push(start..end);
        }
        if !holes.is_sorted_by(|a, b| a.end < b.start) || holes.iter().any(Range::is_empty) {
            return None;
        }
        let lowest = (0..r.count()?).map(|_| Some((r.sender()?, r.session()?, r.u32()?)));
        let lowest = lowest.collect::<Option<_>>()?;
        let checkpoint = Self {
            end,
            sent,
            rest,
            next_gap,
            gaps,
            marks,
            holes,
            lowest,
        };
        r.0.is_empty().then_some(checkpoint)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let sender = MemberId::new(7).unwrap();
        let session = Session::new(u64::MAX);
        let gap = Gap {
            id: 5,
            sender,
            session,
            first: u32::MAX,
            last: None,
            messages: Some(3),
            place: Place::Broker,
            time: 1,
            name: "a\0b".to_owned(),
        };
        let message = Message {
            sender,
            session,
            sequence: 9,
            numbers: 2,
            channel: Channel::reliable_ordered(3),
            time: 12,
            is_signed: true,
            name: "ana".to_owned(),
            payload: vec![0, 1, 255],
        };
        let seen = Record::Seen {
            sender,
            session,
            first: 1,
            numbers: 4,
        };
        for record in [Record::Message(message), Record::Gap(gap.clone()), seen] {
            let octets = record.write();
            assert_eq!(Record::read(&octets), Some(record));
            for len in 0..octets.len() {
                assert_eq!(Record::read(&octets[..len]), None);
            }
        }
        let checkpoint = Checkpoint {
            end: 9,
            sent: vec![3, 5],
            rest: 6,
            next_gap: 6,
            gaps: vec![gap],
            marks: vec![Mark {
                sender,
                session,
                seen: 4,
                is_over: true,
                runs: vec![Run { start: 1, end: 1 }, Run { start: 3, end: 9 }],
            }],
            holes: vec![4..5, 7..9],
            lowest: vec![(sender, session, 8)],
        };
        let octets = checkpoint.write();
        assert_eq!(Checkpoint::read(&octets), Some(checkpoint));
        for len in 0..octets.len() {
            assert_eq!(Checkpoint::read(&octets[..len]), None);
        }
    }

    proptest! {
        #[test]
        fn any_octets_are_a_record_or_none(octets in prop::collection::vec(any::<u8>(), 0..200)) {
            for kind in 0..4 {
                let mut octets = octets.clone();
                octets.insert(0, kind);
                Record::read(&octets);
                Checkpoint::read(&octets);
            }
        }
    }
}
