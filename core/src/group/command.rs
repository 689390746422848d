//! What the application wants: to send, to know who has it, to leave.

use embedded_nal::nb;

use super::engine::Engine;
use super::fragments::Body;
use crate::channel::{Channel, Class};
use crate::error::SendError;
#[cfg(feature = "sign")]
use crate::sign::{SigningKey, Statement};
use crate::storage::{View, Views};
use crate::time::Instant;
use crate::wire::SIGNATURE_LEN;

impl Engine {
    /// The most octets of a message of a class.
    pub(crate) fn message_limit(&self, view: View<'_>, class: Class) -> usize {
        self.sending
            .message_limit(view.roster, view.history, self.receivable, class)
    }

    /// Whether a message of `len` octets, of which a signature takes `signature`, can be sent now: the
    /// size of its fragments, and how many there are.
    fn make_room(
        &mut self,
        views: &mut Views<'_>,
        now: Instant,
        channel: Channel,
        len: usize,
        signature: usize,
    ) -> nb::Result<(usize, usize), SendError> {
        self.check_sendable(views, now)?;
        let (roster, history) = (&*views.roster, &mut *views.history);
        self.sending
            .make_room(roster, history, self.receivable, channel, len, signature)
    }

    /// Queues a message with a signature. Returns the sequence number of its first fragment.
    #[cfg(feature = "sign")]
    pub(crate) fn send_signed(
        &mut self,
        views: &mut Views<'_>,
        now: Instant,
        channel: Channel,
        payload: &[u8],
        key: &SigningKey,
    ) -> nb::Result<u32, SendError> {
        // Signing takes long: it is known before that there is room.
        let len = payload.len().saturating_add(SIGNATURE_LEN);
        self.make_room(views, now, channel, len, SIGNATURE_LEN)?;
        let signature = key.sign(&Statement {
            group: self.tools.config.group,
            group_name: self.tools.config.group_name.unwrap_or_default(),
            sender: self.membership.id,
            session: self.membership.session,
            channel,
            sequence: self.sending.next_sequence(channel.class()),
            payload,
        });
        self.send(views, now, channel, Body::new(payload).signed(&signature))
    }

    /// Queues a message. Returns the sequence number of its first fragment.
    #[inline(never)]
    pub(crate) fn send(
        &mut self,
        views: &mut Views<'_>,
        now: Instant,
        channel: Channel,
        body: Body<'_>,
    ) -> nb::Result<u32, SendError> {
        let signature = if body.is_signed() { SIGNATURE_LEN } else { 0 };
        let room = self.make_room(views, now, channel, body.len(), signature)?;
        let counters = &mut self.tools.counters;
        self.sending
            .send(views.stock(), counters, channel, body, room)
    }

    /// Queues a bare datagram.
    #[inline(never)]
    pub(crate) fn send_raw(
        &mut self,
        views: &mut Views<'_>,
        now: Instant,
        datagram: &[u8],
    ) -> nb::Result<(), SendError> {
        self.check_sendable(views, now)?;
        if !self.guard.takes_bare() {
            return Err(SendError::BareInSealed.into());
        }
        self.sending
            .send_raw(views.history, &mut self.tools.counters, datagram)
    }

    fn check_sendable(&mut self, views: &mut Views<'_>, now: Instant) -> Result<(), SendError> {
        self.tick(views, now);
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
    pub(crate) fn confirm(&mut self, views: &mut Views<'_>, now: Instant, first: u32, last: u32) {
        let now = self.tick(views, now);
        self.sending
            .confirm(now, views.roster, views.history, first, last);
    }

    #[inline(never)]
    pub(crate) fn leave(&mut self, views: &mut Views<'_>, now: Instant) {
        let now = self.tick(views, now);
        // Who has not met anybody yet goes on saying HELLO until messages may be sent.
        if self.is_held(views, now) {
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

    pub(crate) fn has_left(&self, views: &Views<'_>) -> bool {
        self.membership.presence.has_left() && (views.history.is_sent() || self.membership.silenced)
    }
}
