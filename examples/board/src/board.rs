//! The start of a board, up to a member of the group.

use groupcast::{Instant, LeafNode, Node};
use groupcast_smoltcp::smoltcp::iface::{self, Interface, SocketSet, SocketStorage};
use groupcast_smoltcp::smoltcp::time;
use groupcast_smoltcp::smoltcp::wire::{EthernetAddress, IpCidr};
use groupcast_smoltcp::{Memory, Stack};
use kit::{Identity, log};
use static_cell::{ConstStaticCell, StaticCell};

use crate::clock::Clock;
use crate::ethernet::Ethernet;

/// The stack of a board.
pub type BoardStack = Stack<'static, &'static mut Ethernet, 2>;

/// A board that has started.
pub struct Board {
    /// Which one it is.
    pub identity: Identity,
    clock: Clock,
}

impl Board {
    /// Starts the clock, and reads which board this is.
    ///
    /// # Panics
    ///
    /// The second time.
    pub fn start(program: &str) -> Self {
        let core = cortex_m::Peripherals::take().expect("this is the first and only time");
        let clock = Clock::start(core.SYST);
        let identity = Identity::read();
        log!("power on: {} as {}", program, identity.name());
        Self { identity, clock }
    }

    /// Starts the Ethernet controller and a stack on it, which lives in this memory.
    ///
    /// # Panics
    ///
    /// The second time.
    pub fn network<const DATAGRAMS: usize, const OCTETS: usize, const MTU: usize>(
        &self,
        memory: &'static mut Memory<2, DATAGRAMS, OCTETS, MTU>,
    ) -> BoardStack {
        // smoltcp's places are not zeros, so they are made here, on the stack first: as a constant they would be in
        // flash.
        static PLACES: StaticCell<[SocketStorage<'static>; 3]> = StaticCell::new();
        static DEVICE: ConstStaticCell<Ethernet> = ConstStaticCell::new(Ethernet::new());
        let mut device = DEVICE.take();
        device.start(self.identity.hardware());
        let config = iface::Config::new(EthernetAddress(self.identity.hardware()).into());
        let mut interface = Interface::new(config, &mut device, time::Instant::ZERO);
        interface.update_ip_addrs(|own| {
            own.push(IpCidr::new(self.identity.address().into(), 24))
                .expect("an interface has room for two addresses");
        });
        let places = PLACES.init_with(|| [SocketStorage::EMPTY; 3]);
        let sockets = SocketSet::new(&mut places[..]);
        Stack::new(interface, device, sockets, memory).with_multicast_loop(false)
    }

    /// Joins the group, which is sealed with the feature `seal`. Ends the program if that cannot be: without random
    /// bytes it is refused, because a session that was there before would give away what it says.
    #[cfg_attr(target_os = "none", inline(never))]
    pub fn join<'s, M: groupcast::Memory>(
        &self,
        stack: &'s BoardStack,
        memory: M,
        burst: u8,
    ) -> Node<&'s BoardStack, M> {
        let node = self.identity.open(burst, |config, start| {
            #[cfg(feature = "seal")]
            let opened = Node::sealed(stack, memory, config, start);
            #[cfg(not(feature = "seal"))]
            let opened = Node::new(stack, memory, config, start);
            opened.map_err(|failed| failed.error)
        });
        self.identity.log_joined(node.id(), node.session());
        node
    }

    /// As [`join`](Self::join), as a leaf.
    #[cfg_attr(target_os = "none", inline(never))]
    pub fn join_as_leaf<'s>(&self, stack: &'s BoardStack, burst: u8) -> LeafNode<&'s BoardStack> {
        let node = self.identity.open(burst, |config, start| {
            #[cfg(feature = "seal")]
            let opened = LeafNode::sealed(stack, config, start);
            #[cfg(not(feature = "seal"))]
            let opened = LeafNode::new(stack, config, start);
            opened.map_err(|failed| failed.error)
        });
        self.identity
            .log_joined(node.leaf().id(), node.leaf().session());
        node
    }

    /// The time since power-on.
    pub fn now(&mut self) -> Instant {
        self.clock.now()
    }

    /// The time since power-on in periods of the processor's clock, 20 ns.
    pub fn ticks(&self) -> u64 {
        self.clock.ticks()
    }

    /// Sleeps until something happens: the clock's next millisecond at the latest.
    pub fn sleep(&self) {
        cortex_m::asm::wfi();
    }
}
