//! The group as a network: where it is, its keys, and its datagrams for those who are no members.

pub(crate) mod framing;
pub(crate) mod place;
pub(crate) mod raw;
pub(crate) mod recording;
pub(crate) mod sealing;
pub(crate) mod socket;
pub(crate) mod unreadable;
