//! The clock: SysTick counts milliseconds since power-on.

use core::sync::atomic::{AtomicU32, Ordering};

use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m_rt::exception;
use groupcast::Instant;

use kit::{Register, log_clock};

/// The processor's clock after [`Clock::start`], in Hz.
const FREQUENCY: u32 = 50_000_000;

/// Run-mode clock configuration (data sheet §5.5, RCC).
const RCC: Register = Register::at(0x400f_e060);
/// Raw interrupt status of the system control: bit 6 says that the PLL is stable.
const RIS: Register = Register::at(0x400f_e050);

/// Wraps after 49 days; [`Clock`] counts on.
static MILLIS: AtomicU32 = AtomicU32::new(0);

#[exception]
fn SysTick() {
    // There is one processor, and nobody else writes.
    MILLIS.store(
        MILLIS.load(Ordering::Relaxed).wrapping_add(1),
        Ordering::Relaxed,
    );
}

log_clock!(millis);

/// Milliseconds since power-on, for the log. They wrap.
fn millis() -> u32 {
    MILLIS.load(Ordering::Relaxed)
}

/// Tells the time. There is one, made by [`start`](Self::start).
pub struct Clock {
    seen: u32,
    wraps: u32,
}

impl Clock {
    /// Runs the processor at 50 MHz from the 8 MHz crystal, and starts to count.
    pub fn start(mut timer: SYST) -> Self {
        const BYPASS: u32 = 1 << 11;
        const POWER_DOWN: u32 = 1 << 13;
        const USE_DIVISOR: u32 = 1 << 22;
        const DIVIDE_BY_4: u32 = 3 << 23;
        const CRYSTAL_8_MHZ: u32 = 0xe << 6;
        // First off the PLL, then the crystal and the PLL on, last over to it when it is stable.
        RCC.write(BYPASS | POWER_DOWN | CRYSTAL_8_MHZ);
        RCC.write(BYPASS | CRYSTAL_8_MHZ | USE_DIVISOR | DIVIDE_BY_4);
        for _ in 0..100_000 {
            if RIS.read() & (1 << 6) != 0 {
                break;
            }
        }
        RCC.write(CRYSTAL_8_MHZ | USE_DIVISOR | DIVIDE_BY_4);
        timer.set_clock_source(SystClkSource::Core);
        timer.set_reload(FREQUENCY / 1000 - 1);
        timer.clear_current();
        timer.enable_counter();
        timer.enable_interrupt();
        Self { seen: 0, wraps: 0 }
    }

    /// The same in periods of the processor's clock. They wrap with [`millis`].
    pub fn ticks(&self) -> u64 {
        loop {
            let before = millis();
            let rest = SYST::get_current();
            // Unless a millisecond ended in between.
            if millis() == before {
                return (u64::from(before) + 1) * u64::from(FREQUENCY / 1000) - u64::from(rest);
            }
        }
    }

    /// The time since power-on.
    pub fn now(&mut self) -> Instant {
        let millis = millis();
        if millis < self.seen {
            self.wraps = self.wraps.wrapping_add(1);
        }
        self.seen = millis;
        Instant::from_millis((u64::from(self.wraps) << 32) | u64::from(millis))
    }
}
