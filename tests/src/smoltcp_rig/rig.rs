//! The rigs over smoltcp: its loopback device, and simulated hosts on an Ethernet.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::time::Duration;

use super::adapter::{Memory, Socket, Stack};
use super::smoltcp::iface::{Config, Interface, SocketSet};
use super::smoltcp::phy::{Device, Loopback, Medium};
use super::smoltcp::wire::{EthernetAddress, HardwareAddress, IpCidr};
use groupcast::Instant;

use crate::ether::{Ether, Port};
use crate::rig::{Place, Rig};

/// Sockets that a stack has memory for: the contract opens up to ten on one.
const SOCKETS: usize = 12;

/// How often hosts are polled.
const TICK: Duration = Duration::from_millis(1);

/// A stack that lives as long as the program.
pub type LeakedStack<D> = &'static Stack<'static, D, SOCKETS>;

/// Makes a stack on a device, with memory that is never freed: a few per test program.
fn stack<const MTU: usize, D: Device>(
    hardware: HardwareAddress,
    addresses: &[IpCidr],
    device: D,
) -> Stack<'static, D, SOCKETS> {
    let mut device = device;
    let now = super::smoltcp::time::Instant::ZERO;
    let mut interface = Interface::new(Config::new(hardware), &mut device, now);
    interface.update_ip_addrs(|own| {
        for address in addresses {
            own.push(*address).expect("an interface has two addresses");
        }
    });
    let memory = Box::leak(Box::new(Memory::<SOCKETS, 8, 12_000, MTU>::new()));
    Stack::new(interface, device, SocketSet::new(Vec::new()), memory)
}

/// Makes a stack on a device that lives as long as the program.
#[must_use]
pub fn leaked_stack<const MTU: usize, D: Device + 'static>(
    hardware: HardwareAddress,
    addresses: &[IpCidr],
    device: D,
    device_loops: bool,
) -> LeakedStack<D> {
    let stack = stack::<MTU, D>(hardware, addresses, device);
    let stack = if device_loops {
        stack.with_looping_device()
    } else {
        stack
    };
    Box::leak(Box::new(stack))
}

/// The addresses of a host on the Ethernet, counted from 0: hardware, IPv4, IPv6.
#[must_use]
pub fn host_addresses(number: usize) -> (EthernetAddress, Ipv4Addr, Ipv6Addr) {
    let last = u8::try_from(number + 1).expect("few hosts");
    (
        EthernetAddress([2, 0, 0, 0, 0, last]),
        Ipv4Addr::new(10, 0, 0, last),
        Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, last.into()),
    )
}

/// A new host on an Ethernet, with an IPv4 and a link-local IPv6 address.
#[must_use]
pub fn host(ether: &Ether) -> LeakedStack<Port> {
    Box::leak(Box::new(owned_host(ether)))
}

/// The same, for a node that is to own it.
#[must_use]
pub fn owned_host(ether: &Ether) -> Stack<'static, Port, SOCKETS> {
    let port = ether.plug();
    let (hardware, v4, v6) = host_addresses(port.number());
    let addresses = [IpCidr::new(v4.into(), 24), IpCidr::new(v6.into(), 64)];
    stack::<1500, _>(hardware.into(), &addresses, port)
}

/// smoltcp's own loopback device: one host, whose device returns all it sends.
#[derive(Debug)]
pub struct SmoltcpLoopback {
    place: Place,
    stack: LeakedStack<Loopback>,
    now: Instant,
}

impl SmoltcpLoopback {
    /// The largest IP packet. The device would take larger ones.
    const MTU: usize = 4096;
}

impl Rig for SmoltcpLoopback {
    type Stack = LeakedStack<Loopback>;

    fn new() -> Self {
        let own = IpCidr::new(Ipv4Addr::LOCALHOST.into(), 8);
        let device = Loopback::new(Medium::Ip);
        Self {
            place: Place::new(),
            stack: leaked_stack::<{ Self::MTU }, _>(HardwareAddress::Ip, &[own], device, true),
            now: Instant::ZERO,
        }
    }

    fn place(&self) -> Place {
        self.place
    }

    fn stack(&mut self) -> Self::Stack {
        self.stack
    }

    fn address(&self, _: &Self::Stack) -> IpAddr {
        Ipv4Addr::LOCALHOST.into()
    }

    fn wait(&mut self, _: &mut Self::Stack, _: &Socket, _: Duration) {
        self.now += TICK;
        self.stack.poll(self.now);
    }

    fn largest(&self) -> usize {
        Self::MTU - 28
    }

    const BOTH_FAMILIES: bool = true;
}

/// Hosts on a simulated Ethernet, each with a stack of its own, on virtual time.
#[derive(Debug)]
pub struct EthernetHosts {
    place: Place,
    ether: Ether,
    hosts: Vec<LeakedStack<Port>>,
    now: Instant,
}

impl Rig for EthernetHosts {
    type Stack = LeakedStack<Port>;

    fn new() -> Self {
        Self {
            place: Place::new(),
            ether: Ether::new(1),
            hosts: Vec::new(),
            now: Instant::ZERO,
        }
    }

    fn place(&self) -> Place {
        self.place
    }

    fn stack(&mut self) -> Self::Stack {
        let host = host(&self.ether);
        self.hosts.push(host);
        host
    }

    fn address(&self, stack: &Self::Stack) -> IpAddr {
        let address = stack.with(|interface, _| interface.ipv4_addr());
        address.expect("a host has an address").into()
    }

    fn wait(&mut self, _: &mut Self::Stack, _: &Socket, at_most: Duration) {
        let end = self.now + at_most;
        while self.now < end {
            self.now += TICK;
            for host in &self.hosts {
                host.poll(self.now);
            }
        }
    }

    fn largest(&self) -> usize {
        // An Ethernet frame without IP and UDP headers: nothing is fragmented here.
        1472
    }

    const BOTH_FAMILIES: bool = true;
}
