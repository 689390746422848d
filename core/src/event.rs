//! What a member is told.

#[cfg(feature = "defmt")]
mod log;
mod text;

use core::fmt;
use core::net::SocketAddr;

use crate::channel::Channel;
use crate::config::Config;
use crate::ident::MemberId;
use crate::peer::Peer;
use crate::sequence::{Sequence, SequenceRange};

/// Something happened. It is borrowed from the group until the next call.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A message arrived.
    Message(Message<'a>),
    /// A raw datagram of another program arrived.
    Raw(Raw<'a>),
    /// Messages of a member that will never be delivered.
    Gap(Gap<'a>),
    /// A member has all the messages that were to be confirmed.
    Confirmed(&'a Peer),
    /// A member is there that was not there before.
    Joined(&'a Peer),
    /// A member said good-bye.
    Left(&'a Peer),
    /// A member has been silent for longer than it promised. It is being asked.
    Suspect(&'a Peer),
    /// A suspect was heard again.
    Recovered(&'a Peer),
    /// A member has been silent for too long and is given up.
    Lost(&'a Peer),
    /// A member started again: same id, another life. What it had not finished sending is lost. If
    /// it was a late datagram of an earlier life that told this, it is told again for the session that
    /// goes on (PROTOCOL M22).
    Restarted(&'a Peer),
    /// Members were refused, because the roster is full. Their messages still arrive, but not their
    /// joining and leaving, and without protection against duplicated datagrams. In a sealed group nothing
    /// of them arrives.
    RosterFull {
        /// How many datagrams of such members came since this was last said.
        refused: u32,
    },
    /// A reliable message was dropped, because this member [takes none](crate::Storage#without-streams):
    /// somebody sends on a channel of such a class to a group in which not all can take it. It is said once;
    /// [`Counters::reliable_dropped`](crate::Counters::reliable_dropped) counts them.
    ReliableDropped {
        /// Who sent it.
        sender: MemberId,
        /// The channel it was sent on.
        channel: Channel,
    },
    /// Two members have the same id.
    DuplicateId(DuplicateId),
    /// In a sealed group: so many forged datagrams came under one key that it is time for another. It is
    /// said once for each key, after 2^35 of them: half of what is safe.
    RotateKey {
        /// The key's place among the member's keys; 0 is the one to send with.
        place: usize,
    },
}

/// A message that arrived.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    pub(crate) channel: Channel,
    pub(crate) sender: MemberId,
    pub(crate) address: SocketAddr,
    pub(crate) peer: Option<&'a Peer>,
    pub(crate) sequence: Sequence,
    pub(crate) payload: &'a [u8],
    /// What it ends with if it is signed: 64 bytes, or fewer if it is too short.
    pub(crate) signature: Option<&'a [u8]>,
    /// Of the member that received it.
    #[cfg_attr(not(feature = "sign"), expect(dead_code))]
    pub(crate) config: &'a Config,
}

impl<'a> Message<'a> {
    /// The channel it was sent on.
    #[must_use]
    pub const fn channel(&self) -> Channel {
        self.channel
    }

    /// Who sent it.
    #[must_use]
    pub const fn sender(&self) -> MemberId {
        self.sender
    }

    /// The sequence number of the message: what the sender's `send` returned. For a message in
    /// several fragments it is that of the first.
    #[must_use]
    pub const fn sequence(&self) -> Sequence {
        self.sequence
    }

    /// The sender's line of the roster; `None` if the roster is full.
    #[must_use]
    pub const fn peer(&self) -> Option<&'a Peer> {
        self.peer
    }

    /// The sender's name; empty if it has none or it is not known.
    #[must_use]
    pub fn name(&self) -> &'a str {
        self.peer.map_or("", Peer::name)
    }

    /// Where it came from.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether it was sent with a signature. That alone says nothing of who sent it: `publisher` does,
    /// with the feature `sign`.
    #[must_use]
    pub const fn is_signed(&self) -> bool {
        self.signature.is_some()
    }

    /// What it says. A signature is no part of it.
    #[must_use]
    pub const fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// What it says, if that is UTF-8 text.
    #[must_use]
    #[cfg_attr(target_os = "none", inline(never))]
    pub const fn text(&self) -> Option<&'a str> {
        text(self.payload)
    }
}

/// What the message itself is, without the settings of the member that received it.
impl fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("channel", &self.channel)
            .field("sender", &self.sender)
            .field("address", &self.address)
            .field("peer", &self.peer)
            .field("sequence", &self.sequence)
            .field("payload", &self.payload)
            .field("signed", &self.is_signed())
            .finish()
    }
}

/// Messages of the reliable classes that will never be delivered: they were lost, and their sender
/// cannot repair them any more, or has fallen silent.
///
/// ```
/// # use groupcast::{Event, MemberId};
/// # fn show(event: Event<'_>, mut ask_again: impl FnMut(MemberId)) {
/// if let Event::Gap(gap) = event {
///     // What is built from all messages of this peer is wrong from here on: fetch it whole.
///     ask_again(gap.peer().id());
/// }
/// # }
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Gap<'a> {
    pub(crate) peer: &'a Peer,
    pub(crate) lost: SequenceRange,
}

impl<'a> Gap<'a> {
    /// Whose messages they are.
    #[must_use]
    pub const fn peer(&self) -> &'a Peer {
        self.peer
    }

    /// Their sequence numbers: from the first fragment that is missing to the last.
    #[must_use]
    pub const fn lost(&self) -> SequenceRange {
        self.lost
    }
}

/// A raw datagram: one that is not framed as PROTOCOL.md says.
#[derive(Clone, Copy, Debug)]
pub struct Raw<'a> {
    pub(crate) address: SocketAddr,
    pub(crate) payload: &'a [u8],
}

impl<'a> Raw<'a> {
    /// Where it came from.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its bytes.
    #[must_use]
    pub const fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// Its bytes, if they are UTF-8 text.
    #[must_use]
    pub const fn text(&self) -> Option<&'a str> {
        text(self.payload)
    }
}

const fn text(payload: &[u8]) -> Option<&str> {
    match core::str::from_utf8(payload) {
        Ok(text) => Some(text),
        Err(_) => None,
    }
}

/// Two members have the same id.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct DuplicateId {
    pub(crate) id: MemberId,
    pub(crate) address: SocketAddr,
    pub(crate) outcome: DuplicateIdOutcome,
}

impl DuplicateId {
    /// The id.
    #[must_use]
    pub const fn id(&self) -> MemberId {
        self.id
    }

    /// Where the second member with it was heard from.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What comes of it for this member.
    #[must_use]
    pub const fn outcome(&self) -> DuplicateIdOutcome {
        self.outcome
    }
}

/// What comes of a duplicate id for the member that is told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum DuplicateIdOutcome {
    /// It concerns two other members.
    Others,
    /// This member keeps the id: the other one gives way.
    Kept,
    /// This member's id was drawn at random, and it has drawn this one instead.
    Redrawn(MemberId),
    /// This member's id is fixed: it fell silent and cannot send any more.
    Silenced,
    /// Not only the id but the session is another's, too. This member has begun another one, with another
    /// id unless that is fixed. Look at what its seed or its entropy is made of: it was not new at the
    /// start, or the device was copied while it ran. In an open group it may also be somebody's forgery.
    /// Another life begins once in 30 s at most; what comes meanwhile is in
    /// [`Counters::claims_own_id`](crate::Counters::claims_own_id).
    Cloned,
}
