//! From the group's key to the key of one sender's session (PROTOCOL §8.1).

use core::fmt;
use core::net::{IpAddr, SocketAddr};

use chacha20::{R20, hchacha};
use ctutils::CtEq;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroize;

use super::cipher::KEY_LEN;
use super::key::{KeyError, KeySet, MAX_KEYS};
use crate::ident::{GroupTag, MemberId, Name, Session};

/// The salt of all that is extracted.
const SALT: &[u8] = b"groupcast v1";

/// Bytes of a hash.
pub(super) const HASH_LEN: usize = 32;

/// HMAC-SHA256 of `parts`, one after the other.
pub(super) fn hmac(key: &[u8; 64], parts: &[&[u8]]) -> [u8; HASH_LEN] {
    let mut mac = Hmac::<Sha256>::new(key.into());
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// A key for [`hmac()`]: `octets`, filled up with zeros, as HMAC does with a short key. What is beyond
/// 64 bytes is left out; nobody has that.
#[cfg_attr(target_os = "none", inline(never))]
pub(super) fn padded(octets: &[u8]) -> [u8; 64] {
    let mut key = [0; 64];
    for (to, from) in key.iter_mut().zip(octets) {
        *to = *from;
    }
    key
}

/// HKDF-Extract of `parts`, as a key for [`hmac()`].
fn extract(salt: &[u8], parts: &[&[u8]]) -> [u8; 64] {
    let mut hash = hmac(&padded(salt), parts);
    let key = padded(&hash);
    hash.zeroize();
    key
}

/// The keys of a [`KeySet`] for one group.
///
/// It takes as long to derive as a few datagrams take to seal, and is made once.
#[derive(Clone)]
pub struct Keyring {
    sending: DerivedKey,
    others: [Option<DerivedKey>; MAX_KEYS - 1],
}

impl Keyring {
    /// The keys for the group with this address, port and name. For an IPv6 group the scope does not
    /// count.
    ///
    /// # Errors
    ///
    /// A key is all zeros.
    pub fn derive(keys: &KeySet, group: SocketAddr, name: &Name) -> Result<Self, KeyError> {
        keys.check()?;
        let mut ring = Self {
            sending: DerivedKey::derive(keys.sending().secret(), group, name),
            others: [const { None }; MAX_KEYS - 1],
        };
        for (place, key) in ring.others.iter_mut().zip(keys.iter().skip(1)) {
            *place = Some(DerivedKey::derive(key.secret(), group, name));
        }
        Ok(ring)
    }

    /// The key to send with.
    #[must_use]
    pub const fn sending(&self) -> &DerivedKey {
        &self.sending
    }

    /// The key at this place of the [`KeySet`].
    #[cfg_attr(target_os = "none", inline(never))]
    fn at(&self, place: usize) -> Option<&DerivedKey> {
        match place.checked_sub(1) {
            None => Some(&self.sending),
            Some(other) => self.others.get(other)?.as_ref(),
        }
    }

    /// The tags of all keys, that of the one to send with first.
    pub fn tags(&self) -> impl Iterator<Item = GroupTag> {
        let keys = (0..MAX_KEYS).filter_map(|place| self.at(place));
        keys.map(DerivedKey::tag)
    }

    /// All keys with this tag, and their places in the [`KeySet`]: as a rule one or none.
    ///
    /// Two of a group's keys share a tag by chance once in 65,536; then each is tried.
    pub fn with_tag(&self, tag: GroupTag) -> impl Iterator<Item = (usize, &DerivedKey)> {
        let keys = (0..MAX_KEYS).filter_map(|place| Some((place, self.at(place)?)));
        keys.filter(move |(_, key)| key.tag == tag)
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keyring(secret)")
    }
}

/// A group's key, made one of this group alone.
#[derive(Clone)]
pub struct DerivedKey {
    sealing: [u8; KEY_LEN],
    tag: GroupTag,
}

impl DerivedKey {
    fn derive(secret: &[u8; 32], group: SocketAddr, name: &Name) -> Self {
        let port = group.port().to_be_bytes();
        let (v4, v6);
        let address: (&[u8], &[u8]) = match group.ip() {
            IpAddr::V4(ip) => {
                v4 = ip.octets();
                (&[4], &v4)
            }
            IpAddr::V6(ip) => {
                v6 = ip.octets();
                (&[16], &v6)
            }
        };
        let mut extracted = extract(SALT, &[secret]);
        let expand = |label: &[u8]| {
            let suite = b"\0xchacha20poly1305\0";
            let (length, address) = address;
            // HKDF-Expand to no more than one hash.
            let parts: [&[u8]; 7] = [label, suite, length, address, &port, name.as_bytes(), &[1]];
            hmac(&extracted, &parts)
        };
        let [high, low, ..] = expand(b"tag");
        let sealing = expand(b"enc");
        extracted.zeroize();
        Self {
            sealing,
            tag: GroupTag::new(u16::from_be_bytes([high, low])),
        }
    }

    /// Whether it is the same key, in constant time.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.sealing.ct_eq(&other.sealing).to_bool()
    }

    /// What names key and group in the header. It is no secret.
    #[must_use]
    pub const fn tag(&self) -> GroupTag {
        self.tag
    }

    /// The key of one sender's session.
    ///
    /// It costs about as much as sealing 64 bytes. Who has 32 bytes to spare for each peer keeps it;
    /// others derive it for every datagram.
    #[must_use]
    pub fn subkey(&self, sender: MemberId, session: Session) -> Subkey {
        let [a, b, c, d] = sender.get().to_be_bytes();
        let [e, f, g, h, i, j, k, l] = session.get().to_be_bytes();
        let input = [a, b, c, d, e, f, g, h, i, j, k, l, 0, 0, 0, 0];
        Subkey(hchacha::<R20>((&self.sealing).into(), (&input).into()).into())
    }
}

impl Drop for DerivedKey {
    fn drop(&mut self) {
        self.sealing.zeroize();
    }
}

impl fmt::Debug for DerivedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DerivedKey({:04x}, secret)", self.tag.get())
    }
}

/// The key of one sender's session: it seals and opens datagrams.
#[derive(Clone)]
pub struct Subkey([u8; KEY_LEN]);

impl Subkey {
    pub(super) const fn octets(&self) -> &[u8; KEY_LEN] {
        &self.0
    }
}

impl Drop for Subkey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Subkey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Subkey(secret)")
    }
}
