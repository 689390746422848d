//! The group without its driver.
//!
//! Nothing is written out as text here: the standard library's code for numbers has a panic of its
//! own, which no argument can reach, but no linker knows that.

use core::hint::black_box;
use core::net::SocketAddr;

use groupcast::{Channel, Class, Config, Group, Instant, Tiny};

pub(crate) fn run(config: Config, from: SocketAddr) {
    let mut storage = Tiny::new();
    let Ok(mut group) = Group::new(&mut storage, config, black_box([7; 32])) else {
        return;
    };
    let mut now = Instant::ZERO;
    let mut buffer = [0; 1472];
    while !group.has_left() {
        now = black_box(group.next_deadline().unwrap_or(now));
        let _ = black_box(group.handle(now, from, black_box([0_u8; 99].as_slice())));
        group.handle_timeout(now);
        while let Some(event) = group.poll_event() {
            black_box(event);
        }
        let _ = black_box((group.poll_transmit(now, &mut buffer), &buffer));
        let payload = black_box([0_u8; 64].as_slice());
        let _ = black_box(group.queue(now, Channel::best_effort(1), payload));
        let _ = black_box(group.queue_raw(now, payload));
        for member in group.peers() {
            black_box((member.id(), member.name()));
        }
        black_box((*group.counters(), group.counters().dropped()));
        black_box((group.id(), group.session(), group.max_message(Class::BestEffort)));
        group.leave(now);
    }
}
