//! The senders that a leaf listens to.
//!
//! A place is given to whoever sends something that is to be delivered, or has values; in a sealed group to whoever
//! proves to be there. When all are taken, somebody gives way who left, or fell silent; and for one who sends
//! something to be delivered also one who never did.

use super::place::Place;
#[cfg(feature = "seal")]
use super::{bodies, incoming::find_frame};
use crate::group::Earliest;
use crate::group::membership::Verdict;
use crate::ident::MemberId;
use crate::time::{Ageing, Tick};
use crate::wire::Header;
#[cfg(feature = "seal")]
use crate::{
    group::{backoff, sealed::Known},
    wire::{Data, Hello},
};

/// How much a place's holder is worth to keep.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Rank {
    /// There is none.
    Free,
    /// It left, or is silent.
    Gone,
    /// It has sent nothing that was to be delivered.
    Idle,
    /// The same, and it is to be asked for its values first.
    Asked,
    /// It has.
    Useful,
}

/// The senders.
#[derive(Debug)]
pub(super) struct Places<const SENDERS: usize> {
    places: [Place; SENDERS],
    /// Whether it was forgotten what somebody has sent.
    #[cfg(feature = "seal")]
    forgotten: bool,
    /// Who is to have a place as soon as it proves to be there, since it sent something to be delivered.
    #[cfg(feature = "seal")]
    expected: Option<MemberId>,
}

impl<const SENDERS: usize> Places<SENDERS> {
    pub(super) const fn new() -> Self {
        Self {
            places: [Place::FREE; SENDERS],
            #[cfg(feature = "seal")]
            forgotten: false,
            #[cfg(feature = "seal")]
            expected: None,
        }
    }

    /// Time makes them older.
    pub(super) fn age(&mut self, ageing: Ageing) {
        for place in &mut self.places {
            place.age(ageing);
        }
    }

    #[cfg_attr(target_os = "none", inline(never))]
    pub(super) fn get_mut(&mut self, at: usize) -> Option<&mut Place> {
        self.places.get_mut(at)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Place> {
        self.places.iter_mut()
    }

    /// The number of a sender's place; that of none, if it has no place.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(super) fn find(&self, id: MemberId) -> usize {
        let at = self.places.iter().position(|place| place.id == Some(id));
        at.unwrap_or(SENDERS)
    }

    /// The sender with this number.
    pub(super) fn find_number(&mut self, id: u32) -> Option<&mut Place> {
        let at = self.find(MemberId::new(id)?);
        self.get_mut(at)
    }

    /// The place that is worth least, if it is not worth more than this.
    fn vacancy(&self, now: Tick, most: Rank) -> usize {
        let (mut at, mut least) = (SENDERS, most);
        for (n, place) in self.places.iter().enumerate() {
            let rank = place.rank(now);
            if rank < least || (rank == least && at == SENDERS) {
                (at, least) = (n, rank);
            }
        }
        at
    }

    /// Gives a sender a place, for which somebody gives way who is worth no more than this. Returns its number.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(super) fn claim(&mut self, now: Tick, header: &Header, most: Rank) -> usize {
        let at = self.vacancy(now, most);
        if let Some(place) = self.places.get_mut(at) {
            #[cfg(feature = "seal")]
            {
                self.forgotten |= place.id.is_some();
            }
            place.begin(now, header);
        }
        at
    }

    /// A sound datagram came in. `Err`: it is not to be taken. With it comes the number of its sender's place.
    pub(super) fn hear(&mut self, now: Tick, header: &Header) -> Result<usize, Verdict> {
        let at = self.find(header.sender);
        match self.places.get_mut(at).map(|place| place.hear(now, header)) {
            None | Some(Verdict::New) => Ok(at),
            Some(verdict) => Err(verdict),
        }
    }

    /// When somebody is to be asked for values.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(super) fn ask_at(&self) -> Option<Tick> {
        let mut first = Earliest(None);
        self.places.iter().for_each(|place| first.at(place.ask_at));
        first.0
    }
}

#[cfg(feature = "seal")]
impl<const SENDERS: usize> Places<SENDERS> {
    /// Whether nobody has a place.
    pub(super) fn is_empty(&self) -> bool {
        self.places.iter().all(|place| place.id.is_none())
    }

    /// Whether a datagram is of a session that has a place.
    pub(super) fn is_known(&self, header: &Header) -> bool {
        let place = self.places.get(self.find(header.sender));
        place.is_some_and(|place| place.is_of(header))
    }

    /// Its sender has a place, and a session of another life began.
    pub(super) const fn forget(&mut self) {
        self.forgotten = true;
    }

    /// Who gives way to a sender that has proved to be there.
    pub(super) fn most_for(&mut self, sender: MemberId) -> Rank {
        if self.expected != Some(sender) {
            return Rank::Gone;
        }
        self.expected = None;
        Rank::Asked
    }

    /// The senders as first contact sees them, in a group of such a size of which these channels matter.
    pub(super) const fn among(&mut self, size: u8, channels: (u8, u8)) -> Among<'_, SENDERS> {
        Among {
            places: self,
            size,
            channels,
        }
    }
}

/// The senders as first contact sees them.
#[cfg(feature = "seal")]
pub(super) struct Among<'a, const SENDERS: usize> {
    places: &'a mut Places<SENDERS>,
    size: u8,
    channels: (u8, u8),
}

#[cfg(feature = "seal")]
impl<const SENDERS: usize> Known for Among<'_, SENDERS> {
    fn group_size(&self) -> usize {
        backoff::decode_group_size(self.size)
    }

    fn judge(&self, now: Tick, header: &Header) -> Option<Verdict> {
        let at = self.places.find(header.sender);
        self.places.places.get(at)?.judge(now, header)
    }

    fn believed_with(&self, sender: MemberId) -> Option<u64> {
        let at = self.places.find(sender);
        self.places.places.get(at).map(|place| place.believed_with)
    }

    fn prove(&mut self, now: Tick, header: &Header, challenge: u64) {
        let at = self.places.find(header.sender);
        if let Some(place) = self.places.get_mut(at) {
            place.prove(now, header, challenge);
        }
    }

    fn take_forgotten(&mut self) -> bool {
        core::mem::replace(&mut self.places.forgotten, false)
    }

    fn hello_in(frames: &[u8]) -> Option<Hello<'_>> {
        find_frame(frames, |kind, _, body| match kind {
            Hello::KIND => bodies::options(body),
            _ => None,
        })
    }

    /// Whoever never sends anything to be delivered does not take somebody else's place: nobody asks it to prove
    /// that it is there.
    fn has_place_for(&mut self, now: Tick, header: &Header, frames: &[u8]) -> bool {
        if self.places.find(header.sender) < SENDERS
            || self.places.vacancy(now, Rank::Gone) < SENDERS
        {
            return true;
        }
        let (first, last) = self.channels;
        let matters = find_frame(frames, |kind, _, body| {
            let channel = body.first().filter(|_| kind == Data::KIND);
            channel.filter(|channel| (first..=last).contains(*channel))
        });
        if matters.is_none() || self.places.vacancy(now, Rank::Asked) == SENDERS {
            return false;
        }
        self.places.expected = Some(header.sender);
        true
    }
}
