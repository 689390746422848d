//! The start of a board, up to a member of the group.

use core::net::Ipv4Addr;

use embassy_executor::Spawner;
use embassy_net::{Config, Ipv4Cidr, Runner, Stack, StackResources, StaticConfigV4};
use groupcast::Memory;
use groupcast_embassy::{Buffers, EmbassyStack};
use kit::{Identity, Wakes, host, log};
use static_cell::{ConstStaticCell, StaticCell};

use crate::clock;
use crate::ethernet::Ethernet;
use crate::wake;

/// What a member needs: a socket for the group and its own, and what sends for them.
const SOCKETS: usize = 2;
const PLACES: usize = SOCKETS + 2;

/// Routers ask all hosts which groups they want.
const ALL_HOSTS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 1);

/// A member of the group.
pub type Member<M> = groupcast_embassy::Member<'static, M, SOCKETS>;

#[embassy_executor::task]
async fn network(mut runner: Runner<'static, &'static mut Ethernet>) -> ! {
    runner.run().await
}

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

    /// Starts the Ethernet controller and embassy-net on it, whose task runs from now on.
    ///
    /// # Panics
    ///
    /// The second time.
    pub fn network(&self, spawner: Spawner) -> Stack<'static> {
        static DEVICE: ConstStaticCell<Ethernet> = ConstStaticCell::new(Ethernet::new());
        static RESOURCES: StaticCell<StackResources<PLACES>> = StaticCell::new();
        let device = DEVICE.take();
        device.start(self.identity.hardware(), &[ALL_HOSTS, Identity::GROUP]);
        let config = Config::ipv4_static(StaticConfigV4 {
            address: Ipv4Cidr::new(self.identity.address(), 24),
            gateway: None,
            dns_servers: Default::default(),
        });
        let [a, b, c, d, e, f, g, h, ..] = host::random().unwrap_or_default();
        let random = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
        let resources = RESOURCES.init_with(StackResources::new);
        let (stack, runner) = embassy_net::new(device, config, resources, random);
        spawner.spawn(network(runner).expect("it is spawned once"));
        stack
    }

    /// Joins the group, which is sealed with the feature `seal`. Ends the program if that cannot be.
    pub fn join<M: Memory, const DATAGRAMS: usize, const BYTES: usize, const MTU: usize>(
        &self,
        stack: Stack<'static>,
        buffers: &'static mut Buffers<SOCKETS, DATAGRAMS, BYTES, MTU>,
        memory: M,
    ) -> Member<M> {
        let stack = EmbassyStack::new(stack, buffers);
        // The stack knows how many datagrams it receives at once.
        let member = self.identity.open(0, |config, start| {
            #[cfg(feature = "seal")]
            let joined = stack.join_sealed(memory, config, start);
            #[cfg(not(feature = "seal"))]
            let joined = stack.join(memory, config, start);
            joined
        });
        let node = member.node();
        self.identity.log_joined(node.id(), node.session());
        member
    }

    /// Ends the emulator, and logs how often the board woke up.
    pub fn end(well: bool) -> ! {
        let Wakes { timer, network, .. } = Wakes::now();
        log!(
            "wake-ups: {} by the timer, {} by the network; the member's task was polled {} times",
            timer,
            network,
            wake::polls()
        );
        log!("frames dropped by the driver: {}", Ethernet::dropped());
        host::exit(well)
    }
}
