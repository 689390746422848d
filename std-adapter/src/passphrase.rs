//! Group keys of passphrases (PROTOCOL §7.6).

use argon2::{Algorithm, Argon2, Params, Version};
use groupcast::Name;
use groupcast::seal::GroupKey;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

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
/// it: seven words, or twenty letters and digits. Its octets count as they are typed, so keep to ASCII.
/// Boards are given the key that comes out.
///
/// # Errors
///
/// It has fewer than 16 characters.
pub fn key(passphrase: &str, group: &Name) -> Result<GroupKey, PassphraseError> {
    let characters = passphrase.chars().count();
    if characters < MIN_CHARACTERS {
        return Err(PassphraseError::TooShort(characters));
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
    /// Argon2 failed.
    #[error("cannot make a key of the passphrase: {0}")]
    Argon2(argon2::Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_passphrases_are_refused_by_characters_not_octets() {
        for short in ["", "fifteen letters", "ééééééééé"] {
            let error = key(short, &Name::EMPTY).unwrap_err();
            assert!(matches!(error, PassphraseError::TooShort(n) if n == short.chars().count()));
        }
    }
}
