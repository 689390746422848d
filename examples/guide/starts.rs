//! Counts the starts of a board in its flash: what a member's seed is made of if the chip has no random numbers.

use embedded_storage::nor_flash::NorFlash;

/// Bytes that a count takes in flash: a multiple of what flash writes at once.
const SLOT: usize = 32;

/// Counts this start in two sectors at the beginning of `flash`, and returns the count, which no start before had. Power
/// may fail at any moment.
///
/// A sector holds a count for each start, with its complement behind it. When one is full the other is erased, so the
/// newest is always whole.
///
/// # Errors
///
/// The flash's.
pub fn count<F: NorFlash>(flash: &mut F) -> Result<u64, F::Error> {
    const { assert!(SLOT.is_multiple_of(F::WRITE_SIZE) && F::ERASE_SIZE.is_multiple_of(SLOT)) }
    let (sector, length) = (F::ERASE_SIZE as u32, SLOT as u32);
    let (mut starts, mut next, mut slot) = (0, 0, [0; SLOT]);
    for at in (0..2 * sector).step_by(SLOT) {
        flash.read(at, &mut slot)?;
        let (count, check) = (number(&slot[..8]), number(&slot[8..16]));
        if check == !count && count > starts {
            (starts, next) = (count, at + length);
        } else if at == next && !at.is_multiple_of(sector) && slot != [0xff; SLOT] {
            // Half written when power failed.
            next += length;
        }
    }
    next %= 2 * sector;
    if next.is_multiple_of(sector) {
        // The newest count is in the other one.
        flash.erase(next, next + sector)?;
    }
    starts += 1;
    slot = [0xff; SLOT];
    slot[..8].copy_from_slice(&starts.to_le_bytes());
    slot[8..16].copy_from_slice(&(!starts).to_le_bytes());
    flash.write(next, &slot)?;
    Ok(starts)
}

fn number(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .rfold(0, |all, byte| all << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use embedded_storage::nor_flash::{ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash};

    use super::count;

    const SECTOR: usize = 128;

    /// Flash whose power fails in the middle of what it does, after so many bytes.
    struct Flash {
        bytes: [u8; 2 * SECTOR],
        power: usize,
    }

    impl Flash {
        const fn new(content: u8) -> Self {
            let bytes = [content; 2 * SECTOR];
            Self {
                bytes,
                power: usize::MAX,
            }
        }

        fn change(&mut self, at: usize, value: u8) -> Result<(), NorFlashErrorKind> {
            self.power = self.power.checked_sub(1).ok_or(NorFlashErrorKind::Other)?;
            self.bytes[at] = value;
            Ok(())
        }
    }

    impl ErrorType for Flash {
        type Error = NorFlashErrorKind;
    }

    impl ReadNorFlash for Flash {
        const READ_SIZE: usize = 1;

        fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorFlashErrorKind> {
            bytes.copy_from_slice(&self.bytes[offset as usize..][..bytes.len()]);
            Ok(())
        }

        fn capacity(&self) -> usize {
            2 * SECTOR
        }
    }

    impl NorFlash for Flash {
        const WRITE_SIZE: usize = 4;
        const ERASE_SIZE: usize = SECTOR;

        fn erase(&mut self, from: u32, to: u32) -> Result<(), NorFlashErrorKind> {
            (from as usize..to as usize).try_for_each(|at| self.change(at, 0xff))
        }

        fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorFlashErrorKind> {
            for (at, byte) in (offset as usize..).zip(bytes) {
                // Flash with error correction does not take a second write.
                assert!(self.bytes[at] == 0xff, "{at} is not erased");
                self.change(at, *byte)?;
            }
            Ok(())
        }
    }

    #[test]
    fn it_counts_on_whatever_was_there_before() {
        for content in [0xff, 0, 0x55] {
            let mut flash = Flash::new(content);
            for starts in 1..100 {
                assert_eq!(count(&mut flash), Ok(starts));
            }
        }
    }

    #[test]
    fn no_count_comes_twice_wherever_power_fails() {
        for power in 0..200 {
            let mut flash = Flash::new(0xff);
            let mut newest = 0;
            for start in 0..40 {
                flash.power = if start % 3 == 2 { power } else { usize::MAX };
                if let Ok(starts) = count(&mut flash) {
                    assert!(starts > newest, "{starts} after {newest}, {power}");
                    newest = starts;
                }
            }
            assert!(newest >= 26, "{newest}, {power}");
        }
    }
}
