//! A member of a sealed group.

use core::hint::black_box;

use groupcast::multicast::UdpMulticast;
use groupcast::seal::{Entropy, GroupKey, KeySet, Seal};
#[cfg(feature = "leaf")]
use groupcast::LeafNode;
use groupcast::{Config, Instant};
#[cfg(not(feature = "leaf"))]
use groupcast::{Memory, Node};

fn keys() -> KeySet {
    let mut keys = KeySet::new(GroupKey::new(black_box([7; 32])));
    let _ = black_box(keys.accept(GroupKey::new(black_box([8; 32]))));
    keys
}

fn entropy() -> Entropy<'static> {
    let entropy = Entropy::new().with_random(black_box(&[1, 2, 3])).with_device(black_box(b"chip"));
    entropy.with_starts(black_box(4))
}

#[cfg(not(feature = "leaf"))]
pub(crate) fn open<S: UdpMulticast, M: Memory>(
    stack: S,
    memory: M,
    config: Config,
) -> Option<Node<S, M>> {
    let keys = keys();
    let seal = Seal::new(&keys, entropy()).with_raw(black_box(true));
    Node::sealed(stack, memory, config, seal).ok()
}

#[cfg(feature = "leaf")]
pub(crate) fn open_leaf<S: UdpMulticast, const SENDERS: usize>(
    stack: S,
    config: Config,
) -> Option<LeafNode<S, 512, SENDERS>> {
    let keys = keys();
    let seal = Seal::new(&keys, entropy()).with_raw(black_box(true));
    LeafNode::sealed(stack, config, seal).ok()
}

#[cfg(feature = "leaf")]
pub(crate) fn change_keys_of_leaf<S: UdpMulticast, const SENDERS: usize>(
    node: &mut LeafNode<S, 512, SENDERS>,
    now: Instant,
) {
    let _ = black_box(node.set_keys(now, &keys()));
}

#[cfg(not(feature = "leaf"))]
pub(crate) fn change_keys<S: UdpMulticast, M: Memory>(node: &mut Node<S, M>, now: Instant) {
    let _ = black_box(node.set_keys(now, &keys()));
}
