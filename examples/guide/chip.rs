//! What a firmware engineer has of the chip, for the emulator's `mps2-an385`: a Cortex-M3 with the Ethernet controller
//! LAN9118 (its data sheet, revision 1.5, chapter 5). It belongs to the firmware of
//! `core/docs/FIRMWARE.md`, and on a chip of your own the HAL takes its place.

use core::convert::Infallible;
use core::sync::atomic::{AtomicBool, Ordering};

use cortex_m_rt::exception;
use embedded_storage::nor_flash::{ErrorType, NorFlash, ReadNorFlash};
use groupcast_smoltcp::smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use groupcast_smoltcp::smoltcp::time::Instant;

/// The board's clock, in Hz.
pub const TICKS_PER_SECOND: u32 = 25_000_000;
/// The board's hardware address.
pub const MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 7];

/// What RTIC asks of a chip: bits of an interrupt's priority.
#[allow(dead_code)]
pub const NVIC_PRIO_BITS: u8 = 3;

/// The longest frame without its checksum.
const FRAME: usize = 1514;
const CHECKSUM: usize = 4;

// Timers of the CMSDK, which count down: one for ever, the other once.
const COUNTER: usize = 0x4000_0000;
const ALARM: usize = 0x4000_1000;
const VALUE: usize = 4;
const RELOAD: usize = 8;
const CLEAR: usize = 12;
// The Ethernet controller.
const RECEIVED: usize = 0x4020_0000;
const TO_SEND: usize = 0x4020_0020;
const RECEIVED_STATUS: usize = 0x4020_0040;
const SENT_STATUS: usize = 0x4020_0048;
const INTERRUPT_LINE: usize = 0x4020_0054;
const HAPPENED: usize = 0x4020_0058;
const ALLOWED: usize = 0x4020_005c;
const LEVELS: usize = 0x4020_0068;
const TRANSMIT: usize = 0x4020_0070;
const RECEIVED_FILL: usize = 0x4020_007c;
const TO_SEND_ROOM: usize = 0x4020_0080;
const MAC_COMMAND: usize = 0x4020_00a4;
const MAC_DATA: usize = 0x4020_00a8;
/// Of [`HAPPENED`]: a frame waits.
const FRAME_WAITS: u32 = 1 << 3;

// Registers of the MAC, behind two of the controller.
const CONTROL: u32 = 1;
const ADDRESS_HIGH: u32 = 2;
const ADDRESS_LOW: u32 = 3;
const GROUPS_HIGH: u32 = 4;
const GROUPS_LOW: u32 = 5;
const BUSY: u32 = 1 << 31;
const READ: u32 = 1 << 30;
/// Of [`CONTROL`]: full duplex, groups by their hash, send, receive.
const ON: u32 = 1 << 20 | 1 << 13 | 1 << 3 | 1 << 2;

static HEATS: AtomicBool = AtomicBool::new(false);

fn read(register: usize) -> u32 {
    // SAFETY: a register of the board, from its manual. Nothing of ours lives there.
    unsafe { (register as *const u32).read_volatile() }
}

fn write(register: usize, value: u32) {
    // SAFETY: as for reading.
    unsafe { (register as *mut u32).write_volatile(value) }
}

fn write_mac(register: u32, value: u32) {
    write(MAC_DATA, value);
    write(MAC_COMMAND, BUSY | register);
    while read(MAC_COMMAND) & BUSY != 0 {}
}

fn read_mac(register: u32) -> u32 {
    write(MAC_COMMAND, BUSY | READ | register);
    while read(MAC_COMMAND) & BUSY != 0 {}
    read(MAC_DATA)
}

/// What the firmware takes over.
pub struct Chip {
    /// The Ethernet controller.
    pub ethernet: Ethernet,
    /// Two sectors that are the firmware's.
    pub flash: Flash,
}

/// Starts clock and controller.
pub fn start() -> Chip {
    const ENABLE: u32 = 1;
    const WITH_INTERRUPT: u32 = 1 << 3;
    write(COUNTER + RELOAD, u32::MAX);
    write(COUNTER + VALUE, u32::MAX);
    write(COUNTER, ENABLE);
    write(ALARM + RELOAD, 0);
    write(ALARM + VALUE, u32::MAX);
    write(ALARM, ENABLE | WITH_INTERRUPT);

    let [a, b, c, d, e, f] = MAC;
    write_mac(ADDRESS_LOW, u32::from_le_bytes([a, b, c, d]));
    write_mac(ADDRESS_HIGH, u32::from_le_bytes([e, f, 0, 0]));
    write_mac(CONTROL, ON);
    write(TRANSMIT, 1 << 1);
    write(LEVELS, 0);
    write(ALLOWED, FRAME_WAITS);
    // On, active high, push-pull.
    write(INTERRUPT_LINE, 1 << 8 | 1 << 4 | 1);
    // The interrupt controller lets both come.
    write(0xe000_e100, 1 << 9 | 1 << 13);
    Chip {
        ethernet: Ethernet,
        flash: Flash,
    }
}

/// The chip's unique id.
pub fn id() -> [u8; 12] {
    *b"mps2-an385-7"
}

/// The counter, which wraps after 171 s.
pub fn ticks() -> u32 {
    !read(COUNTER + VALUE)
}

/// Has an interrupt come when the counter is there; at once if it was.
pub fn set_alarm(at: u32) {
    let left = at.wrapping_sub(ticks());
    write(
        ALARM + VALUE,
        if left > i32::MAX as u32 {
            1
        } else {
            left.max(1)
        },
    );
}

/// Whether a frame waits to be received.
pub fn frame_waits() -> bool {
    read(RECEIVED_FILL) & 0xff_0000 != 0
}

/// The thermometer.
pub fn measure() -> [u8; 4] {
    if HEATS.load(Ordering::Relaxed) {
        *b"22.0"
    } else {
        *b"21.5"
    }
}

/// The heating.
pub fn heat(on: bool) {
    HEATS.store(on, Ordering::Relaxed);
}

// SAFETY: what it does may be done at any time. It ends the sleep, no more.
#[exception]
unsafe fn DefaultHandler(_: i16) {
    write(ALARM + CLEAR, 1);
    write(HAPPENED, u32::MAX);
}

/// The controller. There is one.
pub struct Ethernet;

impl Ethernet {
    /// Lets a group pass the filter: the upper six bits of its address's CRC say which of 64 bits stands for it.
    pub fn pass(&mut self, group: [u8; 6]) {
        let mut sum = u32::MAX;
        for octet in group {
            for bit in 0..8 {
                let differs = sum >> 31 ^ u32::from(octet) >> bit & 1;
                sum = sum << 1 ^ differs * 0x04c1_1db7;
            }
        }
        let register = if sum >> 31 == 0 {
            GROUPS_LOW
        } else {
            GROUPS_HIGH
        };
        write_mac(register, read_mac(register) | 1 << (sum >> 26 & 31));
    }
}

impl Device for Ethernet {
    type RxToken<'a> = Received;
    type TxToken<'a> = Room;

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = FRAME;
        capabilities
    }

    fn receive(&mut self, at: Instant) -> Option<(Received, Room)> {
        let room = self.transmit(at)?;
        frame_waits().then_some((Received, room))
    }

    fn transmit(&mut self, _: Instant) -> Option<Room> {
        // Reports of what was sent: without room for them it sends no more.
        while read(TO_SEND_ROOM) & 0xff_0000 != 0 {
            read(SENT_STATUS);
        }
        (read(TO_SEND_ROOM) & 0xffff >= FRAME as u32 + 16).then_some(Room)
    }
}

/// A received frame.
pub struct Received;

impl RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, take: F) -> R {
        let mut frame = [0; FRAME + CHECKSUM + 2];
        let total = (read(RECEIVED_STATUS) >> 16 & 0x3fff) as usize;
        // All of it has to be read.
        let mut words = frame.chunks_exact_mut(4);
        for _ in 0..total.div_ceil(4) {
            let word = read(RECEIVED).to_le_bytes();
            if let Some(place) = words.next() {
                place.copy_from_slice(&word);
            }
        }
        take(&frame[..total.saturating_sub(CHECKSUM).min(FRAME)])
    }
}

/// Room for a frame.
pub struct Room;

impl TxToken for Room {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, fill: F) -> R {
        const WHOLE: u32 = 1 << 13 | 1 << 12;
        let mut frame = [0; FRAME + 2];
        let result = fill(&mut frame[..length]);
        write(TO_SEND, WHOLE | length as u32);
        write(TO_SEND, length as u32);
        for word in frame[..length.next_multiple_of(4)].chunks_exact(4) {
            write(
                TO_SEND,
                u32::from_le_bytes([word[0], word[1], word[2], word[3]]),
            );
        }
        result
    }
}

/// Two sectors of flash, in memory that a reset leaves as it is, beyond the image. It is zeros at power-on and flash is
/// ones when erased, so each bit is kept inverted.
pub struct Flash;

const SECTOR: usize = 4096;
const FLASH: *mut [u8; 2 * SECTOR] = 0x0030_0000 as *mut _;

fn flash() -> &'static mut [u8; 2 * SECTOR] {
    // SAFETY: `memory.x` ends before. There is one `Flash`, and none of its calls keeps this.
    unsafe { &mut *FLASH }
}

impl ErrorType for Flash {
    type Error = Infallible;
}

impl ReadNorFlash for Flash {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Infallible> {
        let kept = &flash()[offset as usize..];
        bytes
            .iter_mut()
            .zip(kept)
            .for_each(|(to, from)| *to = !from);
        Ok(())
    }

    fn capacity(&self) -> usize {
        2 * SECTOR
    }
}

impl NorFlash for Flash {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = SECTOR;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Infallible> {
        flash()[from as usize..to as usize].fill(0);
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Infallible> {
        let kept = &mut flash()[offset as usize..];
        kept.iter_mut()
            .zip(bytes)
            .for_each(|(kept, byte)| *kept |= !byte);
        Ok(())
    }
}
