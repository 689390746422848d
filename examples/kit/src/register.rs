//! Registers of the chip's devices.

/// A register of 32 bits at a fixed address.
#[derive(Clone, Copy)]
pub struct Register(*mut u32);

impl Register {
    /// The register at an address, which must be one that the data sheet gives.
    pub const fn at(address: usize) -> Self {
        Self(address as *mut u32)
    }

    /// Reads it.
    pub fn read(self) -> u32 {
        // SAFETY: the address is that of a register, from the data sheet. Nothing of ours lives there.
        unsafe { self.0.read_volatile() }
    }

    /// Writes it.
    pub fn write(self, value: u32) {
        // SAFETY: as for reading. No register that this program writes moves or shares its memory.
        unsafe { self.0.write_volatile(value) }
    }
}
