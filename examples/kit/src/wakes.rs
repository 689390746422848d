//! How often a board wakes up: what its battery would notice.

use core::sync::atomic::{AtomicU32, Ordering};

use crate::log;

/// How often the processor woke up since power-on. The counts wrap.
#[derive(Clone, Copy)]
pub struct Wakes {
    /// Because the time had come.
    pub timer: u32,
    /// Because a frame had arrived, or the network's controller had something else to tell.
    pub network: u32,
    /// How often the program looked what there is to do: more than it woke up, if it did not sleep at once.
    pub turns: u32,
}

static TIMER: AtomicU32 = AtomicU32::new(0);
static NETWORK: AtomicU32 = AtomicU32::new(0);
static TURNS: AtomicU32 = AtomicU32::new(0);
/// Milliseconds from one report to the next; 0: none is wanted.
static INTERVAL: AtomicU32 = AtomicU32::new(0);
/// When the last report was, and what it told.
static REPORTED: [AtomicU32; 4] = [const { AtomicU32::new(0) }; 4];

impl Wakes {
    /// Until now.
    pub fn now() -> Self {
        let [timer, network, turns] =
            [&TIMER, &NETWORK, &TURNS].map(|count| count.load(Ordering::Relaxed));
        Self {
            timer,
            network,
            turns,
        }
    }

    /// How often it was asleep.
    pub const fn all(&self) -> u32 {
        self.timer.wrapping_add(self.network)
    }

    /// Logs from now on each so many seconds how often it woke up in them. No wake-up is added for that: the report comes with
    /// the first one after that time. 0: never.
    pub fn report_every(seconds: u32) {
        INTERVAL.store(seconds.saturating_mul(1000), Ordering::Relaxed);
    }

    /// The program looks what there is to do.
    pub fn count_turn() {
        add_one(&TURNS);
    }

    /// The processor was asleep, and something woke it up.
    pub fn count(by_network: bool) {
        add_one(if by_network { &NETWORK } else { &TIMER });
        let (now, interval) = (log::millis(), INTERVAL.load(Ordering::Relaxed));
        let [at, ..] = &REPORTED;
        if interval > 0 && now.wrapping_sub(at.load(Ordering::Relaxed)) >= interval {
            Self::now().report(now);
        }
    }

    fn report(self, millis: u32) {
        let now = [millis, self.timer, self.network, self.turns];
        let [passed, timer, network, turns] = core::array::from_fn(|at| {
            let before = REPORTED[at].load(Ordering::Relaxed);
            REPORTED[at].store(now[at], Ordering::Relaxed);
            now[at].wrapping_sub(before)
        });
        log!(
            "wake-ups in {} ms: {} by the timer, {} by the network, {} turns",
            passed,
            timer,
            network,
            turns
        );
    }
}

fn add_one(count: &AtomicU32) {
    count.fetch_add(1, Ordering::Relaxed);
}
