//! Randomness from the operating system.

use crate::error::{Error, Operation};

/// 32 random bytes to seed an engine with. Every call gives others.
///
/// # Errors
///
/// [`Error::Os`] when the system has no random numbers to give, which happens on a machine that is
/// badly set up (a container without `/dev/urandom` on a very old kernel, say).
pub fn seed() -> Result<[u8; 32], Error> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| Error::os(Operation::Seed, error.into()))?;
    Ok(seed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_differ() {
        assert_ne!(seed().unwrap(), seed().unwrap());
    }
}
