//! What happened in the group, as far as people who chat are told.

use core::net::SocketAddr;

use groupcast::{Channel, DuplicateIdOutcome, MemberId, SequenceRange, Session};
use groupcast_std::OwnedEvent;

use super::earlier::Line;
use super::people::Who;
use crate::text::envelope;
use crate::text::escape::hex;

/// Something that happened.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Happening {
    /// Something was said. Its note is what is unusual about it, such as another channel; else empty.
    Said(Line),
    Raw {
        from: SocketAddr,
        text: String,
    },
    /// A member has what it was asked for.
    Has(MemberId),
    Joined(Who),
    Left(Who),
    Suspect(Who),
    Recovered(Who),
    Lost(Who),
    Restarted(Who),
    Gap {
        who: Who,
        lost: SequenceRange,
    },
    /// This member began another session, perhaps with another id: nobody can tell any more who has what
    /// it said before.
    BeganAnew(Option<MemberId>, String),
    /// Something else to be told.
    Notice(String),
}

impl Happening {
    /// What an event means to those who chat on a channel. A message is of this session of its sender, and heard at
    /// this time.
    pub(crate) fn of(
        event: OwnedEvent,
        usual: Channel,
        session: Option<Session>,
        heard: u64,
    ) -> Option<Self> {
        Some(match event {
            OwnedEvent::Message(message) => {
                let (payload, stated) = envelope::open_payload(&message.payload);
                Self::Said(Line {
                    text: content(payload.to_vec()),
                    stated,
                    sender: Who {
                        id: message.sender,
                        name: message.name().to_owned(),
                        address: message.address,
                        takes_reliable: true,
                    },
                    session,
                    sequence: message.sequence,
                    note: note(message.channel, usual, message.signed),
                    heard,
                    teller: None,
                })
            }
            OwnedEvent::Raw(raw) => Self::Raw {
                from: raw.address,
                text: content(raw.payload),
            },
            OwnedEvent::Gap { peer: member, lost } => Self::Gap {
                who: (&member).into(),
                lost,
            },
            OwnedEvent::Confirmed(member) => Self::Has(member.id()),
            OwnedEvent::Joined(member) => Self::Joined((&member).into()),
            OwnedEvent::Left(member) => Self::Left((&member).into()),
            OwnedEvent::Suspect(member) => Self::Suspect((&member).into()),
            OwnedEvent::Recovered(member) => Self::Recovered((&member).into()),
            OwnedEvent::Lost(member) => Self::Lost((&member).into()),
            OwnedEvent::Restarted(member) => Self::Restarted((&member).into()),
            OwnedEvent::DuplicateId(duplicate) => {
                let text = event.to_string();
                match duplicate.outcome() {
                    DuplicateIdOutcome::Others | DuplicateIdOutcome::Kept => Self::Notice(text),
                    DuplicateIdOutcome::Redrawn(id) => Self::BeganAnew(Some(id), text),
                    _ => Self::BeganAnew(None, text),
                }
            }
            OwnedEvent::RosterFull { .. } | OwnedEvent::RotateKey { .. } => {
                Self::Notice(event.to_string())
            }
            _ => return None,
        })
    }
}

/// Text as it is, anything else in hexadecimal.
fn content(payload: Vec<u8>) -> String {
    String::from_utf8(payload).unwrap_or_else(|error| hex(error.as_bytes()))
}

fn note(channel: Channel, usual: Channel, signed: bool) -> String {
    let mut notes = Vec::new();
    if signed {
        notes.push("signed, not verified".to_owned());
    }
    if channel.number() != usual.number() {
        notes.push(format!("channel {}", channel.number()));
    }
    if channel.class() != usual.class() {
        notes.push(channel.class().name().to_owned());
    }
    notes.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unusual_is_said() {
        let usual = Channel::reliable_ordered(0);
        assert_eq!(note(usual, usual, false), "");
        assert_eq!(
            note(Channel::state(3), usual, true),
            "signed, not verified, channel 3, state"
        );
    }

    #[test]
    fn what_is_not_text_is_shown_in_hexadecimal() {
        assert_eq!(content("여보세요".into()), "여보세요");
        assert_eq!(content(vec![0xff, 0]), "ff00");
    }
}
