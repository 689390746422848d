//! Who is in the group and cannot be read: counted by the headers of their datagrams, and told once while it lasts.
//!
//! Nothing of it is proved. Anybody can write such headers, so it is a hint for people, and bounded.

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::BTreeMap;
use std::time::Instant;

use groupcast::MemberId;
use groupcast::wire::VERSION;
use groupcast_std::Stranger;

use super::framing::tag_of_doctors;

/// Members that are told apart.
const MOST: usize = 64;

/// Silence after which somebody is not there any more. In a group of 160 members, each says every 8 s that it is there.
const GONE: Duration = Duration::from_secs(10);

/// How long all of a group take to say that they are there, so that the first number told is the right one.
const SETTLING: Duration = Duration::from_millis(1500);

/// Why somebody cannot be read.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Why {
    /// Both are sealed. The tag is made of key and name, so nobody can tell which of them is another.
    OtherKey,
    /// Both are open.
    OtherName,
    /// Sealed, where this one is open.
    Sealed,
    /// Open, where this one is sealed.
    Open,
    Version,
}

impl Why {
    pub(crate) const ALL: [Self; 5] = [
        Self::OtherKey,
        Self::OtherName,
        Self::Sealed,
        Self::Open,
        Self::Version,
    ];

    /// Why a member that is sealed, or is not, cannot read a stranger.
    pub(crate) const fn of(version: u8, suite: u8, is_sealed: bool) -> Self {
        match (version, suite, is_sealed) {
            (VERSION, 0, false) => Self::OtherName,
            (VERSION, 0, true) => Self::Open,
            (VERSION, 1, false) => Self::Sealed,
            (VERSION, 1, true) => Self::OtherKey,
            // A suite that this version does not have is of a later one.
            _ => Self::Version,
        }
    }

    /// What stands behind `2 members here`.
    pub(crate) const fn said(self, is_one: bool) -> &'static str {
        match (self, is_one) {
            (Self::OtherKey, true) => "uses another key or group name",
            (Self::OtherKey, false) => "use another key or group name",
            (Self::OtherName, true) => "uses another group name",
            (Self::OtherName, false) => "use another group name",
            (Self::Sealed, true) => "has a key, and none is given here",
            (Self::Sealed, false) => "have a key, and none is given here",
            (Self::Open, true) => "has no key, and one is used here",
            (Self::Open, false) => "have no key, and one is used here",
            (Self::Version, true) => "speaks another version of the protocol",
            (Self::Version, false) => "speak another version of the protocol",
        }
    }
}

/// Somebody who cannot be read.
#[derive(Clone, Copy, Debug)]
struct Heard {
    why: Why,
    last: Instant,
}

/// Those who are in the group and cannot be read.
#[derive(Debug)]
pub(crate) struct Unreadable {
    is_sealed: bool,
    /// Doctors have a group of their own on every group's address and port.
    doctors: u16,
    heard: BTreeMap<MemberId, Heard>,
    /// When the first of those was heard who are there.
    since: Option<Instant>,
    /// What was told of them.
    told: Vec<Why>,
}

impl Unreadable {
    /// For a member, or a listener, of this group.
    pub(crate) fn new(group: SocketAddr, is_sealed: bool) -> Self {
        Self {
            is_sealed,
            doctors: tag_of_doctors(group),
            heard: BTreeMap::new(),
            since: None,
            told: Vec::new(),
        }
    }

    /// Somebody was heard who is not of the group.
    pub(crate) fn hear(&mut self, now: Instant, stranger: &Stranger) {
        let why = Why::of(stranger.version, stranger.suite, self.is_sealed);
        let is_doctor = stranger.tag == self.doctors && stranger.suite == 0;
        if is_doctor && why != Why::Version {
            return;
        }
        self.note(now, stranger.sender, why);
    }

    /// Somebody cannot be read, for this reason.
    pub(crate) fn note(&mut self, now: Instant, sender: MemberId, why: Why) {
        self.forget(now);
        if self.heard.len() < MOST || self.heard.contains_key(&sender) {
            self.heard.insert(sender, Heard { why, last: now });
            self.since.get_or_insert(now);
        }
    }

    fn forget(&mut self, now: Instant) {
        self.heard
            .retain(|_, heard| now.saturating_duration_since(heard.last) < GONE);
        if self.heard.is_empty() {
            self.since = None;
            self.told.clear();
        }
    }

    /// How many there are, of each reason that anybody has.
    pub(crate) fn count(&self) -> Vec<(Why, usize)> {
        let of = |why| self.heard.values().filter(|heard| heard.why == why).count();
        let counts = Why::ALL.map(|why| (why, of(why)));
        counts.into_iter().filter(|(_, count)| *count > 0).collect()
    }

    /// Who cannot be read now, in words.
    pub(crate) fn text(&mut self, now: Instant) -> Option<String> {
        self.forget(now);
        self.words()
    }

    fn words(&self) -> Option<String> {
        let full = if self.heard.len() < MOST {
            ""
        } else {
            " or more"
        };
        let one = |(why, count): (Why, usize)| {
            let members = if count == 1 { "member" } else { "members" };
            format!("{count}{full} {members} here {}", why.said(count == 1))
        };
        let all: Vec<_> = self.count().into_iter().map(one).collect();
        (!all.is_empty()).then(|| all.join("; "))
    }

    /// What is to be told now: once while it lasts, and again when a reason is new.
    pub(crate) fn news(&mut self, now: Instant) -> Option<String> {
        self.since?;
        self.forget(now);
        let since = self.since?;
        if now.saturating_duration_since(since) < SETTLING {
            return None;
        }
        self.last_news()
    }

    /// What has not been told, when there is no time to wait for more.
    pub(crate) fn last_news(&mut self) -> Option<String> {
        let reasons: Vec<_> = self.count().into_iter().map(|(why, _)| why).collect();
        if reasons.iter().all(|why| self.told.contains(why)) {
            return None;
        }
        self.told.extend(reasons);
        self.words()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open() -> Unreadable {
        Unreadable::new("239.1.2.3:12345".parse().unwrap(), false)
    }

    /// A stranger, as its datagrams show it.
    fn stranger(kind: u8, tag: u16, sender: u32) -> Stranger {
        let mut datagram = vec![0xc1, kind];
        datagram.extend(tag.to_be_bytes());
        datagram.extend(sender.to_be_bytes());
        datagram.resize(26, 0);
        Stranger::of(&datagram).unwrap()
    }

    fn why(kind: u8, is_sealed: bool) -> Why {
        let stranger = stranger(kind, 1, 1);
        Why::of(stranger.version, stranger.suite, is_sealed)
    }

    #[test]
    fn each_reason_is_told_from_the_others() {
        assert_eq!(why(0x10, false), Why::OtherName);
        assert_eq!(why(0x11, false), Why::Sealed);
        assert_eq!(why(0x10, true), Why::Open);
        assert_eq!(why(0x11, true), Why::OtherKey);
        for kind in [0x20, 0x21, 0x12, 0x01] {
            assert_eq!(why(kind, false), Why::Version, "{kind:x}");
            assert_eq!(why(kind, true), Why::Version, "{kind:x}");
        }
    }

    #[test]
    fn it_is_told_once_while_it_lasts_and_with_the_right_number() {
        let mut unreadable = Unreadable::new("239.1.2.3:12345".parse().unwrap(), true);
        let start = Instant::now();
        let at = |tenths: u64| start + Duration::from_millis(100 * tenths);
        assert_eq!(unreadable.news(at(0)), None);
        // Two members, each every second, for a minute.
        let mut told = Vec::new();
        for tenth in 0..600 {
            if tenth % 10 == 0 {
                unreadable.hear(at(tenth), &stranger(0x11, 1, 1));
            }
            if tenth % 10 == 9 {
                unreadable.hear(at(tenth), &stranger(0x11, 1, 2));
            }
            told.extend(unreadable.news(at(tenth)));
        }
        assert_eq!(told, ["2 members here use another key or group name"]);
        // Another reason is news.
        unreadable.hear(at(600), &stranger(0x10, 7, 3));
        assert_eq!(
            unreadable.news(at(600)).unwrap(),
            "2 members here use another key or group name; 1 member here has no key, and one is used here"
        );
        assert_eq!(unreadable.news(at(610)), None);
        // They go, and others come.
        assert_eq!(unreadable.news(at(800)), None);
        assert_eq!(unreadable.words(), None);
        unreadable.hear(at(900), &stranger(0x11, 1, 4));
        assert_eq!(unreadable.news(at(901)), None, "there may be more");
        let told = unreadable.last_news();
        assert_eq!(
            told.unwrap(),
            "1 member here uses another key or group name"
        );
    }

    #[test]
    fn doctors_are_nobody() {
        let mut unreadable = open();
        let doctors = tag_of_doctors("239.1.2.3:12345".parse().unwrap());
        unreadable.hear(Instant::now(), &stranger(0x10, doctors, 1));
        assert_eq!(unreadable.words(), None);
        unreadable.hear(Instant::now(), &stranger(0x11, doctors, 2));
        unreadable.hear(Instant::now(), &stranger(0x20, doctors, 3));
        assert_eq!(unreadable.count(), [(Why::Sealed, 1), (Why::Version, 1)]);
    }

    #[test]
    fn a_flood_of_ids_takes_no_more_memory() {
        let mut unreadable = open();
        let now = Instant::now();
        for sender in 1..1_000 {
            unreadable.hear(now, &stranger(0x10, 7, sender));
        }
        assert_eq!(unreadable.heard.len(), MOST);
        let text = unreadable.words().unwrap();
        assert_eq!(text, "64 or more members here use another group name");
    }
}
