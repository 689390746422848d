//! The time driver of embassy, on two timers of the CMSDK (technical reference manual §4.2), which count down at 25 MHz.
//!
//! One runs for ever and tells the time, the other wakes at the next deadline. There is no tick: at rest the processor
//! sleeps from one deadline to the next.

use core::cell::{Cell, RefCell};
use core::task::Waker;

use critical_section::{CriticalSection, Mutex};
use embassy_time_driver::{Driver, TICK_HZ, time_driver_impl};
use embassy_time_queue_utils::Queue;
use kit::{Register, log_clock};

use crate::processor::Interrupt;

/// The board's clock, in Hz.
const FREQUENCY: u64 = 25_000_000;
/// Periods of it in a tick of embassy.
const PER_TICK: u32 = (FREQUENCY / TICK_HZ) as u32;
/// Ticks until the alarm comes at the latest, a minute. What has been counted is added up each time, long before the
/// counter is round, which takes it 171 s.
const LONGEST: u64 = 60 * TICK_HZ;

const COUNTER_CONTROL: Register = Register::at(0x4000_0000);
const COUNTER_VALUE: Register = Register::at(0x4000_0004);
const COUNTER_RELOAD: Register = Register::at(0x4000_0008);
const ALARM_CONTROL: Register = Register::at(0x4000_1000);
const ALARM_VALUE: Register = Register::at(0x4000_1004);
const ALARM_RELOAD: Register = Register::at(0x4000_1008);
const ALARM_CLEAR: Register = Register::at(0x4000_100c);
const ENABLE: u32 = 1;
const INTERRUPT: u32 = 1 << 3;

struct Clock {
    /// Ticks since power-on, and where the counter was at the last of them.
    counted: Mutex<Cell<(u64, u32)>>,
    queue: Mutex<RefCell<Queue>>,
}

time_driver_impl!(static CLOCK: Clock = Clock {
    counted: Mutex::new(Cell::new((0, 0))),
    queue: Mutex::new(RefCell::new(Queue::new())),
});
log_clock!(millis);

/// Milliseconds since power-on, for the log. They wrap.
fn millis() -> u32 {
    (CLOCK.now() / (TICK_HZ / 1000)) as u32
}

/// Begins to count.
pub(crate) fn start() {
    COUNTER_RELOAD.write(u32::MAX);
    COUNTER_VALUE.write(u32::MAX);
    COUNTER_CONTROL.write(ENABLE);
    // Once: without a value to begin again with.
    ALARM_RELOAD.write(0);
    ALARM_VALUE.write(u32::MAX);
    ALARM_CONTROL.write(ENABLE | INTERRUPT);
    Interrupt::Alarm.allow();
    critical_section::with(|cs| CLOCK.wake_due(cs));
}

/// The alarm's interrupt.
pub(crate) fn on_alarm() {
    ALARM_CLEAR.write(1);
    critical_section::with(|cs| CLOCK.wake_due(cs));
}

impl Clock {
    fn ticks(&self, cs: CriticalSection<'_>) -> u64 {
        let counted = self.counted.borrow(cs);
        let (ticks, at) = counted.get();
        // It counts down, from its largest value to 0, which it also has before it is started.
        let now = 0_u32.wrapping_sub(COUNTER_VALUE.read());
        let passed = now.wrapping_sub(at) / PER_TICK;
        let (ticks, at) = (
            ticks + u64::from(passed),
            at.wrapping_add(passed * PER_TICK),
        );
        counted.set((ticks, at));
        ticks
    }

    /// Wakes all whose time has come, and sets the alarm to when it comes for the next.
    fn wake_due(&self, cs: CriticalSection<'_>) {
        let mut queue = self.queue.borrow_ref_mut(cs);
        let mut now = self.ticks(cs);
        loop {
            let next = queue.next_expiration(now);
            now = self.ticks(cs);
            if next > now {
                // A tick that has begun counts whole: the alarm never comes too early.
                let ticks = (next - now).min(LONGEST) as u32;
                ALARM_VALUE.write(ticks * PER_TICK);
                return;
            }
        }
    }
}

impl Driver for Clock {
    fn now(&self) -> u64 {
        critical_section::with(|cs| self.ticks(cs))
    }

    fn schedule_wake(&self, at: u64, waker: &Waker) {
        critical_section::with(|cs| {
            let is_next = self.queue.borrow_ref_mut(cs).schedule_wake(at, waker);
            if is_next {
                self.wake_due(cs);
            }
        });
    }
}
