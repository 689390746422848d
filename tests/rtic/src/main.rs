//! A node in an application of RTIC: a resource owns it, and with it the network. The interrupts of the Ethernet
//! controller and of a timer take turns with it, and the processor sleeps between.

#![no_std]
#![no_main]

mod device;

use cortex_m::peripheral::SCB;

/// What is there to be done about a panic: nothing but to begin anew.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    SCB::sys_reset()
}

#[rtic::app(device = lm3s6965)]
mod app {
    use core::net::{IpAddr, Ipv4Addr, SocketAddr};

    use cortex_m::peripheral::syst::SystClkSource;
    use groupcast::{Channel, Config, Event, Instant, Node, Seed, Tiny};
    use groupcast_smoltcp::v0_12::smoltcp::iface::{self, Interface, SocketSet, SocketStorage};
    use groupcast_smoltcp::v0_12::smoltcp::time;
    use groupcast_smoltcp::v0_12::smoltcp::wire::{EthernetAddress, IpCidr};
    use groupcast_smoltcp::v0_12::{Memory, PLACES, Stack};

    use crate::device::Controller;

    /// The network of this board.
    type Network = Stack<'static, Controller, 2>;
    type Sockets = Memory<2, 4, 2400, 1500>;

    const GROUP: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(239, 1, 2, 3)), 12345);
    const BUTTONS: Channel = Channel::reliable_ordered(1);
    const PROCESSOR_HZ: u32 = 12_000_000;
    const TICKS_PER_SECOND: u32 = 100;

    #[shared]
    struct Shared {
        node: Node<Network, &'static mut Tiny>,
        ticks: u64,
    }

    #[local]
    struct Local {}

    #[init(local = [
        places: [SocketStorage<'static>; PLACES] = [SocketStorage::EMPTY; PLACES],
        sockets: Sockets = Sockets::new(),
        storage: Tiny = Tiny::new(),
    ])]
    fn init(cx: init::Context) -> (Shared, Local) {
        let mut timer = cx.core.SYST;
        timer.set_clock_source(SystClkSource::Core);
        timer.set_reload(PROCESSOR_HZ / TICKS_PER_SECOND - 1);
        timer.enable_interrupt();
        timer.enable_counter();
        let mut device = Controller::new();
        let config = iface::Config::new(EthernetAddress([2, 0, 0, 0, 0, 1]).into());
        let mut interface = Interface::new(config, &mut device, time::Instant::ZERO);
        interface.update_ip_addrs(|own| {
            let _ = own.push(IpCidr::new(Ipv4Addr::new(10, 0, 0, 1).into(), 24));
        });
        let sockets = SocketSet::new(&mut cx.local.places[..]);
        let stack = Stack::new(interface, device, sockets, cx.local.sockets);
        // Of a board: the serial number of its chip, and how often it has started.
        let seed = Seed::from_device(&[1, 2, 3, 4], 1);
        let config = Config::new(GROUP).with_name("button");
        let Ok(node) = Node::new(stack, cx.local.storage, config, seed) else {
            panic!("the memory is too small for this group");
        };
        (Shared { node, ticks: 0 }, Local {})
    }

    /// A frame has arrived, or there is room for one.
    #[task(binds = ETHERNET, priority = 2, shared = [node, ticks])]
    fn ethernet(cx: ethernet::Context) {
        let ethernet::SharedResources { node, ticks, .. } = cx.shared;
        (node, ticks).lock(|node, ticks| turn(node, at(*ticks)));
    }

    /// Time has passed.
    #[task(binds = SysTick, priority = 1, shared = [node, ticks])]
    fn tick(cx: tick::Context) {
        let tick::SharedResources { node, ticks, .. } = cx.shared;
        (node, ticks).lock(|node, ticks| {
            *ticks += 1;
            let now = at(*ticks);
            let due = [node.stack().next_deadline(), node.next_deadline()];
            if due.into_iter().flatten().any(|due| due <= now) {
                turn(node, now);
            }
        });
    }

    /// Somebody presses the button.
    #[task(binds = GPIOA, priority = 1, shared = [node, ticks])]
    fn button(cx: button::Context) {
        let button::SharedResources { node, ticks, .. } = cx.shared;
        (node, ticks).lock(|node, ticks| {
            let now = at(*ticks);
            let _ = node.queue(now, BUTTONS, b"pressed");
            turn(node, now);
        });
    }

    /// What in a firmware without interrupts is the main loop.
    fn turn(node: &mut Node<Network, &'static mut Tiny>, now: Instant) {
        node.stack().poll(now);
        while let Ok(Some(event)) = node.poll(now) {
            if let Event::Message(message) = event {
                let _ = core::hint::black_box(message.payload());
            }
        }
    }

    fn at(ticks: u64) -> Instant {
        Instant::from_micros(ticks * u64::from(1_000_000 / TICKS_PER_SECOND))
    }
}
