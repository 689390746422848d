//! Keys as text, with characters to check them by.

use core::fmt;

use data_encoding::BASE32_NOPAD_NOCASE;
use groupcast::seal::GroupKey;
use groupcast::sign::{PublicKey, SigningKey};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Characters of a prefix, of a key, and of what it is checked by.
const PREFIX: usize = 4;
const KEY: usize = 52;
const CHECK: usize = 4;

/// What kind of key a text is, and the first version of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum KeyKind {
    /// The secret that the members of a group share: `gk1-`.
    Group,
    /// The secret that a publisher signs with: `gs1-`.
    Signing,
    /// What a publisher's signatures are verified with: `gp1-`.
    Public,
}

impl KeyKind {
    const ALL: [Self; 3] = [Self::Group, Self::Signing, Self::Public];

    const fn prefix(self) -> &'static str {
        match self {
            Self::Group => "gk1-",
            Self::Signing => "gs1-",
            Self::Public => "gp1-",
        }
    }

    /// The kind of key that a text begins like.
    fn of(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|kind| text.starts_with(kind.prefix()))
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Group => "group key",
            Self::Signing => "signing key",
            Self::Public => "public key",
        })
    }
}

/// The key as text: `gk1-`, 52 characters, `-`, 4 characters. It is secret.
#[must_use]
pub fn key_to_text(key: &GroupKey) -> Zeroizing<String> {
    to_text(KeyKind::Group, key.secret())
}

/// Reads a group's key.
///
/// # Errors
///
/// It is not a key, or it was damaged since it was written.
pub fn key_from_text(text: &str) -> Result<GroupKey, NotAKey> {
    from_text(KeyKind::Group, text).map(|octets| GroupKey::new(*octets))
}

/// The seed of the key as text: `gs1-`, 52 characters, `-`, 4 characters. It is secret.
#[must_use]
pub fn signing_key_to_text(key: &SigningKey) -> Zeroizing<String> {
    to_text(KeyKind::Signing, key.seed())
}

/// Reads a signing key.
///
/// # Errors
///
/// It is not a signing key, or it was damaged since it was written.
pub fn signing_key_from_text(text: &str) -> Result<SigningKey, NotAKey> {
    let seed = from_text(KeyKind::Signing, text)?;
    SigningKey::new(&seed).map_err(|_| NotAKey::Unsound)
}

/// The key as text: `gp1-`, 52 characters, `-`, 4 characters. It is no secret.
#[must_use]
pub fn public_key_to_text(key: &PublicKey) -> String {
    String::clone(&to_text(KeyKind::Public, key.as_bytes()))
}

/// Reads a public key.
///
/// # Errors
///
/// It is not a public key, or it was damaged since it was written.
pub fn public_key_from_text(text: &str) -> Result<PublicKey, NotAKey> {
    let key = PublicKey::new(*from_text(KeyKind::Public, text)?);
    if key.is_sound() {
        Ok(key)
    } else {
        Err(NotAKey::Unsound)
    }
}

fn to_text(kind: KeyKind, octets: &[u8; 32]) -> Zeroizing<String> {
    let mut encoded = Zeroizing::new(BASE32_NOPAD_NOCASE.encode(octets));
    encoded.make_ascii_lowercase();
    let mut text = Zeroizing::new(String::with_capacity(PREFIX + KEY + 1 + CHECK));
    text.push_str(kind.prefix());
    text.push_str(&encoded);
    text.push('-');
    text.push_str(&check(kind, octets));
    text
}

fn from_text(kind: KeyKind, text: &str) -> Result<Zeroizing<[u8; 32]>, NotAKey> {
    let text = Zeroizing::new(text.to_ascii_lowercase());
    let Some(rest) = text.strip_prefix(kind.prefix()) else {
        return Err(NotAKey::Other {
            wanted: kind,
            found: KeyKind::of(&text),
        });
    };
    let (encoded, stated) = rest.split_once('-').ok_or(NotAKey::Damaged)?;
    if encoded.len() != KEY || stated.len() != CHECK {
        return Err(NotAKey::Damaged);
    }
    let decoded = BASE32_NOPAD_NOCASE.decode(encoded.as_bytes());
    let decoded = Zeroizing::new(decoded.map_err(|_| NotAKey::Damaged)?);
    let mut octets = Zeroizing::new([0; 32]);
    if decoded.len() != octets.len() {
        return Err(NotAKey::Damaged);
    }
    octets.copy_from_slice(&decoded);
    if check(kind, &octets) == stated {
        Ok(octets)
    } else {
        Err(NotAKey::Damaged)
    }
}

/// The characters that a key is checked by: the first 20 bits of a hash.
fn check(kind: KeyKind, octets: &[u8; 32]) -> String {
    let hash = Sha256::new()
        .chain_update(kind.prefix())
        .chain_update(octets)
        .finalize();
    let mut text = BASE32_NOPAD_NOCASE.encode(&hash);
    text.truncate(CHECK);
    text.make_ascii_lowercase();
    text
}

/// Why a text is not the key that is wanted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum NotAKey {
    /// It is something else.
    Other {
        /// The kind of key that is wanted.
        wanted: KeyKind,
        /// The kind of key that it looks like.
        found: Option<KeyKind>,
    },
    /// Characters were lost, added or changed.
    Damaged,
    /// It was written without fault, but it cannot be a key.
    Unsound,
}

impl fmt::Display for NotAKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Other { wanted, found } => {
                match found {
                    Some(found) => write!(f, "this is a {found}, not a {wanted}")?,
                    None => write!(f, "this is not a {wanted}")?,
                }
                write!(f, "; one begins with {}", wanted.prefix())
            }
            Self::Damaged => f.write_str(
                "the key is damaged: a character was lost, added or changed; copy all of it again, \
                 61 characters with those before the first hyphen",
            ),
            Self::Unsound => f.write_str("no key is like this; make one with keygen --sign"),
        }
    }
}

impl core::error::Error for NotAKey {}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> GroupKey {
        GroupKey::new(core::array::from_fn(|n| n as u8))
    }

    /// PROTOCOL K2.
    #[test]
    fn a_key_reads_as_it_was_written_in_capitals_too() {
        let text = key_to_text(&key());
        assert_eq!(text.len(), 61);
        assert_eq!(key_from_text(&text), Ok(key()));
        assert_eq!(key_from_text(&text.to_ascii_uppercase()), Ok(key()));
    }

    /// PROTOCOL K2.
    #[test]
    fn every_single_change_is_damage() {
        let text = key_to_text(&key());
        for at in PREFIX..text.len() {
            let mut dropped = text.to_string();
            dropped.remove(at);
            assert_eq!(key_from_text(&dropped), Err(NotAKey::Damaged), "{at}");
            for other in "abcz270189-é".chars() {
                let mut changed: Vec<char> = text.chars().collect();
                if changed[at] == other {
                    continue;
                }
                changed[at] = other;
                let changed: String = changed.into_iter().collect();
                assert_eq!(
                    key_from_text(&changed),
                    Err(NotAKey::Damaged),
                    "{at} {other}"
                );
            }
        }
    }

    #[test]
    fn neighbours_that_changed_places_are_damage() {
        let text = key_to_text(&key());
        for at in PREFIX..text.len() - 1 {
            let mut swapped = text.as_bytes().to_vec();
            swapped.swap(at, at + 1);
            if swapped != text.as_bytes() {
                let swapped = String::from_utf8(swapped).unwrap();
                assert_eq!(key_from_text(&swapped), Err(NotAKey::Damaged), "{at}");
            }
        }
    }

    #[test]
    fn other_texts_are_no_keys() {
        for other in ["", "gk1", "gk2-aaaa-aaaa", "password", "-----BEGIN"] {
            let expected = NotAKey::Other {
                wanted: KeyKind::Group,
                found: None,
            };
            assert_eq!(key_from_text(other), Err(expected), "{other}");
        }
        assert_eq!(key_from_text("gk1-"), Err(NotAKey::Damaged));
    }

    /// PROTOCOL K2.
    #[test]
    fn each_kind_reads_as_it_was_written_and_is_no_other_kind() {
        let signing = SigningKey::new(&[7; 32]).unwrap();
        let secret = signing_key_to_text(&signing);
        let public = public_key_to_text(&signing.public());
        assert_eq!(
            signing_key_from_text(&secret).unwrap().seed(),
            signing.seed()
        );
        assert_eq!(public_key_from_text(&public), Ok(signing.public()));
        let wrong = public_key_from_text(&secret).unwrap_err().to_string();
        assert!(
            wrong.contains("a signing key, not a public key") && wrong.contains("gp1-"),
            "{wrong}"
        );
        let wrong = signing_key_from_text(&public).unwrap_err().to_string();
        assert!(wrong.contains("a public key, not a signing key"), "{wrong}");
        // The characters that check it are those of its kind.
        let renamed = public.replace("gp1-", "gs1-");
        assert!(matches!(
            signing_key_from_text(&renamed),
            Err(NotAKey::Damaged)
        ));
    }

    #[test]
    fn what_cannot_be_a_key_is_refused_however_well_it_is_written() {
        let zero = to_text(KeyKind::Signing, &[0; 32]);
        assert!(matches!(
            signing_key_from_text(&zero),
            Err(NotAKey::Unsound)
        ));
        let mut neutral = [0; 32];
        neutral[0] = 1;
        let weak = to_text(KeyKind::Public, &neutral);
        assert_eq!(public_key_from_text(&weak), Err(NotAKey::Unsound));
    }
}
