//! Keys to sign with, and keys to verify with.

use core::fmt;

use ed25519_dalek::{Signature, Signer, VerifyingKey};

use super::statement::Statement;

/// Bytes of a signature.
pub const SIGNATURE_LEN: usize = crate::wire::SIGNATURE_LEN;

/// The key a publisher signs with: made of 32 secret bytes that nobody else holds, not even the other
/// members.
///
/// They come from a random number generator (`groupcast keygen --sign` makes them). The key is wiped from
/// memory when it is dropped, and never shown.
///
/// ```
/// use groupcast::sign::SigningKey;
///
/// let key = SigningKey::new(&[7; 32])?;
/// assert_eq!(format!("{key:?}"), format!("SigningKey(of {}, secret)", key.public()));
/// # Ok::<(), groupcast::sign::SeedIsZero>(())
/// ```
#[derive(Clone)]
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// Bytes of the seed that a key is made of.
    pub const SEED_LEN: usize = 32;

    /// The key of this seed: the secret key of RFC 8032.
    ///
    /// # Errors
    ///
    /// The seed is all zeros.
    pub fn new(seed: &[u8; Self::SEED_LEN]) -> Result<Self, SeedIsZero> {
        if *seed == [0; Self::SEED_LEN] {
            return Err(SeedIsZero);
        }
        Ok(Self(ed25519_dalek::SigningKey::from_bytes(seed)))
    }

    /// The seed, for whoever has to store it. It is secret.
    #[must_use]
    pub fn seed(&self) -> &[u8; Self::SEED_LEN] {
        self.0.as_bytes()
    }

    /// What others know this key by.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    /// Signs. [`Group::queue_signed`](crate::Group::queue_signed) does this for a message.
    #[must_use]
    pub fn sign(&self, statement: &Statement<'_>) -> [u8; SIGNATURE_LEN] {
        // Signing does not fail; what it gives then would be wrong for everybody.
        self.0
            .try_sign(&statement.hash())
            .map_or([0; SIGNATURE_LEN], |signature| signature.to_bytes())
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey(of {}, secret)", self.public())
    }
}

/// The seed of a signing key is all zeros.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SeedIsZero;

impl fmt::Display for SeedIsZero {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the seed of the signing key is all zeros, as if nobody filled it in; \
             make one with keygen --sign",
        )
    }
}

impl core::error::Error for SeedIsZero {}

/// The key that a publisher's signatures are verified with. It is no secret, but whoever can change the
/// list of those that are trusted can command.
///
/// Shown in hexadecimal.
///
/// ```
/// use groupcast::sign::PublicKey;
///
/// const TRUSTED: [PublicKey; 1] = [PublicKey::new([7; 32])]; // the output of `groupcast keygen`
/// ```
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PublicKey([u8; Self::LEN]);

impl PublicKey {
    /// Bytes of a key.
    pub const LEN: usize = 32;

    /// The key of these bytes, as RFC 8032 has them. Whether they can be a key is not looked at here:
    /// see [`is_sound`](Self::is_sound).
    #[must_use]
    pub const fn new(octets: [u8; Self::LEN]) -> Self {
        Self(octets)
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// Whether these bytes are a key. If they are not, nothing is ever verified with it.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.is_shortest() && VerifyingKey::from_bytes(&self.0).is_ok_and(|key| !key.is_weak())
    }

    /// Whether the coordinate in these bytes is below 2^255 − 19: else it is another one's, written otherwise
    /// (PROTOCOL P4).
    fn is_shortest(&self) -> bool {
        let [low, middle @ .., high] = &self.0;
        *low < 0xed || *high & 0x7f != 0x7f || middle.iter().any(|octet| *octet != 0xff)
    }

    /// Whether this signature is of the holder of this key, for this statement.
    ///
    /// [`Verifier`](super::Verifier) does this for a message. What is not strictly as RFC 8032 demands,
    /// and keys and signatures that fit several statements, are refused.
    #[must_use]
    pub fn verifies(&self, statement: &Statement<'_>, signature: &[u8; SIGNATURE_LEN]) -> bool {
        self.verifies_hash(&statement.hash(), signature)
    }

    pub(super) fn verifies_hash(&self, hash: &[u8; 32], signature: &[u8; SIGNATURE_LEN]) -> bool {
        let signature = Signature::from_bytes(signature);
        self.is_shortest()
            && VerifyingKey::from_bytes(&self.0)
                .is_ok_and(|key| key.verify_strict(hash, &signature).is_ok())
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for PublicKey {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "PublicKey({=[u8; 32]:02x})", self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::Verifier;
    use std::format;

    /// RFC 8032 §7.1, test 1.
    const SEED: [u8; 32] = [
        0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c,
        0xc4, 0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae,
        0x7f, 0x60,
    ];

    #[test]
    fn a_public_key_is_that_of_the_standard() {
        let key = SigningKey::new(&SEED).unwrap();
        assert_eq!(
            format!("{}", key.public()),
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
        );
        assert_eq!(key.seed(), &SEED);
        assert!(key.public().is_sound());
    }

    #[test]
    fn a_seed_that_nobody_filled_in_is_refused() {
        assert!(matches!(SigningKey::new(&[0; 32]), Err(SeedIsZero)));
    }

    #[test]
    fn a_secret_is_not_shown() {
        let shown = format!("{:?}", SigningKey::new(&[0xab; 32]).unwrap());
        assert!(!shown.contains("abab") && !shown.contains("171"), "{shown}");
    }

    /// PROTOCOL P4.
    #[test]
    fn octets_that_are_no_key_or_a_weak_one_are_not_sound() {
        let mut no_point = [0; 32];
        no_point[0] = 2;
        // The neutral element, of order 1, and a point of order 2.
        let mut neutral = [0; 32];
        neutral[0] = 1;
        let mut second = [0xff; 32];
        second[0] = 0xec;
        second[31] = 0x7f;
        for weak in [no_point, neutral, second, [0; 32]] {
            assert!(!PublicKey::new(weak).is_sound(), "{weak:02x?}");
        }
    }

    /// PROTOCOL P4. The signature whose R is of small order was made with other mathematics than the crate's.
    #[test]
    fn what_is_not_the_shortest_or_of_small_order_is_refused() {
        let key = SigningKey::new(&SEED).unwrap();
        let hash = [1; 32];
        let genuine = key.0.sign(&hash).to_bytes();
        assert!(key.public().verifies_hash(&hash, &genuine));
        let s = "cd081e5e9dc053218d6b952e3270786cf26308b3cd4c2010be43a00ae913d50f";
        let octet = |at: usize| u8::from_str_radix(&s[2 * at..2 * at + 2], 16).unwrap();
        // R is the neutral element.
        let forged: [u8; 64] = core::array::from_fn(|at| match at {
            0 => 1,
            1..32 => 0,
            _ => octet(at - 32),
        });
        let point = VerifyingKey::from_bytes(key.public().as_bytes()).unwrap();
        let loosely = Verifier::verify(&point, &hash, &Signature::from_bytes(&forged));
        assert!(loosely.is_ok(), "it fits the equation");
        assert!(!key.public().verifies_hash(&hash, &forged));
        // Coordinates of points, and 2^255 − 19 more.
        for y in [3u8, 4, 5, 6, 9, 10, 14, 15, 16, 18] {
            let mut long = [0xff; 32];
            (long[0], long[31]) = (0xed + y, 0x7f);
            assert!(VerifyingKey::from_bytes(&long).is_ok(), "{y}");
            assert!(!PublicKey::new(long).is_sound(), "{y}");
            let mut short = [0; 32];
            short[0] = y;
            assert!(PublicKey::new(short).is_sound(), "{y}");
        }
    }
}
