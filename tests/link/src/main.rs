//! A node on a network stack that only loops back, or on smoltcp, linked with nothing else: what is in
//! this program is all that Groupcast needs.
//!
//! It is linked, not run. `tests/labs/bare-metal` builds it and looks at what the linker took.

#![no_std]
#![no_main]

#[cfg(feature = "by-hand")]
mod by_hand;
#[cfg(feature = "leaf")]
mod leaf;
#[cfg(feature = "log")]
mod log;
#[cfg(not(feature = "smoltcp"))]
mod loopback;
#[cfg(not(any(feature = "nothing", feature = "leaf", feature = "task")))]
mod node;
#[cfg(feature = "nothing")]
mod nothing;
mod panic;
#[cfg(feature = "profiles")]
mod profiles;
#[cfg(feature = "seal")]
mod seal;
#[cfg(feature = "sign")]
mod sign;
#[cfg(feature = "smoltcp")]
mod smoltcp;
#[cfg(feature = "task")]
mod task;

use core::hint::black_box;
use core::net::{IpAddr, Ipv4Addr, SocketAddr};

const GROUP: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(239, 1, 2, 3)), 12345);

/// Where the linker starts. `black_box` hides from the compiler what it could compute beforehand.
#[unsafe(no_mangle)]
extern "C" fn _start() {
    #[cfg(feature = "use-allocator")]
    allocator::use_it();
    #[cfg(feature = "use-panic")]
    panic::cause_it();

    #[cfg(feature = "profiles")]
    profiles::run();

    #[cfg(feature = "log")]
    log::run(black_box(groupcast::Config::new(GROUP)));

    #[cfg(feature = "sign")]
    sign::run(black_box(GROUP));

    #[cfg(feature = "by-hand")]
    by_hand::run(black_box(groupcast::Config::new(GROUP)), black_box(GROUP));

    #[cfg(feature = "smoltcp")]
    smoltcp::run(black_box(GROUP));
    #[cfg(feature = "leaf")]
    leaf::run(loopback::Loopback::new(), black_box(GROUP));
    #[cfg(feature = "task")]
    task::run(loopback::Loopback::new(), black_box(GROUP));
    #[cfg(not(any(
        feature = "smoltcp",
        feature = "nothing",
        feature = "leaf",
        feature = "task"
    )))]
    node::run(loopback::Loopback::new(), black_box(GROUP), |_| {});
    #[cfg(feature = "nothing")]
    nothing::run(loopback::Loopback::new(), black_box(GROUP));
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
