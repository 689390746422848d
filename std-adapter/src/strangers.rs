//! Who speaks the protocol on the group's address and port, and is not of the group.
//!
//! The group drops what they say and counts it; who they are stands in the headers, which nothing protects from
//! being read.

use core::net::SocketAddr;

use groupcast::seal::{KeyError, KeySet, Keyring};
use groupcast::wire::{Header, MAGIC, Suite, VERSION, open_group_tag};
use groupcast::{GroupTag, MemberId, Name};

/// Bytes of the shortest datagram of the protocol.
const SHORTEST: usize = Header::LEN + Suite::Open.trailer_len();

/// Strangers that are kept until somebody asks for them.
const MOST: usize = 64;

/// The suites, as the header has them.
const OPEN: u8 = 0;
const SEALED: u8 = 1;

/// How a datagram begins: magic, version and suite, group tag.
type Head = [u8; 4];

const fn head(suite: u8, tag: GroupTag) -> Head {
    let [high, low] = tag.get().to_be_bytes();
    [MAGIC, VERSION << 4 | suite, high, low]
}

/// Somebody whose datagrams come to the group's address and port, and are not of the group: it has another key,
/// another name, another suite or another version. See [`MemberBuilder::note_strangers`].
///
/// Nothing of this is proved: anybody can write such a header.
///
/// [`MemberBuilder::note_strangers`]: crate::MemberBuilder::note_strangers
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub struct Stranger {
    /// The version of the protocol; [`VERSION`] is this one's.
    pub version: u8,
    /// The suite: 0 open, 1 sealed. Of another version, nobody knows.
    pub suite: u8,
    /// The tag of its group.
    pub tag: u16,
    /// Its id.
    pub sender: MemberId,
}

impl Stranger {
    /// Who sent this datagram, if it is framed as any version of the protocol does it.
    #[must_use]
    pub fn of(datagram: &[u8]) -> Option<Self> {
        let (&[magic, kind, tag_high, tag_low, a, b, c, d], _) = datagram.split_first_chunk()?;
        let sender = MemberId::new(u32::from_be_bytes([a, b, c, d]))?;
        (magic == MAGIC && datagram.len() >= SHORTEST).then_some(Self {
            version: kind >> 4,
            suite: kind & 0xf,
            tag: u16::from_be_bytes([tag_high, tag_low]),
            sender,
        })
    }
}

/// Looks at what is received, and keeps the strangers.
#[derive(Debug)]
pub(crate) struct Strangers {
    /// How the group's own datagrams begin; first those that are sent now.
    own: Vec<Head>,
    kept: Vec<Stranger>,
}

impl Strangers {
    /// Those that are not of this group.
    pub(crate) fn new(
        group: SocketAddr,
        name: &Name,
        keys: Option<&KeySet>,
    ) -> Result<Self, KeyError> {
        let own = match keys {
            None => vec![head(OPEN, open_group_tag(group, name))],
            Some(keys) => {
                let keys = Keyring::derive(keys, group, name)?;
                keys.tags().map(|tag| head(SEALED, tag)).collect()
            }
        };
        Ok(Self {
            own,
            kept: Vec::new(),
        })
    }

    /// A datagram was received.
    #[inline]
    pub(crate) fn look(&mut self, datagram: &[u8]) {
        if datagram.first_chunk() != self.own.first() {
            self.note(datagram);
        }
    }

    #[cold]
    fn note(&mut self, datagram: &[u8]) {
        let is_own = datagram
            .first_chunk()
            .is_some_and(|head| self.own.contains(head));
        if let Some(stranger) = Stranger::of(datagram)
            && !is_own
            && self.kept.len() < MOST
            && !self.kept.contains(&stranger)
        {
            self.kept.push(stranger);
        }
    }

    /// Those that were heard since the last call.
    pub(crate) fn take(&mut self) -> Vec<Stranger> {
        core::mem::take(&mut self.kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use groupcast::seal::GroupKey;

    fn group() -> SocketAddr {
        "239.1.2.3:12345".parse().unwrap()
    }

    fn datagram(head: Head, sender: u32) -> Vec<u8> {
        let mut datagram = head.to_vec();
        datagram.extend(sender.to_be_bytes());
        datagram.resize(SHORTEST, 0);
        datagram
    }

    fn tag(name: &str) -> GroupTag {
        open_group_tag(group(), &Name::new(name).unwrap())
    }

    #[test]
    fn who_is_of_another_group_is_kept_once_until_it_is_taken() {
        let mut strangers = Strangers::new(group(), &Name::EMPTY, None).unwrap();
        let other = head(OPEN, tag("kitchen"));
        for _ in 0..3 {
            strangers.look(&datagram(head(OPEN, tag("")), 7));
            strangers.look(&datagram(other, 8));
            strangers.look(&datagram(head(SEALED, tag("")), 9));
            strangers.look(b"raw");
            strangers.look(b"");
            // Nobody has the id zero.
            strangers.look(&datagram(other, 0));
            strangers.look(&datagram(other, 10)[..SHORTEST - 1]);
        }
        let kept = strangers.take();
        let ids: Vec<_> = kept.iter().map(|stranger| stranger.sender.get()).collect();
        assert_eq!(ids, [8, 9]);
        assert_eq!(kept[0].tag, tag("kitchen").get());
        assert_eq!((kept[0].version, kept[0].suite, kept[1].suite), (1, 0, 1));
        assert!(strangers.take().is_empty());
    }

    #[test]
    fn whoever_has_one_of_the_keys_is_no_stranger() {
        let mut keys = KeySet::new(GroupKey::new([1; 32]));
        keys.accept(GroupKey::new([2; 32])).unwrap();
        let ring = Keyring::derive(&keys, group(), &Name::EMPTY).unwrap();
        let mut strangers = Strangers::new(group(), &Name::EMPTY, Some(&keys)).unwrap();
        for tag in ring.tags() {
            strangers.look(&datagram(head(SEALED, tag), 7));
        }
        assert!(strangers.take().is_empty());
        strangers.look(&datagram(head(OPEN, ring.sending().tag()), 8));
        assert_eq!(strangers.take().len(), 1);
    }

    #[test]
    fn a_flood_of_strangers_takes_no_more_memory() {
        let mut strangers = Strangers::new(group(), &Name::EMPTY, None).unwrap();
        for sender in 1..1_000 {
            strangers.look(&datagram(head(OPEN, tag("flood")), sender));
        }
        assert_eq!(strangers.take().len(), MOST);
    }
}
