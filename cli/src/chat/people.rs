//! Who is there, and who was.

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::BTreeMap;
use std::time::Instant;

use groupcast::{MemberId, Peer};

use super::mirror::is_mirrored;

/// Those who are gone are remembered up to this many.
const GONE: usize = 64;

/// Who is there for so long is told of. `groupcast send` is not.
pub(crate) const STAYS: Duration = Duration::from_secs(2);

/// More than so many who come at once are told of together.
pub(crate) const FEW: usize = 3;

/// How long those who came first wait for the last of a crowd.
const CROWDED: Duration = Duration::from_secs(4);

/// Somebody, as heard last.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Who {
    pub(crate) id: MemberId,
    /// Empty if it has none, or it is not known yet.
    pub(crate) name: String,
    pub(crate) address: SocketAddr,
    /// What is said here is reliable: a sensor, say, may have no room for that.
    pub(crate) takes_reliable: bool,
}

impl From<&Peer> for Who {
    fn from(member: &Peer) -> Self {
        Self {
            id: member.id(),
            name: member.name().to_owned(),
            address: member.address(),
            takes_reliable: member.takes_reliable(),
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
    /// Whether it has said something.
    spoke: bool,
    /// Whether those who chat here were told that it is there.
    told: bool,
    /// Since when it is there.
    since: Instant,
    /// When it came or went, as a count of such changes.
    changed: u64,
}

impl Person {
    /// Whether it takes part. Who has no name and says nothing only looks.
    pub(crate) fn takes_part(&self) -> bool {
        self.spoke || !is_alike(&self.who.name, "")
    }
}

/// Everybody else who is or was there.
#[derive(Debug, Default)]
pub(crate) struct People {
    all: BTreeMap<MemberId, Person>,
    changes: u64,
}

impl People {
    /// Notes how somebody stands.
    pub(crate) fn note(&mut self, who: Who, presence: Presence, now: Instant) {
        self.changes += 1;
        let before = self.all.get(&who.id);
        let here = before.filter(|person| person.presence.is_here());
        let person = Person {
            presence,
            spoke: before.is_some_and(|person| person.spoke),
            told: here.is_some_and(|person| person.told),
            since: here.map_or(now, |person| person.since),
            changed: self.changes,
            who,
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

    /// Somebody said something.
    pub(crate) fn spoke(&mut self, id: MemberId) {
        if let Some(person) = self.all.get_mut(&id) {
            person.spoke = true;
        }
    }

    /// Somebody is gone. Returns whether that is to be told: whether it was told that it came. Who came and went
    /// without a word is forgotten.
    pub(crate) fn gone(&mut self, who: Who, presence: Presence, now: Instant) -> bool {
        let id = who.id;
        let is_told = self.is_told(id);
        self.note(who, presence, now);
        if !is_told && self.all.get(&id).is_some_and(|person| !person.spoke) {
            self.all.remove(&id);
        }
        is_told
    }

    /// Whether those who chat here know that it is there.
    pub(crate) fn is_told(&self, id: MemberId) -> bool {
        self.all.get(&id).is_some_and(|person| person.told)
    }

    /// Those of whom it is to be told now that they are there. A crowd waits until its last has stayed, for a while.
    pub(crate) fn arrived(&mut self, now: Instant) -> Vec<Who> {
        let stayed = |person: &Person| now.saturating_duration_since(person.since);
        let is_new =
            |person: &Person| person.presence.is_here() && !person.told && person.takes_part();
        let new = || self.all.values().filter(|person| is_new(person));
        let all_stayed = new().all(|person| stayed(person) >= STAYS);
        let is_late = new().any(|person| stayed(person) >= CROWDED);
        if new().count() > FEW && !all_stayed && !is_late {
            return Vec::new();
        }
        let mut arrived = Vec::new();
        for person in self.all.values_mut() {
            if is_new(person) && stayed(person) >= STAYS {
                person.told = true;
                arrived.push((person.changed, person.who.clone()));
            }
        }
        arrived.sort_by_key(|(changed, _)| *changed);
        arrived.into_iter().map(|(_, who)| who).collect()
    }

    /// Whether all of them were there already at this time.
    pub(crate) fn were_here(&self, who: &[Who], then: Instant) -> bool {
        let since = |who: &Who| self.all.get(&who.id).map(|person| person.since);
        who.iter()
            .all(|who| since(who).is_some_and(|since| since <= then))
    }

    /// Whoever has this id and is there is called so. Returns what it was called before, if that is something else.
    pub(crate) fn rename(&mut self, id: MemberId, name: &str) -> Option<String> {
        let person = self.all.get_mut(&id)?;
        if person.who.name == name {
            return None;
        }
        Some(core::mem::replace(&mut person.who.name, name.to_owned()))
    }

    fn participants(&self) -> impl Iterator<Item = &Who> {
        let here = self.all.values().filter(|person| person.presence.is_here());
        let taking = here.filter(|person| person.takes_part());
        taking.map(|person| &person.who)
    }

    /// Those who are there and take part.
    pub(crate) fn taking_part(&self) -> impl Iterator<Item = MemberId> {
        self.participants().map(|who| who.id)
    }

    /// Those of them who get what is said here.
    pub(crate) fn readers(&self) -> impl Iterator<Item = MemberId> {
        let readers = self.participants().filter(|who| who.takes_reliable);
        readers.map(|who| who.id)
    }

    /// How many are there that only look.
    pub(crate) fn onlookers(&self) -> usize {
        self.here().count() - self.taking_part().count()
    }

    /// Those who are there.
    pub(crate) fn here(&self) -> impl Iterator<Item = MemberId> {
        let here = self.all.values().filter(|person| person.presence.is_here());
        here.map(|person| person.who.id)
    }

    /// All who take part: first who is there, by name, then who is gone, the last one first.
    pub(crate) fn sorted(&self) -> Vec<&Person> {
        let taking_part = self.all.values().filter(|person| person.takes_part());
        let mut people: Vec<_> = taking_part.collect();
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

    /// The others who are there under this name, or one that looks much like it.
    pub(crate) fn called(&self, name: &str) -> impl Iterator<Item = MemberId> {
        let here = self.all.values().filter(|person| person.presence.is_here());
        let called = here.filter(move |person| is_alike(&person.who.name, name));
        called.map(|person| person.who.id)
    }

    /// Whether a raw datagram says what a member says in a message, too.
    pub(crate) fn mirrors(&self, from: SocketAddr, text: &str) -> bool {
        let mut senders = self
            .all
            .values()
            .filter(|person| person.who.address == from);
        senders.any(|person| is_mirrored(text, &person.who.name))
    }
}

/// Whether one name may be taken for another: in capitals, or with what nobody sees.
pub(crate) fn is_alike(one: &str, other: &str) -> bool {
    let seen = |name: &str| name.replace(is_unseen, "").to_lowercase();
    seen(one) == seen(other)
}

/// Whether a screen shows nothing for this character: white space, and what Unicode calls default ignorable.
const fn is_unseen(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{2800}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fff8}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

/// Whether a name reads as what the chat itself says of somebody: an id, or words around a name.
pub(crate) fn looks_like_ours(name: &str) -> bool {
    let is_id = name.len() == 8 && name.bytes().all(|octet| octet.is_ascii_hexdigit());
    let begins = name
        .trim_start()
        .starts_with(['*', '!', '-', '─', '[', '>']);
    is_id || begins || name.contains(['#', '(', ')', ':'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(id: u32, name: &str) -> Who {
        Who {
            id: MemberId::new(id).unwrap(),
            name: name.to_owned(),
            address: "10.0.0.1:7".parse().unwrap(),
            takes_reliable: true,
        }
    }

    #[test]
    fn who_is_there_comes_first_and_who_left_last_before_others() {
        let (mut people, now) = (People::default(), Instant::now());
        for (id, name) in [(1, "cho"), (2, "ana"), (3, "Ben"), (4, "dev")] {
            people.note(who(id, name), Presence::Here, now);
        }
        people.note(who(4, "dev"), Presence::Lost, now);
        people.note(who(2, "ana"), Presence::Left, now);
        people.note(who(1, "cho"), Presence::Suspect, now);
        let names: Vec<_> = people.sorted().iter().map(|p| p.who.name.clone()).collect();
        assert_eq!(names, ["Ben", "cho", "ana", "dev"]);
        assert_eq!(people.here().count(), 2);
    }

    #[test]
    fn of_those_who_are_gone_only_some_are_remembered() {
        let (mut people, now) = (People::default(), Instant::now());
        for id in 1..1000 {
            people.note(who(id, "x"), Presence::Here, now);
            people.note(who(id, "x"), Presence::Left, now);
        }
        people.note(who(7, "still here"), Presence::Here, now);
        assert_eq!(people.sorted().len(), GONE + 1);
        assert_eq!(people.sorted()[1].who.id.get(), 999);
    }

    #[test]
    fn who_only_looks_and_who_goes_at_once_is_not_told_of() {
        let (mut people, now) = (People::default(), Instant::now());
        let names = |arrived: Vec<Who>| arrived.into_iter().map(|w| w.name).collect::<Vec<_>>();
        for (id, name) in [(1, "ben"), (2, ""), (3, "send"), (4, "")] {
            people.note(who(id, name), Presence::Here, now);
        }
        assert_eq!(people.arrived(now + STAYS / 2), []);
        assert!(!people.gone(who(3, "send"), Presence::Left, now));
        people.spoke(MemberId::new(4).unwrap());
        let arrived = people.arrived(now + STAYS);
        assert_eq!(names(arrived), ["ben", ""], "ben, and who spoke");
        assert_eq!(people.arrived(now + STAYS), [], "once");
        assert_eq!(people.onlookers(), 1);
        // Silence for a moment is no other arrival.
        people.note(who(1, "ben"), Presence::Suspect, now);
        people.note(who(1, "ben"), Presence::Here, now);
        assert_eq!(people.arrived(now + STAYS), []);
        assert!(people.gone(who(1, "ben"), Presence::Left, now));
        assert!(!people.gone(who(2, ""), Presence::Left, now));
        assert_eq!(people.sorted().len(), 2, "who said or was something");
    }

    #[test]
    fn a_crowd_is_told_of_together_and_waits_for_its_last_but_not_for_ever() {
        let (mut people, now) = (People::default(), Instant::now());
        let after = |millis: u64| now + Duration::from_millis(millis);
        for id in 1..=26 {
            people.note(
                who(id, "student"),
                Presence::Here,
                after(u64::from(id) * 40),
            );
        }
        // The first has stayed, and the last has not.
        assert_eq!(people.arrived(after(2_500)), []);
        let arrived = people.arrived(after(26 * 40 + 2_000));
        assert_eq!(arrived.len(), 26);
        assert!(people.were_here(&arrived, after(26 * 40)));
        assert!(!people.were_here(&arrived, after(25 * 40)));
        for id in 101..=110 {
            people.note(
                who(id, "late"),
                Presence::Here,
                after(10_000 + u64::from(id) * 100),
            );
        }
        // They come and come: those who are there for long are told of.
        let told = people.arrived(after(20_100 + 4_000));
        assert!(told.len() > FEW, "{told:?}");
        people.note(who(200, "one"), Presence::Here, after(40_000));
        assert_eq!(people.arrived(after(42_000)).len(), 1);
    }

    #[test]
    fn names_are_not_identities() {
        let (mut people, now) = (People::default(), Instant::now());
        people.note(who(1, "ana"), Presence::Here, now);
        people.note(who(2, "Ana "), Presence::Here, now);
        assert_eq!(people.called("ana").count(), 2);
        people.note(who(2, "Ana "), Presence::Left, now);
        assert_eq!(people.called("ana").count(), 1, "that one is gone");
        assert!(people.mirrors("10.0.0.1:7".parse().unwrap(), "ana: hi"));
        assert!(!people.mirrors("10.0.0.1:8".parse().unwrap(), "ana: hi"));
        let id = MemberId::new(1).unwrap();
        assert_eq!(people.rename(id, "eva").as_deref(), Some("ana"));
        assert_eq!(people.rename(id, "eva"), None);
    }

    #[test]
    fn names_that_look_the_same_are_alike() {
        for name in [
            "Ana",
            " ana",
            "ana\u{a0}",
            "ana\u{200b}",
            "an\u{ad}a",
            "ana\u{2060}",
            "ana\u{3164}",
            "ana\u{2800}",
            "ana\u{fe0f}",
            "ana\u{e0101}",
            "a\u{200d}na",
        ] {
            assert!(is_alike(name, "ana"), "{name:?}");
        }
        assert!(!is_alike("anna", "ana"));
        assert!(is_alike("\u{200b}", ""), "it has none");
    }

    #[test]
    fn names_that_read_as_words_of_the_chat_are_known() {
        for name in [
            "ana (you)",
            "ben (as told by ana)",
            "* ben joined",
            "ana: hi",
            "! ana",
            "0000000b",
            "ana#0000000b",
        ] {
            assert!(looks_like_ours(name), "{name}");
        }
        for name in ["ana", "Ana-Maria", "은지", "boiler 2", "o'neill", "deadbee"] {
            assert!(!looks_like_ours(name), "{name}");
        }
    }
}
