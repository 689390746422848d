//! A node on smoltcp, on a device that does nothing.

use core::hint::black_box;
use core::net::{Ipv4Addr, SocketAddr};

#[cfg(feature = "smoltcp-0-12")]
use groupcast_smoltcp::v0_12 as adapter;
#[cfg(feature = "smoltcp-0-13")]
use groupcast_smoltcp::v0_13 as adapter;
#[cfg(not(any(feature = "smoltcp-0-12", feature = "smoltcp-0-13")))]
use groupcast_smoltcp::v0_14 as adapter;

use adapter::smoltcp::iface::{self, Interface, SocketSet, SocketStorage};
use adapter::smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use adapter::smoltcp::time;
use adapter::smoltcp::wire::{EthernetAddress, IpCidr};
use adapter::{BoardMemory, PLACES, Stack};

use crate::node;

/// The device, and a frame.
struct Nothing([u8; 1514]);

struct Frame<'a>(&'a mut [u8; 1514]);

impl Device for Nothing {
    type RxToken<'a> = Frame<'a>;
    type TxToken<'a> = Room;

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = 1514;
        capabilities
    }

    fn receive(&mut self, _: time::Instant) -> Option<(Frame<'_>, Room)> {
        black_box(true).then_some((Frame(&mut self.0), Room))
    }

    fn transmit(&mut self, _: time::Instant) -> Option<Room> {
        black_box(true).then_some(Room)
    }
}

impl RxToken for Frame<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        let length = black_box(60);
        read(black_box(self.0.get(..length).unwrap_or_default()))
    }
}

struct Room;

impl TxToken for Room {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, write: F) -> R {
        let mut frame = [0; 1514];
        let result = write(frame.get_mut(..length).unwrap_or_default());
        black_box(&frame);
        result
    }
}

pub(crate) fn run(group: SocketAddr) {
    let mut device = Nothing([0; 1514]);
    let config = iface::Config::new(EthernetAddress([2, 0, 0, 0, 0, 1]).into());
    let mut interface = Interface::new(config, &mut device, time::Instant::ZERO);
    interface.update_ip_addrs(|own| {
        let _ = own.push(IpCidr::new(Ipv4Addr::new(10, 0, 0, 1).into(), 24));
    });
    let mut places = [SocketStorage::EMPTY; PLACES];
    let mut memory = BoardMemory::new();
    let stack = Stack::new(interface, device, SocketSet::new(&mut places[..]), &mut memory);
    node::run(&stack, group, |now| {
        stack.poll(now);
        black_box((stack.next_deadline(), stack.counters()));
    });
}
