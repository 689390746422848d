//! One reliable message that is to be sent, and waits for room.

use core::time::Duration;

use groupcast::multicast::UdpMulticast;
use groupcast::{Channel, Instant, Memory, Node, SendError};

use crate::{Text, log};

/// How often to look whether there is room.
const AGAIN: Duration = Duration::from_millis(5);

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

    /// When the loop is to have its next turn, if the node's next deadline is this. While something waits, no event is taken, so
    /// those that wait are no reason to come back at once.
    pub fn wake(&self, now: Instant, node: Option<Instant>) -> Option<Instant> {
        if self.is_empty() {
            node
        } else {
            Some(now + AGAIN)
        }
    }
}
