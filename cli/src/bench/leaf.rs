//! A leaf beside the ends of `groupcast bench throughput`: what a sensor in the group costs the others.

use core::time::Duration;

use groupcast::seal::{Entropy, Seal};
use groupcast::{Channel, Config, LeafNode};
use groupcast_std::{Clock, StdStack, entropy};

use super::meeting;
use super::options::How;
use super::sender::interrupted;
use crate::network::{place, sealing};
use crate::options::Common;
use crate::process::failure::Failure;
use crate::process::signal;

/// What it says, and how often.
const VALUE: Channel = Channel::state(2);
const EVERY: Duration = Duration::from_millis(500);

/// How often it looks at its sockets: as a board's loop does, and so that it does not take a processor from the two
/// ends, which a board would not do either. What it has no room for meanwhile is lost to it.
const LOOK: Duration = Duration::from_millis(1);

/// Takes part until it is ended, as a sensor does.
pub(super) fn run(common: &Common, how: &How) -> Result<(), Failure> {
    let mut node = join(common, how)?;
    let clock = Clock::new();
    let (mut at, mut said) = (Duration::ZERO, 0u32);
    while !signal::end_requested() {
        let now = clock.now();
        let elapsed = Duration::from_micros(now.as_micros());
        if at <= elapsed {
            node.queue(now, VALUE, said.to_string().as_bytes())?;
            (at, said) = (elapsed + EVERY, said.wrapping_add(1));
        }
        while node.poll(now)?.is_some() {}
        std::thread::sleep(LOOK);
    }
    Err(interrupted())
}

fn join(common: &Common, how: &How) -> Result<LeafNode<StdStack>, Failure> {
    let interface = meeting::interface(common);
    let group = place::group_on(common, &interface)?;
    let stack = StdStack::builder()
        .group(group)
        .interface(interface)
        .hop_limit(common.hop_limit)
        .build()?;
    let file = sealing::load(common)?;
    let named = file.as_ref().map(|file| file.group_name().as_str());
    let name = match common.group_name.as_deref().or(named) {
        None => meeting::GROUP_NAME,
        Some(name) => name,
    };
    let config = Config::new(group).with_name("leaf").with_group_name(name);
    let seed = entropy::seed()?;
    let keys = match file {
        Some(file) => Some(file.keys().clone()),
        None => how.sealed.then(meeting::public_keys),
    };
    let node = match keys {
        Some(keys) => {
            let entropy = Entropy::new().with_random(&seed);
            LeafNode::sealed(stack, config, Seal::new(&keys, entropy))
        }
        None => LeafNode::new(stack, config, seed),
    };
    node.map_err(|failed| Failure::Settings(failed.error.to_string()))
}
