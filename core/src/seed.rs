//! What makes a member of an open group different from all others, and from itself before.

use core::fmt;

/// What ids, sessions and jitter of a member of an open group come from: [`Group::new`](crate::Group::new) and
/// [`Node::new`](crate::Node::new) take it.
///
/// It must differ between members and between starts. The best is 32 bytes of a generator of random numbers; what
/// device and start number give does, too:
///
/// ```
/// use groupcast::{Board, Config, Group, Seed};
///
/// let config = Config::new("239.1.2.3:12345".parse()?);
/// let chip_id = [0x2a, 0x00, 0x17, 0x00, 0x51, 0x36];
/// let starts = 41; // read from flash, and written back as 42 before it is used
/// let group = Group::new(Board::new(), config, Seed::from_device(&chip_id, starts))?;
///
/// let random = *b"of a generator of random numbers";
/// let group = Group::new(Board::new(), config, random)?;
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
///
/// All 256 bits count alike: two seeds that differ anywhere give members that have nothing in common. No key comes
/// from it; for a sealed group there is `seal::Entropy`.
pub struct Seed([u8; 32]);

impl Seed {
    /// Of what no other device has, and what this one never had before.
    ///
    /// `id` is the chip's unique id, an Ethernet address, or a number that the device was given, of any length; all of it
    /// counts. `starts` is a counter in flash that rises **before** each start, or a clock that never goes back.
    ///
    /// An id that is empty, or six bytes and more of only `00` or `ff`, as of a chip whose id was not read, is
    /// refused by whoever takes the seed, as [`ConfigError::SeedIsZero`](crate::ConfigError::SeedIsZero).
    #[must_use]
    pub fn from_device(id: &[u8], starts: u64) -> Self {
        if is_nobodys(id) {
            return Self([0; 32]);
        }
        // With the length, no two ids read the same.
        let mut words = [id.len() as u64, starts, 0, 0];
        for octets in id.chunks(8) {
            let mut word = [0; 8];
            word.iter_mut()
                .zip(octets)
                .for_each(|(to, from)| *to = *from);
            words[2] ^= u64::from_le_bytes(word);
            stir(&mut words);
        }
        Self(to_bytes(words))
    }

    pub(crate) fn from_words(words: [u64; 4]) -> Self {
        Self(to_bytes(words))
    }

    /// Whether a buffer that nobody filled has become the seed.
    pub(crate) fn is_zero(&self) -> bool {
        self.0 == [0; 32]
    }

    /// 256 bits, each of which depends on all of the seed.
    pub(crate) fn stirred(&self) -> [u8; 32] {
        let mut words = [0; 4];
        for (word, octets) in words.iter_mut().zip(self.0.as_chunks().0) {
            *word = u64::from_le_bytes(*octets);
        }
        stir(&mut words);
        to_bytes(words)
    }
}

impl From<[u8; 32]> for Seed {
    fn from(octets: [u8; 32]) -> Self {
        Self(octets)
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Whoever knows it knows the member's next id.
        f.write_str("Seed(..)")
    }
}

/// Whether this cannot be what one device has and no other: there is nothing, or it is what memory and
/// registers hold that were never written.
pub(crate) fn is_nobodys(id: &[u8]) -> bool {
    let is_blank = |blank: u8| id.iter().all(|octet| *octet == blank);
    id.is_empty() || (id.len() >= 6 && (is_blank(0) || is_blank(0xff)))
}

/// Makes every bit depend on every other. Nothing is lost: each step can be undone.
///
/// A product carries what is low to what is high, the shift carries it back, and what came out goes into the next
/// word. It hides nothing from whoever wants to undo it.
#[inline(never)]
fn stir(words: &mut [u64; 4]) {
    let mut last = words[3];
    for _ in 0..4 {
        for word in &mut *words {
            let sum = (last ^ *word).wrapping_add(0x9e37_79b9_7f4a_7c15);
            let product = sum.wrapping_mul(0xd134_2543_de82_ef95);
            last = product ^ (product >> 32);
            *word = last;
        }
    }
}

fn to_bytes(words: [u64; 4]) -> [u8; 32] {
    let mut octets = [0; 32];
    for (place, word) in octets.as_chunks_mut().0.iter_mut().zip(words) {
        *place = word.to_le_bytes();
    }
    octets
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::group::Random;
    use crate::time::Span;
    use std::collections::BTreeSet;
    use std::vec::Vec;

    /// Bytes as devices lay them out that have little to offer, and as a generator gives them.
    fn layouts() -> Vec<[u8; 32]> {
        let id_and_starts = |id: [u8; 12], starts: u64| {
            let mut seed = [0; 32];
            seed[..12].copy_from_slice(&id);
            seed[12..20].copy_from_slice(&starts.to_le_bytes());
            seed
        };
        let starts_first = |starts: u64, id: [u8; 6]| {
            let mut seed = [0; 32];
            seed[..8].copy_from_slice(&starts.to_be_bytes());
            seed[8..14].copy_from_slice(&id);
            seed
        };
        let mut last = [0; 32];
        last[31] = 1;
        std::vec![
            id_and_starts(*b"\x2a\x00\x17\x00\x0aQ639760", 1),
            id_and_starts([0; 12], 7),
            id_and_starts([0xff; 12], 1 << 40),
            starts_first(3, [0x02, 0, 0, 0, 0, 1]),
            last,
            [1; 32],
            [0xff; 32],
            *b"of a generator of random numbers",
        ]
    }

    /// All that a member draws first: session, id, and some jitter.
    fn drawn(seed: impl Into<Seed>) -> [u64; 6] {
        let mut random = Random::new(&seed.into());
        let session = random.session().get();
        let id = u64::from(random.member_id().get());
        let mut jitter = || u64::from(random.up_to(Span::MAX).as_micros());
        [session, id, jitter(), jitter(), jitter(), jitter()]
    }

    const WIDTHS: [u32; 6] = [64, 32, 32, 32, 32, 32];

    #[test]
    fn every_bit_of_the_seed_changes_half_of_all_that_is_drawn() {
        // How often each bit of what is drawn changes.
        let mut flips = [[0u32; 64]; 6];
        let layouts = layouts();
        let trials = layouts.len() as u32 * 256;
        for seed in &layouts {
            let base = drawn(*seed);
            for bit in 0..256 {
                let mut other = *seed;
                other[bit / 8] ^= 1 << (bit % 8);
                let other = drawn(other);
                for n in 0..6 {
                    let differs = base[n] ^ other[n];
                    // A mean of 32 and a deviation of 4, of an id 16 and 2.8: six deviations.
                    let (mean, most) = if WIDTHS[n] == 64 { (32, 24) } else { (16, 16) };
                    let off = differs.count_ones().abs_diff(mean);
                    assert!(off < most, "{seed:02x?}, bit {bit}, number {n}: {off}");
                    assert_ne!(differs, 0, "{seed:02x?}, bit {bit}, number {n}");
                    for (at, flips) in flips[n].iter_mut().enumerate() {
                        *flips += (differs >> at & 1) as u32;
                    }
                }
            }
        }
        for (flips, width) in flips.iter().zip(WIDTHS) {
            for (at, flips) in flips.iter().take(width as usize).enumerate() {
                // 2,048 trials: a deviation of 22.6, and six of them.
                let off = flips.abs_diff(trials / 2);
                assert!(off < 136, "bit {at}: {flips} of {trials}");
            }
        }
    }

    #[test]
    fn no_two_devices_and_no_two_starts_draw_the_same() {
        let mut drawn_before = BTreeSet::new();
        let mut seeds = 0;
        for device in 0..40u8 {
            for id in [
                &[device][..],
                &[2, 0, 0, 0, 0, device],
                &[device; 16],
                &[device; 17],
            ] {
                if is_nobodys(id) {
                    continue;
                }
                for starts in (0..50).chain([u64::MAX, 1 << 63, 1 << 32]) {
                    let [session, id, jitter, ..] = drawn(Seed::from_device(id, starts));
                    seeds += 1;
                    for number in [session, id | 1 << 32, jitter] {
                        drawn_before.insert(number);
                    }
                }
            }
        }
        // Of 8,000 ids of 32 bits two may be the same; of sessions none.
        assert!(
            drawn_before.len() + 1 >= 3 * seeds,
            "{} of {seeds}",
            drawn_before.len()
        );
    }

    #[test]
    fn devices_and_starts_are_not_related_four_by_four() {
        // Two devices and two starts are a parallelogram of seeds: what only adds without carry keeps it one.
        let mut equal = [0u32; 64];
        let mut trials = 0;
        for device in 0..30u8 {
            for starts in 0..30u8 {
                let seed = |device: u8, starts: u8| {
                    let mut seed = [0; 32];
                    (seed[0], seed[12]) = (device, starts);
                    seed[31] = 1;
                    drawn(seed)[0]
                };
                let four = seed(2 * device, 2 * starts)
                    ^ seed(2 * device + 1, 2 * starts)
                    ^ seed(2 * device, 2 * starts + 1)
                    ^ seed(2 * device + 1, 2 * starts + 1);
                trials += 1;
                for (at, equal) in equal.iter_mut().enumerate() {
                    *equal += (four >> at & 1) as u32;
                }
            }
        }
        for (at, equal) in equal.iter().enumerate() {
            // 900 trials: a deviation of 15.
            assert!(
                equal.abs_diff(trials / 2) < 90,
                "bit {at}: {equal} of {trials}"
            );
        }
    }

    #[test]
    fn every_octet_of_a_device_id_counts_and_so_does_its_length() {
        let mut seeds = BTreeSet::new();
        for len in 1..=40 {
            let id: Vec<u8> = (1..=len).collect();
            assert!(seeds.insert(Seed::from_device(&id, 9).0));
            for at in 0..id.len() {
                let mut other = id.clone();
                other[at] ^= 0x80;
                assert!(seeds.insert(Seed::from_device(&other, 9).0), "{len}, {at}");
            }
            let longer = [&id[..], &[0]].concat();
            assert!(seeds.insert(Seed::from_device(&longer, 9).0), "{len}");
        }
    }

    #[test]
    fn a_blank_id_is_nobodys() {
        for id in [&[][..], &[0; 6], &[0xff; 6], &[0; 12], &[0xff; 16]] {
            assert!(Seed::from_device(id, 5).is_zero(), "{id:?}");
        }
        for id in [&[0][..], &[1], &[0, 0, 0, 0], &[0, 0, 0, 0, 0, 1], &[7; 12]] {
            assert!(!Seed::from_device(id, 0).is_zero(), "{id:?}");
        }
    }

    #[test]
    fn a_seed_tells_nobody_what_it_is() {
        assert_eq!(std::format!("{:?}", Seed::from([7; 32])), "Seed(..)");
    }
}
