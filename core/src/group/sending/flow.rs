//! How far ahead of its receivers a sender may be that has no pace of its own (PROTOCOL S10).
//!
//! ```text
//!     floor              asked             sent
//!  all   │ some, not all   │                 │  queued
//!  ──────┴─────────────────┴─────────────────┴──────────▶ sequence numbers
//!        └────────── the window at most ─────┘
//! ```
//!
//! It asks how far the receivers are each time it has sent a quarter of the window, and again while the
//! window is full. Whoever holds up the others for too long is not waited for, until it has caught up. Where
//! nobody answers the window goes on at a steady rate.

use crate::group::serial::{distance, is_before, later};
use crate::time::{Ageing, Span, Tick};

/// With more members than this nobody is asked: the answers would be too many.
pub(crate) const MEMBERS: usize = 32;

/// Fragments of the window for each datagram that the smallest receiver takes at once.
const FRAGMENTS_PER_DATAGRAM: u32 = 8;

/// In this time the receivers must take a quarter of the window.
const PATIENCE: Span = Span::from_millis(200);

/// How long nobody is waited for again after somebody was given up: it holds up the others for a sixth of
/// the time at most.
const RESPITE: Span = Span::from_secs(1);

/// How long a window of so many bytes lasts while nobody answers, in microseconds: at 2.5 MB a second, as
/// with [`Pace::WIRED`](crate::Pace::WIRED). A receiver may only be held up itself.
fn alone(octets: usize) -> Span {
    let micros = (octets / 5).saturating_mul(2);
    Span::from_micros(u32::try_from(micros).unwrap_or(u32::MAX))
}

/// The longest pause between two questions while the window is full. The shortest is a round trip.
const LONGEST_PAUSE: Span = Span::from_millis(50);

/// A quarter of the window, and one fragment at least.
const fn quarter(window: u32) -> u32 {
    if window < 4 { 1 } else { window / 4 }
}

/// How far a sender is ahead of those it waits for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flow {
    /// Everybody who is waited for has what is before this.
    floor: u32,
    /// Where the sender was when it asked last.
    asked: u32,
    /// When to ask again, while the window is full, and how long to wait after that.
    ask_at: Option<Tick>,
    pause: Span,
    /// Where the floor was when the window was full, and since when it has not moved by a quarter.
    full_floor: u32,
    full_since: Option<Tick>,
    /// How long that may last.
    patience: Span,
    /// From when on receivers that were given up are waited for again.
    wait_again: Tick,
    /// Nobody answers: there is nobody to wait for.
    is_alone: bool,
}

impl Flow {
    pub(crate) const fn new() -> Self {
        Self {
            floor: 0,
            asked: 0,
            ask_at: None,
            pause: Span::ZERO,
            full_floor: 0,
            full_since: None,
            patience: PATIENCE,
            wait_again: Tick::LONG_AGO,
            is_alone: false,
        }
    }

    /// Time makes it older.
    pub(crate) const fn age(&mut self, ageing: Ageing) {
        let Self {
            floor: _,
            asked: _,
            ask_at,
            pause: _,
            full_floor: _,
            full_since,
            patience: _,
            wait_again,
            is_alone: _,
        } = self;
        ageing.maybe(ask_at);
        ageing.maybe(full_since);
        ageing.tick(wait_again);
    }

    /// A new session: everything before `sent` is of the one before.
    pub(crate) fn restart(&mut self, sent: u32) {
        *self = Self {
            floor: sent,
            asked: sent,
            ..Self::new()
        };
    }

    /// The window, in fragments: what the smallest receiver takes at once (`burst` datagrams of
    /// `datagram` bytes), and three eighths of what can be kept for repair (`kept` bytes, in records of `record`
    /// bytes).
    pub(crate) fn window(burst: u8, datagram: usize, kept: usize, record: usize) -> u32 {
        let burst = u32::from(burst);
        let octets = usize::try_from(burst).unwrap_or_default();
        let octets = octets
            .saturating_mul(datagram)
            .min((kept / 8).saturating_mul(3));
        let fragments = octets.checked_div(record).unwrap_or(octets);
        let fragments = u32::try_from(fragments).unwrap_or(u32::MAX);
        fragments
            .min(burst.saturating_mul(FRAGMENTS_PER_DATAGRAM))
            .max(1)
    }

    /// How many fragments may still be sent.
    pub(crate) const fn room(&self, sent: u32, window: u32) -> u32 {
        window.saturating_sub(distance(self.floor, sent))
    }

    /// Whether to ask now. Having asked that, one must.
    pub(crate) fn asks(&mut self, now: Tick, sent: u32, window: u32, trip: Span) -> bool {
        let again = self.ask_at.is_some_and(|at| at <= now);
        if !again && distance(self.asked, sent) < quarter(window) {
            return false;
        }
        self.asked = sent;
        if again {
            let longest = LONGEST_PAUSE.max(trip);
            self.pause = self.pause.saturating_mul(2).max(trip).min(longest);
            self.ask_at = Some(now + self.pause);
        }
        true
    }

    /// What receivers are asked for: who has more than this says how far it is. Nothing before `low` can be
    /// repaired.
    pub(crate) const fn question(&self, low: u32) -> u32 {
        if self.is_alone {
            low.wrapping_sub(1)
        } else {
            self.floor
        }
    }

    /// The window is full, and something waits; records have so many bytes. Returns whether those who hold
    /// it up are to be given up.
    pub(crate) fn wait(&mut self, now: Tick, window: u32, trip: Span, record: usize) -> bool {
        let octets = usize::try_from(window)
            .unwrap_or(usize::MAX)
            .saturating_mul(record);
        self.patience = if self.is_alone {
            alone(octets)
        } else {
            PATIENCE
        };
        let since = match self.full_since {
            Some(since) if distance(self.full_floor, self.floor) < quarter(window) => since,
            _ => {
                self.full_floor = self.floor;
                self.full_since = Some(now);
                now
            }
        };
        if self.ask_at.is_none() {
            self.ask_at = Some(now + self.pause.max(trip));
        }
        now.span_since(since) >= self.patience
    }

    /// Nothing waits.
    pub(crate) const fn rest(&mut self) {
        self.full_since = None;
        self.ask_at = None;
        self.pause = Span::ZERO;
    }

    /// When there is something to do while the window is full. At once, if that is not known yet.
    pub(crate) fn next(&self, now: Tick) -> Tick {
        match (self.ask_at, self.full_since) {
            (Some(ask_at), Some(since)) => ask_at.min(since + self.patience),
            _ => now,
        }
    }

    /// Whether a receiver that answers is waited for from now on.
    pub(crate) fn welcomes(&self, now: Tick) -> bool {
        self.is_alone || now >= self.wait_again
    }

    /// The slowest receiver that is waited for is at `slowest`; `None`: there is none.
    pub(crate) fn advance(&mut self, slowest: Option<u32>) {
        let Some(slowest) = slowest else { return };
        // Who is the first to answer again may be far behind.
        if core::mem::take(&mut self.is_alone) {
            self.floor = slowest;
            self.rest();
        } else if is_before(self.floor, slowest) {
            self.floor = slowest;
            self.ask_at = None;
            self.pause = Span::ZERO;
        }
    }

    /// Where receivers must be that are not given up.
    pub(crate) const fn expected(&self, window: u32) -> u32 {
        self.full_floor.wrapping_add(quarter(window))
    }

    /// Those who hold up the others were given up; the slowest of the rest is at `slowest`.
    pub(crate) fn give_up(&mut self, now: Tick, slowest: Option<u32>, sent: u32) {
        self.wait_again = now + RESPITE;
        self.is_alone = slowest.is_none();
        self.floor = later(self.floor, slowest.unwrap_or(sent));
        self.rest();
    }
}
