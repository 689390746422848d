//! What the application wants: to send, to know who has it, to leave.

use super::Group;
use super::engine::Engine;
use super::fragments::Body;
use super::serial::{earlier, later};
use crate::channel::{Channel, Class};
use crate::error::SendError;
use crate::ident::MemberId;
use crate::rooms::Rooms;
use crate::sequence::{Sequence, SequenceRange};
#[cfg(feature = "sign")]
use crate::sign::{SigningKey, Statement};
use crate::storage::{Memory, View, Views};
use crate::time::Instant;
use crate::wire::SIGNATURE_LEN;

impl<M: Memory> Group<M> {
    /// Queues a message to the group. Returns its sequence number: receivers see it with the message,
    /// and it can be [confirmed](Self::confirm).
    ///
    /// Messages that are queued together share datagrams; a message larger than a datagram is sent in
    /// fragments. A message to a group with nobody in it is sent like any other.
    ///
    /// # Errors
    ///
    /// [`SendError::QueueFull`] while there is no room for it, since too much waits to be sent; other errors tell
    /// why the message can never be sent.
    pub fn queue(
        &mut self,
        now: Instant,
        channel: Channel,
        payload: &[u8],
    ) -> Result<Sequence, SendError> {
        self.engine
            .queue(
                self.memory.rooms(),
                &mut self.memory.views(),
                now,
                channel,
                Body::new(payload),
            )
            .map(Sequence::new)
    }

    /// As [`queue`](Self::queue), with a signature: receivers can tell who it is of, even among those who
    /// share the group's key. It takes 64 bytes of what a message can have, and a long time on a board.
    ///
    /// The signature is for this member's id and the life of its [session](Self::session). When it takes
    /// another one, because its id or its session was somebody else's, nobody can verify what was queued
    /// before, and signed values of the class State are to be sent again.
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
        key: &SigningKey,
    ) -> Result<Sequence, SendError> {
        let (rooms, mut views) = (self.memory.rooms(), self.memory.views());
        self.engine
            .queue_signed(rooms, &mut views, now, channel, payload, key)
            .map(Sequence::new)
    }

    /// Asks the members who has every message of the reliable classes and of State among these sequence numbers,
    /// as [`queue`](Self::queue) returned them: one of them, or [from one to another](Sequence::to).
    /// [`Event::Confirmed`](crate::Event::Confirmed) tells of each member that has; they are asked for some seconds.
    /// Of a member that lost one of them, or came too late, [`lacks`](Self::lacks) tells.
    ///
    /// A later call takes the place of an earlier one. The order of the two numbers does not matter: a range is taken the
    /// shorter way round. Nobody has a message that was not sent yet.
    ///
    /// # Errors
    ///
    /// [`SendError::NotReliable`]: this member keeps nothing for repair.
    pub fn confirm(
        &mut self,
        now: Instant,
        messages: impl Into<SequenceRange>,
    ) -> Result<(), SendError> {
        let messages = messages.into();
        let (first, last) = (messages.first().get(), messages.last().get());
        let (first, last) = (earlier(first, last), later(first, last));
        self.engine.confirm(
            self.memory.rooms(),
            &mut self.memory.views(),
            now,
            first,
            last,
        )
    }

    /// Whether this member said that it will never have all of what is to be
    /// [confirmed](Self::confirm): it came too late, or lost a message that nobody could repair.
    #[must_use]
    pub fn lacks(&self, member: MemberId) -> bool {
        self.memory.view().roster.lacks(member)
    }

    /// Queues a raw datagram to the group, for programs that do not speak this protocol.
    ///
    /// # Errors
    ///
    /// As [`queue`](Self::queue); also if `datagram` is empty or begins with `0xc1`.
    pub fn queue_raw(&mut self, now: Instant, datagram: &[u8]) -> Result<(), SendError> {
        self.engine
            .queue_raw(self.memory.rooms(), &mut self.memory.views(), now, datagram)
    }

    /// Begins to leave: what is queued is sent, then the others are told, seven times within
    /// 200 ms. Poll until [`has_left`](Self::has_left).
    pub fn leave(&mut self, now: Instant) {
        self.engine
            .leave(self.memory.rooms(), &mut self.memory.views(), now);
    }

    /// How many messages are queued and not sent yet, or not wholly: what [`leave`](Self::leave) waits for.
    /// It takes time for each of them.
    #[must_use]
    pub fn unsent(&self) -> usize {
        self.memory.view().history.unsent_messages()
    }

    /// Gives up what is queued and not sent yet, for who cannot wait any longer until
    /// [`leave`](Self::leave) is done. To receivers, messages of the reliable classes are lost, and they
    /// hear that with the good-bye. Nothing can be repaired after it.
    pub fn forget_unsent(&mut self) {
        Engine::forget_unsent(&mut self.memory.views());
    }

    /// Whether everything is sent after [`leave`](Self::leave).
    #[must_use]
    pub fn has_left(&self) -> bool {
        self.engine.has_left(self.memory.view())
    }
}

impl Engine {
    /// The most bytes of a message of a class.
    pub(crate) fn message_limit(&self, rooms: Rooms, view: View<'_>, class: Class) -> usize {
        self.sending
            .message_limit(rooms, view.roster, view.history, self.own, class)
    }

    /// Whether a message of `len` bytes, of which a signature takes `signature`, can be sent now: the
    /// size of its fragments, and how many there are.
    fn make_room(
        &mut self,
        rooms: Rooms,
        views: &mut Views<'_>,
        now: Instant,
        channel: Channel,
        len: usize,
        signature: usize,
    ) -> Result<(usize, usize), SendError> {
        self.check_sendable(rooms, views, now)?;
        let (roster, history) = (&*views.roster, &mut *views.history);
        self.sending
            .make_room(rooms, roster, history, self.own, channel, (len, signature))
    }

    /// Queues a message with a signature. Returns the sequence number of its first fragment.
    #[cfg(feature = "sign")]
    pub(crate) fn queue_signed(
        &mut self,
        rooms: Rooms,
        views: &mut Views<'_>,
        now: Instant,
        channel: Channel,
        payload: &[u8],
        key: &SigningKey,
    ) -> Result<u32, SendError> {
        // Signing takes long: it is known before that there is room.
        let len = payload.len().saturating_add(SIGNATURE_LEN);
        self.make_room(rooms, views, now, channel, len, SIGNATURE_LEN)?;
        let signature = key.sign(&Statement {
            group: self.tools.config.group,
            group_name: self.tools.config.group_name.unwrap_or_default(),
            sender: self.membership.id,
            session: self.membership.session,
            channel,
            sequence: Sequence::new(self.sending.next_sequence(channel.class())),
            payload,
        });
        self.queue(
            rooms,
            views,
            now,
            channel,
            Body::new(payload).signed(&signature),
        )
    }

    /// Queues a message. Returns the sequence number of its first fragment.
    #[inline(never)]
    pub(crate) fn queue(
        &mut self,
        rooms: Rooms,
        views: &mut Views<'_>,
        now: Instant,
        channel: Channel,
        body: Body<'_>,
    ) -> Result<u32, SendError> {
        let signature = if body.is_signed() { SIGNATURE_LEN } else { 0 };
        let room = self.make_room(rooms, views, now, channel, body.len(), signature)?;
        let counters = &mut self.tools.counters;
        self.sending
            .queue(views.stock(rooms), counters, channel, body, room)
    }

    /// Queues a raw datagram.
    #[inline(never)]
    pub(crate) fn queue_raw(
        &mut self,
        rooms: Rooms,
        views: &mut Views<'_>,
        now: Instant,
        datagram: &[u8],
    ) -> Result<(), SendError> {
        self.check_sendable(rooms, views, now)?;
        if !self.guard.takes_raw() {
            return Err(SendError::RawInSealed);
        }
        self.sending
            .queue_raw(views.history, &mut self.tools.counters, datagram)
    }

    fn check_sendable(
        &mut self,
        rooms: Rooms,
        views: &mut Views<'_>,
        now: Instant,
    ) -> Result<(), SendError> {
        self.tick(rooms, views, now);
        if self.membership.silenced {
            return Err(SendError::Silenced);
        }
        if self.membership.presence.is_leaving() || self.membership.leaves_later {
            return Err(SendError::HasLeft);
        }
        Ok(())
    }

    /// Asks who has every message from the one of number `first` to that of number `last`.
    #[inline(never)]
    pub(crate) fn confirm(
        &mut self,
        rooms: Rooms,
        views: &mut Views<'_>,
        now: Instant,
        first: u32,
        last: u32,
    ) -> Result<(), SendError> {
        if !rooms.repair() {
            return Err(SendError::NotReliable);
        }
        let now = self.tick(rooms, views, now);
        self.sending
            .confirm(rooms, now, views.roster, views.history, first, last);
        Ok(())
    }

    #[inline(never)]
    pub(crate) fn leave(&mut self, rooms: Rooms, views: &mut Views<'_>, now: Instant) {
        let now = self.tick(rooms, views, now);
        // Who has not met anybody yet goes on saying HELLO until messages may be sent.
        if self.is_held(views.view(), now) {
            self.membership.leaves_later = true;
        } else {
            let unsent = views.history.unsent_kept() > 0;
            self.membership.presence.leave(now, unsent);
        }
    }

    /// Gives up what is queued. Where the stream ends is told with BYE, so receivers know what they lack.
    pub(crate) fn forget_unsent(views: &mut Views<'_>) {
        views.history.cancel_unsent();
        // Nobody gets later what is said to be lost.
        views.history.forget_sent();
    }

    pub(crate) fn has_left(&self, view: View<'_>) -> bool {
        self.membership.presence.has_left() && (view.history.is_sent() || self.membership.silenced)
    }
}
