//! Sealing and opening whole datagrams, in place (PROTOCOL §8.2).

use core::fmt;

use super::cipher::{Cipher, NONCE_LEN, TAG_LEN};
use super::schedule::Subkey;
use crate::wire::{Frames, Header, ParseError, Suite, parse_header};

impl Subkey {
    /// Seals a datagram in place: what [`wire::emit`](crate::wire::emit) wrote for
    /// [`Suite::Sealed`], room for the tag included.
    ///
    /// The header is authenticated, and left in the clear. Its counter SHALL NOT be used again with
    /// this key, not for the same frames either.
    ///
    /// # Errors
    ///
    /// The datagram is not one to seal, or the cipher failed. It is then not to be sent.
    pub fn seal(
        &self,
        cipher: &(impl Cipher + ?Sized),
        datagram: &mut [u8],
    ) -> Result<(), SealError> {
        let header = parse(datagram).map_err(SealError::NotSealable)?;
        self.seal_numbered(cipher, header.counter, datagram)
    }

    /// Seals a datagram of suite 1 in place, which has this counter.
    pub(crate) fn seal_numbered(
        &self,
        cipher: &(impl Cipher + ?Sized),
        counter: u64,
        datagram: &mut [u8],
    ) -> Result<(), SealError> {
        let Parts { header, text, tag } = Parts::of(datagram).map_err(SealError::NotSealable)?;
        *tag = cipher
            .seal(self.octets(), &nonce(counter), header, text)
            .map_err(|_| SealError::Cipher)?;
        Ok(())
    }

    /// Opens a datagram in place. Its frames are then in the clear, between header and tag.
    ///
    /// # Errors
    ///
    /// The datagram is not a sealed one, or it is forged, damaged, or of another key. It is then
    /// unchanged.
    pub fn open<'a>(
        &self,
        cipher: &(impl Cipher + ?Sized),
        datagram: &'a mut [u8],
    ) -> Result<(Header, Frames<'a>), OpenError> {
        let header = parse(datagram).map_err(OpenError::NotSealed)?;
        let text = self.open_numbered(cipher, header.counter, datagram)?;
        Ok((header, Frames::new(text)))
    }

    /// Opens a datagram of suite 1 in place, which has this counter. Returns its frames, in the clear.
    pub(crate) fn open_numbered<'a>(
        &self,
        cipher: &(impl Cipher + ?Sized),
        counter: u64,
        datagram: &'a mut [u8],
    ) -> Result<&'a [u8], OpenError> {
        let Parts { header, text, tag } = Parts::of(datagram).map_err(OpenError::NotSealed)?;
        cipher
            .open(self.octets(), &nonce(counter), header, text, tag)
            .map_err(|_| OpenError::Forged)?;
        Ok(text)
    }
}

/// The header of a datagram of suite 1.
fn parse(datagram: &[u8]) -> Result<Header, ParseError> {
    let header = parse_header(datagram)?;
    match header.suite {
        Suite::Sealed => Ok(header),
        suite => Err(ParseError::UnknownSuite(suite.code())),
    }
}

/// The nonce of the datagram with this counter.
const fn nonce(counter: u64) -> [u8; NONCE_LEN] {
    let [a, b, c, d, e, f, g, h] = counter.to_be_bytes();
    [0, 0, 0, 0, a, b, c, d, e, f, g, h]
}

/// A datagram of suite 1, taken apart.
struct Parts<'a> {
    header: &'a [u8],
    text: &'a mut [u8],
    tag: &'a mut [u8; TAG_LEN],
}

impl<'a> Parts<'a> {
    fn of(datagram: &'a mut [u8]) -> Result<Self, ParseError> {
        let truncated = ParseError::Truncated {
            need: Header::LEN.saturating_add(TAG_LEN),
            have: datagram.len(),
        };
        let parts = datagram.split_at_mut_checked(Header::LEN);
        let (header, rest) = parts.ok_or(truncated)?;
        let (text, tag) = rest.split_last_chunk_mut().ok_or(truncated)?;
        Ok(Self { header, text, tag })
    }
}

/// Why a datagram cannot be sealed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum SealError {
    /// It is not a datagram of suite 1 with room for a tag.
    NotSealable(ParseError),
    /// The cipher failed.
    Cipher,
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSealable(error) => write!(f, "not a datagram to seal: {error}"),
            Self::Cipher => f.write_str("the cipher failed; do not send the datagram"),
        }
    }
}

impl core::error::Error for SealError {}

/// Why a datagram cannot be opened.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum OpenError {
    /// It is not a datagram of suite 1.
    NotSealed(ParseError),
    /// The tag does not fit: the datagram is forged, damaged, or sealed with another key.
    Forged,
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSealed(error) => write!(f, "not a sealed datagram: {error}"),
            Self::Forged => f.write_str("forged, damaged, or sealed with another key"),
        }
    }
}

impl core::error::Error for OpenError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ident::{GroupTag, MemberId, Name, Session};
    use crate::seal::{CipherFailed, GroupKey, KEY_LEN, KeySet, Keyring, Portable};
    use crate::wire::{self, Bye, Frame};
    use std::vec::Vec;

    fn ring(key: u8, group: &str, name: &str) -> Keyring {
        let keys = KeySet::new(GroupKey::new([key; 32]));
        Keyring::derive(&keys, group.parse().unwrap(), &Name::new(name).unwrap()).unwrap()
    }

    fn header(tag: GroupTag) -> Header {
        Header {
            suite: Suite::Sealed,
            tag,
            sender: MemberId::new(42).unwrap(),
            session: Session::new(7),
            counter: 9,
        }
    }

    fn clear(tag: GroupTag) -> Vec<u8> {
        let mut buffer = [0; 64];
        let frames = [Frame::Bye(Bye { reason: 0 })];
        let len = wire::emit(&header(tag), &frames, &mut buffer).unwrap();
        buffer[..len].to_vec()
    }

    fn subkey(ring: &Keyring) -> Subkey {
        ring.sending()
            .subkey(MemberId::new(42).unwrap(), Session::new(7))
    }

    #[test]
    fn what_is_sealed_opens_and_is_encrypted() {
        let ring = ring(1, "239.1.2.3:12345", "");
        let before = clear(ring.sending().tag());
        let mut datagram = before.clone();
        subkey(&ring).seal(&Portable, &mut datagram).unwrap();
        assert_eq!(datagram[..Header::LEN], before[..Header::LEN]);
        assert_ne!(datagram[Header::LEN..][..5], before[Header::LEN..][..5]);
        let (parsed, frames) = subkey(&ring).open(&Portable, &mut datagram).unwrap();
        assert_eq!(parsed, header(ring.sending().tag()));
        let frames: Vec<_> = frames.collect();
        assert_eq!(frames, [Ok(Frame::Bye(Bye { reason: 0 }))]);
    }

    #[test]
    fn every_bit_and_every_octet_counts() {
        let ring = ring(1, "239.1.2.3:12345", "");
        let mut sealed = clear(ring.sending().tag());
        subkey(&ring).seal(&Portable, &mut sealed).unwrap();
        let refused = |mut datagram: Vec<u8>| {
            let before = datagram.clone();
            assert!(subkey(&ring).open(&Portable, &mut datagram).is_err());
            assert_eq!(datagram, before, "it was changed");
        };
        for bit in 0..sealed.len() * 8 {
            let mut datagram = sealed.clone();
            datagram[bit / 8] ^= 1 << (bit % 8);
            refused(datagram);
        }
        for len in 0..sealed.len() {
            refused(sealed[..len].to_vec());
        }
        refused([&sealed[..], &[0]].concat());
        assert!(subkey(&ring).open(&Portable, &mut sealed).is_ok());
    }

    /// PROTOCOL K3.
    #[test]
    fn another_key_group_port_name_sender_or_session_opens_nothing() {
        let ours = ring(1, "239.1.2.3:12345", "kitchen");
        let mut sealed = clear(ours.sending().tag());
        subkey(&ours).seal(&Portable, &mut sealed).unwrap();
        let others = [
            ring(2, "239.1.2.3:12345", "kitchen"),
            ring(1, "239.1.2.4:12345", "kitchen"),
            ring(1, "239.1.2.3:12346", "kitchen"),
            ring(1, "239.1.2.3:12345", "kitche"),
            ring(1, "[ff02::1]:12345", "kitchen"),
        ];
        for other in &others {
            assert_ne!(other.sending().tag(), ours.sending().tag());
            let mut datagram = sealed.clone();
            let opened = subkey(other).open(&Portable, &mut datagram);
            assert_eq!(opened.map(|_| ()), Err(OpenError::Forged));
        }
        for (sender, session) in [(43, 7), (42, 8)] {
            let sender = MemberId::new(sender).unwrap();
            let other = ours.sending().subkey(sender, Session::new(session));
            let opened = other.open(&Portable, &mut sealed);
            assert_eq!(opened.map(|_| ()), Err(OpenError::Forged));
        }
    }

    /// PROTOCOL K1, K3.
    #[test]
    fn every_key_of_a_ring_is_found_by_its_tag() {
        let mut keys = KeySet::new(GroupKey::new([1; 32]));
        keys.accept(GroupKey::new([2; 32])).unwrap();
        let group = "239.1.2.3:12345";
        let both = Keyring::derive(&keys, group.parse().unwrap(), &Name::EMPTY).unwrap();
        for key in 1..=3 {
            let alone = ring(key, group, "");
            let tag = alone.sending().tag();
            let mut sealed = clear(tag);
            subkey(&alone).seal(&Portable, &mut sealed).unwrap();
            let opened = both.with_tag(tag).find(|(_, key)| {
                let header = parse_header(&sealed).unwrap();
                let subkey = key.subkey(header.sender, header.session);
                subkey.open(&Portable, &mut sealed.clone()).is_ok()
            });
            let place = opened.map(|(place, _)| place);
            assert_eq!(place, [Some(0), Some(1), None][usize::from(key) - 1]);
        }
    }

    #[test]
    fn a_datagram_that_is_not_of_suite_1_is_neither_sealed_nor_opened() {
        let ring = ring(1, "239.1.2.3:12345", "");
        let mut open = clear(ring.sending().tag());
        open[1] = 0x10;
        let before = open.clone();
        let error = ParseError::UnknownSuite(0);
        assert_eq!(
            subkey(&ring).seal(&Portable, &mut open),
            Err(SealError::NotSealable(error))
        );
        let opened = subkey(&ring).open(&Portable, &mut open).map(|_| ());
        assert_eq!(opened, Err(OpenError::NotSealed(error)));
        assert_eq!(open, before);
    }

    /// Two datagrams never have the same nonce, and another implementation can be plugged in.
    #[test]
    fn sender_session_and_counter_all_reach_the_cipher() {
        use core::cell::RefCell;

        #[derive(Default)]
        struct Recorder(RefCell<Vec<([u8; KEY_LEN], [u8; NONCE_LEN])>>);

        impl Cipher for Recorder {
            fn seal(
                &self,
                key: &[u8; KEY_LEN],
                nonce: &[u8; NONCE_LEN],
                header: &[u8],
                text: &mut [u8],
            ) -> Result<[u8; TAG_LEN], CipherFailed> {
                self.0.borrow_mut().push((*key, *nonce));
                Portable.seal(key, nonce, header, text)
            }

            fn open(
                &self,
                _: &[u8; KEY_LEN],
                _: &[u8; NONCE_LEN],
                _: &[u8],
                _: &mut [u8],
                _: &[u8; TAG_LEN],
            ) -> Result<(), CipherFailed> {
                Err(CipherFailed)
            }
        }

        let ring = ring(1, "239.1.2.3:12345", "");
        let recorder = Recorder::default();
        let first = header(ring.sending().tag());
        let (sender, session) = (MemberId::new(43).unwrap(), Session::new(1 << 56));
        let headers = [
            first,
            Header {
                counter: 10,
                ..first
            },
            Header {
                counter: 9 + (1 << 40),
                ..first
            },
            Header { sender, ..first },
            Header { session, ..first },
        ];
        for header in headers {
            let mut buffer = [0; 64];
            let len = wire::emit(&header, &[], &mut buffer).unwrap();
            let subkey = ring.sending().subkey(header.sender, header.session);
            let cipher: &dyn Cipher = &recorder;
            subkey.seal(cipher, &mut buffer[..len]).unwrap();
            assert!(subkey.open(cipher, &mut buffer[..len]).is_err());
        }
        let mut used = recorder.0.into_inner();
        used.sort_unstable();
        used.dedup();
        assert_eq!(used.len(), headers.len());
    }
}
