//! What the application is to be told, as it was found.

use core::net::SocketAddr;

use super::membership::Change;
use crate::channel::Channel;
use crate::event::DuplicateId;
use crate::ident::MemberId;

/// An event that was found, without what it borrows.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Found {
    Change(usize, Change),
    RosterFull(u32),
    ReliableDropped {
        sender: MemberId,
        channel: Channel,
    },
    DuplicateId(DuplicateId),
    #[cfg(feature = "seal")]
    RotateKey(usize),
    Raw {
        address: SocketAddr,
        len: usize,
    },
    Message(FoundMessage),
    Gap {
        index: usize,
        first: u32,
        last: u32,
    },
}

/// A message that was found, and where in the receive buffer it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FoundMessage {
    pub(crate) channel: Channel,
    pub(crate) index: Option<usize>,
    pub(crate) id: MemberId,
    pub(crate) address: SocketAddr,
    pub(crate) sequence: u32,
    /// It ends with a signature.
    pub(crate) signed: bool,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// What a DATA frame comes to.
pub(crate) enum Taken {
    /// It is a message to be delivered.
    Deliver,
    /// It was stored, or dropped.
    Nothing,
    /// It was dropped, and that is to be told.
    Dropped,
    /// It completed the best-effort message at this place.
    Partial(usize),
}
