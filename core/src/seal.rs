//! Sealed groups: who does not hold the key can neither read nor forge a datagram (PROTOCOL §8).
//!
//! ```text
//! GroupKey ─┐ 32 secret bytes, the same in all members
//! KeySet    ┤ up to four of them; one sends
//!           ▼ HKDF-SHA256, with the group's address, port and name
//! Keyring ──┤ of each: the tag in the header, and a sealing key
//!           ▼ HChaCha20, with sender and session
//! Subkey ───┤ seals and opens the datagrams of one sender's session, numbered by the counter
//!           ▼ ChaCha20-Poly1305
//! | header 22, clear | frames, encrypted | tag 16 |
//! ```
//!
//! Together the last two steps are XChaCha20-Poly1305. Nothing here allocates or panics. [`Cipher`] is
//! the place where a processor's own instructions can be plugged in; [`Portable`] is there everywhere.
//!
//! ```
//! use groupcast::seal::{GroupKey, KeySet, Keyring, Portable};
//! use groupcast::wire::{self, Bye, Frame, Header, Suite};
//! use groupcast::{MemberId, Name, Session};
//!
//! let group = "239.1.2.3:12345".parse()?;
//! let keys = KeySet::new(GroupKey::new([7; 32]));
//! let ring = Keyring::derive(&keys, group, &Name::EMPTY)?;
//! let header = Header {
//!     suite: Suite::Sealed,
//!     tag: ring.sending().tag(),
//!     sender: MemberId::new(42).unwrap(),
//!     session: Session::new(0x0102_0304_0506_0708),
//!     counter: 1,
//! };
//! let subkey = ring.sending().subkey(header.sender, header.session);
//!
//! let mut buffer = [0; 512];
//! let length = wire::emit(&header, &[Frame::Bye(Bye { reason: 0 })], &mut buffer)?;
//! subkey.seal(&Portable, &mut buffer[..length])?;
//!
//! let (read, mut frames) = subkey.open(&Portable, &mut buffer[..length])?;
//! assert_eq!(read, header);
//! assert_eq!(frames.next(), Some(Ok(Frame::Bye(Bye { reason: 0 }))));
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```

mod authenticator;
mod cipher;
mod datagram;
mod entropy;
mod key;
mod schedule;
mod settings;

pub use cipher::{Cipher, CipherFailed, KEY_LEN, NONCE_LEN, Portable, TAG_LEN};
pub use datagram::{OpenError, SealError};
pub use entropy::{Draw, Entropy, NotEnoughEntropy};
pub use key::{GroupKey, KeyError, KeySet, MAX_KEYS};
pub use schedule::{DerivedKey, Keyring, Subkey};
pub use settings::{FirstContact, Seal};

#[cfg(test)]
mod tests {
    use super::*;

    /// What a member keeps in memory, in bytes. `--nocapture` prints it.
    #[test]
    fn keys_are_small() {
        for (name, size, limit) in [
            ("KeySet", size_of::<KeySet>(), 132),
            ("Keyring", size_of::<Keyring>(), 144),
            ("Subkey", size_of::<Subkey>(), 32),
            ("Draw", size_of::<Draw>(), 40),
        ] {
            std::println!("{name}: {size}");
            assert!(size <= limit, "{name}: {size}");
        }
    }
}
