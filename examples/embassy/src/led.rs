//! The board's light: a bit of the FPGA's registers (application note AN385).

use kit::Register;

const LEDS: Register = Register::at(0x4002_8000);

/// The light. There is one.
pub struct Led {
    on: bool,
}

impl Led {
    /// It is off.
    pub fn start() -> Self {
        let mut led = Self { on: false };
        led.set(false);
        led
    }

    /// Switches it.
    pub fn set(&mut self, on: bool) {
        LEDS.write(u32::from(on));
        self.on = on;
    }

    /// `on` or `off`.
    pub fn state(&self) -> &'static str {
        if self.on { "on" } else { "off" }
    }
}
