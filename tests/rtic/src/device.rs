//! In place of a driver: the buffers of an Ethernet controller that never sends or receives.

use groupcast_smoltcp::v0_12::smoltcp::phy::{
    Device, DeviceCapabilities, Medium, RxToken, TxToken,
};
use groupcast_smoltcp::v0_12::smoltcp::time::Instant;

const FRAME: usize = 1514;

/// The controller.
pub struct Controller {
    received: Option<[u8; FRAME]>,
    sent: [u8; FRAME],
}

/// A received frame.
pub struct Frame([u8; FRAME]);

/// Room for a frame to send.
pub struct Room<'a>(&'a mut [u8; FRAME]);

impl Controller {
    /// A controller with nothing in it.
    pub const fn new() -> Self {
        Self {
            received: None,
            sent: [0; FRAME],
        }
    }
}

impl Device for Controller {
    type RxToken<'a> = Frame;
    type TxToken<'a> = Room<'a>;

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = FRAME;
        capabilities
    }

    fn receive(&mut self, _: Instant) -> Option<(Frame, Room<'_>)> {
        let frame = self.received.take()?;
        Some((Frame(frame), Room(&mut self.sent)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Room<'_>> {
        Some(Room(&mut self.sent))
    }
}

impl RxToken for Frame {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        read(&self.0)
    }
}

impl TxToken for Room<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, write: F) -> R {
        write(&mut self.0[..length])
    }
}
