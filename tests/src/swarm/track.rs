//! What one receiver, in one life of it, got of one life of a sender.

use std::collections::{BTreeMap, BTreeSet};

use groupcast::{Class, Instant};

use super::world::{Life, Sent};

/// What became of a fragment.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Mark {
    #[default]
    Nothing,
    Delivered,
    Gap,
}

/// What is promised in a run; see [`Plan`](super::Plan).
#[derive(Clone, Copy, Debug)]
pub struct Promises {
    /// Every member has room for all others on its roster.
    pub roster_fits: bool,
    /// Every member can remember all values.
    pub values_fit: bool,
    /// If it cannot, the newest comes nevertheless, and then perhaps an older one again.
    pub values_come: bool,
    /// What is sent by best effort does not come twice.
    pub once: bool,
}

/// What one receiver got of one sender.
#[derive(Clone, Debug, Default)]
pub struct Track {
    marks: Vec<Mark>,
    /// From where on in the stream nothing may be missing, by what was delivered or reported.
    lowest: Option<usize>,
    /// The place after the last that was delivered or reported.
    highest: usize,
    /// The same, by when it had the sender on its roster.
    known_since: Option<usize>,
    /// When it was told of it first.
    pub known_at: Option<Instant>,
    /// The same, by when the sender was told of the receiver, as long as it is not told of its end.
    counted_in: Option<usize>,
    /// The place after the last that a datagram told of that was accepted.
    told: usize,
    /// The same, of datagrams that may have been accepted.
    perhaps_told: usize,
    /// What was sent at the end of a life that others take for over, and no datagram told of.
    untold: Vec<core::ops::Range<usize>>,
    /// It was told that the sender left: whoever says so says where its stream ends.
    pub saw_the_end: bool,
    last_ordered: Option<usize>,
    /// The last value of each channel of Latest and State.
    values: BTreeMap<(u8, Class), usize>,
    /// The newest value of each.
    newest: BTreeMap<(u8, Class), usize>,
    once: BTreeSet<usize>,
}

impl Track {
    /// The receiver was told of the sender: what is sent from now on is for it, too.
    pub fn knows(&mut self, life: &Life, now: Instant) {
        self.known_since.get_or_insert(life.stream.len());
        self.known_at.get_or_insert(now);
    }

    /// The sender was told of the receiver: whoever is told that somebody joined can rely on it.
    pub fn is_counted_in(&mut self, life: &Life) {
        self.counted_in.get_or_insert(life.stream.len());
    }

    /// The sender was told that the receiver is gone.
    pub const fn is_not_counted_in(&mut self) {
        self.counted_in = None;
    }

    /// A datagram was accepted that tells of this number.
    pub fn was_told(&mut self, life: &Life, number: u32) {
        if let Some(place) = life.place(number) {
            self.told = self.told.max(place + 1);
        }
    }

    /// Whether the stream may be followed by now.
    pub const fn has_begun(&self) -> bool {
        self.told > 0 || self.lowest.is_some()
    }

    /// A datagram arrived, accepted or not, that tells of this number.
    pub fn may_know(&mut self, life: &Life, number: u32) {
        if let Some(place) = life.place(number) {
            self.perhaps_told = self.perhaps_told.max(place + 1);
        }
    }

    /// The sender begins another life, in which it sends what comes from this place on: of what it sent before
    /// and no datagram told of, nobody can know.
    pub fn parts(&mut self, from: usize) {
        self.untold.push(self.highest.max(self.told)..from);
    }

    /// Until now, somebody else had the sender's name: what either said may have been taken for the other's.
    pub fn was_shared(&mut self, life: &Life) {
        self.untold.push(0..life.stream.len());
    }

    fn grow(&mut self, life: &Life, first: usize, end: usize) {
        if self.marks.len() < life.stream.len() {
            self.marks.resize(life.stream.len(), Mark::Nothing);
        }
        self.lowest = Some(self.lowest.map_or(first, |lowest| lowest.min(first)));
        self.highest = self.highest.max(end);
    }

    /// A message was delivered.
    ///
    /// # Errors
    ///
    /// The rule that was broken, and how.
    pub fn message(
        &mut self,
        life: &Life,
        number: usize,
        promises: Promises,
    ) -> Result<(), (&'static str, String)> {
        let sent: &Sent = &life.sent[number];
        let class = sent.channel.class();
        let sequence = sent.first;
        if class == Class::BestEffort && promises.once && !self.once.insert(number) {
            return Err(("once", format!("best effort {sequence} again")));
        }
        if !promises.roster_fits {
            return Ok(());
        }
        match class {
            Class::Latest | Class::State => {
                let key = (sent.channel.number(), class);
                let newest = self.newest.entry(key).or_default();
                *newest = number.max(*newest);
                let before = self.values.insert(key, number);
                // Whoever begins another life says its values again: to others it is somebody else.
                let is_old = |before: &usize| match life.was_renamed() {
                    true => *before > number,
                    false => *before >= number,
                };
                if let Some(before) = before.filter(is_old)
                    && promises.values_fit
                {
                    let before = life.sent[before].first;
                    return Err(("newer", format!("{class:?} {sequence} after {before}")));
                }
            }
            _ => {}
        }
        let Some(first) = life.place(sequence).filter(|_| class.is_reliable()) else {
            return Ok(());
        };
        let end = first + sent.fragments;
        if class == Class::State {
            // It may come outside of the stream, so it says nothing of where the receiver stands.
            self.marks
                .resize(life.stream.len().max(self.marks.len()), Mark::Nothing);
            if self.marks[first] == Mark::Nothing {
                self.marks[first] = Mark::Delivered;
            }
            return Ok(());
        }
        self.grow(life, first, end);
        for place in first..end {
            match self.marks[place] {
                Mark::Nothing => self.marks[place] = Mark::Delivered,
                Mark::Delivered => {
                    return Err(("once", format!("{class:?} {sequence} again")));
                }
                Mark::Gap => {
                    return Err(("gap", format!("{class:?} {sequence} after its gap")));
                }
            }
        }
        if class == Class::ReliableOrdered {
            if let Some(last) = self.last_ordered.filter(|last| *last >= first) {
                return Err(("order", format!("place {first} after {last}")));
            }
            self.last_ordered = Some(first);
        }
        Ok(())
    }

    /// A gap was reported.
    ///
    /// # Errors
    ///
    /// The rule that was broken, and how.
    pub fn gap(
        &mut self,
        life: &Life,
        first: u32,
        last: u32,
        promises: Promises,
    ) -> Result<(), (&'static str, String)> {
        if !promises.roster_fits {
            return Ok(());
        }
        let places = life.place(first).zip(life.place(last));
        let Some((from, to)) = places.filter(|(from, to)| from <= to) else {
            let sent = life.stream.len();
            return Err(("gap", format!("gap {first}..={last}, but {sent} were sent")));
        };
        if to >= self.perhaps_told {
            let what = format!("gap {first}..={last}: nothing told of place {to}");
            return Err(("gap", what));
        }
        self.grow(life, from, to + 1);
        for place in from..=to {
            match self.marks[place] {
                Mark::Nothing => self.marks[place] = Mark::Gap,
                Mark::Delivered if !life.is_promised(place) => self.marks[place] = Mark::Gap,
                mark => {
                    let what = format!("gap {first}..={last}: place {place} was {mark:?}");
                    return Err(("gap", what));
                }
            }
        }
        Ok(())
    }

    /// The first of some places of the stream of which the receiver did not get the message.
    #[must_use]
    pub fn lacks(&self, life: &Life, from: usize, to: usize) -> Option<usize> {
        (from..to).find(|place| {
            let mark = self.marks.get(*place).copied().unwrap_or_default();
            mark != Mark::Delivered && life.is_promised(*place)
        })
    }

    /// Whether a message was delivered, or one that makes it old.
    #[must_use]
    pub fn had(&self, life: &Life, number: usize) -> bool {
        let sent = &life.sent[number];
        let class = sent.channel.class();
        match class {
            Class::BestEffort => self.once.contains(&number),
            Class::Latest | Class::State => {
                let value = self.values.get(&(sent.channel.number(), class));
                value.is_some_and(|had| *had >= number)
            }
            _ => life.place(sent.first).is_some_and(|place| self.has(place)),
        }
    }

    /// The last message the receiver got on a State channel.
    #[must_use]
    pub fn value(&self, channel: u8) -> Option<usize> {
        self.values.get(&(channel, Class::State)).copied()
    }

    /// The newest message the receiver ever got on a State channel.
    #[must_use]
    pub fn newest(&self, channel: u8) -> Option<usize> {
        self.newest.get(&(channel, Class::State)).copied()
    }

    /// Whether the fragment at a place of the stream was delivered.
    #[must_use]
    pub fn has(&self, place: usize) -> bool {
        self.marks.get(place) == Some(&Mark::Delivered)
    }

    /// The first place that is neither delivered nor reported, and must be, and the rule that says so.
    /// `alive`: the sender still runs. `reliable`: it sends more than values; who sends no more says in START where it
    /// stands, and of values the newest are asked for.
    #[must_use]
    pub fn unaccounted(
        &self,
        life: &Life,
        alive: bool,
        reliable: bool,
    ) -> Option<(&'static str, usize)> {
        // Values only, and it is not said of which of its lives a number is.
        if life.began_anew() {
            return None;
        }
        let all = life.stream.len();
        let known = self.known_since.filter(|_| alive);
        let start = earliest(self.lowest, known);
        let end = if alive { all } else { self.highest };
        let told_since = earliest(self.lowest, self.known_since);
        let told = self.highest.max(self.told);
        let told = if alive { all } else { told };
        let ended = if self.saw_the_end { all } else { told };
        // Who never heard who the sender is could not ask it, either.
        let counted_in = self.counted_in.filter(|_| self.known_since.is_some());
        let relied_since = earliest(told_since, counted_in.filter(|_| reliable));
        // The plainest one first: what is missing by it is missing by those that follow, too.
        [
            ("unaccounted", start, end),
            ("told", told_since, told),
            ("end", told_since, ended),
            ("relied", relied_since, ended),
        ]
        .into_iter()
        .find_map(|(rule, start, end)| {
            let place = (start?..end).find(|place| {
                let mark = self.marks.get(*place).copied().unwrap_or_default();
                let is_told = !self.untold.iter().any(|untold| untold.contains(place));
                // Who crashes at once cannot say any more from where on it counted a newcomer in.
                let is_early = rule == "relied" && life.crashed_soon_after(*place);
                mark == Mark::Nothing && is_told && life.is_promised(*place) && !is_early
            });
            place.map(|place| (rule, place))
        })
    }
}

fn earliest(one: Option<usize>, other: Option<usize>) -> Option<usize> {
    [one, other].into_iter().flatten().min()
}
