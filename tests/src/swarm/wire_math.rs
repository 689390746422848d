//! Numbers as the wire has them, by what PROTOCOL.md says of them.

use core::time::Duration;

/// Whether a sequence number comes before another (RFC 1982).
pub(crate) const fn is_before(a: u32, b: u32) -> bool {
    a != b && b.wrapping_sub(a) < 1 << 31
}

/// A round trip from its octet: 8 · log2(µs). 0: none.
pub(super) fn round_trip(octet: u8) -> Duration {
    if octet == 0 {
        return Duration::ZERO;
    }
    Duration::from_micros((f64::from(octet) / 8.0).exp2() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_round_and_octets_are_logarithms() {
        assert!(is_before(u32::MAX, 0) && !is_before(0, u32::MAX) && !is_before(7, 7));
        assert_eq!(round_trip(80), Duration::from_micros(1_024));
        assert_eq!(round_trip(0), Duration::ZERO);
    }
}
