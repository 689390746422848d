//! Who was heard, group by group.
//!
//! Nothing of it is proved, and all of it is bounded: anybody can send whatever he likes.

use core::net::{IpAddr, SocketAddr};
use std::collections::{BTreeMap, BTreeSet};

use groupcast::wire::{Frame, Suite, VERSION, is_framed, open_group_tag, parse};
use groupcast::{MemberId, Name};
use groupcast_std::Stranger;

use crate::network::framing::tag_of_doctors;

/// Groups, and members of each, that are told apart.
const MOST_GROUPS: usize = 256;
const MOST_MEMBERS: usize = 4096;

/// How a group speaks on its address and port.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Kind {
    /// With the tag that its name, if it has one, makes.
    Open(u16),
    /// With the tag that its key and name make.
    Sealed(u16),
    /// In a version that this program does not have.
    OtherVersion,
    /// By programs that do not speak the protocol.
    Raw,
}

/// Those who were heard in a group.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// With their names, where those can be read.
    members: BTreeMap<MemberId, Name>,
    /// Where raw datagrams came from.
    sources: BTreeSet<SocketAddr>,
}

impl Heard {
    /// How many members; of raw ones, how many senders.
    pub(super) fn count(&self) -> usize {
        self.members.len() + self.sources.len()
    }

    /// What those call themselves whose names can be read, each once.
    pub(super) fn names(&self) -> BTreeSet<&str> {
        let names = self.members.values().map(Name::as_str);
        names.filter(|name| !name.is_empty()).collect()
    }

    /// The machines of raw senders.
    pub(super) fn machines(&self) -> BTreeSet<IpAddr> {
        self.sources.iter().map(SocketAddr::ip).collect()
    }
}

/// All that was heard.
#[derive(Debug, Default)]
pub(super) struct Census {
    groups: BTreeMap<(SocketAddr, Kind), Heard>,
    /// Whether those count, too, who have left.
    keeps: bool,
}

impl Census {
    /// Of all who were ever there, as somebody asks who looks into the past.
    pub(super) fn of_all() -> Self {
        Self {
            keeps: true,
            ..Self::default()
        }
    }

    /// A datagram was sent to this group.
    pub(super) fn hear(&mut self, group: SocketAddr, source: SocketAddr, datagram: &[u8]) {
        if !is_framed(datagram) {
            if let Some(heard) = self.group(group, Kind::Raw)
                && heard.sources.len() < MOST_MEMBERS
            {
                heard.sources.insert(source);
            }
            return;
        }
        let Some(stranger) = Stranger::of(datagram) else {
            return;
        };
        match (stranger.version, stranger.suite) {
            (VERSION, 0) => self.hear_open(group, datagram),
            (VERSION, 1) => self.note(group, Kind::Sealed(stranger.tag), stranger.sender),
            _ => self.note(group, Kind::OtherVersion, stranger.sender),
        }
    }

    /// An open one, whole or damaged.
    fn hear_open(&mut self, group: SocketAddr, datagram: &[u8]) {
        let Ok((header, frames)) = parse(datagram) else {
            return;
        };
        let tag = header.tag.get();
        // Doctors are no members of anything.
        if header.suite != Suite::Open || tag == tag_of_doctors(group) {
            return;
        }
        let kind = Kind::Open(tag);
        self.note(group, kind, header.sender);
        for frame in frames {
            let Some(heard) = self.groups.get_mut(&(group, kind)) else {
                return;
            };
            match frame {
                Ok(Frame::Hello(hello)) => {
                    if let Some(name) = heard.members.get_mut(&header.sender) {
                        *name = hello.name;
                    }
                }
                Ok(Frame::Bye(_)) if !self.keeps => {
                    heard.members.remove(&header.sender);
                }
                Ok(_) => {}
                Err(_) => return,
            }
        }
    }

    fn note(&mut self, group: SocketAddr, kind: Kind, sender: MemberId) {
        if let Some(heard) = self.group(group, kind)
            && heard.members.len() < MOST_MEMBERS
        {
            heard.members.entry(sender).or_insert(Name::EMPTY);
        }
    }

    /// What was heard in a group; `None` if there is no room for another one.
    fn group(&mut self, group: SocketAddr, kind: Kind) -> Option<&mut Heard> {
        let has_room = self.groups.len() < MOST_GROUPS || self.groups.contains_key(&(group, kind));
        has_room.then(|| self.groups.entry((group, kind)).or_default())
    }

    /// The groups in which somebody is, in order.
    pub(super) fn groups(&self) -> impl Iterator<Item = (SocketAddr, Kind, &Heard)> {
        let all = self.groups.iter();
        all.map(|((group, kind), heard)| (*group, *kind, heard))
            .filter(|(.., heard)| heard.count() > 0)
    }
}

/// The tag of an open group of this name.
pub(super) fn open(group: SocketAddr, name: &Name) -> Kind {
    Kind::Open(open_group_tag(group, name).get())
}

#[cfg(test)]
mod tests {
    use super::*;
    use groupcast::wire::{Bye, Header, Hello, emit};
    use groupcast::{GroupTag, Session};

    const FROM: &str = "10.0.0.1:4000";

    fn group() -> SocketAddr {
        "239.1.2.3:12345".parse().unwrap()
    }

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    fn datagram(tag: u16, sender: u32, frames: &[Frame<'_>]) -> Vec<u8> {
        let header = Header {
            suite: Suite::Open,
            tag: GroupTag::new(tag),
            sender: MemberId::new(sender).unwrap(),
            session: Session::new(7),
            counter: 1,
        };
        let mut buffer = [0; 512];
        let length = emit(&header, frames, &mut buffer).unwrap();
        buffer[..length].to_vec()
    }

    fn hello(text: &str) -> Frame<'static> {
        Frame::Hello(Hello {
            join: false,
            probe: false,
            capabilities: 0,
            max_datagram: 1200,
            max_message: 0,
            interval: 100,
            receive_burst: 0,
            round_trip: 0,
            group_size: 0,
            name: name(text),
            options: &[],
        })
    }

    fn tag(text: &str) -> u16 {
        open_group_tag(group(), &name(text)).get()
    }

    fn hear(census: &mut Census, datagram: &[u8]) {
        census.hear(group(), FROM.parse().unwrap(), datagram);
    }

    #[test]
    fn members_count_once_and_not_after_their_good_bye() {
        let mut census = Census::default();
        for _ in 0..3 {
            for (sender, who) in [(1, "ana"), (2, "ben"), (3, "ben"), (4, "")] {
                hear(&mut census, &datagram(tag(""), sender, &[hello(who)]));
            }
        }
        hear(
            &mut census,
            &datagram(tag(""), 1, &[Frame::Bye(Bye { reason: 0 })]),
        );
        hear(&mut census, &datagram(tag("kitchen"), 5, &[hello("eva")]));
        let all: Vec<_> = census.groups().collect();
        assert_eq!(all.len(), 2);
        let of = |kind| all.iter().find(|(_, found, _)| *found == kind).unwrap().2;
        let plain = of(open(group(), &Name::EMPTY));
        assert_eq!(plain.count(), 3);
        assert_eq!(Vec::from_iter(plain.names()), ["ben"]);
        assert_eq!(of(open(group(), &name("kitchen"))).count(), 1);
    }

    #[test]
    fn in_the_past_those_count_too_who_left() {
        let mut census = Census::of_all();
        let frames = [hello("ana"), Frame::Bye(Bye { reason: 0 })];
        hear(&mut census, &datagram(tag(""), 1, &frames));
        assert_eq!(census.groups().next().unwrap().2.count(), 1);
    }

    #[test]
    fn what_is_damaged_or_of_a_doctor_is_no_member() {
        let mut census = Census::default();
        let mut damaged = datagram(tag(""), 1, &[hello("ana")]);
        *damaged.last_mut().unwrap() ^= 1;
        hear(&mut census, &damaged);
        hear(&mut census, &damaged[..9]);
        hear(
            &mut census,
            &datagram(tag_of_doctors(group()), 2, &[hello("x")]),
        );
        assert_eq!(census.groups().count(), 0);
    }

    #[test]
    fn kinds_of_one_address_are_told_apart() {
        let mut census = Census::default();
        hear(&mut census, b"hello");
        census.hear(group(), "10.0.0.2:1".parse().unwrap(), b"hello");
        census.hear(group(), "10.0.0.2:2".parse().unwrap(), b"hello");
        let mut sealed = datagram(9, 1, &[]);
        sealed[1] |= 1;
        sealed.resize(64, 0);
        hear(&mut census, &sealed);
        let mut later = sealed.clone();
        later[1] = 0x20;
        hear(&mut census, &later);
        let all: Vec<_> = census
            .groups()
            .map(|(_, kind, heard)| (kind, heard.count()))
            .collect();
        let expected = [
            (Kind::Sealed(9), 1),
            (Kind::OtherVersion, 1),
            (Kind::Raw, 3),
        ];
        assert_eq!(all, expected);
        let raw = census.groups().last().unwrap().2;
        assert_eq!(raw.machines().len(), 2);
    }

    #[test]
    fn a_flood_takes_no_more_memory() {
        let mut census = Census::default();
        for sender in 1..10_000 {
            hear(&mut census, &datagram(tag(""), sender, &[]));
            let port = u16::try_from(sender).unwrap();
            let other = SocketAddr::new(group().ip(), port);
            census.hear(other, FROM.parse().unwrap(), b"x");
        }
        assert_eq!(census.groups().count(), MOST_GROUPS);
        assert!(
            census
                .groups()
                .all(|(.., heard)| heard.count() <= MOST_MEMBERS)
        );
    }
}
