//! All of a node, on any stack.

use core::hint::black_box;
use core::net::SocketAddr;

use groupcast::multicast::UdpMulticast;
#[cfg(not(feature = "peer"))]
use groupcast::Tiny as Memory;
#[cfg(feature = "peer")]
use groupcast::TinyPeer as Memory;
use groupcast::{Channel, Class, Config, Event, Instant};

#[cfg(feature = "seal")]
use crate::seal;

/// Joins a group, does everything once, and leaves. `poll` is what the stack needs in every turn.
pub(crate) fn run<S: UdpMulticast>(stack: S, group: SocketAddr, poll: impl Fn(Instant)) {
    let mut storage = Memory::new();
    let config = black_box(Config::new(group).with_name("link"));
    #[cfg(feature = "seal")]
    let opened = seal::open(stack, &mut storage, config);
    #[cfg(not(feature = "seal"))]
    let opened = groupcast::Node::new(stack, &mut storage, config, black_box([7; 32])).ok();
    let Some(mut node) = opened else {
        return;
    };
    let mut now = Instant::ZERO;
    while !node.has_left() {
        now = black_box(node.next_deadline().unwrap_or(now));
        poll(now);
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
            if let Ok(sequence) = black_box(node.queue(now, channel, payload)) {
                let _ = black_box(node.confirm(now, sequence));
            }
        }
        let _ = black_box(node.queue_raw(now, payload));
        #[cfg(feature = "seal")]
        seal::change_keys(&mut node, now);
        for member in node.peers() {
            black_box((member.id(), member.address(), member.status()));
        }
        black_box(*node.counters());
        black_box((node.id(), node.session(), node.max_message(Class::BestEffort)));
        if black_box(true) {
            node.leave(now);
        }
    }
    let _ = black_box(node.close().is_ok());
}
