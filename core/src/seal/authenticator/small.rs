//! Poly1305 by the crate of that name.

use poly1305::Poly1305;
use poly1305::universal_hash::{KeyInit, UniversalHash};

use super::BLOCK;

/// The state of an authenticator, which is wiped when it is dropped.
pub(in crate::seal) struct Small(Poly1305);

impl Small {
    pub(in crate::seal) fn new(key: &[u8; 2 * BLOCK]) -> Self {
        Self(Poly1305::new(key.into()))
    }

    /// Takes in `part`, and zeros up to a whole block.
    pub(in crate::seal) fn update_padded(&mut self, part: &[u8]) {
        self.0.update_padded(part);
    }

    pub(in crate::seal) fn finalize(self) -> [u8; BLOCK] {
        self.0.finalize().into()
    }
}
