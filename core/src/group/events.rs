//! Events, with what they borrow.

use super::found::Found;
use super::membership::Change;
use crate::config::Config;
use crate::event::{DuplicateId, Event, Gap, Message, Outcome, Raw};
use crate::storage::Views;
use crate::wire;

/// The payload and the signature of a signed message. One that is too short for a signature has no
/// payload, and its signature is wrong.
fn split_signed(body: &[u8]) -> (&[u8], &[u8]) {
    let at = body.len().saturating_sub(wire::SIGNATURE_LEN);
    body.split_at_checked(at).unwrap_or_default()
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
                member: message.index.and_then(|index| roster.member(index)),
                sequence: message.sequence,
                payload,
                signature,
                config,
            })
        }
        Found::Gap { index, first, last } => Event::Gap(Gap {
            member: roster.member(index)?,
            first,
            last,
        }),
        Found::Change(index, change) => {
            let member = roster.member(index)?;
            match change {
                Change::Joined => Event::Joined(member),
                Change::Left => Event::Left(member),
                Change::Suspect => Event::Suspect(member),
                Change::Recovered => Event::Recovered(member),
                Change::Lost => Event::Lost(member),
                Change::Restarted => Event::Restarted(member),
                Change::Confirmed => Event::Confirmed(member),
                Change::DuplicateId => Event::DuplicateId(DuplicateId {
                    id: member.id(),
                    address: member.address(),
                    outcome: Outcome::Others,
                }),
                // It is not told.
                Change::Ended => return None,
            }
        }
    };
    Some(event)
}
