//! What is said in the group for the broker.

use core::hash::{Hash, Hasher};
use core::time::Duration;
use std::collections::{BTreeSet, HashSet, VecDeque};
use std::hash::DefaultHasher;

use groupcast::{Channel, Class, Instant, MemberId, SendError, Sequence};

use super::action::{Action, CommandId, Incoming};

/// Commands that wait, or are not acknowledged: the Receive Maximum that this client states.
pub(super) const MOST: usize = 64;

/// Reliable commands that are said before the first of them is confirmed. Many small ones share a datagram: where that is
/// lost, the smallest members have no room for more of them at once.
const UNCONFIRMED: usize = 16;

/// How long the members may take to have a command.
const PATIENCE: Duration = Duration::from_secs(5);

/// When a command is offered again for which the group had no room.
const AGAIN: Duration = Duration::from_millis(20);

/// Message ids that are remembered.
const SEEN: usize = 64 << 10;

/// Reason codes of PUBACK.
pub(super) const SUCCESS: u8 = 0;
pub(super) const OTHER_REASON: u8 = 0x83;
pub(super) const NOT_AUTHORIZED: u8 = 0x87;
pub(super) const BAD_TOPIC: u8 = 0x90;
pub(super) const QUOTA: u8 = 0x97;

/// A message of the broker's, as it is known when it comes again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Origin {
    packet: u16,
    digest: u64,
}

#[derive(Debug)]
struct Command {
    id: CommandId,
    origin: Option<Origin>,
    channel: Channel,
    payload: Vec<u8>,
    topic: String,
}

#[derive(Debug)]
struct Sent {
    origin: Option<Origin>,
    sequence: Sequence,
}

/// Commands that are being confirmed: the first so many of those that are not.
#[derive(Debug)]
struct Batch {
    commands: usize,
    missing: BTreeSet<MemberId>,
    has_any: bool,
    since: Instant,
}

/// Commands.
#[derive(Debug, Default)]
pub(super) struct Commands {
    next: u64,
    waiting: VecDeque<Command>,
    offered: Option<CommandId>,
    again: Option<Instant>,
    unconfirmed: VecDeque<Sent>,
    batch: Option<Batch>,
    /// What was acknowledged last, and how: the acknowledgement may have been lost with its connection.
    acknowledged: VecDeque<(Origin, u8)>,
    seen: HashSet<u64>,
    seen_in_order: VecDeque<u64>,
}

/// What became of a command that was offered to the group.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Outcome {
    /// It was not offered.
    Unknown,
    /// It is queued.
    Queued,
    /// There was no room: it is offered again.
    Later,
    /// It cannot be said.
    Refused(String, SendError),
}

fn digest(incoming: &Incoming<'_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    (incoming.topic, incoming.payload).hash(&mut hasher);
    hasher.finish()
}

impl Commands {
    fn origin(incoming: &Incoming<'_>) -> Option<Origin> {
        let digest = digest(incoming);
        incoming.packet.map(|packet| Origin { packet, digest })
    }

    /// Whether this came before, and is being dealt with or was: then there is nothing more to do.
    pub(super) fn is_again(
        &mut self,
        incoming: &Incoming<'_>,
        actions: &mut VecDeque<Action>,
    ) -> bool {
        let Some(origin) = Self::origin(incoming).filter(|_| incoming.duplicate) else {
            return false;
        };
        let waiting = self.waiting.iter().map(|command| command.origin);
        let sent = self.unconfirmed.iter().map(|sent| sent.origin);
        if waiting.chain(sent).any(|it| it == Some(origin)) {
            return true;
        }
        let mut acknowledged = self.acknowledged.iter();
        if let Some((_, reason)) = acknowledged.find(|(it, _)| *it == origin) {
            actions.push_back(Action::Acknowledge {
                packet: origin.packet,
                reason: *reason,
            });
            return true;
        }
        false
    }

    /// Whether a message with this id came before.
    pub(super) fn was_seen(&mut self, mid: &str) -> bool {
        let mut hasher = DefaultHasher::new();
        mid.hash(&mut hasher);
        let mid = hasher.finish();
        if !self.seen.insert(mid) {
            return true;
        }
        self.seen_in_order.push_back(mid);
        if self.seen_in_order.len() > SEEN
            && let Some(oldest) = self.seen_in_order.pop_front()
        {
            self.seen.remove(&oldest);
        }
        false
    }

    /// Acknowledges a message at once.
    pub(super) fn answer(
        &mut self,
        incoming: &Incoming<'_>,
        reason: u8,
        actions: &mut VecDeque<Action>,
    ) {
        self.acknowledge(Self::origin(incoming), reason, actions);
    }

    fn acknowledge(&mut self, origin: Option<Origin>, reason: u8, actions: &mut VecDeque<Action>) {
        let Some(origin) = origin else { return };
        self.acknowledged
            .retain(|(it, _)| it.packet != origin.packet);
        self.acknowledged.push_back((origin, reason));
        if self.acknowledged.len() > MOST {
            self.acknowledged.pop_front();
        }
        actions.push_back(Action::Acknowledge {
            packet: origin.packet,
            reason,
        });
    }

    /// Whether no more may wait.
    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() + self.unconfirmed.len() >= MOST
    }

    /// A new command.
    pub(super) fn push(
        &mut self,
        incoming: &Incoming<'_>,
        channel: Channel,
        actions: &mut VecDeque<Action>,
    ) {
        let origin = Self::origin(incoming);
        // A packet identifier that is used for something else now.
        let packet = origin.map(|origin| origin.packet);
        let is_other = |it: &mut Option<Origin>| {
            if packet.is_some() && it.map(|it| it.packet) == packet {
                *it = None;
            }
        };
        self.waiting
            .iter_mut()
            .for_each(|command| is_other(&mut command.origin));
        self.unconfirmed
            .iter_mut()
            .for_each(|sent| is_other(&mut sent.origin));
        self.next += 1;
        self.waiting.push_back(Command {
            id: CommandId(self.next),
            origin,
            channel,
            payload: incoming.payload.to_vec(),
            topic: incoming.topic.to_owned(),
        });
        self.offer(actions);
    }

    /// Offers the first command to the group: one at a time, so that none overtakes another.
    fn offer(&mut self, actions: &mut VecDeque<Action>) {
        if self.offered.is_some() || self.again.is_some() {
            return;
        }
        let has_room = self.unconfirmed.len() < UNCONFIRMED;
        let may = |command: &&Command| has_room || !is_confirmed(command.channel);
        if let Some(command) = self.waiting.front().filter(may) {
            self.offered = Some(command.id);
            actions.push_back(Action::Send {
                command: command.id,
                channel: command.channel,
                payload: command.payload.clone(),
            });
        }
    }

    /// The group took a command, or did not.
    pub(super) fn sent(
        &mut self,
        now: Instant,
        command: CommandId,
        result: Result<Sequence, SendError>,
        actions: &mut VecDeque<Action>,
    ) -> Outcome {
        if self.offered != Some(command) {
            return Outcome::Unknown;
        }
        self.offered = None;
        if result == Err(SendError::QueueFull) {
            self.again = Some(now + AGAIN);
            return Outcome::Later;
        }
        let Some(command) = self.waiting.pop_front() else {
            return Outcome::Unknown;
        };
        let outcome = match result {
            Ok(sequence) if is_confirmed(command.channel) => {
                self.unconfirmed.push_back(Sent {
                    origin: command.origin,
                    sequence,
                });
                Outcome::Queued
            }
            Ok(_) => {
                self.acknowledge(command.origin, SUCCESS, actions);
                Outcome::Queued
            }
            Err(error) => {
                self.acknowledge(command.origin, OTHER_REASON, actions);
                Outcome::Refused(command.topic, error)
            }
        };
        self.offer(actions);
        outcome
    }

    /// Asks who has what is not confirmed, if nothing is being asked for.
    pub(super) fn confirm(
        &mut self,
        now: Instant,
        receivers: impl FnOnce() -> BTreeSet<MemberId>,
        actions: &mut VecDeque<Action>,
    ) {
        if self.batch.is_some() {
            return;
        }
        let ends = self.unconfirmed.front().zip(self.unconfirmed.back());
        if let Some((first, last)) = ends {
            actions.push_back(Action::Confirm {
                first: first.sequence,
                last: last.sequence,
            });
            self.batch = Some(Batch {
                commands: self.unconfirmed.len(),
                missing: receivers(),
                has_any: false,
                since: now,
            });
        }
    }

    /// A member has what was asked for; or it is gone, and is not waited for. How many commands that was the last for.
    pub(super) fn has(
        &mut self,
        member: MemberId,
        is_confirmed: bool,
        actions: &mut VecDeque<Action>,
    ) -> u64 {
        let Some(batch) = &mut self.batch else {
            return 0;
        };
        batch.missing.remove(&member);
        batch.has_any |= is_confirmed;
        if batch.missing.is_empty() && batch.has_any {
            self.finish(actions)
        } else {
            0
        }
    }

    /// It is time. How many commands are acknowledged though not all members have them.
    pub(super) fn tick(&mut self, now: Instant, actions: &mut VecDeque<Action>) -> u64 {
        if self.again.is_some_and(|again| again <= now) {
            self.again = None;
            self.offer(actions);
        }
        let batch = self.batch.as_ref();
        if batch.is_some_and(|batch| now.since(batch.since) >= PATIENCE) {
            self.finish(actions)
        } else {
            0
        }
    }

    fn finish(&mut self, actions: &mut VecDeque<Action>) -> u64 {
        let commands = self.batch.take().map_or(0, |batch| batch.commands);
        let done: Vec<Sent> = self
            .unconfirmed
            .drain(..commands.min(self.unconfirmed.len()))
            .collect();
        for sent in &done {
            self.acknowledge(sent.origin, SUCCESS, actions);
        }
        self.offer(actions);
        done.len() as u64
    }

    /// When [`tick`](Self::tick) is to be called.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let batch = self.batch.as_ref().map(|batch| batch.since + PATIENCE);
        [self.again, batch].into_iter().flatten().min()
    }

    /// The broker is there. Without the session of before it does not know what it sent.
    pub(super) fn connected(&mut self, session_present: bool) {
        if !session_present {
            self.acknowledged.clear();
            self.waiting
                .iter_mut()
                .for_each(|command| command.origin = None);
            self.unconfirmed
                .iter_mut()
                .for_each(|sent| sent.origin = None);
        }
    }
}

const fn is_confirmed(channel: Channel) -> bool {
    matches!(
        channel.class(),
        Class::ReliableUnordered | Class::ReliableOrdered
    )
}
