//! A message with all that is known of it, as `--format`, `--save` and `--exec` need it.

use core::net::SocketAddr;

use groupcast::{Channel, Event, MemberId, Sequence, Session};

use crate::output::json::called;
use crate::output::show::Show;
use crate::process::clock;
use crate::text::envelope;

#[derive(Debug)]
pub(super) struct Letter<'a> {
    /// When it came, in milliseconds since 1970 by this machine's clock.
    pub(super) millis: u64,
    /// The sender's name, or its id; of a raw datagram, where it came from.
    pub(super) from: String,
    pub(super) address: SocketAddr,
    /// Of messages of members.
    pub(super) member: Option<Framed>,
    /// With `--trust`: by whom it is signed.
    pub(super) signed_by: Option<&'a str>,
    pub(super) payload: &'a [u8],
    /// Where it is kept.
    pub(super) file: Option<String>,
}

/// What raw datagrams do not have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Framed {
    pub(super) sender: MemberId,
    /// Not known if the roster has no room for the sender.
    pub(super) session: Option<Session>,
    pub(super) channel: Channel,
    pub(super) sequence: Sequence,
}

impl<'a> Letter<'a> {
    /// `None`: it is no message.
    pub(super) fn of(event: &Event<'a>, show: Show<'a>) -> Option<Self> {
        let signed_by = match show {
            Show::SignedBy(publisher) => Some(publisher),
            _ => None,
        };
        let millis = clock::millis();
        match event {
            Event::Message(message) => Some(Self {
                millis,
                from: called(message.name(), message.sender()),
                address: message.address(),
                member: Some(Framed {
                    sender: message.sender(),
                    session: message.peer().map(|member| member.session()),
                    channel: message.channel(),
                    sequence: message.sequence(),
                }),
                signed_by,
                // Of a line of a chat the text.
                payload: envelope::open_payload(message.payload()).0,
                file: None,
            }),
            Event::Raw(raw) => Some(Self {
                millis,
                from: raw.address().to_string(),
                address: raw.address(),
                member: None,
                signed_by,
                payload: raw.payload(),
                file: None,
            }),
            _ => None,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A message of a member, and a raw datagram.
    pub(in crate::listen) fn letters(from: &str, payload: &'static [u8]) -> [Letter<'static>; 2] {
        let letter = |member, from: &str| Letter {
            millis: 1_764_316_800_123,
            from: from.to_owned(),
            address: "10.0.0.1:40000".parse().unwrap(),
            member,
            signed_by: None,
            payload,
            file: None,
        };
        let framed = Framed {
            sender: MemberId::new(0x7f3a).unwrap(),
            session: Some(Session::new(7)),
            channel: Channel::state(3),
            sequence: Sequence::new(42),
        };
        [letter(Some(framed), from), letter(None, "10.0.0.1:40000")]
    }
}
