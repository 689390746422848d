//! What a group costs as it grows, on the simulated network: processor time for each datagram received.
//!
//! All members run in this process, on virtual time, so a thousand of them can be measured on one
//! machine. The cost is that of the engine and of the simulated network together.

use core::net::{Ipv4Addr, SocketAddr};
use core::time::Duration;
use std::thread;

use groupcast::seal::FirstContact;
use groupcast::{Config, Pace, SendError};
use groupcast_sim::{Link, MemberKey, Roomy, SimNet};

use serde::Serialize;

use super::cpu::CpuTime;
use super::meeting;
use super::options::How;
use super::payload;
use crate::process::failure::Failure;
use crate::sim::runs::STACK;

/// Datagrams to be received in all in each second that is asked for, and how many messages that may take.
const RECEPTIONS: f64 = 200_000.0;
const MESSAGES: (usize, usize) = (100, 20_000);

/// How often a message is sent, and how often events are fetched.
const STEP: Duration = Duration::from_millis(1);
const FETCH: Duration = Duration::from_millis(100);

/// How long members may take to know each other, in virtual time, and how long they then take to settle:
/// all of them together send 20 HELLOs a second.
const PATIENCE: Duration = Duration::from_secs(300);
const SETTLING: Duration = Duration::from_secs(5);
const INTERVAL_PER_MEMBER: Duration = Duration::from_millis(50);

/// How long what is under way may take at the end.
const AFTERMATH: Duration = Duration::from_secs(1);

/// What it costs.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Cost {
    /// Processor time for each datagram received.
    pub(super) us_per_datagram: f64,
    /// Processor time for each message delivered to a member.
    pub(super) us_per_delivery: f64,
    /// Datagrams sent for each message, repairs and everything else included.
    pub(super) datagrams_per_message: f64,
}

/// A group, one of whose members sends.
#[derive(Clone, Copy, Debug)]
pub(super) struct SimulatedGroup {
    pub(super) members: usize,
    /// The share of datagrams that are lost.
    pub(super) loss: f64,
    /// Bytes of a message.
    pub(super) size: u32,
    /// About how long to measure.
    pub(super) seconds: Duration,
    pub(super) how: How,
}

/// Measures what it costs.
pub(super) fn measure(group: &SimulatedGroup) -> Result<Cost, Failure> {
    // A member's memory is made on the stack before it is boxed.
    let measured = thread::scope(|scope| {
        thread::Builder::new()
            .stack_size(STACK)
            .spawn_scoped(scope, || run(group))
            .map(|thread| thread.join())
    });
    match measured {
        Ok(Ok(cost)) => cost,
        Ok(Err(_)) => Err(Failure::Trouble("the simulation stopped".to_owned())),
        Err(error) => Err(Failure::Trouble(format!("cannot simulate: {error}"))),
    }
}

fn run(group: &SimulatedGroup) -> Result<Cost, Failure> {
    let how = &group.how;
    let address = SocketAddr::from((Ipv4Addr::new(239, 1, 2, 3), 12345));
    let config = Config::new(address).with_pace(Pace::UNLIMITED);
    let mut net = SimNet::new(1).with_memory::<Roomy>().with_link(Link::lan());
    let join = |_| {
        if how.sealed {
            net.join_sealed(config, meeting::public_keys(), FirstContact::Verify)
        } else {
            net.join(config)
        }
    };
    let keys: Vec<_> = (0..group.members).map(join).collect();
    form(&mut net, &keys);
    let sender = keys[0];
    let limit = node_limit(&net, sender, how);
    let mut message = meeting::message(group.size, limit)?;

    net.network()
        .set_default_link(Link::lan().with_loss(group.loss));
    let receptions = RECEPTIONS * group.seconds.as_secs_f64();
    let messages = (receptions as usize / group.members).clamp(MESSAGES.0, MESSAGES.1);
    let before = (
        CpuTime::now(),
        net.network().counters(),
        delivered(&net, &keys),
    );
    let mut fetch_at = net.now();
    for number in 0..messages {
        payload::fill(&mut message, number as u64);
        match net[sender].send(meeting::data(how), &message) {
            Ok(_) | Err(SendError::QueueFull) => {}
            Err(error) => return Err(error.into()),
        }
        net.run_for(STEP);
        if net.now() >= fetch_at {
            forget(&mut net, &keys);
            fetch_at = net.now() + FETCH;
        }
    }
    net.network().set_default_link(Link::lan());
    net.run_for(AFTERMATH);
    let after = net.network().counters();
    let micros = CpuTime::now()
        .since(before.0)
        .map_or(f64::NAN, |time| time.as_secs_f64() * 1e6);
    let per = |count: u64| micros / count.max(1) as f64;
    Ok(Cost {
        us_per_datagram: per(after.delivered - before.1.delivered),
        us_per_delivery: per(delivered(&net, &keys) - before.2),
        datagrams_per_message: (after.sent - before.1.sent) as f64 / messages as f64,
    })
}

/// Waits until all members know each other, and have no more to say about that.
fn form(net: &mut SimNet, keys: &[MemberKey]) {
    let others = keys.len() - 1;
    let end = net.now() + PATIENCE;
    let know = |net: &SimNet, key: &MemberKey| {
        let node = net[*key].node();
        node.is_some_and(|node| node.peers().count() == others)
    };
    while !keys.iter().all(|key| know(net, key)) && net.now() < end {
        net.run_for(FETCH);
        forget(net, keys);
    }
    let members = u32::try_from(keys.len()).unwrap_or(u32::MAX);
    let end = net.now() + SETTLING.max(INTERVAL_PER_MEMBER.saturating_mul(members));
    while net.now() < end {
        net.run_for(FETCH);
        forget(net, keys);
    }
}

/// What the members were told takes memory.
fn forget(net: &mut SimNet, keys: &[MemberKey]) {
    for key in keys {
        net[*key].take_events();
    }
}

/// Messages delivered so far, at all members.
fn delivered(net: &SimNet, keys: &[MemberKey]) -> u64 {
    let nodes = keys.iter().filter_map(|key| net[*key].node());
    nodes.map(|node| node.counters().messages_received).sum()
}

fn node_limit(net: &SimNet, key: MemberKey, how: &How) -> usize {
    net[key]
        .node()
        .map_or(0, |node| node.max_message(how.class.class()))
}
