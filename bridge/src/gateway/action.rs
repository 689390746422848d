//! What a gateway is handed and what it wants done.

use core::time::Duration;

use groupcast::{Channel, Sequence};

use super::news::News;

/// A publish that the broker acknowledges. Each has another number.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Token(pub u64);

/// Something that is said in the group for the broker. Each has another number.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct CommandId(pub u64);

/// How surely a message gets to the broker, and from it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Qos {
    /// 0: it is not acknowledged.
    AtMostOnce,
    /// 1: it is acknowledged, and sent again until it is.
    AtLeastOnce,
}

/// A message for the broker.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Publication {
    /// The topic. It has no wildcards, no control characters and at most seven slashes, but for what the map names.
    pub topic: String,
    /// The message. If it is retained, an empty one deletes the value.
    pub payload: Vec<u8>,
    /// With 1 there is a [`Token`].
    pub qos: Qos,
    /// Whether the broker keeps it for those who subscribe later.
    pub retained: bool,
    /// Message Expiry Interval.
    pub expiry: Option<Duration>,
    /// Content Type.
    pub content_type: Option<&'static str>,
    /// User properties, without characters that a broker refuses.
    pub properties: Vec<(&'static str, String)>,
}

impl Publication {
    /// A message that is acknowledged, and nothing else of note.
    pub(super) fn new(topic: String, payload: Vec<u8>) -> Self {
        Self {
            topic,
            payload,
            qos: Qos::AtLeastOnce,
            retained: false,
            expiry: None,
            content_type: None,
            properties: Vec::new(),
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
            content_type: Some("application/json"),
            ..self
        }
    }

    /// The most bytes that it can take on the way: what frames it takes no more than this.
    pub(super) fn size(&self) -> usize {
        let strings = self.properties.iter();
        let properties: usize = strings
            .map(|(name, text)| name.len() + text.len() + 5)
            .sum();
        let content_type = self.content_type.map_or(0, str::len);
        self.topic.len() + self.payload.len() + properties + content_type + 48
    }
}

/// What to subscribe to, with No Local.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Subscription {
    /// The topic filter.
    pub filter: String,
    /// At most this.
    pub qos: Qos,
    /// Whether what is retained is wanted when subscribing (Retain Handling 0), or not (2). Retain As Published is not
    /// wanted: what comes as retained was there before.
    pub retained: bool,
}

/// A message from the broker.
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
