//! A node on the W5500: Ethernet with IP and UDP in a chip of its own, on SPI.
//!
//! The driver is the crate `w5500`, which implements `embedded-nal`'s UDP traits. [`Stack`] is what a node needs
//! beyond them: multicast, errors with a kind, and the promises of [`groupcast::multicast`].
//!
//! ```no_run
//! use core::cell::RefCell;
//! use core::net::Ipv4Addr;
//!
//! use embedded_hal::spi::SpiDevice;
//! use groupcast::{Board, Config, Event, Instant, Node, Pace};
//! use groupcast_w5500::{SharedBus, Stack};
//! use w5500::bus::FourWire;
//! use w5500::{MacAddress, Mode, UninitializedDevice};
//!
//! fn run<SPI: SpiDevice>(spi: SPI, memory: &'static mut Board, seed: [u8; 32], clock: fn() -> Instant) {
//!     let bus = RefCell::new(FourWire::new(spi));
//!     let chip = UninitializedDevice::new(SharedBus::new(&bus))
//!         .initialize_manual(MacAddress::new(2, 0, 0, 0, 0, 7), Ipv4Addr::new(10, 0, 0, 7), Mode::default())
//!         .ok()
//!         .expect("the chip answers");
//!     let stack = Stack::new(chip, SharedBus::new(&bus));
//!     // A socket of the chip holds one large datagram.
//!     let config = Config::new("239.1.2.3:12345".parse().unwrap())
//!         .with_pace(Pace::BOARD)
//!         .with_receive_burst(1);
//!     let mut node = Node::new(stack, memory, config, seed).ok().expect("the settings work");
//!     loop {
//!         while let Ok(Some(event)) = node.poll(clock()) {
//!             if let Event::Message(message) = event {
//!                 // …
//!             }
//!         }
//!     }
//! }
//! ```
//!
//! # What multicast needs on this chip
//!
//! The names are the data sheet's, chapter 4.2.
//!
//! | to | the chip wants | the crate `w5500` 0.6 |
//! |---|---|---|
//! | join | before OPEN: bit 7 of `Sn_MR`, the group in `Sn_DIPR` and `Sn_DPORT`, its hardware address in `Sn_DHAR`; the chip then speaks IGMPv2 by itself, and leaves at CLOSE | writes `Sn_MR` without the bit |
//! | send to a group | SEND_MAC with the group's hardware address in `Sn_DHAR`; SEND looks for that address with ARP, at the gateway | knows no SEND_MAC |
//! | stay on the link | `Sn_TTL`, before OPEN; it is 128 after a reset | does not write it |
//!
//! So a socket has one group, chosen when it opens: [`Stack`] opens a bound socket anew to join. A socket that
//! has joined receives what is sent to its port at the chip's own address, too.
//!
//! # What else [`Stack`] does in the crate's place
//!
//! `tests/chip.rs` has a test for each line, which tells when the crate is mended.
//!
//! | the crate | here |
//! |---|---|
//! | `receive` takes all that waits for one datagram, and says it is 8 octets longer | one datagram a call |
//! | `receive` panics if the datagram is longer than the buffer | an error, and the datagram is dropped |
//! | `bind` to port 0 opens port 0 | the port that the crate would have used to connect |
//!
//! Besides, the crate's `send_to` waits for the chip in a loop without end, while it looks for a host's hardware
//! address. Here the next `send_to` returns `WouldBlock` until the chip is done.
//!
//! # What falls short
//!
//! - One host that does not answer holds up all that is to be sent for as long as the chip tries: 1.8 s unless
//!   `Device::set_retry_timeout` and `Device::set_retry_count` say otherwise before [`Stack::new`].
//! - Two members on one chip cannot share a port: only one of them hears the group.
//! - IPv4 only, and one interface: the default one.
//! - It was tried on an imitation of the chip, never on the chip. The numbers of registers, bits and commands agree
//!   with other drivers. How the chip behaves (IGMP at OPEN, ARP at the gateway for groups, 128 in `Sn_TTL`) is as we
//!   understand its documents, and the imitation believes it, too: try these three first on a real one.

#![no_std]

mod bus;
mod error;
mod register;
mod socket;
mod stack;

pub use bus::SharedBus;
pub use error::Error;
pub use socket::Socket;
pub use stack::Stack;
