//! Numbers that must be new at every start, and numbers that nobody may guess.

use core::fmt;

use zeroize::Zeroize;

use super::key::KeySet;
use super::schedule::{HASH_LEN, hmac, padded};
use crate::ident::Session;
use crate::seed::is_nobodys;

/// All that a device can offer that differs between devices and between starts.
///
/// A sealed group breaks if a member begins twice with the same session: then the same key stream
/// covers two texts. So everything there is goes in, and a weak source does no harm beside a good one.
/// It takes random bytes, or else a counter of starts together with an id of the device; with neither
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
///
/// It is used up by the member that is made of it, and cannot be copied: two members of one entropy would begin with
/// the same session. For each there are random bytes of its own, or another count of starts.
///
/// ```compile_fail,E0382
/// use groupcast::seal::{Entropy, GroupKey, KeySet, Seal};
///
/// let keys = KeySet::new(GroupKey::new([7; 32]));
/// let entropy = Entropy::new().with_random(b"of a generator of random numbers");
/// let first = Seal::new(&keys, entropy);
/// let second = Seal::new(&keys, entropy); // it is gone
/// ```
#[derive(Default)]
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

    /// Bytes of a random number generator, 16 or more; or of noise, of which there should be much
    /// more.
    ///
    /// Bytes that are all the same, that count, or that repeat after fewer than 16 count as nothing: that is what
    /// a generator gives that is not switched on, and what one writes who means to come back to it. Nobody
    /// can tell of others that they are not random: that remains with whoever gives them.
    #[must_use]
    pub const fn with_random(mut self, random: &'a [u8]) -> Self {
        self.random = random;
        self
    }

    /// What no other device has: the chip's unique id, an Ethernet address, a fixed member id. Six bytes or
    /// more of only `00` or `ff` count as nothing: that is what a chip gives whose id was not read.
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
    /// There are fewer than 16 bytes that may be random, and no counter of starts with the id of a device
    /// either.
    pub fn seed(self) -> Result<[u8; HASH_LEN], NotEnoughEntropy> {
        self.derive()
    }

    pub(crate) fn derive(&self) -> Result<[u8; HASH_LEN], NotEnoughEntropy> {
        let random = self.random.len() >= 16 && !is_pattern(self.random);
        if !random && (self.starts.is_none() || is_nobodys(self.device)) {
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

/// Whether no generator of random numbers gave these bytes: they repeat, or count in bytes or words.
///
/// So many bytes are compared each time that of random ones 1 of 2^43 at most is taken for that.
fn is_pattern(octets: &[u8]) -> bool {
    const ENOUGH: usize = 6;
    (1..16).any(|lag: usize| {
        let second = octets.get(lag..).unwrap_or_default();
        let third = second.get(lag..).unwrap_or_default();
        let repeats = || octets.iter().zip(second).all(|(a, b)| a == b);
        let counts = || {
            let mut three = octets.iter().zip(second).zip(third);
            three.all(|((a, b), c)| b.wrapping_sub(*a) == c.wrapping_sub(*b))
        };
        (second.len() >= ENOUGH && repeats()) || (third.len() >= ENOUGH && counts())
    })
}

/// There is nothing that is new at every start.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct NotEnoughEntropy;

impl fmt::Display for NotEnoughEntropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "nothing here is new at every start; give 16 bytes or more of a random number generator \
             (bytes that are all the same, count or repeat, such as [7; 32], are refused; in a test take \
             text of 16 bytes), or a counter of starts and the id of the device",
        )
    }
}

impl core::error::Error for NotEnoughEntropy {}

/// Draws the sessions and challenges of one member's life.
///
/// Unlike the numbers that jitter comes from, none of these tells anything of the others: each is an
/// HMAC-SHA256 under a key of the seed and the group's key. It cannot be copied: what a copy draws is not new.
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
        self.hash(&[b"jitter"])
    }

    /// The hash of these under its key.
    #[cfg_attr(target_os = "none", inline(never))]
    fn hash(&self, parts: &[&[u8]]) -> [u8; HASH_LEN] {
        let mut key = padded(&self.key);
        let hash = hmac(&key, parts);
        key.zeroize();
        hash
    }

    /// Goes another way from here on than one that was told another `difference`, or nothing: a copy of
    /// this device draws the same until then.
    pub fn part(&mut self, difference: u64) {
        self.key = self.hash(&[b"part", &difference.to_be_bytes()]);
    }

    /// A session that has not been drawn before.
    pub fn session(&mut self) -> Session {
        Session::new(self.next(b"session"))
    }

    /// A challenge that nobody can guess.
    pub fn challenge(&mut self) -> u64 {
        self.next(b"challenge")
    }

    #[cfg_attr(target_os = "none", inline(never))]
    fn next(&mut self, label: &[u8]) -> u64 {
        // A member does not live to draw 2^64 numbers.
        self.drawn = self.drawn.wrapping_add(1);
        let [a, b, c, d, e, f, g, h, ..] = self.hash(&[label, &self.drawn.to_be_bytes()]);
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
    use std::vec::Vec;

    /// PROTOCOL K4.
    #[test]
    fn without_anything_new_there_is_no_seed() {
        let none = Entropy::new;
        for refused in [
            none(),
            none().with_random(&[0; 32]),
            none().with_random(&[0xff; 32]),
            none().with_random(b"fifteen octets."),
            none().with_device(b"chip"),
            none().with_starts(4),
            none().with_random(&[0; 32]).with_starts(4),
            none().with_random(&[0; 32]).with_device(b"chip"),
            // An id that was not read, of flash or of registers.
            none().with_device(&[0xff; 12]).with_starts(4),
            none().with_device(&[0; 6]).with_starts(4),
        ] {
            assert_eq!(refused.seed(), Err(NotEnoughEntropy));
        }
    }

    /// PROTOCOL K4.
    #[test]
    fn one_new_thing_is_enough_for_a_new_seed() {
        let base = || {
            Entropy::new()
                .with_random(b"sixteen octets!!")
                .with_device(b"chip")
                .with_starts(4)
        };
        let others = [
            base(),
            base().with_random(b"sixteen octets!?"),
            base().with_random(b"sixteen octets!!!"),
            base().with_device(b"chop"),
            base().with_device(b""),
            base().with_starts(5),
            base().with_random(&[]),
            base().with_random(&[0; 16]),
        ];
        let count = others.len();
        let seeds: BTreeSet<_> = others
            .into_iter()
            .map(|entropy| entropy.seed().unwrap())
            .collect();
        assert_eq!(seeds.len(), count);
    }

    /// What one writes that means to come back to it, and what a generator gives that does not run.
    fn patterns() -> Vec<Vec<u8>> {
        let mut patterns = Vec::new();
        for len in [16, 17, 20, 24, 32, 48, 64, 100] {
            for step in 0..=255u8 {
                let counting = (0..len).map(|n: u8| 7u8.wrapping_add(n.wrapping_mul(step)));
                patterns.push(counting.collect());
            }
            for width in [2, 4, 8] {
                // 16 octets are too few to see that words of eight count.
                if len < 2 * width + 6 || len % width != 0 {
                    continue;
                }
                let word = |n: u8| {
                    let number = (u64::from(n / width) + 0x1234_5600).to_be_bytes();
                    number[usize::from(8 - width + n % width)]
                };
                let words: Vec<u8> = (0..len).map(word).collect();
                let turned = words.chunks(width.into());
                patterns.push(turned.flat_map(|word| word.iter().rev()).copied().collect());
                patterns.push(words);
            }
            for text in ["secret", "test", "0123456789", "abc", "deadbeef"] {
                patterns.push(text.bytes().cycle().take(len.into()).collect());
            }
        }
        patterns.push(b"\xde\xad\xbe\xef".repeat(4));
        patterns.push(b"\xa5\x5a".repeat(16));
        patterns.push(b"abcdefghijklmnopqrstuvwxyz".to_vec());
        patterns
    }

    #[test]
    fn what_cannot_be_random_is_refused_and_does_no_harm_beside_a_counter() {
        for pattern in patterns() {
            let entropy = || Entropy::new().with_random(&pattern);
            assert_eq!(entropy().seed(), Err(NotEnoughEntropy), "{pattern:02x?}");
            let beside = entropy().with_device(b"chip");
            assert_eq!(beside.seed(), Err(NotEnoughEntropy));
            let beside = entropy().with_device(b"chip").with_starts(1);
            assert!(beside.seed().is_ok());
        }
    }

    #[test]
    fn what_may_be_random_is_taken() {
        let mut layout = [0; 32];
        layout[..6].copy_from_slice(&[0x02, 0, 0, 0, 0, 1]);
        layout[12] = 41;
        let others: [&[u8]; 6] = [
            b"sixteen octets!!",
            b"aaaaaaaaaaaaaaab",
            b"of a generator of random numbers",
            // 16 random octets, twice.
            b"\x91\xc3\x0e\x77\x5a\x21\xf4\x68\x02\xbd\x9e\x43\xd0\x1f\x86\xaa\
              \x91\xc3\x0e\x77\x5a\x21\xf4\x68\x02\xbd\x9e\x43\xd0\x1f\x86\xaa",
            // A device's id and a count of its starts, among zeros.
            &layout,
            &[&[0; 31][..], &[1]].concat(),
        ];
        for random in others {
            assert!(
                Entropy::new().with_random(random).seed().is_ok(),
                "{random:02x?}"
            );
        }
        // And whatever a generator gives.
        let mut random = crate::group::Random::new(&[5; 32].into());
        for round in 0..100_000 {
            let octets: Vec<u8> = (0..16).map(|_| random.below(256) as u8).collect();
            assert!(!is_pattern(&octets), "{round}: {octets:02x?}");
        }
    }

    #[test]
    fn every_bit_of_the_random_octets_makes_other_sessions() {
        let keys = KeySet::new(GroupKey::new([1; 32]));
        let draws = |random: &[u8]| {
            let seed = Entropy::new().with_random(random).seed().unwrap();
            let mut draw = Draw::new(&seed, &keys);
            (draw.session().get(), draw.challenge(), draw.jitter_seed())
        };
        let mut layout = [0; 32];
        layout[..6].copy_from_slice(&[0x02, 0, 0, 0, 0, 1]);
        layout[12] = 41;
        let (session, challenge, jitter) = draws(&layout);
        for bit in 0..256 {
            let mut other = layout;
            other[bit / 8] ^= 1 << (bit % 8);
            let other = draws(&other);
            for differs in [session ^ other.0, challenge ^ other.1] {
                assert!((8..56).contains(&differs.count_ones()), "bit {bit}");
            }
            assert_ne!(jitter, other.2, "bit {bit}");
        }
    }

    /// Tells of a type whether it can be copied.
    struct Copies<T>(core::marker::PhantomData<T>);

    impl<T: Clone> Copies<T> {
        const fn are_made(&self) -> bool {
            true
        }
    }

    trait AreMade {
        fn are_made(&self) -> bool {
            false
        }
    }

    impl<T> AreMade for Copies<T> {}

    #[test]
    fn what_a_member_begins_with_cannot_be_copied() {
        use core::marker::PhantomData;

        assert!(
            Copies::<KeySet>(PhantomData).are_made(),
            "this test can fail"
        );
        assert!(!Copies::<Entropy<'_>>(PhantomData).are_made());
        assert!(!Copies::<crate::seal::Seal<'_>>(PhantomData).are_made());
        assert!(!Copies::<crate::Seed>(PhantomData).are_made());
        assert!(!Copies::<Draw>(PhantomData).are_made());
    }

    /// PROTOCOL K4.
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
