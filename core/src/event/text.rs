//! Events as lines for people.

use core::fmt;

use super::{DuplicateIdOutcome, Event, Message, Raw};
use crate::ident::MemberId;
use crate::peer::Peer;

/// A member's name, or its id if it has none.
struct Who<'a>(&'a str, MemberId);

impl<'a> Who<'a> {
    fn of(peer: &'a Peer) -> Self {
        Self(peer.name(), peer.id())
    }
}

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

/// Its name, or its id if it has none. Control characters are escaped.
impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Who::of(self).fmt(f)
    }
}

/// Who sent it and what it says, in one line. Control characters are escaped.
impl fmt::Display for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who = Who(self.name(), self.sender);
        write!(f, "{who}: {}", Content(self.payload))
    }
}

/// Where it came from and what it says, in one line. Control characters are escaped.
impl fmt::Display for Raw<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (raw): {}", self.address, Content(self.payload))
    }
}

/// One line for people. Control characters are escaped, so that a message cannot steer a terminal.
impl fmt::Display for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(message) => message.fmt(f),
            Self::Raw(raw) => raw.fmt(f),
            Self::Gap(gap) => {
                write!(f, "{}: messages {} are lost", gap.peer, gap.lost)
            }
            Self::Confirmed(peer) => write!(f, "{} has it", peer),
            Self::Joined(peer) => write!(f, "{} joined", peer),
            Self::Left(peer) => write!(f, "{} left", peer),
            Self::Suspect(peer) => write!(f, "{} has not been heard for a while", peer),
            Self::Recovered(peer) => write!(f, "{} is heard again", peer),
            Self::Lost(peer) => write!(f, "{} is lost", peer),
            Self::Restarted(peer) => write!(f, "{} restarted", peer),
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
                    DuplicateIdOutcome::Kept => {
                        write!(f, "the one at {} gives way", duplicate.address())
                    }
                    DuplicateIdOutcome::Redrawn(id) => write!(f, "this one is now {id}"),
                    DuplicateIdOutcome::Silenced => {
                        f.write_str("this one fell silent; give it another id")
                    }
                    DuplicateIdOutcome::Cloned => f.write_str(
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
