//! What the simulated network promises: faults, partitions, the stacks' contract, the accounts.

mod accounts;
mod applications;
mod contract;
mod faults;
mod leaves;
mod partitions;

use core::net::{IpAddr, Ipv4Addr, SocketAddr};

use groupcast::Instant;
use groupcast::embedded_nal::{UdpClientStack, UdpFullStack, nb};
use groupcast::multicast::{Interface, UdpMulticast};
use groupcast_sim::{HostId, Network, SimError, SimSocket, SimStack};

const GROUP: IpAddr = IpAddr::V4(Ipv4Addr::new(239, 1, 2, 3));
const PORT: u16 = 12345;
const TO_GROUP: SocketAddr = SocketAddr::new(GROUP, PORT);

/// A stack and a socket that joined the group.
struct Member {
    stack: SimStack,
    socket: SimSocket,
}

impl Member {
    /// A member on a new host.
    fn new(network: &Network) -> Self {
        Self::on(network, network.add_host())
    }

    fn on(network: &Network, host: HostId) -> Self {
        let mut member = Self::unbound(network, host);
        member.stack.bind(&mut member.socket, PORT).unwrap();
        member.join(GROUP).unwrap();
        member
    }

    fn unbound(network: &Network, host: HostId) -> Self {
        let mut stack = network.stack(host);
        let socket = stack.socket().unwrap();
        Self { stack, socket }
    }

    fn host(&self) -> HostId {
        self.stack.host()
    }

    fn join(&mut self, group: IpAddr) -> Result<(), SimError> {
        self.stack
            .join_multicast(&mut self.socket, group, Interface::Default)
    }

    fn leave(&mut self, group: IpAddr) -> Result<(), SimError> {
        self.stack
            .leave_multicast(&mut self.socket, group, Interface::Default)
    }

    fn bind(&mut self, port: u16) -> Result<(), SimError> {
        self.stack.bind(&mut self.socket, port)
    }

    fn send_to(&mut self, remote: SocketAddr, payload: &[u8]) -> nb::Result<(), SimError> {
        self.stack.send_to(&mut self.socket, remote, payload)
    }

    fn send(&mut self, payload: &[u8]) {
        self.send_to(TO_GROUP, payload).unwrap();
    }

    fn receive(&mut self) -> nb::Result<(Vec<u8>, SocketAddr), SimError> {
        let mut buffer = [0; 2048];
        let (length, source) = self.stack.receive(&mut self.socket, &mut buffer)?;
        Ok((buffer[..length].to_vec(), source))
    }

    /// Everything that waits.
    fn drain(&mut self) -> Vec<Vec<u8>> {
        core::iter::from_fn(|| self.receive().ok())
            .map(|(payload, _)| payload)
            .collect()
    }
}

/// Lets everything arrive that arrives by `end`; passes on what the members receive, and when.
fn run_until(
    network: &Network,
    end: Instant,
    members: &mut [&mut Member],
    mut received: impl FnMut(usize, Instant, Vec<u8>),
) {
    while network.now() < end {
        network.advance_to(network.next_arrival().map_or(end, |at| at.min(end)));
        for (index, member) in members.iter_mut().enumerate() {
            for payload in member.drain() {
                received(index, network.now(), payload);
            }
        }
    }
}
