//! Poly1305 (RFC 8439 §2.5), over parts that are each padded to whole blocks.
//!
//! The crate `poly1305` is small, and fast on the processors of boards. On x86 it prefers code for AVX2, whose
//! preparation costs more than a whole datagram, unless whoever builds the program sets a flag, which a library
//! cannot do for them. Where products of 64 bits are cheap, and on any x86, the arithmetic is therefore that of
//! `fiat-crypto`, which is generated together with a proof that it is right.

#[cfg(any(target_arch = "x86", target_pointer_width = "64"))]
mod proved;
#[cfg(any(test, not(any(target_arch = "x86", target_pointer_width = "64"))))]
mod small;

#[cfg(any(target_arch = "x86", target_pointer_width = "64"))]
pub(super) use proved::Proved as Authenticator;
#[cfg(not(any(target_arch = "x86", target_pointer_width = "64")))]
pub(super) use small::Small as Authenticator;

/// Bytes of a block, and of a tag.
const BLOCK: usize = 16;

#[cfg(test)]
mod tests {
    use super::small::Small;
    use super::*;
    use proptest::prelude::*;
    use std::vec;
    use std::vec::Vec;

    macro_rules! tag {
        ($authenticator:ident, $key:expr, $parts:expr) => {{
            let mut authenticator = $authenticator::new($key);
            for part in $parts {
                authenticator.update_padded(part);
            }
            authenticator.finalize()
        }};
    }

    /// Of this platform and of boards, which are to be the same.
    fn tag(key: &[u8; 32], parts: &[&[u8]]) -> [u8; BLOCK] {
        let tag = tag!(Authenticator, key, parts);
        assert_eq!(tag, tag!(Small, key, parts));
        tag
    }

    /// A factor, and what is added in the end.
    fn key(factor: u128, pad: u128) -> [u8; 32] {
        let mut key = [0; 32];
        key[..BLOCK].copy_from_slice(&factor.to_le_bytes());
        key[BLOCK..].copy_from_slice(&pad.to_le_bytes());
        key
    }

    fn octets(blocks: &[u128]) -> Vec<u8> {
        blocks
            .iter()
            .flat_map(|block| block.to_le_bytes())
            .collect()
    }

    /// RFC 8439 §A.3, numbers 5 to 11.
    #[test]
    fn sums_about_the_modulus_come_out_as_in_the_rfc() {
        const ONES: u128 = u128::MAX;
        const TWO_LIMBS: u128 = 4 << 64 | 1;
        const LOW: u128 = 0xb943_5e50_d794_35e3;
        const HIGH: u128 = 1 << 64 | 0xcd79_435e_50d7_9433;
        let cases: [(_, _, &[u128], _); 7] = [
            (2, 0, &[ONES], 3),
            (2, ONES, &[2], 3),
            (1, 0, &[ONES, ONES - 0xf, 0x11], 5),
            (1, 0, &[ONES, ONES / 0xff * 0xfe - 3, ONES / 0xff], 0),
            (2, 0, &[ONES - 2], ONES - 5),
            (TWO_LIMBS, 0, &[LOW, HIGH, 0, 1], 0x55 << 64 | 0x14),
            (TWO_LIMBS, 0, &[LOW, HIGH, 0], 0x13),
        ];
        for (factor, pad, text, expected) in cases {
            let tag = tag(&key(factor, pad), &[&octets(text)]);
            assert_eq!(u128::from_le_bytes(tag), expected, "{factor:x} {text:x?}");
        }
    }

    proptest! {
        #[test]
        fn boards_and_desktops_make_the_same_tags(
            key: [u8; 32],
            header in proptest::collection::vec(any::<u8>(), 0..80),
            text in proptest::collection::vec(any::<u8>(), 0..400),
        ) {
            tag(&key, &[&header, &text]);
        }
    }

    #[test]
    fn tags_of_the_largest_numbers_are_the_same_at_every_length() {
        for length in 0..200 {
            for (key, octet) in [([0xff; 32], 0xff), ([0xff; 32], 0), ([0; 32], 0xff)] {
                tag(&key, &[&vec![octet; length]]);
            }
        }
    }
}
