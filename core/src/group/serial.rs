//! Sequence numbers that wrap (RFC 1982, 32 bits).

/// Whether `a` comes before `b`, if they are less than 2^31 apart.
pub(crate) const fn is_before(a: u32, b: u32) -> bool {
    // The sign bit of the difference.
    a.wrapping_sub(b) & 0x8000_0000 != 0
}

/// How far it is from `a` forward to `b`; 0 if `b` comes before `a`.
pub(crate) const fn distance(a: u32, b: u32) -> u32 {
    if is_before(b, a) {
        0
    } else {
        b.wrapping_sub(a)
    }
}

/// The earlier of two.
pub(crate) const fn earlier(a: u32, b: u32) -> u32 {
    if is_before(b, a) { b } else { a }
}

/// The later of two.
pub(crate) const fn later(a: u32, b: u32) -> u32 {
    if is_before(a, b) { b } else { a }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// PROTOCOL W15.
    #[test]
    fn order_goes_round() {
        assert!(is_before(1, 2) && !is_before(2, 1) && !is_before(2, 2));
        assert!(is_before(u32::MAX, 0) && !is_before(0, u32::MAX));
        assert_eq!(distance(u32::MAX, 2), 3);
        assert_eq!(distance(2, u32::MAX), 0);
        assert_eq!(later(u32::MAX, 2), 2);
    }
}
