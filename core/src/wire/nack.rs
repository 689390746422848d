//! NACK: what a receiver misses (PROTOCOL §2.6).

use super::ParseError;
use super::frame::{FRAME_HEADER_LEN, emit_frame_header};
use super::reader::Reader;
use super::writer::Writer;

/// What a receiver misses of one sender's reliable stream.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Nack {
    /// The sender whose stream it is.
    pub target: u32,
    /// The low half of that sender's session.
    pub session: u32,
    /// How often the receiver has asked for the first of these before.
    pub attempt: u8,
    /// The first sequence number that is missing.
    pub base: u32,
    /// Bit *n* of word *w*: `base + 32·w + n` is missing.
    pub missing: [u32; Self::MAX_WORDS],
    /// How many words are in use, 1 to 8.
    pub words: u8,
}

impl Nack {
    pub(crate) const KIND: u8 = 0x13;

    /// The most words of a NACK.
    pub const MAX_WORDS: usize = 8;

    const FIXED_LEN: usize = 4 + 4 + 4 + 1 + 1;

    /// The longest NACK, with its frame header.
    pub(crate) const MAX_FRAME_LEN: usize =
        FRAME_HEADER_LEN + Self::FIXED_LEN + 4 * Self::MAX_WORDS;

    /// A NACK that asks for nothing yet.
    #[must_use]
    pub const fn new(target: u32, session: u32, base: u32) -> Self {
        Self {
            target,
            session,
            attempt: 0,
            base,
            missing: [0; Self::MAX_WORDS],
            words: 1,
        }
    }

    /// Asks for a sequence number too. `false` if it is out of reach.
    pub fn add(&mut self, sequence: u32) -> bool {
        let at = sequence.wrapping_sub(self.base);
        let word = at >> 5;
        match usize::try_from(word)
            .ok()
            .and_then(|word| self.missing.get_mut(word))
        {
            Some(bits) => {
                *bits |= 1 << (at & 31);
                // There are 8 words at most.
                self.words = self.words.max((word as u8).saturating_add(1));
                true
            }
            None => false,
        }
    }

    /// Whether it asks for a sequence number.
    #[must_use]
    pub fn contains(&self, sequence: u32) -> bool {
        let at = sequence.wrapping_sub(self.base);
        let word = usize::try_from(at >> 5)
            .ok()
            .and_then(|word| self.missing.get(word));
        word.is_some_and(|bits| bits & (1 << (at & 31)) != 0)
    }

    /// The sequence numbers it asks for, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> + use<> {
        let (base, missing) = (self.base, self.missing);
        // A range with an end: counting on for ever would have to panic in the end.
        (0..8u32).zip(missing).flat_map(move |(word, bits)| {
            (0..32)
                .filter(move |bit| bits & (1 << bit) != 0)
                .map(move |bit| base.wrapping_add((word << 5) | bit))
        })
    }

    pub(crate) fn parse(r: &mut Reader<'_>) -> Self {
        let mut nack = Self::new(r.u32(), r.u32(), r.u32());
        nack.attempt = r.u8();
        nack.words = r.u8();
        let words = usize::from(nack.words);
        if words == 0 || words > Self::MAX_WORDS {
            r.fail(ParseError::BadNack { words: nack.words });
        }
        for word in nack.missing.iter_mut().take(words) {
            *word = r.u32();
        }
        nack
    }

    pub(crate) fn emit(&self, w: &mut Writer<'_>) {
        let words = usize::from(self.words).clamp(1, Self::MAX_WORDS);
        let len = words.saturating_mul(4).saturating_add(Self::FIXED_LEN);
        emit_frame_header(w, Self::KIND, 0, len);
        w.u32(self.target);
        w.u32(self.session);
        w.u32(self.base);
        w.u8(self.attempt);
        // There are 8 words at most.
        w.u8(words as u8);
        self.missing
            .iter()
            .take(words)
            .for_each(|word| w.u32(*word));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn a_nack_reaches_256_sequence_numbers_across_the_wrap() {
        let base = u32::MAX - 2;
        let mut nack = Nack::new(7, 1, base);
        for at in [0, 31, 32, 255] {
            assert!(nack.add(base.wrapping_add(at)));
        }
        assert!(!nack.add(base.wrapping_add(256)));
        assert!(!nack.add(base.wrapping_sub(1)));
        let wanted: Vec<_> = nack.iter().map(|n| n.wrapping_sub(base)).collect();
        assert_eq!(wanted, [0, 31, 32, 255]);
        assert!(nack.contains(base) && !nack.contains(base.wrapping_add(1)));
        assert_eq!(nack.words, 8);
    }
}
