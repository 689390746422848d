//! One reliable message that is to be sent, and waits for room.

use core::fmt::{Arguments, Write};

use groupcast::embedded_nal::nb;
use groupcast::{Channel, Instant, Memory, Node};
use heapless::String;

use crate::board::BoardStack;
use crate::log;

/// A message that waits for room. Who has one takes no events meanwhile: what they ask for would wait,
/// too.
pub struct Outbox {
    channel: Channel,
    waiting: Option<String<160>>,
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
    pub fn put(&mut self, text: Arguments<'_>) {
        let mut message = String::new();
        let _ = message.write_fmt(text);
        self.waiting = Some(message);
    }

    /// Sends what waits. Returns whether nothing waits any more.
    pub fn send<M: Memory>(&mut self, node: &mut Node<&BoardStack, M>, now: Instant) -> bool {
        let Some(message) = &self.waiting else {
            return true;
        };
        match node.send(now, self.channel, message.as_bytes()) {
            Err(nb::Error::WouldBlock) => return false,
            Err(nb::Error::Other(error)) => log!("not sent: {error}"),
            Ok(_) => log!("said: {message}"),
        }
        self.waiting = None;
        true
    }
}
