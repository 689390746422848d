//! The board's light: port F, pin 0 (data sheet §9).

use kit::Register;

/// Run-mode clock gates: bit 5 is port F.
const RCGC2: Register = Register::at(0x400f_e108);
/// The data register, addressed so that it is pin 0 alone.
const PIN: Register = Register::at(0x4002_5004);
const DIRECTION: Register = Register::at(0x4002_5400);
const DIGITAL: Register = Register::at(0x4002_551c);

/// The light. There is one.
pub struct Led {
    on: bool,
}

impl Led {
    /// Makes the pin an output, low.
    pub fn start() -> Self {
        RCGC2.write(RCGC2.read() | 1 << 5);
        // The clock takes a few cycles to reach the port.
        let _ = RCGC2.read();
        DIRECTION.write(DIRECTION.read() | 1);
        DIGITAL.write(DIGITAL.read() | 1);
        let mut led = Self { on: false };
        led.set(false);
        led
    }

    /// Switches it.
    pub fn set(&mut self, on: bool) {
        PIN.write(u32::from(on));
        self.on = on;
    }

    /// `on` or `off`.
    pub fn state(&self) -> &'static str {
        if self.on { "on" } else { "off" }
    }
}
