//! What a member sends, and waiting for room.

use core::time::Duration;

use groupcast::sign::SigningKey;
use groupcast::{Channel, Instant, MemberId, Node, SendError, Sequence, SequenceRange};

use super::Member;
use crate::error::Error;
use crate::memory::ProfileMemory;
use crate::stack::StdStack;

/// How long to wait for a socket that has no room to send.
const NO_ROOM: Duration = Duration::from_millis(1);

impl Member {
    /// Sends a message on channel 0, best effort, now. Returns its sequence number.
    ///
    /// # Errors
    ///
    /// Why the message can never be sent, such as its length.
    pub fn send(&mut self, payload: impl AsRef<[u8]>) -> Result<Sequence, Error> {
        self.send_on(Channel::default(), payload)
    }

    /// Sends a message on a channel, now, or as soon as the pace allows. Returns its sequence number.
    ///
    /// # Errors
    ///
    /// Why the message can never be sent, such as its length.
    pub fn send_on(
        &mut self,
        channel: Channel,
        payload: impl AsRef<[u8]>,
    ) -> Result<Sequence, Error> {
        let sequence = self.queue(channel, payload)?;
        self.flush();
        Ok(sequence)
    }

    /// Sends a raw datagram, for programs that do not speak the protocol, now.
    ///
    /// # Errors
    ///
    /// Why it can never be sent, such as its length.
    pub fn send_raw(&mut self, datagram: impl AsRef<[u8]>) -> Result<(), Error> {
        self.when_there_is_room(|node, now| node.queue_raw(now, datagram.as_ref()))?;
        self.flush();
        Ok(())
    }

    /// Queues a message on a channel; the next [`poll`](Self::poll) sends it. Messages that are queued
    /// together share datagrams. Waits while the queue is full, and hears others meanwhile until there is
    /// an event for [`poll`](Self::poll): those who send more than the pace allows, and hear much, use
    /// [`try_queue`](Self::try_queue).
    ///
    /// # Errors
    ///
    /// Why the message can never be sent, such as its length.
    pub fn queue(
        &mut self,
        channel: Channel,
        payload: impl AsRef<[u8]>,
    ) -> Result<Sequence, Error> {
        self.when_there_is_room(|node, now| node.queue(now, channel, payload.as_ref()))
    }

    /// As [`queue`](Self::queue), but never waits.
    ///
    /// # Errors
    ///
    /// [`SendError::QueueFull`] while there is no room: [`poll`](Self::poll), [`wait`](Self::wait), and try again.
    /// Other errors tell why the message can never be sent.
    pub fn try_queue(
        &mut self,
        channel: Channel,
        payload: impl AsRef<[u8]>,
    ) -> Result<Sequence, SendError> {
        self.node.queue(self.clock.now(), channel, payload.as_ref())
    }

    /// As [`send_on`](Self::send_on), with a signature: see [`Group::send_signed`](groupcast::Group::queue_signed).
    /// [`sign_file`](crate::sign_file) reads keys from files.
    ///
    /// # Errors
    ///
    /// Why the message can never be sent, such as its length.
    pub fn send_signed(
        &mut self,
        channel: Channel,
        payload: impl AsRef<[u8]>,
        key: &SigningKey,
    ) -> Result<Sequence, Error> {
        let sequence = self.when_there_is_room(|node, now| {
            node.queue_signed(now, channel, payload.as_ref(), key)
        })?;
        self.flush();
        Ok(sequence)
    }

    /// As [`try_queue`](Self::try_queue), with a signature.
    ///
    /// # Errors
    ///
    /// As [`try_queue`](Self::try_queue).
    pub fn try_queue_signed(
        &mut self,
        channel: Channel,
        payload: impl AsRef<[u8]>,
        key: &SigningKey,
    ) -> Result<Sequence, SendError> {
        self.node
            .queue_signed(self.clock.now(), channel, payload.as_ref(), key)
    }

    fn when_there_is_room<T>(
        &mut self,
        mut send: impl FnMut(&mut Node<StdStack, ProfileMemory>, Instant) -> Result<T, SendError>,
    ) -> Result<T, Error> {
        loop {
            match send(&mut self.node, self.clock.now()) {
                Ok(sent) => return Ok(sent),
                Err(SendError::QueueFull) => self.wait_for_room()?,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Lets receivers say how far they are, or time pass.
    fn wait_for_room(&mut self) -> Result<(), Error> {
        let now = self.clock.now();
        self.node.attend(now)?;
        if self.node.has_event() {
            std::thread::sleep(NO_ROOM);
            return Ok(());
        }
        self.wait(NO_ROOM)
    }

    /// Asks the others who has every message of the reliable classes and of State among these sequence numbers: one
    /// of them, or [from one to another](Sequence::to).
    /// [`Event::Confirmed`](groupcast::Event::Confirmed) tells of each that has. A later call takes the place of an
    /// earlier one.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), groupcast_std::Error> {
    /// use core::time::Duration;
    /// use groupcast::{Channel, Event};
    ///
    /// let mut member = groupcast_std::join("239.1.2.3:12345")?;
    /// let order = member.send_on(Channel::reliable_ordered(4), "close the valve")?;
    /// member.confirm(order);
    /// loop {
    ///     member.wait(Duration::from_secs(1))?;
    ///     while let Some(event) = member.poll()? {
    ///         if let Event::Confirmed(peer) = event {
    ///             println!("{} has it", peer.name());
    ///         }
    ///     }
    /// }
    /// # }
    /// ```
    pub fn confirm(&mut self, messages: impl Into<SequenceRange>) {
        // The memory of a desktop, whatever its size, keeps messages for repair.
        let _ = self.node.confirm(self.clock.now(), messages);
    }

    /// Whether this member said that it will never have all of what is to be
    /// [confirmed](Self::confirm): it came too late, or lost a message that could not be repaired.
    #[must_use]
    pub fn lacks(&self, member: MemberId) -> bool {
        self.node.group().lacks(member)
    }

    /// Sends what is queued, as far as the system has room, without receiving; `false` if it had no room
    /// for all of it. What it reports comes with the next [`poll`](Self::poll), which does this too.
    pub fn try_flush(&mut self) -> bool {
        self.node.flush(self.clock.now())
    }

    /// Sends what is queued. What the system reports comes with the next [`poll`](Self::poll).
    fn flush(&mut self) {
        while !self.try_flush() {
            std::thread::sleep(NO_ROOM);
        }
    }

    /// How many messages are queued and not sent yet, or not wholly, since the pace is slower.
    #[must_use]
    pub fn unsent(&self) -> usize {
        self.node.unsent()
    }
}
