//! One reliable message that is to be sent, and waits for room.

use groupcast::multicast::UdpMulticast;
use groupcast::{Channel, Instant, Memory, Node, SendError};

use crate::{Text, log};

/// A message that waits for room. Who has one takes no events meanwhile: what they ask for would wait,
/// too.
pub struct Outbox {
    channel: Channel,
    waiting: Option<Text<160>>,
}

impl Outbox {
    /// For messages on this channel.
    pub const fn new(channel: Channel) -> Self {
        Self {
            channel,
            waiting: None,
        }
    }

    /// Whether nothing waits.
    pub const fn is_empty(&self) -> bool {
        self.waiting.is_none()
    }

    /// Puts in a message. What is too long is cut off.
    pub fn put(&mut self, text: Text<160>) {
        self.waiting = Some(text);
    }

    /// Sends what waits. Returns whether nothing waits any more.
    pub fn send<S: UdpMulticast, M: Memory>(
        &mut self,
        node: &mut Node<S, M>,
        now: Instant,
    ) -> bool {
        let Some(message) = &self.waiting else {
            return true;
        };
        match node.queue(now, self.channel, message.as_str().as_bytes()) {
            Err(SendError::QueueFull) => return false,
            Err(_) => log!("not sent: too long"),
            Ok(_) => log!("said: {}", message.as_str()),
        }
        self.waiting = None;
        true
    }
}
