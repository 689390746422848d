//! Who is there, and who was.

use core::net::SocketAddr;
use std::collections::BTreeMap;

use groupcast::{Member, MemberId};

use super::mirror::is_mirrored;

/// Those who are gone are remembered up to this many.
const GONE: usize = 64;

/// Somebody, as heard last.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Who {
    pub(crate) id: MemberId,
    /// Empty if it has none, or it is not known yet.
    pub(crate) name: String,
    pub(crate) address: SocketAddr,
}

impl From<&Member> for Who {
    fn from(member: &Member) -> Self {
        Self {
            id: member.id(),
            name: member.name().to_owned(),
            address: member.address(),
        }
    }
}

/// Whether somebody is there. Those who are come first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Presence {
    Here,
    /// Silent for longer than it promised.
    Suspect,
    Left,
    Lost,
}

impl Presence {
    /// Whether it can be talked to, as far as anybody knows.
    pub(crate) const fn is_here(self) -> bool {
        matches!(self, Self::Here | Self::Suspect)
    }
}

/// Somebody, and whether it is there.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Person {
    pub(crate) who: Who,
    pub(crate) presence: Presence,
    /// When it came or went, as a count of such changes.
    changed: u64,
}

/// Everybody else who is or was there.
#[derive(Debug, Default)]
pub(crate) struct People {
    all: BTreeMap<MemberId, Person>,
    changes: u64,
}

impl People {
    /// Notes how somebody stands.
    pub(crate) fn note(&mut self, who: Who, presence: Presence) {
        self.changes += 1;
        let changed = self.changes;
        let person = Person {
            who,
            presence,
            changed,
        };
        self.all.insert(person.who.id, person);
        let gone = || {
            self.all
                .values()
                .filter(|person| !person.presence.is_here())
        };
        if gone().count() > GONE
            && let Some(oldest) = gone().min_by_key(|person| person.changed)
        {
            let oldest = oldest.who.id;
            self.all.remove(&oldest);
        }
    }

    /// Those who are there.
    pub(crate) fn here(&self) -> impl Iterator<Item = MemberId> {
        let here = self.all.values().filter(|person| person.presence.is_here());
        here.map(|person| person.who.id)
    }

    /// Everybody: first who is there, by name, then who is gone, the last one first.
    pub(crate) fn sorted(&self) -> Vec<&Person> {
        let mut people: Vec<_> = self.all.values().collect();
        people.sort_by(|one, other| {
            let is_gone = |person: &Person| !person.presence.is_here();
            is_gone(one).cmp(&is_gone(other)).then_with(|| {
                if is_gone(one) {
                    other.changed.cmp(&one.changed)
                } else {
                    let key = |person: &Person| (person.who.name.to_lowercase(), person.who.id);
                    key(one).cmp(&key(other))
                }
            })
        });
        people
    }

    /// The name of somebody, empty if it has none or is not known.
    pub(crate) fn name(&self, id: MemberId) -> &str {
        self.all.get(&id).map_or("", |person| &person.who.name)
    }

    /// Whether another one has or had this name, or one that looks much like it.
    pub(crate) fn is_ambiguous(&self, id: MemberId, name: &str) -> bool {
        let mut others = self.all.values().filter(|person| person.who.id != id);
        others.any(|person| is_alike(&person.who.name, name))
    }

    /// Whether a bare datagram says what a member says in a message, too.
    pub(crate) fn mirrors(&self, from: SocketAddr, text: &str) -> bool {
        let mut senders = self
            .all
            .values()
            .filter(|person| person.who.address == from);
        senders.any(|person| is_mirrored(text, &person.who.name))
    }
}

/// Whether one name may be taken for another.
pub(crate) fn is_alike(one: &str, other: &str) -> bool {
    one.trim().to_lowercase() == other.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(id: u32, name: &str) -> Who {
        Who {
            id: MemberId::new(id).unwrap(),
            name: name.to_owned(),
            address: "10.0.0.1:7".parse().unwrap(),
        }
    }

    #[test]
    fn who_is_there_comes_first_and_who_left_last_before_others() {
        let mut people = People::default();
        for (id, name) in [(1, "cho"), (2, "ana"), (3, "Ben"), (4, "dev")] {
            people.note(who(id, name), Presence::Here);
        }
        people.note(who(4, "dev"), Presence::Lost);
        people.note(who(2, "ana"), Presence::Left);
        people.note(who(1, "cho"), Presence::Suspect);
        let names: Vec<_> = people.sorted().iter().map(|p| p.who.name.clone()).collect();
        assert_eq!(names, ["Ben", "cho", "ana", "dev"]);
        assert_eq!(people.here().count(), 2);
    }

    #[test]
    fn of_those_who_are_gone_only_some_are_remembered() {
        let mut people = People::default();
        for id in 1..1000 {
            people.note(who(id, "x"), Presence::Here);
            people.note(who(id, "x"), Presence::Left);
        }
        people.note(who(7, "still here"), Presence::Here);
        assert_eq!(people.sorted().len(), GONE + 1);
        assert_eq!(people.sorted()[1].who.id.get(), 999);
    }

    #[test]
    fn names_are_not_identities() {
        let mut people = People::default();
        people.note(who(1, "ana"), Presence::Here);
        assert!(!people.is_ambiguous(MemberId::new(1).unwrap(), "ana"));
        people.note(who(2, "Ana "), Presence::Left);
        assert!(people.is_ambiguous(MemberId::new(1).unwrap(), "ana"));
        assert!(people.mirrors("10.0.0.1:7".parse().unwrap(), "ana: hi"));
        assert!(!people.mirrors("10.0.0.1:8".parse().unwrap(), "ana: hi"));
    }
}
