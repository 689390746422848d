//! The rig over the simulated network.

use core::net::IpAddr;
use core::time::Duration;

use groupcast_sim::{Link, Network, SimSocket, SimStack};

use crate::rig::{Place, Rig};

/// [`SimStack`], each on a host of its own, on virtual time.
#[derive(Debug)]
pub struct Simulated {
    network: Network,
    place: Place,
}

impl Rig for Simulated {
    type Stack = SimStack;

    fn new() -> Self {
        Self {
            network: Network::new(1).with_link(Link::lan().in_order()),
            place: Place::new(),
        }
    }

    fn place(&self) -> Place {
        self.place
    }

    fn stack(&mut self) -> SimStack {
        self.network.stack(self.network.add_host())
    }

    fn address(&self, stack: &SimStack) -> IpAddr {
        stack.host().ipv4().into()
    }

    fn largest(&self) -> usize {
        // An Ethernet frame without IP and UDP headers: nothing is fragmented here.
        1472
    }

    const BOTH_FAMILIES: bool = true;

    fn wait(&mut self, stack: &mut SimStack, _: &SimSocket, at_most: Duration) {
        let end = self.network.now() + at_most;
        while !self.network.is_ready(stack.host()) {
            match self.network.next_arrival().filter(|at| *at <= end) {
                Some(at) => self.network.advance_to(at),
                None => return self.network.advance_to(end),
            }
        }
    }
}
