//! A socket of the chip, register by register.

use core::net::{Ipv4Addr, SocketAddrV4};

use w5500::bus::Bus;
use w5500::register::socketn::{
    COMMAND, Command, DESTINATION_IP, DESTINATION_PORT, INTERRUPT, Interrupt, MODE, Protocol,
    RECEIVED_SIZE, RX_DATA_READ_POINTER, SOURCE_PORT, STATUS, Status, TX_DATA_WRITE_POINTER,
    TX_FREE_SIZE,
};
use w5500::udp::{UdpHeader, UdpSocket};

use crate::error::Error;
use crate::register::{
    DESTINATION_HARDWARE, MULTICAST, SEND_MAC, TIME_TO_LIVE, blocks, hardware_address,
};

/// How often the chip is asked whether it took a command.
const PATIENCE: u8 = 100;

/// Octets in front of each datagram in the chip's buffer.
const HEADER_LEN: u16 = 8;

/// A socket.
#[derive(Debug)]
pub struct Socket {
    /// The crate's; it says which of the eight this is.
    pub(crate) udp: UdpSocket,
    pub(crate) port: Option<u16>,
    pub(crate) group: Option<Ipv4Addr>,
    pub(crate) remote: Option<SocketAddrV4>,
    /// The chip has not said yet what became of the last datagram.
    sending: bool,
}

impl Socket {
    pub(crate) const fn new(udp: UdpSocket) -> Self {
        Self {
            udp,
            port: None,
            group: None,
            remote: None,
            sending: false,
        }
    }

    /// Opens the socket, or opens it anew, with its port and its group.
    pub(crate) fn open<B: Bus>(&mut self, bus: &mut B) -> Result<(), Error<B::Error>> {
        let port = self.port.ok_or(Error::NotBound)?;
        let (registers, ..) = blocks(self.udp.index());
        self.command(bus, Command::Close as u8)?;
        write(bus, registers, INTERRUPT, &[Interrupt::All as u8])?;
        write(bus, registers, SOURCE_PORT, &port.to_be_bytes())?;
        write(bus, registers, TIME_TO_LIVE, &[1])?;
        let mut mode = Protocol::Udp as u8;
        if let Some(group) = self.group {
            mode |= MULTICAST;
            write(
                bus,
                registers,
                DESTINATION_HARDWARE,
                &hardware_address(group),
            )?;
            write(bus, registers, DESTINATION_IP, &group.octets())?;
            write(bus, registers, DESTINATION_PORT, &port.to_be_bytes())?;
        }
        write(bus, registers, MODE, &[mode])?;
        self.command(bus, Command::Open as u8)?;
        self.sending = false;
        let [status] = read(bus, registers, STATUS)?;
        if status == Status::Udp as u8 {
            Ok(())
        } else {
            Err(Error::NoAnswer)
        }
    }

    /// Sends a datagram; `false` if there is no room for it now.
    pub(crate) fn send<B: Bus>(
        &mut self,
        bus: &mut B,
        to: SocketAddrV4,
        datagram: &[u8],
    ) -> Result<bool, Error<B::Error>> {
        let (registers, transmit, _) = blocks(self.udp.index());
        if self.is_sending(bus)? {
            return Ok(false);
        }
        let len = u16::try_from(datagram.len()).map_err(|_| Error::MessageTooLong)?;
        if u16::from_be_bytes(read(bus, registers, TX_FREE_SIZE)?) < len {
            return Ok(false);
        }
        let command = if to.ip().is_multicast() {
            write(
                bus,
                registers,
                DESTINATION_HARDWARE,
                &hardware_address(*to.ip()),
            )?;
            SEND_MAC
        } else {
            Command::Send as u8
        };
        write(bus, registers, DESTINATION_IP, &to.ip().octets())?;
        write(bus, registers, DESTINATION_PORT, &to.port().to_be_bytes())?;
        let at = u16::from_be_bytes(read(bus, registers, TX_DATA_WRITE_POINTER)?);
        write(bus, transmit, at, datagram)?;
        let end = at.wrapping_add(len);
        write(bus, registers, TX_DATA_WRITE_POINTER, &end.to_be_bytes())?;
        self.command(bus, command)?;
        self.sending = true;
        Ok(true)
    }

    /// Whether the last datagram is still on its way out. One whose host did not answer is lost, as the
    /// network might have lost it.
    fn is_sending<B: Bus>(&mut self, bus: &mut B) -> Result<bool, Error<B::Error>> {
        if self.sending {
            let (registers, ..) = blocks(self.udp.index());
            let [interrupts] = read(bus, registers, INTERRUPT)?;
            let done = interrupts & (Interrupt::SendOk as u8 | Interrupt::Timeout as u8);
            if done != 0 {
                write(bus, registers, INTERRUPT, &[done])?;
                self.sending = false;
            }
        }
        Ok(self.sending)
    }

    /// Receives a datagram, if there is one.
    pub(crate) fn receive<B: Bus>(
        &mut self,
        bus: &mut B,
        into: &mut [u8],
    ) -> Result<Option<(usize, SocketAddrV4)>, Error<B::Error>> {
        let (registers, _, received) = blocks(self.udp.index());
        // The chip counts while it is read: two equal answers are right.
        let size: [u8; 2] = read(bus, registers, RECEIVED_SIZE)?;
        if u16::from_be_bytes(size) < HEADER_LEN || read(bus, registers, RECEIVED_SIZE)? != size {
            return Ok(None);
        }
        let at = u16::from_be_bytes(read(bus, registers, RX_DATA_READ_POINTER)?);
        let header = UdpHeader::from_array(read(bus, received, at)?);
        let body = at.wrapping_add(HEADER_LEN);
        let room = into.get_mut(..header.len);
        let fits = room.is_some();
        if let Some(room) = room {
            bus.read_frame(received, body, room).map_err(chip)?;
        }
        // It came from two octets.
        let end = body.wrapping_add(header.len as u16);
        write(bus, registers, RX_DATA_READ_POINTER, &end.to_be_bytes())?;
        self.command(bus, Command::Receive as u8)?;
        if fits {
            Ok(Some((header.len, header.origin)))
        } else {
            Err(Error::Truncated)
        }
    }

    /// Gives a command, and waits until the chip has taken it.
    fn command<B: Bus>(&self, bus: &mut B, command: u8) -> Result<(), Error<B::Error>> {
        let (registers, ..) = blocks(self.udp.index());
        write(bus, registers, COMMAND, &[command])?;
        for _ in 0..PATIENCE {
            if read(bus, registers, COMMAND)? == [0] {
                return Ok(());
            }
        }
        Err(Error::NoAnswer)
    }
}

fn chip<E: core::fmt::Debug>(error: E) -> Error<E> {
    Error::Chip(w5500::udp::UdpSocketError::Other(error))
}

fn read<B: Bus, const N: usize>(
    bus: &mut B,
    block: u8,
    address: u16,
) -> Result<[u8; N], Error<B::Error>> {
    let mut octets = [0; N];
    bus.read_frame(block, address, &mut octets).map_err(chip)?;
    Ok(octets)
}

fn write<B: Bus>(
    bus: &mut B,
    block: u8,
    address: u16,
    octets: &[u8],
) -> Result<(), Error<B::Error>> {
    bus.write_frame(block, address, octets).map_err(chip)
}
