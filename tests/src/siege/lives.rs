//! The members' lives and sessions, and what was sent in them.

use std::collections::BTreeMap;

use groupcast::{Channel, Instant, MemberId, Session};

/// One life of a member: from a start to its end.
#[derive(Clone, Debug)]
pub struct Life {
    /// Which member.
    pub member: usize,
    /// Its id.
    pub id: MemberId,
    /// When it began.
    pub began: Instant,
    /// When it ended.
    pub ended: Option<Instant>,
    /// Whether it was told to leave.
    pub leaves: bool,
    /// What it sent: on which channel, and what.
    pub sent: Vec<(Channel, Vec<u8>)>,
}

/// A session: a life has another one when the key to send with changes.
#[derive(Clone, Copy, Debug)]
pub struct Era {
    /// Of which life.
    pub life: usize,
    /// When it was last that something was sealed in it.
    pub heard: Instant,
    /// The last datagram counter.
    pub counter: u64,
    /// When it last said HELLO to the group.
    pub hello: Option<Instant>,
}

/// All lives and sessions.
#[derive(Debug, Default)]
pub struct Lives {
    /// In the order of their beginnings.
    pub all: Vec<Life>,
    /// The present one of each member, or its last.
    pub current: Vec<usize>,
    /// By id and session.
    pub eras: BTreeMap<(MemberId, Session), Era>,
}

/// Octets at the beginning of a payload that tell which message it is.
const LABEL: usize = 6;

impl Lives {
    /// A member's life begins.
    pub fn begin(&mut self, member: usize, id: MemberId, began: Instant) {
        let life = self.all.len();
        if member == self.current.len() {
            self.current.push(life);
        }
        self.current[member] = life;
        self.all.push(Life {
            member,
            id,
            began,
            ended: None,
            leaves: false,
            sent: Vec::new(),
        });
    }

    /// A member's life is over.
    pub fn end(&mut self, member: usize, now: Instant) {
        let life = &mut self.all[self.current[member]];
        life.ended = life.ended.or(Some(now));
    }

    /// The life that a member lives, or lived last.
    #[must_use]
    pub fn of(&self, member: usize) -> &Life {
        &self.all[self.current[member]]
    }

    /// The next message of a member's life, of this length or a little more.
    #[must_use]
    pub fn payload(&self, member: usize, len: usize) -> Vec<u8> {
        let life = self.current[member];
        let number = self.all[life].sent.len();
        let mut payload = Vec::with_capacity(len.max(LABEL));
        payload.extend((life as u16).to_be_bytes());
        payload.extend((number as u32).to_be_bytes());
        while payload.len() < len {
            payload.push((payload.len() * 31 + number * 7 + life) as u8);
        }
        payload
    }

    /// The life and the number of the message that has this payload, if it was sent.
    #[must_use]
    pub fn find(
        &self,
        channel: Channel,
        sender: MemberId,
        payload: &[u8],
    ) -> Option<(usize, usize)> {
        let [a, b, c, d, e, f] = *payload.first_chunk::<LABEL>()?;
        let life = usize::from(u16::from_be_bytes([a, b]));
        let number = u32::from_be_bytes([c, d, e, f]) as usize;
        let (sent_on, sent) = self.all.get(life)?.sent.get(number)?;
        let same = *sent_on == channel && sent == payload && self.all[life].id == sender;
        same.then_some((life, number))
    }
}
