//! ChaCha20-Poly1305 (RFC 8439), and where to plug in another implementation of it.

use core::fmt;

use chacha20::ChaCha20;
use chacha20::cipher::{KeyIvInit, StreamCipher};
use ctutils::CtEq;
use zeroize::Zeroize;

use super::authenticator::Authenticator;

/// Bytes of a key.
pub const KEY_LEN: usize = 32;

/// Bytes of a nonce.
pub const NONCE_LEN: usize = 12;

/// Bytes of an authentication tag.
pub const TAG_LEN: usize = 16;

/// An implementation of ChaCha20-Poly1305 (RFC 8439).
///
/// All give the same bytes, so members with different ones understand each other. [`Portable`] is the
/// one to begin with. A desktop may have a faster one in a library, a board in hardware.
pub trait Cipher {
    /// Encrypts `text` in place. Returns the tag over `header` and the encrypted text.
    ///
    /// A nonce is never used twice with one key.
    ///
    /// # Errors
    ///
    /// It cannot be done, say because hardware failed. What is in `text` then is not to be sent.
    fn seal(
        &self,
        key: &[u8; KEY_LEN],
        nonce: &[u8; NONCE_LEN],
        header: &[u8],
        text: &mut [u8],
    ) -> Result<[u8; TAG_LEN], CipherFailed>;

    /// Decrypts `text` in place if `tag` fits `header` and `text`.
    ///
    /// # Errors
    ///
    /// The tag does not fit. `text` is then unchanged: nothing is decrypted before the tag has been
    /// compared, in constant time.
    fn open(
        &self,
        key: &[u8; KEY_LEN],
        nonce: &[u8; NONCE_LEN],
        header: &[u8],
        text: &mut [u8],
        tag: &[u8; TAG_LEN],
    ) -> Result<(), CipherFailed>;
}

/// A text could not be sealed, or a tag does not fit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct CipherFailed;

impl fmt::Display for CipherFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the text cannot be sealed, or its tag does not fit")
    }
}

impl core::error::Error for CipherFailed {}

/// Bytes of a block of the stream.
const BLOCK: usize = 64;

/// Bytes of the stream that are made at once. Where vectors make four blocks, they take hardly longer than for
/// one: so the first four are for the authenticator's key and the beginning of the text, and the last for its end.
const AT_ONCE: usize = if cfg!(any(
    target_arch = "x86",
    target_arch = "x86_64",
    target_arch = "aarch64"
)) {
    4 * BLOCK
} else {
    BLOCK
};

/// ChaCha20-Poly1305 in plain code, constant-time on every processor.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Portable;

impl Portable {
    /// Decrypts if there is a tag to be opened, and encrypts otherwise. Returns the tag.
    fn process(
        key: &[u8; KEY_LEN],
        nonce: &[u8; NONCE_LEN],
        header: &[u8],
        text: &mut [u8],
        opened: Option<&[u8; TAG_LEN]>,
    ) -> Result<[u8; TAG_LEN], CipherFailed> {
        let mut stream = ChaCha20::new(key.into(), nonce.into());
        let mut start = [0; AT_ONCE];
        if let Some((_, ahead)) = start.split_first_chunk_mut::<BLOCK>() {
            copy(text, ahead);
        }
        stream
            .try_apply_keystream(&mut start)
            .map_err(|_| CipherFailed)?;
        let one_time = start.first_chunk_mut::<KEY_LEN>().ok_or(CipherFailed)?;
        let mut authenticator = Authenticator::new(one_time);
        one_time.zeroize();

        if opened.is_none() {
            Self::finish(&mut stream, &mut start, text)?;
        }
        authenticator.update_padded(header);
        authenticator.update_padded(text);
        // Lengths fit 64 bits on every platform there is.
        let lengths = (header.len() as u128) | ((text.len() as u128) << 64);
        authenticator.update_padded(&lengths.to_le_bytes());
        let tag = authenticator.finalize();
        if let Some(opened) = opened {
            if !tag.ct_eq(opened).to_bool() {
                return Err(CipherFailed);
            }
            Self::finish(&mut stream, &mut start, text)?;
        }
        Ok(tag)
    }

    /// Encrypts or decrypts a text. Behind its first block, `start` has what becomes of the beginning.
    fn finish(
        stream: &mut ChaCha20,
        start: &mut [u8; AT_ONCE],
        text: &mut [u8],
    ) -> Result<(), CipherFailed> {
        let mut apply =
            |text: &mut [u8]| stream.try_apply_keystream(text).map_err(|_| CipherFailed);
        if AT_ONCE == BLOCK {
            return apply(text);
        }
        let (_, ahead) = start.split_first_chunk::<BLOCK>().ok_or(CipherFailed)?;
        copy(ahead, text);
        let Some(text) = text.get_mut(ahead.len()..) else {
            return Ok(());
        };
        let (whole, rest) = text.as_chunks_mut::<AT_ONCE>();
        apply(whole.as_flattened_mut())?;
        if rest.len() <= BLOCK {
            return apply(rest);
        }
        copy(rest, start);
        apply(start)?;
        copy(start, rest);
        Ok(())
    }
}

impl Cipher for Portable {
    fn seal(
        &self,
        key: &[u8; KEY_LEN],
        nonce: &[u8; NONCE_LEN],
        header: &[u8],
        text: &mut [u8],
    ) -> Result<[u8; TAG_LEN], CipherFailed> {
        Self::process(key, nonce, header, text, None)
    }

    fn open(
        &self,
        key: &[u8; KEY_LEN],
        nonce: &[u8; NONCE_LEN],
        header: &[u8],
        text: &mut [u8],
        tag: &[u8; TAG_LEN],
    ) -> Result<(), CipherFailed> {
        Self::process(key, nonce, header, text, Some(tag)).map(drop)
    }
}

/// Copies as much as both have.
#[inline(always)]
fn copy(from: &[u8], to: &mut [u8]) {
    let length = from.len().min(to.len());
    if let (Some(from), Some(to)) = (from.get(..length), to.get_mut(..length)) {
        to.copy_from_slice(from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chacha20poly1305::ChaCha20Poly1305;
    use chacha20poly1305::aead::{AeadInOut, KeyInit};
    use proptest::prelude::*;
    use std::vec;
    use std::vec::Vec;

    /// RFC 8439 §2.8.2.
    #[test]
    fn the_example_of_the_rfc_comes_out() {
        let key: [u8; 32] = core::array::from_fn(|n| 0x80 + n as u8);
        let nonce = [7, 0, 0, 0, 0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47];
        let header = [
            0x50, 0x51, 0x52, 0x53, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7,
        ];
        let mut text = *b"Ladies and Gentlemen of the class of '99: If I could offer you only \
                          one tip for the future, sunscreen would be it.";
        let tag = Portable.seal(&key, &nonce, &header, &mut text).unwrap();
        assert_eq!(text[..8], [0xd3, 0x1a, 0x8d, 0x34, 0x64, 0x8e, 0x60, 0xdb]);
        assert_eq!(text[110..], [0xc6, 0x4b, 0x61, 0x16]);
        assert_eq!(
            tag,
            [
                0x1a, 0xe1, 0x0b, 0x59, 0x4f, 0x09, 0xe2, 0x6a, 0x7e, 0x90, 0x2e, 0xcb, 0xd0, 0x60,
                0x06, 0x91
            ]
        );
    }

    proptest! {
        #[test]
        fn it_is_the_cipher_that_others_assemble_from_the_same_parts(
            key: [u8; 32],
            nonce: [u8; 12],
            header in proptest::collection::vec(any::<u8>(), 0..80),
            text in proptest::collection::vec(any::<u8>(), 0..400),
        ) {
            let other = ChaCha20Poly1305::new(&key.into());
            let mut ours = text.clone();
            let tag = Portable.seal(&key, &nonce, &header, &mut ours).unwrap();
            let mut theirs = text.clone();
            let their_tag = other
                .encrypt_inout_detached(&nonce.into(), &header, theirs.as_mut_slice().into())
                .unwrap();
            prop_assert_eq!(&ours, &theirs);
            prop_assert_eq!(tag, <[u8; 16]>::from(their_tag));
            Portable.open(&key, &nonce, &header, &mut ours, &tag).unwrap();
            prop_assert_eq!(ours, text);
        }
    }

    /// Where it has another number of blocks at once, another end.
    #[test]
    fn texts_of_all_lengths_are_as_others_seal_them() {
        let (key, nonce, header) = ([0xa5; 32], [0x5a; 12], [0xff; 22]);
        let other = ChaCha20Poly1305::new(&key.into());
        for length in 0..800 {
            let text: Vec<u8> = (0..length).map(|n| n as u8).collect();
            let mut ours = text.clone();
            let tag = Portable.seal(&key, &nonce, &header, &mut ours).unwrap();
            let mut theirs = text.clone();
            let their_tag = other
                .encrypt_inout_detached(&nonce.into(), &header, theirs.as_mut_slice().into())
                .unwrap();
            assert_eq!((&ours, tag), (&theirs, their_tag.into()), "{length}");

            let mut wrong = tag;
            wrong[length % 16] ^= 1;
            let opened = Portable.open(&key, &nonce, &header, &mut ours, &wrong);
            assert_eq!((opened, &ours), (Err(CipherFailed), &theirs), "{length}");
            Portable
                .open(&key, &nonce, &header, &mut ours, &tag)
                .unwrap();
            assert_eq!(ours, text, "{length}");
        }
    }

    #[test]
    fn nothing_is_decrypted_when_the_tag_does_not_fit() {
        let mut text = vec![5; 100];
        let tag = Portable
            .seal(&[1; 32], &[2; 12], b"header", &mut text)
            .unwrap();
        let sealed = text.clone();
        for bit in 0..128_usize {
            let mut wrong = tag;
            wrong[bit / 8] ^= 1 << (bit % 8);
            let opened = Portable.open(&[1; 32], &[2; 12], b"header", &mut text, &wrong);
            assert_eq!(opened, Err(CipherFailed), "bit {bit}");
            assert_eq!(text, sealed, "bit {bit}");
        }
    }
}
