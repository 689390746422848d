//! Groups of different members: what each of them is.

use core::fmt;

use groupcast::{Board, Class, Desktop, Tiny, TinyPeer};

use crate::driver::{self, Start};

/// What a member of a mixed group is: a [leaf](groupcast::Leaf), or a node with one of the ready-made kinds of
/// [memory](groupcast::Storage).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Profile {
    /// A [`Leaf`](groupcast::Leaf) of the usual size, which listens to four senders.
    Leaf,
    /// A node with [`TinyPeer`].
    TinyPeer,
    /// A node with [`Tiny`].
    Tiny,
    /// A node with [`Board`].
    Board,
    /// A node with [`Desktop`].
    Desktop,
}

impl Profile {
    /// All of them, the smallest first.
    pub const ALL: [Self; 5] = [
        Self::Leaf,
        Self::TinyPeer,
        Self::Tiny,
        Self::Board,
        Self::Desktop,
    ];

    /// How many senders a leaf of the usual size listens to.
    const PLACES: usize = 4;

    /// Its name: `leaf`, `tiny-peer`, `tiny`, `board` or `desktop`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Leaf => "leaf",
            Self::TinyPeer => "tiny-peer",
            Self::Tiny => "tiny",
            Self::Board => "board",
            Self::Desktop => "desktop",
        }
    }

    /// Whether it sends messages of this class, and takes them: all do but for the reliable classes.
    #[must_use]
    pub const fn supports(self, class: Class) -> bool {
        match class {
            Class::ReliableUnordered | Class::ReliableOrdered => {
                matches!(self, Self::Tiny | Self::Board | Self::Desktop)
            }
            _ => true,
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A member of a scenario.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub(super) start: Start,
    /// Whether messages of the scenario's class are for it.
    pub(super) takes: bool,
    /// How many senders it listens to.
    pub(super) places: usize,
    /// What it is, if its memory is not one of one's own.
    pub(super) profile: Option<Profile>,
}

impl Part {
    /// A node that takes everything.
    pub(super) const fn node(start: Start) -> Self {
        Self {
            start,
            takes: true,
            places: usize::MAX,
            profile: None,
        }
    }

    pub(super) fn of(profile: Profile, class: Class) -> Self {
        let (start, places): (Start, _) = match profile {
            Profile::Leaf => (
                driver::leaf::<512, { Profile::PLACES }, 128>,
                Profile::PLACES,
            ),
            Profile::TinyPeer => (driver::node::<TinyPeer>, usize::MAX),
            Profile::Tiny => (driver::node::<Tiny>, usize::MAX),
            Profile::Board => (driver::node::<Board>, usize::MAX),
            Profile::Desktop => (driver::node::<Desktop>, usize::MAX),
        };
        Self {
            start,
            takes: profile.supports(class),
            places,
            profile: Some(profile),
        }
    }
}

/// The members of a mixed group, of whom those come first who send: the first so many that can.
pub(super) fn cast(mix: &[(Profile, usize)], class: Class, senders: usize) -> Vec<Part> {
    let members = mix
        .iter()
        .flat_map(|(profile, count)| core::iter::repeat_n(Part::of(*profile, class), *count));
    let mut left = senders;
    let (mut parts, others): (Vec<_>, Vec<_>) = members.partition(|part| {
        let sends = part.takes && left > 0;
        left -= usize::from(sends);
        sends
    });
    assert!(left == 0, "senders are members that can send the class");
    parts.extend(others);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_send_who_can_in_the_order_of_the_mix() {
        let mix = [(Profile::Leaf, 2), (Profile::Tiny, 1), (Profile::Board, 2)];
        let names = |class, senders| {
            let parts = cast(&mix, class, senders).into_iter();
            let names = parts.filter_map(|part| part.profile.map(Profile::name));
            names.collect::<Vec<_>>().join(" ")
        };
        let reliable = Class::ReliableOrdered;
        assert_eq!(names(reliable, 2), "tiny board leaf leaf board");
        assert_eq!(names(Class::State, 2), "leaf leaf tiny board board");
        assert_eq!(names(reliable, 0), "leaf leaf tiny board board");
    }

    #[test]
    #[should_panic(expected = "senders are members that can send the class")]
    fn there_are_no_more_senders_than_can_send() {
        cast(&[(Profile::Leaf, 9)], Class::ReliableUnordered, 1);
    }
}
