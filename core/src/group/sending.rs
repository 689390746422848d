//! This member's own stream: its history, repairs and heartbeats, its pace, and how far the receivers are
//! (PROTOCOL §6).

mod confirm;
mod flow;
mod history;
mod message;
mod pace;
mod receivers;
mod repair;
mod sender;

use heapless::Vec;

use crate::group::fragments::Pool;
use crate::group::membership::Roster;
use crate::group::tools::Earliest;
use crate::group::values::States;
use crate::rooms::Rooms;
use crate::time::{Ageing, Tick};
use confirm::Confirm;
use flow::Flow;
use history::Full;
pub(crate) use history::{History, Kind};
pub(crate) use message::{MAX_FRAGMENTS, Own, UNIT, longest};
use pace::Bucket;
pub use pace::Pace;
pub(crate) use repair::Kept;
use sender::Sender;

/// What is sent, and how fast.
#[derive(Debug)]
pub(crate) struct Sending {
    sender: Sender,
    /// The sequence number of the next fragment that is not of the reliable stream.
    sequence: u32,
    /// The largest datagram this member sends, and how much of it is no frame.
    max_datagram: u16,
    overhead: usize,
    flow: Flow,
    /// The round trip that was told last; 0: none yet.
    stated: u8,
    pub(crate) bucket: Bucket,
    /// Sequence numbers of own values that newer ones have replaced, to be told.
    skips: Vec<u32, 8>,
    confirm: Option<Confirm>,
}

/// What is kept to be sent, and sent again.
#[derive(Debug)]
pub(crate) struct Stock<'a> {
    pub(crate) history: &'a mut History,
    pub(crate) states: &'a mut States,
    pub(crate) pool: &'a mut Pool,
    /// How many blocks of the pool own values may take.
    pub(crate) values: usize,
}

impl Sending {
    /// Nothing was sent yet. Of the largest datagram `overhead` bytes are no frame.
    pub(crate) const fn new(pace: Pace, max_datagram: u16, overhead: usize) -> Self {
        Self {
            sender: Sender::new(),
            sequence: 0,
            max_datagram,
            overhead,
            flow: Flow::new(),
            stated: 0,
            bucket: Bucket::new(pace),
            skips: Vec::new(),
            confirm: None,
        }
    }

    /// Time makes it older.
    pub(crate) const fn age(&mut self, ageing: Ageing) {
        let Self {
            sender,
            sequence: _,
            max_datagram: _,
            overhead: _,
            flow,
            stated: _,
            bucket,
            skips: _,
            confirm,
        } = self;
        sender.age(ageing);
        flow.age(ageing);
        bucket.age(ageing);
        if let Some(confirm) = confirm {
            confirm.age(ageing);
        }
    }

    /// The lowest sequence number of this member's stream that can be repaired.
    pub(crate) fn low(&self, history: &History) -> u32 {
        self.sender.next.wrapping_sub(history.kept())
    }

    /// The sequence number after the last one that has been sent: what is queued is not missing.
    pub(crate) fn sent_next(&self, history: &History) -> u32 {
        self.sender.next.wrapping_sub(history.unsent_kept())
    }

    /// Another life begins: what was sent before does not count for it.
    pub(crate) fn begin_life(&mut self, history: &mut History) {
        self.confirm = None;
        history.forget_sent();
    }

    /// Another session begins, or it is another pace: nobody has said how far it is.
    pub(crate) fn begin_session(&mut self, history: &History) {
        self.flow.restart(self.sent_next(history));
    }

    /// Takes another pace.
    pub(crate) fn set_pace(&mut self, rooms: Rooms, history: &History, pace: Pace) {
        self.bucket.set_pace(pace);
        if rooms.follow_receivers() {
            // Without a pace it counts from here how far the others are.
            self.begin_session(history);
        }
    }

    /// Whether a heartbeat is due, or an answer to somebody who asks for too much.
    pub(crate) fn beat_due(&self, now: Tick) -> bool {
        self.sender.beat_due(now)
    }

    /// Whether a heartbeat is due, which carries a copy of the last message.
    pub(crate) fn carries_copy(&self, now: Tick) -> bool {
        self.sender.carries_copy(now)
    }

    /// Each BYE says where the stream stands: no heartbeats between them.
    pub(crate) fn end(&mut self) {
        self.sender.end();
    }

    /// Whether something of this member's own is due that is no message, nor a repair.
    pub(crate) fn is_due(&self, rooms: Rooms, now: Tick) -> bool {
        self.sender.beat_due(now)
            || !self.skips.is_empty()
            || (rooms.repair() && self.confirm_due(now))
    }

    /// Whether there is something to say at once.
    pub(crate) fn has_owed(&self) -> bool {
        !self.skips.is_empty()
    }

    /// When there is something to send. Messages and repairs are `held` until then.
    #[inline]
    pub(crate) fn deadline(
        &self,
        rooms: Rooms,
        (now, held): (Tick, Option<Tick>),
        roster: &Roster,
        history: &History,
        states: &States,
        first: &mut Earliest,
    ) {
        let is_blocked = self.is_blocked(rooms, roster, history);
        let has_new = !history.is_sent() && !is_blocked;
        let repairs = (rooms.repair() && history.has_wanted()) || states.has_wanted();
        first.at(self.sender.next_beat(now));
        if rooms.repair() {
            first.at(self.confirm.map(|confirm| confirm.ask_at));
        }
        if has_new || repairs {
            let opens = self.bucket.opens_at(now);
            let opens = held.map_or(opens, |end| opens.max(end));
            first.at(has_new.then_some(opens));
            if repairs {
                first.at(Some(opens.max(self.bucket.repairs_at(now))));
            }
        }
        if is_blocked {
            first.at(Some(self.flow.next(now)));
        }
    }
}
