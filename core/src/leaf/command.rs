//! What the application wants: to send, and to leave.

use super::Leaf;
use super::record::HEAD;
use crate::channel::{Channel, Class};
use crate::counters::count;
use crate::error::SendError;
use crate::sequence::Sequence;
use crate::time::Instant;
use crate::wire::{self, Data, Header, MIN_MAX_DATAGRAM, Suite};

impl<const DATAGRAM: usize, const SENDERS: usize, const ROOM: usize> Leaf<DATAGRAM, SENDERS, ROOM> {
    /// Queues a message to the group, of the classes best effort, Latest and State. Returns its sequence number.
    ///
    /// A State value that has not been sent yet gives way to a newer one of its channel. Numbers are given as values
    /// are sent: those that wait behind it have one less then.
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
        if channel.class().is_reliable() && channel.class() != Class::State {
            return Err(SendError::NotReliable);
        }
        let number = self.push(now, Some(channel), payload, self.frames())?;
        Ok(Sequence::new(number))
    }

    /// Queues a raw datagram to the group, for programs that do not speak this protocol.
    ///
    /// # Errors
    ///
    /// As [`queue`](Self::queue); also if `datagram` is empty or begins with `0xc1`.
    pub fn queue_raw(&mut self, now: Instant, datagram: &[u8]) -> Result<(), SendError> {
        if !self.guard.takes_raw() {
            return Err(SendError::RawInSealed);
        }
        if datagram.is_empty() {
            return Err(SendError::Empty);
        }
        if wire::is_framed(datagram) {
            return Err(SendError::LooksFramed);
        }
        let most = usize::from(MIN_MAX_DATAGRAM);
        self.push(now, None, datagram, most)?;
        Ok(())
    }

    /// Queues a message, or a raw datagram, of `most` bytes at most. Returns its number.
    #[cfg_attr(target_os = "none", inline(never))]
    fn push(
        &mut self,
        now: Instant,
        channel: Option<Channel>,
        payload: &[u8],
        most: usize,
    ) -> Result<u32, SendError> {
        self.tick(now);
        if self.membership.silenced {
            return Err(SendError::Silenced);
        }
        if self.membership.presence.is_leaving() || self.membership.leaves_later {
            return Err(SendError::HasLeft);
        }
        let number = self.sequence;
        let number = self.outbox.push(channel, payload, number, most)?;
        let is_loose = channel.is_some_and(|channel| channel.class() != Class::State);
        self.sequence = self.sequence.wrapping_add(is_loose.into());
        count(&mut self.tools.counters.messages_sent);
        Ok(number)
    }

    /// Begins to leave: what is queued is sent, then the others are told, seven times within
    /// 200 ms. Poll until [`has_left`](Self::has_left).
    pub fn leave(&mut self, now: Instant) {
        let now = self.tick(now);
        if self.is_held(now) {
            self.membership.leaves_later = true;
        } else {
            let unsent = !self.outbox.is_sent();
            self.membership.presence.leave(now, unsent);
        }
    }

    /// How many messages are queued and not sent yet: what [`leave`](Self::leave) waits for.
    #[must_use]
    pub fn unsent(&self) -> usize {
        self.outbox.unsent()
    }

    /// Gives up what is queued and not sent yet, for who cannot wait any longer until [`leave`](Self::leave) is done.
    pub fn forget_unsent(&mut self) {
        self.outbox.forget_unsent();
    }

    /// Whether everything is sent after [`leave`](Self::leave).
    #[must_use]
    pub const fn has_left(&self) -> bool {
        self.membership.presence.has_left() && (self.outbox.is_sent() || self.membership.silenced)
    }

    /// The most bytes a message of this class can have: none for reliable ones. Values that are kept leave less.
    #[must_use]
    pub fn max_message(&self, class: Class) -> usize {
        match class {
            Class::BestEffort | Class::Latest => self.outbox.longest(self.frames()),
            Class::State => ROOM.saturating_sub(HEAD).min(self.frames()),
            _ => 0,
        }
    }

    /// The most bytes of a message in an open group: what [`max_message`](Self::max_message) returns for the classes
    /// `BestEffort`, `Latest` and `State` as long as no value is kept. It is 8 less than `ROOM`, and at most 474. In a
    /// sealed group it is at most 462.
    pub const MAX_MESSAGE: usize = {
        let (room, most) = (ROOM.saturating_sub(HEAD), frames_of(Suite::Open));
        if room < most { room } else { most }
    };

    /// The room for a message in a datagram that it sends.
    const fn frames(&self) -> usize {
        frames_of(self.guard.suite())
    }
}

/// The room for a message in a leaf's datagrams.
const fn frames_of(suite: Suite) -> usize {
    let around = Header::LEN.saturating_add(suite.trailer_len());
    (MIN_MAX_DATAGRAM as usize).saturating_sub(around.saturating_add(Data::OVERHEAD))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;

    /// What is said of a leaf is what it sends.
    fn check<const ROOM: usize>() {
        let config = Config::new("239.1.2.3:12345".parse().unwrap());
        let max = Leaf::<512, 4, ROOM>::MAX_MESSAGE;
        for channel in [
            Channel::best_effort(1),
            Channel::latest(2),
            Channel::state(3),
        ] {
            let mut leaf: Leaf<512, 4, ROOM> = Leaf::new(config, [1; 32]).unwrap();
            assert_eq!(leaf.max_message(channel.class()), max);
            let payload = [7; 600];
            let refused = leaf.queue(Instant::ZERO, channel, &payload[..=max]);
            let (len, limit) = (max + 1, max);
            assert_eq!(refused, Err(SendError::TooLong { len, limit }));
            leaf.queue(Instant::ZERO, channel, &payload[..max]).unwrap();
        }
    }

    #[test]
    fn the_longest_message_of_a_leaf_is_the_one_that_it_sends() {
        check::<9>();
        check::<128>();
        check::<481>();
        check::<482>();
        check::<600>();
        assert_eq!(Leaf::<512, 4, 128>::MAX_MESSAGE, 120);
        assert_eq!(Leaf::<512, 4, 600>::MAX_MESSAGE, 474);
    }
}
