//! Events in logs of `defmt`, as [`Display`](core::fmt::Display) has them but without the addresses, which would bring
//! formatting of text into the firmware.

use defmt::{Format, Formatter, write};

use super::{DuplicateId, Event, Gap, Message, Raw};

impl Format for Message<'_> {
    fn format(&self, f: Formatter<'_>) {
        write!(
            f,
            "{} {=str}: {=[u8]:a}",
            self.sender,
            self.name(),
            self.payload
        );
    }
}

impl Format for Raw<'_> {
    fn format(&self, f: Formatter<'_>) {
        write!(f, "raw: {=[u8]:a}", self.payload);
    }
}

impl Format for Gap<'_> {
    fn format(&self, f: Formatter<'_>) {
        write!(f, "{}: messages {} are lost", self.peer, self.lost);
    }
}

impl Format for DuplicateId {
    fn format(&self, f: Formatter<'_>) {
        write!(f, "two members have the id {}: {}", self.id, self.outcome);
    }
}

impl Format for Event<'_> {
    fn format(&self, f: Formatter<'_>) {
        match self {
            Self::Message(message) => message.format(f),
            Self::Raw(raw) => raw.format(f),
            Self::Gap(gap) => gap.format(f),
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
                    "the roster is full: {=u32} datagrams came from members not on it",
                    *refused
                );
            }
            Self::ReliableDropped { sender, channel } => {
                write!(
                    f,
                    "no room for streams: reliable messages of {} on {} are dropped",
                    sender, channel
                );
            }
            Self::DuplicateId(duplicate) => duplicate.format(f),
            Self::RotateKey { place } => write!(f, "time for another key than {=usize}", *place),
        }
    }
}
