//! The Ethernet controller LAN9118, as a driver of embassy-net (data sheet of the LAN9118, revision 1.5, chapter 5).
//!
//! Its interrupt wakes embassy-net's task, and is masked until that has looked: so frames that wait cost one interrupt,
//! however many they are.

use core::net::Ipv4Addr;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use core::task::Context;

use embassy_net_driver::{Capabilities, Driver, HardwareAddress, LinkState, RxToken, TxToken};
use embassy_sync::waitqueue::AtomicWaker;
use kit::{Register, log};

use crate::processor::Interrupt;

/// The largest frame without its checksum.
const FRAME: usize = 1514;
const HEADER: usize = 14;
const CHECKSUM: usize = 4;
/// Room in the controller for a frame to be sent, with the two words before it and what aligns it.
const SENT_FRAME: u32 = FRAME as u32 + 2 + 8;
/// How often to look whether the controller has done something. It takes some microseconds.
const PATIENCE: u32 = 100_000;

const RECEIVED: Register = Register::at(0x4020_0000);
const TO_SEND: Register = Register::at(0x4020_0020);
const RECEIVED_STATUS: Register = Register::at(0x4020_0040);
const SENT_STATUS: Register = Register::at(0x4020_0048);
const INTERRUPT_LINE: Register = Register::at(0x4020_0054);
const INTERRUPTS: Register = Register::at(0x4020_0058);
const ALLOWED: Register = Register::at(0x4020_005c);
const LEVELS: Register = Register::at(0x4020_0068);
const RECEIVE: Register = Register::at(0x4020_006c);
const TRANSMIT: Register = Register::at(0x4020_0070);
const HARDWARE: Register = Register::at(0x4020_0074);
const RECEIVED_SPACE: Register = Register::at(0x4020_007c);
const TO_SEND_SPACE: Register = Register::at(0x4020_0080);
const POWER: Register = Register::at(0x4020_0084);
const MAC_COMMAND: Register = Register::at(0x4020_00a4);
const MAC_DATA: Register = Register::at(0x4020_00a8);

// Interrupts.
const PHY: u32 = 1 << 18;
const ROOM_TO_SEND: u32 = 1 << 9;
const FRAME_WAITS: u32 = 1 << 3;

/// Wakes embassy-net's task, which is the only one that asks.
static TASK: AtomicWaker = AtomicWaker::new();
/// Whether the cable may have been plugged in or out.
static LINK_CHANGED: AtomicBool = AtomicBool::new(true);
static DROPPED: AtomicU32 = AtomicU32::new(0);

/// The controller's interrupt: what has happened is masked until the task has looked.
pub(crate) fn on_interrupt() {
    let happened = INTERRUPTS.read() & ALLOWED.read();
    ALLOWED.write(ALLOWED.read() & !happened);
    INTERRUPTS.write(happened);
    if happened & PHY != 0 {
        LINK_CHANGED.store(true, Ordering::Relaxed);
    }
    TASK.wake();
}

/// Lets interrupts come, also those whose time was since they last came.
fn allow(interrupts: u32) {
    critical_section::with(|_| ALLOWED.write(ALLOWED.read() | interrupts));
}

/// Registers of the MAC, which are behind two others (data sheet §5.4).
#[derive(Clone, Copy)]
#[repr(u32)]
enum Mac {
    Control = 1,
    AddressHigh = 2,
    AddressLow = 3,
    GroupsHigh = 4,
    GroupsLow = 5,
    PhyAccess = 6,
    PhyData = 7,
}

impl Mac {
    const BUSY: u32 = 1 << 31;

    fn read(self) -> u32 {
        const READ: u32 = 1 << 30;
        MAC_COMMAND.write(Self::BUSY | READ | self as u32);
        wait(|| MAC_COMMAND.read() & Self::BUSY == 0);
        MAC_DATA.read()
    }

    fn write(self, value: u32) {
        MAC_DATA.write(value);
        MAC_COMMAND.write(Self::BUSY | self as u32);
        wait(|| MAC_COMMAND.read() & Self::BUSY == 0);
    }
}

/// Registers of the PHY, which are behind two of the MAC (data sheet §5.5).
#[derive(Clone, Copy)]
#[repr(u32)]
enum Phy {
    Control = 0,
    Status = 1,
    Changes = 29,
    AllowedChanges = 30,
}

impl Phy {
    const BUSY: u32 = 1;
    const INSIDE: u32 = 1 << 11;

    fn read(self) -> u32 {
        Mac::PhyAccess.write(Self::INSIDE | (self as u32) << 6 | Self::BUSY);
        wait(|| Mac::PhyAccess.read() & Self::BUSY == 0);
        Mac::PhyData.read() & 0xffff
    }

    fn write(self, value: u32) {
        const WRITE: u32 = 1 << 1;
        Mac::PhyData.write(value);
        Mac::PhyAccess.write(Self::INSIDE | (self as u32) << 6 | WRITE | Self::BUSY);
        wait(|| Mac::PhyAccess.read() & Self::BUSY == 0);
    }
}

/// Waits, but not for ever: a controller that does not answer sends and receives nothing, and does not stop the rest.
fn wait(is_done: impl Fn() -> bool) {
    for _ in 0..PATIENCE {
        if is_done() {
            return;
        }
    }
}

/// The controller. There is one.
pub struct Ethernet {
    address: [u8; 6],
    link: LinkState,
    received: [u8; FRAME],
    to_send: [u8; FRAME],
}

impl Ethernet {
    /// The controller, not started.
    pub(crate) const fn new() -> Self {
        Self {
            address: [0; 6],
            link: LinkState::Down,
            received: [0; FRAME],
            to_send: [0; FRAME],
        }
    }

    /// Starts the controller with this hardware address, for frames to it, to all, and to these groups.
    ///
    /// embassy-net does not tell its driver which groups it joins. So they are named here, and the controller's filter
    /// keeps away what is for others: it would wake up the processor for nothing. A program that learns only later what it
    /// joins lets all groups pass instead (`ALL_GROUPS`, bit 19 of the MAC's control register).
    pub fn start(&mut self, address: [u8; 6], groups: &[Ipv4Addr]) {
        const RESET: u32 = 1;
        const READY: u32 = 1;
        const MUST_BE_ONE: u32 = 1 << 20;
        const SEND_5_KB: u32 = 5 << 16;
        self.address = address;
        HARDWARE.write(RESET);
        wait(|| HARDWARE.read() & RESET == 0);
        wait(|| POWER.read() & READY != 0);
        HARDWARE.write(MUST_BE_ONE | SEND_5_KB);
        self.start_phy();
        self.start_mac(address, groups);
        self.start_interrupts();
    }

    fn start_phy(&mut self) {
        const NEGOTIATE: u32 = 1 << 12;
        const AGAIN: u32 = 1 << 9;
        const NEGOTIATED: u32 = 1 << 6;
        const LINK_DOWN: u32 = 1 << 4;
        Phy::Control.write(NEGOTIATE | AGAIN);
        Phy::AllowedChanges.write(NEGOTIATED | LINK_DOWN);
    }

    fn start_mac(&mut self, address: [u8; 6], groups: &[Ipv4Addr]) {
        const FULL_DUPLEX: u32 = 1 << 20;
        const GROUPS_BY_HASH: u32 = 1 << 13;
        const SEND: u32 = 1 << 3;
        const RECEIVE_FRAMES: u32 = 1 << 2;
        const SEND_ON: u32 = 1 << 1;
        let [a, b, c, d, e, f] = address;
        Mac::AddressLow.write(u32::from_le_bytes([a, b, c, d]));
        Mac::AddressHigh.write(u32::from_le_bytes([e, f, 0, 0]));
        let passed = groups
            .iter()
            .fold(0_u64, |all, group| all | 1 << hash(*group));
        Mac::GroupsLow.write(passed as u32);
        Mac::GroupsHigh.write((passed >> 32) as u32);
        RECEIVE.write(0);
        TRANSMIT.write(SEND_ON);
        Mac::Control.write(FULL_DUPLEX | GROUPS_BY_HASH | SEND | RECEIVE_FRAMES);
    }

    fn start_interrupts(&mut self) {
        const ENABLE: u32 = 1 << 8;
        const ACTIVE_HIGH: u32 = 1 << 4;
        const PUSH_PULL: u32 = 1;
        // When one frame waits, and when there is room for one, in units of 64 bytes.
        LEVELS.write(SENT_FRAME.div_ceil(64) << 24);
        ALLOWED.write(0);
        INTERRUPTS.write(u32::MAX);
        INTERRUPT_LINE.write(ENABLE | ACTIVE_HIGH | PUSH_PULL);
        Interrupt::Ethernet.allow();
    }

    /// How many frames came that were damaged or too long.
    pub fn dropped() -> u32 {
        DROPPED.load(Ordering::Relaxed)
    }

    fn frame_waits() -> bool {
        RECEIVED_SPACE.read() & 0xff_0000 != 0
    }

    fn has_room() -> bool {
        TO_SEND_SPACE.read() & 0xffff >= SENT_FRAME
    }

    /// Takes a frame: its length, `None` if it was damaged or too long.
    fn take(&mut self) -> Option<usize> {
        const DAMAGED: u32 = 1 << 15;
        let status = RECEIVED_STATUS.read();
        let total = ((status >> 16) & 0x3fff) as usize;
        let length = total.checked_sub(CHECKSUM)?;
        let (words, rest) = (length / 4, length % 4);
        // All of it has to be read, its checksum, too.
        let mut chunks = self.received.chunks_mut(4);
        for word in 0..total.div_ceil(4) {
            let octets = RECEIVED.read().to_le_bytes();
            let room = chunks.next().unwrap_or_default();
            let valid = if word < words { 4 } else { rest };
            for (to, from) in room.iter_mut().zip(octets).take(valid) {
                *to = from;
            }
        }
        (status & DAMAGED == 0 && (HEADER..=FRAME).contains(&length)).then_some(length)
    }

    /// Takes the reports of frames that were sent: without room for them it sends no more.
    fn clear_sent() {
        while TO_SEND_SPACE.read() & 0xff_0000 != 0 {
            SENT_STATUS.read();
        }
    }
}

/// Which of 64 bits stands for a group: the upper six of the CRC-32 of its hardware address.
fn hash(group: Ipv4Addr) -> u32 {
    const POLYNOMIAL: u32 = 0x04c1_1db7;
    let [_, b, c, d] = group.octets();
    let address = [0x01, 0x00, 0x5e, b & 0x7f, c, d];
    let mut sum = u32::MAX;
    for octet in address {
        for bit in 0..8 {
            let differs = (sum >> 31) ^ ((u32::from(octet) >> bit) & 1);
            sum = (sum << 1) ^ (differs * POLYNOMIAL);
        }
    }
    sum >> 26
}

/// A received frame.
pub struct Received<'a>(&'a mut [u8]);

/// Room for a frame.
pub struct Room<'a>(&'a mut [u8; FRAME]);

impl Driver for Ethernet {
    type RxToken<'a> = Received<'a>;
    type TxToken<'a> = Room<'a>;

    fn receive(&mut self, cx: &mut Context<'_>) -> Option<(Received<'_>, Room<'_>)> {
        // A frame may have to be answered.
        self.transmit(cx)?;
        if !Self::frame_waits() {
            TASK.register(cx.waker());
            allow(FRAME_WAITS);
            // It may have come in between.
            if !Self::frame_waits() {
                return None;
            }
        }
        let length = self.take().unwrap_or_else(|| {
            DROPPED.fetch_add(1, Ordering::Relaxed);
            0
        });
        // Of an empty frame embassy-net takes no notice.
        let frame = self.received.get_mut(..length).unwrap_or_default();
        Some((Received(frame), Room(&mut self.to_send)))
    }

    fn transmit(&mut self, cx: &mut Context<'_>) -> Option<Room<'_>> {
        Self::clear_sent();
        if !Self::has_room() {
            TASK.register(cx.waker());
            allow(ROOM_TO_SEND);
            if !Self::has_room() {
                return None;
            }
        }
        Some(Room(&mut self.to_send))
    }

    fn link_state(&mut self, cx: &mut Context<'_>) -> LinkState {
        const IS_UP: u32 = 1 << 2;
        TASK.register(cx.waker());
        if LINK_CHANGED.swap(false, Ordering::Relaxed) {
            // To read the changes is to acknowledge them. The status tells first of what has been, then of what is.
            Phy::Changes.read();
            Phy::Status.read();
            let is_up = Phy::Status.read() & IS_UP != 0;
            let (link, word) = if is_up {
                (LinkState::Up, "in")
            } else {
                (LinkState::Down, "out")
            };
            if link != self.link {
                log!("cable {}", word);
            }
            self.link = link;
            allow(PHY);
        }
        self.link
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.max_transmission_unit = FRAME;
        capabilities
    }

    fn hardware_address(&self) -> HardwareAddress {
        HardwareAddress::Ethernet(self.address)
    }
}

impl RxToken for Received<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, read: F) -> R {
        read(self.0)
    }
}

impl TxToken for Room<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, write: F) -> R {
        const FIRST: u32 = 1 << 13;
        const LAST: u32 = 1 << 12;
        let Self(buffer) = self;
        let frame = buffer
            .get_mut(..length)
            .expect("embassy-net keeps to the MTU");
        let result = write(frame);
        TO_SEND.write(FIRST | LAST | length as u32);
        TO_SEND.write(length as u32);
        for chunk in frame.chunks(4) {
            let octet = |at: usize| chunk.get(at).copied().unwrap_or(0);
            TO_SEND.write(u32::from_le_bytes([octet(0), octet(1), octet(2), octet(3)]));
        }
        result
    }
}
