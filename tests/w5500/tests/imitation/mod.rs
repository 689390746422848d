//! An imitation of the chip, as we understand its documents: UDP, groups, ARP, nothing else.

use core::cell::RefCell;
use core::convert::Infallible;
use core::net::Ipv4Addr;
use std::rc::Rc;

use w5500::bus::Bus;

/// Octets of each buffer of a socket.
const BUFFER: u16 = 2048;

const MULTICAST: u8 = 0x80;
const SEND_OK: u8 = 0x10;
const TIMEOUT: u8 = 0x08;
const RECEIVED: u8 = 0x04;

/// Chips on one wire.
#[derive(Clone, Default)]
pub(crate) struct Wire(Rc<RefCell<State>>);

#[derive(Default)]
struct State {
    chips: Vec<Registers>,
    reports: Vec<Ipv4Addr>,
    lost: usize,
    largest_ttl: u8,
}

/// A chip, seen from its bus.
pub(crate) struct Chip {
    wire: Wire,
    number: usize,
}

struct Registers {
    common: [u8; 0x40],
    sockets: [Socket; 8],
}

#[derive(Clone)]
struct Socket {
    registers: [u8; 0x30],
    transmit: [u8; BUFFER as usize],
    received: [u8; BUFFER as usize],
    /// Where the next datagram goes, and what has been given back.
    end: u16,
    start: u16,
    waits_for_arp: bool,
}

impl Wire {
    pub(crate) fn add_chip(&self) -> Chip {
        let mut chips = self.0.borrow_mut();
        let mut common = [0; 0x40];
        common[0x39] = 4;
        let mut socket = Socket {
            registers: [0; 0x30],
            transmit: [0; BUFFER as usize],
            received: [0; BUFFER as usize],
            end: 0,
            start: 0,
            waits_for_arp: false,
        };
        socket.registers[0x16] = 128;
        socket.set(0x20, BUFFER);
        let sockets = core::array::from_fn(|_| socket.clone());
        chips.chips.push(Registers { common, sockets });
        Chip {
            wire: self.clone(),
            number: chips.chips.len() - 1,
        }
    }

    /// The groups of which memberships were reported.
    pub(crate) fn reports(&self) -> Vec<Ipv4Addr> {
        self.0.borrow().reports.clone()
    }

    /// Frames that went to a hardware address that nobody has, or that is not the group's.
    pub(crate) fn lost(&self) -> usize {
        self.0.borrow().lost
    }

    pub(crate) fn largest_ttl(&self) -> u8 {
        self.0.borrow().largest_ttl
    }

    /// Nobody answered for long enough.
    pub(crate) fn give_up(&self) {
        for chip in &mut self.0.borrow_mut().chips {
            for socket in chip
                .sockets
                .iter_mut()
                .filter(|socket| socket.waits_for_arp)
            {
                socket.waits_for_arp = false;
                socket.registers[0x02] |= TIMEOUT;
            }
        }
    }
}

impl Registers {
    fn ip(&self) -> Ipv4Addr {
        Ipv4Addr::from(<[u8; 4]>::try_from(&self.common[0x0f..0x13]).unwrap())
    }
}

impl Socket {
    fn get(&self, address: usize) -> u16 {
        u16::from_be_bytes([self.registers[address], self.registers[address + 1]])
    }

    fn set(&mut self, address: usize, value: u16) {
        self.registers[address..address + 2].copy_from_slice(&value.to_be_bytes());
    }

    fn remote(&self) -> Ipv4Addr {
        Ipv4Addr::from(<[u8; 4]>::try_from(&self.registers[0x0c..0x10]).unwrap())
    }

    fn hears(&self, own: Ipv4Addr, to: Ipv4Addr, port: u16) -> bool {
        let joined = self.registers[0x00] & MULTICAST != 0 && self.remote() == to;
        self.registers[0x03] == 0x22 && self.get(0x04) == port && (own == to || joined)
    }

    fn take(&mut self, from: Ipv4Addr, port: u16, datagram: &[u8]) {
        let mut octets = from.octets().to_vec();
        octets.extend(port.to_be_bytes());
        octets.extend(u16::try_from(datagram.len()).unwrap().to_be_bytes());
        octets.extend(datagram);
        let waiting = self.end.wrapping_sub(self.start);
        if usize::from(BUFFER - waiting) < octets.len() {
            return;
        }
        for octet in octets {
            self.received[usize::from(self.end % BUFFER)] = octet;
            self.end = self.end.wrapping_add(1);
        }
        self.set(0x26, self.end.wrapping_sub(self.start));
        self.registers[0x02] |= RECEIVED;
    }
}

impl State {
    fn command(&mut self, chip: usize, number: usize, command: u8) {
        let own = self.chips[chip].ip();
        let socket = &mut self.chips[chip].sockets[number];
        match command {
            0x01 => {
                socket.registers[0x03] = 0x22;
                (socket.end, socket.start, socket.waits_for_arp) = (0, 0, false);
                for pointer in [0x22, 0x24, 0x26, 0x28] {
                    socket.set(pointer, 0);
                }
                if socket.registers[0x00] & MULTICAST != 0 {
                    assert_eq!(
                        socket.registers[0x06..0x0c],
                        hardware_address(socket.remote())
                    );
                    assert_eq!(
                        socket.get(0x10),
                        socket.get(0x04),
                        "the group's port is the socket's"
                    );
                    self.reports.push(socket.remote());
                }
            }
            0x10 => socket.registers[0x03] = 0,
            0x20 | 0x21 => self.send(own, chip, number, command == 0x20),
            0x40 => {
                socket.start = socket.get(0x28);
                socket.set(0x26, socket.end.wrapping_sub(socket.start));
                if socket.start != socket.end {
                    socket.registers[0x02] |= RECEIVED;
                }
            }
            _ => panic!("command {command:#x}"),
        }
    }

    fn send(&mut self, own: Ipv4Addr, chip: usize, number: usize, asks: bool) {
        let socket = &mut self.chips[chip].sockets[number];
        assert_eq!(socket.registers[0x03], 0x22, "it is open");
        assert!(!socket.waits_for_arp, "the last datagram is on its way");
        let (mut at, end) = (socket.get(0x22), socket.get(0x24));
        let mut datagram = Vec::new();
        while at != end {
            datagram.push(socket.transmit[usize::from(at % BUFFER)]);
            at = at.wrapping_add(1);
        }
        socket.set(0x22, end);
        let (to, port, from_port) = (socket.remote(), socket.get(0x10), socket.get(0x04));
        let hardware = socket.registers[0x06..0x0c].to_vec();
        self.largest_ttl = self.largest_ttl.max(socket.registers[0x16]);
        if asks && !to.is_multicast() && !self.chips.iter().any(|chip| chip.ip() == to) {
            self.chips[chip].sockets[number].waits_for_arp = true;
            return;
        }
        self.chips[chip].sockets[number].registers[0x02] |= SEND_OK;
        // What is asked for at the gateway arrives there and nowhere else.
        if to.is_multicast() && (asks || hardware != hardware_address(to)) {
            self.lost += 1;
            return;
        }
        let others = self
            .chips
            .iter_mut()
            .enumerate()
            .filter(|(n, _)| *n != chip);
        for (_, other) in others {
            let ip = other.ip();
            let hears = other
                .sockets
                .iter_mut()
                .find(|socket| socket.hears(ip, to, port));
            if let Some(socket) = hears {
                socket.take(own, from_port, &datagram);
            }
        }
    }
}

fn hardware_address(group: Ipv4Addr) -> [u8; 6] {
    let [_, b, c, d] = group.octets();
    [0x01, 0x00, 0x5e, b & 0x7f, c, d]
}

impl Bus for Chip {
    type Error = Infallible;

    fn read_frame(&mut self, block: u8, address: u16, data: &mut [u8]) -> Result<(), Infallible> {
        let state = self.wire.0.borrow();
        let chip = &state.chips[self.number];
        let socket = &chip.sockets[usize::from(block / 4)];
        for (n, octet) in data.iter_mut().enumerate() {
            let at = usize::from(address) + n;
            *octet = match (block, block % 4) {
                (0, _) => chip.common[at],
                (_, 1) => socket.registers[at],
                (_, 2) => socket.transmit[at % usize::from(BUFFER)],
                _ => socket.received[at % usize::from(BUFFER)],
            };
        }
        Ok(())
    }

    fn write_frame(&mut self, block: u8, address: u16, data: &[u8]) -> Result<(), Infallible> {
        let mut state = self.wire.0.borrow_mut();
        let number = usize::from(block / 4);
        for (n, octet) in data.iter().enumerate() {
            let at = usize::from(address) + n;
            let chip = &mut state.chips[self.number];
            let socket = &mut chip.sockets[number];
            match (block, block % 4, at) {
                (0, ..) => chip.common[at] = *octet,
                // A command is taken at once.
                (_, 1, 0x01) => state.command(self.number, number, *octet),
                // Interrupts are cleared by writing ones.
                (_, 1, 0x02) => socket.registers[at] &= !octet,
                (_, 1, _) => socket.registers[at] = *octet,
                (_, 2, _) => socket.transmit[at % usize::from(BUFFER)] = *octet,
                _ => panic!("the chip alone writes what it received"),
            }
        }
        Ok(())
    }
}
