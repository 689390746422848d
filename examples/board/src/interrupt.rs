//! The interrupts that end a sleep.

use kit::Register;

/// Sets enable bits of the interrupt controller, clears them, and takes back what waits, for interrupts 0 to 31; those from 32
/// on are in the next register.
const ENABLE: usize = 0xe000_e100;
const DISABLE: usize = 0xe000_e180;
const CLEAR: usize = 0xe000_e280;

/// Interrupts of the chip, by number (data sheet §2.5).
#[derive(Clone, Copy)]
#[repr(u8)]
pub enum Interrupt {
    /// Timer 0.
    Alarm = 19,
    /// The Ethernet controller.
    Ethernet = 42,
}

impl Interrupt {
    /// Lets it end a sleep if it comes from now on. Interrupts must be masked, since nobody handles it.
    pub fn allow(self) {
        self.write(CLEAR);
        self.write(ENABLE);
    }

    /// Does so no more.
    pub fn forbid(self) {
        self.write(DISABLE);
        // It is off before interrupts are not masked any more.
        cortex_m::asm::dsb();
        cortex_m::asm::isb();
    }

    fn write(self, registers: usize) {
        let number = self as usize;
        Register::at(registers + number / 32 * 4).write(1 << (number % 32));
    }
}
