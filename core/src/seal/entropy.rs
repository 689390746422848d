//! Numbers that must be new at every start, and numbers that nobody may guess.

use core::fmt;

use zeroize::Zeroize;

use super::key::KeySet;
use super::schedule::{HASH_LEN, hmac, padded};
use crate::ident::Session;

/// All that a device can offer that differs between devices and between starts.
///
/// A sealed group breaks if a member begins twice with the same session: then the same key stream
/// covers two texts. So everything there is goes in, and a weak source does no harm beside a good one.
/// It takes random octets, or else a counter of starts together with an id of the device; with neither
/// there is no seed.
///
/// ```
/// use groupcast::seal::Entropy;
///
/// let chip_id = [0x2a, 0x00, 0x17];
/// let starts = 41; // read from flash, and written back as 42 before it is used
/// let seed = Entropy::new().with_device(&chip_id).with_starts(starts).seed()?;
/// # Ok::<(), groupcast::seal::NotEnoughEntropy>(())
/// ```
#[derive(Clone, Copy, Default)]
pub struct Entropy<'a> {
    random: &'a [u8],
    device: &'a [u8],
    starts: Option<u64>,
}

impl<'a> Entropy<'a> {
    /// Nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            random: &[],
            device: &[],
            starts: None,
        }
    }

    /// Octets of a random number generator, 16 or more; or of noise, of which there should be much
    /// more. If all are the same they count as nothing: that is what a generator gives that is not
    /// switched on.
    #[must_use]
    pub const fn with_random(mut self, random: &'a [u8]) -> Self {
        self.random = random;
        self
    }

    /// What no other device has: the chip's unique id, an Ethernet address, a fixed member id.
    #[must_use]
    pub const fn with_device(mut self, id: &'a [u8]) -> Self {
        self.device = id;
        self
    }

    /// What this device never had before: a counter in flash that rises **before** each start, or a
    /// clock that never goes back.
    #[must_use]
    pub const fn with_starts(mut self, counter: u64) -> Self {
        self.starts = Some(counter);
        self
    }

    /// A seed for [`Group::new`](crate::Group::new) and [`Node::new`](crate::Node::new);
    /// [`Seal::new`](super::Seal::new) takes the entropy itself.
    ///
    /// # Errors
    ///
    /// There are fewer than 16 random octets, or all are the same, and no counter of starts with the id
    /// of a device either.
    pub fn seed(&self) -> Result<[u8; HASH_LEN], NotEnoughEntropy> {
        let random = self.random.len() >= 16
            && self
                .random
                .iter()
                .any(|octet| Some(octet) != self.random.first());
        if !random && (self.starts.is_none() || self.device.is_empty()) {
            return Err(NotEnoughEntropy);
        }
        // Lengths fit 64 bits on every platform there is. With them, no two inputs read the same.
        Ok(hmac(
            &padded(b"groupcast v1 seed"),
            &[
                &(self.random.len() as u64).to_be_bytes(),
                self.random,
                &(self.device.len() as u64).to_be_bytes(),
                self.device,
                &self.starts.unwrap_or_default().to_be_bytes(),
            ],
        ))
    }
}

impl fmt::Debug for Entropy<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entropy(secret)")
    }
}

/// There is nothing that is new at every start.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct NotEnoughEntropy;

impl fmt::Display for NotEnoughEntropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "nothing here is new at every start; give 16 random octets or more, or a counter of starts \
             and the id of the device",
        )
    }
}

impl core::error::Error for NotEnoughEntropy {}

/// Draws the sessions and challenges of one member's life.
///
/// Unlike the numbers that jitter comes from, none of these tells anything of the others: each is an
/// HMAC-SHA256 under a key of the seed and the group's key.
#[derive(Clone)]
pub struct Draw {
    key: [u8; HASH_LEN],
    drawn: u64,
}

impl Draw {
    /// Draws from this seed. It must be new at every start: see [`Entropy`].
    #[must_use]
    pub fn new(seed: &[u8; 32], keys: &KeySet) -> Self {
        Self {
            key: hmac(
                &padded(b"groupcast v1 draw"),
                &[seed, keys.sending().secret()],
            ),
            drawn: 0,
        }
    }

    /// A seed for what anybody may know: ids and jitter. It tells nothing of the rest.
    pub(crate) fn jitter_seed(&self) -> [u8; HASH_LEN] {
        let mut key = padded(&self.key);
        let hash = hmac(&key, &[b"jitter"]);
        key.zeroize();
        hash
    }

    /// A session that has not been drawn before.
    pub fn session(&mut self) -> Session {
        Session::new(self.next(b"session"))
    }

    /// A challenge that nobody can guess.
    pub fn challenge(&mut self) -> u64 {
        self.next(b"challenge")
    }

    fn next(&mut self, label: &[u8]) -> u64 {
        // A member does not live to draw 2^64 numbers.
        self.drawn = self.drawn.wrapping_add(1);
        let mut key = padded(&self.key);
        let hash = hmac(&key, &[label, &self.drawn.to_be_bytes()]);
        key.zeroize();
        let [a, b, c, d, e, f, g, h, ..] = hash;
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }
}

impl Drop for Draw {
    fn drop(&mut self) {
        self.key.zeroize();
    }
}

impl fmt::Debug for Draw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Draw(secret)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::GroupKey;
    use std::collections::BTreeSet;

    #[test]
    fn without_anything_new_there_is_no_seed() {
        let none = Entropy::new();
        for refused in [
            none,
            none.with_random(&[0; 32]),
            none.with_random(&[0xff; 32]),
            none.with_random(b"fifteen octets."),
            none.with_device(b"chip"),
            none.with_starts(4),
            none.with_random(&[0; 32]).with_starts(4),
            none.with_random(&[0; 32]).with_device(b"chip"),
        ] {
            assert_eq!(refused.seed(), Err(NotEnoughEntropy));
        }
    }

    #[test]
    fn one_new_thing_is_enough_for_a_new_seed() {
        let base = Entropy::new()
            .with_random(b"sixteen octets!!")
            .with_device(b"chip")
            .with_starts(4);
        let others = [
            base,
            base.with_random(b"sixteen octets!?"),
            base.with_random(b"sixteen octets!!!"),
            base.with_device(b"chop"),
            base.with_device(b""),
            base.with_starts(5),
            base.with_random(&[]),
            base.with_random(&[0; 16]),
        ];
        let seeds: BTreeSet<_> = others
            .iter()
            .map(|entropy| entropy.seed().unwrap())
            .collect();
        assert_eq!(seeds.len(), others.len());
    }

    #[test]
    fn nothing_is_drawn_twice() {
        let keys = [1, 2].map(|octet| KeySet::new(GroupKey::new([octet; 32])));
        let mut drawn = BTreeSet::new();
        for seed in [[1; 32], [2; 32]] {
            for keys in &keys {
                let mut draw = Draw::new(&seed, keys);
                for _ in 0..100 {
                    assert!(drawn.insert(draw.session().get()));
                    assert!(drawn.insert(draw.challenge()));
                }
            }
        }
    }
}
