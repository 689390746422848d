//! Events: which is next, and what it borrows.

use super::engine::Engine;
use super::found::Found;
use super::inbox::Content;
use super::membership::{Change, Entry};
use super::receiving::Receiving;
use crate::config::Config;
use crate::event::{DuplicateId, DuplicateIdOutcome, Event, Gap, Message, Raw};
use crate::rooms::Rooms;
use crate::sequence::Sequence;
use crate::storage::{View, Views};
use crate::wire;

/// The payload and the signature of a signed message. One that is too short for a signature has no
/// payload, and its signature is wrong.
fn split_signed(body: &[u8]) -> (&[u8], &[u8]) {
    let at = body.len().saturating_sub(wire::SIGNATURE_LEN);
    body.split_at_checked(at).unwrap_or_default()
}

impl Engine {
    /// Whether there is something to look at for events.
    pub(crate) fn has_events(&self, rooms: Rooms, view: View<'_>) -> bool {
        view.inbox.is_busy()
            || view.roster.has_pending()
            || (rooms.receive_streams() && view.streams.any_ready)
            || self.membership.duplicate_id.is_some()
            || self.guard.is_worn_out()
    }

    /// Whether there is something to look at that came with a datagram. That somebody is silent, or is gone who
    /// never said who it is, came with the time, maybe in [`transmit`](Self::transmit), and is taken back if the
    /// next datagram is theirs.
    pub(crate) fn has_events_of_datagram(&self, rooms: Rooms, views: &mut Views<'_>) -> bool {
        let came = |change| !matches!(change, Change::Suspect | Change::Lost | Change::Ended);
        self.has_events(rooms, views.view())
            && (views.inbox.is_busy()
                || (rooms.receive_streams() && views.streams.any_ready)
                || self.membership.duplicate_id.is_some()
                || self.guard.is_worn_out()
                || views.roster.peek_pending(came).is_some())
    }

    /// The next of what is stored, put together in the receive buffer.
    fn find_stored(&mut self, rooms: Rooms, views: &mut Views<'_>) -> Option<Found> {
        if !rooms.receive_streams() || !views.streams.any_ready {
            return None;
        }
        let (mut parts, inbox) = views.parts_and_inbox(&mut self.tools, &self.membership.trip);
        Receiving::find_stored(&mut parts, self.clock.now()?, &mut inbox.octets)
    }

    /// The next event.
    ///
    /// Changes of the roster come before the frame that follows them. What is stored is delivered when
    /// the datagram has been read, since it is put together in the receive buffer. That a member is
    /// gone is told last, after what it still had to say.
    #[inline(never)]
    pub(crate) fn find_event(&mut self, rooms: Rooms, views: &mut Views<'_>) -> Option<Found> {
        let is_end = |change| matches!(change, Change::Left | Change::Lost | Change::Ended);
        loop {
            // A session that is over comes before the one that has begun.
            if !views.inbox.is_busy()
                && let Some(found) = self.find_stored(rooms, views)
            {
                return Some(found);
            }
            if let Some((index, change)) = views.roster.take_pending(|change| !is_end(change)) {
                return Some(Found::Change(index, change));
            }
            if let Some(duplicate) = self.membership.duplicate_id.take() {
                return Some(Found::DuplicateId(duplicate));
            }
            #[cfg(feature = "seal")]
            if let Some(place) = self.guard.take_worn_out() {
                return Some(Found::RotateKey(place));
            }
            if let Some(refused) = self
                .clock
                .now()
                .and_then(|now| self.membership.take_refused(now))
            {
                return Some(Found::RosterFull(refused));
            }
            match views.inbox.content {
                Content::Nothing => {}
                Content::Raw { len } => {
                    views.inbox.content = Content::Nothing;
                    let address = self.source?.address;
                    return Some(Found::Raw { address, len });
                }
                Content::Frames { .. } => {
                    let source = self.source?;
                    if let Some(found) = self.next_frame(rooms, views, &source) {
                        return Some(found);
                    }
                    continue;
                }
            }
            let index = views.roster.peek_pending(is_end)?;
            if rooms.receive_streams()
                && let Some(found) = self.find_rest(rooms, views, index)
            {
                return Some(found);
            }
            let (index, change) = views.roster.take_pending(is_end)?;
            if change != Change::Ended {
                return Some(Found::Change(index, change));
            }
        }
    }

    /// What is still to be told of the stream of a member that is gone.
    fn find_rest(&mut self, rooms: Rooms, views: &mut Views<'_>, index: usize) -> Option<Found> {
        let told = views.roster.told(index);
        let Some(at) = views.streams.find(index) else {
            let gap = views.roster.entry_mut(index).and_then(Entry::take_gap);
            let (first, last) = gap?;
            let mut parts = views.parts(&mut self.tools, &self.membership.trip);
            return Some(Receiving::found_gap(&mut parts, None, index, first, last));
        };
        let stream = views.streams.get_mut(at)?;
        if !stream.is_owed(told) {
            return None;
        }
        stream.give_up(told);
        if !stream.is_ready {
            return None;
        }
        views.streams.any_ready = true;
        self.find_stored(rooms, views)
    }
}

/// The event that was found, with what it borrows.
#[inline(never)]
pub(crate) fn show<'a>(views: Views<'a>, config: &'a Config, found: Found) -> Option<Event<'a>> {
    let Views { roster, inbox, .. } = views;
    let event = match found {
        Found::RosterFull(refused) => Event::RosterFull { refused },
        Found::ReliableDropped { sender, channel } => Event::ReliableDropped { sender, channel },
        Found::DuplicateId(duplicate) => Event::DuplicateId(duplicate),
        #[cfg(feature = "seal")]
        Found::RotateKey(place) => Event::RotateKey { place },
        Found::Raw { address, len } => Event::Raw(Raw {
            address,
            payload: inbox.octets.get(..len)?,
        }),
        Found::Message(message) => {
            let body = inbox.octets.get(message.start..message.end)?;
            let (payload, signature) = if message.signed {
                let (payload, signature) = split_signed(body);
                (payload, Some(signature))
            } else {
                (body, None)
            };
            Event::Message(Message {
                channel: message.channel,
                sender: message.id,
                address: message.address,
                peer: message.index.and_then(|index| roster.peer(index)),
                sequence: Sequence::new(message.sequence),
                payload,
                signature,
                config,
            })
        }
        Found::Gap { index, first, last } => Event::Gap(Gap {
            peer: roster.peer(index)?,
            lost: Sequence::new(first).to(Sequence::new(last)),
        }),
        Found::Change(index, change) => {
            let peer = roster.peer(index)?;
            match change {
                Change::Joined => Event::Joined(peer),
                Change::Left => Event::Left(peer),
                Change::Suspect => Event::Suspect(peer),
                Change::Recovered => Event::Recovered(peer),
                Change::Lost => Event::Lost(peer),
                Change::Restarted => Event::Restarted(peer),
                Change::Confirmed => Event::Confirmed(peer),
                Change::DuplicateId => Event::DuplicateId(DuplicateId {
                    id: peer.id(),
                    address: peer.address(),
                    outcome: DuplicateIdOutcome::Others,
                }),
                // It is not told.
                Change::Ended => return None,
            }
        }
    };
    Some(event)
}
