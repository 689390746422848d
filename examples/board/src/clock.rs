//! The clock: a counter that runs for ever tells the time, and a timer wakes up once, at the next deadline. There is no
//! tick: at rest the processor sleeps from one deadline to the next.
//!
//! The counter is the watchdog's, which counts down for ever as long as nobody lets it reset the chip: of this chip's
//! timers of 32 bits it is the one that the emulator lets be read. On a chip of your own it is any timer that runs on
//! while the processor sleeps.

use core::cell::RefCell;

use cortex_m::interrupt::{self, Mutex};
use groupcast::{Instant, TickClock};

use kit::{Register, log_clock};

/// The processor's clock after [`start`], in Hz, which is also that of the counter and of the timer.
const FREQUENCY: u32 = 50_000_000;

/// Run-mode clock configuration (data sheet §5.5, RCC).
const RCC: Register = Register::at(0x400f_e060);
/// Raw interrupt status of the system control: bit 6 says that the PLL is stable.
const RIS: Register = Register::at(0x400f_e050);
/// Run-mode clock gates: bit 3 of the first is the watchdog, bit 16 of the second is timer 0.
const RCGC0: Register = Register::at(0x400f_e100);
const RCGC1: Register = Register::at(0x400f_e104);

// The watchdog (data sheet §11).
const COUNTER_LOAD: Register = Register::at(0x4000_0000);
const COUNTER_VALUE: Register = Register::at(0x4000_0004);
const COUNTER_CONTROL: Register = Register::at(0x4000_0008);

// Timer 0 (data sheet §10).
const ALARM_CONFIGURATION: Register = Register::at(0x4003_0000);
const ALARM_MODE: Register = Register::at(0x4003_0004);
const ALARM_CONTROL: Register = Register::at(0x4003_000c);
const ALARM_INTERRUPTS: Register = Register::at(0x4003_0018);
const ALARM_CLEAR: Register = Register::at(0x4003_0024);
const ALARM_LOAD: Register = Register::at(0x4003_0028);
/// The timer runs; its time has come.
const ENABLE: u32 = 1;
const TIME_OUT: u32 = 1;

static CLOCK: Mutex<RefCell<TickClock>> = Mutex::new(RefCell::new(TickClock::new(FREQUENCY)));

log_clock!(millis);

/// Milliseconds since power-on, for the log. They wrap.
fn millis() -> u32 {
    (now().as_micros() / 1000) as u32
}

/// Runs the processor at 50 MHz from the 8 MHz crystal, and starts to count.
pub fn start() {
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
    RCGC0.write(RCGC0.read() | 1 << 3);
    RCGC1.write(RCGC1.read() | 1 << 16);
    // The clock takes a few cycles to reach them.
    let _ = RCGC1.read();
    // It counts when its interrupt is on, which nobody listens to.
    const COUNT: u32 = 1;
    COUNTER_LOAD.write(u32::MAX);
    COUNTER_CONTROL.write(COUNT);
    // All 32 bits, down, once.
    const WHOLE: u32 = 0;
    const ONCE: u32 = 1;
    ALARM_CONTROL.write(0);
    ALARM_CONFIGURATION.write(WHOLE);
    ALARM_MODE.write(ONCE);
    ALARM_INTERRUPTS.write(TIME_OUT);
}

/// Periods of the processor's clock, 20 ns. They wrap after 85 s.
pub fn ticks() -> u32 {
    !COUNTER_VALUE.read()
}

/// The time since power-on. It must be asked at least once in a round of the counter, 85 s.
pub fn now() -> Instant {
    interrupt::free(|cs| CLOCK.borrow(cs).borrow_mut().now(ticks()))
}

/// Asks the timer's interrupt for this time, or for half a round of the counter if that is sooner: what has been counted is
/// added up then. `false`: the time has come already.
pub fn set_alarm(deadline: Option<Instant>) -> bool {
    ALARM_CONTROL.write(0);
    ALARM_CLEAR.write(TIME_OUT);
    now();
    let ticks = interrupt::free(|cs| CLOCK.borrow(cs).borrow().ticks_until(deadline));
    if ticks == 0 {
        return false;
    }
    ALARM_LOAD.write(ticks);
    ALARM_CONTROL.write(ENABLE);
    true
}

/// Takes the timer's interrupt back.
pub fn end_alarm() {
    ALARM_CONTROL.write(0);
    ALARM_CLEAR.write(TIME_OUT);
}
