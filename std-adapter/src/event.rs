//! What a member is told, in a form that can be kept.

use core::fmt;
use core::net::SocketAddr;

use groupcast::{Channel, DuplicateId, MemberId};

/// Something happened: [`groupcast::Event`] with everything owned.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// A message arrived.
    Message(Message),
    /// A bare datagram of another program arrived.
    Raw(Raw),
    /// A member is there that was not there before.
    Joined(groupcast::Member),
    /// A member said good-bye.
    Left(groupcast::Member),
    /// A member has been silent for longer than it promised.
    Suspect(groupcast::Member),
    /// A suspect was heard again.
    Recovered(groupcast::Member),
    /// A member has been silent for too long and is given up.
    Lost(groupcast::Member),
    /// A member started again.
    Restarted(groupcast::Member),
    /// Members were refused, because the roster is full.
    RosterFull {
        /// How many datagrams of such members came since this was last said.
        refused: u32,
    },
    /// Two members have the same id.
    DuplicateId(DuplicateId),
    /// Something that this version of the adapter does not know.
    Other,
}

/// A message that arrived.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Message {
    /// The channel it was sent on.
    pub channel: Channel,
    /// Who sent it.
    pub sender: MemberId,
    /// The sender's name; empty if it has none or it is not known.
    pub name: String,
    /// Where it came from.
    pub address: SocketAddr,
    /// What it says.
    pub payload: Vec<u8>,
}

/// A bare datagram that arrived.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Raw {
    /// Where it came from.
    pub address: SocketAddr,
    /// Its octets.
    pub payload: Vec<u8>,
}

impl Message {
    /// What it says, if that is UTF-8 text.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        core::str::from_utf8(&self.payload).ok()
    }
}

impl Raw {
    /// Its octets, if they are UTF-8 text.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        core::str::from_utf8(&self.payload).ok()
    }
}

impl From<groupcast::Event<'_>> for Event {
    fn from(event: groupcast::Event<'_>) -> Self {
        use groupcast::Event as Borrowed;
        match event {
            Borrowed::Message(message) => Self::Message(Message {
                channel: message.channel(),
                sender: message.sender(),
                name: message.name().to_owned(),
                address: message.address(),
                payload: message.payload().to_owned(),
            }),
            Borrowed::Raw(raw) => Self::Raw(Raw {
                address: raw.address(),
                payload: raw.payload().to_owned(),
            }),
            Borrowed::Joined(member) => Self::Joined(*member),
            Borrowed::Left(member) => Self::Left(*member),
            Borrowed::Suspect(member) => Self::Suspect(*member),
            Borrowed::Recovered(member) => Self::Recovered(*member),
            Borrowed::Lost(member) => Self::Lost(*member),
            Borrowed::Restarted(member) => Self::Restarted(*member),
            Borrowed::RosterFull { refused } => Self::RosterFull { refused },
            Borrowed::DuplicateId(duplicate) => Self::DuplicateId(duplicate),
            _ => Self::Other,
        }
    }
}

/// A member's name, or its id if it has none.
struct Who<'a>(&'a str, MemberId);

impl fmt::Display for Who<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self("", id) => id.fmt(f),
            Self(name, _) => name.escape_debug().fmt(f),
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
impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who = |member: &groupcast::Member| Who(member.name(), member.id()).to_string();
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
            Self::DuplicateId(duplicate) => {
                write!(f, "two members have the id {}: ", duplicate.id())?;
                match duplicate.outcome() {
                    groupcast::Outcome::Kept => {
                        write!(f, "the one at {} gives way", duplicate.address())
                    }
                    groupcast::Outcome::Redrawn(id) => write!(f, "this one is now {id}"),
                    groupcast::Outcome::Silenced => {
                        f.write_str("this one fell silent; give it another id")
                    }
                    _ => f.write_str("give one of them another"),
                }
            }
            Self::Other => f.write_str("something else happened"),
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
            Event::Raw(Raw {
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
