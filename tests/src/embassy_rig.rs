//! The rig over embassy-net: hosts on a simulated Ethernet, each with its network task, on virtual time.

use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::time::Duration;

use embedded_nal::{UdpClientStack, UdpFullStack, nb};
use groupcast::multicast::{Interface, UdpMulticast, UdpMulticastSend, UdpReceiveLocal};
use groupcast_embassy::embassy_net::{
    self, Config, ConfigV4, Ipv4Cidr, Stack, StackResources, StaticConfigV4,
};
use groupcast_embassy::{Buffers, EmbassyStack, Error, Socket};

use crate::ether::Ether;
use crate::rig::{Place, Rig};
use crate::tasks::{TaskId, Tasks};

/// Sockets that a stack of the rig has memory for: the contract opens up to ten on one.
const SOCKETS: usize = 12;

/// The IPv4 address of a host on the Ethernet, counted from 0.
#[must_use]
pub fn address(number: usize) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, 0, u8::try_from(number + 1).expect("few hosts"))
}

/// The settings of a host with this address.
#[must_use]
pub fn with_address(address: Ipv4Addr) -> ConfigV4 {
    ConfigV4::Static(StaticConfigV4 {
        address: Ipv4Cidr::new(address, 24),
        gateway: None,
        dns_servers: Default::default(),
    })
}

/// A new host on an Ethernet, with its network task, which has run once. A few hosts per test program are never freed.
#[must_use]
pub fn host(ether: &Ether, tasks: &Tasks, config: ConfigV4) -> (Stack<'static>, TaskId) {
    let port = ether.plug();
    let seed = port.number() as u64;
    let resources = Box::leak(Box::new(StackResources::<16>::new()));
    let (stack, mut runner) = embassy_net::new(port, Config::default(), resources, seed);
    stack.set_config_v4(config);
    let task = tasks.spawn(async move { runner.run().await });
    tasks.settle();
    (stack, task)
}

/// Hosts on a simulated Ethernet, each with a stack of its own.
#[derive(Debug)]
pub struct EmbassyHosts {
    place: Place,
    ether: Ether,
    tasks: Tasks,
    hosts: usize,
}

/// A stack whose network task has its turn after each datagram, as it has before a node's task goes on waiting.
#[derive(Debug)]
pub struct Attended {
    stack: EmbassyStack<'static, SOCKETS>,
    tasks: Tasks,
    address: Ipv4Addr,
}

impl Rig for EmbassyHosts {
    type Stack = Attended;

    fn new() -> Self {
        Self {
            place: Place::new(),
            ether: Ether::new(1),
            tasks: Tasks::new(),
            hosts: 0,
        }
    }

    fn place(&self) -> Place {
        self.place
    }

    fn stack(&mut self) -> Attended {
        let address = address(self.hosts);
        self.hosts += 1;
        let (stack, _) = host(&self.ether, &self.tasks, with_address(address));
        let buffers = Box::leak(Box::new(Buffers::<SOCKETS, 8, 12_000, 1500>::new()));
        Attended {
            stack: EmbassyStack::new(stack, buffers),
            tasks: self.tasks.clone(),
            address,
        }
    }

    fn address(&self, stack: &Attended) -> IpAddr {
        stack.address.into()
    }

    fn wait(&mut self, _: &mut Attended, _: &Socket, at_most: Duration) {
        self.tasks.run_for(at_most);
    }

    fn largest(&self) -> usize {
        // An Ethernet frame without IP and UDP headers: nothing is fragmented here.
        1472
    }

    const BOTH_FAMILIES: bool = true;
    const SHARES_PORTS: bool = false;
}

impl UdpClientStack for Attended {
    type UdpSocket = Socket;
    type Error = Error;

    fn socket(&mut self) -> Result<Socket, Error> {
        self.stack.socket()
    }

    fn connect(&mut self, socket: &mut Socket, remote: SocketAddr) -> Result<(), Error> {
        self.stack.connect(socket, remote)
    }

    fn send(&mut self, socket: &mut Socket, buffer: &[u8]) -> nb::Result<(), Error> {
        let sent = self.stack.send(socket, buffer);
        self.tasks.settle();
        sent
    }

    fn receive(
        &mut self,
        socket: &mut Socket,
        buffer: &mut [u8],
    ) -> nb::Result<(usize, SocketAddr), Error> {
        self.stack.receive(socket, buffer)
    }

    fn close(&mut self, socket: Socket) -> Result<(), Error> {
        self.stack.close(socket)
    }
}

impl UdpFullStack for Attended {
    fn bind(&mut self, socket: &mut Socket, local_port: u16) -> Result<(), Error> {
        self.stack.bind(socket, local_port)
    }

    fn send_to(
        &mut self,
        socket: &mut Socket,
        remote: SocketAddr,
        buffer: &[u8],
    ) -> nb::Result<(), Error> {
        let sent = self.stack.send_to(socket, remote, buffer);
        self.tasks.settle();
        sent
    }
}

impl UdpMulticast for Attended {
    fn join_multicast(
        &mut self,
        socket: &mut Socket,
        group: IpAddr,
        interface: Interface,
    ) -> Result<(), Error> {
        let joined = self.stack.join_multicast(socket, group, interface);
        self.tasks.settle();
        joined
    }

    fn leave_multicast(
        &mut self,
        socket: &mut Socket,
        group: IpAddr,
        interface: Interface,
    ) -> Result<(), Error> {
        self.stack.leave_multicast(socket, group, interface)
    }
}

impl UdpMulticastSend for Attended {
    fn set_multicast_interface(
        &mut self,
        socket: &mut Socket,
        interface: Interface,
    ) -> Result<(), Error> {
        self.stack.set_multicast_interface(socket, interface)
    }

    fn set_multicast_hop_limit(&mut self, socket: &mut Socket, hop_limit: u8) -> Result<(), Error> {
        self.stack.set_multicast_hop_limit(socket, hop_limit)
    }

    fn set_multicast_loop(&mut self, socket: &mut Socket, on: bool) -> Result<(), Error> {
        self.stack.set_multicast_loop(socket, on)
    }
}

impl UdpReceiveLocal for Attended {
    fn receive_local(
        &mut self,
        socket: &mut Socket,
        buffer: &mut [u8],
    ) -> nb::Result<(usize, SocketAddr, SocketAddr), Error> {
        UdpReceiveLocal::receive_local(&mut self.stack, socket, buffer)
    }
}
