//! What a seed means: the group, its network, and what the stranger does.

use core::net::SocketAddr;
use core::time::Duration;

use groupcast::{Channel, Config, MemberId, Pace};
use groupcast_sim::Link;

use crate::swarm::dice::Dice;

/// The memory of every member.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Store {
    /// [`Cramped`](super::Cramped): the roster overflows.
    Cramped,
    /// [`groupcast::Board`]: there is a place for everybody.
    Fitting,
}

impl Store {
    /// Places on the roster.
    #[must_use]
    pub const fn places(self) -> usize {
        match self {
            Self::Cramped => 2,
            Self::Fitting => 16,
        }
    }
}

/// What the stranger does.
#[derive(Clone, Copy, Debug)]
pub struct Weapons {
    /// It plays back what it heard.
    pub replays: bool,
    /// It plays back what it heard, changed.
    pub mangles: bool,
    /// It makes up senders, sessions and counters.
    pub floods: bool,
    /// It sends members what they sent.
    pub reflects: bool,
    /// It keeps datagrams from arriving, and delivers them later.
    pub holds: bool,
    /// So many attacks in a step at most.
    pub at_once: u64,
}

/// What a seed means.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The seed.
    pub seed: u64,
    /// The memory of every member.
    pub store: Store,
    /// Their settings.
    pub members: Vec<Config>,
    /// The network during the attack.
    pub link: Link,
    /// What the stranger does.
    pub weapons: Weapons,
    /// How many steps the attack has.
    pub steps: u32,
    /// Whether there are pauses as long as a minute.
    pub sleeps: bool,
    /// The probability that a member crashes, starts again or leaves, in each step.
    pub restless: f64,
    /// The probability that a member changes its key while something is under way, in each step.
    pub rotates: f64,
    /// The probability that a member's device begins to sleep, and its clock with it, in each step.
    pub dozes: f64,
    /// Octets of a message at most.
    pub largest: u64,
}

/// The channels that messages are sent on.
pub const CHANNELS: [Channel; 4] = [
    Channel::best_effort(1),
    Channel::latest(2),
    Channel::reliable_unordered(3),
    Channel::reliable_ordered(4),
];

/// The group's address.
#[must_use]
pub fn group() -> SocketAddr {
    SocketAddr::from(([239, 1, 2, 3], 12345))
}

const NAMES: [&str; 4] = ["ana", "ben", "cleo", "dan"];

impl Plan {
    /// What this seed means.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed, 1);
        let size = dice.between(3, 4) as usize;
        let members = (0..size).map(|n| {
            let config = Config::new(group())
                .with_name(NAMES[n])
                .with_pace(Pace::BOARD);
            if dice.chance(0.6) {
                config.with_id(MemberId::new(1 + n as u32).expect("not zero"))
            } else {
                config
            }
        });
        let members = members.collect();
        let link = [Link::lan(), Link::wifi()][dice.place(2)];
        let mut rate = |most: f64| {
            if dice.chance(0.5) {
                dice.fraction() * most
            } else {
                0.0
            }
        };
        let link = link
            .with_loss(rate(0.3))
            .with_duplicate(rate(0.3))
            .with_reorder(rate(0.2), Duration::from_millis(200))
            .with_corrupt(rate(0.05));
        Self {
            seed,
            store: dice.pick(&[Store::Cramped, Store::Fitting]),
            members,
            link,
            weapons: Weapons {
                replays: dice.chance(0.8),
                mangles: dice.chance(0.5),
                floods: dice.chance(0.5),
                reflects: dice.chance(0.5),
                holds: dice.chance(0.5),
                at_once: dice.pick(&[1, 4, 8, 8]),
            },
            steps: 400,
            sleeps: dice.chance(0.5),
            restless: dice.pick(&[0.0, 0.01, 0.03, 0.1]),
            largest: dice.pick(&[20, 20, 100, 2_000]),
            rotates: dice.pick(&[0.0, 0.0, 0.02, 0.1]),
            dozes: dice.pick(&[0.0, 0.0, 0.005, 0.02]),
        }
    }
}
