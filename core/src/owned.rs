//! What a member is told, in a form that can be kept. For programs with an allocator.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::borrow::ToOwned;
use std::vec::Vec;

use crate::channel::Channel;
use crate::config::Config;
use crate::event::{DuplicateId, Event, Gap, Message, Raw};
use crate::ident::MemberId;
use crate::peer::Peer;
use crate::sequence::{Sequence, SequenceRange};

/// Something happened: [`Event`] with everything owned.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum OwnedEvent {
    /// A message arrived.
    Message(OwnedMessage),
    /// A raw datagram of another program arrived.
    Raw(OwnedRaw),
    /// Messages of a member that will never be delivered.
    Gap {
        /// Whose messages they are.
        peer: Peer,
        /// Their sequence numbers.
        lost: SequenceRange,
    },
    /// A member has all the messages that were to be confirmed.
    Confirmed(Peer),
    /// A member is there that was not there before.
    Joined(Peer),
    /// A member said good-bye.
    Left(Peer),
    /// A member has been silent for longer than it promised.
    Suspect(Peer),
    /// A suspect was heard again.
    Recovered(Peer),
    /// A member has been silent for too long and is given up.
    Lost(Peer),
    /// A member started again.
    Restarted(Peer),
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

/// A message that arrived. What [`Message`] has methods for, it has fields for.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct OwnedMessage {
    /// The channel it was sent on.
    pub channel: Channel,
    /// Who sent it.
    pub sender: MemberId,
    /// The sender as the roster had it then; `None` if the roster was full.
    pub peer: Option<Peer>,
    /// Where it came from.
    pub address: SocketAddr,
    /// What the sender's `send` returned.
    pub sequence: Sequence,
    /// Whether it was sent with a signature, which [`Message`] can verify: this cannot.
    pub signed: bool,
    /// What it says.
    pub payload: Vec<u8>,
}

/// A raw datagram that arrived.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct OwnedRaw {
    /// Where it came from.
    pub address: SocketAddr,
    /// Its bytes.
    pub payload: Vec<u8>,
}

impl OwnedMessage {
    /// A message as a peer might have sent it, for tests of what is done with it. It is not signed.
    #[must_use]
    pub fn new(peer: Peer, channel: Channel, sequence: Sequence, payload: &[u8]) -> Self {
        Self {
            channel,
            sender: peer.id(),
            peer: Some(peer),
            address: peer.address(),
            sequence,
            signed: false,
            payload: payload.to_owned(),
        }
    }

    /// The sender's name; empty if it has none or it is not known.
    #[must_use]
    pub fn name(&self) -> &str {
        self.peer.as_ref().map_or("", Peer::name)
    }

    /// What it says, if that is UTF-8 text.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        core::str::from_utf8(&self.payload).ok()
    }

    fn borrowed(&self) -> Message<'_> {
        Message {
            channel: self.channel,
            sender: self.sender,
            address: self.address,
            peer: self.peer.as_ref(),
            sequence: self.sequence,
            payload: &self.payload,
            signature: self.signed.then_some(&[]),
            config: &NO_CONFIG,
        }
    }
}

/// As that of [`Message`].
impl fmt::Display for OwnedMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.borrowed().fmt(f)
    }
}

impl OwnedRaw {
    /// A raw datagram as it might come from somewhere, for tests of what is done with it.
    #[must_use]
    pub fn new(address: SocketAddr, payload: &[u8]) -> Self {
        Self {
            address,
            payload: payload.to_owned(),
        }
    }

    /// Its bytes, if they are UTF-8 text.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        core::str::from_utf8(&self.payload).ok()
    }

    fn borrowed(&self) -> Raw<'_> {
        Raw {
            address: self.address,
            payload: &self.payload,
        }
    }
}

/// As that of [`Raw`].
impl fmt::Display for OwnedRaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.borrowed().fmt(f)
    }
}

/// The settings of a member that only has what is owned.
static NO_CONFIG: Config = Config::new(SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0));

impl OwnedEvent {
    /// The event as a member tells it, for code that takes those, such as an
    /// [`Application`](crate::Application):
    ///
    /// ```
    /// use groupcast::{Channel, Event, MemberId, Name, OwnedEvent, OwnedMessage, Peer, Sequence};
    ///
    /// fn is_order(event: &Event<'_>) -> bool {
    ///     matches!(event, Event::Message(message) if message.payload() == b"on")
    /// }
    ///
    /// let panel = Peer::new(MemberId::try_from(7)?, Name::try_from("panel")?);
    /// let message = OwnedMessage::new(panel, Channel::state(1), Sequence::new(0), b"on");
    /// assert!(is_order(&OwnedEvent::Message(message).as_event()));
    /// assert!(!is_order(&OwnedEvent::Joined(panel).as_event()));
    /// # Ok::<(), Box<dyn core::error::Error>>(())
    /// ```
    ///
    /// A signature is not kept, so it verifies nothing.
    #[must_use]
    pub fn as_event(&self) -> Event<'_> {
        match self {
            Self::Message(message) => Event::Message(message.borrowed()),
            Self::Raw(raw) => Event::Raw(raw.borrowed()),
            Self::Gap { peer, lost } => Event::Gap(Gap { peer, lost: *lost }),
            Self::Confirmed(peer) => Event::Confirmed(peer),
            Self::Joined(peer) => Event::Joined(peer),
            Self::Left(peer) => Event::Left(peer),
            Self::Suspect(peer) => Event::Suspect(peer),
            Self::Recovered(peer) => Event::Recovered(peer),
            Self::Lost(peer) => Event::Lost(peer),
            Self::Restarted(peer) => Event::Restarted(peer),
            Self::RosterFull { refused } => Event::RosterFull { refused: *refused },
            Self::ReliableDropped { sender, channel } => Event::ReliableDropped {
                sender: *sender,
                channel: *channel,
            },
            Self::DuplicateId(duplicate) => Event::DuplicateId(*duplicate),
            Self::RotateKey { place } => Event::RotateKey { place: *place },
        }
    }
}

impl From<Event<'_>> for OwnedEvent {
    fn from(event: Event<'_>) -> Self {
        match event {
            Event::Message(message) => Self::Message(OwnedMessage {
                channel: message.channel(),
                sender: message.sender(),
                peer: message.peer().copied(),
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
                peer: *gap.peer,
                lost: gap.lost,
            },
            Event::Confirmed(peer) => Self::Confirmed(*peer),
            Event::Joined(peer) => Self::Joined(*peer),
            Event::Left(peer) => Self::Left(*peer),
            Event::Suspect(peer) => Self::Suspect(*peer),
            Event::Recovered(peer) => Self::Recovered(*peer),
            Event::Lost(peer) => Self::Lost(*peer),
            Event::Restarted(peer) => Self::Restarted(*peer),
            Event::RosterFull { refused } => Self::RosterFull { refused },
            Event::ReliableDropped { sender, channel } => Self::ReliableDropped { sender, channel },
            Event::DuplicateId(duplicate) => Self::DuplicateId(duplicate),
            Event::RotateKey { place } => Self::RotateKey { place },
        }
    }
}

/// One line for people, as that of [`Event`].
impl fmt::Display for OwnedEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_event().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

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
            "10.0.0.1:5 (raw): \\u{1b}[2Jhi\\r\\n\\u{9b}"
        );
        assert_eq!(
            raw("안녕 👋".as_bytes()).to_string(),
            "10.0.0.1:5 (raw): 안녕 👋"
        );
        assert_eq!(raw(&[0xff, 0x00]).to_string(), "10.0.0.1:5 (raw): ff00");
    }

    #[test]
    fn what_an_event_holds_is_shown_as_the_event_is() {
        let id = MemberId::new(7).unwrap();
        let nobody = Peer::new(id, "".try_into().unwrap());
        assert_eq!(nobody.to_string(), "00000007");
        let ana = Peer::new(id, "ana\n".try_into().unwrap());
        let channel = Channel::state(3);
        assert_eq!(channel.to_string(), "channel 3, state");
        let message = OwnedMessage::new(ana, channel, Sequence::new(0), b"21.5");
        assert_eq!(message.to_string(), "ana\\n: 21.5");
        let event = OwnedEvent::Message(message);
        assert_eq!(event.to_string(), "ana\\n: 21.5");
        // How somebody looks for what he wants in a log: not the settings of who received it.
        let shown = std::format!("{:?}", event.as_event());
        assert!(
            shown.contains("MemberId(00000007)") && !shown.contains("Config"),
            "{shown}"
        );
    }
}
