//! What was really sent: the truth that receivers are held to.

use core::time::Duration;
use std::collections::BTreeMap;

use groupcast::{Channel, Class, Instant, MemberId, Session};

use super::dice::Dice;
use super::wire_math::is_before;

/// A message that a member sent.
#[derive(Clone, Debug)]
pub struct Sent {
    /// On which channel.
    pub channel: Channel,
    /// What `send` returned.
    pub first: u32,
    /// How many sequence numbers it takes.
    pub fragments: usize,
    /// What it says.
    pub payload: Vec<u8>,
    /// When.
    pub at: Instant,
}

/// One life of a member: from a start to its end.
#[derive(Clone, Debug)]
pub struct Life {
    /// Which member.
    pub member: usize,
    /// Whether the member's id is the same in every life.
    pub fixed: bool,
    /// Its ids and sessions, one after the other: a member can draw new ones, and goes on with its numbers.
    names: Vec<(MemberId, Session)>,
    /// When it began.
    pub began: Instant,
    /// When it ended.
    pub ended: Option<Instant>,
    /// Whether it was told to leave.
    pub leaves: bool,
    /// Whether a value that it has not sent yet gives way to the next one of its channel, with its number.
    pub gives_way: bool,
    /// All it sent.
    pub sent: Vec<Sent>,
    /// The sequence number of the first fragment of its reliable stream.
    base: u32,
    /// For each fragment of the reliable stream, the message.
    pub stream: Vec<usize>,
    /// Numbers that values had in an earlier life, as others see it, and of which message.
    former: Vec<(u32, usize)>,
    /// The other messages by their sequence numbers.
    other: BTreeMap<u32, usize>,
}

/// Octets at the beginning of a payload that tell which message it is.
pub const LABEL: usize = 6;

impl Life {
    /// A life that begins.
    #[must_use]
    pub fn new(member: usize, fixed: bool, id: MemberId, session: Session, began: Instant) -> Self {
        Self {
            member,
            fixed,
            names: vec![(id, session)],
            began,
            ended: None,
            leaves: false,
            gives_way: false,
            sent: Vec::new(),
            base: 0,
            stream: Vec::new(),
            former: Vec::new(),
            other: BTreeMap::new(),
        }
    }

    /// Whether the sender crashed within a second after it sent what has this place in its stream.
    #[must_use]
    pub fn crashed_soon_after(&self, place: usize) -> bool {
        let sent = self
            .stream
            .get(place)
            .and_then(|number| self.sent.get(*number));
        let Some((ended, sent)) = self.ended.zip(sent) else {
            return false;
        };
        !self.leaves && ended.since(sent.at) < Duration::from_secs(1)
    }

    /// Whether it has, or had, this id and session.
    #[must_use]
    pub fn is(&self, id: MemberId, session: Session) -> bool {
        self.names.contains(&(id, session))
    }

    /// Whether it has, or had, this id.
    #[must_use]
    pub fn had_id(&self, id: MemberId) -> bool {
        self.names.iter().any(|(had, _)| *had == id)
    }

    /// Whether it has, or had, this session.
    #[must_use]
    pub fn had_session(&self, session: Session) -> bool {
        self.names.iter().any(|(_, had)| *had == session)
    }

    /// Its present id and session.
    ///
    /// # Panics
    ///
    /// Never: it has one from the beginning.
    #[must_use]
    pub fn name(&self) -> (MemberId, Session) {
        *self.names.last().expect("it began with one")
    }

    /// It goes on under another id or session. A leaf says its values again, numbered anew.
    pub fn renames(&mut self, id: MemberId, session: Session) {
        self.names.push((id, session));
        if !self.gives_way {
            return;
        }
        let kept = self.values();
        self.base = 0;
        for number in core::mem::take(&mut self.stream) {
            let sent = &mut self.sent[number];
            self.former.push((sent.first, number));
            if kept.get(&sent.channel.number()) == Some(&number) {
                sent.first = self.stream.len() as u32;
                self.stream.push(number);
            }
        }
    }

    /// Whether its numbers began anew.
    #[must_use]
    pub const fn began_anew(&self) -> bool {
        self.gives_way && self.was_renamed()
    }

    /// Whether it has, or had, more than one name.
    #[must_use]
    pub const fn was_renamed(&self) -> bool {
        self.names.len() > 1
    }

    /// Whether a NACK for this id and low half of a session means it.
    #[must_use]
    pub fn is_target(&self, id: u32, low: u32) -> bool {
        Self::is_meant(self.name(), id, low)
    }

    /// Whether it meant it once.
    #[must_use]
    pub fn was_target(&self, id: u32, low: u32) -> bool {
        self.names.iter().any(|name| Self::is_meant(*name, id, low))
    }

    /// The low half of a session names the life.
    fn is_meant((has, session): (MemberId, Session), id: u32, low: u32) -> bool {
        (has.get(), session.get() as u32) == (id, low)
    }

    /// The place in the stream of a sequence number, if anything was sent with it.
    #[must_use]
    pub fn place(&self, sequence: u32) -> Option<usize> {
        let place = sequence.wrapping_sub(self.base) as usize;
        (place < self.stream.len()).then_some(place)
    }

    /// The message whose first fragment has this sequence number, or had it, on such a channel, if it is that.
    pub fn find(
        &self,
        channel: Channel,
        sequence: u32,
        is_it: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let number = if channel.class().is_reliable() {
            let place = self.place(sequence);
            place.and_then(|place| self.stream.get(place))
        } else {
            self.other.get(&sequence)
        };
        let is = |number: &usize| self.sent[*number].first == sequence;
        let was = self.former.iter().filter(|(first, _)| *first == sequence);
        let mut all = number
            .copied()
            .filter(is)
            .into_iter()
            .chain(was.map(|(_, number)| *number));
        all.find(|number| self.sent[*number].channel == channel && is_it(*number))
    }

    /// Notes that a message was sent. An error if its sequence number is not the one expected. `next`: the number after
    /// the last that went out.
    ///
    /// # Errors
    ///
    /// What is wrong about the number.
    pub fn note(&mut self, sent: Sent, next: u32) -> Result<(), String> {
        let number = self.sent.len();
        if sent.channel.class().is_reliable() {
            if self.stream.is_empty() {
                self.base = sent.first;
            }
            let end = self.base.wrapping_add(self.stream.len() as u32);
            if self.gives_way && sent.first.wrapping_add(1) == end {
                self.replace(sent.channel, next)?;
            }
            let expected = self.base.wrapping_add(self.stream.len() as u32);
            if sent.first != expected {
                return Err(format!("send returned {}, not {expected}", sent.first));
            }
            self.stream.extend((0..sent.fragments).map(|_| number));
        } else {
            self.other.insert(sent.first, number);
        }
        self.sent.push(sent);
        Ok(())
    }

    /// The last value of a channel is not sent any more: those behind it have one number less.
    fn replace(&mut self, channel: Channel, next: u32) -> Result<(), String> {
        let is_it = |number: &usize| self.sent[*number].channel == channel;
        let place = self.stream.iter().rposition(is_it);
        let is_unsent = |number: &usize| !is_before(self.sent[*number].first, next);
        let place = place.filter(|place| is_unsent(&self.stream[*place]));
        let place = place.ok_or("a value gives way that was sent")?;
        self.stream.remove(place);
        for number in &self.stream[place..] {
            let first = &mut self.sent[*number].first;
            *first = first.wrapping_sub(1);
        }
        Ok(())
    }

    /// Whether the fragment at a place of the stream must be delivered or reported.
    #[must_use]
    pub fn is_promised(&self, place: usize) -> bool {
        self.sent[self.stream[place]].channel.class() != Class::State
    }

    /// The last value of each State channel, by the message's number.
    #[must_use]
    pub fn values(&self) -> BTreeMap<u8, usize> {
        let states = self.sent.iter().enumerate();
        states
            .filter(|(_, sent)| sent.channel.class() == Class::State)
            .map(|(number, sent)| (sent.channel.number(), number))
            .collect()
    }
}

/// What message number `number` of life `life` says.
#[must_use]
pub fn payload(seed: u64, life: usize, number: usize, len: usize) -> Vec<u8> {
    let mut dice = Dice::new(seed, 1_000 + ((life as u64) << 32 | number as u64));
    let mut octets = Vec::with_capacity(len + 8);
    octets.extend((life as u16).to_be_bytes());
    octets.extend((number as u32).to_be_bytes());
    while octets.len() < len {
        octets.extend(dice.roll().to_be_bytes());
    }
    octets.truncate(len);
    octets
}

/// The life and the number of the message that a payload says it is.
#[must_use]
pub fn label(payload: &[u8]) -> Option<(usize, usize)> {
    let [a, b, c, d, e, f] = *payload.first_chunk::<LABEL>()?;
    let life = u16::from_be_bytes([a, b]);
    let number = u32::from_be_bytes([c, d, e, f]);
    Some((usize::from(life), number as usize))
}
