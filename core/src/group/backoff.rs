//! How long to wait before asking, so that a large group asks only a few times (PROTOCOL R14).
//!
//! All in integers: no floating point and no tables.

use crate::time::Span;

use super::random::Random;

/// In a group of so many members nobody waits longer than this before asking.
pub(crate) const SMALL_GROUP: u32 = 8;
const SMALL_SPREAD: Span = Span::from_millis(3);

/// The round trips that are believed, 1 ms to 1 s, and the largest size, 110,000 members, as they are stated.
const SHORTEST_TRIP: u8 = 79;
const LONGEST_TRIP: u8 = 159;
const LARGEST_SIZE: u8 = 67;

/// 256 · log2(x), to within 1/40; 0 for 0.
#[cfg_attr(target_os = "none", inline(never))]
pub(crate) fn log2_q8(x: u32) -> u32 {
    let Some(n) = x.checked_ilog2() else { return 0 };
    // The eight bits after the first one, and a parabola for the curve between powers of two.
    let f = if n >= 8 {
        x >> n.saturating_sub(8)
    } else {
        x << 8u32.saturating_sub(n)
    } & 0xff;
    let curve = f.wrapping_mul(256u32.wrapping_sub(f)).wrapping_mul(88) >> 16;
    (n << 8).wrapping_add(f).wrapping_add(curve)
}

/// A round trip as one byte: 8 · log2(µs).
pub(crate) fn encode_round_trip(time: Span) -> u8 {
    u8::try_from(log2_q8(time.as_micros()) >> 5).unwrap_or(u8::MAX)
}

/// What [`encode_round_trip`] encoded, to within 9 %. Nobody's estimate is shorter than a millisecond or longer
/// than a second (PROTOCOL W16).
pub(crate) fn decode_round_trip(octet: u8) -> Span {
    let octet = octet.clamp(SHORTEST_TRIP, LONGEST_TRIP);
    let (whole, eighths) = (octet >> 3, u32::from(octet & 7));
    let base = 1u32 << whole;
    // 2^(n/8) ≈ 1 + n/8 · (0.66 + 0.34 · n/8), in 64ths.
    let part = eighths
        .saturating_mul(5)
        .saturating_add(eighths.saturating_mul(eighths) / 3);
    Span::from_micros(base.saturating_add(base.saturating_mul(part).div_ceil(64)))
}

/// A group's size as one byte: 4 · log2(members).
pub(crate) fn encode_group_size(members: usize) -> u8 {
    let members = u32::try_from(members).unwrap_or(u32::MAX);
    u8::try_from(log2_q8(members) >> 6).unwrap_or(u8::MAX)
}

/// The least group size that is stated so, in members; more than [`LARGEST_SIZE`] make no difference.
pub(crate) fn decode_group_size(stated: u8) -> usize {
    let stated = stated.min(LARGEST_SIZE);
    // The fourth roots of 2, in 256ths.
    let quarter = match stated % 4 {
        0 => 256u32,
        1 => 304,
        2 => 362,
        _ => 431,
    };
    usize::try_from((quarter << (stated / 4)).div_ceil(256)).unwrap_or(usize::MAX)
}

/// The time within which all members that miss the same datagram ask: it grows with the logarithm of
/// the group's size, so that about four of them ask before they hear each other.
#[inline(never)]
pub(crate) fn spread(round_trip: Span, members: usize) -> Span {
    let members = u32::try_from(members).unwrap_or(u32::MAX);
    // 0.53 · (ln G + 1), in 256ths: ln G = log2 G · 0.693.
    let k = log2_q8(members).saturating_mul(177) >> 8;
    let k = k.saturating_add(256).saturating_mul(136) >> 8;
    // Round trips are a second at most, and `k` is below 4,096.
    let spread = round_trip.saturating_mul(k.max(256));
    let spread = Span::from_micros(spread.as_micros() >> 8);
    // In a small group, even if everybody asks, that is not much.
    if members <= SMALL_GROUP {
        spread.min(SMALL_SPREAD)
    } else {
        spread
    }
}

/// A moment within `spread`, late ones being more likely: few ask early, the others hear them.
///
/// The truncated exponential distribution of RFC 5401 §3.2.3.
#[inline(never)]
pub(crate) fn draw(spread: Span, members: usize, random: &mut Random) -> Span {
    let members = u32::try_from(members).unwrap_or(u32::MAX).min(100_000);
    // The distribution's parameter, about e · G, at least 2.
    let m = (members.saturating_mul(696) >> 8).max(2);
    let v = random.below(m.saturating_sub(1).saturating_mul(256));
    let scale = log2_q8(m).max(1);
    let share = log2_q8(v.saturating_add(256))
        .saturating_sub(2048)
        .min(scale);
    // A fraction below 1, in 2^18ths: the scale is below 2^14.
    let fraction = (share << 18).checked_div(scale).unwrap_or_default();
    // A product of 32 bits and 18, and again of 32.
    let micros = u64::from(spread.as_micros()).saturating_mul(u64::from(fraction)) >> 18;
    Span::from_micros(u32::try_from(micros).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{format, vec::Vec};

    #[test]
    fn the_logarithm_is_close() {
        for x in 1..100_000u32 {
            let exact = f64::from(x).log2() * 256.0;
            assert!((f64::from(log2_q8(x)) - exact).abs() < 6.0, "{x}");
        }
    }

    /// PROTOCOL W16.
    #[test]
    fn logarithms_are_those_of_the_page() {
        let micros = [1, 2, 10, 100, 1_000, 10_000, 100_000, 1_000_000];
        for (micros, octet) in micros.into_iter().zip([0u8, 8, 26, 53, 79, 106, 132, 159]) {
            let stated = encode_round_trip(Span::from_micros(micros));
            assert!(stated.abs_diff(octet) <= 1, "{micros}: {stated}");
            // The other way, too: a step is an eleventh.
            let read =
                f64::from(decode_round_trip(octet).as_micros()) / f64::from(micros.max(1_000));
            assert!((0.83..=1.18).contains(&read), "{octet}: {read}");
        }
        let members = [1, 2, 3, 5, 8, 10, 33, 100, 1_000, 100_000];
        for (members, octet) in members
            .into_iter()
            .zip([0u8, 4, 6, 9, 12, 13, 20, 26, 39, 66])
        {
            let stated = encode_group_size(members);
            assert!(stated.abs_diff(octet) <= 1, "{members}: {stated}");
            let read = decode_group_size(octet) as f64 / members as f64;
            assert!((0.6..=1.42).contains(&read), "{octet}: {read}");
        }
    }

    #[test]
    fn round_trips_survive_the_octet() {
        for micros in [1u32, 10, 300, 1_000, 3_333, 50_000, 1_000_000] {
            let decoded = decode_round_trip(encode_round_trip(Span::from_micros(micros)));
            // What is shorter than a millisecond counts as one.
            let ratio = f64::from(decoded.as_micros()) / f64::from(micros.max(1_000));
            assert!((0.85..=1.1).contains(&ratio), "{micros}: {ratio}");
        }
    }

    /// Whether both ways are within one step of a column of the table; what is outside of `range` counts as its end.
    fn check_column(
        octet: u8,
        column: &str,
        steps: f64,
        range: core::ops::RangeInclusive<u8>,
        encode: impl Fn(u32) -> u8,
        decoded: f64,
    ) {
        let (span, stands_for) = column.trim().split_once(' ').unwrap();
        for number in span.split('-').filter(|number| !number.is_empty()) {
            // What is larger cannot be measured, or counted.
            let number: u64 = number.parse().unwrap();
            if let Ok(number) = u32::try_from(number) {
                assert!(encode(number).abs_diff(octet) <= 1, "{number}: {octet}");
            }
        }
        if span == "-" {
            // Between two whole numbers.
            return;
        }
        let stands_for: f64 = stands_for.parse().unwrap();
        let counts_as = octet.clamp(*range.start(), *range.end());
        let beyond = (f64::from(octet) - f64::from(counts_as)) / steps;
        let off = (decoded / stands_for).log2() + beyond;
        assert!(off.abs() * steps <= 1.0, "{octet}: {decoded}");
    }

    /// PROTOCOL W16.
    #[test]
    fn both_logarithms_are_those_of_the_table() {
        let table = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/log2.txt");
        let table = std::fs::read_to_string(table).unwrap();
        let lines: Vec<_> = table
            .lines()
            .filter(|line| !line.starts_with('#'))
            .collect();
        assert_eq!(lines.len(), 256);
        for (octet, line) in (0..=u8::MAX).zip(lines) {
            let (stated, columns) = line.split_once(": ").unwrap();
            assert_eq!(stated, format!("{octet}"));
            let (micros, members) = columns.split_once(';').unwrap();
            let trip = |micros| encode_round_trip(Span::from_micros(micros));
            let decoded = f64::from(decode_round_trip(octet).as_micros());
            let trips = SHORTEST_TRIP..=LONGEST_TRIP;
            check_column(octet, micros, 8.0, trips, trip, decoded);
            let size = |members| encode_group_size(usize::try_from(members).unwrap());
            let decoded = decode_group_size(octet) as f64;
            check_column(octet, members, 4.0, 0..=LARGEST_SIZE, size, decoded);
        }
    }

    /// PROTOCOL R14.
    #[test]
    fn the_spread_grows_with_the_logarithm_of_the_group() {
        let of = |members| spread(Span::from_millis(100), members).as_millis();
        assert_eq!(of(2), 3);
        assert_eq!(of(8), 3);
        assert!((140..185).contains(&of(9)), "{}", of(9));
        assert!((275..320).contains(&of(100)), "{}", of(100));
        assert!((395..445).contains(&of(1_000)), "{}", of(1_000));
    }

    /// PROTOCOL R14.
    #[test]
    fn about_four_members_ask_before_they_hear_each_other() {
        let round_trip = Span::from_millis(10);
        let mut random = Random::new(&[3; 32].into());
        for members in [10, 100, 1_000] {
            let spread = spread(round_trip, members);
            let rounds = 200;
            let mut asked = 0;
            for _ in 0..rounds {
                let mut times: Vec<_> = (0..members)
                    .map(|_| draw(spread, members, &mut random))
                    .collect();
                times.sort();
                // Everybody within half a round trip of the first has not heard it.
                asked += times
                    .iter()
                    .filter(|t| **t <= times[0].saturating_add(round_trip.checked_div(2).unwrap()))
                    .count();
            }
            let mean = asked as f64 / f64::from(rounds);
            assert!((2.0..5.5).contains(&mean), "{members} members: {mean}");
        }
    }
}
