//! What is between the processor and the tasks: its interrupts, and where it sleeps. All the `unsafe` code of this board
//! is here.
//!
//! On most chips `#[embassy_executor::main]`, with the features `platform-cortex-m` and `executor-thread`, and the HAL are all
//! that is needed instead. That loop sleeps in `wfe`, which the emulator passes over; this one sleeps in `wfi`, and counts.

use core::ptr::null_mut;
use core::sync::atomic::{AtomicBool, Ordering};

use cortex_m_rt::exception;
use embassy_executor::{Spawner, raw};
use kit::{Register, Wakes};
use static_cell::StaticCell;

use crate::{clock, ethernet};

/// Interrupts of the board, by number (application note AN385).
#[derive(Clone, Copy)]
#[repr(u8)]
pub enum Interrupt {
    /// The second timer.
    Alarm = 9,
    /// The Ethernet controller.
    Ethernet = 13,
}

impl Interrupt {
    /// Lets it come.
    pub fn allow(self) {
        /// Sets enable bits of the interrupt controller.
        const ENABLE: Register = Register::at(0xe000_e100);
        ENABLE.write(1 << self as u8);
    }

    /// Whether it has come, and was not handled yet.
    fn waits(self) -> bool {
        /// Tells which wait.
        const WAITING: Register = Register::at(0xe000_e200);
        WAITING.read() & 1 << self as u8 != 0
    }
}

const ALARM: i16 = Interrupt::Alarm as i16;
const ETHERNET: i16 = Interrupt::Ethernet as i16;

// SAFETY: what it calls is made to be called from an interrupt: it shares only atomics and critical sections.
#[exception]
unsafe fn DefaultHandler(interrupt: i16) {
    match interrupt {
        ALARM => clock::on_alarm(),
        ETHERNET => ethernet::on_interrupt(),
        // No other is allowed.
        _ => {}
    }
}

/// Whether a task has been woken.
static PENDED: AtomicBool = AtomicBool::new(false);

// SAFETY: embassy-executor asks for a function of this name and type, and there is one.
#[unsafe(export_name = "__pender")]
fn pender(_: *mut ()) {
    PENDED.store(true, Ordering::Release);
}

/// Runs tasks, of which `start` spawns the first. Between them the processor sleeps.
///
/// # Panics
///
/// The second time.
pub fn run(start: impl FnOnce(Spawner)) -> ! {
    static EXECUTOR: StaticCell<raw::Executor> = StaticCell::new();
    let executor = EXECUTOR.init(raw::Executor::new(null_mut()));
    start(executor.spawner());
    loop {
        // SAFETY: it is called here only, and never from what it calls.
        unsafe { executor.poll() };
        // An interrupt that comes after the question ends the sleep all the same, and is handled behind it.
        let woken_by_network = critical_section::with(|_| {
            let sleeps = !PENDED.swap(false, Ordering::Acquire);
            if sleeps {
                cortex_m::asm::wfi();
            }
            sleeps.then(|| Interrupt::Ethernet.waits())
        });
        Wakes::count_turn();
        if let Some(by_network) = woken_by_network {
            Wakes::count(by_network);
        }
    }
}
