//! What goes to a broker and what comes from it, in types of no MQTT library.

use core::time::Duration;

/// How a message is to be delivered. Exactly once (2) is never used: it promises nothing from end to end.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Qos {
    /// 0: never a second time, and nobody says whether it arrived.
    #[default]
    AtMostOnce,
    /// 1: the receiver acknowledges it. It may come again.
    AtLeastOnce,
}

/// A message for the broker.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Publication {
    /// Where to: 1 to 65,535 bytes without `+`, `#` and control characters.
    pub topic: String,
    /// The message, as it is. An empty one that is retained deletes the value at the broker.
    pub payload: Vec<u8>,
    /// Whether the broker acknowledges it.
    pub qos: Qos,
    /// Whether the broker keeps it for whoever subscribes later.
    pub retained: bool,
    /// After this time the broker throws it away, in whole seconds, rounded up. `None`: it does not.
    pub expiry: Option<Duration>,
    /// Names and values that subscribers get with it, in this order, without control characters.
    pub user_properties: Vec<(String, String)>,
    /// What the payload is, such as `application/json`.
    pub content_type: Option<String>,
}

/// A message from the broker.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Incoming {
    /// Where it was published.
    pub topic: String,
    /// The message.
    pub payload: Vec<u8>,
    /// Whether it is to be acknowledged.
    pub qos: Qos,
    /// The broker says that it may have sent this before, with the same packet id.
    pub dup: bool,
    /// It was published before this client subscribed, and kept.
    pub retained: bool,
    /// What to acknowledge it by: there is one if it is to be acknowledged. Never 0.
    pub packet: Option<u16>,
    /// Names and values that whoever published gave with it.
    pub user_properties: Vec<(String, String)>,
}

/// What to ask the broker for. Never what this client published itself: No Local is always set.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct Subscription {
    /// Which topics, with `+` for any one part of them and `#` for all the rest.
    pub filter: String,
    /// The highest quality of service to get them with.
    pub qos: Qos,
    /// Whether to get what was retained before, each time this is subscribed to.
    pub retained: bool,
}
