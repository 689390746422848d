//! All of a leaf, on any stack: one that listens, or one that only sends.

use core::hint::black_box;
use core::net::SocketAddr;

use groupcast::multicast::UdpMulticast;
use groupcast::{Channel, Class, Config, Event, Instant, LeafNode};

#[cfg(feature = "seal")]
use crate::seal;

/// How many senders it listens to.
const SENDERS: usize = if cfg!(feature = "leaf-deaf") { 0 } else { 4 };

/// Joins a group, does everything once, and leaves.
pub(crate) fn run<S: UdpMulticast>(stack: S, group: SocketAddr) {
    let config = black_box(Config::new(group).with_name("link"));
    #[cfg(feature = "seal")]
    let opened = seal::open_leaf(stack, config);
    #[cfg(not(feature = "seal"))]
    let opened = LeafNode::new(stack, config, black_box([7; 32])).ok();
    let Some(mut node): Option<LeafNode<S, 512, SENDERS>> = opened else {
        return;
    };
    let mut now = Instant::ZERO;
    while !node.has_left() {
        now = black_box(node.next_deadline().unwrap_or(now));
        while let Ok(Some(event)) = node.poll(now) {
            match event {
                Event::Message(message) => {
                    black_box((message.sender(), message.payload()));
                }
                Event::Raw(raw) => {
                    black_box(raw.payload());
                }
                other => {
                    black_box(other);
                }
            }
        }
        let payload = black_box([0_u8; 64].as_slice());
        for channel in [Channel::best_effort(1), Channel::state(2), Channel::latest(3)] {
            let _ = black_box(node.queue(now, channel, payload).is_ok());
        }
        let _ = black_box(node.queue_raw(now, payload).is_ok());
        #[cfg(feature = "seal")]
        seal::change_keys_of_leaf(&mut node, now);
        let leaf = node.leaf();
        black_box((*leaf.counters(), leaf.id(), leaf.session()));
        black_box(leaf.max_message(Class::BestEffort));
        if black_box(true) {
            node.leave(now);
        }
    }
    let _ = black_box(node.close().is_ok());
}
