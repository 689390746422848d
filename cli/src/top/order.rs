//! By what the tables are sorted.

use core::cmp::Ordering;
use std::time::Instant;

use clap::ValueEnum;
use groupcast::MemberId;

use super::watcher::{Stream, Watched};

/// A column to sort by.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum Key {
    #[default]
    Name,
    Id,
    Status,
    Trip,
    Datagrams,
    Bytes,
    Messages,
    Nacks,
    Repairs,
    Missing,
    Gaps,
}

/// A column to sort by, and in which direction.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Order {
    pub(crate) key: Key,
    /// Names and ids rise, and of all others the highest stands first; this is the other way round.
    pub(crate) is_reversed: bool,
}

/// A member's stream.
#[derive(Debug)]
pub(crate) struct Entry<'w> {
    pub(crate) from: String,
    pub(crate) channel: u8,
    pub(crate) class: &'static str,
    pub(crate) stream: &'w Stream,
}

impl Key {
    /// What is typed to sort by it.
    pub(crate) const fn letter(self) -> char {
        match self {
            Self::Name => 'n',
            Self::Id => 'i',
            Self::Status => 's',
            Self::Trip => 't',
            Self::Datagrams => 'd',
            Self::Bytes => 'b',
            Self::Messages => 'm',
            Self::Nacks => 'a',
            Self::Repairs => 'r',
            Self::Missing => 'l',
            Self::Gaps => 'g',
        }
    }

    pub(crate) fn typed(letter: char) -> Option<Self> {
        let mut keys = Self::value_variants().iter().copied();
        keys.find(|key| key.letter() == letter)
    }

    const fn rises(self) -> bool {
        matches!(self, Self::Name | Self::Id)
    }
}

impl Order {
    /// After a key was typed: the same one again turns it round.
    pub(crate) fn by(self, key: Key) -> Self {
        Self {
            key,
            is_reversed: key == self.key && !self.is_reversed,
        }
    }

    /// By the column `steps` further.
    pub(crate) fn moved(self, steps: usize) -> Self {
        let keys = Key::value_variants();
        let at = keys.iter().position(|key| *key == self.key).unwrap_or(0);
        let key = keys[(at + steps) % keys.len()];
        Self {
            key,
            is_reversed: false,
        }
    }

    pub(crate) fn back(self) -> Self {
        self.moved(Key::value_variants().len() - 1)
    }

    /// Whether the highest stands first.
    pub(crate) const fn falls(self) -> bool {
        self.key.rises() == self.is_reversed
    }

    fn directed(self, ordering: Ordering) -> Ordering {
        match self.falls() {
            true => ordering.reverse(),
            false => ordering,
        }
    }

    /// Sorts members that are sorted by their names; those that are equal stay so.
    pub(crate) fn members(self, members: &mut [(MemberId, &Watched)], now: Instant) {
        members.sort_by(|(id, one), (other_id, other)| {
            self.directed(match self.key {
                Key::Name => one.called(*id).cmp(&other.called(*other_id)),
                Key::Id => id.cmp(other_id),
                Key::Status => one.status(now).cmp(&other.status(now)),
                Key::Trip => one.round_trip.cmp(&other.round_trip),
                Key::Datagrams => one.datagrams.rate().total_cmp(&other.datagrams.rate()),
                Key::Bytes => one.octets.rate().total_cmp(&other.octets.rate()),
                Key::Messages => one.messages.rate().total_cmp(&other.messages.rate()),
                Key::Nacks => one.nacks.total().cmp(&other.nacks.total()),
                Key::Repairs => one.repairs.total().cmp(&other.repairs.total()),
                Key::Missing => one.numbers.missing().cmp(&other.numbers.missing()),
                Key::Gaps => one.numbers.gaps().cmp(&other.numbers.gaps()),
            })
        });
    }

    /// Sorts streams that are sorted as their members are: by what streams have, too.
    pub(crate) fn streams(self, streams: &mut [Entry<'_>]) {
        let compare: fn(&Stream, &Stream) -> Ordering = match self.key {
            Key::Bytes => |one, other| one.octets.rate().total_cmp(&other.octets.rate()),
            Key::Messages => |one, other| one.messages.rate().total_cmp(&other.messages.rate()),
            Key::Repairs => |one, other| one.repairs.total().cmp(&other.repairs.total()),
            _ => return,
        };
        streams.sort_by(|one, other| self.directed(compare(one.stream, other.stream)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_column_has_a_letter_that_nothing_else_has() {
        let letters: BTreeSet<_> = Key::value_variants().iter().map(|k| k.letter()).collect();
        assert_eq!(letters.len(), Key::value_variants().len());
        for taken in "qjk".chars() {
            assert!(!letters.contains(&taken), "{taken}");
        }
        for key in Key::value_variants() {
            assert_eq!(Key::typed(key.letter()), Some(*key));
        }
    }

    #[test]
    fn the_same_key_again_turns_round_and_the_arrows_go_on() {
        let order = Order::default();
        assert!(!order.falls());
        assert!(order.by(Key::Name).falls());
        assert!(order.by(Key::Messages).falls());
        assert!(!order.by(Key::Messages).by(Key::Messages).falls());
        assert_eq!(order.moved(1).key, Key::Id);
        assert_eq!(order.back().key, Key::Gaps);
        assert_eq!(order.back().moved(1), order);
    }
}
