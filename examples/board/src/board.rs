//! The start of a board, up to a member of the group.

use groupcast::{Instant, LeafNode, Node};
use groupcast_smoltcp::smoltcp::iface::{self, Interface, SocketSet, SocketStorage};
use groupcast_smoltcp::smoltcp::time;
use groupcast_smoltcp::smoltcp::wire::{EthernetAddress, IpCidr};
use groupcast_smoltcp::{Memory, Stack};
use kit::{Identity, Wakes, log};
use static_cell::{ConstStaticCell, StaticCell};

use crate::clock;
use crate::ethernet::{self, Ethernet};
use crate::interrupt::Interrupt;

/// The stack of a board.
pub type BoardStack = Stack<'static, &'static mut Ethernet, 2>;

/// A board that has started.
pub struct Board {
    /// Which one it is.
    pub identity: Identity,
}

impl Board {
    /// Starts the clock, and reads which board this is.
    pub fn start(program: &str) -> Self {
        clock::start();
        let identity = Identity::read();
        log!("power on: {} as {}", program, identity.name());
        Wakes::report_every(identity.options.value("wakes").unwrap_or(0));
        Self { identity }
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
    pub fn now(&self) -> Instant {
        clock::now()
    }

    /// The time in periods of the processor's clock, 20 ns. They wrap after 85 s.
    pub fn ticks(&self) -> u32 {
        clock::ticks()
    }

    /// Sleeps until the earliest of these deadlines, or until a frame arrives; not at all if either is there already.
    /// After 43 s at the latest, half a round of the counter, the loop has a turn all the same, for the clock to count on.
    ///
    /// No interrupt is ever handled: it ends the sleep, and that is all. What comes between the last look and the sleep
    /// waits, and ends it at once.
    pub fn sleep(&self, deadlines: impl IntoIterator<Item = Option<Instant>>) {
        let deadline = deadlines.into_iter().flatten().min();
        let woken_by_network = cortex_m::interrupt::free(|_| {
            ethernet::acknowledge();
            Interrupt::Ethernet.allow();
            Interrupt::Alarm.allow();
            let sleeps = !ethernet::frame_waits() && clock::set_alarm(deadline);
            if sleeps {
                cortex_m::asm::wfi();
            }
            clock::end_alarm();
            Interrupt::Alarm.forbid();
            Interrupt::Ethernet.forbid();
            sleeps.then(ethernet::frame_waits)
        });
        Wakes::count_turn();
        if let Some(by_network) = woken_by_network {
            Wakes::count(by_network);
        }
    }
}
