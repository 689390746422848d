//! A node on a network stack that only loops back, linked with nothing else: what is in this program
//! is all that Groupcast needs.
//!
//! It is linked, not run. `tests/labs/bare-metal` builds it and looks at what the linker took.

#![no_std]
#![no_main]

#[cfg(feature = "by-hand")]
mod by_hand;
mod loopback;
mod panic;
#[cfg(feature = "seal")]
mod seal;

use core::hint::black_box;
use core::net::{IpAddr, Ipv4Addr, SocketAddr};

use groupcast::{Channel, Class, Config, Event, Instant, Node, Tiny};
use loopback::Loopback;

const GROUP: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(239, 1, 2, 3)), 12345);

/// Where the linker starts. `black_box` hides from the compiler what it could compute beforehand.
#[unsafe(no_mangle)]
extern "C" fn _start() {
    #[cfg(feature = "use-allocator")]
    allocator::use_it();
    #[cfg(feature = "use-panic")]
    panic::cause_it();

    #[cfg(feature = "seal")]
    seal::run(black_box(GROUP));

    #[cfg(feature = "by-hand")]
    by_hand::run(black_box(Config::new(GROUP)), black_box(GROUP));

    let mut storage = Tiny::new();
    let config = black_box(Config::new(GROUP).with_name("link"));
    let Ok(mut node) = Node::new(Loopback::new(), &mut storage, config, black_box([7; 32])) else {
        return;
    };
    let mut now = Instant::ZERO;
    while !node.has_left() {
        now = black_box(node.next_deadline().unwrap_or(now));
        while let Ok(Some(event)) = node.poll(now) {
            match event {
                Event::Message(message) => {
                    black_box((message.name(), message.sender(), message.text()));
                }
                Event::Raw(raw) => {
                    black_box(raw.text());
                }
                other => {
                    black_box(other);
                }
            }
        }
        let payload = black_box([0_u8; 64].as_slice());
        for channel in [Channel::best_effort(1), Channel::state(2), Channel::reliable_ordered(3)] {
            if let Ok(sequence) = black_box(node.send(now, channel, payload)) {
                node.confirm(now, sequence, sequence);
            }
        }
        let _ = black_box(node.send_raw(now, payload));
        for member in node.members() {
            black_box((member.id(), member.address(), member.standing()));
        }
        black_box(*node.counters());
        black_box((node.id(), node.session(), node.max_message(Class::BestEffort)));
        if black_box(true) {
            node.leave(now);
        }
    }
    let _ = black_box(node.close().is_ok());
}

#[cfg(feature = "use-allocator")]
mod allocator {
    extern crate alloc;

    use core::alloc::{GlobalAlloc, Layout};

    struct Nothing;

    unsafe impl GlobalAlloc for Nothing {
        unsafe fn alloc(&self, _: Layout) -> *mut u8 {
            core::ptr::null_mut()
        }

        unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
    }

    #[global_allocator]
    static NOTHING: Nothing = Nothing;

    pub(crate) fn use_it() {
        core::hint::black_box(alloc::vec![core::hint::black_box(1_u8); 64]);
    }
}
