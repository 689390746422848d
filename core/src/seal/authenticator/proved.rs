//! Poly1305 with limbs of 44 bits, whose arithmetic is proved to be right and has no branch. What is left to do
//! here is to read blocks.
//!
//! `Tight` and `Loose` are numbers modulo 2^130 - 5 with limbs that are small enough for any sum, and for any
//! product: the types see to it that the conditions of the proof hold.

use fiat_crypto::poly1305_64 as field;
use field::fiat_poly1305_loose_field_element as Loose;
use field::fiat_poly1305_tight_field_element as Tight;
use zeroize::Zeroize;

use super::BLOCK;

/// The bits of a factor that may be set.
const CLAMP: u128 = 0x0fff_fffc_0fff_fffc_0fff_fffc_0fff_ffff;

/// The state of an authenticator, which is wiped when it is dropped.
pub(in crate::seal) struct Proved {
    sum: Tight,
    factor: Loose,
    pad: u128,
}

impl Proved {
    pub(in crate::seal) fn new(key: &[u8; 2 * BLOCK]) -> Self {
        let half =
            |octets: Option<&[u8; BLOCK]>| octets.map_or(0, |half| u128::from_le_bytes(*half));
        Self {
            sum: Tight([0; 3]),
            factor: relaxed(&number(half(key.first_chunk()) & CLAMP, 0)),
            pad: half(key.last_chunk()),
        }
    }

    /// Takes in `part`, and zeros up to a whole block.
    pub(in crate::seal) fn update_padded(&mut self, part: &[u8]) {
        let (blocks, rest) = part.as_chunks();
        let (pairs, single) = blocks.as_chunks();
        // Every other block is summed up apart: a processor works on both sums at once.
        if let Some(([first, second], pairs)) = pairs.split_last() {
            let mut square = Tight([0; 3]);
            field::fiat_poly1305_carry_square(&mut square, &self.factor);
            let square = relaxed(&square);
            let mut other = Tight([0; 3]);
            for [first, second] in pairs {
                step(&mut self.sum, first, &square);
                step(&mut other, second, &square);
            }
            step(&mut self.sum, first, &square);
            step(&mut other, second, &self.factor);
            let both = added(&self.sum, &other);
            field::fiat_poly1305_carry(&mut self.sum, &both);
        }
        for block in single {
            step(&mut self.sum, block, &self.factor);
        }
        if !rest.is_empty() {
            let mut block = [0; BLOCK];
            for (to, from) in block.iter_mut().zip(rest) {
                *to = *from;
            }
            step(&mut self.sum, &block, &self.factor);
        }
    }

    pub(in crate::seal) fn finalize(self) -> [u8; BLOCK] {
        let mut octets = [0; BLOCK + 1];
        field::fiat_poly1305_to_bytes(&mut octets, &self.sum);
        let [sum @ .., _] = octets;
        let tag = u128::from_le_bytes(sum).wrapping_add(self.pad);
        tag.to_le_bytes()
    }
}

impl Drop for Proved {
    fn drop(&mut self) {
        self.sum.0.zeroize();
        self.factor.0.zeroize();
        self.pad.zeroize();
    }
}

/// Adds a block to the sum, and multiplies it.
#[inline(always)]
fn step(sum: &mut Tight, block: &[u8; BLOCK], factor: &Loose) {
    let with_block = added(sum, &number(u128::from_le_bytes(*block), 1));
    field::fiat_poly1305_carry_mul(sum, &with_block, factor);
}

/// A number of 128 bits, and the bits above them: what `fiat_poly1305_from_bytes` does byte by byte.
#[inline(always)]
fn number(low: u128, high: u64) -> Tight {
    const MASK_44: u64 = (1 << 44) - 1;
    const MASK_43: u64 = (1 << 43) - 1;
    Tight([
        low as u64 & MASK_44,
        (low >> 44) as u64 & MASK_43,
        (low >> 87) as u64 | high << 41,
    ])
}

#[inline(always)]
fn added(one: &Tight, other: &Tight) -> Loose {
    let mut sum = Loose([0; 3]);
    field::fiat_poly1305_add(&mut sum, one, other);
    sum
}

fn relaxed(number: &Tight) -> Loose {
    let mut loose = Loose([0; 3]);
    field::fiat_poly1305_relax(&mut loose, number);
    loose
}
