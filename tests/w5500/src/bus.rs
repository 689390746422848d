//! One bus for two users: the crate's device, and what it lacks.

use core::cell::RefCell;

use w5500::bus::Bus;

/// A bus that the crate's `Device` and a [`Stack`](crate::Stack) both use.
#[derive(Debug)]
pub struct SharedBus<'a, B>(&'a RefCell<B>);

impl<'a, B> SharedBus<'a, B> {
    /// A way to the bus.
    #[must_use]
    pub const fn new(bus: &'a RefCell<B>) -> Self {
        Self(bus)
    }
}

impl<B: Bus> Bus for SharedBus<'_, B> {
    type Error = B::Error;

    fn read_frame(&mut self, block: u8, address: u16, data: &mut [u8]) -> Result<(), B::Error> {
        self.0.borrow_mut().read_frame(block, address, data)
    }

    fn write_frame(&mut self, block: u8, address: u16, data: &[u8]) -> Result<(), B::Error> {
        self.0.borrow_mut().write_frame(block, address, data)
    }
}
