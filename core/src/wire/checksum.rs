//! The trailer of open groups: CRC-32C over everything before it (PROTOCOL §2.3).

use super::ParseError;
use super::writer::Writer;

/// Bytes of the trailer.
pub(crate) const LEN: usize = 4;

/// CRC-32C (Castagnoli) of `parts`, one after the other.
#[cfg(feature = "hardware-crc")]
pub(crate) fn crc32c(parts: &[&[u8]]) -> u32 {
    let append = |crc, part: &&[u8]| crc32c::crc32c_append(crc, part);
    parts.iter().fold(0, append)
}

/// CRC-32C (Castagnoli) of `parts`, one after the other.
#[cfg(all(feature = "fast-crc", not(feature = "hardware-crc")))]
pub(crate) fn crc32c(parts: &[&[u8]]) -> u32 {
    static CRC: crc::Crc<u32, crc::Table<16>> = crc::Crc::<u32, _>::new(&crc::CRC_32_ISCSI);
    let mut digest = CRC.digest();
    for part in parts {
        digest.update(part);
    }
    digest.finalize()
}

/// CRC-32C (Castagnoli) of `parts`, one after the other.
#[cfg(not(any(feature = "fast-crc", feature = "hardware-crc")))]
pub(crate) fn crc32c(parts: &[&[u8]]) -> u32 {
    small::crc32c(parts)
}

/// Four bits at a time, with a table of 64 bytes: a quarter of the instructions that bit by bit takes, for as
/// much flash.
#[cfg(any(test, not(any(feature = "fast-crc", feature = "hardware-crc"))))]
mod small {
    /// 1EDC6F41, reflected.
    const POLYNOMIAL: u32 = 0x82f6_3b78;

    /// What each value of the lowest four bits does to the rest as they are shifted out.
    #[rustfmt::skip]
    static TABLE: [u32; 16] = [
        part(0), part(1), part(2), part(3), part(4), part(5), part(6), part(7),
        part(8), part(9), part(10), part(11), part(12), part(13), part(14), part(15),
    ];

    const fn part(bits: u32) -> u32 {
        shift(shift(shift(shift(bits))))
    }

    const fn shift(crc: u32) -> u32 {
        (crc >> 1) ^ if crc & 1 == 0 { 0 } else { POLYNOMIAL }
    }

    fn shifted(crc: u32) -> u32 {
        // There are 16 values of four bits.
        let bits = TABLE.get((crc & 15) as usize);
        (crc >> 4) ^ bits.copied().unwrap_or_default()
    }

    pub(super) fn crc32c(parts: &[&[u8]]) -> u32 {
        let mut crc = u32::MAX;
        for part in parts {
            for octet in *part {
                crc = shifted(shifted(crc ^ u32::from(*octet)));
            }
        }
        !crc
    }
}

/// The datagram without its trailer, if the checksum is right.
pub(crate) fn check(datagram: &[u8]) -> Result<&[u8], ParseError> {
    let (body, trailer) = datagram
        .split_last_chunk::<LEN>()
        .ok_or(ParseError::Truncated {
            need: LEN,
            have: datagram.len(),
        })?;
    let stated = u32::from_be_bytes(*trailer);
    let computed = crc32c(&[body]);
    if stated == computed {
        Ok(body)
    } else {
        Err(ParseError::Checksum { stated, computed })
    }
}

/// Appends the checksum of everything written so far.
pub(crate) fn append(w: &mut Writer<'_>) {
    let checksum = crc32c(&[w.written()]);
    w.u32(checksum);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// PROTOCOL W6.
    #[test]
    fn the_checksum_is_crc_32c() {
        for crc32c in [crc32c, small::crc32c] {
            // RFC 3720 appendix B.4, and the usual check value.
            assert_eq!(crc32c(&[b"123456789"]), 0xe306_9283);
            assert_eq!(crc32c(&[&[0; 32]]), 0x8a91_36aa);
            assert_eq!(crc32c(&[&[0xff; 16], &[0xff; 16]]), 0x62a8_ab43);
            let ascending: [u8; 32] = core::array::from_fn(|n| n as u8);
            assert_eq!(crc32c(&[&ascending]), 0x46dd_794e);
        }
    }
}
