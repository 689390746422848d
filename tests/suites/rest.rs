//! A member at rest: it wants to be woken when there is something to do, and only then. What wakes a board costs its
//! battery.

use core::net::SocketAddr;
use core::time::Duration;

use groupcast::seal::{Entropy, GroupKey, KeySet, Seal};
use groupcast::{
    Board, Channel, Config, Endpoint, Instant, LeafNode, Memory, Node, SendError, Sequence, Tiny,
    TinyPeer,
};
use groupcast_sim::{HostId, Link, Network, SimStack};

/// How long it takes until all know each other and have said what they say at the beginning.
const SETTLING: Duration = Duration::from_secs(20);
const WATCHED: Duration = Duration::from_secs(300);

const VALUE: Channel = Channel::state(1);
const TEXT: Channel = Channel::reliable_ordered(2);

/// A member that sleeps until its deadline or until something arrives.
trait Sleeper {
    /// A turn of its main loop. Returns how many events there were.
    fn turn(&mut self, now: Instant) -> usize;
    fn deadline(&self) -> Option<Instant>;
    /// How many datagrams it has sent.
    fn sent(&mut self) -> u64;
    fn say(&mut self, now: Instant, channel: Channel);
}

/// Nodes and leaves have the same methods, and no trait for all of them.
macro_rules! sleeps {
    ([$($parameter:tt)*] $member:ty) => {
        impl<$($parameter)*> Sleeper for $member {
            fn turn(&mut self, now: Instant) -> usize {
                let mut events = 0;
                while self.poll(now).expect("the network works").is_some() {
                    events += 1;
                }
                events
            }

            fn deadline(&self) -> Option<Instant> {
                self.next_deadline()
            }

            fn sent(&mut self) -> u64 {
                self.at(Instant::ZERO).counters().datagrams_sent
            }

            fn say(&mut self, now: Instant, channel: Channel) {
                check_queued(self.queue(now, channel, b"21.5"));
                self.flush(now);
            }
        }
    };
}

sleeps!([M: Memory] Node<SimStack, M>);
sleeps!([] LeafNode<SimStack>);

/// Members of some kinds send no reliable messages.
fn check_queued(queued: Result<Sequence, SendError>) {
    assert!(
        matches!(queued, Ok(_) | Err(SendError::NotReliable)),
        "{queued:?}"
    );
}

/// What woke a member since it was at rest.
#[derive(Clone, Copy, Debug, Default)]
struct Wakes {
    timer: u32,
    /// Of those, how often there was nothing to do: nothing was sent, and nothing told.
    idle: u32,
    network: u32,
}

struct Group {
    network: Network,
    members: Vec<(&'static str, HostId, Box<dyn Sleeper>, Wakes)>,
    sealed: bool,
}

impl Group {
    fn new(sealed: bool) -> Self {
        let network = Network::new(7).with_link(Link::lan()).with_loopback(None);
        Self {
            network,
            members: Vec::new(),
            sealed,
        }
    }

    fn config(&self) -> Config {
        let group: SocketAddr = "239.1.2.3:12345".parse().expect("an address");
        Config::new(group).with_name("member")
    }

    fn random(&self) -> [u8; 32] {
        let mut random = *b"one of some members, at random: ";
        random[31] += self.members.len() as u8;
        random
    }

    fn add(&mut self, name: &'static str, host: HostId, member: impl Sleeper + 'static) {
        self.members
            .push((name, host, Box::new(member), Wakes::default()));
    }

    fn with<M: Memory + 'static>(mut self, name: &'static str, memory: M) -> Self {
        let (config, random) = (self.config(), self.random());
        let host = self.network.add_host();
        let stack = self.network.stack(host);
        let node = if self.sealed {
            let keys = KeySet::new(GroupKey::new([7; 32]));
            let seal = Seal::new(&keys, Entropy::new().with_random(&random));
            Node::sealed(stack, memory, config, seal)
        } else {
            Node::new(stack, memory, config, random)
        };
        let node = node.map_err(|failed| failed.error).expect("a member");
        self.add(name, host, node);
        self
    }

    fn with_leaf(mut self) -> Self {
        let (config, random) = (self.config(), self.random());
        let host = self.network.add_host();
        let stack = self.network.stack(host);
        let node: LeafNode<SimStack> = if self.sealed {
            let keys = KeySet::new(GroupKey::new([7; 32]));
            let seal = Seal::new(&keys, Entropy::new().with_random(&random));
            LeafNode::sealed(stack, config, seal)
        } else {
            LeafNode::new(stack, config, random)
        }
        .map_err(|failed| failed.error)
        .expect("a member");
        self.add("leaf", host, node);
        self
    }

    fn turn(&mut self, at: usize, by_network: bool) {
        let now = self.network.now();
        let (_, _, member, wakes) = &mut self.members[at];
        let before = member.sent();
        let events = member.turn(now);
        if by_network {
            wakes.network += 1;
        } else {
            wakes.timer += 1;
            wakes.idle += u32::from(events == 0 && member.sent() == before);
        }
    }

    fn run_for(&mut self, time: Duration) {
        let end = self.network.now() + time;
        let mut stuck = 0;
        while self.network.now() < end {
            let before = self.network.now();
            let ready = self.network.take_ready();
            for at in 0..self.members.len() {
                let (_, host, member, _) = &self.members[at];
                if ready.contains(host) {
                    self.turn(at, true);
                } else if member.deadline().is_some_and(|due| due <= before) {
                    self.turn(at, false);
                }
            }
            let deadlines = self
                .members
                .iter()
                .map(|(_, _, member, _)| member.deadline());
            let next = deadlines
                .chain([self.network.next_arrival()])
                .flatten()
                .min();
            self.network
                .advance_to(next.map_or(end, |next| next.min(end)));
            stuck = if self.network.now() > before {
                0
            } else {
                stuck + 1
            };
            assert!(stuck < 1_000, "somebody wants to be called again and again");
        }
    }

    /// Lets them rest, and returns what woke each.
    fn rest(mut self, say: Option<Channel>) -> Vec<(&'static str, Wakes)> {
        self.run_for(SETTLING);
        for (.., wakes) in &mut self.members {
            *wakes = Wakes::default();
        }
        for second in 0..WATCHED.as_secs() as usize {
            if let Some(channel) = say {
                let at = second % self.members.len();
                let now = self.network.now();
                self.members[at].2.say(now, channel);
            }
            self.run_for(Duration::from_secs(1));
        }
        self.members
            .iter()
            .map(|(name, .., wakes)| (*name, *wakes))
            .collect()
    }
}

/// What members do alone, and in a group of each kind.
fn watch(say: Option<Channel>, check: impl Fn(&str, Wakes)) {
    for sealed in [false, true] {
        let alone = [
            Group::new(sealed).with("board", Board::new()),
            Group::new(sealed).with("peer", TinyPeer::new()),
            Group::new(sealed).with_leaf(),
        ];
        let together = Group::new(sealed)
            .with("board", Board::new())
            .with("tiny", Tiny::new())
            .with("peer", TinyPeer::new())
            .with_leaf();
        for group in alone.into_iter().chain([together]) {
            let size = group.members.len();
            for (name, wakes) in group.rest(say) {
                let name = format!("{name}, one of {size}, sealed: {sealed}");
                assert!(wakes.timer > 0, "{name}: {wakes:?}");
                assert_eq!(wakes.idle, 0, "{name} is woken for nothing: {wakes:?}");
                check(&name, wakes);
            }
        }
    }
}

/// Nobody says anything but HELLO: its own wakes a member, and those of the others.
#[test]
fn who_has_nothing_to_say_is_woken_for_its_hello_and_by_what_arrives() {
    let seconds = WATCHED.as_secs() as u32;
    watch(None, |name, wakes| {
        let hellos = seconds * 9 / 10..=seconds * 11 / 10;
        assert!(hellos.contains(&wakes.timer), "{name}: {wakes:?}");
    });
}

#[test]
fn nobody_is_woken_for_nothing_while_values_are_told() {
    watch(Some(VALUE), |_, _| {});
}

#[test]
fn nobody_is_woken_for_nothing_while_messages_are_told() {
    watch(Some(TEXT), |_, _| {});
}
