//! Gap records: which messages the backends will never see.

use std::collections::BTreeMap;

use groupcast::{MemberId, Sequence, Session};
use serde_json::json;

use super::marks::Lost;

/// How many records may wait. They are merged from here on.
const MOST: usize = 4096;

/// Where messages were lost.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Place {
    /// In the group.
    Lan,
    /// In the gateway, or while it was away.
    Bridge,
    /// The broker refused them.
    Broker,
}

impl Place {
    pub(super) const ALL: [Self; 3] = [Self::Lan, Self::Bridge, Self::Broker];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Lan => "lan",
            Self::Bridge => "bridge",
            Self::Broker => "broker",
        }
    }
}

/// What of the numbers from the first to the last was not published is lost.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Gap {
    pub(super) id: u64,
    pub(super) sender: MemberId,
    pub(super) session: Session,
    pub(super) first: u32,
    /// `None`: nobody knows.
    pub(super) last: Option<u32>,
    /// How many messages; `None`: nobody knows.
    pub(super) messages: Option<u64>,
    pub(super) place: Place,
    pub(super) time: u64,
    pub(super) name: String,
}

impl Gap {
    /// The number that no other record has, as messages have one.
    pub(super) fn mid(&self) -> String {
        format!("{}-{}-gap-{}", self.sender, self.session, self.id)
    }

    /// How many numbers it has that are known.
    pub(super) fn numbers(&self) -> u64 {
        let last = self.last.unwrap_or(self.first);
        u64::from(last.wrapping_sub(self.first)) + 1
    }

    pub(super) fn json(&self) -> Vec<u8> {
        let value = json!({
            "mid": self.mid(),
            "name": self.name,
            "session": self.session.to_string(),
            "first": self.first,
            "last": self.last,
            "messages": self.messages,
            "where": self.place.name(),
            "time": self.time,
        });
        value.to_string().into_bytes()
    }

    fn merge(&mut self, other: &Self) {
        let is_before = |a: u32, b: u32| Sequence::new(a).is_before(Sequence::new(b));
        if is_before(other.first, self.first) {
            self.first = other.first;
        }
        self.last = match (self.last, other.last) {
            (Some(a), Some(b)) => Some(if is_before(a, b) { b } else { a }),
            _ => None,
        };
        let both = self.messages.zip(other.messages);
        self.messages = both.map(|(a, b)| a.saturating_add(b));
        self.place = self.place.max(other.place);
    }
}

#[derive(Clone, Debug)]
struct Waiting {
    gap: Gap,
    /// It is in the store as it is, and may be published.
    is_firm: bool,
    is_sent: bool,
    is_refused: bool,
}

/// The records that the broker does not have.
#[derive(Debug)]
pub(super) struct Gaps {
    waiting: BTreeMap<u64, Waiting>,
    /// Those that grow.
    open: BTreeMap<(MemberId, Session, Place), u64>,
    pub(super) next: u64,
    pub(super) dropped: u64,
    /// How many records were begun, by place.
    pub(super) begun: [u64; 3],
}

impl Gaps {
    /// None yet. The first one has this number.
    pub(super) fn new(next: u64) -> Self {
        Self {
            waiting: BTreeMap::new(),
            open: BTreeMap::new(),
            next,
            dropped: 0,
            begun: [0; 3],
        }
    }

    /// One that the store had.
    pub(super) fn restore(&mut self, gap: Gap) {
        self.next = self.next.max(gap.id.saturating_add(1));
        let waiting = Waiting {
            gap,
            is_firm: true,
            is_sent: false,
            is_refused: false,
        };
        self.waiting.insert(waiting.gap.id, waiting);
    }

    /// A message is lost: with others of its sender it becomes one record.
    pub(super) fn add_message(
        &mut self,
        (sender, session): (MemberId, Session),
        (first, last): (u32, u32),
        place: Place,
        time: u64,
        name: &str,
    ) {
        let gap = Gap {
            id: self.next,
            sender,
            session,
            first,
            last: Some(last),
            messages: Some(1),
            place,
            time,
            name: name.to_owned(),
        };
        let key = (sender, session, place);
        let open = self.open.get(&key).copied();
        // Only what follows: what lies between may have been published, or will be.
        let follows = |gap: &Gap| gap.last.map(|last| last.wrapping_add(1)) == Some(first);
        if let Some(open) = open.and_then(|id| self.waiting.get_mut(&id))
            && follows(&open.gap)
        {
            open.gap.merge(&gap);
            return;
        }
        if self.insert(gap) {
            self.open.insert(key, self.next - 1);
        }
    }

    /// Numbers are lost: a record of its own.
    pub(super) fn add(&mut self, lost: Lost, place: Place, time: u64, name: &str) -> Option<&Gap> {
        let gap = Gap {
            id: self.next,
            sender: lost.sender,
            session: lost.session,
            first: lost.first,
            last: lost.last,
            messages: None,
            place,
            time,
            name: name.to_owned(),
        };
        let id = gap.id;
        self.insert(gap);
        self.waiting.get(&id).map(|waiting| &waiting.gap)
    }

    /// Whether it has a record of its own.
    fn insert(&mut self, gap: Gap) -> bool {
        if self.waiting.len() >= MOST {
            let is_same = |waiting: &&mut Waiting| {
                let other = &waiting.gap;
                !waiting.is_sent && (other.sender, other.session) == (gap.sender, gap.session)
            };
            match self.waiting.values_mut().find(is_same) {
                Some(waiting) => {
                    waiting.gap.merge(&gap);
                    waiting.is_firm = false;
                }
                None => self.dropped += 1,
            }
            return false;
        }
        self.begun[gap.place as usize] += 1;
        let waiting = Waiting {
            gap,
            is_firm: false,
            is_sent: false,
            is_refused: false,
        };
        self.waiting.insert(self.next, waiting);
        self.next += 1;
        true
    }

    /// Everything is in the store, or there is none: from now on none of them grows.
    pub(super) fn make_firm(&mut self) {
        self.open.clear();
        self.waiting
            .values_mut()
            .for_each(|waiting| waiting.is_firm = true);
    }

    /// The same of this one alone.
    pub(super) fn make_firm_one(&mut self, id: u64) {
        if let Some(waiting) = self.waiting.get_mut(&id) {
            waiting.is_firm = true;
        }
    }

    /// Whether any is not firm.
    pub(super) fn has_soft(&self) -> bool {
        self.waiting.values().any(|waiting| !waiting.is_firm)
    }

    /// All of them, to be kept.
    pub(super) fn keep(&self) -> Vec<Gap> {
        self.waiting
            .values()
            .map(|waiting| waiting.gap.clone())
            .collect()
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// The next one to be published, which counts as sent then.
    pub(super) fn send(&mut self) -> Option<&Gap> {
        let is_next =
            |waiting: &&mut Waiting| waiting.is_firm && !waiting.is_sent && !waiting.is_refused;
        let waiting = self.waiting.values_mut().find(is_next)?;
        waiting.is_sent = true;
        Some(&waiting.gap)
    }

    /// The broker has it.
    pub(super) fn acknowledged(&mut self, id: u64) {
        self.waiting.remove(&id);
    }

    /// The broker refused it: it is tried again when there is a new connection.
    pub(super) fn refused(&mut self, id: u64) {
        if let Some(waiting) = self.waiting.get_mut(&id) {
            waiting.is_sent = false;
            waiting.is_refused = true;
        }
    }

    /// Nothing that was sent is known to have arrived.
    pub(super) fn disconnected(&mut self) {
        for waiting in self.waiting.values_mut() {
            waiting.is_sent = false;
            waiting.is_refused = false;
        }
    }

    /// The broker had no room for it.
    pub(super) fn again(&mut self, id: u64) {
        if let Some(waiting) = self.waiting.get_mut(&id) {
            waiting.is_sent = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn life(id: u32) -> (MemberId, Session) {
        (MemberId::new(id).unwrap(), Session::new(1))
    }

    #[test]
    fn messages_that_are_lost_merge_until_the_record_is_kept() {
        let mut gaps = Gaps::new(1);
        for number in [u32::MAX, 0, 1] {
            gaps.add_message(life(7), (number, number), Place::Bridge, 0, "ana");
        }
        // What lies between was published.
        gaps.add_message(life(7), (9, 9), Place::Bridge, 0, "ana");
        assert!(gaps.send().is_none(), "it is not kept yet");
        gaps.make_firm();
        gaps.add_message(life(7), (2, 2), Place::Bridge, 0, "ana");
        let gap = gaps.send().unwrap().clone();
        assert_eq!(
            (gap.first, gap.last, gap.messages),
            (u32::MAX, Some(1), Some(3))
        );
        let other = gaps.send().unwrap().clone();
        assert_eq!((other.first, other.last), (9, Some(9)));
        gaps.acknowledged(other.id);
        assert!(gaps.send().is_none());
        gaps.acknowledged(gap.id);
        gaps.make_firm();
        assert_eq!(gaps.send().unwrap().first, 2);
        gaps.disconnected();
        assert_eq!(gaps.send().unwrap().first, 2, "it is sent again");
    }

    #[test]
    fn records_merge_where_there_are_too_many() {
        let mut gaps = Gaps::new(1);
        let lost = |number: u32| Lost {
            sender: life(7).0,
            session: life(7).1,
            first: number * 2,
            last: Some(number * 2),
        };
        for number in 0..10_000 {
            gaps.add(lost(number), Place::Lan, 0, "");
        }
        assert_eq!((gaps.len(), gaps.dropped), (MOST, 0));
        let last = gaps.keep().iter().filter_map(|gap| gap.last).max();
        assert_eq!(last, Some(19_998));
        let stranger = Lost {
            sender: life(8).0,
            ..lost(0)
        };
        gaps.add(stranger, Place::Lan, 0, "");
        assert_eq!(gaps.dropped, 1);
    }
}
