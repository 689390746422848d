//! The Ethernet controller, as a device of smoltcp (data sheet §16).
//!
//! It keeps up to 31 received frames in 2 KB, and sends one at a time.

use groupcast_smoltcp::smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use groupcast_smoltcp::smoltcp::time::Instant;

use kit::Register;

/// The largest frame without its checksum.
const FRAME: usize = 1514;
const HEADER: usize = 14;
const CHECKSUM: usize = 4;
/// Bytes that tell a received frame's length.
const LENGTH: usize = 2;

/// Run-mode clock gates: bits 28 and 30 are the Ethernet's MAC and PHY.
const RCGC2: Register = Register::at(0x400f_e108);
const INTERRUPTS: Register = Register::at(0x4004_8000);
const ALLOWED: Register = Register::at(0x4004_8004);
const RECEIVE_CONTROL: Register = Register::at(0x4004_8008);
const TRANSMIT_CONTROL: Register = Register::at(0x4004_800c);
const DATA: Register = Register::at(0x4004_8010);
const ADDRESS_LOW: Register = Register::at(0x4004_8014);
const ADDRESS_HIGH: Register = Register::at(0x4004_8018);
const FRAMES_WAITING: Register = Register::at(0x4004_8034);
const TRANSMIT_REQUEST: Register = Register::at(0x4004_8038);

/// The interrupt when a frame has arrived.
const ARRIVED: u32 = 1;

/// Takes back the interrupt of frames that have arrived: it comes again with the next one.
pub fn acknowledge() {
    INTERRUPTS.write(ARRIVED);
}

/// Whether a received frame waits.
pub fn frame_waits() -> bool {
    FRAMES_WAITING.read() & 0x3f != 0
}

/// The controller. There is one.
pub struct Ethernet {
    received: [u8; FRAME],
    to_send: [u8; FRAME],
}

impl Ethernet {
    /// The controller, not started.
    pub const fn new() -> Self {
        Self {
            received: [0; FRAME],
            to_send: [0; FRAME],
        }
    }

    /// Starts the controller with this hardware address, for frames to it, to all and to any group.
    pub fn start(&mut self, address: [u8; 6]) {
        const ENABLE: u32 = 1;
        const ALL_GROUPS: u32 = 1 << 1;
        const RESET_QUEUE: u32 = 1 << 4;
        const PAD: u32 = 1 << 1;
        const ADD_CHECKSUM: u32 = 1 << 2;
        const FULL_DUPLEX: u32 = 1 << 4;
        RCGC2.write(RCGC2.read() | 1 << 28 | 1 << 30);
        // The clock takes a few cycles to reach the controller.
        let _ = RCGC2.read();
        INTERRUPTS.write(0x7f);
        ALLOWED.write(ARRIVED);
        let [a, b, c, d, e, f] = address;
        ADDRESS_LOW.write(u32::from_le_bytes([a, b, c, d]));
        ADDRESS_HIGH.write(u32::from_le_bytes([e, f, 0, 0]));
        TRANSMIT_CONTROL.write(ENABLE | PAD | ADD_CHECKSUM | FULL_DUPLEX);
        RECEIVE_CONTROL.write(RESET_QUEUE);
        RECEIVE_CONTROL.write(ENABLE | ALL_GROUPS);
    }

    /// Takes a frame from the queue: its length, `None` if it was too long for a frame.
    fn take(&mut self) -> Option<usize> {
        let first = DATA.read().to_le_bytes();
        let [low, high, ..] = first;
        let total = usize::from(u16::from_le_bytes([low, high]));
        let length = total.checked_sub(LENGTH + CHECKSUM)?;
        let (mut place, mut word) = (LENGTH, first);
        let mut next = || {
            if place == word.len() {
                (place, word) = (0, DATA.read().to_le_bytes());
            }
            place += 1;
            word.get(place - 1).copied().unwrap_or(0)
        };
        let fits = length <= FRAME;
        self.received
            .iter_mut()
            .take(length)
            .for_each(|octet| *octet = next());
        // The rest has to be read, too: the frame's checksum, and what was too long.
        for _ in length.min(FRAME)..length + CHECKSUM {
            next();
        }
        fits.then_some(length)
    }
}

/// A received frame.
pub struct Received<'a>(&'a [u8]);

/// Room for a frame.
pub struct Room<'a>(&'a mut [u8; FRAME]);

impl Device for &'static mut Ethernet {
    type RxToken<'a> = Received<'a>;
    type TxToken<'a> = Room<'a>;

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = FRAME;
        capabilities
    }

    fn receive(&mut self, at: Instant) -> Option<(Received<'_>, Room<'_>)> {
        // A frame may have to be answered.
        self.transmit(at)?;
        if !frame_waits() {
            return None;
        }
        let length = self.take().unwrap_or(0);
        let frame = self.received.get(..length).unwrap_or_default();
        Some((Received(frame), Room(&mut self.to_send)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Room<'_>> {
        let busy = TRANSMIT_REQUEST.read() & 1 != 0;
        (!busy).then_some(Room(&mut self.to_send))
    }
}

impl RxToken for Received<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        read(self.0)
    }
}

impl TxToken for Room<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, write: F) -> R {
        let Self(buffer) = self;
        let frame = buffer.get_mut(..length).expect("smoltcp keeps to the MTU");
        let result = write(frame);
        // The first word begins with the length of what follows the header.
        let payload = u16::try_from(length.saturating_sub(HEADER)).unwrap_or(0);
        let [low, high] = payload.to_le_bytes();
        let (start, rest) = frame.split_at(2.min(length));
        let octet = |at: usize| start.get(at).copied().unwrap_or(0);
        DATA.write(u32::from_le_bytes([low, high, octet(0), octet(1)]));
        for chunk in rest.chunks(4) {
            let octet = |at: usize| chunk.get(at).copied().unwrap_or(0);
            DATA.write(u32::from_le_bytes([octet(0), octet(1), octet(2), octet(3)]));
        }
        TRANSMIT_REQUEST.write(1);
        result
    }
}
