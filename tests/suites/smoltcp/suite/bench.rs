//! Hosts on an Ethernet, looked at frame by frame.

use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::time::Duration;

use super::rig::{LeakedStack, host, host_addresses, leaked_stack};
use super::smoltcp::wire::{IpCidr, Ipv4Cidr};
use embedded_nal::{UdpClientStack, UdpFullStack, nb};
use groupcast::Instant;
use groupcast::multicast::{Interface, UdpMulticast};
use groupcast_smoltcp::Socket;
use groupcast_tests::ether::{Ether, Port};

pub(crate) const PORT: u16 = 12345;
pub(crate) const GROUP: IpAddr = IpAddr::V4(Ipv4Addr::new(239, 1, 2, 3));
pub(crate) const GROUP_SOCKET: SocketAddr = SocketAddr::new(GROUP, PORT);

/// Hosts on an Ethernet, and the time.
pub(crate) struct Bench {
    pub(crate) ether: Ether,
    pub(crate) hosts: Vec<LeakedStack<Port>>,
    pub(crate) now: Instant,
}

impl Bench {
    pub(crate) fn new(hosts: usize) -> Self {
        let ether = Ether::new(1);
        let hosts = (0..hosts).map(|_| host(&ether)).collect();
        Self {
            ether,
            hosts,
            now: Instant::ZERO,
        }
    }

    /// Polls every host each millisecond, for this long.
    pub(crate) fn run_for(&mut self, interval: Duration) {
        let end = self.now + interval;
        while self.now < end {
            self.now += Duration::from_millis(1);
            for host in &self.hosts {
                host.poll(self.now);
            }
        }
    }

    pub(crate) fn settle(&mut self) {
        self.run_for(Duration::from_millis(10));
    }

    /// IGMP messages that a host has sent since the last call: their types.
    pub(crate) fn igmp(&self, host: usize) -> Vec<u8> {
        let frames = self.ether.take_sent(host).into_iter();
        frames
            .filter(|frame| frame[12..14] == [0x08, 0x00] && frame[23] == 2)
            .map(|frame| frame[14 + usize::from(frame[14] & 0x0f) * 4])
            .collect()
    }

    /// ARP requests that a host has sent since the last call.
    pub(crate) fn arp_requests(&self, host: usize) -> usize {
        let frames = self.ether.take_sent(host).into_iter();
        let request = |frame: &Vec<u8>| frame[12..14] == [0x08, 0x06] && frame[21] == 1;
        frames.filter(request).count()
    }

    /// Hop limits of the UDP packets over IPv4 that a host has sent since the last call.
    pub(crate) fn hop_limits(&self, host: usize) -> Vec<u8> {
        let frames = self.ether.take_sent(host).into_iter();
        frames
            .filter(|frame| frame[12..14] == [0x08, 0x00] && frame[23] == 17)
            .map(|frame| frame[22])
            .collect()
    }
}

pub(crate) const IGMP_REPORT: u8 = 0x16;
pub(crate) const IGMP_LEAVE: u8 = 0x17;

pub(crate) fn bound(mut stack: LeakedStack<Port>, port: u16) -> Socket {
    let mut socket = stack.socket().unwrap();
    stack.bind(&mut socket, port).unwrap();
    socket
}

pub(crate) fn member(mut stack: LeakedStack<Port>, group: IpAddr) -> Socket {
    let mut socket = bound(stack, PORT);
    stack
        .join_multicast(&mut socket, group, Interface::Default)
        .unwrap();
    socket
}

/// A host's IPv4 address.
pub(crate) fn address(number: usize) -> IpAddr {
    host_addresses(number).1.into()
}

/// A host without an address yet.
pub(crate) fn nameless(ether: &Ether) -> LeakedStack<Port> {
    let port = ether.plug();
    let hardware = host_addresses(port.number()).0;
    leaked_stack::<1500, _>(hardware.into(), &[], port, false)
}

pub(crate) fn set_address(stack: LeakedStack<Port>, address: Ipv4Addr) {
    stack.with(|interface, _| {
        interface.update_ip_addrs(|own| {
            own.clear();
            own.push(IpCidr::Ipv4(Ipv4Cidr::new(address, 24))).unwrap();
        });
    });
}

pub(crate) fn receive(mut stack: LeakedStack<Port>, socket: &mut Socket) -> Option<Vec<u8>> {
    let mut buffer = [0; 1500];
    match stack.receive(socket, &mut buffer) {
        Ok((length, _)) => Some(buffer[..length].to_vec()),
        Err(nb::Error::WouldBlock) => None,
        Err(nb::Error::Other(error)) => panic!("{error}"),
    }
}
