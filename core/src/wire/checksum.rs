//! The trailer of open groups: CRC-32C over everything before it (PROTOCOL §2.3).

use super::ParseError;
use super::writer::Writer;

/// Octets of the trailer.
pub(crate) const LEN: usize = 4;

#[cfg(not(any(feature = "fast-crc", feature = "hardware-crc")))]
static CRC: crc::Crc<u32, crc::NoTable> = crc::Crc::<u32, crc::NoTable>::new(&crc::CRC_32_ISCSI);

#[cfg(all(feature = "fast-crc", not(feature = "hardware-crc")))]
static CRC: crc::Crc<u32, crc::Table<16>> =
    crc::Crc::<u32, crc::Table<16>>::new(&crc::CRC_32_ISCSI);

/// CRC-32C (Castagnoli) of `parts`, one after the other.
#[cfg(feature = "hardware-crc")]
pub(crate) fn crc32c(parts: &[&[u8]]) -> u32 {
    let append = |crc, part: &&[u8]| crc32c::crc32c_append(crc, part);
    parts.iter().fold(0, append)
}

/// CRC-32C (Castagnoli) of `parts`, one after the other.
#[cfg(not(feature = "hardware-crc"))]
pub(crate) fn crc32c(parts: &[&[u8]]) -> u32 {
    let mut digest = CRC.digest();
    for part in parts {
        digest.update(part);
    }
    digest.finalize()
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
        // RFC 3720 appendix B.4, and the usual check value.
        assert_eq!(crc32c(&[b"123456789"]), 0xe306_9283);
        assert_eq!(crc32c(&[&[0; 32]]), 0x8a91_36aa);
        assert_eq!(crc32c(&[&[0xff; 16], &[0xff; 16]]), 0x62a8_ab43);
    }
}
