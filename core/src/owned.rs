//! What a member is told, in a form that can be kept. For programs with an allocator.

use core::fmt;
use core::net::SocketAddr;
use std::borrow::ToOwned;
use std::string::{String, ToString};
use std::vec::Vec;

use crate::channel::Channel;
use crate::event::{DuplicateId, Event, Outcome};
use crate::ident::MemberId;
use crate::member::Member;

/// Something happened: [`Event`] with everything owned.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum OwnedEvent {
    /// A message arrived.
    Message(OwnedMessage),
    /// A bare datagram of another program arrived.
    Raw(OwnedRaw),
    /// Messages of a member that will never be delivered: from the first to the last sequence
    /// number, both included.
    Gap {
        /// Whose messages they are.
        member: Member,
        /// The first sequence number.
        first: u32,
        /// The last sequence number.
        last: u32,
    },
    /// A member has all the messages that were to be confirmed.
    Confirmed(Member),
    /// A member is there that was not there before.
    Joined(Member),
    /// A member said good-bye.
    Left(Member),
    /// A member has been silent for longer than it promised.
    Suspect(Member),
    /// A suspect was heard again.
    Recovered(Member),
    /// A member has been silent for too long and is given up.
    Lost(Member),
    /// A member started again.
    Restarted(Member),
    /// Members were refused, because the roster is full.
    RosterFull {
        /// How many datagrams of such members came since this was last said.
        refused: u32,
    },
    /// A reliable message was dropped, because this member takes none.
    ReliableDropped {
        /// Who sent it.
        sender: MemberId,
        /// The channel it was sent on.
        channel: Channel,
    },
    /// Two members have the same id.
    DuplicateId(DuplicateId),
    /// In a sealed group: it is time for another key.
    RotateKey {
        /// The key's place among the member's keys.
        place: usize,
    },
}

/// A message that arrived.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OwnedMessage {
    /// The channel it was sent on.
    pub channel: Channel,
    /// Who sent it.
    pub sender: MemberId,
    /// The sender's name; empty if it has none or it is not known.
    pub name: String,
    /// Where it came from.
    pub address: SocketAddr,
    /// What the sender's `send` returned.
    pub sequence: u32,
    /// Whether it was sent with a signature, which [`Message`](crate::Message) can verify: this cannot.
    pub signed: bool,
    /// What it says.
    pub payload: Vec<u8>,
}

/// A bare datagram that arrived.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OwnedRaw {
    /// Where it came from.
    pub address: SocketAddr,
    /// Its octets.
    pub payload: Vec<u8>,
}

impl OwnedMessage {
    /// What it says, if that is UTF-8 text.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        core::str::from_utf8(&self.payload).ok()
    }
}

impl OwnedRaw {
    /// Its octets, if they are UTF-8 text.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        core::str::from_utf8(&self.payload).ok()
    }
}

impl From<Event<'_>> for OwnedEvent {
    fn from(event: Event<'_>) -> Self {
        match event {
            Event::Message(message) => Self::Message(OwnedMessage {
                channel: message.channel(),
                sender: message.sender(),
                name: message.name().to_owned(),
                address: message.address(),
                sequence: message.sequence(),
                signed: message.is_signed(),
                payload: message.payload().to_owned(),
            }),
            Event::Raw(raw) => Self::Raw(OwnedRaw {
                address: raw.address(),
                payload: raw.payload().to_owned(),
            }),
            Event::Gap(gap) => Self::Gap {
                member: *gap.member,
                first: gap.first,
                last: gap.last,
            },
            Event::Confirmed(member) => Self::Confirmed(*member),
            Event::Joined(member) => Self::Joined(*member),
            Event::Left(member) => Self::Left(*member),
            Event::Suspect(member) => Self::Suspect(*member),
            Event::Recovered(member) => Self::Recovered(*member),
            Event::Lost(member) => Self::Lost(*member),
            Event::Restarted(member) => Self::Restarted(*member),
            Event::RosterFull { refused } => Self::RosterFull { refused },
            Event::ReliableDropped { sender, channel } => Self::ReliableDropped { sender, channel },
            Event::DuplicateId(duplicate) => Self::DuplicateId(duplicate),
            Event::RotateKey { place } => Self::RotateKey { place },
        }
    }
}

/// A member's name, or its id if it has none.
struct Who<'a>(&'a str, MemberId);

impl fmt::Display for Who<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self("", id) => id.fmt(f),
            Self(name, _) => Content(name.as_bytes()).fmt(f),
        }
    }
}

/// Text as it is but for control characters, anything else in hexadecimal.
struct Content<'a>(&'a [u8]);

impl fmt::Display for Content<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match core::str::from_utf8(self.0) {
            Ok(text) => text.chars().try_for_each(|c| {
                if c.is_control() {
                    write!(f, "{}", c.escape_default())
                } else {
                    write!(f, "{c}")
                }
            }),
            Err(_) => self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}")),
        }
    }
}

/// One line for people. Control characters are escaped, so that a message cannot steer a terminal.
impl fmt::Display for OwnedEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who = |member: &Member| Who(member.name(), member.id()).to_string();
        match self {
            Self::Message(message) => {
                write!(
                    f,
                    "{}: {}",
                    Who(&message.name, message.sender),
                    Content(&message.payload)
                )
            }
            Self::Raw(raw) => write!(f, "{} (bare): {}", raw.address, Content(&raw.payload)),
            Self::Gap {
                member,
                first,
                last,
            } => {
                write!(f, "{}: messages {first} to {last} are lost", who(member))
            }
            Self::Confirmed(member) => write!(f, "{} has it", who(member)),
            Self::Joined(member) => write!(f, "{} joined", who(member)),
            Self::Left(member) => write!(f, "{} left", who(member)),
            Self::Suspect(member) => write!(f, "{} has not been heard for a while", who(member)),
            Self::Recovered(member) => write!(f, "{} is heard again", who(member)),
            Self::Lost(member) => write!(f, "{} is lost", who(member)),
            Self::Restarted(member) => write!(f, "{} restarted", who(member)),
            Self::RosterFull { refused } => {
                write!(
                    f,
                    "the roster is full: {refused} datagrams came from members not on it"
                )
            }
            Self::ReliableDropped { sender, channel } => {
                let number = channel.number();
                write!(
                    f,
                    "reliable messages are dropped here: there is no room for streams \
                     (the first is of {sender}, on channel {number})"
                )
            }
            Self::DuplicateId(duplicate) => {
                write!(f, "two members have the id {}: ", duplicate.id())?;
                match duplicate.outcome() {
                    Outcome::Kept => {
                        write!(f, "the one at {} gives way", duplicate.address())
                    }
                    Outcome::Redrawn(id) => write!(f, "this one is now {id}"),
                    Outcome::Silenced => f.write_str("this one fell silent; give it another id"),
                    Outcome::Cloned => f.write_str(
                        "and the same session, so this one began another; \
                         look at what its seed or its entropy is made of",
                    ),
                    _ => f.write_str("give one of them another"),
                }
            }
            Self::RotateKey { place } => write!(
                f,
                "so many forged datagrams came under key {place} that it is time for another: \
                 make one with keygen"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_cannot_steer_a_terminal() {
        let address = "10.0.0.1:5".parse().unwrap();
        let raw = |payload: &[u8]| {
            OwnedEvent::Raw(OwnedRaw {
                address,
                payload: payload.to_vec(),
            })
        };
        let escape = "\u{1b}[2Jhi\r\n\u{9b}";
        assert_eq!(
            raw(escape.as_bytes()).to_string(),
            "10.0.0.1:5 (bare): \\u{1b}[2Jhi\\r\\n\\u{9b}"
        );
        assert_eq!(
            raw("안녕 👋".as_bytes()).to_string(),
            "10.0.0.1:5 (bare): 안녕 👋"
        );
        assert_eq!(raw(&[0xff, 0x00]).to_string(), "10.0.0.1:5 (bare): ff00");
    }
}
