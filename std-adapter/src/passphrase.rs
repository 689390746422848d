//! Group keys of passphrases (PROTOCOL K16).

use std::io::{self, BufRead};

use argon2::{Algorithm, Argon2, Params, Version};
use groupcast::Name;
use groupcast::seal::GroupKey;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::key_file::first_line;

/// The fewest characters a passphrase may have.
pub const MIN_CHARACTERS: usize = 16;

/// Memory for Argon2id, in KiB: the second set of parameters that RFC 9106 §4 recommends.
const MEMORY: u32 = 64 * 1024;
const PASSES: u32 = 3;
const LANES: u32 = 4;

/// The key that this passphrase gives in the group with this name.
///
/// It takes 64 MiB and a good part of a second, which is the point: whoever recorded a datagram can try
/// passphrases at that price. A key from a random number generator cannot be tried at all, so a
/// passphrase is for when people have to carry the secret in their heads. Let dice or a generator choose
/// it: seven words, or twenty letters and digits. Its bytes count as they are typed, so keep to ASCII.
/// Boards are given the key that comes out.
///
/// The group's name is the salt. Without one, the same passphrase gives the same key everywhere, and
/// passphrases can be tried ahead, for all groups without a name at once: so give the group a name.
///
/// # Errors
///
/// It has fewer than 16 characters, or says the same again and again, or is an alphabet: `aaaaaaaaaaaaaaaa`,
/// `1212121212121212`, `abcdefghijklmnop`.
pub fn key(passphrase: &str, group: &Name) -> Result<GroupKey, PassphraseError> {
    let characters = passphrase.chars().count();
    if characters < MIN_CHARACTERS {
        return Err(PassphraseError::TooShort(characters));
    }
    if is_pattern(passphrase) {
        return Err(PassphraseError::Pattern);
    }
    let salt = Sha256::new()
        .chain_update("groupcast pass v1")
        .chain_update(group.as_bytes())
        .finalize();
    let params =
        Params::new(MEMORY, PASSES, LANES, Some(GroupKey::LEN)).map_err(PassphraseError::Argon2)?;
    let mut secret = Zeroizing::new([0; GroupKey::LEN]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.as_bytes(), &salt[..16], secret.as_mut())
        .map_err(PassphraseError::Argon2)?;
    Ok(GroupKey::new(*secret))
}

/// Reads a passphrase: the first line, in UTF-8, or in UTF-16 with a byte order mark. The mark and the line's end
/// are no part of it.
///
/// # Errors
///
/// It cannot be read, or is no text.
pub fn read(input: &mut impl BufRead) -> io::Result<Zeroizing<String>> {
    first_line(input)
}

/// Whether it is fewer than 16 characters again and again, or each the next of the one before it.
fn is_pattern(passphrase: &str) -> bool {
    let characters = Zeroizing::new(passphrase.chars().map(u32::from).collect::<Vec<_>>());
    let repeats = |period| {
        let ahead = characters.iter().skip(period);
        ahead.zip(&*characters).all(|(next, one)| next == one)
    };
    let longest = (characters.len() / 2).min(MIN_CHARACTERS - 1);
    let counts = |step: u32| {
        let ahead = characters.iter().skip(1);
        let mut pairs = ahead.zip(&*characters);
        pairs.all(|(next, one)| next.wrapping_sub(*one) == step)
    };
    (1..=longest).any(repeats) || counts(1) || counts(1_u32.wrapping_neg())
}

/// Why a passphrase gives no key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PassphraseError {
    /// It has only so many characters.
    #[error(
        "the passphrase has {0} characters, and needs 16 or more; take seven words that dice chose, or \
         leave --passphrase out for a random key"
    )]
    TooShort(usize),
    /// It is a character or a few again and again, or characters in their order.
    #[error(
        "the passphrase says the same again and again, or an alphabet, and is guessed at once; take seven words \
         that dice chose, or leave --passphrase out for a random key"
    )]
    Pattern,
    /// Argon2 failed.
    #[error("cannot make a key of the passphrase: {0}")]
    Argon2(argon2::Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    /// PROTOCOL K16.
    #[test]
    fn short_passphrases_are_refused_by_characters_not_octets() {
        for short in ["", "fifteen letters", "ééééééééé"] {
            let error = key(short, &Name::EMPTY).unwrap_err();
            assert!(matches!(error, PassphraseError::TooShort(n) if n == short.chars().count()));
        }
    }

    #[test]
    fn passphrases_that_repeat_or_count_are_refused() {
        let once = "fifteen letters";
        for bad in [
            "aaaaaaaaaaaaaaaa",
            "éééééééééééééééé",
            "                    ",
            "1212121212121212",
            "secretsecretsecrets",
            "abcdefghijklmnopqrst",
            "ponmlkjihgfedcba",
            &[once, once].concat(),
        ] {
            let error = key(bad, &Name::EMPTY).unwrap_err();
            assert!(matches!(error, PassphraseError::Pattern), "{bad}: {error}");
            assert!(error.to_string().contains("dice"));
        }
        for fine in [
            "abcdefghijklmnoa",
            "abcdefghabcdefgx",
            "seven words that dice chose",
        ] {
            assert!(!is_pattern(fine), "{fine}");
        }
    }
}
