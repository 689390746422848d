//! What a gateway is handed and what it wants done.

use groupcast::{Channel, Sequence};

use super::news::News;
use crate::publication::{Publication, Qos};

/// The content type of what is JSON.
pub(super) const JSON: &str = "application/json";

/// A publish that the broker acknowledges. Each has another number.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Token(pub u64);

/// Something that is said in the group for the broker. Each has another number.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct CommandId(pub u64);

impl Publication {
    /// A message that is acknowledged, and nothing else of note.
    pub(super) fn new(topic: String, payload: Vec<u8>) -> Self {
        Self {
            topic,
            payload,
            qos: Qos::AtLeastOnce,
            ..Self::default()
        }
    }

    pub(super) fn retained(self) -> Self {
        Self {
            retained: true,
            ..self
        }
    }

    pub(super) fn json(self) -> Self {
        Self {
            content_type: Some(JSON.to_owned()),
            ..self
        }
    }

    /// The most bytes that it can take on the way: what frames it takes no more than this.
    pub(super) fn size(&self) -> usize {
        let strings = self.user_properties.iter();
        let properties: usize = strings
            .map(|(name, text)| name.len() + text.len() + 5)
            .sum();
        let content_type = self.content_type.as_ref().map_or(0, String::len);
        self.topic.len() + self.payload.len() + properties + content_type + 48
    }
}

/// A message from the broker, as the core looks at it.
#[derive(Clone, Copy, Debug)]
pub struct Incoming<'a> {
    /// Its topic.
    pub topic: &'a str,
    /// What it says.
    pub payload: &'a [u8],
    /// It was retained: it is as old as that.
    pub retained: bool,
    /// The broker says that it sent it before.
    pub duplicate: bool,
    /// With QoS 1 its packet identifier, which [`Action::Acknowledge`] names.
    pub packet: Option<u16>,
    /// Its user property `gc-mid`, if it has one.
    pub mid: Option<&'a str>,
}

impl<'a> From<&'a crate::Incoming> for Incoming<'a> {
    fn from(incoming: &'a crate::Incoming) -> Self {
        let mut properties = incoming.user_properties.iter();
        let mid = properties.find(|(name, _)| name == "gc-mid");
        Self {
            topic: &incoming.topic,
            payload: &incoming.payload,
            retained: incoming.retained,
            duplicate: incoming.dup,
            packet: incoming.packet,
            mid: mid.map(|(_, text)| text.as_str()),
        }
    }
}

/// What a gateway wants done, in this order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Action {
    /// Publish at the broker.
    Publish {
        /// With QoS 1: what `handle_acknowledged` names when the broker has it.
        token: Option<Token>,
        /// The message.
        publication: Publication,
    },
    /// Queue this message to the group by `try_queue`, and hand the outcome to `handle_sent`, at once.
    Send {
        /// What `handle_sent` names.
        command: CommandId,
        /// The channel.
        channel: Channel,
        /// The message.
        payload: Vec<u8>,
    },
    /// Ask the members which of them have these messages.
    Confirm {
        /// The first.
        first: Sequence,
        /// The last.
        last: Sequence,
    },
    /// Acknowledge a message of the broker by PUBACK.
    Acknowledge {
        /// Its packet identifier.
        packet: u16,
        /// Reason code: 0 if it was said in the group, and from 128 on why not.
        reason: u8,
    },
    /// Tell whoever runs the gateway.
    Tell(News),
}
