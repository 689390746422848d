//! Events: which is next, and what it borrows.

use super::Leaf;
use super::frames::channel_of;
use super::incoming::frame;
use crate::channel::Channel;
use crate::event::{Event, Message, Raw};
use crate::group::inbox::Content;
use crate::sequence::Sequence;
use crate::wire::{Data, SIGNATURE_LEN};

/// An event that was found, without what it borrows.
#[derive(Clone, Copy, Debug)]
pub(super) enum Found {
    DuplicateId,
    #[cfg(feature = "seal")]
    RotateKey(usize),
    Raw(usize),
    ReliableDropped(Channel),
    /// A message, and where in the receive buffer its frame is.
    Message {
        at: usize,
        end: usize,
    },
}

impl<const DATAGRAM: usize, const SENDERS: usize, const ROOM: usize> Leaf<DATAGRAM, SENDERS, ROOM> {
    /// Finds the next event.
    #[inline(never)]
    pub(super) fn find(&mut self) -> Option<Found> {
        if !Self::HEARS {
            return None;
        }
        loop {
            if self.membership.duplicate_id.is_some() {
                return Some(Found::DuplicateId);
            }
            #[cfg(feature = "seal")]
            if let Some(place) = self.guard.take_worn_out() {
                return Some(Found::RotateKey(place));
            }
            match self.inbox.content {
                Content::Nothing => return None,
                Content::Raw { len } => {
                    self.inbox.content = Content::Nothing;
                    return Some(Found::Raw(len));
                }
                Content::Frames { at, end } => {
                    if let Some(found) = self.next_frame(at, end) {
                        return Some(found);
                    }
                }
            }
        }
    }

    /// The event that was found, with what it borrows.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(super) fn show(&mut self, found: Found) -> Option<Event<'_>> {
        let octets = &self.inbox.octets;
        Some(match found {
            Found::DuplicateId => Event::DuplicateId(self.membership.duplicate_id.take()?),
            #[cfg(feature = "seal")]
            Found::RotateKey(place) => Event::RotateKey { place },
            Found::Raw(len) => Event::Raw(Raw {
                address: self.from?,
                payload: octets.get(..len)?,
            }),
            Found::ReliableDropped(channel) => Event::ReliableDropped {
                sender: self.source?.sender,
                channel,
            },
            Found::Message { at, end } => {
                let (_, flags, body) = frame(octets.get(at..end)?)?;
                let data = Data::parse(flags, body).ok()?;
                let (mut payload, mut signature) = (data.payload, None);
                if data.signed {
                    let at = payload.len().saturating_sub(SIGNATURE_LEN);
                    let (head, tail) = payload.split_at_checked(at)?;
                    (payload, signature) = (head, Some(tail));
                }
                Event::Message(Message {
                    channel: channel_of(&data),
                    sender: self.source?.sender,
                    address: self.from?,
                    peer: None,
                    sequence: Sequence::new(data.sequence),
                    payload,
                    signature,
                    config: &self.tools.config,
                })
            }
        })
    }
}
