//! How fast a leaf sends: a token bucket that counts time, not bytes (PROTOCOL S8, M21).

use crate::group::Pace;
use crate::time::{Ageing, Span, Tick};
use crate::wire::MIN_MAX_DATAGRAM;

/// Bytes a datagram counts for beside its own: IP, UDP and Ethernet headers.
const PER_DATAGRAM: u32 = 46;

/// How long one BUSY stops a member at most, and how often.
const LONGEST_PAUSE: Span = Span::from_millis(500);
const PAUSE_EVERY: Span = Span::from_secs(2);

/// When the next message may go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    /// When what was sent so far is paid for.
    free: Tick,
    /// How many datagrams may go at once.
    burst: u8,
    /// Until when everybody pauses, and when the last pause began.
    paused_until: Tick,
    pause_began: Tick,
}

impl Bucket {
    pub(super) const fn new() -> Self {
        Self {
            free: Tick::LONG_AGO,
            burst: u8::MAX,
            paused_until: Tick::LONG_AGO,
            pause_began: Tick::LONG_AGO,
        }
    }

    /// Time makes it older.
    pub(super) const fn age(&mut self, ageing: Ageing) {
        let Self {
            free,
            burst: _,
            paused_until,
            pause_began,
        } = self;
        ageing.tick(free);
        ageing.tick(paused_until);
        ageing.tick(pause_began);
    }

    /// Somebody takes so many datagrams at once; 0: it does not say.
    pub(super) fn limit(&mut self, burst: u8) {
        if burst > 0 {
            self.burst = self.burst.min(burst);
        }
    }

    /// How long a datagram keeps the network busy.
    #[cfg_attr(target_os = "none", inline(never))]
    fn cost(pace: Pace, octets: usize) -> Span {
        let octets = u32::try_from(octets).unwrap_or(u32::MAX);
        let micros = octets
            .saturating_add(PER_DATAGRAM)
            .saturating_mul(1_000_000);
        // Never nothing, so that there always is a burst.
        Span::from_micros(micros.checked_div(pace.rate()).unwrap_or_default().max(1))
    }

    /// When messages may go: when less than the burst is to be paid for.
    pub(super) fn opens_at(&self, now: Tick, pace: Pace) -> Tick {
        let datagram = Self::cost(pace, usize::from(MIN_MAX_DATAGRAM));
        let burst = datagram.saturating_mul(u32::from(pace.burst().min(self.burst)));
        let owed = now.span_until(self.free);
        let opens = match owed.saturating_sub(burst) {
            _ if owed < burst => now,
            late => now + late.saturating_add(Span::from_micros(1)),
        };
        opens.max(self.paused_until)
    }

    /// A datagram with messages was sent.
    pub(super) fn take(&mut self, now: Tick, pace: Pace, octets: usize) {
        // A microsecond that has begun counts, too: of small datagrams, parts of one are much.
        let cost = Self::cost(pace, octets).saturating_add(Span::from_micros(1));
        self.free = self.free.max(now) + cost;
    }

    /// A receiver cannot keep up.
    pub(super) fn pause(&mut self, now: Tick, wait: Span, jitter: Span) {
        if now.span_since(self.pause_began) >= PAUSE_EVERY {
            self.pause_began = now;
            // Not everybody begins again in the same moment.
            self.paused_until = now + wait.min(LONGEST_PAUSE).saturating_add(jitter);
        }
    }
}
