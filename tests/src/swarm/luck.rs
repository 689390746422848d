//! Kinds of luck: each is a room of its own, and every other seed has one of them, in turn.
//!
//! The rest of the swarm has bad networks, crashes, departures and standstills by chance. What is here happens
//! seldom by chance, or is done by a stranger on purpose. A kind of luck shapes the group first, and then adds
//! what happens to it; it says what promises it leaves. What is promised the [oracle](super::oracle) knows:
//! nothing here does.

mod clones;
mod far;
mod farewell;
mod flood;
mod ghosts;
mod hogs;
mod large;
mod seeds;
mod signed;
mod standstill;
mod together;
mod zero;

use core::time::Duration;

use super::dice::Dice;
use super::plan::{Mood, Plan, Store};

/// A kind of luck.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Luck {
    /// None of these.
    Plain,
    /// Strangers tell of numbers that are far apart.
    Far,
    /// All streams are taken by senders of whom something is missing.
    Hogs,
    /// Members leave right after they said something.
    Farewell,
    /// A member stands still while much arrives, by multicast and by unicast.
    Standstill,
    /// Seeds as firmware makes them: a number of the device, a number of the start, and zeros.
    Seeds,
    /// Two members with one seed, and datagrams in a member's own name.
    Clones,
    /// Strangers make up ids that ask for answers.
    Flood,
    /// Strangers say hello, once.
    Ghosts,
    /// All start at one moment and speak as soon as they know each other.
    Together,
    /// Messages are signed.
    Signed,
    /// Somebody sends more than anybody can receive.
    Large,
    /// The first moment of all clocks is zero.
    Zero,
}

/// All kinds, in the order in which seeds have them.
pub const ALL: [Luck; 12] = [
    Luck::Far,
    Luck::Hogs,
    Luck::Farewell,
    Luck::Standstill,
    Luck::Seeds,
    Luck::Clones,
    Luck::Flood,
    Luck::Ghosts,
    Luck::Together,
    Luck::Signed,
    Luck::Large,
    Luck::Zero,
];

/// What a group is like before anything happens to it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) mood: Mood,
    pub(super) store: Store,
    pub(super) size: usize,
    /// The first so many members send.
    pub(super) senders: usize,
    /// Whether members crash, leave, are cut off, stand still, and have clocks that leap, all by chance.
    pub(super) is_troubled: bool,
    /// Whether they send by chance.
    pub(super) is_talkative: bool,
}

/// The purpose of the dice of luck.
const PURPOSE: u64 = 6;

impl Luck {
    /// The luck of a seed.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        if seed.is_multiple_of(2) {
            ALL[(seed / 2 % ALL.len() as u64) as usize]
        } else {
            Self::Plain
        }
    }

    /// Shapes the group.
    pub(super) fn shape(self, seed: u64, shape: &mut Shape) {
        let dice = &mut Dice::new(seed, PURPOSE);
        match self {
            Self::Plain | Self::Seeds | Self::Far => {}
            Self::Hogs => hogs::shape(shape, dice),
            Self::Farewell => farewell::shape(shape, dice),
            Self::Standstill => standstill::shape(shape, dice),
            Self::Clones => clones::shape(shape, dice),
            Self::Flood => flood::shape(shape, dice),
            Self::Ghosts => ghosts::shape(shape, dice),
            Self::Together => together::shape(shape, dice),
            Self::Signed => signed::shape(shape, dice),
            Self::Large => large::shape(shape, dice),
            Self::Zero => zero::shape(shape, dice),
        }
    }

    /// Adds what happens.
    pub(super) fn happen(self, plan: &mut Plan) {
        let dice = &mut Dice::new(plan.seed, PURPOSE + 1);
        match self {
            Self::Plain | Self::Seeds => {}
            Self::Far => far::happen(plan, dice),
            Self::Hogs => hogs::happen(plan, dice),
            Self::Farewell => farewell::happen(plan, dice),
            Self::Standstill => standstill::happen(plan, dice),
            Self::Clones => clones::happen(plan, dice),
            Self::Flood => flood::happen(plan, dice),
            Self::Ghosts => ghosts::happen(plan, dice),
            Self::Together => together::happen(plan, dice),
            Self::Signed => signed::happen(plan, dice),
            Self::Large => large::happen(plan, dice),
            Self::Zero => zero::happen(plan, dice),
        }
    }

    /// The promises it leaves, after those that the memory leaves were found.
    pub(super) fn leave(self, plan: &mut Plan) {
        match self {
            Self::Far => plan.has_strangers(2),
            Self::Hogs | Self::Standstill | Self::Farewell | Self::Together => {
                plan.is_fair = false;
            }
            Self::Clones => {
                plan.is_fair = false;
                // Ids that somebody had before.
                plan.sources = plan.sources.saturating_add(plan.players.len());
                plan.values_fit &= plan.sources * plan.values <= plan.store.peers();
            }
            // While strangers take places on rosters, or only unicast passes, not all is as in calm.
            Self::Flood => {
                plan.is_fair &= !plan.changes_weather();
                // They take the places of a leaf.
                plan.sources = usize::MAX;
            }
            Self::Ghosts => {}
            Self::Large => plan.has_strangers(1),
            Self::Plain | Self::Seeds | Self::Signed | Self::Zero => {}
        }
    }

    /// Whether some members may take no reliable streams: not where streams are what it is about, nor where
    /// it is not known who says what.
    pub(super) const fn may_be_mixed(self) -> bool {
        match self {
            Self::Plain
            | Self::Farewell
            | Self::Standstill
            | Self::Seeds
            | Self::Together
            | Self::Signed
            | Self::Zero => true,
            Self::Far | Self::Hogs | Self::Clones | Self::Flood | Self::Ghosts | Self::Large => {
                false
            }
        }
    }

    /// Whether some members may be leaves. Not where all is about streams.
    pub(super) const fn may_have_leaves(self) -> bool {
        match self {
            Self::Far | Self::Flood | Self::Ghosts | Self::Clones => true,
            Self::Hogs | Self::Large => false,
            mixed => mixed.may_be_mixed(),
        }
    }

    /// The seed of a member's start, where it is not left to the simulation.
    #[must_use]
    pub fn seed(self, seed: u64, member: usize, start: u64) -> Option<[u8; 32]> {
        match self {
            Self::Seeds => Some(seeds::seed(seed, member, start)),
            Self::Zero => Some(zero::seed(seed, member, start)),
            _ => None,
        }
    }
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
