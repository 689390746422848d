//! The start of a board, up to a member of the group.

use core::net::{IpAddr, Ipv4Addr, SocketAddr};

#[cfg(not(feature = "seal"))]
use groupcast::Seed;
#[cfg(feature = "seal")]
use groupcast::seal::{Entropy, GroupKey, KeySet, Seal};
use groupcast::{Config, ConfigError, Error, Instant, LeafNode, MemberId, Node, Session};
use groupcast_smoltcp::smoltcp::iface::{self, Interface, SocketSet, SocketStorage};
use groupcast_smoltcp::smoltcp::time;
use groupcast_smoltcp::smoltcp::wire::{EthernetAddress, IpCidr};
use groupcast_smoltcp::{Memory, Stack};
use static_cell::{ConstStaticCell, StaticCell};

use crate::clock::Clock;
use crate::ethernet::Ethernet;
use crate::options::Options;
use crate::{host, key, log};

/// The group of all programs here.
const GROUP: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(239, 1, 2, 3)), 12345);

/// The member's id, but for the board's number. It is fixed, so that the others see a restart.
const ID: u32 = 0xb0a2_d000;

/// What a member starts with: the keys of the group and entropy, or in an open group a seed.
#[cfg(feature = "seal")]
type Start<'a> = Seal<'a>;
#[cfg(not(feature = "seal"))]
type Start<'a> = Seed;

/// Why it is refused without random bytes.
#[cfg(feature = "seal")]
const NOT_NEW: ConfigError = ConfigError::NotEnoughEntropy;
#[cfg(not(feature = "seal"))]
const NOT_NEW: ConfigError = ConfigError::SeedIsZero;

/// The stack of a board.
pub type BoardStack = Stack<'static, &'static mut Ethernet, 2>;

/// A board that has started.
pub struct Board {
    /// What was asked for.
    pub options: Options,
    clock: Clock,
    number: u8,
    name: [u8; 7],
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
        let options = Options::read();
        let number = options.number();
        let name = [b'b', b'o', b'a', b'r', b'd', b'-', b'0' + number];
        let board = Self {
            options,
            clock,
            number,
            name,
        };
        log!("power on: {} as {}", program, board.name());
        board
    }

    /// What it is called: `board-1`.
    pub fn name(&self) -> &str {
        core::str::from_utf8(&self.name).unwrap_or_default()
    }

    /// What is said to this board: all of it, or what follows the board's name. `None`: another is meant.
    pub fn hears<'t>(&self, text: &'t str) -> Option<&'t str> {
        if !text.starts_with("board-") {
            return Some(text);
        }
        text.strip_prefix(self.name())?.strip_prefix(' ')
    }

    const fn hardware(&self) -> [u8; 6] {
        [0x02, 0, 0, 0, 0, self.number]
    }

    const fn address(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 0, 0, self.number)
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
        device.start(self.hardware());
        let config = iface::Config::new(EthernetAddress(self.hardware()).into());
        let mut interface = Interface::new(config, &mut device, time::Instant::ZERO);
        interface.update_ip_addrs(|own| {
            own.push(IpCidr::new(self.address().into(), 24))
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
        let node = self.open(burst, |config, start| {
            #[cfg(feature = "seal")]
            let opened = Node::sealed(stack, memory, config, start);
            #[cfg(not(feature = "seal"))]
            let opened = Node::new(stack, memory, config, start);
            opened.map_err(|failed| failed.error)
        });
        log_joined(self.number, node.id(), node.session());
        node
    }

    /// As [`join`](Self::join), as a leaf.
    #[cfg_attr(target_os = "none", inline(never))]
    pub fn join_as_leaf<'s>(&self, stack: &'s BoardStack, burst: u8) -> LeafNode<&'s BoardStack> {
        let node = self.open(burst, |config, start| {
            #[cfg(feature = "seal")]
            let opened = LeafNode::sealed(stack, config, start);
            #[cfg(not(feature = "seal"))]
            let opened = LeafNode::new(stack, config, start);
            opened.map_err(|failed| failed.error)
        });
        log_joined(self.number, node.leaf().id(), node.leaf().session());
        node
    }

    /// The settings of this board, and what it starts with.
    fn open<T, E: core::fmt::Debug>(
        &self,
        burst: u8,
        join: impl FnOnce(Config, Start<'_>) -> Result<T, Error<E>>,
    ) -> T {
        let config = Config::new(GROUP)
            .with_group_name(key::GROUP_NAME)
            .with_name(self.name())
            .with_receive_burst(burst);
        let config = match MemberId::new(ID | u32::from(self.number)) {
            Some(id) => config.with_id(id),
            None => config,
        };
        let random = host::random().filter(|_| !self.options.has("no-entropy"));
        #[cfg(feature = "seal")]
        let hardware = self.hardware();
        #[cfg(feature = "seal")]
        let keys = KeySet::new(GroupKey::new(key::KEY));
        #[cfg(feature = "seal")]
        let start = Seal::new(
            &keys,
            Entropy::new()
                .with_device(&hardware)
                .with_random(random.as_ref().map_or(&[], |octets| &octets[..])),
        );
        #[cfg(not(feature = "seal"))]
        let start = Seed::from(random.unwrap_or_default());
        match join(config, start) {
            Ok(node) => node,
            Err(error) => {
                if matches!(error, Error::Config(NOT_NEW)) {
                    log!("refused: nothing here is new at every start");
                } else {
                    log!("refused: the settings or the network");
                }
                host::exit(false);
            }
        }
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

fn log_joined(number: u8, id: MemberId, session: Session) {
    #[cfg(not(feature = "seal"))]
    log!(
        "joins 239.1.2.3:12345 from 10.0.0.{}, open, id {:08x}, session {:016x}",
        u32::from(number),
        id.get(),
        session.get()
    );
    #[cfg(feature = "seal")]
    log!(
        "joins 239.1.2.3:12345 from 10.0.0.{}, sealed, id {:08x}, session {:016x}",
        u32::from(number),
        id.get(),
        session.get()
    );
}
