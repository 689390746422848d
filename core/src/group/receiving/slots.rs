//! The window of a stream: what is known of each sequence number in it.

use crate::group::fragments::{Handle, Meta, Pool};
use crate::group::work;
use crate::time::{Ageing, Tick};

/// What is known of one sequence number in the window.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Slot {
    /// It was not sent yet, as far as is known. The first, and so all zeros.
    #[default]
    Unknown,
    /// It is not there; when to ask, and how often that was done. If it came and found no room, its place
    /// in its message is known.
    Missing { due: Tick, attempts: u8, part: Part },
    /// It waits in the pool.
    Stored(Handle),
    /// It came, or others of its message did, and that can never be put together here.
    Useless(Part),
    /// It was delivered, or nobody needs it.
    Done,
}

impl Slot {
    /// What has not come yet.
    pub(crate) const fn missing(due: Tick) -> Self {
        Self::Missing {
            due,
            attempts: 0,
            part: Part::UNKNOWN,
        }
    }

    /// Time makes it older.
    pub(crate) const fn age(&mut self, ageing: Ageing) {
        match self {
            Self::Missing { due, .. } => ageing.tick(due),
            Self::Unknown | Self::Stored(_) | Self::Useless(_) | Self::Done => {}
        }
    }

    /// Where it is in its message, if that is known.
    pub(crate) fn part(self, pool: &Pool) -> Option<Part> {
        match self {
            Self::Missing { part, .. } => Some(part).filter(|part| part.is_known()),
            Self::Stored(handle) => pool.meta(handle).map(Part::of),
            Self::Useless(part) => Some(part),
            Self::Done | Self::Unknown => None,
        }
    }
}

/// Where a fragment is in its message: how many come before it and how many after.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Part {
    pub(crate) before: u8,
    pub(crate) after: u8,
}

impl Part {
    /// No message has so many.
    pub(crate) const UNKNOWN: Self = Self {
        before: u8::MAX,
        after: u8::MAX,
    };

    pub(crate) const fn of(meta: Meta) -> Self {
        Self {
            before: meta.fragment,
            after: meta.last.saturating_sub(meta.fragment),
        }
    }

    pub(crate) const fn is_known(self) -> bool {
        self.before < u8::MAX || self.after < u8::MAX
    }
}

/// The window of a stream: its slots.
pub(crate) struct Window<'a>(pub(crate) &'a mut [Slot]);

impl Window<'_> {
    pub(crate) fn len(&self) -> u32 {
        u32::try_from(self.0.len()).unwrap_or(u32::MAX)
    }

    /// The place of a sequence number. Where a `usize` has 16 bits it loses the upper half, and so does
    /// the mask.
    const fn place(&self, sequence: u32) -> usize {
        sequence as usize & self.0.len().wrapping_sub(1)
    }

    pub(crate) fn get(&self, sequence: u32) -> Slot {
        work::count(1);
        self.0
            .get(self.place(sequence))
            .copied()
            .unwrap_or_default()
    }

    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn set(&mut self, sequence: u32, slot: Slot) {
        work::count(1);
        let at = self.place(sequence);
        if let Some(place) = self.0.get_mut(at) {
            *place = slot;
        }
    }
}

/// What became of a fragment that arrived.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Arrival {
    /// It is a whole message, to be delivered now.
    Deliver,
    /// It was stored for later.
    Stored,
    /// It has been there before.
    Duplicate,
    /// There is no room for it. It is missing, and will be asked for again.
    NoRoom,
    /// It is further ahead than the window reaches, or of a message for which there can never be room.
    Ahead,
}

/// What comes next in a stream.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Next {
    /// The message of fragments `first` to `last` is complete and in the pool.
    Message { first: u32, last: u32 },
    /// These sequence numbers are lost.
    Gap { first: u32, last: u32 },
}
