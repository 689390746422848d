//! A host's port on the simulated Ethernet, as a device of smoltcp.

use super::smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use super::smoltcp::time::Instant;
use crate::ether::{LARGEST_FRAME, Port, Received, Room};

impl Device for Port {
    type RxToken<'a> = Received;
    type TxToken<'a> = Room;

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = LARGEST_FRAME;
        capabilities
    }

    fn receive(&mut self, _: Instant) -> Option<(Received, Room)> {
        self.take()
    }

    fn transmit(&mut self, _: Instant) -> Option<Room> {
        self.room()
    }
}

impl RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        read(&self.0)
    }
}

impl TxToken for Room {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, write: F) -> R {
        self.send(length, write)
    }
}
