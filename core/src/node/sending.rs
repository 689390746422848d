//! What the application has to say, and its good-bye.

use super::Node;
use crate::channel::Channel;
use crate::error::SendError;
use crate::multicast::UdpMulticast;
use crate::sequence::{Sequence, SequenceRange};
use crate::storage::Memory;
use crate::time::Instant;

impl<S: UdpMulticast, M: Memory> Node<S, M> {
    /// Queues a message to the group; the next [`poll`](Self::poll) or [`flush`](Self::flush) sends it. Returns its
    /// sequence number: see [`Group::queue`](crate::Group::queue).
    ///
    /// Messages that are queued one after the other share datagrams. When there is no room, what is queued is sent
    /// at once.
    ///
    /// # Errors
    ///
    /// [`SendError::QueueFull`] while there is no room for it; other errors tell why the message can never be sent.
    pub fn queue(
        &mut self,
        now: Instant,
        channel: Channel,
        payload: &[u8],
    ) -> Result<Sequence, SendError> {
        match self.group.queue(now, channel, payload) {
            Err(SendError::QueueFull) => {
                self.flush(now);
                self.group.queue(now, channel, payload)
            }
            result => result,
        }
    }

    /// Queues a message with a signature. See [`Group::queue_signed`](crate::Group::queue_signed).
    ///
    /// # Errors
    ///
    /// As [`queue`](Self::queue).
    #[cfg(feature = "sign")]
    pub fn queue_signed(
        &mut self,
        now: Instant,
        channel: Channel,
        payload: &[u8],
        key: &crate::sign::SigningKey,
    ) -> Result<Sequence, SendError> {
        match self.group.queue_signed(now, channel, payload, key) {
            Err(SendError::QueueFull) => {
                self.flush(now);
                self.group.queue_signed(now, channel, payload, key)
            }
            result => result,
        }
    }

    /// Queues a raw datagram to the group, for programs that do not speak this protocol.
    ///
    /// # Errors
    ///
    /// As [`queue`](Self::queue); also if `datagram` is empty or begins with `0xc1`.
    pub fn queue_raw(&mut self, now: Instant, datagram: &[u8]) -> Result<(), SendError> {
        match self.group.queue_raw(now, datagram) {
            Err(SendError::QueueFull) => {
                self.flush(now);
                self.group.queue_raw(now, datagram)
            }
            result => result,
        }
    }

    /// Asks who has these messages. See [`Group::confirm`](crate::Group::confirm).
    ///
    /// ```no_run
    /// # use groupcast::{Channel, Event, Instant, Memory, Node, Peer, SendError, multicast::UdpMulticast};
    /// # fn show<S: UdpMulticast, M: Memory>(
    /// #     node: &mut Node<S, M>, now: Instant, tick: impl Fn() -> Instant, log: impl Fn(&Peer),
    /// # ) -> Result<(), SendError> {
    /// const ORDERS: Channel = Channel::reliable_ordered(4);
    /// let first = node.queue(now, ORDERS, b"close the valve")?;
    /// let last = node.queue(now, ORDERS, b"stop the pump")?;
    /// node.confirm(now, first.to(last))?;
    /// // In the main loop: once for each peer that has both.
    /// while let Ok(Some(event)) = node.poll(tick()) {
    ///     if let Event::Confirmed(peer) = event {
    ///         log(peer);
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`SendError::NotReliable`]: this member keeps nothing for repair.
    #[cfg_attr(target_os = "none", inline(never))]
    pub fn confirm(
        &mut self,
        now: Instant,
        messages: impl Into<SequenceRange>,
    ) -> Result<(), SendError> {
        self.group.confirm(now, messages)
    }

    /// Begins to leave the group: what is queued is sent, then the others are told, seven times
    /// within 200 ms. Poll until [`has_left`](Self::has_left), then [`close`](Self::close).
    ///
    /// ```no_run
    /// # use groupcast::{Instant, Memory, Node, multicast::UdpMulticast};
    /// # fn show<S: UdpMulticast, M: Memory>(mut node: Node<S, M>, now: impl Fn() -> Instant, sleep: impl Fn(Option<Instant>)) {
    /// node.leave(now());
    /// while !node.has_left() {
    ///     while let Ok(Some(_)) = node.poll(now()) {}
    ///     sleep(node.next_deadline());
    /// }
    /// let closed = node.close();
    /// # }
    /// ```
    pub fn leave(&mut self, now: Instant) {
        self.group.leave(now);
    }

    /// How many messages are queued and not sent yet, or not wholly: what [`leave`](Self::leave) waits for.
    /// Of what the stack has no room for, each datagram counts as a message. It takes time for each.
    #[must_use]
    pub fn unsent(&self) -> usize {
        let batch = self.unsent.as_ref().map_or(0, |batch| {
            let segment = batch.segment.max(1);
            batch.octets.len().div_ceil(segment)
        });
        let waiting = batch.saturating_add(usize::from(self.odd.is_some()));
        waiting.saturating_add(self.group.unsent())
    }

    /// Gives up what is queued and not sent yet. See [`Group::forget_unsent`](crate::Group::forget_unsent).
    pub fn forget_unsent(&mut self) {
        self.unsent = None;
        self.odd = None;
        self.group.forget_unsent();
    }

    /// Whether everything is sent after [`leave`](Self::leave).
    #[must_use]
    pub fn has_left(&self) -> bool {
        self.unsent.is_none() && self.odd.is_none() && self.group.has_left()
    }
}
