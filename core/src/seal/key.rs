//! The secrets that the members of a group share.

use core::fmt;

use ctutils::CtEq;
use zeroize::Zeroize;

/// How many keys a member accepts at once.
pub const MAX_KEYS: usize = 4;

/// A group's key: 32 secret bytes that all its members hold, and nobody else.
///
/// They come from a random number generator (`groupcast keygen` makes them), never from a word that
/// somebody thought of. They are wiped from memory when the value is dropped, compared in constant
/// time, and never shown.
///
/// ```
/// use groupcast::seal::GroupKey;
///
/// const KEY: GroupKey = GroupKey::new([7; 32]); // on a board: the output of `groupcast keygen`
/// assert_eq!(format!("{KEY:?}"), "GroupKey(secret)");
/// ```
#[derive(Clone)]
pub struct GroupKey([u8; Self::LEN]);

impl GroupKey {
    /// Bytes of a key.
    pub const LEN: usize = 32;

    /// The key of these bytes. All zeros are refused by [`Keyring::derive`](super::Keyring::derive).
    #[must_use]
    pub const fn new(secret: [u8; Self::LEN]) -> Self {
        Self(secret)
    }

    /// The bytes, for whoever has to store them. They are secret.
    #[must_use]
    pub const fn secret(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    fn is_zero(&self) -> bool {
        self.0.ct_eq(&[0; Self::LEN]).to_bool()
    }
}

impl Drop for GroupKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl PartialEq for GroupKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).to_bool()
    }
}

impl Eq for GroupKey {}

impl fmt::Debug for GroupKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GroupKey(secret)")
    }
}

/// The keys that a member accepts. With one of them it sends.
///
/// More than one is for a change of key: the new one is first accepted everywhere, then sent with
/// everywhere, and then the old one is taken away.
#[derive(Clone, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct KeySet {
    sending: GroupKey,
    others: [Option<GroupKey>; MAX_KEYS - 1],
}

impl KeySet {
    /// A single key, to send with and to accept.
    #[must_use]
    pub const fn new(sending: GroupKey) -> Self {
        Self {
            sending,
            others: [const { None }; MAX_KEYS - 1],
        }
    }

    /// Accepts another key, too.
    ///
    /// # Errors
    ///
    /// The key is there already, or there are [`MAX_KEYS`].
    pub fn accept(&mut self, key: GroupKey) -> Result<(), KeyError> {
        if self.iter().any(|known| *known == key) {
            return Err(KeyError::Twice);
        }
        let free = self.others.iter_mut().find(|other| other.is_none());
        *free.ok_or(KeyError::TooMany)? = Some(key);
        Ok(())
    }

    /// The key to send with.
    #[must_use]
    pub const fn sending(&self) -> &GroupKey {
        &self.sending
    }

    /// All keys, the one to send with first.
    pub fn iter(&self) -> impl Iterator<Item = &GroupKey> {
        core::iter::once(&self.sending).chain(self.others.iter().flatten())
    }

    /// Refuses a key that nobody filled in.
    pub(super) fn check(&self) -> Result<(), KeyError> {
        if self.iter().any(GroupKey::is_zero) {
            return Err(KeyError::Zero);
        }
        Ok(())
    }
}

/// Why keys cannot be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum KeyError {
    /// A key is all zeros.
    Zero,
    /// A key is there twice.
    Twice,
    /// There are more than [`MAX_KEYS`].
    TooMany,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Zero => {
                f.write_str("a key is all zeros, as if nobody filled it in; make one with keygen")
            }
            Self::Twice => f.write_str("a key is there twice; leave one out"),
            Self::TooMany => f.write_str("more than 4 keys; leave out the oldest"),
        }
    }
}

impl core::error::Error for KeyError {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;

    fn key(octet: u8) -> GroupKey {
        GroupKey::new([octet; 32])
    }

    #[test]
    fn a_secret_is_not_shown() {
        let set = KeySet::new(key(0xab));
        let shown = format!("{set:?}");
        assert!(!shown.contains("171") && !shown.contains("ab"), "{shown}");
    }

    /// PROTOCOL K1.
    #[test]
    fn four_keys_are_accepted_and_none_twice() {
        let mut set = KeySet::new(key(1));
        assert_eq!(set.accept(key(1)), Err(KeyError::Twice));
        for octet in 2..=4 {
            set.accept(key(octet)).unwrap();
            assert_eq!(set.accept(key(octet)), Err(KeyError::Twice));
        }
        assert_eq!(set.accept(key(5)), Err(KeyError::TooMany));
        let secrets: std::vec::Vec<_> = set.iter().map(|key| key.secret()[0]).collect();
        assert_eq!(secrets, [1, 2, 3, 4]);
        assert_eq!(set.sending(), &key(1));
    }

    /// PROTOCOL K1.
    #[test]
    fn a_key_of_zeros_is_refused_wherever_it_stands() {
        assert_eq!(KeySet::new(key(0)).check(), Err(KeyError::Zero));
        let mut set = KeySet::new(key(1));
        assert_eq!(set.check(), Ok(()));
        set.accept(key(0)).unwrap();
        assert_eq!(set.check(), Err(KeyError::Zero));
    }

    #[test]
    fn keys_that_differ_in_one_bit_are_not_equal() {
        for bit in 0..256_usize {
            let mut other = [1; 32];
            other[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(GroupKey::new(other), key(1), "bit {bit}");
        }
        assert_eq!(key(1), key(1));
    }
}
