//! What `defmt` makes of the types, with a logger that writes nowhere.

use core::hint::black_box;

use groupcast::{Config, Node, TickClock, Tiny};

defmt::timestamp!("");

#[defmt::global_logger]
struct Nowhere;

unsafe impl defmt::Logger for Nowhere {
    fn acquire() {}
    unsafe fn flush() {}
    unsafe fn release() {}
    unsafe fn write(bytes: &[u8]) {
        black_box(bytes);
    }
}

/// Prints one of each kind: what is derived, what is written by hand, and what has a key.
pub(crate) fn run(config: Config) {
    defmt::error!("{} {} {}", config, TickClock::new(1_000), Tiny::LIMIT);
    let mut memory = Tiny::new();
    let stack = crate::loopback::Loopback::new();
    if let Ok(mut node) = Node::new(stack, &mut memory, config, [1; 32]) {
        defmt::error!("{}", node);
        if let Ok(Some(event)) = node.poll(groupcast::Instant::ZERO) {
            defmt::error!("{}", event);
        }
    }
}
