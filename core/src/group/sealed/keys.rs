//! The keys and challenges of a member of a sealed group.

use core::fmt;

use crate::ident::{GroupTag, MemberId, Name, Session};
use crate::seal::{
    Cipher, DerivedKey, Draw, FirstContact, KeyError, KeySet, Keyring, MAX_KEYS, Seal, Subkey,
};
use crate::time::{Ageing, Span, Tick};
use crate::wire::Header;
use core::net::SocketAddr;

/// So many bad tags under one key, and it is time for another: half of what is safe (RFC 9001 §6.6).
const WORN_OUT: u64 = 1 << 35;

/// Whom the next HELLO asks to send the challenge back.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Wanted {
    Nobody,
    One(MemberId),
    Everybody,
}

/// The keys and challenges of a member of a sealed group.
pub(crate) struct Sealed {
    ring: Keyring,
    cipher: &'static (dyn Cipher + Sync),
    draw: Draw,
    first_contact: FirstContact,
    takes_raw: bool,
    /// What proves that a HELLO which sends it back is not an old one.
    challenge: u64,
    /// When that was first sent.
    asked: Option<Tick>,
    pub(crate) wanted: Wanted,
    /// The key of the own session.
    own: Option<SessionKey>,
    /// The key of the session that was heard last.
    heard: Option<SessionKey>,
    /// How many tags did not fit, for each key.
    bad_tags: [u64; MAX_KEYS],
    /// The place of a key that is to be changed, to be told.
    pub(crate) worn_out: Option<usize>,
}

/// The key of one session, and which one that is.
#[derive(Clone)]
struct SessionKey {
    /// The group key's place in the [`KeySet`].
    place: usize,
    id: MemberId,
    session: Session,
    key: Subkey,
}

impl SessionKey {
    /// The key of a datagram's session, which is kept instead of what was kept before.
    #[cfg_attr(target_os = "none", inline(never))]
    fn keep<'a>(
        kept: &'a mut Option<Self>,
        key: &DerivedKey,
        place: usize,
        header: &Header,
    ) -> Option<&'a Self> {
        let (id, session) = (header.sender, header.session);
        let is_it = |kept: &Self| (kept.place, kept.id, kept.session) == (place, id, session);
        if !kept.as_ref().is_some_and(is_it) {
            *kept = Some(Self {
                place,
                id,
                session,
                key: key.subkey(id, session),
            });
        }
        kept.as_ref()
    }
}

impl Sealed {
    /// The keys for the group with this address, port and name. `seed`: of the seal's entropy.
    pub(crate) fn new(
        seal: &Seal<'_>,
        seed: &[u8; 32],
        group: SocketAddr,
        name: &Name,
    ) -> Result<Self, KeyError> {
        let mut draw = Draw::new(seed, seal.keys);
        Ok(Self {
            ring: Keyring::derive(seal.keys, group, name)?,
            cipher: seal.cipher,
            challenge: draw.challenge(),
            asked: None,
            draw,
            first_contact: seal.first_contact,
            takes_raw: seal.takes_raw,
            wanted: Wanted::Nobody,
            own: None,
            heard: None,
            bad_tags: [0; MAX_KEYS],
            worn_out: None,
        })
    }

    /// Takes other keys. Returns whether the one to send with is another.
    pub(crate) fn set_keys(
        &mut self,
        keys: &KeySet,
        group: SocketAddr,
        name: &Name,
    ) -> Result<bool, KeyError> {
        let ring = Keyring::derive(keys, group, name)?;
        let changes = !ring.sending().is_same(self.ring.sending());
        self.ring = ring;
        self.own = None;
        self.heard = None;
        self.bad_tags = [0; MAX_KEYS];
        self.worn_out = None;
        Ok(changes)
    }

    pub(crate) const fn tag(&self) -> GroupTag {
        self.ring.sending().tag()
    }

    pub(crate) fn knows(&self, tag: GroupTag) -> bool {
        self.ring.with_tag(tag).next().is_some()
    }

    pub(crate) const fn takes_raw(&self) -> bool {
        self.takes_raw
    }

    pub(crate) const fn trusts_first(&self) -> bool {
        matches!(self.first_contact, FirstContact::TrustFirst)
    }

    pub(crate) const fn challenge(&self) -> u64 {
        self.challenge
    }

    /// Whether whoever sends the challenge back now is there: it was sent, not longer than its `life` ago.
    pub(crate) fn challenge_lives(&self, now: Tick, life: Span) -> bool {
        self.asked.is_some_and(|at| now.span_since(at) < life)
    }

    /// Time makes it older.
    pub(crate) const fn age(&mut self, ageing: Ageing) {
        let Self {
            ring: _,
            cipher: _,
            draw: _,
            first_contact: _,
            takes_raw: _,
            challenge: _,
            asked,
            wanted: _,
            own: _,
            heard: _,
            bad_tags: _,
            worn_out: _,
        } = self;
        ageing.maybe(asked);
    }

    /// A challenge to send, which lives for at least another half of its `life`.
    pub(crate) fn ask(&mut self, now: Tick, life: Span) -> u64 {
        if self
            .asked
            .is_some_and(|at| now.span_since(at) >= life.checked_div(2).unwrap_or_default())
        {
            self.draw_challenge();
        }
        self.asked.get_or_insert(now);
        self.challenge
    }

    /// A seed for jitter and ids, which anybody may know.
    pub(crate) fn jitter_seed(&self) -> [u8; 32] {
        self.draw.jitter_seed()
    }

    /// A session that has not been there before.
    pub(crate) fn draw_session(&mut self) -> Session {
        self.draw.session()
    }

    /// Draws otherwise from here on than a copy of this device.
    pub(crate) fn part(&mut self, difference: u64) {
        self.draw.part(difference);
    }

    /// A window was forgotten: whoever sent the challenge back before does so no longer.
    pub(crate) fn draw_challenge(&mut self) {
        self.challenge = self.draw.challenge();
        self.asked = None;
    }

    /// This sender is to send the challenge back. Returns whether that is another wish than before.
    pub(crate) fn want(&mut self, id: MemberId) -> bool {
        let before = self.wanted;
        self.wanted = match before {
            Wanted::Nobody => Wanted::One(id),
            Wanted::One(other) if other == id => before,
            Wanted::One(_) | Wanted::Everybody => Wanted::Everybody,
        };
        self.wanted != before
    }

    /// Seals a datagram of this member in place. `false`: the cipher failed.
    pub(crate) fn seal(&mut self, header: &Header, datagram: &mut [u8]) -> bool {
        let own = SessionKey::keep(&mut self.own, self.ring.sending(), 0, header);
        own.is_some_and(|own| {
            let sealed = own.key.seal_numbered(self.cipher, header.counter, datagram);
            sealed.is_ok()
        })
    }

    /// Opens a datagram in place. `false`: its tag fits under no key.
    pub(crate) fn open(&mut self, header: &Header, datagram: &mut [u8]) -> bool {
        for (place, key) in self.ring.with_tag(header.tag) {
            let session = SessionKey::keep(&mut self.heard, key, place, header);
            let opened = session.is_some_and(|session| {
                let opened = session
                    .key
                    .open_numbered(self.cipher, header.counter, datagram);
                opened.is_ok()
            });
            if opened {
                return true;
            }
            if let Some(bad) = self.bad_tags.get_mut(place) {
                *bad = bad.saturating_add(1);
                if *bad == WORN_OUT {
                    self.worn_out = Some(place);
                }
            }
        }
        false
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealed(secret)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::{Entropy, GroupKey};

    /// PROTOCOL K17.
    #[test]
    fn tags_that_do_not_fit_are_counted_for_each_key_until_it_is_worn_out() {
        let mut keys = KeySet::new(GroupKey::new([1; 32]));
        keys.accept(GroupKey::new([2; 32])).unwrap();
        let entropy = Entropy::new().with_random(b"sixteen octets!!");
        let group = "239.1.2.3:12345".parse().unwrap();
        let seal = Seal::new(&keys, entropy);
        let seed = seal.entropy.derive().unwrap();
        let mut sealed = Sealed::new(&seal, &seed, group, &Name::EMPTY).unwrap();
        let tag = sealed.ring.sending().tag();
        let [high, low] = tag.get().to_be_bytes();
        let mut forged = [7; 60];
        forged[..4].copy_from_slice(&[crate::wire::MAGIC, 0x11, high, low]);
        let header = crate::wire::parse_header(&forged).unwrap();
        assert!(!sealed.open(&header, &mut forged));
        assert_eq!(
            (sealed.bad_tags[..2].to_vec(), sealed.worn_out),
            (std::vec![1, 0], None)
        );
        sealed.bad_tags[0] = WORN_OUT - 2;
        assert!(!sealed.open(&header, &mut forged));
        assert_eq!(sealed.worn_out, None);
        assert!(!sealed.open(&header, &mut forged));
        assert_eq!(sealed.worn_out.take(), Some(0));
        assert!(!sealed.open(&header, &mut forged));
        assert_eq!(sealed.worn_out, None, "it is told once");
        let changed = sealed.set_keys(&keys, group, &Name::EMPTY);
        assert_eq!(changed, Ok(false));
        assert_eq!(sealed.bad_tags, [0; MAX_KEYS]);
    }
}
