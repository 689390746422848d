//! A key as text, with characters to check it by.

use core::fmt;

use data_encoding::BASE32_NOPAD_NOCASE;
use groupcast::seal::GroupKey;
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

/// What a key begins with: the first kind of a group's key.
const PREFIX: &str = "gk1-";

/// Characters of a key, and of what it is checked by.
const KEY: usize = 52;
const CHECK: usize = 4;

/// The key as text: `gk1-`, 52 characters, `-`, 4 characters. It is secret.
#[must_use]
pub fn key_to_text(key: &GroupKey) -> Zeroizing<String> {
    let mut encoded = Zeroizing::new(BASE32_NOPAD_NOCASE.encode(key.secret()));
    encoded.make_ascii_lowercase();
    let mut text = Zeroizing::new(String::with_capacity(PREFIX.len() + KEY + 1 + CHECK));
    text.push_str(PREFIX);
    text.push_str(&encoded);
    text.push('-');
    text.push_str(&check(key.secret()));
    text
}

/// Reads a key.
///
/// # Errors
///
/// It is not a key, or it was damaged since it was written.
pub fn key_from_text(text: &str) -> Result<GroupKey, NotAKey> {
    let text = Zeroizing::new(text.to_ascii_lowercase());
    let Some(rest) = text.strip_prefix(PREFIX) else {
        return Err(NotAKey::Other);
    };
    let (encoded, stated) = rest.split_once('-').ok_or(NotAKey::Damaged)?;
    if encoded.len() != KEY || stated.len() != CHECK {
        return Err(NotAKey::Damaged);
    }
    let octets = BASE32_NOPAD_NOCASE.decode(encoded.as_bytes());
    let octets = Zeroizing::new(octets.map_err(|_| NotAKey::Damaged)?);
    let mut secret: [u8; GroupKey::LEN] =
        octets.as_slice().try_into().map_err(|_| NotAKey::Damaged)?;
    let key = GroupKey::new(secret);
    secret.zeroize();
    if check(key.secret()) == stated {
        Ok(key)
    } else {
        Err(NotAKey::Damaged)
    }
}

/// The characters that a key is checked by: the first 20 bits of a hash.
fn check(secret: &[u8; GroupKey::LEN]) -> String {
    let hash = Sha256::new()
        .chain_update(PREFIX)
        .chain_update(secret)
        .finalize();
    let mut text = BASE32_NOPAD_NOCASE.encode(&hash);
    text.truncate(CHECK);
    text.make_ascii_lowercase();
    text
}

/// Why a text is not a key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum NotAKey {
    /// It is something else.
    Other,
    /// Characters were lost, added or changed.
    Damaged,
}

impl fmt::Display for NotAKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Other => "this is not a group key; one begins with gk1-",
            Self::Damaged => {
                "the key is damaged: a character was lost, added or changed; copy all of it again, \
                 61 characters from gk1- on"
            }
        })
    }
}

impl core::error::Error for NotAKey {}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> GroupKey {
        GroupKey::new(core::array::from_fn(|n| n as u8))
    }

    #[test]
    fn a_key_reads_as_it_was_written_in_capitals_too() {
        let text = key_to_text(&key());
        assert_eq!(text.len(), 61);
        assert_eq!(key_from_text(&text), Ok(key()));
        assert_eq!(key_from_text(&text.to_ascii_uppercase()), Ok(key()));
    }

    #[test]
    fn every_single_change_is_damage() {
        let text = key_to_text(&key());
        for at in PREFIX.len()..text.len() {
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
        for at in PREFIX.len()..text.len() - 1 {
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
            assert_eq!(key_from_text(other), Err(NotAKey::Other), "{other}");
        }
        assert_eq!(key_from_text("gk1-"), Err(NotAKey::Damaged));
    }
}
