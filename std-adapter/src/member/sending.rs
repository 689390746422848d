//! What a member sends, and waiting for room.

use core::time::Duration;

use embedded_nal::nb;
use groupcast::sign::SigningKey;
use groupcast::{Channel, Instant, MemberId, Node, SendError};

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
    pub fn send(&mut self, payload: impl AsRef<[u8]>) -> Result<u32, Error> {
        self.send_on(Channel::default(), payload)
    }

    /// Sends a message on a channel, now, or as soon as the pace allows. Returns its sequence number.
    ///
    /// # Errors
    ///
    /// Why the message can never be sent, such as its length.
    pub fn send_on(&mut self, channel: Channel, payload: impl AsRef<[u8]>) -> Result<u32, Error> {
        let sequence = self.queue(channel, payload)?;
        self.flush();
        Ok(sequence)
    }

    /// Sends a bare datagram, for programs that do not speak the protocol, now.
    ///
    /// # Errors
    ///
    /// Why it can never be sent, such as its length.
    pub fn send_raw(&mut self, datagram: impl AsRef<[u8]>) -> Result<(), Error> {
        self.when_there_is_room(|node, now| node.send_raw(now, datagram.as_ref()))?;
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
    pub fn queue(&mut self, channel: Channel, payload: impl AsRef<[u8]>) -> Result<u32, Error> {
        self.when_there_is_room(|node, now| node.send(now, channel, payload.as_ref()))
    }

    /// As [`queue`](Self::queue), but never waits.
    ///
    /// # Errors
    ///
    /// `WouldBlock` while the queue is full: [`poll`](Self::poll), [`wait`](Self::wait), and try again.
    /// Other errors tell why the message can never be sent.
    pub fn try_queue(
        &mut self,
        channel: Channel,
        payload: impl AsRef<[u8]>,
    ) -> nb::Result<u32, SendError> {
        self.node.send(self.clock.now(), channel, payload.as_ref())
    }

    /// As [`send_on`](Self::send_on), with a signature: see [`Group::send_signed`](groupcast::Group::send_signed).
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
    ) -> Result<u32, Error> {
        let sequence = self.when_there_is_room(|node, now| {
            node.send_signed(now, channel, payload.as_ref(), key)
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
    ) -> nb::Result<u32, SendError> {
        self.node
            .send_signed(self.clock.now(), channel, payload.as_ref(), key)
    }

    fn when_there_is_room<T>(
        &mut self,
        mut send: impl FnMut(&mut Node<StdStack, ProfileMemory>, Instant) -> nb::Result<T, SendError>,
    ) -> Result<T, Error> {
        loop {
            match send(&mut self.node, self.clock.now()) {
                Ok(sent) => return Ok(sent),
                Err(nb::Error::WouldBlock) => self.wait_for_room()?,
                Err(nb::Error::Other(error)) => return Err(error.into()),
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

    /// Asks the others who has every message from the one with the sequence number `first` to that
    /// with the number `last`, of the reliable classes and of State.
    /// [`Event::Confirmed`](crate::Event::Confirmed) tells of each that has. A later call takes the place of an
    /// earlier one.
    pub fn confirm(&mut self, first: u32, last: u32) {
        self.node.confirm(self.clock.now(), first, last);
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
    pub fn unsent(&mut self) -> usize {
        self.node.unsent()
    }
}
