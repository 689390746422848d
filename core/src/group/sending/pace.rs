//! How fast to send: a token bucket that reacts to loss (PROTOCOL S8).

use crate::time::{Ageing, Span, Tick};

/// How fast a member sends data and repairs at most.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Pace {
    octets_per_second: u32,
    burst: u8,
}

impl Pace {
    /// For boards: 500 kbit/s, 2 datagrams at once.
    pub const BOARD: Self = Self::new(62_500, 2);

    /// For Wi-Fi: 2 Mbit/s, 4 datagrams at once. At its basic rate Wi-Fi carries about 6 Mbit/s of
    /// multicast, for everybody together.
    pub const WIFI: Self = Self::new(250_000, 4);

    /// For wires: 20 Mbit/s, 16 datagrams at once.
    pub const WIRED: Self = Self::new(2_500_000, 16);

    /// As fast as the stack and the receivers take it, and never so far ahead of them that what they lost
    /// could not be repaired (PROTOCOL S10); with more than 32 members, as fast as the stack takes it. For
    /// one machine, and for networks that are faster than the members: a slower one loses what it cannot carry.
    pub const UNLIMITED: Self = Self::new(u32::MAX, u8::MAX);

    /// A rate in bytes per second, from 16 KiB/s, and how many datagrams may leave at once, from 1.
    #[must_use]
    pub const fn new(octets_per_second: u32, burst: u8) -> Self {
        let floor = Bucket::FLOOR;
        Self {
            octets_per_second: if octets_per_second < floor {
                floor
            } else {
                octets_per_second
            },
            burst: if burst == 0 { 1 } else { burst },
        }
    }

    pub(crate) const fn is_unlimited(self) -> bool {
        self.octets_per_second == u32::MAX
    }

    /// Bytes in a second.
    pub(crate) const fn rate(self) -> u32 {
        self.octets_per_second
    }

    /// How many datagrams may leave at once.
    pub(crate) const fn burst(self) -> u8 {
        self.burst
    }
}

/// A bucket of bytes that may be sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    pace: Pace,
    /// The rate now: the pace's, or less after loss.
    rate: u32,
    /// Bytes that may be sent now; below zero after a datagram that was let through. Without a pace: bytes
    /// of repairs.
    level: i64,
    filled: Tick,
    /// Until when everybody pauses, and when the last pause began.
    paused_until: Option<Tick>,
    pause_began: Option<Tick>,
    /// Fragments sent, and asked for again, since `judged`.
    sent: u32,
    asked: u32,
    judged: Tick,
}

/// How long one BUSY stops a member at most, and how often.
const LONGEST_PAUSE: Span = Span::from_millis(500);
const PAUSE_EVERY: Span = Span::from_secs(2);

/// How often the rate is judged.
const JUDGE_EVERY: Span = Span::from_secs(1);

/// Without a pace, bytes of repairs in a second, and for each byte that is sent for the first time: whoever
/// asks again and again for all that is kept must not make a sender flood the network.
const REPAIR_RATE: u32 = 2_500_000;
const REPAIRS_PER_SENT: usize = 4;

/// Bytes a datagram counts for beside its own: IP, UDP and Ethernet headers.
const PER_DATAGRAM: i64 = 46;

/// How many bytes a rate brings in 2^20 microseconds, which are 1.048576 seconds: a board divides 64 bits by
/// calling a function that is larger than this file.
const fn per_2_20_micros(octets_per_second: u32) -> u64 {
    let rate = octets_per_second as u64;
    // 0.048576, in 2^32ths; both products fit.
    rate.wrapping_add(rate.wrapping_mul(208_632_331) >> 32)
}

impl Bucket {
    /// No rate is below this, in bytes per second.
    const FLOOR: u32 = 16 * 1024;

    pub(crate) const fn new(pace: Pace) -> Self {
        Self {
            pace,
            rate: pace.octets_per_second,
            // Full, whatever that turns out to be.
            level: i64::MAX,
            filled: Tick::LONG_AGO,
            paused_until: None,
            pause_began: None,
            sent: 0,
            asked: 0,
            judged: Tick::LONG_AGO,
        }
    }

    /// Time makes it older.
    pub(crate) const fn age(&mut self, ageing: Ageing) {
        let Self {
            pace: _,
            rate: _,
            level: _,
            filled,
            paused_until,
            pause_began,
            sent: _,
            asked: _,
            judged,
        } = self;
        ageing.tick(filled);
        ageing.maybe(paused_until);
        ageing.maybe(pause_began);
        ageing.tick(judged);
    }

    /// Whether there is no pace.
    pub(crate) const fn is_unlimited(&self) -> bool {
        self.pace.is_unlimited()
    }

    /// Another pace from now on. What is in the bucket stays, as far as it holds that.
    pub(crate) const fn set_pace(&mut self, pace: Pace) {
        self.pace = pace;
        self.rate = pace.octets_per_second;
    }

    /// Lets time fill the bucket. `burst` is what the smallest receiver takes at once, in datagrams;
    /// 0: not stated. `kept` bytes can be repaired.
    pub(crate) fn fill(&mut self, now: Tick, burst: u8, datagram: usize, kept: usize) {
        if self.pace.is_unlimited() {
            let most = i64::try_from(kept.max(datagram)).unwrap_or(i64::MAX);
            return self.earn(now, most);
        }
        let burst = if burst == 0 {
            self.pace.burst
        } else {
            self.pace.burst.min(burst)
        };
        let datagram = i64::try_from(datagram)
            .unwrap_or(i64::MAX)
            .saturating_add(PER_DATAGRAM);
        self.earn(now, i64::from(burst).saturating_mul(datagram));
    }

    /// Lets time fill the bucket, which holds so much at `most`.
    #[cfg_attr(target_os = "none", inline(never))]
    fn earn(&mut self, now: Tick, most: i64) {
        let micros = now.span_since(self.filled).as_micros().min(10_000_000);
        // Below 2^24 microseconds, and 2^33 octets.
        let earned = u64::from(micros).saturating_mul(per_2_20_micros(self.fill_rate())) >> 20;
        let earned = i64::try_from(earned).unwrap_or(i64::MAX);
        if earned > 0 || micros >= 10_000 {
            self.level = self.level.saturating_add(earned);
            self.filled = now;
        }
        self.level = self.level.min(most);
    }

    /// Bytes by which a second fills the bucket.
    const fn fill_rate(&self) -> u32 {
        if self.pace.is_unlimited() {
            REPAIR_RATE
        } else {
            self.rate
        }
    }

    /// Whether repairs may be sent, if a datagram may.
    pub(crate) const fn repairs(&self) -> bool {
        !self.pace.is_unlimited() || self.level > 0
    }

    /// When repairs may be sent, if a datagram may.
    pub(crate) fn repairs_at(&self, now: Tick) -> Tick {
        if self.repairs() {
            now
        } else {
            self.filled_at()
        }
    }

    /// When there will be something in the bucket, if there is nothing now.
    fn filled_at(&self) -> Tick {
        let lacks = self.level.unsigned_abs().saturating_add(1);
        // In 256ths of a microsecond, rounded up: a moment too late rather than too early.
        let for_one = 256_000_000u32.div_ceil(self.fill_rate().max(1));
        let micros = lacks.saturating_mul(u64::from(for_one)) >> 8;
        let micros = u32::try_from(micros).unwrap_or(u32::MAX);
        self.filled + Span::from_micros(micros.saturating_add(2))
    }

    /// Whether a datagram may be sent now.
    pub(crate) fn is_open(&self, now: Tick) -> bool {
        let paused = self.paused_until.is_some_and(|until| now < until);
        !paused && (self.pace.is_unlimited() || self.level > 0)
    }

    /// When a datagram may be sent, if not now.
    pub(crate) fn opens_at(&self, now: Tick) -> Tick {
        if let Some(until) = self.paused_until.filter(|until| now < *until) {
            return until;
        }
        if self.is_open(now) {
            return now;
        }
        self.filled_at()
    }

    /// A datagram of this many bytes was sent.
    pub(crate) fn take(&mut self, octets: usize) {
        if self.pace.is_unlimited() {
            return;
        }
        let octets = i64::try_from(octets)
            .unwrap_or(i64::MAX)
            .saturating_add(PER_DATAGRAM);
        self.level = self.level.saturating_sub(octets);
    }

    /// So many bytes of a datagram were repairs, and so many were sent for the first time.
    pub(crate) fn count_repairs(&mut self, repairs: usize, sent: usize) {
        if self.pace.is_unlimited() {
            let of = |octets| i64::try_from(octets).unwrap_or(i64::MAX);
            let earned = of(sent.saturating_mul(REPAIRS_PER_SENT));
            self.level = self.level.saturating_sub(of(repairs));
            self.level = self.level.saturating_add(earned);
        }
    }

    /// Fragments were sent for the first time.
    pub(crate) fn count_sent(&mut self, fragments: u32) {
        self.sent = self.sent.saturating_add(fragments);
    }

    /// Fragments were asked for again.
    pub(crate) fn count_asked(&mut self, fragments: u32) {
        self.asked = self.asked.saturating_add(fragments);
    }

    /// Once a second: slower if more than a tenth was asked for again, faster if next to nothing.
    pub(crate) fn judge(&mut self, now: Tick) {
        if now.span_since(self.judged) < JUDGE_EVERY || self.pace.is_unlimited() {
            return;
        }
        self.judged = now;
        let (sent, asked) = (
            core::mem::take(&mut self.sent),
            core::mem::take(&mut self.asked),
        );
        let rate = self.rate;
        // Few fragments say nothing about the rate.
        if sent >= 50 && asked.saturating_mul(10) > sent {
            // Not below a quarter: loss that is not of one's own making does not end by going slower.
            let least = (self.pace.octets_per_second / 4).max(Self::FLOOR);
            self.rate = (rate / 10).saturating_mul(7).max(least);
        } else if asked.saturating_mul(50) < sent.max(1) {
            self.rate = rate
                .saturating_add(rate / 20)
                .min(self.pace.octets_per_second);
        }
    }

    /// A receiver cannot keep up.
    pub(crate) fn pause(&mut self, now: Tick, wait: Span, jitter: Span) {
        if self
            .pause_began
            .is_some_and(|began| now.span_since(began) < PAUSE_EVERY)
        {
            return;
        }
        self.pause_began = Some(now);
        // Not everybody begins again in the same moment.
        self.paused_until = Some(now + wait.min(LONGEST_PAUSE).saturating_add(jitter));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: u32) -> Tick {
        Tick::from_millis(millis)
    }

    /// PROTOCOL S8.
    #[test]
    fn the_rate_is_kept_over_time() {
        let mut bucket = Bucket::new(Pace::new(100_000, 4));
        let mut sent = 0;
        for now in 0..10_000 {
            bucket.fill(ms(now), 0, 1200, 0);
            while bucket.is_open(ms(now)) {
                bucket.take(954);
                sent += 1000;
            }
        }
        assert!(
            (990_000..1_010_000).contains(&sent),
            "{sent} octets in ten seconds"
        );
    }

    /// PROTOCOL S8.
    #[test]
    fn a_burst_is_what_the_smallest_receiver_takes() {
        let mut bucket = Bucket::new(Pace::WIRED);
        bucket.fill(ms(5_000), 3, 1200, 0);
        let mut burst = 0;
        while bucket.is_open(ms(5_000)) {
            bucket.take(1200);
            burst += 1;
        }
        assert_eq!(burst, 3);
        let at = bucket.opens_at(ms(5_000));
        bucket.fill(at, 3, 1200, 0);
        assert!(bucket.is_open(at), "it opens when it says");
    }

    /// So many bytes of repairs leave in so many milliseconds, while so many are sent anew in each.
    fn repairs(from: u32, to: u32, bucket: &mut Bucket, sent: usize) -> usize {
        let mut repairs = 0;
        for now in from..to {
            bucket.count_repairs(0, sent);
            bucket.fill(ms(now), 0, 1_000, 50_000);
            while bucket.repairs() {
                bucket.count_repairs(1_000, 0);
                repairs += 1_000;
            }
            let at = bucket.repairs_at(ms(now));
            let mut then = *bucket;
            then.fill(at, 0, 1_000, 50_000);
            assert!(then.repairs(), "they may leave when it says");
        }
        repairs
    }

    /// PROTOCOL S7.
    #[test]
    fn repairs_without_a_pace_are_bounded_by_time_and_by_what_is_new() {
        let mut bucket = Bucket::new(Pace::UNLIMITED);
        let all = repairs(5_000, 5_001, &mut bucket, 0);
        assert!((50_000..=51_000).contains(&all), "{all}: all that is kept");
        let second = repairs(5_001, 6_001, &mut bucket, 0);
        assert!((2_490_000..=2_510_000).contains(&second), "{second}");
        let fast = repairs(6_001, 7_001, &mut bucket, 10_000);
        let four = 2_500_000 + 4 * 10_000 * 1_000;
        assert!((four - 20_000..four + 20_000).contains(&fast), "{fast}");
        assert!(bucket.is_open(ms(7_001)), "what is new does not wait");
    }

    /// PROTOCOL S8.
    #[test]
    fn the_first_burst_is_whole_even_at_the_start_of_time() {
        for start in [ms(0), ms(1), ms(1_000_000)] {
            let mut bucket = Bucket::new(Pace::WIFI);
            let mut burst = 0;
            for _ in 0..20 {
                bucket.fill(start, 0, 1200, 0);
                if bucket.is_open(start) {
                    bucket.take(1200);
                    burst += 1;
                }
            }
            assert_eq!(burst, 4, "{start:?}");
        }
    }

    /// PROTOCOL S9.
    #[test]
    fn much_loss_slows_and_its_end_lets_recover() {
        let mut bucket = Bucket::new(Pace::WIRED);
        for second in 1..=30 {
            bucket.count_sent(1_000);
            bucket.count_asked(300);
            bucket.judge(ms(second * 1_000));
        }
        assert_eq!(bucket.rate, 2_500_000 / 4);
        for second in 31..=200 {
            bucket.count_sent(1_000);
            bucket.judge(ms(second * 1_000));
        }
        assert_eq!(bucket.rate, 2_500_000);
    }

    /// PROTOCOL M21.
    #[test]
    fn one_receiver_cannot_stop_a_sender_for_long() {
        let mut bucket = Bucket::new(Pace::UNLIMITED);
        let mut stopped = 0;
        for now in 1..=20_000 {
            bucket.pause(ms(now), Span::from_secs(10), Span::ZERO);
            stopped += u64::from(!bucket.is_open(ms(now)));
        }
        assert!(stopped <= 5_100, "{stopped} ms of 20 s");
    }

    /// PROTOCOL M21.
    #[test]
    fn after_the_longest_pause_not_all_begin_again_in_one_moment() {
        for (wait, jitter, end) in [
            (500, 0, 500),
            (500, 50, 550),
            (60_000, 30, 530),
            (20, 7, 27),
        ] {
            let mut bucket = Bucket::new(Pace::UNLIMITED);
            let (wait, jitter) = (Span::from_millis(wait), Span::from_millis(jitter));
            bucket.pause(ms(1_000), wait, jitter);
            assert!(!bucket.is_open(ms(1_000 + end - 1)), "{wait:?} {jitter:?}");
            assert!(bucket.is_open(ms(1_000 + end)), "{wait:?} {jitter:?}");
        }
    }
}
